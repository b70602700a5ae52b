"""``dinsar fetch``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dinsar_cli.base.disk import human_bytes
from dinsar_cli.cli.options import gather_config, json_option, run_options
from dinsar_cli.cli.parts.common import duration, tell_made
from dinsar_cli.cli.parts.screen import shown_run

if TYPE_CHECKING:
    from dinsar_cli.cli.parts.given import Given


@click.command(
    short_help="Get the data of a run.",
    epilog="""\b
Examples:
  dinsar fetch --roi '37.0 37.0 37.4 37.4' --start 2023-01-20 --end 2023-02-20
  dinsar fetch dinsar.yaml --cache /data/cache""",
)
@run_options
@json_option
def fetch(
    given: Given,
    workdir: Path,
    cache: Path,
    as_json: bool,
    verbose: int,
    **flags: str | None,
) -> None:
    """Get scenes, orbit files and DEM of a run into the cache, and print where they are.

    It takes what `dinsar run` takes; `dinsar run` with the same options and cache then needs no network. Nothing is
    fetched twice, and what a stopped download left is used.
    """
    from dinsar_cli.workflow import pipeline

    config = gather_config(given, flags)
    command = ["dinsar", *sys.argv[1:]]
    with shown_run(workdir, verbose) as reporter:
        data = pipeline.fetch(config, workdir, cache, reporter, command)
        reporter.note(f"took {duration(data.seconds)}, {human_bytes(data.received)} fetched")
    if as_json:
        click.echo(json.dumps(data.to_dict(), indent=2))
        return
    tell_made(*data.files)
