"""Running topsApp as one process for many steps, following its log, and ending it with us."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

from dinsar_cli.engines.topsapp.steps import SHARES, STEPS, share_before
from dinsar_cli.errors import EngineError, ResourceError

if TYPE_CHECKING:
    from dinsar_cli.engines.topsapp.installation import Installation

logger = logging.getLogger(__name__)

_STARTS = "Running step "
_KILLED = (-signal.SIGKILL, 128 + signal.SIGKILL)
_GRACE = 5.0  # s between asking to end and killing
# topsApp prints these and runs on; what follows is waste or worse
_FATAL = {
    "No swaths contain any burst overlaps": "The two acquisitions have no bursts in common in the area.",
    "Could not determine a suitable burst offset": "The bursts of the two acquisitions cannot be matched.",
    "No annotation xml file found": "A product has no annotation of the polarization or subswath asked for.",
    "No suitable orbit file found": "There is no orbit file for an acquisition.",
    "Could not extract swath": "A subswath could not be read.",
}
# Linux ends the process when its parent dies, however that happens
_WITH_PARENT = "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9); os.execv(sys.argv[1], sys.argv[1:])"


@dataclass
class StepLog:
    """What is known of the steps that a process has done.

    Attributes
    ----------
    seconds : dict
        Wall-clock time of each finished step.
    current : str or None
        Step that is under way.
    tail : deque
        Last lines of the output.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    current: str | None = None
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=20))
    _since: float = field(default_factory=time.monotonic)

    def read(self, line: str) -> str | None:
        """Take a line of the output; give the name of a step that starts with it."""
        self.tail.append(line.rstrip())
        step = line.removeprefix(_STARTS).strip()
        if not line.startswith(_STARTS) or step not in SHARES:
            return None
        self.end()
        self.current = step
        return step

    def end(self) -> None:
        """Note the end of the current step."""
        now = time.monotonic()
        if self.current is not None:
            self.seconds[self.current] = now - self._since
        self.current, self._since = None, now


def run_topsapp(
    installation: Installation,
    folder: Path,
    start: str,
    end: str,
    threads: int,
    progress: Callable[[str, float], None],
) -> dict[str, float]:
    """Run topsApp in a folder from one step to another, and give the seconds of each.

    Parameters
    ----------
    installation : Installation
        ISCE2.
    folder : Path
        Working folder with topsApp.xml; the output goes to ``topsApp.out`` in it.
    start, end : str
        First and last step.
    threads : int
        For OpenMP.
    progress : callable
        Takes the name of a step and the share of the whole that is done, 0 to 1.

    Raises
    ------
    EngineError, ResourceError
        When it fails; the states of the finished steps stay.
    """
    topsapp = [str(installation.python), str(installation.program), "topsApp.xml"]
    command = [str(installation.python), "-c", _WITH_PARENT, *topsapp, f"--start={start}", f"--end={end}"]
    log = StepLog()
    logger.info("topsApp from %s to %s in %s", start, end, folder)
    with (
        (folder / "topsApp.out").open("a", encoding="utf-8") as output,
        subprocess.Popen(
            command,
            cwd=folder,
            env=installation.environment(threads, folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        ) as process,
    ):
        try:
            _follow(process.stdout, output, log, progress)
            code = process.wait()
        finally:
            _end(process)
    if code or log.current != end:
        raise _failure(code, log, folder / "topsApp.out")
    log.end()
    return log.seconds


def _follow(stream: IO[str] | None, output: IO[str], log: StepLog, progress: Callable[[str, float], None]) -> None:
    """Copy the output of topsApp to its file, note its steps, and stop at what it only prints.

    Raises
    ------
    EngineError
        At a line after which going on is useless.
    """
    for line in stream or ():
        output.write(line)
        step = log.read(line)
        if step is not None:
            output.flush()
            progress(step, share_before(step))
        for text, cause in _FATAL.items():
            if text in line:
                raise EngineError(
                    f"topsApp cannot go on in its step {log.current}.",
                    f"{cause} It says: {line.strip()}",
                    f"Choose another pair or area. Its whole output: {output.name}",
                )


def _end(process: subprocess.Popen[str]) -> None:
    """Make sure that no process of the group is left."""
    with suppress(ProcessLookupError, PermissionError):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE)
        os.killpg(process.pid, signal.SIGKILL)


def _failure(code: int, log: StepLog, output: Path) -> EngineError | ResourceError:
    step = log.current or STEPS[0]
    said = next((line for line in reversed(log.tail) if line.strip()), "nothing")
    if code in _KILLED or said == "Killed":
        return ResourceError(
            f"topsApp was killed in its step {step}.",
            "That is nearly always the system, because the memory was used up.",
            f"Use more looks or a smaller area. The same command goes on at this step. Output: {output}",
        )
    return EngineError(
        f"topsApp failed in its step {step} (code {code}).",
        f"Its last words: {said}",
        f"Read its output: {output}. The same command goes on at this step.",
    )
