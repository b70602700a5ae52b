"""From displacement between pairs of dates to displacement of each date, by weighted least squares, cell by cell.

The system of Berardino et al. (2002, "A new algorithm for surface deformation monitoring based on small baseline
differential SAR interferograms", IEEE TGRS 40) for networks that hang together, with displacement of dates as the
unknowns: no velocity is assumed. The first date is zero.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.base.graph import parts_of
from dinsar_cli.series.graph import Pair

Floats = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]

CELLS_AT_A_TIME: Final = 20_000
_ALL: Final = slice(None)
_MOST_VALUES: Final = 20_000_000  # of the operators that are in memory at a time


def design_matrix(dates: Sequence[date], pairs: Sequence[Pair]) -> Floats:
    """Return what makes pairs of dates: +1 for the secondary, -1 for the reference; shape (pairs, dates)."""
    place = {day: number for number, day in enumerate(dates)}
    matrix = np.zeros((len(pairs), len(dates)))
    for row, (reference, secondary) in zip(matrix, pairs, strict=True):
        row[place[reference]], row[place[secondary]] = -1, 1
    return matrix


@dataclass(frozen=True)
class Inverted:
    """Displacement of dates, and how it follows from that of the pairs.

    Attributes
    ----------
    series : ndarray
        Of the unit of the pairs; shape (dates, cells); zero on the first date, NaN where a cell is not connected.
    normal, weight : ndarray
        Of the cells that are: the matrix of the unknowns, which are all dates but the first, and the weights of the
        pairs; shapes (connected, unknowns, unknowns) and (connected, pairs).
    matrix : ndarray
        As of `design_matrix`, of the unknowns.
    """

    series: Floats
    normal: Floats
    weight: Floats
    matrix: Floats

    @property
    def connected(self) -> Bools:
        """Cells in which the pairs join all dates; shape (cells,)."""
        return np.asarray(np.isfinite(self.series).all(axis=0), bool)

    def operator(self, cells: slice = _ALL) -> Floats:
        """Return by what the series follows from the pairs, in some of the connected cells.

        Returns
        -------
        ndarray
            Shape (cells, dates, pairs); pairs without a value have zero.
        """
        solved = np.linalg.solve(self.normal[cells], self.matrix.T * self.weight[cells][:, None, :])
        return np.concatenate([np.zeros_like(solved[:, :1]), solved], axis=1)

    def of(self, functional: Floats) -> Floats:
        """Return by what a linear function of the dates follows from the pairs.

        Parameters
        ----------
        functional : ndarray
            Shape (dates,).

        Returns
        -------
        ndarray
            Shape (cells, pairs); zero in cells that are not connected.
        """
        found = np.zeros((self.series.shape[1], self.weight.shape[1]))
        rows = np.linalg.solve(self.normal, functional[1:, None])  # it is symmetric
        found[self.connected] = rows[..., 0] @ self.matrix.T * self.weight
        return found


def connected(dates: Sequence[date], pairs: Sequence[Pair], known: Bools) -> Bools:
    """Tell in which cells the pairs that have a value join all dates.

    Parameters
    ----------
    dates : sequence of date
    pairs : sequence of Pair
    known : ndarray
        Shape (pairs, cells).

    Returns
    -------
    ndarray
        Shape (cells,).
    """
    patterns, place = np.unique(known, axis=1, return_inverse=True)
    whole = [
        len(parts_of(dates, [pair for pair, there in zip(pairs, pattern, strict=True) if there])) == 1
        for pattern in patterns.T
    ]
    return np.asarray(whole, bool)[place.reshape(-1)]


def invert(dates: Sequence[date], pairs: Sequence[Pair], values: Floats, variance: Floats) -> Inverted:
    """Solve for the displacement of dates.

    Parameters
    ----------
    dates : sequence of date
        In the order of time.
    pairs : sequence of Pair
    values : ndarray
        Displacement of pairs; shape (pairs, cells), NaN where there is none.
    variance : ndarray
        Of them; same shape. Its inverse is the weight.
    """
    matrix = design_matrix(dates, pairs)[:, 1:]
    known = np.isfinite(values) & np.isfinite(variance) & (variance > 0)
    whole = connected(dates, pairs, known)
    weight = np.where(known, 1 / np.where(known, variance, 1), 0).T[whole]  # (cells, pairs)
    normal = _normal(matrix, weight)
    right = weight * np.where(known, values, 0).T[whole] @ matrix
    series = np.full((len(dates), values.shape[1]), np.nan)
    series[0, whole] = 0
    series[1:, whole] = np.linalg.solve(normal, right[..., None])[..., 0].T
    return Inverted(series, normal, weight, matrix)


def _normal(matrix: Floats, weight: Floats) -> Floats:
    """Return ``A' W A`` of each cell, which have few unknowns in each pair; (cells, unknowns, unknowns)."""
    cells, unknowns = len(weight), matrix.shape[1]
    normal = np.zeros((unknowns, unknowns, cells))
    for row, own in zip(matrix, weight.T, strict=True):
        there = np.flatnonzero(row)
        for one in there:
            for other in there:
                normal[one, other] += row[one] * row[other] * own
    return np.ascontiguousarray(np.moveaxis(normal, 2, 0))


def temporal_coherence(pairs_phase: Floats, series_phase: Floats, matrix: Floats) -> Floats:
    """Return how well the dates explain the pairs: ``|mean exp(j (pair - (secondary - reference)))|``, 0 to 1.

    Pepe and Lanari (2006), "On the extension of the minimum cost flow algorithm for phase unwrapping of
    multitemporal differential SAR interferograms", IEEE TGRS 44, equation 13.

    Parameters
    ----------
    pairs_phase : ndarray
        Radians; shape (pairs, cells), NaN where there is none.
    series_phase : ndarray
        Radians; shape (dates, cells).
    matrix : ndarray
        As of `design_matrix`.
    """
    residual = pairs_phase - matrix @ np.nan_to_num(series_phase)
    known = np.isfinite(residual)
    total = np.where(known, np.exp(1j * np.where(known, residual, 0)), 0).sum(axis=0)
    coherence = np.abs(total) / np.maximum(known.sum(axis=0), 1)
    return np.where(np.isfinite(series_phase).all(axis=0), coherence, np.nan)


def tiles(cells: int, dates: int, pairs: int) -> Iterator[slice]:
    """Return parts of some cells whose `Inverted.operator` fits into memory."""
    size = max(1, min(CELLS_AT_A_TIME, _MOST_VALUES // (dates * pairs)))
    for first in range(0, cells, size):
        yield slice(first, min(first + size, cells))
