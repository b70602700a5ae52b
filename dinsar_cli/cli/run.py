"""``dinsar run``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dinsar_cli.cli.common import (
    ScreenReporter,
    cache_option,
    debug_option,
    json_option,
    logging_to,
    workdir_option,
)
from dinsar_cli.configfile import build_config, help_text, load_config
from dinsar_cli.workspace import make_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from dinsar_cli.pipeline import RunResult

# flag, configuration key, placeholder; the help comes from the configuration
_FLAGS = (
    ("--roi", "roi", "ROI"),
    ("--orbits", "orbits.dir", "FOLDER"),
    ("--dem", "dem.file", "FILE"),
    ("--dem-datum", "dem.datum", "DATUM"),
    ("--polarization", "polarization", "POL"),
    ("--engine", "engine", "NAME"),
    ("--looks", "looks", "RGxAZ"),
    ("--resolution", "resolution", "METRES"),
    ("--filter-strength", "filter.strength", "0..1"),
    ("--crs", "grid.crs", "CRS"),
    ("--posting", "grid.posting", "SIZE"),
    ("--reference-point", "reference_point", "POINT"),
    ("--threads", "compute.threads", "N"),
    ("--memory", "compute.memory", "SIZE"),
)


def _key(flag: str) -> str:
    return flag.removeprefix("--").replace("-", "_")


def _config_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for flag, key, placeholder in reversed(_FLAGS):
        command = click.option(flag, metavar=placeholder, help=help_text(key))(command)
    return click.option("--slc", multiple=True, metavar="PRODUCT", help=help_text("slc.files"))(command)


@click.command(short_help="Make a displacement map from two dates.")
@click.argument("config_file", required=False, metavar="[CONFIG.yaml]", type=click.Path(path_type=Path))
@_config_options
@workdir_option
@cache_option
@json_option
@click.option("-v", "--verbose", count=True, help="Show more; twice shows everything.")
@click.option("-q", "--quiet", is_flag=True, help="Show warnings and errors only.")
@debug_option
def run(
    config_file: Path | None,
    slc: tuple[str, ...],
    workdir: Path,
    cache: Path,
    as_json: bool,
    verbose: int,
    quiet: bool,
    **flags: str | None,
) -> None:
    r"""Make a displacement map from two Sentinel-1 dates.

    What is asked for comes from flags, from a file that `dinsar init` writes, or from both: flags win. A run that
    was stopped goes on where it was when the same command is given again; after a change of an option only what
    depends on it is made again.

    \b
    dinsar run --slc A.zip --slc B.zip --orbits ORBITS --dem DEM.tif --dem-datum ellipsoid
    dinsar run dinsar.yaml --looks 7x2
    """
    from dinsar_cli import pipeline

    overrides: dict[str, object] = {key: flags[_key(flag)] for flag, key, _ in _FLAGS}
    overrides["slc.files"] = list(slc) or None
    config = build_config(load_config(config_file) if config_file else None, overrides)
    make_folder(workdir)
    with (
        logging_to(make_folder(workdir / "logs"), -1 if quiet else verbose),
        ScreenReporter(quiet=quiet) as reporter,
    ):
        result = pipeline.run(config, workdir, cache, reporter, ["dinsar", *sys.argv[1:]])
    _print(result, as_json=as_json)


def _print(result: RunResult, *, as_json: bool) -> None:
    import json

    from dinsar_cli.pipeline import summary

    record = summary(result)
    if as_json:
        click.echo(json.dumps(record, indent=2))
        return
    interferogram, facts = result.interferogram, result.facts
    click.echo(f"{result.folder.name}: {record['reference_date'][:10]} to {record['secondary_date'][:10]}")
    click.echo(f"  displacement    {facts.lowest * 100:+.2f} to {facts.highest * 100:+.2f} cm (96 % of the map)")
    click.echo("                  line of sight, positive toward the satellite")
    if facts.reference is not None:
        click.echo(f"  relative to     {facts.longitude:.5f}, {facts.latitude:.5f} (longitude, latitude)")
    click.echo(f"  coherence       {facts.mean_coherence:.2f} on average")
    click.echo(f"  baseline        {interferogram.perpendicular_baseline:.0f} m perpendicular")
    click.echo("  note            one pair cannot tell displacement from 1-3 cm of atmosphere")
    for path in result.products.values():
        click.echo(str(path))
