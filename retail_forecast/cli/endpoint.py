"""Commands for the endpoint: which vintage answers, and how many replicas."""

from __future__ import annotations

from typing import Annotated

import typer

from retail_forecast.cli.console import console
from retail_forecast.cli.home import latest_vintage_of

LATEST = "latest"


def deploy(
    vintage: Annotated[str, typer.Argument(metavar="[VINTAGE]", help="A vintage's id, or latest.")] = LATEST,
    canary: Annotated[bool, typer.Option("--canary", help="In the steps of RETAIL_FORECAST_ROLLOUT_STEPS.")] = False,
) -> None:
    """Put a vintage behind the endpoint and prove that every replica answers from it. The endpoint stays up."""
    from retail_forecast.lake import open_lake
    from retail_forecast.orchestration.deployments import report_deployment
    from retail_forecast.serving import open_endpoint
    from retail_forecast.serving.rollouts import plan_of, roll_out
    from retail_forecast.settings import load_settings
    from retail_forecast.telemetry.audit import audit_person

    settings, out = load_settings(), console()
    in_force = latest_vintage_of(open_lake(settings.lake)).id
    deployed = roll_out(
        open_endpoint(settings),
        in_force if vintage == LATEST else vintage,
        plan_of(settings, strategy="canary" if canary else "direct"),
        lake_url=settings.lake,
        on_step=lambda step: out.print(", ".join(f"{name} {value}" for name, value in step.row().items())),
    ).deployment
    audit_person(settings.home, "deploy", vintage=deployed.vintage, model_version=deployed.model_version)
    out.print(
        f"{deployed.url} answers from vintage {deployed.vintage} with {deployed.replicas} replicas.", markup=False
    )
    if deployed.vintage == in_force:
        report_deployment(settings, deployed)
    else:
        out.print(
            f"In force is {in_force}; the next forecasts take its place. To stay with an older model: promote it."
        )


def scale(
    replicas: Annotated[int | None, typer.Argument(metavar="[N]", min=1, help="So many replicas, always.")] = None,
    least: Annotated[int | None, typer.Option("--min", min=1, help="At least so many.")] = None,
    most: Annotated[int | None, typer.Option("--max", min=1, help="Up to so many while requests wait.")] = None,
) -> None:
    """Change the replicas of the endpoint: a number, or a range within which it scales itself."""
    from retail_forecast.serving import open_endpoint
    from retail_forecast.settings import load_settings

    if (least is None) != (most is None) or (replicas is None) == (least is None):
        raise typer.BadParameter("Give N, or --min and --max.")
    low, high = replicas or least, replicas or most
    deployed = open_endpoint(load_settings()).scale(int(low or 1), int(high or 1))
    span = f"{low}" if low == high else f"{low} to {high}"
    now = (
        f"{deployed.replicas} answer now at {deployed.url}" if deployed else "the endpoint is down and starts with them"
    )
    console().print(f"Replicas: {span}; {now}.", markup=False)
