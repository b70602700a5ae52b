"""What a run decides before it starts: everything is checked here, and nothing is written."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import psutil
from shapely import Point

from dinsar_cli.base.memory import memory_limit
from dinsar_cli.config.model import LonLat, Looks, RunConfig
from dinsar_cli.config.request import Request
from dinsar_cli.engines.base import Engine, EngineInputs, Ground, SceneInputs, StepChoice, Work
from dinsar_cli.engines.find import find_engine
from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.geo.grid import Grid
from dinsar_cli.geo.heights.relief import Relief, read_relief
from dinsar_cli.geo.roi import Roi
from dinsar_cli.managers.aux_cal import check_aux_cal
from dinsar_cli.managers.dem.manager import DemManager
from dinsar_cli.managers.dem.plan import DemPlan
from dinsar_cli.managers.orbits.manager import OrbitChoice, OrbitManager
from dinsar_cli.managers.slc import SlcManager, SlcPlan, missing_images
from dinsar_cli.maps.corrections.apply import mid_times
from dinsar_cli.maps.zero.gnss import check_gnss
from dinsar_cli.plan.frame import frame_of
from dinsar_cli.plan.grid_cautions import grid_cautions
from dinsar_cli.plan.science_warnings import Circumstances, before
from dinsar_cli.plan.work import work_of
from dinsar_cli.radar.pair_geometry import PairGeometry, pair_geometry
from dinsar_cli.sentinel1.acquisition import ground_of
from dinsar_cli.sentinel1.annotated_orbit import annotated_orbit, annotated_relief
from dinsar_cli.sentinel1.orbit_file import OrbitFile
from dinsar_cli.sentinel1.scene import Scene

_LEAST_COVERAGE = 0.999
_DEGREE_M = 111_320.0  # a degree of latitude
_NEAR = 0.002  # degrees by which the corners of a burst may be off


@dataclass(frozen=True)
class RunPlan:
    """Everything that is decided before work starts; making it writes nothing.

    Attributes
    ----------
    config : RunConfig
        What is asked for.
    roi : Roi or None
        Its region of interest.
    slc, orbits, dem
        Plans of the managers.
    ground : Ground
        Of which the engine uses heights.
    engine : Engine
        Engine to use.
    looks : Looks
        In range and azimuth.
    cell : (float, float)
        Size of a look cell on the ground in range and azimuth, metres.
    grid : Grid
        Map grid.
    threads, memory : int
        Cores, and bytes to stay below.
    orbit_files : (OrbitFile, OrbitFile)
        From which the geometry comes.
    geometry : PairGeometry
        How the pair sees the area.
    relief : Relief
        Of the area, as the DEM has it.
    work : Work
        How much there is to do.
    preliminary : bool
        Whether state vectors and relief are those of the annotation, because orbit files or DEM have yet to be
        fetched.
    notes : tuple of str
        What the user is told.
    other_warnings : tuple of str
        What the user should keep in mind, beside what follows from geometry and relief.
    """

    config: RunConfig
    roi: Roi | None
    slc: SlcPlan
    orbits: tuple[OrbitChoice, OrbitChoice]
    dem: DemPlan
    ground: Ground
    engine: Engine
    looks: Looks
    cell: tuple[float, float]
    grid: Grid
    threads: int
    memory: int
    orbit_files: tuple[OrbitFile, OrbitFile]
    geometry: PairGeometry
    relief: Relief
    work: Work
    preliminary: bool = False
    notes: tuple[str, ...] = ()
    other_warnings: tuple[str, ...] = ()

    @property
    def science_warnings(self) -> tuple[str, ...]:
        """What the user should keep in mind of the pair, its geometry and the relief, the gravest first."""
        _, south, _, north = self.slc.bounds
        circumstances = Circumstances(
            pair=self.slc.pair,
            geometry=self.geometry,
            relief=self.relief,
            latitude=max(south, north, key=abs),
            orbit_kinds=tuple(choice.kind for choice in self.orbits),
            range_bandwidth=min(burst.reference.subswath.range_bandwidth for burst in self.slc.bursts),
            esd=self.config.topsapp.do_esd,
            water_stays=self.config.mask.water == "none",
            orbit_files=self.orbit_files,
        )
        return tuple(before(circumstances))

    @property
    def warnings(self) -> tuple[str, ...]:
        """All that the user should keep in mind."""
        found = [*self.science_warnings, *self.other_warnings]
        if self.slc.coverage < _LEAST_COVERAGE:
            found.append(f"The scenes cover {self.slc.coverage:.1%} of the area; the rest of the map stays empty.")
        return tuple(found)


def plan_run(
    request: Request, cache: Path, engine: Engine | None = None, opened: Mapping[Path, Scene] | None = None
) -> RunPlan:
    """Check all inputs and decide everything, without writing anything.

    Parameters
    ----------
    request : Request
        What is asked for.
    cache : Path
        Folder for prepared DEMs.
    engine : Engine, optional
        One that is not going to be run, so that nobody asks whether it works here; None: the configuration's.
    opened : mapping of Path to Scene, optional
        Products that somebody has opened.

    Raises
    ------
    DinsarError
        When the inputs cannot give a map.
    """
    config, roi = request.config, request.roi
    _require(config)
    slc = _plan_scenes(request, opened or {})
    pair = slc.pair
    engine, reason = (engine, "its files are written") if engine else find_engine(config, pair)
    engine.check_options(config, slc.bursts)
    auxiliary = check_aux_cal(pair, config.topsapp.auxiliary_data_directory, isce2=engine.name == "isce2")
    bounds = roi.bounds if roi else slc.bounds
    frame = frame_of(config, _sample_spacing(slc), bounds, request.grid)
    _check_size(slc.bounds, frame.cell)
    _check_reference_point(config, frame.grid, slc)
    gnss = check_gnss(config, frame.grid, mid_times(slc.bursts), partial(_sees, slc))
    notes = [f"engine {engine.name}: {reason}", *gnss]
    manager = orbit_manager(config, cache)
    orbits = tuple(manager.plan(one.mission, one.start, one.stop) for one in (pair.reference, pair.secondary))
    local = None if any(choice.url for choice in orbits) else tuple(manager.fetch(choice) for choice in orbits)
    scene = scene_inputs(config, slc, frame.looks, local)
    ground = engine.ground(scene)
    dem = dem_manager(config, cache).plan(ground.used, ground.needed)
    notes += [f"orbit {choice.summary}" for choice in orbits if choice.url]
    notes += [f"DEM: {dem.summary}"] if config.dem.file is None else []
    preliminary = dem.at_hand is None or local is None
    if preliminary or local is None:
        relief, files = Relief(*scene.heights, None), (scene.reference_orbit, scene.secondary_orbit)
    else:
        relief, files = read_relief(given(dem.at_hand), slc.bounds), (local[0], local[1])
    geometry = pair_geometry(pair, slc.bursts, files, relief.middle)
    warnings = [*engine.cautions(pair), *filter(None, [auxiliary]), *dem.warnings, *grid_cautions(frame.grid)]
    missing = missing_images(slc)
    if missing:
        warnings.append(f"Images of bursts in use are not there, and a run will be refused: {', '.join(missing)}.")
    return RunPlan(
        config=config,
        roi=roi,
        slc=slc,
        orbits=(orbits[0], orbits[1]),
        dem=dem,
        ground=ground,
        engine=engine,
        looks=frame.looks,
        cell=frame.cell,
        grid=frame.grid,
        threads=allowed_threads(config),
        memory=allowed_memory(config),
        orbit_files=files,
        geometry=geometry,
        relief=relief,
        work=work_of(_megasamples(slc), frame, dem, slc.area, bounds if request.grid is None else None),
        preliminary=preliminary,
        notes=tuple(notes),
        other_warnings=tuple(warnings),
    )


def scene_inputs(config: RunConfig, slc: SlcPlan, looks: Looks, files: Sequence[OrbitFile] | None) -> SceneInputs:
    """Gather what an engine is told before there is a DEM: orbits and heights are those of the annotation.

    So the DEM that is asked for is the same before and after orbits are there. Files count where an annotation
    lacks state vectors.
    """
    try:
        reference, secondary = (
            annotated_orbit(one, slc.pair.polarization) for one in (slc.pair.reference, slc.pair.secondary)
        )
    except NoDataError:
        if files is None:
            raise
        reference, secondary = files
    relief = annotated_relief(slc.pair.reference, slc.pair.polarization)
    return SceneInputs(
        pair=slc.pair,
        bursts=slc.bursts,
        bounds=slc.bounds,
        reference_orbit=reference,
        secondary_orbit=secondary,
        config=config,
        looks=looks,
        heights=(relief.low, relief.high),
    )


def completed(plan: RunPlan, files: tuple[OrbitFile, OrbitFile], dem: Path) -> RunPlan:
    """Complete a preliminary plan with orbits and ground as they are, now that the files are there.

    Parameters
    ----------
    plan : RunPlan
    files : (OrbitFile, OrbitFile)
        Orbits of both dates.
    dem : Path
        The prepared DEM.
    """
    relief = read_relief(dem, plan.slc.bounds)
    geometry = pair_geometry(plan.slc.pair, plan.slc.bursts, files, relief.middle)
    return replace(plan, orbit_files=files, geometry=geometry, relief=relief, preliminary=False)


def orbit_manager(config: RunConfig, cache: Path) -> OrbitManager:
    """Make the manager of the orbit files that a configuration asks for."""
    return OrbitManager(config.orbits.dir, cache, config.orbits.kind)


def dem_manager(config: RunConfig, cache: Path) -> DemManager:
    """Make the manager of the DEM that a configuration asks for."""
    return DemManager(config.dem.file, config.dem.datum, config.dem.buffer, cache, config.dem.source)


def engine_inputs(
    plan: RunPlan,
    dem: Path,
    choice: StepChoice | None = None,
    history: Path | None = None,
    water: Path | None = None,
) -> EngineInputs:
    """Gather what the engine works on.

    Parameters
    ----------
    plan : RunPlan
        The run.
    dem : Path
        The prepared DEM.
    choice : StepChoice, optional
        Part of the work to do; all of it if not given.
    history : Path, optional
        File with what the steps of earlier runs have cost.
    water : Path, optional
        Kinds of ground on the pixels of the DEM.
    """
    reference, secondary = plan.orbit_files
    return EngineInputs(
        pair=plan.slc.pair,
        bursts=plan.slc.bursts,
        bounds=plan.slc.bounds,
        reference_orbit=reference,
        secondary_orbit=secondary,
        dem=dem,
        config=plan.config,
        looks=plan.looks,
        threads=plan.threads,
        memory=plan.memory,
        work=plan.work,
        heights=(plan.relief.low, plan.relief.high),
        water=water,
        choice=choice or StepChoice(),
        history=history,
    )


def _require(config: RunConfig) -> None:
    """Refuse a configuration that lacks a required input."""
    if not config.slc.files:
        raise UsageError(
            "Not given: slc.files (--slc), nor dates to find scenes of.",
            "A run needs two Sentinel-1 products: local ones, or an area and dates for which the archive has some. "
            "Orbits and DEM come from the archives unless they are given.",
            "dinsar run --slc A.zip --slc B.zip, or dinsar run --roi 'W S E N' --start DATE --end DATE",
        )
    check_datum(config)


def check_datum(config: RunConfig) -> None:
    """Refuse a datum without the file whose heights it tells of.

    Raises
    ------
    UsageError
    """
    if config.dem.datum is not None and config.dem.file is None:
        raise UsageError(
            f"dem.datum is {config.dem.datum}, but dem.file is not given.",
            "It says what the heights of a file of yours refer to; those of the archives are known.",
            "Give the file with --dem, or leave --dem-datum out.",
        )


def _plan_scenes(request: Request, opened: Mapping[Path, Scene]) -> SlcPlan:
    """Choose the bursts of the area, some of which must lie on the grid that is given."""
    files, roi, wanted = SlcManager(request.config.slc.files, opened), request.roi, request.config.polarization
    try:
        plan = files.plan(roi.geometry if roi else None, wanted)
    except NoDataError:
        if request.grid is not None and request.config.roi is None:  # the area is the ground of the grid
            request.check_meets_grid(files.plan(None, wanted).area, "What both dates see")
        raise
    request.check_meets_grid(plan.area, "What both dates see of the area" if roi else "What both dates see")
    return plan


def given(path: Path | None) -> Path:
    """Return the path of an input that `plan_run` has made sure of."""
    if path is None:
        raise ValueError("a required path is missing")
    return path


def _sample_spacing(slc: SlcPlan) -> tuple[float, float]:
    """Mean spacing of single-look samples and lines on the ground, metres."""
    subswaths = [burst.reference.subswath for burst in slc.bursts]
    ground = [s.range_spacing / math.sin(math.radians(s.incidence_mid_swath)) for s in subswaths]
    return sum(ground) / len(ground), sum(s.azimuth_spacing for s in subswaths) / len(subswaths)


def _megasamples(slc: SlcPlan) -> list[float]:
    """Return the samples of each burst in use, of one date."""
    swaths = [burst.reference.subswath for burst in slc.bursts]
    return [swath.lines_per_burst * swath.samples / 1e6 for swath in swaths]


def _check_size(bounds: tuple[float, float, float, float], cell: tuple[float, float]) -> None:
    """Refuse an area of which less than a look cell lies in the scenes."""
    west, south, east, north = bounds
    width = (east - west) * _DEGREE_M * math.cos(math.radians((south + north) / 2))
    height = (north - south) * _DEGREE_M
    if min(width, height) < max(cell):
        raise UsageError(
            "The area is smaller than a look cell.",
            f"What the scenes see of it is {width:.1f} m x {height:.1f} m; a look cell is {cell[0]:.1f} m x "
            f"{cell[1]:.1f} m and lies askew: both sides of the area must be at least {max(cell):.1f} m.",
            "Choose a larger area or fewer looks (--looks, --resolution).",
        )


def _check_reference_point(config: RunConfig, grid: Grid, slc: SlcPlan) -> None:
    """Refuse a reference point outside the map, or that no burst sees, now and not after the interferogram."""
    point = config.reference_point
    if isinstance(point, str):
        return
    check_on_map(point, grid)
    if not _sees(slc, point.lon, point.lat):
        ground = ground_of(slc.bursts, point.lon)
        raise NoDataError(
            f"The reference point {point} lies where no burst sees the ground.",
            f"It is on the map, but outside of the bursts in use, whose ground spans "
            f"{' '.join(f'{value:.4f}' for value in ground.bounds)} and is tilted (west south east north).",
            "Choose a point that both dates see, or --reference-point auto.",
        )


def _sees(slc: SlcPlan, lon: float, lat: float) -> bool:
    """Tell whether a burst in use sees a place, degrees."""
    return bool(ground_of(slc.bursts, lon).intersects(Point(lon, lat).buffer(_NEAR)))


def check_on_map(point: LonLat, grid: Grid) -> None:
    """Refuse a reference point outside the map.

    Raises
    ------
    NoDataError
    """
    if not grid.holds(*grid.index(point.lon, point.lat)):
        raise NoDataError(
            f"The reference point {point} lies outside the map.",
            f"The map spans {' '.join(f'{value:.6g}' for value in grid.bounds)} in {grid.title} "
            "(west south east north).",
            "Choose a point on coherent ground inside, in the order LON,LAT, or --reference-point auto.",
        )


def allowed_threads(config: RunConfig) -> int:
    """Return the cores that a run may use."""
    if config.compute.threads != "auto":
        return config.compute.threads
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def allowed_memory(config: RunConfig) -> int:
    """Return the bytes of memory that a run stays below."""
    if config.compute.memory != "auto":
        return config.compute.memory
    total = psutil.virtual_memory().total
    return int(min(total, memory_limit() or total) * 0.8)
