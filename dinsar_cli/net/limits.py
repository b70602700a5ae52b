"""How long to wait for a server, and how often to try: one place for all that goes over the network."""

from __future__ import annotations

import logging
import math
import os
import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass

from dinsar_cli.errors import NetworkError, UsageError

TIMEOUT = "DINSAR_NETWORK_TIMEOUT"
TRIES = 5
_CONNECT = 20.0  # s
_STALL = 60.0  # s
_PROGRESS = 1 << 20  # bytes after which a line counts as alive again

_log = logging.getLogger(__name__)


class Stopped(Exception):  # noqa: N818 (not an error: somebody else has one)
    """The work is to be given up, because another part of it has failed."""


class TryAgain(Exception):  # noqa: N818 (what to do, not what went wrong)
    """A try has failed in a way that another may not.

    Parameters
    ----------
    reason : str
        Why, as part of a sentence; without addresses that are signed.
    after : float, optional
        Seconds that the server asks to wait.
    preparing : bool
        The server is at work and has asked for patience.
    spoiled : bool
        What came is useless, however much it was: only one more try is worth it.
    """

    def __init__(
        self, reason: str, after: float | None = None, *, preparing: bool = False, spoiled: bool = False
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after = after
        self.preparing = preparing
        self.spoiled = spoiled


@dataclass(frozen=True)
class Limits:
    """Patience with a server.

    Attributes
    ----------
    connect : float
        Seconds until a connection stands.
    stall : float
        Seconds without a byte after which a connection is given up. Waits between tries follow from it: the first
        is a sixtieth (1 s), the longest five times as long (5 min).
    """

    connect: float = _CONNECT
    stall: float = _STALL

    @property
    def longest_wait(self) -> float:
        """Longest wait between two tries, seconds."""
        return 5 * self.stall

    @property
    def preparation(self) -> float:
        """How long a server may say that it is still preparing a file, seconds."""
        return 10 * self.stall


def network_limits(environment: Mapping[str, str] = os.environ) -> Limits:
    """Limits of the user: the variable DINSAR_NETWORK_TIMEOUT, in seconds, stands for all of them.

    Raises
    ------
    UsageError
        When the variable is not a positive number.
    """
    text = environment.get(TIMEOUT, "").strip()
    if not text:
        return Limits()
    try:
        stall = float(text)
    except ValueError:
        stall = math.nan
    if not 0 < stall < math.inf:
        raise UsageError(
            f"{TIMEOUT} is {text!r}.",
            "It is the number of seconds without a byte after which a connection is given up.",
            f"Set it to a positive number, or unset it for {_STALL:.0f}.",
        )
    return Limits(max(min(_CONNECT, stall), stall / 3), stall)


class Patience:
    """Counts the tries for one file, waits between them, and knows when to give up.

    Parameters
    ----------
    what : str
        What is fetched, for messages.
    limits : Limits
    stop : threading.Event, optional
        Ends a wait.
    """

    def __init__(self, what: str, limits: Limits, stop: threading.Event | None = None) -> None:
        self._what = what
        self._limits = limits
        self._stop = stop or threading.Event()
        self._failures = 0
        self._spoiled = 0
        self._prepared = 0.0

    def wait(self, failure: TryAgain, moved: int = 0) -> None:
        """Wait before the next try.

        Parameters
        ----------
        failure : TryAgain
            Of the last try.
        moved : int
            Bytes that it has nevertheless brought nearer: while there are some, tries do not run out.

        Raises
        ------
        NetworkError
            When there have been enough.
        Stopped
            When the work is to be given up.
        """
        if failure.preparing:
            seconds = self._preparing(failure)
        else:
            self._count(failure, moved)
            seconds = self._pause(failure)
        _log.info("%s: %s; next try in %.1f s", self._what, failure.reason, seconds)
        if self._stop.wait(seconds):
            raise Stopped

    def _count(self, failure: TryAgain, moved: int) -> None:
        if moved >= _PROGRESS:
            self._failures = 0
        self._failures += 1
        self._spoiled += failure.spoiled
        if self._failures >= TRIES or self._spoiled > 1:
            tries = 2 if self._spoiled > 1 else TRIES
            raise NetworkError(
                f"{self._what} could not be fetched.",
                f"The last of {tries} tries failed: {failure.reason}.",
                "Try again later: what has come is kept. Behind a proxy, see HTTPS_PROXY; "
                f"on a slow line, set {TIMEOUT} to more than {self._limits.stall:g} seconds.",
            )

    def _pause(self, failure: TryAgain) -> float:
        """Give seconds to wait: what the server asks, else longer after each failure and never twice the same."""
        if failure.after is not None:
            if failure.after > self._limits.longest_wait:
                raise NetworkError(
                    f"{self._what} cannot be fetched now.",
                    f"{failure.reason}, and the server asks to wait {failure.after:.0f} s.",
                    "Try again after that time: what has come is kept.",
                )
            return failure.after
        longest = min(self._limits.stall / 60 * 2 ** (self._failures - 1), self._limits.longest_wait)
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 (spreads clients, guards nothing)

    def _preparing(self, failure: TryAgain) -> float:
        seconds = failure.after if failure.after is not None else self._limits.stall / 30
        self._prepared += seconds
        if self._prepared > self._limits.preparation:
            raise NetworkError(
                f"{self._what} is not ready.",
                f"The server has been preparing it for {self._limits.preparation:.0f} s.",
                "Try again in a few minutes.",
            )
        return seconds
