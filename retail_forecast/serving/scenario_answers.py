"""What-if questions from the request to the bytes of the answer.

An answer for four series has 3,000 numbers: making an object of each would take longer than the model does. What was
published is copied from its encoded answer, and the other numbers are written at once and put into a template.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import orjson

from retail_forecast.serving.batching import MicroBatcher
from retail_forecast.serving.encoding import split_periods
from retail_forecast.serving.predictor import Predictor
from retail_forecast.serving.table import DECIMALS, Series
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


def _body(question: Question, outcomes: Sequence[Outcome]) -> bytes:
    """A contracts_what_if.WhatIfAnswer, or WhatIfSeriesAnswer where several series were asked for."""
    predictor, values = question.predictor, np.concatenate([outcome.values for outcome in outcomes])
    published = np.concatenate([predictor.what_ifs.published(scenario) for scenario in question.scenarios])
    numbers, ends = _numbers(published, values), np.cumsum([scenario.height for scenario in question.scenarios])
    series = []
    for scenario, outcome, end in zip(question.scenarios, outcomes, ends.tolist(), strict=True):
        rows = slice(end - scenario.height, end)
        about = _about(scenario.series) | {"total": totals(published[rows], values[rows]), "outside": outcome.outside}
        periods = _periods(predictor, scenario, numbers, rows)
        series.append(b"".join((orjson.dumps(about)[:-1], b',"periods":[', periods, b"]}")))
    if question.unknown is None:
        return predictor.answers.head + series[0][1:]
    total = orjson.dumps({"total": totals(published, values)})[1:-1]
    unknown = orjson.dumps([_about(key) for key in question.unknown])
    return b"".join((predictor.answers.head, total, b',"series":[', b",".join(series), b'],"unknown":', unknown, b"}"))


def _about(series: Series) -> dict[str, Any]:
    return {"store_id": series[0], "item_id": series[1]}


def _numbers(published: Floats, values: Floats) -> list[bytes]:
    """Of each row the scenario's mean and quantiles and how far each differs, as texts one after the other."""
    numbers = np.hstack([values, np.round(values - published, DECIMALS) + 0.0])
    return orjson.dumps(numbers.ravel(), option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].split(b",")


def _periods(predictor: Predictor, scenario: Scenario, numbers: list[bytes], rows: slice) -> bytes:
    """A contracts_what_if.ScenarioPeriod per row: `rows` are those of `numbers`."""
    table, count = predictor.table, scenario.height
    width = 2 * (1 + len(table.quantile_names))
    whens, estimates = zip(*split_periods(table.answers[table.spans.position(scenario.series)]), strict=True)
    gaps: list[bytes] = [b""] * (count * (width + 3))
    gaps[0 :: width + 3], gaps[2 :: width + 3] = whens, estimates
    gaps[1 :: width + 3] = [b"true" if one else b"false" for one in scenario.changed.tolist()]
    for column in range(width):
        gaps[3 + column :: width + 3] = numbers[rows.start * width + column : rows.stop * width : width]
    return b",".join([_template(tuple(table.quantile_names))] * count) % tuple(gaps)


@lru_cache(maxsize=16)
def _template(quantile_names: tuple[str, ...]) -> bytes:
    """A period with gaps: when, changed, what was published, the scenario's numbers and the differences."""
    estimate = '{"mean":%b,"quantiles":{' + ",".join(f'"{name}":%b' for name in quantile_names) + "}}"
    return f'{{%b,"changed":%b,"baseline":{{%b}},"scenario":{estimate},"difference":{estimate}}}'.encode()
