"""What a radar sees of the ground: layover and shadow, and where lines on it are, from heights and the orbit.

In the plane across the flight the ground is a line of points from near to far. A point is in shadow where nearer
ground stands higher in view, that is under a larger look angle; two visible points of the same range are in layover
(Kropatsch and Strobl 1990, "The generation of SAR layover and shadow maps from digital elevation models", IEEE TGRS
28(1)).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.config.model import RunConfig
from dinsar_cli.radar.geometry import LookPlanes, Orbit, cartesian_to_geodetic, geodetic_to_cartesian, zero_doppler

Floats: TypeAlias = NDArray[np.floating[Any]]
Bools: TypeAlias = NDArray[np.bool_]
Bytes: TypeAlias = NDArray[np.uint8]
GroundModel: TypeAlias = Callable[[Floats, Floats], tuple[Floats, NDArray[Any]]]
"""Gives height (m, NaN where unknown) and kind of the ground at longitudes and latitudes (degrees)."""
GroundLine: TypeAlias = tuple[Floats, Floats, Floats]
"""Longitude, latitude (degrees) and height (m) of points along a line; the height is NaN where it is unknown."""

SEEN, LAYOVER, SHADOW, WATER, CUT = 0, 1, 2, 4, 8
"""Values that a cell sums; `CUT` shows the ground, and is left out because a line goes through it."""
UNKNOWN = 255
"""Value of a cell of the map that the radar did not look at."""


def hides_ground(visibility: NDArray[Any]) -> Bools:
    """Tell which cells of a map show something else than the ground; not those of which nothing is known."""
    hidden: Bools = (np.mod(visibility, CUT) > SEEN) & (visibility < UNKNOWN)
    return hidden


def left_out(config: RunConfig) -> int:
    """Return the sum of the values whose cells are left out of unwrapping and displacement."""
    mask, cut = config.mask, config.unwrap.cut is not None
    return (LAYOVER | SHADOW) * mask.layover_shadow | WATER * (mask.water != "none") | CUT * cut


_LINE_STEP = 0.25  # of a cell, between the points of a line that are looked at
_COARSE = 16  # ground points from one solved position to the next; the ellipsoid is smooth


@dataclass(frozen=True)
class RadarCells:
    """Where the centres of look cells are: zero-Doppler times and slant ranges.

    Attributes
    ----------
    orbit : Orbit
        Of the reference.
    first_time, time_step : float
        Of the lines, seconds after the epoch of the orbit.
    near_range, range_step : float
        Of the samples, metres.
    lines, samples : int
        Number of cells.
    """

    orbit: Orbit
    first_time: float
    time_step: float
    near_range: float
    range_step: float
    lines: int
    samples: int

    def split(self, parts: tuple[int, int]) -> RadarCells:
        """Return the parts of the cells, so many in azimuth and in range, as cells."""
        lines, samples = parts
        return RadarCells(
            self.orbit,
            self.first_time - self.time_step * (lines - 1) / (2 * lines),
            self.time_step / lines,
            self.near_range - self.range_step * (samples - 1) / (2 * samples),
            self.range_step / samples,
            self.lines * lines,
            self.samples * samples,
        )

    def block(self, first: int, last: int) -> RadarCells:
        """Return the lines ``first:last``."""
        start = self.first_time + first * self.time_step
        return RadarCells(
            self.orbit, start, self.time_step, self.near_range, self.range_step, last - first, self.samples
        )

    @property
    def times(self) -> Floats:
        """Of the lines."""
        return self.first_time + self.time_step * np.arange(self.lines)

    @property
    def size(self) -> tuple[float, float]:
        """Of a cell in the middle on level ground, in azimuth and in range, metres."""
        time = np.array([self.first_time + self.time_step * (self.lines - 1) / 2])
        ranges = self.near_range + self.range_step * ((self.samples - 1) / 2 + np.array([[-0.5, 0.5]]))
        planes = [LookPlanes.at(self.orbit, time + shift * self.time_step) for shift in (-0.5, 0.5)]
        here, there = (one.point(ranges, one.look_for_height(ranges, np.zeros(1))) for one in planes)
        return float(np.linalg.norm(there - here, axis=-1).mean()), float(np.linalg.norm(here[0, 1] - here[0, 0]))


@dataclass(frozen=True)
class Ground:
    """Points on the ground under image lines, from near to far.

    Attributes
    ----------
    longitude, latitude : ndarray
        Degrees; shape (lines, points).
    planes : LookPlanes
        In which the lines look.
    """

    longitude: Floats
    latitude: Floats
    planes: LookPlanes

    @classmethod
    def under(cls, cells: RadarCells, heights: tuple[float, float], spacing: float) -> Ground:
        """Place points on the ground, at a distance in metres, wherever it matters for the cells.

        Ground of some height appears nearer, and its shadow falls farther, by no more than that height.
        """
        low, high = heights
        relief = max(0.0, high - low) + 2 * cells.range_step
        planes = LookPlanes.at(cells.orbit, cells.times)
        near = cells.near_range - cells.range_step / 2 - relief
        far = cells.near_range + (cells.samples - 0.5) * cells.range_step + relief
        ends = planes.look_for_height(np.broadcast_to([near, far], (cells.lines, 2)), np.asarray(low))
        # even steps of the look angle are nearly even on the ground, and never wider than at the far end
        arc = np.max((ends[:, 1] - ends[:, 0]) * far) / np.cos(np.max(ends))
        count = max(2, int(np.ceil(arc / spacing / _COARSE)))
        solved = np.linspace(near, far, count + 1)
        looks = planes.look_for_height(np.broadcast_to(solved, (cells.lines, count + 1)), np.asarray(low))
        longitude, latitude, _ = cartesian_to_geodetic(planes.point(np.broadcast_to(solved, looks.shape), looks))
        return cls(_finer(longitude), _finer(latitude), planes)

    def seen(self, heights: Floats) -> tuple[Floats, Floats]:
        """Return slant range (m) and look angle (rad) of the points at their heights (m)."""
        point = geodetic_to_cartesian(self.longitude, self.latitude, heights) - self.planes.position
        down, right = (np.einsum("...i,...i", point, axis) for axis in (self.planes.down, self.planes.right))
        return np.linalg.norm(point, axis=-1), np.arctan2(right, down)


def _finer(values: Floats) -> Floats:
    """Interpolate linearly, `_COARSE` points from one to the next."""
    share = np.arange(_COARSE) / _COARSE
    parts = values[:, :-1, None] + np.diff(values, axis=1)[:, :, None] * share
    return parts.reshape(len(values), -1)


def shadow(look: Floats) -> Bools:
    """Tell which points are hidden behind nearer ground.

    Parameters
    ----------
    look : ndarray
        Look angles, radians, from near to far along the last axis.
    """
    highest = np.maximum.accumulate(look, axis=-1)
    hidden = np.zeros(look.shape, bool)
    hidden[..., 1:] = look[..., 1:] <= highest[..., :-1]
    return hidden


def surfaces(position: Floats, counted: Bools, samples: int) -> NDArray[np.int32]:
    """Count the pieces of visible ground in each sample of a line.

    Parameters
    ----------
    position : ndarray
        Samples (fractional) in which the points appear, from near to far; shape (lines, points).
    counted : ndarray of bool
        Which of the pieces between neighbouring points count; shape (lines, points - 1).
    samples : int
        Of a line.

    Returns
    -------
    ndarray
        Pieces that cover the middle of a sample; shape (lines, samples).
    """
    first, second = position[:, :-1], position[:, 1:]
    begin, end = (
        np.clip(np.ceil(side(first, second)), 0, samples).astype(np.intp) for side in (np.minimum, np.maximum)
    )
    row = np.arange(len(position))[:, None] * (samples + 1)
    size = len(position) * (samples + 1)
    steps = np.bincount((row + begin)[counted], minlength=size) - np.bincount((row + end)[counted], minlength=size)
    return np.cumsum(steps.reshape(len(position), samples + 1), axis=1)[:, :samples].astype(np.int32)


def visibility(
    cells: RadarCells, ground: GroundModel, heights: tuple[float, float], spacing: float, parts: tuple[int, int]
) -> tuple[Bytes, NDArray[np.uint8]]:
    """Tell what look cells see.

    Parameters
    ----------
    cells : RadarCells
        Few enough lines for memory: some 200 bytes for each point on the ground.
    ground : callable
        Heights and kinds: 0 land, else up to 9 kinds of water.
    heights : (float, float)
        Lowest and highest ground, metres.
    spacing : float
        Of the points on the ground, metres: that of the heights.
    parts : (int, int)
        Into how many parts a cell is divided in azimuth and in range; what most of them see counts.

    Returns
    -------
    seen : ndarray of uint8
        Sum of `LAYOVER` and `SHADOW`; shape (lines, samples). A cell of which nothing is known is `SEEN`.
    water : ndarray of uint8
        Kind of water that half of its visible ground has; 0 for land.
    """
    fine = cells.split(parts)
    points = Ground.under(fine, heights, spacing)
    height, kind = ground(points.longitude, points.latitude)
    known = np.isfinite(height)
    slant_range, look = points.seen(np.where(known, height, heights[0]))
    visible = ~shadow(look)
    position = (slant_range - fine.near_range) / fine.range_step
    pieces = visible[:, :-1] & visible[:, 1:]
    count = surfaces(position, pieces, fine.samples)
    in_doubt = ~(known[:, :-1] & known[:, 1:])
    doubtful = surfaces(position, in_doubt, fine.samples) > 0 if in_doubt.any() else np.zeros(count.shape, bool)
    seen = np.zeros((cells.lines, cells.samples), np.uint8)
    seen[_most((count > 1) & ~doubtful, parts)] |= LAYOVER
    seen[_most((count == 0) & ~doubtful, parts)] |= SHADOW
    water = np.zeros(seen.shape, np.uint8)
    for number in np.unique(kind[kind > 0]):
        wet = (kind[:, :-1] == number) | (kind[:, 1:] == number)
        share = surfaces(position, pieces & wet, fine.samples)
        water[_most((2 * share >= count) & (share > 0), parts)] = number
    return seen, water


def _most(marked: Bools, parts: tuple[int, int]) -> Bools:
    """Tell of which cells at least half of the parts are marked."""
    lines, samples = marked.shape[0] // parts[0], marked.shape[1] // parts[1]
    counts = marked.reshape(lines, parts[0], samples, parts[1]).sum(axis=(1, 3))
    half: Bools = 2 * counts >= parts[0] * parts[1]
    return half


def cut_cells(cells: RadarCells, lines: Iterable[GroundLine]) -> Bools:
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
    row, column = _points_between(row, column)
    whole = np.stack([np.rint(row), np.rint(column)]).astype(np.intp)
    corner = np.stack([whole[0, :-1], whole[1, 1:]])  # of a step along both: or a path would pass through it
    for i, j in (whole, corner):
        inside = (i >= 0) & (i < cut.shape[0]) & (j >= 0) & (j < cut.shape[1])
        cut[i[inside], j[inside]] = True


def _points_between(row: Floats, column: Floats) -> tuple[Floats, Floats]:
    """Return the positions with others between them, so that none is farther than `_LINE_STEP` from the next."""
    if row.size < 2:
        return row, column
    steps = np.maximum(np.abs(np.diff(row)), np.abs(np.diff(column)))
    count = np.maximum(1, np.ceil(steps / _LINE_STEP)).astype(np.intp)
    at = np.repeat(np.arange(count.size), count)
    share = (np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)) / np.repeat(count, count)
    fine = [np.append(value[at] + share * (value[at + 1] - value[at]), value[-1]) for value in (row, column)]
    return fine[0], fine[1]
