"""Requests and answers of the HTTP interface. Units are units sold per period; dates are the periods' first days."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, StrictStr, model_validator

from retail_forecast.serving.contracts_rollout import FailedTrial, TrialReport

SERIES_PER_BATCH = 1000

Identifier = Annotated[str, Field(min_length=1, max_length=200)]
VintageName = Annotated[str, Field(pattern=r"^[0-9A-Za-z_-]{1,80}$")]
CovariateValue = StrictBool | StrictInt | StrictFloat | StrictStr | None
Quantiles = dict[str, float]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NoParameters(_Request):
    """The query of a route that takes no parameters."""


class SeriesKey(_Request):
    """One series: an item in a store."""

    store_id: Identifier
    item_id: Identifier


class BatchRequest(_Request):
    """Which series to answer; each at most once."""

    series: list[SeriesKey] = Field(min_length=1, max_length=SERIES_PER_BATCH, json_schema_extra={"uniqueItems": True})

    @model_validator(mode="after")
    def _each_once(self) -> BatchRequest:
        seen: set[SeriesKey] = set()
        for key in self.series:
            if key in seen:
                raise ValueError(f"store {key.store_id!r}, item {key.item_id!r} is asked for twice")
            seen.add(key)
        return self


class ItemsQuery(_Request):
    """Which page of a store's items."""

    after: str = Field("", max_length=200, description="Items that follow this one.")
    limit: int = Field(1000, ge=1, le=10_000)


class LineageQuery(_Request):
    """Which part of the lineage; all of it without parameters."""

    table: str | None = Field(None, max_length=200)
    partition: str | None = Field(None, max_length=200)


class Provenance(BaseModel):
    """Where an answer comes from: the immutable set of forecasts, its model, and the last date the model saw."""

    vintage: str
    model_version: str
    cutoff: date


class Estimate(BaseModel):
    """Expected units and their quantiles, keyed by the quantile."""

    mean: float
    quantiles: Quantiles = Field(examples=[{"0.05": 1.0, "0.5": 4.2, "0.95": 9.0}])


class Period(Estimate):
    """The forecast of one period, `lead` periods after the cutoff."""

    date: date
    lead: int


class SeriesForecast(BaseModel):
    """One series over the horizon, in the order of dates.

    basis: cold_start where the series is new and its forecasts rest on its store, department and price.
    """

    store_id: str
    item_id: str
    basis: Literal["history", "cold_start"]
    forecasts: list[Period]


class ForecastAnswer(Provenance, SeriesForecast):
    """The published forecasts of one series."""


class BatchAnswer(Provenance):
    """The published forecasts of many series; `unknown` lists those that the vintage does not have."""

    series: list[SeriesForecast]
    unknown: list[SeriesKey]


class LineageAnswer(Provenance):
    """Every input object behind a vintage, by table; each with its e_tag, sha256 and rows."""

    dataset: str
    fingerprint: str
    code_version: str
    created_at: str
    model: dict[str, Any]
    inputs: dict[str, list[dict[str, Any]]]


class ModelAnswer(Provenance):
    """The model that answers, and what can be asked of it."""

    dataset: str
    frequency: Literal["1d", "1w"]
    horizon: int
    quantiles: list[float]
    series: int
    known_future: dict[str, str] = Field(description="Covariates that a what-if may change, with their types.")
    model: dict[str, Any]
    loaded_at: str
    status: ServingStatus


class StoreSummary(BaseModel):
    """One store and how many of its items have forecasts."""

    store_id: str
    items: int


class StoresAnswer(Provenance):
    """Every store with forecasts."""

    stores: list[StoreSummary]


class ItemsAnswer(Provenance):
    """A page of a store's items; `next` is the `after` of the following page."""

    store_id: str
    items: list[str]
    next: str | None


class ServingStatus(BaseModel):
    """What one replica was told to serve and what it serves.

    ready: it serves what is wanted. degraded: it serves an older vintage, `error` says why. unready: it has none.
    """

    status: Literal["ready", "degraded", "unready"]
    wanted: str | None
    active: str | None
    model_version: str | None
    cutoff: date | None
    error: str | None
    replica: str
    request: str | None = Field(description="Identifies the deployment that this replica has taken note of.")
    rollout: TrialReport | FailedTrial | None = Field(description="The challenger that is tried, if there is one.")


class Problem(BaseModel):
    """An RFC 9457 problem document."""

    type: str
    title: str
    status: int
    detail: str
    instance: str


ModelAnswer.model_rebuild()
