from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retail_forecast.features import build_categories, level_names
from retail_forecast.models import Bundle, Recipe, train_members, write_bundle
from retail_forecast.models.drivers import DRIVERS
from retail_forecast.models.explanations import Explanation, explain
from retail_forecast.models.recipe import PLAIN, SCALED
from retail_forecast_tests.models.small_features import CUTOFF, SPEC, STORES, small_features

OWN = ("units_sold_", "periods_since", "exponential_smoothing")


def taught(*, returns: bool = False) -> pl.DataFrame:
    """Rows whose series sell what they did of late; with returns some sell less than nothing."""
    frame = small_features()
    units = pl.col("units_sold") - (6.0 if returns else 0.0)
    frame = frame.with_columns(units_sold=units)
    level = pl.col("units_sold").mean().over("store_id", "item_id").clip(lower_bound=0.5).cast(pl.Float32)
    return frame.with_columns(level.alias(name) for name in level_names(SPEC))


def bundle_in(folder: Path, frame: pl.DataFrame, **recipe: object) -> Bundle:
    """One pool per store."""
    made = Recipe.from_json({"trees": 15, "leaves": 7, "min_data_in_leaf": 5, **recipe})
    parts = {store.lower(): frame.filter(store_id=store) for store in STORES}
    categories = {pool: build_categories(part, SPEC) for pool, part in parts.items()}
    models = {pool: train_members(part, made, SPEC, categories[pool]) for pool, part in parts.items()}
    return write_bundle(
        folder,
        recipe=made,
        spec=SPEC,
        pools={store.lower(): [store] for store in STORES},
        training_cutoff=CUTOFF,
        origin={},
        categories=categories,
        models=models,
    )


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Bundle]:
    folder = tmp_path_factory.mktemp("bundles")
    nothing = taught().with_columns(units_sold=pl.lit(0.0, dtype=pl.Float32))
    return {
        "tweedie": bundle_in(folder / "tweedie", taught()),
        "plain": bundle_in(folder / "plain", taught(), members=[PLAIN]),
        "scaled": bundle_in(folder / "scaled", taught(), members=[SCALED]),
        "returns": bundle_in(
            folder / "returns", taught(returns=True), members=[PLAIN], objective="regression", aligned=False
        ),
        "nothing sold": bundle_in(folder / "nothing", nothing),
    }


def explained(bundle: Bundle, rows: pl.DataFrame) -> Explanation:
    alignment = rows["alignment"].cast(pl.Float64).to_numpy()
    store = rows["store_id"][0]
    return explain(bundle, store, lambda pool: bundle.encode(pool, rows), alignment=alignment)


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(["tweedie", "plain", "scaled", "returns", "nothing sold"]),
    store=st.sampled_from([*STORES, "a new one"]),
    factor=st.sampled_from([0.25, 0.9, 1.0, 4.0]),
    is_new=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_expected_and_contributions_add_up_to_the_forecast(
    bundles: dict[str, Bundle], kind: str, store: str, factor: float, is_new: bool, seed: int
) -> None:
    rows = small_features(4, seed=seed).filter(store_id="S1").with_columns(store_id=pl.lit(store))
    own = [name for name in rows.columns if name.startswith(OWN)]
    rows = rows.with_columns(pl.lit(None, dtype=pl.Float32).alias(name) for name in (own if is_new else ()))
    rows = rows.with_columns(alignment=pl.lit(1.0 if kind == "returns" else factor, dtype=pl.Float32))
    found = explained(bundles[kind], rows)
    assert found.mean == pytest.approx(bundles[kind].predict(rows)["mean"].to_numpy(), rel=1e-5, abs=1e-6)


def test_the_starting_value_is_one_for_all_series_of_a_pool(bundles: dict[str, Bundle]) -> None:
    rows = taught().filter(store_id="S2").with_columns(alignment=1.0)
    expected = explained(bundles["tweedie"], rows).expected
    assert np.ptp(expected) == 0
    assert 5 < expected[0] < 30  # S2 sells 8, 14 and 20 units


def test_alignment_is_a_part_of_the_level(bundles: dict[str, Bundle]) -> None:
    rows = taught().filter(store_id="S1").head(3)
    plain, doubled = (explained(bundles["plain"], rows.with_columns(alignment=factor)) for factor in (1.0, 2.0))
    moved = doubled.contributions - plain.contributions
    level = DRIVERS.index("level")
    assert (moved[:, level] > 0.5 * plain.mean).all()
    assert doubled.mean == pytest.approx(2 * plain.mean)


def test_a_driver_without_a_say_contributes_nothing(bundles: dict[str, Bundle]) -> None:
    rows = taught().filter(store_id="S1").with_columns(alignment=1.0)
    contributions = explained(bundles["tweedie"], rows).contributions
    for driver in ("price", "promotion", "events"):  # the spec knows no covariates
        assert (contributions[:, DRIVERS.index(driver)] == 0).all()
