"""How much there is to do in a run."""

from __future__ import annotations

from collections.abc import Sequence

from shapely import box
from shapely.geometry.base import BaseGeometry

from dinsar_cli.engines.base import Work
from dinsar_cli.geo.antimeridian import beside, middle_of
from dinsar_cli.geo.grid import Bounds
from dinsar_cli.geo.grid_file import ground_of_grid
from dinsar_cli.managers.dem.plan import DemPlan
from dinsar_cli.plan.frame import MapFrame


def work_of(
    megasamples: Sequence[float], frame: MapFrame, dem: DemPlan, covered: BaseGeometry, bounds: Bounds | None
) -> Work:
    """Tell how much there is to do, for an engine that works on whole bursts.

    Parameters
    ----------
    megasamples : sequence of float
        Samples of each burst in use, of one date.
    frame : MapFrame
        Of the map.
    dem : DemPlan
        What is made of the ground's heights.
    covered : shapely geometry
        What the bursts see of the area, degrees.
    bounds : (float, float, float, float) or None
        West, south, east, north of the map, degrees; None: it is as large as its grid, whatever the area.
    """
    looks, cells = frame.looks, frame.grid.width * frame.grid.height / 1e6
    if bounds is None:
        ground = ground_of_grid(frame.grid)
        share = beside(covered, middle_of(ground.bounds)).intersection(ground).area / ground.area
    else:
        share = covered.area / box(*bounds).area
    return Work(
        samples=sum(megasamples),
        bursts=len(megasamples),
        largest=max(megasamples),
        cells=sum(megasamples) / (looks.range * looks.azimuth),
        ground=cells * share,
        map=cells,
        dem=dem.width * dem.height / 1e6,
    )
