"""``dinsar displacement``."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import click

from dinsar_cli.cli.options import (
    config_options,
    json_option,
    overrides_of,
    read_date,
    telling_options,
    verbose_option,
)
from dinsar_cli.cli.parts.screen import shown_run
from dinsar_cli.cli.run import print_result
from dinsar_cli.config.file import build_config

_KEYS = (
    "roi",
    "grid.crs",
    "grid.posting",
    "grid.origin",
    "grid.like",
    "reference_point",
    "reference_gnss.files",
    "reference_gnss.model",
    "mask",
    "mask.coherence",
    "mask.water",
    "ramp",
    "corrections.tides",
    "corrections.troposphere",
    "corrections.ionosphere",
    "corrections.motion",
    "filter.strength",
    "output.styles",
)

_EXAMPLES = """\b
dinsar displacement insar/merged
dinsar displacement insar --output maps --reference-point -8.85,31.30
"""


@click.command(short_help="Make displacement maps from a topsApp folder of your own.", epilog=_EXAMPLES)
@click.argument("folder", metavar="FOLDER", type=click.Path(path_type=Path))
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Folder for the products.  [default: displacement, beside merged]",
)
@config_options(*_KEYS)
@click.option("--looks", metavar="RGxAZ", help="Looks of the folder, where the sizes of its layers leave a choice.")
@click.option(
    "--reference-date",
    callback=read_date,
    metavar="DATE",
    help="Date of topsApp's reference, if the folder lost it.",
)
@click.option(
    "--secondary-date",
    callback=read_date,
    metavar="DATE",
    help="Date of topsApp's secondary, if the folder lost it.",
)
@click.option(
    "--wavelength",
    type=click.FloatRange(0.001, 1),
    metavar="METRES",
    help="Radar wavelength, if the folder lost all its IWn.xml.",
)
@json_option
@verbose_option
@telling_options
def displacement(
    folder: Path,
    output: Path | None,
    looks: str | None,
    reference_date: date | None,
    secondary_date: date | None,
    wavelength: float | None,
    as_json: bool,
    verbose: int,
    **flags: str | None,
) -> None:
    """Make displacement maps from a topsApp folder of your own.

    FOLDER is that in which topsApp.py ran, or its folder merged. The products are those of `dinsar run`.
    The layers on the radar grid are used; where they are gone, those that topsApp geocoded, less exactly. Nothing
    of topsApp's is changed.
    """
    from dinsar_cli.engines.topsapp.results.metadata import Stated
    from dinsar_cli.workflow.topsapp_folder import make_map, make_output
    from dinsar_cli.workflow.topsapp_folder_plan import plan_map

    config = build_config(None, overrides_of(flags) | {"looks": looks})
    stated = Stated(reference_date, secondary_date, wavelength)
    plan = plan_map(folder, output, config, stated, config.looks if looks else None)
    make_output(plan.output)
    with shown_run(plan.output, verbose) as reporter:
        result = make_map(plan, reporter, ["dinsar", *sys.argv[1:]])
    print_result(result, as_json=as_json)
