"""The phase filter of topsApp again: what it does to a phase can be asked without running ISCE2."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.radar.patch_filter import filter_patches

_PATCH = 32  # look cells on a side
STEP = 16  # from patch to patch


def psfilt(interferogram: NDArray[np.complexfloating[Any, Any]], strength: float) -> NDArray[np.complex64]:
    """Filter as ``mroipac/filter/src/psfilt.c`` of ISCE2 2.6.5 does, as its step ``filter`` calls it.

    As [1]_, with the power spectrum of a patch as it is, not smoothed; patches start at the first line and sample
    and overlap by half.

    Parameters
    ----------
    interferogram : ndarray
        Look cells with their amplitude; zero or NaN where there is no data. Shape (lines, samples).
    strength : float
        Exponent of the spectrum.

    Returns
    -------
    ndarray
        Of the same shape; only its phase counts. Zero where there is no data.

    References
    ----------
    .. [1] Goldstein and Werner (1998), "Radar interferogram filtering for geophysical applications", GRL 25(21).
    """

    def gain(spectra: NDArray[np.complex64]) -> NDArray[np.float32]:
        factors: NDArray[np.float32] = np.abs(spectra) ** np.float32(strength)
        return factors

    data = np.nan_to_num(interferogram)
    triangle = 1 - np.abs(2 * (np.arange(_PATCH) - _PATCH / 2) / (_PATCH + 1))
    return np.where(data != 0, filter_patches(data, np.outer(triangle, triangle), STEP, 0, gain), np.complex64(0))
