"""By how much the dates lie wrong on each other along the track: enhanced spectral diversity."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from dinsar_cli.base.files import write_text
from dinsar_cli.base.user_files import read_json
from dinsar_cli.engines.eos import steps
from dinsar_cli.engines.eos.bursts.overlaps import Overlaps, cuts_in
from dinsar_cli.engines.eos.interferogram import Nodes, StripWorker
from dinsar_cli.engines.eos.mosaic import BurstTile, Window
from dinsar_cli.errors import NoDataError
from dinsar_cli.radar.overlaps import Misregistration, OverlapPhase, misregistration, overlap_phase

MISREGISTRATION_FILE = "misregistration.json"

Complexes = NDArray[np.complex64]

_WHOLE = 1e6  # m: more than any overlap is wide
_BLOCKS, _BLOCKS_ALONE = 4, 12  # parts of bursts that are looked at: where overlaps follow, and where not
_BLOCK = 480, 480  # lines and samples, at least where the part of the burst has them
_LEAST_LINES = 64  # of a block: its spectrum has as many samples
_SUBLOOK_CELLS = 16, 8  # lines and samples of which the mean is taken; no fringe of the ground is as narrow
_PIECE = 8  # cells along the track of which the phases are averaged before the median is taken


@dataclass(frozen=True)
class SpectralDiversity:
    """Measures the misregistration along the track of two dates, from coarse to fine.

    First within the bursts: of what lies a fraction of a line apart, the upper and the lower half of the azimuth
    spectrum differ in phase. They lie 100 Hz apart, so that no cycle can be lost below two lines [1]_. Then where
    bursts overlap, which see the ground 4 to 5 kHz apart: fifty times as exact, but below 5 % of a line only [2]_.

    Attributes
    ----------
    worker : StripWorker
        Of the two dates.
    memory : int
        Bytes for each thread.
    threads : int

    References
    ----------
    .. [1] Scheiber and Moreira (2000), "Coregistration of interferometric SAR images using spectral diversity",
       IEEE TGRS 38(5).
    .. [2] Prats-Iraola, Scheiber, Marotti, Wollstadt and Reigber (2012), "TOPS interferometry with TerraSAR-X",
       IEEE TGRS 50(8).
    """

    worker: StripWorker
    memory: int
    threads: int

    def removed(self, wish: str) -> tuple[StripWorker, Misregistration | None]:
        """Measure it, and return the worker with what is taken off: what is larger than its error.

        Parameters
        ----------
        wish : str
            Of ``coregistration.esd``.

        Raises
        ------
        NoDataError
            When it is required and cannot be measured.
        """
        found = None if wish == "none" else self.measure()
        if found is None and wish == "require":
            raise NoDataError(
                "The misregistration along the track cannot be measured.",
                "The two dates have no coherence where bursts overlap, nor within the bursts.",
                "Choose dates that lie closer together, or coregistration.esd: auto.",
            )
        if found is None or not found.sure:
            return self.worker, found
        return replace(self.worker, misregistration=found.lines), replace(found, removed=True)

    def measure(self) -> Misregistration | None:
        """Return what is left of the misregistration; None where the dates are too different to tell it."""
        coarse = self._within_bursts()
        start = coarse.lines if coarse is not None and coarse.sure else 0.0
        fine = self._in_overlaps(start)
        if fine is None:
            return coarse
        return replace(fine, lines=start + fine.lines)

    def _in_overlaps(self, start: float) -> Misregistration | None:
        """Return what is left, in the overlaps of bursts and of subswaths, when so many lines are taken off."""
        worker = replace(self.worker, misregistration=start)
        (told,) = Overlaps((worker,), ((0, 1),), self.memory, self.threads, _WHOLE).measure().values()
        return self._combined([one for ones in told for one in ones], of_overlaps=True)

    def _within_bursts(self) -> Misregistration | None:
        with ThreadPoolExecutor(self.threads) as pool:
            told = list(pool.map(lambda block: self._of_block(*block), self._blocks()))
        return self._combined(told, of_overlaps=False)

    def _combined(self, told: list[OverlapPhase | None], *, of_overlaps: bool) -> Misregistration | None:
        found = misregistration(told, self.worker.mosaic.grid.line_interval)
        if found is None:
            return None
        return Misregistration(*found, overlaps=sum(one is not None for one in told) if of_overlaps else 0)

    def _blocks(self) -> list[tuple[BurstTile, Window]]:
        """Return parts of bursts that are processed, spread evenly over all of them."""
        grid = self.worker.look_grid
        looks = grid.looks.azimuth, grid.looks.range
        parts = ((tile, tile.use.intersection(grid.window)) for tile in self.worker.mosaic.tiles)
        blocks = [(tile, block) for tile, part in parts for block in _cut(part, looks)]
        most = _BLOCKS if any(cuts_in(self.worker.mosaic, grid.window)) else _BLOCKS_ALONE
        return blocks[:: max(1, math.ceil(len(blocks) / most))]

    def _of_block(self, tile: BurstTile, window: Window) -> OverlapPhase | None:
        """Tell the phase of the upper half of the spectrum against the lower one."""
        worker = self.worker
        looks = worker.look_grid.looks
        nodes = Nodes.of(window, (looks.azimuth, looks.range), worker.parts)
        ground = worker.locate(nodes)
        reference = worker.reference_samples(tile, window)
        secondary = worker.aligned_samples(tile, window, nodes, ground.seen)
        line, _ = worker.secondary_positions(tile, window, nodes, ground.seen)
        known = (reference != 0) & (secondary != 0)
        if not known.any():
            return None
        carrier = worker.reference_carrier(tile, window)
        low, high, doppler = sublooks(
            *(steps.deramp(np.where(known, slc, 0), carrier) for slc in (reference, secondary)),
            worker.mosaic.grid.line_interval,
            tile.burst.reference.subswath.azimuth_bandwidth,
        )
        interval = worker.mosaic.grid.line_interval
        told = overlap_phase(low.T, high.T, _PIECE, doppler, interval)
        # samples were taken beside where they were meant to be
        beside = float(np.mean((steps.resampled_at(line) - line)[known]))
        return told and replace(told, phase=told.phase + 2 * np.pi * doppler * beside * interval)


def _cut(part: Window, looks: tuple[int, int]) -> Iterator[Window]:
    """Yield windows of whole look cells, about as large as a block, that a part of a burst has."""
    if part.empty or part.shape[0] < _LEAST_LINES:
        return
    down, across = (max(1, size // most) for size, most in zip(part.shape, _BLOCK, strict=True))
    lines, samples = (
        size // number // unit * unit for size, number, unit in zip(part.shape, (down, across), looks, strict=True)
    )
    for row in range(down if samples else 0):
        for column in range(across):
            top, left = part.top + row * lines, part.left + column * samples
            yield Window(top, top + lines, left, left + samples)


def sublooks(
    reference: Complexes, secondary: Complexes, line_interval: float, bandwidth: float
) -> tuple[Complexes, Complexes, float]:
    """Return the interferograms of the lower and the upper half of the azimuth spectrum, and their distance.

    Parameters
    ----------
    reference, secondary : ndarray
        Deramped with one carrier; shape (lines, samples); zero where there is no data.
    line_interval : float
        Seconds.
    bandwidth : float
        Of the azimuth spectrum, Hz.

    Returns
    -------
    low, high : ndarray
        Means of small cells.
    doppler : float
        Frequency of the upper half minus that of the lower one: of the middle of their power, Hz.
    """
    spectra = [fft.fft(slc.astype(np.complex64), axis=0) for slc in (reference, secondary)]
    frequency = np.fft.fftfreq(len(reference), line_interval)
    power = np.sqrt(np.prod([np.mean(abs(spectrum) ** 2, axis=1) for spectrum in spectra], axis=0))
    made, middles = [], []
    for lowest, highest in ((-bandwidth / 2, 0.0), (0.0, bandwidth / 2)):
        half = (frequency >= lowest) & (frequency < highest)
        parts = [fft.ifft(spectrum * half[:, None], axis=0) for spectrum in spectra]
        made.append(steps.multilook(steps.form_interferogram(*parts), *_SUBLOOK_CELLS))
        middles.append(float(np.average(frequency[half], weights=power[half])))
    return made[0], made[1], middles[1] - middles[0]


def save_misregistration(path: Path, found: Misregistration | None) -> None:
    """Write what was measured."""
    write_text(path, json.dumps(found and asdict(found)) + "\n")


def load_misregistration(path: Path) -> Misregistration | None:
    """Read what `save_misregistration` wrote; nothing where an earlier release did not measure."""
    found = read_json(path) if path.is_file() else None
    return Misregistration.from_dict(found) if isinstance(found, dict) else None
