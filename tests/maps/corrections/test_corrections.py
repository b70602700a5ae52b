"""Corrections on arrays and files with a known answer: tides, height, delay files."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine

from dinsar_cli.config.file import build_config, dump_commented_yaml, load_config
from dinsar_cli.config.model import RunConfig
from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.geo.grid import Grid
from dinsar_cli.maps.corrections.apply import correction_warnings
from dinsar_cli.maps.corrections.delay_file import files_of_pair, read_delay
from dinsar_cli.maps.corrections.height import fit_height
from dinsar_cli.maps.corrections.ionosphere import check_ionosphere, ionosphere_los
from dinsar_cli.maps.corrections.tides import sensing_times, tide_enu, tide_los
from dinsar_cli.maps.corrections.troposphere import at_ground, check_delays, delay_los, on_map, troposphere_los
from support.delay_inputs import write_raider_cube, write_raider_model

DAYS = (date(2023, 9, 4), date(2023, 9, 16))
TIMES = (datetime(2023, 9, 4, 6, 37, 36, tzinfo=UTC), datetime(2023, 9, 16, 6, 37, 36, tzinfo=UTC))
GRID = Grid("EPSG:4326", 10.0, 45.0, 0.002, 200, 150)
UTM = Grid("EPSG:32632", 600_000.0, 5_000_000.0, 200.0, 180, 160)
INCIDENCE, AZIMUTH = math.radians(38.0), math.radians(100.0)
SIGHT = (
    math.sin(INCIDENCE) * math.sin(AZIMUTH),
    math.sin(INCIDENCE) * math.cos(AZIMUTH),
    math.cos(INCIDENCE),
)


def sight_on(grid: Grid) -> np.ndarray:
    return np.broadcast_to(np.array(SIGHT, np.float32)[:, None, None], (3, *grid.shape))


# Tides

IERS = {  # station, Sun, Moon (m) and displacement (m): the test cases of DEHANTTIDEINEL.F, IERS Conventions 2010
    datetime(2009, 4, 13, tzinfo=UTC): (
        (4075578.385, 931852.890, 4801570.154),
        (137859926952.015, 54228127881.4350, 23509422341.6960),
        (-179996231.920342, -312468450.131567, -169288918.592160),
        (0.07700420357108125891, 0.06304056321824967613, 0.05516568152597246810),
    ),
    datetime(2012, 7, 13, tzinfo=UTC): (
        (1112189.660, -4842955.026, 3985352.284),
        (-54537460436.2357, 130244288385.279, 56463429031.5996),
        (300396716.912, 243238281.451, 120548075.939),
        (-0.02036831479592075833, 0.05658254776225972449, -0.07597679676871742227),
    ),
}


@pytest.mark.parametrize("time", IERS)
def test_the_library_gives_the_published_displacements(time: datetime) -> None:
    predict = pytest.importorskip("pyTMD.predict")
    import timescale
    import xarray

    *places, expected = IERS[time]
    station, sun, moon = (
        xarray.Dataset({name: ("one", [part]) for name, part in zip("XYZ", place, strict=True)}) for place in places
    )
    at = timescale.from_datetime(np.array([time.replace(tzinfo=None)], dtype="datetime64[us]"))
    tide = predict.solid_earth_tide(at.tide, station, sun, moon, deltat=at.tt_ut1)
    found = [float(np.squeeze(tide[name])) for name in "XYZ"]
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("latitude", [60.0, 35.0, 0.5, -33.0])
@pytest.mark.parametrize(
    "time", [*TIMES, datetime(2018, 1, 30, 23, 50, tzinfo=UTC), datetime(2026, 6, 21, 14, 2, tzinfo=UTC)]
)
def test_two_libraries_agree_on_the_tide(latitude: float, time: datetime) -> None:
    """PySolid has its own Sun and Moon and its own program (solid.for of D. Milbert)."""
    pytest.importorskip("pyTMD")
    pysolid = pytest.importorskip("pysolid")
    lattice = {"LENGTH": 3, "WIDTH": 3, "X_FIRST": 20.0, "Y_FIRST": latitude, "X_STEP": 0.25, "Y_STEP": -0.25}
    naive = time.replace(tzinfo=None)
    other = pysolid.calc_solid_earth_tides_grid(naive, lattice, step_size=1e3, display=False, verbose=False)
    x, y = np.meshgrid(20.0 + 0.25 * np.arange(3), latitude - 0.25 * np.arange(3))
    found = tide_enu(time, x.ravel(), y.ravel()).reshape(3, 3, 3)
    np.testing.assert_allclose(found, np.stack(other), atol=2e-3)


@pytest.mark.parametrize("grid", [GRID, UTM])
def test_the_tide_of_a_pair_is_later_minus_earlier_toward_the_satellite(grid: Grid) -> None:
    pytest.importorskip("pyTMD")
    los = tide_los(grid, sight_on(grid), TIMES)
    cells = [(0, 0), (grid.height - 1, grid.width - 1), (70, 101)]
    longitude, latitude = np.array([grid.lonlat(*cell) for cell in cells]).T
    earlier, later = (tide_enu(time, longitude, latitude) for time in TIMES)
    expected = np.array(SIGHT) @ (later - earlier)
    assert abs(expected).min() > 0.02
    np.testing.assert_allclose([los[cell] for cell in cells], expected, atol=1e-5)


def test_a_date_without_its_time_has_no_tide() -> None:
    with pytest.raises(NoDataError, match="Solid Earth tides"):
        sensing_times("2023-09-04", "2023-09-16")
    earlier, later = sensing_times("2023-09-04T06:37:36+00:00", "2023-09-16T06:37:36+00:00")
    assert (earlier, later) == TIMES


# Height


def relief(shape: tuple[int, int] = (300, 400)) -> np.ndarray:
    """Ridges and valleys 3 km wide on a wide slope, metres; cells of 100 m."""
    row, column = np.indices(shape)
    return 800 + 300 * np.sin(column / 5) * np.cos(row / 6) + 1.0 * column


def test_a_layered_delay_is_found_beside_deformation_and_a_ramp() -> None:
    elevation = relief()
    row, column = np.indices(elevation.shape)
    noise = np.random.default_rng(1).normal(0, 2e-3, elevation.shape)
    bowl = -0.1 * np.exp(-((row - 150) ** 2 + (column - 250) ** 2) / 60**2)
    point = 0.2 * np.exp(-((row - 80) ** 2 + (column - 90) ** 2) / 8**2)
    slope = -25e-6  # m a metre
    los = slope * elevation + bowl + point + 1e-4 * column + noise
    fit = fit_height(los, elevation, (100.0, 100.0))
    assert fit.slope == pytest.approx(slope, rel=0.05)
    assert fit.correlation_before is not None
    assert fit.correlation_after is not None
    assert abs(fit.correlation_before) > 0.7
    assert abs(fit.correlation_after) < 0.05
    surface = fit.at(elevation)
    assert surface.mean() == pytest.approx(0, abs=1e-9)
    assert np.std(los - surface - bowl - point - 1e-4 * column) == pytest.approx(2e-3, rel=0.1)


def test_without_a_layered_delay_none_is_found() -> None:
    elevation = relief()
    noise = np.random.default_rng(2).normal(0, 2e-3, elevation.shape)
    assert abs(fit_height(noise, elevation, (100.0, 100.0)).slope) < 0.5e-6


@pytest.mark.parametrize("flat", [np.full((50, 50), 700.0), np.full((50, 50), np.nan)])
def test_flat_ground_tells_no_layered_delay(flat: np.ndarray) -> None:
    with pytest.raises(NoDataError, match="elevation"):
        fit_height(np.zeros((50, 50)), flat, (100.0, 100.0))


# Delay files


def bounds_of(grid: Grid, margin: float = 0.1) -> tuple[float, float, float, float]:
    corners = [grid.lonlat(row, column) for row in (0, grid.height - 1) for column in (0, grid.width - 1)]
    lon, lat = np.array(corners).T
    return lon.min() - margin, lat.min() - margin, lon.max() + margin, lat.max() + margin


def plane(longitude: np.ndarray, latitude: np.ndarray, later: bool) -> np.ndarray:
    """Delay that bilinear interpolation keeps, metres."""
    return 2.3 + 0.05 * (latitude - 45) - (0.02 + 0.03 * (longitude - 10) if later else 0)


def lattice(grid: Grid, step: float = 0.01) -> tuple[np.ndarray, np.ndarray, Affine]:
    west, south, east, north = bounds_of(grid)
    lon = west + step * (np.arange(math.ceil((east - west) / step)) + 0.5)
    lat = north - step * (np.arange(math.ceil((north - south) / step)) + 0.5)
    return *np.meshgrid(lon, lat), Affine(step, 0, west, 0, -step, north)


def write_tif(path: Path, values: np.ndarray, transform: Affine, **profile: object) -> Path:
    shape = {"height": values.shape[0], "width": values.shape[1], "count": 1, "dtype": "float32"}
    with rasterio.open(
        path, "w", **({"driver": "GTiff", "crs": "EPSG:4326", "transform": transform} | shape | profile)
    ) as file:
        file.write(values.astype(np.float32), 1)
    return path


def write_gacos(path: Path, values: np.ndarray, transform: Affine) -> Path:
    values.astype("<f4").tofile(path)
    words = {
        "WIDTH": values.shape[1], "FILE_LENGTH": values.shape[0], "XMIN": 0, "XMAX": values.shape[1] - 1,
        "YMIN": 0, "YMAX": values.shape[0] - 1, "X_FIRST": transform.c, "Y_FIRST": transform.f,
        "X_STEP": transform.a, "Y_STEP": transform.e, "X_UNIT": "degree", "Y_UNIT": "degree",
        "Z_OFFSET": 0, "Z_SCALE": 1, "PROJECTION": "LATLON", "DATUM": "WGS84", "TIME_OF_DAY": "06.62 UTC",
    }  # fmt: skip
    path.with_name(f"{path.name}.rsc").write_text("".join(f"{key:20}{value}\n" for key, value in words.items()))
    return path


def write_netcdf(path: Path, values: np.ndarray, transform: Affine) -> Path:
    """As RAiDER writes it: a hydrostatic and a wet part, coordinates of the pixel centres."""
    h5netcdf = pytest.importorskip("h5netcdf")
    rows, columns = values.shape
    with h5netcdf.File(path, "w") as file:
        file.dimensions = {"y": rows, "x": columns}
        file.create_variable("x", ("x",), data=transform.c + transform.a * (np.arange(columns) + 0.5))
        file.create_variable("y", ("y",), data=transform.f + transform.e * (np.arange(rows) + 0.5))
        for name, axis, unit in (("x", "longitude", "degrees_east"), ("y", "latitude", "degrees_north")):
            file.variables[name].attrs["standard_name"] = axis
            file.variables[name].attrs["units"] = unit
        for name, part in (("hydro", 2.0 + 0 * values), ("wet", values - 2.0)):
            file.create_variable(name, ("y", "x"), data=part.astype(np.float32)).attrs["units"] = "m"
    return path


def write_pair(folder: Path, grid: Grid, kind: str) -> list[Path]:
    lon, lat, transform = lattice(grid)
    writers = {"tif": (write_tif, ".ztd.tif"), "gacos": (write_gacos, ".ztd"), "netcdf": (write_netcdf, "_ztd.nc")}
    writer, suffix = writers[kind]
    folder.mkdir(parents=True, exist_ok=True)
    return [
        writer(folder / f"{day:%Y%m%d}{suffix}", plane(lon, lat, later), transform)
        for day, later in zip(DAYS, (False, True), strict=True)
    ]


def no_elevation() -> np.ndarray:
    raise AssertionError("heights are only needed for cubes")


@pytest.mark.parametrize("grid", [GRID, UTM])
@pytest.mark.parametrize("kind", ["tif", "gacos", "netcdf"])
def test_more_delay_looks_like_motion_away_from_the_satellite(tmp_path: Path, kind: str, grid: Grid) -> None:
    write_pair(tmp_path, grid, kind)
    files = files_of_pair([tmp_path], DAYS)
    found = troposphere_los(grid, sight_on(grid), files, "zenith", no_elevation)
    cells = [(0, 0), (149, 170), (33, 77)]
    lon, lat = np.array([grid.lonlat(*cell) for cell in cells]).T
    expected = -(plane(lon, lat, later=True) - plane(lon, lat, later=False)) / math.cos(INCIDENCE)
    assert (expected > 0.02).all()  # less delay at the later date: nearer to the satellite
    np.testing.assert_allclose([found[cell] for cell in cells], expected, atol=2e-6)
    assert np.isfinite(found).all()


HEIGHTS = (0.0, 50.0, 400.0, 1500.0, 4000.0)


def at_height(longitude: np.ndarray, latitude: np.ndarray, height: np.ndarray, later: bool) -> np.ndarray:
    """Delay that is linear in each direction, and that linear interpolation keeps, metres."""
    return plane(longitude, latitude, later) - (3.1e-4 if later else 3e-4) * height


def write_cube(
    path: Path,
    grid: Grid,
    later: bool,
    heights: tuple[float, ...] = HEIGHTS,
    north_first: bool = True,
    kind: str = "zenith",
) -> Path:
    lon, lat, _ = lattice(grid)
    lat = lat if north_first else lat[::-1]
    total = np.stack([at_height(lon, lat, np.full(lon.shape, height), later) for height in heights])
    return write_raider_cube(path, total, heights, lat[:, 0], lon[0], kind)


def write_cubes(folder: Path, grid: Grid, **options: Any) -> list[Path]:
    return [
        write_cube(folder / f"HRRR_tropo_{day:%Y%m%d}T120000_ztd.nc", grid, later, **options)
        for day, later in zip(DAYS, (False, True), strict=True)
    ]


def ground(grid: Grid) -> np.ndarray:
    """Heights from below the lowest of the cube to beyond its highest two but one."""
    rows, columns = np.mgrid[: grid.height, : grid.width]
    return (-40 + 20 * rows + 0.5 * columns).astype(np.float32)


@pytest.mark.parametrize("grid", [GRID, UTM])
@pytest.mark.parametrize("north_first", [True, False])
def test_a_cube_gives_the_delay_at_the_ground(tmp_path: Path, grid: Grid, north_first: bool) -> None:
    write_cubes(tmp_path, grid, north_first=north_first)
    files, height = files_of_pair([tmp_path], DAYS), ground(grid)
    check_delays(grid, files, "zenith")
    found = troposphere_los(grid, sight_on(grid), files, "zenith", lambda: height)
    cells = [(0, 0), (1, 0), (10, 3), (149, 170), (33, 77), (80, 120)]
    lon, lat = np.array([grid.lonlat(*cell) for cell in cells]).T
    high = np.array([height[cell] for cell in cells])
    assert high.min() < 0
    change = at_height(lon, lat, high, later=True) - at_height(lon, lat, high, later=False)
    np.testing.assert_allclose([found[cell] for cell in cells], -change / math.cos(INCIDENCE), atol=3e-6)
    assert np.isfinite(found).all()


def test_a_large_map_is_interpolated_without_a_seam(tmp_path: Path) -> None:
    tall = Grid("EPSG:4326", 10.0, 45.0, 0.0005, 40, 1300)
    (cube, _) = write_cubes(tmp_path, tall)
    height = (200 + 150 * np.sin(np.arange(1300) / 90))[:, None] * np.ones(40)
    found = at_ground(read_delay([cube]), tall, height, cube)
    lon, lat = np.meshgrid(tall.x_centres, tall.y_centres)
    np.testing.assert_allclose(found, at_height(lon, lat, height, later=False), atol=3e-6)


def test_a_cube_that_ends_below_the_mountains_is_refused_or_leaves_them_out(tmp_path: Path) -> None:
    write_cubes(tmp_path, GRID, heights=(0.0, 500.0, 1000.0))
    files, height = files_of_pair([tmp_path], DAYS), ground(GRID)
    found = troposphere_los(GRID, sight_on(GRID), files, "zenith", lambda: height * 0.5)
    assert np.isnan(found[height > 2200.0]).all()
    assert np.isfinite(found[height <= 2200.0]).all()
    with pytest.raises(NoDataError, match="0 to 1000 m") as caught:
        troposphere_los(GRID, sight_on(GRID), files, "zenith", lambda: height + 2000)
    assert "height_levels" in caught.value.remedy


def test_a_cube_along_rays_is_no_delay_in_the_zenith(tmp_path: Path) -> None:
    write_cubes(tmp_path, GRID, kind="slant - raytracing")
    files = files_of_pair([tmp_path], DAYS)
    with pytest.raises(UsageError, match="slant") as caught:
        check_delays(GRID, files, "zenith")
    assert "corrections.delay" in caught.value.remedy
    check_delays(GRID, files, "slant")
    height = np.full(GRID.shape, 200.0)
    found = troposphere_los(GRID, sight_on(GRID), files, "slant", lambda: height)
    lon, lat = GRID.lonlat(70, 90)
    change = at_height(lon, lat, 200.0, later=True) - at_height(lon, lat, 200.0, later=False)
    assert found[70, 90] == pytest.approx(-change, abs=3e-6)


@pytest.mark.parametrize("north_first", [True, False])
def test_a_weather_model_that_raider_prepared_gives_the_delay(tmp_path: Path, north_first: bool) -> None:
    lon, lat, _ = lattice(GRID)
    lat = lat if north_first else lat[::-1]
    for day, later in zip(DAYS, (False, True), strict=True):
        total = np.stack([at_height(lon, lat, np.full(lon.shape, height), later) for height in HEIGHTS])
        write_raider_model(tmp_path / f"ERA-5_{day:%Y_%m_%d}_T06_37_36.nc", total, HEIGHTS, lat[:, 0], lon[0])
    files, height = files_of_pair([tmp_path], DAYS), ground(GRID)
    check_delays(GRID, files, "zenith")
    found = troposphere_los(GRID, sight_on(GRID), files, "zenith", lambda: height)
    places = np.meshgrid(GRID.x_centres, GRID.y_centres)
    change = at_height(*places, height, later=True) - at_height(*places, height, later=False)
    np.testing.assert_allclose(found, -change / math.cos(INCIDENCE), atol=3e-6)
    with pytest.raises(UsageError, match="along the zenith"):
        check_delays(GRID, files, "slant")


@pytest.mark.parametrize("names", [("z", "r", "q", "t"), ("lnsp", "t"), ("wet_total", "p")])
def test_a_weather_model_without_a_delay_is_named_as_such(tmp_path: Path, names: tuple[str, ...]) -> None:
    h5netcdf = pytest.importorskip("h5netcdf")
    for day in DAYS:
        with h5netcdf.File(tmp_path / f"ERA-5_{day:%Y-%m-%d}.nc", "w") as file:
            file.dimensions = {"level": 3, "y": 4, "x": 5}
            for name in names:
                file.create_variable(name, ("level", "y", "x"), data=np.ones((3, 4, 5)))
    assert "is a weather model" in refused([tmp_path])


def test_a_weather_model_on_a_grid_in_kilometres_has_no_place(tmp_path: Path) -> None:
    lon, lat, _ = lattice(GRID)
    total = np.full((len(HEIGHTS), *lon.shape), 2.4)
    for day in DAYS:
        path = write_raider_model(tmp_path / f"HRRR_{day:%Y_%m_%d}.nc", total, HEIGHTS, lat[:, 0], lon[0])
        with pytest.importorskip("h5netcdf").File(path, "a") as file:
            file["latitude"][...] = lat + 0.3 * (lon - lon.mean())
    assert "has no place" in refused([tmp_path])


def test_slant_delays_are_taken_as_they_are() -> None:
    one = np.ones((2, 2))
    np.testing.assert_allclose(delay_los(2.4 * one, 2.5 * one, 0.8 * one, "slant"), -0.1)
    np.testing.assert_allclose(delay_los(2.4 * one, 2.5 * one, 0.8 * one, "zenith"), -0.125)


def test_of_two_files_with_the_same_content_one_is_taken(tmp_path: Path) -> None:
    write_pair(tmp_path, GRID, "gacos")
    write_pair(tmp_path, GRID, "tif")
    earlier, later = files_of_pair([tmp_path], DAYS)
    assert [path.name for path in (*earlier, *later)] == ["20230904.ztd.tif", "20230916.ztd.tif"]


def test_parts_in_two_files_are_added(tmp_path: Path) -> None:
    values, transform = np.full((20, 30), 1.1), Affine(0.05, 0, 9.5, 0, -0.05, 45.5)
    for day in DAYS:
        for part in ("hydro", "wet"):
            write_tif(tmp_path / f"ERA5_{part}_{day:%Y%m%d}T063736.tif", values, transform)
    earlier, later = files_of_pair([tmp_path], DAYS)
    assert (len(earlier), len(later)) == (2, 2)
    np.testing.assert_allclose(read_delay(earlier).values, 2.2, atol=1e-6)


def test_no_delay_is_no_correction_there(tmp_path: Path) -> None:
    lon, lat, transform = lattice(GRID)
    values = plane(lon, lat, later=False)
    values[lon < 10.2] = -9999
    values[lat < 44.75] = 0  # GACOS writes it where it has nothing
    found = on_map(read_delay([write_tif(tmp_path / "a.tif", values, transform, nodata=-9999)]), GRID)
    assert np.isnan(found[:, :90]).all()
    assert np.isnan(found[-20:]).all()
    assert np.isfinite(found[:110, 110:]).all()


def refused(paths: list[Path], grid: Grid = GRID) -> str:
    with pytest.raises((UsageError, NoDataError)) as caught:
        check_delays(grid, files_of_pair(paths, DAYS), "zenith")
    error = caught.value
    assert all(len(part) > 8 for part in (error.problem, error.cause, error.remedy))
    return f"{error.problem} {error.cause} {error.remedy}"


def test_wrong_delays_are_refused_in_words(tmp_path: Path) -> None:
    first, second = write_pair(tmp_path / "good", GRID, "tif")
    check_delays(GRID, files_of_pair([first, second], DAYS), "zenith")
    assert "2023-09-16" in refused([first])
    assert "2023-09-04 and 2023-09-16" in refused([tmp_path])  # a folder without such files
    assert "is not there" in refused([tmp_path / "gone.tif"])
    both = tmp_path / "20230904_20230916.tif"
    both.write_bytes(first.read_bytes())
    assert "2 dates" in refused([both])
    unnamed = tmp_path / "delay.tif"
    unnamed.write_bytes(first.read_bytes())
    assert "no date" in refused([unnamed, second])
    double = tmp_path / "again_20230904.tif"
    double.write_bytes(first.read_bytes())
    assert "2 files of 2023-09-04" in refused([first, double, second])


def test_wrong_contents_are_refused_in_words(tmp_path: Path) -> None:
    lon, lat, transform = lattice(GRID)
    good = write_tif(tmp_path / "20230904.tif", plane(lon, lat, later=False), transform)
    bad, values = tmp_path / "20230916.tif", plane(lon, lat, later=True)
    assert "metres" in refused([good, write_tif(bad, 1000 * values, transform)])
    assert "difference" in refused([good, write_tif(bad, values - 2.3, transform)])
    assert "empty" in refused([good, write_tif(bad, np.nan * values, transform)])
    assert "does not cover" in refused([good, write_tif(bad, values, Affine.translation(5, 0) * transform)])
    with rasterio.open(write_tif(bad, values, transform), "r+") as file:
        file.units = ("mm",)
    assert "'mm'" in refused([good, bad])
    bad.write_bytes(good.read_bytes()[:300])
    assert "cannot be read" in refused([good, bad])
    with rasterio.open(
        bad, "w", driver="GTiff", crs="EPSG:4326", transform=transform, height=9, width=9, count=2, dtype="float32"
    ) as file:
        file.write(np.full((2, 9, 9), 2.3, np.float32))
    assert "2 bands" in refused([good, bad])


def test_a_gacos_file_without_its_header_is_refused(tmp_path: Path) -> None:
    first, second = write_pair(tmp_path, GRID, "gacos")
    header = second.with_name(f"{second.name}.rsc")
    text = header.read_text()
    header.unlink()
    assert "20230916.ztd.rsc" in refused([first, second])
    header.write_text(text.replace("FILE_LENGTH         ", "FILE_LENGTH         1"))
    assert "not whole" in refused([first, second])


# Ionosphere and configuration


def test_phase_of_the_ionosphere_is_positive_away_from_the_satellite() -> None:
    assert ionosphere_los(np.array([2 * math.pi]), 0.056)[0] == pytest.approx(-0.028)


def test_the_ionosphere_is_estimated_when_it_is_taken_off() -> None:
    config = build_config(None, {"corrections.ionosphere": True})
    assert config.topsapp.do_ionosphere_correction
    check_ionosphere(config, "isce2")
    check_ionosphere(config, "eos")
    twice = build_config(None, {"corrections.ionosphere": True, "topsapp.apply_ionosphere_correction": True})
    with pytest.raises(UsageError, match="twice"):
        check_ionosphere(twice, "isce2")


def test_an_ionosphere_that_is_hardly_more_than_noise_is_told() -> None:
    def told(noise: float | None) -> list[str]:
        facts = {"std_m": 3e-3, "lost": 0.0} | ({} if noise is None else {"noise_m": noise})
        return correction_warnings({"ionosphere": facts})

    (text,) = told(2e-3)
    assert "3.0 mm" in text
    assert "2.0 mm" in text
    assert told(1e-3) == told(None) == []


def test_nothing_is_corrected_unasked() -> None:
    off = RunConfig().corrections
    assert (off.tides, off.troposphere, off.delay, off.ionosphere) == (False, "none", "zenith", False)


@pytest.mark.parametrize("troposphere", ["height", "none", ["a/20230904.ztd", "b.tif"], "folder"])
def test_the_configuration_survives_being_written(tmp_path: Path, troposphere: object) -> None:
    (tmp_path / "c.yaml").write_text(f"corrections: {{tides: true, troposphere: {troposphere}, delay: slant}}")
    config = build_config(load_config(tmp_path / "c.yaml"), {})
    found = config.corrections.troposphere
    if isinstance(troposphere, list):
        assert found == [tmp_path / name for name in troposphere]
    else:
        assert found == ([tmp_path / "folder"] if troposphere == "folder" else troposphere)
    (tmp_path / "again.yaml").write_text(dump_commented_yaml(config))
    assert build_config(load_config(tmp_path / "again.yaml"), {}) == config


@pytest.mark.parametrize("wrong", [True, 5, [], [1], {"a": 1}])
def test_a_troposphere_that_is_none_is_refused(wrong: object) -> None:
    with pytest.raises(UsageError, match=r"corrections\.troposphere"):
        build_config({"corrections": {"troposphere": wrong}}, {})
