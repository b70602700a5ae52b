"""A stack from the beginning to the end: scenes, orbits, DEM, interferograms of all pairs, their maps, one page."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from dinsar_cli.base.files import make_folder
from dinsar_cli.base.journal import RUN_FILE, locked
from dinsar_cli.base.memory import bounded_raster_cache, share_one_heap
from dinsar_cli.base.reporter import Reporter
from dinsar_cli.config.model import LonLat, RunConfig
from dinsar_cli.config.request import Request, request_of
from dinsar_cli.engines.find import find_engine
from dinsar_cli.errors import DinsarError, NoDataError, UsageError
from dinsar_cli.formats import check_formats
from dinsar_cli.managers.slc import SlcManager, SlcPlan
from dinsar_cli.maps.displacement import stays_raw
from dinsar_cli.maps.extent import check_like_stays
from dinsar_cli.maps.zero.reference import check_areas
from dinsar_cli.plan.plan import completed, dem_manager, orbit_manager
from dinsar_cli.products.reader import Products
from dinsar_cli.radar.interferogram import Interferogram
from dinsar_cli.sentinel1.acquisition import CommonBurst
from dinsar_cli.series.graph import Pair
from dinsar_cli.series.network import Rule, pair_name
from dinsar_cli.stack.archive_scenes import fetch_dates
from dinsar_cli.stack.engines import StackEngine, stack_engine
from dinsar_cli.stack.folders import StackFolders
from dinsar_cli.stack.overview import write_page
from dinsar_cli.stack.plan import StackPlan, plan_stack, with_engine
from dinsar_cli.stack.record import StackRecord, StackReference, check_same_engine, check_same_looks
from dinsar_cli.stack.reference import CommonBlock, CommonReference
from dinsar_cli.stack.seams import StackSeams, stack_seams
from dinsar_cli.stack.topsapp_pairs import in_words_of_stack
from dinsar_cli.stack.work import StackWork
from dinsar_cli.workflow.interferogram_stages import ZIP_NOTES, Ground
from dinsar_cli.workflow.map_stages import Displaced
from dinsar_cli.workflow.result import map_warnings
from dinsar_cli.workflow.scenes import Meter

_BESIDE = "no place on the map is calm in all pairs: all are relative to the calmest ground beside it"
_NOT_CALM = (
    "no place is calm in all pairs, {where}: all are relative to the place on the map that is the nearest to it"
)


@dataclass(frozen=True)
class StackResult:
    """What a stack has become.

    Attributes
    ----------
    folder : Path
    record : dict
        As in ``stack.json``.
    seconds : float
    failure : DinsarError or None
        Why the first of the pairs that the engine could not make is not there; None where it made all.
    """

    folder: Path
    record: dict[str, Any]
    seconds: float
    failure: DinsarError | None = None


def run_stack(
    config: RunConfig,
    folder: Path,
    cache: Path,
    reporter: Reporter,
    command: Sequence[str],
    rule: Rule,
) -> StackResult:
    """Make the maps of all pairs of a stack, going on from what an earlier call left in the folder.

    Parameters
    ----------
    config : RunConfig
        What to do: products of many dates, or an area and days.
    folder : Path
        Of the stack.
    cache : Path
        Gets what several runs can share.
    reporter : Reporter
        Is told how it goes.
    command : sequence of str
        Command line, for the record.
    rule : Rule
        By which pairs are chosen.

    Raises
    ------
    DinsarError
        When an input is wrong or a stage fails; what is done stays done. A scene that is bad is set aside.
    """
    started = time.monotonic()
    check_formats(config.output.formats)
    _check_given(config)
    share_one_heap()
    with in_words_of_stack(), bounded_raster_cache(), locked(make_folder(folder)), Products() as files:
        folders, meter = StackFolders(folder), Meter(reporter)
        earlier = StackRecord.open(folders.record)
        config = with_engine(config)
        check_same_engine(earlier, config.engine, folder)
        for made_again in (folders.geometry, folders.pairs):
            check_like_stays(config.grid.like, made_again)
        find_engine(config)  # one that works must be there before anything is fetched
        request, notes = request_of(config), tuple[str, ...]()
        if not config.slc.files:
            with _told(reporter, "fetch"):
                request, notes = fetch_dates(request, rule, cache, meter)
        # dates, bursts and pairs; scenes whose images are damaged are set aside
        with _told(reporter, "slc"):
            plan = _proved(request, rule, cache, earlier, reporter)
        warnings = _tell(plan, notes, reporter)
        folders.make(plan.network.dates, plan.network.pairs)
        # orbits, DEM and water
        with _told(reporter, "orbits"):
            plan = _with_orbits(plan, cache, meter)
        with _told(reporter, "dem"):
            ground, of_dem = _ground(plan, cache, meter)
            warnings = (*warnings, *_warn(of_dem, reporter))
            plan = _completed(plan, ground)
        work = StackWork(plan, folders, ground, reporter, tuple(command))
        record = _begun(plan, earlier)
        record.write(folders.record)
        engine = stack_engine(work, cache, meter, warnings)
        # interferograms of all pairs
        with _told(reporter, "process"):
            failed = engine.interferograms()
        made = _made(plan, failed)
        # their maps, relative to one reference
        with _told(reporter, "geocode"):
            engine.geometry(made, files)
            _choose_reference(work, engine, made, record, files)
            record.write(folders.record)
        with _told(reporter, "displacement"):
            placed = _displaced(work, engine, made, record.reference, files)
        maps = {**failed, **placed}
        seams = stack_seams({pair: Interferogram.load(work.radar(pair)) for pair in made})
        warnings = (*warnings, *seams.warnings())
        for text in seams.warnings():
            reporter.warn(text)
        _tell_maps(maps, reporter)
        record.body = _body(work, {pair: maps[pair] for pair in plan.network.pairs}, seams, warnings)
        record.body["shared"] = engine.shared
        record.write(folders.record)
        with _told(reporter, "report"):
            write_page(folders, plan.network, record.to_dict(), None if earlier is None else earlier.body)
    failure = _failure(plan.network.pairs, failed, maps)
    return StackResult(folder, record.to_dict(), time.monotonic() - started, failure)


def _tell_maps(maps: Mapping[Pair, Displaced | DinsarError], reporter: Reporter) -> None:
    """Warn of pairs that have no map, and of what the checks of the others found; each text once."""
    lost = Counter(" ".join(str(one).splitlines()) for one in maps.values() if isinstance(one, NoDataError))
    for text, count in lost.items():
        reporter.warn(f"{count} of {len(maps)} pairs have no map. {text}")
    told = Counter(text for one in maps.values() if isinstance(one, Displaced) for text in map_warnings(one.facts))
    for text, count in told.items():
        reporter.warn(f"{text} ({count} of {len(maps)} pairs)")


def _failure(
    pairs: Sequence[Pair], failed: Mapping[Pair, DinsarError], maps: Mapping[Pair, Displaced | DinsarError]
) -> DinsarError | None:
    """Return what the exit code is of: an engine that failed, or that no pair has a map."""
    errors = [error for pair in pairs if isinstance(error := maps[pair], DinsarError)]
    told = [failed[pair] for pair in pairs if pair in failed]
    if len(errors) == len(maps):
        told += errors
    return told[0] if told else None


def _check_given(config: RunConfig) -> None:
    """Refuse a stack of nothing, and what only single maps can have."""
    if config.corrections.ionosphere and config.engine != "isce2":
        raise UsageError(
            "The ionosphere cannot be taken off a stack.",
            "Dates are resampled once for all pairs, as whole images: no parts of their spectrum are there.",
            "Leave corrections.ionosphere out, or make single maps with `dinsar run --ionosphere`.",
        )
    if config.corrections.motion is not None:
        raise UsageError(
            "Known motion cannot be taken off a stack.",
            "corrections.motion is the motion between two dates, and a stack has many.",
            "Leave corrections.motion out, or make single maps with `dinsar run --motion`.",
        )
    if config.reference_gnss.files:
        raise UsageError(
            "A stack does not take its zero from GNSS stations.",
            "Each pair would get a zero of its own, and maps of three dates would not close.",
            "Leave reference_gnss out, and give --reference-point beside a station if its motion is to be zero; or "
            "make single maps with `dinsar run --reference-gnss`.",
        )
    if config.slc.files or (config.roi is not None and config.start is not None and config.end is not None):
        return
    raise UsageError(
        "Not given: slc.files (--slc), nor an area and days to find scenes of.",
        "A stack needs Sentinel-1 products of some dates: local ones, or --roi, --start and --end.",
        "dinsar stack --slc FOLDER, or dinsar stack --roi 'W S E N' --start DATE --end DATE",
    )


def _tell(plan: StackPlan, notes: Iterable[str], reporter: Reporter) -> tuple[str, ...]:
    """Tell what is planned, and give the warnings."""
    for text in (*notes, *plan.notes):
        reporter.note(text)
    return _warn(dict.fromkeys((*(f"set aside: {text}" for text in plan.set_aside), *plan.any.warnings)), reporter)


def _warn(texts: Iterable[str], reporter: Reporter) -> tuple[str, ...]:
    """Tell warnings, and give them."""
    told = tuple(texts)
    for text in told:
        reporter.warn(text)
    return told


@contextmanager
def _told(reporter: Reporter, stage: str) -> Iterator[None]:
    """Tell that a stage starts and ends."""
    reporter.start(stage)
    started = time.monotonic()
    yield
    reporter.end(stage, time.monotonic() - started, skipped=False)


def _proved(
    request: Request, rule: Rule, cache: Path, earlier: StackRecord | None, reporter: Reporter
) -> StackPlan:
    """Plan the stack with the scenes whose images are whole."""
    known = (earlier.first, earlier.area) if earlier else (None, None)
    plan = plan_stack(request, rule, cache, *known)
    check_same_looks(earlier, str(plan.any.looks))
    bad: dict[date, str] = {}
    for number, day in enumerate(plan.network.dates):
        reporter.progress("checking", number / len(plan.network.dates))
        try:
            SlcManager(()).fetch(_images_of(plan, day), cache / ZIP_NOTES)
        except NoDataError as error:
            bad[day] = f"{day}: {error.problem} {error.cause}"
    check_areas(plan.config, plan.any.grid)
    if not bad:
        return plan
    rest = [
        scene.safe.path for day in plan.network.dates if day not in bad for scene in plan.acquisition(day).scenes
    ]
    slc = plan.config.slc.model_copy(update={"files": rest})
    again = replace(request, config=request.config.model_copy(update={"slc": slc}))
    made = plan_stack(again, rule, cache, *known)
    return replace(made, set_aside=(*plan.set_aside, *bad.values()))


def _images_of(plan: StackPlan, day: date) -> SlcPlan:
    """Return the images of one date, as those of a pair with itself."""
    bursts = tuple(CommonBurst(view.subswath.name, view, view) for view in plan.views[day])
    return SlcPlan(plan.pair_of((day, day)), bursts, plan.any.slc.area, plan.any.slc.coverage)


def _with_orbits(plan: StackPlan, cache: Path, meter: Meter) -> StackPlan:
    """Get the orbit files that are in the archive."""
    manager = orbit_manager(plan.config, cache)
    plans = {}
    for day, one in plan.plans.items():
        first, second = (manager.fetch(choice, meter.told("orbits")) for choice in one.orbits)
        plans[day] = replace(one, orbit_files=(first, second))
    return replace(plan, plans=plans)


def _ground(plan: StackPlan, cache: Path, meter: Meter) -> tuple[Ground, tuple[str, ...]]:
    """Make DEM and water ready, and give what there is to keep in mind of the DEM beside what the plan says."""
    manager = dem_manager(plan.config, cache)
    made = manager.fetch(plan.dem, meter.told("DEM"))
    told = tuple(text for text in made.warnings if text not in plan.any.warnings)
    if plan.config.mask.water != "auto":
        return Ground(made.path, None), told
    return Ground(made.path, manager.fetch_water(plan.dem, meter.told("water")).path), told


def _completed(plan: StackPlan, ground: Ground) -> StackPlan:
    """Complete what was planned before orbits and ground were there."""
    plans = {
        day: completed(one, one.orbit_files, ground.dem) if one.preliminary else one
        for day, one in plan.plans.items()
    }
    return replace(plan, plans=plans)


def _map_of(plan: StackPlan) -> dict[str, Any]:
    return {"grid": plan.any.grid.to_dict(), "looks": str(plan.any.looks)}


def _earlier_reference(earlier: StackRecord | None, plan: StackPlan) -> StackReference | None:
    """Return what an earlier call chose for the same map; what a user gave for that call is not meant for this."""
    if earlier is None or earlier.reference is None or earlier.reference.chosen:
        return None
    same = earlier.area == str(plan.config.roi) and _map_of(plan).items() <= earlier.body.items()
    usable = earlier.reference.on_map or stays_raw(plan.config)
    return earlier.reference if same and usable else None


def _begun(plan: StackPlan, earlier: StackRecord | None) -> StackRecord:
    """Return the record of a stack whose pairs are about to be made, with what an earlier call said of them."""
    body = (earlier.body if earlier else {}) | _map_of(plan)
    return StackRecord(
        str(plan.config.roi), plan.first, plan.any.engine.name, _earlier_reference(earlier, plan), body
    )


def _made(plan: StackPlan, failed: Mapping[Pair, DinsarError]) -> list[Pair]:
    """Return the pairs of which there are interferograms.

    Raises
    ------
    DinsarError
        When there is none: why there is none of the first.
    """
    made = [pair for pair in plan.network.pairs if pair not in failed]
    if not made:
        raise failed[plan.network.pairs[0]]
    return made


def _choose_reference(
    work: StackWork, engine: StackEngine, pairs: Sequence[Pair], record: StackRecord, files: Products
) -> None:
    """Put all pairs on the map, and choose to what all displacement is relative, unless that is known."""
    config = work.plan.config
    wanted = config.reference_point
    if isinstance(wanted, LonLat) or wanted == "none" or config.reference_area is not None:
        record.reference = StackReference(wanted, chosen=True) if isinstance(wanted, LonLat) else None
        return
    if record.reference is not None:
        return
    common = CommonReference(work.plan.any.grid, work.plan.any.geometry.wavelength)

    def put(pair: Pair) -> None:
        with engine.pair(pair) as one:
            common.add(one.geocode(files))

    engine.each("layers", pairs, put)
    place = common.choose()
    if place is not None:
        record.reference = StackReference(place)
        return
    looked = engine.one_radar_grid and stays_raw(config)
    beside = _beside_map(work, engine, pairs, files) if looked else None
    not_calm = _NOT_CALM.format(where="on the map or beside it" if looked else "on the map")
    work.reporter.note(_BESIDE if beside else not_calm)
    record.reference = beside or StackReference(common.nearest_to_calm())


def _beside_map(
    work: StackWork, engine: StackEngine, pairs: Sequence[Pair], files: Products
) -> StackReference | None:
    """Return calm ground of all pairs in what was unwrapped beside the map; None where there is none."""
    common = CommonBlock(work.plan.any.grid)

    def put(pair: Pair) -> None:
        with engine.pair(pair) as one:
            common.add(one.interferogram, one.geocode(files))

    engine.each("layers", pairs, put)
    place = common.choose()
    return None if place is None else StackReference(place, on_map=False)


def _displaced(
    work: StackWork,
    engine: StackEngine,
    pairs: Sequence[Pair],
    reference: StackReference | None,
    files: Products,
) -> dict[Pair, Displaced | DinsarError]:
    """Make the displacement of pairs; one without a value at the reference is told, and the others go on."""
    made: dict[Pair, Displaced | DinsarError] = {}

    def displace(pair: Pair) -> None:
        with engine.pair(pair) as one:
            try:
                geocoded = one.geocode(files)
                displaced = made[pair] = one.displace(geocoded, reference)
                one.finish(geocoded, displaced, files)
            except NoDataError as error:
                made[pair] = error

    # new pairs first: the very first one makes, alone, the tables that all need
    first = sorted(pairs, key=lambda pair: (work.folders.of_pair(pair) / RUN_FILE).exists())
    engine.each("displacement", first, displace)
    return made


def _body(
    work: StackWork, maps: Mapping[Pair, Displaced | DinsarError], seams: StackSeams, warnings: Iterable[str]
) -> dict[str, Any]:
    """Return what the record tells of dates and pairs."""
    plan = work.plan
    return {
        "command": list(work.command),
        **_map_of(plan),
        "network": plan.network.to_dict(),
        "set_aside": list(plan.set_aside),
        "warnings": list(warnings),
        "dates": {
            day.isoformat(): {
                "scenes": [scene.name for scene in plan.acquisition(day).scenes],
                "orbit": plan.orbit(day).path.name,
                "seams": seams.of_date(day),
                "misregistration": _misregistration(work, day),
            }
            for day in plan.network.dates
        },
        "pairs": {pair_name(pair): _told_of(work, pair, made, seams) for pair, made in maps.items()},
    }


def _misregistration(work: StackWork, day: date) -> dict[str, Any] | None:
    """Return what was found of the misregistration of a date against the first."""
    found = work.misregistration(day)
    return None if found is None else found.facts(work.line_spacing)


def _told_of(work: StackWork, pair: Pair, made: Displaced | DinsarError, seams: StackSeams) -> dict[str, Any]:
    folder = work.folders.of_pair(pair).relative_to(work.folders.root).as_posix()
    if isinstance(made, DinsarError):
        told = {"folder": folder, "problem": f"{made.problem} {made.cause}"}
        return told | {"seams": seams.of_pair(pair)}
    facts = made.facts
    return {
        "folder": folder,
        "mean_coherence": facts.mean_coherence,
        "median_sigma_m": facts.median_sigma,
        "range_m": [facts.lowest, facts.highest],
        "components": facts.components,
        "seams": seams.of_pair(pair),
        "warnings": [*map_warnings(facts), *filter(None, [seams.warning(pair)])],
    }
