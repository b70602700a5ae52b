"""RAiDER's cube of delay: read, and taken at heights, against xarray and SciPy."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest
from scipy.interpolate import RegularGridInterpolator

from dinsar_cli.errors import NoDataError
from dinsar_cli.geo.grid import Grid
from dinsar_cli.maps.corrections.delay_file import files_of_pair, read_delay
from dinsar_cli.maps.corrections.troposphere import at_ground, check_delays, troposphere_los
from support.look_inputs import lonlat
from support.real_inputs import each

pytestmark = pytest.mark.real

CUBES = each("delay/*_ztd.nc")


def truth(path: Path) -> tuple[RegularGridInterpolator, tuple[np.ndarray, ...]]:
    """Sum of wet and hydrostatic delay by latitude, longitude and height, and the axes."""
    xarray = pytest.importorskip("xarray")
    with xarray.open_dataset(path, engine="h5netcdf") as dataset:
        assert {dataset[name].attrs["units"] for name in ("wet", "hydro", "z")} == {"m"}
        total = (dataset["wet"] + dataset["hydro"]).transpose("y", "x", "z").sortby(["x", "y", "z"]).load()
    axes = tuple(total[name].to_numpy() for name in ("y", "x", "z"))
    return RegularGridInterpolator(axes, total.to_numpy()), axes


def grid_on(axes: tuple[np.ndarray, ...], crs: str) -> Grid:
    """A map well inside a cube, finer than it."""
    latitude, longitude = axes[0].mean(), axes[1].mean()
    if crs == "EPSG:4326":
        return Grid(crs, longitude - 0.31, latitude + 0.22, 0.003, 210, 150)
    zone = int((longitude + 180) // 6) + 1
    x, y = Grid(f"EPSG:{32600 + zone}", 0.0, 0.0, 100.0, 1, 1).from_lonlat(longitude, latitude)
    return Grid(f"EPSG:{32600 + zone}", round(x - 20_000, -2), round(y + 15_000, -2), 200.0, 210, 150)


@pytest.mark.parametrize("path", CUBES)
@pytest.mark.parametrize("crs", ["EPSG:4326", "utm"])
def test_delay_at_the_ground_is_that_of_scipy(path: Path, crs: str) -> None:
    delay, (interpolate, axes) = read_delay([path]), truth(path)
    assert delay.heights == pytest.approx(axes[2])
    assert delay.direction == "zenith"
    grid = grid_on(axes, crs)
    rows, columns = np.indices(grid.shape)
    top = axes[2][-1]
    elevation = (top * (0.5 + 0.45 * np.sin(rows / 13) * np.cos(columns / 17))).astype(np.float32)
    longitude, latitude = lonlat(grid)
    expected = interpolate((latitude, longitude, elevation))
    found = at_ground(delay, grid, elevation, path)
    np.testing.assert_allclose(found, expected, atol=2e-5)
    assert np.ptp(expected) > 0.1
    # the lowest heights are continued where coasts lie below the ellipsoid
    low = at_ground(delay, grid, np.full(grid.shape, axes[2][0] - 30), path)
    at = [interpolate((latitude, longitude, np.full(grid.shape, axes[2][k]))) for k in (0, 1)]
    np.testing.assert_allclose(low, at[0] + 30 * (at[0] - at[1]) / (axes[2][1] - axes[2][0]), atol=2e-5)


@pytest.mark.parametrize("path", CUBES)
def test_the_change_between_two_dates_has_the_sign_of_displacement(path: Path, tmp_path: Path) -> None:
    """The same cube at both dates feigns nothing; over ground that it does not reach there is no correction."""
    days = date(2020, 1, 1), date(2020, 1, 13)
    for day in days:
        (tmp_path / f"HRRR_tropo_{day:%Y%m%d}T120000_ztd.nc").write_bytes(path.read_bytes())
    files, (_, axes) = files_of_pair([tmp_path], days), truth(path)
    grid = grid_on(axes, "EPSG:4326")
    check_delays(grid, files, "zenith")
    vector = np.broadcast_to(np.array([0.5, -0.1, 0.86])[:, None, None], (3, *grid.shape))
    still = troposphere_los(grid, vector, files, "zenith", lambda: np.full(grid.shape, 200.0))
    np.testing.assert_array_equal(still, 0)
    with pytest.raises(NoDataError, match="heights"):
        troposphere_los(grid, vector, files, "zenith", lambda: np.full(grid.shape, axes[2][-1] + 500))
