"""A run on the screen and in its log: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import click

from dinsar_cli.base.files import check_folder
from dinsar_cli.base.journal import LOCK
from dinsar_cli.cli.parts.common import is_quiet, time_left
from dinsar_cli.errors import DinsarError, ExitCode

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_SHORT_STEP = 1.0  # s; of a step that takes less no line is shown

STAGE_TITLES = {
    "simulate": "simulation",
    "search": "search",
    "fetch": "download",
    "slc": "scenes",
    "orbits": "orbits",
    "dem": "DEM",
    "process": "interferogram",
    "geocode": "map layers",
    "displacement": "displacement",
    "products": "pictures",
    "report": "report",
}


_NOT_REFUSED: Final = (ExitCode.UNEXPECTED, ExitCode.NETWORK)
"""Errors that are worth a log whenever they happen; with others a command is refused, if nothing has begun."""

_BEFORE_WORK: Final = ("search", "slc")
"""Stages in which a run may still be refused: its log begins when something else begins, or when one is done."""

_LEAST_SHARE: Final = 0.02  # of a step, that must be done to tell how long the rest takes
_LEAST_SECONDS: Final = 3.0  # and that must have passed


class RunLog(logging.FileHandler):
    """A log that waits until there is something to tell of, so that a refused command leaves nothing.

    It goes silent when the disk is full: the error that matters is told elsewhere.

    Parameters
    ----------
    folder : Path
        Gets the folder ``logs``, and in it a file named by the time.
    """

    def __init__(self, folder: Path) -> None:
        place = folder / "logs" / f"{datetime.now(UTC):%Y%m%dT%H%M%S_%f}.log"
        super().__init__(place, encoding="utf-8", delay=True)
        self._waiting: list[logging.LogRecord] | None = []

    def begin(self) -> None:
        """Write what has waited, and what comes as it comes."""
        if self._waiting is None:
            return
        waiting, self._waiting = self._waiting, None
        with suppress(OSError):
            Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True)
            self.stream = self._open()
        for record in waiting:
            self.emit(record)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, or let it wait."""
        if self._waiting is not None:
            self._waiting.append(record)
            return
        try:
            super().emit(record)
        except OSError:  # the file cannot be made
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (the name is that of logging)
        """Let the line go."""

    def flush(self) -> None:
        """Write what is waiting, if it can be."""
        with suppress(OSError):
            super().flush()


@contextmanager
def logged(folder: Path, verbosity: int) -> Iterator[RunLog]:
    """Keep a log of this process in a folder, which need not be there, and show it from a level on.

    Of a command that is refused before it has begun, nothing is left: no log, and no folder that was not there.

    Parameters
    ----------
    folder : Path
    verbosity : int
        0 warnings, 1 information, 2 everything; ``--quiet`` shows errors only.

    Raises
    ------
    UsageError
        When the folder cannot be written to.
    """
    check_folder(folder)
    is_new = not folder.exists()
    logger = logging.getLogger("dinsar_cli")
    logger.setLevel(logging.DEBUG)
    file, screen = RunLog(folder), logging.StreamHandler(sys.stderr)
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    levels = {0: logging.WARNING, 1: logging.INFO}
    screen.setLevel(logging.ERROR if is_quiet() else levels.get(verbosity, logging.DEBUG))
    screen.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    for handler in (file, screen):
        logger.addHandler(handler)
    try:
        yield file
    except (DinsarError, KeyboardInterrupt) as error:
        if isinstance(error, DinsarError) and error.exit_code in _NOT_REFUSED:
            file.begin()
        elif is_new:
            _forget(folder)
        raise
    except BaseException:
        file.begin()
        raise
    finally:
        logger.removeHandler(screen)
        file.flush()


def _forget(folder: Path) -> None:
    """Remove a folder that was made in vain, unless something is in it."""
    with suppress(OSError):
        if {path.name for path in folder.iterdir()} == {LOCK}:
            (folder / LOCK).unlink()
        folder.rmdir()


