"""Where a DEM had no height of its own: kept with it as a text, so that it can be counted in any area of it."""

from __future__ import annotations

import base64
import zlib

import numpy as np
from numpy.typing import NDArray

_ROWS = 1024  # at a time


class VoidMap:
    """Collects the voids of rows from north to south, a bit for each pixel."""

    def __init__(self) -> None:
        self._packer = zlib.compressobj()
        self._packed: list[bytes] = []
        self._any = False

    def add(self, void: NDArray[np.bool_]) -> None:
        """Take the next rows; shape (rows, columns)."""
        self._any = self._any or bool(void.any())
        self._packed.append(self._packer.compress(np.packbits(void, axis=1).tobytes()))

    def text(self) -> str:
        """Return all that was taken, once, for `count_voids`; empty where there is no void."""
        self._packed.append(self._packer.flush())
        return base64.b64encode(b"".join(self._packed)).decode() if self._any else ""


def count_voids(text: str, width: int, rows: tuple[int, int], columns: tuple[int, int]) -> tuple[int, int]:
    """Return the number of voids in a part of a DEM, and in all of the rest.

    Parameters
    ----------
    text : str
        Of a `VoidMap`.
    width : int
        Columns of the DEM.
    rows, columns : tuple of int
        Half-open ranges of the part.
    """
    if not text:
        return 0, 0
    packed = np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8).reshape(-1, (width + 7) // 8)
    (top, bottom), (left, right) = rows, columns
    within = total = 0
    for first in range(0, len(packed), _ROWS):
        void = np.unpackbits(packed[first : first + _ROWS], axis=1, count=width)
        total += int(void.sum(dtype=np.int64))
        within += int(void[max(top - first, 0) : max(bottom - first, 0), left:right].sum(dtype=np.int64))
    return within, total - within
