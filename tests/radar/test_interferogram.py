"""Layers on the radar grid: written by blocks, read by blocks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dinsar_cli.radar.interferogram import LAYERS, RadarFile


@pytest.mark.parametrize("name", ["wrapped", "components", "los"])
def test_blocks_make_the_whole_array(name: str, tmp_path: Path) -> None:
    layer = LAYERS[name]
    rng = np.random.default_rng(0)
    values = (rng.normal(size=layer.shape(17, 5)) * 100).astype(layer.dtype)
    file = RadarFile(tmp_path, layer, 17, 5)
    file.create()
    for first in (10, 0, 5, 15):  # in any order
        file.write(first, values[..., first : first + 5, :])
    assert np.array_equal(file.read(), values)
    assert np.array_equal(file.read(3, 12), values[..., 3:12, :])
    assert np.array_equal(np.load(file.path), values)
    assert file.size == values.nbytes


def test_layer_of_another_size_is_refused(tmp_path: Path) -> None:
    RadarFile(tmp_path, LAYERS["height"], 4, 5).create()
    with pytest.raises(ValueError, match="shape"):
        RadarFile(tmp_path, LAYERS["height"], 5, 4).read()
