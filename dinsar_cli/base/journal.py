"""Folders of a run: atomic files, the journal of what is done, the lock against a second process."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from dinsar_cli.base.files import not_writable, sha256, write_text
from dinsar_cli.base.journal_shape import misfit
from dinsar_cli.base.user_files import read_json
from dinsar_cli.errors import UsageError

SCHEMA_VERSION = 1
RADAR, PRODUCTS = "radar", "products"  # folders of a pair: the interferogram's layers, and the map
REVERSED_FOLDER = "reversed"  # folder of a pair: what ``checks.reversed: full`` makes
MAP_RECORD = "displacement.json"
"""Record of a map that was made of somebody else's folder."""
RUN_FILE = "run.json"
CONFIG_FILE = "dinsar.yaml"
"""What a run did, to be done again."""
STACK_FILE = "stack.json"
SERIES_RECORD = "series.json"
DECOMPOSITION_RECORD = "decomposition.json"
LOCK = "lock"
STAGES = ("slc", "orbits", "dem", "process", "geocode", "displacement", "products", "report")
IN_STACK = "pairs"
"""Folder of a stack in which the folders of its pairs are."""


@dataclass(frozen=True)
class FileRecord:
    """A file as it was when a stage ended.

    Attributes
    ----------
    path : str
        Relative to the folder of the journal when it lies in it, else absolute.
    size, mtime_ns : int
        Bytes, and time of the last change.
    sha256 : str or None
        None where nobody has asked for it.
    """

    path: str
    size: int
    mtime_ns: int
    sha256: str | None = None


@dataclass(frozen=True)
class StageRecord:
    """One finished stage.

    Attributes
    ----------
    fingerprint : str
        Of all that it depends on.
    files : tuple of FileRecord
        What it made, or for inputs what it checked.
    seconds : float
        Wall-clock time.
    peak_memory : int
        Largest resident memory of the process while it ran, bytes; 0 where the system does not tell.
    details : dict
        What the stage has to say, for later stages and the summary.
    """

    fingerprint: str
    files: tuple[FileRecord, ...] = ()
    seconds: float = 0.0
    peak_memory: int = 0
    details: dict[str, Any] = field(default_factory=dict)


@dataclass
class Journal:
    """What is done in a folder, in a JSON file that is replaced as a whole after each stage.

    Attributes
    ----------
    path : Path
        The JSON file.
    header : dict
        Facts about the run beside its stages.
    stages : dict of StageRecord
        By name, in the order in which they ended.
    """

    path: Path
    header: dict[str, Any] = field(default_factory=dict)
    stages: dict[str, StageRecord] = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path) -> Journal:
        """Read a journal; one that does not exist, or of an earlier schema, is empty.

        Raises
        ------
        UsageError
            When it is not as this program writes it, as that of another program, or of a later release.
        """
        if not path.exists():
            return cls(path)
        record = read_journal(path)
        schema = record.get("schema_version")
        if schema in range(SCHEMA_VERSION):
            return cls(path)
        if schema != SCHEMA_VERSION:
            raise _not_a_journal(path, f"Its schema_version is {schema!r}; this release knows {SCHEMA_VERSION}.")
        try:
            stages = {
                name: StageRecord(**(stage | {"files": tuple(FileRecord(**file) for file in stage["files"])}))
                for name, stage in record.pop("stages").items()
            }
        except (KeyError, TypeError) as error:
            raise _not_a_journal(path, f"A stage in it is not as this program writes it: {error}.") from error
        record.pop("schema_version")
        return cls(path, record, stages)

    def save(self) -> None:
        """Write the journal."""
        write_text(self.path, json.dumps(self.to_dict(), indent=2, default=str) + "\n")

    def to_dict(self) -> dict[str, Any]:
        """Return the content of the file."""
        stages = {name: asdict(stage) for name, stage in self.stages.items()}
        return {"schema_version": SCHEMA_VERSION, **self.header, "stages": stages}

    def holds(self, name: str, mark: str, *, verify: bool = False) -> bool:
        """Tell whether a stage is done with that fingerprint and its files are still as they were."""
        stage = self.stages.get(name)
        return stage is not None and stage.fingerprint == mark and not self.changed(stage, verify=verify)

    def changed(self, stage: StageRecord, *, verify: bool = False) -> list[str]:
        """Give files of a stage that are missing or differ in size or time; with `verify` their hashes instead."""
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            same = pool.map(lambda file: self._same(file, verify=verify), stage.files)
            return [file.path for file, one in zip(stage.files, same, strict=True) if not one]

    def rotten(self, stage: StageRecord) -> list[str]:
        """Give files of a stage whose content is another one, though size and time are as they were."""
        kept = tuple(file for file in stage.files if self._same(file, verify=False))
        return self.changed(replace(stage, files=kept), verify=True)

    def known_sha256(self, path: Path) -> str | None:
        """Return the SHA-256 that was noted of a file which has not changed since; None where none was."""
        bare = self._record(path, {}, None)
        known = (file for stage in self.stages.values() for file in stage.files)
        return next((file.sha256 for file in known if replace(file, sha256=None) == bare), None)

    def _same(self, file: FileRecord, *, verify: bool) -> bool:
        path = self.path.parent / file.path
        try:
            status = path.stat()
        except OSError:  # not there, or a name that no file can have
            return False
        if not stat.S_ISREG(status.st_mode) or status.st_size != file.size:
            return False
        if verify and file.sha256 is not None:
            return sha256(path) == file.sha256
        return status.st_mtime_ns == file.mtime_ns

    def put(
        self,
        name: str,
        record: StageRecord,
        files: Iterable[Path],
        *,
        hash_of: Callable[[Path], str] | None = None,
    ) -> None:
        """Note a finished stage with its files and, with a function that gives them, their SHA-256; and save."""
        known = {file.path: file for stage in self.stages.values() for file in stage.files}
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            marked = tuple(pool.map(lambda path: self._record(path, known, hash_of), files))
        self.stages.pop(name, None)
        self.stages[name] = replace(record, files=marked)
        self.save()

    def _record(
        self, path: Path, known: Mapping[str, FileRecord], hash_of: Callable[[Path], str] | None
    ) -> FileRecord:
        folder = self.path.parent.resolve()
        path = path.resolve()
        name = path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)
        status = path.stat()
        bare = FileRecord(name, status.st_size, status.st_mtime_ns)
        if hash_of is None:
            return bare
        old = known.get(name)
        if old is not None and old.sha256 and replace(old, sha256=None) == bare:
            return old
        return replace(bare, sha256=hash_of(path))

    def release(self, name: str, gone: Iterable[Path]) -> None:
        """Let go of files of a stage that are about to be removed, so that it counts as done without; and save."""
        stage, paths = self.stages.get(name), set(gone)
        if stage is None:
            return
        kept = tuple(file for file in stage.files if self.path.parent / file.path not in paths)
        if kept != stage.files:
            self.stages[name] = replace(stage, files=kept)
            self.save()

    def forget(self, names: Iterable[str]) -> None:
        """Drop stages, because what they depend on is about to change, and save."""
        dropped = [name for name in names if self.stages.pop(name, None) is not None]
        if dropped:
            self.save()


