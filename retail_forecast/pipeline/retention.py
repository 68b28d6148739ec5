"""Which vintages, training artifacts and parts of tables are still needed; the others leave the lake."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from retail_forecast.dataset import Dataset
from retail_forecast.lake.retention import Removed, remove_folders, remove_parts, retire_vintage
from retail_forecast.lake.tables import Lake
from retail_forecast.lake.vintages import Vintage, latest_vintage, list_vintages
from retail_forecast.pipeline.accuracy import judged_vintages
from retail_forecast.pipeline.request import read_request
from retail_forecast.pipeline.trainings import forget_trainings, trained_parts

READ_FOR = timedelta(hours=6)
"""Nobody reads a part, or writes one without publishing it, for longer than this."""


@dataclass(frozen=True)
class Keep:
    """What stays although it is not the present: so many vintages and days; the vintages that are served."""

    vintages: int
    days: int
    served: Collection[str] = ()


def prune_lake(lake: Lake, dataset: Dataset, keep: Keep, *, artifacts: Collection[str], now: datetime) -> Removed:
    """Removes what nothing refers to any more, and says how much it was.

    artifacts: fingerprints of the features, model and backtest of the last training. To be called while nothing is
    published: what is under way is told by its age alone.
    """
    before = now - timedelta(days=keep.days)
    removed = Removed()
    for vintage in superfluous_vintages(lake, dataset, keep, before=before):
        removed += retire_vintage(lake, vintage.id)
    removed += remove_folders(lake, "vintages", kept=(), before=before, marker="vintage.json")
    for kind in ("features", "models", "backtests"):
        removed += remove_folders(lake, kind, kept=artifacts, before=before)
    request = read_request(lake)
    forget_trainings(lake, kept=request.id if request is not None else None, before=before)
    return removed + remove_parts(lake, kept=trained_parts(lake), before=now - READ_FOR)


def superfluous_vintages(lake: Lake, dataset: Dataset, keep: Keep, *, before: datetime) -> list[Vintage]:
    """Vintages made before that moment, without the last ones, those in force or served, and those still to judge."""
    made, in_force = list_vintages(lake), latest_vintage(lake)
    kept = {vintage.id for vintage in made[-keep.vintages :]} | set(keep.served)
    kept |= {in_force.id} if in_force is not None else set()
    kept |= {vintage.id for vintage in _to_judge(lake, dataset, made)}
    old = [vintage for vintage in made if datetime.fromisoformat(vintage.created_at) < before]
    return [vintage for vintage in old if vintage.id not in kept]


def _to_judge(lake: Lake, dataset: Dataset, made: list[Vintage]) -> list[Vintage]:
    """The last vintage of each cutoff that `forecast_accuracy` compares with sales, now or when more have arrived."""
    judged = judged_vintages(lake, dataset)
    since = judged[0].cutoff if judged else ""
    last_of = {vintage.cutoff: vintage for vintage in made}
    return [vintage for cutoff, vintage in last_of.items() if cutoff >= since]
