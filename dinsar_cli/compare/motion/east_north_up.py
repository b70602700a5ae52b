"""East, north and up motion from lines of sight and motion along tracks: pure functions on arrays.

Each observation is motion along a known direction, ``d_i = g_i . (E, N, U)``; three that do not lie in one plane
tell all three (Fialko et al. 2001, "The complete (3-D) surface displacement field in the epicentral area of the
1999 Mw7.1 Hector Mine earthquake, California, from space geodetic observations", GRL 28). They are weighted by
their noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.floating[Any]]

LARGEST_CONDITION = 10.0
"""Of the directions, above which noise of one becomes ten times as much motion of another and nothing is told."""

_BLOCK = 200_000  # cells that are solved in a go, some hundred bytes each


@dataclass(frozen=True)
class EastNorthUp:
    """Motion in three dimensions.

    Attributes
    ----------
    east, north, up : ndarray
        Metres; NaN where the observations of a cell do not tell all three.
    east_sigma, north_sigma, up_sigma : ndarray
        Standard deviations of their noise, metres.
    condition : ndarray
        Condition number of the directions in use; NaN where they are fewer than three.
    """

    east: Floats
    north: Floats
    up: Floats
    east_sigma: Floats
    north_sigma: Floats
    up_sigma: Floats
    condition: Floats


def along_track(vector: Floats) -> Floats:
    """Return the direction of flight of a satellite that looks to the right, at right angles to its track.

    Parameters
    ----------
    vector : ndarray
        Unit vectors from the ground to the satellite: east, north, up; shape (3, ...).

    Returns
    -------
    ndarray
        Horizontal unit vectors, of the same shape.
    """
    east, north = np.asarray(vector[0], np.float64), np.asarray(vector[1], np.float64)
    # what lies to the left of the flight is the satellite, seen from the ground
    return np.stack([north, -east, np.zeros_like(east)]) / np.hypot(east, north)


def solve(
    observations: Sequence[Floats],
    directions: Sequence[Floats],
    sigmas: Sequence[Floats],
    largest: float = LARGEST_CONDITION,
) -> EastNorthUp:
    """Return the motion by weighted least squares, cell by cell.

    ``x = C G^T W d`` with ``W = diag(1 / sigma^2)`` and the covariance ``C = (G^T W G)^-1``, of which the standard
    deviations are; the rows of G are the directions.

    Parameters
    ----------
    observations : sequence of ndarray
        Motion along the directions, metres; NaN where there is none. All of one shape.
    directions : sequence of ndarray
        Unit vectors, east, north, up; shape (3, ...).
    sigmas : sequence of ndarray
        Standard deviations of the observations, metres, independent of each other.
    largest : float
        Condition number of the directions up to which a cell is solved.
    """
    shape = np.shape(observations[0])
    d, s = (np.stack([np.ravel(part) for part in parts]).astype(np.float64) for parts in (observations, sigmas))
    g = np.stack([np.reshape(part, (3, -1)) for part in directions]).astype(np.float64)
    found = np.full((7, d.shape[1]), np.nan)
    for first in range(0, d.shape[1], _BLOCK):
        part = slice(first, first + _BLOCK)
        found[:, part] = _solved(d[:, part], g[:, :, part], s[:, part], largest)
    return EastNorthUp(*(values.reshape(shape) for values in found))


def _solved(d: Floats, g: Floats, s: Floats, largest: float) -> Floats:
    """Return the fields of `EastNorthUp` of some cells; shape (7, cells)."""
    known = np.isfinite(d) & np.isfinite(s) & (s > 0) & np.isfinite(g).all(axis=1)
    g = np.where(known[:, None], g, 0.0)
    weight = np.where(known, 1 / np.where(known, s, 1.0) ** 2, 0.0)
    spread = np.linalg.eigvalsh(np.einsum("iac,ibc->cab", g, g))  # squares of the singular values
    tells = (known.sum(axis=0) >= 3) & (spread[:, 0] > 1e-12)
    condition = np.full(d.shape[1], np.nan)
    condition[tells] = np.sqrt(spread[tells, 2] / spread[tells, 0])
    use = tells & (np.nan_to_num(condition, nan=np.inf) <= largest)
    covariance = np.linalg.inv(np.einsum("iac,ic,ibc->cab", g[..., use], weight[:, use], g[..., use]))
    right = np.einsum("iac,ic,ic->ca", g[..., use], weight[:, use], np.where(known, d, 0.0)[:, use])
    found = np.full((7, d.shape[1]), np.nan)
    found[:3, use] = np.einsum("cab,cb->ac", covariance, right)
    found[3:6, use] = np.sqrt(np.einsum("caa->ac", covariance))
    found[6] = condition
    return found
