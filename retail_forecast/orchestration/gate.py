"""The gate: a challenger is registered, judged by its backtest, and promoted or rejected."""

import json
import math
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from retail_forecast.errors import NotFoundError
from retail_forecast.evaluation import Contender, Decision, contender, decide
from retail_forecast.lake import Lake
from retail_forecast.lake.artifacts import Artifact
from retail_forecast.models import BASELINES, Bundle
from retail_forecast.orchestration.metadata import bullet_list
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
from retail_forecast.pipeline.trainings import finish_training, read_json
from retail_forecast.registry import TRAINING_JOB, ModelRegistry

_OUTCOME = "last_gate.json"


@dataclass(frozen=True)
class Outcome:
    """What the gate decided: versions of the challenger and of the champion afterwards, and the mean scores."""

    challenger: str
    champion: str | None
    promoted: bool
    reasons: tuple[str, ...]
    numbers: Mapping[str, float]


def judge(platform: Platform, registry: ModelRegistry) -> Outcome:
    """Judges the challenger that was trained last; the same one again ends the same."""
    progress = read_progress(platform.lake)
    if progress.model is None or progress.backtest is None:
        raise NotFoundError("A tested challenger", fix="Materialize `model` and `backtest` first.")
    tested = read_backtest(Artifact(platform.lake, BACKTESTS, progress.backtest))
    with tempfile.TemporaryDirectory(prefix="rf-bundle-") as folder:
        bundle = _complete_bundle(platform.lake, progress, Path(folder))
        decision = _decide(platform, registry, progress, tested, bundle)
        tags = {"request": progress.request, "recipe": bundle.recipe.digest, **_origin(platform.lake, progress)}
        version = registry.register(bundle.path, metrics=_metrics(decision, tested), tags=tags)
        window_start = date.fromisoformat(bundle.origin["window_start"])
    if decision.promote:
        registry.promote(version.version)
    else:
        registry.reject(version.version, " ".join(decision.reasons))
    present = registry.champion()
    outcome = Outcome(
        version.version, present.version if present else None, decision.promote, decision.reasons, decision.numbers
    )
    platform.lake.store.write(_OUTCOME, json.dumps(asdict(outcome)).encode())
    finish_training(
        platform.lake,
        progress.request,
        version=version.version,
        window_start=window_start,
        dataset_hash=platform.dataset.hash,
        recipe=bundle.recipe.digest,
    )
    return outcome


def read_outcome(lake: Lake) -> Outcome | None:
    """The last decision of the gate, or None before the first."""
    raw = read_json(lake, _OUTCOME)
    return Outcome(**{**raw, "reasons": tuple(raw["reasons"])}) if raw else None


def gate_metadata(outcome: Outcome) -> dict[str, Any]:
    """The decision's numbers and reasons, for the UI."""
    scores = {f"WRMSSE {name}": value for name, value in outcome.numbers.items()}
    return {**scores, "why": bullet_list(outcome.reasons)}


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
    champion = _champion(registry, progress, tested)
    return decide(challenger, champion, baselines, tolerance=platform.settings.gate_tolerance)


def _champion(registry: ModelRegistry, progress: Progress, tested: Tested) -> Contender | None:
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
