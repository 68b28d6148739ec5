from __future__ import annotations

import io
import zipfile
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from retail_forecast.dataset import Dataset
from retail_forecast.errors import BadDropError
from retail_forecast.ingest.drops import read_drop
from retail_forecast.ingest.m5 import import_m5
from retail_forecast.lake.stores import Store, open_store

ARCHIVE = Path(__file__).parents[3] / "shared/data/m5/m5-forecasting-accuracy.zip"
FIRST = date(2011, 1, 29)

# Ten days of sales, twelve of calendar; the second week begins on the eighth day.
EVENTS = {9: "SuperBowl,Sporting,,", 12: "NBAFinalsEnd,Sporting,Father's day,Cultural"}
SALES = [
    "F_1_CA_1_evaluation,F_1,FOODS_1,FOODS,CA_1,CA,0,0,3,1,0,2,0,0,5,1",
    "H_1_CA_1_evaluation,H_1,HOBBIES_1,HOBBIES,CA_1,CA,1,1,1,1,1,1,1,1,1,1",
    "F_1_TX_1_evaluation,F_1,FOODS_1,FOODS,TX_1,TX,0,0,0,0,0,0,0,0,0,7",
]
PRICES = [
    "CA_1,F_1,11101,2.5",
    "CA_1,F_1,11102,2.5",
    "CA_1,H_1,11101,9.58",
    "CA_1,H_1,11102,8.26",
    "TX_1,F_1,11102,2.5",
]


def archive(folder: Path, *, sales: list[str] = SALES, name: str = "sales_train_evaluation.csv") -> Path:
    days = range(1, 13)
    calendar = ["date,wm_yr_wk,weekday,d,event_name_1,event_type_1,event_name_2,event_type_2,snap_CA,snap_TX,snap_WI"]
    for n in days:
        week, snap = 11101 + (n > 7), "1,0,0" if n == 4 else "0,0,0"
        calendar.append(f"{FIRST + timedelta(days=n - 1)},{week},Day,d_{n},{EVENTS.get(n, ',,,')},{snap}")
    header = "id,item_id,dept_id,cat_id,store_id,state_id," + ",".join(f"d_{n}" for n in range(1, 11))
    members = {"calendar.csv": calendar, name: [header, *sales]}
    members["sell_prices.csv"] = ["store_id,item_id,wm_yr_wk,sell_price", *PRICES]
    path = folder / "m5.zip"
    with zipfile.ZipFile(path, "w") as target:
        for member, lines in members.items():
            target.writestr(member, "".join(f"{line}\r\n" for line in lines))
    return path


@pytest.fixture
def landing(tmp_path: Path) -> Store:
    return open_store((tmp_path / "landing").as_uri())


def table(landing: Store, name: str) -> pl.DataFrame:
    return pl.concat(pl.read_parquet(io.BytesIO(landing.read(info.path))) for info in landing.list(f"{name}/"))


def test_every_day_of_sales_becomes_one_drop(tmp_path: Path, landing: Store) -> None:
    import_m5(archive(tmp_path), landing)
    assert [info.path for info in landing.list("sales/")] == [
        f"sales/sales_2011-{day}.parquet" for day in ("01-29", "01-30", "01-31", *(f"02-0{n}" for n in range(1, 8)))
    ]
    tenth = pl.read_parquet(io.BytesIO(landing.read("sales/sales_2011-02-07.parquet")))
    assert tenth.rows() == [
        ("CA_1", "F_1", date(2011, 2, 7), 1.0),
        ("CA_1", "H_1", date(2011, 2, 7), 1.0),
        ("TX_1", "F_1", date(2011, 2, 7), 7.0),
    ]


def test_prices_are_kept_where_they_change_from_the_first_day_of_their_week(tmp_path: Path, landing: Store) -> None:
    import_m5(archive(tmp_path), landing)
    assert table(landing, "prices").rows() == [
        ("CA_1", "F_1", FIRST, 2.5),  # the second week has the same price
        ("CA_1", "H_1", FIRST, 9.58),
        ("CA_1", "H_1", date(2011, 2, 5), 8.26),
        ("TX_1", "F_1", date(2011, 2, 5), 2.5),  # the same number, but another series
    ]


