"""East and up from two lines of sight: known motion comes back, with its errors, and what cannot be is refused."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio

from dinsar_cli.compare.common_grid import common_grid, resample
from dinsar_cli.compare.motion.east_up import angle_between, condition, solve
from dinsar_cli.compare.truth import on_grid, read_map
from dinsar_cli.errors import NoDataError
from dinsar_cli.geo.grid import Grid
from support.command import Outcome, run_apart
from support.look_inputs import (
    ASCENDING_DATES,
    DEGREES,
    DESCENDING_DATES,
    METRES,
    SIGN,
    ascending_sight,
    descending_sight,
    lonlat,
    plane,
    sight,
    sight_on,
    swell,
    write_look,
)
from support.refusal import NO_DATA, USAGE, check_refusal
from support.safe_factory import quietly

POINT = (-8.85, 31.43)  # where the swell has ended
HERE = f"{POINT[0]},{POINT[1]}"

ASC, DESC = sight(39.0, 260.0), sight(34.0, 100.0)


# The equations


def test_known_motion_comes_back() -> None:
    generator = np.random.default_rng(3)
    east, up = generator.normal(0, 0.05, (2, 50))
    los = tuple(east * v[0] + up * v[2] for v in (ASC, DESC))
    found = solve(los, tuple(np.repeat(v[:, None], 50, axis=1) for v in (ASC, DESC)))
    np.testing.assert_allclose(found.east, east, atol=1e-15)
    np.testing.assert_allclose(found.up, up, atol=1e-15)
    assert found.east_sigma is None


def test_north_motion_goes_where_it_is_said_to_go() -> None:
    los = tuple(np.array([0.1 * v[1]]) for v in (ASC, DESC))  # 10 cm to the north and nothing else
    found = solve(los, (ASC[:, None], DESC[:, None]))
    np.testing.assert_allclose(found.east, 0.1 * found.east_per_north, rtol=1e-12)
    np.testing.assert_allclose(found.up, 0.1 * found.up_per_north, rtol=1e-12)
    # A satellite that stands to the south of east or west sees north motion as going away.
    assert float(found.up_per_north[0]) < -0.05


def test_symmetric_directions_have_the_errors_of_the_textbook() -> None:
    # Two satellites at +-t from the vertical: E = (d2 - d1) / (2 sin t), U = (d1 + d2) / (2 cos t).
    t = math.radians(35)
    west, east = sight(35.0, 270.0), sight(35.0, 90.0)
    zero, noise = np.zeros(1), np.array([2e-3])
    found = solve((zero, zero), (west[:, None], east[:, None]), (noise, noise))
    assert float(found.east_sigma[0]) == pytest.approx(2e-3 / (math.sqrt(2) * math.sin(t)))
    assert float(found.up_sigma[0]) == pytest.approx(2e-3 / (math.sqrt(2) * math.cos(t)))
    assert angle_between(west, east) == pytest.approx(70)
    assert float(condition(west, east)) == pytest.approx(1 / math.tan(t))


def test_errors_are_those_of_repeated_noise() -> None:
    repeats, sigma = 40_000, (1.5e-3, 4e-3)
    generator = np.random.default_rng(11)
    los = tuple(0.01 + s * generator.standard_normal(repeats) for s in sigma)
    vectors = tuple(np.repeat(v[:, None], repeats, axis=1) for v in (ASC, DESC))
    found = solve(los, vectors, tuple(np.full(repeats, s) for s in sigma))
    # The standard error of a standard deviation is sigma / sqrt(2 n); four of them.
    tolerance = 4 / math.sqrt(2 * repeats)
    assert found.east.std() == pytest.approx(found.east_sigma[0], rel=tolerance)
    assert found.up.std() == pytest.approx(found.up_sigma[0], rel=tolerance)


def test_nothing_comes_from_what_is_not_there() -> None:
    los = (np.array([0.1, np.nan, 0.1, 0.1]), np.array([0.1, 0.1, np.inf, 0.1]))
    vectors = [np.repeat(v[:, None], 4, axis=1) for v in (ASC, DESC)]
    vectors[1][:, 3] = ASC  # the same direction
    found = solve(los, (vectors[0], vectors[1]))
    np.testing.assert_array_equal(np.isfinite(found.east), [True, False, False, False])
    np.testing.assert_array_equal(np.isfinite(found.up), [True, False, False, False])


def test_condition_number_is_that_of_linear_algebra() -> None:
    for second in (DESC, sight(45.0, 262.0), sight(20.0, 80.0)):
        matrix = np.array([[ASC[0], ASC[2]], [second[0], second[2]]])
        assert float(condition(ASC, second)) == pytest.approx(np.linalg.cond(matrix))
    assert math.isinf(float(condition(ASC, ASC)))


# The common grid


def test_common_grid_has_the_larger_pixels_of_what_both_cover() -> None:
    fine = Grid("EPSG:32629", 600_000.0, 3_480_000.0, 30.0, 100, 100)
    coarse = Grid("EPSG:32629", 601_000.0, 3_479_500.0, 90.0, 50, 50)
    found = common_grid(fine, coarse)
    assert found == common_grid(coarse, fine)
    assert found.posting == 90
    west, south, east, north = found.bounds
    assert (west, north) == (601_000.0, 3_479_500.0)
    assert 603_000 <= east < 603_090
    assert 3_477_000 - 90 < south <= 3_477_000


def test_maps_beside_each_other_have_no_common_grid() -> None:
    with pytest.raises(NoDataError, match="no place in common"):
        common_grid(DEGREES, replace(DEGREES, west=DEGREES.west + 0.2))
    with pytest.raises(NoDataError, match="no place in common"):
        common_grid(DEGREES, Grid("EPSG:32629", 100_000.0, 1_000_000.0, 60.0, 100, 100))


def test_linear_motion_is_met_exactly_and_holes_do_not_shrink() -> None:
    target = Grid("EPSG:4326", DEGREES.west + 0.0101, DEGREES.north - 0.0107, 1 / 700, 40, 30)
    values = plane(*lonlat(DEGREES))[2]
    values[30:40, 50:60] = np.nan
    found = resample(values, DEGREES, target)
    lon, lat = lonlat(target)
    known = np.isfinite(found)
    np.testing.assert_allclose(found[known], plane(lon, lat)[2][known], atol=3e-8)
    column, row = (lon - DEGREES.west) * 1200 - 0.5, (DEGREES.north - lat) * 1200 - 0.5
    # A pixel needs its four neighbours: those within a pixel of a hole have none.
    hole = (row > 29) & (row < 40) & (column > 49) & (column < 60)
    np.testing.assert_array_equal(known, ~hole)


# The command


@pytest.fixture
def looks(tmp_path: Path) -> tuple[Path, Path]:
    """Ascending on a grid in metres, descending on one in degrees, both relative to something else."""
    ascending = write_look(tmp_path / "T147A", METRES, ascending_sight(METRES), shift=0.013)
    descending = write_look(
        tmp_path / "T052D", DEGREES, descending_sight(DEGREES), shift=-0.04, dates=DESCENDING_DATES
    )
    return ascending, descending


def motion(folder: Path) -> tuple[Grid, dict[str, np.ndarray]]:
    layers = {path.stem: read_map(path) for path in sorted(folder.glob("*.tif"))}
    a = layers["east"].transform
    shape = layers["east"].values.shape
    grid = Grid(layers["east"].crs, a.c, a.f, a.a, shape[1], shape[0])
    return grid, {name: layer.values for name, layer in layers.items()}


@pytest.mark.parametrize("turned", [False, True])
def test_known_motion_is_recovered_from_two_grids_in_any_order(
    turned: bool, looks: tuple[Path, Path], tmp_path: Path, dinsar: Callable[..., Outcome]
) -> None:
    order = looks[::-1] if turned else looks
    done = dinsar("decompose", *order, "--reference-point", HERE, "--output", tmp_path / "out", "--json")
    assert done.code == 0, done.err
    record = json.loads(done.out)
    assert (record["ascending"]["name"], record["descending"]["name"]) == ("T147A", "T052D")
    assert record["ascending"]["dates"] == ["2023-09-05", "2023-09-17"]
    assert record["descending"]["dates"] == ["2023-09-04", "2023-09-16"]
    grid, found = motion(tmp_path / "out")
    east, _, up = swell(*lonlat(grid))
    known = np.isfinite(found["east"])
    assert known.mean() > 0.8
    # Linear interpolation of pixels of h = 60 m misses a dome of s = 950 m (east) and 1,109 m (north) by at most
    # h^2 / 8 of its curvature, 6 cm / s^2, in each direction: 0.05 mm.
    np.testing.assert_allclose(found["up"][known], up[known], atol=6e-5)
    np.testing.assert_allclose(found["east"][known], east[known], atol=6e-5)


def test_everything_is_told(looks: tuple[Path, Path], tmp_path: Path, dinsar: Callable[..., Outcome]) -> None:
    done = dinsar("decompose", *looks, "--reference-point", HERE, "--output", tmp_path / "out")
    assert "ascending   T147A: 2023-09-05 to 2023-09-17" in done.out
    assert "descending  T052D: 2023-09-04 to 2023-09-16" in done.out
    assert "no motion to the north" in done.out
    place = re.search(r"relative to +(-[\d.]+), ([\d.]+) in both maps \(given, \d+ cells\)", done.out)
    assert [float(part) for part in place.groups()] == pytest.approx(POINT, abs=1 / 1200)
    assert "los_sigma.tif" in done.err
    with rasterio.open(tmp_path / "out" / "up.tif") as dataset:
        tags = dataset.tags()
    assert tags["unit"] == "m"
    assert "positive upward" in tags["sign"]
    assert "north" in tags["assumption"]
    assert tags["ascending_dates"] == "2023-09-05/2023-09-17"
    record = json.loads((tmp_path / "out" / "decomposition.json").read_text())
    assert record["north_sensitivity"]["up"] == pytest.approx(float(tags["up_per_north"]), abs=1e-4)
    names = {"east.tif", "up.tif", "decomposition.png", "decomposition.json"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names | {"east.qml", "up.qml"}
    assert sorted(record["files"].values()) == sorted(names)
    assert (tmp_path / "out" / "decomposition.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_errors_of_the_maps_are_carried_through(tmp_path: Path, dinsar: Callable[..., Outcome]) -> None:
    noise = {"los_sigma": np.full(DEGREES.shape, 1e-3)}
    first = write_look(tmp_path / "a", DEGREES, ascending_sight(DEGREES), plane, layers=noise)
    second = write_look(tmp_path / "d", DEGREES, descending_sight(DEGREES), plane)
    done = dinsar("decompose", first, second, "--sigma", 3, "--output", tmp_path / "out", "--json")
    record = json.loads(done.out)
    assert record["ascending"]["sigma"].startswith("los_sigma.tif")
    assert record["descending"]["sigma"] == "as stated"
    _, found = motion(tmp_path / "out")
    both = np.stack([ascending_sight(DEGREES), descending_sight(DEGREES)], axis=0)[:, [0, 2]]
    inverse = np.linalg.inv(np.moveaxis(both, (0, 1), (-2, -1)))
    covariance = inverse @ np.diag([1e-6, 9e-6]) @ np.swapaxes(inverse, -1, -2)
    np.testing.assert_allclose(found["east_sigma"], np.sqrt(covariance[..., 0, 0]), rtol=1e-5)
    np.testing.assert_allclose(found["up_sigma"], np.sqrt(covariance[..., 1, 1]), rtol=1e-5)
    again = dinsar("decompose", first, second, "--output", tmp_path / "out")
    assert again.code == 0
    assert not (tmp_path / "out" / "up_sigma.tif").exists()  # an old error says nothing about new motion


def test_both_are_zero_at_the_reference_of_the_ascending_map(
    tmp_path: Path, dinsar: Callable[..., Outcome]
) -> None:
    sights = ascending_sight(DEGREES), descending_sight(DEGREES)
    first = write_look(tmp_path / "a", DEGREES, sights[0], shift=0.5, reference=HERE)
    second = write_look(tmp_path / "d", DEGREES, sights[1], shift=0.1, reference="-8.90,31.45")
    done = dinsar("decompose", second, first, "--output", tmp_path / "out", "--json")
    reference = json.loads(done.out)["reference"]
    assert (reference["longitude"], reference["latitude"]) == pytest.approx(POINT, abs=1 / 1200)
    assert reference["kind"] == "that of the ascending map"
    _, found = motion(tmp_path / "out")
    row, column = DEGREES.index(*POINT)
    around = (slice(row - 5, row + 6), slice(column - 5, column + 6))
    assert float(found["east"][around].mean()) == pytest.approx(0, abs=1e-5)
    assert float(found["up"][around].mean()) == pytest.approx(0, abs=1e-5)


def test_an_area_can_be_the_reference(tmp_path: Path, dinsar: Callable[..., Outcome]) -> None:
    sights = ascending_sight(DEGREES), descending_sight(DEGREES)
    first = write_look(tmp_path / "a", DEGREES, sights[0], shift=0.5)
    second = write_look(tmp_path / "d", DEGREES, sights[1], shift=0.1)
    area = "-8.855 31.427 -8.845 31.435"
    done = dinsar("decompose", first, second, "--reference-area", area, "--output", tmp_path / "out", "--json")
    record = json.loads(done.out)
    assert record["reference"]["kind"] == "mean of an area"
    assert record["reference"]["cells"] == pytest.approx(12 * 10, abs=12)
    for name in ("ascending", "descending"):
        assert record[name]["shift_m"] == pytest.approx(0.5 if name == "ascending" else 0.1, abs=2e-3)


def test_other_components_are_left_out_and_told(tmp_path: Path, dinsar: Callable[..., Outcome]) -> None:
    labels = np.ones(DEGREES.shape, np.uint16)
    labels[:, :30] = 2  # a quarter, whose cycles are unknown
    components = {"connected_components": labels}
    first = write_look(tmp_path / "a", DEGREES, ascending_sight(DEGREES), plane, layers=components)
    second = write_look(tmp_path / "d", DEGREES, descending_sight(DEGREES), plane)
    done = dinsar("decompose", first, second, "--reference-point", HERE, "--output", tmp_path / "one", "--json")
    assert json.loads(done.out)["ascending"]["in_other_components"] == pytest.approx(0.25)
    assert "25% of a" in done.err
    np.testing.assert_array_equal(np.isfinite(motion(tmp_path / "one")[1]["up"]), labels == 1)
    dinsar("decompose", first, second, "--reference-point", "-8.93,31.46", "--output", tmp_path / "two")
    np.testing.assert_array_equal(np.isfinite(motion(tmp_path / "two")[1]["up"]), labels == 2)


@pytest.mark.parametrize(
    ("dates", "told"),
    [
        (DESCENDING_DATES, None),
        (("2023-08-11T06:00:00+00:00", "2023-09-16T06:00:00+00:00"), "25 and end 1 days apart and share 11 of 37"),
        (("2022-09-04T06:00:00+00:00", "2022-09-16T06:00:00+00:00"), "no day in common"),
        (("", ""), "dates of a map are not known"),
    ],
)
def test_spans_that_differ_are_told(
    dates: tuple[str, str], told: str | None, tmp_path: Path, dinsar: Callable[..., Outcome]
) -> None:
    noise = {"los_sigma": np.full(DEGREES.shape, 1e-3)}
    first = write_look(tmp_path / "a", DEGREES, ascending_sight(DEGREES), layers=noise, dates=ASCENDING_DATES)
    second = write_look(tmp_path / "d", DEGREES, descending_sight(DEGREES), layers=noise, dates=dates)
    done = dinsar("decompose", first, second, "--output", tmp_path / "out")
    assert done.code == 0
    assert told in done.err if told else done.err == ""


# What cannot be


def test_two_maps_of_one_direction_are_refused(tmp_path: Path, dinsar: Callable[..., Outcome]) -> None:
    first = write_look(tmp_path / "a", DEGREES, ascending_sight(DEGREES))
    second = write_look(tmp_path / "b", DEGREES, sight_on(DEGREES, 261.0, 43.0, 46.0))
    done = dinsar("decompose", first, second, "--output", tmp_path / "out")
    text = check_refusal(done, NO_DATA, "both from the west", "condition number", "degrees")
    assert "ascending" in text
    assert not (tmp_path / "out").exists()


def test_steep_looks_from_both_sides_are_refused(tmp_path: Path, dinsar: Callable[..., Outcome]) -> None:
    first = write_look(tmp_path / "a", DEGREES, sight_on(DEGREES, 270.0, 5.0, 5.0))
    second = write_look(tmp_path / "b", DEGREES, sight_on(DEGREES, 90.0, 5.0, 5.0))
    check_refusal(dinsar("decompose", first, second), NO_DATA, "10.0 degrees", "11.4")  # 1 / tan 5


def test_maps_without_overlap_are_refused(tmp_path: Path, dinsar: Callable[..., Outcome]) -> None:
    far = replace(DEGREES, west=20.0)
    first = write_look(tmp_path / "a", DEGREES, ascending_sight(DEGREES))
    second = write_look(tmp_path / "b", far, descending_sight(far))
    check_refusal(dinsar("decompose", first, second), NO_DATA, "no place in common")
    left, right = np.s_[:, :60], np.s_[:, 60:]
    first = write_look(tmp_path / "left", DEGREES, ascending_sight(DEGREES), holes=right)
    second = write_look(tmp_path / "right", DEGREES, descending_sight(DEGREES), holes=left)
    check_refusal(dinsar("decompose", first, second), NO_DATA, "no place in common")


def spoil(folder: Path, kind: str) -> None:
    products = folder / "products"
    vector, los = products / "los_vector.tif", products / "los_displacement.tif"
    if kind == "no vector":
        vector.unlink()
    elif kind == "no map":
        los.unlink()
    elif kind == "cut":
        los.write_bytes(los.read_bytes()[:2000])
    elif kind == "text":
        vector.write_text("not a raster")
    elif kind == "one band":
        vector.write_bytes((products / "los_displacement.tif").read_bytes())
    else:
        with quietly(), rasterio.open(vector if "vector" in kind else los) as dataset:
            values, profile = dataset.read(), dataset.profile
        profile |= {"driver": "GTiff", "tiled": False, "predictor": 1}
        for name in ("blockxsize", "blockysize", "interleave", "overview_resampling"):
            profile.pop(name, None)
        values = values * (np.nan if kind.endswith("empty") else 2 if kind == "vector long" else 1)
        if kind == "other system":
            profile["crs"] = "EPSG:3857"
        if kind == "vector moved":
            profile["transform"] = profile["transform"] @ rasterio.Affine.translation(3, 0)
        with quietly(), rasterio.open(dataset.name, "w", **profile) as changed:
            changed.write(values)


@pytest.mark.parametrize(
    ("kind", "code", "named"),
    [
        ("no vector", NO_DATA, "los_vector.tif"),
        ("no map", USAGE, "los_displacement.tif"),
        ("cut", USAGE, "los_displacement.tif"),
        ("text", USAGE, "los_vector.tif"),
        ("one band", USAGE, "1 bands"),
        ("los empty", NO_DATA, "los_displacement.tif"),
        ("vector empty", NO_DATA, "los_vector.tif"),
        ("vector long", USAGE, "not 1"),
        ("vector moved", USAGE, "another grid"),
        ("other system", USAGE, "another grid"),
    ],
)
def test_products_that_are_not_as_they_should_be_are_named(
    kind: str, code: int, named: str, looks: tuple[Path, Path], tmp_path: Path, dinsar: Callable[..., Outcome]
) -> None:
    spoil(looks[0], kind)
    check_refusal(dinsar("decompose", *looks, "--output", tmp_path / "out"), code, named)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "code", "named"),
    [
        (["--reference-point", "none"], USAGE, "--reference-point none"),
        (["--reference-point", "31.4"], USAGE, "31.4"),
        (["--reference-point", "20,10"], NO_DATA, "20.0,10.0"),
        (["--reference-area", "20 10 21 11"], NO_DATA, "reference area"),
        (["--reference-area", "no area"], USAGE, "no area"),
        (["--reference-point", HERE, "--reference-area", "-8.86 31.42 -8.84 31.44"], USAGE, "reference_area"),
        (["--sigma", "0"], USAGE, "--sigma"),
    ],
)
def test_options_that_cannot_be_are_refused(
    options: list[str],
    code: int,
    named: str,
    looks: tuple[Path, Path],
    tmp_path: Path,
    dinsar: Callable[..., Outcome],
) -> None:
    check_refusal(dinsar("decompose", *looks, *options, "--output", tmp_path / "out"), code, named)


def test_inputs_are_not_written_over(looks: tuple[Path, Path], dinsar: Callable[..., Outcome]) -> None:
    products = looks[0] / "products"
    before = sorted(products.iterdir())
    check_refusal(dinsar("decompose", *looks, "--output", products), USAGE, products)
    assert sorted(products.iterdir()) == before


def test_files_of_somebody_else_are_not_written_over(
    looks: tuple[Path, Path], tmp_path: Path, dinsar: Callable[..., Outcome]
) -> None:
    theirs = tmp_path / "out" / "up.tif"
    theirs.parent.mkdir()
    theirs.write_text("levelling of a year")
    check_refusal(dinsar("decompose", *looks, "--output", theirs.parent), USAGE, "up.tif")
    assert [path.name for path in theirs.parent.iterdir()] == ["up.tif"]
    assert theirs.read_text() == "levelling of a year"
    theirs.rename(tmp_path / "mine.tif")
    for _ in range(2):  # its own files it writes again
        assert dinsar("decompose", *looks, "--output", theirs.parent).code == 0


def test_missing_folder_is_named(tmp_path: Path, dinsar: Callable[..., Outcome]) -> None:
    check_refusal(dinsar("decompose", tmp_path / "one", tmp_path / "two"), USAGE, tmp_path / "one")


def test_maps_of_other_programs_are_taken_with_a_warning(
    looks: tuple[Path, Path], tmp_path: Path, dinsar: Callable[..., Outcome]
) -> None:
    spoil(looks[0], "los bare")  # rewritten as it is, without its tags
    done = dinsar("decompose", *looks, "--output", tmp_path / "out")
    assert done.code == 0
    assert "no tags tell unit and sign" in done.err
    assert SIGN not in done.err


# Simulated scenes of both tracks


@pytest.mark.long
def test_simulated_point_source_is_recovered_from_both_tracks(tmp_path: Path) -> None:
    pytest.importorskip("eos")
    folders = {}
    for direction in ("ascending", "descending"):
        scene = tmp_path / direction
        options = ["--direction", direction, "--bursts", 1, "--columns", 1600, "--no-lake", "--coherence", 0.9]
        made = run_apart("simulate", scene, *options, "--depth", 1.5, "--json", timeout=120)
        record = json.loads(made.out)
        scenes = [part for slices in record["products"] for path in slices for part in ("--slc", path)]
        inputs = ["--orbits", scene / "orbits", "--dem", record["dem"], "--dem-datum", "ellipsoid"]
        folder = ["--workdir", scene / "work", "--cache", tmp_path / "cache", "--engine", "eos", "--looks", "11x3"]
        done = run_apart("run", *scenes, *inputs, *folder, "--quiet", "--json", timeout=120)
        assert done.code == 0, done.err
        folders[direction] = Path(json.loads(done.out)["products"]["los_displacement"]).parent.parent
    done = run_apart("decompose", *folders.values(), "--output", tmp_path / "out", "--json")
    assert done.code == 0, done.err
    sensitivity = json.loads(done.out)["north_sensitivity"]
    found = {name: read_map(tmp_path / "out" / f"{name}.tif") for name in ("east", "up", "east_sigma", "up_sigma")}
    truth = {
        name: on_grid(read_map(tmp_path / "ascending" / "truth" / f"{name}.tif"), found["up"])
        for name in ("east", "north", "up")
    }
    for name in ("east", "up"):
        expected = truth[name] + sensitivity[name] * truth["north"]
        error = found[name].values - expected
        known = np.isfinite(error)
        assert known.sum() > 1000
        assert np.std(expected[known]) > 5e-3
        gain = np.polyfit(expected[known], found[name].values[known], 1)[0]
        assert gain == pytest.approx(1, abs=0.02)
        assert np.std(error[known]) < 0.5e-3  # the bound of the demonstration
        assert np.isfinite(found[f"{name}_sigma"].values[known]).all()
