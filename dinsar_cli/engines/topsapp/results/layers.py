"""The layers of every engine, written from the files that topsApp left.

Everything goes by blocks of lines, from files to files. Geometry comes from the full-resolution layers: the mean
over a look cell is the position, and the direction, of its centre. topsApp's own looks on ``los.rdr`` average
angles, so it is only used where the full resolution is gone.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.config.model import Looks
from dinsar_cli.engines.topsapp.results.finished_folder import FinishedRun
from dinsar_cli.engines.topsapp.results.half_turn import HALF_TURN
from dinsar_cli.engines.topsapp.results.isce_file import IsceFile
from dinsar_cli.engines.topsapp.results.names import date_names
from dinsar_cli.errors import EngineError
from dinsar_cli.geo.antimeridian import near
from dinsar_cli.radar.interferogram import LAYERS, RadarFile

Array = NDArray[Any]
Floats = NDArray[np.floating[Any]]

Files: TypeAlias = Mapping[str, RadarFile]
Strips: TypeAlias = Callable[[], Iterator[tuple[int, int]]]
"""Gives first and last look line of each block to work on."""

logger = logging.getLogger(__name__)

_CONGRUENT = 0.1  # rad by which an unwrapped phase may miss the wrapped one before it is corrected
_MOST_INCONGRUENT = 0.01  # share of the look cells
_FILTERED = "filt_topophase.flat"


def create_layers(run: FinishedRun, target: Path) -> Files:
    """Return the files for all layers, without content."""
    layers = {name: RadarFile(target, layer, run.lines, run.samples) for name, layer in LAYERS.items()}
    for layer in layers.values():
        layer.create()
    return layers


def cell_mean(values: Array, looks: Looks) -> Array:
    """Mean over look cells.

    Parameters
    ----------
    values : ndarray
        Shape (lines x azimuth looks, samples); samples beyond the last whole cell are not used.

    Returns
    -------
    ndarray
        Shape (lines, samples // range looks); NaN where a sample is.
    """
    lines, cells = len(values) // looks.azimuth, values.shape[1] // looks.range
    rows = values.reshape(lines, looks.azimuth, values.shape[1]).sum(axis=1)[:, : cells * looks.range]
    total = np.zeros((lines, cells), values.dtype)
    for look in range(looks.range):
        total += rows[:, look :: looks.range]
    return total / (looks.range * looks.azimuth)


def los_from_angles(incidence: Floats, azimuth: Floats) -> Floats:
    """Give unit vector from the ground to the satellite in east, north, up, from the bands of ISCE2's ``los.rdr``.

    Parameters
    ----------
    incidence : ndarray
        From the normal of the ellipsoid, degrees.
    azimuth : ndarray
        Of the direction to the satellite, from north, anticlockwise, degrees. Both bands 0: unknown.

    Returns
    -------
    ndarray
        Shape (3, ...); NaN where unknown.
    """
    known = (incidence != 0) | (azimuth != 0)
    inc, az = np.radians(np.where(known, incidence, np.nan)), np.radians(azimuth)
    sine = np.sin(inc)
    return np.stack([-sine * np.sin(az), sine * np.cos(az), np.cos(inc)])


def congruent(unwrapped: Floats, wrapped: Floats) -> tuple[Floats, Floats]:
    """Return the unwrapped phase that differs from the wrapped one by whole cycles exactly.

    Parameters
    ----------
    unwrapped, wrapped : ndarray
        Radians.

    Returns
    -------
    phase : ndarray
        ``wrapped + 2 pi k`` with the k that is nearest to `unwrapped`.
    correction : ndarray
        By how much it differs from `unwrapped`, radians.
    """
    phase = wrapped + 2 * np.pi * np.round((unwrapped - wrapped) / (2 * np.pi))
    return phase, phase - unwrapped


def write_interferogram(run: FinishedRun, layers: Files, strips: Strips) -> None:
    """Return the wrapped phase and coherence."""
    filtered, correlation = run.merged(_FILTERED), run.merged("topophase.cor")
    for first, last in strips():
        wave = unit_phasor(filtered.read(1, first, last), backwards=run.backwards)
        coherence = np.clip(correlation.read(2, first, last), 0, 1)
        layers["wrapped"].write(first, wave)
        layers["coherence"].write(first, np.where(np.isfinite(wave), coherence, np.nan))


def write_unwrapped(run: FinishedRun, layers: Files, strips: Strips, unseen: Array | None = None) -> None:
    """Return the unwrapped phase and components, where there is a wrapped phase, which is written before.

    Cells that show no ground have none.
    """
    unwrapped, labels = run.merged("filt_topophase.unw"), run.components
    cells = incongruent = 0
    for first, last in strips():
        wave, raw = layers["wrapped"].read(first, last), unwrapped.read(2, first, last).astype(float)
        known = np.isfinite(wave) & np.isfinite(raw) & (raw != 0)
        if unseen is not None:
            known &= ~unseen[first:last]
        phase, correction = congruent(-raw if run.backwards else raw, np.angle(wave).astype(float))
        cells += int(known.sum())
        incongruent += int((np.abs(correction[known]) > _CONGRUENT).sum())
        layers["unwrapped"].write(first, np.where(known, phase, np.nan))
        layers["components"].write(first, np.where(known, labels.read(1, first, last) if labels else 1, 0))
    if not cells:
        raise EngineError(
            f"{unwrapped.path} is empty.",
            "No look cell has an unwrapped phase.",
            "Look at the log of the step unwrap, and run topsApp again from filter.",
        )
    if incongruent > _MOST_INCONGRUENT * cells:
        raise EngineError(
            f"{unwrapped.path} is not the unwrapped phase of {_FILTERED}.",
            f"{incongruent / cells:.0%} of the look cells do not differ from it by a multiple of 2 pi.",
            "They are of different runs: run topsApp again from filter.",
        )


def write_ionosphere(run: FinishedRun, layers: Files, target: RadarFile, strips: Strips) -> None:
    """Return the phase of the ionosphere where there is an interferogram."""
    source = run.merged("topophase.ion")
    target.create()
    for first, last in strips():
        phase = source.read(1, first, last)
        known = np.isfinite(layers["wrapped"].read(first, last))
        target.write(first, np.where(known, -phase if run.backwards else phase, np.nan))


def unit_phasor(wave: Array, *, backwards: bool) -> Array:
    """Complex numbers of size one with the phase of an interferogram, or with minus it; NaN where there is none."""
    size = np.abs(wave)
    unit = np.divide(wave, size, out=np.full_like(wave, np.nan), where=np.isfinite(size) & (size > 0))
    return unit.conj() if backwards else unit


def write_geometry(run: FinishedRun, layers: Files, strips: Strips) -> None:
    """Return the position of the look-cell centres; longitudes run on where the scene reaches over 180 degrees."""
    middle = math.nan
    with ExitStack() as stack:
        files = [stack.enter_context(run.full(name)) for name in ("lat.rdr", "lon.rdr", "z.rdr")]
        for first, last in strips():
            latitude, longitude, height = (_full_block(file, 1, first, last, run.looks) for file in files)
            unknown = (latitude == 0) & (longitude == 0)  # no burst reaches there
            if math.isnan(middle) and not unknown.all():
                middle = float(longitude[~unknown][0])
            longitude = near(longitude, middle) + (HALF_TURN if run.turned else 0.0)
            for name, values in (("latitude", latitude), ("longitude", longitude), ("height", height)):
                values[unknown] = np.nan
                layers[name].write(first, cell_mean(values, run.looks))


def write_los(run: FinishedRun, layers: Files, strips: Strips) -> None:
    """Give the directions to the satellite: mean vectors of the look cells, or the vectors of their mean angles."""
    try:
        _write_los_from(run.full("los.rdr"), run.looks, layers["los"], strips)
    except EngineError as error:
        logger.info("los.rdr with looks is used: %s", error.problem)
        _write_los_from(run.merged("los.rdr"), Looks(1, 1), layers["los"], strips)


def _write_los_from(file: IsceFile, looks: Looks, layer: RadarFile, strips: Strips) -> None:
    with file:
        for first, last in strips():
            vectors = los_from_angles(*(_full_block(file, band, first, last, looks) for band in (1, 2)))
            mean = np.stack([cell_mean(part, looks) for part in vectors])
            layer.write(first, mean / np.linalg.norm(mean, axis=0))


def write_amplitude(run: FinishedRun, layers: Files, strips: Strips) -> None:
    """Return the root mean square amplitude of both dates, the earlier one first; NaN where the images are gone."""
    names = [f"{name}.slc" for name in date_names(run.folder)]
    if run.backwards:
        names.reverse()
    layer = layers["amplitude"]
    try:
        with ExitStack() as stack:
            files = [stack.enter_context(run.full(name)) for name in names]
            for first, last in strips():
                images = (_full_block(file, 1, first, last, run.looks) for file in files)
                layer.write(first, np.stack([_rms(image, run.looks) for image in images]))
    except EngineError as error:
        logger.warning("There is no amplitude: %s %s", error.problem, error.cause)
        for first, last in strips():
            layer.write(first, np.full((2, last - first, run.samples), np.nan, np.float32))


def _full_block(file: IsceFile, band: int, first: int, last: int, looks: Looks) -> Array:
    """Return the lines of a layer of the full resolution that make some look lines."""
    return file.read(band, first * looks.azimuth, last * looks.azimuth)


def _rms(image: Array, looks: Looks) -> Floats:
    power = cell_mean(image.real**2 + image.imag**2, looks)
    return np.sqrt(np.where(power > 0, power, np.nan))


WITHOUT_UNWRAPPING = (write_amplitude, write_geometry, write_interferogram, write_los)
"""What writes the layers that do not need the unwrapped phase; the slowest first."""
