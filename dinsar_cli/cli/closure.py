"""``dinsar closure``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dinsar_cli.cli.options import folder_argument, json_option, telling_options
from dinsar_cli.cli.parts.common import near, table, tell_made

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dinsar_cli.timeseries.closure_table import Closure

_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command(
    short_help="How pairs close around triangles of dates.",
    epilog="""\b
Example:
  dinsar closure STACK""",
)
@folder_argument(several=False)
@click.option("--output", type=_FOLDER, metavar="FOLDER", help="Folder for the files.  [default: FOLDER/series]")
@json_option
@telling_options
def closure(folders: tuple[Path, ...], output: Path | None, as_json: bool) -> None:
    """Tell how the pairs close around triangles of dates: whole cycles of wrong unwrapping, and phase bias.

    FOLDER is that of dinsar stack, or one with the folders of runs on one grid; by default the current one.
    closure.csv and closure.json have a row for each triangle: the whole cycles by which it is off everywhere, the
    share of cells off by other ones, and what is left within a cycle, before and after what has one explanation is
    taken off. closure.png shows the worst, closure_cycles.tif the number of triangles that do not close in each
    cell.
    """
    from dinsar_cli.timeseries.closure_table import find_closure

    (folder,) = folders
    place = output or folder / "series"
    found, notes = find_closure(folder, place)
    if as_json:
        click.echo(json.dumps({"folder": str(place.resolve())} | found.to_dict(), indent=2))
        return
    for text in (*notes, *found.sentences()):
        click.echo(text)
    for line in table(_rows(found), right=frozenset(range(1, 8))):
        click.echo(line)
    tell_made(near(place / "closure.csv"))


def _rows(found: Closure) -> Sequence[tuple[str, ...]]:
    rows = [
        ("Triangle", "Cycles", "Off %", "RMS rad", "After repair: cycles", "off %", "RMS rad", "Within cycles rad")
    ]
    for one in found.triangles:
        before = (f"{one.constant:+d}", f"{100 * one.wrong:.3f}", f"{one.rms:.3f}")
        after = (f"{one.constant_left:+d}", f"{100 * one.left:.3f}", f"{one.rms_left:.3f}")
        rows.append((one.name, *before, *after, f"{one.wrapped_rms:.3f}"))
    return rows
