"""What a run will need, as far as it can be told before its scenes are there.

The bursts come from the catalogue of single bursts; where it has none, their number follows from the footprints.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shapely import box, union_all
from shapely.geometry.base import BaseGeometry as Geometry

from dinsar_cli.catalog.burst_plan import plan_bursts
from dinsar_cli.catalog.pair_choice import Candidate
from dinsar_cli.catalog.scene_choice import ScenePlan
from dinsar_cli.config.model import Looks, RunConfig
from dinsar_cli.config.request import Request
from dinsar_cli.engines.base import RoughInputs
from dinsar_cli.engines.find import find_engine
from dinsar_cli.geo.antimeridian import beside, middle_of
from dinsar_cli.geo.areas import surroundings
from dinsar_cli.geo.grid import Grid
from dinsar_cli.geo.roi import Roi
from dinsar_cli.managers.dem.plan import DemPlan
from dinsar_cli.plan.cost_forecast import HISTORY, Prediction, stage_setting, with_stages
from dinsar_cli.plan.frame import frame_of
from dinsar_cli.plan.plan import allowed_memory, allowed_threads, dem_manager
from dinsar_cli.plan.work import work_of

SPACING: Final = (3.7, 14.1)  # m on the ground, of a sample in mid swath and of a line
_SAMPLE_BYTES: Final = 4
_BURST: Final = (1500, 24000)  # lines and samples of a whole one
_BURST_KM2: Final = 1450.0  # of ground that no other burst sees
_KM2: Final = 111.32**2  # of a square degree at the equator


@dataclass(frozen=True)
class Bursts:
    """Bursts that a run will use.

    Attributes
    ----------
    source : str
        Where this is known from.
    swaths : dict of int
        Bursts of each subswath; empty when only their number is known.
    megasamples : tuple of float
        Samples of each of them, of one date.
    ground : shapely geometry
        That they cover, in degrees; longitudes run on where it reaches over 180.
    """

    source: str
    swaths: dict[str, int]
    megasamples: tuple[float, ...]
    ground: Geometry


@dataclass(frozen=True)
class Outlook:
    """What a run will need.

    Attributes
    ----------
    bursts : Bursts
    engine : str
        With the reason for it.
    looks : Looks
    cell : (float, float)
        Size of a look cell on the ground in range and azimuth, metres.
    grid : Grid
        Of the maps, of which the posting may still change a little.
    dem : DemPlan
    prediction : Prediction
    threads, memory : int
        Cores, and bytes to stay below.
    """

    bursts: Bursts
    engine: str
    looks: Looks
    cell: tuple[float, float]
    grid: Grid
    dem: DemPlan
    prediction: Prediction
    threads: int
    memory: int


def look_ahead(request: Request, plan: ScenePlan, cache: Path) -> Outlook:
    """Tell what the run of a chosen pair will need. Nothing is written.

    Parameters
    ----------
    request : Request
        With an area.
    plan : ScenePlan
        Chosen in the catalogue just now.
    cache : Path
        With what earlier runs have cost.

    Raises
    ------
    DinsarError
        When no engine works here, the DEM does not suit, or the catalogue does not answer.
    """
    config, roi = request.config, request.roi
    if plan.choice is None or roi is None:
        raise ValueError("the records of the catalogue and an area are needed")
    engine, reason = find_engine(config)
    bursts = bursts_of(plan, plan.choice.best, roi, config)
    ground = engine.rough_ground(roi.bounds, bursts.ground.bounds, config)
    dem = dem_manager(config, cache).plan(ground.used, ground.needed)
    frame = frame_of(config, SPACING, roi.bounds, request.grid)
    covered = roi.geometry.intersection(bursts.ground)
    work = work_of(bursts.megasamples, frame, dem, covered, roi.bounds if request.grid is None else None)
    around = box(*surroundings(roi.bounds, frame.cell[0] * frame.cell[1])).intersection(bursts.ground).area
    share = min(1.0, around / bursts.ground.area)
    threads, memory, history = allowed_threads(config), allowed_memory(config), cache / HISTORY
    estimate = engine.outlook(RoughInputs(work, share, config, threads, memory, history))
    setting = stage_setting(engine.name, threads, dem, config.checks)
    prediction = with_stages(estimate, work, setting, config.output.intermediates, history)
    return Outlook(
        bursts=bursts,
        engine=f"{engine.name}: {reason}",
        looks=frame.looks,
        cell=frame.cell,
        grid=frame.grid,
        dem=dem,
        prediction=prediction,
        threads=threads,
        memory=memory,
    )


def bursts_of(plan: ScenePlan, best: Candidate, roi: Roi, config: RunConfig) -> Bursts:
    """Return the bursts over the area that both dates have."""
    least = 2 if config.topsapp.do_esd else 1
    found = plan.bursts or plan_bursts(
        (best.reference, best.secondary), roi.geometry, best.polarization, least=least
    )
    if found.obstacle:
        return _from_footprints(best, roi)
    used = found.passes[0].bursts
    swaths: dict[str, int] = {}
    for burst in used:
        swaths[burst.swath] = swaths.get(burst.swath, 0) + 1
    sizes = tuple((burst.bytes or _BURST[0] * _BURST[1] * _SAMPLE_BYTES) / _SAMPLE_BYTES / 1e6 for burst in used)
    ground = beside(union_all([burst.footprint for burst in used]), middle_of(roi.bounds))
    return Bursts("the catalogue of bursts", swaths, sizes, ground)


def _from_footprints(best: Candidate, roi: Roi) -> Bursts:
    """As many as the area needs, and those about it."""
    middle = middle_of(roi.bounds)
    reference, secondary = (beside(one.footprint, middle) for one in (best.reference, best.secondary))
    common = reference.intersection(secondary)
    seen = common.intersection(roi.geometry)
    west, south, east, north = seen.bounds
    scale = math.cos(math.radians((south + north) / 2))
    high, wide = (north - south) * 111.32, (east - west) * 111.32 * scale
    down, across = math.ceil(high / 18.5) + 1, min(3, math.ceil(wide / 80) + 1)
    most = max(1, round(common.area * _KM2 * scale / _BURST_KM2))
    count = min(down * across, most)
    ground = seen.buffer(0.2).intersection(common)
    return Bursts("the footprints", {}, (_BURST[0] * _BURST[1] / 1e6,) * count, ground)
