"""A run under way: what its stages need of each other, its folder that is held, and its journal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeAlias, TypeVar

from dinsar_cli import __version__
from dinsar_cli.base.disk import human_bytes
from dinsar_cli.base.file_notes import drop_fetched, sha256_of
from dinsar_cli.base.files import fingerprint, make_folder, write_text
from dinsar_cli.base.journal import CONFIG_FILE, PRODUCTS, RADAR, RUN_FILE, STAGES, Journal, StageRecord, locked
from dinsar_cli.base.memory import bounded_raster_cache, peak_memory
from dinsar_cli.base.reporter import Reporter
from dinsar_cli.config.file import dump_commented_yaml
from dinsar_cli.config.model import RunConfig
from dinsar_cli.config.request import request_of
from dinsar_cli.engines.base import Engine, StepChoice, StepCost
from dinsar_cli.engines.costs import Setting
from dinsar_cli.errors import UsageError, did_you_mean
from dinsar_cli.formats import ALWAYS, check_formats
from dinsar_cli.geo.roi import Roi
from dinsar_cli.maps.corrections.apply import check_corrections, mid_times
from dinsar_cli.maps.extent import check_like_stays
from dinsar_cli.maps.zero.reference import check_areas
from dinsar_cli.plan.cost_forecast import HISTORY, Prediction, learn, predict, shortage, stage_setting
from dinsar_cli.plan.plan import RunPlan, plan_run
from dinsar_cli.products.folder import PairProducts, find_products
from dinsar_cli.products.other_looks import tell_of_other_looks
from dinsar_cli.sentinel1.acquisition import CommonBurst, Pair
from dinsar_cli.workflow.scenes import Meter, Supplies, supply

Made = TypeVar("Made")
Options = ParamSpec("Options")

_READS = {
    "geocode": ("process",),
    "displacement": ("geocode",),
    "products": ("geocode", "displacement"),
    "report": ("geocode", "displacement", "products"),
}
"""Stages whose files a stage reads. Each run proves orbits and DEM; images are gigabytes that are read in part."""


class DamagedFilesError(UsageError):
    """Files of a finished stage do not have the content that they were given.

    Parameters
    ----------
    stage : str
        That made them.
    files : list of str
        As in the journal.
    """

    def __init__(self, stage: str, files: Sequence[str]) -> None:
        super().__init__(
            f"{', '.join(files)} of the stage {stage} {'is' if len(files) == 1 else 'are'} damaged.",
            "The content is not that which was written: size and SHA-256 are in run.json.",
            "Run the same command again: it is made again. If this happens more than once, look at the disk.",
        )


Work: TypeAlias = Callable[Concatenate[RunConfig, Path, Path, Reporter, Options], Made]
"""Takes configuration, working folder, cache and reporter, and further arguments."""


def again_if_damaged(work: Work[Options, Made]) -> Work[Options, Made]:
    """Let a piece of work be done once more when files that an earlier run left prove to be damaged.

    They are proved by their content before they are read, and those that are damaged are made again.
    """

    @wraps(work)
    def twice(
        config: RunConfig,
        workdir: Path,
        cache: Path,
        reporter: Reporter,
        /,
        *given: Options.args,
        **named: Options.kwargs,
    ) -> Made:
        try:
            return work(config, workdir, cache, reporter, *given, **named)
        except DamagedFilesError as error:
            reporter.warn(f"{error.problem} {error.cause} It is made again.")
        return work(config, workdir, cache, reporter, *given, **named)

    return twice


@dataclass
class Session:
    """A run under way: what each stage needs of the others, and the journal.

    `made` are the stages whose files were made, or proved by their content, by this process.
    """

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
    formats: frozenset[str]
    marks: dict[str, str] = field(default_factory=dict)
    made: set[str] = field(default_factory=set)

    @property
    def radar(self) -> Path:
        """Folder of the interferogram's layers."""
        return self.folder / RADAR

    @property
    def products(self) -> Path:
        """Folder of the map."""
        return self.folder / PRODUCTS

    @property
    def name(self) -> str:
        """Name of the pair."""
        return self.plan.slc.pair.name

    @property
    def config(self) -> RunConfig:
        """What the run does."""
        return self.plan.config

    @property
    def roi(self) -> Roi | None:
        """Area that is asked for."""
        return self.plan.roi

    @property
    def times(self) -> tuple[datetime, datetime]:
        """When the middle of the scene was seen, UTC."""
        return mid_times(self.plan.slc.bursts)

    def record(self) -> dict[str, Any]:
        """Return the journal so far."""
        return self.journal.to_dict()

    def shown(self) -> PairProducts:
        """Return the products that there are so far."""
        (pair,), _ = find_products(self.folder)
        return pair

    def mark(self, depends: object) -> str:
        """Return the fingerprint of a stage that depends on something, and on this version of the program."""
        return fingerprint([__version__, depends])

    def stage(
        self,
        name: str,
        depends: object,
        work: Callable[[], tuple[Iterable[Path], dict[str, Any], Made]],
        *,
        hash_of: Callable[[Path], str] = sha256_of,
    ) -> tuple[dict[str, Any], Made | None]:
        """Do a stage unless it is done.

        Parameters
        ----------
        name : str
            Of `STAGES`.
        depends : object
            What it depends on, for JSON.
        work : callable
            Gives its files, its details for the journal, and what it hands on in memory.
        hash_of : callable
            Gives the SHA-256 of a file, for the journal.

        Returns
        -------
        details : dict
            Of this run, or of the earlier one that did the stage.
        made : object
            What `work` hands on; None where an earlier run did the stage.
        """
        mark = self.marks[name] = self.mark(depends)
        self.reporter.start(name)
        if self.journal.holds(name, mark):
            record = self.journal.stages[name]
            self.reporter.end(name, record.seconds, skipped=True)
            return record.details, None
        self._prove(name)
        self.journal.forget(STAGES[STAGES.index(name) :])
        started = time.monotonic()
        with peak_memory() as peak:
            files, details, made = work()
            seconds = time.monotonic() - started
            memory = max(peak(), *(step["peak_memory"] for step in details.get("steps", {}).values()), 0)
            noted = details | self._predicted(name)
            self.journal.put(name, StageRecord(mark, (), seconds, memory, noted), files, hash_of=hash_of)
            self.made.add(name)
            size = sum(file.size for file in self.journal.stages[name].files)
            learn(self.cache / HISTORY, name, StepCost(seconds, memory, size), self.plan.work, self.setting)
        self.reporter.end(name, seconds, skipped=False)
        return details, made

    def _prove(self, name: str) -> None:
        """Make sure that what a stage reads of earlier processes has the content that it was given."""
        for earlier in _READS.get(name, ()):
            self.prove(earlier)

    def prove(self, name: str, only: str = "") -> None:
        """Make sure that files of a stage that an earlier process did have the content that they were given.

        Parameters
        ----------
        name : str
            Of the stage.
        only : str
            Name of the one file to prove; empty for all.

        Raises
        ------
        DamagedFilesError
            When one has another content. The stage, and those after it, are then forgotten.
        """
        record = self.journal.stages.get(name)
        if record is None or name in self.made:
            return
        files = tuple(file for file in record.files if not only or Path(file.path).name == only)
        rotten = self.journal.rotten(replace(record, files=files))
        if rotten:
            for path in rotten:
                drop_fetched(self.folder / path)
            self.journal.forget(STAGES[STAGES.index(name) :])
            raise DamagedFilesError(name, rotten)
        if not only:
            self.made.add(name)

    def _predicted(self, stage: str) -> dict[str, Any]:
        """Tell what was predicted of a stage, to stand beside what it has cost."""
        known = self.prediction.to_dict()
        if stage not in known["stages"]:
            return {}
        steps = {"steps": known["steps"]} if stage == "process" else {}
        return {"predicted": known["stages"][stage] | steps}


