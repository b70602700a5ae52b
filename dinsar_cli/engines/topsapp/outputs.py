"""What a finished topsApp run left, as the interferogram that every engine hands over.

Everything goes by blocks of lines, from files to files. Geometry comes from the full-resolution layers: the mean
over a look cell is the position, and the direction, of its centre. topsApp's own looks on ``los.rdr`` average
angles, so it is only used where the full resolution is gone.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dinsar_cli.config import Looks
from dinsar_cli.engines.topsapp.finished import FinishedRun, date_names
from dinsar_cli.engines.topsapp.iscefile import IsceFile
from dinsar_cli.engines.topsapp.swaths import seams, steered
from dinsar_cli.errors import EngineError
from dinsar_cli.geometry import geodetic_to_cartesian, perpendicular_baseline, zero_doppler
from dinsar_cli.memory import bounded_raster_cache
from dinsar_cli.radar import DESCRIPTION_FILE, IONOSPHERE, LAYERS, Interferogram, RadarFile
from dinsar_cli.squint import LookCells, write_squint
from dinsar_cli.workspace import write_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dinsar_cli.engines.topsapp.metadata import PairFacts

    Array = NDArray[Any]
    Floats = NDArray[np.floating[Any]]

logger = logging.getLogger(__name__)

_MEMORY = 64_000_000  # bytes; more is not faster
_CONGRUENT = 0.1  # rad by which an unwrapped phase may miss the wrapped one before it is corrected
_MOST_INCONGRUENT = 0.01  # share of the look cells
_COHERENCE_BOX = 5  # samples on a side of ISCE2's coherence window (mroipac.correlation, its default)


def collect(
    folder: Path,
    target: Path,
    *,
    looks: Looks | None = None,
    dates: tuple[datetime, datetime] | None = None,
    versions: Mapping[str, str] | None = None,
    pair: PairFacts | None = None,
    ionosphere: bool = False,
    threads: int = 2,
    memory: int = _MEMORY,
) -> Interferogram:
    """Turn the outputs of topsApp into the layers and the description that every engine hands over.

    Parameters
    ----------
    folder : Path
        Where topsApp ran, up to ``unwrap``.
    target : Path
        Folder for the layers; made if need be.
    looks : Looks, optional
        Those that the run must have; found from the sizes of its layers if not given.
    dates : (datetime, datetime), optional
        Sensing starts of the two scenes, for the description; those of the bursts if not given.
    versions : dict, optional
        Software that made it; that of the layers' headers if not given.
    pair : PairFacts, optional
        Given for a run that somebody else configured: what is known of its dates, where the descriptions of the
        subswaths may be missing. Its unwrapper may not have told components: all that it unwrapped is then one.
    ionosphere : bool
        Whether its phase of the ionosphere is wanted too.
    threads : int
        Layers that are worked on at a time.
    memory : int
        Bytes for the working arrays.

    Raises
    ------
    EngineError
        When something is missing or damaged, of another pair, or the unwrapped phase is not of the filtered one.
    """
    run = FinishedRun.open(folder, looks, pair)
    starts = run.starts
    if dates is not None:
        starts = min(dates), max(dates)
        run.check_dates(starts)
    target.mkdir(parents=True, exist_ok=True)
    layers = {name: RadarFile(target, layer, run.lines, run.samples) for name, layer in LAYERS.items()}
    for layer in layers.values():
        layer.create()
    with bounded_raster_cache(), ThreadPoolExecutor(threads) as pool:
        written = [_write_amplitude, _write_geometry, _write_phase, _write_los]  # the slowest first
        parts = [pool.submit(part, run, layers, memory // threads) for part in written]
        for part in parts:
            part.result()
        extra = RadarFile(target, IONOSPHERE, run.lines, run.samples)
        extra.path.unlink(missing_ok=True)  # of an earlier run
        if ionosphere:
            _write_ionosphere(run, layers, extra, memory)
    result = _describe(run, target, layers, starts, versions or {"ISCE2": run.isce_version()})
    if pair is not None:
        earlier, later = pair.dates
        baseline = pair.baseline if math.isnan(result.perpendicular_baseline) else result.perpendicular_baseline
        result = replace(result, reference_date=earlier, secondary_date=later, perpendicular_baseline=baseline)
    write_text(target / DESCRIPTION_FILE, json.dumps(result.to_dict(), indent=2) + "\n")
    return result


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
    import numpy as np

    lines, cells = len(values) // looks.azimuth, values.shape[1] // looks.range
    rows = values.reshape(lines, looks.azimuth, values.shape[1]).sum(axis=1)[:, : cells * looks.range]
    total = np.zeros((lines, cells), values.dtype)
    for look in range(looks.range):
        total += rows[:, look :: looks.range]
    return total / (looks.range * looks.azimuth)


def los_from_angles(incidence: Floats, azimuth: Floats) -> Floats:
    """Unit vector from the ground to the satellite in east, north, up, from the bands of ISCE2's ``los.rdr``.

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
    import numpy as np

    known = (incidence != 0) | (azimuth != 0)
    inc, az = np.radians(np.where(known, incidence, np.nan)), np.radians(azimuth)
    sine = np.sin(inc)
    return np.stack([-sine * np.sin(az), sine * np.cos(az), np.cos(inc)])


