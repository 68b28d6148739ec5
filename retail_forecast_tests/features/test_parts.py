"""Features in parts: some series after the other."""

from __future__ import annotations

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from retail_forecast.features import FeatureSpec, assembly, build_features, first_sales, stream_features
from retail_forecast_tests.features.frames import day, sales_of

SPEC = FeatureSpec("1d", horizon=2)
SALES = sales_of({("A", f"item-{n:03d}"): [n + 1.0, 0.0, n / 2] for n in range(150)})


def test_the_parts_hold_whole_series_and_together_all_rows_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assembly, "_CELLS", 64 * 400)
    parts = list(stream_features(SALES, {}, {}, SPEC, cutoff=day(2)))
    whole = build_features(SALES, {}, {}, SPEC, cutoff=day(2)).collect()
    assert len(parts) > 2
    assert sum(part["item_id"].n_unique() for part in parts) == 150
    assert_frame_equal(pl.concat(parts), whole, check_exact=True)
    assert whole["item_id"].is_sorted()


def test_keys_with_numbers_behind_them_give_the_same_rows() -> None:
    items = pl.Enum([f"item-{n:03d}" for n in range(150)])
    kinds = {"store_id": pl.Enum(["A", "B"]), "item_id": items}
    numbered = SALES.with_columns(pl.col(key).cast(kind) for key, kind in kinds.items())
    found = build_features(numbered, {}, {}, SPEC, cutoff=day(2)).collect()
    expected = build_features(SALES, {}, {}, SPEC, cutoff=day(2)).collect()
    assert found.schema["item_id"] == items
    assert_frame_equal(found.with_columns(pl.col("store_id", "item_id").cast(pl.String)), expected, check_exact=True)


def test_releases_decide_which_series_have_rows() -> None:
    few = first_sales(SALES).head(3)
    made = pl.concat(stream_features(SALES, {}, {}, SPEC, cutoff=day(2), releases=few))
    assert made["item_id"].unique(maintain_order=True).to_list() == ["item-000", "item-001", "item-002"]
