"""A small made-up chain with a trained model, published as vintages: what the serving tests answer from."""

from __future__ import annotations

import io
import json
import socket
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from retail_forecast.dataset import SERIES
from retail_forecast.evaluation.hierarchy import group_names
from retail_forecast.features import AttributeTable, CovariateTable, FeatureSpec, build_categories, build_features
from retail_forecast.lake import Lake, open_lake
from retail_forecast.lake.vintage_history import History
from retail_forecast.lake.vintages import Vintage, publish_vintage, vintage_id
from retail_forecast.models import Bundle, Recipe, train_members, write_bundle
from retail_forecast.models.seen import read_seen
from retail_forecast_tests.models.samples import write_series_intervals

FIRST_DAY, CUTOFF, HORIZON, PAST = date(2024, 1, 1), date(2024, 9, 30), 7, 28
STORES, ITEMS = ("S1", "S2"), ("bread", "milk", "eggs/6")
QUANTILES = (0.05, 0.5, 0.95)
SPEC = FeatureSpec(
    frequency="1d",
    horizon=HORIZON,
    covariates=(
        CovariateTable("prices", ("store_id", "item_id", "date"), {"sell_price": "float", "promotion": "boolean"}),
        CovariateTable("calendar", ("date",), {"event": "category"}),
    ),
    attribute_tables=(AttributeTable("items", ("item_id",), {"department": "category"}),),
)


def features() -> pl.DataFrame:
    """One row per series and day, up to the horizon's end."""
    sales, tables = source()
    return build_features(
        sales.lazy(),
        {name: tables[name].lazy() for name in ("prices", "calendar")},
        {"items": tables["items"].lazy()},
        SPEC,
        cutoff=CUTOFF,
        start=date(2024, 2, 1),
    ).collect()


def train(rows: pl.DataFrame, folder: Path) -> Bundle:
    """A tiny model of one pool per store, with intervals."""
    pools = {f"pool-{store}": [store] for store in STORES}
    recipe = Recipe(trees=20, learning_rate=0.3, leaves=7, min_data_in_leaf=5)
    models, categories, seen = {}, {}, {}
    for pool, stores in pools.items():
        part = rows.filter(pl.col("store_id").is_in(stores))
        categories[pool] = build_categories(part, SPEC)
        taught = part.filter(pl.col("date") <= CUTOFF)
        models[pool] = train_members(taught, recipe, SPEC, categories[pool])
        seen[pool] = read_seen(taught, SPEC)
    bundle = write_bundle(
        folder,
        recipe=recipe,
        spec=SPEC,
        pools=pools,
        training_cutoff=CUTOFF,
        origin={"trained": "for a test"},
        categories=categories,
        models=models,
        seen=seen,
    )
    known = rows.filter(pl.col("date") <= CUTOFF)
    lead = pl.Series("lead", [1 + i % HORIZON for i in range(known.height)], dtype=pl.Int16)
    residuals = bundle.predict(known).with_columns(known["units_sold"], lead)
    write_series_intervals(folder, residuals, horizon=HORIZON, quantiles=QUANTILES)
    return Bundle.load(folder)


def publish(
    lake: Lake, bundle: Bundle, rows: pl.DataFrame, *, version: str, scale: float = 1.0, history: bool = True
) -> Vintage:
    """The forecasts of the bundle as a vintage; with a `scale` other than 1 they are not what the model says."""
    ahead = rows.filter(pl.col("date") > CUTOFF).sort("store_id", "item_id", "date")
    lead = ((pl.col("date") - CUTOFF).dt.total_days()).cast(pl.Int16)
    new = pl.col("item_id") == "eggs/6"
    mean = bundle.predict(ahead).with_columns(
        lead=lead,
        mean=pl.col("mean") * scale,
        basis=pl.when(new).then(pl.lit("cold_start")).otherwise(pl.lit("history")),
        spread=pl.lit(0.25, dtype=pl.Float32),
    )
    forecasts = bundle.add_quantiles(mean, QUANTILES)
    fingerprint = f"{version}{scale}".encode().hex().ljust(10, "0")
    series = ahead.select("store_id", "item_id").n_unique()
    vintage = Vintage(
        id=vintage_id(CUTOFF, fingerprint),
        dataset="corner-shops",
        frequency="1d",
        cutoff=CUTOFF.isoformat(),
        horizon=HORIZON,
        quantiles=QUANTILES,
        model_version=version,
        model={"recipe": "tiny"},
        inputs={"sales": [_input("2024-09-29"), _input("2024-09-30")], "prices": [_input("all")]},
        fingerprint=fingerprint,
        code_version="0",
        created_at=f"2024-10-01T00:00:0{version}+00:00",
        rows=forecasts.height,
        series=series,
        levels=("store_id", "total"),
        history=PAST if history else 0,
    )
    content = (forecasts, ahead, bundle.path, level_forecasts(forecasts))
    return publish_vintage(lake, vintage, *content, past() if history else None)


