"""What several commands share: the log, the progress of a run, notes and tables on the screen."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

import click

from dinsar_cli.errors import UsageError

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


class _LogFile(logging.FileHandler):
    """A log that goes silent when the disk is full: the error that matters is told elsewhere."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (the name is that of logging)
        """Let the line go."""

    def flush(self) -> None:
        """Write what is waiting, if it can be."""
        with suppress(OSError):
            super().flush()


@contextmanager
def logging_to(folder: Path, verbosity: int) -> Iterator[None]:
    """Write a log of this process into a folder, and show it from a level on.

    Parameters
    ----------
    folder : Path
        Gets a file named by the time; it exists.
    verbosity : int
        -1 errors only, 0 warnings, 1 information, 2 everything.
    """
    logger = logging.getLogger("dinsar_cli")
    logger.setLevel(logging.DEBUG)
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%S_%f}.log"
    file = _LogFile(folder / name, encoding="utf-8")
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    screen = logging.StreamHandler(sys.stderr)
    screen.setLevel({-1: logging.ERROR, 0: logging.WARNING, 1: logging.INFO}.get(verbosity, logging.DEBUG))
    screen.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    for handler in (file, screen):
        logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(screen)
        file.flush()


class ScreenReporter:
    """Shows a run on stderr: a bar on a terminal, plain lines otherwise."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._log = logging.getLogger("dinsar_cli.run")
        self._stage = ""
        self._steps: list[tuple[str, float]] = []  # of the stage, and when each was first told
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
        if self._bar is not None:
            self._task = self._bar.add_task(STAGE_TITLES[stage], total=1.0, left="")

    def progress(self, step: str, share: float, left: float | None = None, /) -> None:
        """Tell the step of the stage, how much is done, 0 to 1, and the seconds left when they are known."""
        if not self._steps or self._steps[-1][0] != step:
            self._end_step()
            self._steps.append((step, time.monotonic()))
        if self._bar is not None and self._task is not None:
            title = f"{STAGE_TITLES[self._stage]}: {step}"
            self._bar.update(self._task, description=title, completed=share, left=time_left(left))

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
        if self._bar is not None and self._task is not None:
            self._bar.remove_task(self._task)
            self._task = None
        self._line(f"{STAGE_TITLES[stage]:<14} {'already done' if skipped else f'{seconds:6.1f} s'}")

    def _line(self, text: str, fg: str | None = None) -> None:
        if self._quiet and fg is None:
            return
        if self._bar is not None:
            self._bar.console.print(text, style=fg, highlight=False, markup=False, soft_wrap=True)
        else:
            click.secho(text, fg=fg, err=True)


def duration(seconds: float) -> str:
    """Return the time that something takes, as a person reads it."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def time_left(seconds: float | None) -> str:
    """Return the time left as a person reads it; nothing when it is not known."""
    if seconds is None:
        return ""
    if seconds < 90:
        return f"{seconds:.0f} s left"
    return f"{seconds / 60:.0f} min left" if seconds < 5400 else f"{seconds / 3600:.1f} h left"


def show_notes(notes: Sequence[str]) -> None:
    """Tell what the user should know, on stderr."""
    for note in notes:
        click.secho(f"Warning: {note}", fg="yellow", err=True)


def table(rows: Sequence[Sequence[str]], right: frozenset[int] = frozenset()) -> list[str]:
    """Give the lines of a table whose first row is its head; columns named in `right` are aligned to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def folders_and_last(arguments: tuple[str, ...], last: str, command: str) -> tuple[list[Path], str]:
    """Return the folders and what comes after them; numbers at the end belong together.

    Raises
    ------
    UsageError
        When one is missing, or an option is not known.
    """
    usage = f"Usage: dinsar {command} [OPTIONS] FOLDER... {last}"
    see = f"See: dinsar {command} --help"
    unknown = next((text for text in arguments if text.startswith("--")), None)
    if unknown is not None:
        raise UsageError(f"No such option: {unknown}", usage, see)
    numbers = 0
    while numbers < len(arguments) and _is_number(arguments[-1 - numbers]):
        numbers += 1
    if numbers > 1:
        arguments = (*arguments[:-numbers], " ".join(arguments[-numbers:]))
    if len(arguments) < 2:
        missing = f"{last} is missing." if arguments else f"FOLDER and {last} are missing."
        raise UsageError(missing, usage, see)
    return [Path(text) for text in arguments[:-1]], arguments[-1]


def _is_number(text: str) -> bool:
    try:
        float(text.rstrip(","))
    except ValueError:
        return False
    return not Path(text).exists()
