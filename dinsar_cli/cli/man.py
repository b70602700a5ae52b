"""``dinsar man``."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from dinsar_cli.base.files import make_folder, write_text
from dinsar_cli.cli.options import json_option, telling_options
from dinsar_cli.cli.parts.common import tell_made, tell_next

_SECTION = "man1"


@click.command(short_help="Write manual pages for man.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help=f"Folder that gets them.  [default: share/man/{_SECTION} of the user, in .local]",
)
@json_option
@telling_options
@click.pass_context
def man(context: click.Context, /, output: Path | None, as_json: bool) -> None:
    """Write a manual page for dinsar and one for each command: dinsar.1, dinsar-run.1 and so on.

    Their text is that of --help.
    """
    from dinsar_cli.cli.parts.roff import manual_pages

    folder = make_folder(output or _own_folder())
    pages = manual_pages(context.find_root())
    for name, text in pages.items():
        write_text(folder / name, text)
    if as_json:
        click.echo(json.dumps({"files": [str(folder / name) for name in pages]}, indent=2))
        return
    tell_made(f"{len(pages)} pages in {folder}")
    found = folder.name == _SECTION and folder.parent.name == "man"
    tell_next("man dinsar-run" if found else f"man {folder / 'dinsar-run.1'}")


def _own_folder() -> Path:
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "man" / _SECTION
