"""A batch under way: runs are handed to workers, tried again by the kind of error, noted in ``batch.json``."""

from __future__ import annotations

import heapq
import logging
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from dinsar_cli.base.files import make_folder, write_text
from dinsar_cli.base.journal import locked
from dinsar_cli.config.file import dump_commented_yaml
from dinsar_cli.config.model import RunConfig
from dinsar_cli.errors import DinsarError, ExitCode
from dinsar_cli.stack.batch.cluster import Cluster, lost, open_cluster
from dinsar_cli.stack.batch.jobs import BatchJob
from dinsar_cli.stack.batch.page import write_batch_page
from dinsar_cli.stack.batch.share import Share
from dinsar_cli.stack.batch.state import BatchState, JobRecord
from dinsar_cli.stack.batch.work import JOB_FILE, LOG_FILE, Order, carry_out, last_line

logger = logging.getLogger(__name__)

KILLED: Final = 128
"""Exit codes above it are those of runs that a signal has ended."""

_TICK: Final = 0.25  # s between two looks at the runs
_KEEP: Final = 15.0  # s between two looks at the workers
_FAREWELL: Final = 30.0  # s that runs get to end
_STOP: Final = ".stop-"


@dataclass(frozen=True)
class Patience:
    """How often a run is tried again, and after what time, by the kind of its error.

    Attributes
    ----------
    network, killed : tuple of float
        Seconds to wait before each further try, after a failure of the network or a kill.
    engine : tuple of float
        The same after the engine has failed.
    """

    network: tuple[float, ...] = (30.0, 120.0, 480.0)
    killed: tuple[float, ...] = (2.0, 10.0, 30.0, 60.0)
    engine: tuple[float, ...] = (5.0,)

    def waits(self, code: int) -> tuple[float, ...]:
        """Return the seconds before each further try after an exit code; none where nothing would be different."""
        if code > KILLED and code != ExitCode.INTERRUPTED:
            return self.killed
        return {ExitCode.NETWORK.value: self.network, ExitCode.ENGINE.value: self.engine}.get(code, ())


_FINAL: Final = frozenset({ExitCode.USAGE, ExitCode.NO_DATA, ExitCode.CREDENTIALS})


class BatchReporter(Protocol):
    """Who is told how a batch goes."""

    def note(self, text: str) -> None:
        """Tell a fact."""

    def warn(self, text: str) -> None:
        """Tell a fact that the user should keep in mind."""

    def ended(self, record: JobRecord) -> None:
        """Tell that a run has ended, or is going to be tried again."""

    def show(self, counts: Mapping[str, int], running: Sequence[tuple[str, float, str]]) -> None:
        """Tell how many runs are in each state, and of those that run name, seconds, and what they said last."""


@dataclass
class _Running:
    job: BatchJob
    future: Any
    log: Path
    submitted: float
    begun: float | None = None


@dataclass
class Batch:
    """A batch: what there is to do, and where.

    Attributes
    ----------
    jobs : list of BatchJob
        All of the file.
    workdir, cache : Path
        Folder of the folders of the runs; what all share.
    source : Path
        The file.
    reporter : BatchReporter
    patience : Patience
    """

    jobs: list[BatchJob]
    workdir: Path
    cache: Path
    source: Path
    reporter: BatchReporter
    patience: Patience = field(default_factory=Patience)

    def run(self, where: str, share: Share, options: Mapping[str, str]) -> BatchState:
        """Do all runs that are not done, and write the page that lists the maps.

        Parameters
        ----------
        where : str
            ``local``, a queue, or the address of a scheduler.
        share : Share
            Workers to start, and what each gets.
        options : mapping
            For a queue.

        Raises
        ------
        DinsarError
            When the workers cannot be had; failures of runs are in what is returned.
        KeyboardInterrupt
            After the runs under way have been ended, and the state has been saved.
        """
        make_folder(self.workdir)
        make_folder(self.cache)
        with locked(self.workdir):
            for left in self.workdir.glob(f"{_STOP}*"):
                left.unlink(missing_ok=True)
            state = BatchState(self.workdir, self.jobs, self.source)
            todo = state.prepare(self.jobs)
            if len(todo) < len(self.jobs):
                self.reporter.note(f"{len(self.jobs) - len(todo)} of {len(self.jobs)} runs are done already")
            state.save()
            try:
                if todo:
                    logs = make_folder(self.workdir / "logs")
                    with open_cluster(where, share, options, logs) as cluster:
                        self.reporter.note(str(cluster.share))
                        _Queue(self, state, cluster, where, todo).work()
            finally:
                state.save()
                self._write_page(state)
        return state

    def _write_page(self, state: BatchState) -> None:
        try:
            write_batch_page(self.workdir, state.jobs.values())
        except DinsarError as error:
            self.reporter.warn(f"{error.problem} {error.cause}")


