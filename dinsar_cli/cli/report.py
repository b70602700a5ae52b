"""``dinsar report``."""

from __future__ import annotations

import os
from pathlib import Path

import click

from dinsar_cli.cli.options import debug_option


@click.command(
    short_help="One page that shows whether a run worked.",
    epilog="""\b
Examples:
  dinsar report T154D_20230904_20230916
  dinsar report . --output all.html""",
)
@click.argument(
    "folders", metavar="FOLDER...", nargs=-1, required=True, type=click.Path(path_type=Path, file_okay=False)
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File of the page that lists several runs.  [default: reports.html in the folder that holds them]",
)
@debug_option
def report(folders: tuple[Path, ...], output: Path | None) -> None:
    """Write report.html beside the products of finished runs: map, pictures, checks, provenance, citation.

    FOLDER is that of a pair, one with several pairs, or one with the GeoTIFFs. A run writes its report itself. Of
    several pairs a page is written too that lists them with a thumbnail each. Paths are printed; each page is one
    file that needs no network. What a report warns of is told as well.
    """
    from dinsar_cli.products.folder import find_products
    from dinsar_cli.report.page import OVERVIEW, Written, check_overview, rewrite_report, write_overview

    if output is not None:
        check_overview(output)
    written: dict[Path, Written] = {}
    for folder in folders:
        pairs, unfinished = find_products(folder)
        for text in unfinished:
            click.secho(f"Warning: the run is not finished. {text}", fg="yellow", err=True)
        for pair in pairs:
            if pair.folder.resolve() in written:
                continue
            made = written[pair.folder.resolve()] = rewrite_report(pair)
            for text in made.warnings:
                click.secho(f"Warning: {pair.name}: {text}", fg="yellow", err=True)
            click.echo(str(made.path.resolve()))
    if len(written) > 1 or output is not None:
        common = Path(os.path.commonpath([path.parent if len(written) == 1 else path for path in written]))
        click.echo(str(write_overview(output or common / OVERVIEW, list(written.values())).resolve()))
