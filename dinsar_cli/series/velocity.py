"""Velocity from displacement of dates, and the two reasons why it is not exact.

Decorrelation differs from cell to cell. Pairs that share a date share its noise: their covariance follows from the
coherence between all dates (Samiei-Esfahany et al. 2016, "Phase estimation for distributed scatterers in InSAR
using integer least squares estimation", IEEE TGRS 54, equation 8): of pairs ij and kl with L looks it is ``(g_ik
g_jl - g_il g_jk) / (2 L g_ij g_kl)``. What the atmosphere delays a date by is the same in all of its pairs, and is
not made less by more pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from dinsar_cli.series.graph import Pair

Floats = NDArray[np.floating[Any]]

YEAR: Final = 365.25
"""Days."""
_BINS: Final = 10
_LEAST_COHERENCE: Final = 0.02
_RIDGE: Final = 1e-3


def years(dates: Sequence[date]) -> Floats:
    """Return the time of dates after the first, in years."""
    return np.array([(day - dates[0]).days / YEAR for day in dates])


@dataclass(frozen=True)
class Model:
    """What displacement is made of in time: a constant, velocity, and what was asked for beside them.

    Attributes
    ----------
    names : tuple of str
        Of the columns: ``offset``, ``velocity``, ``sine``, ``cosine``, ``step_YYYYMMDD``.
    matrix : ndarray
        Shape (dates, columns).
    """

    names: tuple[str, ...]
    matrix: Floats

    @classmethod
    def of(cls, dates: Sequence[date], *, seasonal: bool = False, steps: Sequence[date] = ()) -> Model:
        """Return the model of some dates.

        Parameters
        ----------
        dates : sequence of date
        seasonal : bool
            Whether there is a period of a year.
        steps : sequence of date
            Each a jump between the dates before it and those from it on.
        """
        time = years(dates)
        columns = {"offset": np.ones(len(dates)), "velocity": time}
        if seasonal:
            columns |= {"sine": np.sin(2 * np.pi * time), "cosine": np.cos(2 * np.pi * time)}
        for step in steps:
            columns[f"step_{step:%Y%m%d}"] = np.array([float(day >= step) for day in dates])
        return cls(tuple(columns), np.column_stack(list(columns.values())))

    @property
    def determined(self) -> bool:
        """Whether the dates tell the columns from each other."""
        return bool(np.linalg.matrix_rank(self.matrix) == len(self.names))

    def functional(self, name: str, weights: Floats | None = None) -> Floats:
        """Return by what a coefficient follows from the displacement of dates; shape (dates,).

        Parameters
        ----------
        name : str
        weights : ndarray, optional
            Of the dates; alike unless given.
        """
        root = np.ones(len(self.matrix)) if weights is None else np.sqrt(weights)
        row: Floats = np.linalg.pinv(self.matrix * root[:, None])[self.names.index(name)] * root
        return row


def pair_correlation(dates: Sequence[date], pairs: Sequence[Pair], coherence: Floats) -> Floats:
    """Return the correlation of the noise of pairs; shape (pairs, pairs).

    Parameters
    ----------
    dates : sequence of date
    pairs : sequence of Pair
    coherence : ndarray
        Of each pair, 0 to 1; shape (pairs,).
    """
    place = {day: number for number, day in enumerate(dates)}
    g = _all_coherences(dates, pairs, coherence)
    i, j = (np.array([place[pair[end]] for pair in pairs]) for end in (0, 1))
    covariance = g[np.ix_(i, i)] * g[np.ix_(j, j)] - g[np.ix_(i, j)] * g[np.ix_(j, i)]
    covariance /= np.outer(g[i, j], g[i, j])
    deviation = np.sqrt(np.diag(covariance))
    return np.clip(covariance / np.outer(deviation, deviation), -1, 1)


def _all_coherences(dates: Sequence[date], pairs: Sequence[Pair], coherence: Floats) -> Floats:
    """Return the coherence between any two dates; of those that are no pair, by a law fitted to the pairs.

    Coherence is that of two moments, times what each day takes: ``log g = -a - b days`` with a and b not negative.
    What pairs of one length cannot tell is shared between the two.
    """
    place = {day: number for number, day in enumerate(dates)}
    days = np.array([[abs((one - other).days) for other in dates] for one in dates], float)
    lengths = np.array([(b - a).days for a, b in pairs], float)
    lost = -np.log(np.clip(coherence, _LEAST_COHERENCE, 1 - 1e-6))
    unit = lengths.mean()
    columns = np.column_stack([np.ones(len(pairs)), lengths / unit])
    (at_once, daily), _ = nnls(np.vstack([columns, _RIDGE * np.eye(2)]), np.append(lost, [0, 0]))
    found = np.exp(-at_once - daily * days / unit)
    for (a, b), value in zip(pairs, lost, strict=True):
        found[place[a], place[b]] = found[place[b], place[a]] = np.exp(-value)
    np.fill_diagonal(found, 1)
    return found


def decorrelation_variance(
    operator: Floats, variance: Floats, coherence: Floats, dates: Sequence[date], pairs: Sequence[Pair]
) -> Floats:
    """Return the variance that decorrelation gives a linear function of the pairs; shape (cells,).

    Parameters
    ----------
    operator : ndarray
        By which it follows from the pairs; shape (cells, pairs).
    variance, coherence : ndarray
        Of the pairs; shape (pairs, cells), NaN where there is no value.
    dates : sequence of date
    pairs : sequence of Pair
    """
    scaled = operator * np.sqrt(np.nan_to_num(variance.T))
    known = np.isfinite(coherence)
    total = np.where(known, coherence, 0).sum(axis=0)
    mean = total / np.maximum(known.sum(axis=0), 1)
    bins = np.minimum((mean * _BINS).astype(int), _BINS - 1)
    found = np.zeros(len(operator))
    for number in np.unique(bins):
        cells = bins == number
        typical = np.where(known[:, cells], coherence[:, cells], 0).sum(axis=1)
        typical /= np.maximum(known[:, cells].sum(axis=1), 1)
        correlation = pair_correlation(dates, pairs, typical)
        found[cells] = np.einsum("cp,pq,cq->c", scaled[cells], correlation, scaled[cells], optimize=True)
    return np.maximum(found, 0)
