"""The page of a series: the map of velocity, and the curve of the cell under the cursor."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from dinsar_cli.base.files import write_text
from dinsar_cli.drawing.web_map import scale_limits
from dinsar_cli.products.reader import Product
from dinsar_cli.report.page_layers import page_environment
from dinsar_cli.report.pictures import picture, thin_map
from dinsar_cli.timeseries.pair_maps import PairMaps

PAGE: Final = "series.html"
_MOST: Final = 400  # cells of the longer side that have a curve
_NO_VALUE: Final = -32768
_TENTHS: Final = 1e4  # of a millimetre, in a metre
_LIKE_NOTHING: Final = 1e-4


def write_series_page(folder: Path, maps: PairMaps, record: Mapping[str, Any]) -> Path:
    """Write the page.

    Parameters
    ----------
    folder : Path
        With the layers of the series.
    maps : PairMaps
    record : mapping
        As in ``series.json``.
    """
    thin: dict[str, tuple[np.ndarray[Any, Any], float]] = {}
    names = ["velocity", "velocity_sigma", *(f"displacement_{day:%Y%m%d}" for day in maps.dates)]
    for name in names:
        with Product(folder / f"{name}.tif") as product:
            thin[name] = thin_map(product, _MOST)
    velocity, ratio = thin["velocity"]
    known = velocity[np.isfinite(velocity)]
    limits = scale_limits(known, symmetric=True) if known.size else (-_LIKE_NOTHING, _LIKE_NOTHING)
    curves = np.stack([thin[name][0] for name in names[1:]])
    codes = np.where(np.isfinite(curves), np.clip(np.rint(curves * _TENTHS), -32767, 32767), _NO_VALUE)
    packed = base64.b64encode(zlib.compress(codes.astype("<i2").tobytes(), 4)).decode("ascii")
    west, south, east, north = maps.grid.bounds
    text = (
        page_environment()
        .get_template("series.html.j2")
        .render(
            dates=[day.isoformat() for day in maps.dates],
            days=[(day - maps.dates[0]).days for day in maps.dates],
            record=record,
            rows=velocity.shape[0],
            columns=velocity.shape[1],
            ratio=ratio,
            picture=picture(velocity, "RdBu_r", limits, ratio, most=_MOST),
            limits=[f"{1e3 * value:+.1f}" for value in limits],
            curves=packed,
            bounds=[west, south, east, north],
            crs=maps.grid.crs,
        )
    )
    path = folder / PAGE
    write_text(path, text)
    return path
