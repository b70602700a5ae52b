"""``dinsar process``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dinsar_cli.cli.options import existing_xml_option, force_option, gather_config, json_option, run_options
from dinsar_cli.cli.parts.common import near, tell_made, tell_next
from dinsar_cli.cli.parts.screen import shown_run
from dinsar_cli.errors import UsageError

if TYPE_CHECKING:
    from dinsar_cli.cli.parts.given import Given


@click.command(
    short_help="Run the engine alone, or some of its steps.",
    epilog="""\b
Examples:
  dinsar process dinsar.yaml --to topo         stop after a step
  dinsar process dinsar.yaml --from filter     do it and all that follow again
  dinsar process dinsar.yaml --xml-only        write topsApp.xml, to be edited; then
  dinsar run dinsar.yaml --use-existing-xml    run topsApp with it as it is""",
)
@run_options
@existing_xml_option
@force_option
@click.option("--from", "first", metavar="STEP", help="Do this step of the engine again, and all that follow.")
@click.option("--to", "last", metavar="STEP", help="Stop after this step.")
@click.option("--xml-only", is_flag=True, help="Write topsApp.xml, its parts and the DEM, and run nothing.")
@click.option("--write-script", is_flag=True, help="Write them with a script for each step, to run by hand.")
@json_option
def process(
    given: Given,
    workdir: Path,
    cache: Path,
    use_existing_xml: bool,
    force: bool,
    first: str | None,
    last: str | None,
    xml_only: bool,
    write_script: bool,
    as_json: bool,
    verbose: int,
    **flags: str | None,
) -> None:
    """Make the interferogram on the radar grid, and no map: the part of `dinsar run` that the engine does.

    It takes what `dinsar run` takes, and `dinsar run` with the same options goes on from what is done here. Nothing
    of the engine's work is removed.
    """
    from dinsar_cli.engines.base import StepChoice
    from dinsar_cli.workflow import pipeline

    if (xml_only or write_script) and (use_existing_xml or first or last):
        raise UsageError(
            f"{'--xml-only' if xml_only else '--write-script'} runs no step.",
            "--from, --to and --use-existing-xml are about steps that are run.",
            "Leave one or the other out.",
        )
    config = gather_config(given, flags)
    command = ["dinsar", *sys.argv[1:]]
    with shown_run(workdir, verbose) as reporter:
        if xml_only or write_script:
            files = pipeline.write_engine_files(config, workdir, cache, reporter, command, scripts=write_script)
        else:
            choice = StepChoice(first, last, use_existing_xml)
            folder, interferogram = pipeline.process(config, workdir, cache, reporter, command, choice, force=force)
            files = list(interferogram.files) if interferogram else [folder]
    if as_json:
        click.echo(json.dumps({"files": [str(file) for file in files]}, indent=2))
        return
    tell_made(*map(near, files))
    if not (xml_only or write_script):
        tell_next("dinsar run, with the same options, makes the map of it")
