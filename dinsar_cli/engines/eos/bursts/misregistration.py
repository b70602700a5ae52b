"""By how much the dates lie wrong on each other along the track: enhanced spectral diversity."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from dinsar_cli.base.files import write_text
from dinsar_cli.base.graph import linking, parts_of
from dinsar_cli.base.user_files import read_json
from dinsar_cli.engines.eos import steps
from dinsar_cli.engines.eos.bursts.overlaps import Overlaps, Pair, cuts_in
from dinsar_cli.engines.eos.interferogram import Nodes, StripWorker
from dinsar_cli.engines.eos.slc.bands import SubBands
from dinsar_cli.engines.eos.slc.mosaic import BurstTile, Window
from dinsar_cli.errors import NoDataError
from dinsar_cli.radar.overlaps import Misregistration, OverlapPhase, misregistration, overlap_phase

MISREGISTRATION_FILE = "misregistration.json"

_WHOLE = 1e6  # m: more than any overlap is wide
_OVERLAP_PARTS = 6  # of each overlap that are looked at: they tell the phase to a hundredth of a radian
_BLOCKS, _BLOCKS_ALONE = 2, 6  # parts of bursts that are looked at: where overlaps follow, and where not
_BLOCK = 384, 1024  # lines and samples, at least where the part of the burst has them
_LEAST_LINES = 64  # of a block: its spectrum has as many samples
_SUBLOOK_CELLS = 16, 8  # lines and samples of which the mean is taken; no fringe of the ground is as narrow
_PIECE = 8  # cells along the track of which the phases are averaged before the median is taken


@dataclass(frozen=True)
class SpectralDiversity:
    """Measures the misregistration of dates along the track, from coarse to fine, over a network of their pairs.

    First within the bursts: of what lies a fraction of a line apart, the upper and the lower half of the azimuth
    spectrum differ in phase. They lie 100 Hz apart, so that no cycle can be lost below two lines [1]_. Then where
    bursts overlap, which see the ground 4 to 5 kHz apart: fifty times as exact, but below 5 % of a line only [2]_.
    Those of the dates follow from those of the pairs by least squares [3]_.

    Attributes
    ----------
    workers : tuple of StripWorker
        Of each date after the first with the first, as for `Overlaps`.
    pairs : tuple of Pair
        To be compared: numbers of dates.
    memory : int
        Bytes for each thread.
    threads : int

    References
    ----------
    .. [1] Scheiber and Moreira (2000), "Coregistration of interferometric SAR images using spectral diversity",
       IEEE TGRS 38(5).
    .. [2] Prats-Iraola, Scheiber, Marotti, Wollstadt and Reigber (2012), "TOPS interferometry with TerraSAR-X",
       IEEE TGRS 50(8).
    .. [3] Fattahi, Agram and Simons (2017), "A network-based enhanced spectral diversity approach for TOPS
       time-series analysis", IEEE TGRS 55(2).
    """

    workers: tuple[StripWorker, ...]
    pairs: tuple[Pair, ...]
    memory: int
    threads: int

    def measure(self, known: Mapping[int, float]) -> dict[int, Misregistration]:
        """Return the misregistration of dates against the first.

        Parameters
        ----------
        known : mapping of int to float
            Lines that are taken off dates already; the first has none.

        Returns
        -------
        dict of int to Misregistration
            Of all other dates that are tied to these by pairs that tell it.
        """
        tying = _tying(self.pairs, known)
        coarse = of_dates(self._combined(self._within_bursts(tying), overlaps=False), known)
        start = {number: found.lines for number, found in coarse.items() if found.sure}
        told = self._in_overlaps(dict(known) | start)
        fine = of_dates(self._combined(told, overlaps=True), dict.fromkeys(known, 0.0))
        return coarse | {
            number: replace(found, lines=start.get(number, 0.0) + found.lines) for number, found in fine.items()
        }

    @property
    def _common(self) -> StripWorker:
        return self.workers[0]

    def _combined(
        self, told: Mapping[Pair, Sequence[OverlapPhase | None]], *, overlaps: bool
    ) -> dict[Pair, Misregistration]:
        interval = self._common.mosaic.grid.line_interval
        found = {pair: misregistration(phases, interval) for pair, phases in told.items()}
        return {
            pair: Misregistration(*one, sum(phase is not None for phase in told[pair]) if overlaps else 0)
            for pair, one in found.items()
            if one is not None
        }

    def _in_overlaps(self, start: Mapping[int, float]) -> dict[Pair, list[OverlapPhase | None]]:
        """Tell the overlaps of bursts and of subswaths, when so many lines are taken off the dates."""
        workers = tuple(
            replace(worker, misregistration=start.get(number, 0.0)) for number, worker in enumerate(self.workers, 1)
        )
        told = Overlaps(workers, self.pairs, self.memory, self.threads, _WHOLE, _OVERLAP_PARTS).measure()
        return {pair: [one for ones in both for one in ones] for pair, both in told.items()}

    def _within_bursts(self, pairs: Sequence[Pair]) -> dict[Pair, list[OverlapPhase | None]]:
        with ThreadPoolExecutor(self.threads) as pool:
            blocks = list(pool.map(lambda block: self._of_block(block[0], block[1], pairs), self._blocks()))
        return {pair: [told[pair] for told in blocks] for pair in pairs}

    def _blocks(self) -> list[tuple[BurstTile, Window]]:
        """Return parts of bursts that are processed, spread evenly over all of them."""
        mosaic, grid = self._common.mosaic, self._common.look_grid
        looks = grid.looks.azimuth, grid.looks.range
        parts = ((tile, tile.use.intersection(grid.window)) for tile in mosaic.tiles)
        blocks = [(tile, block) for tile, part in parts for block in _cut(part, looks)]
        most = _BLOCKS if any(cuts_in(mosaic, grid.window)) else _BLOCKS_ALONE
        return blocks[:: max(1, math.ceil(len(blocks) / most))]

    def _of_block(self, tile: BurstTile, window: Window, pairs: Sequence[Pair]) -> dict[Pair, OverlapPhase | None]:
        """Tell the phase of the upper half of the spectrum against the lower one, in each of the pairs."""
        common = self._common
        looks, interval = common.look_grid.looks, common.mosaic.grid.line_interval
        nodes = Nodes.of(window, (looks.azimuth, looks.range), common.parts)
        ground, place = common.locate(nodes), common.mosaic.tiles.index(tile)
        time, carrier = common.mosaic.grid.time(nodes.line), common.reference_carrier(tile, window)
        bandwidth = tile.burst.reference.subswath.azimuth_bandwidth
        halves, beside = {}, {}
        for number in _numbers(pairs):
            if number == 0:
                slc, beside[0] = common.reference_samples(tile, window), 0.0
            else:
                worker = self.workers[number - 1]
                own, seen = worker.mosaic.tiles[place], steps.SeenPoints.of(worker.secondary, ground.position, time)
                slc = worker.aligned_samples(own, window, nodes, seen)
                line, _ = worker.secondary_positions(own, window, nodes, seen)
                # samples were taken beside where they were meant to be
                apart = (steps.resampled_at(line) - line)[np.isfinite(line)]
                beside[number] = float(apart.mean()) if apart.size else 0.0
            halves[number] = SubBands.of(steps.deramp(slc, carrier), 0, interval, bandwidth, 0.5)
        return {
            (first, second): _compare(halves[first], halves[second], interval, beside[second] - beside[first])
            for first, second in pairs
        }


def _tying(pairs: Sequence[Pair], known: Iterable[int]) -> list[Pair]:
    """Return as few pairs as tie all dates to known ones, of dates that follow each other where there are such."""
    links = _links(known)
    nearest = sorted(pairs, key=lambda pair: pair[1] - pair[0])
    return linking(_numbers([*links, *pairs]), [*links, *nearest])[len(links) :]


def _links(known: Iterable[int]) -> list[Pair]:
    """Return pairs by which the dates of which it is known hang together."""
    first, *others = sorted(known)
    return [(first, other) for other in others]


def _numbers(pairs: Iterable[Pair]) -> list[int]:
    """Return the dates of pairs."""
    return sorted({number for pair in pairs for number in pair})


def _compare(first: SubBands, second: SubBands, line_interval: float, beside: float) -> OverlapPhase | None:
    """Tell the phase of the upper half of the azimuth spectrum against the lower one, in an interferogram.

    Parameters
    ----------
    first, second : SubBands
        Of two dates, with one carrier taken out.
    line_interval : float
        Seconds.
    beside : float
        Lines by which the samples of the second lie beside where they were meant to be, less those of the first.
    """
    low, high = (
        steps.multilook(steps.form_interferogram(*both), *_SUBLOOK_CELLS)
        for both in ((first.low, second.low), (first.high, second.high))
    )
    doppler = first.apart(second)
    found = overlap_phase(low.T, high.T, _PIECE, doppler, line_interval)
    return found and replace(found, phase=found.phase + 2 * np.pi * doppler * line_interval * beside)


def of_dates(pairs: Mapping[Pair, Misregistration], known: Mapping[int, float]) -> dict[int, Misregistration]:
    """Return the misregistration of dates from that of their pairs, by least squares; of those that are tied.

    Parameters
    ----------
    pairs : mapping of Pair to Misregistration
        Of the second date against the first one.
    known : mapping of int to float
        Dates of which it is known, lines.
    """
    links = _links(known)
    parts = parts_of(_numbers([*links, *pairs]), [*links, *pairs])
    tied = {number for part in parts if set(part).intersection(known) for number in part}
    used = {pair: found for pair, found in pairs.items() if tied.issuperset(pair) and not set(pair) <= set(known)}
    index = {number: place for place, number in enumerate(sorted(tied.difference(known)))}
    if not index:
        return {}
    matrix, values = np.zeros((len(used), len(index))), np.zeros(len(used))
    for row, ((first, second), found) in enumerate(used.items()):
        values[row] = found.lines + known.get(first, 0.0) - known.get(second, 0.0)
        for number, sign in ((first, -1.0), (second, 1.0)):
            if number in index:
                matrix[row, index[number]] = sign
    weight = 1 / np.array([found.sigma for found in used.values()])
    inverse = np.linalg.inv((matrix * weight[:, None] ** 2).T @ matrix)
    lines = inverse @ ((matrix * weight[:, None] ** 2).T @ values)
    return {
        number: Misregistration(
            float(lines[place]),
            math.sqrt(float(inverse[place, place])),
            max(found.overlaps for pair, found in used.items() if number in pair),
        )
        for number, place in index.items()
    }


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


def removed(found: Misregistration | None, wish: str) -> Misregistration | None:
    """Decide whether a misregistration is taken off: when it is larger than its error.

    Parameters
    ----------
    found : Misregistration or None
        None where it could not be measured.
    wish : str
        Of ``coregistration.esd``.

    Raises
    ------
    NoDataError
        When it is required and could not be measured.
    """
    if found is None and wish == "require":
        raise NoDataError(
            "The misregistration along the track cannot be measured.",
            "The two dates have no coherence where bursts overlap, nor within the bursts.",
            "Choose dates that lie closer together, or coregistration.esd: auto.",
        )
    return found and replace(found, removed=found.sure)


def save_misregistration(path: Path, found: Misregistration | None) -> None:
    """Write what was measured."""
    write_text(path, json.dumps(found and asdict(found)) + "\n")


def load_misregistration(path: Path) -> Misregistration | None:
    """Read what `save_misregistration` wrote; nothing where an earlier release did not measure."""
    found = read_json(path) if path.is_file() else None
    return Misregistration.from_dict(found) if isinstance(found, dict) else None
