"""Noise of the filtered phase: formulas for the unfiltered one, a measured table, and what the filter itself tells.

A phase filter takes noise away, by a factor that follows from coherence, looks and its strength. For each engine it
was measured on simulated speckle (``phase_noise.json``; ``tests/benchmarks/filter_noise.py`` makes it).

Where the phase is not flat, the filter takes less noise away and bends the phase. That shows when the filtered
phase is filtered once more: it changes by more than noise would explain. Up to twice as much, in power, is taken as
noise that was left; what is beyond bends the phase, and is added times a measured factor.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from dinsar_cli.engines.eos.phase.goldstein import goldstein
from dinsar_cli.engines.topsapp.results.psfilt import psfilt
from dinsar_cli.radar.interferogram import Interferogram
from dinsar_cli.radar.uncertainty import UNIFORM, phase_deviation, unbiased_coherence

Floats: TypeAlias = NDArray[np.floating[Any]]
Filter: TypeAlias = Callable[[NDArray[Any], float], NDArray[Any]]

TABLE_FILE = Path(__file__).with_name("phase_noise.json")

_NODES = 512  # of the interpolation between coherences
_COHERENCE_WINDOW = 5  # look cells on a side over which estimates are averaged before their bias is removed
_REACH = 16  # look cells to each side over which the change by filtering again is averaged: half a patch
_LEAST_REACH = 1  # the same at edges of the data
_TELLING = 0.6  # rad of noise up to which filtering again tells anything: beyond, the filter hardly filters
_STEP = 16  # look cells: tiles begin where patches of both filters do
_MARGIN = 64  # look cells that the filter and the windows reach
_BYTES = 200  # per look cell, of the working arrays
_LEAST_TILE = 700**2  # look cells: below, too much is made in vain for margins


@dataclass(frozen=True)
class PhaseFilter:
    """The filter that an engine applied.

    Attributes
    ----------
    engine : str
        Name of the engine.
    strength : float
        Exponent of the spectrum, 0 to 1.
    """

    engine: str
    strength: float


@dataclass(frozen=True)
class NoiseCurves:
    """What a filter leaves of the noise at one number of looks, between coherences; arrays of one length.

    Attributes
    ----------
    coherence : ndarray
        True coherence, from 0 to 1 in equal steps.
    cell : ndarray
        Standard deviation of the filtered phase of a look cell, radians.
    on_map : ndarray
        The same after bilinear interpolation on the map, the mean over all places between cells.
    change : ndarray
        Root mean square by which filtering once more changes it.
    bend : float
        Bending of a phase that is not flat, over the change that it shows.
    """

    coherence: Floats
    cell: Floats
    on_map: Floats
    change: Floats
    bend: float

    def at(self, coherence: Floats) -> tuple[Floats, Floats, Floats]:
        """``cell``, ``on_map`` and ``change`` at coherences, of their shape; NaN at NaN."""
        steps = len(self.coherence) - 1
        place = np.clip(coherence, 0, 1) * steps
        first = np.minimum(np.nan_to_num(place).astype(np.intp), steps - 1)
        share = place - first
        cell, on_map, change = (
            values.take(first) + share * np.diff(values).take(first)
            for values in (self.cell, self.on_map, self.change)
        )
        return cell, on_map, change


def filters() -> Mapping[str, Filter]:
    """Return the phase filters of the engines by name: of look cells with their amplitude, and a strength."""
    return {"eos": _goldstein, "isce2": psfilt}


def _goldstein(interferogram: NDArray[Any], strength: float) -> NDArray[Any]:
    size = np.abs(interferogram)
    unit = np.divide(interferogram, size, out=np.full(size.shape, np.nan, np.complex64), where=size > 0)
    filtered: NDArray[Any] = goldstein(unit, strength)
    return filtered


@cache
def _table() -> Mapping[str, Any]:
    table: Mapping[str, Any] = json.loads(TABLE_FILE.read_text(encoding="utf-8"))
    return table


@cache
def noise_curves(phase_filter: PhaseFilter, looks: float) -> NoiseCurves:
    """Return the noise of the filtered phase against coherence, from the formulas and the table.

    Between strengths and (the logarithm of) looks the table is interpolated; beyond its ends they stay.

    Parameters
    ----------
    phase_filter : PhaseFilter
        One of an engine that the table has.
    looks : float
        Independent looks of a cell.
    """
    table = _table()
    figures = table["engines"][phase_filter.engine]
    strengths, log_looks = table["strength"], np.log(table["looks"])
    coherence = np.linspace(0, 1, _NODES)

    def curve(name: str) -> Floats:
        values = np.asarray(figures[name])
        at_strength = _between(strengths, values, phase_filter.strength)
        at_looks = _between(log_looks, at_strength, math.log(max(looks, 1.0)))
        return np.interp(coherence, table["coherence"], at_looks)

    cell = np.minimum(curve("gain") * phase_deviation(coherence, looks), UNIFORM)
    bend = float(np.interp(phase_filter.strength, strengths, figures["bend"]))
    return NoiseCurves(coherence, cell, cell * curve("interpolated"), cell * curve("change"), bend)


def _between(nodes: Any, values: Floats, at: float) -> Floats:
    """Interpolate linearly along the first axis, constant beyond the ends."""
    place = float(np.interp(at, nodes, np.arange(len(nodes))))
    first = min(int(place), len(nodes) - 2)
    return values[first] + (place - first) * (values[first + 1] - values[first])


def phase_sigma(
    interferogram: Interferogram, phase_filter: PhaseFilter, memory: int, threads: int = 1
) -> NDArray[np.float32]:
    """Return the standard deviation of the noise of the filtered phase, as it will be on the map, radians.

    Parameters
    ----------
    interferogram : Interferogram
        Its layers on the radar grid.
    phase_filter : PhaseFilter
        How its phase was filtered.
    memory : int
        Bytes for the working arrays, as far as one tile can.
    threads : int
        Which share the work at most; the result does not depend on their number.

    Returns
    -------
    ndarray
        Shape (lines, samples); NaN where there is no data. At most `UNIFORM`.
    """
    curves = noise_curves(phase_filter, interferogram.effective_looks)
    sigma = np.empty((interferogram.lines, interferogram.samples), np.float32)
    layers = [interferogram.layer(name) for name in ("coherence", "wrapped", "amplitude")]

    def fill(tile: tuple[_Span, _Span]) -> None:
        lines, samples = tile
        coherence, wrapped, amplitude = (layer.window(lines.outer, samples.outer) for layer in layers)
        size = _size(coherence, amplitude)
        found = sigma_of(wrapped, coherence, size, curves, interferogram.coherence_looks, phase_filter)
        sigma[lines.inner, samples.inner] = found[lines.inside, samples.inside]

    at_once = max(1, memory // (_BYTES * _LEAST_TILE))
    with ThreadPoolExecutor(min(threads, at_once)) as pool:
        for _ in pool.map(fill, _tiles(interferogram.lines, interferogram.samples, memory // at_once)):
            pass
    return sigma


def noise_facts(interferogram: Interferogram, phase_filter: PhaseFilter) -> dict[str, str]:
    """Tell what the noise follows from, as tags."""
    area = interferogram.range_spacing * interferogram.azimuth_spacing
    return {
        "effective_looks": f"{interferogram.effective_looks:.4g}",
        "coherence_looks": f"{interferogram.coherence_looks:.4g}",
        "look_area_m2": f"{area:.6g}",
        "filter_strength": f"{phase_filter.strength:g}",
    }


@dataclass(frozen=True)
class _Span:
    """Where a tile lies along one axis: what it is made from, and what of it counts."""

    outer: slice
    inner: slice

    @property
    def inside(self) -> slice:
        """What counts, from the start of the tile."""
        return slice(self.inner.start - self.outer.start, self.inner.stop - self.outer.start)


def _tiles(lines: int, samples: int, memory: int) -> Iterator[tuple[_Span, _Span]]:
    """Return the tiles that cover a grid, nearly square as far as it is: their margins are made in vain."""
    cells = memory // _BYTES
    width = min(samples + 2 * _MARGIN, max(1, math.isqrt(cells), cells // (lines + 2 * _MARGIN)))
    return itertools.product(_spans(lines, cells // width), _spans(samples, width))


def _spans(size: int, most: int) -> Iterator[_Span]:
    """Yield the spans that cover an axis, each with its margins no longer than asked, as far as that can be."""
    step = max(_STEP, (most - 2 * _MARGIN) // _STEP * _STEP)
    for first in range(0, size, step):
        last = min(first + step, size)
        yield _Span(slice(max(0, first - _MARGIN), min(size, last + _MARGIN)), slice(first, last))


def _size(coherence: Floats, amplitude: Floats) -> Floats:
    """Give amplitude of the interferogram: coherence times that of both images; without theirs, coherence alone."""
    product = amplitude[0] * amplitude[1]
    return coherence * np.where(np.isfinite(product), product, 1.0)


def sigma_of(
    wrapped: NDArray[np.complexfloating[Any, Any]],
    coherence: Floats,
    size: Floats,
    curves: NoiseCurves,
    coherence_looks: float,
    phase_filter: PhaseFilter,
) -> Floats:
    """Return the standard deviation of the noise of a filtered phase, as it will be on the map, radians.

    Parameters
    ----------
    wrapped : ndarray
        Filtered interferogram; NaN where there is no data. Shape (lines, samples).
    coherence : ndarray
        Sample coherence.
    size : ndarray
        Amplitude of the interferogram.
    curves : NoiseCurves
        At the looks of the interferogram.
    coherence_looks : float
        Independent samples of a coherence estimate.
    phase_filter : PhaseFilter
        How the phase was filtered.
    """
    data = np.isfinite(wrapped) & np.isfinite(coherence)
    true = unbiased_coherence(_mean(coherence, data, _COHERENCE_WINDOW), coherence_looks)
    cell, on_map, change = curves.at(true)
    variance = on_map**2
    if phase_filter.strength > 0:
        told = np.where(cell < _TELLING, change, np.nan)
        more = surplus(np.where(data, wrapped, np.nan), size, told, phase_filter)
        explained = np.maximum(change**2, np.finfo(float).tiny)
        left = np.minimum(more, explained)  # up to twice what is explained is noise, of which more was left
        variance += left / explained * on_map**2 + curves.bend**2 * (more - left)
    return np.where(data, np.minimum(np.sqrt(variance), UNIFORM), np.nan)


def surplus(
    wrapped: NDArray[np.complexfloating[Any, Any]], size: Floats, change: Floats, phase_filter: PhaseFilter
) -> Floats:
    """Mean square by which filtering a filtered phase once more changes it beyond what noise explains, rad^2.

    Parameters
    ----------
    wrapped : ndarray
        Filtered interferogram; NaN where there is no data. Shape (lines, samples).
    size : ndarray
        Amplitude of the interferogram.
    change : ndarray
        Root mean square of what noise explains, radians; NaN where filtering again tells nothing.
    phase_filter : PhaseFilter
        How the phase was filtered.

    Returns
    -------
    ndarray
        Mean over the patch around each cell, nearer edges of the data over less; 0 where noise explains all of it.
    """
    data = np.isfinite(wrapped)
    unit = np.nan_to_num(wrapped)
    again = filters()[phase_filter.engine](np.where(size > 0, size, 0) * unit, phase_filter.strength)
    changed = np.angle(again * np.conj(unit))
    more = changed**2 - np.square(change)
    return np.clip(np.nan_to_num(_mean_around(more, np.isfinite(more) & data, data)), 0, None)


def _mean_around(values: Floats, counted: NDArray[np.bool_], data: NDArray[np.bool_]) -> Floats:
    """Mean of those that count in a window around each cell, which shrinks toward edges of the data.

    At an edge a filter bends the phase most, and the less the farther in. A window of a whole patch that an edge
    cuts would tell of the inside. So it reaches half as far as the edge is, on both sides, and along the edge as
    far as ever, where the bending is the same and noise is averaged out. NaN where none counts.
    """
    reach = [np.clip(_to_edge(data, axis) // 2, _LEAST_REACH, _REACH) for axis in (0, 1)]
    near = np.nonzero(data & ((reach[0] < _REACH) | (reach[1] < _REACH)))
    shrunk = [
        (np.maximum(index - cells[near], 0), np.minimum(index + cells[near] + 1, size))
        for index, cells, size in zip(near, reach, data.shape, strict=True)
    ]
    number = _totals(counted, near, shrunk)
    mean = np.full(data.shape, np.nan)
    return np.divide(_totals(np.where(counted, values, 0), near, shrunk), number, out=mean, where=number > 0.5)


def _totals(values: NDArray[Any], near: tuple[Any, ...], shrunk: Sequence[tuple[Any, Any]]) -> Floats:
    """Return the sums over `_REACH` cells to each side, and at some cells from a line and sample up to others."""
    summed = np.zeros((values.shape[0] + 1, values.shape[1] + 1))
    np.cumsum(np.cumsum(values, axis=0, dtype=np.float64), axis=1, out=summed[1:, 1:])
    (top, bottom), (left, right) = shrunk
    within = summed[bottom, right] - summed[top, right] - summed[bottom, left] + summed[top, left]
    summed, side = np.pad(summed, _REACH, mode="edge"), 2 * _REACH + 1
    totals: Floats = summed[side:, side:] - summed[:-side, side:] - summed[side:, :-side] + summed[:-side, :-side]
    totals[near] = within
    return totals


def _mean(values: Floats, counted: NDArray[np.bool_], window: int) -> Floats:
    """Mean of those that count in a window around each cell; NaN where none does."""
    total = uniform_filter(np.where(counted, values, 0).astype(np.float64), window, mode="constant")
    share = uniform_filter(counted.astype(np.float64), window, mode="constant")
    some = share > 0.5 / window**2
    return np.divide(total, share, out=np.full(total.shape, np.nan), where=some)


def _to_edge(data: NDArray[np.bool_], axis: int) -> NDArray[np.int_]:
    """Give cells with data between each one and the nearest without, or the end, along an axis; -1 without data."""
    size = data.shape[axis]
    index = np.arange(size).reshape(np.roll((size, 1), axis))
    before = np.maximum.accumulate(np.where(data, -1, index), axis=axis)
    after = np.flip(np.minimum.accumulate(np.flip(np.where(data, size, index), axis), axis=axis), axis)
    nearest: NDArray[np.int_] = np.minimum(index - before, after - index) - 1
    return nearest
