"""Where the runs of a batch are done: this machine, a queue (SLURM, PBS, LSF), or a scheduler that is there."""

from __future__ import annotations

import inspect
import logging
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from dinsar_cli.errors import DinsarError, EngineError, NetworkError, UsageError
from dinsar_cli.stack.batch.share import Share

logger = logging.getLogger(__name__)

QUEUES: Final = {"slurm": "SLURMCluster", "pbs": "PBSCluster", "lsf": "LSFCluster"}
_SUBMITS: Final = {"slurm": "sbatch", "pbs": "qsub", "lsf": "bsub"}
_ADDRESS: Final = re.compile(r"(?:(?:tcp|tls|ws|wss|ucx)://)?(?:\[[0-9a-fA-F:]+\]|[\w.-]+):\d{1,5}")
_LISTS: Final = frozenset(
    {"worker_extra_args", "job_extra_directives", "job_directives_skip", "job_script_prologue"}
)
_OURS: Final = frozenset(
    {"self", "asynchronous", "cluster", "config_name", "cores", "dashboard_address", "job_cls", "loop", "memory"}
    | {"n_workers", "name", "nanny", "processes", "scheduler", "scheduler_cls", "scheduler_options", "security"}
    | {"silence_logs"}
)
_OLD: Final = frozenset({"extra", "job_extra", "env_extra", "header_skip"})
_OF_SCHEDULER: Final = ("host", "port")
_ANSWER: Final = "10s"  # to wait for a scheduler
_SETTINGS: Final = {
    "distributed.scheduler.worker-saturation": 1.0,  # a worker has no runs in hand but the one that it does
    "distributed.scheduler.allowed-failures": 0,  # what is done after the loss of a worker is ours to say
    "distributed.worker.memory.terminate": False,  # a worker itself needs little; its run ends by itself
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.target": False,
    # Ctrl-C in a terminal is for the command, which tells the workers what to do
    "distributed.worker.preload": ["import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"],
    "distributed.comm.timeouts.connect": _ANSWER,
    "distributed.admin.low-level-log-length": 100,
}


@dataclass(frozen=True)
class Cluster:
    """Workers that are there.

    Attributes
    ----------
    client : distributed.Client
    share : Share
        What each has.
    own : bool
        Whether it is ours, and ends with the batch.
    made : dask_jobqueue.JobQueueCluster or None
        The jobs in a queue, when they are ours.
    """

    client: Any
    share: Share
    own: bool
    made: Any = None

    def keep(self) -> None:
        """Ask again for workers that a queue has ended, by its limit of time or for other reasons."""
        if self.made is not None:
            try:
                _ask_for(self.made, self.share.workers)
            except (RuntimeError, OSError) as error:
                logger.warning("the queue gives no further workers: %s", error)


def check_dask(where: str) -> None:
    """Make sure that Dask is installed here, with what the kind of cluster needs.

    Raises
    ------
    UsageError
        When it is not.
    """
    needed = ["dask", "distributed", *(["dask_jobqueue"] if where in QUEUES else [])]
    missing = [name for name in needed if find_spec(name) is None]
    if missing:
        names = " ".join(name.replace("_", "-") for name in ("dask", "distributed", "dask_jobqueue"))
        raise UsageError(
            "A batch cannot be run here.",
            f"Not installed, but needed: {', '.join(missing)}.",
            f"Install it with: {sys.executable} -m pip install {names}",
        )


def check_where(where: str, options: Mapping[str, str]) -> None:
    """Refuse a kind of cluster that there is not, and options that it does not have.

    Raises
    ------
    UsageError
        When one is wrong.
    """
    if where not in ("local", *QUEUES) and not _ADDRESS.fullmatch(where):
        raise UsageError(
            f"--cluster {where[:80]} is not known.",
            f"It is local, {', '.join(QUEUES)}, or the address of a scheduler of Dask, as tcp://HOST:8786.",
            "Give one of them.",
        )
    if options and where not in QUEUES:
        raise UsageError(
            f"--cluster-options {next(iter(options))} has no meaning with --cluster {where}.",
            f"They are for the queues {', '.join(QUEUES)}.",
            "Leave them out.",
        )


