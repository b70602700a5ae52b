"""Ground that does not move by itself: whether there is any, where it is, and at what level.

Displacement of one pair is relative. Zero belongs on ground that is still, which nothing in the phase marks.
But deformation dies away outward, as that of a volume at depth does with the cube of the distance [1]_, and leaves
the border of a large enough region flat. So the border is looked at, never the median, which moves with the ground
when most of it does.

References
----------
.. [1] Mogi (1958), "Relations between the eruptions of various volcanoes and the deformations of the ground
   surfaces around them", Bulletin of the Earthquake Research Institute 36.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes, distance_transform_edt, uniform_filter

from dinsar_cli.radar.robust import robust_fit

Floats = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]
Labels = NDArray[np.integer[Any]]

_SIDE = 500.0  # m: of a block
_LEAST_ROWS = 24  # blocks over the shorter side of a region
_LEAST_CELLS = 3  # a side of a block
_LEAST_KNOWN = 0.5  # share of the cells of a block that must have displacement
_BORDER = 0.3  # of the largest distance from the border: blocks that are nearer to it than that are the border
_LEAST_BLOCKS = 40  # of the border
_SECTORS, _LEAST_SECTORS, _LEAST_HALF = 8, 5, 3
_CALM_SHARE = 0.6  # of the border's blocks that must follow its plane
_SCATTER = 0.015  # m about the plane: the turbulent atmosphere of a pair has up to that (Hanssen 2001, chapter 4)
_TILT = 0.03  # m over the region: the atmosphere tilts a scene by 1-3 cm (same), precise orbits by less
_LEFT = 0.01  # m of motion that may be left at the border
_REACH = 3.0  # standard deviations about the plane
_LEAST_REACH = 0.002  # m
_CALM_AROUND = 1.5  # standard deviations that what is around calm ground may have
AROUND = 2000.0
"""Metres on a side of what is around a cell."""
_TOO_LITTLE = "too little of its border has phase"


@dataclass(frozen=True)
class Blocks:
    """Means over blocks of a displacement map, shape (rows, columns); NaN where too little of one is known.

    Attributes
    ----------
    level : ndarray
        Mean displacement, metres.
    coherence : ndarray
        Mean of the same cells.
    x, y : ndarray
        Kilometres east and north of a common origin.
    spacing : (float, float)
        Kilometres between rows and between columns.
    cells : ndarray of int
        Cells with displacement in each block.
    """

    level: Floats
    coherence: Floats
    x: Floats
    y: Floats
    spacing: tuple[float, float]
    cells: Labels

    @property
    def known(self) -> Bools:
        """Blocks with displacement."""
        known: Bools = np.isfinite(self.level)
        return known


@dataclass(frozen=True)
class CalmGround:
    """What is known of ground that does not move.

    Attributes
    ----------
    reason : str
        Why none can be told; empty where there is some.
    plane : (float, float, float)
        Level at the origin (m), and slopes to the east and north (m/km), of the border of the region.
    scatter : float
        Robust standard deviation of the border about it, metres.
    tilt : float
        Height of the plane over the region, metres.
    even : bool
        Whether the border follows the plane and does not move by itself, however much it tilts.
    left : float
        Motion that the border may still have by its slope outward, metres.
    calm : ndarray of bool
        Blocks that follow the plane, whether it is known to be still or not.
    away : ndarray
        Distance of each block from the plane, metres.
    """

    reason: str
    plane: tuple[float, float, float]
    scatter: float
    tilt: float
    even: bool
    left: float
    calm: Bools
    away: Floats


def block_size(shape: tuple[int, int], cell: tuple[float, float]) -> tuple[int, int]:
    """Return the rows and columns of cells in a block: about 500 m, or less where a region is small.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns of the region.
    cell : (float, float)
        Height and width of a cell, metres.
    """
    extent = min(shape[0] * cell[0], shape[1] * cell[1])
    side = min(_SIDE, extent / _LEAST_ROWS)
    height, width = (max(_LEAST_CELLS, round(side / metres)) for metres in cell)
    return min(height, shape[0]), min(width, shape[1])


def block_means(values: Floats, known: Bools, size: tuple[int, int]) -> tuple[Floats, Labels]:
    """Return the means of whole blocks, NaN where less than half of one is known, and their cells that are known.

    Parameters
    ----------
    values, known : ndarray
        Shape (rows, columns).
    size : (int, int)
        Rows and columns of a block.
    """
    height, width = size
    shape = values.shape[0] // height, values.shape[1] // width
    window = slice(shape[0] * height), slice(shape[1] * width)

    def sums(cells: Floats) -> Floats:
        return np.asarray(cells[window].reshape(shape[0], height, shape[1], width).sum((1, 3), dtype=np.float64))

    count = sums(known.astype(np.float32))
    total = sums(np.where(known, values, 0))
    enough = count >= max(1.0, _LEAST_KNOWN * height * width)
    return np.where(enough, total / np.maximum(count, 1), np.nan), count.astype(np.intp)


def find_calm_ground(blocks: Blocks) -> CalmGround:
    """Tell whether the border of a region is still, and which blocks go with it.

    A plane is fitted to the border, robustly. There is calm ground where most of the border follows the plane, its
    scatter and tilt are what atmosphere and orbits make, and it does not slope outward: motion that falls with the
    cube of the distance R from its source has at the border R/3 times its slope there left.

    Parameters
    ----------
    blocks : Blocks
        Of the whole region that was unwrapped.
    """
    known = blocks.known
    nothing = np.zeros(known.shape, bool)
    away = np.full(known.shape, np.nan)
    depth, radius = _depth(blocks)
    border = known & (depth <= _BORDER * radius)
    if np.count_nonzero(border) < _LEAST_BLOCKS:
        unknown = (math.nan, math.nan, math.nan)
        return CalmGround(_TOO_LITTLE, unknown, math.nan, math.nan, False, math.nan, nothing, away)

    # the plane of the border
    middle = float(blocks.x[border].mean()), float(blocks.y[border].mean())
    x, y = blocks.x - middle[0], blocks.y - middle[1]
    half = max(float(np.abs(x[border]).max()), float(np.abs(y[border]).max()), 1e-9)
    matrix = np.stack([np.ones(np.count_nonzero(border)), x[border] / half, y[border] / half], axis=1)
    solution, scatter = robust_fit(matrix, blocks.level[border].astype(np.float64))
    east, north = (float(slope) / half for slope in solution[1:])
    plane = float(solution[0]) - east * middle[0] - north * middle[1], east, north
    surface = plane[0] + east * blocks.x + north * blocks.y
    away = blocks.level - surface
    tilt = float(np.ptp(surface[known]))
    reach = max(_REACH * scatter, _LEAST_REACH)
    calm = known & (np.abs(away) <= reach)
    share = float(np.mean(calm[border]))
    left = _left_at_border(away, depth, radius, border, np.arctan2(y, x))

    even = scatter <= _SCATTER and share >= _CALM_SHARE and left <= _LEFT
    if even and tilt <= _TILT:
        reason = ""
    elif even:
        reason = f"all of it tilts by {1000 * tilt:.0f} mm: ground, orbits and atmosphere cannot be told apart"
    elif scatter > _SCATTER or share < _CALM_SHARE:
        reason = f"its border is uneven by {1000 * float(np.std(away[border])):.0f} mm"
    elif math.isnan(left):
        reason = _TOO_LITTLE
    else:
        reason = f"its border still moves, by about {1000 * left:.0f} mm"
    return CalmGround(reason, plane, scatter, tilt, even, left, calm, away)


def calm_around(away: Floats, scatter: float, size: int) -> Bools:
    """Tell around which cells all is calm, by the root mean square of what is around each.

    On the slope of what moves a cell may have the level of calm ground by the atmosphere; its neighbours have not.

    Parameters
    ----------
    away : ndarray
        Distance from the level of calm ground, metres; NaN where not known.
    scatter : float
        Standard deviation of calm ground, metres; NaN where it is not known, and then nothing is calm.
    size : int
        Cells on a side of what is around.
    """
    known = np.isfinite(away)
    share = uniform_filter(known.astype(np.float64), size, mode="constant")
    square = uniform_filter(np.where(known, away, 0.0).astype(np.float64) ** 2, size, mode="constant")
    limit = max(_LEAST_REACH, _CALM_AROUND * scatter) if math.isfinite(scatter) else -1.0
    calm: Bools = known & (limit > 0) & (square <= limit**2 * share)
    return calm


def _depth(blocks: Blocks) -> tuple[Floats, float]:
    """Return the distance of each block from the outside of the region in kilometres, and the largest."""
    region = np.pad(binary_fill_holes(blocks.known), 1)
    depth = distance_transform_edt(region, sampling=blocks.spacing)[1:-1, 1:-1]
    return depth, float(depth.max(initial=0.0))


def _left_at_border(away: Floats, depth: Floats, radius: float, border: Bools, angle: Floats) -> float:
    """Return the motion that is left at the border, from its slope outward: the median over sectors, metres."""
    split = _BORDER * radius / 2
    order = np.argsort(angle[border])
    found = []
    for sector in np.array_split(order, _SECTORS):
        level, inner = away[border][sector], depth[border][sector] > split
        if min(np.count_nonzero(inner), np.count_nonzero(~inner)) < _LEAST_HALF:
            continue
        step = np.median(level[inner]) - np.median(level[~inner])
        width = np.mean(depth[border][sector][inner]) - np.mean(depth[border][sector][~inner])
        found.append(abs(step) * radius / (3 * width))
    return float(np.median(found)) if len(found) >= _LEAST_SECTORS else math.nan
