"""DEMs in the cache are those of regions: pairs of one place share them, and each is judged by its own bounds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio import Affine

from dinsar_cli.errors import NoDataError
from dinsar_cli.managers.dem.manager import Dem, DemManager
from dinsar_cli.managers.dem.region import region_around
from dinsar_cli.managers.dem.sources import SOURCES, Lattice, cells_around
from dinsar_cli.managers.dem.voids import VoidMap, count_voids
from dinsar_cli.managers.dem.write import DemGrid

STEP = 0.002
WEST, NORTH = 10.0, 47.0
SHAPE = (500, 600)  # 46..47 north, 10..11.2 east
AREA = (10.433, 46.421, 10.842, 46.618)
JITTER = [(0, 0, 0, 0), (7e-4, -4e-4, 9e-4, 3e-4), (-1.1e-3, 8e-4, 2e-4, -1.2e-3)]  # of the bursts of other dates


def moved(jitter: tuple[float, ...]) -> tuple[float, float, float, float]:
    west, south, east, north = (edge + by for edge, by in zip(AREA, jitter, strict=True))
    return west, south, east, north


def write(path: Path, heights: np.ndarray, crs: str = "EPSG:4326", transform: Affine | None = None) -> Path:
    transform = transform or Affine(STEP, 0, WEST, 0, -STEP, NORTH)
    profile = {"driver": "GTiff", "dtype": "float32", "count": 1, "nodata": -9999, "crs": crs}
    shape = dict(zip(("height", "width"), heights.shape, strict=True))
    with rasterio.open(path, "w", transform=transform, **profile, **shape) as dataset:
        dataset.write(heights.astype(np.float32), 1)
    return path


def slope(shape: tuple[int, int] = SHAPE) -> np.ndarray:
    rows, columns = np.indices(shape)
    return 500 + 0.3 * rows + 0.2 * columns


def make(source: Path, cache: Path, area: tuple[float, float, float, float], buffer: float = 0.2) -> Dem:
    manager = DemManager(source, "ellipsoid", buffer, cache)
    return manager.fetch(manager.plan(area))


def test_a_region_encloses_its_bounds_and_ends_at_tenths() -> None:
    random = np.random.default_rng(3)
    for _ in range(500):
        west, south = random.uniform(-190, 190), random.uniform(-89, 88)
        bounds = (west, south, west + random.uniform(0.001, 3), min(south + random.uniform(0.001, 3), 90.0))
        region = region_around(bounds)
        signs = np.array([1, 1, -1, -1])
        beyond = signs * (np.array(bounds) - np.array(region))
        assert (beyond >= -1e-9).all()
        assert (beyond <= 0.1 + 1e-9).all()
        assert np.abs(np.array(region) * 10 - np.round(np.array(region) * 10)).max() < 1e-9
        assert region_around(region) == region
    assert region_around((0.0, -89.99, 1.0, 89.99)) == (0.0, -90.0, 1.0, 90.0)


@pytest.mark.parametrize("name", SOURCES)
def test_no_tile_more_is_needed_for_a_region(name: str, tmp_path: Path) -> None:
    """Of a degree that the bounds with their margin do not touch nothing is fetched."""
    random, source = np.random.default_rng(5), SOURCES[name]

    def cells(lattice: Lattice, box: tuple[float, float, float, float]) -> list[tuple[int, int]]:
        transform, width, height = lattice.around(box)
        return cells_around(
            DemGrid(title="", requested=box, transform=transform, width=width, height=height).centres
        )

    for number in range(300):
        west, south = random.uniform(-120, 120), random.uniform(-60, 59)
        box = (west, south, west + random.uniform(0.1, 2), south + random.uniform(0.1, 2))
        if number % 3 == 0:  # edges at whole degrees, and a third of a pixel beside them
            box = tuple(round(edge) + random.choice([-1, 0, 1]) / source.per_degree / 3 for edge in box)
            box = (box[0], box[1], box[2] + 1, box[3] + 1)
        lattice = source.lattice(box)
        region = region_around(box, (lattice.dx * lattice.shift, lattice.dy * lattice.shift))
        assert cells(lattice, region) == cells(lattice, box)


@pytest.mark.parametrize("name", ["glo_30", "3dep"])
def test_pairs_of_one_place_share_the_dem_of_an_archive(name: str, tmp_path: Path) -> None:
    manager = DemManager(None, None, 0.2, tmp_path, name)
    turn = -122.0 if name == "3dep" else 0.0
    places = [(west + turn, south, east + turn, north) for west, south, east, north in map(moved, JITTER)]
    plans = [manager.plan(area) for area in places]
    assert len({plan.path for plan in plans}) == 1
    assert len({plan.requested for plan in plans}) == len(JITTER)
    for plan, (west, south, east, north) in zip(plans, places, strict=True):
        assert plan.bounds[0] <= west - 0.2
        assert plan.bounds[1] <= south - 0.2
        assert plan.bounds[2] >= east + 0.2
        assert plan.bounds[3] >= north + 0.2
    far = DemManager(None, None, 0.2, tmp_path, name).plan((places[0][0] - 0.3, *places[0][1:]))
    assert far.path != plans[0].path


def test_pairs_of_one_place_share_the_dem_of_a_file(tmp_path: Path) -> None:
    source, cache = write(tmp_path / "dem.tif", slope()), tmp_path / "cache"
    made = [make(source, cache, moved(jitter)) for jitter in JITTER]
    assert len({dem.path for dem in made}) == 1
    assert len(list((cache / "dem").glob("*.tif"))) == 1
    with rasterio.open(made[0].path) as dataset:
        row, column = dataset.index(10.6, 46.5)
        assert dataset.read(1)[row, column] == pytest.approx(slope()[250, 300], abs=0.6)


def test_pairs_of_one_place_share_the_dem_of_a_projected_file(tmp_path: Path) -> None:
    """Also where its own edge, which slants against the meridians, is that of the DEM."""
    origin, cache = Affine(200, 0, 600_000, 0, -200, 5_200_000), tmp_path / "cache"
    source = write(tmp_path / "utm.tif", slope((320, 420)), "EPSG:32632", origin)
    made = [make(source, cache, moved(jitter), buffer=0.05) for jitter in JITTER]
    assert len({dem.path for dem in made}) == 1
    cut_short = [make(source, cache, moved(jitter), buffer=0.2) for jitter in JITTER]
    assert len({dem.path for dem in cut_short}) == 1
    assert all("west" in dem.warnings[0] for dem in cut_short)


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:32632"])
def test_a_file_that_just_covers_the_bounds_is_taken(tmp_path: Path, crs: str) -> None:
    """What the region has beyond it is not asked for; a pixel less within the bounds is refused as ever."""
    if crs == "EPSG:4326":
        source = write(tmp_path / "dem.tif", slope((100, 200)), transform=Affine(STEP, 0, 10.43, 0, -STEP, 46.62))
        area = (10.43, 46.42, 10.83, 46.62)
    else:
        source = write(tmp_path / "dem.tif", slope((100, 200)), crs, Affine(200, 0, 640_000, 0, -200, 5_170_000))
        area = inner_box(source)
    for buffer in (0.0, 0.2):
        dem = make(source, tmp_path / "cache", area, buffer)
        near = 1e-9
        west, south, east, north = dem.bounds
        assert west <= area[0] + near
        assert south <= area[1] + near
        assert east >= area[2] - near
        assert north >= area[3] - near
        assert dem.voids_filled == 0
        for side, by in enumerate((-3 * STEP, -3 * STEP, 3 * STEP, 3 * STEP)):
            beyond = tuple(edge + by * (number == side) for number, edge in enumerate(area))
            with pytest.raises(NoDataError, match="cover"):
                make(source, tmp_path / "cache", beyond, buffer)


def inner_box(source: Path) -> tuple[float, float, float, float]:
    """The largest box about in the middle of a projected raster, a pixel within its outermost centres."""
    with rasterio.open(source) as dataset:
        left, bottom, right, top = dataset.bounds
        x, y = np.linspace(left + 400, right - 400, 50), np.linspace(bottom + 400, top - 400, 50)

        def lonlat(x: np.ndarray, y: np.ndarray) -> np.ndarray:
            x, y = np.broadcast_arrays(x, y)
            return np.array(rasterio.warp.transform(dataset.crs, "EPSG:4326", x, y))

        west, east = lonlat(x[:1], y)[0].max(), lonlat(x[-1:], y)[0].min()
        south, north = lonlat(x, y[:1])[1].max(), lonlat(x, y[-1:])[1].min()
    return float(west), float(south), float(east), float(north)


def test_voids_are_those_of_the_own_bounds_of_each_pair(tmp_path: Path) -> None:
    """A strip of them lies in one pair's bounds, in the other's margin: counted, and judged, by each for itself."""
    heights = slope()
    row, column = round((NORTH - AREA[3]) / STEP), round((AREA[0] - WEST) / STEP)
    heights[row - 8 : row - 2, column : column + 200] = -9999  # north of the bounds
    source, cache = write(tmp_path / "dem.tif", heights), tmp_path / "cache"
    first = make(source, cache, AREA)
    assert first.voids_filled == 0
    assert "0 pixels in the area and 1200 in the buffer" in first.warnings[-1]
    stamp = first.path.stat().st_mtime_ns
    west, south, east, north = AREA
    with pytest.raises(NoDataError, match="cannot be used"):  # 1200 of 22,800 pixels
        make(source, cache, (west, south, east, north + 9 * STEP))
    wider = (west, south, east, north + 3 * STEP)
    within = make(source, cache, wider)
    assert within.path == first.path
    assert 0 < within.voids_filled <= 200
    assert first.path.stat().st_mtime_ns == stamp
    # in an empty cache it is all the same
    alone = make(source, tmp_path / "other", wider)
    assert (alone.voids_filled, alone.warnings) == (within.voids_filled, within.warnings)
    with pytest.raises(NoDataError, match="cannot be used"):
        make(source, tmp_path / "third", (west, south, east, north + 9 * STEP))


def test_voids_beyond_the_margin_do_not_count_against_a_file(tmp_path: Path) -> None:
    """Nothing but voids in what the region has beyond the bounds."""
    heights = np.full(SHAPE, -9999.0)
    top, bottom = round((NORTH - 46.62) / STEP) - 1, round((NORTH - 46.42) / STEP) + 1
    left, right = round((10.43 - WEST) / STEP) - 1, round((10.85 - WEST) / STEP) + 1
    heights[top:bottom, left:right] = slope()[top:bottom, left:right]
    dem = make(write(tmp_path / "dem.tif", heights), tmp_path / "cache", AREA, buffer=0.0)
    assert dem.voids_filled == 0


def test_voids_are_counted_in_any_part() -> None:
    random = np.random.default_rng(8)
    void = random.random((2500, 37)) < 0.02
    kept = VoidMap()
    for first in range(0, 2500, 768):
        kept.add(void[first : first + 768])
    text = kept.text()
    for rows, columns in (
        ((0, 2500), (0, 37)),
        ((1000, 1030), (5, 11)),
        ((2400, 2500), (36, 37)),
        ((7, 7), (0, 1)),
    ):
        within = int(void[slice(*rows), slice(*columns)].sum())
        assert count_voids(text, 37, rows, columns) == (within, int(void.sum()) - within)
    none = VoidMap()
    none.add(np.zeros((5, 7), dtype=bool))
    assert none.text() == ""
    assert count_voids("", 7, (0, 5), (0, 7)) == (0, 0)
