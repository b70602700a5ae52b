"""Phase filters that weight the spectra of overlapping patches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import fft

Complexes: TypeAlias = NDArray[np.complex64]
Gain: TypeAlias = Callable[[Complexes], NDArray[np.float32]]

_AT_ONCE = 256  # patches: what is worked on then stays in the cache of the processor


def filter_patches(
    image: NDArray[np.complexfloating[Any, Any]],
    weight: NDArray[np.floating[Any]],
    step: int,
    before: int,
    gain: Gain,
    taper: NDArray[np.floating[Any]] | None = None,
) -> Complexes:
    """Multiply the spectra of square patches, and add the patches up again where they overlap.

    Single precision. Beyond the image there are zeros.

    Parameters
    ----------
    image : ndarray
        Look cells, zero where there is no data. Shape (lines, samples).
    weight : ndarray
        That patches are multiplied with before they are added, shape (size, size).
    step : int
        Look cells from patch to patch; the size of a patch is a multiple of it.
    before : int
        Look cells by which the first patch begins before the image.
    gain : callable
        Gives the factors of the spectra of some patches, zero frequency first; both of shape (patches, size, size).
    taper : ndarray, optional
        That patches are multiplied with before they are transformed, of the shape of `weight`.

    Returns
    -------
    ndarray
        Shape (lines, samples).
    """
    size, (lines, samples) = len(weight), image.shape
    weight = weight.astype(np.float32)
    taper = np.ones_like(weight) if taper is None else taper.astype(np.float32)
    down, across = (-(-(before + length) // step) for length in image.shape)  # patches that reach the image
    padded = np.zeros(((down - 1) * step + size, (across - 1) * step + size), np.complex64)
    inside = (slice(before, before + lines), slice(before, before + samples))
    padded[inside] = image
    summed = np.zeros_like(padded)
    for row in range(0, down * step, step):
        strip, target = padded[row : row + size], summed[row : row + size]
        every = sliding_window_view(strip, size, axis=1)[:, ::step].swapaxes(0, 1)
        for first in range(0, across, _AT_ONCE):
            spectra = fft.fft2(every[first : first + _AT_ONCE] * taper, overwrite_x=True)
            spectra *= gain(spectra)
            patches = fft.ifft2(spectra, overwrite_x=True)
            patches *= weight
            count = len(patches)
            for part in range(size // step):
                start = (first + part) * step
                columns = patches[:, :, part * step : (part + 1) * step].swapaxes(0, 1)
                target[:, start : start + count * step] += columns.reshape(size, count * step)
    return summed[inside]
