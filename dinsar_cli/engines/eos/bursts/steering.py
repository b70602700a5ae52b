"""How the beam turned over each burst of a mosaic."""

from __future__ import annotations

from dinsar_cli.engines.eos.slc.carrier import nearest_rates
from dinsar_cli.engines.eos.slc.mosaic import BurstTile, LookGrid, Mosaic, RadarGrid, Window
from dinsar_cli.radar.geometry import Orbit
from dinsar_cli.radar.interferogram import RadarFile
from dinsar_cli.radar.squint import LookCells, RangePolynomial, SteeredBurst, write_squint
from dinsar_cli.sentinel1.subswath import SPEED_OF_LIGHT


def squint_of(mosaic: Mosaic, look_grid: LookGrid, orbit: Orbit, layer: RadarFile) -> None:
    """Write the squint of all look cells.

    Parameters
    ----------
    mosaic : Mosaic
        Bursts on the common grid.
    look_grid : LookGrid
        The cells.
    orbit : Orbit
        Of the reference, with the epoch of the grid.
    layer : RadarFile
        Is written.
    """
    subswath = mosaic.tiles[0].burst.reference.subswath
    looks, window = look_grid.looks, look_grid.window
    # corners first: a cell at a cut is that of what lies between the cuts
    parts = [(tile, part) for tile in mosaic.tiles for part in tile.more]
    parts += [(tile, tile.use) for tile in mosaic.tiles]
    write_squint(
        layer,
        (steered(tile, part, mosaic.grid, orbit) for tile, part in parts),
        LookCells(window.top, window.left, looks.azimuth, looks.range),
        subswath.wavelength,
        subswath.azimuth_spacing / subswath.azimuth_time_interval,
    )


def steered(tile: BurstTile, part: Window, grid: RadarGrid, orbit: Orbit) -> SteeredBurst:
    """Return a part of a burst of the reference on the grid, and how its beam turned."""
    view = tile.burst.reference
    subswath = view.subswath
    fm_rate, centroid, steering = nearest_rates(view, orbit)
    return SteeredBurst(
        top=part.top,
        bottom=part.bottom,
        left=part.left,
        right=part.right,
        middle=tile.line + tile.line_residual + (subswath.lines_per_burst - 1) / 2,
        line_interval=grid.line_interval,
        near_time=2 * grid.starting_range / SPEED_OF_LIGHT,
        sample_interval=2 * grid.range_spacing / SPEED_OF_LIGHT,
        swath_middle=subswath.slant_range_time + subswath.samples / 2 / subswath.range_sampling_rate,
        fm_rate=RangePolynomial(fm_rate.t0, fm_rate.coefficients),
        centroid=RangePolynomial(centroid.t0, centroid.coefficients),
        steering=steering,
    )