def read_journal(path: Path) -> dict[str, Any]:
    """Return the content of a journal file.

    Raises
    ------
    UsageError
        When it is not the JSON that this program writes.
    """
    try:
        record = read_json(path)
    except (ValueError, OSError) as error:
        raise _not_a_journal(path, f"It cannot be read: {error}.") from error
    if not isinstance(record, dict) or not isinstance(record.get("stages"), dict):
        raise _not_a_journal(path, "It has no stages.")
    wrong = misfit(record)
    if wrong:
        raise _not_a_journal(path, f"What it says of {wrong[:80]} is not as this program writes it.")
    return record


def own_journal(folder: Path) -> Journal:
    """Read the journal of a folder from which files are going to be removed.

    Parameters
    ----------
    folder : Path
        Of a pair.

    Raises
    ------
    UsageError
        When dinsar has not made that folder, or cannot tell what it made there.
    """
    path = folder / RUN_FILE
    if path.is_symlink():
        raise _not_a_journal(path, "It is a link.")
    journal = Journal.open(path)
    pair, name = journal.header.get("pair"), folder.resolve().name
    lacking = [key for key in ("dinsar", "command", "pair") if key not in journal.header]
    if lacking or not isinstance(pair, dict):
        raise _not_a_journal(path, f"It does not have what dinsar writes: {', '.join(lacking or ['pair'])}.")
    if name not in _names(pair.get("name"), in_stack="stack" in journal.header):
        raise UsageError(
            f"{path} is not the journal of this folder.",
            f"It is that of {pair.get('name')}, and the folder is called {name}.",
            "Give the folder its name back, or remove what is not wanted by hand.",
        )
    unknown = [stage for stage in journal.stages if stage not in STAGES]
    if unknown:
        raise _not_a_journal(path, f"It has stages that no run has: {', '.join(unknown)}.")
    return journal


def _names(pair: object, *, in_stack: bool) -> tuple[str, ...]:
    """Return what the folder of a pair may be called: a stack, which is of one track, leaves that out."""
    name = str(pair)
    return (name, name.partition("_")[2]) if in_stack else (name,)


def read_map_record(folder: Path) -> dict[str, Any]:
    """Record of a map of somebody else's folder; empty where there is none that can be read."""
    try:
        record = read_json(folder / MAP_RECORD)
    except (ValueError, OSError):
        return {}
    return record if isinstance(record, dict) and not misfit(record) else {}


def runs_in(folder: Path) -> list[Path]:
    """Return the folders of runs that are in a folder, by name: side by side, or as the pairs of a stack."""
    found = (*folder.glob(f"*/{RUN_FILE}"), *folder.glob(f"{IN_STACK}/*/{RUN_FILE}"))
    return sorted(path.parent for path in found if path.is_file())


def _not_a_journal(path: Path, cause: str) -> UsageError:
    return UsageError(
        f"{path} is not a journal of dinsar.",
        cause,
        "Remove it if dinsar wrote it: what is in the folder is then made again. Else choose another --workdir.",
    )


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder; the system releases it even when the process is killed.

    Raises
    ------
    UsageError
        When another process holds it, or the folder cannot be written to.
    """
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise UsageError(
            f"{folder} is in use.",
            "Another dinsar process works in this folder.",
            "Wait for it, stop it, or choose another --workdir.",
        ) from None
    except OSError as error:
        raise not_writable(folder, error) from error
    try:
        yield
    finally:
        lock.release()
