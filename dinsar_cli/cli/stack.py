"""``dinsar stack``."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dinsar_cli.cli.options import (
    OF_MANY_DATES,
    STACK_FLAGS,
    cache_option,
    config_argument,
    config_options,
    gather_config,
    json_option,
    telling_options,
    together,
    verbose_option,
)
from dinsar_cli.cli.parts.common import duration, near, table, tell_made, tell_next
from dinsar_cli.cli.parts.screen import shown_run
from dinsar_cli.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dinsar_cli.base.reporter import Reporter
    from dinsar_cli.cli.parts.given import Given

_KEYS = (
    "slc.files",
    "roi",
    "start",
    "end",
    "track",
    "direction",
    "slc.download",
    "orbits.dir",
    "dem.file",
    "dem.source",
    "dem.datum",
    "polarization",
    "engine",
    "looks",
    "resolution",
    "filter.strength",
    "grid.like",
    "grid.crs",
    "grid.posting",
    "grid.origin",
    "reference_point",
    "mask",
    "mask.coherence",
    "mask.water",
    "unwrap.cut",
    "ramp",
    "compute.threads",
    "compute.memory",
    "output.styles",
    "output.intermediates",
)


@click.command(
    short_help="Make the maps of many dates on one geometry.",
    epilog="""\b
Examples:
  dinsar stack --slc PRODUCTS --orbits ORBITS --dem DEM.tif --dem-datum ellipsoid
  dinsar stack --roi '37.0 37.0 37.4 37.4' --start 2023-01-01 --end 2023-06-30 --track 21 --output STACK
  dinsar stack --slc PRODUCTS --engine isce2 --output STACK_BY_TOPSAPP
  dinsar stack dinsar.yaml --network small-baseline:48,150""",
)
@together(config_argument(products=True), config_options(*_KEYS, *STACK_FLAGS, meanings=OF_MANY_DATES))
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("stack"),
    show_default=True,
    help="Folder of the stack.",
)
@together(cache_option, json_option, verbose_option, telling_options)
def stack(
    given: Given,
    output: Path,
    cache: Path,
    as_json: bool,
    verbose: int,
    **flags: Any,
) -> int:
    """Make the maps of many dates on one geometry.

    All dates are put on the geometry of the first, area, grid, bursts, DEM and reference point are the same for all
    pairs, and a pair costs a tenth of a run of its own. Products are given with --slc (also a folder of them), or
    they are found in the archive over --roi from --start to --end. A scene that cannot be used is set aside and
    named. Each pair gets a folder as that of a run.

    With --engine isce2 topsApp makes the pairs one after another, each on the geometry of its reference date; all
    else is the same. A pair that fails is told, the others go on, and the same command tries it again. Without
    --engine the embedded engine makes a stack.

    The same command goes on where it was stopped; with a further product it makes the pairs of that date only.
    """
    from dinsar_cli.series.network import parse_rule
    from dinsar_cli.stack.overview import PAGE
    from dinsar_cli.stack.run import run_stack

    config = gather_config(given, flags)
    if config.engine == "isce2":
        from dinsar_cli.engines.topsapp.process.installation import look_meanwhile

        look_meanwhile(config.isce2.home, config.isce2.python, config.isce2.conda_env)
    rule = parse_rule(config.stack.network)
    with shown_run(output, verbose) as reporter:
        made = run_stack(config, output, cache, reporter, ["dinsar", *sys.argv[1:]], rule)
        if "mintpy" in config.output.formats:
            _write_for_mintpy(made.folder, reporter)
    code = ExitCode.OK if made.failure is None else made.failure.exit_code
    if as_json:
        click.echo(
            json.dumps({"folder": str(made.folder.resolve()), "seconds": made.seconds} | made.record, indent=2)
        )
        return code
    tell_made(*table(_rows(made.record), right=frozenset({1, 2, 3, 4})))
    maps = sum("problem" not in pair for pair in made.record["pairs"].values())
    tell_made(f"{maps} maps in {near(made.folder)}, took {duration(made.seconds)}")
    if (page := made.folder / PAGE).is_file():
        tell_made(near(page))
    tell_next(f"dinsar timeseries {shlex.quote(near(made.folder))}")
    return code


def _write_for_mintpy(folder: Path, reporter: Reporter) -> None:
    """Write the folder for MintPy, or warn of why there is none: the maps are made all the same."""
    from dinsar_cli.errors import DinsarError
    from dinsar_cli.products.folder import find_products
    from dinsar_cli.timeseries.mintpy.export import plan_export

    try:
        planned = plan_export([folder], find_products(folder)[0], None)
        if planned is not None:
            planned.write()
    except DinsarError as error:
        reporter.warn(f"there is no folder for MintPy. {error.problem} {error.cause}")


def _rows(record: Mapping[str, Any]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("Pair", "Coherence", "Noise mm", "Lowest mm", "Highest mm")]
    for name, pair in record["pairs"].items():
        if "problem" in pair:
            rows.append((name, "-", "-", "-", "-"))
            continue
        low, high = pair["range_m"]
        figures = (pair["mean_coherence"], pair["median_sigma_m"], low, high)
        scaled = zip(figures, (1, 1000, 1000, 1000), (2, 2, 1, 1), strict=True)
        rows.append((name, *("-" if value is None else f"{value * by:.{digits}f}" for value, by, digits in scaled)))
    return rows
