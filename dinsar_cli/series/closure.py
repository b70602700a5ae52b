"""Closure of the phases around triangles of dates, and the whole cycles that pairs are wrong by.

Around dates a < b < c the unwrapped phases give ``ab + bc - ac``. The delay of a date, and whatever else belongs to
a date alone, cancels exactly: closure does not see the atmosphere. What is left is a multiple of one cycle where a
pair was unwrapped wrongly, and a fraction of a radian of noise and of phase bias (multilooking ground that changes;
Ansari et al. 2021, "Study of systematic bias in measuring surface deformation with SAR interferometry", IEEE TGRS
59).

Cycles are found as Yunjun et al. (2019, "Small baseline InSAR time series analysis", Computers & Geosciences 133,
section 4.2) define them: the whole numbers of least L1 norm that explain the closures of a cell, here once for each
distinct pattern of closures and by integer programming, so that a solution is known to be the only one or not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.series.graph import Pair, triangles_of

Floats = NDArray[np.floating[Any]]
Integers = NDArray[np.integer[Any]]

_CYCLE: Final = 2 * np.pi
_MISSING: Final = 99
"""Stands for the closure of a triangle of which a pair has no value: no pair is wrong by as many cycles."""
_MOST_PATTERNS: Final = 20_000
_UNEVEN: Final = 1e-3
"""Share by which the cost of a cycle differs from pair to pair, to tell solutions of one norm from each other."""


def triangle_matrix(pairs: Sequence[Pair]) -> Integers:
    """Return the signs of the pairs around each triangle of a network.

    Parameters
    ----------
    pairs : sequence of Pair

    Returns
    -------
    ndarray
        Shape (triangles, pairs): 1 for ab and bc, -1 for ac, 0 for others; triangles in the order of time.
    """
    place = {pair: number for number, pair in enumerate(pairs)}
    found = triangles_of(pairs)
    signs = np.zeros((len(found), len(pairs)), np.int8)
    for row, (a, b, c) in zip(signs, found, strict=True):
        row[[place[a, b], place[b, c]]] = 1
        row[place[a, c]] = -1
    return signs


def closures(phases: Floats, signs: Integers) -> Floats:
    """Return the closure of unwrapped phases around each triangle.

    Parameters
    ----------
    phases : ndarray
        Radians; shape (pairs, ...), NaN where a pair has no value.
    signs : ndarray
        As of `triangle_matrix`.

    Returns
    -------
    ndarray
        Radians, of the type of `phases`; shape (triangles, ...), NaN where one of the three has no value.
    """
    found = np.empty((len(signs), *phases.shape[1:]), phases.dtype)
    for closure, row in zip(found, signs, strict=True):
        ab, bc = np.flatnonzero(row > 0)
        (ac,) = np.flatnonzero(row < 0)
        np.subtract(phases[ab] + phases[bc], phases[ac], out=closure)
    return found


def wrapped(phase: Floats) -> Floats:
    """Return phases within half a cycle of zero, radians."""
    return phase - _CYCLE * np.rint(phase / _CYCLE)


def cycles(closure: Floats) -> Integers:
    """Return the whole cycles of closures; a mark that no closure has where there is none."""
    whole = np.rint(closure / _CYCLE)
    known = np.abs(whole) < _MISSING
    return np.where(known, whole, _MISSING).astype(np.int8)


@dataclass(frozen=True)
class Repair:
    """Cycles that pairs are wrong by, cell by cell.

    Attributes
    ----------
    cycles : ndarray
        To be subtracted from the pairs; int8, shape (pairs, ...). Zero where the solution is not the only one.
    flagged : ndarray
        Cells where some closure is not zero; bool, of the shape of one pair.
    ambiguous : ndarray
        Of these, the ones that more than one set of cycles explains as well.
    """

    cycles: Integers
    flagged: NDArray[np.bool_]
    ambiguous: NDArray[np.bool_]

    def of(self, cells: slice) -> Repair:
        """Return the same of some of the cells, which are along one axis."""
        return Repair(self.cycles[:, cells], self.flagged[cells], self.ambiguous[cells])

    def applied(self, phases: Floats) -> Floats:
        """Return phases (radians; shape (pairs, ...)) without the cycles."""
        return phases - (_CYCLE * self.cycles).astype(phases.dtype)


def repair_cycles(closure_cycles: Integers, signs: Integers) -> Repair:
    """Find the fewest whole cycles in pairs that explain the closures of each cell.

    Parameters
    ----------
    closure_cycles : ndarray
        As of `cycles`; shape (triangles, ...).
    signs : ndarray
        As of `triangle_matrix`.
    """
    shape = closure_cycles.shape[1:]
    told = closure_cycles.reshape(len(signs), math.prod(shape))
    flagged = ((told != 0) & (told != _MISSING)).any(axis=0)
    found = np.zeros((signs.shape[1], told.shape[1]), np.int8)
    ambiguous = np.zeros(told.shape[1], bool)
    if not flagged.any():
        return Repair(found.reshape(-1, *shape), flagged.reshape(shape), ambiguous.reshape(shape))
    patterns, place, count = np.unique(told[:, flagged], axis=1, return_inverse=True, return_counts=True)
    solved = np.zeros((signs.shape[1], len(count)), np.int8)
    unsolved = np.ones(len(count), bool)
    for number in np.argsort(-count, kind="stable")[:_MOST_PATTERNS]:
        solution = least_cycles(patterns[:, number], signs)
        if solution is not None:
            solved[:, number], unsolved[number] = solution, False
    place = place.reshape(-1)
    found[:, flagged], ambiguous[flagged] = solved[:, place], unsolved[place]
    return Repair(found.reshape(-1, *shape), flagged.reshape(shape), ambiguous.reshape(shape))


def least_cycles(pattern: Integers, signs: Integers) -> Integers | None:
    """Return the whole cycles of least L1 norm that explain the closures of one cell, if they are the only ones.

    Parameters
    ----------
    pattern : ndarray
        Cycles of each triangle; shape (triangles,).
    signs : ndarray
        As of `triangle_matrix`.

    Returns
    -------
    ndarray or None
        Shape (pairs,); None where other whole numbers of the same norm explain the closures as well.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp

    known = pattern != _MISSING
    rows = signs[known].astype(float)
    both = np.hstack([rows, -rows])  # a cycle too many and one too few are two variables, neither below zero
    whole = np.ones(both.shape[1], int)
    exact = LinearConstraint(both, pattern[known], pattern[known])
    # of several solutions of one norm, prices that differ a little choose one, and the opposite prices another one
    uneven = np.random.default_rng(0).uniform(-1, 1, both.shape[1])
    solutions = []
    for sign in (1, -1):
        share = _UNEVEN / max(1, np.abs(pattern[known]).sum())
        solved = milp(1 + sign * share * uneven, constraints=exact, integrality=whole, bounds=Bounds(0, np.inf))
        if solved.x is None:
            return None
        more, fewer = np.rint(solved.x).astype(np.int8).reshape(2, -1)
        solutions.append(more - fewer)
    return solutions[0] if (solutions[0] == solutions[1]).all() else None


