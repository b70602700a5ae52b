"""Zero by GNSS: constant and plane are found within what is stated, and what cannot be used is named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dinsar_cli.config.file import build_config
from dinsar_cli.config.model import RunConfig
from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.geo.grid import Grid
from dinsar_cli.gnss.station import Station
from dinsar_cli.maps.map_layers import MapLayers
from dinsar_cli.maps.zero.adjustment import adjust, in_line
from dinsar_cli.maps.zero.far_field import kilometres
from dinsar_cli.maps.zero.gnss import GnssZero, check_gnss, zero_by_gnss
from dinsar_cli.maps.zero.gnss_look import projected
from dinsar_cli.radar.visibility import WATER
from support.look_inputs import ascending_sight, lonlat, swell

Motion = Callable[[], np.ndarray]
GRID = Grid("EPSG:4326", -9.0, 31.5, 1 / 1200, 160, 120)
DATES = ("2023-09-05T06:37:00", "2023-09-17T06:37:00")
CELLS = {
    "RABT": (15, 20), "IFRN": (20, 140), "TETN": (60, 80), "MAR1": (100, 25), "AGAD": (105, 135), "TAZA": (40, 50),
    "SAFI": (85, 100), "FESM": (60, 130),
}  # fmt: skip
CONSTANT, EAST, NORTH = 0.037, 0.0011, -0.0007  # metres, and metres a kilometre
HEADER = "station,lon,lat,E,N,U,sE,sN,sU"
FAR = "FARR,-3.5,31.4,0,0,0,.002,.002,.006"
SIGMA = (0.002, 0.002, 0.006)


def calm() -> np.ndarray:
    """A small swell."""
    return np.array(swell(*lonlat(GRID)))


def moving() -> np.ndarray:
    """East, north and up of ground that moves in its own way in each, metres; shape (3, rows, columns)."""
    lon, lat = lonlat(GRID)
    x, y = (lon + 9) / 0.13, (31.5 - lat) / 0.1
    return np.array([0.05 * np.sin(3 * x), 0.3 * np.cos(4 * y - x), 0.06 * np.sin(2 * x + 3 * y)])


def tilt() -> np.ndarray:
    east, north = kilometres(GRID, GRID.shape)
    return CONSTANT + EAST * east + NORTH * north


def look(surface: np.ndarray | float, motion: Motion = calm) -> tuple[np.ndarray, np.ndarray]:
    """Displacement of moving ground with a surface on it, and the directions to the satellite."""
    vector = ascending_sight(GRID).astype(np.float32)
    return (motion() * vector).sum(axis=0) + surface, vector


def write_table(folder: Path, names: Sequence[str] = tuple(CELLS), rng: np.random.Generator | None = None,
                more: Sequence[str] = (), header: str = HEADER, ground: Motion = calm) -> Path:  # fmt: skip
    """The motion of stations, with errors as large as they say if there is a generator."""
    motion, rows = ground(), [header]
    for name in names:
        row, column = CELLS[name]
        lon, lat = GRID.lonlat(row, column)
        error = rng.normal(0, SIGMA) if rng else np.zeros(3)
        values = [*(motion[:, row, column] + error), *SIGMA][: header.count(",") - 2]
        rows.append(",".join([name, f"{lon}", f"{lat}", *(f"{value:.7f}" for value in values)]))
    path = folder / "stations.csv"
    path.write_text("\n".join([*rows, *more]) + "\n")
    return path


def config(path: Path, model: str = "constant", **more: object) -> RunConfig:
    keys = {"files": [str(path)], "model": model, "radius": 100.0, **more}
    return build_config(None, {f"reference_gnss.{key}": value for key, value in keys.items()})


def zero(asked: RunConfig, los: np.ndarray, vector: np.ndarray, **more: Any) -> GnssZero:
    layers = MapLayers(Path("nowhere"), GRID)
    layers.hold("los_vector", vector, {})
    if "visibility" in more:
        layers.hold("visibility", more.pop("visibility"), {})
    components = more.pop("components", np.ones(GRID.shape, np.uint16))
    return zero_by_gnss(asked, layers, los, None, components, DATES, 0.0555)


@pytest.mark.parametrize(("model", "surface"), [("constant", CONSTANT), ("plane", "tilt")])
def test_what_is_on_the_map_is_found(model: str, surface: object, tmp_path: Path) -> None:
    surface = tilt() if surface == "tilt" else surface
    los, vector = look(surface, moving)
    asked = config(write_table(tmp_path, ground=moving), model)
    found = zero(asked, los, vector)
    # the median is that of the cells around, between which motion bends
    np.testing.assert_allclose(found.surface, surface, atol=5e-4)
    assert found.record["used"] == len(CELLS)
    assert found.record["relative_to"] == f"8 GNSS stations, by a {model}"
    # a projection with a flipped east, north or up does not meet the map
    for axis in range(3):
        flipped = vector.copy()
        flipped[axis] *= -1
        assert zero(asked, los, flipped).record["left_out_rms_m"] > 0.005


@pytest.mark.parametrize("model", ["constant", "plane"])
def test_the_surface_is_as_certain_as_is_stated(model: str, tmp_path: Path) -> None:
    rng, scaled = np.random.default_rng(2), []
    los, vector = look(tilt() if model == "plane" else CONSTANT)
    truth = tilt() if model == "plane" else np.full(GRID.shape, CONSTANT)
    atmosphere = rng.normal(0, 0.003, (25, len(CELLS)))
    for one in atmosphere:
        noisy = los.copy()
        for shift, (row, column) in zip(one, CELLS.values(), strict=True):
            noisy[row - 3 : row + 4, column - 3 : column + 4] += shift
        found = zero(config(write_table(tmp_path, rng=rng), model), noisy, vector)
        assert found.record["used"] == len(CELLS)
        scaled.append(((found.surface - truth) / found.sigma)[::20, ::20])
    assert 0.7 < np.sqrt(np.mean(np.square(scaled))) < 1.3


def test_a_station_that_does_not_fit_is_left_out(tmp_path: Path) -> None:
    los, vector = look(tilt())
    row, column = CELLS["TETN"]
    los[row - 4 : row + 5, column - 4 : column + 5] += 0.028  # a cycle
    found = zero(config(write_table(tmp_path), "plane"), los, vector)
    status = {one["station"]: one["status"] for one in found.record["stations"]}
    assert [name for name, text in status.items() if text != "used"] == ["TETN"]
    assert "28 mm away from what all others tell" in status["TETN"]
    np.testing.assert_allclose(found.surface, tilt(), atol=5e-4)
    # of three nobody can tell which one it is: all count, and what is certain is told
    few = zero(config(write_table(tmp_path, ("RABT", "TETN", "MAR1"))), los - tilt() + CONSTANT, vector)
    assert few.record["used"] == 3
    assert few.record["reduced_chi_square"] > 5
    assert few.record["sigma_m"][0] > 0.008


def test_errors_that_stations_share_count_once() -> None:
    """Two stations side by side in one turbulence are no better than one."""
    east, north, difference = np.array([0.0, 0.1, 8.0]), np.zeros(3), np.array([0.01, 0.01, 0.0])
    shared = np.array([[1.0, 0.99, 0], [0.99, 1.0, 0], [0, 0, 1.0]]) * 1e-4
    together, alone = (adjust("constant", east, north, difference, one) for one in (shared, np.eye(3) * 1e-4))
    assert together.coefficients[0] == pytest.approx(0.005, abs=1e-4)
    assert alone.coefficients[0] == pytest.approx(0.00667, abs=1e-4)
    assert together.covariance[0, 0] == pytest.approx(0.5e-4, rel=0.01)


def test_places_in_line_carry_no_plane() -> None:
    along = np.array([0.0, 3.0, 7.0, 10.0])
    assert in_line(along, 0.5 * along + np.array([0.0, 0.2, -0.2, 0.1]))
    assert not in_line(along, np.array([0.0, 4.0, -3.0, 1.0]))


def test_each_station_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    los, vector = look(CONSTANT)
    components, visibility = np.ones(GRID.shape, np.uint16), np.zeros(GRID.shape, np.uint8)
    for name, (row, column) in CELLS.items():
        around = slice(row - 4, row + 5), slice(column - 4, column + 5)
        if name == "RABT":
            components[around] = 2
        elif name in {"IFRN", "TAZA"}:
            los[around] = np.nan
            visibility[around] = WATER if name == "TAZA" else 0
    table = write_table(
        tmp_path, more=["FARR,-3.5,31.4,0,0,0,.002,.002,.006", "LOST,-8.95,31.45,nan,0,0,.002,.002,.006"]
    )
    found = zero(config(table), los, vector, components=components, visibility=visibility)
    assert {one["station"]: one["status"] for one in found.record["stations"] if one["status"] != "used"} == {
        "RABT": "in another component (2)",
        "IFRN": "without enough displacement within 100 m",
        "TAZA": "on water by the map",
        "FARR": "outside the map",
        "LOST": "without E (line 11)",
    }
    assert found.record["used"] == 5
    with pytest.raises(NoDataError, match="No GNSS station can decide") as caught:
        zero(config(table), np.full(GRID.shape, np.nan), vector)
    assert "FARR" in caught.value.cause


def test_what_cannot_work_is_refused_before_the_map_is_made(tmp_path: Path) -> None:
    one = config(write_table(tmp_path, ("RABT",), more=[FAR]), "plane")
    with pytest.raises(NoDataError, match=r"Only 1 GNSS station can decide where zero is\. A plane"):
        check_gnss(one, GRID, DATES)
    beside = GRID.lonlat(16, 60), GRID.lonlat(18, 110)
    more = [f"M{n},{lon},{lat},0,0,0,.002,.002,.006" for n, (lon, lat) in enumerate(beside)]
    with pytest.raises(NoDataError, match="nearly in line"):
        check_gnss(config(write_table(tmp_path, ("RABT",), more=more), "plane"), GRID, DATES)
    with pytest.raises(NoDataError, match="No GNSS station"):
        check_gnss(one, Grid("EPSG:4326", 10.0, 45.0, 1 / 1200, 100, 100), DATES)
    with pytest.raises(UsageError, match="is not there"):
        check_gnss(config(tmp_path / "gone.csv"), None, None)


def test_a_table_without_errors_gets_some_and_that_is_told(tmp_path: Path) -> None:
    los, vector = look(CONSTANT)
    found = zero(config(write_table(tmp_path, header="station,lon,lat,E,N,U")), los, vector)
    assert found.record["sigma_assumed"]
    assert found.record["stations"][0]["motion_sigma"] == (0.003, 0.003, 0.009)


def test_correlation_of_a_station_counts_along_the_line_of_sight() -> None:
    direction = np.array([0.6, 0.0, 0.8])
    station = Station("A", 0.0, 0.0, (0.01, 0.5, 0.02), (0.002, 0.1, 0.005), (0.0, -0.5, 0.0))
    value, sigma = projected(station, direction)
    assert value == pytest.approx(0.6 * 0.01 + 0.8 * 0.02)
    assert sigma**2 == pytest.approx(0.0012**2 + 0.004**2 - 2 * 0.5 * 0.0012 * 0.004)


@pytest.mark.parametrize("other", [{"reference_point": "-8.9,31.4"}, {"reference_area": "-9 31 -8 32"}])
def test_there_is_one_zero(other: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="reference_gnss"):
        build_config(None, {"reference_gnss.files": [str(tmp_path)], **other})
    # what is typed takes the place of what a file says
    from_file = {"reference_gnss": {"files": [str(tmp_path)]}}
    assert build_config(from_file, {"reference_point": "-8.9,31.4"}).reference_gnss.files == []
    typed = build_config(dict(other), {"reference_gnss.files": [str(tmp_path)]})
    assert typed.reference_gnss.files == [tmp_path]
    assert (typed.reference_point, typed.reference_area) == ("auto", None)
