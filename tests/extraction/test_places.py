"""Places from tables and vector files as people have them: what is read, and what is left out with its reason."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely
from pyproj import Transformer

from dinsar_cli.errors import UsageError
from dinsar_cli.extraction.places import read_places

POINTS = np.array([[-8.85, 31.4], [-8.84375, 31.3479]])


def write(path: Path, text: str, encoding: str = "utf-8") -> str:
    path.write_bytes(text.encode(encoding))
    return str(path)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("name,lon,lat\nA,-8.85,31.4\nB,-8.84375,31.3479\n", "utf-8"),
        ("name;lat;lon\nA;31.4;-8.85\nB;31.3479;-8.84375\n", "utf-8"),
        ("name;Longitude;Latitude\nA;-8,85;31,4\nB;-8,84375;31,3479\n", "utf-8"),
        ('name,lon,lat\nA,"-8,85","31,4"\nB,"-8,84375","31,3479"\n', "utf-8"),
        ("name\tlong\tLAT\r\nA\t-8.85\t31.4\r\nB\t-8.84375\t31.3479\r\n", "utf-16"),
        ("\ufeff# from a GPS\n\nname lon lat\nA -8.85 31.4\nB -8.84375 31.3479\n", "utf-8"),
        ("name|lon|lat\nA|\u22128.85|31.4°\nB|\u22128.84375|31.3479\n", "utf-8"),
        ("name;lon;lat\nCaf\u00e9;-8.85;31.4\nB;-8.84375;31.3479\n", "cp1252"),
        ("name,WKT\nA,POINT (-8.85 31.4)\nB,POINT (-8.84375 31.3479)\n", "utf-8"),
    ],
)
def test_tables_as_people_write_them(text: str, encoding: str, tmp_path: Path) -> None:
    places = read_places(write(tmp_path / "points.csv", text, encoding))
    np.testing.assert_allclose(places.groups["point"].lonlat, POINTS)
    first = "Caf\u00e9" if encoding == "cp1252" else "A"
    assert places.groups["point"].columns["name"] == [first, "B"]
    assert bool(places.notes) == (encoding != "utf-8" or "8,85" in text)
    assert places.left_out == ()


def test_metres_are_brought_to_degrees(tmp_path: Path) -> None:
    x, y = Transformer.from_crs("EPSG:4326", "EPSG:32629", always_xy=True).transform(*POINTS.T)
    rows = "\n".join(f"{a!r},{b!r}" for a, b in zip(x.tolist(), y.tolist(), strict=True))
    path = write(tmp_path / "points.csv", f"Easting,Northing\n{rows}\n")
    np.testing.assert_allclose(read_places(path, "EPSG:32629").groups["point"].lonlat, POINTS, atol=1e-9)
    with pytest.raises(UsageError, match="coordinate reference system") as caught:
        read_places(path)
    assert "--crs EPSG:32629" in caught.value.remedy
    with pytest.raises(UsageError, match="cannot be brought"):
        read_places(path, "EPSG:999999")


def test_what_cannot_be_used_is_left_out_with_its_reason(tmp_path: Path) -> None:
    text = "name,lon,lat\nA,-8.85,31.4\nB,,31.3\nC,abc,31\nD,nan,31\nE,-8.8,inf\nF,-8.8,95\nG,-8.8\n"
    places = read_places(write(tmp_path / "points.csv", text))
    assert places.count == 1
    told = "; ".join(places.left_out)
    assert len(places.left_out) == 6
    for part in (
        "line 3 (B): nothing in lon",
        "'abc' in lon",
        "line 5 (D): nothing",
        "'inf' in lat",
        "latitude 95",
    ):
        assert part in told


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "empty"),
        ("\n\n# nothing\n", "empty"),
        ("lon,lat\n", "no points"),
        ("a,b\n1,2\n", "columns are: a, b"),
        ("lon,b\n1,2\n", "not both"),
        ("-8.85,31.4\n-8.84,31.3\n", "first line has numbers"),
        ("lon,lat\n-8,85,31,4\n", "Decimal commas"),
        ("lon,lat\n-8.85,31.4,x,y\n", "4 columns"),
        ("<html><body>login</body></html>", "web page"),
        ("PK\x03\x04\x00\x00\x00\x00\x00\x00\x00\x00", "zip"),
    ],
)
def test_what_is_no_table_is_refused_by_what_is_wrong(text: str, word: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read_places(write(tmp_path / "points.csv", text))
    assert word in caught.value.cause
    assert caught.value.remedy


@pytest.mark.parametrize("text", ["name,lat,lon\nA,139.7,35.6\nB,139.8,35.7\n", "lon,lat\n35.6,139.7\n"])
def test_latitudes_beyond_the_pole_are_longitudes(text: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="swapped"):
        read_places(write(tmp_path / "points.csv", text))


def features() -> list[tuple[object, str]]:
    square = shapely.box(-8.87, 31.33, -8.82, 31.37)
    return [
        (shapely.Point(-8.85, 31.4), "station"),
        (shapely.LineString([(-8.87, 31.33), (-8.82, 31.4)]), "fault"),
        (square, "landslide"),
        (shapely.MultiPolygon([square, shapely.box(-8.8, 31.33, -8.79, 31.34)]), "two parts"),
        (shapely.MultiPoint([(-8.86, 31.4), (-8.85, 31.41)]), "pair"),
        (shapely.Polygon([(-8.87, 31.33), (-8.82, 31.37), (-8.82, 31.33), (-8.87, 31.37)]), "bow tie"),
        (None, "nothing"),
    ]


def write_vectors(path: Path, driver: str, crs: str | None = "EPSG:4326", keep: tuple[str, ...] = ()) -> str:
    """Write the features, in the coordinate reference system, with GDAL."""
    chosen = [(shape, name) for shape, name in features() if not keep or name in keep]
    shapes = np.array([shape for shape, _ in chosen], object)
    if crs not in {None, "EPSG:4326"}:
        move = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
        shapes = shapely.transform(shapes, lambda xy: np.column_stack(move.transform(*xy.T)))
    names = np.array([name for _, name in chosen], object)
    kind = shapes[0].geom_type if len(chosen) == 1 else "Unknown"
    data = shapely.to_wkb(shapes), [names], ["name"]
    pyogrio.raw.write(str(path), *data, driver=driver, crs=crs or "EPSG:4326", geometry_type=kind)
    if crs is None:
        path.with_suffix(".prj").unlink()
    return str(path)


@pytest.mark.parametrize(("ending", "driver"), [("gpkg", "GPKG"), ("geojson", "GeoJSON")])
@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:32629"])
def test_vector_files_of_all_kinds_of_shapes(ending: str, driver: str, crs: str, tmp_path: Path) -> None:
    places = read_places(write_vectors(tmp_path / f"places.{ending}", driver, crs))
    assert [len(places.groups[kind]) for kind in ("point", "line", "area")] == [3, 1, 2]
    assert places.groups["point"].columns["name"] == ["station", "pair", "pair"]
    assert places.groups["area"].columns["name"] == ["landslide", "two parts"]
    np.testing.assert_allclose(places.groups["point"].lonlat[0], POINTS[0], atol=1e-8)
    assert places.groups["area"].geometries[0].area == pytest.approx(0.05 * 0.04, rel=1e-3)
    told = "; ".join(places.left_out)
    assert len(places.left_out) == 2
    assert "bow tie): an outline that crosses" in told
    assert "nothing): no geometry" in told


def test_kml_and_kmz(tmp_path: Path) -> None:
    path = Path(write_vectors(tmp_path / "places.kml", "LIBKML", keep=("station", "fault", "landslide")))
    with zipfile.ZipFile(tmp_path / "places.kmz", "w") as archive:
        archive.write(path, "doc.kml")
    for name in ("places.kml", "places.kmz"):
        places = read_places(str(tmp_path / name))
        assert set(places.groups) == {"point", "line", "area"}
        assert places.groups["point"].columns == {"Name": ["station"]}
        np.testing.assert_allclose(places.groups["point"].lonlat, POINTS[:1])


def test_a_shapefile_without_prj(tmp_path: Path) -> None:
    """Degrees are told as such, metres are refused until their system is given."""
    degrees = write_vectors(tmp_path / "degrees.shp", "ESRI Shapefile", None, ("station",))
    places = read_places(degrees)
    np.testing.assert_allclose(places.groups["point"].lonlat, POINTS[:1])
    assert "no coordinate reference system" in places.notes[0]
    write_vectors(tmp_path / "metres.shp", "ESRI Shapefile", "EPSG:32629", ("station",))
    (tmp_path / "metres.prj").unlink()
    with pytest.raises(UsageError, match="no coordinate reference system") as caught:
        read_places(str(tmp_path / "metres.shp"))
    assert "--crs" in caught.value.remedy
    found = read_places(str(tmp_path / "metres.shp"), "EPSG:32629").groups["point"].lonlat
    np.testing.assert_allclose(found, POINTS[:1], atol=1e-9)


def test_a_system_against_that_of_the_file_is_refused(tmp_path: Path) -> None:
    path = write_vectors(tmp_path / "places.gpkg", "GPKG", "EPSG:32629", ("station",))
    assert read_places(path, "EPSG:32629").count == 1
    with pytest.raises(UsageError, match="not that of"):
        read_places(path, "EPSG:32630")


def test_many_points_of_geojson_keep_their_order(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    lonlat = rng.uniform(-60, 60, (500, 2))
    members = [
        {"type": "Feature", "properties": {"n": n}, "geometry": {"type": "Point", "coordinates": [*place, 12.5]}}
        for n, place in enumerate(lonlat.tolist())
    ]
    path = write(tmp_path / "p.json", json.dumps({"type": "FeatureCollection", "features": members}))
    places = read_places(path)
    np.testing.assert_array_equal(places.groups["point"].lonlat, lonlat)
    assert places.groups["point"].columns["n"] == list(range(500))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("-8.85 31.4", "point"),
        ("-8.85, 31.4", "point"),
        ("-8.85 31.4 -8.84 31.3", "line"),
        ("POINT (-8.85 31.4)", "point"),
        ("LINESTRING (-8.85 31.4, -8.84 31.3)", "line"),
        ("SRID=4326;POLYGON ((-8.85 31.4, -8.84 31.4, -8.84 31.3, -8.85 31.4))", "area"),
        ('{"type": "Point", "coordinates": [-8.85, 31.4]}', "point"),
    ],
)
def test_places_may_be_typed(text: str, kind: str) -> None:
    places = read_places(text)
    assert list(places.groups) == [kind]
    assert places.notes == ()
    assert shapely.get_coordinates(places.groups[kind].geometries)[0].tolist() == [-8.85, 31.4]


@pytest.mark.parametrize("text", ["", "-8.85 31.4 5", "nothing.csv", "POINT (a b)", "POINT EMPTY"])
def test_what_is_typed_wrongly_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_places(text)
    assert caught.value.remedy
