"""A finished displacement map with its directions, as comparisons and decompositions read it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.base.journal import PRODUCTS
from dinsar_cli.compare.truth import map_of
from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.geo.grid import Grid
from dinsar_cli.geo.warp import bilinear
from dinsar_cli.products.one_run import check_one_run
from dinsar_cli.products.reader import Product, Products, Words

Floats: TypeAlias = NDArray[np.floating[Any]]
Bools: TypeAlias = NDArray[np.bool_]

LOS, VECTOR, SIGMA = "los_displacement", "los_vector", "los_sigma"
_SAME_PLACE = 1e-6  # of a pixel
_NORM_TOLERANCE = 0.02  # of a unit vector
_METRES = {"", "m", "metre", "metres", "meter", "meters"}
_REMEDY = "Give the folder of a pair, its products folder, or the los_displacement.tif in it, as dinsar wrote them."
_NO_GRID = "A map has square pixels in degrees (EPSG:4326) or in metres of a UTM zone, and here {cause}."
_WORDS = Words(whole="a whole raster", off_grid=_NO_GRID, remedy=_REMEDY)
_FOREIGN_WORDS = Words(whole="a whole raster", remedy="Give a GeoTIFF of directions.")


@dataclass(frozen=True)
class LosMap:
    """Displacement along the line of sight, and what belongs to it, on one grid.

    Attributes
    ----------
    name : str
        Of the pair, for people.
    folder : Path
        Where its products are.
    grid : Grid
        Of all layers.
    los : ndarray
        Metres, positive toward the satellite; NaN where there is none. Shape of the grid.
    vector : ndarray
        Unit vectors from the ground to the satellite: east, north, up; shape (3, height, width).
    sigma : ndarray or None
        Standard deviation of the noise of `los`, metres.
    coherence : ndarray or None
        0 to 1.
    components : ndarray of uint16
        Connected components, 0 = none; where they are not known, 1 on all displacement.
    tags : dict of str to str
        Of the displacement.
    """

    name: str
    folder: Path
    grid: Grid
    los: Floats
    vector: Floats
    sigma: Floats | None
    coherence: Floats | None
    components: NDArray[np.uint16]
    tags: dict[str, str]

    @property
    def dates(self) -> tuple[str, str] | None:
        """Days of reference and secondary, as ISO text; None where the tags do not tell."""
        texts = [self.tags.get(name, "")[:10] for name in ("reference_date", "secondary_date")]
        try:
            first, second = (date.fromisoformat(text).isoformat() for text in texts)
        except ValueError:
            return None
        return first, second

    @property
    def reference(self) -> tuple[float, float] | None:
        """Longitude and latitude to which displacement is relative; None where the tags do not tell."""
        try:
            lon, lat = (float(part) for part in self.tags.get("reference_point", "").split(","))
        except ValueError:
            return None
        return (lon, lat) if abs(lon) <= 180 and abs(lat) <= 90 else None

    def of_component(self, label: int) -> Bools:
        """Return the cells with displacement that belong to a component: within it no cycles are unknown."""
        found: Bools = np.isfinite(self.los) & (self.components == label)
        return found


def read_los_map(path: Path, vector_file: Path | None = None) -> LosMap:
    """Read a displacement map with the layers beside it.

    Parameters
    ----------
    path : Path
        Folder of a pair, its ``products`` folder, or the ``los_displacement.tif`` in it; with a file of directions
        also a displacement in metres, positive toward the satellite, that another program made.
    vector_file : Path, optional
        Directions to the satellite on any grid, in place of the ``los_vector.tif`` beside the map.

    Raises
    ------
    UsageError
        When there is no map, or its layers are not as dinsar writes them.
    NoDataError
        When it has no directions, or no displacement at all.
    """
    file = _find(path)
    folder = file.parent
    if vector_file is None and not (folder / f"{VECTOR}.tif").is_file():
        raise NoDataError(
            f"{folder} has no {VECTOR}.tif.",
            "Without the direction to the satellite, displacement along the line of sight cannot be set against "
            "east, north and up.",
            "Make the products again with dinsar, or give a folder that has that file. Of another program's map, "
            "`dinsar compare` takes them with --los-vector FILE (three bands: east, north, up).",
        )
    own = () if vector_file else (VECTOR,)
    with Products() as products:
        found = _read_layers(file, vector_file, products)
        check_one_run(folder, products, (LOS, "connected_components", "coherence", SIGMA, *own))
        return found


def _read_layers(file: Path, vector_file: Path | None, products: Products) -> LosMap:
    folder, product = file.parent, products[file]
    los = map_of(product).values
    check_metres(product)
    grid = _grid_of(product)
    if not np.isfinite(los).any():
        raise NoDataError(
            f"{file} is empty.", "Every pixel of it is without data.", "Give a map that has displacement."
        )

    def beside(name: str) -> Floats | None:
        other = products[folder / f"{name}.tif"]
        if not other.path.is_file():
            return None
        values = map_of(other).values
        _check_same(other, grid, file)
        return values

    components, sigma = beside("connected_components"), beside(SIGMA)
    if sigma is not None and (sigma < 0).any():
        raise UsageError(
            f"{folder / f'{SIGMA}.tif'} does not hold standard deviations.",
            f"The lowest of its values is {np.nanmin(sigma):g} m, and none can be below 0.",
            "Make the products again, or remove that file to do without errors.",
        )
    known = np.isfinite(los) if components is None else np.nan_to_num(components)
    return LosMap(
        name=_name(file),
        folder=folder,
        grid=grid,
        los=los,
        vector=_read_vector(products[folder / f"{VECTOR}.tif"], grid, file)
        if vector_file is None
        else _foreign_vector(products[vector_file], grid),
        sigma=sigma,
        coherence=beside("coherence"),
        components=known.astype(np.uint16),
        tags=product.tags,
    )


def _find(path: Path) -> Path:
    for raster in (path / PRODUCTS / f"{LOS}.tif", path / f"{LOS}.tif", path):
        if raster.is_file():
            return raster
    raise UsageError(
        f"{path} is no displacement map.",
        f"It has no {LOS}.tif." if path.is_dir() else "There is no such file or folder.",
        _REMEDY,
    )


def _name(file: Path) -> str:
    """Name of the pair that a map belongs to; of another program's map that of its file."""
    if file.stem != LOS:
        return file.stem
    folder = file.parent.resolve()
    return (folder.parent if folder.name == PRODUCTS else folder).name


