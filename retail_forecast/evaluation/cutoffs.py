"""Rolling cutoffs: the dates at which a backtest pretends to stand."""

from __future__ import annotations

from datetime import date, timedelta


def rolling_cutoffs(last: date, n: int, horizon: int, *, period_days: int = 1, first: date | None = None) -> list[date]:
    """The `n` latest cutoffs, oldest first, whose horizons lie side by side and end on `last`.

    last: the last period with known sales; the latest cutoff is one horizon before it, so each cutoff is
    judged on a whole horizon and no period is judged twice.
    first: the first period with sales; cutoffs before it are left out, so young data gives fewer than `n`.

    >>> rolling_cutoffs(date(2016, 5, 22), 2, 28)
    [datetime.date(2016, 3, 27), datetime.date(2016, 4, 24)]
    """
    step = timedelta(days=horizon * period_days)
    cutoffs = [last - step * back for back in range(n, 0, -1)]
    return [cutoff for cutoff in cutoffs if first is None or cutoff >= first]
