"""What one retailer forecasts: the typed description that `dataset.yaml` holds.

name: corner-shops
frequency: 1d
horizon: 28
start_date: 2024-01-01
tables:
  sales:
    columns: {store_id: shop, item_id: sku, date: day, units_sold: qty}
  prices:
    keys: [store_id, item_id, date]
    values: {sell_price: float}
    known_future: [sell_price]
    carry_forward: true
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from retail_forecast.errors import DatasetError

SERIES = ("store_id", "item_id")
KEYS = (*SERIES, "date")
ValueType = Literal["float", "integer", "boolean", "category"]


def _check_quantiles(quantiles: tuple[float, ...]) -> tuple[float, ...]:
    if not quantiles or any(not 0 < q < 1 for q in quantiles) or list(quantiles) != sorted(set(quantiles)):
        raise ValueError("expected different numbers between 0 and 1 in rising order, such as [0.05, 0.5, 0.95]")
    return quantiles


def _check_keys(keys: tuple[str, ...]) -> tuple[str, ...]:
    if not keys or any(key not in KEYS for key in keys) or len(set(keys)) != len(keys):
        raise ValueError("expected some of store_id, item_id, date, each at most once")
    return tuple(sorted(keys, key=KEYS.index))


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CsvFormat(_Model):
    """How the CSV files of a table are written.

    missing: texts that say that a value is missing, such as NA; nothing at all always does.
    """

    delimiter: str = Field(",", min_length=1, max_length=1)
    date_format: str = "%Y-%m-%d"
    missing: tuple[str, ...] = ()


class Table(_Model):
    """One table that the source delivers. A row is one combination of `keys`.

    columns: ours → the source's header; what is not named has our name there. `item_id: null` is for a source
    with no item column: the item is then the constant "all".
    carry_forward: a row is valid from its date until the next one (prices), not on its date alone.
    """

    keys: Annotated[tuple[str, ...], AfterValidator(_check_keys)] = KEYS
    columns: dict[str, str | None] = {}
    values: dict[str, ValueType] = {}
    known_future: tuple[str, ...] = ()
    carry_forward: bool = False
    csv: CsvFormat = CsvFormat()

    @property
    def kind(self) -> Literal["covariates", "attributes"]:
        """Covariates change with the date, attributes do not."""
        return "covariates" if "date" in self.keys else "attributes"

    def header_of(self, column: str) -> str | None:
        """The source's header for one of our columns; None when the source has no such column."""
        return self.columns.get(column, column)

    @model_validator(mode="after")
    def _names_fit(self) -> Table:
        known = {*self.keys, *self.values}
        if unknown := sorted(set(self.columns) - known):
            raise ValueError(f"columns: {unknown[0]!r} is neither a key nor a value; known are {sorted(known)}")
        if unknown := sorted(set(self.known_future) - set(self.values)):
            raise ValueError(f"known_future: {unknown[0]!r} is not a value; known are {sorted(self.values)}")
        if absent := [ours for ours, theirs in self.columns.items() if theirs is None and ours != "item_id"]:
            raise ValueError(f"columns: {absent[0]!r} is null; expected a header (only item_id may be null)")
        if self.carry_forward and "date" not in self.keys:
            raise ValueError("carry_forward: true; expected only in a table with date among its keys")
        return self


class Policy(_Model):
    """What unusual values mean.

    negative_units: reject the file, clip_to_zero, or keep them (returns that are part of demand).
    missing_periods: a period with no row sold zero, or is unknown (missing).
    deleted_files: keep what a vanished file said (landings are often emptied by age), or remove it.
    """

    negative_units: Literal["reject", "clip_to_zero", "keep"] = "reject"
    missing_periods: Literal["zero", "missing"] = "zero"
    deleted_files: Literal["keep", "remove"] = "keep"
    max_units_sold: float = Field(1_000_000, gt=0)


