"""The geometry of a swath for all dates, as series in reference time, reference range and height."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from dinsar_cli.simulate.radar.acquisition import Campaign
from dinsar_cli.simulate.radar.chebyshev import Domain, GridSeries, Series, fit
from dinsar_cli.simulate.radar.range_doppler import locate, view
from dinsar_cli.simulate.world.arrays import Floats
from dinsar_cli.simulate.world.terrain import Field

MARGIN_LINES: Final = 40
MARGIN_METRES: Final = 600.0


@dataclass(frozen=True)
class Shift:
    """How a date sees the ground that the reference sees at (time, range): arrays of one shape.

    Attributes
    ----------
    time, slant_range : ndarray
        Zero-Doppler time and one-way range minus those of the reference (s, m).
    sight, time_gradient : ndarray
        As in `rangedoppler.RadarView`, with the components first.
    """

    time: Floats
    slant_range: Floats
    sight: Floats
    time_gradient: Floats


@dataclass(frozen=True)
class SwathGeometry:
    """Series of one subswath: the ground point, and its view from each date."""

    ground: Series
    dates: tuple[Series, ...]
    time_limits: tuple[tuple[float, float], ...]
    range_limits: tuple[tuple[float, float], ...]


def swath_geometry(campaign: Campaign, window: int, heights: tuple[float, float]) -> SwathGeometry:
    """Solve the geometry of a subswath at the Chebyshev nodes.

    Parameters
    ----------
    campaign : Campaign
    window : int
        Number of the subswath's window.
    heights : tuple of float
        Lowest and highest ellipsoidal height of the terrain (m).
    """
    first, last = campaign.time_span(window)
    margin = MARGIN_LINES * campaign.windows[window].line_interval
    near, far = campaign.range_span(window)
    # radar times, ranges and heights over which the series hold
    domain = Domain(
        (first - margin, last + margin),
        (near - MARGIN_METRES, far + MARGIN_METRES),
        (heights[0] - 50.0, heights[1] + 50.0),
    )
    reference = campaign.passes[0].orbit
    centre = campaign.scenario.centre[0]

    def ground(time: Floats, slant_range: Floats, height: Floats) -> Floats:
        longitude, latitude = locate(reference, time, slant_range, height)
        return np.stack([centre + (longitude - centre + 180.0) % 360.0 - 180.0, latitude])

    def seen_from(index: int) -> Series:
        def shift(time: Floats, slant_range: Floats, height: Floats) -> Floats:
            longitude, latitude = locate(reference, time, slant_range, height)
            seen = view(campaign.passes[index].orbit, longitude, latitude, height)
            return np.concatenate(
                [
                    [seen.time - time, seen.slant_range - slant_range],
                    np.moveaxis(seen.sight, -1, 0),
                    np.moveaxis(seen.time_gradient, -1, 0),
                ]
            )

        return fit(shift, domain)

    # where each date sees the ground that the first sees there, and how far that reaches
    dates = tuple(seen_from(index) for index in range(len(campaign.passes)))
    corners = [_extremes(series) for series in dates]
    return SwathGeometry(
        ground=fit(ground, domain),
        dates=dates,
        time_limits=tuple((low[0], high[0]) for low, high in corners),
        range_limits=tuple((low[1], high[1]) for low, high in corners),
    )


def _extremes(series: Series) -> tuple[list[float], list[float]]:
    """Return the smallest and largest value of each function over the domain."""
    domain = series.domain
    grid = series.on_grid(np.linspace(*domain.time, 9), np.linspace(*domain.slant_range, 9))
    values = np.stack([grid.at(np.full((9, 9), height)) for height in np.linspace(*domain.height, 5)], axis=-1)
    flat = values.reshape(len(values), -1)
    return flat.min(axis=1).tolist(), flat.max(axis=1).tolist()


def date_shift(series: Series, time: Floats, slant_range: Floats, height: Floats) -> Shift:
    """Evaluate a date's series on a grid of times (rows) and ranges (columns)."""
    values = series.on_grid(time, slant_range).at(height)
    return Shift(values[0], values[1], values[2:5], values[5:8])


def ground_height(ground: GridSeries, terrain: Field, shape: tuple[int, int]) -> Floats:
    """Return the height at which each radar position meets the terrain.

    Parameters
    ----------
    ground : GridSeries
        Longitude and latitude as functions of the height.
    terrain : Field
        Elevation model.
    shape : tuple of int
        Rows and columns of the grid.

    Returns
    -------
    ndarray
        Metres, within a millimetre of the terrain. In layover one of the intersections.

    Notes
    -----
    ``terrain(h) - h`` is positive at the lowest and negative at the highest height of the model, so regula
    falsi (Illinois variant; Dowell and Jarratt 1971) always converges.
    """

    def excess(height: Floats) -> Floats:
        longitude, latitude = ground.at(height)
        return terrain.at(longitude, latitude) - height

    low = np.full(shape, terrain.lowest - 1.0)
    high = np.full(shape, terrain.highest + 1.0)
    above, below = excess(low), excess(high)
    side = np.zeros(shape, np.int8)
    height = low
    for _ in range(40):
        height = (low * below - high * above) / (below - above)
        value = excess(height)
        if np.max(np.abs(value)) < 1e-3:
            break
        rises = value > 0.0
        # The end that stays twice in a row gets half its weight.
        below = np.where(rises & (side == 1), 0.5 * below, below)
        above = np.where(~rises & (side == -1), 0.5 * above, above)
        low, above = np.where(rises, height, low), np.where(rises, value, above)
        high, below = np.where(rises, high, height), np.where(rises, below, value)
        side = np.where(rises, np.int8(1), np.int8(-1))
    return height
