"""Trainings as they start and end, and how much of the sales behind one has changed since.

`billed_jobs.json` tells how long the last job of each task was, where jobs are billed.
`trainings/<request id>.json` is the snapshot of the sales that a training started from, `last_training.json` the last
training that ended, whether its model was promoted or rejected.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from retail_forecast.dataset import KEYS
from retail_forecast.errors import NotFoundError
from retail_forecast.lake.tables import Lake, Part

_LAST, _STARTED, _BILLED = "last_training.json", "trainings/{}.json", "billed_jobs.json"
_PARTS_AT_ONCE = 60


@dataclass(frozen=True)
class TrainedModel:
    """The last training that ended. `recipe` is a digest; `parts` are the sales it started from, by partition."""

    version: str
    training_cutoff: date
    window_start: date
    dataset_hash: str
    recipe: str
    parts: Mapping[str, str]


def start_training(lake: Lake, request_id: str, *, cutoff: date) -> None:
    """Notes the sales that a training is about to read, so that later corrections are seen as such."""
    parts = lake.table("sales").manifest().parts
    paths = {key: part.path for key, part in parts.items() if key <= cutoff.isoformat()}
    content = {"training_cutoff": cutoff.isoformat(), "parts": paths}
    lake.store.write(_STARTED.format(request_id), json.dumps(content).encode())


def forget_trainings(lake: Lake, *, kept: str | None, before: datetime) -> None:
    """Removes what was noted of trainings that started before that moment, without the one for the request `kept`."""
    for info in list(lake.store.list("trainings")):
        if info.last_modified < before and info.path != _STARTED.format(kept):
            lake.store.delete(info.path)


def trained_parts(lake: Lake) -> set[str]:
    """Paths of the parts of sales against which corrections are counted, or will be when a training ends."""
    started = [json.loads(lake.store.read(info.path)) for info in lake.store.list("trainings")]
    last = last_training(lake)
    noted = [one["parts"] for one in started] + ([last.parts] if last is not None else [])
    return {path for parts in noted for path in parts.values()}


def finish_training(
    lake: Lake, request_id: str, *, version: str, window_start: date, dataset_hash: str, recipe: str
) -> TrainedModel:
    """Notes that the training ended with a registered model, be it promoted or rejected.

    Raises NotFoundError when the request's training was never started.
    """
    started = read_json(lake, _STARTED.format(request_id))
    if started is None:
        raise NotFoundError(f"A training for request {request_id!r}", fix="Materialize `features` first.")
    content = {
        "version": version,
        "training_cutoff": started["training_cutoff"],
        "window_start": window_start.isoformat(),
        "dataset_hash": dataset_hash,
        "recipe": recipe,
        "parts": {key: path for key, path in started["parts"].items() if key >= window_start.isoformat()},
    }
    lake.store.write(_LAST, json.dumps(content).encode())
    return _trained(content)


def note_billed(lake: Lake, task: str, seconds: float) -> None:
    """Notes the billed seconds of a job, for the estimate of the next."""
    lake.store.write(_BILLED, json.dumps({**billed_seconds(lake), task: seconds}).encode())


def billed_seconds(lake: Lake) -> dict[str, float]:
    """Task to the billed seconds of its last job, of those that there were."""
    return read_json(lake, _BILLED) or {}


def last_training(lake: Lake) -> TrainedModel | None:
    """The last training that ended, or None before the first."""
    raw = read_json(lake, _LAST)
    return _trained(raw) if raw else None


def changed_rows(lake: Lake, last: TrainedModel) -> tuple[int, int]:
    """(changed, all) rows of the training window: corrected, added or removed since the training, by their keys."""
    low, high = last.window_start.isoformat(), last.training_cutoff.isoformat()
    now = {key: part for key, part in lake.table("sales").manifest().parts.items() if low <= key <= high}
    total = sum(part.rows for part in now.values())
    others = [key for key in sorted(now.keys() | last.parts.keys()) if _path(now.get(key)) != last.parts.get(key)]
    batches = [others[at : at + _PARTS_AT_ONCE] for at in range(0, len(others), _PARTS_AT_ONCE)]
    return sum(_differing(lake, batch, last.parts, now) for batch in batches), total


def _differing(lake: Lake, keys: list[str], before: Mapping[str, str], now: Mapping[str, Part]) -> int:
    old = _rows(lake, [before[key] for key in keys if key in before])
    new = _rows(lake, [now[key].path for key in keys if key in now])
    if old is None or new is None:
        present = new if new is not None else old
        return present.height if present is not None else 0
    columns = [column for column in new.columns if column in old.columns]
    other = new.join(old, on=columns, how="anti", nulls_equal=True).height
    return other + old.join(new, on=list(KEYS), how="anti").height


def _rows(lake: Lake, paths: list[str]) -> pl.DataFrame | None:
    """The rows of some parts; None when there are none, or when the parts were cleared away since."""
    kept = [path for path in paths if lake.store.exists(path)]
    return lake.store.read_parquet(kept) if kept else None


def _path(part: Part | None) -> str | None:
    return part.path if part is not None else None


def _trained(raw: Mapping[str, Any]) -> TrainedModel:
    dates = {name: date.fromisoformat(raw[name]) for name in ("training_cutoff", "window_start")}
    return TrainedModel(**{"recipe": "", **raw, **dates})


def read_json(lake: Lake, path: str) -> dict[str, Any] | None:
    """A small document of the lake, or None if it was never written."""
    if not lake.store.exists(path):
        return None
    content: dict[str, Any] = json.loads(lake.store.read(path))
    return content