def queue_options(where: str, options: Mapping[str, str]) -> dict[str, Any]:
    """Return the options of a queue as dask-jobqueue takes them.

    Raises
    ------
    UsageError
        When one is unknown to it.
    """
    known = _known_options(where)
    unknown = [name for name in options if name not in known]
    if unknown:
        raise UsageError(
            f"--cluster-options {', '.join(unknown)}: unknown to {QUEUES[where]} of dask-jobqueue.",
            f"It has {', '.join(sorted(known))}.",
            "Give KEY=VALUE with one of them; lists with ';' between, such as job_extra_directives.",
        )
    return {name: value.split(";") if name in _LISTS else _number(value) for name, value in options.items()}


def _number(value: str) -> object:
    return int(value) if re.fullmatch(r"\d{1,9}", value) else value


def _known_options(where: str) -> set[str]:
    import dask_jobqueue
    from dask_jobqueue.core import Job, JobQueueCluster

    kinds = (getattr(dask_jobqueue, QUEUES[where]).job_cls, Job, JobQueueCluster)
    names = {name for kind in kinds for name in inspect.signature(kind.__init__).parameters}
    old = _OLD | ({"project"} if "account" in names else set())
    return {name for name in names if not name.endswith("kwargs")} - _OURS - old | set(_OF_SCHEDULER)


def job_script(where: str, share: Share, options: Mapping[str, str], logs: Path) -> str:
    """Return the script with which dask-jobqueue asks a queue for a worker.

    Raises
    ------
    UsageError
        When an option is unknown.
    """
    # dask-jobqueue makes the folder at once, and nothing is to be written
    with tempfile.TemporaryDirectory() as folder, _queue_cluster(where, share, options, Path(folder)) as cluster:
        return str(cluster.job_script()).replace(folder, str(logs.absolute()))


@contextmanager
def open_cluster(where: str, share: Share, options: Mapping[str, str], logs: Path) -> Iterator[Cluster]:
    """Start workers, or find those of a scheduler; what was started is ended.

    Parameters
    ----------
    where : str
        ``local``, a queue, or an address.
    share : Share
        Workers to start.
    options : mapping
        For a queue.
    logs : Path
        Folder in which a queue puts what its jobs say.

    Raises
    ------
    UsageError
        When Dask is not installed, or an option is unknown.
    NetworkError
        When the scheduler does not answer.
    EngineError
        When the queue cannot be used.
    """
    check_dask(where)
    if where in QUEUES and shutil.which(_SUBMITS[where]) is None:
        raise _no_queue(where, FileNotFoundError("there is no such command"))
    import dask
    import distributed  # noqa: F401 (sets up its log, which is silenced then)

    with dask.config.set(_SETTINGS), _silent("distributed", "asyncio", "tornado"):
        if where == "local":
            opened = _local(share)
        elif where in QUEUES:
            opened = _queue(where, share, options, logs)
        else:
            opened = _found(where, share)
        with opened as cluster:
            yield cluster


@contextmanager
def _silent(*names: str) -> Iterator[None]:
    """Keep to itself what libraries log: what matters of it becomes the state of a run, or an error."""
    known = [*names, *(name for name in logging.root.manager.loggerDict if name.startswith(names))]
    loggers = [logging.getLogger(name) for name in known]  # some of theirs have a level of their own
    before = [one.level for one in loggers]
    for one in loggers:
        one.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for one, level in zip(loggers, before, strict=True):
            one.setLevel(level)


@contextmanager
def _local(share: Share) -> Iterator[Cluster]:
    from distributed import Client, LocalCluster

    made = LocalCluster(
        n_workers=share.workers,
        threads_per_worker=1,
        processes=True,
        memory_limit=0,
        dashboard_address="127.0.0.1:0",
        silence_logs="CRITICAL",
    )
    with _ending(made), Client(made) as client:
        yield Cluster(client, share, own=True)


@contextmanager
def _queue(where: str, share: Share, options: Mapping[str, str], logs: Path) -> Iterator[Cluster]:
    from distributed import Client

    with _queue_cluster(where, share, options, logs) as made:
        try:
            _ask_for(made, share.workers)
            client = Client(made)
        except (RuntimeError, OSError) as error:
            raise _no_queue(where, error) from error
        with client:
            yield Cluster(client, share, own=True, made=made)


