"""The products that there are to look at in a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dinsar_cli.base.journal import PRODUCTS, RUN_FILE, STAGES, Journal, read_map_record, runs_in
from dinsar_cli.errors import NoDataError
from dinsar_cli.products.layers import LAYERS
from dinsar_cli.products.one_run import DISPLACED
from dinsar_cli.products.reader import Product, Products

MAIN = "los_displacement"
FOLLOWING = ("displacement.png", "report.html")
"""Files that show the layers."""


@dataclass(frozen=True)
class PairProducts:
    """The products of a pair.

    Attributes
    ----------
    folder : Path
        Folder of the pair.
    rasters : dict of str to Path
        GeoTIFFs by the name of their layer, in the order of `LAYERS`.
    others : tuple of Path
        Other files beside them.
    warnings : tuple of str
        Those of the run.
    files : Products
        What the GeoTIFFs are read with.
    """

    folder: Path
    rasters: dict[str, Path]
    others: tuple[Path, ...]
    warnings: tuple[str, ...]
    files: Products = field(default_factory=Products, compare=False)

    def product(self, name: str) -> Product:
        """Return the product of a layer, to be read."""
        return self.files[self.rasters[name]]

    @property
    def name(self) -> str:
        """Name of the pair."""
        return self.folder.resolve().name


def find_products(folder: Path) -> tuple[list[PairProducts], list[str]]:
    """Return the products in a folder, and what is not finished there.

    Parameters
    ----------
    folder : Path
        The folder of a pair, one with several of them, that of a stack, or one with the GeoTIFFs themselves.

    Returns
    -------
    found : list of PairProducts
        At least one, by name.
    unfinished : list of str
        A sentence for each run that has no displacement yet.

    Raises
    ------
    NoDataError
        When there is nothing to show.
    """
    runs = [*([folder] if (folder / RUN_FILE).is_file() else []), *runs_in(folder)]
    found: list[PairProducts] = []
    unfinished: list[str] = []
    if runs:
        for run in runs:
            journal = Journal.open(run / RUN_FILE)
            missing = _missing(run, journal)
            if missing:
                unfinished.append(f"{run.resolve().name}: {missing}")
            else:
                found.append(_collect(run, run / PRODUCTS, journal))
    elif _has_rasters(folder / PRODUCTS):
        found.append(products_of(folder))
    elif _has_rasters(folder):
        parent = folder.resolve().parent
        if folder.resolve().name == PRODUCTS and (parent / RUN_FILE).is_file():
            return find_products(parent)
        found.append(_collect(folder, folder, None))
    if not found:
        raise _nothing(folder, unfinished)
    return found, unfinished


def products_of(folder: Path) -> PairProducts:
    """Return the products in the folder of a map that was not made by a run, whatever else is in it."""
    return _collect(folder, folder / PRODUCTS, None)


def clear_products(folder: Path, *, displaced: bool = False) -> None:
    """Remove layers, picture and pages of an earlier run, so that none stays beside new ones.

    Parameters
    ----------
    folder : Path
        With the GeoTIFFs.
    displaced : bool
        Whether to remove only what is made of the layers from the radar grid: the displacement and what follows.
    """
    made = [*DISPLACED, "ramp", *(name for name in LAYERS if name.startswith("correction_"))]
    layers = made if displaced else list(LAYERS)
    for name in (*(f"{layer}.tif" for layer in layers), *FOLLOWING):
        (folder / name).unlink(missing_ok=True)


def files_of_map(folder: Path) -> list[Path]:
    """Return the files in the folder of the products that dinsar made: layers, picture and page."""
    names = (*(f"{layer}.tif" for layer in LAYERS), *FOLLOWING)
    return [folder / name for name in names if (folder / name).is_file() and not folder.is_symlink()]


def _nothing(folder: Path, unfinished: Sequence[str]) -> NoDataError:
    if unfinished:
        return NoDataError(
            f"There is no displacement map in {folder.resolve()} yet.",
            f"The run is not finished. {' '.join(unfinished)}",
            "Run the same command again: it goes on from there. What is done is told by: dinsar status",
        )
    return NoDataError(
        f"There are no products in {folder.resolve()}.",
        f"Neither it nor a folder in it has a {RUN_FILE}, and it has no {MAIN}.tif.",
        "Give the folder of a pair, or make a map first with: dinsar run",
    )


def _missing(run: Path, journal: Journal) -> str:
    """Tell why a run has no displacement to show; empty when it has."""
    if "displacement" not in journal.stages:
        stages = [name for name in STAGES if name not in journal.stages]
        return f"Not done: {', '.join(stages)}."
    if not (run / PRODUCTS / f"{MAIN}.tif").is_file():
        return f"{MAIN}.tif has been removed."
    return ""


def _has_rasters(folder: Path) -> bool:
    return any((folder / f"{name}.tif").is_file() for name in LAYERS)


def _collect(folder: Path, products: Path, journal: Journal | None) -> PairProducts:
    rasters = {name: products / f"{name}.tif" for name in LAYERS if (products / f"{name}.tif").is_file()}
    known = set(rasters.values())
    others = tuple(
        path
        for path in sorted(products.iterdir())
        if path.is_file() and path not in known and path.suffix != ".part" and not path.name.startswith(".")
    )
    header = journal.header if journal else read_map_record(folder)
    return PairProducts(folder, rasters, others, _warnings(header))


def _warnings(header: Mapping[str, Any]) -> tuple[str, ...]:
    """Tell what was warned of: at the end, or else before it started."""
    summary = header.get("summary")
    told = (summary if isinstance(summary, dict) else header).get("warnings")
    return tuple(str(text) for text in told) if isinstance(told, list) else ()


def rasters_to_open(pairs: Sequence[PairProducts]) -> list[Path]:
    """GeoTIFFs for a program that puts each over the one before: displacement comes last.

    Of several pairs only the displacement is taken.
    """
    if len(pairs) == 1:
        return list(reversed(pairs[0].rasters.values()))
    return [pair.rasters[MAIN] for pair in pairs if MAIN in pair.rasters]
