"""Values of a layer that is embedded in a page."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def unpack(text: str, shape: tuple[int, int]) -> NDArray[np.int64]:
    """Codes from their text, by the description of the format."""
    planes = np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8).reshape(2, *shape).astype(np.int64)
    zigzag = planes[0] + 256 * planes[1]
    steps = np.where(zigzag % 2, -(zigzag + 1) // 2, zigzag // 2)
    return np.cumsum(steps, axis=1) % 65536


def codes_of(layer: dict[str, Any], shape: tuple[int, int], layers: Sequence[dict[str, Any]]) -> NDArray[np.int64]:
    """Codes of a layer among others, one of which may tell of it."""
    codes = unpack(layer["data"], shape)
    if layer["like"] is None:
        return codes
    (other,) = (one for one in layers if one["name"] == layer["like"]["layer"])
    expected = np.floor(layer["like"]["factor"] * codes_of(other, shape, layers) + 0.5).astype(np.int64)
    return (codes + expected) % 65536


def values_of(
    layer: dict[str, Any], shape: tuple[int, int], layers: Sequence[dict[str, Any]] = ()
) -> NDArray[np.float64]:
    """Values of an embedded layer, NaN where there are none."""
    codes = codes_of(layer, shape, layers)
    return np.where(codes > 0, (codes + layer["first"]) / 10.0 ** layer["decimals"], np.nan)
