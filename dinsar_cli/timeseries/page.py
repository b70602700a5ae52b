"""The page of a series: maps of velocity and what else there is, and the curve of the cell under the cursor."""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.base.files import write_text
from dinsar_cli.drawing.web_map import scale_limits
from dinsar_cli.products.reader import Product
from dinsar_cli.report.page_layers import page_environment
from dinsar_cli.report.pictures import address_of, picture, thin_map
from dinsar_cli.timeseries.closure_table import PICTURE as CLOSURE_PICTURE
from dinsar_cli.timeseries.date_noise import ON_ENDS
from dinsar_cli.timeseries.date_noise import PICTURE as NOISE_PICTURE
from dinsar_cli.timeseries.layers import CLOSURE_CYCLES, TEMPORAL_COHERENCE, VELOCITY, VELOCITY_SIGMA
from dinsar_cli.timeseries.maps.pair_maps import PairMaps

Floats = NDArray[np.floating[Any]]

PAGE: Final = "series.html"
_MOST: Final = 400  # cells of the longer side that have a curve
_MOST_CODES: Final = 8_000_000  # of all cells and dates: the page has some ten megabytes then
_NO_VALUE: Final = -32768
_STOPS: Final = 9  # of the colours beside a map
_BANDS: Final = {VELOCITY.name: 1e4, VELOCITY_SIGMA.name: 1e4, TEMPORAL_COHERENCE.name: 1e3}
"""Layers whose values are told under the cursor before those of the dates, and what makes whole numbers of them."""
_TENTHS: Final = 1e4  # of a millimetre, in a metre


@dataclass(frozen=True)
class Shown:
    """A layer as the page shows it.

    Attributes
    ----------
    name, title : str
    picture : str
        A ``data:`` address.
    low, high : str
        Ends of the scale, with the unit.
    colours : str
        Of the scale, for CSS.
    words : str
        What it is.
    """

    name: str
    title: str
    picture: str
    low: str
    high: str
    colours: str
    words: str


def write_series_page(folder: Path, maps: PairMaps, record: Mapping[str, Any]) -> Path:
    """Write the page.

    Parameters
    ----------
    folder : Path
        With the layers and pictures of the series.
    maps : PairMaps
    record : mapping
        As in ``series.json``.
    """
    most = max(1, min(_MOST, math.isqrt(_MOST_CODES // (len(maps.dates) + len(_BANDS)))))
    thin: dict[str, Floats] = {}
    ratio = 1.0
    for name in (*_BANDS, *(f"displacement_{day:%Y%m%d}" for day in maps.dates)):
        with Product(folder / f"{name}.tif") as product:
            thin[name], ratio = thin_map(product, most)
    codes = np.stack([_codes(values, _BANDS.get(name, _TENTHS)) for name, values in thin.items()])
    west, south, east, north = maps.grid.bounds
    rows, columns = codes.shape[1:]
    text = (
        page_environment()
        .get_template("series.html.j2")
        .render(
            dates=[day.isoformat() for day in maps.dates],
            days=[(day - maps.dates[0]).days for day in maps.dates],
            record=record,
            rows=rows,
            columns=columns,
            ratio=ratio,
            layers=_layers(folder, record),
            curves=base64.b64encode(zlib.compress(codes.astype("<i2").tobytes(), 4)).decode("ascii"),
            bounds=[west, south, east, north],
            crs=maps.grid.title,
            noise_picture=_embedded(folder / NOISE_PICTURE),
            closure_picture=_embedded(folder / CLOSURE_PICTURE),
            on_ends=ON_ENDS,
        )
    )
    path = folder / PAGE
    write_text(path, text)
    return path


def _codes(values: Floats, scale: float) -> NDArray[np.floating[Any]]:
    scaled = np.clip(np.rint(values * scale), -32767, 32767)
    return np.where(np.isfinite(scaled), scaled, _NO_VALUE)


def _embedded(path: Path) -> str | None:
    return address_of(path.read_bytes()) if path.is_file() else None


def _layers(folder: Path, record: Mapping[str, Any]) -> list[Shown]:
    """Return the layers that can be chosen."""
    toward = "Red toward the satellite, blue away from it"
    some: list[tuple[str, str, str, float, str, str]] = [
        (VELOCITY.name, "Velocity", "RdBu_r", 1e3, " mm/yr", toward),
        (
            VELOCITY_SIGMA.name,
            "Its standard deviation",
            "viridis",
            1e3,
            " mm/yr",
            "Yellow is where it is known least",
        ),
        (TEMPORAL_COHERENCE.name, "Temporal coherence", "gray", 1.0, "", "White is where dates explain all pairs"),
    ]
    for day in record["steps"]:
        name = f"step_{day.replace('-', '')}"
        some.append((name, f"Jump at {day}", "RdBu_r", 1e3, " mm", toward))
    if record["closure"]["cells_open"]:
        words = "Triangles of dates that do not close by whole cycles, before the repair"
        some.append((CLOSURE_CYCLES.name, "Triangles that do not close", "magma", 1.0, "", words))
    return [_shown(folder, *one) for one in some]


def _shown(folder: Path, name: str, title: str, colours: str, scale: float, unit: str, words: str) -> Shown:
    with Product(folder / f"{name}.tif") as product:
        values, ratio = thin_map(product, _MOST)
    values = values * scale
    signed = colours == "RdBu_r"
    limits = scale_limits(values[np.isfinite(values)], symmetric=signed)
    if name == CLOSURE_CYCLES.name:
        limits = (0.0, float(np.nanmax(values, initial=1.0)))
    ends = [f"{value:+g}" if signed else f"{value:g}" for value in limits]
    low, high = (f"{end}{unit}".replace("-", "\u2212") for end in ends)
    return Shown(
        name, title, picture(values, colours, limits, ratio, most=_MOST), low, high, _gradient(colours), words
    )


def _gradient(colours: str) -> str:
    import matplotlib as mpl

    stops = mpl.colormaps[colours](np.linspace(0, 1, _STOPS))
    return ", ".join("#" + "".join(f"{round(255 * part):02x}" for part in stop[:3]) for stop in stops)
