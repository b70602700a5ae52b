"""One grid for two maps, and their layers on it."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.errors import NoDataError
from dinsar_cli.geo.antimeridian import middle_of, near
from dinsar_cli.geo.crs import GEOGRAPHIC, transformer
from dinsar_cli.geo.grid import Grid
from dinsar_cli.maps.geocode import sample

Floats: TypeAlias = NDArray[np.floating[Any]]

_DECIMALS = 6  # of positions in pixels, or rounding errors cost the edges
_WHOLE = 1 - 1e-5  # weight of the neighbours that must have a value
_BLOCK_ROWS = 256


def common_grid(first: Grid, second: Grid) -> Grid:
    """Return the grid of the map with the larger pixels, cut to what both cover.

    Parameters
    ----------
    first, second : Grid
        Of two maps; of equal pixels that of the first is taken.

    Raises
    ------
    NoDataError
        When they cover different places.
    """
    coarse, other = (first, second) if _pixel_metres(first) >= _pixel_metres(second) else (second, first)
    west, south, east, north = _bounds_in(other, coarse.crs)
    step = coarse.posting
    left, right = (_inside((x - coarse.west) / step, coarse.width) for x in (west, east))
    top, bottom = (_inside((coarse.north - y) / step, coarse.height) for y in (north, south))
    left, top, right, bottom = math.floor(left), math.floor(top), math.ceil(right), math.ceil(bottom)
    if left >= right or top >= bottom:
        raise no_overlap(first, second)
    return Grid(coarse.crs, coarse.west + left * step, coarse.north - top * step, step, right - left, bottom - top)


def no_overlap(first: Grid, second: Grid) -> NoDataError:
    """Return the error for two maps that have no cell in common."""
    places = ("{:.4g} {:.4g} {:.4g} {:.4g}".format(*_bounds_in(grid, "EPSG:4326")) for grid in (first, second))
    return NoDataError(
        "The two maps have no place in common.",
        "Where one has displacement the other has none: they cover {} and {} (west south east north).".format(
            *places
        ),
        "Give two maps of the same area.",
    )


def _pixel_metres(grid: Grid) -> float:
    return grid.posting * grid.metres_per_unit[1]


def _bounds_in(grid: Grid, crs: str) -> tuple[float, float, float, float]:
    if grid.crs == crs:
        return grid.bounds
    if crs == GEOGRAPHIC:
        return grid.lonlat_bounds
    to_crs = transformer(grid.crs, crs)
    west, south, east, north = to_crs.transform_bounds(*grid.bounds, densify_pts=51)
    return float(west), float(south), float(east), float(north)


def _inside(position: float, size: int) -> float:
    return min(max(round(position, _DECIMALS), 0.0), float(size)) if math.isfinite(position) else 0.0


def resample(layer: Floats, source: Grid, target: Grid) -> Floats:
    """Put a layer on another grid, linearly.

    A pixel has a value only where every neighbour that counts for it has one: holes do not shrink.

    Parameters
    ----------
    layer : ndarray
        Shape of the source grid, or (bands, height, width).
    source, target : Grid
        Where it is, and where it is wanted.
    """
    if source == target:
        return layer
    bands = layer if layer.ndim == 3 else layer[np.newaxis]
    values = bands.astype(np.float64)
    whole = np.where(np.isfinite(values).all(axis=0), 1.0, 0.0)
    out = np.empty((len(bands), *target.shape), np.float32)
    for first in range(0, target.height, _BLOCK_ROWS):
        rows = slice(first, min(first + _BLOCK_ROWS, target.height))
        row, column = _positions(source, target, rows)
        found = sample(values, row, column, "linear")
        found[:, ~(sample(whole, row, column, "linear") >= _WHOLE)] = np.nan
        out[:, rows] = found
    return out if layer.ndim == 3 else out[0]


def _positions(source: Grid, target: Grid, rows: slice) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Give fractional row and column in the source of the pixel centres in some rows of the target; NaN outside."""
    x, y = np.meshgrid(target.x_centres, target.y_centres[rows])
    if source.crs != target.crs:
        x, y = transformer(target.crs, source.crs).transform(x, y)
        if source.is_geographic:
            x = near(x, middle_of(source.bounds))
    row = np.round((source.north - y) / source.posting - 0.5, _DECIMALS)
    column = np.round((x - source.west) / source.posting - 0.5, _DECIMALS)
    inside = (row >= 0) & (row <= source.height - 1) & (column >= 0) & (column <= source.width - 1)
    return (
        np.where(inside, row, np.nan).astype(np.float32),
        np.where(inside, column, np.nan).astype(np.float32),
    )
