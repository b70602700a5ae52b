"""Layover and shadow against slopes and walls whose answer is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from dinsar_cli.radar.geometry import WGS84_A, LookPlanes, cartesian_to_geodetic
from dinsar_cli.radar.visibility import LAYOVER, SEEN, SHADOW, RadarCells, shadow, surfaces, visibility
from support.look_cells import equator_cells

SPACING = 10.0  # m, of the points on the ground
STEP = 5.0  # m, of the range of the cells
METRES = WGS84_A * np.pi / 180  # of a degree on the equator
SAMPLES = 3000


def cells(lines: int = 3, samples: int = SAMPLES) -> RadarCells:
    return equator_cells(lines, samples, STEP)


def ground_of(sample: float, height: float = 0.0) -> tuple[float, float]:
    """Longitude, and incidence angle on a flat ground (radians), at a sample and a height."""
    one = cells()
    planes = LookPlanes.at(one.orbit, np.zeros(1))
    slant_range = np.array([[one.near_range + sample * one.range_step]])
    look = planes.look_for_height(slant_range, np.array([[height]]))
    longitude = float(cartesian_to_geodetic(planes.point(slant_range, look))[0][0, 0])
    return longitude, float(look[0, 0] + np.radians(longitude))


def seen(
    profile: Callable[[np.ndarray], np.ndarray], highest: float, parts: tuple[int, int] = (1, 1)
) -> np.ndarray:
    """What cells see of a ground whose height (m) depends on the distance (m) east of the middle of the swath."""
    middle = ground_of(SAMPLES / 2)[0]

    def ground(longitude: np.ndarray, _: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return profile((longitude - middle) * METRES), np.zeros(longitude.shape, np.uint8)

    found, water = visibility(cells(), ground, (0.0, highest), SPACING, parts)
    assert not water.any()
    assert (found == found[0]).all()  # the ground is the same to the north
    return found[0]


def test_level_ground_is_seen() -> None:
    assert (seen(np.zeros_like, 0.0) == SEEN).all()


@pytest.mark.parametrize("excess", [-4.0, 4.0])
def test_a_slope_is_in_layover_from_the_look_angle_on(excess: float) -> None:
    """A slope toward the radar folds over where it is steeper than the incidence angle."""
    incidence = ground_of(SAMPLES / 2)[1]
    long, rise = 2000.0, 2000.0 * np.tan(incidence + np.radians(excess))
    found = seen(lambda x: rise * np.clip(x / long, 0, 1), rise)
    if excess < 0:
        assert not (found & LAYOVER).any()
    else:
        # the foot appears at the middle, the top so much nearer: all ranges between are met three times
        nearer = (rise * np.cos(incidence) - long * np.sin(incidence)) / STEP
        assert np.count_nonzero(found & LAYOVER) == pytest.approx(nearer, rel=0.05, abs=2)


def test_a_slope_away_is_in_shadow_from_the_look_angle_on() -> None:
    """A slope away from the radar is not lit where it falls by more than 90 degrees less the incidence angle."""
    incidence = ground_of(SAMPLES / 2)[1]
    for excess, hidden in ((-4.0, False), (4.0, True)):
        fall = np.tan(np.pi / 2 - incidence + np.radians(excess))
        found = seen(lambda x, fall=fall: np.clip(1000 - fall * np.maximum(x, 0), 0, 1000), 1000.0)
        assert (found & SHADOW).any() == hidden


@pytest.mark.parametrize("height", [200.0, 800.0])
def test_the_shadow_of_a_wall_is_as_long_as_its_height_and_the_incidence_say(height: float) -> None:
    found = seen(lambda x: np.where(x < 0, height, 0.0), height)
    top = 1 + np.flatnonzero(found & SHADOW)[0]
    longitude, incidence = ground_of(top, height)
    length = height * np.tan(incidence)  # on the ground; in range the ray goes on by height / cos(incidence)
    assert np.count_nonzero(found & SHADOW) * STEP == pytest.approx(height / np.cos(incidence), rel=0.02, abs=15)
    foot = ground_of(float(np.flatnonzero(found & SHADOW)[-1]))[0]
    assert (foot - longitude) * METRES == pytest.approx(length, rel=0.03, abs=30)


def test_a_cell_is_what_most_of_its_parts_are() -> None:
    whole = seen(lambda x: np.where(x < 0, 500.0, 0.0), 500.0)
    divided = seen(lambda x: np.where(x < 0, 500.0, 0.0), 500.0, (3, 5))
    assert np.count_nonzero(whole != divided) <= 6


def test_where_there_are_no_heights_nothing_is_said() -> None:
    found = seen(lambda x: np.where(x > 500, np.nan, 0.0), 300.0)
    assert (found == SEEN).all()


def test_water_is_where_the_visible_ground_is() -> None:
    middle = ground_of(SAMPLES / 2)[0]

    def ground(longitude: np.ndarray, _: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        east = (longitude - middle) * METRES
        return np.zeros(east.shape), np.where(east > 0, 2, 0).astype(np.uint8)

    water = visibility(cells(), ground, (0.0, 0.0), SPACING, (1, 1))[1][0]
    shore = np.flatnonzero(np.diff(water.astype(int)))
    assert shore == pytest.approx([SAMPLES / 2], abs=3)
    assert set(water[: shore[0]]) == {0}
    assert set(water[shore[0] + 1 :]) == {2}


def test_pieces_are_counted_at_the_middle_of_samples() -> None:
    position = np.array([[-2.5, 0.5, 3.2, 1.9, 6.1]])
    counts = surfaces(position, np.ones((1, 4), bool), 8)
    assert counts.tolist() == [[1, 1, 3, 3, 1, 1, 1, 0]]
    assert shadow(np.array([1.0, 2.0, 1.5, 2.0, 2.5])).tolist() == [False, False, True, True, False]
