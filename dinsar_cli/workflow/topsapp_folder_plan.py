"""What a map of a topsApp folder that somebody else ran will be made of, found out before anything is written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from shapely import MultiPoint, box
from shapely.geometry.base import BaseGeometry

from dinsar_cli.base.journal import PRODUCTS, RUN_FILE
from dinsar_cli.config.model import Looks, RunConfig
from dinsar_cli.config.request import Request, request_of
from dinsar_cli.engines.topsapp.results.finished_folder import FinishedRun, LooksError
from dinsar_cli.engines.topsapp.results.foreign_folder import TopsFolder, check_radar_layers, find_topsapp
from dinsar_cli.engines.topsapp.results.geocoded import GeocodedRun
from dinsar_cli.engines.topsapp.results.metadata import PairFacts, Stated, read_pair
from dinsar_cli.errors import EngineError, NoDataError, UsageError
from dinsar_cli.geo.antimeridian import near
from dinsar_cli.geo.grid import Grid
from dinsar_cli.geo.roi import Roi
from dinsar_cli.maps.corrections.apply import check_corrections
from dinsar_cli.maps.extent import check_like_stays
from dinsar_cli.maps.zero.gnss import check_gnss

ENGINE = "isce2"
_DEFAULT_OUTPUT = "displacement"
_LINES, _POINTS = 17, 200  # that tell what layers cover
GEOCODED = (
    "topsApp's own geocoding was used, the nearest look cell at each post of the DEM: positions are up to half a "
    "look cell off, and wrapped and unwrapped phase disagree by as much (on simulated pairs 0.23-0.26 mm root mean "
    "square from the truth, 0.16-0.23 mm from the radar layers)."
)
_ABSENT = {
    "wrapped_phase": "no wrapped phase (filt_topophase.flat.geo)",
    "coherence": "no coherence (topophase.cor.geo), so that the reference point was chosen without it",
    "connected_components": "no components (filt_topophase.unw.conncomp.geo): all phase counts as one, although "
    "parts of it may be wrong by whole half wavelengths (2.8 cm)",
    "los_vector": "no directions (los.rdr.geo), so no incidence angle and no vertical displacement",
    "elevation": "no heights (z.rdr.geo or dem.crop)",
    "amplitude": "no amplitude",
}


@dataclass(frozen=True)
class MapPlan:
    """What was found out before anything is written.

    Attributes
    ----------
    place : TopsFolder
        The folder.
    pair : PairFacts
        Dates, wavelength.
    output : Path
        Folder that gets ``products``, and ``radar`` if the radar layers are used.
    config : RunConfig
        Grid and reference point.
    roi : Roi or None
        Area that is asked for.
    looks : Looks or None
        Of the radar layers; of the geocoded ones only if they are told.
    geocoded : GeocodedRun or None
        The layers if only those on topsApp's map can be used; None: those on the radar grid are.
    warnings : tuple of str
        What the user should keep in mind.
    grid : Grid or None
        Map grid of a raster, if one is given.
    """

    place: TopsFolder
    pair: PairFacts
    output: Path
    config: RunConfig
    roi: Roi | None
    looks: Looks | None
    geocoded: GeocodedRun | None
    warnings: tuple[str, ...]
    grid: Grid | None = None


def plan_map(
    path: Path, output: Path | None, config: RunConfig, stated: Stated, looks: Looks | None = None
) -> MapPlan:
    """Check a topsApp folder and decide everything, without writing anything.

    Parameters
    ----------
    path : Path
        The folder in which topsApp ran, or its folder ``merged``.
    output : Path or None
        Folder for the products; None: ``displacement`` beside ``merged``.
    config : RunConfig
        Area, grid and reference point.
    stated : Stated
        What the user states of the pair.
    looks : Looks, optional
        Those of the folder; found from the sizes of its layers if not given.

    Raises
    ------
    UsageError
        When the folder is not of topsApp, or an option contradicts it.
    NoDataError
        When it cannot give a map.
    """
    place = find_topsapp(path)
    output = (output or place.folder / _DEFAULT_OUTPUT).absolute()
    _check_output(output, place)
    request = request_of(config)
    check_like_stays(config.grid.like, output / PRODUCTS)
    with as_missing_data():
        pair = read_pair(place.folder, stated)
        check_corrections(config, None, ENGINE, pair.dates)
        check_gnss(config, request.grid, pair.dates)
        try:
            found = check_radar_layers(place, looks, pair)
        except LooksError as error:
            remedy = (
                "Give those of the folder with --looks, or leave --looks away if the sizes of its layers tell them."
            )
            raise UsageError(error.problem, error.cause, remedy) from error
        except EngineError as error:
            return _plan_geocoded(place, pair, output, request, looks, error)
        if request.grid is not None:
            request.check_meets_grid(_ground(place, found, pair), "What topsApp made")
    return MapPlan(place, pair, output, config, request.roi, found, None, _radar_warnings(place), request.grid)


@contextmanager
def as_missing_data() -> Iterator[None]:
    """Turn errors of the engine into those of the data: it does not run here, only its files can be wrong."""
    try:
        yield
    except EngineError as error:
        raise NoDataError(error.problem, error.cause, error.remedy) from error


def _check_output(output: Path, place: TopsFolder) -> None:
    merged = place.merged.resolve()
    if merged in (output.resolve(), *output.resolve().parents):
        raise UsageError(
            f"The products cannot be written into {output}.",
            "That is in merged, where only topsApp's own files belong.",
            "Choose another folder with --output.",
        )
    if (output / RUN_FILE).exists():
        raise UsageError(
            f"The products cannot be written into {output}.",
            f"It is the folder of a run of dinsar (it has {RUN_FILE}), whose products would be lost.",
            "Choose another folder with --output.",
        )


def _plan_geocoded(
    place: TopsFolder, pair: PairFacts, output: Path, request: Request, looks: Looks | None, error: EngineError
) -> MapPlan:
    """Plan a map from what topsApp geocoded, because the layers on the radar grid cannot be used."""
    if not place.geocoded:
        remedy = "Run topsApp again from topo to unwrap, or its step geocode: its geocoded layers serve as well."
        raise NoDataError(error.problem, error.cause, remedy) from error
    geocoded, config, roi = GeocodedRun.open(place.merged), request.config, request.roi
    if config.corrections.ionosphere:
        geocoded.check_ionosphere()
    warnings = [GEOCODED]
    if place.unwrapped:
        warnings.append(f"The layers on the radar grid cannot be used: {error.problem} {error.cause}")
    absent = [text for name, text in _ABSENT.items() if name in geocoded.missing]
    warnings.append(f"Not in the folder: {'; '.join(absent)}.")
    # posting and system must suit before anything is written
    if request.grid is None:
        geocoded.grid(roi.bounds if roi else None, config.grid)
    request.check_meets_grid(box(*geocoded.lattice.bounds), "What topsApp geocoded")
    found = looks or pair.looks
    return MapPlan(place, pair, output, config, roi, found, geocoded, tuple(warnings), request.grid)


def _ground(place: TopsFolder, looks: Looks, pair: PairFacts) -> BaseGeometry:
    """Return about what the layers on the radar grid cover, degrees, by some of their lines."""
    run = FinishedRun.open(place.folder, looks, pair)
    with run.full("lon.rdr") as longitudes, run.full("lat.rdr") as latitudes:
        lines = sorted({round(share * (longitudes.length - 1)) for share in np.linspace(0, 1, _LINES)})
        lon, lat = (
            np.concatenate([file.read(1, line, line + 1)[0, :: max(1, file.width // _POINTS)] for line in lines])
            for file in (longitudes, latitudes)
        )
    known = np.isfinite(lon) & np.isfinite(lat) & ((lon != 0) | (lat != 0))
    lon, lat = lon[known].astype(np.float64) + (180.0 if run.turned else 0.0), lat[known]
    lon = near(lon, float(lon[0])) if lon.size else lon
    return MultiPoint(np.column_stack([lon, lat])).convex_hull


def _radar_warnings(place: TopsFolder) -> tuple[str, ...]:
    if (place.merged / "filt_topophase.unw.conncomp").is_file():
        return ()
    return (f"Not in the folder: {_ABSENT['connected_components'].replace('.geo)', ')')}.",)
