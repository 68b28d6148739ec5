"""What runs inside a training job, the same file on a laptop, on SageMaker and on Azure ML.

    python -m retail_forecast.training.entrypoint

The contract is SageMaker's, below RETAIL_FORECAST_ML_ROOT (default /opt/ml):
    input/config/hyperparameters.json   texts: task (train or backtest), recipe (JSON), workers (or "auto"),
                                        cutoffs (how many, or dates), recipe.NAME (a number of the
                                        recipe that a tuner drew)
    input/config/resourceconfig.json    the hosts, where there are several: the first leads, shards run on all of them
    input/data/<channel>/               features, history (backtest), champion (backtest, optional)
    checkpoints/                        finished pools; kept between attempts of a job
    model/                              the result
    output/data/metrics.json            figures, also printed as lines "metric name=value"
    output/data/usage.json              peak memory, where no trainer on this machine measures it
    output/failure                      the reason, when the job fails
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from datetime import date
from pathlib import Path

import polars as pl

from retail_forecast.errors import ConfigurationError, RetailForecastError
from retail_forecast.evaluation import ALL_LEVELS
from retail_forecast.models import Recipe
from retail_forecast.parallel import cluster_of_hosts, cores, help_head
from retail_forecast.pipeline.backtest import backtest_recipe
from retail_forecast.pipeline.backtest_shards import CHALLENGER
from retail_forecast.pipeline.feature_sets import read_feature_set
from retail_forecast.pipeline.train import train_model
from retail_forecast.training.hosts import Hosts, read_hosts
from retail_forecast.training.memory import PeakMemory
from retail_forecast.training.recipes import with_tuned
from retail_forecast.training.reporting import Report, open_report
from retail_forecast.training.trainer import END_WITH_STDIN_VARIABLE, ROOT_VARIABLE


def main() -> int:
    """Runs the task that the hyperparameters name; 0, or 1 with the reason in output/failure."""
    root = Path(os.environ.get(ROOT_VARIABLE, "/opt/ml"))
    signal.signal(signal.SIGTERM, _end_at_once)
    trainer_is_here = os.environ.pop(END_WITH_STDIN_VARIABLE, None)
    if trainer_is_here:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    try:
        hosts = read_hosts(root)
        if not hosts.is_head:
            help_head(hosts.names[0], hosts.here, secret=hosts.secret)
            return 0
        with nullcontext() if trainer_is_here else PeakMemory(os.getpid()) as memory:
            metrics = _lead(root, hosts)
    except Exception as error:  # noqa: BLE001 - the edge of the process: the reason goes to output/failure
        traceback.print_exc()
        reason = str(error) if isinstance(error, RetailForecastError) else f"{type(error).__name__}: {error}"
        _write(root / "output" / "failure", reason)
        return 1
    _write(root / "output" / "data" / "metrics.json", json.dumps(metrics, sort_keys=True))
    if memory is not None:
        _write(root / "output" / "data" / "usage.json", json.dumps({"peak_memory_gb": round(memory.gb, 2)}))
    return 0


def _lead(root: Path, hosts: Hosts) -> dict[str, float]:
    """Runs the task, with the help of the other hosts if there are any, and tells its figures."""
    several = len(hosts.names) > 1
    with open_report() as report, cluster_of_hosts(hosts.names, secret=hosts.secret) if several else nullcontext():
        metrics = run_task(root, report, hosts=len(hosts.names))
        for name, value in sorted(metrics.items()):
            _say(f"metric {name}={value:.6g}")
        report.metrics(metrics)
    return metrics


def run_task(root: Path, report: Report, *, hosts: int = 1) -> dict[str, float]:
    """Runs one task below `root` and returns its metrics. Raises ConfigurationError for a wrong contract."""
    values: Mapping[str, str] = json.loads((root / "input/config/hyperparameters.json").read_text(encoding="utf-8"))
    task = values.get("task", "")
    if task not in ("train", "backtest"):
        raise ConfigurationError(key="hyperparameter task", found=task, expected="train or backtest")
    recipe = with_tuned(Recipe.from_json(json.loads(_required(values, "recipe"))), values)
    workers = hosts * cores() if values.get("workers") == "auto" else int(values.get("workers", "1"))
    features = _channel(root, "features")
    kept = root / "checkpoints" / f"{task}-{read_feature_set(features).fingerprint[:16]}-{recipe.digest[:16]}"
    if task == "train":
        return _train(features, root / "model", kept, recipe, workers, report)
    cutoffs = _cutoffs(_required(values, "cutoffs"))
    champion = root / "input/data/champion"
    scores = backtest_recipe(
        features,
        _channel(root, "history"),
        root / "model",
        recipe,
        cutoffs=cutoffs,
        workers=workers,
        champion_bundle=champion if champion.is_dir() else None,
        checkpoints=kept,
        on_progress=_progress("backtest", report),
    )
    ours = scores.filter(model=CHALLENGER, level=ALL_LEVELS)
    means = ours.group_by("metric").agg(value=pl.col("value").mean())
    return {str(name): float(value) for name, value in means.iter_rows()}


def _train(features: Path, out: Path, kept: Path, recipe: Recipe, workers: int, report: Report) -> dict[str, float]:
    bundle = train_model(features, kept, recipe, workers=workers, on_progress=_progress("train", report))
    shutil.copytree(kept, out, dirs_exist_ok=True)
    return {"pools": float(len(bundle.pools))}


def _end_at_once(number: int, _frame: object) -> None:
    """Finished pools are on disk. As process 1 of a container this one would not hear SIGTERM by default."""
    os._exit(128 + number)


def _end_with_stdin() -> None:
    """Ends the whole process group once nobody holds the other end of standard input any more."""
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)


def _required(values: Mapping[str, str], name: str) -> str:
    if name not in values:
        raise ConfigurationError(key=f"hyperparameter {name}", found=None, expected="a value")
    return values[name]


def _cutoffs(text: str) -> int | list[date]:
    return int(text) if text.isdecimal() else [date.fromisoformat(one) for one in text.split(",")]


def _channel(root: Path, name: str) -> Path:
    folder = root / "input" / "data" / name
    if not folder.is_dir():
        raise ConfigurationError(key=f"channel {name}", found="no such folder", expected=f"the input below {folder}")
    return folder


def _progress(task: str, report: Report) -> Callable[[int, int], None]:
    def tell(done: int, total: int) -> None:
        line = f"{task}: {done} of {total} pools"
        _say(line)
        report.progress(line)

    return tell


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
