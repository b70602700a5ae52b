"""The part of the bursts that is processed: what an area covers on the radar grid, at the heights that it has."""

from __future__ import annotations

import math
from datetime import datetime
from pathlib import Path

from dinsar_cli.engines.base import EngineInputs
from dinsar_cli.engines.eos.interferogram import cell_spacing
from dinsar_cli.engines.eos.phase import goldstein
from dinsar_cli.engines.eos.slc.mosaic import LookGrid, Mosaic, RadarGrid, Window, build_mosaic, look_grid
from dinsar_cli.geo.areas import surroundings
from dinsar_cli.geo.heights.terrain import Terrain
from dinsar_cli.radar.geometry import Orbit
from dinsar_cli.radar.pair_geometry import fit_orbits, see_area

CROP_MARGIN = goldstein.REACH + 8
"""Look cells around the area, so that its edge is filtered like its middle."""


def both_orbits(inputs: EngineInputs, epoch: datetime) -> tuple[Orbit, Orbit]:
    """Return the orbits of both dates; the secondary epoch is later by as much as the secondary burst."""
    return fit_orbits(inputs.pair, inputs.bursts, (inputs.reference_orbit, inputs.secondary_orbit), epoch)


def crop(inputs: EngineInputs, heights: tuple[float, float], margin: int) -> tuple[Mosaic, LookGrid]:
    """Return the mosaic of the bursts, and the look cells that cover the area with its surroundings.

    Parameters
    ----------
    inputs : EngineInputs
        The run.
    heights : (float, float)
        Lowest and highest ground, metres.
    margin : int
        Look cells around the area.

    Raises
    ------
    NoDataError
        When less than two look cells on a side are left.
    """
    epoch = inputs.pair.reference.start.replace(hour=0, minute=0, second=0, microsecond=0)
    mosaic = build_mosaic(inputs.bursts, epoch)
    bounds = surroundings(inputs.bounds, _cell(inputs, mosaic))
    window = _radar_window(bounds, mosaic.grid, both_orbits(inputs, epoch)[0], heights)
    return mosaic, look_grid(mosaic, inputs.looks, window, margin)


def _cell(inputs: EngineInputs, mosaic: Mosaic) -> float:
    """Return the ground of a look cell, square metres."""
    subswath = mosaic.tiles[0].burst.reference.subswath
    azimuth, ground_range = cell_spacing(subswath.azimuth_spacing, subswath.range_spacing, mosaic.tiles)
    return inputs.looks.azimuth * azimuth * inputs.looks.range * ground_range


def height_range(dem: Path) -> tuple[float, float]:
    """Return the lowest and highest height of a DEM, metres."""
    terrain = Terrain.open(dem)
    try:
        return terrain.height_range
    finally:
        terrain.close()


def _radar_window(
    bounds: tuple[float, float, float, float], grid: RadarGrid, orbit: Orbit, heights: tuple[float, float]
) -> Window:
    """Return the lines and samples in which the outline of an area lies at the lowest and the highest height."""
    time_, range_ = see_area(bounds, orbit, heights, grid.first_time)
    line, sample = grid.line(time_), grid.sample(range_)
    return Window(
        math.floor(line.min()), math.ceil(line.max()) + 1, math.floor(sample.min()), math.ceil(sample.max()) + 1
    )