def test_the_calendar_has_each_store_and_day_its_own_state_and_the_weightier_event(
    tmp_path: Path, landing: Store
) -> None:
    import_m5(archive(tmp_path), landing)
    calendar = table(landing, "calendar")
    assert calendar.height == 2 * 12
    assert calendar.filter(pl.col("snap")).select("store_id", "date").rows() == [("CA_1", date(2011, 2, 1))]
    events = calendar.filter(pl.col("store_id") == "TX_1").drop_nulls("event_name")
    assert events["event_name"].to_list() == ["SuperBowl", "Father's day"]


def test_until_limits_the_sales_alone_and_stores_limit_all(tmp_path: Path, landing: Store) -> None:
    import_m5(archive(tmp_path), landing, stores=["TX_1"], until=date(2011, 2, 5))
    sales = table(landing, "sales")
    assert (sales["store_id"].unique().to_list(), sales["date"].max()) == (["TX_1"], date(2011, 2, 5))
    assert table(landing, "calendar")["date"].max() == date(2011, 2, 9)
    assert table(landing, "prices").height == table(landing, "stores").height == table(landing, "items").height == 1


def test_an_identical_import_changes_no_object(tmp_path: Path, landing: Store) -> None:
    seen: list[tuple[int, int]] = []
    import_m5(archive(tmp_path), landing)
    before = list(landing.list())
    import_m5(archive(tmp_path), landing, on_progress=lambda done, total: seen.append((done, total)))
    assert list(landing.list()) == before
    assert seen[-1] == (10, 10)


def test_the_dataset_describes_what_was_landed(tmp_path: Path, landing: Store) -> None:
    dataset = import_m5(archive(tmp_path), landing)
    assert (dataset.start_date, dataset.end_date, dataset.horizon) == (FIRST, date(2011, 2, 9), 28)
    assert len(dataset.resolved_levels) == 12
    for info in landing.list():
        check_drop(landing, info.path, dataset)


def check_drop(landing: Store, path: str, dataset: Dataset) -> None:
    assert read_drop(landing.read(path), path, path.split("/")[0], dataset).height > 0


def test_the_earlier_archive_without_the_last_28_days_works_too(tmp_path: Path, landing: Store) -> None:
    import_m5(archive(tmp_path, name="sales_train_validation.csv"), landing)
    assert table(landing, "sales").height == 30


def test_an_archive_that_is_damaged_or_another_one_is_refused(tmp_path: Path, landing: Store) -> None:
    whole = archive(tmp_path).read_bytes()
    (tmp_path / "half.zip").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadDropError, match="no complete zip file"):
        import_m5(tmp_path / "half.zip", landing)
    with pytest.raises(BadDropError, match=r"holds no sales_train_evaluation\.csv"):
        import_m5(archive(tmp_path, name="something.csv"), landing)
    with pytest.raises(BadDropError, match=r"sales_train_evaluation\.csv cannot be read"):
        import_m5(archive(tmp_path, sales=[SALES[0].replace("CA,0", "CA,none")]), landing)
    assert list(landing.list()) == []


def test_a_store_or_a_day_that_the_archive_has_not_is_refused(tmp_path: Path, landing: Store) -> None:
    with pytest.raises(BadDropError, match=r"no store 'NY_1'.*CA_1, TX_1"):
        import_m5(archive(tmp_path), landing, stores=["NY_1"])
    with pytest.raises(BadDropError, match="on or before 2010-01-01"):
        import_m5(archive(tmp_path), landing, until=date(2010, 1, 1))


@pytest.mark.slow
@pytest.mark.skipif(not ARCHIVE.exists(), reason=f"the M5 archive is not at {ARCHIVE}")
def test_the_whole_archive_lands(tmp_path: Path, landing: Store) -> None:
    dataset = import_m5(ARCHIVE, landing)
    sales = pl.scan_parquet(landing.url_of("sales/*.parquet"))
    rows, units = sales.select(pl.len(), pl.col("units_sold").cast(pl.Float64).sum()).collect().row(0)
    assert rows == 30_490 * 1_941
    assert units == 66_927_173  # the units of d_1…d_1941
    assert table(landing, "prices").height == 109_305
    assert (dataset.start_date, dataset.end_date) == (date(2011, 1, 29), date(2016, 6, 19))
