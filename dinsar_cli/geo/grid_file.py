"""The map grid of a raster that is there already, and the ground under a grid."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from pyproj import CRS
from pyproj.exceptions import CRSError
from rasterio.errors import RasterioError
from shapely import Polygon
from shapely.affinity import translate
from shapely.geometry.base import BaseGeometry

from dinsar_cli.base.rasters import open_raster
from dinsar_cli.base.user_files import sentence
from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.geo.antimeridian import beside, crosses, middle_of, near
from dinsar_cli.geo.crs import GEOGRAPHIC, crs_name
from dinsar_cli.geo.grid import Grid
from dinsar_cli.geo.heights.dem_file import is_wgs84
from dinsar_cli.geo.roi import Roi

_SQUARE = 1e-9  # of its height: the most that the width of a square pixel of another program differs by
_ALONG_SIDE = 51  # points
_FAR = 1e-6  # degrees beyond a pole that rounding may give
_GIVE = "Give a GeoTIFF of an earlier map, such as T052D_20230904_20230916/products/los_displacement.tif"


def read_grid(path: Path) -> Grid:
    """Return the map grid of a raster: its system, posting, origin and size, exactly.

    Parameters
    ----------
    path : Path
        Any raster of GDAL that is north-up with square pixels in EPSG:4326 or a projected system in metres.

    Raises
    ------
    UsageError
        When there is none, or maps cannot lie on its grid.
    """
    problem = f"The map cannot lie on the grid of {path}."
    try:
        with open_raster(path) as dataset:
            grid = _grid_of(dataset, problem)
    except RasterioError as error:
        cause = sentence(str(error)) if path.exists() else "There is no such file."
        if path.is_dir():
            cause = "It is a folder."
        raise UsageError(problem, cause, f"{_GIVE}.") from error
    _, south, _, north = grid.lonlat_bounds
    if not (-90 - _FAR <= south < north <= 90 + _FAR):  # NaN and infinity too
        raise UsageError(
            problem,
            "Its edges (west south east north) lie nowhere on the Earth: "
            f"{' '.join(f'{edge:.6g}' for edge in grid.bounds)} in {grid.title}.",
            f"{_GIVE}, or write the right place into the file with gdal_edit -a_ullr.",
        )
    return grid


def _grid_of(dataset: Any, problem: str) -> Grid:
    """Return the grid of an open raster, or tell why it has none on which maps can lie."""
    a, crs = dataset.transform, dataset.crs
    if dataset.count == 0 or (crs is None and dataset.subdatasets):
        raise UsageError(
            problem,
            "It holds several rasters, each with a grid of its own.",
            f"{_GIVE}, or write one of them alone.",
        )
    if crs is None or a.is_identity:
        lacking = "coordinate reference system" if crs is None else "place on the Earth"
        raise UsageError(problem, f"It has no {lacking}.", f"{_GIVE}, or write it into the file with gdal_edit.")
    try:
        name = _name_of(crs)
    except UsageError as error:
        raise UsageError(
            problem,
            f"Its coordinate reference system is {crs.to_string()[:60]}. {error.cause}",
            f"{_GIVE}, or warp it: gdalwarp -t_srs {GEOGRAPHIC} FILE OTHER.tif",
        ) from error
    if a.b or a.d or a.a <= 0 or a.e >= 0:
        raise UsageError(
            problem,
            f"It is rotated or not north-up: its transform is {tuple(a)[:6]}.",
            f"{_GIVE}, or warp it: gdalwarp -t_srs {name} FILE OTHER.tif",
        )
    if not math.isclose(a.a, -a.e, rel_tol=_SQUARE):
        raise UsageError(
            problem,
            f"Its pixels are {a.a:.9g} wide and {-a.e:.9g} high, and those of maps are square.",
            f"{_GIVE}, or warp it: gdalwarp -tr {-a.e!r} {-a.e!r} FILE OTHER.tif",
        )
    try:
        return Grid(name, a.c, a.f, a.a, dataset.width, dataset.height)
    except ValueError as error:  # an origin that is no number
        raise UsageError(problem, f"It has no place on the Earth: {error}.", f"{_GIVE}.") from error


def _name_of(crs: Any) -> str:
    """Return the name of a system in which maps are written, whatever its vertical part.

    Raises
    ------
    UsageError
        When they are not.
    """
    try:
        found = CRS.from_wkt(crs.to_wkt(version="WKT2_2019"))
    except (CRSError, RasterioError) as error:
        raise UsageError("", "PROJ does not know it.", "") from error
    if is_wgs84(found):
        return GEOGRAPHIC
    flat = (found.sub_crs_list[0] if found.is_compound else found).to_2d()
    code = flat.to_epsg()
    return crs_name(f"EPSG:{code}" if code else flat.to_wkt())


def ground_of_grid(grid: Grid) -> Polygon:
    """Return the outline of a grid in degrees; longitudes run on where it reaches over 180."""
    if grid.is_geographic:
        west, south, east, north = grid.bounds
        return shapely.box(west, max(south, -90.0), east, min(north, 90.0))
    west, south, east, north = grid.bounds
    way = np.linspace(0, 1, _ALONG_SIDE)
    across, along = west + way * (east - west), south + way * (north - south)
    x = np.concatenate([across, np.full(_ALONG_SIDE, east), across[::-1], np.full(_ALONG_SIDE, west)])
    y = np.concatenate([np.full(_ALONG_SIDE, south), along, np.full(_ALONG_SIDE, north), along[::-1]])
    return Polygon(np.column_stack(grid.to_lonlat(x, y)))


def roi_of_grid(grid: Grid, source: Path) -> Roi | None:
    """Return the ground under a grid as a region of interest; None where it is none: across 180 degrees.

    Parameters
    ----------
    grid : Grid
    source : Path
        The raster of which it is.
    """
    ground = ground_of_grid(grid)
    middle = middle_of(ground.bounds)
    ground = translate(ground, near(middle, 0.0) - middle)
    west, _, east, _ = ground.bounds
    return None if crosses(ground.bounds) or east - west > 180 else Roi(ground, str(source))


def check_meets(grid: Grid, area: BaseGeometry, what: str, like: Path) -> None:
    """Make sure that some of an area lies on a grid.

    Parameters
    ----------
    grid : Grid
    area : shapely geometry
        Degrees.
    what : str
        What the area is, as the beginning of a sentence.
    like : Path
        The raster of which the grid is.

    Raises
    ------
    NoDataError
        When nothing does.
    """
    ground = ground_of_grid(grid)
    if beside(area, middle_of(ground.bounds)).intersection(ground).area > 0:
        return
    own, other = (" ".join(f"{edge:.4f}" for edge in shape.bounds) for shape in (area, ground))
    raise NoDataError(
        f"{what} lies beside the grid of {like}.",
        f"It spans {own} degrees (west south east north), the grid {other}.",
        "Choose a raster over the area for --grid-like, or leave it out to have a grid made.",
    )