@contextmanager
def opened(
    config: RunConfig,
    workdir: Path,
    cache: Path,
    reporter: Reporter,
    command: Sequence[str],
    choice: StepChoice,
    engine: Engine | None = None,
    *,
    force: bool,
) -> Iterator[Session]:
    """Plan a run, and hold the folder of its pair with its journal."""
    check_formats(config.output.formats)
    with bounded_raster_cache():
        meter = Meter(reporter)
        supplies = supply(request_of(config), cache, reporter, meter, engine)
        plan = plan_run(supplies.request, cache, engine)
        _check_choice(plan.engine, choice)
        check_areas(plan.config, plan.grid)
        check_like_stays(plan.config.grid.like, workdir / plan.slc.pair.name / PRODUCTS)
        pair = plan.slc.pair
        dates = (pair.reference.start.isoformat(), pair.secondary.start.isoformat())
        check_corrections(plan.config, plan.grid, plan.engine.name, dates)
        for text in plan.notes:
            reporter.note(text)
        for text in plan.warnings:
            reporter.warn(text)
        make_folder(workdir)
        formats = {*ALWAYS, *plan.config.output.beside}
        folder = workdir / pair.name
        with held(plan, folder, cache, reporter, command, supplies, meter, formats, choice, force=force) as session:
            yield session


