"""``dinsar export``."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from dinsar_cli.base.journal import RUN_FILE, read_journal
from dinsar_cli.cli.options import folder_argument, json_option, telling_options
from dinsar_cli.cli.parts.common import tell, tell_made, warn
from dinsar_cli.config.sections.map import FormatName
from dinsar_cli.errors import DinsarError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dinsar_cli.formats import ProductFacts, Subsampling
    from dinsar_cli.products.folder import PairProducts
    from dinsar_cli.timeseries.mintpy.export import SetExport


@click.command(
    short_help="Write the products in further formats.",
    epilog="""\b
Examples:
  dinsar export T154D_20230904_20230916 --format netcdf
  dinsar export . --format qgis --format range_change
  dinsar export STACK --format mintpy
  dinsar export . --format netcdf --into shared
  dinsar export STACK --format licsar
  dinsar export . --format quadtree --quadtree-epsilon 0.004""",
)
@folder_argument(several=True)
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
    help="Folder that gets a folder for each pair, named as the pair, instead of writing beside the GeoTIFFs; "
    "of licsar it gets one for all. Nothing in it is replaced.",
)
@click.option(
    "--quadtree-epsilon",
    "epsilon",
    type=click.FloatRange(min=0, min_open=True),
    metavar="METRES",
    help="Standard deviation above which a node of the quadtree is cut.  [default: that of the map's noise, or "
    "more for 1000 nodes at most]",
)
@click.option(
    "--quadtree-nodes",
    "nodes",
    type=click.FloatRange(min=0, min_open=True),
    nargs=2,
    metavar="SMALLEST LARGEST",
    help="Sides of its nodes, metres.  [default: 4 cells, and a quarter of the map]",
)
@click.option(
    "--quadtree-empty",
    "empty",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.5,
    show_default=True,
    metavar="SHARE",
    help="Cells without a value that a node may have.",
)
@click.option(
    "--quadtree-moving",
    "moving",
    metavar="AREA",
    help="Polygons of what moves, of which the noise is not taken: as --roi of dinsar run.  [default: it is looked "
    "for]",
)
@json_option
@telling_options
def export(
    folders: tuple[Path, ...],
    formats: tuple[str, ...],
    into: Path | None,
    as_json: bool,
    **quadtree: Any,
) -> None:
    r"""Write the products of finished runs in further formats, beside the GeoTIFFs or into another folder.

    FOLDER is that of a pair, one with several pairs, or one with the GeoTIFFs; by default the current one. All
    formats of all pairs are checked before the first is written.

    \b
    kmz           displacement, fringes, coherence and components over the globe of Google Earth
    netcdf        all layers in one file that follows the CF conventions
    stac          an item for a SpatioTemporal Asset Catalog
    qgis          styles that QGIS takes when it opens the GeoTIFFs
    hyp3          GeoTIFFs with the names, units and signs of ASF's HyP3
    mintpy        a folder that MintPy's smallbaselineApp.py runs as it is
    licsar        LiCSAR's layout (GEOC), for LiCSBAS and kite; all pairs of a stack in one
    quadtree      the displacement in few points with the covariance of their noise, for models of sources
    range_change  the displacement, positive away from the satellite

    Several pairs make one folder for MintPy, STACK/mintpy or FOLDER/mintpy. With that format FOLDER may also be one
    with interferograms of another program, such as HyP3.
    """
    files = []
    for path in _written(folders, formats, into, quadtree):
        files.append(str(path))
        if not as_json:
            tell_made(path)
    if as_json:
        click.echo(json.dumps({"files": files}, indent=2))


def _written(
    folders: tuple[Path, ...], formats: tuple[str, ...], into: Path | None, quadtree: Mapping[str, Any]
) -> Iterator[Path]:
    """Check everything, then write it, and yield the file of each format and pair to look at first."""
    from dinsar_cli.formats import TOGETHER, write_together
    from dinsar_cli.timeseries.mintpy.export import plan_export

    if set(formats) == {"mintpy"} and (foreign := plan_export(folders, [], into)) is not None:
        yield _write_set(foreign)
        return
    subsampling = _subsampling(**quadtree)
    pairs, for_mintpy = _pairs(folders), None
    if "mintpy" in formats and len(pairs) > 1:
        formats = tuple(name for name in formats if name != "mintpy")
        for_mintpy = plan_export(folders, pairs, into)
    place = into or _stack(folders)
    shared = [name for name in formats if name in TOGETHER and place is not None]
    formats = tuple(name for name in formats if name not in shared)
    one_set = _checked_together(pairs, shared, place, again=into is None) if place is not None else []
    every = [replace(one, subsampling=subsampling) for one in _checked(pairs, formats, into)]
    if for_mintpy is not None:
        yield _write_set(for_mintpy)
    if place is not None:
        for files in write_together(one_set, shared, place).values():
            yield files[0]
    yield from _write_each(every if formats else [], formats, into)


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


def _write_each(every: Sequence[ProductFacts], formats: Sequence[str], into: Path | None) -> Iterator[Path]:
    """Write the formats of each pair, and yield the file of each to look at first."""
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
            yield from files[:1]


def _write_set(planned: SetExport) -> Path:
    """Write the folder for MintPy, and tell what there is to say of it."""
    for note in planned.notes:
        tell(note)
    return planned.write()


def _checked_together(
    pairs: Sequence[PairProducts], formats: Sequence[str], place: Path, *, again: bool
) -> list[ProductFacts]:
    """Make sure that all pairs can be in one set, which may be made again."""
    from dinsar_cli.formats import check_together

    if not formats:
        return []
    every = _checked(pairs, formats, None)
    check_together(every, formats, place, again=again)
    return every


def _subsampling(
    epsilon: float | None, nodes: tuple[float, float] | None, empty: float, moving: str | None
) -> Subsampling:
    """Read how the displacement is cut into points."""
    from dinsar_cli.formats import Subsampling
    from dinsar_cli.geo.areas import read_polygons

    smallest, largest = nodes or (None, None)
    if smallest is not None and largest is not None and smallest > largest:
        raise UsageError(
            f"--quadtree-nodes {smallest:g} {largest:g} are no sizes of nodes.",
            "The smallest is larger than the largest.",
            f"Give the smallest first: --quadtree-nodes {largest:g} {smallest:g}",
        )
    area = read_polygons(moving, "--quadtree-moving") if moving else None
    return Subsampling(epsilon, smallest, largest, empty, area, moving or "")


def _stack(folders: Sequence[Path]) -> Path | None:
    """Return the folder of the stack that was named; None when it is something else, or more."""
    from dinsar_cli.base.journal import STACK_FILE

    return folders[0] if len(folders) == 1 and (folders[0] / STACK_FILE).is_file() else None


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
            warn(f"the run is not finished. {text}")
        for pair in found:
            pairs.setdefault(pair.folder.resolve(), pair)
    return list(pairs.values())


def _facts(pair: PairProducts) -> ProductFacts:
    """Tell what is known of the products of a pair, with its journal where it has one."""
    from dinsar_cli.formats import product_facts

    journal = pair.folder / RUN_FILE
    products = next(iter(pair.rasters.values())).parent
    return product_facts(products, pair.name, read_journal(journal) if journal.is_file() else {}, pair.files)
