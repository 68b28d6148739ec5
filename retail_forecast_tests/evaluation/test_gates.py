"""Who becomes champion."""

from __future__ import annotations

import math
from datetime import date

import polars as pl
import pytest

from retail_forecast.evaluation import ALL_LEVELS, Contender, contender, decide

CUTOFFS = [date(2024, 1, 1), date(2024, 1, 29)]


def _contender(name: str, *values: float, recipe: str = "r", training_cutoff: date | None = None) -> Contender:
    return Contender(name, dict(zip(CUTOFFS, values, strict=True)), recipe, training_cutoff)


BASELINE = _contender("seasonal_naive", 0.9, 0.8)


def test_the_first_model_has_to_beat_every_baseline() -> None:
    decision = decide(_contender("challenger", 0.6, 0.7), None, [BASELINE])
    assert decision.promote
    assert decision.numbers == pytest.approx({"challenger": 0.65, "seasonal_naive": 0.85})
    assert decision.reasons == (
        "Scores are means over 2 cutoffs, 2024-01-01 to 2024-01-29; lower is better.",
        "challenger (0.6500) beats the baseline seasonal_naive (0.8500).",
        "There is no champion yet.",
    )


def test_a_baseline_that_is_as_good_stops_the_challenger() -> None:
    decision = decide(_contender("challenger", 0.6, 0.7), None, [BASELINE, _contender("ets", 0.65, 0.65)])
    assert not decision.promote
    assert "challenger (0.6500) does not beat the baseline ets (0.6500)." in decision.reasons


def test_one_bad_cutoff_may_be_made_good_by_another() -> None:
    assert decide(_contender("challenger", 0.95, 0.5), None, [BASELINE]).promote


@pytest.mark.parametrize(
    ("mine", "tolerance", "promoted"), [(0.69, 0.0, True), (0.71, 0.0, False), (0.71, 0.02, True), (0.72, 0.02, False)]
)
def test_the_champion_is_replaced_within_the_tolerance(mine: float, tolerance: float, promoted: bool) -> None:
    champion = _contender("champion", 0.7, 0.7, recipe="old")
    decision = decide(_contender("challenger", mine, mine), champion, [BASELINE], tolerance=tolerance)
    assert decision.promote is promoted


@pytest.mark.parametrize(
    ("recipe", "trained", "promoted"),
    [
        ("r", date(2024, 3, 2), True),
        ("r", date(2024, 3, 1), False),
        ("r", date(2024, 2, 1), False),
        ("r", None, False),
        ("another", date(2024, 3, 2), False),
    ],
)
def test_a_draw_goes_to_the_same_recipe_on_more_recent_sales(recipe: str, trained: date | None, promoted: bool) -> None:
    champion = _contender("champion", 0.6, 0.7, training_cutoff=date(2024, 3, 1))
    challenger = _contender("challenger", 0.7, 0.6, recipe=recipe, training_cutoff=trained)
    assert decide(challenger, champion, [BASELINE]).promote is promoted


def test_without_a_baseline_nothing_is_promoted() -> None:
    decision = decide(_contender("challenger", 0.6, 0.7), None, [])
    assert not decision.promote
    assert "No baseline was scored" in decision.reasons[-1]


@pytest.mark.parametrize("hole", [math.nan, math.inf])
def test_a_missing_score_never_promotes(hole: float) -> None:
    for challenger, baseline in [
        (_contender("challenger", hole, 0.5), BASELINE),
        (_contender("challenger", 0.5, 0.5), _contender("seasonal_naive", hole, 0.8)),
    ]:
        decision = decide(challenger, None, [baseline])
        assert not decision.promote
        assert decision.reasons[0].startswith("No score at every one of the 2 cutoffs for: ")


def test_a_champion_that_was_not_scored_stays() -> None:
    champion = Contender("champion", {CUTOFFS[0]: 0.7})
    decision = decide(_contender("challenger", 0.6, 0.6), champion, [BASELINE])
    assert not decision.promote
    assert "champion" in decision.reasons[0]


def test_a_contender_is_read_from_a_score_table() -> None:
    scores = pl.DataFrame(
        {
            "model": ["a", "a", "b", "a"],
            "cutoff": [CUTOFFS[1], CUTOFFS[0], CUTOFFS[0], CUTOFFS[0]],
            "level": [ALL_LEVELS, ALL_LEVELS, ALL_LEVELS, "total"],
            "metric": ["wrmsse"] * 4,
            "value": [0.5, 0.6, 0.1, 0.2],
        }
    )
    assert contender(scores, "a", recipe="x") == Contender("a", {CUTOFFS[0]: 0.6, CUTOFFS[1]: 0.5}, "x")
