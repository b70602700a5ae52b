"""To what a series is relative: one place, by calm and coherent cells around it, the same ones in all pairs.

The noise of the place is in the velocity of each cell. The map of a pair has it from 11 x 11 cells; a series, whose
own noise is less, takes more, and a plane through them, so that a slope of the ground's motion adds nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from dinsar_cli.config.model import LonLat
from dinsar_cli.errors import NoDataError
from dinsar_cli.series.velocity import YEAR
from dinsar_cli.timeseries.maps.pair_maps import Averaged, PairMaps

Floats = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]

WINDOW: Final = 25
"""Cells on a side, unless another number is asked for."""
_OF_MAPS: Final = 11  # the same of the maps of pairs
_ZERO: Final = 1e-5  # metres: more than rounding leaves of the mean of that window
_SMOOTH: Final = 5  # cells on a side over which velocity is smoothed before it tells what is calm
_COHERENT: Final = 0.8  # of the coherence of the place itself
_CALM: Final = 2.0  # deviations of single cells


def relative_to_one_place(maps: PairMaps, window: int = WINDOW) -> PairMaps:
    """Make one place zero in all pairs, by a plane through the calm, coherent cells around it.

    The place is that of the maps, or where they have different ones the most coherent cell that has a value in all.
    Maps that are relative to a place beside them, or to an area, stay as they are.

    Parameters
    ----------
    maps : PairMaps
    window : int
        Cells on a side in which they lie, odd; 0 leaves the maps as they are, where they have one place.

    Raises
    ------
    NoDataError
        When the maps have no place in common.
    """
    if maps.reference is None:
        row, column = _most_coherent(maps)
        place = LonLat(*(round(degrees, 6) for degrees in maps.grid.lonlat(row, column)))
        note = (
            f"the maps were relative to different places: all are made zero at {place.lon:.4f}, {place.lat:.4f} "
            "(longitude, latitude), around the most coherent cell that all have"
        )
        named = replace(maps, reference=place, notes=(*maps.notes, note))
        return _zero_around(named, row, column, max(1, window), None)
    row, column = maps.grid.index(maps.reference.lon, maps.reference.lat)
    inside = 0 <= row < maps.grid.height and 0 <= column < maps.grid.width
    own = _noise_of_maps(maps, row, column) if inside and window else None
    return maps if own is None else _zero_around(maps, row, column, window, own)


def _most_coherent(maps: PairMaps) -> tuple[int, int]:
    coherence, everywhere = np.full(maps.grid.shape, np.inf, np.float32), np.ones(maps.grid.shape, bool)
    for rows in maps.parts():
        everywhere[rows] = np.isfinite(maps.displacement(rows)).all(axis=0)
        coherence[rows] = np.nan_to_num(maps.coherence(rows)).min(axis=0)
    if not everywhere.any():
        raise NoDataError(
            "The maps have no cell in common.",
            "Each has its own zero, and there is no cell with a value in all of them that could be zero in all.",
            "Leave the worst pairs or dates out, or make the maps with one --reference-point.",
        )
    found = np.unravel_index(np.argmax(np.where(everywhere, coherence, -1)), maps.grid.shape)
    return int(found[0]), int(found[1])


def _noise_of_maps(maps: PairMaps, row: int, column: int) -> Floats | None:
    """Return the standard deviation of the noise that the zero of each map has, metres.

    None where zero is not the mean of the cells around the place, as when it is that of an area.
    """
    los, coherence, _ = _around(maps, row, column, _OF_MAPS)
    known = np.isfinite(los)
    if not known.any(axis=(1, 2)).all():
        return None
    mean = np.where(known, los, 0).sum(axis=(1, 2)) / known.sum(axis=(1, 2))
    if np.abs(mean).max() > _ZERO:
        return None
    return _noise_of_mean(maps, coherence, known)


def _around(maps: PairMaps, row: int, column: int, window: int) -> tuple[Floats, Floats, tuple[int, int]]:
    """Read displacement and coherence around a place, and tell where in it the place lies."""
    half = window // 2
    rows = slice(max(0, row - half), min(maps.grid.height, row + half + 1))
    columns = slice(max(0, column - half), column + half + 1)
    los = maps.displacement(rows)[:, :, columns].astype(np.float64)
    return los, maps.coherence(rows)[:, :, columns].astype(np.float64), (row - rows.start, column - columns.start)


def _noise_of_mean(maps: PairMaps, coherence: Floats, used: Bools) -> Floats:
    """Return the standard deviation of the noise of the mean of some cells of each pair, metres."""
    return np.array([
        one.mean_sigma(float(values[cells].mean()), int(cells.sum()), maps.grid)
        for one, values, cells in zip(maps.layers, np.nan_to_num(coherence), used, strict=True)
    ])  # fmt: skip


def _zero_around(maps: PairMaps, row: int, column: int, window: int, own: Floats | None) -> PairMaps:
    los, coherence, place = _around(maps, row, column, window)
    used = calm_cells(los, coherence, np.array([(b - a).days / YEAR for a, b in maps.pairs]), place)
    if not used.any():
        return maps
    weights = plane_weights(used, place)
    zero = los[:, used] @ weights
    worth = 1 / (used.sum() * np.sum(weights**2))  # that of the plain mean is 1
    sigma = _noise_of_mean(maps, coherence, np.broadcast_to(used, los.shape)) / np.sqrt(worth)
    change = np.square(sigma) - (0 if own is None else np.square(own))
    return replace(
        maps,
        zero=maps.zero + zero,
        variance=maps.variance + change,
        averaged=Averaged(window, int(used.sum())),
    )


def plane_weights(used: Bools, place: tuple[int, int]) -> Floats:
    """Return by what the value of a plane through some cells, at a place, follows from them: an even slope cancels.

    Parameters
    ----------
    used : ndarray
        Shape (rows, columns).
    place : (int, int)
        Row and column.

    Returns
    -------
    ndarray
        Shape (cells,), with the sum 1; those of the mean where the cells make no plane.
    """
    rows, columns = np.nonzero(used)
    plane = np.column_stack([np.ones(len(rows)), rows - place[0], columns - place[1]])
    if np.linalg.matrix_rank(plane) < plane.shape[1]:
        return np.full(len(rows), 1 / len(rows))
    weights: Floats = np.linalg.pinv(plane)[0]
    return weights


def calm_cells(los: Floats, coherence: Floats, time: Floats, place: tuple[int, int]) -> Bools:
    """Tell which cells around a place move as it does, and are as coherent.

    Calm is where velocity, smoothed over 5 x 5 cells, differs from that of the 11 x 11 cells in the middle by less
    than twice what single cells there differ by from each other.

    Parameters
    ----------
    los, coherence : ndarray
        Displacement, metres, and coherence of the pairs; shape (pairs, rows, columns), NaN where there is none.
    time : ndarray
        Of each pair, years.
    place : (int, int)
        Row and column of the middle.

    Returns
    -------
    ndarray
        Shape (rows, columns). Cells have a value in all pairs.
    """
    everywhere = np.asarray(np.isfinite(los).all(axis=0), bool)
    if not everywhere.any():
        return everywhere
    rate = np.tensordot(time, np.where(everywhere, los, 0), 1) / np.sum(time**2)
    weight = uniform_filter(everywhere.astype(np.float64), _SMOOTH, mode="constant")
    smooth: Floats = uniform_filter(rate, _SMOOTH, mode="constant") / np.maximum(weight, 1 / _SMOOTH**2)
    middle = np.zeros_like(everywhere)
    half = _OF_MAPS // 2
    middle[max(0, place[0] - half) : place[0] + half + 1, max(0, place[1] - half) : place[1] + half + 1] = True
    middle &= everywhere
    if not middle.any():
        return middle
    level = np.median(rate[middle])
    scatter = np.sqrt(np.mean(np.square(rate[middle] - level)))
    mean = np.where(everywhere, coherence, 0).mean(axis=0)
    enough = mean >= _COHERENT * float(np.median(mean[middle]))
    calm = np.abs(smooth - level) <= max(_CALM * float(scatter), 1e-12)
    used: Bools = np.logical_and.reduce([everywhere, enough, calm])
    return used
