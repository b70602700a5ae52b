"""DEM files that cannot be used: the cause that can be seen is the one that is told."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio import Affine

from dinsar_cli.errors import DinsarError, NoDataError, UsageError
from dinsar_cli.managers.dem.manager import DemManager

AREA = (-4.6, 31.0, -4.2, 31.2)


def write(
    path: Path, west: float, heights: np.ndarray, crs: str = "EPSG:4326", nodata: float | None = None
) -> Path:
    rows, columns = heights.shape
    place = Affine(0.01, 0, west, 0, -0.01, 31.6)
    profile = {"driver": "GTiff", "dtype": heights.dtype.name, "crs": crs, "transform": place, "nodata": nodata}
    with rasterio.open(path, "w", width=columns, height=rows, count=1, **profile) as dataset:
        dataset.write(heights, 1)
    return path


def plane(west: float) -> np.ndarray:
    """Heights that grow by 300 m a degree to the east and 700 m a degree to the north."""
    rows, columns = np.indices((100, 120))
    longitude = (west + (columns + 0.5) * 0.01 + 180) % 360 - 180
    return (3000 + 300 * longitude + 7 * (31.6 - (rows + 0.5) * 0.01)).astype(np.float32)


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:4269", "EPSG:4258"])
@pytest.mark.parametrize("west", [-5.0, 355.0])
def test_longitudes_of_0_to_360(tmp_path: Path, west: float, crs: str) -> None:
    manager = DemManager(write(tmp_path / "dem.tif", west, plane(west), crs), "ellipsoid", 0.1, tmp_path / "cache")
    dem = manager.fetch(manager.plan(AREA))
    with rasterio.open(dem.path) as made:
        row, column = made.index(-4.4, 31.1)
        lon, lat = made.xy(row, column)
        assert made.read(1)[row, column] == pytest.approx(3000 + 300 * lon + 7 * lat, abs=0.05)
    assert dem.voids_filled == 0


def test_zero_that_is_declared_as_nodata(tmp_path: Path) -> None:
    coast = np.where(np.arange(120) < 60, 0, 100).astype(np.float32) * np.ones((100, 1), np.float32)
    path = write(tmp_path / "dem.tif", -5.0, coast, nodata=0)
    manager = DemManager(path, "ellipsoid", 0.1, tmp_path / "cache")
    with pytest.raises(NoDataError, match="declares the value 0 as nodata") as caught:
        manager.fetch(manager.plan(AREA))
    assert "gdal_edit.py -unsetnodata" in caught.value.remedy
    with rasterio.open(path, "r+") as dataset:  # what the remedy does
        dataset.nodata = None
    assert manager.fetch(manager.plan(AREA)).voids_filled == 0


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"<!DOCTYPE html><html>Log in</html>", "It is a web page"),
        (b"\0" * 5000, "It begins with zeros"),
        (b"", "It is empty"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
    ],
)
def test_what_came_instead_of_a_dem(tmp_path: Path, content: bytes, word: str) -> None:
    path = tmp_path / "dem.tif"
    path.write_bytes(content)
    with pytest.raises(DinsarError, match=word):
        DemManager(path, "ellipsoid", 0.1, tmp_path / "cache").plan(AREA)


def test_pipes_and_devices_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "dem.tif")
    for path in (tmp_path / "dem.tif", Path("/dev/zero")):
        with pytest.raises(UsageError, match="not a file"):
            DemManager(path, "ellipsoid", 0.1, tmp_path / "cache").plan(AREA)


def test_a_dem_that_is_far_too_fine(tmp_path: Path) -> None:
    profile = {"driver": "GTiff", "dtype": "float32", "crs": "EPSG:4326", "BIGTIFF": "YES", "SPARSE_OK": True}
    place, size = Affine(2.5e-6, 0, -5, 0, -2.5e-6, 31.6), 400_000
    with rasterio.open(
        tmp_path / "dem.tif", "w", width=size, height=size, count=1, transform=place, tiled=True, **profile
    ):
        pass
    with pytest.raises(UsageError, match="far too large") as caught:
        DemManager(tmp_path / "dem.tif", "ellipsoid", 0.1, tmp_path / "cache").plan(AREA)
    assert "0.28 m" in caught.value.cause
    assert "gdalwarp -tr" in caught.value.remedy
