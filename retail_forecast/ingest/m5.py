"""The M5 competition's archive (Walmart, 2011 to 2016) as drops in the landing, and the dataset that describes them.

The archive holds sales_train_evaluation.csv (one row per series, one column per day), calendar.csv and
sell_prices.csv. Sales become one Parquet file per day. Weekly prices hold from the first day of their week; only
changes are kept (6.8 million rows become about 110,000). Prices and the calendar reach 28 days past the sales.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Collection
from datetime import date
from pathlib import Path

import polars as pl

from retail_forecast.dataset import Dataset, parse_dataset
from retail_forecast.errors import BadDropError
from retail_forecast.ingest.landing import land_parquet
from retail_forecast.lake.stores import Store

_CALENDAR, _PRICES = "calendar.csv", "sell_prices.csv"
_SALES = ("sales_train_evaluation.csv", "sales_train_validation.csv")
_MEMBER_BYTES = 1 << 30
_SERIES = ["store_id", "item_id"]
_QUANTILES = (0.005, 0.025, 0.165, 0.25, 0.5, 0.75, 0.835, 0.975, 0.995)
"""Of the M5 uncertainty competition."""
_EVENT_RANK = {"National": 0, "Cultural": 1, "Religious": 2, "Sporting": 3}


def import_m5(
    archive: Path,
    landing: Store,
    *,
    stores: Collection[str] | None = None,
    until: date | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Dataset:
    """Lands the archive and returns its dataset; what is in the landing already is not written again.

    `stores` limits every table. `until` limits the sales only: prices and the calendar are known ahead. Files of
    days after `until` that an earlier import landed stay. `on_progress(done, all)` counts days of sales.

    Raises:
        BadDropError: the archive is damaged or is another one, or has none of the stores or days.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            days = _read_calendar(opened, archive)
            sales = _read_sales(opened, archive, days, stores)
            _land_attributes(landing, sales)
            land_parquet(landing, "calendar/calendar.parquet", _build_calendar(days, sales))
            land_parquet(landing, "prices/prices.parquet", _read_prices(opened, archive, days, stores))
    except (OSError, zipfile.BadZipFile, zipfile.LargeZipFile) as error:
        raise _bad(archive, f"It is no complete zip file ({error}).") from error
    _land_sales(landing, archive, sales, days, until, on_progress)
    return _dataset(days)


def _bad(archive: Path, reason: str, fix: str = "Download m5-forecasting-accuracy.zip again.") -> BadDropError:
    return BadDropError(object=str(archive), reason=reason, fix=fix)


def _read_member(opened: zipfile.ZipFile, archive: Path, names: Collection[str]) -> bytes:
    members = {Path(info.filename).name: info for info in opened.infolist()}
    member = next((members[name] for name in names if name in members), None)
    if member is None:
        raise _bad(archive, f"It holds no {' or '.join(names)}; found {', '.join(sorted(members)) or 'nothing'}.")
    if member.file_size > _MEMBER_BYTES:
        raise _bad(archive, f"{member.filename} would unfold to {member.file_size:,} bytes, which is not the M5's.")
    return opened.read(member)


def _read_csv(
    opened: zipfile.ZipFile, archive: Path, names: Collection[str], types: dict[str, type[pl.DataType]]
) -> pl.DataFrame:
    """The member's columns named in `types`; every other column must be a day of sales (d_1, d_2, …)."""
    data = _read_member(opened, archive, names)
    header = data[: data.find(b"\n")].decode(errors="replace").strip().replace('"', "").split(",")
    if missing := [name for name in types if name not in header]:
        raise _bad(archive, f"{next(iter(names))} has no column {missing[0]!r}; found {', '.join(header[:15])}.")
    days = [name for name in header if name.startswith("d_")]
    schema = {name: types.get(name, pl.Int32 if name in days else pl.String) for name in header}
    try:
        return pl.read_csv(io.BytesIO(data), schema=schema, columns=[*types, *days])
    except pl.exceptions.PolarsError as error:
        raise _bad(archive, f"{next(iter(names))} cannot be read ({str(error).splitlines()[0]}).") from error


def _read_calendar(opened: zipfile.ZipFile, archive: Path) -> pl.DataFrame:
    """One row per day: d, date, wm_yr_wk, event_name, event_type and whether SNAP food stamps are valid by state.

    Where two events fall on one day (five days), the one that shops feel more is kept, by its type.
    """
    text = ["d", "event_name_1", "event_type_1", "event_name_2", "event_type_2"]
    snap = ["snap_CA", "snap_TX", "snap_WI"]
    types = {**dict.fromkeys(text, pl.String), "date": pl.Date, "wm_yr_wk": pl.Int32, **dict.fromkeys(snap, pl.Int8)}
    days = _read_csv(opened, archive, [_CALENDAR], types)
    rank = {i: pl.col(f"event_type_{i}").replace_strict(_EVENT_RANK, default=9, return_dtype=pl.Int8) for i in (1, 2)}
    first = rank[1] <= rank[2]
    names = {f"event_{of}": pl.when(first).then(f"event_{of}_1").otherwise(f"event_{of}_2") for of in ("name", "type")}
    return days.select("d", "date", "wm_yr_wk", *(pl.col(name) == 1 for name in snap), **names).sort("date")


