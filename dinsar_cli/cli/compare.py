"""``dinsar compare``."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from dinsar_cli.cli.common import debug_option, json_option
from dinsar_cli.errors import ExitCode, UsageError

_PATH = click.Path(path_type=Path)


@click.command(short_help="Compare a displacement map with the truth.")
@click.argument("result", type=_PATH)
@click.argument("truth", type=_PATH)
@click.option(
    "--min-coherence", type=click.FloatRange(0, 1), default=0.5, show_default=True, help="Of the truth, to count."
)
@click.option("--max-rmse", type=click.FloatRange(min=0), metavar="MM", help="End with exit code 8 above it.")
@click.option("--picture", type=_PATH, help="PNG with residual map and scatter plot.  [default: beside RESULT]")
@json_option
@debug_option
def compare(
    result: Path, truth: Path, min_coherence: float, max_rmse: float | None, picture: Path | None, as_json: bool
) -> int:
    """Compare a displacement map with the truth of a simulation.

    RESULT is the folder of a run or a raster of displacement in metres; TRUTH is the folder of a simulation or such
    a raster. The median of the difference is removed: displacement is relative.
    """
    from dinsar_cli.compare import compare as compare_maps
    from dinsar_cli.compare import describe, table
    from dinsar_cli.compare_picture import comparison_picture

    found = compare_maps(result, truth, min_coherence)
    picture = picture or (result if result.is_dir() else result.parent) / "comparison.png"
    _check_picture(picture)
    comparison_picture(picture, found, f"{result.resolve().name} against {truth.resolve().name}")
    if as_json:
        click.echo(json.dumps(describe(found) | {"picture": str(picture)}, indent=2))
    else:
        for line in table(found):
            click.echo(line)
        click.echo(str(picture))
    above = max_rmse is not None and found.statistics.rmse * 1e3 > max_rmse
    if above:
        click.echo(f"The RMSE is above {max_rmse:g} mm.", err=True)
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
