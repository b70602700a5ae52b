"""Rasters: opened though they may have no place on the Earth, from several threads; and what an overview tells."""

from __future__ import annotations

import stat
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio import DatasetReader
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
