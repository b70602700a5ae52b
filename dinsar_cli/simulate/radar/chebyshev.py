"""Smooth functions of radar time, range and height: solved at few nodes, read at millions of pixels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.polynomial.chebyshev import chebvander

from dinsar_cli.simulate.world.arrays import Floats

NODES: Final = (10, 10, 5)
"""Nodes along time, range and height: 10^-6 m over 30 s, 50 km and 6000 m."""


@dataclass(frozen=True)
class Domain:
    """First and last time (s), range (m) and height (m)."""

    time: tuple[float, float]
    slant_range: tuple[float, float]
    height: tuple[float, float]


@dataclass(frozen=True)
class Series:
    """Several functions on one domain: coefficients of shape (functions, times, ranges, heights)."""

    domain: Domain
    coefficients: Floats

    def on_grid(self, time: Floats, slant_range: Floats) -> GridSeries:
        """Fix the time of the rows and the range of the columns."""
        rows = _basis(time, self.domain.time, self.coefficients.shape[1])
        columns = _basis(slant_range, self.domain.slant_range, self.coefficients.shape[2])
        # Plain loops of einsum: the threads of a BLAS would compete with those that render tiles.
        partial = np.einsum("qijk,ri->qkrj", self.coefficients, rows)
        return GridSeries(self.domain.height, np.einsum("qkrj,cj->qkrc", partial, columns))


@dataclass(frozen=True)
class GridSeries:
    """Functions of the height alone on a grid: coefficients of shape (functions, heights, rows, columns)."""

    limits: tuple[float, float]
    coefficients: Floats

    def at(self, height: Floats) -> Floats:
        """Evaluate at heights (rows, columns) by Clenshaw's recurrence; gives (functions, rows, columns)."""
        low, high = self.limits
        x = (2.0 * height - (low + high)) / (high - low)
        last = self.coefficients.shape[1] - 1
        one = np.array(self.coefficients[:, last])
        two = np.zeros_like(one)
        for degree in range(last - 1, 0, -1):
            one, two = self.coefficients[:, degree] + 2.0 * x * one - two, one
        return np.asarray(self.coefficients[:, 0] + x * one - two)


def fit(function: Callable[[Floats, Floats, Floats], Floats], domain: Domain) -> Series:
    """Interpolate `function` at the Chebyshev nodes of `domain`.

    Parameters
    ----------
    function : callable
        Takes time, range and height (arrays of one shape), gives an array of shape (functions, *shape).
    domain : Domain

    Returns
    -------
    Series
    """
    axes = [_nodes(limits, count) for limits, count in zip(_limits(domain), NODES, strict=True)]
    time, slant_range, height = np.meshgrid(*axes, indexing="ij")
    values = np.asarray(function(time, slant_range, height))
    for axis, (limits, count) in enumerate(zip(_limits(domain), NODES, strict=True), start=1):
        inverse = np.linalg.inv(_basis(_nodes(limits, count), limits, count))
        values = np.moveaxis(np.tensordot(values, inverse, axes=([axis], [1])), -1, axis)
    return Series(domain, values)


def _limits(domain: Domain) -> tuple[tuple[float, float], ...]:
    return domain.time, domain.slant_range, domain.height


def _nodes(limits: tuple[float, float], count: int) -> Floats:
    angle = np.pi * (np.arange(count) + 0.5) / count
    return np.asarray(0.5 * (limits[0] + limits[1]) - 0.5 * (limits[1] - limits[0]) * np.cos(angle))


def _basis(values: Floats, limits: tuple[float, float], count: int) -> Floats:
    """Return the Chebyshev polynomials of degree 0 to count - 1 at values; shape (values, count)."""
    low, high = limits
    return np.asarray(chebvander((2.0 * values - (low + high)) / (high - low), count - 1), dtype=np.float64)
