"""Pairs of dates as a graph: its triangles, and which errors of a pair its triangles can name.

Around a triangle of dates a < b < c the unwrapped phases close, up to noise: ab + bc - ac = 0. A pair that is wrong
by whole cycles breaks the closure of each triangle in which it lies, and of no other. Repair looks for the fewest
cycles that explain all closures (least L1 norm; Yunjun et al. 2019, "Small baseline InSAR time series analysis",
Computers & Geosciences 133, section 4.2). One cycle in one pair is found by it with certainty when no other single
pair has the same row of signs over all triangles; two pairs share one triangle at most, so only pairs that lie in
exactly one triangle, and in the same one, can be taken for each other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import combinations
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Pair: TypeAlias = tuple[date, date]
"""Reference and secondary date; the reference is the earlier one."""

Triangle: TypeAlias = tuple[date, date, date]
"""Three dates in the order of time, each two of which are a pair."""


def triangles_of(pairs: Iterable[Pair]) -> tuple[Triangle, ...]:
    """Return all triangles of a network, in the order of time."""
    later: dict[date, set[date]] = defaultdict(set)
    for reference, secondary in pairs:
        later[reference].add(secondary)
    found = [
        (first, middle, last)
        for first in sorted(later)
        for middle, last in combinations(sorted(later[first]), 2)
        if last in later.get(middle, ())
    ]
    return tuple(found)


def triangle_counts(pairs: Sequence[Pair]) -> dict[Pair, int]:
    """Return in how many triangles each pair lies."""
    dates, joined = _adjacency(pairs)
    common = joined @ joined
    return {(one, other): int(common[dates[one], dates[other]]) for one, other in pairs}


def mistakable(pairs: Sequence[Pair]) -> dict[Pair, tuple[Pair, ...]]:
    """Return the pairs whose error of one cycle their triangles show, but cannot tell from one of another pair.

    Parameters
    ----------
    pairs : sequence of Pair

    Returns
    -------
    dict of Pair to tuple of Pair
        The one or two others that explain the same closures with as many cycles. A pair that is not in it, and lies
        in a triangle, is named uniquely.
    """
    dates, joined = _adjacency(pairs)
    common = joined @ joined
    names = list(dates)
    lone = [pair for pair in pairs if common[dates[pair[0]], dates[pair[1]]] == 1]
    triangles: dict[frozenset[date], list[Pair]] = defaultdict(list)
    for one, other in lone:
        third = int(np.argmax(joined[dates[one]] * joined[dates[other]]))
        triangles[frozenset((one, other, names[third]))].append((one, other))
    return {
        pair: tuple(other for other in alike if other != pair)
        for alike in triangles.values()
        if len(alike) > 1
        for pair in alike
    }


def _adjacency(pairs: Sequence[Pair]) -> tuple[dict[date, int], NDArray[np.float64]]:
    """Return the place of each date, and a matrix with 1 where two dates are a pair."""
    dates = {day: place for place, day in enumerate(sorted({day for pair in pairs for day in pair}))}
    joined = np.zeros((len(dates), len(dates)))  # floats: their products are fast, and exact
    for one, other in pairs:
        joined[dates[one], dates[other]] = joined[dates[other], dates[one]] = 1
    return dates, joined
