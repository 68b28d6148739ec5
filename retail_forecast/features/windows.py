"""Which lags and windows a frequency asks for, and the names they get.

`units_sold_mean_7` is the mean of the last seven periods that were known when the row had to be forecast: those up to
the rolling cutoff before it, `lead` periods ago.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

EWM_TERMS = 32
SALES = "units_sold"
SMOOTHED = "exponential_smoothing"


@dataclass(frozen=True)
class Windows:
    """Lengths in periods. Methods say how many periods before a row of a given lead to look."""

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
    smoothing: int
    level: int

    def phase_lag(self, lead: int) -> int:
        """To the newest known period that falls on the same day of the week."""
        return -(-lead // self.cycle) * self.cycle

    @property
    def phase_counts(self) -> tuple[int, ...]:
        return (4, 8, 16) if self.cycle > 1 else ()

    @property
    def last(self) -> dict[str, int]:
        """The last periods known, one by one: feature names, and periods before the last of them."""
        return {f"{SALES}_last_{back + 1}": back for back in range(self.lag_count)}

    @property
    def same_weekday(self) -> dict[str, int]:
        """The same weekday of three more weeks; that of the last week known is among the last seven days."""
        return {f"{SALES}_same_weekday_{week + 1}": week * self.cycle for week in range(1, 4) if self.cycle > 1}

    def year_lag(self, lead: int) -> int:
        """Whole years, enough that a window centred there lies before the cutoff."""
        return -(-(lead + max(self.around_year) // 2) // self.year) * self.year

    def centred_lag(self, lead: int, window: int) -> int:
        """To the end of the window of this length that is centred whole years back."""
        return self.year_lag(lead) - window // 2

    def year_ago_lag(self, lead: int) -> int:
        """To where the rolling cutoff lay whole years before."""
        return lead + self.year_lag(lead)

    def warm_up(self, horizon: int) -> int:
        """Periods of history before a row that its features may look at."""
        deepest = max(self.long, self.year, EWM_TERMS * self.cycle, 16 * self.cycle + self.cycle)
        years = self.year_lag(horizon) + max(*self.around_year, horizon + self.level)
        return max(horizon + deepest, years, horizon + self.smoothing) + 1

    def season_names(self, level: str = "") -> dict[str, int]:
        """What was sold around the same days a year before, over what was sold before the cutoff's day back then."""
        prefix = f"{level}_" if level else ""
        return {f"{prefix}{SALES}_season_{window}": window for window in self.around_year}

    def sales_names(self) -> list[str]:
        return [
            *self.last,
            *self.same_weekday,
            *(f"{SALES}_mean_{w}" for w in self.means),
            *(f"{SALES}_std_{w}" for w in self.stds),
            *(f"{SALES}_same_weekday_mean_{n}" for n in self.phase_counts),
            *(f"{SALES}_ewm_{life}" for life in self.half_lives),
            *(f"{SALES}_mean_{w}_years_before" for w in self.around_year),
            *self.season_names(),
            *self.zero_shares(),
            "periods_since_sale",
            "periods_since_release",
            SMOOTHED,
        ]

    def zero_shares(self) -> dict[str, int]:
        """Feature names and their windows."""
        return {f"zero_share_{window}": window for window in (self.means[2], self.long)}

    def level_names(self, level: str) -> list[str]:
        return [*self.level_units(level), *self.season_names(level)]

    def level_units(self, level: str) -> list[str]:
        """The features of a level that count units; the mean over the longest window is the last but the weekday's."""
        week = [f"{level}_{SALES}_same_weekday_mean_4"] if self.cycle > 1 else []
        return [*(f"{level}_{SALES}_mean_{w}" for w in self.level_means), *week]

    def sales_units(self) -> list[str]:
        """The features of a series' own sales that count units."""
        others = {*self.season_names(), *self.zero_shares(), "periods_since_sale", "periods_since_release"}
        return [name for name in self.sales_names() if name not in others]


def windows_for(frequency: Literal["1d", "1w"]) -> Windows:
    if frequency == "1w":
        return Windows(
            cycle=1, year=52, lag_count=4, means=(2, 4, 8, 13, 26), stds=(4, 13, 26),
            half_lives=(2, 8), around_year=(1, 3, 9), level_means=(2, 8), long=26, look_around=3,
            smoothing=156, level=4,
        )  # fmt: skip
    return Windows(
        cycle=7, year=364, lag_count=7, means=(7, 14, 28, 56, 180), stds=(7, 28, 180),
        half_lives=(7, 28), around_year=(7, 28), level_means=(7, 28), long=180, look_around=14,
            smoothing=392, level=28,
    )  # fmt: skip
