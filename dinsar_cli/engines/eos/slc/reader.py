"""Windows of bursts out of the measurement TIFFs."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.windows import Window as RasterWindow

from dinsar_cli.base.rasters import open_raster
from dinsar_cli.engines.eos.slc.mosaic import Window
from dinsar_cli.errors import NoDataError
from dinsar_cli.sentinel1.acquisition import SwathBurst


class SlcReader:
    """Windows of bursts out of the measurement TIFFs, read by several threads."""

    def __init__(self) -> None:
        self._datasets: dict[str, Any] = {}
        self._lock = threading.Lock()

    def read(self, view: SwathBurst, window: Window) -> NDArray[np.complex64]:
        """Return the samples of a burst; `window` counts from its first line and sample.

        Raises
        ------
        NoDataError
            When the file is damaged.
        """
        path = view.subswath.measurement
        lines, samples = window.shape
        first_line = window.top + view.burst.index * view.subswath.lines_per_burst
        try:
            with self._lock:
                if path not in self._datasets:
                    self._datasets[path] = _open_image(path)
                block = self._datasets[path].read(1, window=RasterWindow(window.left, first_line, samples, lines))
        except rasterio.errors.RasterioError as error:
            raise NoDataError(
                f"The image {path} cannot be read.",
                f"Its lines {first_line} to {first_line + lines} are damaged or missing ({error}).",
                "Download the product again; what is already computed is kept.",
            ) from error
        return np.asarray(block, np.complex64)

    def close(self) -> None:
        """Close all files."""
        for dataset in self._datasets.values():
            dataset.close()


def _open_image(path: str) -> Any:
    return open_raster(path)
