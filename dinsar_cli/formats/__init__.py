"""Further formats of the products: one module for each, all from the GeoTIFFs and what is known of the run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from rasterio.errors import RasterioError

from dinsar_cli.base.disk import files_below, remove
from dinsar_cli.errors import DinsarError, ResourceError, UsageError
from dinsar_cli.formats import citation, hyp3, kmz, licsar, mintpy, netcdf, qgis, quadtree, range_change, stac
from dinsar_cli.formats.facts import ProductFacts, Subsampling, product_facts
from dinsar_cli.products.layers import LAYERS

Written = dict[str, list[Path]]

__all__ = [
    "ALWAYS",
    "TOGETHER",
    "WRITERS",
    "ProductFacts",
    "Subsampling",
    "check_formats",
    "check_into",
    "check_products",
    "check_together",
    "clear_formats",
    "files_of_formats",
    "product_facts",
    "write_formats",
    "write_together",
]

# in the order in which they are written: the item lists the ones before it
WRITERS: Mapping[str, Callable[[ProductFacts], list[Path]]] = {
    "kmz": lambda facts: [kmz.write_kmz(facts)],
    "citation": citation.write_citation,
    "stac": lambda facts: [stac.write_item(facts)],
    "range_change": lambda facts: [range_change.write_range_change(facts)],
    "netcdf": lambda facts: [netcdf.write_netcdf(facts)],
    "qgis": qgis.write_styles,
    "hyp3": hyp3.write_hyp3,
    "mintpy": mintpy.write_mintpy,
    "licsar": licsar.write_licsar,
    "quadtree": quadtree.write_quadtree,
}
"""What writes each format; it gives the files, the one to look at first before the others."""

_CHECKS: Mapping[str, Callable[[ProductFacts], None]] = {
    "netcdf": lambda _: netcdf.check_netcdf(),
    "hyp3": hyp3.check_hyp3,
    "mintpy": mintpy.check_mintpy,
    "licsar": licsar.check_licsar,
    "quadtree": quadtree.check_quadtree,
}
"""What tells, before anything is written, that a format cannot be made of products."""

TOGETHER: Mapping[str, Callable[[Sequence[ProductFacts], Path], list[Path]]] = {
    "licsar": licsar.write_licsar_together
}
"""What writes the formats in which maps of many dates are one set, into the folder that is named."""

_CHECKS_TOGETHER: Mapping[str, Callable[[Sequence[ProductFacts]], None]] = {"licsar": licsar.check_licsar_together}

ALWAYS = ("kmz", "citation", "stac")
"""Formats that every run writes."""

_FILES = (
    (range_change.FILE, "range_change"),
    (netcdf.FILE, "netcdf"),
    *((f"{layer}.qml", "qgis") for layer in LAYERS),
)
_FOLDERS = (
    (hyp3.FOLDER, hyp3.is_own),
    (mintpy.FOLDER, mintpy.is_own),
    (licsar.FOLDER, licsar.is_own),
    (quadtree.FOLDER, quadtree.is_own),
)
_MADE: Mapping[str, tuple[str, ...]] = {
    "kmz": (kmz.FILE,),
    "citation": citation.FILES,
    "stac": (stac.FILE,),
    "range_change": (range_change.FILE,),
    "netcdf": (netcdf.FILE,),
    "qgis": tuple(f"{layer}.qml" for layer in LAYERS),
    "hyp3": (hyp3.FOLDER,),
    "mintpy": (mintpy.FOLDER,),
    "licsar": (licsar.FOLDER,),
    "quadtree": (quadtree.FOLDER,),
}
"""Files and folders that each format makes."""


def check_formats(names: Collection[str]) -> None:
    """Make sure that formats can be written here, before a long run.

    Raises
    ------
    UsageError
        When a package is missing.
    """
    if "netcdf" in names:
        netcdf.check_netcdf()


def check_products(facts: ProductFacts, names: Collection[str]) -> None:
    """Make sure that formats can be made of products, before the first one is written.

    Parameters
    ----------
    facts : ProductFacts
        The products.
    names : collection of str
        Of `WRITERS`.

    Raises
    ------
    DinsarError
        When one cannot; the cause names each that cannot.
    """
    refused: dict[str, DinsarError] = {}
    for name in names:
        try:
            _ = facts.dates
            if name in _CHECKS:
                _CHECKS[name](facts)
        except DinsarError as error:
            refused[name] = error
    if not refused:
        return
    first = next(iter(refused.values()))
    causes = " ".join(dict.fromkeys(f"{error.problem} {error.cause}" for error in refused.values()))
    plural = "formats" if len(refused) > 1 else "format"
    raise type(first)(
        f"The {plural} {' and '.join(refused)} cannot be written for {facts.name}.",
        f"{causes} Nothing was written.",
        first.remedy,
    )


def check_into(facts: Sequence[ProductFacts], names: Collection[str], into: Path) -> list[ProductFacts]:
    """Give products of several pairs each a folder for their formats, in which nothing is replaced.

    Parameters
    ----------
    facts : sequence of ProductFacts
        Of the pairs.
    names : collection of str
        Formats, of `WRITERS`.
    into : Path
        Gets a folder for each pair, with its name. Nothing is written yet.

    Returns
    -------
    list of ProductFacts
        The same, with their folders.

    Raises
    ------
    UsageError
        When pairs have one name, something is there that would be replaced, or a format cannot be there.
    """
    problem = f"The formats cannot be written into {into}."
    places = [replace(one, into=into / one.name) for one in facts]
    for one in places if "mintpy" in names else ():
        mintpy.check_place(one.output, "--into FOLDER")
    first: dict[str, ProductFacts] = {}
    for one in places:
        other = first.setdefault(one.name, one)
        if other is not one:
            raise UsageError(
                problem,
                f"Both {other.folder} and {one.folder} would go into its folder {one.name}.",
                "Export one of them into another folder.",
            )
    own = [one for one in places if one.output.resolve() in (one.folder.resolve(), one.folder.resolve().parent)]
    if own:
        raise UsageError(
            problem,
            f"It holds the pair {own[0].name} itself: formats and products would be mixed up.",
            "Choose another folder for --into, or leave it out to have the formats beside the products.",
        )
    blocked = [path for path in (into, *(one.output for one in places)) if path.exists() and not path.is_dir()]
    if blocked:
        raise UsageError(problem, f"{blocked[0]} is a file.", "Choose another folder for --into.")
    made = (one.output / file for one in places for name in WRITERS if name in names for file in _MADE[name])
    there = [path for path in made if path.exists() or path.is_symlink()]
    if there:
        more = f" and {len(there) - 1} more" if len(there) > 1 else ""
        raise UsageError(
            problem,
            f"{there[0]}{more} is there already, and would be replaced.",
            "Choose another folder for --into, or remove what is there first.",
        )
    return places


def check_together(facts: Sequence[ProductFacts], names: Collection[str], place: Path, *, again: bool) -> None:
    """Make sure that maps can be written as one set, before anything is written.

    Parameters
    ----------
    facts : sequence of ProductFacts
        Of all pairs.
    names : collection of str
        Of `TOGETHER`.
    place : Path
        Gets the folder of each format.
    again : bool
        Whether it may hold an earlier one, which is replaced.

    Raises
    ------
    UsageError
        When they are not of one grid and track, or something is there that would be replaced.
    """
    for name in names:
        _CHECKS_TOGETHER[name](facts)
    there = [place / file for name in names for file in _MADE[name] if (place / file).exists()]
    if there and not again:
        raise UsageError(
            f"The formats cannot be written into {place}.",
            f"{there[0]} is there already, and would be replaced.",
            "Choose another folder for --into, or remove what is there first.",
        )


def write_together(facts: Sequence[ProductFacts], names: Collection[str], place: Path) -> Written:
    """Write maps of many dates as one set of each format.

    Parameters
    ----------
    facts, names, place
        Those of `check_together`.

    Returns
    -------
    dict of str to list of Path
        The files of each.

    Raises
    ------
    DinsarError
        When a product cannot be read, or a file cannot be written.
    """
    return {
        name: _told(partial(write, facts, place), facts[0].folder, place)
        for name, write in TOGETHER.items()
        if name in names
    }


def write_formats(facts: ProductFacts, names: Collection[str]) -> Written:
    """Write formats into the folder of the products, or into the one that is named for them.

    Parameters
    ----------
    facts : ProductFacts
        The products.
    names : collection of str
        Of `WRITERS`.

    Returns
    -------
    dict of str to list of Path
        The files of each.

    Raises
    ------
    DinsarError
        When a product is missing or cannot be read, or a file cannot be written; the cause tells what is written.
    """
    written: Written = {}
    try:
        for name in WRITERS:
            if name in names:
                written[name] = _told(partial(WRITERS[name], facts), facts.folder, facts.output)
    except DinsarError as error:
        so_far = f"Written before it: {', '.join(written)}." if written else "Nothing was written."
        error.cause = f"{error.cause} {so_far}"
        raise
    return written


def _told(write: Callable[[], list[Path]], folder: Path, output: Path) -> list[Path]:
    """Write, and tell what GDAL and the system have against it."""
    try:
        return write()
    except RasterioError as error:  # some of them are an OSError too
        raise UsageError(
            f"A product in {folder} cannot be read.",
            f"One of its GeoTIFFs is not whole: {str(error).rstrip('.')}.",
            "Make the products again with: dinsar run",
        ) from error
    except OSError as error:
        raise ResourceError(
            f"A file in {output} cannot be written.",
            f"The system says: {error.strerror or error}.",
            "Make room on the disk or let the folder be written to, and run the same command again.",
        ) from error


def clear_formats(folder: Path, kept: Collection[str] = ()) -> None:
    """Remove what `write_formats` made of earlier products, so that nothing old stays beside the new.

    Parameters
    ----------
    folder : Path
        Of the products.
    kept : collection of str
        Formats whose files will be replaced under the same names.
    """
    remove([path for name, path in _further_files(folder) if name not in kept], folder)


def files_of_formats(folder: Path) -> list[Path]:
    """Return the files in the folder of the products that `write_formats` made of them."""
    always = (kmz.FILE, *citation.FILES, stac.FILE)
    return [
        *(path for _, path in _further_files(folder)),
        *filter(Path.is_file, (folder / name for name in always)),
    ]


def _further_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Give the files of formats that are written on request, each with the format to keep for which it may stay.

    A set in a folder of its own never may: the names in it change with the products. What else is in such a folder,
    and a style that a person saved in QGIS, is not ours.
    """
    for name, made_by in _FILES:
        path = folder / name
        if path.is_file() and not path.is_symlink() and (made_by != "qgis" or qgis.is_own(path)):
            yield made_by, path
    for name, is_own in _FOLDERS:
        yield from (("", path) for path in files_below(folder / name) if is_own(path, folder / name))
