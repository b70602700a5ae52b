"""Pictures of a report: PNG inside the page, relief under the map."""

from __future__ import annotations

import base64
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.enums import Resampling

from dinsar_cli.drawing.png import pixel_bytes
from dinsar_cli.drawing.web_map import Band, EmbeddedLayer, Style, embed_layer
from dinsar_cli.products.reader import Product

Floats = NDArray[np.floating[Any]]

MOST_PIXELS = 640
"""Of the longer side of a picture."""

_AZIMUTH, _ALTITUDE = 315.0, 45.0  # degrees: of the sun, as cartographers have it


def hillshade(elevation: Floats, cell: tuple[float, float]) -> Floats:
    """Give the brightness of relief under a sun in the north-west, 0 to 1 (Horn 1981, Proceedings of the IEEE 69).

    Parameters
    ----------
    elevation : ndarray
        Metres, north up; NaN where there is none.
    cell : (float, float)
        Width and height of a cell, metres.
    """
    heights = elevation.astype(np.float64)
    down, right = (  # of a single row or column no slope is known
        np.gradient(heights, axis=axis) if heights.shape[axis] > 1 else 0 * heights for axis in (0, 1)
    )
    east, north = right / cell[0], -down / cell[1]
    steep = np.hypot(east, north)
    # relief that is gentle on average is shown steeper, or nothing would be seen of it
    typical = float(np.nanpercentile(steep, 90)) if np.isfinite(steep).any() else 0.0
    lift = min(8.0, 0.35 / typical) if typical > 0.005 else 1.0
    azimuth, altitude = math.radians(_AZIMUTH), math.radians(_ALTITUDE)
    sun = (math.sin(azimuth) * math.cos(altitude), math.cos(azimuth) * math.cos(altitude), math.sin(altitude))
    normal = np.sqrt(1 + (lift * steep) ** 2)
    shade = (sun[2] - lift * (sun[0] * east + sun[1] * north)) / normal
    return np.clip(shade, 0, 1)


def relief_layer(elevation: Floats, cell: tuple[float, float]) -> EmbeddedLayer:
    """Return the relief as a layer of the map."""
    return embed_layer(Band("relief", hillshade(elevation, cell), Style("Relief", "gray", "", 2, (0.0, 1.0))))


def thin_map(product: Product, most: int) -> tuple[NDArray[np.float32], float]:
    """Read a map in few pixels, by its overviews.

    Parameters
    ----------
    product : Product
    most : int
        Pixels of the longer side.

    Returns
    -------
    values : ndarray
        NaN where there is none.
    ratio : float
        Height over width of the pixels on the ground.
    """
    grid = product.grid
    share = min(1.0, most / max(grid.height, grid.width))
    rows, columns = max(1, round(grid.height * share)), max(1, round(grid.width * share))
    values = product.read_floats(1, out_shape=(rows, columns), resampling=Resampling.nearest)
    east, north = grid.metres_per_unit
    return values, (grid.height / rows * north) / (grid.width / columns * east)


def picture(
    values: Floats, colours: str, limits: tuple[float, float], ratio: float = 1.0, most: int = MOST_PIXELS
) -> str:
    """Return a band as a PNG in a ``data:`` address.

    Parameters
    ----------
    values : ndarray
        Shape (rows, columns); NaN becomes transparent.
    colours : str
        A colour map of Matplotlib.
    limits : (float, float)
        Ends of the scale.
    ratio : float
        Height over width of a cell: rows are repeated or left out so that pixels are square.
    most : int
        Pixels of the longer side.
    """
    import matplotlib as mpl

    rows, columns = values.shape
    factor = min(1.0, most / max(rows * ratio, columns))
    height, width = max(1, round(rows * ratio * factor)), max(1, round(columns * factor))
    row = np.minimum((np.arange(height) + 0.5) * rows / height, rows - 1).astype(int)
    column = np.minimum((np.arange(width) + 0.5) * columns / width, columns - 1).astype(int)
    thin = values[np.ix_(row, column)]
    share = (thin - limits[0]) / ((limits[1] - limits[0]) or 1.0)
    pixels = mpl.colormaps[colours](np.nan_to_num(np.clip(share, 0, 1)), bytes=True)
    pixels[~np.isfinite(thin)] = 0
    return address_of(pixel_bytes(pixels))


def address_of(png: bytes) -> str:
    """Return a PNG as a ``data:`` address."""
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
