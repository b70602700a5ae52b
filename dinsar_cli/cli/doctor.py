"""``dinsar doctor``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dinsar_cli.cli.options import cache_option, json_option, telling_options, workdir_option
from dinsar_cli.cli.parts.common import tell_made
from dinsar_cli.workflow.doctor import Finding, examine, examine_online, exit_code

if TYPE_CHECKING:
    from collections.abc import Sequence


@click.command(short_help="Check what this machine can do.")
@workdir_option
@cache_option
@click.option(
    "--online",
    is_flag=True,
    help="Also ask the servers of catalogue, scenes, orbits and DEM, and try the accounts that are known.",
)
@json_option
@telling_options
def doctor(workdir: Path, cache: Path, online: bool, as_json: bool) -> int:
    """Check what this machine can do: engines, libraries, memory, disk, account, network, MintPy.

    The exit code is 0 when an engine works and nothing else is wanting that every run needs. What is printed
    belongs into a bug report, and holds no secret.
    """
    findings = [*examine(workdir, cache), _mintpy(), *(examine_online() if online else ())]
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        _show(findings)
        tell_made("Into a bug report belong: this, the log that the error names, and run.json of the pair.")
    return exit_code(findings)


def _show(findings: Sequence[Finding]) -> None:
    """Print what was found: what is wanting in red where every run needs it."""
    for finding in findings:
        colour = "green" if finding.good else "red" if finding.code else "yellow"
        mark = click.style("ok" if finding.good else "!!" if finding.code else "--", fg=colour)
        click.echo(f"{mark}  {finding.name:<22} {finding.state}")
        if finding.remedy:
            click.echo(f"{'':<27}{finding.remedy}")


def _mintpy() -> Finding:
    """Tell of the MintPy that `dinsar timeseries --with mintpy` would run; nothing else needs one."""
    from dinsar_cli.errors import EngineError
    from dinsar_cli.timeseries.mintpy.installation import find_mintpy

    try:
        found = find_mintpy(None, None)
    except EngineError as error:
        state = f"{error.problem.rstrip('.')} (only dinsar timeseries --with mintpy needs it)"
        return Finding("MintPy", state, good=False, remedy=error.remedy)
    return Finding("MintPy", f"{found.version}, {found.python}")
