"""Sums over windows of time, as differences of running sums."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retail_forecast.features.timeline import Places, at_periods

RESOLUTION = 2.0**16
_WHOLE = 2.0**23  # Float32 holds every whole number up to twice as many
Feature = NDArray[np.float32]
Numbers = NDArray[np.float32] | NDArray[np.float64]


def round_exactly(values: NDArray[Any]) -> Numbers:
    """In steps of 2⁻¹⁶, whose sums are exact in any order: equal windows give equal features, bit for bit.

    Whole numbers are Float32, and so are their sums while that is exact; all others are Float64.
    """
    whole: Feature = np.rint(values).astype(np.float32, copy=False)
    if np.array_equal(whole, values):
        return whole
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
    """Of values [E, T] along time; `step` periods apart. Exact, if the values are."""

    def __init__(self, values: NDArray[Any], step: int = 1) -> None:
        width, periods = values.shape
        self._step, self._sums = step, np.zeros((width, step + periods), dtype=_type_of_sums(values))
        for phase in range(min(step, periods)):
            np.cumsum(values[:, phase::step], axis=1, dtype=self._sums.dtype, out=self._sums[:, step + phase :: step])

    def ending(self, periods: Places, length: int) -> Numbers:
        """[E, U]: the sums of the `length` values that end with each of the periods."""
        last = periods + self._step
        return np.asarray(at_periods(self._sums, last) - at_periods(self._sums, last - length * self._step))


def _type_of_sums(values: NDArray[Any]) -> type[np.floating]:
    """Float32 for flags and for whole numbers (`round_exactly`) that do not sum up to more than it holds."""
    if values.dtype == np.bool_:
        return np.float32
    small = values.dtype == np.float32 and np.abs(values).sum(axis=1).max(initial=0.0) < _WHOLE
    return np.float32 if small else np.float64


class Totals:
    """The running sums of what is known to have sold. filled [E, T]: zero where unknown; known [E, T]: whether it is.

    Built when they are first asked for.
    """

    def __init__(self, filled: Numbers, known: NDArray[Any], cycle: int) -> None:
        self._filled, self._known, self._cycle = filled, known, cycle

    def mean(self, periods: Places, length: int) -> Feature:
        """[E, U]: the mean of the known values among the last `length`."""
        return share(self.filled.ending(periods, length), self.known.ending(periods, length))

    def phase_mean(self, periods: Places, count: int) -> Feature:
        """[E, U]: the same of the last `count` on the same day of the week."""
        return share(self._phase_filled.ending(periods, count), self._phase_known.ending(periods, count))

    def deviation(self, periods: Places, length: int) -> Feature:
        """[E, U]: the sample standard deviation; NaN with fewer than two known values."""
        count, spread = (sums.ending(periods, length).astype(np.float64) for sums in (self.known, self.filled))
        with np.errstate(invalid="ignore", divide="ignore"):
            np.square(spread, out=spread)
            np.divide(spread, count, out=spread)
            np.subtract(self._squares(periods, length), spread, out=spread)
            np.maximum(spread, 0.0, out=spread)
            np.subtract(count, 1.0, out=count)
            np.copyto(count, np.nan, where=count < 1.0)
            np.divide(spread, count, out=spread)
            return np.sqrt(spread, out=spread).astype(np.float32)

    def zero_share(self, periods: Places, length: int) -> Feature:
        """[E, U]: how many of the known values are zero."""
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
        if self._filled.dtype == np.float32:
            return [RunningSums(np.square(self._filled, dtype=np.float64))]
        whole = np.floor(self._filled)
        part = self._filled - whole
        return [RunningSums(whole**2)] + ([RunningSums(2 * whole * part), RunningSums(part**2)] if part.any() else [])

    def _squares(self, periods: Places, length: int) -> Numbers:
        first, *others = (part.ending(periods, length) for part in self._square_parts)
        for other in others:
            first = first + other
        return first