def congruent(unwrapped: Floats, wrapped: Floats) -> tuple[Floats, Floats]:
    """Unwrapped phase that differs from the wrapped one by whole cycles exactly.

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
    import numpy as np

    phase = wrapped + 2 * np.pi * np.round((unwrapped - wrapped) / (2 * np.pi))
    return phase, phase - unwrapped


def _write_phase(run: FinishedRun, layers: Mapping[str, RadarFile], memory: int) -> None:
    """Wrapped and unwrapped phase, coherence and components."""
    import numpy as np

    names = ("filt_topophase.flat", "filt_topophase.unw", "topophase.cor")
    filtered, unwrapped, correlation = (run.merged(name) for name in names)
    labels = run.components
    cells = incongruent = 0
    for first, last in run.strips(memory):
        wave = unit_phasor(filtered.read(1, first, last), backwards=run.backwards)
        data = np.isfinite(wave)
        raw = unwrapped.read(2, first, last).astype(float)
        known = data & np.isfinite(raw) & (raw != 0)
        phase, correction = congruent(-raw if run.backwards else raw, np.angle(wave).astype(float))
        cells += int(known.sum())
        incongruent += int((np.abs(correction[known]) > _CONGRUENT).sum())
        layers["wrapped"].write(first, wave)
        layers["unwrapped"].write(first, np.where(known, phase, np.nan))
        coherence = np.clip(correlation.read(2, first, last), 0, 1)
        layers["coherence"].write(first, np.where(data, coherence, np.nan))
        layers["components"].write(first, np.where(known, labels.read(1, first, last) if labels else 1, 0))
    if not cells:
        raise EngineError(
            f"{unwrapped.path} is empty.",
            "No look cell has an unwrapped phase.",
            "Look at the log of the step unwrap, and run topsApp again from filter.",
        )
    if incongruent > _MOST_INCONGRUENT * cells:
        raise EngineError(
            f"{unwrapped.path} is not the unwrapped phase of {filtered.path.name}.",
            f"{incongruent / cells:.0%} of the look cells do not differ from it by a multiple of 2 pi.",
            "They are of different runs: run topsApp again from filter.",
        )


def _write_ionosphere(run: FinishedRun, layers: Mapping[str, RadarFile], target: RadarFile, memory: int) -> None:
    """Phase of the ionosphere where there is an interferogram."""
    import numpy as np

    source = run.merged("topophase.ion")
    target.create()
    for first, last in run.strips(memory):
        phase = source.read(1, first, last)
        known = np.isfinite(layers["wrapped"].read(first, last))
        target.write(first, np.where(known, -phase if run.backwards else phase, np.nan))


def unit_phasor(wave: Array, *, backwards: bool) -> Array:
    """Complex numbers of size one with the phase of an interferogram, or with minus it; NaN where there is none."""
    import numpy as np

    size = np.abs(wave)
    unit = np.divide(wave, size, out=np.full_like(wave, np.nan), where=np.isfinite(size) & (size > 0))
    return unit.conj() if backwards else unit


def _write_geometry(run: FinishedRun, layers: Mapping[str, RadarFile], memory: int) -> None:
    """Position of the look-cell centres."""
    import numpy as np

    with ExitStack() as stack:
        files = [stack.enter_context(run.full(name)) for name in ("lat.rdr", "lon.rdr", "z.rdr")]
        for first, last in run.strips(memory):
            latitude, longitude, height = (_full_block(file, 1, first, last, run.looks) for file in files)
            unknown = (latitude == 0) & (longitude == 0)  # no burst reaches there
            for name, values in (("latitude", latitude), ("longitude", longitude), ("height", height)):
                values[unknown] = np.nan
                layers[name].write(first, cell_mean(values, run.looks))


def _write_los(run: FinishedRun, layers: Mapping[str, RadarFile], memory: int) -> None:
    """Directions to the satellite: mean vectors of the look cells, or the vectors of their mean angles."""
    try:
        _write_los_from(run, run.full("los.rdr"), run.looks, layers["los"], memory)
    except EngineError as error:
        logger.info("los.rdr with looks is used: %s", error.problem)
        _write_los_from(run, run.merged("los.rdr"), Looks(1, 1), layers["los"], memory)


def _write_los_from(run: FinishedRun, file: IsceFile, looks: Looks, layer: RadarFile, memory: int) -> None:
    import numpy as np

    with file:
        for first, last in run.strips(memory):
            vectors = los_from_angles(*(_full_block(file, band, first, last, looks) for band in (1, 2)))
            mean = np.stack([cell_mean(part, looks) for part in vectors])
            layer.write(first, mean / np.linalg.norm(mean, axis=0))


def _write_amplitude(run: FinishedRun, layers: Mapping[str, RadarFile], memory: int) -> None:
    """Root mean square amplitude of both dates, the earlier one first; NaN where the images are gone."""
    import numpy as np

    names = [f"{name}.slc" for name in date_names(run.folder)]
    if run.backwards:
        names.reverse()
    layer = layers["amplitude"]
    try:
        with ExitStack() as stack:
            files = [stack.enter_context(run.full(name)) for name in names]
            for first, last in run.strips(memory):
                images = (_full_block(file, 1, first, last, run.looks) for file in files)
                layer.write(first, np.stack([_rms(image, run.looks) for image in images]))
    except EngineError as error:
        logger.warning("There is no amplitude: %s %s", error.problem, error.cause)
        for first, last in run.strips(memory):
            layer.write(first, np.full((2, last - first, run.samples), np.nan, np.float32))


def _full_block(file: IsceFile, band: int, first: int, last: int, looks: Looks) -> Array:
    """Lines of a layer of the full resolution that make some look lines."""
    return file.read(band, first * looks.azimuth, last * looks.azimuth)


def _rms(image: Array, looks: Looks) -> Floats:
    import numpy as np

    power = cell_mean(image.real**2 + image.imag**2, looks)
    return np.sqrt(np.where(power > 0, power, np.nan))


def _describe(
    run: FinishedRun,
    target: Path,
    layers: Mapping[str, RadarFile],
    starts: tuple[datetime, datetime],
    versions: Mapping[str, str],
) -> Interferogram:
    burst, looks = run.middle_burst, run.looks
    burst_seams, swath_seams = seams(run.merged_swaths, looks, later_on_top=run.later_on_top)
    middle = _middle(layers)
    line_spacing, cells = _line_spacing(run, middle), LookCells(0, 0, looks.azimuth, looks.range)
    bursts = steered(run.merged_swaths, later_on_top=run.later_on_top)
    write_squint(layers["squint"], bursts, cells, burst.wavelength, line_spacing / burst.line_interval)
    return Interferogram(
        folder=target,
        lines=run.lines,
        samples=run.samples,
        looks=(looks.range, looks.azimuth),
        effective_looks=looks.range * looks.azimuth * burst.independent_share,
        coherence_looks=_coherence_window() * burst.independent_share,
        wavelength=burst.wavelength,
        reference_date=starts[0].isoformat(),
        secondary_date=starts[1].isoformat(),
        burst_seams=burst_seams,
        swath_seams=swath_seams,
        perpendicular_baseline=_baseline(run, middle),
        range_spacing=looks.range * burst.range_spacing / math.sin(middle.incidence),
        azimuth_spacing=looks.azimuth * line_spacing,
        versions=dict(versions),
    )


@dataclass(frozen=True)
class _Middle:
    """The known look cell nearest to the middle of the scene: Earth-fixed metres, and radians."""

    point: Floats
    incidence: float


def _middle(layers: Mapping[str, RadarFile]) -> _Middle:
    import numpy as np

    names = ("longitude", "latitude", "height", "los")
    line = layers["longitude"].lines // 2
    lon, lat, height, los = (layers[name].read(line, line + 1)[..., 0, :] for name in names)
    known = np.flatnonzero(np.isfinite(lon) & np.isfinite(los[2]))
    if not known.size:
        raise EngineError(
            "The outputs of topsApp have no position in the middle of the scene.",
            "lat.rdr, lon.rdr or los.rdr is empty there: topsApp did not finish topo or mergebursts.",
            "Run topsApp again from topo.",
        )
    cell = known[known.size // 2]
    point = geodetic_to_cartesian(lon[cell], lat[cell], np.asarray(height[cell], float))
    return _Middle(point, math.acos(float(los[2, cell])))


def _baseline(run: FinishedRun, middle: _Middle) -> float:
    """Perpendicular baseline, with the earlier date as reference; times count from the first line of each date.

    NaN where the orbit of a date is gone.
    """
    if not all(run.in_order):
        return math.nan
    bursts = [swaths[len(swaths) // 2].bursts[0] for swaths in run.in_order]
    earlier, later = (burst.orbit(burst.start) for burst in bursts)
    return perpendicular_baseline(earlier, later, middle.point, 0.0)[0]


def _line_spacing(run: FinishedRun, middle: _Middle) -> float:
    """Distance of lines on the ground: the satellite's way in a line interval, scaled down by the radii.

    Cumming and Wong (2005), "Digital Processing of Synthetic Aperture Radar Data", equation 4.26.
    """
    import numpy as np

    burst = run.middle_burst
    orbit = burst.orbit(burst.start)
    time, _ = zero_doppler(orbit, middle.point, 0.0)
    position, velocity, _ = orbit.state(time)
    scale = np.linalg.norm(middle.point) / np.linalg.norm(position)
    return float(np.linalg.norm(velocity) * scale * burst.line_interval)


def _coherence_window() -> float:
    """Samples of equal weight that a coherence estimate of ISCE2 is worth: (sum w)^2 / sum w^2 of its triangles.

    The looks that topsApp takes afterwards average estimates: they reduce their spread but not their bias.
    """
    half = _COHERENCE_BOX // 2
    weights = [1 - abs(2 * offset / (_COHERENCE_BOX + 1)) for offset in range(-half, half + 1)]
    return (sum(weights) ** 2 / sum(weight**2 for weight in weights)) ** 2
