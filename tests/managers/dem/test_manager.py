"""DEM files made ready: planes, steps and holes whose right heights are known at every pixel."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyproj
import pytest
import rasterio
from rasterio import Affine

from dinsar_cli.errors import DinsarError, NoDataError, UsageError
from dinsar_cli.managers.dem.manager import Dem, DemManager


def from_origin(west: float, north: float, x_step: float, y_step: float) -> Affine:
    return Affine(x_step, 0.0, west, 0.0, -y_step, north)


STEP = 0.01
WEST, NORTH = 10.0, 47.0
TRANSFORM = from_origin(WEST, NORTH, STEP, STEP)
SHAPE = (100, 120)  # 46..47 north, 10..11.2 east
AREA = (10.4, 46.4, 10.8, 46.6)


def plane(shape: tuple[int, int] = SHAPE) -> np.ndarray:
    """Heights (m) that grow by 3 m a row and 2 m a column."""
    rows, columns = np.indices(shape)
    return (500 + 3 * rows + 2 * columns).astype(np.float32)


def write(path: Path, heights: np.ndarray, *, transform=TRANSFORM, crs="EPSG:4326", unit=None, **profile) -> Path:
    bands = heights if heights.ndim == 3 else heights[np.newaxis]
    count, height, width = bands.shape
    profile = {"driver": "GTiff", "dtype": bands.dtype.name, "crs": crs, "transform": transform} | profile
    with rasterio.open(path, "w", width=width, height=height, count=count, **profile) as dataset:
        dataset.write(bands)
        if unit:
            dataset.units = (unit,) * count
    return path


def make(source: Path, cache: Path, *, area=AREA, datum="ellipsoid", buffer=0.1) -> Dem:
    manager = DemManager(source, datum, buffer, cache)
    return manager.fetch(manager.plan(area))


def read(dem: Dem) -> np.ndarray:
    with rasterio.open(dem.path) as dataset:
        return dataset.read(1)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write(tmp_path / "dem.tif", plane())


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


# --- cropping ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "int16", "uint16", "float64"])
def test_a_crop_keeps_every_height_and_its_place(tmp_path, cache, dtype):
    heights = plane().astype(dtype)
    dem = make(write(tmp_path / "dem.tif", heights), cache)
    with rasterio.open(dem.path) as dataset:
        assert dataset.dtypes == ("float32",)
        assert dataset.crs.to_epsg() == 4326
        assert dataset.tags()["AREA_OR_POINT"] == "Area"
        assert dataset.units == ("m",)
        np.testing.assert_allclose(dataset.bounds, (10.3, 46.3, 10.9, 46.7), atol=1e-9)
        np.testing.assert_array_equal(dataset.read(1), heights[30:70, 30:90].astype(np.float32))
    np.testing.assert_allclose(dem.bounds, (10.3, 46.3, 10.9, 46.7), atol=1e-9)
    assert (dem.datum_from, dem.voids_filled, dem.warnings) == ("ellipsoid", 0, ())
    assert dem.path.parent == cache / "dem"


def test_bounds_are_rounded_outward_to_whole_pixels(source, cache):
    dem = make(source, cache, area=(10.403, 46.403, 10.797, 46.597), buffer=0.0)
    np.testing.assert_allclose(dem.bounds, AREA, atol=1e-9)
    np.testing.assert_array_equal(read(dem), plane()[40:60, 40:80])


def test_strips_join_without_a_trace(tmp_path, cache):
    """20,000 columns make strips of 256 rows; the void lies across their seam, on a plane of 0.5 m a pixel."""
    rows, columns = np.indices((520, 20_000))
    heights = (100 + 0.5 * rows + 0.1 * (columns % 1000)).astype(np.float32)
    holed = heights.copy()
    holed[250:263, 500:520] = np.nan
    path = write(tmp_path / "wide.tif", holed, transform=from_origin(10, 47, 1e-4, 1e-4), tiled=True)
    dem = make(path, cache, area=(10, 46.948, 12, 47), buffer=0)
    result, void = read(dem), np.isnan(holed)
    np.testing.assert_array_equal(result[~void], heights[~void])
    assert dem.voids_filled == 13 * 20
    assert np.abs(result - heights)[void].max() < 1.5  # the void spans 6.5 m: filled from both strips


@pytest.mark.parametrize("area", [(-155.8, 46.4, -155.4, 46.6), (204.2 - 360, 46.4, 204.6 - 360, 46.6)])
def test_longitudes_from_0_to_360_are_those_of_the_area(tmp_path, cache, area):
    source = write(tmp_path / "dem.tif", plane(), transform=from_origin(204.0, NORTH, STEP, STEP))
    dem = make(source, cache, area=area)
    np.testing.assert_allclose(dem.bounds, (-155.9, 46.3, -155.3, 46.7), atol=1e-9)
    np.testing.assert_array_equal(read(dem), plane()[30:70, 10:70])


# --- coverage ---------------------------------------------------------------------------------------------------


def test_a_dem_that_ends_in_the_buffer_is_taken_with_a_warning(source, cache):
    dem = make(source, cache, area=(10.05, 46.4, 10.8, 46.98))
    np.testing.assert_allclose(dem.bounds, (10.0, 46.3, 10.9, 47.0), atol=1e-9)
    (warning,) = dem.warnings
    assert "0.0500 degrees in the west, 0.0800 degrees in the north" in warning


def test_a_file_may_end_around_what_is_needed_and_voids_count_in_that(tmp_path, cache):
    heights = plane()
    heights[41:59, 75:79] = np.nan  # 18 x 4 of 20 x 40 pixels that are wanted, none of 20 x 30 that are needed
    source = write(tmp_path / "dem.tif", heights)
    manager, needed = DemManager(source, "ellipsoid", 0.2, cache), (10.4, 46.4, 10.7, 46.6)
    dem = manager.fetch(manager.plan((9.9, 46.4, 10.9, 46.6), needed))
    np.testing.assert_allclose(dem.bounds, (10.0, 46.2, 11.1, 46.8), atol=1e-9)
    assert dem.voids_filled == 0
    assert any("0.3000 degrees in the west" in warning for warning in dem.warnings)
    with pytest.raises(NoDataError, match="does not cover") as caught:
        manager.plan((9.8, 46.4, 10.9, 46.6), (9.9, 46.4, 10.7, 46.6))
    assert "0.1000 degrees in the west" in caught.value.cause
    assert "what is needed is W 9.9000" in caught.value.cause
    assert "W 9.6000 S 46.2000 E 11.1000 N 46.8000" in caught.value.remedy


def test_a_file_of_what_is_said_to_be_needed_is_enough(tmp_path, cache):
    needed = (9.90004, 46.39996, 11.30004, 46.60004)
    small = write(tmp_path / "dem.tif", plane())
    with pytest.raises(NoDataError) as caught:
        DemManager(small, "ellipsoid", 0.2, cache).plan(needed)
    told = re.search(r"needed is W (\S+) S (\S+) E (\S+) N ([0-9.]+[0-9])", caught.value.cause)
    assert told is not None
    west, south, east, north = map(float, told.groups())
    size = round((north - south) / 1e-4), round((east - west) / 1e-3)
    heights = 500 + np.indices(size).sum(0).astype(np.float32)
    enough = write(
        tmp_path / "enough.tif", heights, transform=from_origin(west, north, (east - west) / size[1], 1e-4)
    )
    assert DemManager(enough, "ellipsoid", 0.2, cache).plan(needed).width == size[1]


@pytest.mark.parametrize(
    ("area", "lacking"),
    [
        ((9.97, 46.4, 10.8, 46.6), "0.0300 degrees in the west"),
        ((10.4, 45.9, 10.8, 46.6), "0.1000 degrees in the south"),
        ((10.4, 46.4, 11.25, 46.6), "0.0500 degrees in the east"),
        ((10.4, 46.4, 10.8, 47.2), "0.2000 degrees in the north"),
    ],
)
def test_a_dem_that_ends_in_the_area_is_refused_with_side_and_size(source, cache, area, lacking):
    with pytest.raises(NoDataError) as caught:
        DemManager(source, "ellipsoid", 0.2, cache).plan(area)
    assert f"It lacks {lacking};" in caught.value.cause


@pytest.mark.parametrize(
    "area", [(10.8, 46.4, 10.4, 46.6), (10.4, 46.6, 10.8, 46.4), (-170, 46, 170, 47), (float("nan"), 46, 11, 47)]
)
def test_impossible_bounds_are_usage_errors(source, cache, area):
    with pytest.raises(UsageError, match="bounds"):
        DemManager(source, "ellipsoid", 0.2, cache).plan(area)


# --- across 180 degrees -------------------------------------------------------------------------------------------

ACROSS = (179.6, 46.2, 180.3, 46.7)  # its longitudes run on


def hilly(longitude: np.ndarray, latitude: np.ndarray) -> np.ndarray:
    """Heights that no turn changes."""
    angle = np.radians(longitude)
    return 500 + 300 * np.sin(40 * angle) + 200 * np.cos(40 * angle) + 100 * (latitude - 46)


def write_hills(path: Path, west: float, columns: int, step: float = 0.01) -> Path:
    longitude = west + step * (np.arange(columns) + 0.5)
    latitude = 47.2 - step * (np.arange(160) + 0.5)
    return write(path, hilly(*np.meshgrid(longitude, latitude)), transform=from_origin(west, 47.2, step, step))


@pytest.mark.parametrize(("west", "columns"), [
    (178.0, 400), (-182.0, 400), (-180.0, 36_000), (0.0, 36_000),
], ids=["running on", "from below -180", "the Earth from -180", "the Earth from 0"])  # fmt: skip
@pytest.mark.parametrize("turn", [0.0, -360.0])
def test_a_file_is_read_on_the_turn_of_the_area(tmp_path, cache, west, columns, turn):
    """Heights are those of the place, wherever file and area count their longitudes from."""
    source = write_hills(tmp_path / "hills.tif", west, columns)
    dem = make(source, cache, area=(ACROSS[0] + turn, ACROSS[1], ACROSS[2] + turn, ACROSS[3]))
    np.testing.assert_allclose(dem.bounds, (179.5 + turn, 46.1, 180.4 + turn, 46.8), atol=1e-9)
    assert dem.warnings == ()
    with rasterio.open(dem.path) as dataset:
        longitude = dataset.transform.c + dataset.transform.a * (np.arange(dataset.width) + 0.5)
        latitude = dataset.transform.f + dataset.transform.e * (np.arange(dataset.height) + 0.5)
    np.testing.assert_allclose(read(dem), hilly(*np.meshgrid(longitude, latitude)), atol=1e-3)


def test_a_file_that_ends_at_180_lacks_the_rest_and_the_remedy_says_how_to_give_it(tmp_path, cache):
    source = write_hills(tmp_path / "hills.tif", 178.0, 200)
    with pytest.raises(NoDataError, match="does not cover") as caught:
        make(source, cache, area=ACROSS)
    assert "It lacks 0.3000 degrees in the east" in caught.value.cause
    assert "may run on beyond 180" in caught.value.remedy
    assert make(source, cache, area=(179.6, 46.2, 179.9, 46.7)).bounds[2] == pytest.approx(180.0)


@pytest.mark.parametrize("turn", [0.0, -360.0])
def test_a_projected_file_across_180_is_warped_at_its_own_resolution(tmp_path, cache, turn):
    """UTM zone 1: 180 degrees is its western edge, and pixels of 500 m are 0.0065 by 0.0045 degrees here."""
    to_lonlat = pyproj.Transformer.from_crs("EPSG:32601", "EPSG:4326", always_xy=True)
    easting, northing = np.meshgrid(165e3 + 500 * np.arange(300), 5.25e6 - 500 * np.arange(400))
    heights = hilly(*to_lonlat.transform(easting, northing)).astype(np.float32)
    place = from_origin(165e3 - 250, 5.25e6 + 250, 500, 500)
    source = write(tmp_path / "utm.tif", heights, transform=place, crs="EPSG:32601")
    dem = make(source, cache, area=(179.7 + turn, 46.2, 180.3 + turn, 46.7))
    with rasterio.open(dem.path) as dataset:
        assert 0.004 < dataset.transform.a < 0.007
        longitude = dataset.transform.c + dataset.transform.a * (np.arange(dataset.width) + 0.5)
        latitude = dataset.transform.f + dataset.transform.e * (np.arange(dataset.height) + 0.5)
    np.testing.assert_allclose(read(dem), hilly(*np.meshgrid(longitude, latitude)), atol=1.0)


# --- datum ------------------------------------------------------------------------------------------------------

EGM96, EGM2008 = "EPSG:4326+5773", "EPSG:4326+3855"


def test_an_unknown_datum_is_never_guessed(source, cache):
    with pytest.raises(UsageError) as caught:
        DemManager(source, None, 0.1, cache).plan(AREA)
    assert "--dem-datum ellipsoid, egm96 or egm2008" in caught.value.remedy


def test_a_datum_that_does_not_exist_is_refused(source, cache):
    with pytest.raises(UsageError, match="navd88"):
        DemManager(source, "navd88", 0.1, cache)


@pytest.mark.parametrize("datum", [None, "ellipsoid"])
def test_an_ellipsoidal_crs_is_believed(tmp_path, cache, datum):
    source = write(tmp_path / "dem.tif", plane(), crs="EPSG:4979")
    dem = make(source, cache, datum=datum)
    assert dem.datum_from == "ellipsoid"
    np.testing.assert_array_equal(read(dem), plane()[30:70, 30:90])


@pytest.mark.parametrize(
    ("crs", "datum"),
    [("EPSG:4979", "egm96"), (EGM96, "ellipsoid"), (EGM96, "egm2008"), (EGM2008, "egm96"), (EGM2008, "ellipsoid")],
)
def test_a_contradiction_of_file_and_option_is_refused(tmp_path, cache, crs, datum):
    source = write(tmp_path / "dem.tif", plane(), crs=crs)
    with pytest.raises(UsageError, match="contradict"):
        DemManager(source, datum, 0.1, cache).plan(AREA)


def test_the_vertical_crs_of_an_old_geotiff_is_seen(tmp_path, cache):
    source = write(tmp_path / "dem.tif", plane(), crs=EGM96, GEOTIFF_VERSION="1.0")
    with pytest.raises(UsageError, match="egm96"):
        DemManager(source, "ellipsoid", 0.1, cache).plan(AREA)


def test_other_vertical_datums_are_refused_by_name(tmp_path, cache):
    source = write(tmp_path / "dem.tif", plane(), crs="EPSG:4269+5703")
    with pytest.raises(UsageError, match="NAVD88"):
        DemManager(source, None, 0.1, cache).plan(AREA)


def undulation(longitude, latitude):
    """A plane, so that bilinear interpolation between the nodes of a grid is exact."""
    return 48.0 + 4.0 * (latitude - 46.5) - 7.0 * (longitude - 10.5)


def write_gtx(path: Path) -> None:
    longitude, latitude = np.meshgrid(np.arange(9, 13.1, 0.25), np.arange(45, 49.1, 0.25))
    header = struct.pack(">ddddii", 45, 9, 0.25, 0.25, *longitude.shape)
    path.write_bytes(header + undulation(longitude, latitude).astype(">f4").tobytes())


def write_geotiff_grid(path: Path) -> None:
    """A grid as PROJ's own: nodes at pixel centres, north up."""
    longitude, latitude = np.meshgrid(np.arange(9, 13.1, 0.25), np.arange(49, 44.9, -0.25))
    transform = from_origin(9 - 0.125, 49 + 0.125, 0.25, 0.25)
    write(path, undulation(longitude, latitude).astype(np.float32), transform=transform)
    with rasterio.open(path, "r+") as grid:
        grid.update_tags(TYPE="VERTICAL_OFFSET_GEOGRAPHIC_TO_VERTICAL", AREA_OR_POINT="Point")
        grid.descriptions, grid.units = ("geoid_undulation",), ("metre",)


