"""ISCE2's topsApp as the pipeline sees it: configured, run in the resumable form, and its outputs collected."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.base.files import make_folder
from dinsar_cli.base.journal import Journal, StageRecord
from dinsar_cli.base.memory import peak_memory
from dinsar_cli.config.model import Looks, RunConfig
from dinsar_cli.engines.base import (
    STEPS_FILE,
    EngineInputs,
    Estimate,
    Forecast,
    Ground,
    Progress,
    RoughInputs,
    SceneInputs,
    StepChoice,
    StepCost,
)
from dinsar_cli.engines.costs import Setting, forecast, note
from dinsar_cli.engines.topsapp import shared_topo
from dinsar_cli.engines.topsapp.by_hand import write_scripts
from dinsar_cli.engines.topsapp.cut import around, columns_of, ground_of_columns, is_wanted, roughly_cut, with_cut
from dinsar_cli.engines.topsapp.process.installation import Installation, Search, look_for_isce2
from dinsar_cli.engines.topsapp.process.monitor import disk_used
from dinsar_cli.engines.topsapp.process.retries import cured
from dinsar_cli.engines.topsapp.process.runner import run_topsapp
from dinsar_cli.engines.topsapp.results.collect import collect
from dinsar_cli.engines.topsapp.results.dense_offsets import check_offsets, measured, read_offsets, remove_copies
from dinsar_cli.engines.topsapp.results.finished_folder import FinishedRun
from dinsar_cli.engines.topsapp.settings.columns import AllColumns
from dinsar_cli.engines.topsapp.settings.costs import OUTPUTS, laws, left, methods
from dinsar_cli.engines.topsapp.settings.execution import Manner, manner_of
from dinsar_cli.engines.topsapp.settings.file_names import INPUT_FILES
from dinsar_cli.engines.topsapp.settings.options import check_options, check_reversed
from dinsar_cli.engines.topsapp.settings.steps import (
    EVERY,
    OFFSETS,
    STEPS,
    forget_from,
    is_done,
    next_step,
    pass_over_geocode,
)
from dinsar_cli.engines.topsapp.unwrapping.early_layers import UNWRAP, EarlyLayers
from dinsar_cli.engines.topsapp.unwrapping.unseen import Unseen, remove_copies_for_unwrapper
from dinsar_cli.engines.topsapp.work import check_work, columns_for, left_by_topsapp, make_inputs, start_again
from dinsar_cli.engines.unseen import mask_mark
from dinsar_cli.errors import DinsarError, EngineError, UsageError
from dinsar_cli.geo.areas import clipped
from dinsar_cli.geo.grid import Bounds
from dinsar_cli.radar.interferogram import Interferogram
from dinsar_cli.radar.offset_field import OFFSETS_FILE
from dinsar_cli.radar.visibility import left_out
from dinsar_cli.sentinel1.acquisition import CommonBurst, Pair

logger = logging.getLogger(__name__)

_MISSIONS = ("S1A", "S1B", "S1C", "S1D")
WORK = "isce2"  # folder of topsApp, beside that of the radar layers
_LOGS = "logs"  # beside it, and left when it is removed
_TOPSAPP_SHARE = 0.99  # of the time; the rest collects its outputs
_HARMLESS_ALONE = ("no_burst_overlap",)  # what topsApp says of a single burst, and then makes its interferogram
_LEAST_SAMPLES = 2000  # four columns for a polynomial of the third order


class TopsAppEngine:
    """Engine ``isce2``: topsApp in a process of its own, in whatever environment it lives."""

    name = "isce2"
    remedy = "conda env create -f environment.yml, or set ISCE_HOME or isce2.home"
    steps: tuple[str, ...] = STEPS

    def version(self, config: RunConfig) -> dict[str, str]:
        """Return the versions of ISCE2, its Python and its GDAL."""
        found, _ = _find(config)
        if found is None:
            return {}
        return {"ISCE2" if key == "version" else f"ISCE2's {key}": text for key, text in found.versions.items()}

    def check(self, config: RunConfig, pair: Pair | None = None) -> list[str]:
        """Return the reasons why the engine cannot work here, or is too old for the satellites of a pair."""
        search = _search(config)
        if search.installation is None:
            return [search.reason]
        return [*search.installation.too_old_for(_missions(pair)), *mixed_versions(pair)]

    def advice(self, config: RunConfig, pair: Pair | None = None) -> str:
        """Tell what to do about it."""
        if mixed_versions(pair):
            return "use slices of one version (another copy in the archive), an area in one slice, or --engine eos"
        return _search(config).remedy or ("update ISCE2, or use --engine eos" if self.check(config, pair) else "")

    def cautions(self, pair: Pair) -> list[str]:
        """Tell of scenes that are narrow: the fit of the azimuth carrier then has too few columns."""
        views = [view for burst in pair.common_bursts for view in (burst.reference, burst.secondary)]
        samples = min((view.subswath.samples for view in views), default=_LEAST_SAMPLES)
        if samples >= _LEAST_SAMPLES:
            return []
        fit = f"ISCE2 fits the azimuth carrier on columns 500 apart and needs {_LEAST_SAMPLES}"
        return [f"The scenes have {samples} columns. {fit}: expect errors of phase, or use --engine eos."]

    def place(self, config: RunConfig) -> str:
        """Return its home, its Python, whether it can use a GPU, and the satellites whose scenes it reads."""
        found, _ = _find(config)
        if found is None:
            return ""
        gpu = "with" if found.gpu else "without"
        missions = " ".join(mission for mission in _MISSIONS if found.reads(mission))
        return f"{found.home} with {found.python}, {gpu} GPU, reads {missions}"

    def fingerprint(self, config: RunConfig) -> dict[str, object]:
        """Return the options on which the interferogram depends, beside the inputs and the looks."""
        return {
            "engine": self.name,
            "version": self.version(config).get("ISCE2"),
            "strength": config.filter.strength,
            "topsapp": config.topsapp.model_dump(mode="json"),
            "mask": mask_mark(config),
            **measured(config.offsets),
        }

    def ground(self, scene: SceneInputs) -> Ground:
        """Return what is seen in the columns of the bursts that topsApp is given."""
        ground = ground_of_columns(scene, columns_of(scene))
        return Ground(ground, ground)

    def rough_ground(self, bounds: Bounds, bursts: Bounds, config: RunConfig) -> Ground:
        """Return the whole bursts, of which as much as is around the area in any case is needed."""
        return Ground(bursts, clipped(around(bounds), bursts) if is_wanted(config.topsapp) else bursts)

    def estimate(self, inputs: EngineInputs) -> Estimate:
        """Give seconds, memory and disk, from the size of the bursts in use and the columns that topsApp gets."""
        inputs = with_cut(inputs, columns_of(inputs))
        steps = _forecast(inputs)
        return Estimate(steps, left(steps, inputs.work))

    def outlook(self, rough: RoughInputs) -> Estimate:
        """Return the same before it is known where in the bursts the area lies."""
        rough = roughly_cut(rough)
        steps = _forecast(rough)
        return Estimate(steps, left(steps, rough.work))

    def check_options(self, config: RunConfig, bursts: Sequence[CommonBurst]) -> None:
        """Refuse what topsApp, or this one, cannot do."""
        check_options(config.topsapp, bursts)
        if config.coregistration.esd == "require" and not config.topsapp.do_esd:
            raise UsageError(
                "coregistration.esd: require is not for this engine.",
                "It is of the engine eos; topsApp has an estimate of its own, which is off.",
                "Set topsapp.do_esd to true, or coregistration.esd to auto.",
            )
        check_reversed(config.checks)
        check_offsets(config.offsets, bursts)
        found, _ = _find(config)
        if config.topsapp.use_gpu is True and found is not None and not found.gpu:
            raise UsageError(
                "topsapp.use_gpu cannot be true here.",
                f"{found.home} was built without its GPU modules, or there is no GPU with a driver.",
                "Set topsapp.use_gpu to auto or false.",
            )

    def check_work(self, folder: Path, choice: StepChoice) -> str:
        """Refuse input files that were edited by hand, unless that is meant; then give their fingerprint."""
        return check_work(_work(folder), choice)

    def prepare(self, inputs: EngineInputs, folder: Path, *, scripts: bool) -> list[Path]:
        """Write topsApp.xml with its parts and the DEM; with scripts, an ISCE2 must be there that they can run."""
        work, (found, _) = _work(folder), _find(inputs.config)
        if scripts:
            found = self._installation(inputs)
        make_inputs(inputs, work, columns_for(inputs, work), gpu=found is not None and found.gpu)
        files = [work / name for name in INPUT_FILES]
        return [*files, *write_scripts(work, found, inputs.threads)] if scripts and found else files

    def process(self, inputs: EngineInputs, folder: Path, progress: Progress) -> Interferogram | None:
        """Make the interferogram; finished steps that no change affects are not done again."""
        installation, work = self._installation(inputs), _work(folder)
        columns = columns_for(inputs, work)
        inputs = with_cut(inputs, columns)
        if inputs.choice.first:
            make_inputs(inputs, work, columns, gpu=installation.gpu)
            start_again(work, inputs.choice.first)
        last = inputs.choice.last or STEPS[-1]
        with EarlyLayers(work, folder) as early:
            job = _Job(installation, work, columns, folder, progress, early, Unseen(inputs, folder))
            inputs = _run_with_cures(job, inputs, last)
            if last != STEPS[-1]:
                return None
            if inputs.config.offsets.enabled and not is_done(work, OFFSETS):
                _measure_offsets(job, inputs)
            progress(OUTPUTS, _TOPSAPP_SHARE)
            return _collect(job, inputs, self.version(inputs.config))

    def unwrap_conjugate(self, inputs: EngineInputs, folder: Path) -> NDArray[np.float32]:
        """Refuse: topsApp does not filter and unwrap what it has not made."""
        del folder
        check_reversed(inputs.config.checks)
        raise ValueError("only for checks.reversed: phase")

    def leftovers(self, folder: Path, *, inputs: bool = False) -> tuple[Path, ...]:
        """Return what topsApp made; its input files, which tell what it was asked for, when they are wanted."""
        return left_by_topsapp(_work(folder), inputs=inputs)

    def _installation(self, inputs: EngineInputs) -> Installation:
        search = _search(inputs.config)
        if search.installation is None:
            raise EngineError("ISCE2 cannot be run.", f"{search.reason}.", search.remedy)
        return search.installation


def _work(folder: Path) -> Path:
    """Return the working folder of topsApp, beside that of the layers."""
    return folder.resolve().parent / WORK


def _find(config: RunConfig) -> tuple[Installation | None, str]:
    search = _search(config)
    return search.installation, search.reason


def _search(config: RunConfig) -> Search:
    return look_for_isce2(config.isce2.home, config.isce2.python, config.isce2.conda_env)


def mixed_versions(pair: Pair | None) -> list[str]:
    """Tell of slices of one pass that topsApp will not put together ("Trying to combine SLC products from ...")."""
    problems = []
    for one in (pair.reference, pair.secondary) if pair else ():
        versions = sorted({scene.ipf for scene in one.scenes})
        if len(versions) > 1:
            problems.append(
                f"topsApp does not join slices of different processor versions, and those of "
                f"{one.start:%Y-%m-%d} are of IPF {' and '.join(versions)}"
            )
    return problems


def _missions(pair: Pair | None) -> set[str]:
    """Return the satellites of a pair, such as ``S1C``."""
    return {pair.reference.mission, pair.secondary.mission} if pair else set()


@dataclass(frozen=True)
class _Job:
    """A run of topsApp: with what, where, on what, for which layers, who is told, what is beside, what not.

    The columns stay those with which it began when a cure changes the looks or options.
    """

    installation: Installation
    work: Path
    columns: AllColumns
    radar: Path
    progress: Progress
    early: EarlyLayers
    unseen: Unseen


def _run_with_cures(job: _Job, inputs: EngineInputs, last: str) -> EngineInputs:
    """Run topsApp to a step; after a failure that can be cured, go on with what is told to have changed.

    Each cure is tried once. What was changed is in the inputs that are given back.
    """
    tried: set[str] = set()
    while True:
        begun = time.monotonic()
        make_inputs(inputs, job.work, job.columns, gpu=job.installation.gpu)
        start = next_step(job.work)
        if start is None or STEPS.index(start) > STEPS.index(last):
            return inputs
        try:
            start = _with_shared_topo(job, inputs, start, last)
            if STEPS.index(start) > STEPS.index(last):
                return inputs
            if last == UNWRAP and start != UNWRAP and left_out(inputs.config):
                # what is left out of the unwrapping is known when all before it is done
                _run(job, inputs, start, STEPS[-2])
                start = UNWRAP
            if start == UNWRAP:
                _keep_from_unwrapper(job, inputs)
            _run(job, inputs, start, last, time.monotonic() - begun)
            remove_copies_for_unwrapper(job.work)
        except DinsarError as error:
            job.early.drop()
            found = None if error.cure in tried else cured(error.cure, inputs, job.work)
            if found is None:
                raise
            logger.info("%s Cure: %s", error.problem, error.cure)
            tried.add(error.cure)
            inputs, told = found
            cause = error.cause.rstrip(".")  # it may end in a line of topsApp, without a full stop
            inputs.tell(f"{error.problem} {cause}. {told} It is tried once.")


def _with_shared_topo(job: _Job, inputs: EngineInputs, start: str, last: str) -> str:
    """Take the geometry that another pair has handed on, if one has; and give the step to go on with."""
    topo = STEPS.index(shared_topo.TOPO)
    if not shared_topo.is_waiting(job.work) or STEPS.index(last) < topo:
        return start
    if STEPS.index(start) < topo:
        _run(job, inputs, start, shared_topo.BEFORE)
    begun = time.monotonic()
    other = shared_topo.take(job.work)
    if other is None:
        return shared_topo.TOPO
    logger.info("%s is that of %s", shared_topo.TOPO, other)
    seconds, details = time.monotonic() - begun, {"disk": disk_used(job.work), "of": other}
    Journal.open(job.radar / STEPS_FILE).put(shared_topo.TOPO, StageRecord("", (), seconds, 0, details), [])
    return STEPS[topo + 1]


def _keep_from_unwrapper(job: _Job, inputs: EngineInputs) -> None:
    """Keep the unwrapper from cells that show no ground; where what tells them lacks, topsApp will say so."""
    try:
        run = FinishedRun.open(job.work, _looks(inputs))
    except EngineError as error:
        logger.info("What is left out of the unwrapping is not known: %s %s", error.problem, error.cause)
        return
    make_folder(job.radar)
    job.unseen.keep_from_unwrapper(run)


def _run(job: _Job, inputs: EngineInputs, start: str, last: str, spent: float = 0.0) -> None:
    """Run topsApp from one step to another, and note what each step has cost as soon as it ends.

    Of the time that it may take some seconds are spent.
    """
    if STEPS.index(shared_topo.TOPO) >= EVERY.index(start):
        shared_topo.own_files(job.work)
    journal = Journal.open(job.radar / STEPS_FILE)
    journal.forget(EVERY[EVERY.index(start) :])
    if start != OFFSETS:
        forget_from(job.work, OFFSETS)
    hours = inputs.config.isce2.timeout
    expected = _forecast(inputs)

    def done(step: str, cost: StepCost) -> None:
        journal.put(step, StageRecord("", (), cost.seconds, cost.peak_memory, {"disk": cost.disk}), [])
        _note(inputs, step, cost)

    def tell(step: str, share: float, left: float | None = None, /) -> None:
        if step == UNWRAP:
            job.early.begin(_looks(inputs))
        later = sum(cost.seconds for name, cost in expected.items() if name == OFFSETS != last)
        job.progress(step, _TOPSAPP_SHARE * share, None if left is None else left + later)

    run_topsapp(
        job.installation,
        job.work,
        start,
        last,
        manner=_manner(inputs) if start != OFFSETS else Manner(threads=inputs.threads, offsets=True),
        logs=make_folder(job.work.parent / _LOGS),
        progress=tell,
        on_step=done,
        expected={step: expected[step].seconds for step in EVERY if step in expected},
        timeout=max(0.0, hours * 3600 - spent) if hours is not None else None,
        ignore=() if _has_overlap(inputs.bursts) else _HARMLESS_ALONE,
    )


def _looks(inputs: EngineInputs) -> Looks | None:
    """Return those that the layers must have; None where the files of the user decide."""
    return None if inputs.choice.own_files else inputs.looks


def _measure_offsets(job: _Job, inputs: EngineInputs) -> None:
    """Run topsApp's dense offsets, with all cores; what the step before them would do is passed over."""
    pass_over_geocode(job.work)
    remove_copies(job.work)
    _run(job, inputs, OFFSETS, OFFSETS)


