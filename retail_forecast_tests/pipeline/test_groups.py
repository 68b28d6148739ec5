"""A chain whose departments grow: items follow the forecasts of their departments, from training to what-if."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from retail_forecast.dataset import Dataset
from retail_forecast.features import Grouping
from retail_forecast.lake import Lake, open_lake
from retail_forecast.lake.tables import NewPart
from retail_forecast.lake.vintages import fetch_scenario_features, scan_forecasts
from retail_forecast.models import Bundle, Recipe
from retail_forecast.models.alignment import WEIGHTS
from retail_forecast.pipeline.backtest import backtest_recipe
from retail_forecast.pipeline.feature_sets import read_feature_set
from retail_forecast.pipeline.features import build_training_features
from retail_forecast.pipeline.forecasts import publish_forecasts
from retail_forecast.pipeline.groups import rows_around
from retail_forecast.pipeline.history import write_history
from retail_forecast.pipeline.train import train_model
from retail_forecast_tests.pipeline.shop_lake import publish_sales, shop_dataset

START, DAYS = date(2024, 1, 1), 120
CUTOFF = START + timedelta(days=DAYS - 1)
ITEMS = {f"i{n:02d}": "food" if n < 6 else "toys" for n in range(12)}
RECIPE = Recipe(
    window_periods=80,
    group_window_periods=80,
    trees=15,
    learning_rate=0.2,
    leaves=7,
    group_trees=15,
    group_members=("scaled", "wide"),
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """lake/, the training set features/, the yardsticks history/ and the model bundle/ with its backtest."""
    folder = tmp_path_factory.mktemp("groups")
    lake = chain(folder)
    made = build_training_features(lake, shop_dataset(), cutoff=CUTOFF, recipe=RECIPE, workers=1, shard_rows=1)
    (folder / "features").symlink_to(Path(lake.store.url_of(f"features/{made.fingerprint}")))
    write_history(lake, shop_dataset(), folder / "history", cutoff=CUTOFF)
    train_model(folder / "features", folder / "bundle", RECIPE, workers=1)
    backtest_recipe(folder / "features", folder / "history", folder / "backtest", RECIPE, cutoffs=2, workers=1)
    for name in ("intervals.json", "calibration.json"):
        (folder / "bundle" / name).write_bytes((folder / "backtest" / name).read_bytes())
    return folder


def sales() -> pl.DataFrame:
    """Two stores of two departments of six items; toys double from one end of the history to the other."""
    rows = [
        (store, item, START + timedelta(days=n), round((2.0 + (n % 7 > 4)) * (1 + n / DAYS * (group == "toys")), 3))
        for store in ("A", "B")
        for item, group in ITEMS.items()
        for n in range(DAYS)
    ]
    schema = {"store_id": pl.String, "item_id": pl.String, "date": pl.Date, "units_sold": pl.Float32}
    return pl.DataFrame(rows, schema=schema, orient="row")


def chain(folder: Path) -> Lake:
    """A lake with these sales."""
    lake = open_lake((folder / "lake").as_uri())
    publish_sales(lake, sales())
    prices = [(store, item, START, 2.0) for store in ("A", "B") for item in ITEMS]
    keys = ["store_id", "item_id", "date", "sell_price"]
    typed = pl.DataFrame(prices, schema=keys, orient="row").with_columns(pl.col("sell_price").cast(pl.Float32))
    lake.table("prices").publish({"all": NewPart(typed)})
    items = pl.DataFrame({"item_id": list(ITEMS), "department": list(ITEMS.values())})
    lake.table("items").publish({"all": NewPart(items)})
    return lake


def publish(home: Path, bundle: Path, dataset: Dataset | None = None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Forecasts and the feature rows behind them."""
    lake = open_lake((home / "lake").as_uri())
    made = publish_forecasts(
        lake, dataset or shop_dataset(), bundle_dir=bundle, model_version=bundle.name, model={}, workers=1
    )
    return scan_forecasts(lake, made.id).collect(), pl.read_parquet(fetch_scenario_features(lake, made.id, home))


def with_weight(home: Path, folder: Path, weight: float) -> Path:
    """A copy of the bundle that follows its groups so far."""
    bundle = shutil.copytree(home / "bundle", folder / f"weight-{weight}")
    (bundle / "calibration.json").write_text(json.dumps({"alignment": weight}))
    return bundle


def test_a_training_set_sums_its_series_by_department(home: Path) -> None:
    features = read_feature_set(home / "features")
    assert features.grouping == Bundle.load(home / "bundle").grouping == Grouping("department")
    rows = pl.read_parquet(home / "features" / "groups.parquet").filter(phase=0).sort("store_id", "item_id", "date")
    sold = sales().with_columns(item_id=pl.col("item_id").replace_strict(ITEMS))
    sums = sold.group_by("store_id", "item_id", "date").agg(pl.col("units_sold").sum())
    expected = sums.filter(pl.col("date") >= rows["date"].min()).sort("store_id", "item_id", "date")
    assert_frame_equal(rows.select(expected.columns), expected, rel_tol=1e-5)
    assert rows["date"].max() == CUTOFF


