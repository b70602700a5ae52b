"""``dinsar completion``."""

from __future__ import annotations

import json
import os

import click

from dinsar_cli.cli.options import json_option, telling_options
from dinsar_cli.cli.parts.common import tell_made, tell_next
from dinsar_cli.cli.parts.completing import SHELLS, install, place_of, script_of, shell_of


@click.command(
    short_help="Let the shell complete commands, options and files.",
    epilog="""\b
Examples:
  dinsar completion install
  dinsar completion show zsh > ~/.zfunc/_dinsar""",
)
@click.argument("what", metavar="install|show", type=click.Choice(["install", "show"]))
@click.argument("shell", metavar="[bash|zsh|fish]", required=False, type=click.Choice(SHELLS))
@json_option
@telling_options
@click.pass_context
def completion(context: click.Context, /, what: str, shell: str | None, as_json: bool) -> None:
    """Let the shell complete commands, options, their values and files with the key Tab.

    install writes the script to where the shell looks for those of the user (and, where it would not look there by
    itself, a line that loads it into .zshrc or .bashrc), and tells what it wrote; show prints the script. Without
    a name the shell is that of the variable SHELL.
    """
    name = shell or shell_of(os.environ)
    script = script_of(name, context.find_root().command)
    if what == "show":
        click.echo(json.dumps({"shell": name, "script": script}, indent=2) if as_json else script, nl=as_json)
        return
    place = place_of(name, os.environ)
    changed = install(place, script)
    if as_json:
        files = [str(path) for path in (place.script, place.startup) if path is not None]
        record = {"shell": name, "files": files, "changed": [str(path) for path in changed]}
        click.echo(json.dumps(record, indent=2))
        return
    tell_made(*(f"written: {path}" for path in changed))
    if not changed:
        tell_made(f"{place.script} is there already; nothing was changed.")
    tell_next(f"open a new {name}, and type: dinsar ru, then Tab")
