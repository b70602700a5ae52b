"""Water on the pixels of a DEM: from the masks beside the archive's tiles, and from level ground without them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from shapely import box

from dinsar_cli.geo.heights.terrain import LEVEL
from dinsar_cli.managers.dem.manager import DemManager
from dinsar_cli.managers.dem.plan import TilePlan
from dinsar_cli.managers.dem.water import water_tile
from support.archive import faults
from support.asking import Ask
from support.land import GLO_30, GLO_90, land, name, wish

COAST = (-10.3, 38.3, -9.2, 38.6)
SHORE = box(-10.1, 38.0, -9.6, 39.0)
LAKE = box(-9.4, 38.35, -9.3, 38.45)


def mask(number: int, cell: str) -> str:
    return f"AUXFILES/{name(number, cell).removesuffix('DEM')}WBM.tif"


def water(answer: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Longitudes, latitudes and kinds of the water of an answer."""
    path = answer.path.with_name(f"{answer.path.stem}_water.tif")
    assert path.name == Path(answer.result["water"]["path"]).name
    with rasterio.open(path) as dataset, rasterio.open(answer.path) as dem:
        assert dataset.transform == dem.transform
        assert dataset.shape == dem.shape
        transform, kinds = dataset.transform, dataset.read(1)
    x = transform.c + transform.a * (np.arange(kinds.shape[1]) + 0.5)
    y = transform.f + transform.e * (np.arange(kinds.shape[0]) + 0.5)
    return x[None, :], y[:, None], kinds


