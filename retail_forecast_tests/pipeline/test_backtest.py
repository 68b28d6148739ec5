from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from retail_forecast.errors import ConfigurationError, TrainingError
from retail_forecast.models import Bundle, Recipe
from retail_forecast.pipeline.backtest import backtest_cutoffs, backtest_recipe
from retail_forecast.pipeline.feature_sets import read_feature_set
from retail_forecast.pipeline.history import write_history
from retail_forecast.pipeline.train import train_model
from retail_forecast_tests.pipeline.shop_lake import (
    CUTOFF,
    HORIZON,
    RECIPE,
    shop_dataset,
    shop_lake,
    shop_sales,
    training_folder,
)

LAST, FIRST = CUTOFF - timedelta(days=HORIZON), CUTOFF - timedelta(days=2 * HORIZON)
OTHER = Recipe(**{**RECIPE.to_json(), "trees": 10})


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """features/ is a link to the training set, history/ the yardsticks, out/ a backtest without a champion."""
    folder = tmp_path_factory.mktemp("backtest")
    lake = shop_lake(folder)
    (folder / "features").symlink_to(training_folder(lake))
    write_history(lake, shop_dataset(), folder / "history", cutoff=CUTOFF)
    backtest(folder, folder / "out")
    return folder


def backtest(world: Path, out: Path, champion: Path | None = None) -> pl.DataFrame:
    backtest_recipe(world / "features", world / "history", out, RECIPE, cutoffs=2, workers=1, champion_bundle=champion)
    return pl.read_parquet(out / "predictions.parquet")


def champion_of(world: Path, folder: Path, *, recipe: Recipe, cutoff: date) -> Path:
    lake = shop_lake(folder)
    train_model(training_folder(lake, cutoff=cutoff), folder / "champion", recipe, workers=1)
    return folder / "champion"


def test_every_model_forecasts_every_series_and_period_once(world: Path) -> None:
    rows = pl.read_parquet(world / "out" / "predictions.parquet")
    assert rows["model"].unique().sort().to_list() == ["challenger", "exponential_smoothing", "seasonal_naive"]
    assert rows["cutoff"].unique().sort().to_list() == [FIRST, LAST]
    assert rows["mean"].null_count() == rows["units_sold"].null_count() == 0
    assert rows["mean"].min() >= 0  # type: ignore[operator]
    # z of store C sells from day 100 (April 10) on: not yet at the first cutoff (April 5), but at the last (April 12)
    counts = rows.group_by("model", "cutoff").len().sort("model", "cutoff")["len"].to_list()
    assert counts == [8 * HORIZON, 9 * HORIZON] * 3
    assert rows.select((pl.col("date") - pl.col("cutoff")).dt.total_days() == pl.col("lead")).to_series().all()


def test_scores_name_every_model_level_and_metric(world: Path) -> None:
    scores = pl.read_parquet(world / "out" / "scores.parquet")
    relative = scores.filter(metric="wrmsse")
    assert relative.group_by("level", "cutoff").len()["len"].unique().to_list() == [3]
    of_quantiles = scores.filter(metric="wspl")
    assert of_quantiles["model"].unique().to_list() == ["challenger"]
    assert set(of_quantiles["level"]) == set(relative["level"])
    assert set(scores.filter(metric="coverage_0.8")["level"]) == set(relative["level"]) - {"all"}
    means = dict(relative.filter(level="all").group_by("model").agg(pl.col("value").mean()).iter_rows())
    assert means["challenger"] < means["seasonal_naive"]
    assert len(json.loads((world / "out" / "scores.json").read_text())) == scores.height


def test_coverage_is_told_by_level_lead_and_quantile(world: Path) -> None:
    coverage = pl.read_parquet(world / "out" / "coverage.parquet")
    assert coverage["lead"].unique().sort().to_list() == list(range(1, HORIZON + 1))
    assert coverage["quantile"].unique().sort().to_list() == [0.1, 0.5, 0.9]
    series = coverage.filter(level="store_id/item_id").group_by("quantile").agg(pl.col("share_below").mean())
    shares = dict(series.iter_rows())
    assert shares[0.1] < shares[0.5] < shares[0.9] == pytest.approx(0.9, abs=0.1)


def test_the_same_backtest_gives_the_same_bytes(world: Path, tmp_path: Path) -> None:
    backtest(world, tmp_path)
    for file in (world / "out").iterdir():
        assert file.read_bytes() == (tmp_path / file.name).read_bytes()


