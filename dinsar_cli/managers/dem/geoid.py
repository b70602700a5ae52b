"""Geoids of the elevation models in archives: how high they are above the WGS84 ellipsoid."""

from __future__ import annotations

import json
import logging
import math
import os
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio import Affine
from rasterio.errors import RasterioError

from dinsar_cli.base.file_notes import NOTES, note_of, prove
from dinsar_cli.base.files import atomic_path, make_folder, sha256, turn_at
from dinsar_cli.base.memory import RASTER_CACHE_BYTES
from dinsar_cli.base.rasters import writing_raster
from dinsar_cli.errors import NetworkError, NoDataError
from dinsar_cli.geo.antimeridian import middle_of
from dinsar_cli.geo.grid import Bounds
from dinsar_cli.geo.heights.dem_file import column_pieces, is_endless, turn_beside
from dinsar_cli.net.limits import TRIES, network_limits

logger = logging.getLogger(__name__)

GEOIDS = {"egm_08": "EGM2008", "egm_96": "EGM96", "geoid_18": "GEOID18"}
"""Geoids by dem_stitcher's names, with the ones for people."""

_MARGIN = 4  # samples around the bounds, for the cubic interpolation
_PIECE = 5  # degrees along each side of what is transferred and kept: about what is one block of EGM2008
_PLACE = "PLACE"  # tag of a piece: the raster that it is of, and its first column and row there
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
    """Read a geoid around some bounds; of one that is not on this machine only the part is transferred, and kept.

    What is kept are pieces that all areas share. The whole EGM2008 of one arc-minute has some 400 MB, of which an
    area needs less than one.

    Parameters
    ----------
    geoid : str
        One of `GEOIDS`.
    bounds : tuple of float
        West, south, east, north (degrees).
    folder : Path
        Where transferred pieces are kept.

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
        part = _read_piece(place, (west, south, east, north)).undulation
    else:
        part = _kept_part(place, geoid, (west, south, east, north), folder)
    _check(part, geoid, bounds)
    return part


def _kept_part(place: str, geoid: str, bounds: tuple[int, int, int, int], folder: Path) -> Undulation:
    """Put a part of a remote raster together from the pieces of it that are kept; what lacks is transferred.

    Pieces are the same for all areas, and know their place in the raster: the part does not depend on which of them
    were there before.
    """
    paths = {box: folder / f"{geoid}_{'_'.join(str(edge) for edge in box)}.tif" for box in _boxes(bounds)}
    pieces = {box: _read_kept(path) for box, path in paths.items()}
    known = [piece.raster for piece in pieces.values() if piece is not None]
    if len(set(known)) > 1:  # the raster was replaced by another one in between
        pieces, known = dict.fromkeys(paths), []
    make_folder(folder)
    return _joined([piece or _got(place, geoid, box, paths[box], known) for box, piece in pieces.items()], bounds)


def _boxes(bounds: tuple[int, int, int, int]) -> list[tuple[int, int, int, int]]:
    """Return the pieces that some bounds are in; each has a margin of its own."""
    columns, rows = (
        range(math.floor(first / _PIECE) * _PIECE, last, _PIECE)
        for first, last in ((bounds[0], bounds[2]), (bounds[1], bounds[3]))
    )
    return [(west, south, west + _PIECE, south + _PIECE) for south in rows for west in columns]


def _got(place: str, geoid: str, box: tuple[int, int, int, int], path: Path, known: list[_Raster]) -> _Piece:
    """Transfer a piece and keep it, unless another process has done so just now."""
    with turn_at(path):
        piece = _read_kept(path)
        if piece is None or (known and piece.raster != known[0]):
            piece = _transfer(place, geoid, box)
            _keep(piece, path)
    return piece


@dataclass(frozen=True)
class _Raster:
    """Lattice of the samples of a geoid: edge and step eastward, edge and step northward, and its rows."""

    west: float
    dx: float
    north: float
    dy: float
    rows: int

    def around(self, bounds: Bounds) -> tuple[int, int, int, int]:
        """Return first and last column and row, half-open, of the samples around some bounds."""
        west, south, east, north = bounds
        left, right = math.floor((west - self.west) / self.dx), math.ceil((east - self.west) / self.dx)
        top, bottom = math.floor((north - self.north) / self.dy), math.ceil((south - self.north) / self.dy)
        return left - _MARGIN, right + _MARGIN, max(top - _MARGIN, 0), min(bottom + _MARGIN, self.rows)


@dataclass(frozen=True, eq=False)
class _Piece:
    """Samples of a geoid, north to south, from a column and a row on."""

    raster: _Raster
    left: int
    top: int
    height: NDArray[np.float64]

    @property
    def undulation(self) -> Undulation:
        """What they are and where."""
        rows, columns = self.height.shape
        longitude = self.raster.west + self.raster.dx * (np.arange(self.left, self.left + columns) + 0.5)
        latitude = self.raster.north + self.raster.dy * (np.arange(self.top, self.top + rows) + 0.5)
        return Undulation(longitude, latitude[::-1], self.height[::-1])


def _joined(pieces: list[_Piece], bounds: Bounds) -> Undulation:
    """Put pieces beside each other; what none of them has is NaN."""
    left, right, top, bottom = pieces[0].raster.around(bounds)
    height = np.full((max(bottom - top, 0), max(right - left, 0)), np.nan)
    for piece in pieces:
        rows, columns = piece.height.shape
        first, last = max(piece.top, top), min(piece.top + rows, bottom)
        start, stop = max(piece.left, left), min(piece.left + columns, right)
        if first < last and start < stop:
            height[first - top : last - top, start - left : stop - left] = piece.height[
                first - piece.top : last - piece.top, start - piece.left : stop - piece.left
            ]
    return _Piece(pieces[0].raster, left, top, height).undulation


def _read_piece(place: str, bounds: Bounds) -> _Piece:
    """Read the samples of a raster around some bounds; one of the whole Earth has no end."""
    with rasterio.open(place) as dataset:
        a, _, c, _, e, f = dataset.transform[:6]
        c += 0.0 if is_endless(dataset) else turn_beside(dataset, middle_of(bounds))
        raster = _Raster(c, a, f, e, dataset.height)
        left, right, top, bottom = raster.around(bounds)
        pieces = list(column_pieces(dataset, left, right))
        if not pieces or top >= bottom:
            return _Piece(raster, left, top, np.full((0, 0), np.nan))
        bands = [dataset.read(1, window=((top, bottom), (start, stop)), masked=True) for _, start, stop in pieces]
    height = np.concatenate([band.astype(np.float64).filled(np.nan) for band in bands], axis=1)
    return _Piece(raster, pieces[0][0], top, height)


def _transfer(place: str, geoid: str, bounds: Bounds) -> _Piece:
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
            return _read_piece(f"/vsicurl/{place}", bounds)
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


def _keep(piece: _Piece, path: Path) -> None:
    if 0 in piece.height.shape:
        return  # the raster ends before: there is nothing to keep
    raster = piece.raster
    profile = {
        "driver": "GTiff", "dtype": "float64", "count": 1, "crs": "EPSG:4326", "nodata": math.nan,
        "height": piece.height.shape[0], "width": piece.height.shape[1],
        "transform": Affine(
            raster.dx, 0.0, raster.west + piece.left * raster.dx,
            0.0, raster.dy, raster.north + piece.top * raster.dy,
        ),
    }  # fmt: skip
    place = json.dumps([*astuple(raster), piece.left, piece.top])
    with atomic_path(path) as unfinished, writing_raster(unfinished, **profile) as target:
        target.write(piece.height, 1)
        target.update_tags(**{_PLACE: place})
    note_of(path, path.parent / NOTES, sha256=sha256(path))


def _read_kept(path: Path) -> _Piece | None:
    """Read a kept piece; None when there is none, it is damaged, or an earlier release kept it for one area."""
    if not path.is_file():
        return None
    try:
        if prove(path):
            with rasterio.open(path) as dataset:
                *raster, left, top = json.loads(dataset.tags().get(_PLACE, "[0, 0]"))
                return _Piece(_Raster(*raster), left, top, dataset.read(1)) if raster else None
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
