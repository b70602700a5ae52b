"""The phase of a pair as MintPy gets it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from dinsar_cli.formats.mintpy import nonzero
from dinsar_cli.timeseries.maps.pair_maps import PairMaps


def phase_of(maps: PairMaps, number: int) -> NDArray[Any]:
    """Return the phase of a pair, radians, positive away from the satellite, relative to the place of all."""
    grid = maps.grid
    los = maps.layers[number].los(Window(0, 0, grid.width, grid.height)) - np.float32(maps.zero[number])
    return nonzero(los * np.float32(-4 * np.pi / maps.wavelength)).astype(np.float32)
