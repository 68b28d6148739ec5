from __future__ import annotations

import polars as pl

from retail_forecast.features import CovariateTable, FeatureSpec
from retail_forecast.models.seen import Range, Seen, read_seen

SPEC = FeatureSpec(
    "1d",
    horizon=7,
    covariates=(
        CovariateTable("prices", ("store_id", "item_id", "date"), {"price": "float", "promotion": "boolean"}),
        CovariateTable("calendar", ("date",), {"event": "category", "degrees": "integer"}),
    ),
)


def rows(*, units_sold: list[float | None]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "units_sold": units_sold,
            "price": [1.0, 2.0, 9.0],
            "price_to_price_mean_180": [0.5, 1.0, None],
            "promotion": [1.0, 1.0, 0.0],
            "event": ["feast", None, "fair"],
            "degrees": [-5.0, 30.0, 99.0],
        },
        schema_overrides={"units_sold": pl.Float32},
    )


def test_what_was_seen_are_ranges_of_numbers_and_values_of_the_rest() -> None:
    seen = read_seen(rows(units_sold=[1.0, 0.0, 2.0]), SPEC)
    assert seen.numbers == {"price": Range(1.0, 9.0), "degrees": Range(-5.0, 99.0)}
    assert seen.ratios == {"price": Range(0.5, 1.0)}
    assert seen.values == {"promotion": (False, True), "event": ("fair", "feast", None)}


def test_rows_that_teach_nothing_were_not_seen() -> None:
    seen = read_seen(rows(units_sold=[1.0, 0.0, None]), SPEC)
    assert seen.numbers["price"] == Range(1.0, 2.0)
    assert seen.values == {"promotion": (True,), "event": ("feast", None)}


def test_a_number_of_an_item_is_judged_by_what_is_usual_for_it() -> None:
    seen = Seen({"price": Range(1.0, 9.0)}, {"price": Range(0.5, 1.2)}, {})
    assert seen.range_for("price", 4.0) == Range(2.0, 4.8)
    assert seen.range_for("price", 8.0) == Range(4.0, 9.0)  # 9.6 is beyond what any item cost
    assert seen.range_for("price", float("nan")) == Range(1.0, 9.0)  # new: nothing is usual yet
    assert seen.range_for("degrees", float("nan")) is None


def test_a_slip_in_a_thousand_rows_widens_no_range() -> None:
    usual = rows(units_sold=[1.0, 1.0, 1.0]).head(2)
    slip = usual.head(1).with_columns(price_to_price_mean_180=pl.lit(50.0))
    seen = read_seen(pl.concat([usual] * 1500 + [slip]), SPEC)
    assert seen.ratios["price"] == Range(0.5, 1.0)


def test_what_was_seen_survives_json() -> None:
    seen = read_seen(rows(units_sold=[1.0, 0.0, 2.0]), SPEC)
    assert Seen.from_json(seen.to_json()) == seen