def test_items_sum_up_to_the_forecast_of_their_department(home: Path, tmp_path: Path) -> None:
    (alone, _), (aligned, features) = (publish(home, with_weight(home, tmp_path, weight)) for weight in (0.0, 1.0))
    day = ["store_id", "department", "date"]
    named = features.select("store_id", "item_id", *day[1:], "alignment")
    sums = aligned.join(named, on=["store_id", "item_id", "date"]).group_by(day).agg(pl.col("mean").sum())
    apart = alone.join(named, on=["store_id", "item_id", "date"]).group_by(day).agg(
        wanted=(pl.col("mean") * pl.col("alignment")).sum()
    )  # fmt: skip
    assert_frame_equal(
        sums.sort(day), apart.sort(day).rename({"wanted": "mean"}), check_dtypes=False, rel_tol=1e-5, abs_tol=1e-5
    )
    assert features["alignment"].n_unique() > 1


def test_stored_features_and_their_alignment_give_the_forecasts_again(home: Path, tmp_path: Path) -> None:
    forecasts, features = publish(home, with_weight(home, tmp_path, 1.0))
    again = Bundle.load(tmp_path / "weight-1.0").predict(features)
    assert_frame_equal(again, forecasts.select("store_id", "item_id", "date", "mean"), rel_tol=1e-5, abs_tol=1e-5)


def test_the_bundle_follows_its_groups_as_far_as_the_backtest_says(home: Path) -> None:
    calibration = json.loads((home / "backtest" / "calibration.json").read_text())
    assert calibration["alignment"] in WEIGHTS
    assert Bundle.load(home / "bundle").alignment_weight == calibration["alignment"]


def test_the_number_of_workers_changes_no_byte(home: Path, tmp_path: Path) -> None:
    again = train_model(home / "features", tmp_path / "again", RECIPE, workers=2)
    assert again.digest == train_model(home / "features", tmp_path / "alone", RECIPE, workers=1).digest


def test_the_forecast_of_groups_is_the_weighted_mean_of_trees_and_regression(home: Path) -> None:
    trees, both, regression = (mean_of_groups(home / "bundle", home, weight) for weight in (0.0, 0.3, 1.0))
    assert both.to_numpy() == pytest.approx(0.7 * trees.to_numpy() + 0.3 * regression.to_numpy())
    assert (trees - regression).abs().to_numpy().min() > 0


def test_a_bundle_of_before_the_regression_forecasts_by_its_one_member(home: Path, tmp_path: Path) -> None:
    old = shutil.copytree(home / "bundle", tmp_path / "old")
    content = json.loads((old / "bundle.json").read_text())
    del content["recipe"]["regression"], content["recipe"]["group_members"]
    (old / "bundle.json").write_text(json.dumps(content))
    for name in ("regression.json", "wide.txt"):
        (old / "shards" / "groups" / name).unlink()
    model = Bundle.load(old).group_model
    assert (list(model.boosters), model.regression) == (["scaled"], None)
    assert mean_of_groups(old, home, None).to_numpy().min() > 0


def mean_of_groups(bundle: Path, home: Path, weight: float | None) -> pl.Series:
    """What the groups' model expects after the last cutoff but one; with another weight of the regression, if any."""
    spec, model = read_feature_set(home / "features").spec, Bundle.load(bundle).group_model
    cutoff = spec.shift(CUTOFF, -spec.horizon)
    rows = rows_around(pl.scan_parquet(home / "features" / "groups.parquet"), spec, cutoff)
    if weight is not None:
        model = replace(model, recipe=replace(model.recipe, regression=weight))
    return model.predict(rows, cutoff)["mean"]


def test_sales_after_the_cutoff_of_a_backtest_do_not_move_its_forecasts(home: Path, tmp_path: Path) -> None:
    """Neither those of the items nor those of the departments, as they were before one followed the other."""
    fair, spoilt = tmp_path / "fair", tmp_path / "spoilt"
    spec = read_feature_set(home / "features").spec
    for folder in (fair, spoilt):
        shutil.copytree(home / "features", folder)
    for file in (spoilt / "groups.parquet", *spoilt.glob("pool=*/features.parquet")):
        after = pl.col("date") > spec.shift(CUTOFF, -spec.horizon)
        units = pl.when(after).then(pl.lit(999.0, dtype=pl.Float32)).otherwise("units_sold")
        pl.read_parquet(file).with_columns(units_sold=units).write_parquet(file)
    parts = [parts_of_backtest(folder, home / "history", folder / "parts") for folder in (fair, spoilt)]
    assert sorted(parts[0]) == ["00-A", "01-B", "groups"]
    for pool, rows in parts[0].items():
        assert_frame_equal(rows.drop("units_sold"), parts[1][pool].drop("units_sold"), check_exact=True)
        assert not rows.equals(parts[1][pool])


def parts_of_backtest(features: Path, history: Path, kept: Path) -> dict[str, pl.DataFrame]:
    """The challenger's rows of each pool and of the groups."""
    backtest_recipe(features, history, kept.parent / "out", RECIPE, cutoffs=1, workers=1, checkpoints=kept)
    return {file.stem: pl.read_parquet(file).filter(model="challenger") for file in kept.glob("*.parquet")}
