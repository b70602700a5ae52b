"""``dinsar demo``."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dinsar_cli.cli.options import json_option, telling_options
from dinsar_cli.cli.parts.common import near, tell_made, tell_next
from dinsar_cli.cli.parts.screen import STAGE_TITLES, shown_run
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
@telling_options
def demo(workdir: Path, engine: str, as_json: bool) -> int:
    """Simulate two Sentinel-1 scenes with a known displacement, make the map, and compare it with the truth.

    Nothing is downloaded. The exit code is 8 when the map is more than 0.5 mm (root mean square) from the truth.
    """
    from dinsar_cli.compare.truth import describe
    from dinsar_cli.workflow.demo import BOUND, demonstrate

    with shown_run(workdir, 0) as reporter:
        made = demonstrate(workdir, engine, reporter, ["dinsar", *sys.argv[1:]])
    if as_json:
        pictures = [str(path) for path in made.pictures]
        record = describe(made.comparison) | {"seconds": made.seconds, "pictures": pictures}
        record |= {"folder": str(made.result.folder), "report": str(made.report)}
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

    tell_made("The map against the known displacement:", *(f"  {line}" for line in table(made.comparison)))
    tell_made("Seconds:")
    for name, seconds in made.seconds.items():
        tell_made(f"  {STAGE_TITLES.get(name, name):<14} {seconds:6.1f}")
    tell_made(f"  {'together':<14} {sum(made.seconds.values()):6.1f}")
    picture, comparison = made.pictures
    tell_made(f"Map:        {near(picture)}", f"Comparison: {near(comparison)}", f"Report:     {near(made.report)}")
    tell_next(
        f"dinsar view {shlex.quote(near(made.result.folder))}",
        "dinsar run --roi 'W S E N' --start DATE --end DATE  (or: dinsar run A.zip B.zip)",
    )
