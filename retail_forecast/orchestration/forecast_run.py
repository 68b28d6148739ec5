"""Forecasts with the champion, and with a challenger that is to be tried."""

from pathlib import Path

from retail_forecast.errors import NotFoundError, RegistryError
from retail_forecast.lake.vintages import Vintage
from retail_forecast.orchestration.outcome import Outcome, read_outcome
from retail_forecast.orchestration.resources import Platform
from retail_forecast.pipeline.forecasts import publish_forecasts
from retail_forecast.registry import TRAINING_JOB, ModelRegistry, ModelVersion
from retail_forecast.scratch import scratch_folder


def publish(platform: Platform, registry: ModelRegistry) -> Vintage:
    """Puts the vintage of the champion and the present tables in force. Raises NotFoundError without a champion."""
    return _publish(platform, registry, _champion(platform, registry), in_force=True)


def publish_challenger(platform: Platform, registry: ModelRegistry, version: str) -> Vintage:
    """The vintage of a registered version and the present tables, to be tried; what is in force stays.

    It is the one that would be published if the version were champion. Raises NotFoundError for an unknown version.
    """
    return _publish(platform, registry, registry.get(version), in_force=False)


def _publish(platform: Platform, registry: ModelRegistry, model: ModelVersion, *, in_force: bool) -> Vintage:
    described = {"training_cutoff": model.training_cutoff.isoformat(), "bundle_digest": model.bundle_digest}
    with scratch_folder("bundle") as folder:
        return publish_forecasts(
            platform.lake,
            platform.dataset,
            bundle_dir=registry.fetch(model.version, Path(folder) / "bundle"),
            model_version=model.version,
            model={**described, **_whereabouts(model), "metrics": dict(model.metrics)},
            workers=platform.settings.workers,
            cutoff=platform.cutoff,
            in_force=in_force,
            on_progress=platform.progress("Forecasts, pools"),
        )


def _whereabouts(model: ModelVersion) -> dict[str, str]:
    """What the model is called elsewhere: its package in a registry, the job that trained it."""
    known = {"model_package": model.resource, TRAINING_JOB: model.tags.get(TRAINING_JOB)}
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
