"""What can go wrong with an archive, to be attached to some of its addresses.

Each function gives a `Fault`; `Network.fail` says where it strikes and how often.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from support.archive.messages import Answer, Delivery, Reply, Request, as_json, page, text

LOGIN_PAGE: Final = "Earthdata Login"


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong.

    Attributes
    ----------
    name : str
    answer : callable or None
        Takes the request and the true answer to requests, and gives the reply that goes out instead.
    gate : {'refused', 'unresolved'} or None
        What happens to the connection, before there is a request.
    """

    name: str
    answer: Callable[[Request, Answer], Reply] | None = None
    gate: Literal["refused", "unresolved"] | None = None


@dataclass
class Rule:
    """A fault with the requests that it strikes.

    Attributes
    ----------
    fault : Fault
    host : str
    path : str
        Regular expression that is searched for in path and query.
    times : int or None
        How many requests it strikes; None for all.
    struck : int
        How many it has struck.
    """

    fault: Fault
    host: str
    path: str
    times: int | None
    struck: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def strikes(self, host: str, target: str | None) -> bool:
        """Whether it strikes now, which is counted; the target is None for a connection."""
        if host != self.host or (target is None) != (self.fault.gate is not None):
            return False
        if target is not None and not re.search(self.path, target):
            return False
        with self._lock:
            if self.times is not None and self.struck >= self.times:
                return False
            self.struck += 1
            return True


def first_struck(rules: Iterable[Rule], host: str, target: str | None = None) -> Fault | None:
    """Return the fault of the first rule that strikes."""
    return next((rule.fault for rule in rules if rule.strikes(host, target)), None)


def refused() -> Fault:
    """The connection is reset before anything is said."""
    return Fault("connection refused", gate="refused")


def unresolved() -> Fault:
    """The proxy answers 502: it cannot find the host."""
    return Fault("host not found", gate="unresolved")


def status(code: int, message: str = "", retry_after: str | int | None = None) -> Fault:
    """An HTTP status with a JSON body as the catalogue has it.

    Parameters
    ----------
    code : int
    message : str
    retry_after : str or int, optional
        Seconds, or an HTTP date.
    """
    reply = as_json({"errors": [message or f"status {code}"]}, code)
    if code == 401:
        reply = reply.with_headers(
            ("WWW-Authenticate", 'Basic realm="Please enter your Earthdata Login credentials"')
        )
    if retry_after is not None:
        reply = reply.with_headers(("Retry-After", str(retry_after)))
    return Fault(f"status {code}", lambda _request, _answer: reply)


def bad_gateway() -> Fault:
    """502 with an HTML page, from something in front of the archive."""
    return Fault("502 HTML", lambda _request, _answer: page("502 Bad Gateway", 502))


def login_page() -> Fault:
    """An HTML page to log in, with status 200, where data was asked for."""
    return Fault("login page", lambda _request, _answer: page(LOGIN_PAGE))


def _delivered(name: str, **how: Any) -> Fault:
    def answer(request: Request, true: Answer) -> Reply:
        return replace(true(request), delivery=Delivery(**how))

    return Fault(name, answer)


def cut(after: int) -> Fault:
    """The connection breaks after some bytes of the body."""
    return _delivered("cut", cut_after=after)


def stall(after: int) -> Fault:
    """Nothing more comes after some bytes of the body; the connection stays open."""
    return _delivered("stall", stall_after=after)


def silent() -> Fault:
    """No answer at all; the connection stays open."""
    return _delivered("silent", silent=True)


def of_each_kind(after: int) -> dict[str, Callable[[], Fault]]:
    """Faults that any host can have, by name; answers are cut off or stop after some bytes."""
    return {
        "refused": refused,
        "no such host": unresolved,
        "401": lambda: status(401),
        "403": lambda: status(403),
        "429": lambda: status(429),
        "500": lambda: status(500),
        "502 HTML": bad_gateway,
        "cut": lambda: cut(after),
        "stalled": lambda: stall(after),
        "silent": silent,
        "login page": login_page,
    }


def early_close(after: int) -> Fault:
    """The body ends in good order after some bytes; no Content-Length told how many there are."""
    return _delivered("early close", end_after=after)


def slow(rate: float) -> Fault:
    """The body comes with so many bytes a second."""
    return _delivered("slow", rate=rate)


def together(count: int, patience: float = 60.0) -> Fault:
    """No answer before so many requests have come, which then are all answered; 503 when they do not come."""
    barrier = threading.Barrier(count)

    def answer(request: Request, true: Answer) -> Reply:
        try:
            barrier.wait(patience)
        except threading.BrokenBarrierError:
            return as_json({"errors": ["the others did not come"]}, 503)
        return true(request)

    return Fault(f"{count} together", answer)


def range_ignored() -> Fault:
    """The whole file comes with status 200, whatever part was asked for."""

    def answer(request: Request, true: Answer) -> Reply:
        whole = true(request.without("range"))
        return replace(whole, headers=tuple(pair for pair in whole.headers if pair[0] != "Accept-Ranges"))

    return Fault("range ignored", answer)


def wrong_range() -> Fault:
    """A part that starts one byte later than asked for, and says so."""

    def answer(request: Request, true: Answer) -> Reply:
        reply = true(request)
        given = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", dict(reply.headers).get("Content-Range", ""))
        if reply.status != 206 or given is None:
            return reply
        start, last, size = (int(number) for number in given.groups())
        moved = replace(reply, body=reply.content()[1:])
        return moved.with_headers(("Content-Range", f"bytes {start + 1}-{last}/{size}"))

    return Fault("wrong range", answer)


def wrong_content() -> Fault:
    """As many bytes as there should be, with the last of them changed: another MD5."""

    def answer(request: Request, true: Answer) -> Reply:
        reply = true(request)
        content = reply.content()
        if reply.status not in {200, 206} or not content:
            return reply
        return replace(reply, body=content[:-1] + bytes([content[-1] ^ 0xFF]))

    return Fault("wrong content", answer)


def wrong_size(missing: int = 1000) -> Fault:
    """A body that is shorter than the catalogue says, with a Content-Length that agrees with it."""

    def answer(request: Request, true: Answer) -> Reply:
        whole = true(request.without("range"))
        return replace(whole, body=whole.content()[:-missing])

    return Fault("wrong size", answer)


def short_page(keep: int) -> Fault:
    """A page of the catalogue with fewer items than it should have, and the true number of hits."""

    def answer(request: Request, true: Answer) -> Reply:
        reply = true(request)
        found = json.loads(reply.content())
        return replace(reply, body=json.dumps(found | {"items": found["items"][:keep]}).encode())

    return Fault("short page", answer)


def no_results() -> Fault:
    """A catalogue that finds nothing."""
    return Fault("no results", lambda _request, _answer: as_json({"hits": 0, "took": 1, "items": []}))


def not_json() -> Fault:
    """Text with status 200 where JSON was asked for."""
    return Fault("not JSON", lambda _request, _answer: text("<html>maintenance</html>", kind="text/html"))
