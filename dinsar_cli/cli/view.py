"""``dinsar view``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dinsar_cli.cli.options import debug_option
from dinsar_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dinsar_cli.products.folder import PairProducts


@click.command(short_help="Look at the products.")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path())
@click.option("--page", is_flag=True, help="Open the page even if there is a viewer.")
@click.option("--with", "program", metavar="PROGRAM", help="Open with this command; with --page, the page.")
@click.option("--no-open", is_flag=True, help="Write the page if need be, print its path, and open nothing.")
@debug_option
def view(folder: Path, page: bool, program: str | None, no_open: bool) -> None:
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
    command = () if program is None else find_program(program)
    pairs, unfinished = find_products(folder)
    for text in unfinished:
        click.secho(f"Warning: the run is not finished. {text}", fg="yellow", err=True)
    if command and not page:
        start(command, rasters_to_open(pairs))
        return
    if not page and not no_open and has_display():
        qgis = find_qgis()
        if qgis and _shown_in(qgis, pairs):
            return
    from dinsar_cli.report.page import pages_to_view  # not before a viewer is started

    pages = pages_to_view(pairs, folder)
    for path in pages:
        click.echo(str(path.resolve()))
    if command:
        start(command, pages[-1:])
    elif not no_open:
        _open_or_explain(pages[-1])


def _shown_in(qgis: str, pairs: Sequence[PairProducts]) -> bool:
    """Start QGIS; when it fails, tell so, and the page is there instead."""
    from dinsar_cli.drawing.viewers import start
    from dinsar_cli.products.folder import rasters_to_open

    try:
        start([qgis], rasters_to_open(pairs))
    except UsageError as error:
        click.secho(f"Warning: {error.problem} {error.cause}", fg="yellow", err=True)
        return False
    click.echo(f"Opened in {qgis}. A page instead: dinsar view --page", err=True)
    return True


def _open_or_explain(page: Path) -> None:
    """Open the page, or tell how to."""
    from dinsar_cli.drawing.viewers import has_display, open_in_browser

    if has_display() and open_in_browser(page):
        return
    click.echo(
        "No program was found that can show it here. Open the file in a web browser; it needs nothing else, so it "
        "can be copied to another computer.",
        err=True,
    )
