"""Parts of the spectrum of an image: a look along the track or in range that is of another frequency."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Complexes = NDArray[np.complex64]


@dataclass(frozen=True)
class SubBands:
    """The lowest and the highest part of a spectrum about zero, and what power they have where.

    Attributes
    ----------
    low, high : ndarray
        Samples of the image in each; shape (lines, samples).
    frequency, power : ndarray
        Of the spectrum, Hz, and mean over the other direction; zero outside the two parts.
    """

    low: Complexes
    high: Complexes
    frequency: NDArray[np.float64]
    power: NDArray[np.float32]

    @classmethod
    def of(cls, slc: Complexes, axis: int, interval: float, bandwidth: float, share: float) -> SubBands:
        """Split an image.

        Parameters
        ----------
        slc : ndarray
            Samples, zero where there is no data; along the track without the carrier.
        axis : int
            0 along the track, 1 in range.
        interval : float
            Seconds from sample to sample along it.
        bandwidth : float
            Of the spectrum, Hz.
        share : float
            Of the bandwidth that each part has, up to a half.
        """
        size = fft.next_fast_len(slc.shape[axis])
        spectrum = np.asarray(fft.fft(slc.astype(np.complex64), size, axis), np.complex64)
        frequency: NDArray[np.float64] = np.fft.fftfreq(size, interval).astype(np.float64)
        parts = [
            (lowest, lowest + share * bandwidth) for lowest in (-bandwidth / 2, bandwidth / 2 - share * bandwidth)
        ]
        masks = [(frequency >= lowest) & (frequency < highest) for lowest, highest in parts]
        inside = tuple(slice(length) for length in slc.shape)
        low, high = (
            np.asarray(fft.ifft(spectrum * np.expand_dims(mask, 1 - axis), axis=axis), np.complex64)[inside]
            for mask in masks
        )
        power = np.where(masks[0] | masks[1], np.mean(abs(spectrum) ** 2, axis=1 - axis), 0).astype(np.float32)
        return cls(low, high, frequency, power)

    def apart(self, other: SubBands | None = None) -> float:
        """Return how far the middles of both parts lie apart, Hz, by the power of this image or of two of them."""
        power = self.power if other is None else np.sqrt(self.power * other.power)
        return 2 * float(np.average(abs(self.frequency), weights=power)) if power.any() else 0.0
