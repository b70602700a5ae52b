"""``dinsar export``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from dinsar_cli.base.journal import RUN_FILE, read_journal
from dinsar_cli.cli.options import debug_option
from dinsar_cli.config.map import FormatName

if TYPE_CHECKING:
    from dinsar_cli.formats import ProductFacts
    from dinsar_cli.products.folder import PairProducts


@click.command(
    short_help="Write the products in further formats.",
    epilog="""\b
Examples:
  dinsar export T154D_20230904_20230916 --format netcdf
  dinsar export . --format qgis --format range_change""",
)
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--format",
    "formats",
    type=click.Choice(get_args(FormatName)),
    multiple=True,
    required=True,
    help="May be given several times.",
)
@debug_option
def export(folder: Path, formats: tuple[str, ...]) -> None:
    r"""Write the products of a finished run in further formats, beside the GeoTIFFs.

    FOLDER is that of a pair, one with several pairs, or one with the GeoTIFFs.

    \b
    kmz           displacement over the globe of Google Earth
    netcdf        all layers in one file that follows the CF conventions
    stac          an item for a SpatioTemporal Asset Catalog
    qgis          styles that QGIS takes when it opens the GeoTIFFs
    hyp3          GeoTIFFs with the names, units and signs of ASF's HyP3
    mintpy        a set that MintPy loads
    range_change  the displacement, positive away from the satellite
    """
    from dinsar_cli.formats import check_products, write_formats
    from dinsar_cli.products.folder import find_products

    pairs, unfinished = find_products(folder)
    for text in unfinished:
        click.secho(f"Warning: the run is not finished. {text}", fg="yellow", err=True)
    every = []
    for pair in pairs:  # all are checked before the first file is written
        with pair.files:
            every.append(_facts(pair))
            check_products(every[-1], formats)
    for facts in every:
        with facts.files:
            written = write_formats(facts, formats)
        for files in written.values():
            for path in files[:1]:
                click.echo(str(path))


def _facts(pair: PairProducts) -> ProductFacts:
    """Tell what is known of the products of a pair, with its journal where it has one."""
    from dinsar_cli.formats import product_facts

    journal = pair.folder / RUN_FILE
    products = next(iter(pair.rasters.values())).parent
    return product_facts(products, pair.name, read_journal(journal) if journal.is_file() else {}, pair.files)
