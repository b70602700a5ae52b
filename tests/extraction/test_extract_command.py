"""``dinsar extract`` as a user types it: files that other programs read, and words for what is wrong."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely

from dinsar_cli import extract
from support.command import Outcome
from support.extraction_inputs import DATES, DEGREES, known_arrays, make_map, make_series, write_points

Run = Callable[..., Outcome]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    layers = known_arrays(DEGREES)
    names = ("los_displacement", "los_sigma", "connected_components", "flags")
    chosen = {name: layers[name] for name in names}
    return make_map(tmp_path_factory.mktemp("run") / "T052D_20230904_20230916", DEGREES, chosen)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("stack")
    make_series(place / "series", DEGREES)
    return place


@pytest.fixture
def points(tmp_path: Path) -> Path:
    """A good one, one in another component, one without data, one beside the map."""
    cells = ((300, 300), (300, 650), (10, 10), (300, -50))
    return write_points(tmp_path / "points.csv", np.array([DEGREES.lonlat(*cell) for cell in cells]))


def test_the_table_on_the_screen_and_what_is_told_beside_it(folder: Path, points: Path, dinsar: Run) -> None:
    done = dinsar("extract", folder, points)
    assert done.code == 0
    rows = list(csv.DictReader(done.out.splitlines()))
    assert [row["name"] for row in rows] == ["P0", "P1", "P2", "P3"]
    assert [row["status"] for row in rows] == [
        "ok", "other component than the reference", "no data", "outside the map",
    ]  # fmt: skip
    with rasterio.open(folder / "products" / "los_displacement.tif") as file:
        (value,) = next(file.sample([DEGREES.lonlat(300, 300)]))
    assert np.float32(rows[0]["los_displacement_m"]) == value
    assert rows[3]["los_displacement_m"] == ""
    for text in ("1 of the points are in another component", "1 of the points are outside the map", "no data"):
        assert text in done.err
    assert "4 rows, 1 ok; 1 other component than the reference; 1 no data; 1 outside the map." in done.err


def test_a_geopackage_is_read_by_ogr_and_geopandas(stack: Path, points: Path, tmp_path: Path, dinsar: Run) -> None:
    """It has what the plugin InSAR Explorer looks for: a point layer, ``velocity``, and dates as D20230904."""
    output = tmp_path / "series.gpkg"
    assert dinsar("extract", stack, points, "--output", output).code == 0
    geopandas = pytest.importorskip("geopandas")
    frame = geopandas.read_file(output)
    assert set(frame.geom_type) == {"Point"}
    assert frame.crs.to_epsg() == 4326
    dates = [name for name in frame.columns if re.match(r"^D(\d{8})$", name)]
    assert dates == [f"D{day:%Y%m%d}" for day in DATES]
    with rasterio.open(stack / "series" / "velocity.tif") as file:
        (value,) = next(file.sample([DEGREES.lonlat(300, 300)]))
    assert np.float32(frame["velocity"][0]) == value
    assert np.isnan(frame["velocity"][3])
    assert frame["series_flags"].isna().tolist() == [False, False, False, True]
    if shutil.which("ogrinfo") is None:
        pytest.skip("there is no ogrinfo")
    told = subprocess.run(["ogrinfo", "-al", "-so", output], capture_output=True, text=True, check=True).stdout
    assert "Feature Count: 4" in told
    assert "velocity: Real" in told
    assert "name: String" in told


def test_geojson_and_csv_are_read_by_other_programs(
    folder: Path, points: Path, tmp_path: Path, dinsar: Run
) -> None:
    geopandas, pandas = pytest.importorskip("geopandas"), pytest.importorskip("pandas")
    files = [tmp_path / name for name in ("p.geojson", "p.csv")]
    for file in files:
        assert dinsar("extract", folder, points, "--output", file).out.strip() == str(file)
    frames = geopandas.read_file(files[0]), pandas.read_csv(files[1])
    for frame in frames:
        assert frame["name"].tolist() == ["P0", "P1", "P2", "P3"]
        assert frame["component"].isna().tolist() == [False, False, False, True]
    np.testing.assert_array_equal(
        frames[0]["los_displacement_m"].astype(np.float32), frames[1]["los_displacement_m"].astype(np.float32)
    )


def test_json_has_rows_and_what_was_done(folder: Path, points: Path, tmp_path: Path, dinsar: Run) -> None:
    points.write_text(points.read_text() + "P9,,31\n", encoding="utf-8")
    assert dinsar("extract", folder, points, "--output", tmp_path / "p.json").code == 0
    for text in (
        (tmp_path / "p.json").read_text(encoding="utf-8"),
        dinsar("extract", folder, points, "--json").out,
    ):
        found = json.loads(text)
        assert found["points"][0]["status"] == "ok"
        assert found["points"][3]["los_displacement_m"] is None
        assert found["left_out"] == ["line 6 (P9): nothing in lon"]
        assert found["counts"][folder.name]["points: outside the map"] == 1
        assert found["maps"][folder.name]["reference_component"] == 1


def test_points_lines_and_areas_of_one_file_are_layers_of_a_geopackage(
    folder: Path, tmp_path: Path, dinsar: Run
) -> None:
    lon, lat = DEGREES.lonlat(300, 300)
    shapes = [
        {"type": "Point", "coordinates": [lon, lat]},
        {"type": "LineString", "coordinates": [[lon, lat], [lon + 0.01, lat]]},
        {"type": "Polygon", "coordinates": [[[lon, lat], [lon + 0.02, lat], [lon, lat + 0.02], [lon, lat]]]},
    ]
    members = [{"type": "Feature", "properties": {"fid": "x", "status": 7}, "geometry": shape} for shape in shapes]
    source = tmp_path / "places.geojson"
    source.write_text(json.dumps({"type": "FeatureCollection", "features": members}), encoding="utf-8")
    output = tmp_path / "out.gpkg"
    done = dinsar("extract", folder, source, "--output", output)
    assert done.code == 0, done.err
    assert "variogram" in done.err
    geopandas = pytest.importorskip("geopandas")
    kinds = [set(geopandas.read_file(output, layer=layer).geom_type) for layer in ("points", "lines", "areas")]
    assert kinds == [{"Point"}, {"Point"}, {"Polygon"}]
    area = geopandas.read_file(output, layer="areas").iloc[0]
    assert area["input_status"] == 7  # what the file told is kept beside what is found
    assert area["noise_range_m"] > 0
    assert dinsar("extract", folder, source, "--output", tmp_path / "out.csv").code == 0
    assert dinsar("extract", folder, source, "--output", tmp_path / "out.geojson").code == 0
    assert (
        len(geopandas.read_file(tmp_path / "out.geojson"))
        == len((tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()) - 1
    )


@pytest.mark.parametrize(
    ("text", "code", "word"),
    [
        ("lon,lat\n31.35,-8.8\n31.36,-8.81\n", 2, "swapped"),
        ("lat,lon\n-8.8,31.35\n", 2, "swapped"),
        ("lon,lat\n10,45\n", 3, "lies on the map"),
        ("lon,lat\nx,y\n", 2, "no place in it"),
        ("x,y\n500000,3490000\n", 2, "coordinate reference system"),
        ("", 2, "not a table"),
    ],
)
def test_bad_points_end_with_words_and_an_exit_code(
    text: str, code: int, word: str, folder: Path, tmp_path: Path, dinsar: Run
) -> None:
    (tmp_path / "bad.csv").write_text(text, encoding="utf-8")
    done = dinsar("extract", folder, tmp_path / "bad.csv")
    assert done.code == code
    assert word in done.error[0]
    assert done.out == ""


def test_swapping_the_names_of_columns_as_told_helps(folder: Path, tmp_path: Path, dinsar: Run) -> None:
    lon, lat = DEGREES.lonlat(300, 300)
    (tmp_path / "p.csv").write_text(f"lat,lon\n{lon},{lat}\n", encoding="utf-8")
    assert "swap the names" in dinsar("extract", folder, tmp_path / "p.csv").error[2]
    (tmp_path / "p.csv").write_text(f"lon,lat\n{lon},{lat}\n", encoding="utf-8")
    assert dinsar("extract", folder, tmp_path / "p.csv").code == 0


def test_wrong_options_are_refused_before_anything_is_read(
    folder: Path, points: Path, tmp_path: Path, dinsar: Run
) -> None:
    for arguments, word in (
        (["--window", 4], "--window 4"),
        (["--window", 3, "--radius", 100], "exclude each other"),
        (["--output", tmp_path / "p.xyz"], "no known format"),
        (["--output", points], "one of the files"),
        (["--output", tmp_path / "none" / "p.csv"], "cannot be written"),
        (["--outptu", "p.csv"], "No such option"),
        (["--radius", 1e7], "too many"),
    ):
        before = points.read_bytes()
        done = dinsar("extract", folder, points, *arguments)
        assert (done.code, points.read_bytes()) == (2, before)
        assert word in done.error[0]
    assert dinsar("extract", folder).code == 2
    assert dinsar("extract", tmp_path / "nothing", points).code == 2
    assert dinsar("extract", tmp_path, points).code == 3
    assert dinsar("extract", folder, folder).code == 2


def test_some_swapped_points_among_others_are_told(folder: Path, tmp_path: Path, dinsar: Run) -> None:
    good = [DEGREES.lonlat(300 + n, 300) for n in range(3)]
    source = write_points(tmp_path / "p.csv", np.array([*good, good[0][::-1]]))
    done = dinsar("extract", folder, source)
    assert done.code == 0
    assert "1 positions beside the map would lie on it with longitude and latitude swapped" in done.err


def test_only_the_columns_that_are_asked_for(folder: Path, points: Path, dinsar: Run) -> None:
    done = dinsar("extract", folder, points, "--columns", "los_sigma_m")
    names = set(done.out.splitlines()[0].split(","))
    assert {"los_displacement_m", "los_sigma_m", "component", "status"} <= names
    assert "flags" not in names
    done = dinsar("extract", folder, points, "--columns", "los_sigma_m,coherance")
    assert done.code == 2
    assert "coherance" in done.error[0]
    assert "los_sigma_m" in done.error[1]


def test_empty_numbers_of_a_file_stay_empty(folder: Path, tmp_path: Path, dinsar: Run) -> None:
    lon, lat = DEGREES.lonlat(300, 300)
    shapes = shapely.to_wkb(np.array([shapely.Point(lon, lat), shapely.Point(lon, lat + 1e-4)], object))
    source = str(tmp_path / "wells.gpkg")
    values = [np.array([1.5, np.nan]), np.array(["x", None], object)]
    pyogrio.raw.write(
        source, shapes, values, ["depth", "kind"], driver="GPKG", crs="EPSG:4326", geometry_type="Point"
    )
    found = json.loads(dinsar("extract", folder, source, "--json").out)["points"]
    assert [(row["depth"], row["kind"]) for row in found] == [(1.5, "x"), (None, None)]
    rows = list(csv.DictReader(dinsar("extract", folder, source).out.splitlines()))
    assert [(row["depth"], row["kind"]) for row in rows] == [("1.5", "x"), ("", "")]
    assert dinsar("extract", folder, source, "--output", tmp_path / "out.gpkg").code == 0
    _, _, _, (depth, _, *_) = pyogrio.raw.read(str(tmp_path / "out.gpkg"))
    np.testing.assert_array_equal(depth, [1.5, np.nan])


def test_places_may_be_typed_with_a_minus(folder: Path, dinsar: Run) -> None:
    lon, lat = DEGREES.lonlat(300, 300)
    outputs = [dinsar("extract", folder, *typed).out for typed in ([f"{lon} {lat}"], [lon, lat], [f"{lon},{lat}"])]
    assert outputs[0].splitlines()[1]
    assert outputs[0] == outputs[1] == outputs[2]


def test_a_damaged_map_is_told(folder: Path, points: Path, tmp_path: Path, dinsar: Run) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    path = copy / "products" / "los_displacement.tif"
    content = bytearray(path.read_bytes())
    content[len(content) // 3 : -100] = bytes(len(content) - 100 - len(content) // 3)
    path.write_bytes(content)
    done = dinsar("extract", copy, points)
    assert done.code == 2
    assert "los_displacement.tif cannot be read" in done.error[0]


def test_the_same_from_python(folder: Path, points: Path) -> None:
    found = extract(folder, points, window=3)
    assert found.columns["status"][0] == "ok"
    assert found.columns["window_cells"][0] == 9
    pairs = extract([folder], [DEGREES.lonlat(300, 300), DEGREES.lonlat(301, 300)])
    assert pairs.columns["los_displacement_m"][0] == found.columns["los_displacement_m"][0]
    pandas = pytest.importorskip("pandas")
    assert list(pandas.DataFrame(found.columns)["name"]) == ["P0", "P1", "P2", "P3"]
