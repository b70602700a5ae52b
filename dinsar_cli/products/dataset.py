"""Products as an `xarray.Dataset`, to work with in Python."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from dinsar_cli.base.journal import PRODUCTS, RUN_FILE
from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.installation import install_command
from dinsar_cli.products.layers import LAYERS
from dinsar_cli.products.reader import Product, Products, Words

if TYPE_CHECKING:
    from xarray import DataArray, Dataset


_NEEDED = ("xarray", "rioxarray")
_CF_UNITS = {"degree": "degree", "rad": "radian", "dB": "1"}  # UDUNITS has no decibel; the long name tells it
_NOT_SHOWN = {"AREA_OR_POINT", "unit", "description"}  # in the attributes under the names of CF, or of no use
_REPAIR = "Make the products again, or remove it."
_WORDS = Words(remedy=_REPAIR)
_REMEDY = "Give the folder of a run, its products, or that of `dinsar displacement` or `dinsar decompose`."


def open_products(folder: str | Path) -> Dataset:
    """Open the products in a folder as one dataset.

    Parameters
    ----------
    folder : str or Path
        Folder of a pair, its ``products``, or what ``dinsar displacement`` or ``dinsar decompose`` wrote.

    Returns
    -------
    xarray.Dataset
        A variable for each band on the map grid, ``(y, x)``, with the pixel centres as coordinates, named as in
        ``displacement.nc``: ``los_displacement``, ``los_vector_east``. Attributes of a variable are ``long_name``,
        ``units`` (CF), ``sign`` and its own tags; those that all products have are attributes of the dataset.
        The coordinate reference system is in ``spatial_ref``, where ``.rio`` finds it. Pixels without data are
        NaN; in ``connected_components`` they are 0. Values are read from the files when they are used; close the
        dataset, or use it in a ``with`` block, before products are made again.

    Raises
    ------
    UsageError
        When xarray or rioxarray is missing, or the files are not products on one grid.
    NoDataError
        When there are no products.

    Examples
    --------
    >>> from dinsar_cli import open_products
    >>> with open_products("T052D_20230904_20230916") as dataset:  # doctest: +SKIP
    ...     dataset.los_displacement.sel(x=-8.85, y=31.35, method="nearest").item()
    """
    _check_packages()
    from xarray import Dataset

    with Products() as products:
        files = _products_in(Path(folder), products)
        tags = {path: _tags(products[path]) for path in files}
    first = next(iter(files))
    shared = {name: text for name, text in tags[first].items() if _is_shared(name, text, tags)}
    variables: dict[str, DataArray] = {}
    arrays: list[DataArray] = []
    for path in files:
        arrays.append(_opened(path))
        _check_grid(path, arrays[-1], first, arrays[0])
        own = {name: text for name, text in tags[path].items() if name not in {*shared, *_NOT_SHOWN}}
        variables |= _variables(path, arrays[-1], tags[path], own)
    dataset = Dataset(variables, attrs={"Conventions": "CF-1.8"} | shared)
    dataset = dataset.rio.write_coordinate_system()  # standard names and units of x and y
    dataset.set_close(lambda: _close(arrays))
    return dataset


def _check_packages() -> None:
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise UsageError(
            "Products cannot be opened as a dataset.",
            f"Not installed, but needed: {', '.join(missing)}.",
            f"Install it with: {install_command('notebook')}",
        )


def _products_in(folder: Path, products: Products) -> list[Path]:
    """GeoTIFFs of dinsar in a folder or in its ``products``, the known layers first."""
    for place in (folder / PRODUCTS, folder):
        found = [
            path
            for path in sorted(place.glob("*.tif"))
            if path.stem in LAYERS or "description" in _tags(products[path])
        ]
        if found:
            order = list(LAYERS)
            return sorted(found, key=lambda path: order.index(path.stem) if path.stem in LAYERS else len(order))
    raise _nothing(folder)


def _nothing(folder: Path) -> NoDataError | UsageError:
    if not folder.is_dir():
        return UsageError(f"{folder} is no folder.", "Products are in a folder.", _REMEDY)
    pairs = sorted({path.parent.parent.name for path in folder.glob(f"*/{PRODUCTS}/*.tif")})
    if pairs:
        several = f"{', '.join(pairs[:20])}{', ...' if len(pairs) > 20 else ''}"
        return UsageError(
            f"{folder} has no products of its own.",
            f"It holds the folders of pairs: {several}.",
            "Give one of them.",
        )
    if (folder / RUN_FILE).is_file():
        return NoDataError(
            f"There are no products in {folder} yet.",
            "The run is not finished.",
            "Run the same command again: it goes on from there. What is done is told by: dinsar status",
        )
    return NoDataError(f"There are no products in {folder}.", "It has no GeoTIFF of dinsar.", _REMEDY)


def _tags(product: Product) -> dict[str, str]:
    """Return the tags of a file, after a look at its last pixel: what was cut off is missing at the end."""
    with _readable(product.path):
        _, _, (height, width) = product.place  # that it may have none is told by `_opened`
        product.read(len(product.dtypes) or 1, window=Window(width - 1, height - 1, 1, 1))
        return product.tags


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn what GDAL has against a file into an error that names it."""
    try:
        yield
    except RasterioError as error:
        raise _WORDS.unreadable(path, str(error).rstrip(".")) from error