class _Queue:
    """The runs that are waiting, and those at the workers: never more of these than there are workers."""

    def __init__(
        self, batch: Batch, state: BatchState, cluster: Cluster, where: str, todo: Iterable[BatchJob]
    ) -> None:
        self._batch = batch
        self._state = state
        self._cluster = cluster
        self._where = where
        self._waiting = list(reversed(list(todo)))
        self._later: list[tuple[float, int, BatchJob]] = []  # when, to keep the order, what
        self._alone: list[BatchJob] = []  # for want of memory: when nothing else runs
        self._running: dict[str, _Running] = {}
        self._tries: dict[str, int] = {}
        self._stop = batch.workdir / f"{_STOP}{secrets.token_hex(6)}"
        self._kept = time.monotonic()
        self._single = False

    def work(self) -> None:
        """Do all runs."""
        try:
            while self._waiting or self._later or self._alone or self._running:
                self._fill()
                time.sleep(_TICK)
                self._look()
                self._state.save(soon=True)
        except KeyboardInterrupt:
            self._end()
            raise
        finally:
            for one in self._running.values():
                self._state.jobs[one.job.name].state = "queued"
            self._stop.unlink(missing_ok=True)

    # --- handing out --------------------------------------------------------------------------------------------

    def _fill(self) -> None:
        """Hand out runs, until each worker has one."""
        now = time.monotonic()
        while self._later and self._later[0][0] <= now:
            self._waiting.append(heapq.heappop(self._later)[2])
        while self._waiting and len(self._running) < self._slots:
            self._hand_out(self._waiting.pop())
        if self._alone and not self._running and not self._waiting and not self._later:
            self._single = True
            self._hand_out(self._alone.pop(0))

    @property
    def _slots(self) -> int:
        """Runs that may be at the workers: as many as there are now, when they are those of somebody else."""
        if self._single:
            return 1
        if self._cluster.own:
            return self._cluster.share.workers
        try:
            return max(1, sum(self._cluster.client.nthreads().values()))
        except OSError as error:
            raise lost(self._where) from error

    def _hand_out(self, job: BatchJob) -> None:
        folder = make_folder(self._batch.workdir / job.name)
        (folder / LOG_FILE).unlink(missing_ok=True)  # when it comes again, the run has begun
        write_text(folder / JOB_FILE, dump_commented_yaml(self._config(job)))
        order = Order(job.name, str(folder.resolve()), str(self._batch.cache.resolve()), str(self._stop.resolve()))
        record = self._state.jobs[job.name]
        record.attempts += 1
        key = f"dinsar-{job.name}-{secrets.token_hex(4)}"  # never that of an earlier try
        future = self._cluster.client.submit(carry_out, order, key=key, pure=False)
        self._running[job.name] = _Running(job, future, folder / LOG_FILE, time.monotonic())

    def _config(self, job: BatchJob) -> RunConfig:
        """Return the configuration of a run with its share of the machine, where it does not say what it wants."""
        share, compute = self._cluster.share, job.config.compute
        many = share.workers if self._single and self._where == "local" else 1
        given = {"threads": share.threads * many, "memory": share.memory * many}
        new = {name: value for name, value in given.items() if getattr(compute, name) == "auto"}
        return job.config.model_copy(update={"compute": compute.model_copy(update=new)})

    # --- what comes back ----------------------------------------------------------------------------------------

    def _look(self) -> None:
        """See which runs have ended, and tell how the others go."""
        for one in list(self._running.values()):
            if one.future.done():
                del self._running[one.job.name]
                self._settle(one)
        now, shown = time.monotonic(), []
        for one in self._running.values():
            line = last_line(one.log)
            if line is not None:
                one.begun = one.begun or now
                self._state.jobs[one.job.name].state = "running"
                shown.append((one.job.name, now - one.begun, line))
        self._batch.reporter.show(self._state.counts, shown)
        if now - self._kept > _KEEP:
            self._cluster.keep()
            self._kept = now

    def _settle(self, one: _Running) -> None:
        """Note how a run has ended, and decide whether it is tried again."""
        told, record = self._outcome(one), self._state.jobs[one.job.name]
        code = int(told["code"])
        record.exit_code, record.error = code, told["error"]
        record.seconds, record.host = told["seconds"], told["host"]
        if code == ExitCode.OK:
            record.state, record.figures = "done", told["figures"]
            record.folder = f"{one.job.name}/{told['folder']}"
        elif not self._again(one.job, code):
            record.state = "refused" if code in _FINAL else "failed"
        else:
            record.state = "queued"
        self._batch.reporter.ended(record)
        logger.info("%s: %s, exit code %d, attempt %d", record.name, record.state, code, record.attempts)

    def _again(self, job: BatchJob, code: int) -> bool:
        """Put a run back to be tried again, if that may help; tell whether."""
        if code == ExitCode.RESOURCES and not self._single:
            self._alone.append(job)
            return True
        waits, tried = self._batch.patience.waits(code), self._tries.get(job.name, 0)
        if tried >= len(waits):
            return False
        self._tries[job.name] = tried + 1
        heapq.heappush(self._later, (time.monotonic() + waits[tried], time.monotonic_ns(), job))
        return True

    def _outcome(self, one: _Running) -> dict[str, Any]:
        """Return how a run went; the loss of its worker counts as a kill.

        Raises
        ------
        DinsarError
            When the scheduler has gone.
        """
        status = one.future.status
        if status == "finished":
            return dict(one.future.result())
        seconds = round(time.monotonic() - one.submitted, 1)
        told = {"seconds": seconds, "host": "", "figures": {}}
        if status != "error":  # cancelled or lost, and nobody here has cancelled it
            self._running[one.job.name] = one
            raise lost(self._where)
        error = one.future.exception()
        if type(error).__name__ == "KilledWorker":
            problem, cause, code = "The worker was killed.", "It ended in the middle of this run.", KILLED + 9
        else:
            problem, code = "The worker has failed.", int(ExitCode.UNEXPECTED)
            cause = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}."
        remedy = "Run the same command again: it goes on from there."
        return told | {"code": code, "error": {"problem": problem, "cause": cause, "remedy": remedy}}

    # --- the end ------------------------------------------------------------------------------------------------

    def _end(self) -> None:
        """End the runs under way in order: each worker ends its own, and what is done of it stays."""
        self._batch.reporter.note("ending the runs under way; once more Ctrl-C to end at once")
        write_text(self._stop, "The batch was interrupted.\n")
        until = time.monotonic() + _FAREWELL
        while self._running and time.monotonic() < until:
            for name, one in list(self._running.items()):
                if one.future.done():
                    if one.future.status == "finished" and one.future.result()["code"] == ExitCode.OK:
                        self._settle(one)
                    else:
                        self._state.jobs[name].state = "queued"
                    del self._running[name]
            time.sleep(_TICK)
