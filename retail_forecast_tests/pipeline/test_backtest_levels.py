"""The level of a backtest: each cutoff knows what the cutoffs before it taught."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from retail_forecast.features import FeatureSpec
from retail_forecast.pipeline.backtest_levels import level_backtest, teaching_cutoffs

SPEC = FeatureSpec(frequency="1d", horizon=7)
CUTOFFS = [date(2024, 1, 1) + timedelta(days=7 * number) for number in range(4)]


def rows(model: str, *sold: float, mean: float = 100.0) -> pl.DataFrame:
    """At each cutoff `mean` units were forecast and so many sold."""
    columns = {"model": [model] * len(sold), "cutoff": CUTOFFS[: len(sold)], "mean": [mean] * len(sold)}
    return pl.DataFrame({**columns, "units_sold": sold}, schema_overrides={"mean": pl.Float32})


def means(backtest: pl.DataFrame, model: str) -> list[float]:
    return backtest.filter(model=model)["mean"].to_list()


def test_each_cutoff_has_the_level_of_those_before_it() -> None:
    challenger = rows("challenger", 110, 110, 110, 500)
    levelled, final = level_backtest(challenger, challenger, own=[])
    assert means(levelled, "challenger") == pytest.approx([100, 100, 110, 110])  # two cutoffs have to agree
    assert final > 1.0


def test_sales_after_a_cutoff_do_not_move_its_level() -> None:
    fair, spoilt = rows("challenger", 110, 110, 110, 120), rows("challenger", 110, 110, 110, 9999)
    assert means(level_backtest(fair, fair, own=[])[0], "challenger") == means(
        level_backtest(spoilt, spoilt, own=[])[0], "challenger"
    )


def test_baselines_and_a_champion_that_forecast_itself_keep_their_level() -> None:
    models = ("challenger", "champion", "seasonal_naive")
    backtest = pl.concat([rows(model, 110, 110, 110, 110) for model in models])
    levelled, _ = level_backtest(backtest, backtest, own=[CUTOFFS[3]])
    assert means(levelled, "champion") == pytest.approx([100, 100, 110, 100])
    assert means(levelled, "seasonal_naive") == [100.0] * 4


def test_the_level_is_learned_from_the_cutoffs_a_horizon_apart_that_there_are() -> None:
    found = teaching_cutoffs([CUTOFFS[3]], SPEC, first=CUTOFFS[1])
    assert found == CUTOFFS[1:]
