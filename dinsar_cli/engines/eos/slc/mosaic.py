"""The radar grid on which the bursts of a pair are put together, and where each burst is used."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.config.model import Looks
from dinsar_cli.errors import NoDataError
from dinsar_cli.sentinel1.acquisition import CommonBurst, SwathBurst


@dataclass(frozen=True)
class RadarGrid:
    """Zero-Doppler lines and slant-range samples of the reference, common to all subswaths.

    Attributes
    ----------
    epoch : datetime
        Origin of the times.
    first_time : float
        Time of line 0, seconds after `epoch`.
    line_interval : float
        Seconds.
    starting_range : float
        Slant range of sample 0, metres.
    range_spacing : float
        Metres.
    """

    epoch: datetime
    first_time: float
    line_interval: float
    starting_range: float
    range_spacing: float

    def time(self, line: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
        """Return the zero-Doppler time of (fractional) lines, seconds after the epoch."""
        return self.first_time + line * self.line_interval

    def slant_range(self, sample: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
        """Return the slant range of (fractional) samples, metres."""
        return self.starting_range + sample * self.range_spacing

    def line(self, time: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
        """Return the fractional line of a time."""
        return (time - self.first_time) / self.line_interval

    def sample(self, slant_range: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
        """Return the fractional sample of a slant range."""
        return (slant_range - self.starting_range) / self.range_spacing


@dataclass(frozen=True)
class Window:
    """Lines ``top:bottom`` and samples ``left:right`` of a grid."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def empty(self) -> bool:
        """Whether nothing is in it."""
        return self.bottom <= self.top or self.right <= self.left

    @property
    def shape(self) -> tuple[int, int]:
        """Lines and samples."""
        return self.bottom - self.top, self.right - self.left

    def intersection(self, other: Window) -> Window:
        """Tell what lies in both."""
        return Window(
            max(self.top, other.top),
            min(self.bottom, other.bottom),
            max(self.left, other.left),
            min(self.right, other.right),
        )

    def shift(self, lines: int, samples: int) -> Window:
        """Return the same size, moved."""
        return Window(self.top + lines, self.bottom + lines, self.left + samples, self.right + samples)

    def slices(self) -> tuple[slice, slice]:
        """Return the index of an array of the grid."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


@dataclass(frozen=True)
class BurstTile:
    """A burst in the mosaic.

    Attributes
    ----------
    burst : CommonBurst
        The burst in both acquisitions.
    line, sample : int
        Grid position of the first line and first sample of the reference burst.
    line_residual, sample_residual : float
        What rounding to that position left, in pixels: true position minus grid position.
    use : Window
        Part of the grid that is taken from this burst, between its cuts.
    more : tuple of Window
        Further parts, beyond the cuts, that no other burst has: corners of overlaps.
    """

    burst: CommonBurst
    line: int
    sample: int
    line_residual: float
    sample_residual: float
    use: Window
    more: tuple[Window, ...] = ()

    @property
    def parts(self) -> tuple[Window, ...]:
        """All parts of the grid that are taken from it."""
        return (self.use, *self.more)

    @property
    def valid(self) -> Window:
        """Part of the grid in which the reference burst has data."""
        return _valid(self.burst.reference).shift(self.line, self.sample)


@dataclass(frozen=True)
class Mosaic:
    """The bursts of a pair on one grid, cut in the middle of their overlaps, as far as both have data there.

    Attributes
    ----------
    grid : RadarGrid
        The common grid.
    tiles : tuple of BurstTile
        The bursts.
    burst_seams : tuple of (int, int, int)
        Line, first sample, end sample of each cut between bursts.
    swath_seams : tuple of int
        Sample of each cut between subswaths.
    """

    grid: RadarGrid
    tiles: tuple[BurstTile, ...]
    burst_seams: tuple[tuple[int, int, int], ...]
    swath_seams: tuple[int, ...]

    def parts_in(self, window: Window) -> Iterator[tuple[BurstTile, Window]]:
        """Yield the bursts of which something is taken in a window, each with what it is."""
        for tile in self.tiles:
            for part in tile.parts:
                use = part.intersection(window)
                if not use.empty:
                    yield tile, use

    @property
    def stacked(self) -> tuple[tuple[BurstTile, BurstTile], ...]:
        """Upper and lower burst of each of the cuts between bursts."""
        return _stacked(self.tiles)

    def beside(self, cut: int) -> tuple[tuple[BurstTile, BurstTile], ...]:
        """Return the near and far bursts that meet at a cut between subswaths."""
        near, far = ([t for t in self.tiles if edge(t) == cut] for edge in (_right, _left))
        return tuple(
            (one, other)
            for one in near
            for other in far
            if one.use.top < other.use.bottom and other.use.top < one.use.bottom
        )

    @property
    def extent(self) -> Window:
        """Smallest window with all data."""
        parts = [part for tile in self.tiles for part in tile.parts]
        return Window(
            min(part.top for part in parts),
            max(part.bottom for part in parts),
            min(part.left for part in parts),
            max(part.right for part in parts),
        )


def build_mosaic(bursts: Sequence[CommonBurst], epoch: datetime) -> Mosaic:
    """Put bursts on one grid and cut them in the middle of their overlaps; what one of them has, the grid has.

    Parameters
    ----------
    bursts : sequence of CommonBurst
        Bursts of one pair; at least one.
    epoch : datetime
        Origin of the times of the grid.
    """
    first = min((b.reference for b in bursts), key=lambda r: r.burst.azimuth_time)
    nearest = min((b.reference.subswath for b in bursts), key=lambda s: s.slant_range_time)
    grid = RadarGrid(
        epoch=epoch,
        first_time=(first.burst.azimuth_time - epoch).total_seconds(),
        line_interval=first.subswath.azimuth_time_interval,
        starting_range=nearest.starting_range,
        range_spacing=nearest.range_spacing,
    )
    _check_same_sampling(bursts)
    swaths: dict[str, list[BurstTile]] = {}
    for burst in sorted(bursts, key=lambda b: b.reference.burst.azimuth_time):
        swaths.setdefault(burst.swath, []).append(_place(burst, grid))
    ordered = [_cut_bursts(swaths[name]) for name in sorted(swaths)]
    tiles, swath_seams = _cut_swaths(ordered)
    return Mosaic(grid, _with_corners(tiles), _seams(tiles), swath_seams)


def _check_same_sampling(bursts: Sequence[CommonBurst]) -> None:
    samplings = {
        (view.subswath.range_sampling_rate, round(view.subswath.azimuth_time_interval, 15))
        for burst in bursts
        for view in (burst.reference, burst.secondary)
    }
    if len(samplings) != 1:
        raise NoDataError(
            "The bursts of this pair are not sampled alike.",
            "Range sampling rates (Hz) and line intervals (s): "
            + "; ".join(f"{rate:.6e}, {interval:.9e}" for rate, interval in sorted(samplings)),
            "Choose products of the same mode and processor.",
        )


def _place(burst: CommonBurst, grid: RadarGrid) -> BurstTile:
    view = burst.reference
    line = ((view.burst.azimuth_time - grid.epoch).total_seconds() - grid.first_time) / grid.line_interval
    sample = (view.subswath.starting_range - grid.starting_range) / grid.range_spacing
    row, column = round(line), round(sample)
    valid = _valid(view).shift(row, column)
    return BurstTile(burst, row, column, line - row, sample - column, valid)


def _valid(view: SwathBurst) -> Window:
    burst = view.burst
    return Window(
        burst.first_valid_line,
        burst.last_valid_line + 1,
        burst.first_valid_sample,
        burst.last_valid_sample + 1,
    )


def _cut_bursts(tiles: list[BurstTile]) -> list[BurstTile]:
    """Cut neighbouring bursts of a subswath in the middle of their common lines."""
    tiles = list(tiles)
    for i, (upper, lower) in enumerate(pairwise(list(tiles))):
        if lower.use.top < upper.use.bottom:
            cut = (lower.use.top + upper.use.bottom) // 2
            tiles[i] = replace(tiles[i], use=replace(tiles[i].use, bottom=cut))
            tiles[i + 1] = replace(lower, use=replace(lower.use, top=cut))
    return tiles


def _cut_swaths(swaths: list[list[BurstTile]]) -> tuple[tuple[BurstTile, ...], tuple[int, ...]]:
    """Cut neighbouring subswaths in the middle of their common samples."""
    seams = []
    for near, far in pairwise(swaths):
        end, start = min(tile.use.right for tile in near), max(tile.use.left for tile in far)
        if start < end:
            cut = (start + end) // 2
            seams.append(cut)
            near[:] = [replace(t, use=replace(t.use, right=min(t.use.right, cut))) for t in near]
            far[:] = [replace(t, use=replace(t.use, left=max(t.use.left, cut))) for t in far]
    return tuple(tile for swath in swaths for tile in swath), tuple(seams)


def _with_corners(tiles: Sequence[BurstTile]) -> tuple[BurstTile, ...]:
    """Give each burst what it has and no other burst is taken for.

    A cut between subswaths runs through the whole mosaic, but their bursts begin and end at other lines.
    """
    taken = [tile.use for tile in tiles]
    found = []
    for tile in tiles:
        more = _without(tile.valid, taken)
        taken += more
        found.append(replace(tile, more=more))
    return tuple(found)


def _without(window: Window, others: Sequence[Window]) -> tuple[Window, ...]:
    """Return what is in a window and in none of others, as windows that do not overlap."""
    rest = [window]
    for other in others:
        rest = [piece for part in rest for piece in _split(part, other)]
    return tuple(rest)


def _split(window: Window, hole: Window) -> list[Window]:
    """Return what is in a window and not in another one: strips above and below, pieces on both sides."""
    inner = window.intersection(hole)
    if inner.empty:
        return [window]
    pieces = (
        replace(window, bottom=inner.top),
        replace(window, top=inner.bottom),
        Window(inner.top, inner.bottom, window.left, inner.left),
        Window(inner.top, inner.bottom, inner.right, window.right),
    )
    return [piece for piece in pieces if not piece.empty]


def _stacked(tiles: Sequence[BurstTile]) -> tuple[tuple[BurstTile, BurstTile], ...]:
    return tuple(
        (upper, lower)
        for upper, lower in pairwise(tiles)
        if upper.burst.swath == lower.burst.swath and upper.use.bottom == lower.use.top
    )


def _seams(tiles: Sequence[BurstTile]) -> tuple[tuple[int, int, int], ...]:
    return tuple((upper.use.bottom, upper.use.left, upper.use.right) for upper, _ in _stacked(tiles))


def _left(tile: BurstTile) -> int:
    return tile.use.left


def _right(tile: BurstTile) -> int:
    return tile.use.right


@dataclass(frozen=True)
class LookGrid:
    """The multilooked part of a mosaic that is processed.

    Look cell (i, j) is the mean of lines ``window.top + i * looks.azimuth`` and the following, and likewise for
    samples.
    """

    window: Window
    looks: Looks

    @property
    def lines(self) -> int:
        """Look lines."""
        return self.window.shape[0] // self.looks.azimuth

    @property
    def samples(self) -> int:
        """Look samples."""
        return self.window.shape[1] // self.looks.range


def look_grid(mosaic: Mosaic, looks: Looks, crop: Window, margin: int) -> LookGrid:
    """Return the whole look cells that cover a window, widened by a margin of look cells, inside the data.

    Raises
    ------
    NoDataError
        When less than two look cells on a side are left.
    """
    extent = mosaic.extent
    wide = Window(
        crop.top - margin * looks.azimuth,
        crop.bottom + margin * looks.azimuth,
        crop.left - margin * looks.range,
        crop.right + margin * looks.range,
    ).intersection(extent)
    lines = math.floor(max(0, wide.shape[0]) / looks.azimuth) * looks.azimuth
    samples = math.floor(max(0, wide.shape[1]) / looks.range) * looks.range
    if lines < 2 * looks.azimuth or samples < 2 * looks.range:
        raise NoDataError(
            "The radar data in the area are fewer than two look cells on a side.",
            f"{max(0, wide.shape[1])} samples x {max(0, wide.shape[0])} lines are left for "
            f"{looks.range} x {looks.azimuth} looks.",
            "Choose a larger area or fewer looks.",
        )
    window = Window(wide.top, wide.top + lines, wide.left, wide.left + samples)
    return LookGrid(window, looks)


def positions_in_burst(
    view: SwathBurst, epoch: datetime, time: NDArray[np.floating[Any]], slant_range: NDArray[np.floating[Any]]
) -> tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]:
    """Return at which line and sample of a burst ground points are that its orbit sees (back-geocoding).

    ``line = (eta - eta_0) / d_eta`` and ``sample = (R - R_0) / d_R`` [1]_, with the time eta_0 of the first line
    and the range R_0 of the first sample.

    Parameters
    ----------
    view : SwathBurst
        The burst.
    epoch : datetime
        Origin of `time`.
    time, slant_range : ndarray
        Of zero Doppler: eta in seconds, R in metres; of one shape.

    Returns
    -------
    line, sample : ndarray
        Fractional, counted from the first line and sample of the burst, which may lie outside it.

    References
    ----------
    .. [1] Sansosti, Berardino, Manunta, Serafino and Fornaro (2006), "Geometrical SAR image registration", IEEE
       TGRS 44(10).
    """
    subswath = view.subswath
    start_time = (view.burst.azimuth_time - epoch).total_seconds()
    line = (time - start_time) / subswath.azimuth_time_interval
    return line, (slant_range - subswath.starting_range) / subswath.range_spacing
