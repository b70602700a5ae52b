"""The stages of a run, in order, with resume: scenes, orbits, DEM, process, geocode, displacement, products."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dinsar_cli import __version__
from dinsar_cli.cautions import after
from dinsar_cli.configfile import dump_commented_yaml
from dinsar_cli.engines.base import StepChoice, StepCost, step_costs
from dinsar_cli.errors import DinsarError, EngineError, UsageError
from dinsar_cli.filternoise import PhaseFilter
from dinsar_cli.formats import ALWAYS, check_formats, clear_formats, product_facts, write_formats
from dinsar_cli.intermediates import disk_use, layers_in, remove_intermediates
from dinsar_cli.managers.slc import SlcManager
from dinsar_cli.memory import bounded_raster_cache, peak_memory
from dinsar_cli.planning import RunPlan, dem_manager, engine_inputs, orbit_manager, plan_run, settle
from dinsar_cli.prediction import HISTORY, Prediction, learn, predict, shortage, stage_setting
from dinsar_cli.radar import Described, Interferogram
from dinsar_cli.reference import check_areas
from dinsar_cli.stages import (
    MapFacts,
    common_tags,
    displacement_depends,
    displacement_layers,
    draw_map,
    facts_from_dict,
    facts_to_dict,
    map_layers,
)
from dinsar_cli.supply import Meter, Supplies, supply
from dinsar_cli.workspace import (
    RUN_FILE,
    STAGES,
    Journal,
    StageRecord,
    check_disk,
    fingerprint,
    human_bytes,
    locked,
    make_folder,
    write_text,
)

if TYPE_CHECKING:
    from dinsar_cli.config import RunConfig
    from dinsar_cli.engines.base import Engine, EngineInputs
    from dinsar_cli.engines.costs import Setting
    from dinsar_cli.reporter import Reporter

_FIRST_BUFFER, _MOST_BUFFER = 0.1, 2.0  # degrees around the bursts when the DEM was too small
_RADAR = "radar"  # folder of the interferogram's layers
_PRODUCTS = "products"
_ZIP_NOTES = "verified"  # folder in the cache: which zips were read to their ends
_GEOCODE_BYTES = 250_000_000  # working memory of the geocoder; more is not faster


@dataclass(frozen=True)
class RunResult:
    """What a finished run left.

    Attributes
    ----------
    folder : Path
        Folder of the pair.
    products : dict
        Files by product name.
    facts : MapFacts
        Reference point, range of displacement, components.
    interferogram : Described
        Of what the map was made: on the radar grid, or only its description.
    warnings : tuple of str
        What the user should keep in mind.
    seconds : float or None
        That this run took, with search and downloads.
    received : int
        Bytes that it has fetched.
    """

    folder: Path
    products: dict[str, Path]
    facts: MapFacts
    interferogram: Described
    warnings: tuple[str, ...]
    seconds: float | None = None
    received: int = 0


@dataclass
class _Run:
    """A run under way: what each stage needs of the others, and the journal."""

    plan: RunPlan
    folder: Path
    cache: Path
    journal: Journal
    reporter: Reporter
    choice: StepChoice
    own_files: str
    prediction: Prediction
    setting: Setting
    force: bool
    supplies: Supplies
    meter: Meter
    marks: dict[str, str] = field(default_factory=dict)

    def mark(self, depends: object) -> str:
        """Fingerprint of a stage that depends on something, and on this version of the program."""
        return fingerprint([__version__, depends])

    def stage(
        self,
        name: str,
        depends: object,
        work: Callable[[], tuple[Iterable[Path], dict[str, Any]]],
        *,
        hashed: bool = False,
    ) -> dict[str, Any]:
        """Do a stage unless it is done, and give its details."""
        mark = self.marks[name] = self.mark(depends)
        self.reporter.start(name)
        if self.journal.holds(name, mark):
            record = self.journal.stages[name]
            self.reporter.end(name, record.seconds, skipped=True)
            return record.details
        self.journal.forget(STAGES[STAGES.index(name) :])
        started = time.monotonic()
        with peak_memory() as peak:
            files, details = work()
            seconds = time.monotonic() - started
            memory = max(peak(), *(step["peak_memory"] for step in details.get("steps", {}).values()), 0)
            noted = details | self._predicted(name)
            self.journal.put(name, StageRecord(mark, (), seconds, memory, noted), files, hashed=hashed)
            made = sum(file.size for file in self.journal.stages[name].files)
            learn(self.cache / HISTORY, name, StepCost(seconds, memory, made), self.plan.work, self.setting)
        self.reporter.end(name, seconds, skipped=False)
        return details

    def _predicted(self, stage: str) -> dict[str, Any]:
        """What was predicted of a stage, to stand beside what it has cost."""
        known = self.prediction.to_dict()
        if stage not in known["stages"]:
            return {}
        steps = {"steps": known["steps"]} if stage == "process" else {}
        return {"predicted": known["stages"][stage] | steps}


def run(
    config: RunConfig,
    workdir: Path,
    cache: Path,
    reporter: Reporter,
    command: Sequence[str],
    choice: StepChoice | None = None,
    *,
    force: bool = False,
) -> RunResult:
    """Make the displacement map of a configuration, going on from what an earlier run left.

    Parameters
    ----------
    config : RunConfig
        What to do.
    workdir : Path
        Gets a folder for the pair.
    cache : Path
        Gets what several runs can share.
    reporter : Reporter
        Is told how it goes.
    command : sequence of str
        Command line, for the record.
    choice : StepChoice, optional
        Which files of the engine count; its steps are all done.
    force : bool
        Whether to start a run that does not seem to fit on this machine.

    Raises
    ------
    DinsarError
        When an input is wrong or a stage fails; what is done stays done.
    """
    started = time.monotonic()
    with _opened(config, workdir, cache, reporter, command, choice or StepChoice(), force=force) as run_:
        interferogram = _process(run_)
        if interferogram is None:
            raise ValueError("a map needs all steps of the engine")
        result = _make_products(run_, interferogram)
        result = replace(result, seconds=time.monotonic() - started, received=run_.meter.received)
        run_.journal.header["summary"] = summary(result)
        run_.journal.save()
        _tidy(run_)
    return result


def process(
    config: RunConfig,
    workdir: Path,
    cache: Path,
    reporter: Reporter,
    command: Sequence[str],
    choice: StepChoice,
    *,
    force: bool = False,
) -> tuple[Path, Interferogram | None]:
    """Make the interferogram on the radar grid, or some of the steps that lead to it.

    Parameters
    ----------
    config, workdir, cache, reporter, command, force
        As for `run`.
    choice : StepChoice
        Steps to do.

    Returns
    -------
    folder : Path
        Folder of the pair.
    interferogram : Interferogram or None
        None when not all steps are done.
    """
    with _opened(config, workdir, cache, reporter, command, choice, force=force) as run_:
        return run_.folder, _process(run_)


def write_engine_files(
    config: RunConfig, workdir: Path, cache: Path, reporter: Reporter, command: Sequence[str], *, scripts: bool
) -> list[Path]:
    """Write the input files of the engine, with scripts of its steps if wanted, and run nothing.

    The engine need not be installed, unless there are scripts to write.
    """
    from dinsar_cli.engines import engines

    engine = None if scripts else engines()["isce2" if config.engine == "auto" else config.engine]
    with _opened(config, workdir, cache, reporter, command, StepChoice(), engine, force=True) as run_:
        return run_.plan.engine.prepare(_prepare_inputs(run_), run_.folder / _RADAR, scripts=scripts)


@dataclass(frozen=True)
class FetchedData:
    """The data of a run, on the disk.

    Attributes
    ----------
    folder : Path
        Folder of the pair.
    scenes, orbits : tuple of Path
        Products and orbit files of both dates.
    dem : Path
        The prepared DEM.
    seconds : float
        That it took.
    received : int
        Bytes that were fetched.
    """

    folder: Path
    scenes: tuple[Path, ...]
    orbits: tuple[Path, ...]
    dem: Path
    seconds: float
    received: int

    @property
    def files(self) -> tuple[Path, ...]:
        """All of them."""
        return (*self.scenes, *self.orbits, self.dem)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "folder": str(self.folder),
            "scenes": [str(path) for path in self.scenes],
            "orbits": [str(path) for path in self.orbits],
            "dem": str(self.dem),
            "seconds": round(self.seconds, 1),
            "received_bytes": self.received,
        }


def fetch(config: RunConfig, workdir: Path, cache: Path, reporter: Reporter, command: Sequence[str]) -> FetchedData:
    """Do the stages before the engine: scenes, orbits and DEM. The engine need not be installed.

    Parameters
    ----------
    config, workdir, cache, reporter, command
        As for `run`.
    """
    from dinsar_cli.engines import engines, find_engine

    started, engine = time.monotonic(), None
    try:
        find_engine(config)
    except EngineError:
        engine = engines()["isce2" if config.engine == "auto" else config.engine]
    with _opened(config, workdir, cache, reporter, command, StepChoice(), engine, force=True) as run_:
        inputs = _prepare_inputs(run_)
        orbits = (inputs.reference_orbit.path, inputs.secondary_orbit.path)
        seconds, received = time.monotonic() - started, run_.meter.received
        return FetchedData(run_.folder, tuple(run_.plan.config.slc.files), orbits, inputs.dem, seconds, received)


@contextmanager
def _opened(
    config: RunConfig,
    workdir: Path,
    cache: Path,
    reporter: Reporter,
    command: Sequence[str],
    choice: StepChoice,
    engine: Engine | None = None,
    *,
    force: bool,
) -> Iterator[_Run]:
    """Plan a run, and hold the folder of its pair with its journal."""
    check_formats(config.output.formats)
    with bounded_raster_cache():
        meter = Meter(reporter)
        supplies = supply(config, cache, reporter, meter, engine)
        plan = plan_run(supplies.config, cache, engine)
        _check_choice(plan.engine, choice)
        check_areas(plan.config, plan.grid)
        for text in plan.notes:
            reporter.note(text)
        for text in plan.warnings:
            reporter.warn(text)
        prediction, folder = predict(plan, cache / HISTORY), workdir / plan.slc.pair.name
        if "process" not in Journal.open(folder / RUN_FILE).stages:
            _check_resources(plan, prediction, folder, force=force)
            reporter.note(
                f"expected: {prediction.seconds:.0f} s, {human_bytes(prediction.memory)} of memory, "
                f"{human_bytes(prediction.disk)} of disk"
            )
        make_folder(workdir)
        make_folder(folder)
        make_folder(cache)
        with locked(folder):
            journal = Journal.open(folder / RUN_FILE)
            own_files = plan.engine.check_work(folder / _RADAR, choice)
            journal.header = _header(plan, command, supplies)
            journal.save()
            write_text(folder / "dinsar.yaml", dump_commented_yaml(supplies.pinned))
            setting = stage_setting(plan)
            yield _Run(
                plan,
                folder,
                cache,
                journal,
                reporter,
                choice,
                own_files,
                prediction,
                setting,
                force,
                supplies,
                meter,
            )


def _check_choice(engine: Engine, choice: StepChoice) -> None:
    """Refuse steps that the engine does not have, or in the wrong order."""
    for option, step in (("--from", choice.first), ("--to", choice.last)):
        if step is not None and step not in engine.steps:
            raise UsageError(
                f"{option} {step}: the engine {engine.name} has no such step.",
                f"Its steps are {', '.join(engine.steps)}.",
                "Name one of them.",
            )
    if choice.first and choice.last and engine.steps.index(choice.first) > engine.steps.index(choice.last):
        raise UsageError(
            f"--from {choice.first} --to {choice.last} has no steps.",
            f"{choice.last} comes before {choice.first}.",
            "Exchange them, or leave one out.",
        )


def _header(plan: RunPlan, command: Sequence[str], supplies: Supplies) -> dict[str, Any]:
    pair = plan.slc.pair
    chosen = {} if supplies.record is None else {"choice": supplies.record}
    return chosen | {
        "dinsar": __version__,
        "updated": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": list(command),
        "pair": {
            "name": pair.name,
            "reference": [scene.name for scene in pair.reference.scenes],
            "secondary": [scene.name for scene in pair.secondary.scenes],
            "polarization": pair.polarization,
            "bursts": [f"{b.swath} {b.reference.burst.azimuth_time.isoformat()}" for b in plan.slc.bursts],
        },
        "engine": {"name": plan.engine.name, "versions": plan.engine.version(plan.config)},
        "looks": str(plan.looks),
        "filter_strength": plan.config.filter.strength,
        "grid": plan.grid.to_dict(),
        "warnings": list(plan.warnings),
    }


def _prepare_inputs(run_: _Run) -> EngineInputs:
    """Do the stages before the engine: scenes, orbits and DEM."""
    plan, slc, config = run_.plan, run_.plan.slc, run_.plan.config
    slc_manager = SlcManager(config.slc.files)
    paths = [str(path) for path in config.slc.files]

    def check_scenes() -> tuple[Iterable[Path], dict[str, Any]]:
        return slc_manager.fetch(slc, run_.cache / _ZIP_NOTES, run_.reporter.progress), run_.supplies.details

    run_.stage("slc", [paths, run_.journal.header["pair"]], check_scenes, hashed=True)
    orbits = orbit_manager(config, run_.cache)

    def get_orbits() -> tuple[Iterable[Path], dict[str, Any]]:
        paths = [orbits.fetch(choice, run_.meter.told("download")).path for choice in plan.orbits]
        return paths, {
            "kinds": [choice.kind for choice in plan.orbits],
            "urls": [one.origin for one in plan.orbits],
        }

    def prepare_dem() -> tuple[Iterable[Path], dict[str, Any]]:
        made = dem_manager(config, run_.cache).fetch(plan.dem, run_.meter.told("download"))
        details = {
            "path": str(made.path),
            "source": None if config.dem.file else config.dem.source,
            "file": config.dem.file.name if config.dem.file else None,
            "datum_from": made.datum_from,
            "voids_filled": made.voids_filled,
            "filled_from_coarser": made.filled_from_coarser,
            "warnings": list(made.warnings),
        }
        return [made.path], details

    run_.stage("orbits", [str(choice.path) for choice in plan.orbits], get_orbits, hashed=True)
    dem = run_.stage("dem", [str(plan.dem.path), config.dem.datum], prepare_dem, hashed=True)
    files = plan.orbit_files
    if plan.preliminary:
        files = (orbits.fetch(plan.orbits[0]), orbits.fetch(plan.orbits[1]))
        run_.plan = settle(plan, files, Path(dem["path"]))
        run_.journal.header["warnings"] = list(run_.plan.warnings)
    for text in dict.fromkeys((*run_.plan.warnings, *dem["warnings"])):
        if text not in plan.warnings:
            run_.reporter.warn(text)
    return engine_inputs(run_.plan, files, Path(dem["path"]), run_.choice, run_.cache / HISTORY)


def _process(run_: _Run) -> Interferogram | None:
    """Do the stages up to the interferogram, or up to the step of the engine that is asked for."""
    inputs = _prepare_inputs(run_)
    plan, radar = run_.plan, run_.folder / _RADAR
    hashes = [file.sha256 for name in ("slc", "orbits", "dem") for file in run_.journal.stages[name].files]
    options = [plan.engine.fingerprint(plan.config), str(plan.looks), plan.slc.bounds, run_.marks["slc"]]
    depends = [hashes, options, *filter(None, [run_.own_files])]
    layers_needed = not run_.journal.holds("geocode", run_.mark(_geocode_depends(run_, run_.mark(depends))))
    if inputs.choice.first or (layers_needed and not layers_in(radar)):
        run_.journal.forget(STAGES[STAGES.index("process") :])

    def process() -> tuple[Iterable[Path], dict[str, Any]]:
        _check_resources(plan, run_.prediction, run_.folder, force=run_.force)
        made, cures = _process_with_larger_dem(run_, inputs, make_folder(radar))
        costs = step_costs(radar)
        work = sum(disk_use(path) for path in run_.folder.iterdir() if path.name != _PRODUCTS)
        details = {
            "steps": {name: asdict(cost) for name, cost in costs.items()},
            "disk": max(work, *(cost.disk for cost in costs.values()), 0),
            "cures": cures,
        }
        return made.files if made else (), details

    if inputs.choice.last in {None, plan.engine.steps[-1]} or run_.journal.holds("process", run_.mark(depends)):
        run_.stage("process", depends, process)
        return Interferogram.load(radar)
    run_.reporter.start("process")
    started = time.monotonic()
    process()
    run_.reporter.end("process", time.monotonic() - started, skipped=False)
    return None


def _process_with_larger_dem(
    run_: _Run, inputs: EngineInputs, radar: Path
) -> tuple[Interferogram | None, list[str]]:
    """Run the engine, once more with a larger DEM if it was too small; and give what was changed to go on."""
    cures: list[str] = []

    def tell(text: str) -> None:
        cures.append(text)
        run_.reporter.warn(text)

    inputs = replace(inputs, tell=tell)
    try:
        return run_.plan.engine.process(inputs, radar, run_.reporter.progress), cures
    except DinsarError as error:
        if error.cure != "enlarge_dem" or inputs.choice.own_files:
            raise
        dem = run_.plan.config.dem
        buffer = min(2 * dem.buffer or _FIRST_BUFFER, _MOST_BUFFER)
        larger = run_.plan.config.model_copy(update={"dem": dem.model_copy(update={"buffer": buffer})})
        manager = dem_manager(larger, run_.cache)
        plan = manager.plan(run_.plan.slc.burst_bounds)
        if plan.path == inputs.dem:
            raise  # the file of the user reaches no further
        cause = error.cause.rstrip(".")  # it may end in a line of the engine, without a full stop
        tell(f"{error.problem} {cause}. The DEM is made again with a margin of {buffer:g} degrees, once.")
        made = manager.fetch(plan, run_.meter.told("download"))
        # not from the step that was asked for: the new DEM counts from an earlier one on
        again = replace(inputs, dem=made.path, choice=replace(inputs.choice, first=None))
        return run_.plan.engine.process(again, radar, run_.reporter.progress), cures


def _geocode_depends(run_: _Run, process_mark: str) -> object:
    return [process_mark, run_.plan.grid.to_dict()]


def _make_products(run_: _Run, interferogram: Interferogram) -> RunResult:
    plan, config, grid = run_.plan, run_.plan.config, run_.plan.grid
    folder = make_folder(run_.folder / _PRODUCTS)
    tags = common_tags(interferogram, plan.engine.name, __version__)
    products: dict[str, Path] = {}

    def geocode() -> tuple[Iterable[Path], dict[str, Any]]:
        if not run_.force:
            check_disk(run_.folder, run_.prediction.products, "the products")
        memory = min(plan.memory // 4, _GEOCODE_BYTES)
        made = map_layers(
            interferogram,
            grid,
            folder,
            tags,
            memory,
            lambda share: run_.reporter.progress("layers", share),
            PhaseFilter(plan.engine.name, config.filter.strength),
        )
        return made.values(), {"products": {name: path.name for name, path in made.items()}}

    def displace() -> tuple[Iterable[Path], dict[str, Any]]:
        made, facts = displacement_layers(config, grid, interferogram.wavelength, folder, tags)
        details = {"products": {name: path.name for name, path in made.items()}, "facts": facts_to_dict(facts)}
        return made.values(), details

    formats = {*ALWAYS, *config.output.formats}

    def draw() -> tuple[Iterable[Path], dict[str, Any]]:
        clear_formats(folder, formats)
        made = draw_map(grid, folder, facts, interferogram, f"{run_.folder.name}  line-of-sight displacement")
        written = write_formats(product_facts(folder, run_.folder.name, run_.journal.to_dict()), formats)
        first = made | {name: files[0] for name, files in written.items() if files}
        details = {"products": {name: path.relative_to(folder).as_posix() for name, path in first.items()}}
        return [*made.values(), *chain.from_iterable(written.values())], details

    geocoded = run_.stage("geocode", _geocode_depends(run_, run_.marks["process"]), geocode, hashed=True)
    displaced = run_.stage(
        "displacement", [run_.marks["geocode"], displacement_depends(config)], displace, hashed=True
    )
    facts = facts_from_dict(displaced["facts"])
    drawn = run_.stage("products", [run_.marks["displacement"], sorted(formats)], draw, hashed=True)
    for details in (displaced, geocoded, drawn):
        products |= {name: folder / file for name, file in details["products"].items()}
    warnings = [*plan.warnings, *map_warnings(facts)]
    for text in map_warnings(facts):
        run_.reporter.warn(text)
    return RunResult(run_.folder, products, facts, interferogram, tuple(warnings))


def map_warnings(facts: MapFacts) -> list[str]:
    """What the user should keep in mind of a map."""
    warnings = after(facts.low_coherence)
    others = sum(share for label, share in facts.components.items() if label not in {"0", "1"})
    if others:
        warnings.append(
            f"{others:.1%} of the map lies in other connected components than the largest: their displacement may "
            "be wrong by whole half wavelengths (2.8 cm). See connected_components.tif."
        )
    if facts.ramp is not None:
        warnings.append(
            f"A ramp ({facts.ramp['kind']}) was fitted to the displacement and taken off, see ramp.tif: it follows "
            f"{facts.ramp['followed']:.0%} of the map, and deformation as wide as the map went with it."
        )
    return warnings


def _tidy(run_: _Run) -> None:
    """Remove the intermediate files that the configuration does not keep, and tell how much that freed."""
    freed = remove_intermediates(run_.plan.config, run_.plan.engine, run_.folder / _RADAR, run_.journal)
    if freed:
        run_.journal.header["freed_bytes"] = run_.journal.header.get("freed_bytes", 0) + freed
        run_.journal.save()
        run_.reporter.note(
            f"{human_bytes(freed)} of intermediate files were removed (output.intermediates: "
            f"{run_.plan.config.output.intermediates})"
        )


def _check_resources(plan: RunPlan, prediction: Prediction, folder: Path, *, force: bool) -> None:
    """Refuse a run that does not fit on this machine, unless it is forced."""
    error = shortage(plan, prediction, folder)
    if error is not None and not force:
        raise error


def summary(result: RunResult) -> dict[str, Any]:
    """What a finished run says, for people and for ``--json``."""
    interferogram, facts = result.interferogram, result.facts
    return {
        "folder": str(result.folder),
        "reference_date": interferogram.reference_date,
        "secondary_date": interferogram.secondary_date,
        "perpendicular_baseline_m": _rounded(interferogram.perpendicular_baseline, 2),
        "looks": None if interferogram.looks is None else "x".join(str(n) for n in interferogram.looks),
        "sign": "positive toward the satellite",
        "los_displacement_m": {"p02": round(facts.lowest, 5), "p98": round(facts.highest, 5)},
        "mean_coherence": _rounded(facts.mean_coherence, 3),
        "los_sigma_m": {
            "median": _rounded(facts.median_sigma, 6),
            "excludes": "atmosphere, orbit errors, wrong cycles",
        },
        "reference_point": None
        if facts.reference is None
        else {
            "lon": facts.longitude,
            "lat": facts.latitude,
            "coherence": _rounded(facts.reference.coherence, 3),
            "offset_from_median_m": round(facts.reference.offset, 5),
        },
        "masked": {name: round(share, 4) for name, share in facts.masked.items()},
        "ramp": facts.ramp,
        "components": {label: round(share, 4) for label, share in facts.components.items()},
        "products": {name: str(path) for name, path in result.products.items()},
        "warnings": list(result.warnings),
        "seconds": _rounded(result.seconds, 1),
        "received_bytes": result.received,
    }


def _rounded(value: float | None, digits: int) -> float | None:
    """A number for JSON; None where it is not known."""
    return None if value is None or math.isnan(value) else round(value, digits)
