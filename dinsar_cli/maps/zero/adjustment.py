"""A constant or a plane through differences at places, by generalized least squares, without what does not fit.

Pure functions on arrays. A place does not fit when the value there that all others tell is more than `FAR` standard
deviations away, these being those that are stated or, where the others scatter more, those of their scatter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.floating[Any]]
Doubles: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]
Model: TypeAlias = Literal["constant", "plane"]

LEAST: dict[Model, int] = {"constant": 1, "plane": 3}
"""Places that a surface needs."""
LEAST_TO_REJECT: dict[Model, int] = {"constant": 4, "plane": 6}
"""Places from which on one can be told that does not fit."""
FAR = 4.0
_MOST_REJECTED = 4  # one place in so many
IN_LINE = 0.1
"""Breadth over length (both root mean square) below which places are as good as in line."""


@dataclass(frozen=True, eq=False)
class Adjustment:
    """A surface through differences at places.

    Attributes
    ----------
    model : {"constant", "plane"}
    coefficients : ndarray, shape (3,)
        At the origin (m), and its rise toward east and north (m/km).
    covariance : ndarray, shape (3, 3)
        Of these; enlarged where places scatter more than stated.
    used : ndarray of bool, shape (n,)
    residual : ndarray, shape (n,)
        Difference minus surface, metres; also where it is not used.
    left_out, left_out_sigma : ndarray, shape (n,)
        Difference minus the surface that the other places tell, and its standard deviation, metres; NaN where they
        tell none.
    chi_square : float
        Of the residuals in use, over the degrees of freedom; NaN without any.
    freedom : int
        Degrees of freedom.
    """

    model: Model
    coefficients: Doubles
    covariance: Doubles
    used: Bools
    residual: Doubles
    left_out: Doubles
    left_out_sigma: Doubles
    chi_square: float
    freedom: int

    def surface(self, east: Floats, north: Floats) -> Doubles:
        """Return it at places, kilometres from the origin, that broadcast together; metres."""
        level, toward_east, toward_north = self.coefficients
        return np.asarray(level + toward_east * east + toward_north * north)

    def sigma(self, east: Floats, north: Floats) -> Doubles:
        """Return its standard deviation at places, kilometres from the origin; metres."""
        c = self.covariance
        variance = c[0, 0] + c[1, 1] * east**2 + c[2, 2] * north**2
        variance = variance + 2 * (c[0, 1] * east + c[0, 2] * north + c[1, 2] * east * north)
        return np.asarray(np.sqrt(np.maximum(variance, 0)))


def in_line(east: Floats, north: Floats) -> bool:
    """Tell whether places are so nearly in line that a plane turns about it; kilometres."""
    places = np.stack([east, north], axis=1)
    length, breadth = np.linalg.svd(places - places.mean(axis=0), compute_uv=False)
    return bool(breadth <= IN_LINE * length)


def adjust(model: Model, east: Floats, north: Floats, difference: Doubles, covariance: Doubles) -> Adjustment:
    """Fit a surface to differences.

    Parameters
    ----------
    model : {"constant", "plane"}
    east, north : ndarray, shape (n,)
        Kilometres from the origin; for a plane three or more, which are not in line.
    difference : ndarray, shape (n,)
        Metres.
    covariance : ndarray, shape (n, n)
        Of their errors, square metres.
    """
    design = np.stack([np.ones_like(east), east, north], axis=1)[:, : LEAST[model]]
    used = np.ones(len(difference), bool)
    while True:
        found = _fitted(model, design, difference, covariance, used)
        worst = _worst(found, model, design, difference, covariance)
        if worst is None or (~used).sum() >= len(used) // _MOST_REJECTED:
            return found
        kept = used.copy()
        kept[worst] = False
        if model == "plane" and in_line(east[kept], north[kept]):
            return found
        used = kept


def _worst(
    found: Adjustment, model: Model, design: Doubles, difference: Doubles, covariance: Doubles
) -> int | None:
    """Return the place that fits least to the others, if it does not fit at all."""
    if found.used.sum() < LEAST_TO_REJECT[model]:
        return None
    excess = np.where(found.used, np.abs(found.left_out) / found.left_out_sigma, 0.0)
    for index in np.flatnonzero(found.used):
        others = found.used.copy()
        others[index] = False
        _, _, chi_square, freedom = _solved(design, difference, covariance, others)
        excess[index] /= math.sqrt(max(1.0, chi_square / freedom))
    worst = int(np.argmax(excess))
    return worst if excess[worst] > FAR else None


def _fitted(model: Model, design: Doubles, difference: Doubles, covariance: Doubles, used: Bools) -> Adjustment:
    solution, cofactor, chi_square, freedom = _solved(design, difference, covariance, used)
    reduced = chi_square / freedom if freedom else math.nan
    terms = design.shape[1]
    coefficients, of_these = np.zeros(3), np.zeros((3, 3))
    coefficients[:terms] = solution
    of_these[:terms, :terms] = cofactor * (max(1.0, reduced) if freedom else 1.0)
    left_out, sigma = np.full(len(used), np.nan), np.full(len(used), np.nan)
    for index in range(len(used)):
        others = used.copy()
        others[index] = False
        if others.sum() >= terms and np.linalg.matrix_rank(design[others]) == terms:
            left_out[index], sigma[index] = _predicted(design, difference, covariance, others, index)
    residual = difference - design @ solution
    return Adjustment(model, coefficients, of_these, used, residual, left_out, sigma, reduced, freedom)


def _solved(
    design: Doubles, difference: Doubles, covariance: Doubles, used: Bools
) -> tuple[Doubles, Doubles, float, int]:
    """Return the coefficients, their covariance, chi-square and degrees of freedom."""
    own, model = covariance[np.ix_(used, used)], design[used]
    weighted = np.linalg.solve(own, model)
    cofactor = np.linalg.inv(model.T @ weighted)
    solution = cofactor @ (weighted.T @ difference[used])
    residual = difference[used] - model @ solution
    chi_square = float(residual @ np.linalg.solve(own, residual))
    return solution, cofactor, chi_square, int(used.sum()) - design.shape[1]


def _predicted(
    design: Doubles, difference: Doubles, covariance: Doubles, others: Bools, index: int
) -> tuple[float, float]:
    """Return by how much a place differs from the surface of others, and the standard deviation of that."""
    own, model = covariance[np.ix_(others, others)], design[others]
    weighted = np.linalg.solve(own, model)
    # the surface at the place is a weighted mean of the others, which share errors with it
    weights = weighted @ np.linalg.solve(model.T @ weighted, design[index])
    variance = covariance[index, index] + weights @ own @ weights - 2 * weights @ covariance[others, index]
    return float(difference[index] - weights @ difference[others]), math.sqrt(max(float(variance), 1e-18))
