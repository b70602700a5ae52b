"""``dinsar displacement``."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dinsar_cli.base.files import make_folder
from dinsar_cli.cli.common import ScreenReporter, debug_option, json_option, logging_to
from dinsar_cli.cli.inputs import flag_option, several_files
from dinsar_cli.cli.run import print_result
from dinsar_cli.config.file import build_config
from dinsar_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

# flag, configuration key, placeholder; the help comes from the configuration
_FLAGS = (
    ("--roi", "roi", "ROI"),
    ("--crs", "grid.crs", "CRS"),
    ("--posting", "grid.posting", "SIZE"),
    ("--reference-point", "reference_point", "POINT"),
    ("--mask-coherence", "mask.coherence", "0..1"),
    ("--ramp", "ramp", "KIND"),
    ("--tides", "corrections.tides", ""),
    ("--troposphere", "corrections.troposphere", "height|FILE,FILE|FOLDER"),
    ("--ionosphere", "corrections.ionosphere", ""),
    ("--filter-strength", "filter.strength", "0..1"),
)

_EXAMPLES = """\b
dinsar displacement insar/merged
dinsar displacement insar --output maps --reference-point -8.85,31.30
"""


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    for flag, key, placeholder in reversed(_FLAGS):
        command = flag_option(flag, key.replace(".", "__"), key, placeholder)(command)
    return command


def _day(_context: click.Context, parameter: click.Parameter, value: str | None) -> date | None:
    try:
        return None if value is None else date.fromisoformat(value)
    except ValueError:
        raise UsageError(
            f"{parameter.opts[0]} {value!r} is not a date.", "It has another form.", "Write it as 2023-09-04."
        ) from None


@click.command(short_help="Make displacement maps from a topsApp folder of your own.", epilog=_EXAMPLES)
@click.argument("folder", metavar="MERGED_DIR", type=click.Path(path_type=Path))
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Folder for the products.  [default: displacement, beside merged]",
)
@_options
@click.option("--looks", metavar="RGxAZ", help="Looks of the folder, where the sizes of its layers leave a choice.")
@click.option(
    "--reference-date", callback=_day, metavar="DATE", help="Date of topsApp's reference, if the folder lost it."
)
@click.option(
    "--secondary-date", callback=_day, metavar="DATE", help="Date of topsApp's secondary, if the folder lost it."
)
@click.option(
    "--wavelength",
    type=click.FloatRange(0.001, 1),
    metavar="METRES",
    help="Radar wavelength, if the folder lost all its IWn.xml.",
)
@json_option
@click.option("-v", "--verbose", count=True, help="Show more; twice shows everything.")
@click.option("-q", "--quiet", is_flag=True, help="Show warnings and errors only.")
@debug_option
def displacement(
    folder: Path,
    output: Path | None,
    looks: str | None,
    reference_date: date | None,
    secondary_date: date | None,
    wavelength: float | None,
    as_json: bool,
    verbose: int,
    quiet: bool,
    **flags: str | None,
) -> None:
    """Make displacement maps from a topsApp folder of your own.

    MERGED_DIR is the folder in which topsApp.py ran, or its folder merged. The products are those of `dinsar run`.
    The layers on the radar grid are used; where they are gone, those that topsApp geocoded, less exactly. Nothing
    of topsApp's is changed.
    """
    from dinsar_cli.engines.topsapp.results.metadata import Stated
    from dinsar_cli.workflow.topsapp_folder import make_map, make_output, plan_map

    overrides: dict[str, object] = {key: flags[key.replace(".", "__")] for _, key, _ in _FLAGS}
    overrides["corrections.troposphere"] = several_files(overrides["corrections.troposphere"])
    config = build_config(None, overrides | {"looks": looks})
    stated = Stated(reference_date, secondary_date, wavelength)
    plan = plan_map(folder, output, config, stated, config.looks if looks else None)
    make_output(plan.output)
    with (
        logging_to(make_folder(plan.output / "logs"), -1 if quiet else verbose),
        ScreenReporter(quiet=quiet) as reporter,
    ):
        result = make_map(plan, reporter, ["dinsar", *sys.argv[1:]])
    print_result(result, as_json=as_json)
