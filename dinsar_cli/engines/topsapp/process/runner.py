"""Running topsApp as one process for many steps: its logs, its progress, what it costs, and its end with us."""

from __future__ import annotations

import codecs
import io
import logging
import math
import os
import selectors
import subprocess
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Self

from dinsar_cli.base.processes import supervisor
from dinsar_cli.engines.base import Progress, StepCost
from dinsar_cli.engines.topsapp.process.diagnose import Diagnosis, diagnose, explain, watch
from dinsar_cli.engines.topsapp.process.installation import Installation
from dinsar_cli.engines.topsapp.process.monitor import Monitor
from dinsar_cli.engines.topsapp.settings.execution import Manner
from dinsar_cli.engines.topsapp.settings.steps import (
    EVERY,
    STEPS,
    forget_from,
    mend_state,
    mend_states,
    share_done,
    time_left,
)
from dinsar_cli.errors import DinsarError, EngineError

logger = logging.getLogger(__name__)

_STARTS = "Running step "
_TICK = 1.0  # s between two reports of progress
_BLOCK = 1 << 16  # bytes read at once
_LAST_WORDS = 20  # lines of the output that are kept for the message of a failure
_REASON = 0.3  # s to wait for the line that says why, after one that says that something failed
# What goes wrong in them shows in what they leave, not in how they end
_LOOKED_AT = ("verifyDEM", "topo")


class StepLogs:
    """What topsApp prints, in a file for each step: ``05_topo.log``.

    The file of a step holds its last run: it starts anew when the step is done again. What is printed before the
    first step goes to ``00_topsApp.log``. That file grows from run to run, with a dated line for each process and
    each step, so that it tells which steps were done when.

    Parameters
    ----------
    folder : Path
        Gets the files.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._all: IO[str] | None = None
        self._step: IO[str] | None = None

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._all = self.path(None).open("a", encoding="utf-8", buffering=1)
        return self

    def __exit__(self, *_: object) -> None:
        for file in (self._step, self._all):
            if file is not None:
                file.close()

    def path(self, step: str | None) -> Path:
        """Return the file of a step; of what comes before the first one for None."""
        name = "00_topsApp" if step is None else f"{EVERY.index(step) + 1:02d}_{step}"
        return self.folder / f"{name}.log"

    def begin(self, step: str) -> None:
        """Start the file of a step."""
        if self._step is not None:
            self._step.close()
        self.note(step)
        self._step = self.path(step).open("w", encoding="utf-8", buffering=1)

    def note(self, text: str) -> None:
        """Write a dated line into the file of all steps."""
        if self._all is not None:
            self._all.write(f"{datetime.now(UTC).isoformat(timespec='milliseconds')} {text}\n")

    def write(self, line: str) -> None:
        """Write a line of the output."""
        file = self._step or self._all
        if file is not None:
            file.write(line)


class _Run:
    """A process of topsApp under way: its step, and what is told of it."""

    def __init__(
        self,
        *,
        start: str,
        end: str,
        logs: StepLogs,
        monitor: Monitor,
        progress: Progress,
        on_step: Callable[[str, StepCost], None],
        expected: Mapping[str, float],
        folder: Path,
        ignore: Collection[str],
    ) -> None:
        self.stop_at = math.inf
        self.useless: str | None = None
        self.step: str | None = None
        self.tail: deque[str] = deque(maxlen=_LAST_WORDS)
        self.costs: dict[str, StepCost] = {}
        self._start = start
        self._end = end
        self._logs = logs
        self._monitor = monitor
        self._progress = progress
        self._on_step = on_step
        self._expected = expected
        self._folder = folder
        self._ignore = ignore
        self._since = self._told = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds since the step started, or the process when none has."""
        return time.monotonic() - self._since

    @property
    def log(self) -> Path:
        """Where the output of the step is."""
        return self._logs.path(self.step)

    def read(self, line: str) -> None:
        """Take a line of the output.

        Raises
        ------
        DinsarError
            When the step that has ended went wrong, though topsApp goes on.
        """
        step = line.removeprefix(_STARTS).strip()
        if line.startswith(_STARTS) and step in EVERY:
            if self.stop_at < math.inf:
                raise self.failure(0)
            self.finish_step()
            self.step = step
            self._logs.begin(step)
            self._tell()
        self._logs.write(line)
        self.tail.append(line.rstrip())
        if self.stop_at == math.inf and watch(line, self.step, self._ignore):
            self.stop_at = time.monotonic() + _REASON

    def check_stop(self) -> None:
        """Stop after a line that makes all that follows useless, when the next ones have had time to say why.

        Raises
        ------
        DinsarError
            With what is known of that failure.
        """
        if time.monotonic() >= self.stop_at:
            raise self.failure(0)

    def failure(self, code: int) -> DinsarError:
        """Return the error for the end of topsApp in this step.

        With code 0 the step is of no use, and is forgotten.
        """
        if not code:
            self.useless = self.step
        return explain(self._diagnosis(code), self.step or self._start, code, self.log, self.tail)

    def _diagnosis(self, code: int) -> Diagnosis | None:
        text = self.log.read_text(encoding="utf-8", errors="replace")
        return diagnose(text, self.step, code, self._folder, self._ignore)

    def tick(self) -> None:
        """Tell how far the step is, now and then."""
        if time.monotonic() - self._told >= _TICK:
            self._tell()

    def finish_step(self) -> None:
        """Note what the step that has ended has cost, and look at what it left.

        Raises
        ------
        DinsarError
            When it went wrong without a word.
        """
        if self.step in _LOOKED_AT and self._diagnosis(0):
            raise self.failure(0)
        seconds, peaks = self.elapsed, self._monitor.take()
        if self.step is not None:
            cost = self.costs[self.step] = StepCost(seconds, peaks.memory, peaks.disk)
            self._on_step(self.step, cost)
        self._since += seconds

    def _tell(self) -> None:
        self._told = time.monotonic()
        if self.step is not None:
            elapsed = self.elapsed
            share = share_done(self._expected, self.step, elapsed)
            left = time_left(self._expected, self.step, elapsed, self._end) if self._expected else None
            self._progress(self.step, share, left)