def _is_shared(name: str, text: str, tags: dict[Path, dict[str, str]]) -> bool:
    return name not in _NOT_SHOWN | {"sign"} and all(one.get(name) == text for one in tags.values())


def _opened(path: Path) -> DataArray:
    """Return a file with dimensions band, y and x, which is read when its values are used."""
    import rioxarray
    from xarray import DataArray

    labels = path.stem in LAYERS and LAYERS[path.stem].dtype.startswith("uint")
    with _readable(path), warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        array = rioxarray.open_rasterio(path, masked=not labels)
    if not isinstance(array, DataArray) or array.rio.crs is None or "x" not in array.coords:
        raise UsageError(
            f"{path} has no place on the map.",
            "It is no north-up raster with a coordinate reference system.",
            _REPAIR,
        )
    bands = len(LAYERS[path.stem].bands) if path.stem in LAYERS else array.sizes["band"]
    if array.sizes["band"] != bands or array.dtype.kind == "c":
        held = f"{array.sizes['band']} bands of the type {array.dtype}"
        raise UsageError(
            f"{path} is not what its name says.", f"It has {held}, not {bands} of real numbers.", _REPAIR
        )
    return array


def _close(arrays: list[DataArray]) -> None:
    for array in arrays:
        array.close()


def _check_grid(path: Path, array: DataArray, first: Path, grid: DataArray) -> None:
    same = (
        array.rio.crs == grid.rio.crs
        and array.rio.shape == grid.rio.shape
        and array.rio.transform().almost_equals(grid.rio.transform(), precision=1e-9)
    )
    if not same:
        raise UsageError(
            f"{path} lies on another grid than {first.name}.",
            "All products of a run lie on one grid.",
            "Make the products again, or give a folder whose files belong together.",
        )


def _variables(path: Path, array: DataArray, tags: dict[str, str], own: dict[str, str]) -> dict[str, DataArray]:
    """Return each band as a variable."""
    if "unit" not in tags:
        warnings.warn(f"{path} has no tags of dinsar: its unit and sign are not known.", stacklevel=3)
    names = _band_names(path, array)
    made = {}
    for number, (name, band) in enumerate(names):
        one = array.isel(band=number, drop=True)
        one.attrs = _attributes(tags, band) | own
        made[name] = one.rename(name)
    return made


def _band_names(path: Path, array: DataArray) -> list[tuple[str, str]]:
    """Name of the variable of each band, and of the band itself; empty where there is but one."""
    count = array.sizes["band"]
    if count == 1:
        return [(path.stem, "")]
    known = LAYERS[path.stem].bands if path.stem in LAYERS else ()
    bands = known if len(known) == count else tuple(str(number) for number in range(1, count + 1))
    return [(f"{path.stem}_{band}", band) for band in bands]


def _attributes(tags: dict[str, str], band: str) -> dict[str, Any]:
    """Tell what CF calls the description and the unit of a product; without what is not known."""
    text, unit = tags.get("description", ""), tags.get("unit", "")
    name = f"{text}: {band}" if text and band else text
    attributes = {"long_name": f"{name} (dB)" if unit == "dB" else name, "units": _CF_UNITS.get(unit, unit)}
    return {key: value for key, value in attributes.items() if value}
