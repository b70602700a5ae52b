"""Motion down a slope that is known comes back, with its error, and is told only where it can be seen."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pyproj import Geod

from dinsar_cli.compare.motion.slope import (
    ACROSS,
    GENTLE,
    HIDDEN,
    NO_DISPLACEMENT,
    Limits,
    project,
    steepest_slope,
)
from dinsar_cli.geo.grid import Grid
from dinsar_cli.products.layers import write_products
from dinsar_cli.radar.visibility import LAYOVER, UNKNOWN, WATER
from support.command import Outcome
from support.look_inputs import DEGREES, METRES, SIGN, descending_sight, lonlat
from support.products import read_product, read_tags
from support.refusal import NO_DATA, USAGE, check_refusal

EARTH = Geod(ellps="WGS84")
FAR_EAST = Grid("EPSG:32629", 780_000.0, 6_900_000.0, 60.0, 60, 50)  # where grid north is 4.6 degrees off


EUROPE = Grid("EPSG:3035", 2_514_000.0, 1_150_000.0, 60.0, 60, 50)  # in Morocco
POLAR = Grid("EPSG:3413", 1_500_000.0, 900_000.0, 60.0, 60, 50)


def tilted(grid: Grid, angle: float, aspect: float) -> np.ndarray:
    """Heights (m) of a plane that goes down by an angle toward a direction from north, degrees."""
    lon, lat = lonlat(grid)
    azimuth, _, metres = EARTH.inv(np.full_like(lon, lon[20, 20]), np.full_like(lat, lat[20, 20]), lon, lat)
    return 1000 - np.tan(np.radians(angle)) * metres * np.cos(np.radians(azimuth - aspect))


@pytest.mark.parametrize(
    "grid",
    [DEGREES, METRES, FAR_EAST, EUROPE, POLAR],
    ids=["degrees", "UTM", "edge of a zone", "turned by 10 degrees", "turned by more than a right angle"],
)
@pytest.mark.parametrize(("angle", "aspect"), [(20.0, 250.0), (35.0, 15.0)])
def test_a_plane_has_its_slope_and_motion_down_it_comes_back(grid: Grid, angle: float, aspect: float) -> None:
    slope = steepest_slope(tilted(grid, angle, aspect), grid, 200.0)
    inside = np.isfinite(slope.angle)
    assert inside.mean() > 0.6
    np.testing.assert_allclose(slope.angle[inside], angle, atol=0.1)
    np.testing.assert_allclose(slope.aspect[inside], aspect, atol=0.15)

    vector = descending_sight(grid)
    a, t = np.radians(angle), np.radians(aspect)
    down = np.array([np.sin(t) * np.cos(a), np.cos(t) * np.cos(a), -np.sin(a)])  # the same by the textbook
    los = 0.07 * np.tensordot(down, vector, 1)
    found = project(los, vector, slope, Limits(factor=0.2), np.full(grid.shape, 1e-3))
    known = found.undefined == 0
    assert found.sigma is not None
    assert (known == np.isfinite(found.motion)).all()
    factor = np.tensordot(down, vector, 1)
    assert known[inside & (np.abs(factor) > 0.21)].all()
    assert not known[np.abs(factor) < 0.19].any()
    np.testing.assert_allclose(found.motion[known], 0.07, rtol=0.02)


def test_the_error_is_that_of_noise_and_of_motion_beside_the_slope() -> None:
    """Trials with noise in the map, and with motion that is turned about the steepest slope by a few degrees."""
    generator = np.random.default_rng(4)
    grid = Grid("EPSG:32629", 500_000.0, 3_484_000.0, 60.0, 200, 200)
    slope = steepest_slope(tilted(grid, 25.0, 260.0), grid, 0.0)
    vector = np.broadcast_to(descending_sight(grid)[:, 100, 100, None, None], (3, *grid.shape))
    for turn, noise in ((0.0, 3e-3), (4.0, 0.0), (4.0, 3e-3)):
        beside = np.radians(turn) * generator.standard_normal((3, *grid.shape))
        moved = slope.down + beside - slope.down * np.sum(beside * slope.down, axis=0)  # at right angles to it
        moved /= np.linalg.norm(moved, axis=0)
        los = 0.05 * np.sum(moved * vector, axis=0) + noise * generator.standard_normal(grid.shape)
        found = project(los, vector, slope, Limits(turn=turn), np.full(grid.shape, noise))
        assert found.sigma is not None
        known = found.undefined == 0
        assert np.std(found.motion[known]) == pytest.approx(np.mean(found.sigma[known]), rel=0.05)


def hill(grid: Grid) -> np.ndarray:
    x, y = np.meshgrid(np.arange(grid.width), np.arange(grid.height))
    return 1500 * np.exp(-((x - grid.width / 2) ** 2 + (y - grid.height / 2) ** 2) / (2 * 15**2))


def written(folder: Path, grid: Grid = METRES, **layers: np.ndarray) -> Path:
    """A map of ground that creeps by 5 cm down a hill, wherever it is steeper than a degree."""
    heights = hill(grid)
    slope, vector = steepest_slope(heights, grid, 0.0), descending_sight(grid)
    los = np.where(slope.angle > 1, 0.05 * np.sum(slope.down * vector, axis=0), 0.0)
    seen = np.zeros(grid.shape, np.uint8)
    seen[:4], seen[4:8], seen[8] = UNKNOWN, LAYOVER | WATER, WATER
    los[:, :6] = np.nan
    arrays = {
        "los_displacement": los,
        "los_vector": vector,
        "los_sigma": np.full(grid.shape, 5e-4),
        "elevation": heights,
        "visibility": seen,
    } | layers
    (folder / "products").mkdir(parents=True)
    tags = {"reference_date": "2023-09-04", "secondary_date": "2023-09-16", "reference_point": "none", "sign": SIGN}
    write_products(folder / "products", arrays, grid, tags)
    return folder


def test_the_command_writes_maps_and_tells_where_they_are_defined(
    dinsar: Callable[..., Outcome], tmp_path: Path
) -> None:
    folder = written(tmp_path / "pair")
    done = dinsar("downslope", folder, "--smooth", "0", "--json")
    assert done.code == 0, done.err
    record = json.loads(done.out)
    output = folder / "downslope"
    motion, sigma, factor, undefined, angle = (
        read_product(output, name, 1)
        for name in ("downslope", "downslope_sigma", "downslope_factor", "downslope_undefined", "slope")
    )
    known = undefined == 0
    assert (known == np.isfinite(motion)).all()
    np.testing.assert_allclose(motion[known], 0.05, atol=1e-5)  # on all sides of the hill that are seen
    noise, beside = 5e-4 / np.abs(factor), np.radians(5) * 0.05 * np.sqrt(1 - factor**2) / np.abs(factor)
    np.testing.assert_allclose(sigma[known], np.hypot(noise, beside)[known], rtol=1e-4)
    inner = np.s_[9:, 6:]  # with displacement, and seen
    assert (undefined[:, :6] & NO_DISPLACEMENT > 0).all()
    assert (undefined[4:8] & HIDDEN > 0).all()
    assert not (undefined[[0, 1, 2, 3, 8]] & HIDDEN).any()
    np.testing.assert_array_equal((undefined & GENTLE > 0)[inner], (angle < 5)[inner])
    np.testing.assert_array_equal((undefined & ACROSS > 0)[inner], ~(np.abs(factor) >= 0.3)[inner])
    shares = record["share_of_displacement"]
    assert shares["defined"] == pytest.approx(known.sum() / (undefined & NO_DISPLACEMENT == 0).sum(), abs=1e-4)
    assert 0.05 < shares["defined"] < 0.9
    assert "down the slope" in read_tags(output, "downslope")["sign"]
    assert {path.name for path in output.iterdir()} == {Path(path).name for path in record["files"].values()}

    told = dinsar("downslope", folder, "--smooth", "0", "--least-slope", "20", "--output", tmp_path / "steep")
    assert f"{shares['defined']:.1%}" not in told.out
    assert "below 20 degrees of slope" in told.out


def test_what_has_no_slope_or_heights_is_refused(dinsar: Callable[..., Outcome], tmp_path: Path) -> None:
    flat = written(tmp_path / "flat", elevation=np.zeros(METRES.shape))
    check_refusal(dinsar("downslope", flat), NO_DATA, "defined nowhere", "100%")
    assert not (flat / "downslope").exists()
    check_refusal(dinsar("downslope", flat, "--output", flat / "products"), NO_DATA)
    (flat / "products" / "elevation.tif").unlink()
    check_refusal(dinsar("downslope", flat), NO_DATA, "elevation.tif")
    check_refusal(dinsar("downslope", tmp_path / "nothere"), USAGE, "nothere")
    hilly = written(tmp_path / "hilly")
    check_refusal(dinsar("downslope", hilly, "--output", hilly / "products"), USAGE, "holds the map")