@contextmanager
def shown_run(folder: Path, verbosity: int) -> Iterator[ScreenReporter]:
    """Show a run on the screen and keep a log of it; see `logged`."""
    with logged(folder, verbosity) as log, ScreenReporter(quiet=is_quiet(), log=log) as reporter:
        yield reporter


class ScreenReporter:
    """Shows a run on stderr: a bar on a terminal, plain lines otherwise."""

    def __init__(self, *, quiet: bool, log: RunLog | None = None) -> None:
        self._quiet = quiet
        self._file = log
        self._log = logging.getLogger("dinsar_cli.run")
        self._stage = ""
        self._steps: list[tuple[str, float]] = []  # of the stage, and when each was first told
        self._first = (0.0, 0.0)  # when the step was first told, and how much of it was done
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        if sys.stderr.isatty() and not self._quiet:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

            columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:3.0f} %"))
            times = (TimeElapsedColumn(), TextColumn("{task.fields[left]}"))
            self._bar = Progress(*columns, *times, console=Console(stderr=True), transient=True)
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def note(self, text: str) -> None:
        """Tell a fact."""
        self._log.debug("%s", text)
        self._line(text)

    def warn(self, text: str) -> None:
        """Tell a fact that the user should keep in mind."""
        self._log.debug("warning: %s", text)
        self._line(f"Warning: {text}", fg="yellow")

    def start(self, stage: str) -> None:
        """Tell that a stage starts."""
        self._stage = stage
        self._steps = []
        self._log.debug("stage %s starts", stage)
        if stage not in _BEFORE_WORK:
            self._begin()
        if self._bar is not None:
            self._task = self._bar.add_task(STAGE_TITLES[stage], total=1.0, left="")

    def progress(self, step: str, share: float, left: float | None = None, /) -> None:
        """Tell the step of the stage, how much is done, 0 to 1, and the seconds left when they are known."""
        if not self._steps or self._steps[-1][0] != step:
            self._end_step()
            self._steps.append((step, time.monotonic()))
            self._first = (time.monotonic(), share)
        left = self.left(share) if left is None else left
        if self._bar is not None and self._task is not None:
            title = f"{STAGE_TITLES[self._stage]}: {step}"
            self._bar.update(self._task, description=title, completed=share, left=time_left(left))

    def left(self, share: float) -> float | None:
        """Return the seconds that the step still takes if it goes on as it has; None when that cannot be told."""
        since, before = self._first
        seconds, done = time.monotonic() - since, share - before
        if seconds < _LEAST_SECONDS or done < _LEAST_SHARE:
            return None
        return seconds / done * (1 - share)

    def _begin(self) -> None:
        if self._file is not None:
            self._file.begin()

    def _end_step(self) -> None:
        """Tell that a step is done, without a terminal in a line: the log of a long run then shows life."""
        if not self._steps:
            return
        step, since = self._steps[-1]
        seconds = time.monotonic() - since
        self._log.debug("step %s done, %.2f s", step, seconds)
        if self._bar is None and seconds >= _SHORT_STEP:
            self._line(f"  {step:<12} {seconds:6.1f} s")

    def end(self, stage: str, seconds: float, *, skipped: bool) -> None:
        """Tell that a stage is done."""
        if len(self._steps) > 1:
            self._end_step()
        self._log.debug("stage %s %s, %.2f s", stage, "was done" if skipped else "done", seconds)
        if not skipped and stage != "search":
            self._begin()
        if self._bar is not None and self._task is not None:
            self._bar.remove_task(self._task)
            self._task = None
        self._line(f"{STAGE_TITLES[stage]:<14} {'already done' if skipped else f'{seconds:6.1f} s'}")

    def _line(self, text: str, fg: str | None = None) -> None:
        if self._quiet:
            return
        if self._bar is not None:
            self._bar.console.print(text, style=fg, highlight=False, markup=False, soft_wrap=True)
        else:
            click.secho(text, fg=fg, err=True)
