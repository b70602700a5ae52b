"""Requests and replies of the test archive."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import parse_qsl


@dataclass(frozen=True)
class Request:
    """One request, as the origin got it.

    Attributes
    ----------
    host : str
        Name that the client asked for, without port.
    method : str
    path, query : str
        Of the target, before and after its question mark.
    headers : mapping
        Names in lower case.
    body : bytes
    """

    host: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def target(self) -> str:
        """Path and query."""
        return f"{self.path}?{self.query}" if self.query else self.path

    def fields(self) -> list[tuple[str, str]]:
        """Parameters of the query, then those of a form in the body."""
        pairs = parse_qsl(self.query, keep_blank_values=True)
        if self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            pairs += parse_qsl(self.body.decode(), keep_blank_values=True)
        return pairs

    def field(self, name: str, default: str = "") -> str:
        """Value of one parameter."""
        return dict(self.fields()).get(name, default)

    def cookie(self, name: str) -> str:
        """Value of a cookie; empty when it was not sent."""
        jar = SimpleCookie(self.headers.get("cookie", ""))
        return jar[name].value if name in jar else ""

    def without(self, *names: str) -> Request:
        """The same request without some headers (in lower case)."""
        return replace(self, headers={key: text for key, text in self.headers.items() if key not in names})


@dataclass(frozen=True)
class FilePart:
    """Bytes `start` to `stop` (exclusive) of a file."""

    path: Path
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    def read(self) -> bytes:
        """All of the part."""
        with self.path.open("rb") as file:
            file.seek(self.start)
            return file.read(len(self))


Body: TypeAlias = bytes | FilePart


@dataclass(frozen=True)
class Delivery:
    """How the body goes out; the default is whole and at once.

    Attributes
    ----------
    cut_after : int or None
        Bytes after which the connection breaks.
    stall_after : int or None
        Bytes after which nothing more comes, while the connection stays open.
    end_after : int or None
        Bytes after which the connection is closed in good order, without a Content-Length having been given.
    rate : float or None
        Bytes a second.
    silent : bool
        Not even a status comes, while the connection stays open.
    """

    cut_after: int | None = None
    stall_after: int | None = None
    end_after: int | None = None
    rate: float | None = None
    silent: bool = False


@dataclass(frozen=True)
class Reply:
    """What the origin answers.

    Attributes
    ----------
    status : int
    body : bytes or FilePart
    headers : tuple of (name, value)
    ranged : bool
        Whether parts of the body can be asked for.
    etag : str
        Identity of the body; empty for none.
    delivery : Delivery
    """

    status: int = 200
    body: Body = b""
    headers: tuple[tuple[str, str], ...] = ()
    ranged: bool = False
    etag: str = ""
    delivery: Delivery = field(default_factory=Delivery)

    def content(self) -> bytes:
        """The body in memory."""
        return self.body if isinstance(self.body, bytes) else self.body.read()

    def with_headers(self, *more: tuple[str, str]) -> Reply:
        """The same reply with headers added or replaced."""
        names = {name.lower() for name, _ in more}
        kept = tuple(pair for pair in self.headers if pair[0].lower() not in names)
        return replace(self, headers=kept + more)


Answer: TypeAlias = Callable[[Request], Reply]


@dataclass
class Entry:
    """A request in the log.

    Attributes
    ----------
    time : float
        Seconds since the epoch at which it came.
    request : Request
    status : int
        0 until there is a reply.
    sent : int
        Bytes of the body that have been sent so far.
    """

    time: float
    request: Request
    status: int = 0
    sent: int = 0

    @property
    def host(self) -> str:
        """Host that was asked."""
        return self.request.host

    @property
    def method(self) -> str:
        """``GET``, ``HEAD``, ``POST``."""
        return self.request.method

    @property
    def target(self) -> str:
        """Path and query."""
        return self.request.target


def text(content: str, status: int = 200, kind: str = "text/plain") -> Reply:
    """Answer with text."""
    return Reply(status, content.encode(), (("Content-Type", f"{kind}; charset=utf-8"),))


def page(title: str, status: int = 200) -> Reply:
    """Answer with an HTML page."""
    return text(
        f"<!DOCTYPE html><html><head><title>{title}</title></head><body>{title}</body></html>", status, "text/html"
    )


def as_json(value: Any, status: int = 200) -> Reply:
    """Answer with JSON."""
    return Reply(status, json.dumps(value).encode(), (("Content-Type", "application/json"),))


def as_xml(content: bytes, status: int = 200) -> Reply:
    """Answer with XML."""
    return Reply(status, content, (("Content-Type", "application/xml"),))


def redirect(url: str, status: int = 302) -> Reply:
    """Send the client elsewhere."""
    return Reply(status, b"", (("Location", url),))


def missing_key(key: str) -> Reply:
    """Answer as a storage bucket does for an object that is not there."""
    content = f"<?xml version='1.0'?><Error><Code>NoSuchKey</Code><Key>{key}</Key></Error>"
    return as_xml(content.encode(), 404)


def file(content: bytes | Path, kind: str = "application/octet-stream") -> Reply:
    """Answer with a file of which parts can be asked for."""
    if isinstance(content, Path):
        state = content.stat()
        body: Body = FilePart(content, 0, state.st_size)
        etag = f'"{state.st_mtime_ns:x}-{state.st_size:x}"'
    else:
        body = content
        etag = f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
    return Reply(200, body, (("Content-Type", kind),), ranged=True, etag=etag)


def in_part(request: Request, reply: Reply) -> Reply:
    """Apply the Range and If-Range headers of a request to a whole reply."""
    if not reply.ranged or reply.status != 200:
        return reply
    reply = reply.with_headers(("Accept-Ranges", "bytes"), ("ETag", reply.etag))
    wanted = request.headers.get("range", "")
    if not wanted.startswith("bytes=") or "," in wanted:
        return reply
    if request.headers.get("if-range", reply.etag) != reply.etag:
        return reply
    size = len(reply.body)
    first, _, last = wanted.removeprefix("bytes=").partition("-")
    start = int(first) if first else max(size - int(last), 0)
    stop = min(int(last) + 1, size) if first and last else size
    if start >= size or stop <= start:
        return replace(reply, status=416, body=b"").with_headers(("Content-Range", f"bytes */{size}"))
    body = reply.body
    part = (
        body[start:stop] if isinstance(body, bytes) else FilePart(body.path, body.start + start, body.start + stop)
    )
    return replace(reply, status=206, body=part).with_headers(("Content-Range", f"bytes {start}-{stop - 1}/{size}"))