def _ask_for(made: Any, count: int) -> None:
    """Submit jobs until there are as many workers as are wanted.

    ``scale`` of Dask would not tell that the queue refuses them.

    Raises
    ------
    RuntimeError, OSError
        When the queue refuses.
    """
    while len(made.worker_spec) < count:
        made.worker_spec.update(made.new_worker_spec())
    if set(made.worker_spec) - set(made.workers):
        made.sync(made._correct_state)  # noqa: SLF001


@contextmanager
def _queue_cluster(where: str, share: Share, options: Mapping[str, str], logs: Path) -> Iterator[Any]:
    """Make the cluster of a queue, which asks for nothing yet."""
    check_dask(where)
    import dask_jobqueue

    given = queue_options(where, options)
    scheduler = {name: given.pop(name) for name in _OF_SCHEDULER if name in given}
    size = f"{share.memory // 10**6}MB"
    # one run at a time in each worker, which gets all cores of its job
    cores: dict[str, dict[str, Any]] = {
        "slurm": {"job_cpu": share.threads},
        "pbs": {"resource_spec": f"select=1:ncpus={share.threads}:mem={size}"},
        "lsf": {"ncpus": share.threads, "mem": share.memory},
    }
    settled = {
        "cores": 1,
        "processes": 1,
        "memory": size,
        "python": sys.executable,
        "log_directory": str(logs),
        "job_name": "dinsar-batch",
        "dashboard_address": None,
        "silence_logs": "CRITICAL",
        "scheduler_options": {"dashboard_address": ":0"} | scheduler,
    }
    try:
        made = getattr(dask_jobqueue, QUEUES[where])(**(settled | cores[where] | given))
    except (RuntimeError, OSError, ValueError, TypeError) as error:
        raise _no_queue(where, error) from error
    with _ending(made):
        yield made


@contextmanager
def _ending(made: Any) -> Iterator[None]:
    """End a cluster of ours, also when some of it is gone already."""
    try:
        yield
    finally:
        # of jobs that a queue has refused, Dask is not sure whether there are any (an AssertionError)
        with suppress(OSError, RuntimeError, TimeoutError, AssertionError):
            made.close(timeout=20)


@contextmanager
def _found(address: str, share: Share) -> Iterator[Cluster]:
    from distributed import Client

    try:
        client = Client(address, timeout=_ANSWER)
    except (OSError, TimeoutError, ValueError) as error:
        raise NetworkError(
            f"The scheduler at {address} does not answer.",
            f"{str(error).splitlines()[0] if str(error) else type(error).__name__}.",
            "Start it (dask scheduler) and its workers (dask worker ADDRESS --nthreads 1), or leave --cluster out.",
        ) from error
    with client:
        yield Cluster(client, _share_of(client, share), own=False)


def _share_of(client: Any, share: Share) -> Share:
    """Tell what the workers of a scheduler that is there have: each of their threads does one run."""
    known = client.scheduler_info(n_workers=-1)["workers"].values()
    slots = sum(worker["nthreads"] for worker in known)
    limits = [worker["memory_limit"] // worker["nthreads"] for worker in known if worker["memory_limit"]]
    why = f"{len(known)} workers of the scheduler" if slots else "no worker of the scheduler is there yet"
    return Share(max(slots, 1), share.threads, min([share.memory, *limits]), why)


def lost(where: str) -> DinsarError:
    """Return the error to raise when a scheduler has gone."""
    return NetworkError(
        "The scheduler of the batch is lost.",
        f"--cluster {where}: it does not answer any more, so nobody can be told what to do.",
        "Start it again, or leave --cluster out, and run the same command: what is done is kept.",
    )


def _no_queue(where: str, error: BaseException) -> EngineError:
    text = " ".join(str(error).split())
    return EngineError(
        f"The queue {where} cannot be used.",
        f"{_SUBMITS[where]} of this machine: {text[:400].rstrip('.') or type(error).__name__}.",
        "Run this on a machine that hands jobs to the queue, and look at the script with --dry-run; queue, account "
        "and walltime are given with --cluster-options.",
    )
