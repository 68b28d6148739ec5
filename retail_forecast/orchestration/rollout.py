"""Serving a vintage as the settings say, and what a person sees of it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import dagster as dg

from retail_forecast.lake.vintages import put_in_force
from retail_forecast.orchestration.approvals import follow_registry
from retail_forecast.orchestration.deployments import report_deployment
from retail_forecast.orchestration.instance import open_instance
from retail_forecast.orchestration.resources import Platform
from retail_forecast.registry import ModelRegistry
from retail_forecast.serving import Deployment, Endpoint
from retail_forecast.serving.rollouts import RolledBackError, RolledOut, StepReport, plan_of, roll_out


def serve_by_plan(platform: Platform, endpoint: Endpoint, vintage: str, context: dg.AssetExecutionContext) -> RolledOut:
    """Rolls the vintage out as the settings say. A rollout that was taken back fails the step, which is not tried
    again: the next vintage is another rollout."""

    def tell(step: StepReport) -> None:
        context.log.info("Rollout: %s", step.row())

    with _told_to_dagster():
        return roll_out(endpoint, vintage, plan_of(platform.settings), lake_url=platform.settings.lake, on_step=tell)


@contextmanager
def _told_to_dagster() -> Iterator[None]:
    try:
        yield
    except RolledBackError as error:
        shown = {"rollout": rollout_table(error.steps)}
        raise dg.Failure(description=str(error), metadata=shown, allow_retries=False) from error


def rollout_table(steps: Sequence[StepReport]) -> dg.MetadataValue:
    """A row per step: what was asked, what came of it."""
    if not steps:
        return dg.MetadataValue.text("at once")
    rows = [step.row() for step in steps]
    lines = ["| " + " | ".join(name.replace("_", " ") for name in rows[0]) + " |", "|---" * len(rows[0]) + "|"]
    lines += ["| " + " | ".join(str(value) for value in row.values()) + " |" for row in rows]
    return dg.MetadataValue.md("\n".join(lines))


def promote_challenger(
    platform: Platform, registry: ModelRegistry, endpoint: Endpoint, vintage: str, model_version: str
) -> Deployment:
    """Serves the challenger on every replica, then makes its model champion and its forecasts those in force.

    Raises DeploymentError if it cannot be proved; nothing of the registry or the lake has changed then.
    """
    deployed = endpoint.deploy(vintage)
    champion = registry.champion()
    if champion is None or champion.version != model_version:
        registry.promote(model_version)
    put_in_force(platform.lake, vintage)
    with open_instance(platform.settings) as instance:
        follow_registry(platform, registry, instance)
    report_deployment(platform.settings, deployed)
    return deployed
