"""From scatterers to pixels: tiles of single-look complex bursts for all dates.

``SLC(eta) = exp(j phi(eta)) sum_i s_i exp(-j 4 pi R_i / lambda) exp(-j phi(eta_i)) h(eta - eta_i, r - r_i)``

There is one scatterer for each cell of a lattice in reference time and range, which continues through all
bursts of a subswath. So burst overlaps share their speckle, and every phase is that of the range to the
moved ground.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, pi, sqrt
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.simulate.radar.carrier import Carrier
from dinsar_cli.simulate.radar.focus import HALF_WIDTH, Response, whole_shift
from dinsar_cli.simulate.radar.geometry import SwathGeometry, date_shift, ground_height
from dinsar_cli.simulate.radar.noise import complex_normal, key_of
from dinsar_cli.simulate.radar.range_doppler import view
from dinsar_cli.simulate.radar.scene import Scene
from dinsar_cli.simulate.world.arrays import Bools, Counts, Floats, Singles
from dinsar_cli.simulate.world.ellipsoid import curvature_radii
from dinsar_cli.simulate.world.instrument import DAYS_PER_CYCLE, SPEED_OF_LIGHT
from dinsar_cli.simulate.world.scenario import Scenario

Carriers: TypeAlias = "tuple[tuple[Carrier, ...], ...]"
"""For each date and burst."""

SIGNAL: Final = 60.0
"""Digital numbers, rms of the real and of the imaginary part of the mean land."""
DECIMATION: Final = 8
"""Columns from one solved geometry to the next; the terrain has no waves shorter than 20 of them."""
HALO: Final = HALF_WIDTH + 4
"""Scatterers beyond the pixels of a tile."""
LARGEST: Final = 32767.0


@dataclass(frozen=True)
class Tile:
    """Some lines and columns of one burst, on every date; a date may have fewer of both."""

    burst: int
    lines: range
    columns: range


@dataclass(frozen=True)
class Swath:
    """What the tiles of a subswath share.

    Attributes
    ----------
    scene : Scene
    window : int
        Number of the subswath's window.
    geometry : SwathGeometry
    carriers : tuple of tuple of Carrier
        For each date and burst.
    azimuth, range : Response
    """

    scene: Scene
    window: int
    geometry: SwathGeometry
    carriers: Carriers
    azimuth: Response
    range: Response


@dataclass(frozen=True)
class _Ground:
    """The ground under a tile, every `DECIMATION` columns; `rows` and `columns` are the full lattice's."""

    rows: range
    columns: range
    time: Floats
    slant_range: Floats
    height: Floats
    longitude: Floats
    latitude: Floats
    amplitude: Singles
    lake: Bools
    survival: Singles


def responses(scene: Scene, window: int) -> tuple[Response, Response]:
    """Return the impulse responses of a subswath in azimuth and in range."""
    frame = scene.campaign.windows[window]
    subswath, sampling_rate = frame.subswath, SPEED_OF_LIGHT / (2.0 * frame.range_spacing)
    return (
        Response.hamming(subswath.azimuth_bandwidth, 1.0 / frame.line_interval, subswath.azimuth_window),
        Response.hamming(subswath.range_bandwidth, sampling_rate, subswath.range_window),
    )


def render(swath: Swath, tile: Tile) -> list[NDArray[np.int16]]:
    """Return the pixels of a tile on every date.

    Parameters
    ----------
    swath : Swath
    tile : Tile

    Returns
    -------
    list of ndarray, shape (lines, columns, 2), int16
        Real and imaginary part; zero where the instrument gives no signal.
    """
    ground = _ground(swath, tile)
    speckle = _Speckle(swath, ground)
    return [_date(swath, tile, ground, speckle, index) for index in range(len(swath.scene.campaign.passes))]


