"""The impulse response, and how scatterers at fractional positions become pixels.

The response of a focused scatterer is the product of two Hamming-weighted sincs. A field of scatterers, one
for each cell of a lattice and each at its own fractional position, is turned into pixels along azimuth and
then along range; the weights are those of every single scatterer in azimuth, and of the nearest line in
range (positions in range change by less than a hundredth of a pixel within the response's six lines).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from dinsar_cli.simulate.world.arrays import Singles

HALF_WIDTH: Final = 6
"""Pixels that a response reaches to each side."""
_TAPER: Final = 2.0
_OVERSAMPLING: Final = 2048


@dataclass(frozen=True)
class Response:
    """A sampled impulse response of unit energy.

    Attributes
    ----------
    table : ndarray
        Values from ``-(HALF_WIDTH + 2)`` to ``+(HALF_WIDTH + 2)`` pixels, 2048 to the pixel.
    """

    table: Singles

    @classmethod
    def hamming(cls, bandwidth: float, sampling_rate: float, coefficient: float) -> Response:
        """Build the response of a spectrum ``c + (1 - c) cos(2 pi f / B)`` for |f| < B/2.

        Parameters
        ----------
        bandwidth, sampling_rate : float
            Hz.
        coefficient : float
            Hamming coefficient c (1 = flat).
        """
        reach = HALF_WIDTH + 2
        pixels = np.arange(-reach * _OVERSAMPLING, reach * _OVERSAMPLING + 1) / _OVERSAMPLING
        cycles = pixels * bandwidth / sampling_rate
        values = coefficient * np.sinc(cycles) + 0.5 * (1.0 - coefficient) * (
            np.sinc(cycles - 1.0) + np.sinc(cycles + 1.0)
        )
        # The response is cut where it is below 1 %; a cosine taper keeps the cut out of the spectrum.
        beyond = np.clip((np.abs(pixels) - (HALF_WIDTH - _TAPER)) / _TAPER, 0.0, 1.0)
        values = values * np.cos(0.5 * np.pi * beyond) ** 2
        return cls((values / np.sqrt(np.sum(values**2) / _OVERSAMPLING)).astype(np.float32))

    def at(self, pixels: Singles) -> Singles:
        """Return the values at distances (pixels) of at most HALF_WIDTH + 2."""
        index = np.rint((pixels + (HALF_WIDTH + 2)) * _OVERSAMPLING).astype(np.intp)
        return np.asarray(self.table[np.clip(index, 0, self.table.size - 1)])

    def spread(self, signal: Singles, shift: Singles, count: int, axis: int) -> Singles:
        """Turn scatterers into pixels along one axis.

        Parameters
        ----------
        signal : ndarray, shape (2, rows, columns)
            Real and imaginary part of the scatterers.
        shift : ndarray, shape (rows, columns)
            Position of a scatterer (pixels, from the first pixel to make) minus its row or column number.
        count : int
            Pixels to make.
        axis : {0, 1}
            Along rows (azimuth) or columns (range).

        Returns
        -------
        ndarray
            As `signal`, with `count` pixels along the axis.

        Raises
        ------
        ValueError
            The scatterers do not reach around all pixels.
        """
        base = whole_shift(shift)
        fraction = shift - np.float32(base)
        reach = HALF_WIDTH + int(np.ceil(np.max(np.abs(fraction))))
        available = signal.shape[1 + axis]
        if -base - reach < 0 or -base + reach + count > available:
            raise ValueError(f"{count} pixels need {-base - reach} to {-base + reach + count} of {available}")
        # Index of the response's value at -fraction; one tap further is one pixel's worth of samples further.
        origin = np.float32((HALF_WIDTH + 2) * _OVERSAMPLING)
        index = np.rint(origin - fraction * np.float32(_OVERSAMPLING)).astype(np.int32)
        shape = (count, signal.shape[2]) if axis == 0 else (signal.shape[1], count)
        pixels = np.zeros((2, *shape), np.float32)
        position, weight, product = (
            np.empty(shape, np.int32),
            np.empty(shape, np.float32),
            np.empty_like(pixels),
        )
        for tap in range(-reach, reach + 1):
            part = slice(-base - tap, -base - tap + count)
            where = (part, slice(None)) if axis == 0 else (slice(None), part)
            np.add(index[where], np.int32(tap * _OVERSAMPLING), out=position)
            np.take(self.table, position, out=weight, mode="clip")
            np.multiply(signal[(slice(None), *where)], weight, out=product)
            np.add(pixels, product, out=pixels)
        return pixels


def whole_shift(shift: Singles) -> int:
    """Return the nearest whole number of pixels of a field of shifts."""
    return int(np.rint(np.mean(shift)))
