"""Pixels behind the annotation of real products: products, orbits and DEM found as for a run, then simulated."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from shapely import to_wkt

from dinsar_cli.errors import NoDataError
from dinsar_cli.geo.antimeridian import middle_of
from dinsar_cli.geo.roi import parse_roi
from dinsar_cli.managers.dem.manager import DemManager
from dinsar_cli.managers.orbits.manager import OrbitManager
from dinsar_cli.managers.slc import SlcManager, SlcPlan
from dinsar_cli.sentinel1.acquisition import ground_of
from dinsar_cli.simulate import Scenario, SimulatedStack
from dinsar_cli.simulate.real_products import plan_like
from dinsar_cli.simulate.real_stack import simulate_like

_APART = 0.002  # degrees between an area of some subswaths and the others


@dataclass(frozen=True)
class LikeWish:
    """What real products are to be simulated, and where.

    Attributes
    ----------
    products : tuple of Path
        SAFE folders or zips of two dates, with or without images.
    orbits : Path
        Folder with the orbit files of both.
    roi : str or None
        Area whose bursts get pixels, as for a run; None takes all bursts that both dates have.
    polarization : str
        ``auto`` or the one to simulate.
    swaths : tuple of int
        Subswaths; empty for all.
    dem : Path or None
        DEM to use; None makes a terrain.
    dem_datum : str or None
        What its heights refer to, where the file does not say it.
    """

    products: tuple[Path, ...]
    orbits: Path
    roi: str | None = None
    polarization: str = "auto"
    swaths: tuple[int, ...] = ()
    dem: Path | None = None
    dem_datum: str | None = None


def simulate_behind(
    wish: LikeWish, scenario: Scenario, folder: Path, progress: Callable[[str, float], None] | None = None
) -> SimulatedStack:
    """Simulate pixels of a known displacement behind the annotation of real products.

    Parameters
    ----------
    wish : LikeWish
    scenario : Scenario
        What is on the ground and in the air; place, dates and geometry are those of the products.
    folder : Path
        Made if missing; must be empty.
    progress : callable, optional
        Takes the name of a step and the share of it that is done.

    Raises
    ------
    DinsarError
        As a run: when products, orbits or DEM cannot be used.
    """
    area = parse_roi(wish.roi).geometry if wish.roi else None
    slc = _only(SlcManager(wish.products).plan(area, wish.polarization), wish.swaths)
    manager = OrbitManager(wish.orbits)
    dates = (slc.pair.reference, slc.pair.secondary)
    reference, secondary = (manager.fetch(manager.plan(one.mission, one.start, one.stop)) for one in dates)
    centre = slc.area.representative_point() if not slc.area.contains(slc.area.centroid) else slc.area.centroid
    likeness = plan_like(slc.pair, slc.bursts, (reference, secondary), scenario, centre=(centre.x, centre.y))
    with tempfile.TemporaryDirectory(prefix="dinsar-dem-") as scratch:
        dem = None
        if wish.dem is not None:
            heights = DemManager(wish.dem, wish.dem_datum, scenario.terrain.margin, Path(scratch))
            dem = heights.fetch(heights.plan(slc.burst_bounds)).path
        stack = simulate_like(likeness, folder, dem, progress)
    return replace(stack, roi=to_wkt(slc.area, rounding_precision=4) if wish.swaths else wish.roi)


def _only(plan: SlcPlan, swaths: tuple[int, ...]) -> SlcPlan:
    """Leave out the bursts of other subswaths; the area that is left meets none of them."""
    names = {f"IW{number}" for number in swaths}
    bursts = tuple(burst for burst in plan.bursts if not names or burst.swath in names)
    if not bursts:
        there = ", ".join(sorted({burst.swath[-1] for burst in plan.bursts}))
        raise NoDataError(
            f"No burst of subswaths {', '.join(sorted(name[-1] for name in names))} is in use.",
            f"The area has bursts of: {there}.",
            "Choose among these with --swaths, or another --roi.",
        )
    if len(bursts) == len(plan.bursts):
        return plan
    middle, chosen = middle_of(plan.bounds), {id(burst) for burst in bursts}
    others = [burst for burst in plan.bursts if id(burst) not in chosen]
    ground = ground_of(bursts, middle).intersection(plan.area).difference(ground_of(others, middle))
    return replace(plan, bursts=bursts, area=ground.buffer(-_APART).simplify(_APART / 2))