def run_topsapp(
    installation: Installation,
    folder: Path,
    start: str,
    end: str,
    *,
    manner: Manner,
    logs: Path,
    progress: Progress,
    on_step: Callable[[str, StepCost], None],
    expected: Mapping[str, float],
    timeout: float | None,
    ignore: Collection[str] = (),
) -> dict[str, StepCost]:
    """Run topsApp in a folder from one step to another, and give what each has cost.

    topsApp and all that it starts end with this call, with an interrupt, and with this process, however that ends.

    Parameters
    ----------
    installation : Installation
        ISCE2.
    folder : Path
        Working folder with topsApp.xml.
    start, end : str
        First and last step. The states of the steps before must be there.
    manner : Manner
        How many bursts it works on at a time, with how many threads, and how it takes heights from the DEM.
    logs : Path
        Folder for the output, see `StepLogs`.
    progress : callable
        Takes the step, the share of the time of all steps that has gone by, and the seconds left, at the start of
        each step and each second.
    on_step : callable
        Takes the name and the cost of each step as soon as it has ended.
    expected : mapping
        Seconds that each step will take, by which the progress is told.
    timeout : float or None
        Seconds after which topsApp is ended.
    ignore : collection of str
        Names of failures in the table of `diagnose` that do no harm here.

    Raises
    ------
    DinsarError
        When it fails; the states of the finished steps stay.
    """
    mend_state(folder, start)
    python = str(installation.python)
    asked = [str(installation.program), "topsApp.xml", f"--start={start}", f"--end={end}"]
    topsapp = [python, *manner.arguments, *asked]
    # isolated (-I, -S): the supervisor needs nothing of the environment that it hands on
    command = [python, "-I", "-S", supervisor.__file__, *topsapp]
    logger.info("topsApp from %s to %s in %s", start, end, folder)
    with (
        StepLogs(logs) as files,
        subprocess.Popen(
            command,
            cwd=folder,
            env=installation.environment(manner.threads, folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
        Monitor(process.pid, folder) as monitor,
    ):
        files.note(f"topsApp from {start} to {end}")
        run = _Run(
            start=start,
            end=end,
            logs=files,
            monitor=monitor,
            progress=progress,
            on_step=on_step,
            expected=expected,
            folder=folder,
            ignore=ignore,
        )
        try:
            _follow(process, run, timeout)
            code = process.wait()
            if code or run.step != end:
                raise run.failure(code)
            run.finish_step()
            mend_states(folder)
        finally:
            supervisor.end(process)
            if run.useless:
                forget_from(folder, run.useless)
    return run.costs


def _follow(process: subprocess.Popen[bytes], run: _Run, timeout: float | None) -> None:
    """Take the output of topsApp until it ends.

    Raises
    ------
    DinsarError
        When it has taken too long, or after a line that makes all that follows useless.
    """
    started = time.monotonic()
    for line in _lines(process.stdout):
        if line is not None:
            run.read(line)
        elif process.poll() is not None:
            return  # somebody else holds its output open
        run.check_stop()
        run.tick()
        elapsed = time.monotonic() - started
        if timeout is not None and elapsed > timeout:
            step = run.step or STEPS[0]
            raise EngineError(
                f"topsApp was stopped in its step {step}, after {_duration(elapsed)}.",
                f"The step had taken {_duration(run.elapsed)}; isce2.timeout allows {_duration(timeout)} in all.",
                f"Raise isce2.timeout. The same command goes on at the step {step}. Its output: {run.log}",
            )


def _lines(stream: IO[bytes] | None) -> Iterator[str | None]:
    """Yield the lines of a pipe as they come, and None after each while without output."""
    if stream is None:
        return
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder("utf-8")("replace"), translate=True)
    rest, block = "", b"begun"
    with selectors.DefaultSelector() as ready:
        ready.register(stream, selectors.EVENT_READ)
        while block:
            if not ready.select(_REASON):
                yield None
                continue
            block = os.read(stream.fileno(), _BLOCK)
            *lines, rest = (rest + decoder.decode(block, final=not block)).split("\n")
            yield from (f"{line}\n" for line in lines)
    if rest:
        yield rest


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.3g} seconds"
    return f"{seconds / 60:.3g} minutes" if seconds < 5400 else f"{seconds / 3600:.3g} hours"
