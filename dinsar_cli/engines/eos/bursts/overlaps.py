"""What two bursts of a mosaic say of ground that both saw: a band about each cut is made from either burst."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.base.files import write_text
from dinsar_cli.base.user_files import read_json
from dinsar_cli.engines.eos import steps
from dinsar_cli.engines.eos.bursts.steering import steered
from dinsar_cli.engines.eos.interferogram import (
    BYTES_PER_SAMPLE,
    Nodes,
    StripWorker,
    cell_spacing,
)
from dinsar_cli.engines.eos.slc.mosaic import BurstTile, Mosaic, Window
from dinsar_cli.radar.overlaps import BAND, PIECE, OverlapPhase, overlap_phase, worst

OVERLAPS_FILE = "overlaps.json"

Told = tuple[OverlapPhase | None, ...]
Pair = tuple[int, int]
"""Numbers of two dates, the earlier one first."""

_SAMPLE_BYTES = 8  # of a date


def cuts_in(mosaic: Mosaic, whole: Window) -> tuple[tuple[tuple[int, int, int], ...], tuple[int, ...]]:
    """Return the cuts between bursts and between subswaths that lie in a window of the grid."""
    bursts = tuple(
        seam
        for seam in mosaic.burst_seams
        if whole.top < seam[0] < whole.bottom and seam[1] < whole.right and seam[2] > whole.left
    )
    return bursts, tuple(sample for sample in mosaic.swath_seams if whole.left < sample < whole.right)


@dataclass(frozen=True)
class Overlaps:
    """Compares the two sides of every cut, in the interferograms of some pairs of dates.

    Each date is resampled once for all of its pairs. A pair is measured by itself, though its step is the
    difference of those of its dates: what is far from the first date in time has no coherence with it.

    Attributes
    ----------
    workers : tuple of StripWorker
        Of each date after the first with the first, on one look grid: date number n has ``workers[n - 1]``.
    pairs : tuple of Pair
        To be compared.
    memory : int
        Bytes for each thread.
    threads : int
        Cuts that are worked on at a time.
    reach : float
        Metres of ground each side of a cut that are compared.
    most_parts : int, optional
        Parts of each cut that are compared, spread evenly over it; as a rule all of it.
    """

    workers: tuple[StripWorker, ...]
    pairs: tuple[Pair, ...]
    memory: int
    threads: int
    reach: float = BAND
    most_parts: int | None = None

    @property
    def _common(self) -> StripWorker:
        return self.workers[0]

    @cached_property
    def _dates(self) -> tuple[int, ...]:
        return tuple(sorted({number for pair in self.pairs for number in pair}))

    def measure(self) -> dict[Pair, tuple[Told, Told]]:
        """Return for each pair what is told at the cuts of `cuts_in`, in their order."""
        mosaic = self._common.mosaic
        bursts, swaths = cuts_in(mosaic, self._common.look_grid.window)
        seams = dict(zip(mosaic.burst_seams, mosaic.stacked, strict=True))
        with ThreadPoolExecutor(self.threads) as pool:
            stacked = [pool.submit(self._told, *seams[seam], seam[0], down=True) for seam in bursts]
            beside = [
                [pool.submit(self._told, near, far, cut, down=False) for near, far in mosaic.beside(cut)]
                for cut in swaths
            ]
            down = [one.result() for one in stacked]
            across = [[one.result() for one in ones] for ones in beside]
        return {
            pair: (
                tuple(told[number] for told in down),
                tuple(worst(told[number] for told in ones) for ones in across),
            )
            for number, pair in enumerate(self.pairs)
        }

    def _told(self, first: BurstTile, second: BurstTile, cut: int, *, down: bool) -> Told:
        """Compare two bursts at a cut, down the lines or across the samples, in each of the pairs."""
        looks, grid = self._common.look_grid.looks, self._common.mosaic.grid
        subswath = first.burst.reference.subswath
        spacing = cell_spacing(subswath.azimuth_spacing, subswath.range_spacing, (first, second))
        across, along = spacing if down else spacing[::-1]
        window = self._band(first, second, cut, round(self.reach / across), down=down)
        if window.empty:
            return (None,) * len(self.pairs)
        made = [self._interferograms((first, second), part) for part in self._parts(window, down=down)]
        piece = max(1, round(PIECE / along / (looks.range if down else looks.azimuth)))
        doppler = self._doppler(first, second, window)
        told = []
        for number in range(len(self.pairs)):
            one, other = (
                np.concatenate([part[side][number] for part in made], axis=1 if down else 0) for side in (0, 1)
            )
            if not down:
                one, other = one.T, other.T
            told.append(overlap_phase(one, other, piece, doppler, grid.line_interval))
        return tuple(told)

    def _interferograms(
        self, tiles: tuple[BurstTile, BurstTile], window: Window
    ) -> list[list[NDArray[np.complexfloating[Any, Any]]]]:
        """Return what each of two bursts makes of the whole look cells of a window, for each of the pairs."""
        common = self._common
        looks, time = common.look_grid.looks, common.mosaic.grid.time
        nodes = Nodes.of(window, (looks.azimuth, looks.range), common.parts)
        ground = common.locate(nodes)
        places = [common.mosaic.tiles.index(tile) for tile in tiles]
        samples: list[dict[int, NDArray[np.complex64]]] = [{}, {}]
        for number in self._dates:
            if number == 0:
                for side, tile in zip(samples, tiles, strict=True):
                    side[0] = common.reference_samples(tile, window)
                continue
            worker = self.workers[number - 1]
            seen = steps.SeenPoints.of(worker.secondary, ground.position, time(nodes.line))
            for side, place in zip(samples, places, strict=True):
                side[number] = worker.aligned_samples(worker.mosaic.tiles[place], window, nodes, seen)
        return [
            [
                steps.multilook(steps.form_interferogram(side[a], side[b]), looks.azimuth, looks.range)
                for a, b in self.pairs
            ]
            for side in samples
        ]

    def _band(self, first: BurstTile, second: BurstTile, cut: int, reach: int, *, down: bool) -> Window:
        """Return whole look cells about a cut that both bursts see and that are processed."""
        looks = self._common.look_grid.looks
        both = first.valid.intersection(second.valid).intersection(self._common.look_grid.window)
        if down:
            near = Window(cut - reach, cut + reach, first.use.left, first.use.right)
        else:  # along the cut, only where it lies between these two
            top, bottom = max(first.use.top, second.use.top), min(first.use.bottom, second.use.bottom)
            near = Window(top, bottom, cut - reach, cut + reach)
        seen = both.intersection(near)
        lines, samples = (
            max(0, size) // n * n for size, n in zip(seen.shape, (looks.azimuth, looks.range), strict=True)
        )
        return Window(seen.top, seen.top + lines, seen.left, seen.left + samples)

    def _parts(self, window: Window, *, down: bool) -> Sequence[Window]:
        """Cut a band across into parts that fit into the memory."""
        looks = self._common.look_grid.looks
        unit = looks.range if down else looks.azimuth
        across, along = window.shape if down else window.shape[::-1]
        held = 2 * (BYTES_PER_SAMPLE + _SAMPLE_BYTES * len(self._dates))
        size = max(1, int(self.memory / (held * across * unit))) * unit
        ends = [(start, min(start + size, along)) for start in range(0, along, size)]
        ends = ends[:: math.ceil(len(ends) / (self.most_parts or len(ends) or 1)) or 1]
        if down:
            return [Window(window.top, window.bottom, window.left + a, window.left + b) for a, b in ends]
        return [Window(window.top + a, window.top + b, window.left, window.right) for a, b in ends]

    def _doppler(self, first: BurstTile, second: BurstTile, window: Window) -> float:
        """Return how much higher the second burst sees the middle of a window, Hz."""
        line, sample = np.asarray(window.top + window.bottom) / 2, np.asarray(window.left + window.right) / 2
        low, high = (
            steered(tile, tile.use, self._common.mosaic.grid, self._common.reference).frequency(line, sample)
            for tile in (first, second)
        )
        return float(high - low)


def save_overlaps(path: Path, told: tuple[Told, Told]) -> None:
    """Write what is told at the cuts between bursts, and between subswaths."""
    write_text(path, json.dumps([[one and asdict(one) for one in ones] for ones in told]) + "\n")


def load_overlaps(path: Path) -> tuple[Told, Told]:
    """Read what `save_overlaps` wrote; nothing where an earlier release did not."""
    if not path.is_file():
        return (), ()
    bursts, swaths = read_json(path)
    return tuple(one and OverlapPhase.from_dict(one) for one in bursts), tuple(
        one and OverlapPhase.from_dict(one) for one in swaths
    )
