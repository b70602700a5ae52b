"""Opening of rasters that may have no place on the Earth, from several threads."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

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
    import warnings

    import rasterio
    from rasterio.errors import NotGeoreferencedWarning

    with _OPENING, warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        return rasterio.open(path, **options)
