"""East and up motion from two lines of sight: pure functions on arrays.

Two displacements along different directions are two equations for two unknowns, east and up, when the ground does
not move north (Wright et al. 2004, "Toward mapping surface deformation in three dimensions using InSAR", GRL 31).
Their least-squares solution is exact, so that weights change nothing of it; the noise of both goes into its errors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.floating[Any]]

LARGEST_CONDITION = 5.0
"""Of the two directions, above which noise grows too much: less than 23 degrees between them."""


@dataclass(frozen=True)
class EastUp:
    """Motion to the east and upward.

    Attributes
    ----------
    east, up : ndarray
        Metres; NaN where one of the two lines of sight has no displacement or both are too nearly the same.
    east_sigma, up_sigma : ndarray or None
        Standard deviations of their noise, metres; None where that of the displacements is not known.
    east_per_north, up_per_north : ndarray
        Error of either for each metre that the ground moved north.
    """

    east: Floats
    up: Floats
    east_sigma: Floats | None
    up_sigma: Floats | None
    east_per_north: Floats
    up_per_north: Floats


def solve(
    los: tuple[Floats, Floats],
    vector: tuple[Floats, Floats],
    sigma: tuple[Floats, Floats] | None = None,
) -> EastUp:
    """East and up displacement from two lines of sight.

    With ``d_i = e_i E + u_i U`` and the determinant ``D = e_1 u_2 - e_2 u_1``::

        E = (u_2 d_1 - u_1 d_2) / D        var E = (u_2^2 s_1^2 + u_1^2 s_2^2) / D^2
        U = (e_1 d_2 - e_2 d_1) / D        var U = (e_2^2 s_1^2 + e_1^2 s_2^2) / D^2

    Parameters
    ----------
    los : tuple of ndarray
        Displacements toward the satellite, metres; NaN where there is none.
    vector : tuple of ndarray
        Unit vectors to the satellite: east, north, up; shape (3, ...) for displacements of shape (...).
    sigma : tuple of ndarray, optional
        Standard deviations of the displacements, metres, independent of each other.
    """
    (d1, d2), (v1, v2) = (tuple(np.asarray(part, np.float64) for part in both) for both in (los, vector))
    (e1, n1, u1), (e2, n2, u2) = v1, v2
    determinant = e1 * u2 - e2 * u1
    known = np.isfinite(d1) & np.isfinite(d2) & (condition(v1, v2) <= LARGEST_CONDITION)
    inverse = np.divide(1.0, determinant, out=np.full(np.shape(known), np.nan), where=known)
    east_sigma = up_sigma = None
    if sigma is not None:
        s1, s2 = (np.asarray(part, np.float64) for part in sigma)
        east_sigma = np.hypot(u2 * s1, u1 * s2) * np.abs(inverse)
        up_sigma = np.hypot(e2 * s1, e1 * s2) * np.abs(inverse)
    return EastUp(
        east=(u2 * d1 - u1 * d2) * inverse,
        up=(e1 * d2 - e2 * d1) * inverse,
        east_sigma=east_sigma,
        up_sigma=up_sigma,
        east_per_north=(u2 * n1 - u1 * n2) * inverse,
        up_per_north=(e1 * n2 - e2 * n1) * inverse,
    )


def condition(first: Floats, second: Floats) -> Floats:
    """Return condition number of the equations of `solve`.

    How much more one mixture of east and up is worth than another.

    Parameters
    ----------
    first, second : ndarray
        Unit vectors to the satellite, shape (3, ...).

    Returns
    -------
    ndarray
        Ratio of the singular values of ``[[e_1, u_1], [e_2, u_2]]``; 1 at best, infinite for one direction.
    """
    (e1, _, u1), (e2, _, u2) = (np.asarray(part, np.float64) for part in (first, second))
    square = e1**2 + u1**2 + e2**2 + u2**2
    twice = 2 * np.abs(e1 * u2 - e2 * u1)
    largest = square + np.sqrt(np.maximum(square**2 - twice**2, 0))
    return np.divide(largest, twice, out=np.full(np.shape(twice), np.inf), where=twice > 1e-12)


def angle_between(first: Floats, second: Floats) -> float:
    """Give the angle between two directions seen along the north axis, where north motion does not count, degrees.

    Parameters
    ----------
    first, second : ndarray
        One unit vector each: east, north, up.
    """
    e1, u1, e2, u2 = (float(value) for value in (first[0], first[2], second[0], second[2]))
    return float(np.degrees(np.arctan2(abs(e1 * u2 - e2 * u1), e1 * e2 + u1 * u2)))
