from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from retail_forecast.models import raise_to_parts

SERIES, STORES, ITEMS, ALL = np.arange(4), np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), np.zeros(4, dtype=int)


def of(*values: float) -> np.ndarray:
    """[G, 1, 1] quantiles."""
    return np.array(values)[:, None, None]


def test_a_whole_is_raised_to_the_largest_of_its_parts() -> None:
    raised = raise_to_parts(
        {"total": of(3.0), "store": of(1.0, 9.0), "series": of(5.0, 0.0, 2.0, 2.0)},
        {"total": ALL, "store": STORES, "series": SERIES},
    )
    # store 0 has a series of 5; store 1 is above its series already; the total is raised to store 1
    assert raised["store"].ravel().tolist() == [5.0, 9.0]
    assert raised["total"].ravel().tolist() == [9.0]
    assert raised["series"].ravel().tolist() == [5.0, 0.0, 2.0, 2.0]


def test_levels_that_cross_owe_each_other_nothing() -> None:
    quantiles = {"store": of(1.0, 1.0), "item": of(7.0, 8.0)}
    assert raise_to_parts(quantiles, {"store": STORES, "item": ITEMS})["store"].ravel().tolist() == [1.0, 1.0]


@given(st.lists(st.lists(st.floats(0, 100), min_size=3, max_size=3).map(sorted), min_size=9, max_size=9))
def test_raised_quantiles_do_not_cross_and_no_part_exceeds_its_whole(rows: list[list[float]]) -> None:
    values = np.array(rows)[:, None, :]
    groups = {"series": SERIES, "store": STORES, "item": ITEMS, "total": ALL}
    quantiles = {"series": values[:4], "store": values[4:6], "item": values[6:8], "total": values[8:]}
    raised = raise_to_parts(quantiles, groups)
    assert all((np.diff(one, axis=2) >= 0).all() for one in raised.values())
    for whole in ("store", "item", "total"):
        assert (raised[whole][groups[whole]] >= raised["series"]).all()
        assert (raised["total"] >= raised[whole]).all()
