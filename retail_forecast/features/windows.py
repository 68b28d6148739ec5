"""Which lags and windows a frequency and a horizon ask for, and the names they get."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

EWM_TERMS = 32
SALES = "units_sold"


@dataclass(frozen=True)
class Windows:
    """Lengths in periods. Every feature of period t looks at periods ≤ t - horizon only."""

    horizon: int
    cycle: int
    year: int
    lag_count: int
    means: tuple[int, ...]
    stds: tuple[int, ...]
    half_lives: tuple[int, ...]
    around_year: tuple[int, ...]
    level_means: tuple[int, ...]
    long: int
    look_around: int

    @property
    def phase_lag(self) -> int:
        """The shortest safe lag that falls on the same day of the week."""
        return -(-self.horizon // self.cycle) * self.cycle

    @property
    def phase_counts(self) -> tuple[int, ...]:
        return (4, 8, 16) if self.cycle > 1 else ()

    @property
    def lags(self) -> tuple[int, ...]:
        near = range(self.horizon, self.horizon + self.lag_count)
        phases = (self.phase_lag + i * self.cycle for i in range(4)) if self.cycle > 1 else ()
        return tuple(sorted({*near, *phases}))

    @property
    def year_lag(self) -> int:
        """Whole years back, far enough that a window centred there stays horizon-safe."""
        return -(-(self.horizon + max(self.around_year) // 2) // self.year) * self.year

    def centred_lag(self, window: int) -> int:
        """The lag at which a trailing window of this length is centred one year back."""
        return self.year_lag - window // 2

    @property
    def warm_up(self) -> int:
        """Periods of history before a row that its features may look at."""
        deepest = max(self.long, self.year, EWM_TERMS * self.cycle, 16 * self.cycle + self.cycle)
        return max(self.horizon + deepest, self.year_lag + max(self.around_year)) + 1

    def sales_names(self) -> list[str]:
        h = self.horizon
        return [
            *(f"{SALES}_lag_{lag}" for lag in self.lags),
            *(f"{SALES}_mean_{w}_lag_{h}" for w in self.means),
            *(f"{SALES}_std_{w}_lag_{h}" for w in self.stds),
            *(f"{SALES}_same_weekday_mean_{n}_lag_{self.phase_lag}" for n in self.phase_counts),
            *(f"{SALES}_ewm_half_life_{life}_lag_{h}" for life in self.half_lives),
            *(f"{SALES}_mean_{w}_lag_{self.centred_lag(w)}" for w in self.around_year),
            *self.zero_shares(),
            f"periods_since_sale_lag_{h}",
            f"periods_since_release_lag_{h}",
        ]

    def zero_shares(self) -> dict[str, int]:
        """Feature names and their windows."""
        return {f"zero_share_{window}_lag_{self.horizon}": window for window in (self.means[2], self.long)}

    def level_names(self, level: str) -> list[str]:
        week = [f"{level}_{SALES}_same_weekday_mean_4_lag_{self.phase_lag}"] if self.cycle > 1 else []
        window = self.around_year[0]
        return [
            *(f"{level}_{SALES}_mean_{w}_lag_{self.horizon}" for w in self.level_means),
            *week,
            f"{level}_{SALES}_mean_{window}_lag_{self.centred_lag(window)}",
        ]


def windows_for(frequency: Literal["1d", "1w"], horizon: int) -> Windows:
    if frequency == "1w":
        return Windows(
            horizon=horizon, cycle=1, year=52, lag_count=4, means=(2, 4, 8, 13, 26), stds=(4, 13, 26),
            half_lives=(2, 8), around_year=(1, 3, 9), level_means=(2, 8), long=26, look_around=3,
        )  # fmt: skip
    return Windows(
        horizon=horizon, cycle=7, year=364, lag_count=7, means=(7, 14, 28, 56, 180), stds=(7, 28, 180),
        half_lives=(7, 28), around_year=(7, 28), level_means=(7, 28), long=180, look_around=14,
    )  # fmt: skip
