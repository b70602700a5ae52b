"""What a worker of a batch does: one ``dinsar run``, as a program of its own that ends with the worker.

A crash of it, or its end for want of memory, is that of one run and not of the worker. Its folder is held while any
part of it lives, also on another machine: who comes second waits.
"""

from __future__ import annotations

import fcntl
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dinsar_cli.base.processes import supervisor
from dinsar_cli.base.user_files import read_json
from dinsar_cli.errors import ExitCode

JOB_FILE: Final = "job.yaml"
LOG_FILE: Final = "run.log"
RESULT_FILE: Final = "result.json"
_TURN: Final = ".turn"
_TICK: Final = 0.5  # s between two looks at a run
_LOG_BYTES: Final = 1 << 16
_ERROR: Final = re.compile(r"^Error: (.*)\n  Why: (.*)\n  Do:  (.*)$", re.MULTILINE)
_KILLED: Final = 128  # exit codes above it: ended by a signal


@dataclass(frozen=True)
class Order:
    """What a worker is asked to do.

    Attributes
    ----------
    name : str
        Of the run.
    folder : str
        Of the run, with its configuration; on a disk that client and workers share.
    cache : str
        That all runs share.
    stop : str
        File that tells, when it appears, to end the run.
    """

    name: str
    folder: str
    cache: str
    stop: str


def carry_out(order: Order) -> dict[str, Any]:
    """Do a run, and tell how it went.

    Returns
    -------
    dict
        ``code``: exit code, above 128 after a signal; ``error``: its three sentences, or None; ``figures``: what a
        finished run says, in short; ``folder``: of the pair, relative to that of the run; ``seconds``; ``host``.
    """
    folder, started = Path(order.folder), time.monotonic()
    with _turn(folder, Path(order.stop)) as held:
        code = ExitCode.INTERRUPTED if held is None else _run(order, held)
        if code != ExitCode.OK and Path(order.stop).exists():
            code = ExitCode.INTERRUPTED
        seconds = round(time.monotonic() - started, 1)
        told = {"code": int(code), "seconds": seconds, "host": platform.node(), "error": None, "figures": {}}
        if code == ExitCode.OK:
            return told | _finished(folder)
        return told | {"error": failure(folder / LOG_FILE, code)}


def _run(order: Order, held: int) -> int:
    """Run the program, and give its exit code."""
    folder = Path(order.folder)
    program = [sys.executable, "-c", "from dinsar_cli.cli import main; main()"]
    places = ["--workdir", order.folder, "--cache", order.cache]
    command = [*program, "run", str(folder / JOB_FILE), *places, "--json"]
    supervised = [sys.executable, supervisor.__file__, *command]
    with (
        (folder / LOG_FILE).open("wb") as log,
        (folder / RESULT_FILE).open("wb") as result,
        # the supervisor ends the run and its helpers when this pipe closes, as it does with the end of this process
        subprocess.Popen(supervised, stdin=subprocess.PIPE, stdout=result, stderr=log, pass_fds=[held]) as process,
    ):
        while True:
            try:
                return process.wait(_TICK)
            except subprocess.TimeoutExpired:
                if Path(order.stop).exists() and process.stdin is not None:
                    process.stdin.close()


@contextmanager
def _turn(folder: Path, stop: Path) -> Iterator[int | None]:
    """Hold the folder of a run, by a file that the run inherits; None when the batch was stopped before."""
    descriptor = os.open(folder / _TURN, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        while not stop.exists():
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(_TICK)
        yield None if stop.exists() else descriptor
    finally:
        os.close(descriptor)


def _finished(folder: Path) -> dict[str, Any]:
    """Tell in short what a finished run says."""
    try:
        said = read_json(folder / RESULT_FILE)
        return {"figures": headline(said), "folder": Path(said["folder"]).name}
    except (OSError, ValueError, KeyError, TypeError) as error:
        cause = f"It ended well, but what it printed cannot be read: {error}."
        return {"code": int(ExitCode.UNEXPECTED), "error": _told("The run has told nothing.", cause)}


def headline(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the figures of a map that a list of maps shows, from what ``dinsar run --json`` prints."""
    los = said["los_displacement_m"]
    return {
        "reference_date": said["reference_date"][:10],
        "secondary_date": said["secondary_date"][:10],
        "lowest_m": (los.get("minimum") or {}).get("value"),
        "highest_m": (los.get("maximum") or {}).get("value"),
        "coverage": said["coverage"],
        "coherence": said["mean_coherence"],
        "sigma_m": said["los_sigma_m"]["median"],
        "warnings": [one["title"] for one in said["verdicts"] if one["good"] is False],
        "received_bytes": said["received_bytes"],
    }


def failure(log: Path, code: int) -> dict[str, str]:
    """Return the three sentences with which a run has ended."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _LOG_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        text = ""
    found = _ERROR.findall(text)
    if found:
        return dict(zip(("problem", "cause", "remedy"), found[-1], strict=True))
    if code > _KILLED:
        return _told(
            "The run was killed.",
            f"It ended by signal {code - _KILLED}: for want of memory, at a limit of time, or by hand.",
        )
    if code == ExitCode.INTERRUPTED:
        return _told("The run was stopped.", "The batch was interrupted.")
    last = text.strip().splitlines()[-1:] or ["nothing"]
    return _told("The run has failed.", f"It ended with exit code {code} and said: {last[0][:300]}")


def _told(problem: str, cause: str) -> dict[str, str]:
    remedy = f"Run the same command again: it goes on from there. What it said is in {LOG_FILE} in its folder."
    return {"problem": problem, "cause": cause, "remedy": remedy}


def last_line(log: Path) -> str | None:
    """Return the last line that a run has told, None before it has begun."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 1000))
            lines = file.read().decode("utf-8", "replace").strip().splitlines()
    except OSError:
        return None
    return lines[-1].strip() if lines else ""
