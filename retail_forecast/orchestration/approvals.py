"""What people decide in the registry: a version that is champion there becomes the one that makes the forecasts.

The sensor compares the registry's champion with the last that Dagster knows. Another one is a fact, as a file that
lands is: noted in the lake, then reported as a materialization of `champion`. Automation decides what follows.
"""

import dagster as dg

from retail_forecast.orchestration.arrivals import DATA_VERSION
from retail_forecast.orchestration.outcome import note_champion, noted_champion
from retail_forecast.orchestration.resources import Platform
from retail_forecast.registry import ModelRegistry, ModelVersion
from retail_forecast.telemetry.audit import audit_kept

CHAMPION = dg.AssetKey("champion")


def build_approvals_sensor(platform: Platform) -> dg.SensorDefinition:
    """The sensor; off where nobody can reach the registry but through this platform, whose commands tell it at once."""
    settings = platform.settings
    shared = settings.registry == "sagemaker" or settings.mlflow_uri is not None

    @dg.sensor(
        name="approvals",
        minimum_interval_seconds=settings.approvals_interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING if shared else dg.DefaultSensorStatus.STOPPED,
        description="Reports which version the registry has as champion, whoever approved or rejected one.",
    )
    def approvals(
        context: dg.SensorEvaluationContext, registry: dg.ResourceParam[ModelRegistry]
    ) -> dg.SensorResult | dg.SkipReason:
        champion, known = registry.champion(), reported_champion(context.instance)
        if champion is None:
            return dg.SkipReason(f"No version is approved; what is published stays (champion before: {known}).")
        if champion.version == known:
            return dg.SkipReason(f"Version {known} is the champion still.")
        if champion.version != noted_champion(platform.lake):  # else the gate or a command did it, and said so
            _audit(platform, champion, known)
        return dg.SensorResult(asset_events=[report_of(platform, champion)])

    return approvals


def follow_registry(platform: Platform, registry: ModelRegistry, instance: dg.DagsterInstance) -> ModelVersion | None:
    """The registry's champion, after Dagster was told of it if that is news."""
    champion = registry.champion()
    if champion is not None and champion.version != reported_champion(instance):
        instance.report_runless_asset_event(report_of(platform, champion))
    return champion


def _audit(platform: Platform, champion: ModelVersion, replaced: str | None) -> None:
    facts = {"model_version": champion.version, "replaced": replaced, "reason": f"decided in {champion.resource}"}
    audit_kept(platform.settings.home, "promote", caller=f"registry:{champion.decided_by or 'unknown'}", **facts)


def report_of(platform: Platform, champion: ModelVersion) -> dg.AssetMaterialization:
    """The fact as Dagster's event, after it was noted in the lake."""
    note_champion(platform.lake, champion.version)
    numbers = {name: value for name, value in champion.metrics.items() if name == "wrmsse"}
    shown = {"champion version": champion.version, "registry": champion.resource, "decided": "in the registry"}
    return dg.AssetMaterialization(CHAMPION, metadata={**shown, **numbers}, tags={DATA_VERSION: champion.version})


def reported_champion(instance: dg.DagsterInstance) -> str | None:
    """The version of the last materialization of `champion`; None before the first."""
    event = instance.get_latest_materialization_event(CHAMPION)
    made = event.asset_materialization if event is not None else None
    return (made.tags or {}).get(DATA_VERSION) if made is not None else None
