"""Systems of maps: those that PROJ knows get the name that their GeoTIFFs have, others are refused."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from pyproj import CRS, Geod, Proj, Transformer

from dinsar_cli.errors import UsageError
from dinsar_cli.geo.crs import (
    GEOGRAPHIC,
    Use,
    accuracy,
    area_of_use,
    better_accuracy,
    crs_name,
    crs_title,
    grid_north,
    ground_metres,
    is_made_for,
    transformer,
)
from dinsar_cli.geo.grid import Grid, grid_for
from dinsar_cli.products.layers import write_products
from dinsar_cli.products.reader import Product
from support.view_inputs import arrays_on

LOCAL = "+proj=lcc +lat_1=33 +lat_2=35 +lat_0=31 +lon_0=-9 +datum=WGS84 +units=m"
BORROWED = "+proj=somerc +lat_0=46.95 +lon_0=7.44 +x_0=6e5 +y_0=2e5 +ellps=bessel +towgs84=674.4,15.1,405.3"
PARIS, PRAGUE, LONDON, TOKYO, GREENLAND = (2.4, 48.8), (14.4, 50.1), (-0.2, 51.5), (139.8, 35.7), (-40.0, 70.0)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("EPSG:2154", "EPSG:2154"),
        ("2154", "EPSG:2154"),
        ("RGF93 v1 / Lambert-93", "EPSG:2154"),
        ("+init=epsg:2154", "EPSG:2154"),
        (CRS.from_epsg(2154).to_wkt("WKT1_ESRI"), "EPSG:2154"),
        (CRS.from_epsg(27700).to_wkt(), "EPSG:27700"),
        ("EPSG:5514", "EPSG:5514"),
        ("EPSG:3035", "EPSG:3035"),
        ("EPSG:6677", "EPSG:6677"),
        ("EPSG:3413", "EPSG:3413"),
        ("ESRI:102003", "ESRI:102003"),
        ("+proj=utm +zone=29 +datum=WGS84", "EPSG:32629"),
        ("OGC:CRS84", GEOGRAPHIC),
        ("WGS84", GEOGRAPHIC),
    ],
)
def test_a_system_has_one_name_however_it_is_given(given: str, name: str) -> None:
    assert crs_name(given) == name == crs_name(name)


def test_a_file_with_a_system_stands_for_it(tmp_path: Path) -> None:
    path = tmp_path / "national grid.PRJ"
    path.write_text(CRS.from_epsg(2154).to_wkt("WKT1_ESRI"))
    assert crs_name(str(path)) == "EPSG:2154"


@pytest.mark.parametrize(
    ("given", "cause", "remedy"),
    [
        ("EPSG:4258", "geographic", "EPSG:4326"),
        ("EPSG:4978", "geocentric", "EPSG:2154"),
        ("EPSG:5703", "heights", "EPSG:2154"),
        ("EPSG:27700+5701", "heights", "EPSG:27700"),
        ("EPSG:2227", "US survey foot", "EPSG:26943 (NAD83 / California zone 3)"),
        ("EPSG:3140", "link", "utm"),
        ("EPSG:5513", "south and west", "EPSG:5514 (S-JTSK / Krovak East North)"),
        ("EPSG:2048", "west and south", "utm"),
        ("EPSG:999999", "does not know", "EPSG:2154"),
        ("mercator", "does not know", "EPSG:2154"),
        ("RGF93 / Lambert-93", "called nearly so", "EPSG:2154"),
        # both are read from a GeoTIFF as the national grid that is nearest to them
        ("+proj=utm +zone=29 +ellps=intl", "EPSG:27429", "EPSG:2154"),
        ("+proj=krovak +ellps=bessel", "GeoTIFF cannot hold", "EPSG:2154"),
        ("/nowhere/national.prj", "No such file", ".prj"),
        ("9" * 30, "does not know", "EPSG:2154"),
    ],
)
def test_what_maps_cannot_be_made_in_is_refused(given: str, cause: str, remedy: str) -> None:
    with pytest.raises(UsageError) as refused:
        crs_name(given)
    assert given[:50] in refused.value.problem
    assert cause in refused.value.cause
    assert remedy in refused.value.remedy
    with pytest.raises(ValueError, match="maps cannot be made"):
        Grid(given, 0.0, 0.0, 30.0, 10, 10)


@pytest.mark.parametrize(
    "bad", [b"\x89PNG\r\n\x1a\n" + b"\0" * 50, b"GEOGCS[", b"x" * (1 << 17)], ids=["picture", "cut", "long"]
)
def test_a_file_without_a_system_is_refused(bad: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bad.prj"
    path.write_bytes(bad)
    with pytest.raises(UsageError, match=r"bad\.prj"):
        crs_name(str(path))


@pytest.mark.parametrize(
    ("crs", "place"),
    [
        ("EPSG:2154", PARIS),
        ("EPSG:27700", LONDON),
        ("EPSG:5514", PRAGUE),
        ("EPSG:3035", PRAGUE),
        ("EPSG:6677", TOKYO),
        ("EPSG:3413", GREENLAND),
        (LOCAL, (-8.9, 31.5)),
        (BORROWED, (8.0, 47.0)),
    ],
)
def test_a_map_is_read_back_on_the_grid_that_was_asked_for(
    crs: str, place: tuple[float, float], tmp_path: Path
) -> None:
    """And x is the easting, y the northing, whatever the order of the axes: that is what rasters have."""
    lon, lat = place
    grid = grid_for((lon, lat, lon + 0.02, lat + 0.02), crs, 100.0)
    files = write_products(tmp_path, {"elevation": arrays_on(grid)["elevation"]}, grid, {})
    with Product(files["elevation"]) as product:
        assert product.grid == product.foreign_grid == grid
    x, y = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(lon + 0.01, lat + 0.01)
    assert grid.from_lonlat(lon + 0.01, lat + 0.01) == pytest.approx((x, y), abs=1e-6)
    row, column = grid.index(lon + 0.01, lat + 0.01)
    assert grid.holds(row, column)
    assert grid.lonlat(row, column) == pytest.approx((lon + 0.01, lat + 0.01), abs=0.0015)
    # the box lies on the grid, and less than its turn lets it reach beyond
    west, south, east, north = grid.lonlat_bounds
    assert west <= lon < lon + 0.02 <= east
    assert south <= lat < lat + 0.02 <= north


@pytest.mark.parametrize(
    ("crs", "place"),
    [("EPSG:2154", PARIS), ("EPSG:5514", PRAGUE), ("EPSG:3413", GREENLAND)],
)
def test_metres_of_a_map_are_as_long_as_the_formulas_of_the_projection_say(
    crs: str, place: tuple[float, float]
) -> None:
    """Snyder's factors, as PROJ has them; of conformal projections they are the same in all directions."""
    x, y = transformer(GEOGRAPHIC, crs).transform(*place)
    factors = Proj(crs).get_factors(*place)
    along_x, along_y = ground_metres(crs, x, y)
    assert 1 / along_x == pytest.approx(factors.parallel_scale, rel=1e-5)
    assert 1 / along_y == pytest.approx(factors.meridional_scale, rel=1e-5)
    assert grid_north(crs, x, y) == pytest.approx(-factors.meridian_convergence, abs=0.01)  # of its own datum


