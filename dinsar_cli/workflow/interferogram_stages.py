"""The stages up to the interferogram on the radar grid: scenes, orbits, DEM, process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache as once
from pathlib import Path
from typing import Any

from dinsar_cli.base.disk import disk_use
from dinsar_cli.base.files import make_folder, sha256
from dinsar_cli.base.journal import PRODUCTS, STAGES, Journal
from dinsar_cli.engines.base import STEPS_FILE, EngineInputs, step_costs
from dinsar_cli.errors import DinsarError
from dinsar_cli.managers.slc import SlcManager
from dinsar_cli.plan.cost_forecast import HISTORY
from dinsar_cli.plan.plan import completed, dem_manager, engine_inputs, orbit_manager
from dinsar_cli.radar.interferogram import DESCRIPTION_FILE, Interferogram
from dinsar_cli.sentinel1.orbit_file import OrbitFile
from dinsar_cli.workflow.leftovers import layers_in
from dinsar_cli.workflow.run_state import Session, check_resources

_FIRST_BUFFER, _MOST_BUFFER = 0.1, 2.0  # degrees around the bursts when the DEM was too small
ZIP_NOTES = "verified"
"""Folder in the cache: which zips were read to their ends."""


def prepare_inputs(session: Session) -> EngineInputs:
    """Do the stages before the engine: scenes, orbits and DEM."""
    check_scenes(session)
    orbits = get_orbits(session)
    return ready_inputs(session, orbits, make_dem(session))


def check_scenes(session: Session) -> None:
    """Make sure that the products are whole, before hours are spent on them."""
    config = session.plan.config
    manager = SlcManager(config.slc.files)

    def work() -> tuple[Iterable[Path], dict[str, Any], None]:
        files = manager.fetch(session.plan.slc, session.cache / ZIP_NOTES, session.reporter.progress)
        return files, session.supplies.details, None

    paths = [str(path) for path in config.slc.files]
    session.stage("slc", [paths, session.journal.header["pair"]], work)


def get_orbits(session: Session) -> tuple[OrbitFile, OrbitFile]:
    """Get the orbit files of both dates, from the archive if need be."""
    plan = session.plan
    manager = orbit_manager(plan.config, session.cache)

    def work() -> tuple[Iterable[Path], dict[str, Any], list[OrbitFile]]:
        got = [manager.fetch(choice, session.meter.told("download")) for choice in plan.orbits]
        kinds, urls = [choice.kind for choice in plan.orbits], [one.origin for one in plan.orbits]
        return [one.path for one in got], {"kinds": kinds, "urls": urls}, got

    session.prove("orbits")
    _, got = session.stage("orbits", [str(choice.path) for choice in plan.orbits], work)
    reference, secondary = got or [manager.fetch(choice) for choice in plan.orbits]
    return reference, secondary


@dataclass(frozen=True)
class Ground:
    """Heights above the ellipsoid, and kinds of ground on the same pixels; None where nobody asks for them."""

    dem: Path
    water: Path | None


def make_dem(session: Session) -> Ground:
    """Make the DEM ready: heights above the ellipsoid around the bursts, without voids, and the water on it."""
    plan, config = session.plan, session.plan.config
    wanted = ["water"] if config.mask.water == "auto" else []

    def work() -> tuple[Iterable[Path], dict[str, Any], None]:
        manager = dem_manager(config, session.cache)
        made = manager.fetch(plan.dem, session.meter.told("download"))
        water = manager.fetch_water(plan.dem, session.meter.told("download")) if wanted else None
        if water:
            session.reporter.note(f"water: {water.source}")
        details = {
            "path": str(made.path),
            "water": str(water.path) if water else None,
            "water_from": water.source if water else None,
            "source": None if config.dem.file else config.dem.source,
            "file": config.dem.file.name if config.dem.file else None,
            "datum_from": made.datum_from,
            "voids_filled": made.voids_filled,
            "filled_from_coarser": made.filled_from_coarser,
            "warnings": list(made.warnings),
        }
        return [made.path, *([water.path] if water else [])], details, None

    session.prove("dem")
    done, _ = session.stage("dem", [str(plan.dem.path), config.dem.datum, *wanted], work)
    return ground_of(done)


def ground_of(details: Mapping[str, Any]) -> Ground:
    """Return the files that the stage of the DEM made, from what it noted."""
    return Ground(Path(details["path"]), Path(details["water"]) if details.get("water") else None)


def ready_inputs(session: Session, orbits: tuple[OrbitFile, OrbitFile], ground: Ground) -> EngineInputs:
    """Gather what the engine works on, and complete the plan with orbits and ground as they are."""
    told = session.plan.warnings
    if session.plan.preliminary:
        session.plan = completed(session.plan, orbits, ground.dem)
        session.journal.header["warnings"] = list(session.plan.warnings)
    of_dem = session.journal.stages["dem"].details["warnings"]
    for text in dict.fromkeys((*session.plan.warnings, *of_dem)):
        if text not in told:
            session.reporter.warn(text)
    return engine_inputs(session.plan, ground.dem, session.choice, session.cache / HISTORY, ground.water)


def make_interferogram(session: Session, inputs: EngineInputs) -> Interferogram | None:
    """Do the stages up to the interferogram, or up to the step of the engine that is asked for.

    Parameters
    ----------
    session : Session
        The run.
    inputs : EngineInputs
        What the engine works on.
    """
    plan, radar = session.plan, session.radar
    hashes = [file.sha256 for name in ("slc", "orbits", "dem") for file in session.journal.stages[name].files]
    options = [plan.engine.fingerprint(plan.config), str(plan.looks), plan.slc.bounds, session.marks["slc"]]
    depends = [hashes, options, *filter(None, [session.own_files])]
    layers_needed = not session.journal.holds(
        "geocode", session.mark(geocode_depends(session, session.mark(depends)))
    )
    if inputs.choice.first or (layers_needed and not layers_in(radar)):
        session.journal.forget(STAGES[STAGES.index("process") :])

    def process() -> tuple[Iterable[Path], dict[str, Any], None]:
        check_resources(plan, session.prediction, session.folder, session.cache, force=session.force)
        made, cures = _process_with_larger_dem(session, inputs, make_folder(radar))
        costs = step_costs(radar)
        work = sum(disk_use(path) for path in session.folder.iterdir() if path.name != PRODUCTS)
        details = {
            "steps": {name: asdict(cost) for name, cost in costs.items()},
            "disk": max(work, *(cost.disk for cost in costs.values()), 0),
            "cures": cures,
        }
        return made.files if made else (), details, None

    if inputs.choice.last in {None, plan.engine.steps[-1]} or session.journal.holds(
        "process", session.mark(depends)
    ):
        session.stage("process", depends, process, hash_of=_hash_of_layers(radar))
        session.prove("process", only=DESCRIPTION_FILE)
        return Interferogram.load(radar)
    session.reporter.start("process")
    started = time.monotonic()
    process()
    session.reporter.end("process", time.monotonic() - started, skipped=False)
    return None


def _hash_of_layers(radar: Path) -> Callable[[Path], str]:
    """Return what gives the SHA-256 of layers: an engine may have noted it when it wrote them."""
    steps = once(lambda: Journal.open(radar / STEPS_FILE))  # when the engine has written it
    return lambda path: steps().known_sha256(path) or sha256(path)


def _process_with_larger_dem(
    session: Session, inputs: EngineInputs, radar: Path
) -> tuple[Interferogram | None, list[str]]:
    """Run the engine, once more with a larger DEM if it was too small; and give what was changed to go on."""
    cures: list[str] = []

    def tell(text: str) -> None:
        cures.append(text)
        session.reporter.warn(text)

    inputs = replace(inputs, tell=tell)
    try:
        return session.plan.engine.process(inputs, radar, session.reporter.progress), cures
    except DinsarError as error:
        if error.cure != "enlarge_dem" or inputs.choice.own_files:
            raise
        dem = session.plan.config.dem
        buffer = min(2 * dem.buffer or _FIRST_BUFFER, _MOST_BUFFER)
        larger = session.plan.config.model_copy(update={"dem": dem.model_copy(update={"buffer": buffer})})
        manager = dem_manager(larger, session.cache)
        plan = manager.plan(session.plan.ground.used, session.plan.ground.needed)
        if plan.path == inputs.dem:
            raise  # the file of the user reaches no further
        cause = error.cause.rstrip(".")  # it may end in a line of the engine, without a full stop
        tell(f"{error.problem} {cause}. The DEM is made again with a margin of {buffer:g} degrees, once.")
        made = manager.fetch(plan, session.meter.told("download"))
        water = manager.fetch_water(plan, session.meter.told("download")).path if inputs.water else None
        # not from the step that was asked for: the new DEM counts from an earlier one on
        again = replace(inputs, dem=made.path, water=water, choice=replace(inputs.choice, first=None))
        return session.plan.engine.process(again, radar, session.reporter.progress), cures


def geocode_depends(session: Session, process_mark: str) -> object:
    """Tell what the layers on the map depend on."""
    config = session.plan.config
    offsets = [config.offsets.model_dump(mode="json")] if config.offsets.enabled else []
    return [process_mark, session.plan.grid.to_dict(), config.checks.model_dump(), "far field", *offsets]
