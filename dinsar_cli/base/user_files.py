"""Files that others wrote, read with bounds: whole files only, not larger than they can be, text as UTF-8.

All that is wrong with a file is an `OddFileError`, a `ValueError` whose text is a cause as a person reads it.
"""

from __future__ import annotations

import json
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, Final

from lxml import etree

MEGABYTE: Final = 1 << 20
XML_BYTES: Final = 64 * MEGABYTE
"""Annotation and manifests have less than 10 MB, orbit files of a day 5 MB."""

JOURNAL_BYTES: Final = 64 * MEGABYTE
"""What this program writes about a run has less than 1 MB."""

ZIP_DAMAGE: Final = (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, ValueError, KeyError)
"""What zipfile raises: it checks little itself, so that damaged headers and streams surface as any of these."""

_MOST_DEPTH: Final = 64
_MOST_DIGITS: Final = 40
_HEAD_BYTES: Final = 1024
_NON_BLOCKING: Final = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)  # a pipe has no end to wait for

_KINDS: Final[tuple[tuple[Callable[[int], bool], str], ...]] = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
# UTF-32 before UTF-16, whose mark is its beginning
_MARKS: Final = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
_STARTS: Final = (
    (
        re.compile(
            rb"\s*(?:<\?xml[^>]*\?>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b",
            re.IGNORECASE | re.DOTALL,
        ),
        "is a web page: the archive answered with a login or error page instead of the file",
    ),
    (
        re.compile(rb"\s*(?:<\?xml[^>]*\?>\s*)?<(?:Error|ServiceException)\b"),
        "is the refusal of a server (XML), which was saved in place of the file",
    ),
    (re.compile(rb"\s*[{\[]"), "is JSON text, as the error message of a server"),
    (re.compile(rb"version https://git-lfs"), "is the pointer of a file that Git LFS keeps elsewhere"),
    (re.compile(rb"%PDF"), "is a PDF"),
    (re.compile(rb"\x1f\x8b"), "is packed with gzip"),
    (re.compile(rb"7z\xbc\xaf\x27\x1c"), "is packed with 7-Zip"),
    (re.compile(rb"Rar!"), "is packed with RAR"),
    (re.compile(rb"BZh"), "is packed with bzip2"),
    (re.compile(rb"\xfd7zXZ"), "is packed with xz"),
    (re.compile(rb"PK"), "is a zip"),
    (re.compile(rb"\x89HDF|CDF[\x01\x02\x05]"), "is a NetCDF or HDF5 file"),
    (re.compile(rb"\x89PNG|\xff\xd8\xff|GIF8"), "is a picture"),
    (re.compile(rb"II[*+]\x00|MM\x00[*+]"), "is a TIFF"),
    (re.compile(rb"SQLite format 3"), "is a database (SQLite, as GeoPackages are)"),
)


class OddFileError(ValueError):
    """A file is not what it should be; the text says what it is, without a full stop."""

    @property
    def cause(self) -> str:
        """The text as a sentence."""
        return sentence(str(self))


def sentence(text: str) -> str:
    """Return a text that begins with a capital and has one full stop at its end."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def check_file(path: Path) -> None:
    """Refuse what is there and is no file: a pipe or a device can be waited for and read without an end.

    Raises
    ------
    OddFileError
        When it is one of these.
    OSError
        When there is nothing of that name.
    """
    _check_kind(path.stat().st_mode)


def _check_kind(mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = next((name for is_kind, name in _KINDS if is_kind(mode)), "something else")
        raise OddFileError(f"it is {kind}, not a file")


def read_bytes(path: Path, most: int) -> bytes:
    """Return the bytes of a file that has no more than `most`; the null device is an empty one.

    Raises
    ------
    OddFileError
        When it is larger, or no file.
    OSError
        When it cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | _NON_BLOCKING)
    try:
        status = os.fstat(descriptor)
        if stat.S_ISCHR(status.st_mode) and os.path.samestat(status, Path(os.devnull).stat()):
            return b""
        _check_kind(status.st_mode)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return _bounded(file, status.st_size, most)
    finally:
        os.close(descriptor)


def _bounded(file: IO[bytes], size: int, most: int) -> bytes:
    content = file.read(most + 1) if size <= most else b""
    if size > most or len(content) > most:
        raise OddFileError(f"it has more than {most / 1e6:.3g} MB, far too much for what it should be")
    return content


def read_text(path: Path, most: int) -> str:
    """Return the text of a file; see `read_bytes` and `text_of`."""
    return text_of(read_bytes(path, most))


def text_of(content: bytes) -> str:
    """Return text that is UTF-8, with or without a byte-order mark.

    Raises
    ------
    OddFileError
        When it is not; it names the encoding that it seems to have.
    """
    encoding = odd_encoding(content)
    if encoding:
        raise OddFileError(f"it is {encoding} text, as Windows programs write it, and UTF-8 is needed")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise OddFileError(
            f"it is not UTF-8 text: line {line} has the byte 0x{content[error.start]:02X}, as a letter of another "
            "encoding has (Latin-1, Windows-1252)"
        ) from error


