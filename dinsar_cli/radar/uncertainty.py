"""Noise of the interferometric phase from coherence and looks: the published formulas, as pure functions.

Symbols: gamma is the coherence, L the number of independent looks, which need not be whole.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter
from scipy.special import gammaln, hyp2f1, xlogy

Floats: TypeAlias = NDArray[np.floating[Any]]
Doubles: TypeAlias = NDArray[np.float64]

UNIFORM = math.pi / math.sqrt(3)
"""Standard deviation of a phase of which nothing is known, radians: the largest there is."""

NOISE_SHARE = 0.99
"""Of the cells of pure noise, those that are told as such by their coherence."""
_TELLING_LOOKS = 200.0  # independent looks from which noise is told from a true coherence of about 0.2
_WEIGHTED = 0.762 * 0.833
"""Independent looks for each that bandwidth and sampling tell.

Spectra are weighted by Hamming windows, of coefficients 0.70 along the track and 0.75 in range (annotation of
Sentinel-1 IW), which leave ``mean(W^2)^2 / mean(W^4)``."""

_LEAST_LOOKS = 1.0  # below, the formulas have no meaning
_NODES = 256  # of the interpolation between coherences
_PHASES = 64  # of the integral over the probability density: within 1e-6 for any coherence and looks
_NARROW, _MANY_LOOKS = 0.03, 1000.0  # radians, looks: there bound and density differ by 0.1 %
_TERMS = 12.0  # standard deviations of the series of the expected coherence that count


def expected_coherence(coherence: Floats, looks: float) -> Doubles:
    """Mean of the sample coherence of Gaussian speckle, which is above the true one.

    The hypergeometric series of equation 12 of [1]_ is summed as the mean of
    ``Gamma(n+3/2) Gamma(L+n) / (Gamma(L+n+1/2) Gamma(n+1))`` over a negative binomial distribution of n, whose
    terms stay below 1.

    Parameters
    ----------
    coherence : ndarray
        True coherence, 0 to 1.
    looks : float
        Independent samples of the estimate.

    References
    ----------
    .. [1] Touzi et al. (1999), "Coherence estimation for SAR imagery", IEEE TGRS 37(1).
    """
    true = np.asarray(coherence, np.float64)
    looks = max(looks, _LEAST_LOOKS)
    result = np.ones(true.shape)
    for index in np.ndindex(true.shape):
        squared = float(true[index]) ** 2
        if squared > 1 - 1e-5:  # nearly no bias is left, and the series has no end
            continue
        middle, spread = looks * squared / (1 - squared), math.sqrt(looks * squared) / (1 - squared)
        first = max(0, math.floor(middle - _TERMS * spread))
        n = np.arange(first, math.ceil(middle + _TERMS * spread + 60 / (1 - squared)))
        log_ratio = gammaln(n + 1.5) + gammaln(looks + n) - gammaln(looks + n + 0.5) - gammaln(n + 1)
        log_share = gammaln(looks + n) - gammaln(n + 1) - gammaln(looks) + xlogy(n, squared)
        result[index] = np.sum(np.exp(log_ratio + log_share + looks * math.log1p(-squared)))
    return result


def unbiased_coherence(estimate: Floats, looks: float) -> Doubles:
    """Return the true coherence of which an estimate is the mean: the inverse of `expected_coherence`.

    Estimates below the mean of no coherence at all become 0. It is best applied to averages of estimates (Touzi et
    al. 1999, section V).

    Parameters
    ----------
    estimate : ndarray
        Sample coherence, or a mean of several; NaN stays NaN.
    looks : float
        Independent samples of each estimate.
    """
    true, expected = _expected_at_nodes(looks)
    found = np.asarray(np.interp(estimate, expected, true, left=0.0))
    return np.where(np.isfinite(estimate), found, np.nan)


@cache
def _expected_at_nodes(looks: float) -> tuple[Doubles, Doubles]:
    true = np.linspace(0, 1, _NODES)
    return true, expected_coherence(true, looks)


def noise_limit(looks: float, estimates: float = 1.0, share: float = NOISE_SHARE) -> float:
    """Return the sample coherence below which a share of cells without any coherence lies.

    For a single estimate of L looks it is the quantile of equation 9 of [1]_ for a true coherence of 0, whose
    distribution is ``P(d < x) = 1 - (1 - x^2)^(L - 1)``; the mean of n estimates lies nearer to the expected one by
    ``sqrt(n)``.

    Parameters
    ----------
    looks : float
        Independent samples of each estimate.
    estimates : float
        Independent estimates that were averaged.
    share : float
        Of the cells, 0 to 1.

    References
    ----------
    .. [1] Touzi et al. (1999), "Coherence estimation for SAR imagery", IEEE TGRS 37(1).
    """
    looks = max(looks, _LEAST_LOOKS + 1)
    single = math.sqrt(1 - (1 - share) ** (1 / (looks - 1)))
    middle = float(expected_coherence(np.zeros(1), looks)[0])
    return middle + (single - middle) / math.sqrt(max(estimates, 1.0))


def tells_nothing(estimate: Floats, cell_looks: float, looks: float) -> NDArray[np.bool_]:
    """Tell which cells have a coherence that noise alone has too, and so have those around them.

    Few looks cannot tell a low coherence from none, so that the mean over a window decides, which is as wide as
    `_TELLING_LOOKS` take. A cell counts only if its own coherence is that of noise, too: a coherent island in noise
    does not.

    Parameters
    ----------
    estimate : ndarray
        Sample coherence on the look grid; NaN where there is no data; shape (lines, samples).
    cell_looks : float
        Looks of a look cell that are independent by bandwidth and sampling.
    looks : float
        The same of the window of the coherence. A cell of more looks holds a mean of estimates.
    """
    cell_looks, looks = cell_looks * _WEIGHTED, looks * _WEIGHTED
    known = np.isfinite(estimate)
    values = np.where(known, estimate, 0).astype(np.float32)
    side = 1
    while side**2 * cell_looks < _TELLING_LOOKS:
        side += 2
    weight = uniform_filter(known.astype(np.float32), side, mode="constant")
    mean = uniform_filter(values, side, mode="constant") / np.maximum(weight, np.float32(0.5 / side**2))
    around = mean < noise_limit(looks, side**2 * cell_looks / looks)
    return known & around & (values < noise_limit(looks, cell_looks / looks))


def phase_deviation(coherence: Floats, looks: float) -> Doubles:
    """Return the standard deviation of the multilooked phase, -pi to pi about the true one, radians.

    At few looks that of the exact probability density (`phase_density`); at many it is that of the Cramer-Rao bound
    (`cramer_rao_deviation`), to which the former comes down. It never exceeds `UNIFORM`.

    Parameters
    ----------
    coherence : ndarray
        True coherence, 0 to 1; NaN stays NaN.
    looks : float
        Independent looks.
    """
    angle, nodes = _deviation_at_nodes(looks)
    known = np.clip(np.asarray(coherence, np.float64), 0, 1)
    return np.asarray(np.interp(np.arcsin(known), angle, nodes))


@cache
def _deviation_at_nodes(looks: float) -> tuple[Doubles, Doubles]:
    """Return arcsines of coherence, in equal steps, and the deviation.

    Toward a coherence of 1 it falls as the cosine.
    """
    angle = np.linspace(0, math.pi / 2, _NODES)
    return angle, np.append(_integrated_deviation(np.sin(angle[:-1]), looks), 0.0)


def _integrated_deviation(coherence: Doubles, looks: float) -> Doubles:
    """Return the deviation by the density; of very many looks by that of fewer, or the bound."""
    deviation = np.array([cramer_rao_deviation(value, looks) for value in coherence])
    wide = (deviation > _NARROW) | (looks < _MANY_LOOKS)
    fewer = min(looks, _MANY_LOOKS)  # the density's terms would leave the range of numbers
    odds = coherence[wide] ** 2 / (1 - coherence[wide] ** 2) * (looks / fewer)
    deviation[wide] = _integral(np.sqrt(odds / (1 + odds)), np.minimum(deviation[wide], 1.0), fewer)
    return deviation


def _integral(coherence: Doubles, width: Doubles, looks: float) -> Doubles:
    """Integrate by Gauss and Legendre, on phases that are as dense as the density is narrow; shapes (nodes,)."""
    nodes, weights = np.polynomial.legendre.leggauss(_PHASES)
    half, scale = (nodes + 1) * math.pi / 4, width[:, np.newaxis]
    phase = 2 * np.arctan(scale * np.tan(half))  # 0 to pi
    stretch = scale / (np.cos(half) ** 2 + (scale * np.sin(half)) ** 2)
    density = phase_density(phase, coherence[:, np.newaxis], looks) * stretch * weights
    return np.asarray(np.sqrt(np.sum(phase**2 * density, axis=1) / np.sum(density, axis=1)))


def phase_density(phase: Floats, coherence: float | Floats, looks: float) -> Doubles:
    """Return the probability density of the multilooked phase about the true one, per radian.

    Equation 17 of [1]_, 66 of [2]_, written with Euler's transformation of the hypergeometric function, so that it
    holds for hundreds of looks.

    Parameters
    ----------
    phase : ndarray
        Radians.
    coherence : float or ndarray
        0 to less than 1, of a shape that fits the phases.
    looks : float
        At least 1.

    References
    ----------
    .. [1] Lee et al. (1994), "Intensity and phase statistics of multilook polarimetric and interferometric SAR
       imagery", IEEE TGRS 32(5).
    .. [2] Bamler and Hartl (1998), "Synthetic aperture radar interferometry", Inverse Problems 14.
    """
    looks = max(looks, _LEAST_LOOKS)
    beta = coherence * np.cos(np.asarray(phase, np.float64))
    rest = 1 - beta**2
    common = ((1 - coherence**2) / rest) ** looks / np.sqrt(rest)
    factor = math.exp(gammaln(looks + 0.5) - gammaln(looks)) / (2 * math.sqrt(math.pi))
    density = common * (factor * beta + hyp2f1(0.5 - looks, -0.5, 0.5, beta**2) / (2 * math.pi))
    return np.asarray(np.maximum(density, 0))  # far out, where both terms cancel, rounding remains


def cramer_rao_deviation(coherence: float, looks: float) -> float:
    """Return the bound of the standard deviation of the phase, reached at many looks, radians; at most `UNIFORM`.

    ``sqrt((1 - gamma^2) / (2 L gamma^2))`` [1]_.

    References
    ----------
    .. [1] Rodriguez and Martin (1992), "Theory and design of interferometric synthetic aperture radars", IEE
       Proceedings-F 139(2).
    """
    if coherence <= 0:
        return UNIFORM
    return min(UNIFORM, math.sqrt((1 - coherence**2) / (2 * max(looks, _LEAST_LOOKS))) / coherence)
