"""``dinsar demo``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dinsar_cli.base.files import make_folder
from dinsar_cli.cli.common import STAGE_TITLES, ScreenReporter, logging_to
from dinsar_cli.cli.options import debug_option, json_option, quiet_option
from dinsar_cli.errors import ExitCode

if TYPE_CHECKING:
    from dinsar_cli.workflow.demo import Demonstration


@click.command(short_help="Show on simulated scenes that it works here.")
@click.option(
    "--workdir",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("dinsar-demo"),
    show_default=True,
    help="Folder for the scenes and the map (about 150 MB).",
)
@click.option("--engine", default="auto", show_default=True, metavar="NAME", help="Engine to show.")
@json_option
@quiet_option
@debug_option
def demo(workdir: Path, engine: str, as_json: bool, quiet: bool) -> int:
    """Simulate two Sentinel-1 scenes with a known displacement, make the map, and compare it with the truth.

    Nothing is downloaded. The exit code is 8 when the map is more than 0.5 mm (root mean square) from the truth.
    """
    from dinsar_cli.compare.truth import describe
    from dinsar_cli.workflow.demo import BOUND, demonstrate

    make_folder(workdir)
    with logging_to(make_folder(workdir / "logs"), -1 if quiet else 0), ScreenReporter(quiet=quiet) as reporter:
        made = demonstrate(workdir, engine, reporter, ["dinsar", *sys.argv[1:]])
    if as_json:
        pictures = [str(path) for path in made.pictures]
        record = describe(made.comparison) | {"seconds": made.seconds, "pictures": pictures}
        click.echo(json.dumps(record, indent=2))
    else:
        _print(made)
    if made.comparison.statistics.rmse > BOUND:
        click.echo(
            f"The map is more than {BOUND * 1e3:g} mm from the truth: do not trust maps made here.", err=True
        )
        return ExitCode.OUT_OF_BOUND
    return ExitCode.OK


def _print(made: Demonstration) -> None:
    """Show the figures as a table."""
    from dinsar_cli.compare.truth import table

    click.echo("The map against the known displacement:")
    for line in table(made.comparison):
        click.echo(f"  {line}")
    click.echo("Seconds:")
    for name, seconds in made.seconds.items():
        click.echo(f"  {STAGE_TITLES.get(name, name):<14} {seconds:6.1f}")
    click.echo(f"  {'together':<14} {sum(made.seconds.values()):6.1f}")
    for path in made.pictures:
        click.echo(str(path))