def test_metres_of_the_web_s_maps_are_short() -> None:
    """Of Web Mercator, spherical formulas on the ellipsoid: x is longer by the radius of the parallel alone."""
    lon, lat = PARIS
    along_x, along_y = ground_metres("EPSG:3857", *transformer(GEOGRAPHIC, "EPSG:3857").transform(lon, lat))
    parallel = math.cos(math.radians(lat)) / math.sqrt(1 - 6.694379990141e-3 * math.sin(math.radians(lat)) ** 2)
    assert along_x == pytest.approx(parallel, rel=1e-6)
    assert 0.99 < along_y / along_x < 1


def test_true_north_of_a_map_is_where_the_geodesic_to_the_pole_starts() -> None:
    grid = grid_for((14.3, 50.0, 14.5, 50.2), "EPSG:5514", 100.0)
    west, south, east, north = grid.bounds
    x, y = (west + east) / 2, (south + north) / 2
    lon, lat, _ = Geod(ellps="WGS84").fwd(*grid.to_lonlat(np.array(x), np.array(y)), 0.0, 1000.0)
    ahead = grid.from_lonlat(float(lon), float(lat))
    assert grid.true_north == pytest.approx(math.degrees(math.atan2(ahead[0] - x, ahead[1] - y)), abs=1e-3)
    # Krovak's meridian is that of Ferro + 42.5 degrees, east of here: its north lies to the left of true north
    assert 7 < grid.true_north < 9
    assert grid_for((14.3, 50.0, 14.5, 50.2), GEOGRAPHIC, 0.001).true_north == 0


