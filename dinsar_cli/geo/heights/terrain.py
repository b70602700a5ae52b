"""Heights of a DEM file at longitude and latitude, read window by window."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.windows import Window
from scipy.ndimage import map_coordinates

from dinsar_cli.geo.antimeridian import middle_of, near

Floats = NDArray[np.floating[Any]]

LEVEL = 9
"""Kind of ground that is level in a DEM without a water mask, as lakes and the sea are.

Of the others 0 is land, and 1 to 3 are ocean, lake and river, as the Copernicus model has them."""
WATER_UNKNOWN = 255
"""Nodata of a raster of such kinds."""


@dataclass(frozen=True)
class HeightWindow:
    """A piece of a DEM in memory.

    Attributes
    ----------
    heights : ndarray
        Metres; shape (rows, columns).
    west, north : float
        Outer corner of the first pixel, degrees.
    dx, dy : float
        Size of a pixel, degrees, positive.
    """

    heights: NDArray[np.float32]
    west: float
    north: float
    dx: float
    dy: float

    @property
    def range(self) -> tuple[float, float]:
        """Lowest and highest height; zero when the piece is empty."""
        if not self.heights.size:
            return 0.0, 0.0
        return float(self.heights.min()), float(self.heights.max())

    def __call__(self, longitude: Floats, latitude: Floats) -> Floats:
        """Return the bilinear height at positions in degrees, whatever their turn; NaN outside the piece."""
        if not self.heights.size:
            return np.full_like(longitude, np.nan)
        row = (self.north - latitude) / self.dy - 0.5
        column = (near(longitude, self.west + self.heights.shape[1] * self.dx / 2) - self.west) / self.dx - 0.5
        heights: Floats = map_coordinates(
            self.heights, [row, column], order=1, mode="constant", cval=np.nan, output=np.float64
        )
        return heights


@dataclass(frozen=True)
class WaterRaster:
    """Kinds of ground on the pixels of a DEM, opened once and read from several threads."""

    dataset: Any
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @classmethod
    def open(cls, path: Path) -> WaterRaster:
        """Open a single-band GeoTIFF in EPSG:4326."""
        return cls(rasterio.open(path))

    def close(self) -> None:
        """Close the file."""
        self.dataset.close()

    def __call__(self, longitude: Floats, latitude: Floats) -> NDArray[np.uint8]:
        """Return the kind of the pixels in which positions lie (degrees of the file); 0 outside."""
        inverse = ~self.dataset.transform
        column = np.floor(inverse.a * longitude + inverse.c).astype(np.intp)
        row = np.floor(inverse.e * latitude + inverse.f).astype(np.intp)
        height, width = self.dataset.shape
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        kinds = np.zeros(longitude.shape, np.uint8)
        if not inside.any():
            return kinds
        top, left = int(row[inside].min()), int(column[inside].min())
        size = int(column[inside].max()) - left + 1, int(row[inside].max()) - top + 1
        with self._lock:
            values = self.dataset.read(1, window=Window(left, top, *size))
        kinds[inside] = values[row[inside] - top, column[inside] - left]
        kinds[kinds == WATER_UNKNOWN] = 0
        return kinds


@dataclass(frozen=True)
class Terrain:
    """A DEM file in EPSG:4326 with heights above the ellipsoid, opened once and read from several threads."""

    path: Path
    dataset: Any
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @classmethod
    def open(cls, path: Path) -> Terrain:
        """Open a single-band GeoTIFF."""
        return cls(path, rasterio.open(path))

    def close(self) -> None:
        """Close the file."""
        self.dataset.close()

    @property
    def middle(self) -> float:
        """Longitude of its middle, degrees; the file runs on where it reaches over 180."""
        return middle_of(self.dataset.bounds)

    def window(self, bounds: tuple[float, float, float, float]) -> HeightWindow:
        """Return the pixels that cover west, south, east, north (degrees of the file), as far as it goes."""
        transform = self.dataset.transform
        west, south, east, north = bounds
        left = max(0, int((west - transform.c) / transform.a) - 2)
        top = max(0, int((north - transform.f) / transform.e) - 2)
        right = min(self.dataset.width, int((east - transform.c) / transform.a) + 3)
        bottom = min(self.dataset.height, int((south - transform.f) / transform.e) + 3)
        with self._lock:
            heights = self.dataset.read(
                1, window=Window(left, top, max(0, right - left), max(0, bottom - top)), out_dtype=np.float32
            )
        return HeightWindow(
            heights,
            transform.c + left * transform.a,
            transform.f + top * transform.e,
            transform.a,
            -transform.e,
        )

    @property
    def height_range(self) -> tuple[float, float]:
        """Lowest and highest height of the whole file, metres; the file is read once for it."""
        return _height_range(self.path, self.path.stat().st_mtime_ns)


@cache
def _height_range(path: Path, _changed: int) -> tuple[float, float]:
    """Return the lowest and highest height of a file as it was at some time, read block by block."""
    low, high = np.inf, -np.inf
    with rasterio.open(path) as dataset:
        for _, window in dataset.block_windows(1):
            block = dataset.read(1, window=window)
            low, high = min(low, float(block.min())), max(high, float(block.max()))
    return low, high