GRIDS = {"egm96": ("egm96_15.gtx", write_gtx), "egm2008": ("us_nga_egm08_25.tif", write_geotiff_grid)}

FETCH = """
import sys
from pathlib import Path
from dinsar_cli.errors import DinsarError
from dinsar_cli.managers.dem.manager import DemManager
source, datum, cache, *area = sys.argv[1:]
manager = DemManager(Path(source), datum or None, 0.1, Path(cache))
try:
    print(manager.fetch(manager.plan(tuple(map(float, area)))).path)
except DinsarError as error:
    print(error)
    sys.exit(error.exit_code)
"""


def fetch_with_grids(grids: Path, source: Path, datum: str, cache: Path, area=AREA):
    """Run in a process of its own, where PROJ finds the grids of a folder and no others."""
    return subprocess.run(
        [sys.executable, "-c", FETCH, source, datum, cache, *map(str, area)],
        env=os.environ | {"PROJ_USER_WRITABLE_DIRECTORY": str(grids), "PROJ_NETWORK": "OFF"},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(("datum", "crs"), [("egm96", "EPSG:4326"), ("egm2008", "EPSG:4326"), ("", EGM2008)])
def test_geoid_heights_become_ellipsoidal_at_the_pixel_centres(tmp_path, cache, datum, crs):
    source = write(tmp_path / "dem.tif", plane(), crs=crs)
    name, write_grid = GRIDS[datum or "egm2008"]
    (tmp_path / "grids").mkdir()
    write_grid(tmp_path / "grids" / name)
    done = fetch_with_grids(tmp_path / "grids", source, datum, cache)
    assert done.returncode == 0, done.stdout + done.stderr
    with rasterio.open(done.stdout.strip()) as dataset:
        heights = dataset.read(1)
        rows, columns = np.indices(heights.shape)
        longitude, latitude = (
            dataset.transform.c + (columns + 0.5) * STEP,
            dataset.transform.f - (rows + 0.5) * STEP,
        )
        assert dataset.tags()["DATUM_FROM"] == (datum or "egm2008")
    expected = plane()[30:70, 30:90] + undulation(longitude, latitude)
    # Half a pixel of shift would show as 0.02 m and more, a wrong sign as about 96 m.
    np.testing.assert_allclose(heights, expected, atol=1e-3)


@pytest.mark.parametrize(("datum", "grid"), [("egm96", "us_nga_egm96_15.tif"), ("egm2008", "us_nga_egm08_25.tif")])
def test_a_missing_geoid_grid_is_named_and_nothing_is_converted_roughly(tmp_path, source, cache, datum, grid):
    done = fetch_with_grids(tmp_path / "none", source, datum, cache)
    assert done.returncode == 2
    assert grid in done.stdout
    assert pyproj.datadir.get_data_dir() in done.stdout
    for remedy in ("projsync --file", "pyproj sync --file", "PROJ_NETWORK=ON", "--dem-datum ellipsoid"):
        assert remedy in done.stdout
    assert not cache.exists()


def test_a_grid_that_does_not_reach_the_area_is_refused(tmp_path, cache):
    source = write(tmp_path / "dem.tif", plane(), transform=from_origin(20, 47, STEP, STEP))
    write_gtx(tmp_path / "egm96_15.gtx")
    done = fetch_with_grids(tmp_path, source, "egm96", cache, (20.4, 46.4, 20.8, 46.6))
    assert done.returncode == 2
    assert "us_nga_egm96_15.tif" in done.stdout
    assert not list((cache / "dem").glob("*.tif*"))


# --- warping ----------------------------------------------------------------------------------------------------

UTM_SLOPE = (0.05, -0.03)  # metres a metre, eastward and northward
UTM_ORIGIN = (600_000.0, 5_200_000.0)
UTM_AREA = (10.40, 46.70, 10.70, 46.85)


def utm_plane(easting, northing):
    return 1500 + UTM_SLOPE[0] * (easting - UTM_ORIGIN[0]) + UTM_SLOPE[1] * (northing - UTM_ORIGIN[1])


@pytest.fixture
def utm_heights() -> np.ndarray:
    rows, columns = np.indices((700, 900))  # 63 x 81 km
    return utm_plane(UTM_ORIGIN[0] + 90 * (columns + 0.5), UTM_ORIGIN[1] - 90 * (rows + 0.5)).astype(np.float32)


def utm_error(dem: Dem) -> np.ndarray:
    with rasterio.open(dem.path) as dataset:
        heights = dataset.read(1)
        rows, columns = np.indices(heights.shape)
        a, _, west, _, e, north = dataset.transform[:6]
    to_utm = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:32632", always_xy=True)
    return heights - utm_plane(*to_utm.transform(west + a * (columns + 0.5), north + e * (rows + 0.5)))


def test_a_projected_dem_is_warped_at_its_own_resolution(tmp_path, cache, utm_heights):
    source = write(tmp_path / "utm.tif", utm_heights, transform=from_origin(*UTM_ORIGIN, 90, 90), crs="EPSG:32632")
    dem = make(source, cache, area=UTM_AREA, buffer=0.05)
    west, south, east, north = dem.bounds
    assert west <= 10.35
    assert south <= 46.65
    assert east >= 10.75
    assert north >= 46.90
    assert dem.warnings == ()
    with rasterio.open(dem.path) as dataset:
        assert dataset.res[0] == pytest.approx(90 / 111_000 / np.cos(np.radians(46.8)), rel=0.25)
    # On a plane bilinear interpolation is exact: what is left is 0.001 pixel of position, 90 m * 0.06 * 0.001.
    # Half a pixel of shift would be 2.6 m.
    assert np.abs(utm_error(dem)).max() < 0.006


def test_voids_of_a_projected_dem_do_not_bleed_even_when_undeclared(tmp_path, cache, utm_heights):
    utm_heights[200:205, 250:255] = -9999
    source = write(tmp_path / "utm.tif", utm_heights, transform=from_origin(*UTM_ORIGIN, 90, 90), crs="EPSG:32632")
    dem = make(source, cache, area=UTM_AREA, buffer=0.05)
    assert dem.voids_filled > 0
    assert np.abs(utm_error(dem)).max() < 18  # half of what the plane rises across the void


def test_a_projected_dem_that_slants_past_the_area_is_measured_at_its_edge(tmp_path, cache, utm_heights):
    """Along the north side of the area, this raster's edge is where the projection of its top row says."""
    source = write(tmp_path / "utm.tif", utm_heights, transform=from_origin(*UTM_ORIGIN, 90, 90), crs="EPSG:32632")
    to_wgs84 = pyproj.Transformer.from_crs("EPSG:32632", "EPSG:4326", always_xy=True)
    edge = to_wgs84.transform(np.linspace(600_000, 681_000, 2001), np.full(2001, 5_200_000.0))
    north = np.interp(10.70, *edge)
    assert make(source, cache, area=(10.40, 46.70, 10.70, north - 0.0005), buffer=0).voids_filled == 0
    with pytest.raises(NoDataError, match=r"It lacks 0\.0100 degrees in the north;"):
        make(source, cache, area=(10.40, 46.70, 10.70, north + 0.01), buffer=0)


# --- voids ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [np.nan, -9999.0, -32768.0, 9500.0, np.inf, 777.5])
def test_voids_of_every_kind_are_interpolated_and_counted(tmp_path, cache, value):
    heights = plane()
    heights[50:52, 60:63] = value  # in the area
    heights[35, 35] = value  # in the buffer
    dem = make(write(tmp_path / "dem.tif", heights, nodata=777.5), cache)
    assert dem.voids_filled == 6
    assert "6 pixels in the area and 1 in the buffer" in dem.warnings[-1]
    result = read(dem)
    # Interpolated heights lie between those around the hole, which differ from the plane by less than 10 m.
    assert np.abs(result - plane()[30:70, 30:90]).max() < 10
    valid = (heights == plane())[30:70, 30:90]
    np.testing.assert_array_equal(result[valid], plane()[30:70, 30:90][valid])


def test_a_void_of_more_than_a_hundredth_of_the_area_is_refused_with_its_share(tmp_path, cache):
    heights = plane()
    heights[45:49, 50:52] = np.nan
    assert make(write(tmp_path / "1.tif", heights), cache).voids_filled == 8  # 20 x 40 pixels: 1.0 %
    heights[49, 50] = np.nan
    with pytest.raises(NoDataError) as caught:
        make(write(tmp_path / "2.tif", heights), cache)
    assert "9 of 800 pixels (1.1%)" in caught.value.cause
    assert len(list((cache / "dem").glob("*.tif*"))) == 1


def test_a_large_void_in_the_buffer_is_filled_too(tmp_path, cache):
    """Four hundred pixels from the next height: farther than the interpolation of a strip looks."""
    heights = np.full((900, 900), 250.0, np.float32)
    heights[:, :420] = np.nan
    source = write(tmp_path / "dem.tif", heights, transform=from_origin(10, 47, 1e-3, 1e-3))
    dem = make(source, cache, area=(10.5, 46.2, 10.8, 46.9), buffer=0.5)
    assert dem.voids_filled == 0
    assert "0 pixels in the area and 378000 in the buffer" in dem.warnings[-1]
    np.testing.assert_allclose(read(dem), 250.0, atol=1e-3)


@pytest.mark.parametrize("value", [0.0, np.nan, -9999.0])
def test_a_dem_without_heights_is_refused(tmp_path, cache, value):
    source = write(tmp_path / "dem.tif", np.full(SHAPE, value, np.float32))
    with pytest.raises(NoDataError, match="All of its heights are 0 or missing"):
        make(source, cache)


# --- files that cannot be used ----------------------------------------------------------------------------------

ROTATED = Affine(STEP, 0.002, WEST, 0.002, -STEP, NORTH)
SOUTH_UP = Affine(STEP, 0, WEST, 0, STEP, 46.0)
UNUSABLE = {
    "no CRS": ({"crs": None}, "no CRS"),
    "rotated": ({"transform": ROTATED}, "rotated"),
    "south up": ({"transform": SOUTH_UP}, "not north-up"),
    "nowhere": ({"transform": Affine.identity()}, "missing"),
    "feet": ({"unit": "ft"}, "'ft'"),
    "feet by CRS": ({"crs": "EPSG:4269+6360"}, "US survey foot"),
    "local CRS": ({"crs": 'LOCAL_CS["site",UNIT["metre",1]]'}, "neither geographic nor projected"),
}


@pytest.mark.parametrize("case", UNUSABLE)
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_unusable_files_are_refused_with_the_reason(tmp_path, cache, case):
    options, reason = UNUSABLE[case]
    source = write(tmp_path / "dem.tif", plane(), **options)
    with pytest.raises(UsageError) as caught:
        DemManager(source, None if "CRS" in case else "ellipsoid", 0.1, cache).plan(AREA)
    assert str(source) in caught.value.problem
    assert reason in caught.value.cause


def test_complex_pixels_are_not_heights(tmp_path, cache):
    source = write(tmp_path / "slc.tif", plane().astype(np.complex64))
    with pytest.raises(UsageError, match="complex64"):
        DemManager(source, "ellipsoid", 0.1, cache).plan(AREA)


def test_what_is_no_raster_is_a_usage_error(tmp_path, cache):
    (tmp_path / "dem.txt").write_text("500 510 520")
    for path in (tmp_path / "dem.txt", tmp_path / "nothing.tif", tmp_path):
        with pytest.raises(UsageError, match="cannot be opened"):
            DemManager(path, "ellipsoid", 0.1, cache).plan(AREA)


def test_a_damaged_file_is_refused_and_leaves_nothing_behind(tmp_path, cache):
    source = write(tmp_path / "dem.tif", plane())
    source.write_bytes(source.read_bytes()[:20_000])
    with pytest.raises(NoDataError, match="damaged"):
        make(source, cache)
    assert not list((cache / "dem").glob("*.tif*"))


def test_the_first_of_several_bands_is_taken_and_told(tmp_path, cache):
    source = write(tmp_path / "dem.tif", np.stack([plane(), np.zeros(SHAPE, np.float32)]))
    dem = make(source, cache)
    assert "2 bands" in dem.warnings[0]
    np.testing.assert_array_equal(read(dem), plane()[30:70, 30:90])


def test_scaled_integers_become_metres(tmp_path, cache):
    source = write(tmp_path / "dem.tif", (plane() * 10).astype(np.int16))
    with rasterio.open(source, "r+") as dataset:
        dataset.scales, dataset.offsets = (0.1,), (-20.0,)
    np.testing.assert_allclose(read(make(source, cache)), plane()[30:70, 30:90] - 20, atol=1e-3)


@pytest.mark.parametrize("buffer", [-0.1, float("nan")])
def test_an_impossible_buffer_is_refused(source, cache, buffer):
    with pytest.raises(UsageError, match="buffer"):
        DemManager(source, "ellipsoid", buffer, cache)


# --- cache ------------------------------------------------------------------------------------------------------


def test_a_plan_writes_nothing(source, cache):
    plan = DemManager(source, "ellipsoid", 0.1, cache).plan(AREA)
    assert not cache.exists()
    assert (plan.width, plan.height) == (60, 40)
    assert "crop, 60 x 40 pixels" in plan.summary


def test_a_complete_file_is_reused_with_its_count_of_voids(tmp_path, cache):
    heights = plane()
    heights[50, 60] = np.nan
    source = write(tmp_path / "dem.tif", heights)
    first = make(source, cache)
    written = first.path.stat().st_mtime_ns
    assert make(source, cache) == first
    assert first.path.stat().st_mtime_ns == written
    assert [path for path in first.path.parent.rglob("*.*") if path.is_file()] == [
        first.path,
        first.path.parent / ".verified" / f"{first.path.name}.json",
    ]


def test_another_area_buffer_or_file_gets_another_name(source, cache):
    first = make(source, cache)
    assert make(source, cache, buffer=0.15).path != first.path
    assert make(source, cache, area=(10.4, 46.4, 10.8, 46.55)).path != first.path
    write(source, plane() + 1)
    second = make(source, cache)
    assert second.path != first.path
    np.testing.assert_array_equal(read(second), plane()[30:70, 30:90] + 1)


def test_a_damaged_cache_file_is_made_again(source, cache):
    dem = make(source, cache)
    dem.path.write_bytes(b"half a fi")
    np.testing.assert_array_equal(read(make(source, cache)), plane()[30:70, 30:90])


def test_a_file_that_changed_after_the_plan_is_refused(source, cache):
    manager = DemManager(source, "ellipsoid", 0.1, cache)
    plan = manager.plan(AREA)
    write(source, plane() + 1)
    with pytest.raises(NoDataError, match="changed"):
        manager.fetch(plan)


def test_a_cache_that_cannot_be_made_is_a_usage_error(source, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DinsarError) as caught:
        make(source, tmp_path / "file")
    assert isinstance(caught.value, UsageError)
    assert "--cache" in caught.value.remedy
