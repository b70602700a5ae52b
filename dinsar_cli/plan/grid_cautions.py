"""What the system of a map brings with it: an area that it is not made for, metres that are none, a loose datum."""

from __future__ import annotations

import numpy as np

from dinsar_cli.geo.crs import Use, area_of_use, better_accuracy, ground_metres, is_made_for, is_utm
from dinsar_cli.geo.grid import ODD_METRES, Grid

_LATTICE = 5  # places each way


def grid_cautions(grid: Grid) -> list[str]:
    """Tell what the user should know of the grid of a map.

    Parameters
    ----------
    grid : Grid
        Nothing is told of one in degrees or in a zone of UTM.
    """
    if grid.is_geographic or is_utm(grid.crs):
        return []
    return [text for text in (_outside(grid), _odd_metres(grid), _loose_datum(grid)) if text]


def _outside(grid: Grid) -> str:
    use, bounds = area_of_use(grid.crs), grid.lonlat_bounds
    if use is None or is_made_for(grid.crs, bounds) is Use.ALL:
        return ""
    own, there = (" ".join(f"{edge:.2f}" for edge in edges) for edges in (use, bounds))
    return f"{grid.title} is made for {own} (west south east north); the map spans {there}."


def _odd_metres(grid: Grid) -> str:
    west, south, east, north = grid.bounds
    x, y = np.meshgrid(np.linspace(west, east, _LATTICE), np.linspace(south, north, _LATTICE))
    metres = np.stack(ground_metres(grid.crs, x, y))
    if np.abs(metres - 1).max() <= ODD_METRES:
        return ""
    low, high = grid.posting * metres.min(), grid.posting * metres.max()
    return (
        f"A metre of {grid.title} is not one on the ground here: the cells of {grid.posting:g} m are "
        f"{low:.3g} to {high:.3g} m wide and high."
    )


def _loose_datum(grid: Grid) -> str:
    half, known = grid.posting / 2, grid.known_to
    if known is not None and known <= half:
        return ""
    far = (
        "PROJ knows no transformation of its datum here and takes it for WGS84, which can be hundreds of metres off"
        if known is None
        else f"PROJ's transformation of its datum is good to {known:g} m, and half a cell is {half:g} m"
    )
    better = better_accuracy(grid.crs)
    if better is None or (known is not None and better[0] >= known):
        return f"The map may lie beside other data in {grid.title}: {far}."
    metres, files = better
    return (
        f"The map may lie beside other data in {grid.title}: {far}. With {' and '.join(files)} it would be "
        f"{metres:g} m: get it with `projsync --file {files[0] if files else 'NAME'}`, or set PROJ_NETWORK=ON."
    )