def _ground(swath: Swath, tile: Tile) -> _Ground:
    """Solve the terrain on the part of the scatterer lattice that a tile needs."""
    rows, columns = _lattice_part(swath, tile)
    lattice, origin = swath.scene.campaign.lattice(swath.window)
    coarse = ceil(len(columns) / DECIMATION) + 5
    time = origin + np.asarray(rows, dtype=np.float64) * lattice.line_interval
    position = columns.start + DECIMATION * (np.arange(coarse) - 2.0)
    slant_range = np.asarray(lattice.near_range + position * lattice.range_spacing, dtype=np.float64)
    series = swath.geometry.ground.on_grid(time, slant_range)
    height = ground_height(series, swath.scene.terrain, (len(rows), coarse))
    longitude, latitude = series.at(height)
    inner = slice(2, coarse - 3)
    amplitude = swath.scene.backscatter(longitude[:, inner], latitude[:, inner])
    survival = swath.scene.survival(longitude[:, inner], latitude[:, inner])
    return _Ground(
        rows=rows,
        columns=range(columns.start, columns.start + (coarse - 5) * DECIMATION),
        time=time,
        slant_range=slant_range,
        height=height,
        longitude=longitude,
        latitude=latitude,
        amplitude=np.repeat(amplitude.astype(np.float32), DECIMATION, axis=1),
        lake=np.repeat(swath.scene.in_lake(longitude[:, inner], latitude[:, inner]), DECIMATION, axis=1),
        survival=np.repeat(survival.astype(np.float32), DECIMATION, axis=1),
    )


def _lattice_part(swath: Swath, tile: Tile) -> tuple[range, range]:
    """Return the rows and columns of the lattice whose scatterers reach a tile on any date."""
    campaign, geometry = swath.scene.campaign, swath.geometry
    lattice, origin = campaign.lattice(swath.window)
    interval, spacing = lattice.line_interval, lattice.range_spacing
    first_row, last_row, first_column, last_column = [], [], [], []
    for flight, times, ranges in zip(campaign.passes, geometry.time_limits, geometry.range_limits, strict=True):
        frame = campaign.window(flight.index, swath.window)
        start = flight.bursts[swath.window][tile.burst].start - origin
        first_row.append((start + tile.lines.start * frame.line_interval - times[1]) / interval)
        last_row.append((start + tile.lines.stop * frame.line_interval - times[0]) / interval)
        near = frame.near_range - lattice.near_range
        first_column.append((near + tile.columns.start * frame.range_spacing - ranges[1]) / spacing)
        last_column.append((near + tile.columns.stop * frame.range_spacing - ranges[0]) / spacing)
    return (
        range(floor(min(first_row)) - HALO, ceil(max(last_row)) + HALO),
        range(floor(min(first_column)) - HALO, ceil(max(last_column)) + HALO),
    )


class _Speckle:
    """The scatterers of a tile, date after date: a lasting part and an autoregressive one."""

    def __init__(self, swath: Swath, ground: _Ground) -> None:
        self._scenario: Scenario = swath.scene.scenario
        self._name = int(swath.scene.campaign.windows[swath.window].subswath.name[-1])
        self._ground = ground
        floor_share = np.where(ground.lake, 0.0, self._scenario.coherence.floor).astype(np.float32)
        self._lasting = np.sqrt(floor_share) * self._noise("lasting")
        self._share = np.sqrt(1.0 - floor_share)
        self._passing = self._noise("passing", 0)

    def _noise(self, *labels: object) -> Singles:
        key = key_of(self._scenario.seed, self._name, *labels)
        return complex_normal(key, self._ground.rows, self._ground.columns)

    def at(self, index: int, burst: int) -> Singles:
        """Return the scatterers of a date (in order), thermal noise included; shape (2, rows, columns)."""
        if index > 0:
            cycles = (self._scenario.days(index) - self._scenario.days(index - 1)) / DAYS_PER_CYCLE
            kept = self._ground.survival ** np.float32(cycles)
            self._passing = kept * self._passing + np.sqrt(1.0 - kept**2) * self._noise("passing", index)
        thermal = np.float32(10.0 ** (self._scenario.coherence.noise / 20.0))
        scatterers = (self._lasting + self._share * self._passing) * self._ground.amplitude
        return np.asarray(scatterers + thermal * self._noise("thermal", index, burst))


