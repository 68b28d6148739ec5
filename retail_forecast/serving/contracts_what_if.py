"""Requests and answers of what-if questions. Units are units sold per period."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from retail_forecast.serving.contracts import CovariateValue, Estimate, Identifier, Provenance, SeriesKey, _Request

CHANGES_PER_SCENARIO = 100
SERIES_PER_SCENARIO = 100

_ONE_FORM: dict[str, Any] = {"oneOf": [{"required": ["store_id", "item_id"]}, {"required": ["series"]}]}


class Change(_Request):
    """Other values of known-future covariates on some dates of the horizon; on all of them without `dates`."""

    dates: list[date] | None = Field(None, min_length=1, max_length=400)
    values: dict[Annotated[str, Field(max_length=200)], CovariateValue] = Field(
        min_length=1, max_length=100, examples=[{"sell_price": 2.5, "promotion": True}]
    )


class WhatIfRequest(_Request):
    """A scenario: changes apply in their order, so a later one wins. For one series, or the same for several."""

    model_config = ConfigDict(json_schema_extra=_ONE_FORM)

    store_id: Identifier | None = None
    item_id: Identifier | None = None
    series: list[SeriesKey] | None = Field(
        None, min_length=1, max_length=SERIES_PER_SCENARIO, json_schema_extra={"uniqueItems": True}
    )
    changes: list[Change] = Field(min_length=1, max_length=CHANGES_PER_SCENARIO)

    @model_validator(mode="after")
    def _one_form(self) -> WhatIfRequest:
        given = [one for one in (self.store_id, self.item_id) if one is not None]
        if (self.series is None and len(given) != 2) or (self.series is not None and given):
            raise ValueError("either store_id and item_id, or series, must be given")
        if self.series is not None and len(set(self.series)) < len(self.series):
            raise ValueError("a series is asked for twice")
        return self

    @property
    def keys(self) -> list[tuple[str, str]]:
        """The series that are asked for."""
        if self.series is not None:
            return [(key.store_id, key.item_id) for key in self.series]
        return [(str(self.store_id), str(self.item_id))]


class ScenarioPeriod(BaseModel):
    """One period as published, under the scenario, and the difference (quantile by quantile).

    changed: whether a change names it.
    """

    date: date
    lead: int
    changed: bool
    baseline: Estimate
    scenario: Estimate
    difference: Estimate


class Totals(BaseModel):
    """Expected units over the whole horizon."""

    baseline: float
    scenario: float
    difference: float


class SeenRange(BaseModel):
    """What a number was in training: of the series' usual value, and of all."""

    min: float
    max: float


class SeenValues(BaseModel):
    """What a flag or category was in training; null where it was missing."""

    values: list[bool | str | None]


class Outside(BaseModel):
    """A value of the scenario that the model has not seen in training: what it says of that period is a guess."""

    covariate: str
    date: date
    value: bool | int | float | str | None
    seen: SeenRange | SeenValues


class ScenarioForecast(BaseModel):
    """One series under the scenario. outside is null for a model that kept no note of what it has seen."""

    store_id: str
    item_id: str
    total: Totals
    outside: list[Outside] | None
    periods: list[ScenarioPeriod]


class WhatIfAnswer(Provenance, ScenarioForecast):
    """What the model expects under the scenario."""


class WhatIfSeriesAnswer(Provenance):
    """The same of several series and of all together; `unknown` lists those that the vintage does not have."""

    total: Totals
    series: list[ScenarioForecast]
    unknown: list[SeriesKey]
