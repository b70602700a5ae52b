"""What an unwrapped phase itself tells of its errors: pure functions on arrays of the radar grid.

Three things are looked at. The unwrapped phase is the wrapped one plus whole cycles, or it was damaged on the way.
Within a connected component neighbours that differ by more than half a cycle lie on a line where the unwrapper put
a cut: on one side of it, as far as the line reaches, the cycles may be wrong. Between components the cycles are not
known; where the borders of two meet, or face each other over a gap, their phases tell how many lie between them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

Floats = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]
Labels = NDArray[np.integer[Any]]

CONGRUENT = 1e-3
"""Radians by which an unwrapped phase may miss the wrapped one plus whole cycles."""

_CYCLE = 2 * math.pi
_LEAST_EDGES = 8  # pairs of border cells that say something
_WIDEST_GAP = 20.0  # look cells over which borders are still compared
_NEAR_WHOLE = 0.25  # cycles that the median jump may be from a whole number
_AGREEING = 0.8  # share of the pairs of border cells with the same number of cycles


@dataclass(frozen=True)
class ComponentJump:
    """Phase step between the borders of two components.

    Attributes
    ----------
    first, second : int
        Numbers of the components, the smaller first.
    edges : int
        Pairs of border cells that were compared.
    gap : float
        Median distance of the cells of a pair, look cells; 1 where the components touch.
    jump : float
        Median of the phase of the second minus that of the first, cycles of 2 pi.
    cycles : int
        The whole number that is nearest.
    certain : bool
        Whether there are enough pairs, near enough to each other, most with this number, and the median near it.
    """

    first: int
    second: int
    edges: int
    gap: float
    jump: float
    cycles: int
    certain: bool


def residue(unwrapped: Floats, wrapped: NDArray[np.complexfloating[Any, Any]]) -> Floats:
    """Tell how far the unwrapped phase is from the wrapped one plus whole cycles, radians, -pi to pi.

    Parameters
    ----------
    unwrapped : ndarray
        Radians; NaN where there is none.
    wrapped : ndarray
        Complex, of the same shape.
    """
    rest = unwrapped.astype(np.float64) - np.angle(wrapped)
    return np.asarray(rest - _CYCLE * np.rint(rest / _CYCLE))


def largest_component(components: Labels, counted: Bools) -> int:
    """Return the number of the component that has the most of some cells; 0 where none of them has one.

    Parameters
    ----------
    components : ndarray
        Connected components, 0 = none.
    counted : ndarray of bool
        Cells that count, of the same shape.
    """
    counts = np.bincount(components[counted].astype(np.intp).ravel(), minlength=2)
    counts[0] = 0
    return int(np.argmax(counts))


def inner_jumps(unwrapped: Floats, components: Labels) -> tuple[Bools, int, int]:
    """Return the neighbours of one component that differ by more than half a cycle.

    Parameters
    ----------
    unwrapped : ndarray
        Radians, shape (lines, samples).
    components : ndarray
        Connected components, 0 = none; of the same shape.

    Returns
    -------
    cells : ndarray of bool
        Both cells of each such pair.
    jumps : int
        Number of such pairs.
    pairs : int
        Number of all pairs of neighbours in one component.
    """
    cells = np.zeros(components.shape, bool)
    jumps = pairs = 0
    for first, second in _neighbours():
        same = (components[first] == components[second]) & (components[first] > 0)
        apart = same & (np.abs(unwrapped[second] - unwrapped[first]) > math.pi)
        cells[first] |= apart
        cells[second] |= apart
        jumps, pairs = jumps + int(apart.sum()), pairs + int(same.sum())
    return cells, jumps, pairs


def component_jumps(unwrapped: Floats, components: Labels, cut: Bools | None = None) -> tuple[ComponentJump, ...]:
    """Return the phase steps between components whose borders face each other.

    Every cell without a component is given to the nearest one; where such regions meet, the nearest cells of both
    components are compared.

    Parameters
    ----------
    unwrapped : ndarray
        Radians, shape (lines, samples).
    components : ndarray
        Connected components, 0 = none; of the same shape.
    cut : ndarray of bool, optional
        Cells of lines across which the phase may jump: borders that face each other over them tell nothing.
    """
    labelled = (components > 0) & np.isfinite(unwrapped)
    if np.unique(components[labelled]).size < 2:
        return ()
    rows, columns = distance_transform_edt(~labelled, return_distances=False, return_indices=True)
    source = rows * components.shape[1] + columns
    owner = components.ravel()[source]
    found = []
    for first, second in _neighbours():
        border = owner[first] != owner[second]
        found.append(np.stack([source[first][border], source[second][border]]))
    pairs = np.concatenate(found, axis=1)
    labels = components.ravel()[pairs]
    pairs = np.where(labels[0] < labels[1], pairs, pairs[::-1])
    pairs = np.unique(pairs, axis=1)
    if cut is not None:
        pairs = pairs[:, ~_crosses(cut, pairs)]
        if not pairs.size:
            return ()
    labels = components.ravel()[pairs]
    keys, where = np.unique(labels, axis=1, return_inverse=True)
    where = where.ravel()
    order = np.argsort(where, kind="stable")
    groups = np.split(pairs[:, order], np.cumsum(np.bincount(where))[:-1], axis=1)
    return tuple(
        _jump(int(a), int(b), unwrapped, cells) for a, b, cells in zip(keys[0], keys[1], groups, strict=True)
    )


def _crosses(cut: Bools, pairs: NDArray[np.integer[Any]]) -> Bools:
    """Tell which straight ways between two cells, given by their flat index, go over cells of a cut."""
    (row, other_row), (column, other_column) = np.unravel_index(pairs, cut.shape)
    far = int(max(np.abs(other_row - row).max(), np.abs(other_column - column).max()))
    over = np.zeros(pairs.shape[1], bool)
    for share in np.linspace(0, 1, 2 * far + 1):
        at = (np.rint(one + share * (other - one)) for one, other in ((row, other_row), (column, other_column)))
        over |= cut[tuple(place.astype(np.intp) for place in at)]
    return over


def _jump(first: int, second: int, unwrapped: Floats, cells: NDArray[np.integer[Any]]) -> ComponentJump:
    """Step between two components over pairs of border cells, given by their flat index; shape (2, pairs)."""
    phase = unwrapped.ravel()[cells].astype(np.float64)
    steps = (phase[1] - phase[0]) / _CYCLE
    line, sample = np.unravel_index(cells, unwrapped.shape)
    gap = float(np.median(np.hypot(line[1] - line[0], sample[1] - sample[0])))
    jump = float(np.median(steps))
    cycles = round(jump)
    certain = (
        steps.size >= _LEAST_EDGES
        and gap <= _WIDEST_GAP
        and abs(jump - cycles) <= _NEAR_WHOLE
        and float(np.mean(np.rint(steps) == cycles)) >= _AGREEING
    )
    return ComponentJump(first, second, int(steps.size), gap, jump, cycles, certain)


def comparable(jumps: Iterable[ComponentJump]) -> frozenset[int]:
    """Return components that continue the largest one, number 1.

    A chain of borders that certainly meet leads to each.
    """
    beside: dict[int, set[int]] = {}
    for jump in jumps:
        if jump.certain and jump.cycles == 0:
            beside.setdefault(jump.first, set()).add(jump.second)
            beside.setdefault(jump.second, set()).add(jump.first)
    reached, ahead = {1}, [1]
    while ahead:
        new = beside.get(ahead.pop(), set()) - reached
        reached |= new
        ahead += new
    return frozenset(reached)


def _neighbours() -> tuple[tuple[tuple[slice, slice], tuple[slice, slice]], ...]:
    """Give index of the first and of the second cell of all pairs of neighbours, along lines and along samples."""
    every, ahead, back = slice(None), slice(1, None), slice(None, -1)
    return ((back, every), (ahead, every)), ((every, back), (every, ahead))