class Dataset(_Model):
    """The dataset: its grain in time, its tables, its hierarchy and its policies."""

    name: str = Field(min_length=1, pattern=r"^[a-z0-9][a-z0-9_-]*$")
    frequency: Literal["1d", "1w"]
    start_date: date
    end_date: date | None = None
    horizon: int = Field(ge=1, le=400)
    quantiles: Annotated[tuple[float, ...], AfterValidator(_check_quantiles)] = (0.05, 0.25, 0.5, 0.75, 0.95)
    tables: dict[str, Table]
    levels: tuple[tuple[str, ...], ...] | None = None
    policy: Policy = Policy()
    freshness_periods: int | None = Field(None, ge=1)

    @model_validator(mode="before")
    @classmethod
    def _sales_have_units(cls, raw: Any) -> Any:
        sales = raw.get("tables", {}).get("sales") if isinstance(raw, dict) else None
        if not isinstance(sales, dict):
            return raw
        values = {"units_sold": "float", **(sales.get("values") or {})}
        return {**raw, "tables": {**raw["tables"], "sales": {**sales, "values": values}}}

    @model_validator(mode="after")
    def _parts_fit(self) -> Dataset:
        sales = self.tables.get("sales")
        if sales is None:
            raise ValueError(f"tables: found {sorted(self.tables)}; expected one named sales")
        if sales.keys != KEYS or sales.values["units_sold"] != "float":
            raise ValueError("tables.sales: expected keys store_id, item_id, date and units_sold of type float")
        if sales.known_future:
            value = sales.known_future[0]
            raise ValueError(
                f"tables.sales.known_future: {value!r} is known before there are sales; expected it among the "
                "values of a table of its own, such as `promotions`, which may be filled from the same files: "
                "retail-forecast import csv FILE --table sales --table promotions"
            )
        if self.end_date is not None and self.end_date < self.start_date:
            raise ValueError(f"end_date: found {self.end_date}; expected a day after start_date {self.start_date}")
        self._check_names()
        return self

    def _check_names(self) -> None:
        seen: dict[str, str] = {"units_sold": "sales"}
        for name, table in self.tables.items():
            if not name.isidentifier() or name != name.lower():
                raise ValueError(f"tables.{name}: expected lower-case letters, digits and underscores")
            for value in table.values if name != "sales" else []:
                if value in seen:
                    raise ValueError(f"tables.{name}.values.{value}: the name is taken by table {seen[value]!r}")
                seen[value] = name
        groups = {*SERIES, *(column for _, table in self.attributes() for column in table.values)}
        for level in self.levels or ():
            if unknown := [column for column in level if column not in groups]:
                raise ValueError(f"levels: {unknown[0]!r} is no key or attribute; known are {sorted(groups)}")

    @property
    def sales(self) -> Table:
        """The sales table; units_sold is always among its values."""
        return self.tables["sales"]

    def table(self, name: str) -> Table:
        """The table called `name`. Raises DatasetError naming the tables that there are."""
        if name not in self.tables:
            raise DatasetError(key="table", found=name, expected=f"one of {sorted(self.tables)}")
        return self.tables[name]

    def covariates(self) -> Iterator[tuple[str, Table]]:
        """Tables other than sales whose values change with the date."""
        return ((n, t) for n, t in self.tables.items() if n != "sales" and t.kind == "covariates")

    def attributes(self) -> Iterator[tuple[str, Table]]:
        """Tables of static attributes."""
        return ((n, t) for n, t in self.tables.items() if n != "sales" and t.kind == "attributes")

    @property
    def season_length(self) -> int:
        """Periods of the dominant season: the week in daily data, the year in weekly data."""
        return 7 if self.frequency == "1d" else 52

    @property
    def period_days(self) -> int:
        """Days of one period."""
        return 1 if self.frequency == "1d" else 7

    @property
    def quantile_columns(self) -> list[str]:
        """Column names of the quantiles, such as q0.05."""
        return [f"q{q:g}" for q in self.quantiles]

    def periods_after(self, cutoff: date, count: int) -> list[date]:
        """The `count` periods that follow `cutoff`."""
        return [cutoff + timedelta(days=self.period_days * lead) for lead in range(1, count + 1)]

    def is_period(self, day: date) -> bool:
        """Whether `day` starts a period of the dataset's calendar, within its start and end."""
        after_end = self.end_date is not None and day > self.end_date
        return day >= self.start_date and not after_end and (day - self.start_date).days % self.period_days == 0

    @property
    def resolved_levels(self) -> tuple[tuple[str, ...], ...]:
        """The levels of aggregation, from the total to the series."""
        if self.levels is not None:
            return self.levels
        stores = [c for _, t in self.attributes() if t.keys == ("store_id",) for c in t.values]
        items = [c for _, t in self.attributes() if t.keys == ("item_id",) for c in t.values]
        pairs = [("store_id", item) for item in items]
        return ((), *((c,) for c in (*stores, "store_id", *items)), *pairs, ("item_id",), SERIES)

    def __hash__(self) -> int:
        return hash(self.hash)

    @cached_property
    def hash(self) -> str:
        """Content hash of the description; the order of keys and the comments do not matter."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()

    def to_yaml(self) -> str:
        """The description as text for `dataset.yaml`; defaults are left out."""
        return yaml.safe_dump(self.model_dump(mode="json", exclude_defaults=True), sort_keys=False)


def load_dataset(path: Path) -> Dataset:
    """Reads `dataset.yaml`. Raises DatasetError that names the key, what was found and what would be right."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        fix = "a dataset.yaml there, written by `retail-forecast import` or by hand (docs/configuration.md)"
        raise DatasetError(key=str(path), found="no such file", expected=fix) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DatasetError(key=str(path), found=str(error), expected="a YAML text in UTF-8") from error
    return parse_dataset(raw, origin=path.name)


def parse_dataset(raw: object, *, origin: str = "dataset") -> Dataset:
    """Validates a description. Raises DatasetError that names the key, what was found and what would be right."""
    if not isinstance(raw, dict):
        raise DatasetError(key=origin, found=raw, expected="keys and values, beginning with name")
    try:
        return Dataset.model_validate(raw)
    except ValidationError as error:
        raise _dataset_error(origin, error) from error


def _dataset_error(origin: str, error: ValidationError) -> DatasetError:
    first: Any = error.errors()[0]
    key = ".".join([origin, *(str(part) for part in first["loc"])])
    if first["type"] == "missing":
        return DatasetError(key=key, found=None, expected="this key, which is required")
    if first["type"] == "extra_forbidden":
        return DatasetError(key=key, found=first["input"], expected="no such key; look for a misspelling")
    expected = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ").removeprefix("expected ")
    found = first["input"] if not isinstance(first["input"], dict | BaseModel) else "this combination"
    return DatasetError(key=key, found=found, expected=expected)
