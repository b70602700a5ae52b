"""Runs a program so that nothing of it outlives whoever asked for it: ``supervisor.py PROGRAM [ARGUMENT ...]``.

It is run as a script by the Python of another environment, so it needs nothing but the standard library. Whoever
asks holds the other end of its standard input, a pipe. When that end is closed, on purpose or because its holder
was killed, the program and the helpers that it started get SIGTERM and, after some seconds, SIGKILL. Helpers that
the program leaves behind at its end are killed too. Its exit code is that of the program; 128 + N after signal N.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from subprocess import Popen, TimeoutExpired

GRACE = 5.0  # s between asking to end and killing
_DEATH_SIGNAL = 1  # option of prctl(2): the signal to get when the parent dies


def end(process: Popen[bytes]) -> None:
    """Make sure, as who asked for it, that nothing of a supervised program is left: its input ends."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(2 * GRACE)
    except TimeoutExpired:
        process.kill()


def supervise(command: list[str]) -> int:
    """Run a command in a process group of its own to its end, and give its exit code."""
    child = os.fork()
    if child == 0:
        _become(command)
    _lead_group(child)
    signal.signal(signal.SIGTERM, lambda *_: _kill(child, signal.SIGKILL))
    _with_parent(signal.SIGTERM)  # in case that somebody else has inherited the other end of the pipe
    threading.Thread(target=_wait_for_end_of_input, args=(child,), daemon=True).start()
    _, status = os.waitpid(child, 0)
    _kill(child, signal.SIGKILL)
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _become(command: list[str]) -> None:
    """Turn into the program; it gets no input."""
    try:
        _lead_group(0)
        _with_parent(signal.SIGKILL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.execv(command[0], command)  # noqa: S606 (no shell is what we want)
    finally:
        os._exit(127)


def _lead_group(process: int) -> None:
    """Give a process a group of its own; both sides do it, so that it is done when either goes on."""
    with suppress(OSError):  # it runs its program already, or has ended
        os.setpgid(process, process)


def _with_parent(death: int) -> None:
    """Ask Linux for a signal when the parent dies, however that happens; other systems have no such thing."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(_DEATH_SIGNAL, death)


def _wait_for_end_of_input(group: int) -> None:
    while os.read(0, 1):
        pass
    _kill(group, signal.SIGTERM)
    time.sleep(GRACE)
    _kill(group, signal.SIGKILL)


def _kill(group: int, how: int) -> None:
    with suppress(OSError):  # none of it is left
        os.killpg(group, how)


if __name__ == "__main__":
    sys.stdout.flush()
    os._exit(supervise(sys.argv[1:]))
