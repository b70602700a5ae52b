"""From two sets of bursts to the multilooked interferogram, strip by strip."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.config.model import Looks
from dinsar_cli.engines.eos import steps
from dinsar_cli.engines.eos.slc.bands import SubBands
from dinsar_cli.engines.eos.slc.carrier import burst_carrier, burst_doppler
from dinsar_cli.engines.eos.slc.mosaic import BurstTile, LookGrid, Mosaic, Window, positions_in_burst
from dinsar_cli.engines.eos.slc.reader import SlcReader
from dinsar_cli.geo.antimeridian import near
from dinsar_cli.geo.heights.terrain import HeightWindow, Terrain
from dinsar_cli.radar.geometry import LookPlanes, Orbit, cartesian_to_geodetic
from dinsar_cli.radar.interferogram import RadarFile
from dinsar_cli.sentinel1.acquisition import SwathBurst
from dinsar_cli.sentinel1.subswath import Subswath

Floats = NDArray[np.floating[Any]]

BYTES_PER_SAMPLE = 200  # of the mosaic, at the peak of `StripWorker.form`
BYTES_PER_NODE = 300  # of the geometry
_NODE_SPACING = 30.0  # m on the ground: that of the usual height models
_MARGIN = 6  # samples around a block that is resampled


@dataclass(frozen=True)
class Nodes:
    """Where the geometry of a strip is solved: a regular part of every look cell, one node wider all around.

    Attributes
    ----------
    line, sample : ndarray
        Grid positions of the nodes.
    line_step, sample_step : float
        Distance of the nodes in lines and samples.
    """

    line: Floats
    sample: Floats
    line_step: float
    sample_step: float

    @classmethod
    def of(cls, window: Window, looks: tuple[int, int], parts: tuple[int, int]) -> Nodes:
        """Return the nodes for a window of whole look cells, each split in (azimuth, range) parts."""
        steps_ = [n / p for n, p in zip(looks, parts, strict=True)]
        counts = [round(size / step) for size, step in zip(window.shape, steps_, strict=True)]
        line, sample = (
            start + (np.arange(-1, count + 1) + 0.5) * step - 0.5
            for start, count, step in zip((window.top, window.left), counts, steps_, strict=True)
        )
        return cls(line, sample, *steps_)

    def interpolate(self, values: Floats, window: Window) -> Floats:
        """Return the bilinear interpolation from the nodes to every grid position of a window."""

        def weights(first: int, last: int, origin: float, step: float) -> tuple[NDArray[np.intp], Floats]:
            position = (np.arange(first, last) - origin) / step
            index = np.floor(position).astype(np.intp)
            return index, position - index

        i, u = weights(window.top, window.bottom, self.line[0], self.line_step)
        j, v = weights(window.left, window.right, self.sample[0], self.sample_step)
        rows = values[i] * (1 - u[:, None]) + values[np.minimum(i + 1, len(values) - 1)] * u[:, None]
        left, right = rows[:, j], rows[:, np.minimum(j + 1, values.shape[1] - 1)]
        return left + (right - left) * v


@dataclass(frozen=True)
class StripResult:
    """Sums over the look cells of a strip, and its geometry at their centres."""

    cross: NDArray[np.complex64]
    amplitude: NDArray[np.float32]
    ground: steps.GroundPoints
    sub_bands: NDArray[np.complex64] | None = None


@dataclass(frozen=True)
class StripWorker:
    """Makes the look lines of one strip. It holds nothing that a strip changes, so threads share it.

    Attributes
    ----------
    mosaic : Mosaic
        Bursts on the common grid.
    look_grid : LookGrid
        What is to be made.
    reference, secondary : Orbit
        The first with the epoch of the grid, the second with one as much later as the secondary burst is.
    terrain : Terrain
        Heights.
    height_range : (float, float)
        Of the whole terrain, metres.
    reader : SlcReader
        Images.
    misregistration : float
        Lines by which the secondary comes later than its orbit and annotation say.
    split : float
        Hz from the middle of the lowest third of the range spectrum to that of the highest; 0: it is not split.
    """

    mosaic: Mosaic
    look_grid: LookGrid
    reference: Orbit
    secondary: Orbit
    terrain: Terrain
    height_range: tuple[float, float]
    reader: SlcReader
    misregistration: float = 0.0
    split: float = 0.0
    _dopplers: dict[int, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def bytes_per_look_line(self) -> float:
        """Memory that a look line takes at the peak of `form`."""
        looks = self.look_grid.looks
        samples = looks.azimuth * self.look_grid.window.shape[1]
        nodes = samples * self.parts[0] * self.parts[1] / (looks.azimuth * looks.range)
        return samples * BYTES_PER_SAMPLE + nodes * BYTES_PER_NODE

    @cached_property
    def parts(self) -> tuple[int, int]:
        """Odd number of nodes in a look cell, in azimuth and range, so that its centre is one."""
        subswath = self.mosaic.tiles[0].burst.reference.subswath
        azimuth, ground_range = cell_spacing(subswath.azimuth_spacing, subswath.range_spacing, self.mosaic.tiles)
        looks = self.look_grid.looks
        return _odd(looks.azimuth * azimuth / _NODE_SPACING), _odd(looks.range * ground_range / _NODE_SPACING)

    def window(self, first: int, last: int) -> Window:
        """Return the mosaic window of look lines ``first:last``."""
        whole, azimuth = self.look_grid.window, self.look_grid.looks.azimuth
        return Window(whole.top + first * azimuth, whole.top + last * azimuth, whole.left, whole.right)

    def locate(self, nodes: Nodes) -> steps.GroundPoints:
        """Solve the geometry of a strip; longitudes are on the side of 180 degrees of the terrain, and run on."""
        grid = self.mosaic.grid
        time, slant_range = grid.time(nodes.line), grid.slant_range(nodes.sample)
        heights = self._heights(time, slant_range)
        ground = steps.locate(
            self.reference, self.secondary, time, slant_range, heights, _within(heights.range, self.height_range)
        )
        return replace(ground, longitude=near(ground.longitude, self.terrain.middle))

    def _heights(self, time: Floats, slant_range: Floats) -> HeightWindow:
        """Return the terrain under a strip: its corners and edges at the lowest and the highest height."""
        planes = LookPlanes.at(self.reference, time[[0, -1]])
        ranges = np.broadcast_to(np.linspace(slant_range[0], slant_range[-1], 16), (2, 16))
        edges = [
            cartesian_to_geodetic(planes.point(ranges, planes.look_for_height(ranges, np.asarray(height))))
            for height in self.height_range
        ]
        lon = near(np.concatenate([edge[0].ravel() for edge in edges]), self.terrain.middle)
        lat = np.concatenate([edge[1].ravel() for edge in edges])
        return self.terrain.window((lon.min() - 1e-3, lat.min() - 1e-3, lon.max() + 1e-3, lat.max() + 1e-3))

    def form(self, first: int, last: int) -> StripResult:
        """Interferogram, amplitudes and geometry of look lines ``first:last``."""
        looks = self.look_grid.looks
        window = self.window(first, last)
        # the ground that the strip sees, at nodes between which it is smooth
        nodes = Nodes.of(window, (looks.azimuth, looks.range), self.parts)
        ground = self.locate(nodes)
        # product of both dates and their powers, burst by burst where each is used
        cross = np.zeros(window.shape, np.complex64)
        power = np.zeros((2, *window.shape), np.float32)
        sub_bands = np.zeros((2, *window.shape), np.complex64) if self.split else None
        for tile, use in self.mosaic.parts_in(window):
            place = use.shift(-window.top, -window.left).slices()
            reference, secondary, product = self._burst(tile, use, nodes, ground)
            cross[place] = product
            both = product != 0
            for band, slc in enumerate((reference, secondary)):
                power[band][place] = np.where(both, slc.real**2 + slc.imag**2, 0)
            if sub_bands is not None:
                _, sample = self.secondary_positions(tile, use, nodes, ground.seen)
                sub_bands[(slice(None), *place)] = self._sub_bands(tile, reference, secondary, sample) * both
        # zero where less than half of a cell has data
        mean = look_mean(looks, cross != 0)
        amplitude = np.stack([np.sqrt(mean(band)) for band in power]).astype(np.float32)
        cells = None if sub_bands is None else np.stack([mean(band) for band in sub_bands])
        return StripResult(mean(cross).astype(np.complex64), amplitude, self.centres(ground), cells)

    def _sub_bands(
        self, tile: BurstTile, reference: NDArray[np.complex64], secondary: NDArray[np.complex64], sample: Floats
    ) -> NDArray[np.complex64]:
        """Return the interferograms of the lowest and the highest third of the range spectrum."""
        subswath = tile.burst.reference.subswath
        first, second = (split_in_range(slc, subswath) for slc in (reference, secondary))
        # samples were taken beside where they were meant to be, which turns the phase as the frequency goes
        beside = np.nan_to_num(steps.resampled_at(sample) - sample) / subswath.range_sampling_rate
        turn = steps.phasor(np.pi * self.split * beside)
        low, high = (
            steps.form_interferogram(*both) for both in ((first.low, second.low), (first.high, second.high))
        )
        return np.stack([low * turn.conj(), high * turn])

    def _burst(
        self, tile: BurstTile, use: Window, nodes: Nodes, ground: steps.GroundPoints
    ) -> tuple[NDArray[np.complex64], NDArray[np.complex64], NDArray[np.complex64]]:
        """Give reference, aligned secondary and interferogram of the part of a burst that is used."""
        reference = self.reference_samples(tile, use)
        secondary = self.aligned_samples(tile, use, nodes, ground.seen)
        return reference, secondary, steps.form_interferogram(reference, secondary)

    def reference_samples(self, tile: BurstTile, use: Window) -> NDArray[np.complex64]:
        """Read the part of a burst that is used."""
        return self.reader.read(tile.burst.reference, use.shift(-tile.line, -tile.sample))

    def aligned_samples(
        self, tile: BurstTile, use: Window, nodes: Nodes, seen: steps.SeenPoints
    ) -> NDArray[np.complex64]:
        """Resample the secondary onto the part of a burst that is used, and align its phase.

        Zero where there is no data, and where it is not known what ground there is.
        """
        view = tile.burst.secondary
        wavelength = tile.burst.reference.subswath.wavelength
        line, sample = self.secondary_positions(tile, use, nodes, seen)
        unknown = ~np.isfinite(line)
        if unknown.all():
            return np.zeros(use.shape, np.complex64)
        source = _source_window(view, line, sample)
        if source.empty:
            return np.zeros(use.shape, np.complex64)
        raw = self.reader.read(view, source)
        rows, columns = (
            np.arange(start, stop, dtype=float)
            for start, stop in ((source.top, source.bottom), (source.left, source.right))
        )
        deramped = steps.deramp(raw, self._carrier(view, self.secondary, rows[:, None], columns[None, :]))
        secondary = steps.resample(deramped, line - source.top, sample - source.left)
        ranges = self.mosaic.grid.slant_range(nodes.sample)
        geometry = nodes.interpolate(steps.geometric_phase(ranges, seen.range, wavelength), use)
        carrier = self._carrier(view, self.secondary, line, sample)
        aligned: NDArray[np.complex64] = steps.align(secondary, carrier, geometry)
        aligned[unknown] = 0
        return aligned

    def secondary_positions(
        self, tile: BurstTile, use: Window, nodes: Nodes, seen: steps.SeenPoints
    ) -> tuple[Floats, Floats]:
        """Return the lines and samples of the secondary burst where the part of a burst that is used is seen."""
        lines, samples = positions_in_burst(tile.burst.secondary, self.secondary.epoch, seen.time, seen.range)
        return (
            nodes.interpolate(lines + self.misregistration, use) + tile.line_residual,
            nodes.interpolate(samples, use) + tile.sample_residual,
        )

    def reference_carrier(self, tile: BurstTile, window: Window) -> Floats:
        """TOPS carrier of the reference burst on a window of the grid, radians."""
        place = window.shift(-tile.line, -tile.sample)
        line = np.arange(place.top, place.bottom, dtype=float)[:, None]
        sample = np.arange(place.left, place.right, dtype=float)[None, :]
        return self._carrier(tile.burst.reference, self.reference, line, sample)

    def _carrier(self, view: SwathBurst, orbit: Orbit, line: Floats, sample: Floats) -> Floats:
        """TOPS carrier of a burst, whose Doppler rates are worked out once."""
        key = id(view.burst)
        if key not in self._dopplers:
            self._dopplers[key] = burst_doppler(view, orbit)
        return burst_carrier(view, self._dopplers[key], line, sample)

    def centres(self, ground: steps.GroundPoints) -> steps.GroundPoints:
        """Return the geometry at the centres of the look cells: the middle node of each."""
        azimuth, range_ = self.parts
        rows = slice(1 + azimuth // 2, -1, azimuth)
        columns = slice(1 + range_ // 2, -1, range_)
        return steps.GroundPoints(
            ground.longitude[rows, columns],
            ground.latitude[rows, columns],
            ground.height[rows, columns],
            ground.los[:, rows, columns],
            ground.secondary_time[rows, columns],
            ground.secondary_range[rows, columns],
            ground.position[rows, columns],
        )


def split_in_range(slc: NDArray[np.complex64], subswath: Subswath) -> SubBands:
    """Return the lowest and the highest third of the range spectrum of samples."""
    return SubBands.of(slc, 1, 1 / subswath.range_sampling_rate, subswath.range_bandwidth, 1 / 3)


def look_mean(looks: Looks, valid: NDArray[np.bool_]) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """Return what gives means over look cells of values that are zero where they are not valid.

    A cell of which less than half is valid has zero.
    """
    count = steps.multilook(valid.astype(np.float32), looks.azimuth, looks.range)
    enough = count >= looks.azimuth * looks.range / 2
    share = enough / np.maximum(count, 1)
    return lambda values: steps.multilook(values, looks.azimuth, looks.range) * share


def _odd(wanted: float) -> int:
    """Return the smallest odd number that is not below a wanted one by more than a half."""
    return 2 * max(0, math.ceil((wanted - 1) / 2 - 0.25)) + 1


def _within(local: tuple[float, float], whole: tuple[float, float]) -> tuple[float, float]:
    return max(local[0], whole[0]), min(local[1], whole[1])


def cell_spacing(azimuth_spacing: float, range_spacing: float, tiles: Sequence[BurstTile]) -> tuple[float, float]:
    """Return the spacing of lines and samples on the ground, metres, in the middle of the subswaths."""
    incidence = [tile.burst.reference.subswath.incidence_mid_swath for tile in tiles]
    return azimuth_spacing, range_spacing / math.sin(math.radians(sum(incidence) / len(incidence)))


def _source_window(view: SwathBurst, line: Floats, sample: Floats) -> Window:
    """Return the valid part of a burst that is needed to resample it at some positions."""
    burst = view.burst
    wanted = Window(
        int(np.floor(np.nanmin(line))) - _MARGIN,
        int(np.ceil(np.nanmax(line))) + _MARGIN + 1,
        int(np.floor(np.nanmin(sample))) - _MARGIN,
        int(np.ceil(np.nanmax(sample))) + _MARGIN + 1,
    )
    return wanted.intersection(
        Window(
            burst.first_valid_line,
            burst.last_valid_line + 1,
            burst.first_valid_sample,
            burst.last_valid_sample + 1,
        )
    )


def strips(look_lines: int, bytes_per_line: float, memory: int, threads: int) -> list[tuple[int, int]]:
    """Look lines ``first, last`` of strips of which `threads` fit into a memory together.

    Parameters
    ----------
    look_lines : int
        Look lines of the scene.
    bytes_per_line : float
        Memory that a look line takes.
    memory : int
        Bytes for all strips that are worked on at a time.
    threads : int
        Strips that are worked on at a time.
    """
    height = max(1, min(look_lines, int(memory / threads / bytes_per_line)))
    return [(first, min(first + height, look_lines)) for first in range(0, look_lines, height)]


def form_all(
    worker: StripWorker,
    plan: Sequence[tuple[int, int]],
    layers: dict[str, RadarFile],
    threads: int,
    progress: Callable[[float], None],
) -> None:
    """Make all strips on several threads and write them into layers.

    Parameters
    ----------
    layers : dict of RadarFile
        ``cross``, ``amplitude``, ``longitude``, ``latitude``, ``height``, ``los``, and ``sub_bands`` where the
        range spectrum is split; they are created here.
    """
    for layer in layers.values():
        layer.create()

    def make(strip: tuple[int, int]) -> None:
        result = worker.form(*strip)
        ground = result.ground
        layers["cross"].write(strip[0], result.cross)
        layers["amplitude"].write(strip[0], result.amplitude)
        for name in ("longitude", "latitude", "height", "los"):
            layers[name].write(strip[0], getattr(ground, name))
        if result.sub_bands is not None:
            layers["sub_bands"].write(strip[0], result.sub_bands)

    with ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(make, strip) for strip in plan]
        try:
            for done, future in enumerate(as_completed(futures), 1):
                future.result()
                progress(done / len(futures))
        finally:
            pool.shutdown(cancel_futures=True)
