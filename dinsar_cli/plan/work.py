"""How much there is to do in a run."""

from __future__ import annotations

from collections.abc import Sequence

from shapely import box

from dinsar_cli.engines.base import Work
from dinsar_cli.geo.grid import Bounds
from dinsar_cli.managers.dem.plan import DemPlan
from dinsar_cli.plan.frame import MapFrame


def work_of(megasamples: Sequence[float], frame: MapFrame, dem: DemPlan, covered: float, bounds: Bounds) -> Work:
    """Tell how much there is to do, for an engine that works on whole bursts.

    Parameters
    ----------
    megasamples : sequence of float
        Samples of each burst in use, of one date.
    frame : MapFrame
        Of the map.
    dem : DemPlan
        What is made of the ground's heights.
    covered : float
        Of the map by the bursts, square degrees.
    bounds : (float, float, float, float)
        West, south, east, north of the map, degrees.
    """
    looks, cells = frame.looks, frame.grid.width * frame.grid.height / 1e6
    return Work(
        samples=sum(megasamples),
        bursts=len(megasamples),
        largest=max(megasamples),
        cells=sum(megasamples) / (looks.range * looks.azimuth),
        ground=cells * covered / box(*bounds).area,
        map=cells,
        dem=dem.width * dem.height / 1e6,
    )
