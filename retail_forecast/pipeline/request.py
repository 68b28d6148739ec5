"""When a model is trained again: a decision from plain facts, and the little state that it needs in the lake.

`training_request.json` holds the request in force. Its id changes only when another training becomes due, so what
depends on it runs once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date

from retail_forecast.dataset import Dataset
from retail_forecast.lake.tables import Lake, digest_of
from retail_forecast.pipeline.accuracy import recent_error
from retail_forecast.pipeline.trainings import TrainedModel, changed_rows, last_training, read_json

_REQUEST = "training_request.json"


@dataclass(frozen=True)
class RetrainingPolicy:
    """What makes a training due: age in periods, share of the trained rows that changed, error over the backtest's."""

    after_periods: int
    changed_share: float
    error_ratio: float


@dataclass(frozen=True)
class TrainingFacts:
    """What the decision rests on. `age_periods` is below zero when the model saw sales after the cutoff.

    awaits_decision: a person has yet to say whether the last training's model becomes champion.
    recent_error counts vintages made since the last training only; backtest_error is the champion's.
    """

    has_champion: bool
    has_training: bool
    awaits_decision: bool = False
    same_dataset: bool = True
    same_recipe: bool = True
    age_periods: int = 0
    changed_rows: int = 0
    trained_rows: int = 0
    recent_error: float | None = None
    backtest_error: float | None = None


@dataclass(frozen=True)
class TrainingRequest:
    """Whether a training is due, why (or why not) in sentences, and the numbers behind it.

    id: changes only when another training becomes due. after: the version of the last training when it was made.
    """

    id: str
    due: bool
    reasons: tuple[str, ...]
    numbers: Mapping[str, float]
    cutoff: str | None = None
    after: str | None = None


def judge(facts: TrainingFacts, policy: RetrainingPolicy) -> tuple[bool, tuple[str, ...]]:
    """Whether a training is due, and a sentence for each reason; the reasons against it when it is not.

    A rejected model counts as trained: without newer or corrected sales the same training would be rejected again.
    One that awaits a person's decision is superseded only by what would supersede a champion.
    """
    if not facts.has_training:
        return True, ("No model has been trained yet.",)
    verdicts = list(_verdicts(facts, policy))
    due = any(verdict for verdict, _ in verdicts)
    return due, tuple(sentence for verdict, sentence in verdicts if verdict == due)


def _verdicts(facts: TrainingFacts, policy: RetrainingPolicy) -> Iterator[tuple[bool, str]]:
    if not facts.same_dataset:
        yield True, "The description of the dataset changed since the last training."
    if not facts.same_recipe:
        yield True, "The recipe changed since the last training."
    if facts.awaits_decision:
        yield False, "The model of the last training waits for a person to approve it."
    elif not facts.has_champion and (facts.age_periods > 0 or facts.changed_rows > 0):
        yield True, "There is no champion, and sales are newer or other than in the last training."
    if facts.age_periods < 0:
        yield True, f"The last training saw sales up to {-facts.age_periods} periods after the cutoff."
    else:
        age = f"The last training is {facts.age_periods} periods old; due at {policy.after_periods}."
        yield facts.age_periods >= policy.after_periods, age
    share = facts.changed_rows / facts.trained_rows if facts.trained_rows else 0.0
    changed = f"{share:.2%} of the rows of its window changed since; due at {policy.changed_share:.2%}."
    yield facts.changed_rows > 0 and share >= policy.changed_share, changed
    yield _error_verdict(facts, policy)


def _error_verdict(facts: TrainingFacts, policy: RetrainingPolicy) -> tuple[bool, str]:
    if facts.recent_error is None or facts.backtest_error is None:
        return False, "No forecast since the last training can be judged yet."
    limit = facts.backtest_error * policy.error_ratio
    error = f"The recent error is {facts.recent_error:.4f}, {facts.backtest_error:.4f} in the backtest"
    return facts.recent_error >= limit, f"{error}; due at {limit:.4f}."


def decide_training(
    lake: Lake,
    dataset: Dataset,
    policy: RetrainingPolicy,
    *,
    recipe: str,
    champion: str | None,
    waiting: str | None = None,
    backtest_error: float | None = None,
    cutoff: date | None = None,
) -> TrainingRequest:
    """The request in force after a look at the lake, and writes it down.

    recipe: a digest of the one that a training would follow. champion: its version; backtest_error: its mean WRMSSE
    over the cutoffs. waiting: the version that a person has yet to decide about. cutoff: the last period that a
    training may see, by default the last one with sales.
    """
    parts = lake.table("sales").manifest().parts
    before, last = read_request(lake), last_training(lake)
    cutoff = cutoff or date.fromisoformat(max(parts, default=date.min.isoformat()))
    if not any(key <= cutoff.isoformat() for key in parts):
        return before or TrainingRequest("none", False, ("There are no sales yet.",), {})
    facts = _facts(lake, dataset, last, recipe, champion, backtest_error, cutoff)
    facts = replace(facts, awaits_decision=last is not None and last.version == waiting)
    due, reasons = judge(facts, policy)
    numbers = {name: float(value) for name, value in asdict(facts).items() if isinstance(value, int | float)}
    version = last.version if last else None
    made = TrainingRequest(before.id if before else "none", due, reasons, numbers, cutoff.isoformat(), version)
    if due and not _is_pending(before, made):
        chained = digest_of([made.id, dataset.hash, recipe, str(version), *reasons])
        made = replace(made, id=f"{cutoff.isoformat()}-{chained[:10]}")
    lake.store.write(_REQUEST, json.dumps(asdict(made), indent=1).encode())
    return made


def read_request(lake: Lake) -> TrainingRequest | None:
    """The request in force, or None before the first."""
    raw = read_json(lake, _REQUEST)
    return TrainingRequest(**{**raw, "reasons": tuple(raw["reasons"])}) if raw else None


def _facts(
    lake: Lake,
    dataset: Dataset,
    last: TrainedModel | None,
    recipe: str,
    champion: str | None,
    backtest_error: float | None,
    cutoff: date,
) -> TrainingFacts:
    if last is None:
        return TrainingFacts(has_champion=champion is not None, has_training=False)
    changed, total = changed_rows(lake, last)
    return TrainingFacts(
        has_champion=champion is not None,
        has_training=True,
        same_dataset=last.dataset_hash == dataset.hash,
        same_recipe=last.recipe == recipe,
        age_periods=(cutoff - last.training_cutoff).days // dataset.period_days,
        changed_rows=changed,
        trained_rows=total,
        recent_error=recent_error(lake, since=last.training_cutoff),
        backtest_error=backtest_error,
    )


def _is_pending(before: TrainingRequest | None, made: TrainingRequest) -> bool:
    """Whether this training was due already. Newer sales do not make it another one, an earlier cutoff does."""
    if before is None or not before.due or before.after != made.after:
        return False
    return before.cutoff is None or made.cutoff is None or before.cutoff <= made.cutoff
