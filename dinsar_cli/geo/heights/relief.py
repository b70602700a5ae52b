"""What the DEM says of the ground before it is made ready: lowest and highest height, and what looks like water."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from rasterio.warp import transform_bounds
from rasterio.windows import Window

from dinsar_cli.base.files import file_mark
from dinsar_cli.geo.grid import Bounds
from dinsar_cli.geo.heights.dem_file import open_dem, read_crs, read_heights, turn_beside

_TILES = 10  # along each side of the area
_TILE = 40  # pixels along each side of a tile: at 30 m it is 1.2 km
_FLAT = 0.01  # m between a pixel and its neighbours


@dataclass(frozen=True)
class Relief:
    """The ground of an area, by samples of its DEM.

    Attributes
    ----------
    low, high : float
        Lowest and highest sampled height, metres above what the DEM refers to.
    flat : float or None
        Share of the area that is flat to a centimetre, 0 to 1; None where that cannot be told.
    """

    low: float
    high: float
    flat: float | None

    @property
    def range(self) -> float:
        """Metres between the lowest and the highest height."""
        return self.high - self.low

    @property
    def middle(self) -> float:
        """Metres."""
        return (self.low + self.high) / 2


def read_relief(file: Path, bounds: Bounds) -> Relief:
    """Sample a DEM at its full resolution, in tiles that are spread over an area.

    Water is where a DEM was edited: in Copernicus GLO-30 and in SRTM lakes have one height and the sea has that of
    the geoid, while radar or laser heights of land scatter by decimetres (Copernicus DEM Product Handbook, on water
    body editing). With a geoid added, water slopes by 0.1 mm a metre at most. So a pixel that differs from its
    eight neighbours by less than a centimetre is taken as water. In a DEM of whole metres plains look the same:
    there nothing is said.

    Parameters
    ----------
    file : Path
        The DEM as it is given.
    bounds : tuple of float
        West, south, east, north of the area, degrees.

    Raises
    ------
    UsageError, NoDataError
        When it is no DEM, or damaged.
    """
    return _read_relief(file, bounds, *file_mark(file)[1:])


@lru_cache(maxsize=4)
def _read_relief(file: Path, bounds: Bounds, *mark: object) -> Relief:
    """Do it once for a file as it is: dates of a stack ask for the same again and again."""
    del mark
    with open_dem(file) as dataset:
        tiles = [tile for tile in _tiles(dataset, bounds, file) if np.isfinite(tile).any()]
    if not tiles:
        return Relief(0.0, 0.0, None)
    low, high = (float(extreme([extreme(tile) for tile in tiles])) for extreme in (np.nanmin, np.nanmax))
    whole = all(np.array_equal(tile, np.round(tile), equal_nan=True) for tile in tiles)
    flat = None if whole else float(np.mean(np.concatenate([_flat(tile).ravel() for tile in tiles])))
    return Relief(low, high, flat)


def _tiles(dataset: Any, bounds: Bounds, file: Path) -> list[NDArray[np.float32]]:
    crs = read_crs(dataset, file).to_2d()
    left, bottom, right, top = transform_bounds("EPSG:4326", crs.to_wkt(), *bounds, densify_pts=21)
    place = dataset.transform  # north-up, as `check_layout` has made sure
    if crs.is_geographic:
        turn = turn_beside(dataset, (left + right) / 2)
        left, right = left - turn, right - turn
    columns = _starts((left - place.c) / place.a, (right - place.c) / place.a, dataset.width)
    rows = _starts((top - place.f) / place.e, (bottom - place.f) / place.e, dataset.height)
    return [
        read_heights(dataset, Window(first, start, min(_TILE, dataset.width), min(_TILE, dataset.height)), file)
        for start in rows
        for first in columns
    ]


def _starts(first: float, last: float, count: int) -> list[int]:
    """Return the first pixels of tiles that lie evenly between two places and inside the raster, each once."""
    low, high = max(0, math.floor(first)), min(count, math.ceil(last)) - _TILE
    steps = (low + (high - low) * step / (_TILES - 1) for step in range(_TILES))
    return sorted({min(max(0, round(step)), max(0, count - _TILE)) for step in steps})


def _flat(tile: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Tell whether the inner pixels of a tile with heights all around are as high as their neighbours."""
    if min(tile.shape) < 3:
        return np.zeros(0, bool)
    near = sliding_window_view(tile, (3, 3)).reshape(-1, 9)
    known = near[np.isfinite(near).all(axis=1)]
    return (known.max(axis=1) - known.min(axis=1)) < _FLAT
