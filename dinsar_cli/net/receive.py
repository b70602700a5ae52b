"""One file on its way in: under another name first, resumed after whatever happened, proved, then in its place."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from dinsar_cli.base.disk import check_disk, human_bytes
from dinsar_cli.base.file_notes import NOTES, known_of, note_of
from dinsar_cli.base.files import file_mark, make_folder
from dinsar_cli.errors import ResourceError, UsageError
from dinsar_cli.net.client import Client, is_page, shown
from dinsar_cli.net.credentials import Bearer
from dinsar_cli.net.limits import Patience, Stopped, TryAgain
from dinsar_cli.net.part_file import Origin, PartFile, forget_part, part_path

_BLOCK: Final = 1 << 16
_HASH_BLOCK: Final = 1 << 22
NO_SPACE: Final = "Free some space there, or choose another folder with --cache; what has come is kept."

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """A file to fetch.

    Attributes
    ----------
    url : str
        Where it is.
    target : Path
        The file that it becomes.
    size : int or None
        Bytes that the catalogue states.
    md5 : str or None
        MD5 that the catalogue states, hexadecimal.
    login : bool
        Whether the archive wants an Earthdata account.
    bearer : Bearer or None
        Token that the archive wants, if it is one of another kind.
    """

    url: str
    target: Path
    size: int | None = None
    md5: str | None = None
    login: bool = False
    bearer: Bearer | None = None

    @property
    def name(self) -> str:
        """Name for messages."""
        return self.target.name


@dataclass(frozen=True)
class Task:
    """What a download works with, beside its source.

    Attributes
    ----------
    client : Client
    tell : callable
        Called with the bytes that are there and those of the whole file, None when that is not known yet.
    stop : threading.Event
        Ends it.
    """

    client: Client
    tell: Callable[[int, int | None], None]
    stop: threading.Event = field(default_factory=threading.Event)


# --- what is there ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pending:
    """A file to fetch, and what of it is there: found once for all who need to know.

    Attributes
    ----------
    source : Source
    there : bool
        Whether it is there and known to be right.
    have : int
        Bytes that need not be fetched again, as far as can be told without reading them.
    mark : list
        Size and time of change of the file when it was looked for.
    """

    source: Source
    there: bool
    have: int
    mark: list[object]

    @property
    def total(self) -> int | None:
        """Bytes of the whole file; None when they are not known."""
        return self.have if self.there else self.source.size

    @property
    def need(self) -> int:
        """Bytes to fetch; 0 when they are not known."""
        return 0 if self.total is None else max(self.total - self.have, 0)


def look_for(source: Source) -> Pending:
    """Tell what of a file is there, without reading it."""
    mark = file_mark(source.target)
    there = _is_there(source)
    return Pending(source, there, source.target.stat().st_size if there else _bytes_of_parts(source), mark)


def _is_there(source: Source) -> bool:
    """Tell whether a file is there and known to be right, without reading it."""
    if not source.target.is_file() or source.size not in {None, source.target.stat().st_size}:
        return False
    known = known_of(source.target, source.target.parent / NOTES)
    if source.md5 is not None:
        return known.get("md5") == source.md5.lower()
    return source.size is not None or bool(known)


def _bytes_of_parts(source: Source) -> int:
    """Return the bytes that a download can go on from."""
    places = [part_path(source.target)]
    if source.md5 is not None:
        places.append(source.target)
    sizes = [path.stat().st_size for path in places if path.is_file()]
    return max((size for size in sizes if source.size is None or size <= source.size), default=0)


def _proved(pending: Pending) -> bool:
    """Tell whether a file is there and right by now; it is read once if that is needed to tell."""
    source, path = pending.source, pending.source.target
    if file_mark(path) != pending.mark:  # another process may have fetched it
        pending = look_for(source)
    if pending.there:
        return True
    if source.md5 is None or not path.is_file() or source.size not in {None, path.stat().st_size}:
        return False
    _log.debug("hashing %s", path)
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_HASH_BLOCK):
            md5.update(block)
            sha256.update(block)
    if md5.hexdigest() != source.md5.lower():
        return False
    _note(source, sha256.hexdigest())
    return True


def _note(source: Source, sha256: str) -> None:
    """Note that a file is there and right."""
    facts = {"url": shown(source.url), "sha256": sha256} | ({"md5": source.md5.lower()} if source.md5 else {})
    note_of(source.target, source.target.parent / NOTES, **facts)


def _set_aside(source: Source) -> None:
    """Take the final name from a file that is known to be wrong; what may be the right one's beginning is used."""
    path, part = source.target, part_path(source.target)
    if not path.is_file() or (source.size is None and source.md5 is None):
        return
    size = path.stat().st_size
    is_beginning = source.md5 is not None and source.size is not None and 0 < size < source.size
    if is_beginning and not (part.is_file() and part.stat().st_size >= size):
        _log.info("%s is not whole (%d of %s bytes): going on from there", path, size, source.size)
        part.with_name(part.name + ".json").unlink(missing_ok=True)
        path.replace(part)
    else:
        _log.warning("%s is not what the catalogue states: it is fetched again", path)
        path.unlink()


