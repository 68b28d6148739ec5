"""Tables of the lake are made of the accepted files; the later file wins, key by key; lineage names each file."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from retail_forecast.dataset import Dataset, parse_dataset
from retail_forecast.errors import BadDropError
from retail_forecast.ingest.drops import read_drop
from retail_forecast.lake import Lake, Store, open_lake, open_store
from retail_forecast.lake.tables import Part, Published
from retail_forecast.pipeline import tables
from retail_forecast.pipeline.arrivals import look_for_arrivals
from retail_forecast.pipeline.tables import publish_table, stale_partitions


class Shop:
    """A landing and a lake; `deliver` writes a file, `publish` does what the assets do."""

    def __init__(self, folder: Path, **policy: str) -> None:
        self.landing: Store = open_store((folder / "landing").as_uri())
        self.lake: Lake = open_lake((folder / "lake").as_uri())
        self.dataset: Dataset = parse_dataset(
            {
                "name": "shop",
                "frequency": "1d",
                "horizon": 7,
                "start_date": "2024-01-01",
                "tables": {"sales": {}, "items": {"keys": ["item_id"], "values": {"department": "category"}}},
                "policy": policy,
            }
        )

    def deliver(self, name: str, *rows: str, table: str = "sales") -> None:
        header = "store_id,item_id,date,units_sold" if table == "sales" else "item_id,department"
        self.landing.write(f"{table}/{name}", "\n".join([header, *rows, ""]).encode())

    def look(self, workers: int = 1) -> None:
        look_for_arrivals(self.lake, self.landing, self.dataset, settle_seconds=0, workers=workers)

    def publish(self, table: str = "sales") -> Published:
        self.look()
        stale = stale_partitions(self.lake, self.dataset, table)
        return publish_table(self.lake, self.landing, self.dataset, table, stale)

    def units(self) -> dict[str, float]:
        scan = self.lake.table("sales").scan()
        rows = scan.collect().iter_rows() if scan is not None else []
        return {f"{store} {item} {day}": units for store, item, day, units in rows}

    def part(self, day: str) -> Part:
        return self.lake.table("sales").manifest().parts[day]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def test_a_delivered_day_becomes_a_part_that_names_its_file(shop: Shop) -> None:
    shop.deliver("one.csv", "s,a,2024-01-01,5", "s,b,2024-01-01,3", "s,a,2024-01-02,4")
    assert shop.publish().changed == ("2024-01-01", "2024-01-02")
    part = shop.part("2024-01-01")
    assert [(one.object, one.rows) for one in part.inputs] == [("sales/one.csv", 2)]
    assert part.stats["rows_by_store"] == {"s": 2}
    assert part.stats["units_sold_total"] == 8


@pytest.mark.parametrize("workers", [1, 4])
def test_many_workers_publish_what_one_does(shop: Shop, workers: int) -> None:
    days = [f"2024-01-{day:02d}" for day in range(1, 29)]
    for day in days:
        shop.deliver(f"{day}.csv", f"s,b,{day},5", f"s,a,{day},1")
    shop.deliver("late.csv", *(f"s,b,{day},7" for day in days[:14]))
    done: list[int] = []
    shop.look(workers)
    published = publish_table(
        shop.lake,
        shop.landing,
        shop.dataset,
        "sales",
        days,
        workers=workers,
        on_progress=lambda count, _: done.append(count),
    )
    assert (done, list(published.changed)) == (list(range(1, 29)), days)
    assert shop.units() == {f"s a {day}": 1 for day in days} | {
        f"s b {day}": 7 if day in days[:14] else 5 for day in days
    }


def test_a_file_of_many_days_is_read_once_by_all_workers(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    days, read = [f"2024-01-{day:02d}" for day in range(1, 29)], []

    def counted(data: bytes, path: str, table: str, dataset: Dataset) -> pl.DataFrame:
        read.append(path)
        return read_drop(data, path, table, dataset)

    monkeypatch.setattr(tables, "read_drop", counted)
    shop.deliver("month.csv", *(f"s,a,{day},5" for day in days))
    shop.look()
    publish_table(shop.lake, shop.landing, shop.dataset, "sales", days, workers=4)
    assert read == ["sales/month.csv"]


def test_what_is_published_is_not_stale(shop: Shop) -> None:
    shop.deliver("one.csv", "s,a,2024-01-01,5")
    shop.publish()
    assert stale_partitions(shop.lake, shop.dataset, "sales") == []
    assert shop.publish().changed == ()


def test_the_later_file_wins_key_by_key(shop: Shop) -> None:
    shop.deliver("one.csv", "s,a,2024-01-01,5", "s,b,2024-01-01,3")
    shop.publish()
    shop.deliver("correction.csv", "s,b,2024-01-01,4")
    assert shop.publish().changed == ("2024-01-01",)
    assert shop.units() == {"s a 2024-01-01": 5, "s b 2024-01-01": 4}
    assert [one.object for one in shop.part("2024-01-01").inputs] == ["sales/one.csv", "sales/correction.csv"]


def test_a_corrected_file_replaces_its_rows(shop: Shop) -> None:
    shop.deliver("one.csv", "s,a,2024-01-01,5", "s,b,2024-01-01,3")
    shop.publish()
    shop.deliver("one.csv", "s,a,2024-01-01,6")
    shop.publish()
    assert shop.units() == {"s a 2024-01-01": 6}


def test_rows_of_a_deleted_file_stay_under_the_policy_keep(shop: Shop) -> None:
    shop.deliver("one.csv", "s,a,2024-01-01,5", "s,b,2024-01-01,3")
    shop.publish()
    shop.landing.delete("sales/one.csv")
    shop.deliver("late.csv", "s,b,2024-01-01,4")
    shop.publish()
    assert shop.units() == {"s a 2024-01-01": 5, "s b 2024-01-01": 4}
    assert [one.object for one in shop.part("2024-01-01").inputs] == ["sales/one.csv", "sales/late.csv"]
    assert stale_partitions(shop.lake, shop.dataset, "sales") == []


def test_rows_of_a_deleted_file_go_under_the_policy_remove(tmp_path: Path) -> None:
    shop = Shop(tmp_path, deleted_files="remove")
    shop.deliver("one.csv", "s,a,2024-01-01,5")
    shop.deliver("two.csv", "s,a,2024-01-02,5")
    shop.publish()
    shop.landing.delete("sales/one.csv")
    assert shop.publish().changed == ("2024-01-01",)
    assert shop.units() == {"s a 2024-01-02": 5}


def test_a_file_that_was_deleted_before_it_was_published_leaves_nothing_stale(shop: Shop) -> None:
    shop.deliver("one.csv", "s,a,2024-01-01,5")
    shop.look()
    shop.landing.delete("sales/one.csv")
    shop.look()
    assert stale_partitions(shop.lake, shop.dataset, "sales") == []


def test_a_file_that_changed_since_it_was_accepted_is_not_published(shop: Shop) -> None:
    shop.deliver("one.csv", "s,a,2024-01-01,5")
    shop.look()
    shop.deliver("one.csv", "s,a,2024-01-01,6")
    with pytest.raises(BadDropError, match=r"sales/one\.csv: It changed since it was accepted"):
        publish_table(shop.lake, shop.landing, shop.dataset, "sales", ["2024-01-01"])
    assert shop.units() == {}


def test_a_table_without_dates_is_published_whole(shop: Shop) -> None:
    shop.deliver("items.csv", "a,food", "b,toys", table="items")
    shop.deliver("more.csv", "b,games", table="items")
    shop.publish("items")
    scan = shop.lake.table("items").scan()
    assert scan is not None
    assert dict(scan.collect().iter_rows()) == {"a": "food", "b": "games"}
