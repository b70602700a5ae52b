"""What a stack decides before it starts: dates, area, grid, bursts and pairs; bad scenes are set aside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from pathlib import Path

from dinsar_cli.config.model import RunConfig
from dinsar_cli.config.request import Request
from dinsar_cli.engines.base import EngineInputs, Ground
from dinsar_cli.engines.eos.engine import EosEngine
from dinsar_cli.errors import DinsarError, NoDataError, UsageError
from dinsar_cli.geo.antimeridian import middle_of
from dinsar_cli.geo.roi import Roi, parse_roi
from dinsar_cli.managers.dem.plan import DemPlan
from dinsar_cli.managers.orbits.manager import OrbitChoice
from dinsar_cli.managers.slc import SlcPlan
from dinsar_cli.plan.network_dates import day_of
from dinsar_cli.plan.network_local import local_dates, products_in
from dinsar_cli.plan.plan import RunPlan, dem_manager, engine_inputs, plan_run, scene_inputs
from dinsar_cli.radar.pair_geometry import pair_geometry
from dinsar_cli.sentinel1.acquisition import Acquisition, CommonBurst, Pair, SwathBurst, ground_of
from dinsar_cli.sentinel1.orbit_file import OrbitFile
from dinsar_cli.sentinel1.scene import Scene, open_scene
from dinsar_cli.series.network import Network, Rule

BurstKey = tuple[str, datetime]

_MOST_LOST = 0.5
"""Share of the bursts that one date may cost all others; one that costs more is set aside."""


@dataclass(frozen=True)
class StackPlan:
    """Everything that is decided before work starts; making it writes nothing.

    Attributes
    ----------
    config : RunConfig
        With an area and a polarization, as all pairs have them.
    roi : Roi
    first : date
        On whose geometry all dates are.
    plans : dict of date to RunPlan
        Of each other date with the first.
    network : Network
        Dates in use, and pairs.
    set_aside : tuple of str
        Scenes and dates that cannot be used, each with its reason.
    notes : tuple of str
        What the user is told.
    dem : DemPlan
    ground : Ground
        Of which heights are used.
    """

    config: RunConfig
    roi: Roi
    first: date
    plans: Mapping[date, RunPlan]
    network: Network
    set_aside: tuple[str, ...]
    notes: tuple[str, ...]
    dem: DemPlan
    ground: Ground

    @property
    def any(self) -> RunPlan:
        """One of the plans: for what is the same in all of them."""
        return next(iter(self.plans.values()))

    @property
    def others(self) -> tuple[date, ...]:
        """The dates but the first, in order: date number n of the engine is ``others[n - 1]``."""
        return tuple(day for day in self.network.dates if day != self.first)

    @property
    def numbers(self) -> dict[date, int]:
        """Number of each date, as the engine counts: the first is 0."""
        return {self.first: 0} | {day: number for number, day in enumerate(self.others, 1)}

    def acquisition(self, day: date) -> Acquisition:
        """Return the acquisition of a date."""
        pair = (self.plans[day] if day != self.first else self.any).slc.pair
        return next(one for one in (pair.reference, pair.secondary) if one.start.date() == day)

    def orbit(self, day: date) -> OrbitFile:
        """Return the orbit of a date."""
        plan = self.plans[day] if day != self.first else self.any
        return plan.orbit_files[0 if plan.slc.pair.reference.start.date() == day else 1]

    def pair_of(self, days: tuple[date, date]) -> Pair:
        """Return the acquisitions of a pair."""
        return Pair(self.acquisition(days[0]), self.acquisition(days[1]), self.any.slc.pair.polarization)

    @cached_property
    def views(self) -> dict[date, tuple[SwathBurst, ...]]:
        """The bursts that all dates have, as each date has them, in one order."""
        bursts = in_all(self.plans, self.first)
        found = {day: tuple(burst.secondary for burst in own) for day, own in bursts.items()}
        return found | {self.first: tuple(burst.reference for burst in next(iter(bursts.values())))}

    def bursts_of(self, days: tuple[date, date]) -> tuple[CommonBurst, ...]:
        """Return the bursts of a pair that all dates have."""
        views = zip(self.views[days[0]], self.views[days[1]], strict=True)
        return tuple(CommonBurst(one.subswath.name, one, other) for one, other in views)

    def run_plan(self, days: tuple[date, date]) -> RunPlan:
        """Return the plan of a pair that is made by itself, of the bursts that all dates have.

        Grid and DEM are those of the stack. It depends on nothing else of the other dates.
        """
        some, pair, bursts = self.any, self.pair_of(days), self.bursts_of(days)
        files = [scene.safe.path for one in (pair.reference, pair.secondary) for scene in one.scenes]
        slc = self.config.slc.model_copy(update={"files": files})
        orbits = (self.orbit(days[0]), self.orbit(days[1]))
        seen = self.roi.geometry.intersection(ground_of(bursts, middle_of(self.roi.bounds)))
        warnings = [*some.engine.cautions(pair), *self.dem.warnings]
        return replace(
            some,
            config=self.config.model_copy(update={"slc": slc}),
            slc=SlcPlan(pair, bursts, seen, some.slc.coverage),
            orbits=(self._orbit_choice(days[0]), self._orbit_choice(days[1])),
            orbit_files=orbits,
            dem=self.dem,
            ground=self.ground,
            geometry=pair_geometry(pair, bursts, orbits, some.relief.middle),
            other_warnings=tuple(warnings),
        )

    def _orbit_choice(self, day: date) -> OrbitChoice:
        plan = self.plans[day] if day != self.first else self.any
        return plan.orbits[0 if plan.slc.pair.reference.start.date() == day else 1]

    def inputs(self, day: date, dem: Path, water: Path | None) -> EngineInputs:
        """Gather what the engine works on to put a date on the geometry of the first."""
        days = (self.first, day)
        return replace(
            engine_inputs(self.plans[day], dem, water=water),
            pair=self.pair_of(days),
            bursts=self.bursts_of(days),
            reference_orbit=self.orbit(self.first),
            secondary_orbit=self.orbit(day),
        )


def with_engine(config: RunConfig) -> RunConfig:
    """Return a configuration with the engine that makes a stack: ``auto`` is the one that puts all dates on one."""
    return config.model_copy(update={"engine": EosEngine.name}) if config.engine == "auto" else config


def plan_stack(
    request: Request, rule: Rule, cache: Path, first: date | None = None, area: str | None = None
) -> StackPlan:
    """Open the scenes, and decide on dates, bursts and pairs; nothing is written.

    Parameters
    ----------
    request : Request
        With products on the disk, or folders of them.
    rule : Rule
        By which pairs are chosen.
    cache : Path
    first : date, optional
        On whose geometry an earlier call put the dates.
    area : str, optional
        Of an earlier call, where the request has none.

    Raises
    ------
    DinsarError
        When fewer than two dates go together, or the pairs would not hang together.
    """
    scenes, set_aside = _opened(request.config.slc.files)
    dates, roi = local_dates(request, opened=scenes)
    set_aside += dates.set_aside
    products = {day_of(one): [Path(scene.url) for scene in one.scenes] for one in dates.stack.acquisitions}
    area = request.config.roi or area or " ".join(f"{bound:.7f}" for bound in roi.bounds)
    fixed = {"roi": area, "polarization": dates.polarization, "start": None, "end": None}
    config = with_engine(request.config.model_copy(update=fixed))
    if first is not None and first not in products:
        raise _without_first(first, set_aside)
    opened = {scene.safe.path: scene for scene in scenes}
    first, plans, lost = _planned(
        replace(request, config=config, roi=parse_roi(area)), products, first, cache, opened
    )
    set_aside += lost
    if request.config.roi is None:  # it is what all dates see, and nobody asked for more
        plans = {day: replace(one, slc=replace(one.slc, coverage=1.0)) for day, one in plans.items()}
    days = [day for day in dates.days if day == first or day in plans]
    try:
        network = rule.network(days, dates.metres, track=dates.stack.name, polarization=dates.polarization)
    except DinsarError as error:
        error.details = (*error.details, *(f"set aside: {text}" for text in set_aside))
        raise
    if first not in network.dates:  # a list of pairs without it
        kept = [path for day in network.dates for path in products[day]]
        return plan_stack(_with_files(request, kept), rule, cache, area=area)
    plans = {day: plan for day, plan in plans.items() if day in network.dates}
    one = next(iter(plans.values()))
    ground = _ground(plans, first, roi)
    dem = dem_manager(config, cache).plan(ground.used, ground.needed)
    return StackPlan(config, roi, first, plans, network, set_aside, (*dates.notes, one.notes[0]), dem, ground)


def _with_files(request: Request, files: Sequence[Path]) -> Request:
    slc = request.config.slc.model_copy(update={"files": list(files)})
    return replace(request, config=request.config.model_copy(update={"slc": slc}))


def _opened(files: Sequence[Path]) -> tuple[list[Scene], tuple[str, ...]]:
    """Open the products, and tell of those that cannot be, with reasons."""
    scenes, lost = [], []
    for path in products_in(files):
        try:
            scenes.append(open_scene(path))
        except (UsageError, NoDataError) as error:
            lost.append(f"{error.problem} {error.cause}")
    return scenes, tuple(lost)


def _without_first(first: date, set_aside: Sequence[str]) -> UsageError:
    error = UsageError(
        f"The stack lies on the geometry of {first}, and that date is not there.",
        "Its product was not given this time, or it was set aside: all other dates would have to be made again.",
        "Give it too, or another folder with --output.",
    )
    error.details = tuple(f"set aside: {text}" for text in set_aside)
    return error


def _planned(
    request: Request,
    products: Mapping[date, Sequence[Path]],
    first: date | None,
    cache: Path,
    opened: Mapping[Path, Scene],
) -> tuple[date, dict[date, RunPlan], tuple[str, ...]]:
    """Plan each date with the first; dates that cannot be used with it are set aside, with the reason.

    Where no first date is given, it is the earliest that goes with another one.
    """
    told: list[str] = []
    failures: list[DinsarError] = []
    for chosen in [first] if first is not None else sorted(products)[:-1]:
        plans: dict[date, RunPlan] = {}
        lost: dict[date, DinsarError] = {}
        for day in sorted(products):
            if day == chosen or (first is None and day < chosen):
                continue
            try:
                files = [*products[chosen], *products[day]]
                plans[day] = plan_run(_with_files(request, files), cache, opened=opened)
            except NoDataError as error:
                lost[day] = error
        if plans:
            told += [f"{day}: {error.problem} {error.cause}" for day, error in lost.items()]
            return chosen, plans, (*told, *_with_few_bursts(plans, chosen))
        failures += lost.values()
        told.append(f"{chosen}: {failures[-len(lost)].problem} {failures[-len(lost)].cause}")
    raise failures[0]


def _with_few_bursts(plans: dict[date, RunPlan], first: date) -> list[str]:
    """Take dates out that would cost all others most of their bursts, and tell which."""
    keys = {day: set(_bursts(plan, first)) for day, plan in plans.items()}
    there = set.union(*keys.values())
    few = [day for day, own in keys.items() if len(own) < _MOST_LOST * len(there)]
    for day in few:
        del plans[day]
    return [f"{day}: it has {len(keys[day])} of the {len(there)} bursts that other dates have." for day in few]


def _bursts(plan: RunPlan, first: date) -> dict[BurstKey, CommonBurst]:
    """Return the bursts in use with the first date as the reference, by subswath and time."""
    found = plan.slc.bursts
    if plan.slc.pair.reference.start.date() != first:
        found = tuple(CommonBurst(burst.swath, burst.secondary, burst.reference) for burst in found)
    return {(burst.swath, burst.reference.burst.azimuth_time): burst for burst in found}


def in_all(plans: Mapping[date, RunPlan], first: date) -> dict[date, tuple[CommonBurst, ...]]:
    """Return for each date but the first the bursts that all dates have, in one order."""
    bursts = {day: _bursts(plan, first) for day, plan in plans.items()}
    common = set.intersection(*(set(own) for own in bursts.values()))
    return {day: tuple(own[key] for key in sorted(common)) for day, own in bursts.items()}


def _ground(plans: Mapping[date, RunPlan], first: date, roi: Roi) -> Ground:
    """Return the ground whose heights are used: it depends on the first date, and on which bursts all have."""
    bursts, one = _bursts_of_first(plans, first), next(iter(plans.values()))
    pair, files = one.slc.pair, one.orbit_files
    if pair.reference.start.date() != first:
        pair, files = Pair(pair.secondary, pair.reference, pair.polarization), (files[1], files[0])
    seen = roi.geometry.intersection(ground_of(bursts, middle_of(roi.bounds)))
    return one.engine.ground(scene_inputs(one.config, SlcPlan(pair, bursts, seen, 1.0), one.looks, files))


def _bursts_of_first(plans: Mapping[date, RunPlan], first: date) -> tuple[CommonBurst, ...]:
    """Return the bursts that all dates have, as one of the pairs has them.

    Raises
    ------
    NoDataError
        When there is none.
    """
    bursts = next(iter(in_all(plans, first).values()))
    if not bursts:
        raise NoDataError(
            "The dates have no burst in common.",
            "Any two of them have, but no burst in the area is there on all dates.",
            "Choose a smaller area, or leave dates out.",
        )
    return bursts
