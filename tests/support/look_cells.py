"""Whether look cells are where the layers of an interferogram have them."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from dinsar_cli.radar.geometry import Orbit, geodetic_to_cartesian, zero_doppler
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


_RADIUS, _RATE = 7.07e6, 1.06e-3  # m, rad/s: about those of Sentinel-1


def equator_cells(lines: int, samples: int, step: float = 5.0) -> RadarCells:
    """Cells on the equator, which a satellite on its way to the north sees to the east of its track.

    Their ranges are `step` metres apart.
    """
    time = np.arange(-100.0, 101.0, 10.0)
    place = np.stack([_RADIUS * np.cos(_RATE * time), 0 * time, _RADIUS * np.sin(_RATE * time)], axis=-1)
    orbit = Orbit.fit(datetime(2023, 9, 4, tzinfo=UTC), time, place)
    return RadarCells(orbit, -0.003, 0.003, 850e3, step, lines, samples)
