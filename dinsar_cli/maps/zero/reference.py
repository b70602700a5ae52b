"""To what displacement is relative: a point, an area, or nothing; and how well that is known."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.config.model import LonLat, RunConfig
from dinsar_cli.errors import NoDataError
from dinsar_cli.geo.areas import on_grid, read_polygons, read_water
from dinsar_cli.geo.grid import Grid
from dinsar_cli.maps.cut import check_cut
from dinsar_cli.maps.masks import cell_area
from dinsar_cli.maps.zero.calm_ground import AROUND, calm_around
from dinsar_cli.maps.zero.far_field import FarField
from dinsar_cli.radar.displacement import ReferencePoint, choose_reference, reference_at, reference_over
from dinsar_cli.radar.uncertainty import phase_deviation, unbiased_coherence
from dinsar_cli.radar.unwrap_check import largest_component

Floats = NDArray[np.floating[Any]]


def check_areas(config: RunConfig, grid: Grid) -> None:
    """Read the areas of a configuration before anything expensive starts.

    Raises
    ------
    UsageError
        When the water, the reference area or the lines to cut cannot be read.
    NoDataError
        When the reference area or the lines lie outside the map.
    """
    if config.unwrap.cut is not None:
        check_cut(config.unwrap.cut, grid)
    if config.mask.water_file is not None:
        read_water(config.mask.water_file)
    if config.reference_area is not None:
        _reference_cells(config.reference_area, grid)


def _reference_cells(text: str, grid: Grid) -> NDArray[np.bool_]:
    cells = on_grid(read_polygons(text, "reference_area"), grid)
    if not cells.any():
        west, south, east, north = grid.bounds
        raise NoDataError(
            "The reference area has no displacement.",
            f"It lies outside the map ({west:g} {south:g} {east:g} {north:g} in {grid.title}), or between cells.",
            "Give a polygon on the map, in longitude and latitude.",
        )
    return cells


def find_reference(
    config: RunConfig,
    grid: Grid,
    los: Floats,
    coherence: Floats,
    components: NDArray[np.integer[Any]],
    calm: Calm,
    shared: LonLat | ReferencePoint | None = None,
) -> ReferencePoint | None:
    """Return the reference that a configuration asks for.

    Parameters
    ----------
    los : ndarray
        Displacement in metres, not yet relative to anything; NaN where there is none.
    coherence, components : ndarray
        On the same grid.
    calm : Calm
        Where an automatic reference goes.
    shared : LonLat or ReferencePoint, optional
        Where it goes instead: what the program chose for several maps, on this one or beside it.

    Raises
    ------
    UsageError
        When the area cannot be read.
    NoDataError
        When there is no displacement at it.
    """
    if config.reference_area is not None:
        return reference_over(los, coherence, components, _reference_cells(config.reference_area, grid))
    if isinstance(shared, ReferencePoint):
        return _beside(shared, los, components)
    point = shared or config.reference_point
    if point == "none":
        return None
    if not isinstance(point, LonLat):
        return _automatic(los, coherence, components, calm)
    row, column = grid.index(point.lon, point.lat)
    return reference_at(los, coherence, components, row, column)


@dataclass(frozen=True)
class Calm:
    """How far the displacement on a map is from calm ground, and where the best of that is.

    Attributes
    ----------
    away : ndarray
        Distance of each cell from the level of calm ground, metres.
    cells : ndarray of bool
        Those around which all is calm.
    elsewhere : ReferencePoint or None
        A better place in what was unwrapped, which may lie outside the map.
    """

    away: Floats
    cells: NDArray[np.bool_]
    elsewhere: ReferencePoint | None


def calm_of(far: FarField, grid: Grid, los: Floats, components: NDArray[np.integer[Any]], *, raw: bool) -> Calm:
    """Tell how far the displacement is from calm ground.

    Where none is known, it is how far it is from the plane through the border of what was unwrapped, which is the
    farthest from what moves inside; or from the median if even that is not known.

    Parameters
    ----------
    far : FarField
        Of the displacement as the phase gives it.
    los : ndarray
        The same on the map, metres.
    components : ndarray
        On the same grid.
    raw : bool
        Whether the displacement stays as the phase gives it: a ramp or a correction is known on the map alone.
    """
    if math.isfinite(far.plane[0]):
        away = los - far.surface(grid)
    else:
        known = np.isfinite(los)
        used = los[known & (components == largest_component(components, known))]
        away = los - (np.median(used) if used.size else 0.0)
    metres = grid.posting * float(np.mean(grid.metres_per_unit))
    cells = calm_around(away, far.scatter, max(1, round(AROUND / metres)))
    return Calm(away, cells, far.place if raw else None)


def _automatic(los: Floats, coherence: Floats, components: NDArray[np.integer[Any]], calm: Calm) -> ReferencePoint:
    """Choose calm ground on the map, or outside it where the map has none."""
    inside = choose_reference(los, coherence, components, calm.away, calm.cells)
    if calm.elsewhere is None or calm.cells[inside.row, inside.column]:
        return inside
    return _beside(calm.elsewhere, los, components)


def _beside(place: ReferencePoint, los: Floats, components: NDArray[np.integer[Any]]) -> ReferencePoint:
    """Return a place beside the map with its difference from the median of the component on the map."""
    known = np.isfinite(los) & (components == place.component)
    return replace(place, offset=place.value - float(np.median(los[known])) if known.any() else math.nan)


def reference_variance(reference: ReferencePoint | None, grid: Grid, noise: Mapping[str, str]) -> float:
    """Return the variance of the mean phase of the reference, square radians.

    Parameters
    ----------
    reference : ReferencePoint or None
        None, or one whose coherence is not known, adds nothing.
    noise : mapping
        Tags of ``phase_sigma.tif``: looks, and the area of a look cell.
    """
    if reference is None or reference.coherence is None:
        return 0.0
    return mean_variance(reference.coherence, reference.cells, grid, noise)


def mean_variance(coherence: float, cells: int, grid: Grid, noise: Mapping[str, str]) -> float:
    """Return the variance of the mean phase of some cells of a map, square radians.

    A filter takes away what differs from cell to cell, and no more of a mean over many cells than averaging does:
    it is the variance of the unfiltered phase over the number of look cells.

    Parameters
    ----------
    coherence : float
        Mean of the cells.
    cells : int
    noise : mapping
        Tags of ``phase_sigma.tif``: looks, and the area of a look cell.
    """
    looks, samples, area = (float(noise[name]) for name in NOISE_TAGS)
    true = unbiased_coherence(np.array([coherence]), samples)
    counted = max(1.0, cells * min(1.0, cell_area(grid) / area))
    return float(phase_deviation(true, looks)[0]) ** 2 / counted


NOISE_TAGS = ("effective_looks", "coherence_looks", "look_area_m2")
"""Tags of ``phase_sigma.tif`` from which the noise of a mean follows."""
