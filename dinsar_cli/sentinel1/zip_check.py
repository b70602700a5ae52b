"""Zips: proved before an engine reads them in place."""

from __future__ import annotations

import logging
import os
import struct
import threading
import time
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from isal import igzip_lib, isal_zlib

from dinsar_cli.base.disk import human_bytes
from dinsar_cli.base.file_notes import NOTES, known_of, note_of
from dinsar_cli.base.user_files import ZIP_DAMAGE
from dinsar_cli.errors import NoDataError
from dinsar_cli.sentinel1.safe import DOWNLOAD_AGAIN

_BLOCK: Final = 1 << 20
_LOCAL_LENGTHS: Final = 26  # bytes before the lengths of name and extra field in the header of an entry

_log = logging.getLogger(__name__)


def check_members(
    members: Mapping[Path, Collection[str]],
    notes: Path | None = None,
    *,
    threads: int | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> None:
    """Prove that some files in zips are what was put into them, by their CRC.

    What was proved once, or fetched with the MD5 that the catalogue states, is not read again.

    Parameters
    ----------
    members : mapping
        Names in each zip.
    notes : Path, optional
        Folder in which it is noted what was proved; None notes nothing.
    threads : int, optional
        Files to read at a time; the number of cores without it.
    progress : callable, optional
        Called with the name of a zip and the share of all that is read.

    Raises
    ------
    NoDataError
        When one is missing or damaged.
    """
    wanted = [_Unproved(path, frozenset(names), notes) for path, names in members.items()]
    sizes = {(zipped, name): size for zipped in wanted for name, size in zipped.sizes.items()}
    if not sizes:
        return
    started, total = time.monotonic(), sum(sizes.values())
    reader = _Reader(total, progress)
    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        try:  # the largest first: the threads then end together
            list(pool.map(reader.read, sorted(sizes, key=sizes.__getitem__, reverse=True)))
        finally:
            reader.ended.set()
    seconds = max(time.monotonic() - started, 1e-3)
    _log.info("CRC of %d files right, %s, %s/s", len(sizes), human_bytes(total), human_bytes(total / seconds))


class _Unproved:
    """Files of a zip that are to be proved; with those that are, it is noted when all of them are read."""

    def __init__(self, path: Path, names: frozenset[str], notes: Path | None) -> None:
        self.path = path
        self._notes = notes
        self._proved = set(known_of(path, notes).get("members", ())) if notes is not None else set[str]()
        fetched = "md5" in known_of(path, path.parent / NOTES)
        missing = frozenset() if fetched else names - self._proved
        try:
            self.sizes = _sizes(path, missing) if missing else {}
        except ZIP_DAMAGE as error:
            raise _damaged(path, "its list of files", error) from error

    def prove(self, name: str) -> None:
        """Note that a file has been read to its end."""
        self._proved.add(name)
        if self._notes is not None and self._proved >= self.sizes.keys():
            note_of(self.path, self._notes, members=sorted(self._proved))


def _sizes(path: Path, names: Collection[str]) -> dict[str, int]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.getinfo(name).file_size for name in sorted(names)}


class _Reader:
    """Reads files of zips to their ends, which compares their CRC, until the work has ended."""

    def __init__(self, total: int, progress: Callable[[str, float], None] | None) -> None:
        self.ended = threading.Event()
        self._total = max(total, 1)
        self._progress = progress
        self._read = 0
        self._lock = threading.Lock()

    def read(self, file: tuple[_Unproved, str]) -> None:
        """Read one file."""
        zipped, name = file
        for block in _blocks(zipped.path, name):
            if self.ended.is_set():
                return
            with self._lock:
                self._read += len(block)
                if self._progress is not None:
                    self._progress(zipped.path.name, self._read / self._total)
        with self._lock:
            zipped.prove(name)


def _blocks(path: Path, name: str) -> Iterator[bytes]:
    """Yield the blocks of a file in a zip, whose size and CRC are compared at the end."""
    try:
        # opening it compares the names in both places, and refuses what is encrypted
        with zipfile.ZipFile(path) as archive, archive.open(name) as file:
            entry = archive.getinfo(name)
            if entry.compress_type == zipfile.ZIP_DEFLATED:
                yield from _inflated(path, entry)
            else:
                while block := file.read(_BLOCK):
                    yield block
    except ZIP_DAMAGE as error:
        raise _damaged(path, name, error) from error


def _inflated(path: Path, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield the blocks of a deflated file, in half the time that the library needs."""
    crc, size = 0, 0
    try:
        for block in _inflate(_packed(path, entry)):
            crc, size = isal_zlib.crc32(block, crc), size + len(block)
            if size > entry.file_size:
                raise zipfile.BadZipFile(f"it has more than the {entry.file_size} bytes that are stated")
            yield block
    except igzip_lib.IsalError as error:  # type: ignore[misc]  # its stub has a variable there
        raise zipfile.BadZipFile(f"it cannot be inflated: {error}") from error
    if size != entry.file_size:
        raise EOFError(f"it ends after {size} of {entry.file_size} bytes")
    if crc != entry.CRC:
        raise zipfile.BadZipFile(f"Bad CRC-32 for file {entry.filename!r}")


def _inflate(packed: Iterable[bytes]) -> Iterator[bytes]:
    stream = isal_zlib.decompressobj(-isal_zlib.MAX_WBITS)
    for data in packed:
        rest = data
        while rest and not stream.eof:
            if block := stream.decompress(rest, _BLOCK):
                yield block
            rest = stream.unconsumed_tail
    if block := stream.flush():
        yield block


def _packed(path: Path, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """Tell what a zip has of a file, as it is."""
    with path.open("rb") as file:
        file.seek(entry.header_offset + _LOCAL_LENGTHS)
        file.seek(sum(struct.unpack("<HH", file.read(4))), os.SEEK_CUR)
        left = entry.compress_size
        while data := file.read(min(_BLOCK, left)):
            left -= len(data)
            yield data


def _damaged(path: Path, what: str, error: Exception) -> NoDataError:
    return NoDataError(f"{path} is damaged.", f"{what} cannot be read: {error}.", DOWNLOAD_AGAIN)
