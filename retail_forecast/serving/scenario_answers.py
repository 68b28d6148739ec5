"""What-if questions from the request to the bytes of the answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from retail_forecast.serving.batching import MicroBatcher
from retail_forecast.serving.predictor import Predictor
from retail_forecast.serving.table import DECIMALS, Series, estimates_of
from retail_forecast.serving.what_if import Floats, Outcome, Scenario, totals

_ROWS_PER_CALL = 2_000  # about 30 ms of the standard model: as long as a small request may wait for a large one


@dataclass(frozen=True)
class Question:
    """One request: scenarios of one predictor. unknown: None where it was about one series."""

    predictor: Predictor
    scenarios: tuple[Scenario, ...]
    unknown: tuple[Series, ...] | None = None

    @property
    def rows(self) -> int:
        """Periods of all series."""
        return sum(scenario.height for scenario in self.scenarios)


def build_batcher() -> MicroBatcher[Question, bytes]:
    """Answers the what-if questions of one replica, those that are under way together."""
    return MicroBatcher(answer_questions, most=_ROWS_PER_CALL, size=lambda question: question.rows)


def answer_questions(questions: Sequence[Question]) -> list[bytes | Exception]:
    """The body of each answer as JSON; each predictor is asked once."""
    asked: dict[int, tuple[Predictor, list[Scenario]]] = {}
    for question in questions:
        asked.setdefault(id(question.predictor), (question.predictor, []))[1].extend(question.scenarios)
    outcomes = {key: iter(predictor.what_ifs.answer(scenarios)) for key, (predictor, scenarios) in asked.items()}
    return [
        _body(question, [next(outcomes[id(question.predictor)]) for _ in question.scenarios]) for question in questions
    ]


def periods_of(predictor: Predictor, scenario: Scenario, outcome: Outcome) -> list[dict[str, Any]]:
    """One dict per period: baseline as published, scenario, difference."""
    table, span = predictor.table, slice(*scenario.span)
    baseline = predictor.what_ifs.published(scenario)
    difference = np.round(outcome.values - baseline, DECIMALS) + 0.0
    estimates = (estimates_of(values, table.quantile_names) for values in (baseline, outcome.values, difference))
    rows = zip(table.dates[span], table.leads[span], scenario.changed.tolist(), *estimates, strict=True)
    return [
        {"date": day, "lead": lead, "changed": changed, "baseline": b, "scenario": s, "difference": d}
        for day, lead, changed, b, s, d in rows
    ]


def _body(question: Question, outcomes: Sequence[Outcome]) -> bytes:
    predictor, pairs = question.predictor, list(zip(question.scenarios, outcomes, strict=True))
    series = [_of_series(predictor, scenario, outcome) for scenario, outcome in pairs]
    if question.unknown is None:
        return orjson.dumps({**predictor.provenance, **series[0]})
    total = totals(*(_stacked(values) for values in zip(*(_both(predictor, *pair) for pair in pairs), strict=True)))
    unknown = [{"store_id": store, "item_id": item} for store, item in question.unknown]
    return orjson.dumps({**predictor.provenance, "total": total, "series": series, "unknown": unknown})


def _of_series(predictor: Predictor, scenario: Scenario, outcome: Outcome) -> dict[str, Any]:
    """One ScenarioForecast as plain values."""
    return {
        "store_id": scenario.series[0],
        "item_id": scenario.series[1],
        "total": totals(*_both(predictor, scenario, outcome)),
        "outside": outcome.outside,
        "periods": periods_of(predictor, scenario, outcome),
    }


def _both(predictor: Predictor, scenario: Scenario, outcome: Outcome) -> tuple[Floats, Floats]:
    return predictor.what_ifs.published(scenario), outcome.values


def _stacked(values: Iterable[Floats]) -> Floats:
    return np.concatenate(list(values))
