"""What several commands share: what they tell, tables, and arguments that are folders with something after them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

from dinsar_cli.cli.parts.telling import of_unknown_option
from dinsar_cli.errors import UsageError

_QUIET = f"{__name__}.quiet"


def be_quiet(context: click.Context) -> None:
    """Let a command tell errors only, and what is asked for."""
    context.meta[_QUIET] = True


def is_quiet() -> bool:
    """Tell whether the command is to tell errors only."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(_QUIET))


def tell(text: str, fg: str | None = None) -> None:
    """Tell something beside the result, on stderr; nothing with ``--quiet``."""
    if not is_quiet():
        click.secho(text, fg=fg, err=True)


def warn(text: str) -> None:
    """Tell what the user should keep in mind, on stderr; nothing with ``--quiet``."""
    tell(f"Warning: {text}", fg="yellow")


def tell_made(*lines: object) -> None:
    """Tell on stdout what was made; nothing with ``--quiet``, as it was not asked for in words."""
    if not is_quiet():
        for line in lines:
            click.echo(str(line))


def tell_next(*commands: str) -> None:
    """Tell on stderr what can be done next."""
    for number, command in enumerate(commands):
        tell(f"{'Next:' if number == 0 else '     '} {command}")


def near(path: Path) -> str:
    """Return a path as it is typed here: without the current folder, if it is in it."""
    here = Path.cwd()
    whole = Path(os.path.abspath(path))  # noqa: PTH100 (links stay)
    return str(whole.relative_to(here)) if whole.is_relative_to(here) else str(whole)


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
        warn(note)


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
        raise of_unknown_option(unknown.partition("=")[0], click.get_current_context())
    numbers = 0
    while numbers < len(arguments) and _is_bare_number(arguments[-1 - numbers]):
        numbers += 1
    if numbers > 1:
        arguments = (*arguments[:-numbers], " ".join(arguments[-numbers:]))
    if len(arguments) < 2:
        missing = f"{last} is missing." if arguments else f"FOLDER and {last} are missing."
        raise UsageError(missing, usage, see)
    return [Path(text) for text in arguments[:-1]], arguments[-1]


def _is_bare_number(text: str) -> bool:
    return is_number(text) and not Path(text).exists()


def is_number(text: str) -> bool:
    """Tell whether a word is a number, with or without a comma after it."""
    try:
        float(text.rstrip(","))
    except ValueError:
        return False
    return True