def inside(area: Any, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    west, south, east, north = area.bounds
    return (x >= west) & (x <= east) & (y >= south) & (y <= north)


def test_sea_and_lake_are_those_of_the_masks(ask: Ask, tmp_path: Path) -> None:
    """West of 10 degrees there is no tile at all: that is ocean."""
    with land(tmp_path, COAST, sea=SHORE, lakes=LAKE) as archive:
        answer = ask(archive, water=True, **wish(COAST))
        asked = [entry.request.path.rpartition("/")[2] for entry in archive.requests(GLO_30)]
        assert list(dict.fromkeys(path[-7:] for path in asked)) == ["DEM.tif", "WBM.tif"]
        assert archive.requests(GLO_90) == []
        again = ask(archive, water=True, **wish(COAST))
        assert len(archive.requests(GLO_30)) == len(asked)
    x, y, kinds = water(answer)
    near = 1 / 3600  # a pixel on an edge may be on either side
    for area, kind in ((box(-10.5, 38.2, -10, 38.7), 1), (SHORE, 1), (LAKE, 2)):
        assert (kinds[inside(area.buffer(-near), x, y)] == kind).all()
    dry = ~(inside(box(-10.5, 38, -9.6, 39).buffer(near), x, y) | inside(LAKE.buffer(near), x, y))
    assert (kinds[dry] == 0).all()
    assert answer.result["water"]["source"] == again.result["water"]["source"] == "water mask of Copernicus GLO-30"


def test_a_missing_mask_is_no_failure(ask: Ask, tmp_path: Path) -> None:
    """The coarser model may have one; without any, level ground is marked: that of the sea, which is in the DEM."""
    lost = mask(10, "N38W010")
    with land(tmp_path, COAST, sea=SHORE, lakes=LAKE, missing={lost}) as archive:
        answer = ask(archive, water=True, **wish(COAST))
    x, y, kinds = water(answer)
    assert (kinds[inside(LAKE.buffer(-1 / 600), x, y)] == 2).all()
    assert answer.result["water"]["source"] == "water mask of Copernicus GLO-90"


def test_without_any_mask_level_ground_is_marked(ask: Ask, tmp_path: Path) -> None:
    lost = {mask(10, "N38W010"), mask(30, "N38W010")}
    with land(tmp_path, COAST, sea=SHORE, lakes=LAKE, missing=lost) as archive:
        answer = ask(archive, water=True, **wish(COAST))
    x, y, kinds = water(answer)
    assert (kinds[inside(box(-10, 38.2, -9.6, 38.7).buffer(-1 / 600), x, y)] == LEVEL).all()
    assert (kinds[inside(box(-9.58, 38.2, -9.1, 38.7), x, y)] == 0).all()  # the lake is a slope in this DEM
    assert (kinds[inside(box(-10.4, 38.2, -10, 38.7).buffer(-1 / 600), x, y)] == 1).all()
    assert "level in the DEM" in answer.result["water"]["source"]


def test_masks_lie_beside_the_tiles_of_copernicus(tmp_path: Path) -> None:
    """Another model has none: those of the coarser Copernicus one are taken, which covers all land."""
    plan = DemManager(None, None, 0.01, tmp_path, "3dep").plan((-112.3, 38.3, -112.2, 38.4))
    assert isinstance(plan, TilePlan)
    assert [water_tile(tile) for tile in plan.tiles] == [None]
    (coarse,) = plan.coarse
    found = water_tile(coarse)
    assert found is not None
    folder = name(30, "N38W113")
    assert found.url == f"https://{GLO_90}/{folder}/{mask(30, 'N38W113')}"


def test_a_damaged_mask_is_fetched_again(ask: Ask, tmp_path: Path) -> None:
    with land(tmp_path, COAST, sea=SHORE, lakes=LAKE) as archive:
        ask(archive, water=True, **wish(COAST))
        (kept,) = tmp_path.rglob("*_WBM.tif")
        kept.write_bytes(b"no raster")
        (made,) = tmp_path.rglob("*_water.tif")
        made.unlink()
        answer = ask(archive, water=True, **wish(COAST))
    x, y, kinds = water(answer)
    assert (kinds[inside(LAKE.buffer(-1 / 3600), x, y)] == 2).all()


def test_an_archive_that_does_not_answer_is_told(ask: Ask, tmp_path: Path) -> None:
    with land(tmp_path, COAST, sea=SHORE) as archive:
        ask(archive, **wish(COAST))
        archive.fail(GLO_30, faults.status(503))
        answer = ask(archive, water=True, timeout=1.0, **wish(COAST))
    assert answer.error[0] == "NetworkError"
    assert "--mask-water none" in answer.result["text"]


def test_a_lake_in_a_dem_of_the_user_is_level(tmp_path: Path) -> None:
    x, y = np.meshgrid(np.arange(300), np.arange(300))
    heights = 500 + 0.5 * x + 0.2 * y
    lake = (x - 150) ** 2 + (y - 140) ** 2 < 40**2
    heights[lake] = heights[lake].mean()
    path = tmp_path / "dem.tif"
    profile = {"driver": "GTiff", "dtype": "float32", "count": 1, "width": 300, "height": 300, "crs": "EPSG:4326"}
    with rasterio.open(path, "w", transform=rasterio.Affine(1e-3, 0, 10, 0, -1e-3, 45), **profile) as target:
        target.write(heights.astype(np.float32), 1)
    manager = DemManager(path, "ellipsoid", 0.02, tmp_path / "cache")
    plan = manager.plan((10.05, 44.75, 10.25, 44.95))
    made = manager.fetch(plan)
    found = manager.fetch_water(plan)
    with rasterio.open(found.path) as dataset, rasterio.open(made.path) as dem:
        kinds = dataset.read(1)
        assert dataset.shape == dem.shape
        column, row = round((dem.transform.c - 10) / 1e-3), round((45 - dem.transform.f) / 1e-3)
    there = lake[row : row + kinds.shape[0], column : column + kinds.shape[1]]
    # but for pixels that stick out of the shore line all of it, to the shore
    assert (kinds[there] == LEVEL).mean() > 0.98
    assert not kinds[~there].any()
    assert found.source == "ground that is level in the DEM and has no coherence"
