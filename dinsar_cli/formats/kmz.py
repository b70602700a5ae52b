"""``overview.kmz``: displacement over the globe of Google Earth, with a legend and the reference point."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.transform import array_bounds, from_origin
from rasterio.warp import reproject

from dinsar_cli.drawing.png import figure_bytes, pixel_bytes
from dinsar_cli.drawing.web_map import scale_limits
from dinsar_cli.formats.facts import MAIN, ProductFacts
from dinsar_cli.formats.files import put, zipped
from dinsar_cli.geo.grid import GEOGRAPHIC, Grid

Floats = NDArray[np.floating[Any]]

FILE = "overview.kmz"

_MOST_PIXELS = 2048
_ROUNDING = 1e-6  # pixels
_COLOURS = "RdBu_r"
_CENTIMETRES_FROM = 0.02  # m, as in the picture of the map


def write_kmz(facts: ProductFacts) -> Path:
    """Write the overview into the folder of the products.

    The picture is on a grid of longitude and latitude, as KML wants it: that of the products, or when they are in
    UTM one of the same pixel size, with the nearest pixel.
    """
    values, bounds = overlay(facts)
    low, high = scale_limits(values[np.isfinite(values)], symmetric=True)
    members = {
        "doc.kml": _document(facts, bounds).encode("utf-8"),
        "displacement.png": _picture(values, low, high),
        "legend.png": _legend(low, high),
    }
    return put(facts.output / FILE, zipped(members))


def overlay(facts: ProductFacts) -> tuple[Floats, tuple[float, float, float, float]]:
    """Return displacement on longitude and latitude, metres, and its outer edges.

    West, south, east, north in degrees.
    """
    grid = facts.grid
    factor = max(1, math.ceil(max(grid.shape) / _MOST_PIXELS))
    shape = math.ceil(grid.height / factor), math.ceil(grid.width / factor)
    # the whole extent in fewer pixels: its edges stay where they are
    values = facts.product(MAIN).read_floats(1, out_shape=shape, resampling=Resampling.average)
    place = grid.transform * Affine.scale(grid.width / shape[1], grid.height / shape[0])
    if grid.is_geographic:
        return values, grid.bounds
    target, width, height = _target(grid, shape)
    turned = np.full((height, width), np.nan, np.float32)
    reproject(
        values,
        turned,
        src_transform=place,
        src_crs=grid.crs,
        src_nodata=np.nan,
        dst_transform=target,
        dst_crs=GEOGRAPHIC,
        dst_nodata=np.nan,
        resampling=Resampling.nearest,
    )
    west, south, east, north = array_bounds(height, width, target)
    return turned, (west, south, east, north)


def _target(grid: Grid, shape: tuple[int, int]) -> tuple[Affine, int, int]:
    """Return the place of as many pixels in degrees as the map has on its diagonal, with their columns and rows.

    GDAL's own proposal is a belt around the Earth where a map in metres reaches over 180 degrees.
    """
    west, south, east, north = grid.lonlat_bounds
    step = math.hypot(east - west, north - south) / math.hypot(*shape)
    return (
        from_origin(west, north, step, step),
        math.ceil((east - west) / step - _ROUNDING),
        math.ceil((north - south) / step - _ROUNDING),
    )


def _picture(values: Floats, low: float, high: float) -> bytes:
    """Return the values in colours, transparent where there are none."""
    import matplotlib as mpl

    share = np.clip((values - low) / (high - low), 0, 1)
    colours = mpl.colormaps[_COLOURS](np.nan_to_num(share), bytes=True)
    colours[~np.isfinite(values)] = 0
    return pixel_bytes(colours)


def _legend(low: float, high: float) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.cm import ScalarMappable
    from matplotlib.colorbar import Colorbar
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure

    unit, factor = ("cm", 100.0) if high >= _CENTIMETRES_FROM else ("mm", 1000.0)
    figure = Figure(figsize=(1.5, 3.0), dpi=100, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.12, 0.06, 0.16, 0.88))
    scale = ScalarMappable(Normalize(low * factor, high * factor), _COLOURS)
    bar = Colorbar(axes, scale, extend="both")
    bar.set_label(f"line of sight, {unit}\npositive toward the satellite", fontsize=8)
    axes.tick_params(labelsize=8)
    return figure_bytes(figure)


def _document(facts: ProductFacts, bounds: tuple[float, float, float, float]) -> str:
    west, south, east, north = bounds
    first, second = (date.strftime("%Y-%m-%d") for date in facts.dates)
    point = facts.reference_point
    relative = (
        "Relative to the reference point." if point else "Not relative to a point: only differences have a meaning."
    )
    about = (
        f"Displacement of the ground along the line of sight from {first} to {second}, positive toward the "
        f"satellite. {relative} Contains modified Copernicus Sentinel data."
    )
    mark = "" if point is None else _placemark(*point)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<kml xmlns="http://www.opengis.net/kml/2.2">
  <Document>
    <name>{escape(facts.name)}</name>
    <description>{escape(about)}</description>
    <GroundOverlay>
      <name>Line-of-sight displacement</name>
      <TimeSpan><begin>{first}</begin><end>{second}</end></TimeSpan>
      <Icon><href>displacement.png</href></Icon>
      <LatLonBox>
        <north>{north!r}</north>
        <south>{south!r}</south>
        <east>{east!r}</east>
        <west>{west!r}</west>
      </LatLonBox>
    </GroundOverlay>
    <ScreenOverlay>
      <name>Legend</name>
      <Icon><href>legend.png</href></Icon>
      <overlayXY x="0" y="0" xunits="fraction" yunits="fraction"/>
      <screenXY x="0.02" y="0.06" xunits="fraction" yunits="fraction"/>
    </ScreenOverlay>
{mark}  </Document>
</kml>
"""


def _placemark(lon: float, lat: float) -> str:
    return f"""    <Placemark>
      <name>Reference point</name>
      <description>Displacement is zero here.</description>
      <Point><coordinates>{lon!r},{lat!r}</coordinates></Point>
    </Placemark>
"""
