"""A pair against its reverse: phases that should be equal and opposite. Pure functions on arrays of the map.

The phase of earlier x conj(later) and that of later x conj(earlier) add up to zero, apart from one number of whole
cycles for all of the map. What is left over shows that a step of the processing has not done the same in both
orders. What both orders do wrong alike (aliased fringes, atmosphere, orbits, the DEM) does not show.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, find_objects, label

Floats = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]
Labels = NDArray[np.integer[Any]]

_CYCLE = 2 * math.pi
LARGEST_FILLED = 400
"""Cells of the largest flagged patch that is filled."""


def leftover(forward: Floats, backward: Floats, components: Labels) -> Floats:
    """Sum the phases of both orders, without the whole cycles that the largest component has of it, radians.

    Parameters
    ----------
    forward, backward : ndarray
        Unwrapped phase of both orders, radians; NaN where there is none.
    components : ndarray
        Connected components of `forward`, 1 = the largest; of the same shape.

    Returns
    -------
    ndarray
        NaN where one of them has no phase.
    """
    total = np.asarray(forward, np.float64) + backward
    known = np.isfinite(total)
    settled = known & (components == 1)
    counted = total[settled] if settled.any() else total[known]
    offset = _CYCLE * np.rint(np.median(counted) / _CYCLE) if counted.size else 0.0
    return np.asarray(total - offset)


def filled(unwrapped: Floats, wrapped: Floats, components: Labels, flagged: Bools) -> tuple[Floats, Bools]:
    """Choose the whole cycles of flagged cells again, so that they meet the surface between those around them.

    The surface is harmonic: each flagged cell is the mean of its four neighbours. Only patches of up to
    `LARGEST_FILLED` cells with cells of one component all around them are filled: far from what is known, and at
    the border of a component, the surface tells nothing.

    Parameters
    ----------
    unwrapped, wrapped : ndarray
        Radians, shape of the map.
    components : ndarray
        Connected components, 0 = none.
    flagged : ndarray of bool
        Cells to fill.

    Returns
    -------
    phase : ndarray
        `unwrapped` with these cells replaced by `wrapped` plus whole cycles.
    cells : ndarray of bool
        Those that were filled.
    """
    known = np.isfinite(unwrapped) & np.isfinite(wrapped) & (components > 0)
    cells = _fillable(flagged & known, known, components)
    if not cells.any():
        return unwrapped, cells
    surface = _harmonic(np.asarray(unwrapped, np.float64), cells, known, components)
    phase = np.array(unwrapped)
    phase[cells] = wrapped[cells] + _CYCLE * np.rint((surface - wrapped[cells]) / _CYCLE)
    return phase, cells


def _fillable(flagged: Bools, known: Bools, components: Labels) -> Bools:
    """Give cells of patches that are small and all around beside cells of one component that are not flagged."""
    patches, _ = label(flagged)
    chosen = np.zeros(flagged.shape, bool)
    for number, (rows, columns) in enumerate(find_objects(patches), start=1):
        window = slice(max(0, rows.start - 1), rows.stop + 1), slice(max(0, columns.start - 1), columns.stop + 1)
        patch = patches[window] == number
        numbers = np.unique(components[window][patch])
        firm = known[window] & ~flagged[window] & (components[window] == numbers[0])
        around = binary_dilation(patch) & ~patch
        at_edge = patch.shape != (rows.stop - rows.start + 2, columns.stop - columns.start + 2)
        if not at_edge and patch.sum() <= LARGEST_FILLED and not (around & ~firm).any():
            chosen[window] |= patch
    return chosen


_NEIGHBOURS = (
    ((slice(None, -1), slice(None)), (slice(1, None), slice(None))),
    ((slice(None), slice(None, -1)), (slice(None), slice(1, None))),
)


def _harmonic(values: Floats, cells: Bools, known: Bools, components: Labels) -> Floats:
    """Solve for the cells: each is the mean of its neighbours of the same component."""
    number = np.full(cells.shape, -1)
    number[cells] = np.arange(cells.sum())
    count, right = np.zeros(cells.sum()), np.zeros(cells.sum())
    links = []
    for first, second in _NEIGHBOURS:
        for a, b in ((first, second), (second, first)):
            joined = cells[a] & known[b] & (components[a] == components[b])
            mine, other = number[a][joined], number[b][joined]
            count += np.bincount(mine, minlength=count.size)
            firm = other < 0
            right += np.bincount(mine[firm], values[b][joined][firm], minlength=count.size)
            links.append((mine[~firm], other[~firm]))
    rows, columns = (np.concatenate([link[i] for link in links]) for i in (0, 1))
    from scipy.sparse import coo_matrix, diags
    from scipy.sparse.linalg import spsolve

    between = coo_matrix((np.ones(rows.size), (rows, columns)), shape=(count.size, count.size))
    return np.asarray(spsolve((diags(count) - between).tocsc(), right))
