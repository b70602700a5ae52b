"""``dinsar extract``."""

from __future__ import annotations

from pathlib import Path

import click

from dinsar_cli.cli.options import json_option, telling_options
from dinsar_cli.cli.parts.common import folders_and_last, show_notes, tell, tell_made
from dinsar_cli.cli.parts.completing import complete_files


@click.command(
    short_help="Values of maps at points, along lines and over areas.",
    context_settings={"ignore_unknown_options": True},  # a place that is typed may begin with a minus
    epilog="""\b
Examples:
  dinsar extract T154D_20230904_20230916 stations.csv
  dinsar extract T154D_20230904_20230916 '-8.85 31.42'
  dinsar extract STACK benchmarks.gpkg --output series.gpkg
  dinsar extract . landslides.geojson --output means.csv""",
)
@click.argument(
    "arguments", metavar="FOLDER... POINTS", nargs=-1, type=click.UNPROCESSED, shell_complete=complete_files
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="CSV, GeoPackage, GeoJSON or JSON, by its ending (.csv, .gpkg, .geojson, .json).  "
    "[default: CSV on the screen]",
)
@click.option("--crs", metavar="CRS", help="Of a table with x and y, or a file without one, such as EPSG:32629.")
@click.option("--window", type=int, metavar="N", help="Also median and scatter of N x N cells around each point.")
@click.option(
    "--radius",
    type=click.FloatRange(min=0, min_open=True),
    metavar="METRES",
    help="Also median and scatter of the cells within so many metres of each point.",
)
@click.option(
    "--step",
    type=click.FloatRange(min=0, min_open=True),
    metavar="METRES",
    help="Between the points along a line.  [default: the size of a cell]",
)
@click.option(
    "--columns",
    metavar="NAME,...",
    help="Columns of the maps that are wanted beside the motion, such as coherence,los_sigma_m: large maps then "
    "take less time.  [default: all but vertical_displacement_m]",
)
@click.option("--pairs", is_flag=True, help="Take the pairs of a stack, although it has a series.")
@json_option
@telling_options
def extract(
    arguments: tuple[str, ...],
    output: Path | None,
    crs: str | None,
    window: int | None,
    radius: float | None,
    step: float | None,
    columns: str | None,
    pairs: bool,
    as_json: bool,
) -> None:
    r"""Extract displacement and all that belongs to it at points, along lines and over areas.

    FOLDER is that of a run, of several runs, of a stack (its series, or else its pairs), or what dinsar
    displacement or dinsar decompose wrote; also a GeoTIFF of displacement in metres.

    POINTS is a table with lon and lat (or x and y with --crs), GeoJSON, a GeoPackage, a shapefile or KML; or typed:
    'lon lat', 'lon lat lon lat' for a line, WKT. What is told of each place is kept.

    Each point gets a row for each map: displacement and its sigma, coherence, component, direction to the
    satellite, incidence, height, flags, distance to the reference, and a status. A series gives velocity, its sigma
    and the displacement of each date in columns D20230904, which the plugin InSAR Explorer of QGIS reads. An area
    gets the mean, whose sigma counts the noise that cells share, median and extremes.
    """
    from dinsar_cli.extraction.extract import Choices, values_of_places
    from dinsar_cli.extraction.table import check_output, csv_text, json_text, write_tables

    folders, places = folders_and_last(arguments, "POINTS", "extract")
    wanted = tuple(name.strip() for name in (columns or "").split(",") if name.strip())
    choices = Choices(crs, window, radius, step, pairs, wanted)
    if output is not None:
        check_output(output, [Path(places)] if len(places) < 1000 else [])
    found = values_of_places(folders, places, choices)
    show_notes(found.warnings)
    if output is not None:
        write_tables(output, found.tables, found.record)
    for line in found.summary:
        tell(line)
    if as_json:
        click.echo(json_text(found.tables, found.record), nl=False)
    elif output is not None:
        tell_made(output)
    else:
        click.echo(csv_text(found.tables), nl=False)
