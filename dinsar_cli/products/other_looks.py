"""The map of other looks that a folder has: it is kept beside the new one, with how it was made."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from itertools import chain, count
from pathlib import Path

from rasterio.errors import RasterioError

from dinsar_cli.base.files import make_folder
from dinsar_cli.base.journal import CONFIG_FILE, PRODUCTS
from dinsar_cli.base.rasters import open_raster
from dinsar_cli.products.folder import MAIN


def tell_of_other_looks(folder: Path, looks: str, tell: Callable[[str], None]) -> None:
    """Tell that the map of other looks that is there will be kept, and put beside it how it was made.

    Parameters
    ----------
    folder : Path
        Of the pair, in which the configuration is still that of the earlier map.
    looks : str
        Of the new map.
    tell : callable
        Takes what the user should keep in mind.
    """
    products = folder / PRODUCTS
    before = looks_of(products)
    if before in {None, looks}:
        return
    kept = products / CONFIG_FILE
    if (folder / CONFIG_FILE).is_file() and not kept.exists():  # not again, when this run has been stopped
        shutil.copyfile(folder / CONFIG_FILE, kept)
    tell(
        f"{folder.name} has a map of {before} looks, and this one will be of {looks}: the earlier one is kept as "
        f"{place_to_keep(products, str(before)).name}. With another --workdir it stays where it is."
    )


def keep_other_looks(products: Path, looks: str) -> None:
    """Move the map of other looks away, before one of these is made in its place; see `tell_of_other_looks`."""
    before = looks_of(products)
    if before in {None, looks}:
        (products / CONFIG_FILE).unlink(missing_ok=True)
        return
    products.rename(place_to_keep(products, str(before)))
    make_folder(products)


def looks_of(products: Path) -> str | None:
    """Return the looks of the map in a folder, as its tags have them; None where nothing tells."""
    main = products / f"{MAIN}.tif"
    if not main.is_file():
        return None
    try:
        with open_raster(main) as raster:
            return raster.tags().get("looks")
    except RasterioError:
        return None


def place_to_keep(products: Path, looks: str) -> Path:
    """Return the folder, which is not there yet, in which a map of these looks is kept beside a new one."""
    names = chain((f"{products.name}_{looks}",), (f"{products.name}_{looks}_{number}" for number in count(2)))
    return next(place for place in map(products.with_name, names) if not place.exists())