def past() -> History:
    """The last PAST days of sales, of the series and of the levels above them."""
    sales, tables = source()
    since = CUTOFF - timedelta(days=PAST - 1)
    late = sales.filter(pl.col("date") >= since)
    own = late.select("date", "units_sold", level=pl.lit("store_id/item_id"), group=group_names(late, SERIES))
    stores = late.select("date", "units_sold", level=pl.lit("store_id"), group="store_id")
    total = late.select("date", "units_sold", level=pl.lit("total"), group=pl.lit("total"))
    summed = pl.concat([own, stores, total]).group_by("level", "group", "date").agg(pl.col("units_sold").sum())
    units = summed.sort("level", "group", "date").group_by("level", "group", maintain_order=True).agg("units_sold")
    held = {name: tables[name].filter(pl.col("date").is_between(since, CUTOFF)) for name in ("prices", "calendar")}
    return History(units, held)


def level_forecasts(forecasts: pl.DataFrame) -> pl.DataFrame:
    """The total and the stores: means are sums; what their quantiles are does not matter here."""
    names = ["mean", *(f"q{q:g}" for q in QUANTILES)]
    rows = [
        forecasts.group_by(date="date", lead="lead", group=group)
        .agg(pl.col(names).sum())
        .with_columns(level=pl.lit(level))
        for level, group in (("total", pl.lit("total")), ("store_id", pl.col("store_id")))
    ]
    return pl.concat(rows).select("level", "group", "date", "lead", *names).sort("level", "group", "date")


def spoil(lake_url: str, vintage: Vintage) -> Vintage:
    """A vintage like `vintage` whose forecasts file was cut in the middle."""
    lake, bad = open_lake(lake_url), vintage.id[:-4] + "dead"
    for info in list(lake.store.list(f"vintages/{vintage.id}")):
        data = lake.store.read(info.path)
        if info.path.endswith("forecasts.parquet"):
            data = data[: len(data) // 2]
        if info.path.endswith("vintage.json"):
            data = json.dumps({**json.loads(data), "id": bad}).encode()
        lake.store.write(info.path.replace(vintage.id, bad), data)
    return Vintage(**{**vars(vintage), "id": bad})


def forecasts_of(lake_url: str, vintage: str) -> pl.DataFrame:
    """The published table."""
    data = open_lake(lake_url).store.read(f"vintages/{vintage}/forecasts.parquet")
    return pl.read_parquet(io.BytesIO(data))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(condition: Callable[[], bool], *, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.2)


def _input(partition: str) -> dict[str, object]:
    name = f"sales/sales_{partition}.parquet"
    return {"partition": partition, "object": name, "e_tag": "e1", "size": 10, "sha256": "ab" * 32, "rows": 6}


def source() -> tuple[pl.DataFrame, dict[str, pl.DataFrame]]:
    """Weekly rhythm, a price that halves now and then, and sales that double when it does."""
    generator = np.random.default_rng(7)
    days = [FIRST_DAY + timedelta(days=n) for n in range((CUTOFF - FIRST_DAY).days + 1 + HORIZON)]
    sales, prices = [], []
    for store in STORES:
        for position, item in enumerate(ITEMS):
            for day in days:
                promotion = bool(generator.random() < 0.2)
                price = 2.0 + position if not promotion else 1.0 + position / 2
                prices.append((store, item, day, price, promotion))
                level = (3 + 2 * position) * (1 + 0.5 * (day.weekday() > 4)) * (2.2 if promotion else 1)
                if day <= CUTOFF:
                    sales.append((store, item, day, float(generator.poisson(level))))
    calendar = pl.DataFrame({"date": days, "event": ["feast" if day.day == 15 else None for day in days]})
    keys = ["store_id", "item_id", "date"]
    tables = {
        "prices": pl.DataFrame(prices, schema=[*keys, "sell_price", "promotion"], orient="row"),
        "calendar": calendar.with_columns(pl.col("event").cast(pl.String)),
        "items": pl.DataFrame({"item_id": list(ITEMS), "department": ["food", "drink", "food"]}),
    }
    frame = pl.DataFrame(sales, schema=[*keys, "units_sold"], orient="row")
    return frame.with_columns(pl.col("units_sold").cast(pl.Float32)), tables
