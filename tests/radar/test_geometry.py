"""Orbit and zero-Doppler geometry against analytic orbits and independent implementations."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyproj
import pytest

from dinsar_cli.errors import NoDataError
from dinsar_cli.radar.geometry import (
    LookPlanes,
    Orbit,
    cartesian_to_geodetic,
    geodetic_to_cartesian,
    los_vector,
    perpendicular_baseline,
    zero_doppler,
)

EPOCH = datetime(2023, 9, 4, tzinfo=UTC)
RADIUS, RATE = 7.07e6, 1.06e-3  # m, rad/s: about those of Sentinel-1


def circle(time: np.ndarray, order: int = 0, offset: float = 0.0) -> np.ndarray:
    """A polar circular orbit in the plane x-z that is over the equator at time 0, and its derivatives."""
    phase = RATE * time + order * np.pi / 2
    scale = (RADIUS + offset) * RATE**order
    return np.stack([scale * np.cos(phase), np.zeros_like(time), scale * np.sin(phase)], axis=-1)


def orbit(offset: float = 0.0, side: float = 0.0) -> Orbit:
    time = np.arange(-100.0, 101.0, 10.0)
    return Orbit.fit(EPOCH, time, circle(time, offset=offset) + np.array([0.0, side, 0.0]))


def test_orbit_between_state_vectors_is_that_of_the_circle() -> None:
    time = np.linspace(-95, 95, 777)
    position, velocity, acceleration = orbit().state(time)
    assert np.abs(position - circle(time)).max() < 1e-5
    assert np.abs(velocity - circle(time, 1)).max() < 1e-5
    assert np.abs(acceleration - circle(time, 2)).max() < 1e-5


def test_orbit_is_not_extrapolated() -> None:
    with pytest.raises(NoDataError, match="does not cover"):
        orbit().state(np.array([101.0]))


def test_geodetic_conversion_is_that_of_proj() -> None:
    rng = np.random.default_rng(1)
    lon, lat = rng.uniform(-180, 180, 1000), rng.uniform(-89, 89, 1000)
    height = rng.uniform(-400, 9000, 1000)
    proj = pyproj.Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)
    expected = np.stack(proj.transform(lon, lat, height), axis=-1)
    assert np.abs(geodetic_to_cartesian(lon, lat, height) - expected).max() < 1e-8
    lon_back, lat_back, height_back = cartesian_to_geodetic(expected)
    assert np.abs(lon_back - lon).max() < 1e-10  # degrees: 10 micrometres
    assert np.abs(lat_back - lat).max() < 1e-10
    assert np.abs(height_back - height).max() < 1e-6


def test_zero_doppler_of_a_point_abeam() -> None:
    time = np.array([-30.0, 0.0, 41.5])
    side = np.array([0.0, 3e5, 0.0])  # perpendicular to the orbital plane
    found, slant_range = zero_doppler(orbit(), circle(time) * 0.9 + side, 0.0)
    assert found == pytest.approx(time, abs=1e-8)
    assert slant_range == pytest.approx(np.hypot(0.1 * RADIUS, 3e5), abs=1e-6)


def test_point_at_a_range_and_height_projects_back() -> None:
    time = np.linspace(-20, 20, 9)
    ranges = np.broadcast_to(np.linspace(8e5, 9.5e5, 11), (9, 11))
    height = np.linspace(-50.0, 4000.0, 11)
    planes = LookPlanes.at(orbit(), time)
    point = planes.point(ranges, planes.look_for_height(ranges, height))
    assert np.abs(cartesian_to_geodetic(point)[2] - height).max() < 1e-4
    found_time, found_range = zero_doppler(orbit(), point, 0.0)
    assert np.abs(found_time - time[:, None]).max() < 1e-8
    assert np.abs(found_range - ranges).max() < 1e-6


def test_radar_looks_to_the_right() -> None:
    planes = LookPlanes.at(orbit(), np.array([0.0]))
    # the satellite flies north over the prime meridian: its right is the east
    longitude = cartesian_to_geodetic(planes.point(np.array([[8.5e5]]), np.array([[0.6]])))[0]
    assert longitude[0, 0] > 0


@pytest.mark.parametrize(
    ("satellite", "expected"),
    [((8e6, 0, 0), (0, 0, 1)), ((6378137.0, 1e6, 0), (1, 0, 0)), ((6378137.0, 0, 1e6), (0, 1, 0))],
)
def test_los_vector_points_from_the_ground_to_the_satellite(
    satellite: tuple[float, ...], expected: tuple[float, ...]
) -> None:
    ground = np.array([6378137.0, 0.0, 0.0])
    found = los_vector(np.array(satellite), ground, np.array(0.0), np.array(0.0))
    assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("up", "right"), [(100.0, 0.0), (0.0, 100.0), (-60.0, 80.0)])
def test_perpendicular_baseline_has_the_sign_of_isce(up: float, right: float) -> None:
    # at time 0 the satellite is at (r, 0, 0), flies along +z, and its right is +y
    look = np.deg2rad(35.0)
    target = np.array([RADIUS, 0, 0]) + 8.5e5 * np.array([-np.cos(look), np.sin(look), 0])
    baseline = np.array([up, right, 0.0])
    isce = np.cross(target - np.array([RADIUS, 0, 0]), baseline)[2]
    perpendicular, parallel = perpendicular_baseline(orbit(), orbit(up, right), target, 0.0)
    assert parallel == pytest.approx(-up * np.cos(look) + right * np.sin(look), abs=0.01)
    assert perpendicular == pytest.approx(isce / 8.5e5, abs=0.01)
