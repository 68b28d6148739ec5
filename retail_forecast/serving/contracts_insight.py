"""Answers about the hierarchy, the past, names and accuracy. Units are units sold per period."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from retail_forecast.serving.contracts import CovariateValue, Period, Provenance, _Request

SEARCH_LIMIT = 100


class LevelSummary(BaseModel):
    """One grouping of the series: the columns whose values make a group, and how many groups there are.

    within: the levels of which each of its groups lies in one group.
    """

    level: str = Field(examples=["store_id/department"])
    keys: list[str] = Field(examples=[["store_id", "department"]])
    groups: int
    within: list[str] = Field(examples=[["total", "state", "store_id", "department"]])


class LevelsAnswer(Provenance):
    """Every level with forecasts, from the total to the series."""

    levels: list[LevelSummary]


class GroupsQuery(_Request):
    """Which page of a level's groups."""

    after: str = Field("", max_length=500, description="Groups that follow this one.")
    limit: int = Field(1000, ge=1, le=10_000)


class MembersQuery(GroupsQuery):
    """Which page of what a group is made of."""

    at: str | None = Field(None, max_length=500, description="The groups of this level instead of the series.")


class GroupsAnswer(Provenance):
    """A page of a level's groups; `next` is the `after` of the following page."""

    level: str
    groups: list[str] = Field(examples=[["CA_1/FOODS_1", "CA_1/FOODS_2"]])
    next: str | None


class GroupForecastAnswer(Provenance):
    """The published forecasts of a group over the horizon; the mean is the sum of its series' means."""

    level: str
    group: str
    forecasts: list[Period]


class HistoryQuery(_Request):
    """How far back: so many periods up to the cutoff; all that the vintage has without."""

    periods: int | None = Field(None, ge=1, le=10_000)


class PastUnits(BaseModel):
    """What was sold in one period; null where nothing is known of it."""

    date: date
    units_sold: float | None


class PastPeriod(PastUnits):
    """One period of a series. stock_out: nothing was sold in it probably because the shelf was empty."""

    known_future: dict[str, CovariateValue] = Field(examples=[{"sell_price": 2.5, "promotion": False}])
    stock_out: bool


class FuturePeriod(BaseModel):
    """What the model was told of one period of the horizon."""

    date: date
    known_future: dict[str, CovariateValue]


class HistoryAnswer(Provenance):
    """What one series sold up to the cutoff, and the covariates that are known ahead, in the order of dates."""

    store_id: str
    item_id: str
    periods: list[PastPeriod]
    future: list[FuturePeriod]


class LevelHistoryAnswer(Provenance):
    """What a group sold up to the cutoff, in the order of dates."""

    level: str
    group: str
    periods: list[PastUnits]


class SearchQuery(_Request):
    """What is sought. Every word has to be in the name; case and accents do not matter."""

    q: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"\S")]
    limit: int = Field(20, ge=1, le=SEARCH_LIMIT)


class Match(BaseModel):
    """A group of a level; a series also has its keys."""

    level: str
    group: str
    store_id: str | None = Field(None, description="Of a series alone.")
    item_id: str | None = Field(None, description="Of a series alone.")


class SearchAnswer(Provenance):
    """The best matches, and how many there are in all."""

    matches: list[Match]
    total: int


class Scores(BaseModel):
    """What is known of a level's errors; see docs/glossary.md. Of intervals, `coverage_0.9` and the like."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, float] = Field(init=False)

    level: str = Field(description="A level, or `all` for the mean over the levels.")
    wrmsse: float | None = Field(None, description="Below 1: better than repeating the last value.")
    wape: float | None = Field(None, description="Sum of absolute errors over the sum of sales.")
    bias: float | None = Field(None, description="Mean of forecast minus sales, in units of a group and period.")
    mae: float | None = Field(None, description="Mean absolute error, in units of a group and period.")
    wql: float | None = Field(None, description="Weighted quantile loss.")


class BaselineScores(Scores):
    """The scores of a simple forecast at the same cutoffs."""

    model: str = Field(examples=["seasonal_naive"])


class VintageScores(Scores):
    """One published vintage against the sales of its first `periods` periods, which are known by now."""

    vintage: str
    model_version: str
    cutoff: date
    periods: int


class AccuracyAnswer(Provenance):
    """How good the forecasts have been.

    backtest: this model at earlier cutoffs whose sales it had not seen, the mean over the cutoffs; beside it simple
    forecasts. live: the latest vintages of which sales have arrived since.
    """

    backtest: list[Scores]
    baselines: list[BaselineScores]
    live: list[VintageScores]


class SeriesScores(BaseModel):
    """Forecasts of one series against its sales of `periods` periods that are known by now."""

    wape: float | None = Field(description="Sum of absolute errors over the sum of sales; null where nothing was sold.")
    bias: float | None = Field(description="Mean of forecast minus sales, in units of a period.")
    periods: int
    units_sold: float


class SeriesVintageScores(SeriesScores):
    """Those of one published vintage."""

    vintage: str
    cutoff: date


class SeriesAccuracyAnswer(Provenance, SeriesScores):
    """How good the published forecasts of one series have been: of all judged vintages together, and of each."""

    store_id: str
    item_id: str
    cutoffs: list[SeriesVintageScores]
