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
@click.option("--page", is_flag=True, help="Write the page even if there is a viewer, and open that.")
@click.option("--with", "program", metavar="PROGRAM", help="Open with this command; with --page, the page.")
@click.option("--no-open", is_flag=True, help="Write the page, print its path, and open nothing.")
@debug_option
def view(folder: Path, page: bool, program: str | None, no_open: bool) -> None:
    """Open the products of a run in QGIS, or else as a page in the web browser.

    FOLDER is that of a pair, one with several pairs, or one with the GeoTIFFs; by default the current one. The page
    view.html in the folder of the pair is one file that needs no network. Its path is printed. Where no window can
    open it is only written.
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
    pages = _written(pairs)
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


def _written(pairs: Sequence[PairProducts]) -> list[Path]:
    """Write the pages and print their paths."""
    from dinsar_cli.report.view_page import write_pages

    pages = []
    for path in write_pages(pairs):
        click.echo(str(path.resolve()))
        pages.append(path)
    return pages


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
