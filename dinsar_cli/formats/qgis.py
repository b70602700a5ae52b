"""Styles for QGIS beside the GeoTIFFs: QGIS takes ``NAME.qml`` by itself when it opens ``NAME.tif``."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import numpy as np

from dinsar_cli.drawing.web_map import scale_limits
from dinsar_cli.formats.facts import ProductFacts
from dinsar_cli.formats.files import put
from dinsar_cli.products.reader import Product, Products, Words

_DOCTYPE = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
_VERSION = "3.22.0"  # of QGIS, whose form of a style this is; later ones read it
_ROOT = {"version": _VERSION, "styleCategories": "Symbology"}
_CENTIMETRES_FROM, _METRES_FROM = 0.02, 5.0  # m: the largest value that a legend tells in a smaller unit
_STEPS = 16  # of a colour ramp; between them QGIS interpolates


@dataclass(frozen=True)
class _Style:
    """How a layer is coloured: a colour map of Matplotlib, and its ends unless the values give them."""

    layer: str
    colours: str
    limits: tuple[float, float] | None = None
    symmetric: bool = False
    band: int = 1


_CALM = ("los_sigma", "phase_sigma", "velocity_sigma", "east_sigma", "up_sigma")
_EITHER_WAY = (
    *("los_displacement", "vertical_displacement", "velocity", "east", "up", "ramp", "squint"),
    *("reversed_difference", "offset_los", "offset_azimuth", "offset_east_west"),
)
_STYLES = {
    style.layer: style
    for style in (
        *(_Style(name, "RdBu_r", symmetric=True) for name in _EITHER_WAY),
        *(_Style(name, "magma") for name in _CALM),
        _Style("unwrapped_phase", "viridis"),
        _Style("wrapped_phase", "twilight", limits=(-math.pi, math.pi)),
        _Style("coherence", "viridis", limits=(0.0, 1.0)),
        _Style("temporal_coherence", "viridis", limits=(0.0, 1.0)),
        _Style("elevation", "cividis"),
        _Style("incidence_angle", "viridis"),
        _Style("los_vector", "viridis", band=3),
        _Style("amplitude", "gray"),
        _Style("ionosphere_phase", "viridis"),
        _Style("offset_snr", "viridis"),
        _Style("correction_tides", "viridis"),
        _Style("correction_ionosphere", "viridis"),
        _Style("correction_motion", "viridis"),
        _Style("correction_troposphere", "viridis"),
    )
}
_OF_DATE = re.compile(r"displacement_\d{8}")
_LABELS = ("connected_components", "flags", "visibility", "series_flags", "closure_cycles")
_BITS = {"flags": 8, "visibility": 3, "series_flags": 5}  # of what is a sum, where not all cells are looked at
_MOST_SIDE = {True: 1024, False: 512}  # cells of the longer side that are looked at, of labels and of values


def write_styles(facts: ProductFacts) -> list[Path]:
    """Write a style for each raster that is there, into the folder of the products; a person's own style stays."""
    return styles_beside(facts.rasters, facts.files, facts.output)


def styles_beside(rasters: Mapping[str, Path], files: Products, folder: Path) -> list[Path]:
    """Write a style for each raster that has one; a style that a person saved stays.

    Of a large raster its overviews are looked at, so that this takes no longer than for a small one.

    Parameters
    ----------
    rasters : mapping of str to Path
        By the names of their layers.
    files : Products
        What they are read with.
    folder : Path
        Gets ``NAME.qml``.

    Returns
    -------
    list of Path
        The styles, that of displacement first.

    Raises
    ------
    UsageError
        When a raster cannot be read.
    """
    made: list[Path] = []
    for name in sorted(rasters, key=_rank):
        path = folder / f"{name}.qml"
        style = _STYLES.get(name) or (_Style(name, "RdBu_r", symmetric=True) if _OF_DATE.fullmatch(name) else None)
        if (style is None and name not in _LABELS) or (path.exists() and not is_own(path)):
            continue
        with Words().about(rasters[name]):
            product = files[rasters[name]]
            root = label_style(_numbers(product, name)) if style is None else _ramp_of(product, style)
        indent(root)
        made.append(put(path, _DOCTYPE + tostring(root, encoding="unicode") + "\n"))
    return made


def _rank(name: str) -> int:
    names = [*_STYLES, *_LABELS]
    return names.index(name) if name in names else len(names)


def _ramp_of(product: Product, style: _Style) -> Element:
    """Return the style of a raster of values, with ends from some of them."""
    limits = style.limits
    if limits is None:
        values = product.read_floats(style.band, out_shape=_looked_at(product, labels=False))
        limits = scale_limits(values[np.isfinite(values)], symmetric=style.symmetric)
    return ramp_style(limits, style.colours, product.unit or "1", style.band)


def _numbers(product: Product, name: str) -> list[int]:
    """Return the numbers in a raster of labels but that for none; of a large one also those that it may have."""
    _, _, whole = product.place
    shape = _looked_at(product, labels=True)
    found = set(np.flatnonzero(np.bincount(product.read(1, out_shape=shape).ravel())).tolist())
    if shape != whole:
        found |= {1 << bit for bit in range(_BITS.get(name, 0))}
        found |= set(range(1, max(found, default=0) + 1)) if name == "connected_components" else set()
    with product.dataset() as dataset:
        none = dataset.nodata
    return sorted(found - {0, none})


def _looked_at(product: Product, *, labels: bool) -> tuple[int, int]:
    """Return rows and columns with which a raster is read."""
    _, _, (height, width) = product.place
    share = min(1.0, _MOST_SIDE[labels] / max(height, width))
    return math.ceil(height * share), math.ceil(width * share)


