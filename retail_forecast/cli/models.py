"""Commands for one step of a model's life each: train, register, promote. `run` does them all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retail_forecast.cli.console import console, progress

if TYPE_CHECKING:
    from retail_forecast.registry import ModelRegistry, ModelVersion
    from retail_forecast.settings import Settings

_FOLLOW = "Forecasts with it follow by themselves while `retail-forecast dev` runs, or with: retail-forecast run"


def train(
    preset: Annotated[
        str | None, typer.Option(help="fast, standard or best; RETAIL_FORECAST_PRESET otherwise.")
    ] = None,
) -> None:
    """Train and backtest a challenger on all that has landed, due or not. It is not registered."""
    from retail_forecast.evaluation import ALL_LEVELS
    from retail_forecast.orchestration.run import train_challenger
    from retail_forecast.settings import load_settings

    settings = load_settings(**({"preset": preset} if preset else {}))
    with progress() as show:
        tested = train_challenger(settings, on_progress=show)
    out = console()
    for name, levels in sorted(tested.by_level.items(), key=lambda one: one[1][ALL_LEVELS]):
        out.print(f"WRMSSE {levels[ALL_LEVELS]:.4f}  {name.replace('_', ' ')}")
    out.print("Next: retail-forecast register")


def register(
    bundle: Annotated[
        Path | None,
        typer.Argument(
            metavar="[BUNDLE]", exists=True, file_okay=False, help="A bundle's folder; else what was trained last."
        ),
    ] = None,
    require_gate: Annotated[
        bool, typer.Option("--require-gate", help="End with status 1 unless the gate would promote it.")
    ] = False,
) -> None:
    """Put the model that was trained last, or a bundle, into the registry as a challenger."""
    from retail_forecast.dataset import load_dataset
    from retail_forecast.orchestration.gate import register_challenger
    from retail_forecast.orchestration.resources import Platform
    from retail_forecast.registry import open_registry
    from retail_forecast.settings import load_settings

    if require_gate and bundle is not None:
        raise typer.BadParameter("--require-gate is for what was trained last: a bundle by itself has no backtest.")
    settings = load_settings()
    registry, out, passes = open_registry(settings), console(), True
    if bundle is not None:
        version = _register_bundle(registry, bundle)
    else:
        registered = register_challenger(Platform(settings, load_dataset(settings.dataset_path)), registry)
        version = registered.version
        for reason in registered.decision.reasons:
            out.print(reason, markup=False)
        passes = registered.decision.promote
        out.print(f"The gate would {'promote' if passes else 'reject'} it.")
    out.print(f"Version {version.version}, {version.stage}: {version.resource}", markup=False)
    if version.stage == "challenger":
        out.print(f"Next: retail-forecast promote {version.version}")
    if require_gate and not passes:
        raise typer.Exit(1)


def promote(
    version: Annotated[
        str | None, typer.Argument(metavar="[VERSION]", help="Becomes champion; an older one too.")
    ] = None,
    reject: Annotated[str | None, typer.Option(metavar="VERSION", help="Reject this version instead.")] = None,
    reason: Annotated[str | None, typer.Option(help="Why; the audit log keeps it.")] = None,
) -> None:
    """Make a version champion, also an older one (a rollback), or reject one. Whatever the gate said."""
    from retail_forecast.registry import open_registry
    from retail_forecast.settings import load_settings
    from retail_forecast.telemetry.audit import audit_person

    if (version is None) == (reject is None) or (reject is not None and reason is None):
        raise typer.BadParameter("Give a VERSION, or --reject VERSION with --reason TEXT.")
    settings = load_settings()
    registry, out = open_registry(settings), console()
    if reject is not None:
        registry.reject(reject, str(reason))
        audit_person(settings.home, "reject", model_version=reject, reason=reason)
        out.print(f"Version {reject} is rejected: {reason}", markup=False)
        return
    before, promoted = registry.champion(), registry.promote(str(version))
    replaced = before.version if before is not None else None
    audit_person(settings.home, "promote", model_version=promoted.version, replaced=replaced, reason=reason)
    _tell_dagster(settings, registry)
    out.print(f"Version {promoted.version} is champion, trained on sales until {promoted.training_cutoff}.")
    out.print(_FOLLOW)


def _register_bundle(registry: ModelRegistry, folder: Path) -> ModelVersion:
    """Raises NotFoundError for a bundle without the intervals that a backtest makes: it could not forecast."""
    from retail_forecast.models import Bundle

    loaded = Bundle.load(folder)
    _ = loaded.intervals
    return registry.register(folder, metrics={}, tags={"recipe": loaded.recipe.digest, "request": "by hand"})


def _tell_dagster(settings: Settings, registry: ModelRegistry) -> None:
    from retail_forecast.dataset import load_dataset
    from retail_forecast.orchestration.approvals import follow_registry
    from retail_forecast.orchestration.instance import open_instance
    from retail_forecast.orchestration.resources import Platform

    with open_instance(settings) as instance:
        follow_registry(Platform(settings, load_dataset(settings.dataset_path)), registry, instance)
