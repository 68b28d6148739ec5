from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from retail_forecast.errors import TrainingError
from retail_forecast.models import Recipe
from retail_forecast.pipeline.feature_sets import phases_path, pool_path, read_feature_set
from retail_forecast.pipeline.train import read_training_rows, recipe_for, train_model
from retail_forecast_tests.pipeline.shop_lake import (
    CUTOFF,
    HORIZON,
    RECIPE,
    shop_dataset,
    shop_lake,
    shop_sales,
    training_folder,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return training_folder(shop_lake(tmp_path_factory.mktemp("train")))


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_bundle_holds_one_model_per_pool_and_says_where_it_comes_from(folder: Path, tmp_path: Path) -> None:
    bundle = train_model(folder, tmp_path, RECIPE, workers=1)
    names = {"00-A", "01-B", "02-C"}
    assert files(tmp_path).keys() == {
        "bundle.json",
        "categories.json",
        "seen.json",
        *(f"shards/{name}/{member}.txt" for name in names for member in ("plain", "scaled")),
    }
    assert bundle.training_cutoff == CUTOFF
    assert bundle.origin["features"] == folder.name
    assert bundle.origin["window_start"] == "2024-01-31"  # the 80th day counted back from April 19


def test_a_bundle_remembers_the_covariates_of_its_training_rows_alone(folder: Path, tmp_path: Path) -> None:
    seen = train_model(folder, tmp_path, RECIPE, workers=1).seen
    rows = pl.scan_parquet(pool_path(folder, "00-A"))
    taught = rows.filter(pl.col("date").is_between(CUTOFF - timedelta(days=79), CUTOFF)).collect()
    assert seen is not None
    assert set(seen) == {"00-A", "01-B", "02-C"}
    assert taught.height > 0
    for name, known in seen["00-A"].numbers.items():
        assert (known.min, known.max) == (taught[name].min(), taught[name].max())


def test_sales_after_the_cutoff_change_no_byte_of_the_bundle(folder: Path, tmp_path: Path) -> None:
    spoilt = training_folder(shop_lake(tmp_path, shop_sales(spoil_after=CUTOFF)))
    train_model(folder, tmp_path / "true", RECIPE, workers=1)
    train_model(spoilt, tmp_path / "spoilt", RECIPE, workers=1)
    assert files(tmp_path / "true") == files(tmp_path / "spoilt")


@pytest.mark.slow
def test_two_workers_write_the_same_bytes_as_one(folder: Path, tmp_path: Path) -> None:
    train_model(folder, tmp_path / "one", RECIPE, workers=1)
    train_model(folder, tmp_path / "two", RECIPE, workers=2)
    assert files(tmp_path / "one") == files(tmp_path / "two")


def test_progress_counts_the_pools(folder: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    train_model(folder, tmp_path, RECIPE, workers=1, on_progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_a_pool_without_known_sales_gets_no_model(folder: Path, tmp_path: Path) -> None:
    silent = tmp_path / "features"
    for name in files(folder):
        (silent / name).parent.mkdir(parents=True, exist_ok=True)
        (silent / name).write_bytes((folder / name).read_bytes())
    silence(pool_path(silent, "01-B"))
    assert set(train_model(silent, tmp_path / "bundle", RECIPE, workers=1).pools) == {"00-A", "02-C"}
    silence(pool_path(silent, "00-A"))
    silence(pool_path(silent, "02-C"))
    with pytest.raises(TrainingError, match="No pool has known sales"):
        train_model(silent, tmp_path / "none", RECIPE, workers=1)


def test_a_large_pool_learns_from_an_even_sample_of_its_window(folder: Path, tmp_path: Path) -> None:
    spec, path = read_feature_set(folder).spec, tmp_path / "features.parquet"
    path.write_bytes(pool_path(folder, "00-A").read_bytes())
    everything = read_training_rows(path, spec, RECIPE, cutoff=CUTOFF)
    half = Recipe.from_json({**RECIPE.to_json(), "most_rows": everything.height // 2})
    sample = read_training_rows(path, spec, half, cutoff=CUTOFF)
    assert sample.height == pytest.approx(everything.height / 2, abs=2)
    assert sample.join(everything, on=["store_id", "item_id", "date"], how="anti").is_empty()
    by_month = (
        everything.group_by(pl.col("date").dt.month())
        .len()
        .join(sample.group_by(pl.col("date").dt.month()).len(), on="date")
    )
    assert (by_month["len_right"] / by_month["len"]).is_between(0.4, 0.6).all()
    assert read_training_rows(path, spec, half, cutoff=CUTOFF).equals(sample)


def silence(pool: Path) -> None:
    for file in (pool, phases_path(pool)):
        rows = pl.read_parquet(file)
        rows.with_columns(units_sold=pl.lit(None, dtype=pl.Float32)).write_parquet(file)


def test_few_series_are_learned_from_as_of_cutoffs_in_between(folder: Path) -> None:
    spec, path = read_feature_set(folder).spec, pool_path(folder, "00-A")
    rows = read_training_rows(path, spec, RECIPE, cutoff=CUTOFF)
    leads = rows.filter(pl.col("date") == CUTOFF - timedelta(days=HORIZON), item_id="x")["lead"]
    assert leads.to_list() == [7, 1, 3, 5]  # horizon 7; the cutoffs of the further rows lie 1, 3 and 5 days earlier


def test_the_recipe_follows_the_dataset_and_the_preset() -> None:
    dataset = shop_dataset()
    weekly = dataset.model_copy(update={"frequency": "1w"})
    returns = dataset.model_copy(update={"policy": dataset.policy.model_copy(update={"negative_units": "keep"})})
    assert recipe_for(dataset) == Recipe()
    assert recipe_for(weekly).window_periods == 156
    assert recipe_for(weekly).regression == 0 < recipe_for(dataset).regression
    assert recipe_for(returns).objective == "regression"
    assert recipe_for(dataset, "fast").trees < Recipe().trees < recipe_for(dataset, "best").trees
