"""Ramps: a plane or a quadratic surface through the displacement, as orbit errors and long-wave delays leave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.errors import NoDataError
from dinsar_cli.geo.grid import Grid
from dinsar_cli.radar.robust import REACH, robust_fit
from dinsar_cli.radar.unwrap_check import largest_component

Floats: TypeAlias = NDArray[np.floating[Any]]

RampKind: TypeAlias = Literal["plane", "quadratic"]

_TERMS = {
    "plane": ("east", "north"),
    "quadratic": ("east", "north", "east_east", "east_north", "north_north"),
}
_MOST_CELLS = 200_000  # that the fit looks at; more change nothing


@dataclass(frozen=True)
class Ramp:
    """A surface that was fitted to displacement.

    Attributes
    ----------
    kind : {'plane', 'quadratic'}
        Its shape.
    coefficients : dict of str to float
        Metres for a kilometre, or square kilometre, east and north of the origin.
    origin : (float, float)
        Mean position of the cells of the fit, kilometres east and north as they were given.
    level : float
        Of the displacement at the origin, metres; it is no part of the ramp.
    spread : float
        Robust standard deviation of the displacement about it, metres.
    followed : float
        Share of the cells that it follows: those within 4.7 standard deviations.
    """

    kind: RampKind
    coefficients: dict[str, float]
    origin: tuple[float, float]
    level: float
    spread: float
    followed: float

    def at(self, east: Floats, north: Floats) -> Floats:
        """Return the height of the ramp over its origin, metres.

        Parameters
        ----------
        east, north : ndarray
            Kilometres, as they were for the fit.
        """
        terms = _terms(self.kind, east - self.origin[0], north - self.origin[1])
        surface = 0 * east
        for name, term in terms.items():
            surface = surface + self.coefficients[name] * term
        return surface


def _terms(kind: RampKind, x: Floats, y: Floats) -> dict[str, Floats]:
    every = {"east": x, "north": y}
    if kind == "quadratic":
        every |= {"east_east": x * x, "east_north": x * y, "north_north": y * y}
    return every


def ramp_of(kind: RampKind, grid: Grid, los: Floats, components: NDArray[np.integer[Any]]) -> tuple[Ramp, Floats]:
    """Fit a ramp to the component of a map that has the most displacement.

    Parameters
    ----------
    los : ndarray
        Displacement in metres, NaN where it does not count; shape of the grid.
    components : ndarray
        On the same grid: between components whole cycles are unknown.

    Returns
    -------
    ramp : Ramp
        Its kilometres count from the middle of the map.
    surface : ndarray
        The ramp on the whole map, metres.

    Raises
    ------
    NoDataError
        When the cells do not tell it.
    """
    largest = largest_component(components, np.isfinite(los))
    metres = grid.metres_per_unit
    east = (grid.x_centres - grid.x_centres.mean()) * metres[0] / 1000
    north = (grid.y_centres - grid.y_centres.mean()) * metres[1] / 1000
    x, y = np.meshgrid(east, north)
    ramp = fit_ramp(np.where(components == largest, los, np.nan), x, y, kind)
    return ramp, ramp.at(x, y)


def fit_ramp(los: Floats, east: Floats, north: Floats, kind: RampKind) -> Ramp:
    """Fit a surface to displacement so that what moves in a smaller part of the map does not bend it.

    The fit is that of `robust_fit`. Deformation in more than about half of the map, or one that is itself a ramp,
    is followed: no fit can tell it from an error.

    Parameters
    ----------
    los : ndarray
        Displacement in metres, NaN where it does not count; any shape.
    east, north : ndarray
        Kilometres, of the same shape.
    kind : {'plane', 'quadratic'}
        Shape of the surface.

    Raises
    ------
    NoDataError
        When the cells do not tell it: too few, or on a line.
    """
    known = np.flatnonzero(np.isfinite(los))
    known = known[:: max(1, known.size // _MOST_CELLS)]
    values = los.ravel()[known].astype(np.float64)
    x, y = (np.asarray(place, np.float64).ravel()[known] for place in (east, north))
    origin = (float(x.mean()), float(y.mean())) if known.size else (0.0, 0.0)
    x, y = x - origin[0], y - origin[1]
    scale = max(float(np.max(np.hypot(x, y), initial=0.0)), 1e-9)
    names = _TERMS[kind]
    columns = [np.ones(known.size), *_terms(kind, x / scale, y / scale).values()]
    matrix = np.stack(columns, axis=1)
    if known.size <= len(columns) or np.linalg.matrix_rank(matrix) < len(columns):
        raise NoDataError(
            f"The ramp ({kind}) cannot be fitted.",
            f"{known.size} cell(s) have displacement that counts, and they do not tell its {len(columns)} terms.",
            "Choose a larger area or weaker masks, or ramp: none.",
        )
    solution, spread = robust_fit(matrix, values)
    residual = values - matrix @ solution
    power = {name: 2 if "_" in name else 1 for name in names}
    return Ramp(
        kind=kind,
        coefficients={
            name: float(value / scale ** power[name]) for name, value in zip(names, solution[1:], strict=True)
        },
        origin=origin,
        level=float(solution[0]),
        spread=spread,
        followed=float(np.mean(np.abs(residual) <= REACH * spread)),
    )
