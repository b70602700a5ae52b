"""Geoids of the elevation models in archives: how high they are above the WGS84 ellipsoid."""

from __future__ import annotations

import logging
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.transform import from_origin

from dinsar_cli.base.file_notes import NOTES, note_of, prove
from dinsar_cli.base.files import atomic_path, make_folder, sha256
from dinsar_cli.base.memory import RASTER_CACHE_BYTES
from dinsar_cli.base.rasters import writing_raster
from dinsar_cli.errors import NetworkError, NoDataError
from dinsar_cli.geo.antimeridian import middle_of
from dinsar_cli.geo.dem_file import column_pieces, is_endless, turn_beside
from dinsar_cli.geo.grid import Bounds
from dinsar_cli.net.limits import TRIES, network_limits

logger = logging.getLogger(__name__)

GEOIDS = {"egm_08": "EGM2008", "egm_96": "EGM96", "geoid_18": "GEOID18"}
"""Geoids by dem_stitcher's names, with the ones for people."""

_MARGIN = 4  # samples around the bounds, for the cubic interpolation
_CA_FILES = ("GDAL_CURL_CA_BUNDLE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")


@dataclass(frozen=True, eq=False)
class Undulation:
    """Height of a geoid above the ellipsoid on a grid around some bounds.

    Attributes
    ----------
    longitude : ndarray, shape (columns,)
        Increasing (degrees).
    latitude : ndarray, shape (rows,)
        Increasing (degrees).
    height : ndarray, shape (rows, columns)
        Metres.
    """

    longitude: NDArray[np.float64]
    latitude: NDArray[np.float64]
    height: NDArray[np.float64]

    def add_to(
        self, heights: NDArray[np.float32], longitude: NDArray[np.float64], latitude: NDArray[np.float64]
    ) -> None:
        """Turn heights above the geoid into heights above the ellipsoid in place: h = H + N, N by cubic splines.

        Parameters
        ----------
        heights : ndarray, shape (rows, columns)
            Metres; NaN stays.
        longitude, latitude : ndarray, shape (columns,) and (rows,)
            Of the pixel centres; latitudes decrease.
        """
        from scipy.interpolate import RectBivariateSpline

        spline = RectBivariateSpline(self.latitude, self.longitude, self.height)
        for first in range(0, len(heights), 256):  # the spline gives float64
            rows = slice(first, first + 256)
            heights[rows] += spline(latitude[rows][::-1], longitude)[::-1]


def read_undulation(geoid: str, bounds: Bounds, folder: Path) -> Undulation:
    """Read a geoid around some bounds; of one that is not on this machine only that part is transferred, and kept.

    The whole EGM2008 of one arc-minute has some 400 MB, of which an area needs less than one.

    Parameters
    ----------
    geoid : str
        One of `GEOIDS`.
    bounds : tuple of float
        West, south, east, north (degrees).
    folder : Path
        Where transferred parts are kept.

    Raises
    ------
    NetworkError
        If its host does not give it.
    NoDataError
        If it does not cover the bounds.
    """
    from dem_stitcher.geoid import get_geoid_dict

    place = str(get_geoid_dict()[geoid])
    west, south, east, north = (
        math.floor(bounds[0]), math.floor(bounds[1]), math.ceil(bounds[2]), math.ceil(bounds[3])
    )  # fmt: skip
    if not place.startswith("https://"):
        part = _read_part(place, (west, south, east, north))
    else:
        part = _kept_part(place, geoid, (west, south, east, north), folder)
    _check(part, geoid, bounds)
    return part


def _kept_part(place: str, geoid: str, bounds: tuple[int, int, int, int], folder: Path) -> Undulation:
    """Read a part of a remote raster where it is kept, after transferring it if need be."""
    path = folder / f"{geoid}_{'_'.join(str(edge) for edge in bounds)}.tif"
    kept = _read_kept(path)
    if kept is None:
        kept = _transfer(place, geoid, bounds)
        _keep(kept, path)
    return kept


def _read_part(place: str, bounds: Bounds | None) -> Undulation:
    """Read the samples of a raster around some bounds, or all of them; one of the whole Earth has no end."""
    with rasterio.open(place) as dataset:
        a, _, c, _, e, f = dataset.transform[:6]
        left, top, right, bottom = 0, 0, dataset.width, dataset.height
        if bounds is not None:
            west, south, east, north = bounds
            c += 0.0 if is_endless(dataset) else turn_beside(dataset, middle_of(bounds))
            left, right = math.floor((west - c) / a) - _MARGIN, math.ceil((east - c) / a) + _MARGIN
            top, bottom = math.floor((north - f) / e) - _MARGIN, math.ceil((south - f) / e) + _MARGIN
            top, bottom = max(top, 0), min(bottom, dataset.height)
        pieces = list(column_pieces(dataset, left, right))
        height: NDArray[np.float64] = np.full((0, 0), np.nan)
        if pieces and top < bottom:
            bands = [
                dataset.read(1, window=((top, bottom), (start, stop)), masked=True) for _, start, stop in pieces
            ]
            height = np.concatenate([band.astype(np.float64).filled(np.nan) for band in bands], axis=1)
            left, right = pieces[0][0], pieces[0][0] + height.shape[1]
    longitude = c + a * (np.arange(left, max(right, left)) + 0.5)
    latitude = f + e * (np.arange(top, max(bottom, top)) + 0.5)
    return Undulation(longitude, latitude[::-1], height[::-1])


