"""The same area in any container; what is wrong with a file is named."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import shapely

from dinsar_cli.errors import UsageError
from dinsar_cli.geo.roi import parse_roi

SQUARE = shapely.box(10, 45, 11, 46)
CROOKED = shapely.Polygon([(10, 45), (11, 46), (11, 45), (10, 46)])
UTM = {"type": "Polygon", "coordinates": [[[5e5, 5e6], [5.1e5, 5e6], [5.1e5, 5.01e6], [5e5, 5.01e6], [5e5, 5e6]]]}


def refused(text: object) -> UsageError:
    with pytest.raises(UsageError) as caught:
        parse_roi(str(text))
    return caught.value


def kml(shapes: dict[str, shapely.Polygon]) -> str:
    placemarks = "".join(
        f"<Placemark><name>{name}</name><Polygon><outerBoundaryIs><LinearRing><coordinates>"
        f"{' '.join(f'{x},{y}' for x, y in shape.exterior.coords)}"
        "</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark>"
        for name, shape in shapes.items()
    )
    return (
        f'<?xml version="1.0"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document>{placemarks}</Document></kml>'
    )


@pytest.mark.parametrize(
    "text",
    [
        "GEOMETRYCOLLECTION(" * 100_000 + "POINT(1 1)" + ")" * 100_000,
        "POLYGON(" * 200_000,
        '{"type":"GeometryCollection","geometries":[' * 5000 + "]}" * 5000,
        '{"type":"Polygon","coordinates":' + "[" * 900 + "]" * 900 + "}",
    ],
    ids=["WKT", "WKT without an end", "GeoJSON", "coordinates"],
)
def test_nesting_without_an_end(tmp_path: Path, text: str) -> None:
    assert "nested" in refused(text).cause
    if text.startswith("{"):
        (tmp_path / "deep.geojson").write_text(text)
        assert "nested" in refused(tmp_path / "deep.geojson").cause


def test_a_number_of_5000_digits(tmp_path: Path) -> None:
    text = json.dumps(shapely.geometry.mapping(SQUARE)).replace("11.0", "1" + "0" * 4999)
    assert "5000 digits" in refused(text).cause


@pytest.mark.parametrize("suffix", ["geojson", "kml", "gpkg", "shp", "zip", "kmz"])
def test_pipes_are_not_waited_for(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"area.{suffix}"
    os.mkfifo(path)
    assert "named pipe" in refused(path).cause
    path.unlink()
    path.write_text("<!DOCTYPE html><html><body>Log in</body></html>")
    assert "web page" in refused(path).cause
    path.write_bytes(b"\0" * 5000)
    if suffix != "geojson":
        assert "zeros" in refused(path).cause


@pytest.mark.parametrize(
    "crs",
    [
        {"type": "EPSG", "properties": {"code": 32633}},
        {"type": "EPSG", "properties": {"code": "32633"}},
        {"type": "EPSG", "properties": {"EPSG": 32633}},
        {"type": "EPSG", "properties": {"code": 32633, "coordinate_order": [0, 1]}},
        {"type": "name", "properties": {"name": "EPSG:32633"}},
        {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32633"}},
        "EPSG:32633",
    ],
)
def test_the_crs_of_a_geojson_in_all_its_spellings(tmp_path: Path, crs: Any) -> None:
    path = tmp_path / "area.geojson"
    path.write_text(json.dumps(UTM | {"crs": crs}))
    west, south, *_ = parse_roi(str(path)).bounds
    assert (west, south) == pytest.approx((15.0, 45.1534), abs=1e-3)  # the middle meridian of zone 33


def test_a_crs_beside_the_coordinates_counts_too() -> None:
    own = UTM | {"crs": {"type": "name", "properties": {"name": "EPSG:32633"}}}
    feature = {"type": "Feature", "properties": {}, "geometry": own}
    assert parse_roi(json.dumps(feature)).bounds[0] == pytest.approx(15.0, abs=1e-3)
    other = {"type": "Feature", "properties": {}, "geometry": UTM | {"crs": "EPSG:32634"}}
    both = {"type": "FeatureCollection", "features": [feature, other]}
    assert "2 different" in refused(json.dumps(both)).cause


def test_a_crs_that_is_a_link_is_not_taken_for_degrees(tmp_path: Path) -> None:
    square = shapely.geometry.mapping(SQUARE) | {"crs": {"type": "link", "properties": {"href": "http://x"}}}
    assert '"crs" names no coordinate reference system' in refused(json.dumps(square)).cause
    assert parse_roi(json.dumps(square | {"crs": None})).bounds == SQUARE.bounds


def test_crooked_features_are_all_named(tmp_path: Path) -> None:
    shapes = {"field": SQUARE, "lake": CROOKED, "wood": SQUARE, "island": CROOKED}
    (tmp_path / "area.kml").write_text(kml(shapes))
    features = [
        {"type": "Feature", "properties": {"name": name}, "geometry": shapely.geometry.mapping(shape)}
        for name, shape in shapes.items()
    ]
    (tmp_path / "area.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    for name in ("area.kml", "area.geojson"):
        error = refused(tmp_path / name)
        assert "of 4 polygons 2 are so: feature 2 (lake), feature 4 (island)" in error.cause
        assert "leave them out" in error.remedy
    (tmp_path / "area.kml").write_text(kml({"field": SQUARE, "wood": SQUARE}))  # as the remedy says
    assert parse_roi(str(tmp_path / "area.kml")).bounds == SQUARE.bounds


def test_a_shapefile_with_a_null_geometry(tmp_path: Path) -> None:
    path = tmp_path / "area.shp"
    shapes = np.array([shapely.to_wkb(SQUARE), None, shapely.to_wkb(shapely.box(11, 45, 12, 46))], object)
    names = [np.array(["a", "b", "c"], object)]
    pyogrio.raw.write(
        path, shapes, names, ["name"], geometry_type="Polygon", crs="EPSG:4326", driver="ESRI Shapefile"
    )
    assert parse_roi(str(path)).bounds == (10, 45, 12, 46)
    with zipfile.ZipFile(tmp_path / "area.zip", "w") as archive:
        for file in sorted(tmp_path.glob("area.*")):
            if file.suffix != ".zip":
                archive.write(file, file.name)
    assert parse_roi(str(tmp_path / "area.zip")).bounds == (10, 45, 12, 46)
    path.write_bytes(path.read_bytes()[:-60])
    assert "cut short" in refused(path).cause


def test_utf_16_is_named(tmp_path: Path) -> None:
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        path = tmp_path / "area.geojson"
        path.write_bytes(json.dumps(shapely.geometry.mapping(SQUARE)).encode(encoding))
        assert "UTF-16" in refused(path).cause
    path.write_bytes(json.dumps(shapely.geometry.mapping(SQUARE)).encode("utf-8-sig"))
    assert parse_roi(str(path)).bounds == SQUARE.bounds
