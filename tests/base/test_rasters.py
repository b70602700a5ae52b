"""What an overview of a raster tells."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dinsar_cli.base.rasters import mean_direction, open_raster
from dinsar_cli.geo.grid import Grid
from dinsar_cli.products.layers import write_products

GRID = Grid("EPSG:32629", 500_000.0, 3_500_000.0, 30.0, 700, 900)


def written(folder: Path, vectors: np.ndarray) -> Path:
    return write_products(folder, {"los_vector": vectors.astype(np.float32)}, GRID, {})["los_vector"]


def test_the_mean_direction_is_that_of_all_cells(tmp_path: Path) -> None:
    incidence = np.radians(np.linspace(31, 46, GRID.width))  # over all of the swaths of IW
    vectors = np.stack([-0.98 * np.sin(incidence), 0.199 * np.sin(incidence), np.cos(incidence)])
    whole = np.broadcast_to(vectors[:, None, :], (3, *GRID.shape)).copy()
    whole[:, :100] = np.nan
    expected = vectors.mean(axis=1) / np.linalg.norm(vectors.mean(axis=1))
    with open_raster(written(tmp_path, whole)) as dataset:
        found = mean_direction(dataset)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert np.linalg.norm(found) == pytest.approx(1)


def test_there_is_none_where_nothing_is_known(tmp_path: Path) -> None:
    with open_raster(written(tmp_path, np.full((3, *GRID.shape), np.nan))) as dataset:
        assert mean_direction(dataset) is None
