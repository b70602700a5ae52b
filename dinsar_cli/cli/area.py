"""Options and steps that the commands share which look into the catalogue."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dinsar_cli.cli.common import debug_option
from dinsar_cli.config.file import build_config, help_text, load_config
from dinsar_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dinsar_cli.catalog.scenes import Query
    from dinsar_cli.catalog.stacks import Stack
    from dinsar_cli.config.model import RunConfig
    from dinsar_cli.geo.roi import Roi

# flag, configuration key, placeholder; the help comes from the configuration
_FLAGS = (
    ("--roi", "roi", "ROI"),
    ("--start", "start", "DATE"),
    ("--end", "end", "DATE"),
    ("--track", "track", "N"),
    ("--direction", "direction", "WAY"),
    ("--polarization", "polarization", "POL"),
)
Flags = tuple[tuple[str, str, str], ...]


def area_options(more: Flags = ()) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the configuration file, and flags for the keys that say what is looked for."""

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        options = (
            click.argument("config_file", required=False, metavar="[CONFIG.yaml]", type=click.Path(path_type=Path)),
            *(click.option(flag, metavar=sign, help=help_text(key)) for flag, key, sign in (*_FLAGS, *more)),
            click.option(
                "--platform",
                "platforms",
                multiple=True,
                callback=_platforms,
                metavar="NAME",
                help="Satellite: S1A, S1B, S1C or S1D; several times for several.  [default: all]",
            ),
            debug_option,
        )
        for option in reversed(options):
            command = option(command)
        return command

    return add


def _platforms(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names as the tool writes them, each once."""
    found = []
    for value in values:
        match = re.fullmatch(r"(?:S1|SENTINEL-?1)-?([ABCD])", value.strip().upper())
        if match is None:
            raise UsageError(
                f"--platform {value!r} is no satellite.",
                "Sentinel-1 are S1A, S1B, S1C and S1D.",
                "Give one of them.",
            )
        found.append(f"S1{match[1]}")
    return tuple(dict.fromkeys(found))


def gather_area(config_file: Path | None, flags: dict[str, str | None], more: Flags = ()) -> tuple[RunConfig, Roi]:
    """Gather the configuration from the file and the flags, which win, and the area in it.

    Raises
    ------
    UsageError
        When a value is wrong, or there is no area.
    """
    from dinsar_cli.geo.roi import parse_roi

    overrides: dict[str, object] = {
        key: flags[flag.removeprefix("--").replace("-", "_")] for flag, key, _ in (*_FLAGS, *more)
    }
    config = build_config(load_config(config_file) if config_file else None, overrides)
    if config.roi is None:
        raise UsageError(
            "--roi is missing.",
            "Scenes are searched over an area.",
            "Give --roi 'W S E N' in degrees, WKT, or a file with the outline.",
        )
    return config, parse_roi(config.roi)


def find_stacks(query: Query) -> tuple[tuple[Stack, ...], tuple[str, ...]]:
    """Search, and group what was found; with sentences on what the user should know."""
    from dinsar_cli.catalog.scenes import search
    from dinsar_cli.catalog.stacks import group_stacks

    notes = query.check(datetime.now(UTC).date())
    found = search(query)
    return group_stacks(found.scenes, query.roi.geometry, query.includes), (*notes, *found.notes)


def show_notes(notes: Sequence[str]) -> None:
    """Tell what the user should know, on stderr."""
    for note in notes:
        click.secho(f"Warning: {note}", fg="yellow", err=True)


def table(rows: Sequence[Sequence[str]], right: frozenset[int] = frozenset()) -> list[str]:
    """Give lines of a table whose first row is its head; columns named in `right` are aligned to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