# --- one file ---------------------------------------------------------------------------------------------------


def receive(pending: Pending, task: Task) -> Path:
    """Fetch one file with what a task has.

    Raises
    ------
    DinsarError
        As `fetch`.
    Stopped
        When the task is stopped.
    """
    source = pending.source
    if source.target.is_dir():
        raise UsageError(
            f"{source.target} cannot be fetched.", "There is a folder of that name.", "Remove or rename the folder."
        )
    make_folder(source.target.parent)
    with _turn(source.target, task), _disk_errors(source):
        if _proved(pending):
            forget_part(source.target)
        else:
            _set_aside(source)
            _note(source, _receive(source, task))
        size = source.target.stat().st_size
        task.tell(size, size)
    return source.target


@contextmanager
def _turn(target: Path, task: Task) -> Iterator[None]:
    """Hold the lock of a target; who comes second waits until the first has finished or died."""
    path = target.with_name(f".{target.name}.lock")
    lock = FileLock(path, timeout=0.5)
    told = False
    while True:
        try:
            lock.acquire()
            break
        except Timeout:
            if not told:
                _log.info("another process fetches %s: waiting for it", target)
            told = True
        if task.stop.is_set():
            raise Stopped
    try:
        yield
        path.unlink(missing_ok=True)  # who waits for it finds the file complete
    finally:
        lock.release()


@contextmanager
def _disk_errors(source: Source) -> Iterator[None]:
    """Tell of a disk that is full, or a folder that cannot be written."""
    try:
        yield
    except OSError as error:
        raise ResourceError(
            f"{source.name} cannot be written to {source.target.parent}.", f"{error.strerror or error}.", NO_SPACE
        ) from error


def _receive(source: Source, task: Task) -> str:
    """Fetch until the file is whole and right, and give its SHA-256."""
    patience = Patience(source.name, task.client.limits, task.stop)
    md5 = source.md5.lower() if source.md5 else None
    with PartFile(source.target, Origin(shown(source.url), md5, total=source.size)) as part:
        while True:
            before, started = part.size, time.monotonic()
            try:
                if not part.is_whole:
                    _ask(source, part, task)
                part.check()
            except TryAgain as failure:
                patience.wait(failure, part.size - before)
            else:
                break
        part.finish()
    seconds = max(time.monotonic() - started, 1e-3)
    _log.info(
        "%s fetched, %s, %s/s", source.name, human_bytes(part.size), human_bytes((part.size - before) / seconds)
    )
    return part.sha256


def _ask(source: Source, part: PartFile, task: Task) -> None:
    """Ask once for what is missing, and add what comes."""
    with task.client.answer("GET", source.url, headers=part.range_headers()) as response:
        if response.status_code == 416:
            part.accept_end(response)
            return
        blocks = response.iter_content(_BLOCK)
        first = next(blocks, b"")
        if response.status_code == 200 and is_page("", first):
            raise task.client.page_instead(response, source.url, first)
        part.accept(response)
        total = part.origin.total
        check_disk(source.target.parent, (total or 0) - part.size, source.name, NO_SPACE)
        task.tell(part.size, total)
        for block in chain((first,), blocks):
            part.write(block)
            task.tell(part.size, total)
            if task.stop.is_set():
                raise Stopped
        part.end(response)
