"""Phase difference of two bursts that see the same ground, by which a step at a seam is told from deformation."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

BAND = 250.0
"""Metres of ground each side of a cut that are compared."""

PIECE = 1000.0
"""Metres along a cut over which the difference is averaged before the median is taken."""

_MEDIAN_LOSS = math.sqrt(math.pi / 2)  # standard error of a median over that of a mean, of normal values
_MAD_TO_SIGMA = 1.4826  # of normal values
_SURE, _SURE_WITHIN = 3.0, 5.0  # standard errors: of two bursts, and within bursts alone
_DATED = 1e-6  # s: bursts are dated to a microsecond, in both acquisitions
_HUBER, _ROUNDS = 1.345, 10  # standard errors; 95 % as good as least squares on Gaussian noise
_MANY = 5  # places of which most can be trusted where a few differ
_LEAST_AGREEMENT = 3.0  # times what cells of pure noise agree by chance, which one piece in 8000 passes: exp(-9)


def _known(kind: type[Any], record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a record a class has a field for."""
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in record.items() if name in names}


@dataclass(frozen=True)
class OverlapPhase:
    """What two bursts say of the same ground: the step that the map has where it goes from one to the other.

    Attributes
    ----------
    phase : float
        Later (or farther) burst minus the other, radians, -pi to pi.
    sigma : float
        Standard error of it, radians.
    doppler : float or None
        Difference of the Doppler frequencies at which the two see the ground, Hz; None where it is not known.
    lines : float or None
        Misregistration along the track that would make the phase, in lines; None where `doppler` is not known.
    """

    phase: float
    sigma: float
    doppler: float | None = None
    lines: float | None = None

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> OverlapPhase:
        """Take it out of JSON; what later releases add is left out."""
        return cls(**_known(cls, record))

    @property
    def excess(self) -> float:
        """Phase beyond three standard errors, radians."""
        return abs(self.phase) - 3 * self.sigma


def worst(found: Iterable[OverlapPhase | None]) -> OverlapPhase | None:
    """Return the one that shows the largest step for certain; None of none."""
    return max((one for one in found if one is not None), key=lambda one: one.excess, default=None)


