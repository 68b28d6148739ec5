"""The model asked by numbers says exactly what it says when it is asked by feature rows."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retail_forecast.features import add_known_features
from retail_forecast.serving.feature_rows import FeatureRows
from retail_forecast.serving.loading import load_predictor
from retail_forecast.serving.predictor import Predictor
from retail_forecast.serving.scenario import CovariateChange
from retail_forecast_tests.serving.conftest import World
from retail_forecast_tests.serving.world import CUTOFF, HORIZON, ITEMS, SPEC, STORES

DAYS = [CUTOFF + timedelta(days=n) for n in range(1, HORIZON + 1)]
VALUES = {
    "sell_price": st.floats(0, 100),
    "promotion": st.booleans(),
    "event": st.sampled_from([None, "feast"]),
}
CHANGES = st.sampled_from(sorted(VALUES)).flatmap(
    lambda name: st.builds(
        CovariateChange,
        st.just(name),
        st.one_of(st.none(), st.lists(st.sampled_from(DAYS), min_size=1, max_size=3)),
        VALUES[name],
    )
)


@pytest.fixture(scope="module")
def predictor(world: World) -> Predictor:
    return load_predictor(world.lake_url, world.first.id)


def by_rows(predictor: Predictor, series: tuple[str, str], changes: list[CovariateChange]) -> np.ndarray[Any, Any]:
    """What `Bundle.predict` says of the series' feature rows with other covariates."""
    rows = predictor.feature_rows(series)
    for one in changes:
        hit = pl.lit(True) if one.dates is None else pl.col("date").is_in(list(one.dates))
        value = pl.lit(one.value).cast(rows.schema[one.column])
        rows = rows.with_columns(pl.when(hit).then(value).otherwise(pl.col(one.column)).alias(one.column))
    return predictor._predict(series, add_known_features(rows, predictor.bundle.spec))


@settings(max_examples=25, deadline=None)
@given(
    asked=st.lists(
        st.tuples(st.sampled_from(STORES), st.sampled_from(ITEMS), st.lists(CHANGES, max_size=4)),
        min_size=1,
        max_size=5,
    )
)
def test_a_batch_of_scenarios_says_what_the_bundle_says_of_each(
    predictor: Predictor, asked: list[tuple[str, str, list[CovariateChange]]]
) -> None:
    scenarios = [predictor.what_ifs.scenario((store, item), changes) for store, item, changes in asked]
    for outcome, (store, item, changes) in zip(predictor.what_ifs.answer(scenarios), asked, strict=True):
        assert outcome.values.tolist() == by_rows(predictor, (store, item), changes).tolist()


def test_each_covariate_that_is_known_ahead_is_among_those_compared() -> None:
    assert set(VALUES) == set(SPEC.known_future)


def test_rows_are_the_same_when_memory_holds_one_block_and_when_it_holds_all(predictor: Predictor) -> None:
    small = FeatureRows(predictor.scenarios, predictor.bundle, predictor.table.spans, most_bytes=1)
    for store, item in predictor.table.spans:
        (pool,), span = predictor.bundle.pools_for(store), predictor.table.spans[store, item]
        expected = predictor.bundle.encode(pool, predictor.feature_rows((store, item)))
        for rows in (small, predictor.rows):
            np.testing.assert_array_equal(rows.matrix(pool, span)[0], expected)
    assert len(small._blocks) == 1


def test_a_store_that_no_pool_knows_gets_the_mean_of_all_pools(world: World, predictor: Predictor) -> None:
    bundle = predictor.bundle
    stranger = type(bundle)(
        **{
            **{name: getattr(bundle, name) for name in ("path", "recipe", "spec", "training_cutoff", "origin")},
            "pools": {pool: [f"{pool}-store"] for pool in bundle.pools},
            "categories": bundle.categories,
        }
    )
    moved = Predictor(**{**vars_of(predictor), "bundle": stranger})
    change = [CovariateChange("sell_price", [date(2024, 10, 3)], 1.25)]
    (outcome,) = moved.what_ifs.answer([moved.what_ifs.scenario(("S1", "milk"), change)])
    expected = by_rows(moved, ("S1", "milk"), change)
    assert outcome.values[2].tolist() == expected[2].tolist()


def vars_of(predictor: Predictor) -> dict[str, Any]:
    """The fields, without what was worked out of them."""
    return {name: getattr(predictor, name) for name in predictor.__dataclass_fields__}
