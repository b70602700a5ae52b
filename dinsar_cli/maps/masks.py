"""What a map leaves out: water, layover, shadow, coherence that tells nothing, and on request small components."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.config.sections.map import MaskConfig
from dinsar_cli.errors import NoDataError
from dinsar_cli.geo.areas import on_grid, read_water
from dinsar_cli.geo.grid import Grid
from dinsar_cli.radar.visibility import LAYOVER, SHADOW, UNKNOWN, WATER

Bools = NDArray[np.bool_]


def masked_out(
    config: MaskConfig,
    grid: Grid,
    usable: Bools,
    coherence: NDArray[np.floating[Any]],
    components: NDArray[np.integer[Any]],
    visibility: NDArray[np.integer[Any]] | None = None,
    noise: Bools | None = None,
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
    visibility : ndarray, optional
        What cells show instead of ground, see `dinsar_cli.radar.visibility`; None where nobody looked.
    noise : ndarray of bool, optional
        Cells whose coherence tells nothing; None where it is not known how many looks it has.

    Returns
    -------
    dict
        Cells by the name of the key; without those of which nothing is known.

    Raises
    ------
    UsageError
        When the water cannot be read.
    NoDataError
        When they leave nothing.
    """
    masks: dict[str, Bools] = {}
    if isinstance(config.coherence, float):
        masks["coherence"] = ~(coherence >= config.coherence)
    elif config.coherence == "auto" and noise is not None:
        masks["coherence"] = noise
    if config.component is not None:
        masks["component"] = _in_small_components(components, usable, config.component / cell_area(grid) * 1e6)
    if config.water_file is not None:
        masks["water"] = on_grid(read_water(config.water_file), grid)
    elif config.water == "auto" and visibility is not None:
        masks["water"] = _shows(visibility, WATER)
    if config.layover_shadow and visibility is not None:
        masks["layover_shadow"] = _shows(visibility, LAYOVER | SHADOW)
    if masks and usable.any() and not (usable & ~np.any(list(masks.values()), axis=0)).any():
        shares = ", ".join(f"mask.{name} {np.mean(cells[usable]):.0%}" for name, cells in masks.items())
        raise NoDataError(
            "The masks leave nothing of the map.",
            f"Of the cells with displacement they leave out: {shares}.",
            "Lower mask.coherence or mask.component, or give another mask.water (none: leave nothing out).",
        )
    return masks


def _shows(visibility: NDArray[np.integer[Any]], kinds: int) -> Bools:
    """Tell which cells show something of some kinds instead of ground."""
    return (visibility != UNKNOWN) & ((visibility & kinds) > 0)


def cell_area(grid: Grid) -> float:
    """Return the area of a map cell, square metres."""
    east, north = grid.metres_per_unit
    return grid.posting**2 * east * north


def _in_small_components(components: NDArray[np.integer[Any]], usable: Bools, least: float) -> Bools:
    """Return the cells of components that have fewer cells with displacement than some."""
    sizes = np.bincount(components[usable].astype(np.intp), minlength=int(components.max(initial=0)) + 1)
    small: Bools = sizes[components] < least
    return small
