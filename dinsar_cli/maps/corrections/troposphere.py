"""Delay of the troposphere from a weather model, along the line of sight.

More delay at the later date looks like ground that has moved away from the satellite, so
``correction = -(delay_later - delay_earlier) / cos(incidence)`` for delays in the zenith (Hanssen 2001, section
4.8).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.geo.grid import Grid
from dinsar_cli.geo.warp import EXACT, bilinear
from dinsar_cli.maps.corrections.delay_file import Delay, read_delay

Floats: TypeAlias = NDArray[np.floating[Any]]

_LATTICE = 48  # points on a side at which the coverage is looked at before a run
_LEAST_COVER = 0.5
_BLOCK_ROWS = 512  # of the map, in which cubes are interpolated
_BEYOND = 100.0  # m by which the lowest and the highest two heights of a cube are continued


def delay_los(earlier: Floats, later: Floats, up: Floats, direction: Literal["zenith", "slant"]) -> Floats:
    """Return the displacement that a change of delay feigns, metres of LOS, positive toward the satellite.

    Parameters
    ----------
    earlier, later : ndarray
        One-way delay of both dates, metres.
    up : ndarray
        Up component of the unit vector to the satellite: the cosine of the incidence angle.
    direction : {'zenith', 'slant'}
        Direction of the delays.
    """
    along = later - earlier
    return -along / up if direction == "zenith" else -along


def troposphere_los(
    grid: Grid,
    los_vector: Floats,
    files: tuple[Sequence[Path], Sequence[Path]],
    direction: Literal["zenith", "slant"],
    elevation: Callable[[], Floats],
) -> Floats:
    """Return the displacement that the troposphere feigns on a map, from files of a weather model.

    Parameters
    ----------
    grid : Grid
        The map grid.
    los_vector : ndarray
        Unit vectors from the ground to the satellite: east, north, up; shape (3, height, width).
    files : (sequence of Path, sequence of Path)
        Of the earlier and of the later date.
    direction : {'zenith', 'slant'}
        Direction of the delays.
    elevation : callable
        Gives heights above the ellipsoid, metres, shape of the grid; called only for cubes.

    Returns
    -------
    ndarray
        Metres of LOS, shape of the grid; NaN where a file has no delay.

    Raises
    ------
    UsageError, NoDataError
        As `read_delay`; when a file says that its delays are of the other direction, or when a cube does not reach
        the heights of the map.
    """
    delays = [_read(names, direction) for names in files]
    heights = elevation() if any(delay.heights for delay in delays) else None
    earlier, later = (
        on_map(delay, grid) if heights is None or not delay.heights else at_ground(delay, grid, heights, names[0])
        for delay, names in zip(delays, files, strict=True)
    )
    return delay_los(earlier, later, los_vector[2], direction)


def _read(names: Sequence[Path], direction: str) -> Delay:
    """Return the delay of one date, refused when its file says that it is of the other direction."""
    delay = read_delay(names)
    if delay.direction not in {"", direction}:
        raise UsageError(
            f"{names[0]} holds delays along the {delay.direction}.",
            f"It says so itself, and corrections.delay is {direction}.",
            f"Set corrections.delay to {delay.direction} in the configuration file.",
        )
    return delay


def on_map(delay: Delay, grid: Grid) -> Floats:
    """Return the delay at the pixel centres of a map, linear between those of the file; NaN outside."""
    return bilinear(delay.values.astype(np.float64), delay.transform, delay.crs, grid, tolerance=EXACT)


def at_ground(delay: Delay, grid: Grid, elevation: Floats, path: Path) -> Floats:
    """Return the delay of a cube at the ground, linear between its heights as in RAiDER; NaN outside.

    Below its lowest and above its highest one the nearest two are continued by up to 100 m: coasts often lie below
    the ellipsoid.

    Raises
    ------
    NoDataError
        When less than half of the ground is within its heights.
    """
    levels = np.array(delay.heights)
    reached = (elevation >= levels[0] - _BEYOND) & (elevation <= levels[-1] + _BEYOND)
    known = np.isfinite(elevation)
    if known.any() and np.count_nonzero(reached) < _LEAST_COVER * np.count_nonzero(known):
        low, high = np.nanpercentile(elevation, (1, 99))
        raise NoDataError(
            f"{path} does not reach the heights of the map.",
            f"Its delays are at {levels[0]:g} to {levels[-1]:g} m, and the ground is at {low:.0f} to {high:.0f} m.",
            "Make the cube with more heights (height_levels of RAiDER).",
        )
    result = np.full(grid.shape, np.nan)
    for top in range(0, grid.height, _BLOCK_ROWS):
        rows = slice(top, min(top + _BLOCK_ROWS, grid.height))
        block = replace(grid, north=grid.north - top * grid.posting, height=rows.stop - top)
        result[rows] = _interpolated(delay, block, np.where(reached[rows], elevation[rows], np.nan))
    return result


def _interpolated(delay: Delay, grid: Grid, elevation: Floats) -> Floats:
    """Interpolate between the heights of a cube, of which only those are put on the map that some cell needs."""
    levels = np.array(delay.heights)
    interval = np.clip(np.searchsorted(levels, elevation, side="right") - 1, 0, len(levels) - 2)
    result, upper = np.full(grid.shape, np.nan), None
    for k in range(len(levels) - 1):
        cells = np.isfinite(elevation) & (interval == k)
        if not cells.any():
            upper = None
            continue
        lower = on_map(delay.level(k), grid) if upper is None else upper
        upper = on_map(delay.level(k + 1), grid)
        weight = (elevation[cells] - levels[k]) / (levels[k + 1] - levels[k])
        result[cells] = (1 - weight) * lower[cells] + weight * upper[cells]
    return result


def check_delays(
    grid: Grid, files: tuple[Sequence[Path], Sequence[Path]], direction: Literal["zenith", "slant"]
) -> None:
    """Read the files of both dates before anything expensive starts, and see that they cover the map.

    Raises
    ------
    NoDataError
        When one of them lies elsewhere.
    UsageError, NoDataError
        As `troposphere_los`; the heights of the ground are not known yet.
    """
    coarse = _coarse(grid)
    for names in files:
        delay = _read(names, direction)
        cover = float(np.mean(np.isfinite(on_map(delay.level(0), coarse))))
        if cover < _LEAST_COVER:
            west, south, east, north = grid.bounds
            raise NoDataError(
                f"{names[0]} does not cover the map.",
                f"It has delay at {cover:.0%} of the map ({west:g} {south:g} {east:g} {north:g} in {grid.title}).",
                "Fetch the delay for the whole area, or choose --roi inside it.",
            )


def _coarse(grid: Grid) -> Grid:
    """Return a grid over the same area with few cells."""
    step = max(1, max(grid.shape) // _LATTICE)
    width, height = (max(1, size // step) for size in (grid.width, grid.height))
    return Grid(grid.crs, grid.west, grid.north, grid.posting * step, width, height)
