"""``dinsar doctor``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from dinsar_cli.cli.options import cache_option, json_option, telling_options, workdir_option
from dinsar_cli.errors import ExitCode
from dinsar_cli.workflow.doctor import examine


@click.command(short_help="Check what this machine can do.")
@workdir_option
@cache_option
@json_option
@telling_options
def doctor(workdir: Path, cache: Path, as_json: bool) -> int:
    """Check what this machine can do: engines, libraries, memory, disk, account, network.

    What is printed belongs into a bug report, and holds no secret.
    """
    findings = examine(workdir, cache)
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            mark = click.style("ok", fg="green") if finding.good else click.style("--", fg="red")
            click.echo(f"{mark}  {finding.name:<22} {finding.state}")
            if finding.remedy:
                click.echo(f"{'':<27}{finding.remedy}")
        click.echo("Into a bug report belong: this, the log that the error names, and run.json of the pair.")
    return ExitCode.OK if all(finding.good for finding in findings) else ExitCode.ENGINE