def _transfer(place: str, geoid: str, bounds: Bounds) -> Undulation:
    """Read a part of a remote raster: GDAL asks for the ranges of bytes that it needs."""
    limits = network_limits()
    stall = math.ceil(limits.stall)  # GDAL takes whole seconds
    options: dict[str, Any] = {
        "GDAL_HTTP_MAX_RETRY": TRIES - 1,
        "GDAL_HTTP_RETRY_DELAY": limits.stall / 60,
        "GDAL_HTTP_CONNECTTIMEOUT": math.ceil(limits.connect),
        "GDAL_HTTP_TIMEOUT": 2 * stall,
        "GDAL_HTTP_LOW_SPEED_TIME": stall,
        "GDAL_HTTP_LOW_SPEED_LIMIT": 1,
        "CPL_VSIL_CURL_USE_HEAD": "NO",
        "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
        "GDAL_CACHEMAX": RASTER_CACHE_BYTES,
    }
    # The GDAL in rasterio's wheels looks for certificates where no other program does.
    certificates = next((os.environ[name] for name in _CA_FILES if os.environ.get(name)), None)
    if certificates is not None:
        options["GDAL_CURL_CA_BUNDLE"] = certificates
    logger.info("geoid %s: reading %s around %s", GEOIDS[geoid], place, bounds)
    try:
        # With a bare address rasterio would look for Amazon credentials, on the network too.
        with rasterio.Env(**options):
            return _read_part(f"/vsicurl/{place}", bounds)
    except RasterioError as error:
        raise NetworkError(
            f"The geoid {GEOIDS[geoid]} cannot be had, which the heights of the DEM refer to.",
            f"{place}: {_reason(error)}.",
            "Try again later. Or give a DEM of ellipsoidal heights: --dem FILE --dem-datum ellipsoid.",
        ) from error


def _reason(error: BaseException) -> str:
    """Tell what GDAL says of a failure, its own cause first."""
    cause = error.__cause__
    text = " ".join(str(cause if cause is not None else error).split()).rstrip(".")
    if "TIFF" in text or "not recognized as being in a supported" in text:
        return "what came is no whole raster (the connection broke, or something else was sent)"
    return text.partition(" - Failure")[0]


def _keep(part: Undulation, path: Path) -> None:
    make_folder(path.parent)
    dx, dy = part.longitude[1] - part.longitude[0], part.latitude[1] - part.latitude[0]
    profile = {
        "driver": "GTiff", "dtype": "float64", "count": 1, "crs": "EPSG:4326", "nodata": math.nan,
        "height": part.height.shape[0], "width": part.height.shape[1],
        "transform": from_origin(part.longitude[0] - dx / 2, part.latitude[-1] + dy / 2, dx, dy),
    }  # fmt: skip
    with atomic_path(path) as unfinished, writing_raster(unfinished, **profile) as target:
        target.write(np.ascontiguousarray(part.height[::-1]), 1)
    note_of(path, path.parent / NOTES, sha256=sha256(path))


def _read_kept(path: Path) -> Undulation | None:
    """Read a kept part; None when there is none, or it is damaged."""
    if not path.is_file():
        return None
    try:
        if prove(path):
            return _read_part(str(path), None)
    except RasterioError as error:
        logger.info("%s", error)
    logger.warning("%s is damaged and is made again", path)
    return None


def _check(part: Undulation, geoid: str, bounds: Bounds) -> None:
    """Refuse bounds that a geoid does not cover: to go on would be to guess."""
    west, south, east, north = bounds
    enough = min(part.height.shape) > _MARGIN and bool(np.isfinite(part.height).all())
    if enough:
        half = (part.longitude[1] - part.longitude[0]) / 2
        enough = bool(
            part.longitude[0] - half <= west
            and part.longitude[-1] + half >= east
            and part.latitude[0] - half <= south
            and part.latitude[-1] + half >= north
        )
    if not enough:
        raise NoDataError(
            f"The geoid {GEOIDS[geoid]} does not cover the area.",
            f"It has no heights somewhere in W {west:.2f} S {south:.2f} E {east:.2f} N {north:.2f}.",
            "Choose another --dem-source, such as glo_30, or give a DEM with --dem.",
        )
