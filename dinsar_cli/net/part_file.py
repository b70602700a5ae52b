"""A file that is still coming: its bytes so far, what is known of the rest, and its way to the final name."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

import requests

from dinsar_cli.base.disk import human_bytes
from dinsar_cli.base.files import settle, write_text
from dinsar_cli.base.user_files import read_json
from dinsar_cli.net.limits import TryAgain

_BLOCK = 1 << 22
_RANGE = re.compile(r"bytes (?:(?P<start>\d+)-\d+|\*)/(?P<total>\d+|\*)")


@dataclass(frozen=True)
class Origin:
    """What tells one version of a remote file from another.

    Attributes
    ----------
    url : str
        Without query.
    md5 : str or None
        That the catalogue states.
    etag, modified : str
        That the server states; empty for none.
    total : int or None
        Bytes of the whole file.
    """

    url: str
    md5: str | None
    etag: str = ""
    modified: str = ""
    total: int | None = None

    @property
    def validator(self) -> str:
        """Value of If-Range; empty when the server has given nothing that is good for it."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.modified


def part_path(target: Path) -> Path:
    """Name of a file while it is coming."""
    return target.with_name(target.name + ".part")


def forget_part(target: Path) -> None:
    """Remove what is left of the coming of a file that is there."""
    part_path(target).unlink(missing_ok=True)
    _origin_path(target).unlink(missing_ok=True)


def _origin_path(target: Path) -> Path:
    return target.with_name(target.name + ".part.json")


class PartFile:
    """The part of a file that is there, open for what follows.

    What an earlier process left is kept if it is of the same file: the same MD5 stated, or, without one, a version
    that the server can still be asked for.

    Parameters
    ----------
    target : Path
        Final name.
    origin : Origin
        What is known before the server is asked.

    Attributes
    ----------
    size : int
        Bytes that are there.
    origin : Origin
        With what the server has said.
    """

    def __init__(self, target: Path, origin: Origin) -> None:
        self._target = target
        self._wanted = origin
        self.origin = origin
        self.size = 0
        self._start_digests()

    def __enter__(self) -> Self:
        path = part_path(self._target)
        left = _left_origin(self._target)
        if not path.is_file() or not self._continues(left):
            path.unlink(missing_ok=True)
        elif left is not None and left.url == self._wanted.url:
            self.origin = replace(left, total=self._wanted.total or left.total)
        self._file = path.open("ab", buffering=0)
        self.size = path.stat().st_size
        with path.open("rb") as there:
            while block := there.read(_BLOCK):
                self._digest(block)
        if self.origin.total is not None and self.size > self.origin.total:
            self.clear()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if not self.size:
            forget_part(self._target)

    def _continues(self, left: Origin | None) -> bool:
        wanted = self.origin
        if left is None:  # of another program: only an MD5 can prove that it belongs here
            return wanted.md5 is not None
        if wanted.md5 is not None:
            return left.md5 == wanted.md5
        same_total = None in {left.total, wanted.total} or left.total == wanted.total
        return left.md5 is None and left.url == wanted.url and same_total and bool(left.validator)

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing, as far as is known."""
        return self.origin.total is not None and self.size == self.origin.total

    def range_headers(self) -> dict[str, str]:
        """Return the headers that ask for the rest of this very version."""
        if not self.size:
            return {}
        headers = {"Range": f"bytes={self.size}-"}
        return headers | ({"If-Range": self.origin.validator} if self.origin.validator else {})

    def accept(self, response: requests.Response) -> None:
        """Prepare for the body of an answer: what it starts with must be what comes next.

        Raises
        ------
        TryAgain
            When it is not; the part is emptied if it cannot be continued.
        """
        start, total = _place(response)
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise TryAgain("the server sends the file packed, although it was not asked to")
        stated = self.origin.total
        if total is not None and stated not in {None, total}:
            if self._wanted.total is None:  # the server has a new version
                self.clear()
            raise TryAgain(
                f"the server offers a file of {total} bytes, and {stated} were stated for it", spoiled=True
            )
        if start == 0 and self.size:
            self.clear()
        elif start != self.size:
            had = self.size
            self.clear()
            raise TryAgain(f"the server sends what follows byte {start} instead of byte {had}")
        self.origin = replace(
            self._wanted,
            etag=response.headers.get("ETag", ""),
            modified=response.headers.get("Last-Modified", ""),
            total=total if total is not None else stated,
        )
        write_text(_origin_path(self._target), json.dumps(asdict(self.origin)) + "\n")

    def accept_end(self, response: requests.Response) -> None:
        """Take the answer that there is nothing after what is here: it tells how long the file is.

        Raises
        ------
        TryAgain
            When the file is shorter than what is here.
        """
        _, total = _place(response)
        if total != self.size:
            self.clear()
            raise TryAgain(f"the server has nothing after byte {self.size}")
        self.origin = replace(self.origin, total=total)

    def end(self, response: requests.Response) -> None:
        """Take the end of a body for that of the file, if the answer has said how long the body is."""
        if self.origin.total is None and response.headers.get("Transfer-Encoding", "").lower() == "chunked":
            self.origin = replace(self.origin, total=self.size)

    def write(self, block: bytes) -> None:
        """Add bytes."""
        rest = memoryview(block)
        while rest:
            written = self._file.write(rest)
            self.size += written
            self._digest(rest[:written])
            rest = rest[written:]

    def clear(self) -> None:
        """Start from nothing."""
        self._file.truncate(0)
        self.size = 0
        self.origin = self._wanted
        self._start_digests()

    def _start_digests(self) -> None:
        """Return both are made of what comes, so that nobody has to read the file again."""
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha256 = hashlib.sha256()

    def _digest(self, block: bytes | memoryview) -> None:
        self._md5.update(block)
        self._sha256.update(block)

    @property
    def sha256(self) -> str:
        """SHA-256 of what is there, hexadecimal."""
        return self._sha256.hexdigest()

    def check(self) -> None:
        """See whether it is what was stated.

        Raises
        ------
        TryAgain
            When it is not; it is emptied if more bytes cannot mend it.
        """
        total = self.origin.total
        if total is None:
            raise TryAgain("the server does not say how long it is")
        if self.size < total:
            raise TryAgain(f"it ended after {human_bytes(self.size)} of {human_bytes(total)}")
        if self.size > total:
            size = self.size
            self.clear()
            raise TryAgain(f"{size} bytes came, and {total} were stated", spoiled=True)
        found = self._md5.hexdigest()
        if self.origin.md5 and found != self.origin.md5:
            self.clear()
            raise TryAgain(f"the MD5 of what came is {found}, and {self.origin.md5} was stated", spoiled=True)

    def finish(self) -> None:
        """Give it the final name."""
        settle(part_path(self._target), self._target)
        forget_part(self._target)


def _left_origin(target: Path) -> Origin | None:
    """Tell what an earlier process knew of the file; None when nothing readable is there."""
    try:
        return Origin(**read_json(_origin_path(target)))
    except (OSError, ValueError, TypeError):
        return None


def _place(response: requests.Response) -> tuple[int, int | None]:
    """Return the first byte of what an answer has of the file, and the size of the whole file when it says so."""
    headers: Mapping[str, str] = response.headers
    if response.status_code == 200:
        length = headers.get("Content-Length", "")
        return 0, int(length) if length.isdecimal() else None
    match = _RANGE.fullmatch(headers.get("Content-Range", ""))
    if match is None:
        return -1, None
    start = int(match["start"]) if match["start"] else -1
    return start, int(match["total"]) if match["total"].isdecimal() else None
