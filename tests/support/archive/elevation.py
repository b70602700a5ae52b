"""Elevation tiles of Copernicus (GLO-30, GLO-90) and the geoid, made from a raster of ellipsoidal heights."""

from __future__ import annotations

import math
import re
import threading
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.io import MemoryFile
from rasterio.transform import Affine, from_origin
from scipy.interpolate import CubicSpline
from shapely import MultiPolygon, Polygon, contains_xy

from support.archive.messages import Answer, Reply, Request, file, missing_key

GEOID_HOST: Final = "aria-geoid.s3.us-west-2.amazonaws.com"
GEOID_KEY: Final = "us_nga_egm2008_1_4326__agisoft.tif"
GEOID_STEP: Final = 0.5
TILES: Final = {
    "copernicus-dem-30m.s3.amazonaws.com": ("10", 3600),
    "copernicus-dem-90m.s3.amazonaws.com": ("30", 1200),
}
"""Bucket to the number in the names of its tiles, and rows of a tile."""
STRETCH: Final = ((85, 10.0), (80, 5.0), (70, 3.0), (60, 2.0), (50, 1.5))
"""Latitude from which on the columns are so many times as wide as the rows are high."""
VOID: Final = -32767.0
_KEY: Final = re.compile(
    r"(Copernicus_DSM_COG_(\d\d)_([NS])(\d\d)_00_([EW])(\d\d\d)_00_)DEM/(\1DEM\.tif|AUXFILES/\1WBM\.tif)"
)

_MAKING: Final = threading.Lock()

Floats = NDArray[np.floating[Any]]
Area = Polygon | MultiPolygon


def geoid_height(longitude: Floats | float, latitude: Floats | float) -> Floats:
    """Height of the test archive's geoid above the ellipsoid (m).

    It is a plane from 90 degrees west to 90 degrees east, and another one on the other half of the Earth, so that
    any interpolation is exact.
    """
    from_greenwich = (np.asarray(longitude, float) + 180.0) % 360.0 - 180.0
    from_date_line = (np.asarray(longitude, float) % 360.0) - 180.0
    east = np.where(np.abs(from_greenwich) <= 90.0, from_greenwich, -from_date_line)
    return np.asarray(30.0 + 0.05 * east - 0.1 * np.asarray(latitude))


@dataclass
class Elevation:
    """The ground, and which tiles of it there are.

    Attributes
    ----------
    raster : Path
        Ellipsoidal heights (m) in longitude and latitude. Beyond it the ground goes on level from its edge, as
        far as the neighbouring tiles.
    missing : set of str
        Tiles that a bucket does not have, such as ``Copernicus_DSM_COG_10_N31_00_W009_00_DEM``, and water masks,
        such as ``AUXFILES/Copernicus_DSM_COG_10_N31_00_W009_00_WBM.tif``.
    sea : Polygon, MultiPolygon or None
        Where the height is that of the geoid.
    lakes : Polygon, MultiPolygon or None
        Where the water masks have a lake.
    voids : Polygon, MultiPolygon or None
        Where the 30 m tiles have no value.
    """

    raster: Path
    missing: set[str] = field(default_factory=set)
    sea: Area | None = None
    lakes: Area | None = None
    voids: Area | None = None

    def hosts(self) -> dict[str, Answer]:
        """Hosts and what answers for them."""
        return {**dict.fromkeys(TILES, self.tile), GEOID_HOST: self.geoid}

    def tile(self, request: Request) -> Reply:
        """Give a tile."""
        key = request.path.lstrip("/")
        match = _KEY.fullmatch(key)
        number, rows = TILES[request.host]
        if match is None or match[2] != number or f"{match[1]}DEM" in self.missing or match[7] in self.missing:
            return missing_key(key)
        south = int(match[4]) * (1 if match[3] == "N" else -1)
        west = int(match[6]) * (1 if match[5] == "E" else -1)
        if not self._has(west, south):
            return missing_key(key)
        if match[7].startswith("AUXFILES"):
            return file(make_water(west, south, rows, self.sea, self.lakes), "image/tiff")
        with _MAKING:
            ground = _content(self.raster, self.raster.stat().st_mtime_ns)
            content = make_tile(ground, west, south, rows, self.sea, self.voids)
        return file(content, "image/tiff")

    def geoid(self, request: Request) -> Reply:
        """Give the geoid."""
        key = request.path.lstrip("/")
        return file(geoid_file(), "image/tiff") if key == GEOID_KEY else missing_key(key)

    def _has(self, west: int, south: int) -> bool:
        """Whether a tile, or a neighbour of it, holds some of the raster."""
        with rasterio.open(self.raster) as source:
            bounds = source.bounds
        around = range(math.floor(bounds.left) - 1, math.floor(bounds.right) + 2)
        columns = {(column + 180) % 360 - 180 for column in around}
        rows = range(math.floor(bounds.bottom) - 1, math.floor(bounds.top) + 2)
        return west in columns and south in rows


