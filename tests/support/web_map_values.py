"""Values of a layer that is embedded in a page."""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray


def unpack(text: str, shape: tuple[int, int]) -> NDArray[np.int64]:
    """Codes from their text, by the description of the format."""
    planes = np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8).reshape(2, *shape).astype(np.int64)
    zigzag = planes[0] + 256 * planes[1]
    steps = np.where(zigzag % 2, -(zigzag + 1) // 2, zigzag // 2)
    return np.cumsum(steps, axis=1) % 65536


def values_of(layer: dict[str, Any], shape: tuple[int, int]) -> NDArray[np.float64]:
    """Values of an embedded layer, NaN where there are none."""
    codes = unpack(layer["data"], shape)
    return np.where(codes > 0, (codes + layer["first"]) / 10.0 ** layer["decimals"], np.nan)
