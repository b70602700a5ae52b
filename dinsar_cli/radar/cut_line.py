"""Look cells through which a line on the ground goes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.radar.geometry import geodetic_to_cartesian, zero_doppler
from dinsar_cli.radar.visibility import RadarCells

Floats = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]
Line = tuple[Floats, Floats, Floats]
"""Longitude, latitude (degrees) and height (m) of points along a line; NaN where the ground is not known."""

_STEP: Final = 0.25  # of a cell, between points that are looked at


def cut_cells(cells: RadarCells, lines: Iterable[Line]) -> Bools:
    """Tell through which cells lines go, so that neither a side nor a corner leads from one side to the other.

    Parameters
    ----------
    cells : RadarCells
    lines : iterable of (ndarray, ndarray, ndarray)
        Points so near to each other that the ground between them is level.

    Returns
    -------
    ndarray of bool
        Shape (lines, samples); steps along a corner have the cell beside it too.
    """
    cut = np.zeros((cells.lines, cells.samples), bool)
    for longitude, latitude, height in lines:
        known = np.isfinite(height)
        if not known.any():
            continue
        point = geodetic_to_cartesian(longitude[known], latitude[known], height[known])
        middle = cells.first_time + cells.time_step * cells.lines / 2
        time, slant_range = zero_doppler(cells.orbit, point, middle)
        row = (time - cells.first_time) / cells.time_step
        column = (slant_range - cells.near_range) / cells.range_step
        ends = np.flatnonzero(np.diff(np.flatnonzero(known)) > 1) + 1  # the ground is not known in between
        for some in np.split(np.stack([row, column]), ends, axis=1):
            _mark(cut, *some)
    return cut


def _mark(cut: Bools, row: Floats, column: Floats) -> None:
    """Mark the cells of a line that is given by its positions, in cells."""
    row, column = _finer(row, column)
    whole = np.stack([np.rint(row), np.rint(column)]).astype(np.intp)
    corner = np.stack([whole[0, :-1], whole[1, 1:]])  # of a step along both: or a path would pass through it
    for i, j in (whole, corner):
        inside = (i >= 0) & (i < cut.shape[0]) & (j >= 0) & (j < cut.shape[1])
        cut[i[inside], j[inside]] = True


def _finer(row: Floats, column: Floats) -> tuple[Floats, Floats]:
    """Return the positions with others between them, so that none is farther than `_STEP` from the next."""
    if row.size < 2:
        return row, column
    steps = np.maximum(np.abs(np.diff(row)), np.abs(np.diff(column)))
    count = np.maximum(1, np.ceil(steps / _STEP)).astype(np.intp)
    at = np.repeat(np.arange(count.size), count)
    share = (np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)) / np.repeat(count, count)
    fine = [np.append(value[at] + share * (value[at + 1] - value[at]), value[-1]) for value in (row, column)]
    return fine[0], fine[1]
