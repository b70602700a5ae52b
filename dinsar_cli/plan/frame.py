"""Looks, look cell and grid of a map, before anything of it is made."""

from __future__ import annotations

from dataclasses import dataclass

from dinsar_cli.config.model import Looks, RunConfig
from dinsar_cli.geo.grid import Bounds, Grid, grid_for, posting_for_looks


@dataclass(frozen=True)
class MapFrame:
    """How fine a map is, and where it lies.

    Attributes
    ----------
    looks : Looks
        In range and azimuth.
    cell : (float, float)
        Size of a look cell on the ground in range and azimuth, metres.
    grid : Grid
        Map grid.
    """

    looks: Looks
    cell: tuple[float, float]
    grid: Grid


def frame_of(config: RunConfig, spacing: tuple[float, float], bounds: Bounds, like: Grid | None = None) -> MapFrame:
    """Decide on looks and grid.

    Parameters
    ----------
    config : RunConfig
        With looks or resolution, and the grid that is asked for.
    spacing : (float, float)
        Of single-look samples and lines on the ground, metres.
    bounds : (float, float, float, float)
        West, south, east, north of the map, degrees.
    like : Grid, optional
        The grid that the map gets whatever its bounds.

    Raises
    ------
    UsageError
        When the grid that is asked for does not suit the area.
    """
    looks = _looks_for(config, *spacing)
    cell = (spacing[0] * looks.range, spacing[1] * looks.azimuth)
    if like is not None:
        return MapFrame(looks, cell, like)
    wish = config.grid
    posting = wish.posting or posting_for_looks(*cell, wish.crs)
    return MapFrame(looks, cell, grid_for(bounds, wish.crs, posting, wish.corner))


def _looks_for(config: RunConfig, range_spacing: float, azimuth_spacing: float) -> Looks:
    """Return the looks as given, or those whose cell is nearest to the resolution."""
    if config.resolution is None:
        return config.looks
    return Looks(
        max(1, round(config.resolution / range_spacing)), max(1, round(config.resolution / azimuth_spacing))
    )
