"""Forecasts with the champion."""

import tempfile
from pathlib import Path

from retail_forecast.errors import NotFoundError, RegistryError
from retail_forecast.lake.vintages import Vintage
from retail_forecast.orchestration.gate import Outcome, read_outcome
from retail_forecast.orchestration.resources import Platform
from retail_forecast.pipeline.forecasts import publish_forecasts
from retail_forecast.registry import TRAINING_JOB, ModelRegistry, ModelVersion


def publish(platform: Platform, registry: ModelRegistry) -> Vintage:
    """Puts the vintage of the champion and the present tables in force. Raises NotFoundError without a champion."""
    champion = _champion(platform, registry)
    described = {"training_cutoff": champion.training_cutoff.isoformat(), "bundle_digest": champion.bundle_digest}
    with tempfile.TemporaryDirectory(prefix="rf-champion-") as folder:
        return publish_forecasts(
            platform.lake,
            platform.dataset,
            bundle_dir=registry.fetch(champion.version, Path(folder) / "bundle"),
            model_version=champion.version,
            model={**described, **_whereabouts(champion), "metrics": dict(champion.metrics)},
            workers=platform.settings.workers,
            cutoff=platform.cutoff,
            on_progress=platform.progress("Forecasts, pools"),
        )


def _whereabouts(champion: ModelVersion) -> dict[str, str]:
    """What the model is called elsewhere: its package in a registry, the job that trained it."""
    known = {"model_package": champion.resource, TRAINING_JOB: champion.tags.get(TRAINING_JOB)}
    return {name: text for name, text in known.items() if text}


def _way_to_a_champion(outcome: Outcome | None) -> str:
    if outcome is not None and outcome.waiting:
        passed = f"Version {outcome.challenger} passed the gate and waits for a person: approve it in the registry"
        return f"{passed}, or run `retail-forecast promote {outcome.challenger}`."
    why = " ".join(outcome.reasons) if outcome else "None has been trained."
    return f"{why} Deliver more history, or train with another recipe."


def _champion(platform: Platform, registry: ModelRegistry) -> ModelVersion:
    champion, outcome = registry.champion(), read_outcome(platform.lake)
    if champion is None:
        raise NotFoundError("A champion", fix=_way_to_a_champion(outcome))
    if platform.cutoff is not None and champion.training_cutoff > platform.cutoff:
        seen = f"Champion {champion.version} saw sales until {champion.training_cutoff}, after {platform.cutoff}"
        raise RegistryError(f"{seen}, and the model that was trained for that date did not pass the gate.")
    return champion
