"""The gate: a challenger is registered, judged by its backtest, and promoted or rejected."""

import math
import re
import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from retail_forecast.errors import NotFoundError
from retail_forecast.evaluation import Contender, Decision, contender, decide
from retail_forecast.lake import Lake
from retail_forecast.lake.artifacts import Artifact
from retail_forecast.models import BASELINES, Bundle
from retail_forecast.orchestration.outcome import Outcome, read_outcome, write_outcome
from retail_forecast.orchestration.resources import Platform
from retail_forecast.orchestration.training_run import (
    BACKTESTS,
    MODELS,
    Progress,
    Tested,
    read_backtest,
    read_progress,
)
from retail_forecast.orchestration.workshop import JOB_ARN
from retail_forecast.pipeline.backtest_shards import CHALLENGER, CHAMPION
from retail_forecast.pipeline.trainings import finish_training
from retail_forecast.registry import TRAINING_JOB, ModelRegistry, ModelVersion
from retail_forecast.scratch import scratch_folder
from retail_forecast.telemetry.audit import audit_kept

_CALLER = "gate"


@dataclass(frozen=True)
class Registered:
    """A challenger in the registry, and what the gate says of it."""

    version: ModelVersion
    decision: Decision


def judge(platform: Platform, registry: ModelRegistry) -> Outcome:
    """Judges the challenger that was trained last; the same one again ends the same."""
    registered = register_challenger(platform, registry)
    version, decision = registered.version, registered.decision
    if not _is_settled(platform.lake, version):
        _settle(platform, registry, version.version, decision)
    present = registry.champion()
    outcome = Outcome(
        challenger=version.version,
        champion=present.version if present else None,
        passed=decision.promote,
        promoted=decision.promote and present is not None and present.version == version.version,
        waiting=decision.promote and registry.get(version.version).stage == "challenger",
        reasons=decision.reasons,
        numbers=decision.numbers,
    )
    write_outcome(platform.lake, outcome)
    return outcome


def register_challenger(platform: Platform, registry: ModelRegistry) -> Registered:
    """Registers the challenger that was trained last, with the gate's verdict; nobody is promoted or rejected."""
    progress = read_progress(platform.lake)
    if progress.model is None or progress.backtest is None:
        raise NotFoundError("A tested challenger", fix="Materialize `model` and `backtest` first.")
    tested = read_backtest(Artifact(platform.lake, BACKTESTS, progress.backtest))
    with scratch_folder("bundle") as folder:
        bundle = _complete_bundle(platform.lake, progress, Path(folder))
        decision = _decide(platform, registry, progress, tested, bundle)
        tags = {"request": progress.request, "recipe": bundle.recipe.digest, **_origin(platform.lake, progress)}
        version = registry.register(bundle.path, metrics=_metrics(decision, tested), tags=tags)
    finish_training(
        platform.lake,
        progress.request,
        version=version.version,
        window_start=date.fromisoformat(bundle.origin["window_start"]),
        dataset_hash=platform.dataset.hash,
        recipe=bundle.recipe.digest,
    )
    return Registered(version, decision)


def _is_settled(lake: Lake, version: ModelVersion) -> bool:
    """Whether somebody decided about the version already; what the gate rejected, it may judge again.

    A step that is repeated must not undo what a person did since.
    """
    if version.stage == "challenger":
        return False
    last = read_outcome(lake)
    by_gate = last is not None and last.challenger == version.version and not last.passed
    return not (version.stage == "rejected" and by_gate)


def _settle(platform: Platform, registry: ModelRegistry, version: str, decision: Decision) -> None:
    home, reason, before = platform.settings.home, " ".join(decision.reasons), registry.champion()
    if not decision.promote:
        registry.reject(version, reason)
        audit_kept(home, "reject", caller=_CALLER, model_version=version, reason=reason)
    elif platform.settings.promotion != "manual":
        registry.promote(version)
        replaced = before.version if before is not None else None
        audit_kept(home, "promote", caller=_CALLER, model_version=version, replaced=replaced, reason=reason)


def _origin(lake: Lake, progress: Progress) -> dict[str, str]:
    """The training job, where the trainer has a name for it that others know."""
    job = Artifact(lake, MODELS, str(progress.model)).info().get(JOB_ARN)
    return {TRAINING_JOB: str(job)} if job else {}


def _complete_bundle(lake: Lake, progress: Progress, folder: Path) -> Bundle:
    """The trained bundle with what its backtest says of errors and uncertainty."""
    model = Artifact(lake, MODELS, str(progress.model)).fetch(folder / "model")
    tested = Artifact(lake, BACKTESTS, str(progress.backtest)).fetch(folder / "backtest")
    target = folder / "bundle"
    shutil.copytree(model, target, ignore=shutil.ignore_patterns("_done.json"))
    for name in ("calibration.json", "intervals.json", "scores.json"):
        if (tested / name).exists():
            shutil.copyfile(tested / name, target / name)
    return Bundle.load(target)


def _decide(
    platform: Platform, registry: ModelRegistry, progress: Progress, tested: Tested, bundle: Bundle
) -> Decision:
    challenger = contender(
        tested.scores, CHALLENGER, recipe=bundle.recipe.digest, training_cutoff=bundle.training_cutoff
    )
    baselines = [contender(tested.scores, name) for name in BASELINES]
    champion = _rival(registry, progress, tested)
    return decide(challenger, champion, baselines, tolerance=platform.settings.gate_tolerance)


def _rival(registry: ModelRegistry, progress: Progress, tested: Tested) -> Contender | None:
    if progress.champion is None:
        return None
    version = registry.get(progress.champion)
    recipe = version.tags.get("recipe", "")
    return contender(tested.scores, CHAMPION, recipe=recipe, training_cutoff=version.training_cutoff)


def _metrics(decision: Decision, tested: Tested) -> dict[str, float]:
    """`wrmsse` is what later errors are compared with; the others are there to be looked at."""
    named = {f"wrmsse_{name}": value for name, value in decision.numbers.items()}
    mine = tested.by_level.get(CHALLENGER, {})
    levels = {f"wrmsse_at_{re.sub('[^a-z_]+', '_', level)}": value for level, value in mine.items()}
    kept = {"wrmsse": decision.numbers[CHALLENGER], **named, **levels}
    return {name: value for name, value in kept.items() if math.isfinite(value)}
