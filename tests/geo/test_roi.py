"""Regions of interest: every form gives the same region, every mistake is told with its remedy."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely
from pyproj import Transformer

from dinsar_cli.errors import ExitCode, UsageError
from dinsar_cli.geo.roi import Roi, parse_roi

WEST, SOUTH, EAST, NORTH = 10.0, 45.0, 11.0, 46.0
BOX = shapely.box(WEST, SOUTH, EAST, NORTH)
NEIGHBOUR = shapely.box(10.5, 45.5, 12.0, 47.0)
GEOJSON = shapely.to_geojson(BOX)
UTM_BOX = shapely.box(300000, 5000000, 400000, 5100000)
UTM_CRS = "EPSG:32633"
DRIVERS = {".shp": "ESRI Shapefile", ".gpkg": "GPKG", ".kml": "KML", ".geojson": "GeoJSON"}
KML = """<?xml version="1.0"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document>
<Folder><name>A</name><Placemark><Point><coordinates>1,2,0</coordinates></Point></Placemark>
<Placemark><Polygon><outerBoundaryIs><LinearRing><coordinates>
10,45,5 11,45,5 11,46,5 10,46,5 10,45,5</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark></Folder>
<Folder><name>B</name><Placemark><Polygon><outerBoundaryIs><LinearRing><coordinates>
12,45 13,45 13,46 12,46 12,45</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark></Folder>
</Document></kml>"""


def write_layer(
    path: Path,
    geometries: list[shapely.Geometry],
    crs: str | None = "EPSG:4326",
    layer: str | None = None,
    kind: str = "Polygon",
) -> Path:
    """Write a real vector file; the writer warns when there is no CRS, which is what some tests want."""
    wkb = shapely.to_wkb(np.array(geometries, dtype=object))
    options = {"driver": DRIVERS[path.suffix], "crs": crs, "layer": layer, "append": path.exists()}
    if crs is None:
        with pytest.warns(UserWarning, match="crs"):
            pyogrio.raw.write(path, wkb, field_data=[], fields=[], geometry_type=kind, **options)
    else:
        pyogrio.raw.write(path, wkb, field_data=[], fields=[], geometry_type=kind, **options)
    return path


def refused(text: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        parse_roi(text)
    assert caught.value.exit_code is ExitCode.USAGE
    assert all((caught.value.problem, caught.value.cause, caught.value.remedy))
    assert len(str(caught.value).splitlines()) == 3
    return caught.value


@pytest.mark.parametrize(
    "text",
    [
        "10 45 11 46",
        "10,45,11,46",
        " [10, 45; (11.0 46e0)] ",
        "POLYGON((10 45,11 45,11 46,10 46,10 45))",
        "polygon z ((10 45 7,11 45 7,11 46 7,10 46 7,10 45 7))",
        "SRID=4326;POLYGON((10 45,10 46,11 46,11 45,10 45))",
        "MULTIPOLYGON(((10 45,11 45,11 46,10 46,10 45)))",
        GEOJSON,
        json.dumps({"type": "Feature", "properties": {}, "geometry": json.loads(GEOJSON)}),
        json.dumps({"type": "GeometryCollection", "geometries": [json.loads(GEOJSON)]}),
    ],
)
def test_all_forms_of_one_box_are_the_same_region(text: str) -> None:
    roi = parse_roi(text)
    assert roi.bounds == (WEST, SOUTH, EAST, NORTH)
    assert roi.geometry.equals(BOX)
    assert roi.geometry.exterior.is_ccw
    assert not roi.geometry.has_z
    assert roi.source == text.strip()
    assert parse_roi(roi.wkt).geometry.equals(BOX)


def test_typographic_minus_and_poles_are_read() -> None:
    assert parse_roi("\N{MINUS SIGN}118 35 \N{MINUS SIGN}117 36").bounds == (-118, 35, -117, 36)
    assert parse_roi("10 85 11 90").bounds == (10, 85, 11, 90)


def test_wkt_with_another_srid_is_reprojected() -> None:
    # The central meridian of zone 33 is 15 degrees east by definition, at easting 500 km.
    west = parse_roi(f"SRID=32633;{shapely.box(500000, 5000000, 600000, 5100000).wkt}").bounds[0]
    assert west == pytest.approx(15.0, abs=1e-9)


@pytest.mark.parametrize("suffix", list(DRIVERS))
def test_features_of_a_file_are_joined(tmp_path: Path, suffix: str) -> None:
    roi = parse_roi(str(write_layer(tmp_path / f"area{suffix}", [BOX, NEIGHBOUR])))
    # Areas: 1 + 2.25 less the common quarter.
    assert roi.geometry.area == pytest.approx(3.0, abs=1e-9)
    assert roi.bounds == (10, 45, 12, 47)
    assert roi.source == str(tmp_path / f"area{suffix}")


@pytest.mark.parametrize("suffix", [".shp", ".gpkg", ".geojson"])
def test_projected_file_keeps_its_straight_edges(tmp_path: Path, suffix: str) -> None:
    roi = parse_roi(str(write_layer(tmp_path / f"utm{suffix}", [UTM_BOX], UTM_CRS)))
    to_utm = Transformer.from_crs("EPSG:4326", UTM_CRS, always_xy=True)
    outline = shapely.segmentize(roi.geometry, 0.001)
    back = shapely.transform(outline, lambda xy: np.column_stack(to_utm.transform(xy[:, 0], xy[:, 1])))
    # Drawn from corner to corner in degrees, an edge of 100 km is over 150 m off.
    assert shapely.hausdorff_distance(back, UTM_BOX) < 1.0


def test_zipped_shapefile_in_a_folder_of_the_zip(tmp_path: Path) -> None:
    write_layer(tmp_path / "area.shp", [BOX])
    with zipfile.ZipFile(tmp_path / "area.zip", "w") as archive:
        for part in sorted(tmp_path.glob("area.???")):
            if part.suffix != ".zip":
                archive.write(part, f"my area/{part.name}")
        archive.writestr("__MACOSX/my area/._area.shp", "resource fork")
    assert parse_roi(str(tmp_path / "area.zip")).geometry.equals(BOX)


def test_folders_of_a_kml_are_joined_and_points_passed_over(tmp_path: Path) -> None:
    (tmp_path / "area.kml").write_text(KML)
    roi = parse_roi(str(tmp_path / "area.kml"))
    assert roi.geometry.equals(shapely.MultiPolygon([BOX, shapely.box(12, 45, 13, 46)]))


def test_geojson_with_byte_order_mark_and_old_crs(tmp_path: Path) -> None:
    document = json.loads(shapely.to_geojson(UTM_BOX))
    document["crs"] = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32633"}}
    (tmp_path / "area.json").write_text(json.dumps(document), encoding="utf-8-sig")
    same = parse_roi(f"SRID=32633;{UTM_BOX.wkt}")
    assert parse_roi(str(tmp_path / "area.json")).geometry.equals(same.geometry)


def test_shapefile_without_crs_is_read_as_degrees_only_in_range(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert parse_roi(str(write_layer(tmp_path / "area.shp", [BOX], None))).geometry.equals(BOX)
    assert "no coordinate reference system" in caplog.text
    error = refused(str(write_layer(tmp_path / "utm.shp", [UTM_BOX], None)))
    assert "no coordinate reference system" in error.cause
    assert "5100000" in error.cause


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("34 36 -118 -117", "-118 34 -117 36"),  # S N W E
        ("35 36 10 12", "10 35 12 36"),  # S N W E, in range either way
        ("34 -118 36 -117", "-118 34 -117 36"),  # S W N E
        ("240 35 242 37", "-120 35 -118 37"),  # longitudes of 0 to 360
    ],
)
def test_impossible_order_shows_both_readings_and_the_right_one(text: str, meant: str) -> None:
    error = refused(text)
    assert "'W S E N': west" in error.cause
    assert "'S N W E': west" in error.cause
    assert f"'{meant}'" in error.remedy
    parse_roi(meant)


def test_readings_put_the_numbers_into_names() -> None:
    cause = refused("35 36 10 12").cause
    assert "'W S E N': west 35, east 10, south 36, north 12" in cause
    assert "'S N W E': west 10, east 12, south 35, north 36 (possible)" in cause


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "empty"),
        ("10 45 11", "3 number"),
        ("10,5 45,2 11,5 46,1", "point, not a comma"),
        ("10 45 nan 46", "NaN"),
        ("10 45 inf 46", "infinite"),
        ("10 45 10 46", "west 10 is not less than east 10"),
        ("10 91 11 92", "no latitude"),
        ("500 1 501 2", "beyond 180"),
        ("POLYGON((0 0,1 nan,1 0,0 0))", "NaN"),
        ("POLYGON((0 0,1e999 0,3 3,0 0))", "infinite"),
        ("POLYGON((0 0,1 1", "end of stream"),
        ("POLYGON((0 0,1 0,1 1))", "closed"),
        ("POLYGON EMPTY", "empty"),
        ("POINT(10 45)", "Point"),
        ("LINESTRING(10 45,11 46)", "LineString"),
        ("CURVEPOLYGON(CIRCULARSTRING(0 0,1 1,2 0,1 -1,0 0))", "onlinear"),
        ("POLYGON((0 0,1 0.1,3 0.3,0 0))", "one line"),
        ("POLYGON((0 0,1 1,1 0,0 1,0 0))", "Self-intersection at longitude, latitude 0.5 0.5"),
        ("POLYGON((0 0,2 0,2 2,0 2,0 0),(3 3,4 3,4 4,3 3))", "Hole lies outside"),
        ("POLYGON((0 100,1 100,200 101,0 100))", "Degrees end"),
        ("POLYGON((200 0,201 0,201 1,200 1,200 0))", "Subtract 360"),
        ("POLYGON((4e5 5e6,5e5 5e6,5e5 6e6,4e5 5e6))", "metres"),
        ("SRID=99999;POLYGON((0 0,1 0,1 1,0 0))", "EPSG:99999"),
        ('{"type": "Polygon"', "line 1"),
        ('{"type": "Foo"}', "neither coordinates"),
        ('{"type": ["Polygon"], "coordinates": 3}', "GeoJSON"),
        ('{"type": "Feature", "geometry": null}', "no polygon"),
        ('{"type": "FeatureCollection", "features": 3}', "neither coordinates"),
        ('{"type": "Polygon", "coordinates": [[[0,0],[1,NaN],[1,1],[0,0]]]}', "JSON compliant"),
        ('{"type": "Polygon", "coordinates": [[[0,0],[1,"a"],[1,1],[0,0]]]}', "must be number"),
        ('{"a":' * 5000, "nested too deeply"),
        ("no_such_file.geojson", "No file has this name"),
        ("area (1).geojson", "No file has this name"),
        ("x" * 5000, "No file has this name"),
    ],
)
def test_bad_text_is_refused_with_its_reason(text: str, word: str) -> None:
    assert word in str(refused(text))


@pytest.mark.parametrize(
    "text",
    [
        "179 -10 -179 10",
        "179 -10 181 10",
        "-170 0 170 10",
        "POLYGON((179 0,-179 0,-179 1,179 1,179 0))",
        "POLYGON((179 0,181 0,181 1,179 1,179 0))",
    ],
)
def test_antimeridian_is_refused_with_the_split(text: str) -> None:
    error = refused(text)
    assert "antimeridian" in error.problem
    assert "180 degrees" in error.cause
    assert "180" in error.remedy


def test_box_that_ends_at_the_antimeridian_is_no_crossing() -> None:
    assert parse_roi("179 -10 180 10").bounds == (179, -10, 180, 10)


def test_swapped_polygon_shows_the_right_form() -> None:
    error = refused("POLYGON((35 -118,36 -118,36 -117,35 -117,35 -118))")
    assert "swapped" in error.problem
    shown = error.remedy.split("'")[1]
    assert parse_roi(shown).bounds == (-118, 35, -117, 36)


def test_overlapping_parts_are_joined_but_each_must_be_valid() -> None:
    roi = parse_roi("MULTIPOLYGON(((0 0,2 0,2 2,0 2,0 0)),((1 1,3 1,3 3,1 3,1 1)))")
    assert roi.geometry.area == pytest.approx(7.0, abs=1e-12)
    assert "2.5 0.5" in refused("MULTIPOLYGON(((0 0,1 0,1 1,0 0)),((2 0,3 1,3 0,2 1,2 0)))").cause


def test_files_that_are_no_region(tmp_path: Path) -> None:
    write_layer(tmp_path / "whole.shp", [BOX, NEIGHBOUR])
    for suffix in (".shp", ".shx", ".dbf", ".prj"):
        content = (tmp_path / f"whole{suffix}").read_bytes()
        (tmp_path / f"cut{suffix}").write_bytes(content[: 100 + 136] if suffix == ".shp" else content)
    whole = write_layer(tmp_path / "whole.gpkg", [BOX]).read_bytes()
    (tmp_path / "cut.gpkg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "alone.shp").write_bytes((tmp_path / "whole.shp").read_bytes())
    (tmp_path / "cut.kml").write_text(KML[:300])
    (tmp_path / "utf16.json").write_text(GEOJSON, encoding="utf-16")
    (tmp_path / "junk.zip").write_text("junk")
    (tmp_path / "area.tif").touch()
    with zipfile.ZipFile(tmp_path / "none.zip", "w") as archive:
        archive.writestr("readme.txt", "nothing")
    write_layer(tmp_path / "points.shp", [shapely.Point(10, 45)], kind="Point")
    write_layer(tmp_path / "two.gpkg", [BOX], layer="one")
    write_layer(tmp_path / "two.gpkg", [NEIGHBOUR], layer="other")
    words = {
        "cut.shp": "cut short",
        "cut.gpkg": "cannot be read",
        "cut.kml": "cannot be read",
        "alone.shp": ".shx",
        "utf16.json": "UTF-16",
        "junk.zip": "not a zip file",
        "none.zip": "one shapefile",
        "area.tif": "not a known format",
        ".": "a folder",
        "points.shp": "Point",
        "two.gpkg": "one, other",
    }
    for name, word in words.items():
        error = refused(str(tmp_path / name))
        assert str(tmp_path) in error.problem
        assert word in str(error), name


def test_roi_is_a_value() -> None:
    assert parse_roi("10 45 11 46") == Roi(shapely.box(10, 45, 11, 46), "10 45 11 46")


@pytest.mark.parametrize("text", ["-8.6 31 -8.6 31", "-8.6,31,-8.6,31.5", "-8.6 31 -8.4 31", "31 31 31 31"])
def test_a_point_or_a_line_gets_a_box_around_it(text: str) -> None:
    """Read in another order a point may be a box of forty degrees, which nobody means."""
    error = refused(text)
    proposed = re.search(r"--roi '([^']+)'", error.remedy)
    assert proposed is not None
    west, south, east, north = parse_roi(proposed[1]).bounds
    numbers = [float(number) for number in re.split("[ ,]", text)]
    assert west < min(numbers[::2]) <= max(numbers[::2]) < east
    assert south < min(numbers[1::2]) <= max(numbers[1::2]) < north
    assert max(east - west, north - south) < 1


def test_of_possible_orders_the_smallest_box_is_proposed() -> None:
    """Upper left and lower right corner: as south, north, west, east it would be forty degrees wide."""
    assert "'-8.6 30.9 -8.5 31'" in refused("-8.6 31 -8.5 30.9").remedy
