"""``dinsar export``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from dinsar_cli.base.journal import RUN_FILE, read_journal
from dinsar_cli.cli.options import debug_option
from dinsar_cli.config.map import FormatName
from dinsar_cli.errors import DinsarError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dinsar_cli.formats import ProductFacts
    from dinsar_cli.products.folder import PairProducts
    from dinsar_cli.timeseries.mintpy.export import SetExport


@click.command(
    short_help="Write the products in further formats.",
    epilog="""\b
Examples:
  dinsar export T154D_20230904_20230916 --format netcdf
  dinsar export . --format qgis --format range_change
  dinsar export STACK --format mintpy
  dinsar export . --format netcdf --into shared""",
)
@click.argument(
    "folders", metavar="FOLDER...", nargs=-1, required=True, type=click.Path(path_type=Path, file_okay=False)
)
@click.option(
    "--format",
    "formats",
    type=click.Choice(get_args(FormatName)),
    multiple=True,
    required=True,
    help="May be given several times.",
)
@click.option(
    "--into",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Folder that gets a folder for each pair, named as the pair, instead of writing beside the GeoTIFFs. "
    "Nothing in it is replaced.",
)
@debug_option
def export(folders: tuple[Path, ...], formats: tuple[str, ...], into: Path | None) -> None:
    r"""Write the products of finished runs in further formats, beside the GeoTIFFs or into another folder.

    FOLDER is that of a pair, one with several pairs, or one with the GeoTIFFs. All formats of all pairs are checked
    before the first is written.

    \b
    kmz           displacement over the globe of Google Earth
    netcdf        all layers in one file that follows the CF conventions
    stac          an item for a SpatioTemporal Asset Catalog
    qgis          styles that QGIS takes when it opens the GeoTIFFs
    hyp3          GeoTIFFs with the names, units and signs of ASF's HyP3
    mintpy        a folder that MintPy's smallbaselineApp.py runs as it is
    range_change  the displacement, positive away from the satellite

    Several pairs make one folder for MintPy, STACK/mintpy or FOLDER/mintpy. With that format FOLDER may also be one
    with interferograms of another program, such as HyP3.
    """
    from dinsar_cli.timeseries.mintpy.export import plan_export

    if set(formats) == {"mintpy"} and (foreign := plan_export(folders, [], into)) is not None:
        _write_set(foreign)
        return
    pairs, together = _pairs(folders), None
    if "mintpy" in formats and len(pairs) > 1:
        formats = tuple(name for name in formats if name != "mintpy")
        together = plan_export(folders, pairs, into)
    every = _checked(pairs, formats, into)
    if together is not None:
        _write_set(together)
    _write_each(every if formats else [], formats, into)


def _checked(pairs: Sequence[PairProducts], formats: Sequence[str], into: Path | None) -> list[ProductFacts]:
    """Make sure that all formats of all pairs can be written, before the first file is."""
    from dinsar_cli.formats import check_into, check_products

    every = []
    for pair in pairs:
        with pair.files:
            every.append(_facts(pair))
            check_products(every[-1], formats)
    if into is None:
        return every
    placed = check_into(every, formats, into)
    _make_folder(into)
    return placed


def _write_each(every: Sequence[ProductFacts], formats: Sequence[str], into: Path | None) -> None:
    """Write the formats of each pair, and tell the file of each to look at first."""
    from dinsar_cli.formats import write_formats

    done: list[str] = []
    for facts in every:
        try:
            with facts.files:
                if into is not None:
                    _make_folder(facts.output)
                written = write_formats(facts, formats)
        except DinsarError as error:
            error.cause += f" Of other pairs, {', '.join(done)} are written." if done else ""
            raise
        done.append(facts.name)
        for files in written.values():
            for path in files[:1]:
                click.echo(str(path))


def _write_set(planned: SetExport) -> None:
    """Write the folder for MintPy, and tell of it."""
    for note in planned.notes:
        click.echo(note, err=True)
    click.echo(str(planned.write()))


def _make_folder(folder: Path) -> None:
    """Make a folder for formats."""
    from dinsar_cli.base.files import make_folder

    try:
        make_folder(folder)
    except UsageError as error:
        remedy = "Choose another folder for --into, or change its permissions."
        raise UsageError(error.problem, error.cause, remedy) from error


def _pairs(folders: Sequence[Path]) -> list[PairProducts]:
    """Return the finished pairs in some folders, each once; of the others a warning is shown."""
    from dinsar_cli.products.folder import find_products

    pairs: dict[Path, PairProducts] = {}
    for folder in folders:
        found, unfinished = find_products(folder)
        for text in unfinished:
            click.secho(f"Warning: the run is not finished. {text}", fg="yellow", err=True)
        for pair in found:
            pairs.setdefault(pair.folder.resolve(), pair)
    return list(pairs.values())


def _facts(pair: PairProducts) -> ProductFacts:
    """Tell what is known of the products of a pair, with its journal where it has one."""
    from dinsar_cli.formats import product_facts

    journal = pair.folder / RUN_FILE
    products = next(iter(pair.rasters.values())).parent
    return product_facts(products, pair.name, read_journal(journal) if journal.is_file() else {}, pair.files)
