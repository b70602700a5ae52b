"""Values of a map at points."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pyproj import Geod
from rasterio.errors import RasterioError

from dinsar_cli.extraction.cells import Around, as_floats, read_around, read_cells
from dinsar_cli.extraction.source import LABELS, NONE, Band, Cells, Doubles, Source
from dinsar_cli.extraction.sources import unreadable
from dinsar_cli.products.flags import FLAG_WORDS, NO_PHASE, flags_in_words
from dinsar_cli.timeseries.layers import SERIES_FLAG_WORDS

Array = NDArray[Any]

OK: Final = "ok"
OUTSIDE: Final = "outside the map"
NO_DATA: Final = "no data"
OTHER_COMPONENT: Final = "other component than the reference"
_WORDS = {"flags": FLAG_WORDS, "series_flags": SERIES_FLAG_WORDS}
_ELLIPSOID = Geod(ellps="WGS84")


def values_at(source: Source, lonlat: Doubles, around: Around | None = None) -> dict[str, Array]:
    """Return the values of all layers of a map at points.

    Parameters
    ----------
    source : Source
    lonlat : ndarray, shape (n, 2)
        Degrees.
    around : Around, optional
        Cells around that of each point whose median and scatter are wanted too.

    Returns
    -------
    dict of str to ndarray
        Columns of length n: those of the map in their unit, NaN or `NONE` where there is nothing; the words of
        flags, the distance to the reference, and ``status``, which says why there is no value to be relied on.

    Raises
    ------
    UsageError
        When a layer cannot be read.
    """
    row, column, on = source.cells(lonlat)
    table = read_bands(source, row, column, on)
    status = status_of(source, table, on)
    if around is not None:
        table |= _around(source, row, column, on, table, around)
    for name, words in _WORDS.items():
        if name in table:
            told = flags_in_words(np.where(table[name] == NONE, NO_PHASE, table[name]), words)
            told[~on] = None
            table[f"{name}_words"] = told
    if source.reference is not None:
        table["distance_to_reference_m"] = _distance(lonlat, source.reference)
    table["status"] = status
    return table


def read_bands(
    source: Source, row: Cells, column: Cells, on: NDArray[np.bool_], bands: Mapping[str, Band] | None = None
) -> dict[str, Array]:
    """Return the columns of a map, or some of them, at cells, of which those that are ``on`` lie on it."""
    chosen = source.bands if bands is None else bands
    by_path: dict[Path, list[tuple[str, Band]]] = {}
    for name, band in chosen.items():
        by_path.setdefault(band.path, []).append((name, band))
    found: dict[str, Array] = {}
    for path, wanted in by_path.items():
        try:
            values, nodata = read_cells(path, row[on], column[on])
        except RasterioError as error:
            raise unreadable(path, error) from error
        for name, band in wanted:
            found[name] = _column(name, values[band.band - 1], nodata, band.scale, on)
    return {name: found[name] for name in chosen}


def _column(name: str, values: Array, nodata: float | None, scale: float, on: NDArray[np.bool_]) -> Array:
    if name in LABELS:
        labels = np.full(on.size, NONE, np.int64)
        labels[on] = values
        if nodata is not None and name != "component":  # whose 0 says that there is none
            labels[labels == int(nodata)] = NONE
        return labels
    known = as_floats(values, nodata)
    result = np.full(on.size, np.nan, known.dtype)
    result[on] = known if scale == 1 else known * known.dtype.type(scale)
    return result


def status_of(source: Source, table: dict[str, Array], on: NDArray[np.bool_]) -> Array:
    """Say of each place whether its value can be relied on, and why not."""
    status = np.full(on.size, OK, object)
    if source.component is not None and "component" in table:
        labels = table["component"]
        status[(labels > 0) & (labels != source.component)] = OTHER_COMPONENT
    status[~np.isfinite(table[source.main])] = NO_DATA
    status[~on] = OUTSIDE
    return status


def _around(
    source: Source, row: Cells, column: Cells, on: NDArray[np.bool_], table: dict[str, Array], around: Around
) -> dict[str, Array]:
    """Return median, scatter and number of the cells around places, of the component of the place."""
    keep = None
    if "component" in table:
        keep = source.bands["component"].path, table["component"][on]
    result: dict[str, Array] = {}
    for number, motion in enumerate(source.motions):
        band = source.bands[motion]
        try:
            found = read_around(band.path, row[on], column[on], around, keep)
        except RasterioError as error:
            raise unreadable(band.path, error) from error
        median, scatter = np.full(on.size, np.nan), np.full(on.size, np.nan)
        median[on], scatter[on] = found.median * band.scale, found.scatter * abs(band.scale)
        count = np.full(on.size, NONE, np.int64)
        count[on] = found.cells
        before = f"{motion.removesuffix('_m')}_" if number else ""
        unit = "_m" if motion.endswith("_m") else ""
        result |= {f"{before}window_median{unit}": median, f"{before}window_scatter{unit}": scatter}
        result[f"{before}window_cells"] = count
    return result


def _distance(lonlat: Doubles, reference: tuple[float, float]) -> Doubles:
    """Return the metres on the ellipsoid from each place to the reference."""
    size = len(lonlat)
    metres = _ELLIPSOID.inv(np.full(size, reference[0]), np.full(size, reference[1]), lonlat[:, 0], lonlat[:, 1])[2]
    return np.asarray(metres, np.float64).round(2)
