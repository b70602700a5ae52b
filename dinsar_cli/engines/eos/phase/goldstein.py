"""The phase filter of the embedded engine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import convolve1d

from dinsar_cli.radar.patch_filter import filter_patches

Complexes = NDArray[np.complex64]

STEP = 8  # look cells from patch to patch
_SIZE = 4 * STEP  # of a patch
REACH = _SIZE
"""Look cells that a patch reaches."""
_SMOOTHING = (1 / 6, 4 / 6, 1 / 6)  # of the spectrum, in both directions
_EVERY = 2  # which of its samples tell of the noise, in both directions: neighbours tell the same
_NOISE = 2.0  # times the median amplitude: what noise hardly exceeds
_LEAST = 0.02  # of a frequency that is left, so that no patch becomes nothing
_TINY = np.finfo(np.float32).tiny
DESIGN = (_SIZE, STEP, _SMOOTHING, _EVERY, _NOISE, _LEAST)
"""What the filter does besides its strength, for fingerprints: what another one made is not gone on with."""


def goldstein(interferogram: Complexes, strength: float) -> Complexes:
    """Filter the phase adaptively [1]_, on overlapping patches, with the noise of each patch subtracted [2]_.

    The spectrum of a patch is weighted by ``A**strength``, where A is its smoothed amplitude, as in [1]_, and by
    ``max(1 - (N / A)**2, 0.02)**(2 strength)``, where N is twice the median of A: most frequencies of a patch have
    noise alone, so that the median tells how much it is. Where the signal stands out, the second factor takes
    nothing off it; where noise is all there is, nearly all of it. At strength 0.5 that factor is the share of the
    power that is signal, as in Wiener's filter. Half a period of a sine tapers the patches before and after, so
    that a fringe which does not fit into them stays a narrow peak.

    Parameters
    ----------
    interferogram : ndarray
        Unit amplitude where there is data, NaN elsewhere.
    strength : float
        0 (none) to 1.

    Returns
    -------
    ndarray
        Of the same shape; only its phase counts. NaN where there is no data.

    References
    ----------
    .. [1] Goldstein and Werner (1998), "Radar interferogram filtering for geophysical applications", GRL 25(21).
    .. [2] Boll (1979), "Suppression of acoustic noise in speech using spectral subtraction", IEEE TASSP 27(2).
    """
    if strength == 0:
        return interferogram

    def gain(spectra: Complexes) -> NDArray[np.float32]:
        smooth = np.abs(spectra)
        for axis in (1, 2):
            smooth = convolve1d(smooth, _SMOOTHING, axis, mode="wrap")
        np.maximum(smooth, _TINY, out=smooth)
        some = smooth[:, ::_EVERY, ::_EVERY].reshape(len(smooth), -1)
        middle = some.shape[1] // 2
        noise = _NOISE * np.partition(some, middle, axis=1)[:, middle, None, None]
        share = np.maximum(1 - (noise / smooth) ** 2, _LEAST)
        factors: NDArray[np.float32] = (share * share * smooth) ** np.float32(strength)
        return factors

    arch = np.sin(np.pi * (np.arange(_SIZE) + 0.5) / _SIZE)
    window = np.outer(arch, arch)
    weight = window / (_SIZE / STEP) / window.sum() ** strength  # squares of windows add up, a peak becomes one
    known = np.isfinite(interferogram)
    data = np.where(known, interferogram, np.complex64(0))
    filtered = filter_patches(data, weight, STEP, _SIZE - STEP, gain, window)
    return np.where(known, filtered, np.complex64(np.nan))
