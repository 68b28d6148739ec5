"""The gate: when a challenger becomes champion, in numbers and plain sentences."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import fmean

import polars as pl

from retail_forecast.evaluation.hierarchy import ALL_LEVELS

_DRAW = 1e-9


@dataclass(frozen=True)
class Contender:
    """A model at the gate: its score (lower is better) at each rolling cutoff, and what it was made of.

    recipe: any text that is equal for two models exactly when their recipes are, such as a digest.
    training_cutoff: the last period of sales that the model saw.
    """

    name: str
    scores: Mapping[date, float]
    recipe: str = ""
    training_cutoff: date | None = None


@dataclass(frozen=True)
class Decision:
    """Whether the challenger is promoted, why, and the mean score of each contender by name."""

    promote: bool
    reasons: tuple[str, ...]
    numbers: Mapping[str, float]


def contender(
    scores: pl.DataFrame,
    model: str,
    *,
    metric: str = "wrmsse",
    recipe: str = "",
    training_cutoff: date | None = None,
) -> Contender:
    """The contender `model` out of a score table (see `score_table`), by its metric over all levels."""
    rows = scores.filter(model=model, level=ALL_LEVELS, metric=metric).sort("cutoff")
    by_cutoff = dict(zip(rows["cutoff"].to_list(), rows["value"].to_list(), strict=True))
    return Contender(model, by_cutoff, recipe, training_cutoff)


def decide(
    challenger: Contender,
    champion: Contender | None,
    baselines: Sequence[Contender],
    *,
    tolerance: float = 0.0,
) -> Decision:
    """Promotes the challenger when its mean score beats every baseline and does not fall behind the champion.

    tolerance: the share by which the challenger may be worse than the champion. A draw between two models of
    the same recipe goes to the one that saw the more recent sales (a refresh); another recipe must be better.
    """
    rivals = [*baselines, *([champion] if champion else [])]
    numbers = {rival.name: _mean(rival, challenger) for rival in [challenger, *rivals]}
    verdicts = [
        _comparable([challenger, *rivals], numbers),
        *(_beats_baseline(challenger, baseline, numbers) for baseline in baselines),
        _holds_against(challenger, champion, numbers, tolerance),
    ]
    if not baselines:
        verdicts.append((False, "No baseline was scored, so nothing shows that the model is worth having."))
    reasons = tuple(reason for _, reason in verdicts)
    return Decision(all(passed for passed, _ in verdicts), reasons, numbers)


def _mean(one: Contender, challenger: Contender) -> float:
    values = [one.scores.get(cutoff, math.nan) for cutoff in challenger.scores]
    return fmean(value if value is not None else math.nan for value in values) if values else math.nan


def _comparable(contenders: Sequence[Contender], numbers: Mapping[str, float]) -> tuple[bool, str]:
    unscored = [one.name for one in contenders if not math.isfinite(numbers[one.name])]
    cutoffs = sorted(contenders[0].scores)
    if unscored or not cutoffs:
        names = ", ".join(unscored) or contenders[0].name
        return False, f"No score at every one of the {len(cutoffs)} cutoffs for: {names}."
    span = f"{len(cutoffs)} cutoffs, {cutoffs[0]} to {cutoffs[-1]}"
    return True, f"Scores are means over {span}; lower is better."


def _beats_baseline(challenger: Contender, baseline: Contender, numbers: Mapping[str, float]) -> tuple[bool, str]:
    mine, theirs = numbers[challenger.name], numbers[baseline.name]
    better = mine < theirs and not math.isclose(mine, theirs, rel_tol=_DRAW)
    word = "beats" if better else "does not beat"
    against = f"the baseline {baseline.name} ({theirs:.4f})"
    return better, f"{challenger.name} ({mine:.4f}) {word} {against}."


def _holds_against(
    challenger: Contender, champion: Contender | None, numbers: Mapping[str, float], tolerance: float
) -> tuple[bool, str]:
    if champion is None:
        return True, "There is no champion yet."
    mine, theirs = numbers[challenger.name], numbers[champion.name]
    subject, against = f"{challenger.name} ({mine:.4f})", f"the champion {champion.name} ({theirs:.4f})"
    draw = math.isclose(mine, theirs, rel_tol=_DRAW)
    if draw and challenger.recipe == champion.recipe:
        if _saw_more(challenger, champion):
            return True, f"{subject} draws with {against} by the same recipe on more recent sales: a refresh."
        return False, f"{subject} draws with {against} by the same recipe on sales that are no more recent."
    if mine < theirs and not draw:
        return True, f"{subject} beats {against}."
    if tolerance and mine <= theirs * (1 + tolerance):
        return True, f"{subject} stays within the tolerance of {tolerance:.1%} of {against}."
    return False, f"{subject} does not beat {against}."


def _saw_more(challenger: Contender, champion: Contender) -> bool:
    if challenger.training_cutoff is None or champion.training_cutoff is None:
        return False
    return challenger.training_cutoff > champion.training_cutoff
