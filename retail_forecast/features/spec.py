"""What the features of a dataset are: plain values, no dataset object, no settings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from typing import Any, Literal, Self

from retail_forecast.errors import ConfigurationError
from retail_forecast.features.windows import SALES, Windows, windows_for

ValueType = Literal["float", "integer", "boolean", "category"]
KEYS = ("store_id", "item_id", "date")


@dataclass(frozen=True)
class CovariateTable:
    """A table whose rows carry a date; `carry_forward` rows stay valid until the next one."""

    name: str
    keys: tuple[str, ...]
    known_future: Mapping[str, ValueType] = field(default_factory=dict)
    past: Mapping[str, ValueType] = field(default_factory=dict)
    carry_forward: bool = False

    @property
    def per_item(self) -> bool:
        return "item_id" in self.keys


@dataclass(frozen=True)
class AttributeTable:
    """A table without dates: what a store, an item or a series is."""

    name: str
    keys: tuple[str, ...]
    values: Mapping[str, ValueType]


@dataclass(frozen=True)
class FeatureSpec:
    """Everything that decides which features exist; equal specs give equal columns.

    sales_values: what else the sales table says of a period; known only once the period is over.
    """

    frequency: Literal["1d", "1w"]
    horizon: int
    missing_periods: Literal["zero", "missing"] = "zero"
    covariates: tuple[CovariateTable, ...] = ()
    attribute_tables: tuple[AttributeTable, ...] = ()
    sales_values: Mapping[str, ValueType] = field(default_factory=dict)

    def __post_init__(self) -> None:
        counts = Counter([*KEYS[2:], "units_sold", *feature_names(self)])
        if twice := sorted(name for name, n in counts.items() if n > 1):
            raise ConfigurationError(
                key="tables",
                found=", ".join(twice),
                expected="names of values that no feature and no other table uses; rename the value in dataset.yaml",
            )

    @property
    def windows(self) -> Windows:
        return windows_for(self.frequency)

    @property
    def warm_up(self) -> int:
        """Periods of history before a row that its features may look at."""
        return self.windows.warm_up(self.horizon)

    @property
    def period_days(self) -> int:
        return 7 if self.frequency == "1w" else 1

    @property
    def season_length(self) -> int:
        return 52 if self.frequency == "1w" else 7

    @property
    def known_future(self) -> dict[str, ValueType]:
        return _merged(table.known_future for table in self.covariates)

    @property
    def past_covariates(self) -> dict[str, ValueType]:
        return _merged([self.sales_values, *(table.past for table in self.covariates)])

    @property
    def attributes(self) -> dict[str, ValueType]:
        return _merged(table.values for table in self.attribute_tables)

    @property
    def levels(self) -> tuple[str, ...]:
        """Columns whose store-wide mean is a feature: the store itself and each item attribute."""
        item_tables = (table for table in self.attribute_tables if "item_id" in table.keys)
        groups = _merged(table.values for table in item_tables)
        return ("store", *(name for name, kind in groups.items() if kind == "category"))

    @property
    def relative(self) -> tuple[str, ...]:
        """Known-future numbers per item (prices above all) that count relative to their own past."""
        tables = (table for table in self.covariates if table.per_item)
        return tuple(n for table in tables for n, kind in table.known_future.items() if kind == "float")

    @property
    def events(self) -> dict[str, ValueType]:
        """Known-future states shared by all items of a store, such as holidays or opening."""
        tables = (table.known_future for table in self.covariates if not table.per_item)
        return {n: kind for n, kind in _merged(tables).items() if kind in ("category", "boolean")}

    @property
    def table_names(self) -> list[str]:
        """The tables that the features need besides sales."""
        return [*(table.name for table in self.covariates), *(table.name for table in self.attribute_tables)]

    def is_per_store(self, name: str) -> bool:
        """Whether the rows of a table belong to stores."""
        keys = {table.name: table.keys for table in self.covariates}
        keys |= {table.name: table.keys for table in self.attribute_tables}
        return "store_id" in keys[name]

    def shift(self, day: date, periods: int) -> date:
        """The date `periods` periods after `day` (before it, when negative)."""
        return day + timedelta(days=periods * self.period_days)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        covariates = tuple(CovariateTable(**_with_key_tuple(table)) for table in values["covariates"])
        tables = tuple(AttributeTable(**_with_key_tuple(table)) for table in values["attribute_tables"])
        return cls(**{**values, "covariates": covariates, "attribute_tables": tables})


def feature_names(spec: FeatureSpec) -> list[str]:
    """The model's inputs in their order; the same for training, backtest, forecast and what-if."""
    names = [*static_names(spec), *calendar_names(spec), "lead", *spec.windows.sales_names()]
    names += [name for level in spec.levels for name in spec.windows.level_names(level)]
    names += [*spec.known_future, *event_names(spec)]
    names += [name for column in spec.relative for name in relative_names(column, spec)]
    return names + past_names(spec)


def categorical_features(spec: FeatureSpec) -> list[str]:
    """The features that are text until `encode_categories`."""
    described = {**spec.attributes, **spec.known_future}
    names = ["store_id", "item_id", *(name for name, kind in described.items() if kind == "category")]
    return [*names, *(name for column in spec.events for name in _neighbour_names(column, spec))]


def static_names(spec: FeatureSpec) -> list[str]:
    return ["store_id", "item_id", *spec.attributes]


def calendar_names(spec: FeatureSpec) -> list[str]:
    return ["week_of_year", "month"] + (["weekday", "day_of_month"] if spec.frequency == "1d" else [])


def event_names(spec: FeatureSpec) -> list[str]:
    """Only category states look ahead: those are calendars, known far beyond the horizon."""
    names = []
    for column, kind in spec.events.items():
        names.append(f"{column}_periods_since_change")
        if kind == "category":
            names += [f"{column}_periods_to_change", *_neighbour_names(column, spec)]
    return names


def reference_names(column: str, spec: FeatureSpec) -> list[str]:
    """What is known of a relative column as of the last period known; the denominators of its ratios."""
    w = spec.windows
    own = [f"{column}_last", f"{column}_mean_{w.long}", f"{column}_max_{w.year}"]
    return own + [f"{level}_{column}_mean" for level in spec.levels]


def relative_names(column: str, spec: FeatureSpec) -> list[str]:
    references = reference_names(column, spec)
    return [*references, *(ratio_name(column, reference) for reference in references)]


def ratio_name(column: str, reference: str) -> str:
    return f"{column}_to_{reference}"


def past_names(spec: FeatureSpec) -> list[str]:
    numeric = [name for name, kind in spec.past_covariates.items() if kind != "category"]
    return [f"{name}_last" for name in numeric]


def _neighbour_names(column: str, spec: FeatureSpec) -> list[str]:
    return [f"{column}_next", f"{column}_previous"] if spec.events[column] == "category" else []


def _merged(tables: Iterable[Mapping[str, ValueType]]) -> dict[str, ValueType]:
    return {name: kind for table in tables for name, kind in table.items()}


def _with_key_tuple(table: Mapping[str, Any]) -> dict[str, Any]:
    return {**table, "keys": tuple(table["keys"])}


def level_names(spec: FeatureSpec) -> dict[str, float]:
    """Features and weights whose sum is about what a series sells; above zero while its store sells anything."""
    w = spec.windows
    recent, long, store = f"{SALES}_mean_{w.level}", f"{SALES}_mean_{w.long}", f"store_{SALES}_mean_{w.level_means[-1]}"
    return {recent: 0.85, long: 0.1, store: 0.05}
