"""What is refused before the archive is asked for scenes, and before gigabytes of them are fetched.

`plan_run` checks all of it again, and more, when the scenes are there: what is known earlier is refused earlier.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from dinsar_cli.catalog.pair_search import area_of
from dinsar_cli.catalog.scene_choice import ScenePlan
from dinsar_cli.config.model import LonLat
from dinsar_cli.config.request import Request
from dinsar_cli.engines.base import Engine
from dinsar_cli.geo.grid import Bounds, Grid
from dinsar_cli.maps.corrections.apply import check_corrections
from dinsar_cli.maps.zero.gnss import check_gnss
from dinsar_cli.maps.zero.reference import check_areas
from dinsar_cli.plan.catalog_plan import SPACING, bursts_of
from dinsar_cli.plan.frame import frame_of
from dinsar_cli.plan.plan import check_datum, check_on_map, dem_manager, orbit_manager
from dinsar_cli.sentinel1.scene import GranuleName

logger = logging.getLogger(__name__)

_EDGE: Final = 0.02
"""Share of a box by which its edges are not known before the scenes are there: what is less is not refused."""


def check_given(request: Request, cache: Path) -> None:
    """See that the files and places that a user gave suit the area.

    Parameters
    ----------
    request : Request
        With an area, whose scenes are to be searched.
    cache : Path

    Raises
    ------
    DinsarError
        When one of them cannot be read, or lies elsewhere.
    """
    config, roi = request.config, area_of(request)
    check_datum(config)
    if config.orbits.dir is not None:
        orbit_manager(config, cache).check()
    if config.dem.file is not None:
        dem_manager(config, cache).plan(_scaled(roi.bounds, 1 - _EDGE))
    wide = _grid(request, 1 + _EDGE)
    check_areas(config, wide)
    check_gnss(config, wide, None)
    if isinstance(config.reference_point, LonLat):
        check_on_map(config.reference_point, wide)


def check_choice(request: Request, chosen: ScenePlan, engine: Engine, cache: Path) -> None:
    """See that a user's orbits, DEM and delays serve the scenes that were chosen, before these are fetched.

    Parameters
    ----------
    request : Request
    chosen : ScenePlan
        With the records of the catalogue.
    engine : Engine
        That will make the interferogram.
    cache : Path

    Raises
    ------
    DinsarError
        When a date has no orbit file, the DEM lacks ground that is needed, or a correction cannot be made.
    """
    config, roi = request.config, area_of(request)
    dates = [[GranuleName.parse(scene.name) for scene in one] for one in (chosen.reference, chosen.secondary)]
    first, second = (min(name.start for name in names).isoformat() for names in dates)
    check_corrections(config, _grid(request, 1 - _EDGE), engine.name, (first, second))
    check_gnss(config, _grid(request, 1 + _EDGE), (first, second))
    for names in dates if config.orbits.dir is not None else ():
        start, stop = min(name.start for name in names), max(name.stop for name in names)
        if chosen.way == "bursts":  # these end before the scene
            start = stop = start + (stop - start) / 2
        orbit_manager(config, cache).plan(names[0].mission, start, stop)
    if config.dem.file is not None and chosen.choice is not None:
        bursts = bursts_of(chosen, chosen.choice.best, roi, config)
        if bursts.swaths:
            ground = engine.rough_ground(roi.bounds, bursts.ground.bounds, config)
            dem_manager(config, cache).plan(_scaled(ground.needed, 1 - _EDGE))


def _grid(request: Request, scale: float) -> Grid:
    """Return the map grid as far as it is known: of the area, made wider or narrower."""
    return frame_of(request.config, SPACING, _scaled(area_of(request).bounds, scale), request.grid).grid


def _scaled(bounds: Bounds, scale: float) -> Bounds:
    west, south, east, north = bounds
    across, along = (scale - 1) * (east - west) / 2, (scale - 1) * (north - south) / 2
    return west - across, south - along, east + across, north + along