def is_own(path: Path) -> bool:
    """Tell whether a style is as this module writes it: a person who saves one in QGIS gives it the same name."""
    head = _DOCTYPE + tostring(Element("qgis", _ROOT), encoding="unicode").removesuffix(" />")
    own = b""
    with suppress(OSError), path.open("rb") as file:
        own = file.read(len(head))
    return own == head.encode()


def with_style(raster: Path) -> list[Path]:
    """Return what goes when a raster goes, of what is there: itself, and the style that this module wrote."""
    style = raster.with_suffix(".qml")
    return [*filter(Path.is_file, [raster]), *filter(is_own, [style])]


def ramp_style(limits: tuple[float, float], colours: str, unit: str, band: int) -> Element:
    """Return the style of a band with a continuous scale of colours.

    Parameters
    ----------
    limits : (float, float)
        Values of the first and the last colour.
    colours : str
        A continuous colour map of Matplotlib.
    unit : str
        Unit of the values; ``1`` for none. Few metres are told in centimetres or millimetres.
    band : int
        Number of the band, from 1.
    """
    low, high = limits
    shown, factor = _legend_unit(unit, max(abs(low), abs(high)))
    suffix = "" if shown == "1" else f" {shown}"
    decimals = max(0, 2 - math.floor(math.log10((high - low) * factor)))
    root, pipe = _root()
    renderer = SubElement(
        pipe,
        "rasterrenderer",
        type="singlebandpseudocolor",
        band=str(band),
        alphaBand="-1",
        opacity="1",
        classificationMin=repr(low),
        classificationMax=repr(high),
    )
    SubElement(renderer, "rasterTransparency")
    origin = SubElement(renderer, "minMaxOrigin")
    SubElement(origin, "limits").text = "None"  # as given here, not from what is on the screen
    shader = SubElement(
        SubElement(renderer, "rastershader"),
        "colorrampshader",
        colorRampType="INTERPOLATED",
        classificationMode="1",
        clip="0",
        labelPrecision=str(decimals),
        minimumValue=repr(low),
        maximumValue=repr(high),
    )
    shares = [number / _STEPS for number in range(_STEPS + 1)]
    codes = _colours(colours, shares)
    _gradient(shader, shares, codes)
    for share, code in zip(shares, codes, strict=True):
        value = low + share * (high - low)
        label = f"{value * factor:.{decimals}f}{suffix}"
        SubElement(shader, "item", value=repr(value), color=_hexadecimal(code), alpha="255", label=label)
    # beside a continuous bar QGIS writes the values themselves; in other units it can only list the labels
    continuous = "1" if factor == 1 else "0"
    SubElement(shader, "rampLegendSettings", prefix="", suffix=suffix, useContinuousLegend=continuous)
    _finish(pipe, root)
    return root


def _legend_unit(unit: str, largest: float) -> tuple[str, float]:
    """Return the unit in which a legend tells values, and how many of it are one of theirs."""
    if unit.partition("/")[0] != "m" or largest >= _METRES_FROM:
        return unit, 1
    small, factor = ("cm", 100) if largest >= _CENTIMETRES_FROM else ("mm", 1000)
    return f"{small}{unit[1:]}", factor


def label_style(numbers: Sequence[int]) -> Element:
    """Return the style of numbered things: a colour for each, and none for the number 0."""
    root, pipe = _root()
    renderer = SubElement(pipe, "rasterrenderer", type="paletted", band="1", alphaBand="-1", opacity="1")
    SubElement(renderer, "rasterTransparency")
    palette = SubElement(renderer, "colorPalette")
    codes = _colours("tab20", [(number - 1) % 20 / 19 for number in numbers])
    for number, code in zip(numbers, codes, strict=True):
        SubElement(
            palette, "paletteEntry", value=str(number), color=_hexadecimal(code), alpha="255", label=str(number)
        )
    _finish(pipe, root)
    return root


def _root() -> tuple[Element, Element]:
    root = Element("qgis", _ROOT)
    return root, SubElement(root, "pipe")


def _finish(pipe: Element, root: Element) -> None:
    SubElement(pipe, "brightnesscontrast", brightness="0", contrast="0", gamma="1")
    SubElement(pipe, "huesaturation", saturation="0", grayscaleMode="0", colorizeOn="0")
    SubElement(pipe, "rasterresampler", maxOversampling="2")
    SubElement(root, "blendMode").text = "0"


def _gradient(shader: Element, shares: Sequence[float], codes: Sequence[tuple[int, int, int]]) -> None:
    """Return the ramp from which QGIS makes other classes when the user changes the limits."""
    options = {
        "color1": _decimal(codes[0]),
        "color2": _decimal(codes[-1]),
        "discrete": "0",
        "rampType": "gradient",
        "stops": ":".join(
            f"{share!r};{_decimal(code)}" for share, code in zip(shares[1:-1], codes[1:-1], strict=True)
        ),
    }
    ramp = SubElement(shader, "colorramp", type="gradient", name="[source]")
    holder = SubElement(ramp, "Option", type="Map")
    for name, value in options.items():
        SubElement(holder, "Option", type="QString", name=name, value=value)


def _colours(name: str, shares: Sequence[float]) -> list[tuple[int, int, int]]:
    """Red, green and blue of a colour map at shares of its length, 0 to 1."""
    import matplotlib as mpl

    table = mpl.colormaps[name](list(shares), bytes=True)
    return [(int(red), int(green), int(blue)) for red, green, blue, _ in table]


def _hexadecimal(code: tuple[int, int, int]) -> str:
    return "#" + "".join(f"{part:02x}" for part in code)


def _decimal(code: tuple[int, int, int]) -> str:
    return ",".join(str(part) for part in (*code, 255))
