"""Areas that a user gives beside the region of interest: polygons, or a raster that is not zero in them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio import DatasetReader
from rasterio.errors import RasterioError
from rasterio.windows import Window
from shapely.geometry.base import BaseGeometry

from dinsar_cli.base.rasters import open_raster
from dinsar_cli.errors import UsageError
from dinsar_cli.geo.antimeridian import near
from dinsar_cli.geo.crs import GEOGRAPHIC, transformer
from dinsar_cli.geo.file_kinds import FILE_SUFFIXES
from dinsar_cli.geo.grid import Bounds, Grid
from dinsar_cli.geo.polygons import read_file
from dinsar_cli.geo.roi import parse_roi

Floats = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]

_BLOCK_ROWS = 256
_KM_PER_DEGREE = 111.2
_LEAST_AROUND, _MOST_AROUND = 5.0, 15.0  # km
_MOST_CELLS = 300_000
_POLYGONS = "polygons in longitude and latitude or with their CRS (.geojson, .json, .shp, .zip, .gpkg, .kml)"


class Area(Protocol):
    """A part of the Earth."""

    def covers(self, longitude: Floats, latitude: Floats) -> Bools:
        """Tell whether points (degrees) are in it; not those that are NaN."""


@dataclass(frozen=True)
class Polygons:
    """Polygons in longitude and latitude, degrees."""

    geometry: BaseGeometry

    def covers(self, longitude: Floats, latitude: Floats) -> Bools:
        """Tell whether points (degrees) are in one of them."""
        inside = np.zeros(longitude.shape, bool)
        known = np.isfinite(longitude) & np.isfinite(latitude)
        if not known.any():
            return inside
        lon, lat = near(longitude[known], 0.0), latitude[known]
        part = shapely.clip_by_rect(
            self.geometry, lon.min() - 1e-9, lat.min() - 1e-9, lon.max() + 1e-9, lat.max() + 1e-9
        )
        shapely.prepare(part)
        inside[known] = shapely.contains_xy(part, lon, lat)
        return inside


@dataclass(frozen=True)
class RasterArea:
    """Where a raster has a value that is not zero."""

    path: Path

    def covers(self, longitude: Floats, latitude: Floats) -> Bools:
        """Tell whether the pixel in which a point (degrees) lies counts; not outside the raster or without data."""
        inside = np.zeros(longitude.shape, bool)
        with _opened(self.path) as dataset:
            row, column = _pixels(dataset, longitude, latitude)
            on = (row >= 0) & (row < dataset.height) & (column >= 0) & (column < dataset.width)
            if not on.any():
                return inside
            top, left = int(row[on].min()), int(column[on].min())
            height, width = int(row[on].max()) - top + 1, int(column[on].max()) - left + 1
            values = dataset.read(1, window=Window(left, top, width, height), masked=True)
        counts = values.filled(0) != 0
        inside[on] = counts[row[on].astype(np.intp) - top, column[on].astype(np.intp) - left]
        return inside


@contextmanager
def _opened(path: Path) -> Iterator[DatasetReader]:
    """Open a raster with a place on the Earth; what is wrong with it becomes an error that names it."""
    try:
        with open_raster(path) as dataset:
            if dataset.crs is None or not dataset.count:
                raise _no_raster(path, "It has no coordinate reference system, or no band.")
            yield dataset
    except RasterioError as error:
        raise _no_raster(path, f"It cannot be read: {error}.") from error


def _pixels(dataset: DatasetReader, longitude: Floats, latitude: Floats) -> tuple[Floats, Floats]:
    """Return the row and column of the pixels in which points lie; NaN where unknown."""
    x, y = longitude, latitude
    if dataset.crs.to_epsg() != 4326:
        x, y = transformer(GEOGRAPHIC, dataset.crs.to_string()).transform(x, y)
    x, y = (np.where(np.isfinite(values), values, np.nan) for values in (x, y))
    if dataset.crs.is_geographic:
        x = near(x, (dataset.bounds.left + dataset.bounds.right) / 2)
    inverse = ~dataset.transform
    return np.floor(inverse.d * x + inverse.e * y + inverse.f), np.floor(inverse.a * x + inverse.b * y + inverse.c)


def read_polygons(text: str, option: str) -> Polygons:
    """Return the polygons of WKT, GeoJSON text, a box or a file.

    Parameters
    ----------
    text : str
        As for `dinsar_cli.geo.roi.parse_roi`.
    option : str
        What the messages call it.

    Raises
    ------
    UsageError
        When it is none of these, or no valid polygon.
    """
    try:
        return Polygons(parse_roi(text).geometry)
    except UsageError as error:
        problem, cause = (
            part.replace("--roi", option).replace("The ROI file", f"The file of {option}")
            for part in (error.problem, error.cause)
        )
        raise UsageError(
            problem, cause, f"Give WKT, GeoJSON, W S E N in degrees, or a file of {_POLYGONS}."
        ) from error


def size(bounds: Bounds) -> tuple[float, float]:
    """Return width and height of an area, kilometres."""
    west, south, east, north = bounds
    along = max(0.01, math.cos(math.radians((south + north) / 2)))
    return (east - west) * along * _KM_PER_DEGREE, (north - south) * _KM_PER_DEGREE


def widened(bounds: Bounds, margin: float) -> Bounds:
    """Return an area with so many kilometres more on each side; degrees."""
    west, south, east, north = bounds
    degrees = margin / _KM_PER_DEGREE
    across = degrees / max(0.01, math.cos(math.radians((south + north) / 2)))
    return west - across, south - degrees, east + across, north + degrees


def clipped(bounds: Bounds, other: Bounds) -> Bounds:
    """Return the part of an area that lies in another one, which it meets; degrees."""
    low = (max(one, two) for one, two in zip(bounds[:2], other[:2], strict=True))
    high = (min(one, two) for one, two in zip(bounds[2:], other[2:], strict=True))
    west, south, east, north = (*low, *high)
    return west, south, east, north


def surroundings(bounds: Bounds, cell: float) -> Bounds:
    """Return an area with what is processed around it, so that ground is seen that does not move.

    Half of its longer side on each side, but at least 5 and at most 15 km; and less where the cells are so small
    that this were many: no more than 300,000, or four times those of the area itself.

    Parameters
    ----------
    bounds : (float, float, float, float)
        West, south, east, north, degrees.
    cell : float
        Ground of a look cell, square metres; infinite for the most that it can be.
    """
    width, height = size(bounds)
    most = max(_MOST_CELLS * cell / 1e6, 4 * width * height)  # square kilometres of all of it
    half = (width + height) / 4
    few = math.sqrt(half**2 + (most - width * height) / 4) - half
    return widened(bounds, min(max(max(width, height) / 2, _LEAST_AROUND), _MOST_AROUND, few))


def read_water(path: Path) -> Area:
    """Return the water as polygons, or as a raster that is not zero there.

    Raises
    ------
    UsageError
        When the file is neither.
    """
    name = f"The water mask {path}"
    if not path.is_file():
        raise UsageError(f"{name} is not there.", "There is no such file.", f"Give {_POLYGONS}, or a raster.")
    if path.suffix.lower() not in FILE_SUFFIXES:
        return _read_raster(path)
    try:
        found = read_file(path, name)
    except UsageError as error:
        raise UsageError(error.problem, error.cause, f"Give {_POLYGONS}, or a raster.") from error
    return Polygons(shapely.union_all([shapely.make_valid(part) for part in found.polygons]))


def _read_raster(path: Path) -> RasterArea:
    with _opened(path):
        return RasterArea(path)


def _no_raster(path: Path, cause: str) -> UsageError:
    return UsageError(
        f"The water mask {path} cannot be used.",
        cause,
        f"Give {_POLYGONS}, or a georeferenced raster that is not zero in water.",
    )


def on_grid(area: Area, grid: Grid) -> Bools:
    """Tell whether the centres of map cells are in an area; shape of the grid."""
    inside = np.zeros(grid.shape, bool)
    for first in range(0, grid.height, _BLOCK_ROWS):
        rows = slice(first, min(first + _BLOCK_ROWS, grid.height))
        inside[rows] = area.covers(*_positions(grid, rows))
    return inside


def _positions(grid: Grid, rows: slice) -> tuple[Floats, Floats]:
    """Return the longitude and latitude of the centres of the cells in some rows, degrees."""
    x, y = np.meshgrid(grid.x_centres, grid.y_centres[rows])
    if grid.is_geographic:
        return x, y
    longitude, latitude = transformer(grid.crs, GEOGRAPHIC).transform(x, y)
    return longitude, latitude
