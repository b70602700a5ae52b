"""Rasters: opened though they may have no place on the Earth, from several threads; and what an overview tells."""

from __future__ import annotations

import errno
import math
import os
import stat
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio import DatasetReader
from rasterio._err import CPLE_BaseError  # GDAL's own errors, as they come from a full disk, have no public name
from rasterio.errors import NotGeoreferencedWarning, RasterioIOError

from dinsar_cli.base.user_files import OddFileError, check_file, head_of, kind_of

_RASTERS = ("is a TIFF", "is a NetCDF", "is a picture", "is a zip", "is a database")
_THINNED = 16  # cells for which one is read where an overview does
_OPENING = threading.Lock()  # filters of warnings are of the whole process


def open_raster(path: Path | str, **options: Any) -> Any:
    """Open a raster as rasterio does, without its warning where there is no georeference.

    Parameters
    ----------
    path : Path or str
        The raster.
    **options
        Of `rasterio.open`.

    Raises
    ------
    rasterio.errors.RasterioError
        When it cannot be opened.
    """
    check_raster(path)
    with _OPENING, warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        try:
            return rasterio.open(path, **options)
        except RasterioIOError as error:
            kind = kind_of(head_of(Path(path))) if _is_local(path) and Path(path).is_file() else ""
            if kind and not kind.startswith(_RASTERS):
                raise RasterioIOError(f"it {kind}") from error
            raise


def check_raster(path: Path | str) -> None:
    """Refuse what GDAL would wait for: pipes and devices.

    Raises
    ------
    rasterio.errors.RasterioIOError
        When it is one.
    """
    if _is_local(path):
        try:
            mode = Path(path).stat().st_mode
        except (OSError, ValueError):  # GDAL says what it cannot open
            return
        if not stat.S_ISDIR(mode):  # some formats are folders
            try:
                check_file(Path(path))
            except OddFileError as error:
                raise RasterioIOError(str(error)) from error


@contextmanager
def writing_raster(path: Path, mode: str = "w", **profile: Any) -> Iterator[Any]:
    """Open a GeoTIFF for writing as rasterio does, and make sure that all of it is in the file.

    What GDAL writes when it closes a file may fail without a word: on a full disk, beyond a limit of size.

    Parameters
    ----------
    path : Path
        To write.
    mode : str
        ``w``, ``w+``, or ``r+`` for one that is there.
    **profile
        Of `rasterio.open`.

    Raises
    ------
    OSError, rasterio.errors.RasterioError
        When not all of it could be written.
    """
    try:
        with rasterio.open(path, mode, **profile) as target:
            yield target
        whole = _has_all_blocks(path)
    except CPLE_BaseError as error:
        raise _not_written(path) from error
    if not whole:
        raise _not_written(path)


def _has_all_blocks(path: Path) -> bool:
    """Tell whether a GeoTIFF can be opened, and all of its blocks lie inside the file."""
    size = path.stat().st_size
    try:
        with open_raster(path) as written:
            return all(0 < first <= first + length <= size for first, length in _blocks(written))
    except RasterioIOError:
        return False


def _blocks(written: DatasetReader) -> Iterator[tuple[int, int]]:
    """Give where each block of a GeoTIFF begins in the file, and its length; zeros for one that is not there."""
    for band, (height, width) in zip(written.indexes, written.block_shapes, strict=True):
        for row in range(math.ceil(written.height / height)):
            for column in range(math.ceil(written.width / width)):
                place = f"{column}_{row}"
                first = written.get_tag_item(f"BLOCK_OFFSET_{place}", "TIFF", bidx=band)
                length = written.get_tag_item(f"BLOCK_SIZE_{place}", "TIFF", bidx=band)
                yield int(first or 0), int(length or 0)


def _not_written(path: Path) -> OSError:
    code, told = errno.ENOSPC, "not all of it could be written"
    if not os.access(path.parent, os.W_OK):
        code, told = errno.EACCES, os.strerror(errno.EACCES)
    return OSError(code, told, str(path))


def _is_local(path: Path | str) -> bool:
    """Tell whether a name is that of a file, not one by which GDAL finds something inside of another."""
    return not str(path).startswith("/vsi")


def mean_direction(vectors: DatasetReader) -> tuple[float, float, float] | None:
    """Mean of unit vectors that change slowly over a map, as an overview tells it; None where none is known.

    Parameters
    ----------
    vectors : DatasetReader
        Of three bands, such as ``los_vector.tif``: east, north, up.
    """
    shape = tuple(max(1, size // _THINNED) for size in vectors.shape)
    values = vectors.read(out_shape=(vectors.count, *shape), masked=True).astype(np.float64).filled(np.nan)
    known = values[:, np.isfinite(values).all(axis=0)]
    mean = known.mean(axis=1) if known.size else np.zeros(3)
    length = float(np.linalg.norm(mean))
    if length == 0:
        return None
    east, north, up = (float(part) / length for part in mean)
    return east, north, up
