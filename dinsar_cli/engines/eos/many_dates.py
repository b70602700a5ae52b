"""Many dates on the geometry of one of them, strip by strip.

The ground is solved once for all dates, and each date is resampled once for all of its pairs, now and later: both
are kept in files, so that memory depends on the length of a strip alone, and a new date costs its own resampling
only.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.config.model import Looks
from dinsar_cli.engines.eos import steps
from dinsar_cli.engines.eos.interferogram import Nodes, StripWorker, look_mean
from dinsar_cli.engines.eos.slc.mosaic import LookGrid, Window
from dinsar_cli.radar.interferogram import LAYERS, RadarFile, RadarLayer

Samples = NDArray[np.complex64]
Strip = tuple[int, int]
"""First look line and the one after the last."""

RESAMPLED: Final = RadarLayer(
    "resampled",
    "int16",
    ("real", "imaginary"),
    "DN",
    "samples of a date, aligned with those of the first",
)
"""On the grid of samples, in whole numbers as products have them: rounding adds a sixth of a DN^2 of noise."""
AMPLITUDE: Final = RadarLayer(
    "amplitude", "float32", (), "DN", "root mean square amplitude of the look cell on one date, uncalibrated"
)
NODES: Final = RadarLayer(
    "nodes",
    "float64",
    ("x", "y", "z"),
    "m",
    "Earth-fixed nodes of the geometry, one more all around",
)
_GROUND: Final = ("longitude", "latitude", "height", "los")
_HIGHEST: Final = 32767


@dataclass(frozen=True)
class GroundFiles:
    """The geometry that all dates share.

    Attributes
    ----------
    worker : StripWorker
        Of any date with the first.
    folder : Path
    """

    worker: StripWorker
    folder: Path

    @property
    def nodes(self) -> RadarFile:
        """Access to the positions of the nodes."""
        grid, (azimuth, range_) = self.worker.look_grid, self.worker.parts
        return RadarFile(self.folder, NODES, grid.lines * azimuth + 2, grid.samples * range_ + 2)

    @property
    def files(self) -> tuple[RadarFile, ...]:
        """Access to all layers."""
        grid = self.worker.look_grid
        return (self.nodes, *(RadarFile(self.folder, LAYERS[name], grid.lines, grid.samples) for name in _GROUND))

    def make(self, strip: Strip) -> None:
        """Solve the geometry of a strip, and write it."""
        first, last = strip
        worker, rows = self.worker, self.worker.parts[0]
        nodes = Nodes.of(worker.window(first, last), _sizes(worker.look_grid.looks), worker.parts)
        ground = worker.locate(nodes)
        # of the nodes around a strip only those that no other strip has inside
        top, bottom = first > 0, last < worker.look_grid.lines
        inside = ground.position[int(top) : len(ground.position) - int(bottom)]
        self.nodes.write(first * rows + int(top), np.moveaxis(inside, -1, 0))
        centres = worker.centres(ground)
        for file in self.files[1:]:
            file.write(first, getattr(centres, file.layer.name))

    def positions(self, strip: Strip) -> NDArray[np.float64]:
        """Return the positions of the nodes of a strip; shape (lines, samples, 3)."""
        rows = self.worker.parts[0]
        return np.moveaxis(self.nodes.read(strip[0] * rows, strip[1] * rows + 2), 0, -1)


@dataclass(frozen=True)
class DateFiles:
    """One date on the geometry of the first.

    Attributes
    ----------
    worker : StripWorker
        Of the date with the first; of any other one for the first itself.
    is_first : bool
    folder : Path
    """

    worker: StripWorker
    is_first: bool
    folder: Path

    @property
    def samples(self) -> RadarFile:
        """Access to the samples."""
        return resampled_file(self.folder, self.worker.look_grid)

    @property
    def amplitude(self) -> RadarFile:
        """Access to the amplitude of the look cells."""
        grid = self.worker.look_grid
        return RadarFile(self.folder, AMPLITUDE, grid.lines, grid.samples)

    def make(self, ground: GroundFiles, strip: Strip) -> None:
        """Resample a strip, and write it."""
        looks = self.worker.look_grid.looks
        window = self.worker.window(*strip)
        whole = _rounded(self._aligned(window, ground, strip))
        self.samples.write(strip[0] * looks.azimuth, whole)
        power = np.square(whole, dtype=np.float32).sum(0)
        self.amplitude.write(strip[0], np.sqrt(look_mean(looks, power > 0)(power)))

    def _aligned(self, window: Window, ground: GroundFiles, strip: Strip) -> Samples:
        """Return the samples of the date, aligned with the first; zero without data."""
        worker = self.worker
        found = np.zeros(window.shape, np.complex64)
        nodes = Nodes.of(window, _sizes(worker.look_grid.looks), worker.parts)
        if not self.is_first:
            time = worker.mosaic.grid.time(nodes.line)
            seen = steps.SeenPoints.of(worker.secondary, ground.positions(strip), time)
        for tile, use in worker.mosaic.parts_in(window):
            place = use.shift(-window.top, -window.left).slices()
            if self.is_first:
                found[place] = worker.reference_samples(tile, use)
            else:
                found[place] = worker.aligned_samples(tile, use, nodes, seen)
        return found


def resampled_file(folder: Path, grid: LookGrid) -> RadarFile:
    """Access to the samples of a date in its folder."""
    return RadarFile(folder, RESAMPLED, *grid.window.shape)


def mean_interferogram(reference: RadarFile, secondary: RadarFile, looks: Looks, strip: Strip) -> Samples:
    """Return the unfiltered interferogram of two dates on some look lines: the mean of each look cell.

    Parameters
    ----------
    reference, secondary : RadarFile
        Samples of the dates.
    looks : Looks
    strip : (int, int)
    """
    first, last = (line * looks.azimuth for line in strip)
    samples = (_complex(file.read(first, last)) for file in (reference, secondary))
    product = steps.form_interferogram(*samples)
    mean: Samples = look_mean(looks, product != 0)(product).astype(np.complex64)
    return mean


def _sizes(looks: Looks) -> tuple[int, int]:
    return looks.azimuth, looks.range


def _rounded(samples: Samples) -> NDArray[np.int16]:
    """Return whole numbers; shape (2, lines, samples)."""
    parts = np.stack([samples.real, samples.imag])
    return np.clip(np.rint(parts, out=parts), -_HIGHEST, _HIGHEST, out=parts).astype(np.int16)


def _complex(whole: NDArray[np.int16]) -> Samples:
    samples = np.empty(whole.shape[1:], np.complex64)
    samples.real, samples.imag = whole
    return samples
