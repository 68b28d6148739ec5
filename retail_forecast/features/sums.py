"""Sums over windows of time, as differences of running sums."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retail_forecast.features.timeline import Places, rows_at

RESOLUTION = 2.0**16
Numbers = NDArray[np.float64]
Feature = NDArray[np.float32]


def round_exactly(values: NDArray[Any]) -> Numbers:
    """Float64 in steps of 2⁻¹⁶, whose sums are exact in any order: equal windows give equal features, bit for bit."""
    made = values.astype(np.float64)
    made *= RESOLUTION
    np.rint(made, out=made)
    made /= RESOLUTION
    return made


def share(total: Numbers, count: Numbers) -> Feature:
    """A quotient that is NaN where it has no denominator: nothing is summed there either."""
    made = np.empty(total.shape, dtype=np.float32)
    with np.errstate(invalid="ignore"):
        return np.divide(total, count, out=made, casting="same_kind")


class RunningSums:
    """Of values [T, E] along time; `step` periods apart. Exact, if the values are."""

    def __init__(self, values: NDArray[Any], step: int = 1) -> None:
        periods, width = values.shape
        self._step, self._before = step, step + -periods % step
        padded = np.zeros((self._before + periods, width))
        padded[self._before :] = values
        self._sums = np.cumsum(padded.reshape(len(padded) // step, step, width), axis=0).reshape(padded.shape)

    def ending(self, periods: Places, length: int) -> Numbers:
        """[U, E]: the sums of the `length` values that end with each of the periods."""
        last = periods + self._before
        return np.asarray(rows_at(self._sums, last) - rows_at(self._sums, last - length * self._step))


class Totals:
    """The running sums of what is known to have sold. filled [T, E]: zero where unknown; known [T, E]: whether it is.

    Built when they are first asked for.
    """

    def __init__(self, filled: Numbers, known: NDArray[Any], cycle: int) -> None:
        self._filled, self._known, self._cycle = filled, known, cycle

    def mean(self, periods: Places, length: int) -> Feature:
        """[U, E]: the mean of the known values among the last `length`."""
        return share(self.filled.ending(periods, length), self.known.ending(periods, length))

    def phase_mean(self, periods: Places, count: int) -> Feature:
        """[U, E]: the same of the last `count` on the same day of the week."""
        return share(self._phase_filled.ending(periods, count), self._phase_known.ending(periods, count))

    def deviation(self, periods: Places, length: int) -> Feature:
        """[U, E]: the sample standard deviation; NaN with fewer than two known values."""
        count, total = self.known.ending(periods, length), self.filled.ending(periods, length)
        with np.errstate(invalid="ignore", divide="ignore"):
            spread = np.maximum(self._squares(periods, length) - total**2 / count, 0.0)
            return np.where(count > 1, np.sqrt(spread / (count - 1)), np.nan).astype(np.float32)

    def zero_share(self, periods: Places, length: int) -> Feature:
        """[U, E]: how many of the known values are zero."""
        return share(self._zeros.ending(periods, length), self.known.ending(periods, length))

    @cached_property
    def filled(self) -> RunningSums:
        return RunningSums(self._filled)

    @cached_property
    def known(self) -> RunningSums:
        return RunningSums(self._known)

    @cached_property
    def _zeros(self) -> RunningSums:
        return RunningSums((self._filled == 0) & (self._known > 0))

    @cached_property
    def _phase_filled(self) -> RunningSums:
        return RunningSums(self._filled, self._cycle)

    @cached_property
    def _phase_known(self) -> RunningSums:
        return RunningSums(self._known, self._cycle)

    @cached_property
    def _square_parts(self) -> list[RunningSums]:
        """The sums of a², 2ab and b² of all a + b, a whole and b below one: exact even where (a + b)² is not."""
        whole = np.floor(self._filled)
        part = self._filled - whole
        return [RunningSums(whole**2)] + ([RunningSums(2 * whole * part), RunningSums(part**2)] if part.any() else [])

    def _squares(self, periods: Places, length: int) -> Numbers:
        first, *others = (part.ending(periods, length) for part in self._square_parts)
        for other in others:
            first = first + other
        return first
