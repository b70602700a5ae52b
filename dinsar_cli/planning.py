"""What a run decides before it starts: everything is checked here, and nothing is written."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dinsar_cli.engines import find_engine
from dinsar_cli.engines.base import EngineInputs
from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.grid import grid_for, posting_for_looks
from dinsar_cli.managers.dem import DemManager
from dinsar_cli.managers.orbit import OrbitManager
from dinsar_cli.managers.slc import SlcManager
from dinsar_cli.roi import parse_roi
from dinsar_cli.stages import looks_for

if TYPE_CHECKING:
    from dinsar_cli.config import Looks, RunConfig
    from dinsar_cli.engines.base import Engine
    from dinsar_cli.grid import Grid
    from dinsar_cli.managers.dem import DemPlan
    from dinsar_cli.managers.orbit import OrbitChoice
    from dinsar_cli.managers.slc import SlcPlan

_LEAST_COVERAGE = 0.999
_DEGREE_M = 111_320.0  # a degree of latitude


@dataclass(frozen=True)
class RunPlan:
    """Everything that is decided before work starts; making it writes nothing.

    Attributes
    ----------
    slc, orbits, dem
        Plans of the managers.
    engine : Engine
        Engine to use.
    looks : Looks
        In range and azimuth.
    grid : Grid
        Map grid.
    threads, memory : int
        Cores, and bytes to stay below.
    """

    config: RunConfig
    slc: SlcPlan
    orbits: tuple[OrbitChoice, OrbitChoice]
    dem: DemPlan
    engine: Engine
    looks: Looks
    grid: Grid
    threads: int
    memory: int
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def plan_run(config: RunConfig, cache: Path) -> RunPlan:
    """Check all inputs and decide everything, without writing anything.

    Parameters
    ----------
    config : RunConfig
        What is asked for.
    cache : Path
        Folder for prepared DEMs.

    Raises
    ------
    DinsarError
        When the inputs cannot give a map.
    """
    _require(config)
    engine, reason = find_engine(config)
    roi = parse_roi(config.roi) if config.roi else None
    slc = SlcManager(config.slc.files).plan(roi.geometry if roi else None, config.polarization)
    pair = slc.pair
    orbit_manager = OrbitManager(given(config.orbits.dir))
    orbits = tuple(orbit_manager.plan(one.mission, one.start, one.stop) for one in (pair.reference, pair.secondary))
    dem_manager = DemManager(given(config.dem.file), config.dem.datum, config.dem.buffer, cache)
    dem = dem_manager.plan(slc.burst_bounds)
    spacing = _sample_spacing(slc)
    looks = looks_for(config, *spacing)
    cell = (spacing[0] * looks.range, spacing[1] * looks.azimuth)
    posting = config.grid.posting or posting_for_looks(*cell, config.grid.crs)
    _check_size(slc.bounds, cell)
    grid = grid_for(roi.bounds if roi else slc.bounds, config.grid.crs, posting)
    _check_reference_point(config, grid)
    notes = [f"engine {engine.name}: {reason}"]
    warnings = list(dem.warnings)
    if slc.coverage < _LEAST_COVERAGE:
        warnings.append(f"The scenes cover {slc.coverage:.1%} of the area; the rest of the map stays empty.")
    warnings += [
        f"{choice.path.name} is a {choice.kind} orbit: less accurate than POEORB, expect a slight ramp."
        for choice in orbits
        if choice.kind != "POEORB"
    ]
    return RunPlan(
        config,
        slc,
        (orbits[0], orbits[1]),
        dem,
        engine,
        looks,
        grid,
        _threads(config),
        _memory(config),
        tuple(notes),
        tuple(warnings),
    )


def engine_inputs(plan: RunPlan, dem: Path) -> EngineInputs:
    """Gather what the engine works on.

    Parameters
    ----------
    plan : RunPlan
        The run.
    dem : Path
        The prepared DEM.
    """
    manager = OrbitManager(given(plan.config.orbits.dir))
    reference, secondary = (manager.fetch(choice) for choice in plan.orbits)
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
    )


def _require(config: RunConfig) -> None:
    """Refuse a configuration that lacks a required input."""
    required = {"slc.files (--slc)": config.slc.files, "orbits.dir (--orbits)": config.orbits.dir}
    required["dem.file (--dem)"] = config.dem.file
    missing = [key for key, value in required.items() if not value]
    if missing:
        raise UsageError(
            f"Not given: {', '.join(missing)}.",
            "A run needs two Sentinel-1 products, the orbit files of both dates and a DEM.",
            "dinsar run --slc A.zip --slc B.zip --orbits FOLDER --dem FILE --dem-datum ellipsoid",
        )


def given(path: Path | None) -> Path:
    """Path of an input that `plan_run` has made sure of."""
    if path is None:
        raise ValueError("a required path is missing")
    return path


def _sample_spacing(slc: SlcPlan) -> tuple[float, float]:
    """Mean spacing of single-look samples and lines on the ground, metres."""
    subswaths = [burst.reference.subswath for burst in slc.bursts]
    ground = [s.range_spacing / math.sin(math.radians(s.incidence_mid_swath)) for s in subswaths]
    return sum(ground) / len(ground), sum(s.azimuth_spacing for s in subswaths) / len(subswaths)


def _check_size(bounds: tuple[float, float, float, float], cell: tuple[float, float]) -> None:
    """Refuse an area of which less than a look cell lies in the scenes."""
    west, south, east, north = bounds
    width = (east - west) * _DEGREE_M * math.cos(math.radians((south + north) / 2))
    height = (north - south) * _DEGREE_M
    if min(width, height) < max(cell):
        raise UsageError(
            "The area is smaller than a look cell.",
            f"What the scenes see of it is {width:.0f} m x {height:.0f} m; "
            f"a look cell is {cell[0]:.0f} m x {cell[1]:.0f} m.",
            "Choose a larger area or fewer looks (--looks, --resolution).",
        )


def _check_reference_point(config: RunConfig, grid: Grid) -> None:
    """Refuse a reference point outside the map now, not after the interferogram."""
    point = config.reference_point
    if isinstance(point, str):
        return
    row, column = grid.index(point.lon, point.lat)
    if not (0 <= row < grid.height and 0 <= column < grid.width):
        raise NoDataError(
            f"The reference point {point} lies outside the map.",
            f"The map spans {' '.join(f'{value:.6g}' for value in grid.bounds)} in {grid.crs} "
            "(west south east north).",
            "Choose a point on coherent ground inside, in the order LON,LAT, or --reference-point auto.",
        )


def _threads(config: RunConfig) -> int:
    if config.compute.threads != "auto":
        return config.compute.threads
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _memory(config: RunConfig) -> int:
    import psutil

    if config.compute.memory != "auto":
        return config.compute.memory
    return int(psutil.virtual_memory().total * 0.8)
