"""Products of a pair as layers of the map in its page, and what their tags tell."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from jinja2 import Environment, FunctionLoader, StrictUndefined
from numpy.typing import NDArray
from rasterio.enums import Resampling

from dinsar_cli.base.disk import human_bytes
from dinsar_cli.base.templates import template_text
from dinsar_cli.drawing.web_map import Band, EmbeddedLayer, Style, embed_layers
from dinsar_cli.errors import UsageError
from dinsar_cli.geo.grid import ODD_METRES, Grid
from dinsar_cli.products.folder import PairProducts
from dinsar_cli.products.layers import LAYERS, Layer
from dinsar_cli.products.one_run import check_one_run
from dinsar_cli.products.reader import MAKE_AGAIN, Product, Words

Floats = NDArray[np.floating[Any]]

MOST_CELLS = 750_000
"""Cells of a layer in the page, which keep it below 15 MB even where all of it is noise; a larger map has fewer."""

_CENTIMETRES_FROM = 0.02  # m: largest displacement from which on it is shown in centimetres, as in the picture
WORDS = Words(oblique="It is not north-up with square pixels in a coordinate reference system.")
"""What is said of a product that a page cannot show."""


@dataclass(frozen=True)
class Shown:
    """A band of a product as the page shows it.

    Attributes
    ----------
    product : str
        Its name.
    style : Style
        How it is shown.
    band : int
        From 1.
    metres : bool
        Whether it is shown in mm or cm, whatever suits.
    like : str
        Layer before it that it goes with, so that the page has only the rest of it.
    """

    product: str
    style: Style
    band: int = 1
    metres: bool = False
    like: str = ""


_TURN = (-math.pi, math.pi)
SHOWN = (
    Shown("los_displacement", Style("LOS displacement", "RdBu_r", symmetric=True), metres=True),
    Shown(
        "vertical_displacement",
        Style("Vertical, if only vertical", "RdBu_r", symmetric=True),
        metres=True,
        like="los_displacement",
    ),
    Shown("los_sigma", Style("Noise of LOS displacement", "magma"), metres=True),
    Shown("coherence", Style("Coherence", "viridis", limits=(0, 1))),
    Shown("unwrapped_phase", Style("Unwrapped phase", "viridis", "rad"), like="los_displacement"),
    Shown("wrapped_phase", Style("Wrapped phase", "twilight", "rad", limits=_TURN), like="unwrapped_phase"),
    Shown("phase_sigma", Style("Noise of the phase", "magma", "rad"), like="los_sigma"),
    Shown("connected_components", Style("Connected components", "tab10", decimals=0, labels=True)),
    Shown("amplitude", Style("Amplitude, reference", "gray", "dB", 1)),
    Shown("amplitude", Style("Amplitude, secondary", "gray", "dB", 1), band=2, like="amplitude.reference"),
    Shown("elevation", Style("Elevation", "cividis", "m", 0)),
    Shown("incidence_angle", Style("Incidence angle", "viridis", "°")),
    Shown("los_vector", Style("LOS vector, east", "viridis", decimals=3)),
    Shown("los_vector", Style("LOS vector, north", "viridis", decimals=3), band=2),
    Shown("los_vector", Style("LOS vector, up", "viridis", decimals=3), band=3),
    Shown("squint", Style("Squint of the beam", "RdBu_r", decimals=4, symmetric=True)),
    Shown("reversed_difference", Style("Pair plus reversed pair", "RdBu_r", "rad", symmetric=True)),
    Shown("flags", Style("Flags of the checks", "tab10", decimals=0, labels=True)),
    Shown("visibility", Style("Water, layover, shadow, cut", "tab10", decimals=0, labels=True)),
    Shown("ramp", Style("Ramp taken off", "RdBu_r", symmetric=True), metres=True),
    Shown("ionosphere_phase", Style("Phase of the ionosphere", "viridis", "rad")),
    Shown("offset_los", Style("Image offset, LOS", "RdBu_r", symmetric=True), metres=True),
    Shown("offset_azimuth", Style("Image offset, along track", "RdBu_r", symmetric=True), metres=True),
    Shown("offset_east_west", Style("Image offset, east if horizontal", "RdBu_r", symmetric=True), metres=True),
    Shown("offset_snr", Style("Image offset, signal to noise", "viridis", decimals=1)),
    Shown("correction_tides", Style("Solid Earth tide taken off", "viridis", decimals=2), metres=True),
    Shown("correction_ionosphere", Style("Ionosphere taken off", "viridis"), metres=True),
    Shown("correction_motion", Style("Motion along the track taken off", "viridis", decimals=2), metres=True),
    Shown("correction_troposphere", Style("Troposphere taken off", "viridis"), metres=True),
)


def page_environment() -> Environment:
    """Jinja2 over the templates: whatever a name or a tag holds, it stays text."""
    return Environment(
        autoescape=True,
        loader=FunctionLoader(template_text),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def embedded_layers(
    pair: PairProducts,
    shape: tuple[int, int],
    known: Mapping[tuple[str, int], Floats] | None = None,
) -> list[EmbeddedLayer]:
    """Return the layers of a pair for the map of a page.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns that they get.
    known : mapping, optional
        Bands of this shape that are read already, by product and number from 1.

    Raises
    ------
    UsageError
        When a raster cannot be read.
    """

    def values(one: Shown) -> Floats:
        found = known.get((one.product, one.band)) if known else None
        return (
            read_band(pair.product(one.product), one.band, shape, LAYERS[one.product]) if found is None else found
        )

    return embed_layers(_band(one, values(one)) for one in SHOWN if one.product in pair.rasters)


def shown_shape(grid: Grid) -> tuple[int, int]:
    """Give the rows and columns of the layers in a page: those of the grid, or fewer with `MOST_CELLS` cells."""
    factor = min(1.0, math.sqrt(MOST_CELLS / (grid.height * grid.width)))
    return max(1, int(grid.height * factor)), max(1, int(grid.width * factor))


def describe(pair: PairProducts) -> tuple[Grid, dict[str, str]]:
    """Return the grid and tags of the products; the grid is the same in all of them."""
    grids, tags = {}, {}
    for name, path in pair.rasters.items():
        with WORDS.about(path):
            grids[name] = pair.product(name).grid
            tags[name] = pair.product(name).tags
    check_one_run(next(iter(pair.rasters.values())).parent, pair.files)
    first, *rest = grids
    other = next((name for name in rest if grids[name] != grids[first]), None)
    if other is not None:
        raise UsageError(
            f"{pair.rasters[other]} lies on another grid than {first}.tif.",
            f"They are {grids[other]} and {grids[first]}.",
            "Give a folder with the products of one run.",
        )
    return grids[first], tags[first]


def _band(shown: Shown, values: Floats) -> Band:
    """Return a band of a product as a layer of the map."""
    layer, style = LAYERS[shown.product], shown.style
    if shown.metres:
        values, style = in_small_units(values, style)
    name = shown.product if len(layer.bands) == 1 else f"{shown.product}.{layer.bands[shown.band - 1]}"
    note = f"{layer.description}; {layer.sign}" if layer.sign else layer.description
    return Band(name, values, style, note, shown.like)


def read_band(product: Product, band: int, shape: tuple[int, int], layer: Layer) -> Floats:
    """Read a band with a number of rows and columns, made fewer as the overviews of the layer are."""
    path = product.path
    with WORDS.about(path):
        kinds = product.dtypes
        if band > len(kinds):
            raise UsageError(f"{path} is not a product.", f"It has no band {band}.", MAKE_AGAIN)
        if kinds[band - 1].startswith("complex"):
            raise UsageError(f"{path} is not a product.", "It holds complex numbers.", MAKE_AGAIN)
        return product.read_floats(band, out_shape=shape, resampling=Resampling[layer.overviews])


def in_small_units(metres: Floats, style: Style) -> tuple[Floats, Style]:
    """Return the metres as millimetres or centimetres, to a tenth of a millimetre."""
    finite = np.abs(metres[np.isfinite(metres)])
    large = finite.size and np.percentile(finite, 99.5) >= _CENTIMETRES_FROM
    unit, factor, decimals = ("cm", 100.0, 2) if large else ("mm", 1000.0, 1)
    return metres.astype(np.float64) * factor, replace(style, unit=unit, decimals=decimals)


def reference_point(tags: Mapping[str, str]) -> tuple[float, float] | None:
    """Return the longitude and latitude to which displacement is relative, from the tags of a product."""
    try:
        lon, lat = (float(number) for number in tags.get("reference_point", "").split(","))
    except ValueError:
        return None
    return lon, lat


def tagged_number(tags: Mapping[str, str], name: str) -> float | None:
    """Return the number that a tag of a product holds; None where it holds none."""
    try:
        number = float(tags.get(name, ""))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def days(tags: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the days of both acquisitions, as far as the products tell."""
    first, second = tags.get("reference_date"), tags.get("secondary_date")
    return (first[:10], second[:10]) if first and second else None


