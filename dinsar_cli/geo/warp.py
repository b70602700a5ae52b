"""Rasters of any place put on the grid of a map."""

from __future__ import annotations

from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.warp import reproject

from dinsar_cli.geo.grid import Grid

EXACT = 1e-3
"""Pixels by which a place may be wrong; GDAL itself allows an eighth."""

_GDAL_TOLERANCE = 0.125


def bilinear(
    values: NDArray[np.floating[Any]],
    transform: Affine,
    crs: Any,
    grid: Grid,
    *,
    tolerance: float = _GDAL_TOLERANCE,
) -> NDArray[np.floating[Any]]:
    """Return a raster at the pixel centres of a grid, linear between its own; NaN outside and beside NaN.

    Parameters
    ----------
    values : ndarray
        Shape (..., lines, samples); NaN where nothing is known.
    transform : Affine
        Of the raster.
    crs : str or rasterio.crs.CRS
        Of the raster.
    grid : Grid
    tolerance : float
        Pixels by which a place may be wrong.

    Returns
    -------
    ndarray
        Of the type of `values`; shape (..., height, width).
    """
    result = np.full((*values.shape[:-2], *grid.shape), np.nan, values.dtype)
    reproject(
        values,
        result,
        src_transform=transform,
        src_crs=crs,
        src_nodata=np.nan,
        dst_transform=grid.transform,
        dst_crs=grid.crs,
        dst_nodata=np.nan,
        resampling=Resampling.bilinear,
        tolerance=tolerance,
    )
    return result
