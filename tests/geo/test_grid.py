"""The map grid: origin on multiples of the posting, covering the bounds, exactly repeatable."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest
from pyproj import Geod, Transformer
from rasterio.transform import xy

from dinsar_cli.errors import UsageError
from dinsar_cli.geo.crs import GEOGRAPHIC
from dinsar_cli.geo.grid import Grid, grid_for, posting_for_looks

ARC_SECOND = 1 / 3600
POSTINGS = [0.5 * ARC_SECOND, ARC_SECOND, 2.5 * ARC_SECOND, 3 * ARC_SECOND, 0.001, 0.0007, 1 / 3]


@pytest.mark.parametrize("posting", POSTINGS)
@pytest.mark.parametrize(("first", "last"), [(-10702, -10509), (-3, 4), (431_999, 432_100), (37_854, 37_855)])
def test_bounds_on_multiples_gain_no_pixel(posting: float, first: int, last: int) -> None:
    scale = min(1.0, 80 / (abs(last) * posting))
    first, last = math.floor(first * scale), math.floor(first * scale) + (last - first)
    # The same edge as three different computations give it.
    for west, east in (
        (first * posting, last * posting),
        (math.fsum([posting] * 3) * first / 3, last / (1 / posting)),
    ):
        grid = grid_for((west, west, east, east), GEOGRAPHIC, posting)
        assert grid.shape == (last - first, last - first)
        assert grid.west == pytest.approx(first * posting, abs=1e-6 * posting)
        assert grid.north == pytest.approx(last * posting, abs=1e-6 * posting)


@pytest.mark.parametrize("posting", POSTINGS)
def test_grid_covers_the_bounds_with_less_than_a_pixel_to_spare(posting: float) -> None:
    box = (-8.8981, 31.20902, -8.0781, 31.91545)
    grid = grid_for(box, GEOGRAPHIC, posting)
    excess = np.array(
        [box[0] - grid.bounds[0], box[1] - grid.bounds[1], grid.bounds[2] - box[2], grid.bounds[3] - box[3]]
    )
    assert np.all(excess >= -1e-6 * posting)
    assert np.all(excess < posting)
    assert grid.west / posting == pytest.approx(round(grid.west / posting), abs=1e-6)
    assert grid.north / posting == pytest.approx(round(grid.north / posting), abs=1e-6)


def test_grids_of_overlapping_boxes_share_their_pixels() -> None:
    posting = 2.5 * ARC_SECOND
    one = grid_for((-8.9, 31.2, -8.7, 31.5), GEOGRAPHIC, posting)
    other = grid_for((-8.8123, 31.3456, -8.61, 31.7), GEOGRAPHIC, posting)
    shift = np.array([other.west - one.west, other.north - one.north]) / posting
    assert shift == pytest.approx(np.round(shift), abs=1e-6)


@pytest.mark.parametrize("posting", POSTINGS)
def test_a_grid_is_its_own_grid(posting: float) -> None:
    grid = grid_for((-8.898204694375412, 31.20902487885615, -8.1, 31.9), GEOGRAPHIC, posting)
    assert grid_for(grid.bounds, GEOGRAPHIC, posting) == grid


def test_decimal_edges_stay_decimal() -> None:
    grid = grid_for((-9.0, 31.0, -8.0, 31.5), GEOGRAPHIC, 3 * ARC_SECOND)
    assert (grid.west, grid.north, grid.shape) == (-9.0, 31.5, (600, 1200))


def test_transform_centres_and_bounds_agree() -> None:
    grid = Grid("EPSG:32629", 500_010.0, 3_480_000.0, 30.0, 7, 4)
    assert grid.shape == (4, 7)
    assert grid.bounds == (500_010.0, 3_479_880.0, 500_220.0, 3_480_000.0)
    assert xy(grid.transform, 0, 0, offset="ul") == (500_010.0, 3_480_000.0)
    for column, row in itertools.product((0, 6), (0, 3)):
        assert xy(grid.transform, row, column) == (grid.x_centres[column], grid.y_centres[row])
    assert grid.x_centres.dtype == grid.y_centres.dtype == np.float64


@pytest.mark.parametrize(
    ("box", "crs"),
    [
        ((-8.9, 31.2, -8.7, 31.5), "EPSG:32629"),
        ((-70.2, -24.0, -69.8, -23.0), "EPSG:32719"),
        ((177.0, -1.0, 179.5, 0.5), "EPSG:32760"),
        ((-180.0, 10.0, -179.0, 11.0), "EPSG:32601"),
    ],
)
def test_utm_zone_of_the_centre(box: tuple[float, float, float, float], crs: str) -> None:
    grid = grid_for(box, "utm", 30.0)
    assert grid.crs == crs
    assert (grid.west % 30, grid.north % 30) == (0, 0)
    assert grid == grid_for(box, crs, 30.0)


def test_utm_grid_covers_the_curved_edges_of_the_box() -> None:
    west, south, east, north = box = (-11.9, 60.0, -6.1, 62.0)
    grid = grid_for(box, "utm", 20.0)
    edge = np.linspace(0, 1, 1001)
    lon = np.concatenate([west + edge * (east - west)] * 2 + [np.full(1001, west), np.full(1001, east)])
    lat = np.concatenate([np.full(1001, south), np.full(1001, north)] + [south + edge * (north - south)] * 2)
    x, y = Transformer.from_crs(GEOGRAPHIC, grid.crs, always_xy=True).transform(lon, lat)
    left, bottom, right, top = grid.bounds
    # The southern edge sags 2.5 km below its corners at the central meridian, so corners alone would lose it.
    assert left <= x.min() < left + 20
    assert bottom - 1 <= y.min() < bottom + 21
    assert right - 20 < x.max() <= right
    assert top - 20 < y.max() <= top


@pytest.mark.parametrize(
    ("box", "crs", "posting"),
    [
        ((-9, 31, -8, 32), "EPSG:4258", 30.0),
        ((-9, 31, -8, 32), "EPSG:2154", 30.0),
        ((-9, 31, -8, 32), "EPSG:32661", 30.0),
        ((-9, 31, -8, 32), "UTM", 30.0),
        ((-9, 31, -8, 32), "EPSG:32633", 30.0),
        ((-9, 84.5, -8, 85), "utm", 30.0),
        ((-9, -81, -8, -80.5), "utm", 30.0),
        ((-9, 31, -8, 32), "utm", 0.0),
        ((-9, 31, -8, 32), GEOGRAPHIC, -0.1),
        ((-9, 31, -8, 32), GEOGRAPHIC, math.nan),
        ((-9, 31, -8, 32), GEOGRAPHIC, math.inf),
    ],
)
def test_options_that_give_no_map(box: tuple[float, float, float, float], crs: str, posting: float) -> None:
    with pytest.raises(UsageError) as caught:
        grid_for(box, crs, posting)
    named = {"utm": "EPSG:32"}.get(crs, crs)
    assert str(posting) in caught.value.problem or named in caught.value.problem
    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize(
    "box", [(1, 0, 0, 1), (0, 1, 1, 0), (0, 0, 0, 1), (math.nan, 0, 1, 1), (0, 0, math.inf, 1)]
)
def test_impossible_bounds(box: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError, match="bounds"):
        grid_for(box, GEOGRAPHIC, 0.001)


def test_a_box_smaller_than_a_pixel_gives_one_pixel() -> None:
    grid = grid_for((0.00041, 0.00041, 0.00042, 0.00042), GEOGRAPHIC, 0.001)
    assert (grid.shape, grid.west, grid.north) == ((1, 1), 0.0, 0.001)


@pytest.mark.parametrize("lat", [-60.0, 0.0, 31.36, 80.0])
def test_metres_per_degree_are_those_of_the_geodesic(lat: float) -> None:
    grid = Grid(GEOGRAPHIC, -9.0, lat + 0.0005, 0.001, 3, 1)
    east, north = grid.metres_per_unit
    geod = Geod(ellps="WGS84")
    assert east * 0.001 == pytest.approx(geod.inv(0.0, lat, 0.001, lat)[2], rel=1e-6)
    assert north * 0.001 == pytest.approx(geod.inv(0.0, lat - 0.0005, 0.0, lat + 0.0005)[2], rel=1e-6)
    assert grid.aspect == pytest.approx(north / east / 3)


def test_positions_and_metres_in_utm() -> None:
    grid = Grid("EPSG:32729", 500_000.0, 10_000_000.0, 30.0, 4, 2)
    assert (grid.metres_per_unit, grid.aspect) == ((1.0, 1.0), 0.5)
    # False easting and northing of the southern zones, on the central meridian of zone 29.
    assert grid.from_lonlat(-9.0, 0.0) == pytest.approx((500_000.0, 10_000_000.0), abs=1e-3)
    assert Grid(GEOGRAPHIC, 0.0, 1.0, 0.1, 1, 1).from_lonlat(-9.0, 1.0) == (-9.0, 1.0)


@pytest.mark.parametrize(
    "grid", [Grid(GEOGRAPHIC, -8.9, 31.5, 1 / 1200, 9, 7), Grid("EPSG:32629", 500_000.0, 3_480_000.0, 30.0, 9, 7)]
)
def test_the_centre_of_a_pixel_is_in_that_pixel(grid: Grid) -> None:
    for cell in ((0, 0), (6, 8), (3, 5), (-1, 9)):
        assert grid.index(*grid.lonlat(*cell)) == cell


def test_json_round_trip_is_exact() -> None:
    grid = grid_for((-8.898204694375412, 31.20902487885615, -8.1, 31.9), GEOGRAPHIC, 2.5 * ARC_SECOND)
    assert Grid(**json.loads(json.dumps(grid.to_dict()))) == grid


@pytest.mark.parametrize(
    ("range_m", "azimuth_m", "crs", "posting"),
    [
        # 19 x 7 looks at 36 degrees of incidence: 75.3 m x 97.6 m, mean 85.7 m = 2.78 arc-seconds.
        (75.3, 97.6, GEOGRAPHIC, 3 * ARC_SECOND),
        (75.3, 97.6, "utm", 85.0),
        # 7 x 2 looks: 27.7 m x 27.9 m.
        (27.7, 27.9, GEOGRAPHIC, ARC_SECOND),
        (27.7, 27.9, "EPSG:32629", 30.0),
        (4.0, 14.0, GEOGRAPHIC, 0.5 * ARC_SECOND),
        (1.0, 1.0, GEOGRAPHIC, 0.5 * ARC_SECOND),
        (1.0, 1.0, "utm", 5.0),
        (38.0, 40.0, GEOGRAPHIC, 1.5 * ARC_SECOND),
    ],
)
def test_posting_for_looks(range_m: float, azimuth_m: float, crs: str, posting: float) -> None:
    assert posting_for_looks(range_m, azimuth_m, crs) == pytest.approx(posting, rel=1e-12)


def test_posting_for_looks_refuses_nonsense() -> None:
    with pytest.raises(ValueError, match="positive"):
        posting_for_looks(0.0, 10.0, GEOGRAPHIC)
