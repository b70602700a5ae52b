"""``batch.json``: what became of each run of a batch, so that the same command goes on after anything."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal, get_args

from dinsar_cli import __version__
from dinsar_cli.base.files import write_text
from dinsar_cli.base.journal import RUN_FILE, Journal
from dinsar_cli.base.user_files import JOURNAL_BYTES, read_json, sentence
from dinsar_cli.errors import DinsarError, ExitCode, UsageError
from dinsar_cli.stack.batch.jobs import BatchJob

STATE_FILE: Final = "batch.json"
State = Literal["queued", "running", "done", "failed", "refused"]
STATES: Final[tuple[State, ...]] = get_args(State)
_SCHEMA: Final = 1
_INTERVAL: Final = 1.0  # s between two saves, at least
_PATIENCE: Final = 20  # times that a save takes, between two
_SHOWN_STAGES: Final = ("geocode", "displacement", "products", "report")


@dataclass
class JobRecord:
    """What became of a run.

    Attributes
    ----------
    name : str
    state : str
        ``queued``, ``running``, ``done``; ``refused`` when it is not tried again as nothing would be different
        (usage, no data, no account), ``failed`` otherwise.
    mark : str
        Fingerprint of its configuration.
    attempts : int
        Times that it was tried.
    exit_code : int or None
        Of the last attempt.
    error : dict or None
        ``problem``, ``cause`` and ``remedy`` of the last attempt.
    seconds : float or None
        That the last attempt took.
    folder : str
        Of the pair, relative to the working folder; empty until it is known.
    figures : dict
        What a finished run says, in short.
    host : str
        Where it ran last.
    """

    name: str
    state: State = "queued"
    mark: str = ""
    attempts: int = 0
    exit_code: int | None = None
    error: dict[str, str] | None = None
    seconds: float | None = None
    folder: str = ""
    figures: dict[str, Any] = field(default_factory=dict)
    host: str = ""

    @property
    def ended(self) -> bool:
        """Whether nothing more is tried."""
        return self.state in ("done", "failed", "refused")


class BatchState:
    """The records of a batch, and their file.

    Parameters
    ----------
    folder : Path
        Working folder.
    jobs : sequence of BatchJob
        Runs of this batch. Records of runs of other files in the same folder are kept.
    source : Path
        File of the batch.

    Raises
    ------
    UsageError
        When there is a file of that name which is not as this program writes it.
    """

    def __init__(self, folder: Path, jobs: Iterable[BatchJob], source: Path) -> None:
        self.folder = folder
        self.path = folder / STATE_FILE
        self._source = source
        known = _read(self.path)
        self.jobs = {job.name: known.pop(job.name, JobRecord(job.name)) for job in jobs}
        self._others = known
        self._saved = 0.0
        self._took = 0.0

    def of(self, state: State) -> list[JobRecord]:
        """Return the runs in a state, in the order of the file."""
        return [record for record in self.jobs.values() if record.state == state]

    @property
    def counts(self) -> dict[str, int]:
        """How many runs are in each state."""
        states = [record.state for record in self.jobs.values()]
        return {state: states.count(state) for state in STATES}

    @property
    def exit_code(self) -> int:
        """That of the first run of the file that is not done; 0 when all are."""
        codes = (record.exit_code for record in self.jobs.values() if record.state in ("failed", "refused"))
        return next(
            (code if code in list(ExitCode) else ExitCode.UNEXPECTED for code in codes if code), ExitCode.OK
        )

    def prepare(self, jobs: Iterable[BatchJob]) -> list[BatchJob]:
        """Return the runs that are to be done: those that are done with the same configuration are left out.

        What an earlier command could not do is tried again, for the user may have removed the cause.
        """
        todo = []
        for job in jobs:
            record = self.jobs[job.name]
            if record.state == "done" and record.mark == job.mark and self._holds(record):
                continue
            self.jobs[job.name] = JobRecord(job.name, mark=job.mark, folder=record.folder)
            todo.append(job)
        return todo

    def _holds(self, record: JobRecord) -> bool:
        """Tell whether the products of a run are there as this version of the program has made them."""
        path = self.folder / record.folder / RUN_FILE
        if not record.folder or not path.is_file():
            return False
        try:
            journal = Journal.open(path)
        except DinsarError:
            return False
        stages = [journal.stages.get(name) for name in _SHOWN_STAGES]
        if journal.header.get("dinsar") != __version__ or None in stages:
            return False
        return not any(journal.changed(stage) for stage in stages[1:] if stage is not None)

    def to_dict(self) -> dict[str, Any]:
        """Return the content of the file."""
        return {
            "schema_version": _SCHEMA,
            "dinsar": __version__,
            "file": str(self._source.absolute()),
            "updated": datetime.now(UTC).isoformat(timespec="seconds"),
            "counts": self.counts,
            "jobs": [asdict(record) for record in self.jobs.values()],
            "others": [asdict(record) for record in self._others.values()],
        }

    def save(self, *, soon: bool = False) -> None:
        """Write the file; with `soon` only if that was not done just now: a large one takes its time."""
        now = time.monotonic()
        if soon and now - self._saved < max(_INTERVAL, _PATIENCE * self._took):
            return
        write_text(self.path, json.dumps(self.to_dict(), indent=1) + "\n")
        self._saved = time.monotonic()
        self._took = self._saved - now


def _read(path: Path) -> dict[str, JobRecord]:
    """Return the records of a file by name; none when there is no file."""
    if not path.exists() and not path.is_symlink():
        return {}
    try:
        content = read_json(path, 4 * JOURNAL_BYTES)
    except (OSError, ValueError) as error:
        raise _not_a_state(path, sentence(str(error))) from error
    schema = content.get("schema_version") if isinstance(content, dict) else None
    if schema != _SCHEMA:
        raise _not_a_state(path, f"Its schema_version is {str(schema)[:20]}; this release knows {_SCHEMA}.")
    try:
        records = [JobRecord(**record) for record in (*content["jobs"], *content["others"])]
    except (KeyError, TypeError) as error:
        raise _not_a_state(path, f"A run in it is not as this program writes it: {error}.") from error
    wrong = next((record for record in records if not _sound(record)), None)
    if wrong is not None:
        raise _not_a_state(path, f"The run {str(wrong.name)[:60]!r} in it is not as this program writes it.")
    return {record.name: record for record in records}


def _sound(record: JobRecord) -> bool:
    """Tell whether the values of a record are of their kinds, and its folder is one below the working folder."""
    texts = (record.name, record.state, record.mark, record.folder, record.host)
    if not all(isinstance(text, str) for text in texts) or record.state not in STATES:
        return False
    numbers = (record.attempts, record.exit_code or 0, record.seconds or 0.0)
    if not all(isinstance(number, (int, float)) for number in numbers) or not isinstance(record.figures, dict):
        return False
    error = record.error
    told = error is None or (isinstance(error, Mapping) and {"problem", "cause", "remedy"} <= error.keys())
    parts = Path(record.folder).parts
    return told and ".." not in parts and not Path(record.folder).is_absolute()


def _not_a_state(path: Path, cause: str) -> UsageError:
    return UsageError(
        f"{path} is not the record of a batch.",
        cause,
        "Move it away if dinsar wrote it: runs find in their folders what is done. Else take another --workdir.",
    )
