"""What a finished topsApp run left, as the interferogram that every engine hands over."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.base.files import write_text
from dinsar_cli.base.memory import bounded_raster_cache
from dinsar_cli.config.model import Looks
from dinsar_cli.engines.topsapp.results.finished_folder import FinishedRun
from dinsar_cli.engines.topsapp.results.half_turn import HALF_TURN
from dinsar_cli.engines.topsapp.results.layers import (
    WITHOUT_UNWRAPPING,
    Files,
    create_layers,
    write_ionosphere,
    write_unwrapped,
)
from dinsar_cli.engines.topsapp.results.metadata import PairFacts
from dinsar_cli.engines.topsapp.results.swaths import BurstInterferograms, seams, steered
from dinsar_cli.errors import EngineError
from dinsar_cli.radar.geometry import geodetic_to_cartesian, perpendicular_baseline, zero_doppler
from dinsar_cli.radar.interferogram import DESCRIPTION_FILE, IONOSPHERE, Interferogram, RadarFile
from dinsar_cli.radar.squint import LookCells, write_squint

Floats = NDArray[np.floating[Any]]

_MEMORY = 64_000_000  # bytes; more is not faster
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
    early: Files | None = None,
    unseen: NDArray[np.bool_] | None = None,
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
    early : mapping, optional
        The layers, of which all that need no unwrapped phase are made, see `EarlyLayers`.
    unseen : ndarray of bool, optional
        Look cells that are not unwrapped, whatever the unwrapper has put there.
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
    strips = functools.partial(run.strips, memory // threads)
    with bounded_raster_cache(), ThreadPoolExecutor(threads) as pool:
        layers = early or create_layers(run, target)
        parts = () if early else WITHOUT_UNWRAPPING
        for part in [pool.submit(part, run, layers, strips) for part in parts]:
            part.result()
        write_unwrapped(run, layers, strips, unseen)
        extra = RadarFile(target, IONOSPHERE, run.lines, run.samples)
        extra.path.unlink(missing_ok=True)  # of an earlier run
        if ionosphere:
            write_ionosphere(run, layers, extra, strips)
    result = _describe(run, target, layers, starts, versions or {"ISCE2": run.isce_version()})
    if pair is not None:
        earlier, later = pair.dates
        baseline = pair.baseline if math.isnan(result.perpendicular_baseline) else result.perpendicular_baseline
        result = replace(result, reference_date=earlier, secondary_date=later, perpendicular_baseline=baseline)
    write_text(target / DESCRIPTION_FILE, json.dumps(result.to_dict(), indent=2) + "\n")
    return result


def _describe(
    run: FinishedRun,
    target: Path,
    layers: Mapping[str, RadarFile],
    starts: tuple[datetime, datetime],
    versions: Mapping[str, str],
) -> Interferogram:
    burst, looks = run.middle_burst, run.looks
    burst_seams, swath_seams = seams(run.merged_swaths, looks, later_on_top=run.later_on_top)
    middle = _middle(layers, turned=run.turned)
    line_spacing, cells = _line_spacing(run, middle), LookCells(0, 0, looks.azimuth, looks.range)
    bursts = steered(run.merged_swaths, later_on_top=run.later_on_top)
    write_squint(layers["squint"], bursts, cells, burst.wavelength, line_spacing / burst.line_interval)
    ground_range = burst.range_spacing / math.sin(middle.incidence)
    single = BurstInterferograms(
        run.folder / "fine_interferogram", run.merged_swaths, looks, (line_spacing, ground_range), run.backwards
    )
    burst_overlaps, swath_overlaps = single.overlaps()
    return Interferogram(
        folder=target,
        lines=run.lines,
        samples=run.samples,
        looks=(looks.range, looks.azimuth),
        effective_looks=looks.range * looks.azimuth * burst.independent_share,
        coherence_looks=coherence_window() * burst.independent_share,
        wavelength=burst.wavelength,
        reference_date=starts[0].isoformat(),
        secondary_date=starts[1].isoformat(),
        burst_seams=burst_seams,
        swath_seams=swath_seams,
        perpendicular_baseline=_baseline(run, middle),
        range_spacing=looks.range * ground_range,
        azimuth_spacing=looks.azimuth * line_spacing,
        versions=dict(versions),
        burst_overlaps=burst_overlaps,
        swath_overlaps=swath_overlaps,
    )


@dataclass(frozen=True)
class _Middle:
    """The known look cell nearest to the middle of the scene: metres on topsApp's Earth, and radians."""

    point: Floats
    incidence: float


def _middle(layers: Mapping[str, RadarFile], *, turned: bool) -> _Middle:
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
    longitude = lon[cell] - (HALF_TURN if turned else 0.0)
    point = geodetic_to_cartesian(longitude, lat[cell], np.asarray(height[cell], float))
    return _Middle(point, math.acos(float(los[2, cell])))


def _baseline(run: FinishedRun, middle: _Middle) -> float:
    """Return perpendicular baseline, with the earlier date as reference.

    Times count from the first line of each date.

    NaN where the orbit of a date is gone.
    """
    if not all(run.in_order):
        return math.nan
    bursts = [swaths[len(swaths) // 2].bursts[0] for swaths in run.in_order]
    earlier, later = (burst.orbit(burst.start) for burst in bursts)
    return perpendicular_baseline(earlier, later, middle.point, 0.0)[0]


def _line_spacing(run: FinishedRun, middle: _Middle) -> float:
    """Return the distance of lines on the ground: the satellite's way in a line interval, scaled down by the radii.

    Equation 4.26 of [1]_.

    References
    ----------
    .. [1] Cumming and Wong (2005), "Digital Processing of Synthetic Aperture Radar Data".
    """
    burst = run.middle_burst
    orbit = burst.orbit(burst.start)
    time, _ = zero_doppler(orbit, middle.point, 0.0)
    position, velocity, _ = orbit.state(time)
    scale = np.linalg.norm(middle.point) / np.linalg.norm(position)
    return float(np.linalg.norm(velocity) * scale * burst.line_interval)


def coherence_window() -> float:
    """Return samples of equal weight that a coherence estimate of ISCE2 is worth.

    (sum w)^2 / sum w^2 of its triangles.

    The looks that topsApp takes afterwards average estimates: they reduce their spread but not their bias.
    """
    half = _COHERENCE_BOX // 2
    weights = [1 - abs(2 * offset / (_COHERENCE_BOX + 1)) for offset in range(-half, half + 1)]
    return (sum(weights) ** 2 / sum(weight**2 for weight in weights)) ** 2
