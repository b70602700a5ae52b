"""DEM files as they are given: opened, checked for a place on Earth and for metres, read as heights."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from pyproj import CRS
from rasterio.errors import RasterioIOError

from dinsar_cli.base.memory import RASTER_CACHE_BYTES
from dinsar_cli.base.rasters import open_raster
from dinsar_cli.base.system import is_short_of_memory
from dinsar_cli.base.user_files import sentence
from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.geo.antimeridian import near

HEIGHT_LIMITS_M = (-500.0, 9000.0)
"""What is not within is no height but a void."""

EDGE_TOLERANCE = 1e-6
"""Pixels: bounds on a pixel's edge do not ask for the next pixel."""


_METRES = ("", "m", "metre", "metres", "meter", "meters")


@contextmanager
def open_dem(path: Path) -> Iterator[Any]:
    """Open a raster for reading with a small block cache and with the vertical CRS of old GeoTIFFs.

    Raises
    ------
    UsageError
        If it is missing or not a raster.
    """
    with rasterio.Env(GTIFF_REPORT_COMPD_CS="YES", GDAL_CACHEMAX=RASTER_CACHE_BYTES):
        try:
            dataset = open_raster(path)  # what has no place is refused with an explanation by check_layout
        except RasterioIOError as error:
            raise UsageError(
                f"The DEM {path} cannot be opened.",
                sentence(str(error)) if path.exists() else "There is no such file.",
                "Give --dem a raster file with heights, for example a GeoTIFF.",
            ) from error
        with dataset:
            yield dataset


def check_layout(dataset: Any, path: Path) -> None:
    """Refuse rasters without a place on Earth, and bands that are not heights in metres.

    Raises
    ------
    UsageError
        If it is one of them.
    """
    problem = f"The DEM {path} cannot be used."
    a, b, _, d, e = dataset.transform[:5]
    dtype, unit = dataset.dtypes[0], dataset.units[0] or ""
    if dataset.crs is None:
        raise UsageError(
            problem, "It has no CRS.", "Write it into the file: gdal_edit -a_srs EPSG:4326 (if that is what it is)."
        )
    if dataset.transform.is_identity or b or d or a <= 0 or e >= 0:
        raise UsageError(
            problem, f"Its transform is missing, rotated or not north-up: {dataset.transform[:6]}.", "Use gdalwarp."
        )
    if dtype.startswith("complex"):
        raise UsageError(problem, f"Its pixels are {dtype}, not heights.", "Give --dem a raster with heights.")
    if unit.strip().lower() not in _METRES:
        raise UsageError(
            problem, f"Its unit is {unit!r}; heights must be in metres.", "Convert it, for example with gdal_calc."
        )


def read_crs(dataset: Any, path: Path) -> CRS:
    """Return the CRS of a raster.

    Raises
    ------
    UsageError
        If it is neither geographic nor projected.
    """
    crs = CRS.from_wkt(dataset.crs.to_wkt(version="WKT2_2019"))
    horizontal = crs.to_2d()
    if not (horizontal.is_geographic or horizontal.is_projected):
        raise UsageError(
            f"The DEM {path} cannot be used.",
            f"Its CRS {crs.name!r} is neither geographic nor projected.",
            "Write the right CRS into the file with gdal_edit -a_srs.",
        )
    return crs


def is_wgs84(crs: CRS) -> bool:
    """Tell whether the horizontal CRS is EPSG:4326, whatever the order of its axes."""
    horizontal = crs.to_2d()
    return horizontal.to_epsg() == 4326 or horizontal.equals(CRS.from_epsg(4326), ignore_axis_order=True)


def pixel_range(
    first: float, last: float, origin: float, step: float, count: int, margin: int = 0
) -> tuple[int, int]:
    """Return the half-open range of pixels that covers `first` to `last`, as far as there are pixels."""
    start = math.floor((first - origin) / step + EDGE_TOLERANCE) - margin
    stop = math.ceil((last - origin) / step - EDGE_TOLERANCE) + margin
    return max(start, 0), min(stop, count)


def is_endless(dataset: Any) -> bool:
    """Tell whether a raster in longitude and latitude goes around the Earth.

    After its last column comes its first.
    """
    return bool(dataset.width * dataset.transform.a >= 360.0 - dataset.transform.a / 2)


def turn_beside(dataset: Any, middle: float) -> float:
    """Degrees, whole turns, to add to the longitudes of a raster so that it lies beside another longitude."""
    left, _, right, _ = dataset.bounds
    own = (left + right) / 2
    return float(near(own, middle) - own)


def column_pieces(dataset: Any, first: int, last: int) -> Iterator[tuple[int, int, int]]:
    """Yield the columns of a raster in longitude and latitude in a range, west to east.

    Parameters
    ----------
    dataset : rasterio dataset
    first, last : int
        Half-open range, counted from the first column of the raster; beyond the last one of a raster that goes
        around the Earth comes its first.

    Yields
    ------
    column, start, stop : int
        Columns `start` to `stop` of the raster are those from `column` on of the range.
    """
    if is_endless(dataset):
        turn = round(360.0 / dataset.transform.a)
        while first < last:
            start = first % turn
            stop = min(start + last - first, turn)
            yield first, start, stop
            first += stop - start
    elif max(first, 0) < min(last, dataset.width):
        yield max(first, 0), max(first, 0), min(last, dataset.width)


def read_heights(dataset: Any, window: Any, path: Path) -> NDArray[np.float32]:
    """Read heights (m) with NaN where there is none.

    Raises
    ------
    NoDataError
        If the file is damaged.
    """
    try:
        band = dataset.read(1, window=window, masked=True)
    except RasterioIOError as error:
        if any(is_short_of_memory(one) for one in (error, error.__cause__) if one is not None):
            raise MemoryError(f"There is not enough of it to read {path}") from error
        raise NoDataError(f"The DEM {path} is damaged.", f"{error}.", "Fetch or make the file again.") from error
    heights: NDArray[np.float32] = band.data.astype(np.float32)
    scale, offset = dataset.scales[0], dataset.offsets[0]
    if (scale, offset) != (1.0, 0.0):
        heights = (heights * scale + offset).astype(np.float32)
    low, high = HEIGHT_LIMITS_M
    # "not within" rather than "outside", so that NaN and infinity are voids too.
    heights[np.ma.getmaskarray(band) | ~((heights >= low) & (heights <= high))] = np.nan
    return heights
