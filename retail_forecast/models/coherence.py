"""What the quantiles of a whole owe to those of its parts."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def raise_to_parts(quantiles: Mapping[str, Floats], groups: Mapping[str, NDArray[np.integer]]) -> dict[str, Floats]:
    """Level to quantiles [G, H, Q], none below the same quantile of a group that lies within.

    Where sales are never negative a whole sells at least as much as each of its parts, so each of its quantiles is at
    least as large. (The quantiles of a sum are not the sum of the quantiles, so nothing more holds between them.)

    groups: level to the group of each series [N]. A level lies within another one if all series of each of its groups
    are in one group there; levels that cross, such as stores and items, owe each other nothing.
    """
    finest_first = sorted(groups, key=lambda name: -len(quantiles[name]))
    pairs = [pair for pair in permutations(finest_first, 2) if len(quantiles[pair[0]]) > len(quantiles[pair[1]])]
    owners = {pair: owner for pair in pairs if (owner := _owner(groups[pair[0]], groups[pair[1]])) is not None}
    raised = {name: quantiles[name] for name in finest_first}
    for whole in finest_first:
        for part in finest_first:
            within_another = any((part, other) in owners and (other, whole) in owners for other in finest_first)
            if (part, whole) in owners and not within_another:  # else the other one has been raised to it
                order = np.argsort(owners[part, whole], kind="stable")
                starts = np.flatnonzero(np.diff(owners[part, whole][order], prepend=-1))
                raised[whole] = np.maximum(raised[whole], np.maximum.reduceat(raised[part][order], starts, axis=0))
    return {name: raised[name] for name in quantiles}


def _owner(part: NDArray[np.integer], whole: NDArray[np.integer]) -> NDArray[np.integer] | None:
    """[G]: the group of the whole in which each part lies, or None if one lies in several."""
    owner = np.zeros(part.max() + 1, dtype=whole.dtype)
    owner[part] = whole
    return owner if (owner[part] == whole).all() else None
