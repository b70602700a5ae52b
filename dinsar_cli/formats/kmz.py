"""``overview.kmz``: layers over the globe of Google Earth, one at a time, with a legend and the reference point.

First what moved, which leaves the picture of the ground where nothing did; then all of the displacement, fringes,
coherence and connected components, as far as they are there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
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
from dinsar_cli.geo.crs import GEOGRAPHIC
from dinsar_cli.geo.grid import Grid

Floats = NDArray[np.floating[Any]]

FILE = "overview.kmz"

_MOST_PIXELS = 2048
_ROUNDING = 1e-6  # pixels
_COLOURS = "RdBu_r"
_CENTIMETRES_FROM = 0.02  # m, as in the picture of the map
_STILL_SIGMAS, _STILL_SHARE = 3.0, 0.05  # below both nothing moved: of the median noise, and of the scale
_LABEL_COLOURS = 10


@dataclass(frozen=True)
class _Overlay:
    """A further layer: its picture, name and explanation, its product, and its colours between two values."""

    file: str
    name: str
    text: str
    layer: str
    colours: str
    limits: tuple[float, float]
    resampling: Resampling = Resampling.nearest


_FURTHER = (
    _Overlay(
        "fringes.png",
        "Fringes",
        "Wrapped phase: a cycle of colours is half a wavelength toward or away from the satellite.",
        "wrapped_phase",
        "twilight",
        (-math.pi, math.pi),
    ),
    _Overlay(
        "coherence.png",
        "Coherence",
        "0 (dark) to 1 (bright).",
        "coherence",
        "viridis",
        (0.0, 1.0),
        Resampling.average,
    ),
    _Overlay(
        "components.png",
        "Connected components",
        "Between parts of different colours whole cycles are unknown.",
        "connected_components",
        "tab10",
        (0.0, float(_LABEL_COLOURS)),
    ),
)


def write_kmz(facts: ProductFacts) -> Path:
    """Write the overview into the folder of the products.

    The picture is on a grid of longitude and latitude, as KML wants it: that of the products, or when they are in
    metres one of the same pixel size, with the nearest pixel.
    """
    values, bounds = overlay(facts)
    low, high = scale_limits(values[np.isfinite(values)], symmetric=True)
    further = [one for one in _FURTHER if one.layer in facts.rasters]
    members = {
        "doc.kml": _document(facts, bounds, further).encode("utf-8"),
        "moved.png": _picture(values, low, high, opacity=_moved(values, facts, high)),
        "displacement.png": _picture(values, low, high),
        **{one.file: _further_picture(facts, one) for one in further},
        "legend.png": _legend(low, high),
    }
    return put(facts.output / FILE, zipped(members))


def _moved(values: Floats, facts: ProductFacts, high: float) -> Floats:
    """Return the opacity of displacement: none where nothing moved, all from twice that on."""
    still = _STILL_SHARE * high
    if "los_sigma" in facts.rasters:
        sigma, _ = overlay(facts, "los_sigma")
        known = sigma[np.isfinite(sigma)]
        still = max(still, _STILL_SIGMAS * float(np.median(known))) if known.size else still
    return np.clip(np.abs(np.nan_to_num(values)) / still - 1, 0, 1)


def _further_picture(facts: ProductFacts, shown: _Overlay) -> bytes:
    values, _ = overlay(facts, shown.layer, shown.resampling)
    if shown.layer == "connected_components":
        values = (values - 1) % _LABEL_COLOURS + 0.5
    return _picture(values, *shown.limits, colours=shown.colours)


def overlay(
    facts: ProductFacts, layer: str = MAIN, resampling: Resampling = Resampling.average
) -> tuple[Floats, tuple[float, float, float, float]]:
    """Return a layer on longitude and latitude, NaN where there is nothing, and its outer edges.

    West, south, east, north in degrees.
    """
    grid = facts.grid
    factor = max(1, math.ceil(max(grid.shape) / _MOST_PIXELS))
    shape = math.ceil(grid.height / factor), math.ceil(grid.width / factor)
    # the whole extent in fewer pixels: its edges stay where they are
    values = facts.product(layer).read_floats(1, out_shape=shape, resampling=resampling)
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


def _picture(
    values: Floats, low: float, high: float, *, opacity: Floats | None = None, colours: str = _COLOURS
) -> bytes:
    """Return the values in colours, transparent where there are none."""
    import matplotlib as mpl

    share = np.clip((values - low) / (high - low), 0, 1)
    pixels = mpl.colormaps[colours](np.nan_to_num(share), bytes=True)
    if opacity is not None:
        pixels[..., 3] = np.rint(255 * opacity)
    pixels[~np.isfinite(values)] = 0
    return pixel_bytes(pixels)


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


def _document(facts: ProductFacts, bounds: tuple[float, float, float, float], further: Sequence[_Overlay]) -> str:
    first, second = (date.strftime("%Y-%m-%d") for date in facts.dates)
    point = facts.reference_point
    other = facts.tags.get("reference")
    alone = f"Relative to {other}." if other else "Not relative to a point: only differences have a meaning."
    relative = "Relative to the reference point." if point else alone
    about = (
        f"Displacement of the ground along the line of sight from {first} to {second}, positive toward the "
        f"satellite. {relative} Contains modified Copernicus Sentinel data."
    )
    layers = (
        ("Line-of-sight displacement: what moved", "Transparent where nothing moved.", "moved.png"),
        ("Line-of-sight displacement: all", "Transparent where it is not known.", "displacement.png"),
        *((one.name, one.text, one.file) for one in further),
    )
    overlays = "".join(
        _ground(name, text, file, bounds, (first, second), shown=number == 0)
        for number, (name, text, file) in enumerate(layers)
    )
    mark = "" if point is None else _placemark(*point)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<kml xmlns="http://www.opengis.net/kml/2.2">
  <Document>
    <name>{escape(facts.name)}</name>
    <description>{escape(about)}</description>
    <Folder>
      <name>Layers</name>
      <open>1</open>
      <Style><ListStyle><listItemType>radioFolder</listItemType></ListStyle></Style>
{overlays}    </Folder>
    <ScreenOverlay>
      <name>Legend</name>
      <Icon><href>legend.png</href></Icon>
      <overlayXY x="0" y="0" xunits="fraction" yunits="fraction"/>
      <screenXY x="0.02" y="0.06" xunits="fraction" yunits="fraction"/>
    </ScreenOverlay>
{mark}  </Document>
</kml>
"""


def _ground(
    name: str,
    text: str,
    file: str,
    bounds: tuple[float, float, float, float],
    dates: tuple[str, str],
    *,
    shown: bool,
) -> str:
    west, south, east, north = bounds
    return f"""      <GroundOverlay>
        <name>{name}</name>
        <visibility>{int(shown)}</visibility>
        <description>{text}</description>
        <TimeSpan><begin>{dates[0]}</begin><end>{dates[1]}</end></TimeSpan>
        <Icon><href>{file}</href></Icon>
        <LatLonBox>
          <north>{north!r}</north>
          <south>{south!r}</south>
          <east>{east!r}</east>
          <west>{west!r}</west>
        </LatLonBox>
      </GroundOverlay>
"""


def _placemark(lon: float, lat: float) -> str:
    return f"""    <Placemark>
      <name>Reference point</name>
      <description>Displacement is zero here.</description>
      <Point><coordinates>{lon!r},{lat!r}</coordinates></Point>
    </Placemark>
"""
