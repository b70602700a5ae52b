"""Steepest slope of the terrain, and motion along it from one line of sight: pure functions on arrays."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from dinsar_cli.geo.crs import ground_axes
from dinsar_cli.geo.grid import Grid

Floats: TypeAlias = NDArray[np.floating[Any]]
Bools: TypeAlias = NDArray[np.bool_]

NO_DISPLACEMENT, GENTLE, ACROSS, HIDDEN = 1, 2, 4, 8
"""Why motion down the slope is not defined: values that a cell sums."""

_WIDTH = 2 * math.sqrt(2 * math.log(2))  # of a Gaussian at half of its height, in standard deviations
_AXES = 33  # places along each side of a map at which it is looked up how its axes lie on the ground
_LEAST_KNOWN = 0.999  # share of the weight that must have a height: the mean of one side of a cell is not its own


@dataclass(frozen=True)
class Slope:
    """The steepest slope in each cell.

    Attributes
    ----------
    angle : ndarray
        Below the horizontal, degrees; NaN where it is not known.
    aspect : ndarray
        Direction in which it goes down, degrees from north over east; NaN where there is none.
    down : ndarray
        Unit vector down the slope: east, north, up; shape (3, height, width).
    """

    angle: Floats
    aspect: Floats
    down: Floats


def steepest_slope(heights: Floats, grid: Grid, width: float) -> Slope:
    """Return the steepest slope of the smoothed terrain.

    Heights are averaged by a Gaussian, and differences taken over two cells.

    Parameters
    ----------
    heights : ndarray
        Metres; NaN where they are not known. Shape of the grid.
    grid : Grid
        Of a projected one, axes and lengths are those that they have on the ground.
    width : float
        Of the Gaussian at half of its height, metres; 0 does not smooth.
    """
    east_metres, north_metres = (grid.posting * unit for unit in grid.metres_per_unit)
    smooth = _smoothed(heights, (width / _WIDTH / north_metres, width / _WIDTH / east_metres))
    rise = _rise(smooth, grid)
    steepness = np.hypot(*rise)
    with np.errstate(invalid="ignore", divide="ignore"):
        course = np.where(steepness > 0, -rise / steepness, np.nan)
    angle = np.arctan(steepness)
    down = np.stack([course[0] * np.cos(angle), course[1] * np.cos(angle), -np.sin(angle)])
    return Slope(np.degrees(angle), np.degrees(np.arctan2(course[0], course[1])) % 360, down)


def _smoothed(heights: Floats, sigma: tuple[float, float]) -> Floats:
    """Average by a Gaussian over what is known; NaN beside what is not."""
    known = np.isfinite(heights)
    if not known.any():
        return np.full(heights.shape, np.nan)
    level = float(np.mean(heights[known]))  # so that rounding is that of differences
    values = np.where(known, heights - level, 0.0).astype(np.float64)
    weight = gaussian_filter(known.astype(np.float64), sigma, mode="constant")
    total = gaussian_filter(values, sigma, mode="constant")
    enough = known & (weight >= _LEAST_KNOWN)
    return np.where(enough, total / np.where(enough, weight, 1.0) + level, np.nan)


def _rise(heights: Floats, grid: Grid) -> Floats:
    """Return by how much heights rise, metres a metre, toward east and north; shape (2, height, width)."""
    south, east = np.gradient(heights, grid.posting)
    along_x, along_y = east, -south
    if grid.is_geographic:
        metres_x, metres_y = grid.metres_per_unit
        return np.stack([along_x / metres_x, along_y / metres_y])
    # a rise along x is that toward east times the metres east of a metre along x, and so on; these change slowly
    x, y = np.meshgrid(*(np.linspace(one[0], one[-1], _AXES) for one in (grid.x_centres, grid.y_centres)))
    place = np.meshgrid(*(np.linspace(0, _AXES - 1, size) for size in grid.shape), indexing="ij")
    (x_east, x_north), (y_east, y_north) = (
        [map_coordinates(part, place, order=1) for part in axis] for axis in ground_axes(grid.crs, x, y)
    )
    whole = x_east * y_north - x_north * y_east
    return np.stack(
        [(along_x * y_north - along_y * x_north) / whole, (along_y * x_east - along_x * y_east) / whole]
    )


@dataclass(frozen=True)
class Limits:
    """Where motion down the slope is told.

    Attributes
    ----------
    slope : float
        Least angle of the slope, degrees.
    factor : float
        Least share of the motion, either way, that the line of sight sees.
    turn : float
        Standard deviation of the angle between the motion and the steepest slope, degrees.
    """

    slope: float = 5.0
    factor: float = 0.3
    turn: float = 5.0


@dataclass(frozen=True)
class Downslope:
    """Motion down the slope.

    Attributes
    ----------
    motion : ndarray
        Metres, positive down the slope; NaN where it is not defined.
    sigma : ndarray or None
        Its standard deviation, metres; None where that of the displacement is not known.
    factor : ndarray
        Displacement along the line of sight for each metre of motion.
    undefined : ndarray of uint8
        Why it is not defined, sum of `NO_DISPLACEMENT`, `GENTLE`, `ACROSS` and `HIDDEN`; 0 where it is.
    """

    motion: Floats
    sigma: Floats | None
    factor: Floats
    undefined: NDArray[np.uint8]


def project(
    los: Floats,
    vector: Floats,
    slope: Slope,
    limits: Limits,
    sigma: Floats | None = None,
    hidden: Bools | None = None,
) -> Downslope:
    """Return the motion down the steepest slope that gives a displacement along the line of sight.

    With the unit vectors ``s`` down the slope and ``l`` to the satellite and the factor ``f = s . l``::

        d = los / f        var d = (sigma / f)^2 + (d t)^2 (1 - f^2) / f^2

    ``t`` is how far, in radians, motion may go beside the steepest slope: it turns ``s``, and changes ``f`` by
    ``t sqrt(1 - f^2)`` when it turns in the plane of both (Hilley et al. 2004, "Dynamics of slow-moving landslides
    from permanent scatterer analysis", Science 304; Notti et al. 2014, "A methodology for improving landslide PSI
    data analysis", IJRS 35(6), who leave out what the line of sight sees little of, as is done here).

    Parameters
    ----------
    los : ndarray
        Metres, positive toward the satellite; NaN where there is none.
    vector : ndarray
        Unit vectors to the satellite: east, north, up; shape (3, ...).
    sigma : ndarray, optional
        Standard deviation of `los`, metres.
    hidden : ndarray of bool, optional
        Cells in layover or shadow.
    """
    factor = np.sum(slope.down * vector, axis=0)
    undefined = np.zeros(los.shape, np.uint8)
    undefined[~np.isfinite(los)] |= NO_DISPLACEMENT
    undefined[~(slope.angle >= limits.slope)] |= GENTLE
    undefined[~(np.abs(factor) >= limits.factor)] |= ACROSS
    if hidden is not None:
        undefined[hidden] |= HIDDEN
    defined = undefined == 0
    inverse = np.divide(1.0, factor, out=np.full(los.shape, np.nan), where=defined)
    motion = los * inverse
    error = None
    if sigma is not None:
        beside = math.radians(limits.turn) * motion * np.sqrt(np.maximum(0.0, 1 - factor**2)) * inverse
        error = np.hypot(sigma * inverse, beside)
    return Downslope(motion, error, factor, undefined)
