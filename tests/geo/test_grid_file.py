"""The grid of a raster that is there: taken exactly, or refused with what is against it."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from pyproj import CRS
from rasterio import Affine
from shapely import box

from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.geo.crs import crs_name
from dinsar_cli.geo.grid import Grid
from dinsar_cli.geo.grid_file import check_meets, ground_of_grid, read_grid, roi_of_grid
from dinsar_cli.products.layers import write_products
from support.safe_factory import quietly
from support.view_inputs import DEGREES, METRES, arrays_on

ARC_SECOND = 1 / 3600
LOCAL = "+proj=lcc +lat_1=33 +lat_2=35 +lat_0=31 +lon_0=-9 +datum=WGS84 +units=m"


def raster(path: Path, crs: object, transform: Affine, *, shape: tuple[int, int] = (30, 40), **more: Any) -> Path:
    profile = {"driver": "GTiff", "dtype": "uint8", "count": 1, "height": shape[0], "width": shape[1]} | more
    with quietly(), rasterio.open(path, "w", crs=crs, transform=transform, **profile) as dataset:
        dataset.write(np.ones((profile["count"], *shape), np.uint8))
    return path


@pytest.mark.parametrize("grid", [DEGREES, METRES])
def test_the_grid_of_a_map_of_ours_is_given_back(grid: Grid, tmp_path: Path) -> None:
    for path in write_products(tmp_path, arrays_on(grid), grid, {}).values():
        assert read_grid(path) == grid


@pytest.mark.parametrize(
    ("crs", "name", "transform"),
    [
        ("EPSG:4326", "EPSG:4326", Affine(ARC_SECOND, 0, -8.9, 0, -ARC_SECOND, 31.5)),
        ("OGC:CRS84", "EPSG:4326", Affine(ARC_SECOND, 0, 179.995, 0, -ARC_SECOND, -16.5)),
        ("EPSG:4326+5773", "EPSG:4326", Affine(ARC_SECOND, 0, -8.9, 0, -ARC_SECOND, 31.5)),
        ("EPSG:32629", "EPSG:32629", Affine(37.5, 0, 512_000.25, 0, -37.5, 3_470_001.0)),
        ("EPSG:27700+5701", "EPSG:27700", Affine(25, 0, 400_012.5, 0, -25, 345_012.5)),
        ("EPSG:3035", "EPSG:3035", Affine(40, 0, 2_500_000, 0, -40, 1_200_000)),
        ("EPSG:5514", "EPSG:5514", Affine(40, 0, -703_000, 0, -40, -1_058_000)),
        (LOCAL, crs_name(LOCAL), Affine(40, 0, 2_000, 0, -40, 3_000)),
        ("EPSG:32719", "EPSG:32719", Affine(20, 0, 300_000, 0, -20, 7_000_000)),
        (CRS.from_epsg(32629).to_wkt("WKT1_ESRI"), "EPSG:32629", Affine(20, 0, 512_000, 0, -20, 3_470_000)),
    ],
)
def test_origin_posting_and_size_are_exactly_those_of_the_file(
    crs: str, name: str, transform: Affine, tmp_path: Path
) -> None:
    """Also where the origin is no multiple of the posting, as that of no map that is made without it."""
    path = raster(tmp_path / "map.tif", crs, transform)
    grid = read_grid(path)
    with rasterio.open(path) as dataset:
        assert (grid.transform, grid.shape) == (dataset.transform, dataset.shape)
    assert grid.crs == name


@pytest.mark.parametrize(
    ("crs", "transform", "named"),
    [
        (None, Affine(ARC_SECOND, 0, -8.9, 0, -ARC_SECOND, 31.5), "no coordinate reference system"),
        ("EPSG:4326", Affine.identity(), "no place"),
        ("EPSG:2227", Affine(90, 0, 6_000_000, 0, -90, 2_100_000), "US survey foot"),
        ("EPSG:4258", Affine(ARC_SECOND, 0, -8.9, 0, -ARC_SECOND, 31.5), "geographic"),
        ("EPSG:4326", Affine(ARC_SECOND, 0, -8.9, 0, ARC_SECOND, 31.5), "north-up"),
        ("EPSG:4326", Affine(-ARC_SECOND, 0, -8.9, 0, -ARC_SECOND, 31.5), "north-up"),
        ("EPSG:32629", Affine(30, 0, 512_000, 0, -30, 3_470_000) * Affine.rotation(12), "rotated"),
        ("EPSG:4326", Affine(1.5 * ARC_SECOND, 0, -8.9, 0, -ARC_SECOND, 61.5), "square"),
        ("EPSG:4326", Affine(30, 0, 512_000, 0, -30, 3_470_000), "nowhere on the Earth"),
        ("EPSG:32629", Affine(1e6, 0, -4e7, 0, -1e6, 3e7), "nowhere on the Earth"),
        ("EPSG:4326", Affine(ARC_SECOND, 0, float("nan"), 0, -ARC_SECOND, 31.5), "no place"),
    ],
)
def test_what_no_map_can_lie_on_is_refused(crs: str | None, transform: Affine, named: str, tmp_path: Path) -> None:
    path = raster(tmp_path / "map.tif", crs, transform)
    with pytest.raises(UsageError) as refused:
        read_grid(path)
    assert str(path) in refused.value.problem
    assert named in refused.value.cause


def test_points_of_control_are_no_grid(tmp_path: Path) -> None:
    path = tmp_path / "scene.tif"
    points = [
        rasterio.control.GroundControlPoint(row, col, col / 100, 1 - row / 100)
        for row in (0, 30)
        for col in (0, 40)
    ]
    with (
        quietly(),
        rasterio.open(path, "w", driver="GTiff", dtype="uint8", count=1, height=30, width=40) as dataset,
    ):
        dataset.gcps = points, rasterio.crs.CRS.from_epsg(4326)
    with pytest.raises(UsageError, match="no "):
        read_grid(path)


def test_what_is_no_raster_is_refused(tmp_path: Path) -> None:
    (tmp_path / "area.geojson").write_text('{"type": "Polygon", "coordinates": []}')
    (tmp_path / "empty.tif").write_bytes(b"")
    cases = {"area.geojson": "", "empty.tif": "empty", "none.tif": "no such file", ".": "folder"}
    for name, named in cases.items():
        with pytest.raises(UsageError) as refused:
            read_grid(tmp_path / name)
        assert named in refused.value.cause
        assert "los_displacement.tif" in refused.value.remedy


@pytest.mark.skipif(shutil.which("gdalwarp") is None, reason="gdalwarp is not here")
@pytest.mark.parametrize(
    ("crs", "transform"),
    [
        ("EPSG:4326", Affine(1.5 * ARC_SECOND, 0, -8.9, 0, -ARC_SECOND, 61.5)),
        ("EPSG:2227", Affine(90, 0, 6_000_000, 0, -90, 2_100_000)),
        ("EPSG:32629", Affine(30, 0, 512_000, 0, -30, 3_470_000) * Affine.rotation(12)),
    ],
)
def test_what_the_remedy_says_works(crs: str, transform: Affine, tmp_path: Path) -> None:
    path = raster(tmp_path / "map.tif", crs, transform)
    with pytest.raises(UsageError) as refused:
        read_grid(path)
    command = shlex.split(refused.value.remedy.rpartition("warp it: ")[2])
    names = {"FILE": str(path), "OTHER.tif": str(tmp_path / "other.tif")}
    subprocess.run([names.get(word, word) for word in command], check=True, capture_output=True)
    assert read_grid(tmp_path / "other.tif").posting > 0


def test_the_ground_of_a_grid_is_a_region_of_interest() -> None:
    grid = Grid("EPSG:4326", -8.9, 31.5, ARC_SECOND, 720, 360)
    roi = roi_of_grid(grid, Path("map.tif"))
    assert roi is not None
    assert roi.bounds == pytest.approx((-8.9, 31.4, -8.7, 31.5))
    beyond = roi_of_grid(Grid("EPSG:4326", 190.0, 31.5, ARC_SECOND, 720, 360), Path("map.tif"))
    assert beyond is not None
    assert beyond.bounds == pytest.approx((-170.0, 31.4, -169.8, 31.5))
    metres = Grid("EPSG:32629", 500_000, 3_470_000, 20, 500, 400)
    roi = roi_of_grid(metres, Path("map.tif"))
    assert roi is not None
    assert roi.bounds == pytest.approx(metres.lonlat_bounds)


@pytest.mark.parametrize(
    "grid",
    [
        Grid("EPSG:4326", 179.9, -16.5, ARC_SECOND, 720, 360),
        Grid("EPSG:32701", 150_000, 8_170_000, 100, 500, 400),
        Grid("EPSG:4326", -180.0, 90.0, 0.1, 3600, 1800),
    ],
)
def test_ground_across_180_degrees_is_no_region_but_is_met(grid: Grid) -> None:
    assert roi_of_grid(grid, Path("map.tif")) is None
    _, south, _, north = ground_of_grid(grid).bounds
    middle = (south + north) / 2
    for west in (179.95, -179.99):
        check_meets(grid, box(west, middle - 0.01, west + 0.02, middle + 0.01), "The area", Path("map.tif"))


def test_an_area_beside_a_grid_is_refused() -> None:
    grid = Grid("EPSG:4326", -8.9, 31.5, ARC_SECOND, 720, 360)
    check_meets(grid, box(-9.0, 31.45, -8.89, 31.55), "The area", Path("map.tif"))
    for area in (box(-9.0, 31.4, -8.9, 31.5), box(171.1, 31.4, 171.3, 31.5)):  # it touches; half a turn away
        with pytest.raises(NoDataError, match=r"beside the grid of map\.tif"):
            check_meets(grid, area, "The area", Path("map.tif"))
