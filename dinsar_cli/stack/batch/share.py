"""How many runs of a batch fit side by side, and what each gets of the machine."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from dinsar_cli.base.disk import human_bytes
from dinsar_cli.base.memory import bounded_raster_cache
from dinsar_cli.catalog.scene_choice import is_wanted, plan_scenes, with_files
from dinsar_cli.config.model import RunConfig
from dinsar_cli.config.request import request_of
from dinsar_cli.errors import DinsarError, ResourceError, UsageError
from dinsar_cli.plan.catalog_plan import look_ahead
from dinsar_cli.plan.cost_forecast import HISTORY, predict
from dinsar_cli.plan.plan import allowed_memory, allowed_threads, plan_run
from dinsar_cli.stack.batch.jobs import BatchJob

logger = logging.getLogger(__name__)

_MARGIN: Final = 1.25  # of a forecast, beside which the worker itself needs some memory
_UNKNOWN: Final = 4 * 10**9  # bytes of a run of which nothing can be told
_LEAST: Final = 256 * 10**6  # bytes that `compute.memory` may be
_QUEUE_WORKERS: Final = 8
_MOST_WORKERS: Final = 1000


@dataclass(frozen=True)
class Share:
    """Workers of a batch, each of which does one run at a time.

    Attributes
    ----------
    workers, threads : int
        Runs side by side, and cores of each.
    memory : int
        Bytes of each.
    why : str
        How that follows, for people.
    """

    workers: int
    threads: int
    memory: int
    why: str

    def __str__(self) -> str:
        unit = "worker" if self.workers == 1 else "workers"
        cores = "thread" if self.threads == 1 else "threads"
        return f"{self.workers} {unit} x {self.threads} {cores} x {human_bytes(self.memory)}: {self.why}"


@dataclass(frozen=True)
class Wanted:
    """What the user says of the workers; None for what follows from what fits."""

    workers: int | None = None
    threads: int | None = None
    memory: int | None = None


def share_machine(jobs: Sequence[BatchJob], wanted: Wanted, cache: Path) -> Share:
    """Tell how many runs fit side by side on this machine, by its cores, its memory, and what one needs.

    Parameters
    ----------
    jobs : sequence of BatchJob
        That are to be done.
    wanted : Wanted
        What is given.
    cache : Path
        With what earlier runs have cost.

    Raises
    ------
    ResourceError
        When what is wanted does not fit.
    """
    whole = RunConfig()
    cores, memory = allowed_threads(whole), allowed_memory(whole)
    _check(wanted, memory)
    most = min(max(1, cores // (wanted.threads or 1)), max(1, len(jobs)))
    if wanted.workers is not None:
        workers, why = wanted.workers, "as given"
    elif wanted.memory is not None:
        workers = max(1, min(most, memory // wanted.memory))
        why = f"what fits into {cores} cores and {human_bytes(memory)}"
    else:
        need, told = need_of(jobs, most, cores, memory, cache)
        workers = max(1, min(most, memory // need))
        why = f"a run needs {told}, this machine has {cores} cores and {human_bytes(memory)} for it"
    threads = wanted.threads or max(1, cores // workers)
    return Share(workers, threads, max(wanted.memory or memory // workers, _LEAST), why)


def _check(wanted: Wanted, memory: int) -> None:
    if wanted.workers is not None and not 1 <= wanted.workers <= _MOST_WORKERS:
        raise UsageError(
            f"--workers {wanted.workers} is refused.", f"It is 1 to {_MOST_WORKERS}.", "Give another number."
        )
    asked = (wanted.workers or 1) * (wanted.memory or 0)
    if asked > memory:
        raise ResourceError(
            "The workers do not fit into the memory of this machine.",
            f"{wanted.workers or 1} x {human_bytes(wanted.memory or 0)} are asked for, {human_bytes(memory)} are "
            "there for it.",
            "Give fewer --workers or less --memory, or leave them out: they then follow from what fits.",
        )
    if wanted.workers is not None and memory // wanted.workers < _LEAST:
        raise ResourceError(
            "The workers do not fit into the memory of this machine.",
            f"Each of {wanted.workers} would have {human_bytes(memory // wanted.workers)}; a run needs "
            f"{human_bytes(_LEAST)} at least.",
            "Give fewer --workers.",
        )


def need_of(jobs: Sequence[BatchJob], most: int, cores: int, memory: int, cache: Path) -> tuple[int, str]:
    """Tell what memory a run needs, by the forecast for the one of the largest area, in bytes and in words."""
    if not jobs or most == 1:
        return 1, "no more than that"
    job = max(jobs, key=_area)
    compute = job.config.compute.model_copy(update={"threads": max(1, cores // most), "memory": memory // most})
    try:
        found = round(_MARGIN * _forecast(job.config.model_copy(update={"compute": compute}), cache))
    except DinsarError as error:  # it will be told of the run itself
        logger.info("no forecast for %s: %s %s", job.name, error.problem, error.cause)
        return _UNKNOWN, f"{human_bytes(_UNKNOWN)} (assumed)"
    return found, f"{human_bytes(found)} (forecast of {job.name})"


def _area(job: BatchJob) -> float:
    """Square degrees that a run is asked for; of one without an area, more than of any."""
    roi = request_of(job.config).roi
    return 360.0 * 180.0 if roi is None else float(roi.geometry.area)


def _forecast(config: RunConfig, cache: Path) -> int:
    """Tell the bytes of memory that a run will need at most; the catalogue is asked for its bursts."""
    request = request_of(config)
    if is_wanted(config):
        scenes = plan_scenes(request, cache)
        there = scenes.cached(cache)
        if not there.is_complete:
            return look_ahead(request, scenes, cache).prediction.memory
        request = replace(request, config=with_files(config, there.files))
    with bounded_raster_cache():
        return predict(plan_run(request, cache), cache / HISTORY).memory


def share_elsewhere(jobs: Sequence[BatchJob], wanted: Wanted, cache: Path, *, threads: int) -> Share:
    """Tell what to ask for on machines of which nothing is known: what a run needs.

    Parameters
    ----------
    jobs, wanted, cache
        As for `share_machine`.
    threads : int
        Cores of a run, where the user says nothing.
    """
    workers = wanted.workers or max(1, min(_QUEUE_WORKERS, len(jobs)))
    threads = wanted.threads or threads
    if wanted.memory is not None:
        return Share(workers, threads, wanted.memory, "as given")
    need, told = need_of(jobs, 2, 2 * threads, 2 * _UNKNOWN, cache)
    return Share(workers, threads, max(need, _UNKNOWN), f"a run needs {told}; see --workers, --threads, --memory")
