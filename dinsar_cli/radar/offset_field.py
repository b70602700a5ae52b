"""The shift of one image against the other, window by window, as metres of motion.

The windows lie on a coarse grid of the radar's full resolution. Their shift in range is motion along the line of
sight, that in azimuth motion along the track of the satellite.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.base.files import atomic_path

Floats = NDArray[np.floating[Any]]

OFFSETS_FILE = "offsets.npz"
"""Beside the layers of an interferogram, when offsets were asked for."""

_MEDIAN_BYTES = 50_000_000


@dataclass(frozen=True, eq=False)
class OffsetField:
    """Shift of the later image against the earlier one.

    Attributes
    ----------
    toward : ndarray
        Motion toward the satellite, metres, shape (rows, columns); NaN where no shift was found.
    along : ndarray
        Motion along the direction of flight, metres; NaN where `toward` is.
    snr : ndarray
        Peak of the correlation, squared, over the mean of the squares around it.
    first_line, first_sample : float
        Middle of the first window, in lines and samples of the full resolution, counted from 0.
    skip_lines, skip_samples : int
        From one window to the next.
    """

    toward: Floats
    along: Floats
    snr: Floats
    first_line: float
    first_sample: float
    skip_lines: int
    skip_samples: int

    def save(self, path: Path) -> None:
        """Write a file of NumPy's form ``.npz``."""
        with atomic_path(path) as part, part.open("wb") as file:
            np.savez(file, **asdict(self))

    @classmethod
    def load(cls, path: Path) -> OffsetField:
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as file:
            values = dict(file)
        return cls(**{name: value if value.ndim else value.item() for name, value in values.items()})

    def places(self, row: Floats, column: Floats, looks: tuple[int, int]) -> tuple[Floats, Floats]:
        """Return the row and column of this field for places on the look grid.

        Parameters
        ----------
        row, column : ndarray
            Fractional line and sample of the look grid; 0 is the middle of the first look cell.
        looks : (int, int)
            In range and azimuth.

        Returns
        -------
        row, column : ndarray
            Float32; NaN beyond the windows, from half a step outside the middle of the outermost ones on.
        """
        line = (row + 0.5) * looks[1] - 0.5
        sample = (column + 0.5) * looks[0] - 0.5
        at_row = (line - self.first_line) / self.skip_lines
        at_column = (sample - self.first_sample) / self.skip_samples
        rows, columns = self.toward.shape
        inside = (at_row >= -0.5) & (at_row <= rows - 0.5) & (at_column >= -0.5) & (at_column <= columns - 0.5)
        at_row = np.where(inside, np.clip(at_row, 0, rows - 1), np.nan)
        return at_row.astype(np.float32), np.where(inside, np.clip(at_column, 0, columns - 1), np.nan).astype(
            np.float32
        )

    def usable(self, snr: float, size: int) -> tuple[Floats, Floats]:
        """Return the offsets that can be trusted, each the median of those around it.

        Parameters
        ----------
        snr : float
            Ratio below which an offset is left out.
        size : int
            Side of the window of the median, an odd number; 1 takes none.

        Returns
        -------
        toward, along : ndarray
            Metres; NaN where an offset is left out.
        """
        known = np.isfinite(self.toward) & np.isfinite(self.along) & (self.snr >= snr)
        kept = (np.where(known, values, np.nan).astype(np.float32) for values in (self.toward, self.along))
        toward, along = (median_of_known(values, size) for values in kept)
        return toward, along


def median_of_known(values: Floats, size: int) -> Floats:
    """Return the median of the known values in a square around each known one; what is not known stays so.

    Parameters
    ----------
    values : ndarray
        Shape (rows, columns); NaN where not known.
    size : int
        Side of the square, an odd number.
    """
    if size == 1:
        return values
    half = size // 2
    padded = np.pad(values, half, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size))
    result = np.full_like(values, np.nan)
    block = max(1, _MEDIAN_BYTES // (values.shape[1] * size * size * values.itemsize))
    for first in range(0, len(values), block):
        part = slice(first, first + block)
        known = np.isfinite(values[part])
        result[part][known] = np.nanmedian(windows[part][known], axis=(-2, -1))
    return result


def east_if_horizontal(toward: Floats, along: Floats, east: Floats, north: Floats) -> Floats:
    """Return the motion to the east, if the ground moved only horizontally.

    A horizontal motion has two parts: one along the ground toward the satellite, ``toward / sin(incidence)``, and
    one along the track, which is at right angles to it: the satellite looks to the right, at zero Doppler.

    Parameters
    ----------
    toward, along : ndarray
        Motion toward the satellite and along the direction of flight, metres.
    east, north : ndarray
        Parts of the unit vector from the ground to the satellite.

    Returns
    -------
    ndarray
        Metres, positive eastward.
    """
    square = east**2 + north**2  # sin(incidence)^2
    return toward * east / square + along * north / square**0.5
