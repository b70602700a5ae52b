"""Write files so that they are whole or not there, and tell whether two are the same."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import platformdirs

from dinsar_cli.errors import UsageError

_HASH_BLOCK = 1 << 22


def default_cache() -> Path:
    """Give folder for what several runs can share: that of the variable ``DINSAR_CACHE``, else one of the user."""
    return Path(os.environ.get("DINSAR_CACHE") or platformdirs.user_cache_dir("dinsar"))


PART = ".part"
"""Ending of a file that is not whole."""


@contextmanager
def atomic_path(path: Path, ending: str = PART) -> Iterator[Path]:
    """Yield a temporary name beside a file, and give it the file's name when the block ends well.

    The content is on the disk before the name is; after an error the temporary file is removed. In a folder that
    several processes write the same files in, the ending is that of `alone_in`.
    """
    part = path.with_name(path.name + ending)
    try:
        yield part
        settle(part, path)
    finally:
        part.unlink(missing_ok=True)


def settle(part: Path, path: Path) -> None:
    """Give a file its final name when its content is on the disk."""
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make sure that a new name is on the disk; where folders cannot be opened (Windows) the system does so."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(path: Path, text: str, ending: str = PART) -> None:
    """Write a text file so that it is either the old or the new one, never half of it; see `atomic_path`."""
    with atomic_path(path, ending) as part:
        part.write_text(text, encoding="utf-8")


@contextmanager
def alone_in(folder: Path) -> Iterator[str]:
    """Let one process, and one thread, at a time change the small files of a folder that several share.

    Where the file system has no locks for folders (NFS), each has at least unfinished files of its own.

    Yields
    ------
    str
        Ending of unfinished files, for `atomic_path`.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            ending = PART
        except OSError:
            ending = f".{secrets.token_hex(4)}{PART}"
        yield ending
    finally:
        os.close(descriptor)  # which ends the lock


@contextmanager
def together_in(folder: Path) -> Iterator[None]:
    """Use files of a folder beside other processes that do so, and not while one is `alone_in` it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # a file system without locks for folders (NFS)
            fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def turn_at(path: Path) -> Iterator[None]:
    """Let one process at a time make a file; who waited looks whether it is there. Nothing is left of the lock."""
    place = path.with_name(f".{path.name}.lock")
    descriptor = _first_at(place)
    try:
        yield
    finally:
        place.unlink(missing_ok=True)
        os.close(descriptor)  # which ends the lock


def _first_at(place: Path) -> int:
    """Lock a file that is still in its place then: who had it before may have removed it."""
    while True:
        descriptor = os.open(place, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError:  # a file system without locks
            return descriptor
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), place.stat()):
                return descriptor
        os.close(descriptor)


def fingerprint(value: object) -> str:
    """Short hash of anything that JSON can hold; paths by their text."""
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def sha256(path: Path) -> str:
    """SHA-256 of a file, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_HASH_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def make_folder(folder: Path) -> Path:
    """Make a folder and prove that files can be written into it.

    Raises
    ------
    UsageError
        When it cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise not_writable(folder, error) from error
    return folder


def check_folder(folder: Path) -> None:
    """Prove that files can be written into a folder, or that it can be made; nothing is left of that.

    Raises
    ------
    UsageError
        When it cannot be made or written to.
    """
    try:
        there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise not_writable(folder, error) from error


def not_writable(folder: Path, error: OSError) -> UsageError:
    """Return the error to raise when nothing can be written into a folder."""
    return UsageError(
        f"The folder {folder} cannot be used.",
        f"It cannot be made or written to: {error.strerror or error}.",
        "Choose another folder (--workdir, --cache, --output), or change its permissions.",
    )


def file_mark(path: Path) -> list[object]:
    """Tell what tells whether a file is still the same."""
    try:
        status = path.stat()
    except OSError:  # whoever reads it says so
        return [str(path)]
    return [str(path), status.st_size, status.st_mtime_ns]
