"""The noise of daily positions: white noise and flicker noise, whose size a series itself tells.

Days in a row share most of their errors, so that a mean over them is less certain than with independent days. The
noise is that of the field [1]_: white noise, and noise whose power falls with the frequency (flicker), made of
white noise by fractional integration [2]_; their sizes are those of the highest restricted likelihood [3]_.

References
----------
.. [1] Williams et al. (2004), "Error analysis of continuous GPS position time series", JGR 109, B03412.
.. [2] Hosking (1981), "Fractional differencing", Biometrika 68(1); Williams (2003), "The effect of coloured noise
   on the uncertainties of rates estimated from geodetic time series", J. Geodesy 76, eq. 8.
.. [3] Patterson and Thompson (1971), "Recovery of inter-block information when block sizes are unequal",
   Biometrika 58(3).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Doubles: TypeAlias = NDArray[np.float64]
Days: TypeAlias = NDArray[np.int64]

_RATIOS = np.geomspace(0.01, 30.0, 14)
"""Variance that a day of flicker adds, over that of white noise, which are tried."""
_USUAL, _SPREAD = math.log(0.5), 1.5
"""What is expected of the logarithm of the ratio: of 1 mm of white noise and 3 mm / year^(1/4) of flicker (Williams
et al. 2004), which few days in a row can hardly tell."""
_LONGEST = 8000  # days over which flicker is followed


@dataclass(frozen=True)
class Noise:
    """Noise of one component.

    Attributes
    ----------
    white, flicker : float
        Standard deviations, metres: of a day of usual formal sigma, and of what a day of flicker adds.
    """

    white: float
    flicker: float

    def covariance(self, days: Days, sigmas: Doubles, usual: float) -> Doubles:
        """Return the covariance of the positions of some days, square metres.

        Parameters
        ----------
        days : ndarray of int, shape (n,)
            Rising.
        sigmas : ndarray, shape (n,)
            Their formal standard deviations: of the white noise only how it differs from day to day is taken.
        usual : float
            A formal standard deviation that stands for `white`.
        """
        shape: Doubles = np.diag(np.square(self.white * sigmas / usual)) + self.flicker**2 * flicker_shape(days)
        return shape


def noise_of(days: Days, values: Doubles, sigmas: Doubles, usual: float, design: Doubles) -> Noise:
    """Return the noise of a series about a model of its motion.

    Parameters
    ----------
    days : ndarray of int, shape (n,)
    values, sigmas : ndarray, shape (n,)
        Positions and their formal standard deviations, metres.
    usual : float
        See `Noise.covariance`.
    design : ndarray, shape (n, p)
        Of what the motion consists; n > p.
    """
    # in units of the white noise, and along the axes of the flicker noise, all covariances are diagonal
    unit = sigmas / usual
    flicker, axes = np.linalg.eigh(flicker_shape(days) / np.outer(unit, unit))
    turned, model = axes.T @ (values / unit), axes.T @ (design / unit[:, None])
    tried = [_likelihood(1 + ratio * np.maximum(flicker, 0), turned, model, math.log(ratio)) for ratio in _RATIOS]
    best = int(np.argmax([likelihood for likelihood, _ in tried]))
    scale = math.sqrt(tried[best][1])
    return Noise(scale, scale * math.sqrt(_RATIOS[best]))


def _likelihood(variance: Doubles, values: Doubles, design: Doubles, log_ratio: float) -> tuple[float, float]:
    """Return the logarithm of the restricted likelihood with what is expected of the ratio, and the scale."""
    solved = design / variance[:, None]
    normal = design.T @ solved
    residual = values - design @ np.linalg.solve(normal, solved.T @ values)
    free = len(values) - design.shape[1]
    scale = max(float(np.sum(np.square(residual) / variance)) / free, 1e-18)
    determinants = float(np.sum(np.log(variance))) + float(np.linalg.slogdet(normal)[1])
    expected = ((log_ratio - _USUAL) / _SPREAD) ** 2
    return -0.5 * (free * math.log(scale) + determinants + expected), scale


def flicker_shape(days: Days) -> Doubles:
    """Return the covariance of flicker noise of one unit a day at some days; shape (n, n).

    It began as long before the first of them as they last: without that, days far apart would share too much.
    """
    start = np.minimum(days - days[0], _LONGEST)
    span = int(start[-1])
    # weights of the white noise of each earlier day: Hosking's with a power of 1
    lags = np.arange(1, 2 * span + 1)
    weights = np.concatenate([[1.0], np.cumprod((lags - 0.5) / lags)])
    since = (start + span)[:, None] - np.arange(2 * span + 1)
    rows = np.where(since >= 0, weights[since], 0.0)
    return np.asarray(rows @ rows.T)
