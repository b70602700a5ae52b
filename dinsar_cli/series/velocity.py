"""Velocity from displacement of dates, and the two reasons why it is not exact.

Decorrelation differs from cell to cell. Pairs that share a date share its noise: their covariance follows from the
coherence between all dates (Samiei-Esfahany et al. 2016, "Phase estimation for distributed scatterers in InSAR
using integer least squares estimation", IEEE TGRS 54, equation 8): of pairs ij and kl with L looks it is ``(g_ik
g_jl - g_il g_jk) / (2 L g_ij g_kl)``. What the atmosphere delays a date by is the same in all of its pairs, and is
not made less by more pairs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.radar.uncertainty import unbiased_coherence
from dinsar_cli.series.graph import Pair
from dinsar_cli.series.inversion import design_matrix

Floats = NDArray[np.floating[Any]]

Correlations: TypeAlias = list[tuple[NDArray[np.bool_], Floats]]
"""Cells of like coherence, and the correlation of the noise of pairs there; shapes (cells,) and (pairs, pairs)."""

YEAR: Final = 365.25
"""Days."""
MANY_LOOKS: Final = 1000.0
"""Of a coherence that is taken as it is."""
_BINS: Final = 10
_LEAST_COHERENCE: Final = 0.02
_RIDGE: Final = 1e-3
_LEAST_CELLS: Final = 20  # of a bin whose mean coherence is taken


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


@dataclass(frozen=True)
class DateCoherence:
    """Coherence of any two dates as it was measured, for ground of different coherence.

    Attributes
    ----------
    level : ndarray
        Mean coherence of the pairs of the network, growing; shape (levels,).
    coherence : ndarray
        Of any two dates on such ground, 0 to 1; shape (levels, dates, dates).
    """

    level: Floats
    coherence: Floats

    @classmethod
    def of(cls, sampled: Floats, dates: Sequence[date], pairs: Sequence[Pair]) -> DateCoherence | None:
        """Average what was measured in some cells, by the mean coherence of their pairs.

        Parameters
        ----------
        sampled : ndarray
            Shape (cells, dates, dates).
        dates : sequence of date
        pairs : sequence of Pair

        Returns
        -------
        DateCoherence or None
            None where too few cells were measured.
        """
        place = {day: number for number, day in enumerate(dates)}
        first, second = (np.array([place[pair[end]] for pair in pairs]) for end in (0, 1))
        mean = sampled[:, first, second].mean(axis=1)
        bins = _bin_of(mean)
        told = [number for number in range(_BINS) if np.count_nonzero(bins == number) >= _LEAST_CELLS]
        if not told:
            return None
        return cls(
            np.array([mean[bins == number].mean() for number in told]),
            np.array([sampled[bins == number].mean(axis=0) for number in told]),
        )

    def at(self, mean: float) -> Floats:
        """Return the coherence of any two dates on ground whose pairs have some mean coherence."""
        place = float(np.interp(mean, self.level, np.arange(len(self.level))))
        low = min(int(place), max(0, len(self.level) - 2))
        share = place - low
        high = min(low + 1, len(self.level) - 1)
        found: Floats = (1 - share) * self.coherence[low] + share * self.coherence[high]
        return found


def pair_correlation(
    dates: Sequence[date], pairs: Sequence[Pair], coherence: Floats, others: Floats | None = None
) -> Floats:
    """Return the correlation of the noise of pairs; shape (pairs, pairs).

    Parameters
    ----------
    dates : sequence of date
    pairs : sequence of Pair
    coherence : ndarray
        Of each pair, 0 to 1; shape (pairs,).
    others : ndarray, optional
        Of any two dates, for those that are no pair; shape (dates, dates). By a law fitted to the pairs unless
        given.
    """
    place = {day: number for number, day in enumerate(dates)}
    i, j = (np.array([place[pair[end]] for pair in pairs]) for end in (0, 1))
    g = fitted_coherence(dates, pairs, coherence) if others is None else others.copy()
    g[i, j] = g[j, i] = np.clip(coherence, _LEAST_COHERENCE, 1 - 1e-6)
    np.fill_diagonal(g, 1)
    covariance = g[np.ix_(i, i)] * g[np.ix_(j, j)] - g[np.ix_(i, j)] * g[np.ix_(j, i)]
    covariance /= np.outer(g[i, j], g[i, j])
    deviation = np.sqrt(np.diag(covariance))
    return np.clip(covariance / np.outer(deviation, deviation), -1, 1)


def fitted_coherence(dates: Sequence[date], pairs: Sequence[Pair], coherence: Floats) -> Floats:
    """Return the coherence between any two dates by a law fitted to the pairs; shape (dates, dates).

    Coherence is that of two moments, times what each day takes: ``log g = -a - b days`` with a and b not negative.
    Pairs of one length cannot tell the two from each other: then all is lost day by day, by which the noise of
    pairs that share a date does not cancel, so that no variance that follows is too small.
    """
    from scipy.optimize import nnls

    days = np.array([[abs((one - other).days) for other in dates] for one in dates], float)
    lengths: Floats = np.array([(b - a).days for a, b in pairs], float)
    lost: Floats = -np.log(np.clip(coherence, _LEAST_COHERENCE, 1 - 1e-6))
    if not is_law_known(pairs):
        found: Floats = np.exp(-float(lost.sum() / lengths.sum()) * days)
        return found
    unit = lengths.mean()
    columns = np.column_stack([np.ones(len(pairs)), lengths / unit])
    (at_once, daily), _ = nnls(np.vstack([columns, _RIDGE * np.eye(2)]), np.append(lost, [0, 0]))
    law: Floats = np.exp(-at_once - daily * days / unit)
    return law


def is_law_known(pairs: Sequence[Pair]) -> bool:
    """Tell whether pairs are of different lengths, so that a law of decorrelation can be fitted to them."""
    lengths = [(b - a).days for a, b in pairs]
    return max(lengths) > 1.5 * min(lengths)


def excess_of_law(dates: Sequence[date], pairs: Sequence[Pair], coherence: float) -> float:
    """Return how many times too large the sigma of velocity is when coherence is lost at once, and not day by day.

    Parameters
    ----------
    dates : sequence of date
    pairs : sequence of Pair
        Of one length, between which `fitted_coherence` takes all to be lost day by day.
    coherence : float
        Of the pairs, 0 to 1.
    """
    design = design_matrix(dates, pairs)[:, 1:]
    operator = Model.of(dates).functional("velocity")[1:] @ np.linalg.pinv(design)
    typical, constant = np.full(len(pairs), coherence), np.full((len(dates), len(dates)), coherence)
    daily, at_once = (
        operator @ pair_correlation(dates, pairs, typical, others) @ operator for others in (None, constant)
    )
    return math.sqrt(float(daily) / max(float(at_once), 1e-12))


def decorrelation_covariance(operator: Floats, variance: Floats, correlations: Correlations) -> Floats:
    """Return the mean covariance that decorrelation gives linear functions of the pairs; shape (dates, dates).

    Parameters
    ----------
    operator : ndarray
        By which they follow from the pairs; shape (cells, dates, pairs).
    variance : ndarray
        Of the pairs; shape (pairs, cells), NaN where there is no value.
    correlations : Correlations
        Of the same cells.
    """
    scaled = operator * np.sqrt(np.nan_to_num(variance.T))[:, None, :]
    total = np.zeros((operator.shape[1], operator.shape[1]))
    for cells, correlation in correlations:
        some = scaled[cells]
        total += np.tensordot(some @ correlation, some, ([0, 2], [0, 2]))
    return total / max(1, len(operator))


def decorrelation_variance(operator: Floats, variance: Floats, correlations: Correlations) -> Floats:
    """Return the variance that decorrelation gives a linear function of the pairs; shape (cells,).

    Parameters
    ----------
    operator : ndarray
        By which it follows from the pairs; shape (cells, pairs).
    variance : ndarray
        Of the pairs; shape (pairs, cells), NaN where there is no value.
    correlations : Correlations
        Of the same cells.
    """
    scaled = operator * np.sqrt(np.nan_to_num(variance.T))
    found = np.zeros(len(operator))
    for cells, correlation in correlations:
        found[cells] = np.einsum("cp,pq,cq->c", scaled[cells], correlation, scaled[cells], optimize=True)
    return np.maximum(found, 0)


@dataclass(frozen=True)
class Decorrelation:
    """How the noise of pairs that share a date is correlated.

    Attributes
    ----------
    dates : sequence of date
    pairs : sequence of Pair
    between : DateCoherence, optional
        Coherence of dates that are no pair; by a law fitted to the pairs unless given.
    looks : float
        Independent looks of the estimates of coherence, which are too large by what these tell.
    """

    dates: Sequence[date]
    pairs: Sequence[Pair]
    between: DateCoherence | None = None
    looks: float = MANY_LOOKS

    def of(self, coherence: Floats) -> Correlations:
        """Return the correlation for cells of like coherence, each with their place.

        Parameters
        ----------
        coherence : ndarray
            Of the pairs; shape (pairs, cells), NaN where there is no value.
        """
        known = np.isfinite(coherence)
        filled = np.where(known, coherence, 0)
        mean = filled.sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        bins = _bin_of(mean)
        found = []
        for number in np.unique(bins):
            cells = bins == number
            typical = filled[:, cells].sum(axis=1) / np.maximum(known[:, cells].sum(axis=1), 1)
            others = None
            if self.between is not None:
                others = unbiased_coherence(self.between.at(float(mean[cells].mean())), self.looks)
            true = unbiased_coherence(typical, self.looks)
            found.append((cells, pair_correlation(self.dates, self.pairs, true, others)))
        return found


def _bin_of(coherence: Floats) -> NDArray[np.integer[Any]]:
    return np.clip((coherence * _BINS).astype(int), 0, _BINS - 1)