def facts_of(grid: Grid, tags: Mapping[str, str], reference: tuple[float, float] | None) -> list[tuple[str, str]]:
    """Tell what a reader wants to know of the run, as names and texts."""
    point = f"{reference[0]:.5f}, {reference[1]:.5f} (lon, lat)" if reference else None
    dates = {name: _time(tags[f"{name}_date"]) for name in ("reference", "secondary") if f"{name}_date" in tags}
    wavelength, baseline = tags.get("wavelength_m"), tags.get("perpendicular_baseline_m")
    facts = {
        "Reference date": dates.get("reference"),
        "Secondary date": dates.get("secondary"),
        "Reference point": point or (None if "reference" in tags else "none"),
        "Relative to": tags.get("reference"),
        "Perpendicular baseline": f"{baseline} m" if baseline else None,
        "Wavelength": f"{wavelength} m" if wavelength else None,
        "Looks, range x azimuth": tags.get("looks"),
        "Grid": f"{grid.title}, {grid.width} x {grid.height} pixels of {_posting(grid)}",
        "Engine": tags.get("engine"),
        "dinsar": tags.get("version"),
    }
    return [(name, text) for name, text in facts.items() if text]


def _time(stamp: str) -> str:
    """2023-09-04 06:37:14 UTC, from a time as the tags have it."""
    return f"{stamp[:10]} {stamp[11:19]} UTC".replace("  ", " ") if len(stamp) > 10 else stamp


def _posting(grid: Grid) -> str:
    across, along = (grid.posting * metres for metres in grid.metres_per_unit)
    if grid.is_geographic:
        return f"{grid.posting * 3600:.3g}\u2033 ({along:.0f} m)"
    odd = max(abs(across / grid.posting - 1), abs(along / grid.posting - 1)) > ODD_METRES
    return f"{grid.posting:g} m" + (f" ({across:.3g} x {along:.3g} m on the ground)" if odd else "")


def file_row(path: Path, base: Path, layer: Layer | None) -> dict[str, str]:
    """Return a row of the list of files."""
    return {
        "name": path.name,
        "link": link(path, base),
        "size": human_bytes(path.stat().st_size),
        "unit": layer.unit if layer and layer.unit != "1" else "",
        "description": layer.description if layer else "",
    }


def link(path: Path, base: Path) -> str:
    """Return the relative address of a file in a page in a folder.

    It starts with a dot, so no name looks like a scheme.
    """
    return quote(f"./{Path(os.path.relpath(path.resolve(), base.resolve())).as_posix()}")