def overlap_phase(
    first: NDArray[np.complexfloating[Any, Any]],
    second: NDArray[np.complexfloating[Any, Any]],
    piece: int,
    doppler: float | None = None,
    line_interval: float | None = None,
) -> OverlapPhase | None:
    """Compare the interferograms of two bursts over their overlap.

    Motion along the line of sight, atmosphere and topography are in both and cancel, however steep they are. What
    is left is what makes the step at the seam: ``phi = 2 pi df dt`` for a misregistration dt along the track where
    the bursts see the ground at Doppler frequencies that differ by df (enhanced spectral diversity, [1]_ equation
    3 and [2]_ equation 5), a constant that one of them has and the other not, or motion of the ground along the
    track. The median over pieces of the overlap leaves out motion along the track that is local [2]_.

    Parameters
    ----------
    first, second : ndarray
        Multilooked interferograms of the earlier (nearer) and later (farther) burst over the same cells; shape
        (cells across the seam, cells along it); 0 or NaN where there is none.
    piece : int
        Cells along the seam that are averaged.
    doppler : float, optional
        Frequency of the second minus that of the first, Hz.
    line_interval : float, optional
        Seconds; for the misregistration in lines.

    Returns
    -------
    OverlapPhase or None
        None where no piece has enough coherence.

    References
    ----------
    .. [1] Prats-Iraola, Scheiber, Marotti, Wollstadt and Reigber (2012), "TOPS interferometry with TerraSAR-X",
       IEEE TGRS 50(8).
    .. [2] Fattahi, Agram and Simons (2017), "A network-based enhanced spectral diversity approach for TOPS
       time-series analysis", IEEE TGRS 55(2).
    """
    difference = np.nan_to_num(second).astype(np.complex128) * np.conj(np.nan_to_num(first))
    starts = np.arange(0, max(1, difference.shape[1] - piece // 2), max(1, piece))
    size = abs(difference)
    total, weight, power, cells = (
        np.add.reduceat(values.sum(axis=0), starts) for values in (difference, size, size**2, size > 0)
    )
    told = abs(total) > _LEAST_AGREEMENT * np.sqrt(power)
    if not told.any():
        return None
    units = total[told] / abs(total[told])
    middle = float(np.angle(units.sum()))
    away = np.angle(units * np.exp(-1j * middle))
    phase = float(np.angle(np.exp(1j * (middle + np.median(away)))))
    sigma = max(error_of_median(away, away.size), _noise(abs(total[told]) / weight[told], cells[told]))
    lines = None if not doppler or not line_interval else phase / (2 * math.pi * doppler * line_interval)
    return OverlapPhase(phase, sigma, doppler, lines)


@dataclass(frozen=True)
class Misregistration:
    """By how much the secondary comes later along the track than its orbit and annotation say.

    Attributes
    ----------
    lines, sigma : float
        With standard error.
    overlaps : int
        Places of which two bursts tell it; 0 where it is known from the spectrum within the bursts alone.
    removed : bool
        Whether it was taken off before the interferogram was formed.
    """

    lines: float
    sigma: float
    overlaps: int
    removed: bool = False

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Misregistration:
        """Take it out of JSON; what later releases add is left out."""
        return cls(**_known(cls, record))

    @property
    def told(self) -> str:
        """What was done about it, and how it is known, for people."""
        places = {0: "within the bursts", 1: "in 1 overlap"}.get(self.overlaps, f"in {self.overlaps} overlaps")
        return f"measured {places}, {'taken off' if self.removed else 'left: it is not certain'}"

    def facts(self, line_spacing: float) -> dict[str, Any]:
        """Return it for a record, in metres of ground too."""
        metres = {"metres": self.lines * line_spacing, "sigma_m": self.sigma * line_spacing}
        return metres | asdict(self) | {"told": self.told}

    @property
    def sure(self) -> bool:
        """Whether it is larger than three standard errors; five where no overlap tells it."""
        return abs(self.lines) > (_SURE if self.overlaps else _SURE_WITHIN) * self.sigma


def misregistration(found: Iterable[OverlapPhase | None], line_interval: float) -> tuple[float, float] | None:
    """Return the misregistration along the track that explains the phases best, and its standard error, in lines.

    Least squares of ``phi = 2 pi df dt`` over all places, each weighted by its standard error and the microsecond
    to which bursts are dated, and in turn less where it does not fit the others (Huber's weights [1]_). Where they
    differ by more than their errors, these are taken for as much larger.

    Parameters
    ----------
    found : iterable of OverlapPhase or None
        Whose phases are less than half a cycle.
    line_interval : float
        Seconds.

    Returns
    -------
    (float, float) or None
        None where nothing is told.

    References
    ----------
    .. [1] Huber (1964), "Robust estimation of a location parameter", Annals of Mathematical Statistics 35(1).
    """
    told = [one for one in found if one is not None and one.doppler]
    if not told:
        return None
    slope = np.array([2 * math.pi * float(one.doppler or 0) * line_interval for one in told])
    phase = np.array([one.phase for one in told])
    error = np.hypot([one.sigma for one in told], abs(slope) * _DATED / line_interval)
    each, weight = phase / slope, (slope / error) ** 2
    lines = float(np.median(each)) if len(told) >= _MANY else float((weight * each).sum() / weight.sum())
    away = abs(phase - slope * lines) / error
    spread = _MAD_TO_SIGMA * float(np.median(away)) if len(told) >= _MANY else _deviation(away)
    error = error * max(1.0, spread)
    for _ in range(_ROUNDS):
        away = abs(phase - slope * lines) / error
        weight = (slope / error) ** 2 * np.minimum(1, _HUBER / np.maximum(away, _HUBER))
        lines = float((weight * each).sum() / weight.sum())
    return lines, 1 / math.sqrt(float(weight.sum()))


def _deviation(away: NDArray[np.floating[Any]]) -> float:
    """Return the standard deviation of few values, of which the mean is known from them; 0 of one."""
    return math.sqrt(float((away**2).sum()) / max(1, len(away) - 1))


def error_of_median(values: NDArray[np.floating[Any]], independent: float) -> float:
    """Return the standard error of the median of values, of which some number is independent, from their spread."""
    spread = _MAD_TO_SIGMA * float(np.median(abs(values - np.median(values))))
    return _MEDIAN_LOSS * spread / math.sqrt(independent)


def _noise(agreement: NDArray[np.floating[Any]], cells: NDArray[np.integer[Any]]) -> float:
    """Return the standard error of the median, from how the cells of each piece differ."""
    variance = (1 - np.minimum(agreement, 1) ** 2) / (2 * agreement**2 * cells)
    return _MEDIAN_LOSS * math.sqrt(float(np.mean(variance)) / agreement.size)
