"""Which models nobody needs any more; they leave the registry with their files."""

from collections.abc import Collection
from datetime import datetime

from retail_forecast.lake import Lake
from retail_forecast.lake.vintages import list_vintages
from retail_forecast.orchestration.training_run import find_progress
from retail_forecast.pipeline.trainings import last_training
from retail_forecast.registry import ModelRegistry


def prune_models(registry: ModelRegistry, *, keep: int, needed: Collection[str], before: datetime) -> list[str]:
    """Removes retired and rejected versions made before that moment, without the last `keep`; those that went.

    The champion, challengers that wait for a decision and the `needed` stay, however old.
    """
    old = [one for one in registry.versions()[keep:] if one.created_at < before]
    gone = [one.version for one in old if one.stage in ("retired", "rejected") and one.version not in needed]
    for version in gone:
        registry.remove(version)
    return gone


def needed_models(lake: Lake) -> set[str]:
    """Versions behind a published vintage, and those that the last training was about."""
    last, progress = last_training(lake), find_progress(lake)
    told = {last.version if last is not None else None, progress.champion if progress is not None else None}
    return {vintage.model_version for vintage in list_vintages(lake)} | {one for one in told if one is not None}
