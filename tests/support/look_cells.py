"""Whether look cells are where the layers of an interferogram have them."""

from __future__ import annotations

import numpy as np

from dinsar_cli.radar.geometry import geodetic_to_cartesian, zero_doppler
from dinsar_cli.radar.interferogram import Interferogram
from dinsar_cli.radar.visibility import RadarCells


def misplaced(made: Interferogram, cells: RadarCells) -> float:
    """How far cells are from where the positions of the layers are seen, at most, in cells."""
    latitude, longitude, height = (made.layer(name).read() for name in ("latitude", "longitude", "height"))
    assert latitude.shape == (cells.lines, cells.samples)
    known = np.flatnonzero(np.isfinite(latitude))
    line, sample = np.unravel_index(known[:: max(1, len(known) // 500)], latitude.shape)
    place = line, sample
    point = geodetic_to_cartesian(longitude[place], latitude[place], height[place].astype(float))
    time, slant_range = zero_doppler(cells.orbit, point, cells.first_time)
    lines = (time - cells.first_time) / cells.time_step - line
    samples = (slant_range - cells.near_range) / cells.range_step - sample
    return float(max(np.abs(lines).max(), np.abs(samples).max()))
