"""Answers that say what drives a forecast. Units are units sold per period."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, Field

from retail_forecast.models.drivers import Driver
from retail_forecast.serving.contracts import Provenance


class DrivenUnits(BaseModel):
    """Expected units and what they are made of: `expected` and the contributions add up to `mean`."""

    mean: float
    expected: float = Field(description="What the model starts from, the same for all series of a pool of stores.")
    contributions: dict[Driver, float]


class DrivenPeriod(DrivenUnits):
    """One period, `lead` periods after the cutoff."""

    date: date
    lead: int


class ExplainAnswer(Provenance):
    """The drivers of a series' published forecasts, by period and over the horizon."""

    store_id: str
    item_id: str
    drivers: list[Driver]
    total: DrivenUnits
    periods: list[DrivenPeriod]