def check_metres(
    product: Product, remedy: str = "Give displacement in metres, positive toward the satellite."
) -> None:
    """Refuse a raster whose unit is told, and is not the metre.

    Raises
    ------
    UsageError
        When it is another one.
    """
    unit = product.unit.strip().lower()
    if unit not in _METRES:
        raise UsageError(
            f"{product.path} is not in metres.",
            f"Its unit is {unit!r}.",
            remedy,
        )


def _grid_of(product: Product) -> Grid:
    with _WORDS.about(product.path):
        return product.foreign_grid


def _check_same(product: Product, expected: Grid, file: Path) -> None:
    found = _grid_of(product)
    tolerance = _SAME_PLACE * expected.posting
    same = (found.crs, *found.shape) == (expected.crs, *expected.shape) and all(
        math.isclose(a, b, rel_tol=0, abs_tol=tolerance) for a, b in zip(found.bounds, expected.bounds, strict=True)
    )
    if not same:
        raise UsageError(
            f"{product.path} does not belong to {file.name}.",
            "It lies on another grid: it is from another run, or somebody changed it.",
            "Make the products again, or give a folder whose layers belong together.",
        )


def _read_vector(product: Product, grid: Grid, file: Path) -> Floats:
    map_of(product)  # says what is wrong with a file that is no map
    with _WORDS.about(product.path):
        _check_same(product, grid, file)
        values = product.read_floats()
    _check_directions(product.path, values)
    return values


def _foreign_vector(product: Product, grid: Grid) -> Floats:
    """Return the directions on any grid, bilinear at the pixel centres of a map; shape (3, height, width)."""
    found = on_map_grid(product, grid, check=lambda values: _check_directions(product.path, values))
    if not np.isfinite(found).any():
        raise NoDataError(
            f"{product.path} has no direction on the map.",
            "It lies elsewhere.",
            "Give the directions of the same track and place.",
        )
    return found.astype(np.float32)


def on_map_grid(product: Product, grid: Grid, check: Callable[[Floats], None] = lambda _: None) -> Floats:
    """Return the bands of any raster, bilinear at the pixel centres of a map; shape (bands, height, width).

    Parameters
    ----------
    product : Product
    grid : Grid
        Of the map.
    check : callable, optional
        Takes the values as they are in the file, NaN where there is no data.

    Raises
    ------
    UsageError
        When it cannot be read.
    """
    map_of(product)  # says what is wrong with a file that is no map
    path, (transform, crs, _) = product.path, product.place
    with _FOREIGN_WORDS.about(path), product.dataset() as dataset:
        values: Floats = dataset.read().astype(np.float64)
        masks = dataset.read_masks()
        # one component of 0 is part of a direction, also where 0 stands for no data; three are none
        none = ~masks.any(axis=0) | ~values.any(axis=0) if len(values) == 3 else ~masks.all(axis=0)
        values[:, none] = np.nan
    check(values)
    return bilinear(values, transform, crs, grid)


def _check_directions(path: Path, values: Floats) -> None:
    """Refuse what are no unit vectors from the ground to a satellite."""
    if len(values) != 3:
        raise UsageError(
            f"{path} does not hold directions.", f"It has {len(values)} bands, not east, north and up.", _REMEDY
        )
    norm = np.linalg.norm(values, axis=0)
    known = np.isfinite(norm)
    if not known.any():
        raise NoDataError(f"{path} is empty.", "Every pixel of it is without data.", "Make the products again.")
    if float(np.max(np.abs(norm[known] - 1))) > _NORM_TOLERANCE:
        raise UsageError(
            f"{path} does not hold directions.",
            f"The lengths of its vectors are {norm[known].min():.3g} to {norm[known].max():.3g}, not 1.",
            _REMEDY,
        )
    if float(np.nanmin(values[2])) < 0:
        raise UsageError(
            f"{path} does not hold directions to a satellite.",
            "Some of its vectors point downward: they seem to go from the satellite to the ground.",
            "Give vectors from the ground to the satellite: all three bands with the other sign.",
        )
