"""Which dates are noisier than the others: one variance of delay for each date.

A network of pairs gives back the displacement of dates exactly, delays included, so that closure is blind to them.
What a date's delay cannot hide is that it does not go with those before and after: a straight line in time is taken
off each cell, and the covariance of what is left over all cells is ``C = M diag(s^2) M'``, where M takes the line
off. The variances ``s^2`` are found by least squares that are not negative (Lawson and Hanson 1974).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.series.graph import Pair
from dinsar_cli.series.velocity import Model

Floats = NDArray[np.floating[Any]]

_TIMES_OTHERS: Final = 2.0
_LEAST: Final = 1e-3  # m: below it a delay does not matter


@dataclass(frozen=True)
class DateQuality:
    """How far the delay of each date varies over the map.

    Attributes
    ----------
    dates : tuple of date
    deviation : ndarray
        Standard deviation of the delay, metres; zero where it is less than the method can tell.
    noise : float
        Variance that decorrelation gives a date in the mean, square metres.
    """

    dates: tuple[date, ...]
    deviation: Floats
    noise: float = 0.0

    @property
    def typical(self) -> float:
        """Median of all dates, metres."""
        return float(np.median(self.deviation))

    @cached_property
    def noisy(self) -> tuple[date, ...]:
        """Dates that are much noisier than the others."""
        found = zip(self.dates, self.deviation, self.limits, strict=True)
        return tuple(day for day, own, limit in found if own > limit)

    @cached_property
    def limits(self) -> Floats:
        """Deviation above which each date counts as noisy: twice that of the others together, metres."""
        limits: Floats = np.maximum(_LEAST, _TIMES_OTHERS * self._others())
        return limits

    def _others(self) -> Floats:
        """Return the root mean square of the other dates: the median may be zero when single dates are not told."""
        power = np.square(self.deviation)
        return np.array([np.sqrt(np.delete(power, number).mean()) for number in range(len(power))])

    @property
    def variance(self) -> Floats:
        """Variance of each delay as sigmas are to have it: none below the typical one, square metres."""
        floor = max(self.typical, float(np.sqrt(np.square(self.deviation).mean())) / 2, 1e-6)
        return np.square(np.maximum(self.deviation, floor))

    @property
    def weights(self) -> Floats:
        """Inverse variances: an estimate of zero does not take all weight, and noise that all dates have counts."""
        weights: Floats = 1 / (self.variance + self.noise)
        return weights


def date_quality(dates: Sequence[date], series: Floats, noise: Floats | None = None) -> DateQuality:
    """Estimate the deviation of the delay of each date.

    Parameters
    ----------
    dates : sequence of date
        Four or more: with three, a line leaves one equation.
    series : ndarray
        Displacement of dates, metres; shape (dates, cells). Cells with NaN are left out.
    noise : ndarray, optional
        Covariance that decorrelation gives the dates in the mean of these cells, square metres; shape (dates,
        dates). It is no delay, and differs from cell to cell.
    """
    cells = series[:, np.isfinite(series).all(axis=0)]
    from scipy.optimize import nnls

    level = cells - np.median(cells, axis=1, keepdims=True)  # a date's delay at the reference is in all cells
    matrix = Model.of(dates).matrix
    residual = np.eye(len(dates)) - matrix @ np.linalg.pinv(matrix)
    left = residual @ level
    covariance = left @ left.T / max(1, left.shape[1])
    if noise is not None:
        covariance = covariance - residual @ noise @ residual.T
    upper = np.triu_indices(len(dates))
    columns = [np.outer(column, column)[upper] for column in residual.T]
    # of many dates there are many equations: first as few as there are unknowns, with the same solution
    rotation, triangle = np.linalg.qr(np.column_stack(columns))
    variance, _ = nnls(triangle, rotation.T @ covariance[upper])
    own = 0.0 if noise is None else float(np.trace(noise)) / len(dates)
    return DateQuality(tuple(dates), np.sqrt(variance), own)


def signed_correlation(pairs: Sequence[Pair], values: Floats) -> dict[date, float]:
    """Return for each date the mean correlation of its pairs, with the sign by which both contain the date.

    Delay of a date makes it large; so does motion, on the first and the last date: it is shown because users of
    other tools know it, not to choose dates by.

    Parameters
    ----------
    pairs : sequence of Pair
    values : ndarray
        Displacement of the pairs; shape (pairs, cells), NaN where there is none.
    """
    cells = values[:, np.isfinite(values).all(axis=0)]
    found: dict[date, float] = {}
    if cells.shape[1] < 2:
        return found
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = np.atleast_2d(np.corrcoef(cells))
    for day in sorted({day for pair in pairs for day in pair}):
        own = [(number, 1 if pair[1] == day else -1) for number, pair in enumerate(pairs) if day in pair]
        told = [
            sign * other_sign * correlation[number, other]
            for number, sign in own
            for other, other_sign in own
            if number < other
        ]
        found[day] = float(np.mean(told)) if told else float("nan")
    return found
