"""The phase filter of the embedded engine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from dinsar_cli.radar.patch_filter import filter_patches

Complexes = NDArray[np.complex64]

STEP = 8  # look cells from patch to patch
_SIZE = 4 * STEP  # of a patch
REACH = _SIZE
"""Look cells that a patch reaches."""
_SMOOTHING = 3  # of the spectrum, in its samples


def goldstein(interferogram: Complexes, strength: float) -> Complexes:
    """Filter the phase adaptively [1]_, on overlapping patches.

    The same as ``eos.sar.goldstein_filter.apply`` of eos-sar, many patches at once instead of one by one.

    Parameters
    ----------
    interferogram : ndarray
        Unit amplitude where there is data, NaN elsewhere.
    strength : float
        Exponent of the smoothed spectrum, 0 (none) to 1.

    Returns
    -------
    ndarray
        Of the same shape; only its phase counts. NaN where there is no data.

    References
    ----------
    .. [1] Goldstein and Werner (1998), "Radar interferogram filtering for geophysical applications", GRL 25(21).
    """
    if strength == 0:
        return interferogram

    def gain(spectra: Complexes) -> NDArray[np.float32]:
        smooth = uniform_filter(np.abs(spectra), size=(1, _SMOOTHING, _SMOOTHING), mode="wrap")
        lowest = smooth[:, :1, :1]
        factors = np.divide(smooth, lowest, out=smooth, where=lowest > 0)
        factors **= strength
        return factors

    rise = 1 - np.abs(np.arange(_SIZE) - _SIZE / 2 + 0.5) / (_SIZE / 2)
    known = np.isfinite(interferogram)
    data = np.where(known, interferogram, np.complex64(0))
    filtered = filter_patches(data, np.outer(rise, rise) / 4, STEP, _SIZE - STEP, gain)
    return np.where(known, filtered, np.complex64(np.nan))
