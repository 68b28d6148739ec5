"""The steps from a training request to a judged challenger, each found again by the fingerprint of its inputs.

Where a training stands is one small document of the lake, so that a step knows what the one before made, and a killed
training goes on where it was.
"""

import json
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Literal, Self

import polars as pl

from retail_forecast import __version__
from retail_forecast.errors import NotFoundError
from retail_forecast.evaluation import ALL_LEVELS
from retail_forecast.lake import Lake
from retail_forecast.lake.artifacts import Artifact
from retail_forecast.lake.tables import digest_of
from retail_forecast.models import Recipe
from retail_forecast.orchestration.resources import Platform
from retail_forecast.pipeline.feature_sets import FeatureSet
from retail_forecast.pipeline.features import build_training_features
from retail_forecast.pipeline.history import write_history
from retail_forecast.pipeline.request import RetrainingPolicy, TrainingRequest, decide_training, read_request
from retail_forecast.pipeline.train import default_recipe
from retail_forecast.pipeline.trainings import last_training, read_json, start_training
from retail_forecast.registry import ModelRegistry, ModelVersion
from retail_forecast.training import JobResult, Trainer, TrainingJob

OnLog = Callable[[str], None]

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
    """A backtest. scores: model, cutoff, level, metric, value. Plots: WRMSSE by level, mean absolute error by lead."""

    scores: pl.DataFrame
    by_level: Mapping[str, Mapping[str, float]]
    by_lead: Mapping[str, pl.DataFrame]


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
        champion=champion.version if champion else None,
        backtest_error=champion.metrics.get("wrmsse") if champion else None,
        cutoff=platform.cutoff,
    )


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
        recipe=default_recipe(dataset),
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
    recipe = default_recipe(platform.dataset)
    artifact = Artifact(lake, MODELS, digest_of([progress.features, recipe.digest, __version__]))
    if not artifact.is_published():
        with _Workshop(platform, f"train-{artifact.fingerprint[:12]}") as shop:
            job = shop.job("train", {"features": shop.features(progress)}, recipe)
            result = trainer.run(job, on_log=_listener(platform, on_log))
            artifact.publish(result.model_dir, _cost(result))
    write_progress(lake, replace(progress, model=artifact.fingerprint))
    return Made(artifact.fingerprint, _shown(artifact))


def run_backtest(platform: Platform, trainer: Trainer, registry: ModelRegistry, on_log: OnLog) -> Tested:
    """Recipe, champion and baselines on rolling cutoffs, from the training set that was made last."""
    lake, progress = platform.lake, read_progress(platform.lake)
    recipe, champion = default_recipe(platform.dataset), _rival_of(platform, registry, progress)
    cutoffs = platform.settings.backtest_cutoffs
    parts = [progress.features, recipe.digest, __version__, str(cutoffs), champion.bundle_digest if champion else ""]
    artifact = Artifact(lake, BACKTESTS, digest_of(parts))
    if not artifact.is_published():
        with _Workshop(platform, f"backtest-{artifact.fingerprint[:12]}") as shop:
            channels = {"features": shop.features(progress), "history": shop.history(progress)}
            if champion is not None:
                channels["champion"] = registry.fetch(champion.version, shop.folder / "champion")
            job = shop.job("backtest", channels, recipe, cutoffs=str(cutoffs))
            result = trainer.run(job, on_log=_listener(platform, on_log))
            artifact.publish(result.model_dir, _cost(result))
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
    with tempfile.TemporaryDirectory(prefix="rf-backtest-") as folder:
        path = artifact.fetch(Path(folder))
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
    return Tested(artifact.fingerprint, {**_shown(artifact), **means}, scores, by_level, by_lead)


def read_progress(lake: Lake) -> Progress:
    """Where the training stands. Raises NotFoundError before the first."""
    raw = read_json(lake, _PROGRESS)
    if raw is None:
        raise NotFoundError("A training set", fix="Materialize `features` first.")
    return Progress(**raw)


def write_progress(lake: Lake, progress: Progress) -> None:
    """Notes where the training stands."""
    lake.store.write(_PROGRESS, json.dumps(asdict(progress)).encode())


class _Workshop:
    """A scratch folder for one job, below the home: the lake may be far away, and /tmp small."""

    def __init__(self, platform: Platform, name: str) -> None:
        self._platform, self._name = platform, name
        self.folder = platform.settings.home.resolve() / "scratch" / name

    def __enter__(self) -> Self:
        shutil.rmtree(self.folder, ignore_errors=True)  # of an attempt that was killed
        self.folder.mkdir(parents=True)
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def features(self, progress: Progress) -> Path:
        """The training set's folder."""
        return Artifact(self._platform.lake, "features", progress.features).fetch(self.folder / "features")

    def history(self, progress: Progress) -> Path:
        """What the backtest is scored against."""
        cutoff = date.fromisoformat(progress.cutoff)
        return write_history(self._platform.lake, self._platform.dataset, self.folder / "history", cutoff=cutoff)

    def job(
        self, task: Literal["train", "backtest"], channels: Mapping[str, Path], recipe: Recipe, **more: str
    ) -> TrainingJob:
        """The job under the container contract; its name is the same for equal inputs."""
        parameters = {"recipe": json.dumps(recipe.to_json()), "workers": str(self._platform.settings.workers), **more}
        return TrainingJob(task, self._name, dict(channels), parameters, self.folder / "output")


def _listener(platform: Platform, on_log: OnLog) -> OnLog:
    """Hands each line on, and tells progress where the line does."""

    def listen(line: str) -> None:
        on_log(line)
        found = re.match(r"(\w+): (\d+) of (\d+) pools$", line)
        if found is not None and (tell := platform.progress(f"{found[1].capitalize()}, pools")) is not None:
            tell(int(found[2]), int(found[3]))

    return listen


def _cost(result: JobResult) -> dict[str, Any]:
    return {"seconds": result.wall_seconds, "peak memory GB": result.peak_memory_gb}


def _shown(artifact: Artifact) -> dict[str, Any]:
    info = artifact.info()
    return {name: info[name] for name in ("seconds", "peak memory GB", "published_at") if info.get(name) is not None}
