"""Least squares that what moves in a smaller part of the map does not bend."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_ROUNDS = 50
_HUBER, REACH = 1.345, 4.685  # standard deviations; 95 % as good as least squares on Gaussian noise
_GAUSSIAN = 0.6745  # median absolute deviation of a standard normal distribution
_SETTLED = 1e-9  # m of change over the map, after which the fit is done


def robust_fit(matrix: NDArray[np.float64], values: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Return the solution of ``matrix @ solution = values``, and the robust standard deviation about it.

    Iteratively reweighted least squares, first with the weights of Huber [1]_, whose minimum is the only one, then
    with Tukey's biweight, which leaves out altogether what is farther than `REACH` standard deviations [2]_.

    Parameters
    ----------
    matrix : ndarray
        Shape (n, terms), of full rank; the first column is constant, the others are of the order of 1.
    values : ndarray
        Metres, shape (n,).

    References
    ----------
    .. [1] Huber (1964), "Robust estimation of a location parameter", Annals of Mathematical Statistics 35(1).
    .. [2] Holland and Welsch (1977), "Robust regression using iteratively reweighted least-squares", Communications
       in Statistics A6.
    """
    solution: NDArray[np.float64] = np.zeros(matrix.shape[1])
    solution[0] = np.median(values)
    spread = 0.0
    for weigh in (_huber, _tukey):
        for _ in range(_ROUNDS):
            residual = values - matrix @ solution
            spread = float(np.median(np.abs(residual))) / _GAUSSIAN
            if spread == 0:  # most cells lie on the surface
                return solution, spread
            weighted = matrix * weigh(residual / spread)[:, None]
            # normal equations: the columns are of one order, and few
            better = np.asarray(np.linalg.lstsq(weighted.T @ matrix, weighted.T @ values, rcond=None)[0])
            change = float(np.abs(better - solution).sum())
            solution = better
            if change < _SETTLED:
                break
    return solution, spread


def _huber(residual: NDArray[np.float64]) -> NDArray[np.float64]:
    return _HUBER / np.maximum(np.abs(residual), _HUBER)


def _tukey(residual: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.clip(1 - (residual / REACH) ** 2, 0, None) ** 2
