"""``dinsar compare``."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from dinsar_cli.cli.common import show_notes
from dinsar_cli.cli.options import debug_option, json_option
from dinsar_cli.errors import ExitCode, UsageError

_PATH = click.Path(path_type=Path)
_TABLES = (".csv", ".tsv", ".txt")


@click.command(
    short_help="Compare a displacement map with the truth.",
    epilog="""\b
Examples:
  dinsar compare T052D_20230904_20230916 scene
  dinsar compare STACK/pairs/20230916_20231010 scene
  dinsar compare T052D_20230904_20230916 stations.csv --unit mm --station RABT
  dinsar compare displacement.tif tenv3/ --los-vector los_enu.tif --dates 2016-07-11,2016-09-21""",
)
@click.argument("result", type=_PATH)
@click.argument("truth", type=_PATH)
@click.option(
    "--min-coherence", type=click.FloatRange(0, 1), default=0.5, show_default=True, help="Of the truth, to count."
)
@click.option("--max-rmse", type=click.FloatRange(min=0), metavar="MM", help="End with exit code 8 above it.")
@click.option("--station", metavar="NAME", help="Of the table, to which both are relative.  [default: the mean]")
@click.option("--unit", type=click.Choice(["m", "cm", "mm"]), default="m", show_default=True, help="Of the table.")
@click.option(
    "--window",
    type=click.IntRange(1, 99),
    default=1,
    show_default="1: between the nearest four",
    metavar="N",
    help="Average N x N pixels at a station; odd.",
)
@click.option(
    "--los-vector", type=_PATH, metavar="FILE", help="East, north, up to the satellite, of another program."
)
@click.option("--dates", metavar="DAY,DAY", help="Of the map, to read .tenv3 at.  [default: those in its tags]")
@click.option(
    "--days",
    type=click.IntRange(0, 30),
    default=0,
    show_default="0: the days themselves",
    metavar="N",
    help="Median of .tenv3 within N days.",
)
@click.option("--picture", type=_PATH, help="PNG with map and scatter plot.  [default: beside RESULT]")
@json_option
@debug_option
@click.pass_context
def compare(
    context: click.Context,
    result: Path,
    truth: Path,
    min_coherence: float,
    max_rmse: float | None,
    station: str | None,
    unit: str,
    window: int,
    los_vector: Path | None,
    dates: str | None,
    days: int,
    picture: Path | None,
    as_json: bool,
) -> int:
    """Compare a displacement map with the truth of a simulation, or with GNSS stations.

    RESULT is the folder of a run or a raster of displacement in metres; TRUTH is the folder of a simulation or such
    a raster. The median of the difference is removed: displacement is relative. Of a simulation of many dates the
    truth is that between the dates of the map.

    TRUTH may also be a table of GNSS stations (.csv, .tsv or .txt) with the header station,lon,lat,E,N,U and,
    when they are known, sE,sN,sU: their motion between the two dates of the map. It is projected on the line of
    sight. Or it is a folder with the daily positions of stations (.tenv3 of the Nevada Geodetic Laboratory), from
    which that motion is taken. RESULT may then be a map of another program, with --los-vector.
    """
    from dinsar_cli.gnss.tenv3 import files_in

    daily = bool(files_in(truth))
    if daily or (truth.suffix.lower() in _TABLES and not truth.is_dir()):
        _refuse(context, ("min_coherence",), f"{truth} is of stations, which have no coherence.")
        if daily:
            _refuse(context, ("unit",), f"Daily positions (.tenv3), as in {truth}, are in metres.")
        else:
            _refuse(context, ("dates", "days"), f"{truth} has motion, not daily positions (.tenv3).")
        motion = _Motion(truth, unit, los_vector, _parsed_dates(dates), days)
        return _with_stations(result, motion, station, window, max_rmse, picture, as_json=as_json)
    _refuse(
        context,
        ("station", "unit", "window", "los_vector", "dates", "days"),
        f"{truth} is no table of GNSS stations (.csv, .tsv or .txt), and no folder of daily positions (.tenv3).",
    )
    return _with_truth(result, truth, min_coherence, max_rmse, picture, as_json=as_json)


def _refuse(context: click.Context, names: tuple[str, ...], cause: str) -> None:
    """Refuse options that mean nothing for what is compared."""
    for name in names:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise UsageError(f"--{name.replace('_', '-')} cannot be used here.", cause, "Leave that option out.")


@dataclass(frozen=True)
class _Motion:
    """Motion of stations as it is given; see `dinsar_cli.compare.gnss.compare_gnss`."""

    table: Path
    unit: str
    vector: Path | None
    dates: tuple[date, date] | None
    days: int


def _parsed_dates(text: str | None) -> tuple[date, date] | None:
    if text is None:
        return None
    try:
        first, second = (date.fromisoformat(part.strip()) for part in text.split(","))
    except ValueError as error:
        raise UsageError(
            f"--dates {text} are not two days.", f"{error}.", "Give them as YYYY-MM-DD,YYYY-MM-DD."
        ) from error
    if first >= second:
        raise UsageError(f"--dates {text} are in the wrong order.", "The earlier one comes first.", "Swap them.")
    return first, second


def _with_stations(
    result: Path,
    motion: _Motion,
    station: str | None,
    window: int,
    max_rmse: float | None,
    picture: Path | None,
    *,
    as_json: bool,
) -> int:
    from dinsar_cli.compare.gnss import compare_gnss, describe_gnss, gnss_table
    from dinsar_cli.compare.gnss_picture import gnss_picture

    if window % 2 == 0:
        raise UsageError(
            f"--window {window} has no middle.",
            "A window is centred on the pixel of a station.",
            "Give an odd number.",
        )
    table = motion.table
    found = compare_gnss(
        result, table, motion.unit, station, window, vector=motion.vector, dates=motion.dates, days=motion.days
    )
    picture = picture or (result if result.is_dir() else result.parent) / "gnss_comparison.png"
    _check_picture(picture)
    gnss_picture(picture, found, f"{found.map.name} against {table.name}")
    show_notes(found.notes)
    _show(describe_gnss(found), gnss_table(found), picture, as_json=as_json)
    return _judge(found.rms, max_rmse, "RMS difference")


def _with_truth(
    result: Path, truth: Path, min_coherence: float, max_rmse: float | None, picture: Path | None, *, as_json: bool
) -> int:
    from dinsar_cli.compare.truth import compare as compare_maps
    from dinsar_cli.compare.truth import describe, table
    from dinsar_cli.compare.truth_picture import comparison_picture

    found = compare_maps(result, truth, min_coherence)
    picture = picture or (result if result.is_dir() else result.parent) / "comparison.png"
    _check_picture(picture)
    comparison_picture(picture, found, f"{result.resolve().name} against {truth.resolve().name}")
    _show(describe(found), table(found), picture, as_json=as_json)
    return _judge(found.statistics.rmse, max_rmse, "RMSE")


def _show(record: dict[str, Any], lines: list[str], picture: Path, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(record | {"picture": str(picture)}, indent=2))
        return
    for line in (*lines, str(picture)):
        click.echo(line)


def _judge(found: float, most: float | None, name: str) -> int:
    """Exit code of an error in metres and the bound on it in millimetres."""
    above = most is not None and found * 1e3 > most
    if above:
        click.echo(f"The {name} is above {most:g} mm.", err=True)
    return ExitCode.OUT_OF_BOUND if above else ExitCode.OK


def _check_picture(picture: Path) -> None:
    if picture.is_dir():
        cause = "It is a folder."
    elif not picture.parent.is_dir():
        cause = f"There is no folder {picture.parent}."
    elif not os.access(picture.parent, os.W_OK):
        cause = f"The folder {picture.parent} cannot be written to."
    else:
        return
    raise UsageError(f"The picture {picture} cannot be written.", cause, "Give another file with --picture.")
