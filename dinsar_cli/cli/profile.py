"""``dinsar profile``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from dinsar_cli.cli.options import json_option, telling_options
from dinsar_cli.cli.parts.common import folders_and_last, show_notes, tell_made
from dinsar_cli.cli.parts.completing import complete_files

_LENGTH = click.FloatRange(min=0, min_open=True)


@click.command(
    short_help="Displacement along a line: a table and a figure.",
    context_settings={"ignore_unknown_options": True},  # a line that is typed may begin with a minus
    epilog="""\b
Examples:
  dinsar profile T154D_20230904_20230916 '-8.90 31.35 -8.80 31.35'
  dinsar profile T154D_* line.geojson --width 2000 --output fault.csv
  dinsar profile STACK 'LINESTRING(-8.9 31.35, -8.85 31.4, -8.8 31.4)'""",
)
@click.argument(
    "arguments", metavar="FOLDER... LINE", nargs=-1, type=click.UNPROCESSED, shell_complete=complete_files
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("profile.csv"),
    show_default=True,
    metavar="FILE",
    help="Table (.csv, .gpkg, .geojson or .json); the figure gets its name, with .png.",
)
@click.option(
    "--width", type=_LENGTH, metavar="METRES", help="Across a swath, whose median and percentiles are taken."
)
@click.option("--step", type=_LENGTH, metavar="METRES", help="Between points.  [default: the size of a cell]")
@click.option("--crs", metavar="CRS", help="Of a table with x and y, or a file without one, such as EPSG:32629.")
@click.option("--pairs", is_flag=True, help="Take the pairs of a stack, although it has a series.")
@json_option
@telling_options
def profile(
    arguments: tuple[str, ...],
    output: Path,
    width: float | None,
    step: float | None,
    crs: str | None,
    pairs: bool,
    as_json: bool,
) -> None:
    r"""Draw the displacement of one map or several along a line, above the terrain, and write it as a table.

    FOLDER is that of a run, of several runs, of a stack (the velocity of its series, or else its pairs), or what
    dinsar displacement or dinsar decompose wrote; also a GeoTIFF of displacement in metres.

    LINE is 'lon lat lon lat ...', WKT, or a file with lines or with points, which make one line in their order.
    Several lines get a figure each.
    """
    from dinsar_cli.extraction.profile import profiles_along
    from dinsar_cli.extraction.profile_picture import profile_picture
    from dinsar_cli.extraction.table import check_output, write_tables

    folders, line = folders_and_last(arguments, "LINE", "profile")
    table_file = output.with_suffix(".csv") if output.suffix.lower() in {".png", ""} else output
    check_output(table_file, [Path(line)] if len(line) < 1000 else [])
    found = profiles_along(folders, line, crs=crs, step=step, width=width, pairs=pairs)
    show_notes(found.warnings)
    write_tables(table_file, [found.table], found.record)
    lines = list(dict.fromkeys(one.line for one in found.profiles))
    pictures = []
    for number in lines:
        ending = "" if len(lines) == 1 else f"_{number}"
        picture = table_file.with_name(f"{table_file.stem}{ending}.png")
        profile_picture(picture, found.of_line(number))
        pictures.append(picture)
    if as_json:
        record = {"table": str(table_file), "pictures": [str(path) for path in pictures]}
        click.echo(json.dumps(record | {"warnings": list(found.warnings)}, indent=2))
        return
    tell_made(table_file, *pictures)
