"""The ionosphere by the split-spectrum method: what of the phase goes with another power of the frequency."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from dinsar_cli.base.files import write_text
from dinsar_cli.base.user_files import read_json
from dinsar_cli.engines.eos import steps
from dinsar_cli.engines.eos.interferogram import Nodes, StripWorker, split_in_range
from dinsar_cli.engines.eos.setup import IONOSPHERE_FILE, Setup
from dinsar_cli.engines.eos.slc.mosaic import Window
from dinsar_cli.errors import NoDataError
from dinsar_cli.radar.interferogram import IONOSPHERE, LAYERS, RadarLayer
from dinsar_cli.sentinel1.subswath import SPEED_OF_LIGHT

Floats = NDArray[np.floating[Any]]

SUB_BANDS = RadarLayer(
    "sub_bands",
    "complex64",
    ("low", "high"),
    "DN^2",
    "unfiltered interferograms of the lowest and the highest third of the range spectrum, mean of the look cell",
)
SPLIT_FILE = "split.json"

_SHARE = 0.2  # of the looks that an outer third of the spectrum has: it is weighted down there
_BLOCK = 500.0  # m of ground: means over which the phase of the ionosphere is told
_NOISE = 0.1  # rad that may be left in it: 0.4 mm
_LEAST_REACH = 2000.0  # m over which it is smoothed: C band sees nothing of the ionosphere that is smaller
_WIDER = 1.4  # each time that the noise is more
_MOST_COHERENCE = 0.98
_PROBE_LINES = 64


def band_distance(worker: StripWorker) -> float:
    """Return how far the lowest third of the range spectrum is from the highest one in an interferogram, Hz.

    It is told of a part of a burst: resampling takes off some of the highest frequencies.
    """
    whole = worker.look_grid.window
    tile, part = max(
        ((tile, tile.use.intersection(whole)) for tile in worker.mosaic.tiles),
        key=lambda one: 0 if one[1].empty else one[1].shape[0] * one[1].shape[1],
    )
    looks = worker.look_grid.looks.azimuth, worker.look_grid.looks.range
    lines, samples = (
        max(1, min(most, size) // unit) * unit
        for most, size, unit in zip((_PROBE_LINES, part.shape[1]), part.shape, looks, strict=True)
    )
    top = part.top + max(0, part.shape[0] - lines) // 2
    probe = Window(top, top + lines, part.left, part.left + samples)
    nodes = Nodes.of(probe, looks, worker.parts)
    seen = worker.locate(nodes).seen
    slcs = worker.reference_samples(tile, probe), worker.aligned_samples(tile, probe, nodes, seen)
    first, second = (split_in_range(slc, tile.burst.reference.subswath) for slc in slcs)
    return first.apart(second)


def save_split(path: Path, distance: float) -> None:
    """Write the distance of the sub-bands."""
    write_text(path, json.dumps({"distance_hz": distance}) + "\n")


@dataclass(frozen=True)
class SplitSpectrum:
    """What the phase of the ionosphere is told from, on the look grid.

    Attributes
    ----------
    unwrapped : ndarray
        Phase of the whole spectrum, rad; NaN where it is not known, or its cycles are not those of most of it.
    sub_bands : ndarray
        Interferograms of the lowest and the highest third of the spectrum; shape (2, lines, samples).
    coherence : ndarray
    looks : float
        Independent looks of a cell.
    carrier, distance : float
        Frequency of the radar, and from the middle of one third to that of the other, Hz.
    spacing : (float, float)
        Of look lines and samples on the ground, metres.
    """

    unwrapped: Floats
    sub_bands: NDArray[np.complex64]
    coherence: Floats
    looks: float
    carrier: float
    distance: float
    spacing: tuple[float, float]

    def ionosphere(self) -> tuple[NDArray[np.float32], float]:
        """Return the phase of the ionosphere, radians, but for a constant, smooth and everywhere; and its noise.

        Of the phase ``n + i`` the part n goes with the frequency and the ionosphere i with its inverse, so that the
        thirds of the spectrum differ by ``(n - i) distance / carrier`` [1]_ [2]_. That multiplies noise by 80: it
        is told of blocks of ground, and smoothed by planes around each, over as much as leaves 0.1 rad.

        References
        ----------
        .. [1] Gomba, Parizzi, De Zan, Eineder and Bamler (2016), "Toward operational compensation of ionospheric
           effects in SAR interferograms: the split-spectrum method", IEEE TGRS 54(3).
        .. [2] Liang, Agram, Simons and Fielding (2019), "Ionospheric correction of InSAR time series analysis of
           C-band Sentinel-1 TOPS data", IEEE TGRS 57(9).

        Raises
        ------
        NoDataError
            When nothing tells it.
        """
        told, variance = self._blocks()
        good = np.isfinite(told) & np.isfinite(variance) & (variance > 0)
        if not good.any():
            raise NoDataError(
                "The ionosphere cannot be told.",
                "No part of the scene has both coherence and an unwrapped phase.",
                "Leave corrections.ionosphere out, or choose other dates.",
            )
        trust = np.where(good, 1 / np.where(good, variance, 1), 0)
        size = [cell * metres for cell, metres in zip(self._cells, self.spacing, strict=True)]
        reach, widest = _LEAST_REACH, 2 * max(np.multiply(size, trust.shape))
        while True:
            smooth, noise = smoothed(np.where(good, told, 0), trust, (reach / size[0], reach / size[1]))
            if reach > widest or noise <= _NOISE:
                break
            reach *= _WIDER
        places = [
            (np.arange(length) + 0.5) / cell - 0.5
            for length, cell in zip(self.unwrapped.shape, self._cells, strict=True)
        ]
        where = np.meshgrid(*places, indexing="ij")
        return np.asarray(map_coordinates(smooth, where, order=1, mode="nearest"), np.float32), noise

    @property
    def _cells(self) -> tuple[int, int]:
        """Look lines and samples of a block."""
        lines, samples = (max(1, round(_BLOCK / metres)) for metres in self.spacing)
        return lines, samples

    def _blocks(self) -> tuple[Floats, Floats]:
        """Return the phase of the ionosphere of each block, and its variance; not finite where it is not known."""
        cells = self._cells
        known = np.isfinite(self.unwrapped) & (self.sub_bands != 0).all(axis=0)
        short = [(0, -length % cell) for length, cell in zip(known.shape, cells, strict=True)]

        def total(values: NDArray[Any]) -> NDArray[Any]:
            return steps.multilook(np.pad(np.where(known, values, 0), short), *cells)

        turn = steps.phasor(-np.where(known, self.unwrapped, 0.0).astype(np.float64))
        low, high = (total(band * turn) for band in self.sub_bands)
        weight = abs(self.sub_bands).sum(axis=0)
        gain = self.carrier / (2 * self.distance)
        with np.errstate(invalid="ignore", divide="ignore"):
            count = total(known.astype(float))
            phase = total(weight * np.where(known, self.unwrapped, 0)) / total(weight)
            coherence = np.minimum(total(np.nan_to_num(self.coherence)) / count, _MOST_COHERENCE)
            told = phase / 2 - gain * np.angle(high * np.conj(low))
            variance = gain**2 * (1 - coherence**2) / (coherence**2 * count * self.looks * _SHARE)
        return told, variance


def smoothed(values: Floats, trust: Floats, reach: tuple[float, float]) -> tuple[NDArray[np.float64], float]:
    """Return the planes that fit values best around each cell, there: a slope is kept up to the edges.

    Local linear regression [1]_ with Gaussian weights.

    Parameters
    ----------
    values, trust : ndarray
        And the inverse of their variance, zero where nothing is known; shape (lines, samples).
    reach : (float, float)
        Standard deviation of the Gaussian, cells.

    Returns
    -------
    fitted : ndarray
        Shape (lines, samples).
    noise : float
        Standard deviation of it, root mean square over the cells that are known.

    References
    ----------
    .. [1] Fan and Gijbels (1996), "Local polynomial modelling and its applications", Chapman and Hall.
    """
    axes = [np.arange(size) / width for size, width in zip(values.shape, reach, strict=True)]
    y, x = np.meshgrid(*(axis - axis.mean() for axis in axes), indexing="ij")
    terms = (np.ones_like(x), x, y)

    def moments(width: float) -> NDArray[np.float64]:
        return np.stack([np.stack([_around(trust * a * b, reach, width) for b in terms], -1) for a in terms], -1)

    matrix = moments(1.0)
    matrix += 1e-9 * np.trace(matrix, axis1=-2, axis2=-1).max() * np.eye(3)
    right = np.stack([_around(trust * a * values, reach, 1.0) for a in terms], -1)
    weights = np.linalg.solve(matrix, np.stack(terms, -1)[..., None])
    fitted = (right[..., None] * weights).sum(axis=(-2, -1))
    # the square of a Gaussian is one of 0.7 of its width
    spread = (weights * (moments(math.sqrt(0.5)) @ weights)).sum(axis=(-2, -1)) / (
        4 * math.pi * reach[0] * reach[1]
    )
    known = trust > 0
    return fitted, math.sqrt(float(spread[known].mean())) if known.any() else 0.0


def _around(field: Floats, reach: tuple[float, float], width: float) -> NDArray[np.float64]:
    """Return Gaussian means of a field, zero beyond its edges."""
    sizes = [width * one for one in reach]
    found: NDArray[np.float64] = gaussian_filter(field.astype(np.float64), sizes, mode="constant", truncate=5)
    return found


def write_ionosphere(setup: Setup) -> list[Path]:
    """Write the phase of the ionosphere, where there is an interferogram that is unwrapped, and its noise."""
    unwrapped, components, coherence, wrapped = (
        setup.file(LAYERS[name]).read() for name in ("unwrapped", "components", "coherence", "wrapped")
    )
    subswath = setup.mosaic.tiles[0].burst.reference.subswath
    found, noise = SplitSpectrum(
        np.where(components == 1, unwrapped, np.nan),
        setup.file(SUB_BANDS).read(),
        coherence,
        setup.effective_looks,
        SPEED_OF_LIGHT / subswath.wavelength,
        read_json(setup.folder / SPLIT_FILE)["distance_hz"],
        setup.cell_size,
    ).ionosphere()
    layer = setup.file(IONOSPHERE)
    layer.create()
    layer.write(0, np.where(np.isfinite(wrapped), found, np.nan))
    told = setup.folder / IONOSPHERE_FILE
    write_text(told, json.dumps({"noise_rad": noise}) + "\n")
    return [layer.path, told]
