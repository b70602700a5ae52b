"""What a map leaves out on request: little coherence, small components, water."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.config.map import MaskConfig
from dinsar_cli.errors import NoDataError
from dinsar_cli.geo.areas import on_grid, read_water
from dinsar_cli.geo.grid import Grid

Bools = NDArray[np.bool_]


def masked_out(
    config: MaskConfig,
    grid: Grid,
    usable: Bools,
    coherence: NDArray[np.floating[Any]],
    components: NDArray[np.integer[Any]],
) -> dict[str, Bools]:
    """Return the cells that each mask leaves out.

    Parameters
    ----------
    config : MaskConfig
        Which masks there are.
    usable : ndarray of bool
        Cells with displacement; shape of the grid.
    coherence, components : ndarray
        On the same grid.

    Returns
    -------
    dict
        Cells by the name of the key; empty when no mask is asked for.

    Raises
    ------
    UsageError
        When the water cannot be read.
    NoDataError
        When they leave nothing.
    """
    masks: dict[str, Bools] = {}
    if config.coherence is not None:
        masks["coherence"] = ~(coherence >= config.coherence)
    if config.component is not None:
        masks["component"] = _in_small_components(components, usable, config.component / cell_area(grid) * 1e6)
    if config.water is not None:
        masks["water"] = on_grid(read_water(config.water), grid)
    if masks and usable.any() and not (usable & ~np.any(list(masks.values()), axis=0)).any():
        shares = ", ".join(f"mask.{name} {np.mean(cells[usable]):.0%}" for name, cells in masks.items())
        raise NoDataError(
            "The masks leave nothing of the map.",
            f"Of the cells with displacement they leave out: {shares}.",
            "Lower mask.coherence or mask.component, or give another mask.water.",
        )
    return masks


def cell_area(grid: Grid) -> float:
    """Return the area of a map cell, square metres."""
    east, north = grid.metres_per_unit
    return grid.posting**2 * east * north


def _in_small_components(components: NDArray[np.integer[Any]], usable: Bools, least: float) -> Bools:
    """Return the cells of components that have fewer cells with displacement than some."""
    sizes = np.bincount(components[usable].astype(np.intp), minlength=int(components.max(initial=0)) + 1)
    small: Bools = sizes[components] < least
    return small
