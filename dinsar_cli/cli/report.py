"""``dinsar report``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dinsar_cli.cli.options import folder_argument, json_option, telling_options
from dinsar_cli.cli.parts.common import tell_made, warn

if TYPE_CHECKING:
    from dinsar_cli.report.page import Written


@click.command(
    short_help="One page that shows whether a run worked.",
    epilog="""\b
Examples:
  dinsar report T154D_20230904_20230916
  dinsar report . --output all.html""",
)
@folder_argument(several=True)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File of the page that lists several runs.  [default: reports.html in the folder that holds them]",
)
@json_option
@telling_options
def report(folders: tuple[Path, ...], output: Path | None, as_json: bool) -> None:
    """Write report.html beside the products of finished runs: map, pictures, checks, provenance, citation.

    FOLDER is that of a pair, one with several pairs, or one with the GeoTIFFs; by default the current one. A run
    writes its report itself. Of several pairs a page is written too that lists them with a thumbnail each. Paths
    are printed; each page is one file that needs no network. What a report warns of is told as well.
    """
    from dinsar_cli.report.page import OVERVIEW, check_overview, write_overview

    if output is not None:
        check_overview(output)
    written = _written(folders, as_json=as_json)
    overview = None
    if len(written) > 1 or output is not None:
        common = Path(os.path.commonpath([path.parent if len(written) == 1 else path for path in written]))
        overview = write_overview(output or common / OVERVIEW, list(written.values())).resolve()
    if as_json:
        reports = [{"report": str(one.path.resolve()), "warnings": list(one.warnings)} for one in written.values()]
        record = {"reports": reports, "overview": None if overview is None else str(overview)}
        click.echo(json.dumps(record, indent=2))
    elif overview is not None:
        tell_made(overview)


def _written(folders: tuple[Path, ...], *, as_json: bool) -> dict[Path, Written]:
    """Write the report of each run, and tell where it is and what it warns of."""
    from dinsar_cli.products.folder import find_products
    from dinsar_cli.report.page import rewrite_report

    written: dict[Path, Written] = {}
    for folder in folders:
        pairs, unfinished = find_products(folder)
        for text in unfinished:
            warn(f"the run is not finished. {text}")
        for pair in pairs:
            if pair.folder.resolve() in written:
                continue
            made = written[pair.folder.resolve()] = rewrite_report(pair)
            for text in made.warnings:
                warn(f"{pair.name}: {text}")
            if not as_json:
                tell_made(made.path.resolve())
    return written