def test_how_well_a_datum_is_known_is_said() -> None:
    assert accuracy("EPSG:32631", [PARIS]) == 0
    assert accuracy("EPSG:2154", [PARIS]) == 1  # EPSG's own figures
    assert accuracy("EPSG:30169", [TOKYO]) == 9
    assert accuracy("EPSG:27700", [LONDON, TOKYO]) is None
    assert accuracy("EPSG:3035", [(15.0, 50.0)]) == accuracy("EPSG:3035", [(-8.85, 31.35)]) == 1  # beyond Europe
    better = better_accuracy("EPSG:27700")
    if better is not None:  # the file of the Ordnance Survey is not here
        assert better == (1.0, ("uk_os_OSTN15_NTv2_OSGBtoETRS.tif",))
    assert better_accuracy("EPSG:2154") is None


@pytest.mark.parametrize(
    ("crs", "box", "use"),
    [
        ("EPSG:2154", (2, 48, 3, 49), Use.ALL),
        ("EPSG:2154", (10, 48, 11, 49), Use.PART),
        ("EPSG:2154", (-9, 31, -8, 32), Use.NONE),
        ("EPSG:2193", (177, -40, 178, -39), Use.ALL),
        ("EPSG:2193", (-179, -40, -178, -39), Use.NONE),
        ("EPSG:3338", (-179, 52, -178, 53), Use.ALL),
        ("EPSG:3338", (178, 52, 179, 53), Use.ALL),
        (LOCAL, (100, 0, 101, 1), Use.ALL),
    ],
)
def test_what_a_system_is_made_for_may_reach_over_180(
    crs: str, box: tuple[float, float, float, float], use: Use
) -> None:
    assert is_made_for(crs_name(crs), box) is use


def test_a_system_far_from_its_area_is_refused_with_both() -> None:
    with pytest.raises(UsageError) as refused:
        grid_for((138, 35, 139, 36), "EPSG:27700", 30.0)
    assert "-9.01 49.75 2.01 61.01" in refused.value.cause
    assert "138 35 139 36" in refused.value.cause
    # a zone beyond its edge, as Germany's maps have it, is right to 1 %
    assert grid_for((12.5, 52, 13.5, 53), "EPSG:25832", 30.0).crs == "EPSG:25832"
    with pytest.raises(UsageError, match="no places"):
        grid_for((100, -60, 101, -59), "+proj=gnom +lat_0=90 +lon_0=0 +datum=WGS84", 30.0)
    assert area_of_use(LOCAL) is None


def test_corners_of_pixels_are_whole_postings_from_the_origin() -> None:
    box = (2.0, 48.0, 2.1, 48.1)
    grid = grid_for(box, "EPSG:2154", 25.0, (12.5, -7.0))
    assert ((grid.west - 12.5) % 25, (grid.north + 7.0) % 25) == (0, 0)
    free = grid_for(box, "EPSG:2154", 25.0)
    assert abs(grid.west - free.west) < 25
    assert abs(grid.width - free.width) <= 1
    # an origin that is a whole number of postings away is the same
    assert grid_for(box, "EPSG:2154", 25.0, (700_000.0, 6_600_000.0)) == free
    degrees = grid_for(box, GEOGRAPHIC, 0.001, (0.0005, 0.0))
    assert degrees.west == pytest.approx(1.9995)


def test_titles_tell_what_a_code_is() -> None:
    assert crs_title("EPSG:2154") == "EPSG:2154 (RGF93 v1 / Lambert-93)"
    assert crs_title("EPSG:32629") == "EPSG:32629"
    assert "PROJCS" not in crs_title(crs_name(LOCAL))
