"""Interferograms of many dates on the geometry of one of them, strip by strip.

The ground is solved once for all dates, each date is resampled once for all of its pairs, and only look cells are
kept: memory depends on the length of a strip, which is the shorter the more dates there are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.engines.eos import steps
from dinsar_cli.engines.eos.interferogram import Nodes, StripWorker, look_mean
from dinsar_cli.engines.eos.mosaic import Window
from dinsar_cli.radar.interferogram import RadarFile

Samples = NDArray[np.complex64]
Pair = tuple[int, int]
"""Numbers of two dates, the earlier one first."""

_SAMPLE_BYTES = 8  # of a date, that all dates keep while a strip is worked on


@dataclass(frozen=True)
class DatesStrip:
    """Look lines of some pairs: mean interferograms, amplitudes of the dates, and the ground of all."""

    cross: Mapping[Pair, Samples]
    amplitude: Mapping[int, NDArray[np.float32]]
    ground: steps.GroundPoints


@dataclass(frozen=True)
class DatesWorker:
    """Makes the look lines of one strip of many pairs. It holds nothing that a strip changes.

    Attributes
    ----------
    workers : tuple of StripWorker
        Of each date after the first with the first, on one look grid: date number n has ``workers[n - 1]``.
    pairs : tuple of Pair
        To be made.
    """

    workers: tuple[StripWorker, ...]
    pairs: tuple[Pair, ...]

    @property
    def dates(self) -> tuple[int, ...]:
        """Numbers of the dates that are in a pair."""
        return tuple(sorted({number for pair in self.pairs for number in pair}))

    @property
    def bytes_per_look_line(self) -> float:
        """Memory that a look line takes at the peak of `form`."""
        first = self.workers[0]
        samples = first.look_grid.looks.azimuth * first.look_grid.window.shape[1]
        return first.bytes_per_look_line + samples * _SAMPLE_BYTES * len(self.dates)

    def form(self, first: int, last: int) -> DatesStrip:
        """Interferograms and amplitudes of look lines ``first:last``, and their geometry."""
        common = self.workers[0]
        window, looks = common.window(first, last), common.look_grid.looks
        # the ground that the strip sees, once for all dates
        nodes = Nodes.of(window, (looks.azimuth, looks.range), common.parts)
        ground = common.locate(nodes)
        samples = {number: self._samples(number, window, nodes, ground) for number in self.dates}
        cross = {pair: self._cross(samples[pair[0]], samples[pair[1]]) for pair in self.pairs}
        amplitude = {number: self._amplitude(values) for number, values in samples.items()}
        return DatesStrip(cross, amplitude, common.centres(ground))

    def _samples(self, number: int, window: Window, nodes: Nodes, ground: steps.GroundPoints) -> Samples:
        """Return the samples of a date on the geometry of the first, aligned with it."""
        worker = self.workers[max(0, number - 1)]
        if number:
            ground = ground.seen_from(worker.secondary, worker.mosaic.grid.time(nodes.line))
        found = np.zeros(window.shape, np.complex64)
        for tile in worker.mosaic.tiles:
            use = tile.use.intersection(window)
            if use.empty:
                continue
            place = use.shift(-window.top, -window.left).slices()
            if number:
                found[place] = worker.aligned_samples(tile, use, nodes, ground)
            else:
                found[place] = worker.reference_samples(tile, use)
        return found

    def _cross(self, reference: Samples, secondary: Samples) -> Samples:
        product = steps.form_interferogram(reference, secondary)
        mean: Samples = look_mean(self.workers[0].look_grid.looks, product != 0)(product).astype(np.complex64)
        return mean

    def _amplitude(self, samples: Samples) -> NDArray[np.float32]:
        power = samples.real**2 + samples.imag**2
        mean = look_mean(self.workers[0].look_grid.looks, power > 0)(power)
        rms: NDArray[np.float32] = np.sqrt(mean).astype(np.float32)
        return rms


@dataclass(frozen=True)
class DatesLayers:
    """Where strips of many pairs are written.

    Attributes
    ----------
    cross : mapping of Pair to RadarFile
    amplitude : mapping of int to RadarFile
        Of each date, of one band.
    ground : mapping of str to RadarFile
        ``longitude``, ``latitude``, ``height``, ``los``.
    """

    cross: Mapping[Pair, RadarFile]
    amplitude: Mapping[int, RadarFile]
    ground: Mapping[str, RadarFile]

    @property
    def files(self) -> tuple[RadarFile, ...]:
        """All of them."""
        return (*self.cross.values(), *self.amplitude.values(), *self.ground.values())

    def write(self, first: int, strip: DatesStrip) -> None:
        """Write the look lines from one on."""
        for pair, layer in self.cross.items():
            layer.write(first, strip.cross[pair])
        for number, layer in self.amplitude.items():
            layer.write(first, strip.amplitude[number])
        for name, layer in self.ground.items():
            layer.write(first, getattr(strip.ground, name))


def form_dates(
    worker: DatesWorker,
    strips: Sequence[tuple[int, int]],
    layers: DatesLayers,
    threads: int,
    done: Callable[[tuple[int, int]], None],
) -> None:
    """Make strips on several threads and write them into layers that are there.

    Parameters
    ----------
    worker : DatesWorker
    strips : sequence of (int, int)
        First and last look line of each.
    layers : DatesLayers
    threads : int
    done : callable
        Is told each strip whose lines are all written.
    """

    def make(strip: tuple[int, int]) -> tuple[int, int]:
        layers.write(strip[0], worker.form(*strip))
        return strip

    with ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(make, strip) for strip in strips]
        try:
            for future in as_completed(futures):
                done(future.result())
        finally:
            pool.shutdown(cancel_futures=True)
