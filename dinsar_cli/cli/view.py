"""``dinsar view``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dinsar_cli.cli.options import folder_argument, json_option, telling_options
from dinsar_cli.cli.parts.common import tell, warn
from dinsar_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dinsar_cli.products.folder import PairProducts


@click.command(short_help="Look at the products.")
@folder_argument(several=False)
@click.option("--page", is_flag=True, help="Open the page even if there is a viewer.")
@click.option("--with", "program", metavar="PROGRAM", help="Open with this command; with --page, the page.")
@click.option("--no-open", is_flag=True, help="Write the page if need be, print its path, and open nothing.")
@json_option
@telling_options
def view(folders: tuple[Path, ...], page: bool, program: str | None, no_open: bool, as_json: bool) -> None:
    """Open the products of a run in QGIS, or else its page in the web browser.

    FOLDER is that of a pair, one with several pairs, or one with the GeoTIFFs; by default the current one. The page
    is report.html beside the GeoTIFFs, one file that needs no network; it is written if it is not there, or older
    than they are. Of several pairs it is reports.html, which lists them. Its path is printed; where no window can
    open, that is all.
    """
    from dinsar_cli.drawing.viewers import find_program, find_qgis, has_display, start
    from dinsar_cli.products.folder import find_products, rasters_to_open

    if program is not None and no_open:
        raise UsageError(
            "--with and --no-open exclude each other.",
            "One opens the products, the other opens nothing.",
            "Give one of them.",
        )
    (folder,) = folders
    command = () if program is None else find_program(program)
    pairs, unfinished = find_products(folder)
    for text in unfinished:
        warn(f"the run is not finished. {text}")
    if command and not page:
        start(command, rasters_to_open(pairs))
        _told([], program, as_json=as_json)
        return
    if not page and not no_open and has_display():
        qgis = find_qgis()
        if qgis and _shown_in(qgis, pairs):
            _told([], qgis, as_json=as_json)
            return
    from dinsar_cli.report.page import pages_to_view  # not before a viewer is started

    pages = pages_to_view(pairs, folder)
    _told(pages, program, as_json=as_json)
    if command:
        start(command, pages[-1:])
    elif not no_open:
        _open_or_explain(pages[-1])


def _told(pages: Sequence[Path], program: str | None, *, as_json: bool) -> None:
    """Tell which pages there are, and with what they or the maps are opened."""
    paths = [str(path.resolve()) for path in pages]
    if as_json:
        click.echo(json.dumps({"pages": paths, "program": program}, indent=2))
    else:
        for path in paths:
            click.echo(path)


def _shown_in(qgis: str, pairs: Sequence[PairProducts]) -> bool:
    """Start QGIS; when it fails, tell so, and the page is there instead."""
    from dinsar_cli.drawing.viewers import start
    from dinsar_cli.products.folder import rasters_to_open

    try:
        start([qgis], rasters_to_open(pairs))
    except UsageError as error:
        warn(f"{error.problem} {error.cause}")
        return False
    tell(f"Opened in {qgis}. A page instead: dinsar view --page")
    return True


def _open_or_explain(page: Path) -> None:
    """Open the page, or tell how to."""
    from dinsar_cli.drawing.viewers import has_display, open_in_browser

    if has_display() and open_in_browser(page):
        return
    tell(
        "No program was found that can show it here. Open the file in a web browser; it needs nothing else, so it "
        "can be copied to another computer."
    )
