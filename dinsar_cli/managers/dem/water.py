"""Water on the pixels of a DEM: from the masks beside the Copernicus tiles, else where the DEM is level."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio import Affine
from rasterio.errors import RasterioError, RasterioIOError
from scipy.ndimage import maximum_filter, minimum_filter

from dinsar_cli.base.rasters import writing_raster
from dinsar_cli.errors import ResourceError
from dinsar_cli.geo.antimeridian import near
from dinsar_cli.geo.heights.terrain import LEVEL, WATER_UNKNOWN
from dinsar_cli.managers.dem.sources import Cell, Tile
from dinsar_cli.managers.dem.tile_store import DamagedTileError, TileStore
from dinsar_cli.managers.dem.tiles import degrees_of, span
from dinsar_cli.managers.dem.write import DemGrid

_OCEAN = 1
_KINDS = 3  # of the mask: ocean, lake, river
_MASKED = ("glo_30", "glo_90")
_BLOCK = 256
_FLAT = 0.02  # m between a pixel and its neighbours; over 90 m a geoid rises by no more


def water_tile(tile: Tile) -> Tile | None:
    """Return the water mask beside a tile of the Copernicus model; None for those of other models."""
    if tile.source not in _MASKED:
        return None
    folder = tile.url.rpartition("/")[0]
    return replace(tile, url=f"{folder}/AUXFILES/{tile.name.replace('_DEM.tif', '_WBM.tif')}")


def write_water(
    grid: DemGrid, dem: Path, masks: Collection[Tile], sea: Collection[Cell], store: TileStore, part: Path
) -> bool:
    """Write what water there is on the pixels of a DEM: one byte a pixel, see `dinsar_cli.geo.heights.terrain`.

    Parameters
    ----------
    grid : DemGrid
        The pixels.
    dem : Path
        Their heights.
    masks : collection of Tile
        Water masks that are on disk.
    sea : collection of Cell
        Square degrees that are all ocean.
    store : TileStore
        Where the masks are.
    part : Path
        GeoTIFF to write.

    Returns
    -------
    bool
        Whether the mask of the model tells it all; where it does not, level ground is marked.

    Raises
    ------
    DamagedTileError
        If a mask cannot be read.
    ResourceError
        If the result cannot be written.
    """
    try:
        with writing_raster(part, "w+", **_profile(grid)) as out:
            for row in range(0, grid.height, _BLOCK):
                rows = min(_BLOCK, grid.height - row)
                unknown = np.full((rows, grid.width), WATER_UNKNOWN, np.uint8)
                out.write(unknown, 1, window=((row, row + rows), (0, grid.width)))
            for tile in masks:
                _put(out, grid, tile.cell, _kinds(tile, store, grid))
            for cell in sea:
                _put(out, grid, cell, None)
            return _add_level(out, dem)
    except (RasterioIOError, OSError) as error:
        raise ResourceError(
            f"The water mask {part} cannot be written.", f"{error}.", "Free some disk and run the command again."
        ) from error


def _profile(grid: DemGrid) -> dict[str, object]:
    return {
        "driver": "GTiff", "dtype": "uint8", "count": 1, "width": grid.width, "height": grid.height,
        "crs": "EPSG:4326", "transform": Affine(*grid.transform), "nodata": WATER_UNKNOWN, "tiled": True,
        "blockxsize": _BLOCK, "blockysize": _BLOCK, "compress": "deflate", "zlevel": 1,
    }  # fmt: skip


def _inside(grid: DemGrid, cell: Cell) -> tuple[slice, slice]:
    """Return the rows and columns of the pixels whose centres lie in a degree."""
    columns, rows = degrees_of(grid.longitude, grid.latitude)
    x, y = cell
    return span(rows == y), span(columns == x)


def _put(out: rasterio.io.DatasetWriter, grid: DemGrid, cell: Cell, kinds: NDArray[np.uint8] | None) -> None:
    rows, columns = _inside(grid, cell)
    shape = len(grid.latitude[rows]), len(grid.longitude[columns])
    if all(shape):
        values = np.full(shape, _OCEAN, np.uint8) if kinds is None else kinds
        out.write(values, 1, window=((rows.start, rows.stop), (columns.start, columns.stop)))


def _kinds(tile: Tile, store: TileStore, grid: DemGrid) -> NDArray[np.uint8]:
    """Return what the nearest pixel of a mask tells of the pixels of the DEM in its degree."""
    path = store.path(tile)
    rows, columns = _inside(grid, tile.cell)
    try:
        with closing(rasterio.open(path)) as dataset:
            kinds, inverse = dataset.read(1), ~dataset.transform
    except RasterioError as error:
        raise DamagedTileError(tile, path, str(error)) from error
    middle = tile.cell[0] + 0.5
    shift = middle - near(middle, 0.0)  # the file is within 180 degrees
    x, y = grid.longitude[columns] - shift, grid.latitude[rows]
    column = np.clip(np.floor(inverse.a * x + inverse.c + 1e-6), 0, kinds.shape[1] - 1).astype(np.intp)
    row = np.clip(np.floor(inverse.e * y + inverse.f + 1e-6), 0, kinds.shape[0] - 1).astype(np.intp)
    found: NDArray[np.uint8] = kinds[np.ix_(row, column)].astype(np.uint8)
    found[found > _KINDS] = WATER_UNKNOWN
    return found


def _add_level(out: rasterio.io.DatasetWriter, dem: Path) -> bool:
    """Mark level ground where the mask tells nothing; tell whether it tells everything."""
    whole = True
    with rasterio.open(dem) as heights:
        for row in range(0, out.height, _BLOCK):
            last = min(row + _BLOCK, out.height)
            kinds = out.read(1, window=((row, last), (0, out.width)))
            unknown = kinds == WATER_UNKNOWN
            if not unknown.any():
                continue
            whole = False
            top, bottom = max(row - 2, 0), min(last + 2, out.height)
            around = heights.read(1, window=((top, bottom), (0, out.width)))
            # pixels like all of their neighbours, and these neighbours
            level = maximum_filter(maximum_filter(around, 3) - minimum_filter(around, 3) < _FLAT, 3)
            kinds[unknown] = np.where(level[row - top : last - top], np.uint8(LEVEL), np.uint8(0))[unknown]
            out.write(kinds, 1, window=((row, last), (0, out.width)))
    return whole
