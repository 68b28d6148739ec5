"""From a dataset to the plain values that decide its features."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from retail_forecast.dataset import Dataset, Table, ValueType
from retail_forecast.features import AttributeTable, CovariateTable, FeatureSpec


def feature_spec(dataset: Dataset) -> FeatureSpec:
    """The features that a dataset gets."""
    return FeatureSpec(
        frequency=dataset.frequency,
        horizon=dataset.horizon,
        missing_periods=dataset.policy.missing_periods,
        covariates=tuple(_covariates(name, table) for name, table in dataset.covariates()),
        attribute_tables=tuple(AttributeTable(name, table.keys, table.values) for name, table in dataset.attributes()),
        sales_values=_without(dataset.sales.values, ["units_sold"]),
    )


def _covariates(name: str, table: Table) -> CovariateTable:
    past = _without(table.values, table.known_future)
    known = _without(table.values, past)
    return CovariateTable(name, table.keys, known, past, table.carry_forward)


def _without(values: Mapping[str, ValueType], names: Collection[str]) -> dict[str, ValueType]:
    return {name: kind for name, kind in values.items() if name not in names}
