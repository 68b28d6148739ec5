from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from retail_forecast.errors import NotFoundError, SchemaError
from retail_forecast.features import AttributeTable, build_categories, feature_names
from retail_forecast.features.spec import ValueType
from retail_forecast.models import Bundle, Recipe, train_members, write_bundle
from retail_forecast.models.bundle import write_json
from retail_forecast_tests.models.samples import write_series_intervals
from retail_forecast_tests.models.small_features import CUTOFF, SPEC, STORES, small_features

RECIPE = Recipe(trees=20, learning_rate=0.2, leaves=7)


def write_small_bundle(folder: Path) -> Bundle:
    """One pool per store."""
    frames = {store.lower(): small_features().filter(store_id=store) for store in STORES}
    categories = {pool: build_categories(frame, SPEC) for pool, frame in frames.items()}
    models = {pool: train_members(frame, RECIPE, SPEC, categories[pool]) for pool, frame in frames.items()}
    pools = {store.lower(): [store] for store in STORES}
    return write_bundle(
        folder,
        recipe=RECIPE,
        spec=SPEC,
        pools=pools,
        training_cutoff=CUTOFF,
        origin={"features": "f00"},
        categories=categories,
        models=models,
    )


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return write_small_bundle(tmp_path_factory.mktemp("bundle"))


def test_a_bundle_comes_back_as_it_was_written(bundle: Bundle) -> None:
    loaded = Bundle.load(bundle.path)
    assert loaded == bundle
    assert (loaded.recipe, loaded.spec, loaded.training_cutoff) == (RECIPE, SPEC, CUTOFF)
    assert_frame_equal(loaded.predict(small_features()), bundle.predict(small_features()))


def test_a_bundle_is_text_alone_and_the_same_bytes_every_time(bundle: Bundle, tmp_path: Path) -> None:
    again = write_small_bundle(tmp_path)
    assert again.digest == bundle.digest
    for file in sorted(path for path in bundle.path.rglob("*") if path.is_file()):
        assert file.suffix in (".json", ".txt")
        assert file.read_text(encoding="utf-8") == (tmp_path / file.relative_to(bundle.path)).read_text(
            encoding="utf-8"
        )


def test_columns_keep_the_order_they_were_trained_in(tmp_path: Path) -> None:
    described: dict[str, ValueType] = {"kind": "category", "brand": "category"}  # not in alphabetical order
    spec = replace(SPEC, attribute_tables=(AttributeTable("items", ("item_id",), described),))
    given: dict[str, Any] = {
        "recipe": RECIPE,
        "spec": spec,
        "training_cutoff": CUTOFF,
        "pools": {},
        "origin": {},
        "categories": {},
    }
    assert feature_names(write_bundle(tmp_path, **given).spec) == feature_names(spec)
    file = tmp_path / "bundle.json"
    write_json(file, json.loads(file.read_text(encoding="utf-8")))  # with sorted keys
    with pytest.raises(NotFoundError, match="Train again"):
        Bundle.load(tmp_path)


def test_a_bundle_without_the_order_of_its_columns_is_told_of(
    bundle: Bundle, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    old = shutil.copytree(bundle.path, tmp_path / "old")
    content = json.loads((old / "bundle.json").read_text(encoding="utf-8"))
    del content["features"]
    write_json(old / "bundle.json", content, sort_keys=False)
    Bundle.load(old)
    assert "does not say the order of its columns. Train again" in caplog.text


def test_rows_keep_their_order_and_stores_go_to_their_pools(bundle: Bundle) -> None:
    rows = small_features().sample(fraction=1.0, shuffle=True, seed=3)
    means = bundle.predict(rows)
    assert_frame_equal(means.select("store_id", "item_id", "date"), rows.select("store_id", "item_id", "date"))
    apart = pl.concat(bundle.predict(rows.filter(store_id=store)) for store in STORES)
    assert_frame_equal(means, apart, check_row_order=False)
    assert means.filter(store_id="S2")["mean"].mean() > 1.5 * means.filter(store_id="S1")["mean"].mean()  # type: ignore[operator]


def test_a_store_that_opened_later_gets_the_mean_of_all_pools(bundle: Bundle) -> None:
    row = small_features().head(1).with_columns(store_id=pl.lit("S9"))
    alone = [
        Bundle(bundle.path, RECIPE, SPEC, {pool: ["S9"]}, CUTOFF, {}, bundle.categories).predict(row)["mean"][0]
        for pool in bundle.pools
    ]
    assert bundle.predict(row)["mean"][0] == pytest.approx(sum(alone) / 2, rel=1e-6)


def test_no_rows_give_no_forecasts(bundle: Bundle) -> None:
    assert bundle.predict(small_features().clear()).columns == ["store_id", "item_id", "date", "mean"]


def test_a_missing_feature_is_named(bundle: Bundle) -> None:
    with pytest.raises(SchemaError, match="'department' is missing"):
        bundle.predict(small_features().drop("department"))


def test_quantiles_need_a_backtest_first(bundle: Bundle, tmp_path: Path) -> None:
    means = bundle.predict(small_features()).with_columns(lead=pl.lit(1))
    with pytest.raises(NotFoundError, match=r"intervals\.json"):
        Bundle.load(bundle.path).add_quantiles(means, [0.5])
    residuals = means.with_columns(small_features()["units_sold"])
    write_series_intervals(bundle.path, residuals, horizon=7)
    try:
        assert Bundle.load(bundle.path).add_quantiles(means, [0.1, 0.9]).columns[-2:] == ["q0.1", "q0.9"]
    finally:
        (bundle.path / "intervals.json").unlink()


def test_another_format_is_not_read(bundle: Bundle, tmp_path: Path) -> None:
    content = json.loads((bundle.path / "bundle.json").read_text())
    write_json(tmp_path / "bundle.json", {**content, "format": 99})
    with pytest.raises(NotFoundError, match="format 99"):
        Bundle.load(tmp_path)
