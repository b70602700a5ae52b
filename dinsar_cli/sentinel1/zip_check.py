"""Zips: proved before an engine reads them in place, and unpacked without harm for one that cannot."""

from __future__ import annotations

import logging
import os
import shutil
import stat
import struct
import threading
import time
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Final

from isal import igzip_lib, isal_zlib

from dinsar_cli.base.disk import check_disk, human_bytes
from dinsar_cli.base.file_notes import NOTES, known_of, note_of
from dinsar_cli.base.files import make_folder
from dinsar_cli.errors import NoDataError
from dinsar_cli.sentinel1.safe import DAMAGE, DOWNLOAD_AGAIN, open_safe

_BLOCK: Final = 1 << 20
_LOCAL_LENGTHS: Final = 26  # bytes before the lengths of name and extra field in the header of an entry
_LARGEST_RATIO: Final = 200  # of unpacked to packed bytes; scenes have about 2, their XML about 20
_MOST_ENTRIES: Final = 10_000

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
        except DAMAGE as error:
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
    except DAMAGE as error:
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


def unpack_safe(path: Path, folder: Path) -> Path:
    """Unpack the SAFE folder of a zip, for a program that cannot read it in place.

    Only plain files of that one folder are written, with the sizes that the zip states, and the folder gets its
    name when all are on the disk with the right CRC. One that is there already is left as it is.

    Parameters
    ----------
    path : Path
        The zip.
    folder : Path
        Gets the SAFE folder.

    Returns
    -------
    Path
        The SAFE folder.

    Raises
    ------
    UsageError, NoDataError
        When it is not the zip of one product, is damaged, or has entries that no product has.
    ResourceError
        When it does not fit on the disk.
    """
    safe = open_safe(path)
    if not safe.is_zip:
        return path
    target = make_folder(folder) / PurePosixPath(safe.root).name
    if target.is_dir():
        return target
    with zipfile.ZipFile(path) as archive:
        entries = _harmless_entries(path, safe.root, archive.infolist())
    check_disk(folder, sum(entry.file_size for entry in entries), target.name)
    draft = target.with_name(target.name + ".part")
    shutil.rmtree(draft, ignore_errors=True)
    for entry in entries:
        _unpack(path, entry, draft / PurePosixPath(entry.filename).relative_to(safe.root))
    draft.replace(target)
    return target


def _harmless_entries(path: Path, root: str, entries: list[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
    """Return the files of a product; raises when the zip has something that a product never has."""
    problem = _harm(path, entries)
    if problem:
        raise NoDataError(
            f"{path} is not unpacked.",
            f"It is not a product as the archive delivers it: {problem}.",
            "Fetch the product again from an archive that you trust.",
        )
    return [entry for entry in entries if entry.filename.startswith(f"{root}/") and not entry.is_dir()]


def _harm(path: Path, entries: list[zipfile.ZipInfo]) -> str:
    """Tell what is wrong with the entries of a zip; empty for nothing."""
    names = [entry.filename for entry in entries]
    for entry in entries:
        place = PurePosixPath(entry.filename)
        outside = place.is_absolute() or ".." in place.parts
        if outside or "\\" in entry.filename or PureWindowsPath(entry.filename).drive:
            return f"its entry {entry.filename!r} would be written elsewhere"
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
            return f"its entry {entry.filename!r} is a link or a device"
    if len(set(names)) < len(names):
        return "it has two entries of one name"
    if len(names) > _MOST_ENTRIES:
        return f"it has {len(names)} entries"
    total, packed = sum(entry.file_size for entry in entries), path.stat().st_size
    if total > _LARGEST_RATIO * packed:
        return f"{human_bytes(packed)} would become {human_bytes(total)}"
    return ""


def _unpack(path: Path, entry: zipfile.ZipInfo, target: Path) -> None:
    """Write one file of a zip."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        for block in _blocks(path, entry.filename):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
