"""Commands for a rollout by hand: try a vintage beside the one that is served, look, promote or abort."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from retail_forecast.cli.console import console, progress

if TYPE_CHECKING:
    from retail_forecast.cli.console import OnProgress
    from retail_forecast.settings import Settings

rollouts = typer.Typer(help="Try a vintage beside the one that is served: shadow, canary, promote, abort.")


@rollouts.command()
def start(
    vintage: Annotated[str | None, typer.Argument(metavar="[VINTAGE]", help="A published vintage.")] = None,
    model: Annotated[
        str | None, typer.Option(metavar="VERSION", help="Or a registered version, whose forecasts are made first.")
    ] = None,
    mode: Annotated[
        Literal["shadow", "canary"], typer.Option(help="Compare it beside the requests, or let it answer.")
    ] = "shadow",
    share: Annotated[
        float | None, typer.Option(min=0, max=1, help="Share of the series; by default all, of a canary a tenth.")
    ] = None,
) -> None:
    """Hold a vintage beside the active one on every replica. The same command with another share goes on from there."""
    from retail_forecast.errors import ConfigurationError
    from retail_forecast.serving import open_endpoint
    from retail_forecast.serving.config import Challenger
    from retail_forecast.settings import load_settings
    from retail_forecast.telemetry.audit import audit_person

    if (vintage is None) == (model is None):
        raise typer.BadParameter("Give a VINTAGE, or --model VERSION.")
    wanted = share if share is not None else 1.0 if mode == "shadow" else 0.1
    if wanted == 0:
        raise ConfigurationError(key="--share", found=share, expected="more than 0; `rollout abort` ends a rollout")
    settings = load_settings()
    if model is not None:
        with progress() as show:
            vintage = _publish(settings, model, show)
    limit = settings.rollout_errors
    challenger = Challenger(vintage=str(vintage), mode=mode, share=wanted, error_limit=limit)
    held = open_endpoint(settings).challenge(challenger)
    audit_person(settings.home, "rollout start", vintage=vintage, mode=mode, share=wanted)
    doing = "is compared with" if mode == "shadow" else "answers beside"
    out = console()
    out.print(f"Vintage {vintage} {doing} {held.vintage} for {wanted:.0%} of the series, on {held.replicas} replicas.")
    out.print("Next: retail-forecast rollout status")


@rollouts.command()
def status() -> None:
    """What each replica has seen of the challenger, all of them together, and whether a limit is passed."""
    from retail_forecast.serving.rollouts import plan_of
    from retail_forecast.serving.rollouts.observed import merge_reports
    from retail_forecast.settings import load_settings

    settings = load_settings()
    vintage, reports = _observed(settings)
    rows = [(name, merge_reports(vintage, {name: report})) for name, report in sorted(reports.items())]
    together, told = merge_reports(vintage, reports), next(iter(reports.values()))
    out, how = console(), told["rollout"]
    out.print(f"Vintage {vintage}, {how['mode']}, {how['share']:.0%} of the series; active is {told['active']}.")
    out.print(_table([*rows, ("all", together)]))
    problem = together.problem(plan_of(settings).limits)
    out.print(f"Beyond a limit: {problem}." if problem else "Within every limit.", markup=False)


@rollouts.command()
def promote(reason: Annotated[str | None, typer.Option(help="Why; the audit log keeps it.")] = None) -> None:
    """Make the challenger what everybody gets, its model champion, and its forecasts those in force."""
    from retail_forecast.dataset import load_dataset
    from retail_forecast.lake.vintages import read_vintage
    from retail_forecast.orchestration.resources import Platform
    from retail_forecast.orchestration.rollout import promote_challenger
    from retail_forecast.registry import open_registry
    from retail_forecast.serving import open_endpoint
    from retail_forecast.settings import load_settings
    from retail_forecast.telemetry.audit import audit_person

    settings = load_settings()
    vintage, _ = _observed(settings)
    platform = Platform(settings, load_dataset(settings.dataset_path))
    version, registry = read_vintage(platform.lake, vintage).model_version, open_registry(settings)
    before = registry.champion()
    deployed = promote_challenger(platform, registry, open_endpoint(settings), vintage, version)
    replaced = before.version if before is not None else None
    facts = {"model_version": version, "replaced": replaced, "reason": reason}
    audit_person(settings.home, "rollout promote", vintage=vintage, **facts)
    out = console()
    out.print(f"{deployed.url} answers from vintage {vintage} with {deployed.replicas} replicas.", markup=False)
    out.print(f"Version {version} is champion.")


@rollouts.command()
def abort() -> None:
    """Take the challenger back from every replica; the active vintage goes on."""
    from retail_forecast.serving import open_endpoint
    from retail_forecast.settings import load_settings
    from retail_forecast.telemetry.audit import audit_person

    settings = load_settings()
    left = open_endpoint(settings).withdraw()
    audit_person(settings.home, "rollout abort", vintage=left.vintage)
    console().print(f"{left.replicas} replicas answer from vintage {left.vintage} alone.")


def _observed(settings: Settings) -> tuple[str, dict[str, dict[str, Any]]]:
    """The vintage that is tried, and each replica's report. Raises NotFoundError if there is none."""
    from retail_forecast.errors import NotFoundError
    from retail_forecast.serving import open_endpoint

    reports = open_endpoint(settings).observe()
    tried = {name: report for name, report in reports.items() if (report.get("rollout") or {}).get("mode")}
    if not tried:
        raise NotFoundError("A challenger on the endpoint", fix="`retail-forecast rollout start` tries one.")
    return str(next(iter(tried.values()))["rollout"]["vintage"]), reports


def _publish(settings: Settings, version: str, show: OnProgress) -> str:
    from retail_forecast.dataset import load_dataset
    from retail_forecast.orchestration.forecast_run import publish_challenger
    from retail_forecast.orchestration.resources import Platform
    from retail_forecast.registry import open_registry

    platform = Platform(settings, load_dataset(settings.dataset_path), on_progress=show)
    return publish_challenger(platform, open_registry(settings), version).id


def _table(rows: list[tuple[str, Any]]) -> Any:
    from rich.table import Table

    table = Table(box=None)
    for name in ("replica", "answers", "errors", "p99 ms", "active", "beside", "dropped", "lacks", "median", "p90"):
        table.add_column(name, justify="left" if name == "replica" else "right")
    for name, seen in rows:
        mine, theirs = seen.requests.challenger, seen.requests.active
        beside = seen.shadow.challenger
        figures = [mine.total, mine.errors + beside.errors, mine.latency_ms(0.99), theirs.latency_ms(0.99)]
        figures += [beside.total, seen.dropped, seen.missing, seen.differs_by(0.5), seen.differs_by(0.9)]
        table.add_row(name, *("-" if one is None else f"{one:.3g}" if one < 10 else f"{one:.0f}" for one in figures))
    return table