def _date(swath: Swath, tile: Tile, ground: _Ground, speckle: _Speckle, index: int) -> NDArray[np.int16]:
    """Return the pixels of a tile on one date."""
    campaign = swath.scene.campaign
    (lattice, _), window = campaign.lattice(swath.window), campaign.window(index, swath.window)
    burst = campaign.passes[index].bursts[swath.window][tile.burst]
    carrier = swath.carriers[index][tile.burst]
    middle, wavenumber = window.middle(burst), 4.0 * pi / window.wavelength

    turn, line, column = _placed(swath, tile, ground, index)
    own_range = lattice.near_range + np.asarray(ground.columns, dtype=np.float64) * lattice.range_spacing
    phase = -turn - wavenumber * own_range
    signal = _turned(speckle.at(index, tile.burst), phase)
    line_shift = line.astype(np.float32)
    pixels = swath.azimuth.spread(signal, line_shift, len(tile.lines), axis=0)
    # After the first pass a row is a line: take the columns of the scatterers that were nearest to it.
    nearest = -whole_shift(line_shift)
    column_shift = column[nearest : nearest + len(tile.lines)].astype(np.float32)
    pixels = swath.range.spread(pixels, column_shift, len(tile.columns), axis=1)
    pixels = pixels * np.float32(SIGNAL * sqrt(2.0))
    _add_corners(swath, tile, index, pixels)

    eta_line = burst.start + np.asarray(tile.lines, dtype=np.float64) * window.line_interval - middle
    range_column = window.near_range + np.asarray(tile.columns, dtype=np.float64) * window.range_spacing
    pixels = _turned(pixels, carrier.phase(eta_line[:, None], range_column[None, :]))
    return _quantized(pixels, tile, *window.valid_columns(index, burst))


def _placed(swath: Swath, tile: Tile, ground: _Ground, index: int) -> tuple[Floats, Floats, Floats]:
    """Give phase beside that of the own range, and line and column less those of the tile, of each scatterer.

    Beside a rupture each has the motion of its side, both of which are smooth.
    """
    if swath.scene.rupture is None:
        return _placed_smoothly(swath, tile, ground, index, 0)
    left = _refined(swath.scene.left_of_rupture(ground.longitude, ground.latitude)) >= 0.0
    sides = (_placed_smoothly(swath, tile, ground, index, side) for side in (1, -1))
    phase, line, column = (np.where(left, one, other) for one, other in zip(*sides, strict=True))
    return phase, line, column


def _placed_smoothly(
    swath: Swath, tile: Tile, ground: _Ground, index: int, side: int
) -> tuple[Floats, Floats, Floats]:
    """Give the same for motion without a jump: that of a side of the rupture, if there is one."""
    campaign = swath.scene.campaign
    window, carrier = campaign.window(index, swath.window), swath.carriers[index][tile.burst]
    burst = campaign.passes[index].bursts[swath.window][tile.burst]
    eta, slant_range, ahead = _seen(swath, ground, index, side)
    turn = 4.0 * pi / window.wavelength * (slant_range - ahead - ground.slant_range)
    turn = turn + carrier.phase(eta - window.middle(burst), slant_range)
    line = window.line(eta, burst) - tile.lines.start - np.arange(len(ground.rows))[:, None]
    coarse_columns = DECIMATION * (np.arange(slant_range.shape[1]) - 2.0)
    column = window.column(slant_range) - tile.columns.start - coarse_columns
    return _refined(turn), _refined(line), _refined(column)


def _seen(swath: Swath, ground: _Ground, index: int, side: int) -> tuple[Floats, Floats, Floats]:
    """Give the zero-Doppler time and apparent range of the moved ground, through the air of a date, and phase lead.

    The range is that of the pulse's delay; the carrier's phase has that range minus the lead.
    The view is linear in the motion: for a metre the neglected part of the range is below a micrometre.
    """
    shift = date_shift(swath.geometry.dates[index], ground.time, ground.slant_range, ground.height)
    motion = swath.scene.displacement(index, ground.longitude, ground.latitude, side)
    delay = swath.scene.zenith_delay(index, ground.longitude, ground.latitude, ground.height) / shift.sight[2]
    eta = ground.time[:, None] + shift.time + np.sum(shift.time_gradient * motion, axis=0)
    electrons = swath.scene.ionosphere(index, ground.longitude, ground.latitude)
    slant_range = ground.slant_range + shift.slant_range - np.sum(shift.sight * motion, axis=0) + delay
    return eta, slant_range + electrons, 2.0 * electrons