def _read_sales(
    opened: zipfile.ZipFile, archive: Path, days: pl.DataFrame, stores: Collection[str] | None
) -> pl.DataFrame:
    """One row per series, sorted, with a column of units for each day (d_1, d_2, …)."""
    keys = ["item_id", "dept_id", "cat_id", "store_id", "state_id"]
    sales = _read_csv(opened, archive, _SALES, dict.fromkeys(keys, pl.String))
    if unknown := [name for name in sales.columns[len(keys) :] if name not in set(days["d"])]:
        raise _bad(archive, f"Day {unknown[0]!r} of the sales is not in {_CALENDAR}.")
    if stores is not None:
        known = sales["store_id"].unique().sort().to_list()
        if unknown := sorted(set(stores) - set(known)):
            raise _bad(archive, f"It has no store {unknown[0]!r}.", f"Its stores are {', '.join(known)}.")
        sales = sales.filter(pl.col("store_id").is_in(list(stores)))
    return sales.sort(_SERIES)


def _read_prices(
    opened: zipfile.ZipFile, archive: Path, days: pl.DataFrame, stores: Collection[str] | None
) -> pl.DataFrame:
    """One row per change of a series' price; `sell_price` (USD) holds from `date` until the next row."""
    types = {"store_id": pl.String, "item_id": pl.String, "wm_yr_wk": pl.Int32, "sell_price": pl.Float64}
    prices = _read_csv(opened, archive, [_PRICES], types).lazy()
    if stores is not None:
        prices = prices.filter(pl.col("store_id").is_in(list(stores)))
    weeks = days.lazy().group_by("wm_yr_wk").agg(pl.col("date").min())
    ordered = prices.join(weeks, on="wm_yr_wk", how="inner").sort(*_SERIES, "date")
    changed = pl.struct(*_SERIES, "sell_price").ne_missing(pl.struct(*_SERIES, "sell_price").shift(1))
    return ordered.filter(changed).select(*_SERIES, "date", "sell_price").collect()


def _build_calendar(days: pl.DataFrame, sales: pl.DataFrame) -> pl.DataFrame:
    """One row per store and day: the event, and whether SNAP food stamps are valid in the store's state."""
    snap = days.unpivot(["snap_CA", "snap_TX", "snap_WI"], index="date", variable_name="state_id", value_name="snap")
    snap = snap.with_columns(pl.col("state_id").str.strip_prefix("snap_"))
    stores = sales.select("store_id", "state_id").unique()
    table = stores.join(snap, on="state_id").join(days.select("date", "event_name", "event_type"), on="date")
    return table.select("store_id", "date", "event_name", "event_type", "snap").sort("store_id", "date")


def _land_attributes(landing: Store, sales: pl.DataFrame) -> None:
    items = sales.select("item_id", department="dept_id", category="cat_id").unique().sort("item_id")
    stores = sales.select("store_id", state="state_id").unique().sort("store_id")
    land_parquet(landing, "items/items.parquet", items)
    land_parquet(landing, "stores/stores.parquet", stores)


def _land_sales(
    landing: Store,
    archive: Path,
    sales: pl.DataFrame,
    days: pl.DataFrame,
    until: date | None,
    on_progress: Callable[[int, int], None] | None,
) -> None:
    wanted = [(d, day) for d, day in days.select("d", "date").iter_rows() if d in sales.columns]
    kept = [(d, day) for d, day in wanted if until is None or day <= until]
    if not kept:
        first, last = wanted[0][1], wanted[-1][1]
        raise _bad(archive, f"No day of sales is on or before {until}.", f"Its sales run from {first} to {last}.")
    for done, (d, day) in enumerate(kept, start=1):
        frame = sales.select(*_SERIES, date=pl.lit(day), units_sold=pl.col(d).cast(pl.Float32))
        land_parquet(landing, f"sales/sales_{day}.parquet", frame)
        if on_progress is not None:
            on_progress(done, len(kept))


def _dataset(days: pl.DataFrame) -> Dataset:
    known = ["event_name", "event_type", "snap"]
    calendar = {"event_name": "category", "event_type": "category", "snap": "boolean"}
    groups = ["state", "store_id", "category", "department"]
    pairs = [[place, what] for place in groups[:2] for what in groups[2:]]
    return parse_dataset(
        {
            "name": "m5",
            "frequency": "1d",
            "start_date": days["date"].min(),
            "end_date": days["date"].max(),
            "horizon": 28,
            "quantiles": _QUANTILES,
            "tables": {
                "sales": {},
                "prices": {
                    "values": {"sell_price": "float"},
                    "known_future": ["sell_price"],
                    "carry_forward": True,
                },
                "calendar": {"keys": ["store_id", "date"], "values": calendar, "known_future": known},
                "items": {"keys": ["item_id"], "values": {"department": "category", "category": "category"}},
                "stores": {"keys": ["store_id"], "values": {"state": "category"}},
            },
            "levels": [[], *([g] for g in groups), *pairs, ["item_id"], ["state", "item_id"], _SERIES],
        }
    )
