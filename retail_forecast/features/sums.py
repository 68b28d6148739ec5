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
    """Of values [E, T] along time. Exact, if the values are."""

    def __init__(self, values: NDArray[Any]) -> None:
        width, periods = values.shape
        self._sums = np.zeros((width, 1 + periods), dtype=_type_of_sums(values))
        np.cumsum(values, axis=1, dtype=self._sums.dtype, out=self._sums[:, 1:])

    def ending(self, periods: Places, length: int) -> Numbers:
        """[E, U]: the sums of the `length` values that end with each of the periods."""
        last = periods + 1
        return np.asarray(at_periods(self._sums, last) - at_periods(self._sums, last - length))


class PhaseSums:
    """Of values [E, T], `step` periods apart; each window from two of half its length. Exact, if the values are."""

    def __init__(self, values: NDArray[Any], step: int) -> None:
        self._step = step
        self._windows: dict[int, Numbers] = {1: values.astype(_type_of_sums(values), copy=False)}

    def ending(self, periods: Places, length: int) -> Numbers:
        """[E, U]: the sums of the `length` values, a power of two, that end with each of the periods."""
        return np.asarray(at_periods(self._window(length), periods))

    def _window(self, length: int) -> Numbers:
        if length not in self._windows:
            half, reach = self._window(length // 2), length // 2 * self._step
            made = half.copy()
            np.add(half[:, reach:], half[:, :-reach], out=made[:, reach:])
            self._windows[length] = made
        return self._windows[length]


class Lifetimes:
    """How many values are known where all are from a series' birth on, `step` periods apart. born [E]."""

    def __init__(self, born: Places, step: int = 1) -> None:
        self._before, self._step = (born - 1).astype(np.float32)[:, None], np.float32(step)
        self._periods, self._lived = np.empty(0, dtype=np.intp), np.empty((len(born), 0), dtype=np.float32)

    def ending(self, periods: Places, length: int) -> Feature:
        """[E, U]: how many of the `length` values that end with each of the periods."""
        if periods is not self._periods:
            self._periods, self._lived = periods, self._since_birth(periods)
        return np.minimum(self._lived, np.float32(length))

    def _since_birth(self, periods: Places) -> Feature:
        """[E, U]: how many values there are up to each of the periods."""
        made: Feature = periods.astype(np.float32) - self._before
        if self._step > 1:
            np.ceil(np.divide(made, self._step, out=made), out=made)
        return np.maximum(made, np.float32(0), out=made)


def _type_of_sums(values: NDArray[Any]) -> type[np.floating]:
    """Float32 for flags and for whole numbers (`round_exactly`) that do not sum up to more than it holds."""
    if values.dtype == np.bool_:
        return np.float32
    if values.dtype != np.float32:
        return np.float64
    largest = max(values.max(initial=0.0), -values.min(initial=0.0))
    small = largest * values.shape[1] < _WHOLE or np.abs(values).sum(axis=1).max() < _WHOLE
    return np.float32 if small else np.float64


class Totals:
    """The sums of what is known to have sold. filled [E, T]: zero where unknown; known [E, T]: whether it is.

    born [E]: the birth of each series, if all is known since. Sums are built when they are first asked for.
    """

    def __init__(self, filled: Numbers, known: NDArray[Any], cycle: int, born: Places | None = None) -> None:
        self._filled, self._known, self._cycle, self._born = filled, known, cycle, born

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
    def known(self) -> RunningSums | Lifetimes:
        return RunningSums(self._known) if self._born is None else Lifetimes(self._born)

    @cached_property
    def _zeros(self) -> RunningSums:
        return RunningSums((self._filled == 0) & (self._known > 0))

    @cached_property
    def _phase_filled(self) -> PhaseSums:
        return PhaseSums(self._filled, self._cycle)

    @cached_property
    def _phase_known(self) -> PhaseSums | Lifetimes:
        return PhaseSums(self._known, self._cycle) if self._born is None else Lifetimes(self._born, self._cycle)

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
