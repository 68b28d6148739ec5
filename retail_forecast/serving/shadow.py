"""Beside the requests: a challenger answers what the active vintage was asked, and the answers are compared.

Nothing of it is waited for. Questions wait in a short queue and are dropped, and counted, when it is full; the thread
that asks them rests nine times as long as it worked, so that it never takes more than a tenth of a core from answers.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from queue import Empty, Full, Queue
from typing import Any

from retail_forecast.serving.predictor import Predictor
from retail_forecast.serving.scenario import CovariateChange, ScenarioError
from retail_forecast.serving.table import Series
from retail_forecast.serving.tally import Histogram, Tally
from retail_forecast.serving.trial_metrics import DIFFERENCES, TrialMetrics

logger = logging.getLogger(__name__)

QUEUE = 100
REST = 9

Question = Callable[[Predictor], Mapping[str, float]]
"""Expected units by date."""


def published(series: Series) -> Question:
    """What was published for the series."""
    return lambda predictor: {one["date"]: one["mean"] for one in predictor.table.rows(series)}


def scenario(series: Series, changes: Sequence[CovariateChange]) -> Question:
    """What the model says of the series under the changes; nothing where they cannot be made in the vintage."""

    def ask(predictor: Predictor) -> Mapping[str, float]:
        try:
            asked = predictor.what_ifs.scenario(series, changes)
        except ScenarioError:
            return {}
        (outcome,) = predictor.what_ifs.answer([asked])
        return dict(zip(predictor.table.dates[slice(*asked.span)], outcome.values[:, 0].tolist(), strict=True))

    return ask


class Shadow:
    """Compares a challenger with the active vintage. `close` ends its thread."""

    def __init__(self, active: Predictor, challenger: Predictor, metrics: TrialMetrics | None = None) -> None:
        self._active, self._challenger, self._metrics = active, challenger, metrics
        self._queue: Queue[tuple[Series, Question]] = Queue(QUEUE)
        self._tallies = {"active": Tally(), "challenger": Tally()}
        self._differences = Histogram(DIFFERENCES)
        self._counts = {"dropped": 0, "missing": 0, "incomparable": 0}
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def offer(self, series: Series, question: Question | None = None) -> None:
        """Hands on a question (by default: what was published), or drops it. Never waits and never raises."""
        try:
            self._queue.put_nowait((series, question or published(series)))
        except Full:
            self._count("dropped")
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="shadow", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Asks nothing more."""
        self._closed.set()

    def report(self) -> dict[str, Any]:
        """See contracts_rollout.ShadowReport."""
        tallies = {name: tally.to_json() for name, tally in self._tallies.items()}
        return {**tallies, **self._counts, "disagreement": self._differences.to_json()}

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                series, question = self._queue.get(timeout=1)
            except Empty:
                continue
            started = time.perf_counter()
            self._compare(series, question)
            self._closed.wait(REST * (time.perf_counter() - started))

    def _compare(self, series: Series, question: Question) -> None:
        if series not in self._active.table.spans:
            return
        if series not in self._challenger.table.spans:
            self._count("missing")
            return
        mine = self._ask("active", self._active, question)
        theirs = self._ask("challenger", self._challenger, question)
        if mine is None or theirs is None:
            return
        difference = relative_difference(mine, theirs)
        if difference is None:
            self._count("incomparable")
            return
        self._count("compared")
        self._differences.add(difference)
        if self._metrics is not None:
            self._metrics.compare(self._challenger.vintage.id, difference)

    def _count(self, outcome: str) -> None:
        if outcome in self._counts:
            self._counts[outcome] += 1
        if self._metrics is not None:
            self._metrics.count(self._challenger.vintage.id, outcome)

    def _ask(self, name: str, predictor: Predictor, question: Question) -> Mapping[str, float] | None:
        started, status = time.perf_counter(), 200
        try:
            return question(predictor)
        except BaseException:  # Polars' panics are no Exception, and this thread has nobody to tell
            logger.exception("Vintage %s cannot answer beside the requests", predictor.vintage.id)
            status = 500
            self._count("error")
            return None
        finally:
            self._tallies[name].add(status, time.perf_counter() - started)


def relative_difference(mine: Mapping[str, float], theirs: Mapping[str, float]) -> float | None:
    """Sum of the absolute differences over the dates that both have, by the mean of the two sums: 0 to 2.

    None without such a date.

    >>> relative_difference({"2024-10-01": 1.0, "2024-10-02": 2.0}, {"2024-10-02": 4.0, "2024-10-03": 9.0})
    0.6666666666666666
    """
    common = mine.keys() & theirs.keys()
    if not common:
        return None
    apart = sum(abs(mine[day] - theirs[day]) for day in common)
    size = sum(abs(mine[day]) + abs(theirs[day]) for day in common) / 2
    return apart / size if size > 0 else 0.0