def test_sales_after_a_cutoff_do_not_change_its_forecasts(world: Path, tmp_path: Path) -> None:
    lake = shop_lake(tmp_path, shop_sales(spoil_after=LAST))
    (tmp_path / "features").symlink_to(training_folder(lake))
    (tmp_path / "history").symlink_to(world / "history")
    spoilt = backtest(tmp_path, tmp_path / "out")
    true = pl.read_parquet(world / "out" / "predictions.parquet")
    assert_frame_equal(spoilt.drop("units_sold"), true.drop("units_sold"))
    assert spoilt.filter(pl.col("date") > LAST)["units_sold"].unique().to_list() == [999]


def test_a_champion_of_the_same_recipe_has_the_challengers_numbers(world: Path, tmp_path: Path) -> None:
    champion = champion_of(world, tmp_path, recipe=RECIPE, cutoff=CUTOFF)
    rows = backtest(world, tmp_path / "out", champion)
    assert_frame_equal(rows.filter(model="champion").drop("model"), rows.filter(model="challenger").drop("model"))
    assert set(ways(tmp_path)) == {"same as challenger"}


def test_a_champion_that_saw_the_answers_is_trained_anew(world: Path, tmp_path: Path) -> None:
    champion = champion_of(world, tmp_path, recipe=OTHER, cutoff=CUTOFF)
    rows = backtest(world, tmp_path / "out", champion)
    backtest_recipe(world / "features", world / "history", tmp_path / "other", OTHER, cutoffs=2, workers=1)
    other = pl.read_parquet(tmp_path / "other" / "predictions.parquet")
    assert_frame_equal(rows.filter(model="champion").drop("model"), other.filter(model="challenger").drop("model"))
    assert set(ways(tmp_path)) == {"recipe trained anew"}


def test_a_champion_that_is_older_than_a_cutoff_forecasts_itself(world: Path, tmp_path: Path) -> None:
    champion = champion_of(world, tmp_path, recipe=RECIPE, cutoff=LAST)
    rows = backtest(world, tmp_path / "out", champion)
    assert ways(tmp_path) == ["same as challenger", "own bundle"]
    table = pl.read_parquet(list((world / "features").glob("pool=*/features.parquet")))
    future = table.filter(pl.col("date") > LAST)
    expected = Bundle.load(champion).predict(future).sort("store_id", "item_id", "date")
    ours = rows.filter(model="champion", cutoff=LAST).select("store_id", "item_id", "date", "mean")
    assert_frame_equal(ours, expected)


def ways(folder: Path) -> list[str]:
    described = json.loads((folder / "out" / "backtest.json").read_text())
    return [described["champion"][cutoff.isoformat()] for cutoff in (FIRST, LAST)]


def test_intervals_give_the_bundle_its_quantiles(world: Path, tmp_path: Path) -> None:
    bundle = train_model(world / "features", tmp_path, RECIPE, workers=1)
    (tmp_path / "intervals.json").write_bytes((world / "out" / "intervals.json").read_bytes())
    rows = pl.read_parquet(world / "out" / "predictions.parquet").filter(model="challenger")
    quantiles = bundle.add_quantiles(rows, [0.1, 0.5, 0.9])
    inside = quantiles.select(pl.col("units_sold").is_between("q0.1", "q0.9").mean()).item()
    assert 0.72 < inside < 0.92  # units are whole: an interval that ends on some holds more than its share


def test_a_history_of_two_horizons_is_too_short(world: Path) -> None:
    features = read_feature_set(world / "features")
    short = type(features)(**{**vars(features), "start": CUTOFF - timedelta(days=2 * HORIZON - 1)})
    with pytest.raises(TrainingError, match="too short for a backtest"):
        backtest_cutoffs(short, 2)
    enough = type(features)(**{**vars(features), "start": CUTOFF - timedelta(days=3 * HORIZON - 1)})
    assert backtest_cutoffs(enough, 2) == [LAST]


def test_some_of_the_cutoffs_can_be_chosen(world: Path) -> None:
    features = read_feature_set(world / "features")
    assert backtest_cutoffs(features, [FIRST]) == [FIRST]
    with pytest.raises(ConfigurationError, match=f"found '{CUTOFF}'; expected one of .*'{LAST}'"):
        backtest_cutoffs(features, [FIRST, CUTOFF])