def _collect(job: _Job, inputs: EngineInputs, versions: dict[str, str]) -> Interferogram:
    """Make the layers of every engine from what topsApp left, and note what that has cost."""
    started, work, folder = time.monotonic(), job.work, job.radar
    with peak_memory() as peak:
        make_folder(folder)
        unseen = job.unseen.find(FinishedRun.open(work, _looks(inputs)))
        made = collect(
            work,
            folder,
            looks=_looks(inputs),
            dates=(inputs.pair.reference.start, inputs.pair.secondary.start),
            versions=versions,
            ionosphere=inputs.config.topsapp.do_ionosphere_correction,
            early=job.early.take(),
            unseen=unseen,
            threads=inputs.threads,
        )
        (folder / OFFSETS_FILE).unlink(missing_ok=True)  # of an earlier run
        if inputs.config.offsets.enabled:
            read_offsets(work, made).save(folder / OFFSETS_FILE)
            remove_copies(work)
        disk = disk_used(work) + sum(path.stat().st_size for path in made.files)
        _note(inputs, OUTPUTS, StepCost(time.monotonic() - started, peak(), disk))
    return made


def _note(inputs: EngineInputs, step: str, cost: StepCost) -> None:
    """Add a step to the history, unless it was done in a way that nobody knows."""
    if not inputs.choice.own_files:
        note(inputs.history, step, cost, _manner(inputs).apply(inputs.work), _setting(inputs))


def _has_overlap(bursts: Sequence[CommonBurst]) -> bool:
    """Tell whether two bursts in use are of one subswath."""
    return len({burst.swath for burst in bursts}) < len(bursts)


def _manner(inputs: EngineInputs | RoughInputs) -> Manner:
    return manner_of(inputs.config.topsapp, inputs.work, inputs.threads, inputs.memory)


def _setting(inputs: EngineInputs | RoughInputs) -> Setting:
    config = inputs.config
    how = methods(config.topsapp, _manner(inputs).bursts, config.offsets)
    return Setting(TopsAppEngine.name, inputs.threads, how)


def _forecast(inputs: EngineInputs | RoughInputs) -> dict[str, Forecast]:
    manner, options = _manner(inputs), inputs.config.topsapp
    work = manner.apply(inputs.work)
    return forecast(inputs.history, laws(options, manner.bursts, inputs.config.offsets), work, _setting(inputs))