@lru_cache(maxsize=2)
def _content(raster: Path, _changed: int) -> bytes:
    return raster.read_bytes()


@lru_cache(maxsize=8)
def make_tile(raster: bytes, west: int, south: int, rows: int, sea: Area | None, voids: Area | None) -> bytes:
    """Make a tile of heights above the geoid; kept for further archives of the same ground.

    Its samples lie on the whole degrees, of which the northern and the western belong to it. The raster is the
    content of a file.
    """
    longitude, latitude, transform = _tile_pixels(west, south, rows)
    heights = heights_at(raster, longitude, latitude) - geoid_height(longitude[None, :], latitude[:, None])
    if sea is not None:
        heights[contains_xy(sea, *np.meshgrid(longitude, latitude))] = 0.0
    if voids is not None and rows == 3600:
        heights[contains_xy(voids, *np.meshgrid(longitude, latitude))] = VOID
    return _geotiff(heights, transform, VOID if voids is not None else None, AREA_OR_POINT="Point")


def make_water(west: int, south: int, rows: int, sea: Area | None, lakes: Area | None) -> bytes:
    """Make the water mask beside a tile: 0 land, 1 ocean, 2 lake (3 river); its pixels are those of the tile."""
    longitude, latitude, transform = _tile_pixels(west, south, rows)
    kinds = np.zeros((len(latitude), len(longitude)), np.uint8)
    for kind, area in ((1, sea), (2, lakes)):
        if area is not None:
            kinds[contains_xy(area, *np.meshgrid(longitude, latitude))] = kind
    return _geotiff(kinds, transform, None, dtype="uint8", AREA_OR_POINT="Point")


def _tile_pixels(west: int, south: int, rows: int) -> tuple[Floats, Floats, Affine]:
    """Longitudes, latitudes and transform of the pixels of a tile."""
    nearest = south if south >= 0 else -(south + 1)
    columns = round(rows / next((factor for limit, factor in STRETCH if nearest >= limit), 1.0))
    longitude = west + np.arange(columns) / columns
    latitude = south + 1 - np.arange(rows) / rows
    return longitude, latitude, Affine(1 / columns, 0, west - 0.5 / columns, 0, -1 / rows, south + 1 + 0.5 / rows)


def heights_at(raster: bytes, longitude: Floats, latitude: Floats) -> Floats:
    """Ellipsoidal heights on a lattice, by cubic splines; those of its edge beyond the raster.

    Returns
    -------
    ndarray, shape (latitudes, longitudes)
    """
    with MemoryFile(raster) as memory, memory.open() as source:
        heights, transform = source.read(1).astype(np.float64), source.transform
    east = transform.c + transform.a * (np.arange(heights.shape[1]) + 0.5)
    longitude = longitude + 360.0 * round((east.mean() - float(np.mean(longitude))) / 360.0)  # its own turn
    south = -transform.f - transform.e * (np.arange(heights.shape[0]) + 0.5)
    # Beyond the raster all places are its edge: interpolated once, then repeated.
    y, row = np.unique(np.clip(-latitude, south[0], south[-1]), return_inverse=True)
    x, column = np.unique(np.clip(longitude, east[0], east[-1]), return_inverse=True)
    along = CubicSpline(south, heights)(y)
    return np.asarray(CubicSpline(east, along, axis=1)(x)[np.ix_(row, column)])


@cache
def geoid_file() -> bytes:
    """The geoid of the whole Earth as a GeoTIFF."""
    columns, rows = round(360 / GEOID_STEP), round(180 / GEOID_STEP)
    longitude = -180 + GEOID_STEP * (np.arange(columns) + 0.5)
    latitude = 90 - GEOID_STEP * (np.arange(rows) + 0.5)
    heights = geoid_height(longitude[None, :], latitude[:, None])
    return _geotiff(heights, from_origin(-180, 90, GEOID_STEP, GEOID_STEP), None, AREA_OR_POINT="Area")


def _geotiff(
    heights: NDArray[Any], transform: Affine, nodata: float | None, dtype: str = "float32", **tags: str
) -> bytes:
    """A tiled GeoTIFF, the header in front, as the archive's cloud-optimised ones have it."""
    profile = {
        "driver": "GTiff",
        "dtype": dtype,
        "count": 1,
        "height": heights.shape[0],
        "width": heights.shape[1],
        "crs": "EPSG:4326",
        "transform": transform,
        "nodata": nodata,
        "tiled": True,
        "blockxsize": 512,
        "blockysize": 512,
        "compress": "deflate",
        "predictor": 3 if dtype == "float32" else 1,
        "zlevel": 1,
    }
    with MemoryFile() as memory:
        with memory.open(**profile) as target:
            target.update_tags(**tags)
            target.write(heights.astype(dtype), 1)
        return bytes(memory.read())
