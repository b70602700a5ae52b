"""Simulated speckle of two dates, correlated from sample to sample as in a Sentinel-1 SLC, and its look cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

Complexes = NDArray[np.complex64]


@dataclass(frozen=True)
class Spectrum:
    """Hamming-weighted spectrum of one direction: bandwidth / sampling rate, and the Hamming coefficient."""

    share: float
    coefficient: float

    def weights(self, samples: int) -> NDArray[np.float32]:
        """Amplitude at the frequencies of a transform, of mean power 1."""
        frequency = np.fft.fftfreq(samples) / self.share
        values = self.coefficient + (1 - self.coefficient) * np.cos(2 * np.pi * frequency)
        values = np.where(np.abs(frequency) < 0.5, values, 0)
        return (values / np.sqrt(np.mean(values**2))).astype(np.float32)


# As annotated for IW1.
RANGE = Spectrum(56.5e6 / 64.345238e6, 0.75)
AZIMUTH = Spectrum(327.0 * 2.0555563e-3, 0.70)
INDEPENDENT = RANGE.share * AZIMUTH.share
"""Independent samples per sample, as an engine counts them."""


@dataclass(frozen=True)
class LookCells:
    """Look cells of two dates: mean of reference x conj(secondary), and the mean power of both."""

    cross: Complexes
    power: tuple[NDArray[np.float32], NDArray[np.float32]]


def look_cells(
    cells: tuple[int, int],
    looks: tuple[int, int],
    coherence: float | NDArray[np.float64],
    generator: np.random.Generator,
) -> LookCells:
    """Speckle of a coherence without any phase, averaged over look cells.

    Parameters
    ----------
    cells : (int, int)
        Lines and samples of the look grid.
    looks : (int, int)
        In range and azimuth.
    coherence : float or ndarray
        0 to 1; broadcast against the single-look samples.
    """
    shape = cells[0] * looks[1], cells[1] * looks[0]
    weights = AZIMUTH.weights(shape[0])[:, None] * RANGE.weights(shape[1])
    first, other = _noise(shape, generator), _noise(shape, generator)
    second = (coherence * first + np.sqrt(1 - np.square(coherence)) * other).astype(np.complex64)
    a, b = (scipy.fft.ifft2(scipy.fft.fft2(date) * weights) for date in (first, second))
    return LookCells(_mean(a * b.conj(), looks), (_mean(np.abs(a) ** 2, looks), _mean(np.abs(b) ** 2, looks)))


def _noise(shape: tuple[int, int], generator: np.random.Generator) -> Complexes:
    parts = generator.standard_normal((2, *shape), dtype=np.float32)
    return (parts[0] + 1j * parts[1]).astype(np.complex64) * np.float32(np.sqrt(0.5))


def _mean(values: np.ndarray, looks: tuple[int, int]) -> np.ndarray:
    lines, samples = values.shape
    cells = values.reshape(lines // looks[1], looks[1], samples // looks[0], looks[0])
    return cells.mean(axis=(1, 3))
