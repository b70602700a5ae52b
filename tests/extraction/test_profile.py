"""Lines: points at equal steps on the ground, swaths across them, and the table and figure of profiles."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import shapely
from matplotlib.image import imread
from pyproj import Geod

from dinsar_cli.errors import UsageError
from dinsar_cli.extraction.profile import profiles_along
from dinsar_cli.geo.along import across, along_line
from support.command import Outcome
from support.extraction_inputs import METRES, make_map, make_series

EARTH = Geod(ellps="WGS84")
Run = Callable[..., Outcome]


@pytest.fixture(scope="module")
def ridge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A map that rises by 1 mm a column and is alike in all rows, over terrain of its rows, in two components."""
    row, column = np.indices(METRES.shape)
    components = np.where(column < 600, 1, 2).astype(np.uint16)
    layers = {
        "los_displacement": (column * 1e-3).astype(np.float32),
        "los_sigma": np.full(METRES.shape, 2e-3, np.float32),
        "connected_components": components,
        "elevation": row.astype(np.float32),
    }
    return make_map(tmp_path_factory.mktemp("ridge") / "T052D_20230904_20230916", METRES, layers)


def line(*cells: tuple[int, int]) -> str:
    return " ".join(f"{value:.9f}" for cell in cells for value in METRES.lonlat(*cell))


def test_points_of_a_line_are_equally_far_apart_and_follow_its_corners() -> None:
    corners = [(-8.9, 31.3), (-8.85, 31.3), (-8.85, 31.3), (-8.85, 31.4)]
    found = along_line(shapely.LineString(corners), 100.0)
    whole = EARTH.line_length(*zip(*corners, strict=True))
    assert found.distance[-1] == pytest.approx(whole, abs=1e-6)
    np.testing.assert_allclose(np.diff(found.distance)[:-1], 100.0)
    straight = EARTH.inv(*found.lonlat[10], *found.lonlat[11])[2]
    assert straight == pytest.approx(100.0, abs=1e-4)
    assert found.lonlat[0].tolist() == pytest.approx(corners[0])
    assert found.lonlat[-1].tolist() == pytest.approx(corners[-1])
    assert found.azimuth[5] == pytest.approx(90, abs=0.1)
    assert found.azimuth[-5] == pytest.approx(0, abs=1e-6)


def test_a_swath_lies_across_the_line_on_both_sides() -> None:
    along = along_line(shapely.LineString([(-8.9, 31.3), (-8.8, 31.3)]), 500.0)
    lonlat, offset = across(along, 1000.0, 90.0)
    assert offset[0] == -500
    assert offset[-1] == 500
    assert np.diff(offset).max() <= 100
    right = lonlat[3, -1]  # eastward, so that it is south
    assert right[1] < 31.3
    assert EARTH.inv(*along.lonlat[3], *right)[2] == pytest.approx(500, abs=1e-3)
    np.testing.assert_allclose(lonlat[3, offset == 0][0], along.lonlat[3])


def test_a_line_of_far_too_many_points_is_refused() -> None:
    with pytest.raises(UsageError, match="too many points"):
        along_line(shapely.LineString([(-60, 0), (60, 0)]), 1.0)


def test_values_along_a_line_are_those_of_the_map(ridge: Path) -> None:
    found = profiles_along([ridge], line((100, 100), (100, 400)), step=90.0)
    (profile,) = found.profiles
    column = profile.values["los_displacement_m"] / 1e-3
    np.testing.assert_allclose(column, 100.5 - 0.5 + profile.along.distance / 90.0, atol=0.7)
    np.testing.assert_allclose(profile.values["elevation_m"], 100, atol=1)
    assert found.warnings == ()


def test_a_swath_has_the_percentiles_of_the_cells_across(ridge: Path) -> None:
    """Across a line to the north the map is a ramp: the swath of 4500 m holds 51 columns evenly."""
    (profile,) = profiles_along([ridge], line((500, 300), (100, 300)), step=900.0, width=4500.0).profiles
    values = profile.values
    middle = values["los_displacement_swath_median_m"] / 1e-3
    np.testing.assert_allclose(middle, 300, atol=1.01)
    for percent in (5, 16, 84, 95):
        wanted = 300 + (percent / 100 - 0.5) * 50
        np.testing.assert_allclose(values[f"los_displacement_swath_p{percent}_m"] / 1e-3, wanted, atol=1.5)
    assert set(values["swath_cells"]) == {51}


def test_other_components_are_told_and_no_part_of_a_swath(ridge: Path) -> None:
    found = profiles_along([ridge], line((300, 590), (300, 650)), width=900.0)
    assert "another component" in found.warnings[0]
    (profile,) = found.profiles
    beyond = profile.values["los_displacement_m"] > 0.606
    assert (profile.values["status"][beyond] == "other component than the reference").all()
    assert np.isnan(profile.values["los_displacement_swath_median_m"][beyond]).all()


def test_the_command_writes_a_table_and_a_figure(ridge: Path, tmp_path: Path, dinsar: Run) -> None:
    make_series(tmp_path / "stack" / "series", METRES)
    output = tmp_path / "p.csv"
    places = line((100, 100), (150, 300), (400, 500)).split()
    done = dinsar("profile", ridge, tmp_path / "stack", *places, "--output", output, "--width", 500)
    assert done.code == 0, done.err
    assert done.out.split() == [str(output), str(tmp_path / "p.png")]
    with output.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["map"] for row in rows} == {ridge.name, "stack"}
    assert {"distance_m", "lon", "lat", "elevation_m", "los_displacement_swath_p16_m", "velocity"} <= set(rows[0])
    picture = imread(tmp_path / "p.png")
    assert picture.shape[1] == 1600
    assert picture[..., :3].std() > 0.05


def test_each_line_of_a_file_has_its_figure_and_points_make_one_line(
    ridge: Path, tmp_path: Path, dinsar: Run
) -> None:
    corners = [METRES.lonlat(*cell) for cell in ((100, 100), (150, 300), (400, 500))]
    table = "\n".join(["lon,lat", *(f"{lon},{lat}" for lon, lat in corners)])
    (tmp_path / "points.csv").write_text(table, encoding="utf-8")
    assert dinsar("profile", ridge, tmp_path / "points.csv", "--output", tmp_path / "one").code == 0
    assert (tmp_path / "one.png").is_file()
    lines = shapely.MultiLineString([corners[:2], corners[1:]])
    done = dinsar("profile", ridge, lines.wkt, "--output", tmp_path / "two.png")
    assert done.code == 0, done.err
    names = {path.name for path in tmp_path.iterdir()}
    assert {"two.csv", "two_1.png", "two_2.png", "one.csv"} <= names


def test_what_is_no_line_is_refused(ridge: Path, dinsar: Run) -> None:
    lon, lat = METRES.lonlat(100, 100)
    done = dinsar("profile", ridge, f"{lon} {lat}")
    assert done.code == 2
    assert "has no line" in done.error[0]
    done = dinsar("profile", ridge, f"{lat} {lon} {lat + 0.1} {lon}")
    assert done.code == 2
    assert "swapped" in done.error[0]
    assert dinsar("profile", ridge, "10 45 11 46").code == 3
