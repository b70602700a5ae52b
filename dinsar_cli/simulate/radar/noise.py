"""White complex noise that depends on the position alone: any tile can be made at any time, in any order."""

from __future__ import annotations

import zlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.simulate.world.arrays import Singles

_STEP: Final = 0x9E3779B97F4A7C15
_FIRST: Final = 0xBF58476D1CE4E5B9
_SECOND: Final = 0x94D049BB133111EB


def key_of(seed: int, *labels: object) -> int:
    """Name a noise field: 64 bits from the seed and what the field is for."""
    text = ":".join(str(label) for label in (seed, *labels)).encode()
    return zlib.crc32(text) << 32 | zlib.crc32(text[::-1], 0xFFFF)


def complex_normal(key: int, rows: range, columns: range) -> Singles:
    """Circular Gaussian noise of unit power at integer positions.

    Parameters
    ----------
    key : int
        Field, from `key_of`.
    rows, columns : range
        Positions (may be negative; below 2^31).

    Returns
    -------
    ndarray, shape (2, rows, columns), float32
        Real and imaginary part, each of variance 1/2.

    Notes
    -----
    A counter-based generator: the SplitMix64 finalizer [1]_ on the position, then the transform of [2]_.

    References
    ----------
    .. [1] Steele et al. (2014), "Fast splittable pseudorandom number generators", doi:10.1145/2660193.2660195.
    .. [2] Box and Muller (1958), "A note on the generation of random normal deviates", Annals of Mathematical
       Statistics 29(2).
    """
    row = (np.arange(rows.start, rows.stop, dtype=np.int64) + (1 << 31)).astype(np.uint64)
    column = (np.arange(columns.start, columns.stop, dtype=np.int64) + (1 << 31)).astype(np.uint64)
    # Rows are scrambled by themselves first, so that neighbouring fields and rows share no sequence.
    start = _mix(_mix(row * np.uint64(_STEP) + np.uint64(key)) ^ np.uint64(key))
    bits = _mix(start[:, None] + column[None, :] * np.uint64(_STEP))
    scale = np.float32(2.0**-24)
    uniform = ((bits >> np.uint64(40)).astype(np.float32) + np.float32(0.5)) * scale
    angle = ((bits & np.uint64(0xFFFFFF)).astype(np.float32)) * (scale * np.float32(2.0 * np.pi))
    radius = np.sqrt(-np.log(uniform))
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)])


def _mix(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scramble 64-bit words."""
    state = (state ^ (state >> np.uint64(30))) * np.uint64(_FIRST)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(_SECOND)
    return state ^ (state >> np.uint64(31))