def odd_encoding(content: bytes) -> str:
    """Tell whether text is UTF-16 or UTF-32, with or without a mark; empty for any other."""
    marked = next((name for mark, name in _MARKS if content.startswith(mark)), "")
    if marked:
        return marked
    head = content[:_HEAD_BYTES]
    zeros = [head[start::4].count(0) for start in range(4)]
    share = max(len(head) // 4, 1)
    if len(head) < 8:
        return ""
    if min(zeros[1:3]) == share and (min(zeros[0], zeros[3]) == 0):
        return "UTF-32"
    odd, even = zeros[1] + zeros[3], zeros[0] + zeros[2]
    return "UTF-16" if max(odd, even) > 0.7 * len(head) / 2 > 10 * min(odd, even) else ""


def parse_json(text: str) -> Any:
    """Return what JSON text says.

    Raises
    ------
    OddFileError
        When it is not JSON, is nested beyond all use, or has a number that nothing can hold.
    """
    try:
        value = json.loads(text, parse_int=_whole_number)
    except RecursionError:
        raise OddFileError("its lists or objects are nested too deeply") from None
    except json.JSONDecodeError as error:
        kind = kind_of(text[:_HEAD_BYTES].encode())
        known = kind and not kind.startswith("is JSON")
        raise OddFileError(f"it {kind}" if known else f"it is not JSON: {error}") from error
    check_depth(value)
    return value


def read_json(path: Path, most: int = JOURNAL_BYTES) -> Any:
    """Return what a JSON file says; see `read_text` and `parse_json`."""
    return parse_json(read_text(path, most))


def _whole_number(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise OddFileError(f"a number in it has {len(digits)} digits")
    return int(digits)


def check_depth(value: object) -> None:
    """Refuse lists and mappings that are nested more deeply than anything that means something.

    Raises
    ------
    OddFileError
        When they are.
    """
    level: list[object] = [value]
    for _ in range(_MOST_DEPTH):
        level = [inner for outer in level for inner in _within(outer)]
        if not level:
            return
    raise OddFileError(f"its lists or objects are nested more than {_MOST_DEPTH} deep")


def _within(value: object) -> Iterator[object]:
    """Yield the lists and mappings directly in one."""
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return (member for member in members if isinstance(member, (list, dict)))


def parse_xml(content: bytes, *, comments: bool = True) -> etree._Element:
    """Return the root of an XML document, parsed without entities and network.

    Parameters
    ----------
    content : bytes
    comments : bool
        Whether comments and processing instructions stay in it.

    Raises
    ------
    OddFileError
        When it is not well-formed, or declares a document type, which no file that is read here does.
    """
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=not comments,
        remove_pis=not comments,
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        kind = kind_of(content)
        if not kind and not content.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<"):
            kind = "is not XML"
        raise OddFileError(f"it {kind}" if kind else f"its XML is truncated or damaged: {error.msg}") from error
    if str(root.tag).lower() in {"html", "error", "serviceexception"}:
        raise OddFileError(f"it {kind_of(content) or f'has the root <{root.tag}>'}")
    if root.getroottree().docinfo.internalDTD is not None:
        raise OddFileError("it has a document type (DOCTYPE)")
    return root


def read_xml(path: Path, most: int = XML_BYTES) -> etree._Element:
    """Return the root of an XML file; see `read_bytes` and `parse_xml`."""
    return parse_xml(read_bytes(path, most))


def read_member(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    """Return a file in a zip that has no more than `most` bytes when it is unpacked.

    Raises
    ------
    OddFileError
        When it has more.
    KeyError, zipfile.BadZipFile, zlib.error, RuntimeError, OSError, EOFError
        When it is not there or damaged.
    """
    with archive.open(name) as file:
        return _bounded(file, archive.getinfo(name).file_size, most)


def head_of(path: Path) -> bytes:
    """Return the first bytes of a file; none when it cannot be read."""
    try:
        check_file(path)
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES)
    except (OSError, OddFileError):
        return b""


def kind_of(head: bytes) -> str:
    """Tell by its first bytes what a file is that is not what it should be, to follow "it"; empty if unknown.

    Parameters
    ----------
    head : bytes
        All of a small file, or at least its first kilobyte.
    """
    if not head:
        return "is empty: a download broke off"
    if not head[:_HEAD_BYTES].strip(b"\0"):
        return "begins with zeros: its space was kept on the disk, and its content never came"
    encoding = odd_encoding(head)
    if encoding:
        return f"is {encoding} text, and UTF-8 is needed"
    text = head[:_HEAD_BYTES].removeprefix(b"\xef\xbb\xbf")
    return next((name for start, name in _STARTS if start.match(text)), "")
