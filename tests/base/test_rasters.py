"""What an overview of a raster tells, and rasters that are not written whole."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from rasterio.errors import RasterioError

from dinsar_cli.base.rasters import mean_direction, open_raster, writing_raster
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


@contextmanager
def limited(size: int) -> Iterator[None]:
    """Let no file grow beyond a size, as a quota does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    "profile",
    [
        {"driver": "GTiff", "compress": "deflate", "tiled": True, "blockxsize": 64, "blockysize": 64},
        {"driver": "GTiff", "blockysize": 1},
        {"driver": "COG", "compress": "deflate", "blocksize": 128},
    ],
)
def test_a_raster_is_written_whole_or_not_at_all(tmp_path: Path, profile: dict[str, object]) -> None:
    """Whatever the size at which the system stops: GDAL says nothing of what fails when it closes a file."""
    values = np.random.default_rng(1).normal(size=(150, 200)).astype(np.float32)
    more = {"count": 1, "dtype": "float32", "width": 200, "height": 150, "crs": "EPSG:32629"}
    path = tmp_path / "raster.tif"

    def write(path: Path) -> None:
        with writing_raster(path, **profile, **more, transform=GRID.transform) as target:
            target.write(values, 1)
            target.update_tags(note="after the pixels, at the end of the file" * 20)

    write(path)
    whole, written = path.stat().st_size, 0
    for size in np.linspace(10, whole + 100, 40).astype(int):
        path.unlink()
        with limited(int(size)):
            try:
                write(path)
            except (OSError, RasterioError):
                path.touch()
                continue
        with open_raster(path) as dataset:
            np.testing.assert_array_equal(dataset.read(1), values)
        written += 1
    assert 1 <= written < 10
