"""Calm ground: found where the border of a region is still, and denied where it moves."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from numpy.typing import NDArray

from dinsar_cli.geo.grid import Grid
from dinsar_cli.maps.zero.calm_ground import block_means, block_size
from dinsar_cli.maps.zero.far_field import FarField, far_field_of_map
from dinsar_cli.maps.zero.reference import calm_of

Array = NDArray[np.floating]

CELL = 0.001  # degrees: about 100 m
GRID = Grid("EPSG:4326", 10.0, 0.16, CELL, 320, 320)  # at the equator a degree is as long on both axes


def places() -> tuple[Array, Array]:
    """Kilometres east and north of the middle."""
    row, column = np.mgrid[: GRID.height, : GRID.width]
    east, north = GRID.metres_per_unit
    x = (column + 0.5 - GRID.width / 2) * CELL * east / 1000
    return x, (GRID.height / 2 - row - 0.5) * CELL * north / 1000


def bowl(peak: float, width: float, east: float = 0.0) -> Array:
    x, y = places()
    return peak * np.exp(-((x - east) ** 2 + y**2) / (2 * width**2))


def mogi(peak: float, depth: float) -> Array:
    x, y = places()
    return peak * (1 + (x**2 + y**2) / depth**2) ** -1.5


def far_field(los: Array, noise: float = 5e-4) -> FarField:
    seen = los + np.random.default_rng(5).normal(0, noise, los.shape)
    return far_field_of_map(seen, np.full(los.shape, 0.8), np.ones(los.shape, np.uint16), GRID)


def part(los: Array, kilometres: float) -> FarField:
    """The far field of the middle alone."""
    half = round(kilometres / (CELL * GRID.metres_per_unit[0] / 1000) / 2)
    window = slice(160 - half, 160 + half)
    grid = Grid(
        GRID.crs, GRID.west + window.start * CELL, GRID.north - window.start * CELL, CELL, 2 * half, 2 * half
    )
    cut = los[window, window] + np.random.default_rng(5).normal(0, 5e-4, (2 * half, 2 * half))
    return far_field_of_map(cut, np.full(cut.shape, 0.8), np.ones(cut.shape, np.uint16), grid)


@pytest.mark.parametrize("constant", [0.0, 0.35])
def test_ground_around_a_bowl_is_calm(constant: float) -> None:
    far = far_field(bowl(-0.12, 3.0) + constant)
    assert far.found
    assert far.plane[0] == pytest.approx(constant, abs=1e-4)  # the level of the ground that is still
    assert far.scatter < 1e-3
    assert far.place is not None
    assert far.place.value == pytest.approx(constant, abs=1e-3)


@pytest.mark.parametrize("width", [4.0, 6.0, 10.0])
def test_inside_an_uplift_nothing_is_calm(width: float) -> None:
    """16 km of a bowl whose standard width is 4 to 10 km: the border moves by 1.2 to 6.4 cm."""
    far = part(bowl(0.088, width), 16)
    assert not far.found
    assert "border still moves" in far.reason
    assert far.share == 0
    assert far.place is not None  # where it moves least
    assert abs(far.place.value) < 0.75 * 0.088


def test_what_is_said_to_be_left_is_near_the_truth() -> None:
    """Of a Mogi source the motion at the border is its slope there times a third of the distance, far from it."""
    far = part(mogi(0.1, 6.0), 16)
    left = float(far.reason.split("about ")[1].split()[0]) / 1000
    at_border = 0.1 * (1 + (8.0 / 6.0) ** 2) ** -1.5
    assert left == pytest.approx(at_border, rel=0.4)


def test_a_bowl_at_the_edge_leaves_the_rest_calm() -> None:
    far = far_field(bowl(0.1, 3.0, east=13.0))
    assert far.found
    assert far.plane[0] == pytest.approx(0.0, abs=1e-3)


def test_ground_that_tilts_as_a_whole_is_not_called_still() -> None:
    x, _ = places()
    far = far_field(0.002 * x)
    assert not far.found
    assert far.even
    assert "tilts by 7" in far.reason  # 2 mm/km over 35.6 km
    assert far.tilt == pytest.approx(0.002 * np.ptp(x), rel=0.03)


def test_a_small_tilt_is_the_atmosphere() -> None:
    x, y = places()
    far = far_field(bowl(0.06, 2.5) + 4e-4 * x - 2e-4 * y)
    assert far.found
    assert far.plane[1:] == pytest.approx((4e-4, -2e-4), abs=3e-5)
    surface = far.surface(GRID)
    np.testing.assert_allclose(surface, far.plane[0] + 4e-4 * x - 2e-4 * y, atol=1e-3)


def test_both_sides_of_a_fault_are_not_one_calm_ground() -> None:
    x, _ = places()
    far = far_field(0.06 * np.arctan(x / 2.0) / math.pi * 2)
    assert not far.found


@pytest.mark.parametrize("hole", [(slice(100, 220), slice(100, 220)), (slice(0, 60), slice(0, 320))])
def test_holes_and_missing_borders_are_no_motion(hole: tuple[slice, slice]) -> None:
    los = bowl(-0.12, 3.0)
    los[hole] = np.nan
    assert far_field(los).found


@pytest.mark.parametrize("los", [np.full((320, 320), np.nan), np.where(np.eye(320) > 0, 0.1, np.nan)])
def test_too_little_ground_is_said(los: Array) -> None:
    far = far_field(los)
    assert not far.found
    assert "too little" in far.reason
    assert math.isnan(far.plane[0])
    assert far.caution.startswith("Zero is not known to be still")


@pytest.mark.parametrize("los", [bowl(-0.12, 3.0), np.full((320, 320), np.nan)])
def test_it_survives_json(los: Array) -> None:
    far = far_field(los)
    again = FarField.from_dict(json.loads(json.dumps(far.to_dict(), allow_nan=False)))
    assert again.to_dict() == far.to_dict()
    np.testing.assert_equal(again.surface(GRID), far.surface(GRID))


def test_a_record_of_an_earlier_release_is_read() -> None:
    record = far_field(bowl(-0.12, 3.0)).to_dict()
    for name in ("left", "uncertainty"):
        del record[name]
    again = FarField.from_dict(record)
    assert again.found
    assert again.plane == tuple(record["plane"])
    assert math.isnan(again.uncertainty)


def test_moved_zero_moves_the_plane() -> None:
    far = far_field(bowl(-0.12, 3.0) + 0.35).relative_to(0.35)
    assert far.plane[0] == pytest.approx(0.0, abs=1e-4)


def test_ground_on_the_map_is_measured_from_the_calm_level() -> None:
    los = bowl(-0.12, 3.0) + 0.35
    ones = np.ones(los.shape, np.uint16)
    calm = calm_of(far_field(los), GRID, los, ones, raw=True)
    np.testing.assert_allclose(calm.away, bowl(-0.12, 3.0), atol=5e-4)
    assert calm.elsewhere is not None
    assert calm_of(far_field(los), GRID, los, ones, raw=False).elsewhere is None


def test_blocks_are_means_of_what_is_known() -> None:
    values = np.arange(24.0).reshape(4, 6)
    known = np.ones((4, 6), bool)
    known[0, :3] = False  # half of the first block is left, and less than half of the second
    known[:2, 4:] = False
    means, cells = block_means(values, known, (2, 2))
    np.testing.assert_array_equal(cells, [[2, 3, 0], [4, 4, 4]])
    assert means[0, 0] == pytest.approx((6 + 7) / 2)
    assert means[0, 1] == pytest.approx((3 + 8 + 9) / 3)
    assert np.isnan(means[0, 2])
    assert means[1, 2] == pytest.approx((16 + 17 + 22 + 23) / 4)


@pytest.mark.parametrize(
    ("shape", "cell", "size"),
    [((1000, 1000), (90.0, 100.0), (6, 5)), ((100, 1000), (14.0, 25.0), (4, 3)), ((2, 2), (90.0, 100.0), (2, 2))],
)
def test_blocks_suit_the_region(shape: tuple[int, int], cell: tuple[float, float], size: tuple[int, int]) -> None:
    """Half a kilometre, or 24 over the shorter side, but three cells at least."""
    assert block_size(shape, cell) == size


def test_zero_is_as_certain_as_calm_ground_is_calm() -> None:
    far = far_field(bowl(-0.12, 3.0), noise=0.004)
    assert far.uncertainty == 0.005  # blocks of noise are flat: the least that is told
    x, y = places()
    waves = far_field(bowl(-0.12, 3.0) + 0.008 * np.sin(x / 1.5) * np.sin(y / 1.5))
    assert waves.found
    assert waves.uncertainty > 2 * 0.004 * 0.9  # twice the standard deviation of the waves
    moving = far_field(0.002 * places()[0])
    assert math.isnan(moving.uncertainty)
    assert moving.to_dict()["uncertainty"] is None
