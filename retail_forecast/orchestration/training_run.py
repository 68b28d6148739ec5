"""The steps from a training request to a judged challenger, each found again by the fingerprint of its inputs.

Where a training stands is one small document of the lake, so that a step knows what the one before made, and a killed
training goes on where it was.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

import retail_forecast
from retail_forecast.errors import NotFoundError
from retail_forecast.evaluation import ALL_LEVELS
from retail_forecast.lake import Lake
from retail_forecast.lake.artifacts import Artifact
from retail_forecast.lake.tables import digest_of
from retail_forecast.orchestration.resources import Platform
from retail_forecast.orchestration.workshop import SHOWN_COST, OnLog, Workshop, cost_of, progress_listener
from retail_forecast.pipeline.feature_sets import FeatureSet
from retail_forecast.pipeline.features import build_training_features
from retail_forecast.pipeline.request import RetrainingPolicy, TrainingRequest, decide_training, read_request
from retail_forecast.pipeline.trainings import last_training, note_billed, read_json, start_training
from retail_forecast.registry import ModelRegistry, ModelVersion
from retail_forecast.scratch import scratch_folder
from retail_forecast.training import JobResult, Source, Trainer

MODELS, BACKTESTS = "models", "backtests"
_PROGRESS = "training_progress.json"


@dataclass(frozen=True)
class Progress:
    """How far the training of a request has come: fingerprints of what is made."""

    request: str
    cutoff: str
    features: str
    model: str | None = None
    backtest: str | None = None
    champion: str | None = None


@dataclass(frozen=True)
class Made:
    """An artifact of a step, and what to show of it."""

    fingerprint: str
    info: Mapping[str, Any]


@dataclass(frozen=True)
class Tested(Made):
    """A backtest. scores: model, cutoff, level, metric, value. Plots: WRMSSE by level, mean absolute error by lead.

    coverage: interval to level to the share of sales within it. quantile_loss: metric to level to its value.
    """

    scores: pl.DataFrame
    by_level: Mapping[str, Mapping[str, float]]
    by_lead: Mapping[str, pl.DataFrame]
    coverage: Mapping[str, Mapping[str, float]]
    quantile_loss: Mapping[str, Mapping[str, float]]


def decide(platform: Platform, registry: ModelRegistry) -> TrainingRequest:
    """Whether a training is due, by the policy in the settings."""
    settings, champion = platform.settings, registry.champion()
    policy = RetrainingPolicy(
        settings.retrain_after_periods, settings.retrain_changed_share, settings.retrain_error_ratio
    )
    return decide_training(
        platform.lake,
        platform.dataset,
        policy,
        recipe=platform.recipe.digest,
        champion=champion.version if champion else None,
        waiting=_waiting(platform, registry),
        backtest_error=champion.metrics.get("wrmsse") if champion else None,
        cutoff=platform.cutoff,
    )


def _waiting(platform: Platform, registry: ModelRegistry) -> str | None:
    """The version of the last training while a person, and not the gate, has yet to decide about it."""
    last = last_training(platform.lake)
    if platform.settings.promotion != "manual" or last is None:
        return None
    with suppress(NotFoundError):  # of a registry that was begun anew
        return last.version if registry.get(last.version).stage == "challenger" else None
    return None


def training_is_pending(platform: Platform) -> bool:
    """Whether the request in force asks for a training that has not ended."""
    request, last = read_request(platform.lake), last_training(platform.lake)
    return request is not None and request.due and request.after == (last.version if last else None)


def make_features(platform: Platform) -> FeatureSet:
    """The training set of the request in force."""
    request = read_request(platform.lake)
    if request is None or request.cutoff is None:
        raise NotFoundError("A training request", fix="Materialize `training_request` first.")
    lake, dataset, settings = platform.lake, platform.dataset, platform.settings
    cutoff = date.fromisoformat(request.cutoff)
    start_training(lake, request.id, cutoff=cutoff)
    made = build_training_features(
        lake,
        dataset,
        cutoff=cutoff,
        recipe=platform.recipe,
        workers=settings.workers,
        backtest_cutoffs=settings.backtest_cutoffs,
        shard_rows=settings.shard_rows,
        on_progress=platform.progress("Features, pools"),
    )
    fresh = Progress(request.id, request.cutoff, made.fingerprint)
    before = read_json(lake, _PROGRESS)
    if before is None or replace(Progress(**before), model=None, backtest=None, champion=None) != fresh:
        write_progress(lake, fresh)
    return made


def train(platform: Platform, trainer: Trainer, on_log: OnLog) -> Made:
    """The challenger on the training set that was made last."""
    lake, progress = platform.lake, read_progress(platform.lake)
    recipe = platform.recipe
    artifact = Artifact(lake, MODELS, digest_of([progress.features, recipe.digest, training_code()]))
    if not artifact.is_published():
        with Workshop(platform, f"train-{artifact.fingerprint[:12]}") as shop:
            job = shop.job("train", {"features": shop.features(progress.features)}, recipe)
            result = trainer.run(job, on_log=progress_listener(platform, on_log))
            artifact.publish(result.model_dir, cost_of(result))
            _note_bill(lake, job.task, result)
    write_progress(lake, replace(progress, model=artifact.fingerprint))
    return Made(artifact.fingerprint, _shown(artifact))


def run_backtest(platform: Platform, trainer: Trainer, registry: ModelRegistry, on_log: OnLog) -> Tested:
    """Recipe, champion and baselines on rolling cutoffs, from the training set that was made last."""
    lake, progress = platform.lake, read_progress(platform.lake)
    recipe, champion = platform.recipe, _rival_of(platform, registry, progress)
    cutoffs = platform.settings.backtest_cutoffs
    rival_digest = champion.bundle_digest if champion else ""
    parts = [progress.features, recipe.digest, training_code(), str(cutoffs), rival_digest]
    artifact = Artifact(lake, BACKTESTS, digest_of(parts))
    if not artifact.is_published():
        with Workshop(platform, f"backtest-{artifact.fingerprint[:12]}") as shop:
            channels: dict[str, Source] = {
                "features": shop.features(progress.features),
                "history": shop.history(date.fromisoformat(progress.cutoff)),
            }
            if champion is not None:
                channels["champion"] = registry.fetch(champion.version, shop.folder / "champion")
            job = shop.job("backtest", channels, recipe, cutoffs=str(cutoffs))
            result = trainer.run(job, on_log=progress_listener(platform, on_log))
            artifact.publish(result.model_dir, cost_of(result))
            _note_bill(lake, job.task, result)
    rival = champion.version if champion else None
    write_progress(lake, replace(progress, backtest=artifact.fingerprint, champion=rival))
    return read_backtest(artifact)


def _rival_of(platform: Platform, registry: ModelRegistry, progress: Progress) -> ModelVersion | None:
    """The champion to hold against: none that saw sales after the cutoff that is pretended.

    Once a challenger was tested its rival stays the same: after its promotion it would otherwise meet itself.
    """
    if progress.backtest is not None:
        return registry.get(progress.champion) if progress.champion is not None else None
    champion = registry.champion()
    if champion is not None and platform.cutoff is not None and champion.training_cutoff > platform.cutoff:
        return None
    return champion


def read_backtest(artifact: Artifact) -> Tested:
    """What a published backtest says."""
    with scratch_folder("backtest") as folder:
        path = artifact.fetch(folder)
        scores = pl.read_parquet(path / "scores.parquet")
        error = (pl.col("mean") - pl.col("units_sold")).abs().mean().alias("error")
        leads = pl.scan_parquet(path / "predictions.parquet").group_by("model", "lead").agg(error).collect()
    relative = (
        scores.filter(metric="wrmsse").group_by("model", "level", maintain_order=True).agg(pl.col("value").mean())
    )
    models = sorted(relative["model"].unique())
    by_level = {name: dict(relative.filter(model=name).select("level", "value").iter_rows()) for name in models}
    by_lead = {name: leads.filter(model=name).sort("lead") for name in models}
    means = {f"WRMSSE {name}": levels[ALL_LEVELS] for name, levels in by_level.items() if ALL_LEVELS in levels}
    quantiles = mean_by_level(
        scores, [metric for metric in scores["metric"].unique() if metric.startswith("coverage_")]
    )
    coverage = {f"{float(name.removeprefix('coverage_')):.0%}": levels for name, levels in quantiles.items()}
    losses = mean_by_level(scores, ["wspl", "wql"])
    means |= {f"{name.upper()} of quantiles": one[ALL_LEVELS] for name, one in losses.items() if ALL_LEVELS in one}
    return Tested(artifact.fingerprint, {**_shown(artifact), **means}, scores, by_level, by_lead, coverage, losses)


def mean_by_level(scores: pl.DataFrame, metrics: Sequence[str]) -> dict[str, dict[str, float]]:
    """Metric to level to the mean over the cutoffs, of the metrics that there are; sorted by metric."""
    means = scores.group_by("metric", "level", maintain_order=True).agg(pl.col("value").mean())
    by_metric = {metric: dict(means.filter(metric=metric).select("level", "value").iter_rows()) for metric in metrics}
    return {metric: levels for metric, levels in sorted(by_metric.items()) if levels}


@cache
def training_code() -> str:
    """Hash of the code that trains and judges: other code, another model from the same features."""
    package = Path(retail_forecast.__file__).parent
    files = [file for room in ("models", "evaluation", "pipeline") for file in sorted((package / room).glob("*.py"))]
    return digest_of(hashlib.sha256(file.read_bytes()).hexdigest() for file in files)


def read_progress(lake: Lake) -> Progress:
    """Where the training stands. Raises NotFoundError before the first."""
    progress = find_progress(lake)
    if progress is None:
        raise NotFoundError("A training set", fix="Materialize `features` first.")
    return progress


def find_progress(lake: Lake) -> Progress | None:
    """Where the training stands, or None before the first."""
    raw = read_json(lake, _PROGRESS)
    return Progress(**raw) if raw is not None else None


def made_artifacts(lake: Lake) -> set[str]:
    """Fingerprints of what the training that was last under way has made."""
    progress = read_json(lake, _PROGRESS) or {}
    return {progress[step] for step in ("features", "model", "backtest") if progress.get(step) is not None}


def write_progress(lake: Lake, progress: Progress) -> None:
    """Notes where the training stands."""
    lake.store.write(_PROGRESS, json.dumps(asdict(progress)).encode())


def _note_bill(lake: Lake, task: str, result: JobResult) -> None:
    if result.bill is not None:
        note_billed(lake, task, result.bill.billed_seconds)


def _shown(artifact: Artifact) -> dict[str, Any]:
    info = artifact.info()
    return {name: info[name] for name in (*SHOWN_COST, "published_at") if info.get(name) is not None}
