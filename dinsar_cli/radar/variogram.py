"""Noise of a displacement map over distance: its empirical variogram, a model of it, and what that says of means.

Neighbours share atmosphere and filter, so that the noise of a mean over many cells falls far less than with the
root of their number. The semivariance of cells that are a distance apart tells how much they share [1]_:
``gamma(h) = E[(d(x + h) - d(x))^2] / 2``. Distances are metres; semivariances have the unit of the map, squared.

References
----------
.. [1] Lohman and Simons (2005), "Some thoughts on the use of InSAR data to constrain models of surface
   deformation", G-cubed 6(1); Sudhaus and Jonsson (2009), "Improved source modelling through combined use of InSAR
   and GPS under consideration of correlated data errors", GJI 176(2).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Doubles: TypeAlias = NDArray[np.float64]
Floats: TypeAlias = NDArray[np.floating[Any]]
Cells: TypeAlias = NDArray[np.int64]
ModelName: TypeAlias = Literal["exponential", "spherical"]
ValuesAt: TypeAlias = Callable[[Cells, Cells], Floats]

PAIRS = 40_000
"""Pairs of cells that are looked at."""
_ROUNDS = 4  # of drawing pairs, until enough have values
_BINS = 24  # of distance, in equal ratios
_LEAST_PAIRS = 50  # of a bin that counts
_LEAST_BINS = 5  # that a model needs
_REACHED = 0.98  # of the largest distance: the most that a range has which is not at its limit
_RANGES = 60  # that are tried, before the best is refined
_MOST_CELLS = 1000  # of a set, of whose mean the covariance is summed over all pairs
_CHUNK = 500  # cells of which the distance to all others is held at a time


@dataclass(frozen=True, eq=False)
class EmpiricalVariogram:
    """Semivariance of pairs of cells by their distance; arrays of one length, by rising distance.

    Attributes
    ----------
    distance : ndarray
        Mean distance of the pairs of a bin, metres.
    semivariance : ndarray
        Half of their mean squared difference.
    pairs : ndarray of int
        Their number.
    """

    distance: Doubles
    semivariance: Doubles
    pairs: Cells


@dataclass(frozen=True)
class Variogram:
    """A model of the semivariance: ``nugget + sill * f(h / range)`` for h > 0, and 0 at h = 0.

    Attributes
    ----------
    model : {"exponential", "spherical"}
        Its form: ``f = 1 - exp(-3 h / range)``, or ``1.5 h / range - 0.5 (h / range)^3`` up to the range and 1
        beyond.
    nugget : float
        Variance that no neighbour shares.
    sill : float
        Variance that neighbours share; nugget + sill is that of a single cell.
    range : float
        Metres beyond which cells share nothing, or less than 5 % of the sill (exponential).
    misfit : float
        Root mean square of empirical over model semivariance - 1.
    empirical : EmpiricalVariogram or None
        What it was fitted to.
    plane_removed : bool
        Whether it is that of a map without its plane.
    """

    model: ModelName
    nugget: float
    sill: float
    range: float
    misfit: float = 0.0
    empirical: EmpiricalVariogram | None = field(default=None, compare=False)
    plane_removed: bool = False

    @property
    def variance(self) -> float:
        """Variance of a single cell."""
        return self.nugget + self.sill

    @property
    def reaches_sill(self) -> bool:
        """Whether the range is within the distances that it was fitted to; else range and sill are a least."""
        if self.empirical is None or self.sill == 0:
            return True
        return self.range < _REACHED * float(self.empirical.distance[-1])

    def semivariance(self, distance: ArrayLike) -> Doubles:
        """Return half of the expected squared difference of cells that are a distance apart, metres."""
        metres = np.abs(np.asarray(distance, np.float64))
        return np.where(metres > 0, self.nugget + self.sill * _FORMS[self.model](metres / self.range), 0.0)

    def covariance(self, distance: ArrayLike) -> Doubles:
        """Return the covariance of cells that are a distance apart, metres; at 0 it is the variance."""
        metres = np.abs(np.asarray(distance, np.float64))
        shared = self.sill * (1 - _FORMS[self.model](metres / self.range))
        return shared + np.where(metres > 0, 0.0, self.nugget)

    def covariance_of_means(
        self, first: Floats, second: Floats | None = None, *, count: int | None = None
    ) -> float:
        """Return the covariance of the means over two sets of cells, or the variance of one mean.

        Of a set of more than some thousand cells its parts are taken that stand for it; the nugget, which falls
        with the number of cells, is that of all.

        Parameters
        ----------
        first, second : ndarray, shape (n, 2)
            Metres east and north of each cell. Without ``second`` it is the variance of the mean over ``first``.
        count : int, optional
            Cells for which those of ``first`` stand, where they are not all.
        """
        if second is None:
            return self._variance_of_mean(np.asarray(first, np.float64), count or len(first))
        one, other = np.asarray(first, np.float64), np.asarray(second, np.float64)
        return self._mean_over(_standing_for(one), _standing_for(other))

    def as_record(self) -> dict[str, Any]:
        """Return what a file or journal says of it: form, the three numbers, and how well they fit."""
        return {
            "model": self.model,
            "nugget_m2": self.nugget,
            "sill_m2": self.sill,
            "range_m": self.range,
            "misfit": self.misfit,
            "plane_removed": self.plane_removed,
        }

    def _variance_of_mean(self, cells: Doubles, count: int) -> float:
        chosen = _standing_for(cells)
        taken = len(chosen)
        if taken in {1, count}:
            return self._mean_over(chosen, chosen)
        # those of different cells stand for all pairs of different ones
        together = (self._mean_over(chosen, chosen) * taken - self.variance) / (taken - 1)
        return together * (1 - 1 / count) + self.variance / count

    def _mean_over(self, one: Doubles, other: Doubles) -> float:
        total = 0.0
        for start in range(0, len(one), _CHUNK):
            apart = one[start : start + _CHUNK, None, :] - other[None, :, :]
            total += float(self.covariance(np.hypot(apart[..., 0], apart[..., 1])).sum())
        return total / (len(one) * len(other))


def map_variogram(
    displacement: Floats, spacing: tuple[float, float], *, outside: NDArray[np.bool_] | None = None, **options: Any
) -> Variogram | None:
    """Return the variogram of the noise of a map.

    Parameters
    ----------
    displacement : ndarray, shape (rows, columns)
        NaN where there is none.
    spacing : (float, float)
        Metres between rows and between columns.
    outside : ndarray of bool, optional
        Cells that show noise alone: outside of what moves. All by default.
    **options
        Those of `variogram_at`.
    """
    known = displacement if outside is None else np.where(outside, displacement, np.nan)
    rows, columns = known.shape
    return variogram_at(lambda row, column: known[row, column], (rows, columns), spacing, **options)


def variogram_at(
    values: ValuesAt,
    shape: tuple[int, int],
    spacing: tuple[float, float],
    *,
    longest: float | None = None,
    pairs: int = PAIRS,
    remove_plane: bool = True,
    seed: int = 1,
) -> Variogram | None:
    """Return the variogram of the noise of a map that need not be in memory.

    Pairs of cells are drawn at random, as many at short distances as at long ones by their logarithm.

    Parameters
    ----------
    values : function
        From rows and columns, shape (n,), to the map there; NaN where there is nothing or something moves.
    shape : (int, int)
        Rows and columns of the map.
    spacing : (float, float)
        Metres between rows and between columns.
    longest : float, optional
        Metres of the largest distance; half of the diagonal by default.
    pairs : int
        That should have values. Less are taken where the map is nearly empty.
    remove_plane : bool
        Whether to take the plane of least squares away first: orbits and the large atmosphere leave one, and with
        it there is no sill.
    seed : int
        The same seed draws the same pairs.

    Returns
    -------
    Variogram or None
        None where too few pairs have values.
    """
    reach = longest or math.hypot(shape[0] * spacing[0], shape[1] * spacing[1]) / 2
    rng = np.random.default_rng(seed)
    found: list[Doubles] = []
    for _ in range(_ROUNDS):
        cells = _draw(rng, pairs, shape, spacing, reach)
        first, second = values(cells[0], cells[1]), values(cells[2], cells[3])
        known = np.isfinite(first) & np.isfinite(second)
        found.append(np.vstack([cells[:, known], first[known], second[known]]))
        if sum(part.shape[1] for part in found) >= pairs / 2:
            break
    row, column, other_row, other_column, first, second = np.hstack(found)
    difference = first - second
    if remove_plane and difference.size:
        difference = difference - _of_plane(row, column, other_row, other_column, first, second)
    distance = np.hypot((row - other_row) * spacing[0], (column - other_column) * spacing[1])
    return fit_variogram(empirical_variogram(distance, difference), plane_removed=remove_plane)


def empirical_variogram(distance: Floats, difference: Floats) -> EmpiricalVariogram:
    """Return the semivariance of pairs in bins of distance, whose limits have equal ratios.

    Parameters
    ----------
    distance : ndarray, shape (n,)
        Metres between both of a pair, above 0.
    difference : ndarray, shape (n,)
        Of their values.
    """
    if not distance.size:
        return EmpiricalVariogram(np.empty(0), np.empty(0), np.empty(0, np.int64))
    logs = np.log(distance)
    edges = np.linspace(logs.min(), logs.max() * (1 + 1e-12) + 1e-12, _BINS + 1)
    bins = np.clip(np.searchsorted(edges, logs, "right") - 1, 0, _BINS - 1)
    count = np.bincount(bins, minlength=_BINS)
    enough = count >= _LEAST_PAIRS
    divisor = np.maximum(count, 1)
    mean = np.bincount(bins, distance, _BINS) / divisor
    half = np.bincount(bins, np.square(difference, dtype=np.float64), _BINS) / divisor / 2
    return EmpiricalVariogram(mean[enough], half[enough], count[enough].astype(np.int64))


def fit_variogram(empirical: EmpiricalVariogram, *, plane_removed: bool = False) -> Variogram | None:
    """Return the model, exponential or spherical with a nugget, that fits an empirical variogram best.

    Least squares, in which a bin counts by its pairs over the square of its semivariance [1]_. The range is at most
    the largest distance.

    Parameters
    ----------
    empirical : EmpiricalVariogram
        Of a map.
    plane_removed : bool
        Kept with the model.

    Returns
    -------
    Variogram or None
        None where it has too few bins.

    References
    ----------
    .. [1] Cressie (1985), "Fitting variogram models by weighted least squares", Mathematical Geology 17(5).
    """
    if empirical.distance.size < _LEAST_BINS:
        return None
    if not empirical.semivariance.any():
        return Variogram("exponential", 0.0, 0.0, float(empirical.distance[-1]), 0.0, empirical, plane_removed)
    return min((_best(empirical, name, plane_removed) for name in _FORMS), key=lambda model: model.misfit)


def _best(empirical: EmpiricalVariogram, name: ModelName, plane_removed: bool) -> Variogram:
    """Return the model of a form: the range is looked for, nugget and sill follow from it."""
    from scipy.optimize import minimize_scalar, nnls

    h = empirical.distance
    weight = np.sqrt(empirical.pairs) / np.maximum(empirical.semivariance, empirical.semivariance.max() * 1e-6)

    def at(log_range: float) -> tuple[Doubles, float]:
        design = np.column_stack([np.ones(h.size), _FORMS[name](h / math.exp(log_range))])
        parts, rest = nnls(design * weight[:, None], empirical.semivariance * weight)
        return parts, float(rest)

    tried = np.linspace(math.log(h[0]), math.log(h[-1]), _RANGES)
    best = int(np.argmin([at(log_range)[1] for log_range in tried]))
    limits = tried[max(0, best - 1)], tried[min(_RANGES - 1, best + 1)]
    refined = minimize_scalar(lambda log_range: at(log_range)[1], bounds=limits, method="bounded")
    (nugget, sill), rest = at(float(refined.x))
    misfit = rest / math.sqrt(float(empirical.pairs.sum()))
    return Variogram(name, float(nugget), float(sill), math.exp(refined.x), misfit, empirical, plane_removed)


def _exponential(ratio: Doubles) -> Doubles:
    return -np.expm1(-3 * ratio)


def _spherical(ratio: Doubles) -> Doubles:
    inside = np.minimum(ratio, 1)
    return inside * (1.5 - 0.5 * inside * inside)


_FORMS: Mapping[ModelName, Callable[[Doubles], Doubles]] = {"exponential": _exponential, "spherical": _spherical}


def _draw(
    rng: np.random.Generator, count: int, shape: tuple[int, int], spacing: tuple[float, float], longest: float
) -> Cells:
    """Draw pairs of different cells: row, column, row, column; shape (4, n)."""
    shortest = min(spacing)
    metres = np.exp(rng.uniform(math.log(shortest), math.log(max(longest, shortest * 2)), count))
    angle = rng.uniform(0, 2 * math.pi, count)
    down = np.rint(metres * np.sin(angle) / spacing[0]).astype(np.int64)
    right = np.rint(metres * np.cos(angle) / spacing[1]).astype(np.int64)
    fits = (np.abs(down) < shape[0]) & (np.abs(right) < shape[1]) & ((down != 0) | (right != 0))
    down, right = down[fits], right[fits]
    row = np.maximum(0, -down) + np.floor(rng.random(down.size) * (shape[0] - np.abs(down))).astype(np.int64)
    column = np.maximum(0, -right) + np.floor(rng.random(down.size) * (shape[1] - np.abs(right))).astype(np.int64)
    return np.vstack([row, column, row + down, column + right])


def _of_plane(
    row: Doubles, column: Doubles, other_row: Doubles, other_column: Doubles, first: Doubles, second: Doubles
) -> Doubles:
    """Return the differences of pairs that are those of the plane through all of their cells."""
    rows, columns, values = np.r_[row, other_row], np.r_[column, other_column], np.r_[first, second]
    design = np.column_stack([np.ones(rows.size), rows - rows.mean(), columns - columns.mean()])
    (_, by_row, by_column), *_ = np.linalg.lstsq(design, values, rcond=None)
    result: Doubles = (row - other_row) * by_row + (column - other_column) * by_column
    return result


def _standing_for(cells: Doubles) -> Doubles:
    """Return cells of a set that stand for all: one at random of each run of neighbours in their order."""
    if len(cells) <= _MOST_CELLS:
        return cells
    edges = np.linspace(0, len(cells), _MOST_CELLS + 1)
    chosen = np.floor(edges[:-1] + np.random.default_rng(1).random(_MOST_CELLS) * np.diff(edges)).astype(np.int64)
    return cells[np.minimum(chosen, len(cells) - 1)]