@dataclass(frozen=True)
class Constants:
    """Whole cycles by which maps are off as a whole: their zero was unwrapped differently.

    Attributes
    ----------
    triangles : ndarray
        Cycles by which each triangle does not close in most cells; int8, shape (triangles,).
    pairs : ndarray
        Cycles by which each pair is off, to be subtracted; int8, shape (pairs,). Zero where that is not known.
    known : bool
        Whether the pairs are the only ones that explain the triangles.
    """

    triangles: Integers
    pairs: Integers
    known: bool

    @property
    def left(self) -> Integers:
        """Cycles of the triangles that those of the pairs do not explain."""
        return self.triangles * (not self.known)


def constant_cycles(closure: Floats, signs: Integers) -> Constants:
    """Return the whole cycles by which each pair as a whole is off.

    Parameters
    ----------
    closure : ndarray
        Radians; shape (triangles, ...), NaN where there is none.
    signs : ndarray
        As of `triangle_matrix`.
    """
    flat = closure.reshape(len(signs), math.prod(closure.shape[1:]))
    known = np.isfinite(flat).any(axis=1)
    middle = np.full(len(signs), np.nan)
    middle[known] = np.nanmedian(flat[known], axis=1)
    told = cycles(middle)
    nothing = np.zeros(signs.shape[1], np.int8)
    triangles = np.where(known, told, 0).astype(np.int8)
    if not triangles.any():
        return Constants(triangles, nothing, known=True)
    found = least_cycles(told, signs)
    return Constants(triangles, nothing, known=False) if found is None else Constants(triangles, found, known=True)
