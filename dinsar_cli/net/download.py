"""The only way in which bytes come in: whole and proved, or not at all.

A file comes under another name, is resumed after whatever happened, is compared with the size and the MD5 that
the catalogue states, and gets its name when it is on the disk. A second process waits for the first.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import requests

from dinsar_cli.base.disk import check_disk, human_bytes
from dinsar_cli.base.files import make_folder
from dinsar_cli.errors import DinsarError, NetworkError, NoDataError
from dinsar_cli.net.client import Client, shown
from dinsar_cli.net.credentials import Credentials, find_credentials
from dinsar_cli.net.limits import Limits, Patience, Stopped, TryAgain, network_limits
from dinsar_cli.net.receive import NO_SPACE, Pending, Source, Task, look_for, receive

__all__ = ["Source", "Transfer", "exists", "fetch", "fetch_all", "get_text", "look_for", "post_form"]

_BLOCK: Final = 1 << 16
_LARGEST_TEXT: Final = 1 << 25
_INTERVAL: Final = 0.2  # s between two reports
_RATE_WINDOW: Final = 10.0  # s over which the rate is taken
_FAREWELL: Final = 1.0  # s that the other downloads get to end when one has failed

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Transfer:
    """How far several downloads are together.

    Attributes
    ----------
    done : int
        Bytes that are there.
    total : int or None
        Bytes of all files; None while that of some is not known.
    rate : float
        Bytes a second over the last seconds.
    left : float or None
        Seconds left, when they can be told.
    received : int
        Bytes that have come since these downloads began.
    """

    done: int
    total: int | None
    rate: float
    left: float | None
    received: int = 0


def fetch(source: Source, *, progress: Callable[[int], None] | None = None) -> Path:
    """Fetch one file, unless it is there already.

    Parameters
    ----------
    source : Source
    progress : callable, optional
        Called with the number of bytes that are there, from time to time; it falls when a file is begun anew.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    CredentialsError
        When the archive wants an account and none is known, or refuses it.
    NoDataError
        When the archive has no such file.
    NetworkError
        When it did not come whole and right in several tries.
    ResourceError
        When the disk is full.
    """
    pending = look_for(source)
    if pending.there:
        if progress is not None:
            progress(pending.have)
        return source.target
    with Client(network_limits(), _account([source]), source.bearer) as client:
        return receive(pending, Task(client, lambda done, _: progress(done) if progress else None))


def fetch_all(
    sources: Sequence[Source], *, threads: int = 4, progress: Callable[[Transfer], None] | None = None
) -> list[Path]:
    """Fetch several files at a time; those that are there already are left alone.

    Parameters
    ----------
    sources : sequence of Source
    threads : int
        Files at a time.
    progress : callable, optional
        Called a few times a second in the calling thread, first before anything is fetched.

    Returns
    -------
    list of Path
        The files, in the order of the sources.

    Raises
    ------
    DinsarError
        As `fetch`: the first error ends all. Also, before the first byte, when the disk has too little space for
        all of them.
    """
    files = [look_for(source) for source in sources]
    missing = [index for index, file in enumerate(files) if not file.there]
    tally = _Tally(files)
    now = tally.now()
    if progress is not None:
        progress(now)
    if missing:
        _check_space([files[index] for index in missing])
        size = "of unknown size" if now.total is None else f"{human_bytes(now.total - now.done)} to come"
        _log.info("fetching %d of %d files, %s", len(missing), len(sources), size)
        pool = _Pool(files, missing, tally, network_limits(), _account([sources[index] for index in missing]))
        pool.run(min(threads, len(missing)), progress)
    return [source.target for source in sources]


def _check_space(missing: Sequence[Pending]) -> None:
    """Make sure that all files fit, on each disk that they go to."""
    needed: dict[int, int] = {}
    folders: dict[int, Path] = {}
    for file in missing:
        folder = make_folder(file.source.target.parent)
        device = folder.stat().st_dev
        folders.setdefault(device, folder)
        if file.total is not None:
            needed[device] = needed.get(device, 0) + file.need
    for device, count in needed.items():
        what = missing[0].source.name if len(missing) == 1 else f"the {len(missing)} files to fetch"
        check_disk(folders[device], count, what, NO_SPACE)


class _Tally:
    """Adds up what several threads have fetched."""

    def __init__(self, files: Sequence[Pending]) -> None:
        self._lock = threading.Lock()
        self._done = [file.have for file in files]
        self._totals = [file.total for file in files]
        self._received = 0
        self._samples = deque([(time.monotonic(), 0)])

    def put(self, index: int, done: int, total: int | None) -> None:
        """Take the state of one file."""
        with self._lock:
            self._received += max(done - self._done[index], 0)
            self._done[index] = done
            self._totals[index] = total

    def now(self) -> Transfer:
        """State of all."""
        with self._lock:
            done, received = sum(self._done), self._received
            totals = [total for total in self._totals if total is not None]
            total = sum(totals) if len(totals) == len(self._totals) else None
        moment = time.monotonic()
        self._samples.append((moment, received))
        while len(self._samples) > 2 and self._samples[1][0] < moment - _RATE_WINDOW:
            self._samples.popleft()
        since, before = self._samples[0]
        rate = (received - before) / max(moment - since, 1e-3)
        left = (total - done) / rate if total is not None and rate > 0 else None
        return Transfer(done, total, rate, left, received)


class _Pool:
    """Threads that fetch. They die with the program, so that a stalled server cannot hold it."""

    def __init__(
        self,
        files: Sequence[Pending],
        missing: Sequence[int],
        tally: _Tally,
        limits: Limits,
        known: Credentials | None,
    ) -> None:
        self._files = files
        self._tally = tally
        self._limits = limits
        self._known = known
        self._count = len(missing)
        self._waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
        for index in missing:
            self._waiting.put(index)
        self._outcomes: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        self._stop = threading.Event()

    def run(self, threads: int, progress: Callable[[Transfer], None] | None) -> None:
        """Fetch all, or raise the first error."""
        workers = [threading.Thread(target=self._work, daemon=True) for _ in range(threads)]
        for worker in workers:
            worker.start()
        ended = 0
        try:
            while ended < self._count:
                try:
                    outcome = self._outcomes.get(timeout=_INTERVAL)
                    ended += 1
                except queue.Empty:
                    outcome = None
                    if not any(worker.is_alive() for worker in workers) and self._outcomes.empty():
                        raise RuntimeError("the downloads have ended without a result") from None
                if outcome is not None:
                    raise outcome
                if progress is not None:
                    progress(self._tally.now())
        finally:
            self._stop.set()
            deadline = time.monotonic() + _FAREWELL
            for worker in workers:
                worker.join(max(deadline - time.monotonic(), 0.0))

    def _work(self) -> None:
        try:
            self._fetch_waiting()
        except BaseException as error:  # noqa: BLE001 (whoever waits for the downloads raises it)
            self._outcomes.put(error)

    def _fetch_waiting(self) -> None:
        plain, login = Client(self._limits), Client(self._limits, self._known)
        with plain, login, ExitStack() as others:
            while not self._stop.is_set():
                try:
                    index = self._waiting.get_nowait()
                except queue.Empty:
                    return
                file = self._files[index]
                source = file.source
                client = login if source.login else plain
                if source.bearer is not None:
                    client = others.enter_context(Client(self._limits, bearer=source.bearer))
                task = Task(client, partial(self._tally.put, index), self._stop)
                self._outcomes.put(_outcome(file, task))


def _outcome(file: Pending, task: Task) -> BaseException | None:
    """Return the error of a download, or None when it went well."""
    try:
        receive(file, task)
    except (DinsarError, Stopped) as error:
        return error
    return None


def get_text(url: str, params: Mapping[str, str] | None = None) -> str:
    """Return the text of a small answer, such as a listing.

    Parameters
    ----------
    url : str
    params : mapping, optional
        Query.

    Raises
    ------
    NoDataError, NetworkError
        As in `fetch`; also when it is an HTML page or larger than 32 MB.
    """
    return _small("GET", url, params=params)


def post_form(url: str, fields: Mapping[str, str]) -> str:
    """Return the text of the answer to a form, such as one to log in.

    What is in the form goes to this address alone, and into no log and no message.

    Parameters
    ----------
    url : str
    fields : mapping
        What is filled in.

    Raises
    ------
    RefusedError
        When the server does not accept it.
    NoDataError, NetworkError
        As in `get_text`.
    """
    return _small("POST", url, form=fields)


def _small(
    method: str, url: str, params: Mapping[str, str] | None = None, form: Mapping[str, str] | None = None
) -> str:
    """Ask until there is an answer, and give its text."""
    limits = network_limits()
    patience = Patience(shown(url), limits)
    with Client(limits) as client:
        while True:
            try:
                with client.answer(method, url, params=params, form=form) as response:
                    return _text(response, url)
            except TryAgain as failure:
                patience.wait(failure)


def _text(response: requests.Response, url: str) -> str:
    content = bytearray()
    for block in response.iter_content(_BLOCK):
        content += block
        if len(content) > _LARGEST_TEXT:
            raise NetworkError(
                f"{shown(url)} is not the list that it should be.",
                f"It has more than {human_bytes(_LARGEST_TEXT)}.",
                "The address may have changed: look for a newer version of dinsar.",
            )
    length = response.headers.get("Content-Length", "")
    packed = "Content-Encoding" in response.headers
    if length.isdecimal() and not packed and len(content) < int(length):
        raise TryAgain("it ended early")
    if not length and response.headers.get("Transfer-Encoding", "").lower() != "chunked":
        raise TryAgain("the server does not say how long it is")
    return content.decode("utf-8", "replace")


def exists(url: str) -> bool:
    """Tell whether an archive that wants no account has a file.

    Raises
    ------
    NetworkError
        When it does not say so in several tries.
    """
    limits = network_limits()
    patience = Patience(shown(url), limits)
    with Client(limits) as client:
        while True:
            try:
                with client.answer("HEAD", url):
                    return True
            except NoDataError:
                return False
            except TryAgain as failure:
                patience.wait(failure)


def _account(sources: Sequence[Source]) -> Credentials | None:
    """Return the account for the archives that want one; None when none of the sources does.

    Raises
    ------
    CredentialsError
        When there should be one.
    """
    if not any(source.login for source in sources):
        return None
    known = find_credentials()
    for text in known.warnings:
        _log.warning("%s", text)
    return known