def _refined(values: Floats) -> Floats:
    """Interpolate to every column: Lagrange's polynomial through six neighbours.

    The first output column lies on the third input column.
    """
    count = values.shape[1] - 5
    fine = np.empty((values.shape[0], count, DECIMATION))
    nodes = np.arange(-2.0, 4.0)
    for phase in range(DECIMATION):
        x = phase / DECIMATION
        total = np.zeros((values.shape[0], count))
        for k, node in enumerate(nodes):
            others = np.delete(nodes, k)
            weight = float(np.prod((x - others) / (node - others)))
            if weight != 0.0:
                total += weight * values[:, k : k + count]
        fine[:, :, phase] = total
    return fine.reshape(values.shape[0], count * DECIMATION)


def _turned(signal: Singles, phase: Floats) -> Singles:
    """Multiply by ``exp(j phase)``; the phase (float64, many turns) is wrapped before it becomes single."""
    turns = phase * (0.5 / pi)
    angle = ((turns - np.rint(turns)) * (2.0 * pi)).astype(np.float32)
    cosine, sine = np.cos(angle), np.sin(angle)
    real, imaginary = signal
    return np.stack([real * cosine - imaginary * sine, real * sine + imaginary * cosine])


def _add_corners(swath: Swath, tile: Tile, index: int, pixels: Singles) -> None:
    """Add the corner points to the baseband pixels, by the exact geometry and without decorrelation."""
    scene, corners = swath.scene, swath.scene.scenario.corners
    if not corners.positions:
        return
    window = scene.campaign.window(index, swath.window)
    flight = scene.campaign.passes[index]
    burst, carrier = flight.bursts[swath.window][tile.burst], swath.carriers[index][tile.burst]
    eta, slant_range, ahead = corner_view(scene, index)
    line, column = window.line(eta, burst) - tile.lines.start, window.column(slant_range) - tile.columns.start
    phase = -4.0 * pi / window.wavelength * (slant_range - ahead)
    phase = phase - carrier.phase(eta - window.middle(burst), slant_range)
    peak = corners.amplitude / float(swath.azimuth.at(np.zeros(1, np.float32))[0])
    peak /= float(swath.range.at(np.zeros(1, np.float32))[0])
    for y, x, angle in zip(line, column, phase, strict=True):
        rows = range(max(0, ceil(y) - HALF_WIDTH), min(len(tile.lines), floor(y) + HALF_WIDTH + 1))
        across = range(max(0, ceil(x) - HALF_WIDTH), min(len(tile.columns), floor(x) + HALF_WIDTH + 1))
        if not rows or not across:
            continue
        along = swath.azimuth.at((np.asarray(rows) - y).astype(np.float32))
        beside = swath.range.at((np.asarray(across) - x).astype(np.float32))
        patch = peak * np.outer(along, beside)
        part = (slice(rows.start, rows.stop), slice(across.start, across.stop))
        pixels[(0, *part)] += patch * np.cos(angle)
        pixels[(1, *part)] += patch * np.sin(angle)


def corner_view(scene: Scene, index: int) -> tuple[Floats, Floats, Floats]:
    """Return zero-Doppler time, range and lead of the phase of the corner points, moved with the ground.

    As `_seen`.
    """
    longitude, latitude = np.array(scene.scenario.corners.positions, dtype=np.float64).T
    height = scene.terrain.at(longitude, latitude)
    east, north, up = scene.displacement(index, longitude, latitude)
    meridian, prime_vertical = curvature_radii(latitude)
    seen = view(
        scene.campaign.passes[index].orbit,
        longitude + np.degrees(east / ((prime_vertical + height) * np.cos(np.radians(latitude)))),
        latitude + np.degrees(north / (meridian + height)),
        height + up,
    )
    delay = scene.zenith_delay(index, longitude, latitude, height) / seen.sight[:, 2]
    electrons = scene.ionosphere(index, longitude, latitude)
    return seen.time, seen.slant_range + delay + electrons, 2.0 * electrons


def _quantized(pixels: Singles, tile: Tile, first: Counts, last: Counts) -> NDArray[np.int16]:
    """Round to 16 bits, with zeros before the first and after the last column with signal of each line."""
    values = np.moveaxis(np.clip(np.rint(pixels), -LARGEST, LARGEST).astype(np.int16), 0, -1)
    signal = np.zeros(values.shape[:2], dtype=bool)
    own = slice(tile.lines.start, tile.lines.stop)  # the lines of the tile that this date has come first
    column, first, last = np.asarray(tile.columns), first[own, None], last[own, None]
    signal[: len(first)] = (first >= 0) & (column >= first) & (column <= last)
    return values * signal[:, :, None]