@contextmanager
def held(
    plan: RunPlan,
    folder: Path,
    cache: Path,
    reporter: Reporter,
    command: Sequence[str],
    supplies: Supplies,
    meter: Meter,
    formats: Iterable[str],
    choice: StepChoice,
    more: Mapping[str, Any] | None = None,
    *,
    force: bool,
) -> Iterator[Session]:
    """Hold the folder of a pair that is planned, with its journal.

    Parameters
    ----------
    plan : RunPlan
    folder : Path
        Of the pair.
    cache, reporter, command, force
        As for a run.
    supplies : Supplies
        Its scenes.
    meter : Meter
        Counts what is fetched.
    formats : iterable of str
        Of the products that get pictures, beside GeoTIFFs.
    choice : StepChoice
        Which part of the engine's work is done.
    more : mapping, optional
        What else the journal says beside the stages.

    Raises
    ------
    DinsarError
        When it is held by another process, does not fit on this machine, or holds files edited by hand.
    """
    prediction = predict(plan, cache / HISTORY)
    if "process" not in Journal.open(folder / RUN_FILE).stages:
        check_resources(plan, prediction, folder, cache, force=force)
        reporter.note(
            f"expected: {prediction.seconds:.0f} s, {human_bytes(prediction.memory)} of memory, "
            f"{human_bytes(prediction.disk)} of disk"
        )
    make_folder(folder)
    make_folder(cache)
    with locked(folder):
        journal = Journal.open(folder / RUN_FILE)
        own_files = plan.engine.check_work(folder / RADAR, choice)
        journal.header = _header(plan, command, supplies) | dict(more or {})
        journal.save()
        tell_of_other_looks(folder, str(plan.looks), reporter.warn)
        write_text(folder / CONFIG_FILE, dump_commented_yaml(supplies.pinned))
        setting = stage_setting(plan.engine.name, plan.threads, plan.dem, plan.config.checks)
        yield Session(
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
            frozenset(formats),
        )


def _check_choice(engine: Engine, choice: StepChoice) -> None:
    """Refuse steps that the engine does not have, or in the wrong order."""
    for option, step in (("--from", choice.first), ("--to", choice.last)):
        if step is not None and step not in engine.steps:
            raise UsageError(
                f"{option} {step}: the engine {engine.name} has no such step.",
                f"Its steps are {', '.join(engine.steps)}.",
                f"{did_you_mean(step, engine.steps)}Name one of them.",
            )
    if choice.first and choice.last and engine.steps.index(choice.first) > engine.steps.index(choice.last):
        raise UsageError(
            f"--from {choice.first} --to {choice.last} has no steps.",
            f"{choice.last} comes before {choice.first}.",
            "Exchange them, or leave one out.",
        )


def _header(plan: RunPlan, command: Sequence[str], supplies: Supplies) -> dict[str, Any]:
    chosen = {} if supplies.record is None else {"choice": supplies.record}
    made = pair_header(plan, plan.slc.pair, plan.slc.bursts, command)
    return chosen | made | {"warnings": list(plan.warnings)}


def pair_header(plan: RunPlan, pair: Pair, bursts: Sequence[CommonBurst], command: Sequence[str]) -> dict[str, Any]:
    """Return what the journal of a pair says beside its stages.

    Parameters
    ----------
    plan : RunPlan
        How it is made.
    pair : Pair
        What is made: the pair of the plan, or another one that is made like it.
    bursts : sequence of CommonBurst
        Of the pair, in use.
    command : sequence of str
        Command line.
    """
    return {
        "dinsar": __version__,
        "updated": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": list(command),
        "pair": {
            "name": pair.name,
            "reference": [scene.name for scene in pair.reference.scenes],
            "secondary": [scene.name for scene in pair.secondary.scenes],
            "polarization": pair.polarization,
            "bursts": [f"{b.swath} {b.reference.burst.azimuth_time.isoformat()}" for b in bursts],
        },
        "engine": {"name": plan.engine.name, "versions": plan.engine.version(plan.config)},
        "looks": str(plan.looks),
        "filter_strength": plan.config.filter.strength,
        "grid": plan.grid.to_dict(),
    }


def check_resources(plan: RunPlan, prediction: Prediction, folder: Path, cache: Path, *, force: bool) -> None:
    """Refuse a run that does not fit on this machine, unless it is forced."""
    error = shortage(plan, prediction, folder, cache / HISTORY)
    if error is not None and not force:
        raise error
