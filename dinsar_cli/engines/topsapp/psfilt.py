"""The phase filter of topsApp again: what it does to a phase can be asked without running ISCE2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_PATCH = 32  # look cells on a side
STEP = 16  # from patch to patch


def psfilt(interferogram: NDArray[np.complexfloating[Any, Any]], strength: float) -> NDArray[np.complex128]:
    """Filter as ``mroipac/filter/src/psfilt.c`` of ISCE2 2.6.5 does, as its step ``filter`` calls it.

    Goldstein and Werner (1998), GRL 25(21), with the power spectrum of a patch as it is, not smoothed; patches
    start at the first line and sample and overlap by half.

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
    """
    import numpy as np

    lines, samples = interferogram.shape
    data = np.nan_to_num(interferogram)
    padded = np.zeros([-(-size // STEP) * STEP + _PATCH for size in data.shape], np.complex128)
    padded[:lines, :samples] = data
    summed = np.zeros_like(padded)
    triangle = 1 - np.abs(2 * (np.arange(_PATCH) - _PATCH / 2) / (_PATCH + 1))
    weight = np.outer(triangle, triangle)
    columns = range(0, samples, STEP)
    for line in range(0, lines, STEP):
        rows = slice(line, line + _PATCH)
        spectra = np.fft.fft2(np.stack([padded[rows, column : column + _PATCH] for column in columns]))
        patches = np.fft.ifft2(spectra * np.abs(spectra) ** strength) * weight
        for column, patch in zip(columns, patches, strict=True):
            summed[rows, column : column + _PATCH] += patch
    return np.where(data != 0, summed[:lines, :samples], 0)
