"""Displacement of Kilauea by another program, against daily GNSS positions: what a user does with them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import rasterio
from pyproj import Transformer
from scipy.interpolate import RegularGridInterpolator

from dinsar_cli.compare.los_map import read_los_map
from dinsar_cli.config.file import build_config
from dinsar_cli.gnss.station import Station, Unmeasured
from dinsar_cli.gnss.table import read_table
from dinsar_cli.gnss.tenv3 import read_motion
from dinsar_cli.maps.map_layers import MapLayers
from dinsar_cli.maps.zero.gnss import zero_by_gnss
from support.command import Outcome
from support.real_inputs import each, files

pytestmark = pytest.mark.real

MAPS = each("hawaii/displacement_*.tif")
SERIES = each("hawaii/*.tenv3")
TABLES = each("hawaii/gnss_*.csv")
VECTORS = files("hawaii/*_los_enu.tif")


def days_of(path: Path) -> tuple[date, date]:
    """Days in the name of a map or table."""
    first, second = (date.fromisoformat(part) for part in path.stem.split("_")[-2:])
    return first, second


def rows_of(path: Path) -> list[list[str]]:
    return [line.split() for line in path.read_text().splitlines()[1:]]


@pytest.mark.parametrize("path", SERIES)
def test_motion_between_two_days_is_that_of_their_lines(path: Path) -> None:
    rows = {row[1]: [float(word) for word in row[2:]] for row in rows_of(path)}
    (found,) = read_motion(path, (date(2016, 7, 11), date(2016, 9, 21)))
    if not rows:
        assert isinstance(found, Unmeasured)
        assert (found.name, found.reason) == (path.stem, "without any position")
        return
    assert isinstance(found, Station)
    first, second = rows["16JUL11"], rows["16SEP21"]
    expected = [second[n] + second[n + 1] - first[n] - first[n + 1] for n in (5, 7, 9)]
    assert found.motion == pytest.approx(expected, abs=1e-9)
    assert found.sigma == pytest.approx([math.hypot(first[n], second[n]) for n in (12, 13, 14)], rel=1e-9)
    assert (found.lat, found.lon) == pytest.approx(first[18:20], abs=1e-9)
    (median,) = read_motion(path, (date(2016, 7, 11), date(2016, 9, 21)), 3)
    assert isinstance(median, Station)
    assert median.motion == pytest.approx(expected, abs=0.03)
    assert median.motion != found.motion


@pytest.mark.parametrize("path", TABLES)
def test_a_table_that_somebody_made_of_the_series_is_the_same(path: Path) -> None:
    for station in read_table(path)[0]:
        (found,) = read_motion(path.with_name(f"{station.name}.tenv3"), days_of(path))
        assert isinstance(found, Station)
        assert found.motion == pytest.approx(station.motion, abs=1e-5)
        assert found.sigma == pytest.approx(station.sigma, abs=1e-5)
        assert (found.lon, found.lat) == pytest.approx((station.lon, station.lat), abs=1e-9)


def bilinear(path: Path, longitude: float, latitude: float) -> np.ndarray:
    """Values of all bands of a raster at a place, by SciPy."""
    with rasterio.open(path) as dataset:
        bands, a = dataset.read().astype(float), dataset.transform
        x, y = Transformer.from_crs("EPSG:4326", dataset.crs, always_xy=True).transform(longitude, latitude)
    rows, columns = (a.f + a.e * (np.arange(bands.shape[1]) + 0.5), a.c + a.a * (np.arange(bands.shape[2]) + 0.5))
    place = (
        np.clip(y, rows[-1], rows[0]),
        np.clip(x, columns[0], columns[-1]),
    )  # one lies on the last row's outer half
    return RegularGridInterpolator((rows[::-1], columns), np.moveaxis(bands[:, ::-1], 0, -1))(place).ravel()


@pytest.mark.parametrize("path", MAPS)
def test_a_map_is_compared_with_the_stations_on_it(
    path: Path, dinsar: Callable[..., Outcome], tmp_path: Path
) -> None:
    (vector,) = VECTORS
    command = ["compare", path, path.parent, "--los-vector", vector, "--picture", tmp_path / "a.png", "--json"]
    first, second = days_of(path)
    done = dinsar(*command, "--dates", f"{first},{second}")
    assert done.code == 0, done.err
    record = json.loads(done.out)
    used = [one for one in record["stations"] if one["status"] == "used"]
    without = {file.stem for file in files("hawaii/*.tenv3") if not rows_of(file)}
    assert {one["station"] for one in record["stations"] if one["status"] != "used"} == without
    assert record["used"] == len(used) == 7
    # what projection and interpolation should give, by hand
    gnss, insar = [], []
    for one in used:
        (station,) = read_motion(path.parent / f"{one['station']}.tenv3", (first, second))
        assert isinstance(station, Station)
        direction = bilinear(vector, station.lon, station.lat)
        gnss.append(direction @ station.motion / np.linalg.norm(direction))
        insar.append(bilinear(path, station.lon, station.lat)[0])
    gnss, insar = np.array(gnss) - np.mean(gnss), np.array(insar) - np.mean(insar)
    assert [one["gnss"] for one in used] == pytest.approx(gnss, abs=2e-5)
    assert [one["insar"] for one in used] == pytest.approx(insar, abs=2e-5)
    assert record["rms"] == pytest.approx(math.sqrt(np.mean((insar - gnss) ** 2)), abs=2e-5)
    flipped = math.sqrt(np.mean((insar + gnss) ** 2))
    if np.std(gnss) > 6e-3:  # in the first weeks the ground moves less than the atmosphere feigns
        assert record["rms"] < flipped


@pytest.mark.parametrize("path", TABLES)
def test_a_table_gives_the_same_as_the_series(path: Path, dinsar: Callable[..., Outcome], tmp_path: Path) -> None:
    (vector,) = VECTORS
    name = path.stem.removeprefix("gnss")
    command = ["compare", path.with_name(f"displacement{name}.tif"), path, "--los-vector", vector, "--json"]
    done = dinsar(*command, "--picture", tmp_path / "a.png")
    assert done.code == 0, done.err
    record = json.loads(done.out)
    assert record["used"] == 7
    assert record["rms"] < 0.010  # 7 mm; daily positions are good for 3 mm along the line of sight
    used = [one for one in record["stations"] if one["status"] == "used"]
    values = np.array([(one["gnss"], one["insar"]) for one in used])
    assert np.corrcoef(values.T)[0, 1] > 0.4  # the same sign


@pytest.mark.parametrize("path", MAPS)
def test_zero_of_a_map_by_the_stations_on_it(path: Path, tmp_path: Path) -> None:
    """Maps and stations differ by as much as is stated but for the first weeks, and turned round by more."""
    (vector,), (first, second) = VECTORS, days_of(path)
    found = read_los_map(path, vector)
    layers = MapLayers(tmp_path, found.grid)
    layers.hold("los_vector", found.vector.astype(np.float32), {})
    config = build_config(None, {"reference_gnss.files": [str(path.parent)]})
    dates = f"{first}T16:14:00", f"{second}T16:14:00"  # track 124 of Sentinel-1 in the morning of Hawaii
    record, turned = (
        zero_by_gnss(config, layers, sign * found.los, None, found.components, dates, 0.0555).record
        for sign in (1.0, -1.0)
    )
    assert all(0.001 < one["gnss_sigma"] < 0.006 for one in record["stations"] if one["gnss_sigma"])
    if second >= date(2016, 8, 16):
        assert record["used"] == 7
        assert {one["status"] for one in record["stations"]} == {"used", "without any position"}
        assert 0.4 < record["reduced_chi_square"] < 2
        assert record["left_out_rms_m"] < 0.01
        assert turned["reduced_chi_square"] > 1.5 * record["reduced_chi_square"]
