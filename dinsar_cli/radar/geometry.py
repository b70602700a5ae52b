"""Orbit interpolation, zero-Doppler geometry, baselines and line-of-sight vectors.

Pure NumPy. Positions are Earth-fixed Cartesian (WGS84), metres; times are seconds after an epoch.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray

from dinsar_cli.errors import NoDataError

FloatArray = NDArray[np.floating[Any]]

WGS84_A = 6_378_137.0  # semi-major axis, m
WGS84_E2 = 6.694379990141316e-3  # first eccentricity squared
_MAX_DEGREE = 11
_TIME_TOLERANCE = 1e-9  # s; 7 micrometres along the orbit
_HEIGHT_TOLERANCE = 1e-4  # m


@dataclass(frozen=True)
class Orbit:
    """A polynomial through state vectors.

    Attributes
    ----------
    epoch : datetime
        Origin of the times, UTC.
    first, last : float
        Span of the state vectors, seconds after `epoch`.
    coefficients : ndarray
        Chebyshev coefficients of the position over [first, last], metres; shape (degree + 1, 3).
    """

    epoch: datetime
    first: float
    last: float
    coefficients: FloatArray

    @classmethod
    def fit(cls, epoch: datetime, time: FloatArray, position: FloatArray) -> Orbit:
        """Fit the positions of state vectors by least squares.

        Parameters
        ----------
        epoch : datetime
            Origin of `time`, UTC.
        time : ndarray
            Seconds after `epoch`, increasing; shape (n,), n >= 4.
        position : ndarray
            Metres; shape (n, 3).

        Notes
        -----
        Over a few minutes a degree of 11 is exact to well below 0.1 mm: the truncation error of an orbit of
        angular rate w and radius r over a half span T is about r (w T)**12 / 12!.
        """
        first, last = float(time[0]), float(time[-1])
        degree = min(_MAX_DEGREE, len(time) - 1)
        x = (2 * np.asarray(time) - first - last) / (last - first)
        return cls(epoch, first, last, chebyshev.chebfit(x, np.asarray(position), degree))

    def state(self, time: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Give position (m), velocity (m/s) and acceleration (m/s2) at times; each of shape ``time.shape + (3,)``.

        Raises
        ------
        NoDataError
            When a time lies outside the state vectors.
        """
        x, scale = self._scaled(time)
        derivatives = [self.coefficients]
        for _ in range(2):
            derivatives.append(chebyshev.chebder(derivatives[-1], scl=scale))
        position, velocity, acceleration = (np.moveaxis(chebyshev.chebval(x, c), 0, -1) for c in derivatives)
        return position, velocity, acceleration

    def position(self, time: FloatArray) -> FloatArray:
        """Give the position (m) at times; of shape ``time.shape + (3,)``. Errors are those of `state`."""
        return np.moveaxis(chebyshev.chebval(self._scaled(time)[0], self.coefficients), 0, -1)

    def _scaled(self, time: FloatArray) -> tuple[FloatArray, float]:
        """Return times as the polynomials take them, -1 to 1, and how much of that a second is."""
        time = np.asarray(time, dtype=float)
        if time.size and (time.min() < self.first or time.max() > self.last):
            raise NoDataError(
                "The orbit does not cover the acquisition.",
                f"State vectors span {self.first:.1f} to {self.last:.1f} s of the day, "
                f"but {time.min():.1f} to {time.max():.1f} s are needed.",
                "Give the orbit file of that satellite and day.",
            )
        scale = 2 / (self.last - self.first)
        return (time - self.first) * scale - 1, scale

    def seconds(self, time: datetime) -> float:
        """Return the seconds of a UTC time after the epoch."""
        return (time - self.epoch).total_seconds()


def geodetic_to_cartesian(longitude: FloatArray, latitude: FloatArray, height: FloatArray) -> FloatArray:
    """WGS84 degrees and metres to Earth-fixed metres; shape ``longitude.shape + (3,)``."""
    lon, lat = np.radians(longitude), np.radians(latitude)
    prime_vertical = WGS84_A / np.sqrt(1 - WGS84_E2 * np.sin(lat) ** 2)
    horizontal = (prime_vertical + height) * np.cos(lat)
    return np.stack(
        [
            horizontal * np.cos(lon),
            horizontal * np.sin(lon),
            (prime_vertical * (1 - WGS84_E2) + height) * np.sin(lat),
        ],
        axis=-1,
    )


def cartesian_to_geodetic(point: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Turn Earth-fixed metres, shape (..., 3), into WGS84 longitude, latitude (degrees) and height (m).

    By the equations of [1]_: within 1e-9 m in height for points within 10 km of the ellipsoid.

    References
    ----------
    .. [1] Bowring (1985), "The accuracy of geodetic latitude and height equations", Survey Review 28.
    """
    x, y, z = point[..., 0], point[..., 1], point[..., 2]
    minor = WGS84_A * np.sqrt(1 - WGS84_E2)
    second_e2 = WGS84_E2 / (1 - WGS84_E2)
    p = np.hypot(x, y)
    r = np.hypot(p, z)
    tan_u = minor * z / (WGS84_A * p) * (1 + second_e2 * minor / r)
    cos_u = 1 / np.sqrt(1 + tan_u**2)
    sin_u = tan_u * cos_u
    latitude = np.arctan2(z + second_e2 * minor * sin_u**3, p - WGS84_E2 * WGS84_A * cos_u**3)
    sin_lat, cos_lat = np.sin(latitude), np.cos(latitude)
    height = p * cos_lat + z * sin_lat - WGS84_A * np.sqrt(1 - WGS84_E2 * sin_lat**2)
    return np.degrees(np.arctan2(y, x)), np.degrees(latitude), height


def zero_doppler(orbit: Orbit, point: FloatArray, guess: FloatArray | float) -> tuple[FloatArray, FloatArray]:
    """Return the time and range at which points are seen perpendicular to the velocity (projection, or geo2rdr).

    Solves ``f(t) = v(t) . (P - s(t)) = 0`` by Newton's method with ``f' = a . (P - s) - v . v``.

    Parameters
    ----------
    orbit : Orbit
        Orbit of the satellite.
    point : ndarray
        Targets, metres; shape (..., 3).
    guess : ndarray or float
        Time to start from, seconds; broadcast to the targets.

    Returns
    -------
    time : ndarray
        Zero-Doppler time, seconds after the epoch of the orbit.
    slant_range : ndarray
        Metres.

    Raises
    ------
    NoDataError
        When a target is not seen within the state vectors.
    """
    time = np.broadcast_to(np.asarray(guess, dtype=float), point.shape[:-1]).copy()
    for _ in range(20):
        position, velocity, acceleration = orbit.state(np.clip(time, orbit.first, orbit.last))
        look = point - position
        doppler = np.einsum("...i,...i", velocity, look)
        slope = np.einsum("...i,...i", acceleration, look) - np.einsum("...i,...i", velocity, velocity)
        step = -doppler / slope
        time += step
        if not np.any(np.abs(step) > _TIME_TOLERANCE):
            break
    return time, np.linalg.norm(point - orbit.position(time), axis=-1)


@dataclass(frozen=True)
class LookPlanes:
    """The planes in which image lines look: satellite position and an orthonormal pair of directions.

    Attributes
    ----------
    position : ndarray
        Satellite, metres; shape (lines, 1, 3).
    down, right : ndarray
        Unit vectors perpendicular to the velocity: toward the centre of the Earth, and to the right.
    """

    position: FloatArray
    down: FloatArray
    right: FloatArray

    @classmethod
    def at(cls, orbit: Orbit, time: FloatArray) -> LookPlanes:
        """Return the planes of zero Doppler at the times of image lines, seconds; shape (lines,)."""
        position, velocity, _ = orbit.state(time)
        along = velocity / np.linalg.norm(velocity, axis=-1, keepdims=True)
        down = -position + np.einsum("...i,...i", position, along)[..., None] * along
        down /= np.linalg.norm(down, axis=-1, keepdims=True)
        return cls(*(vector[:, None, :] for vector in (position, down, np.cross(down, along))))

    def point(self, slant_range: FloatArray, look: FloatArray) -> FloatArray:
        """Give the point at a range and an angle from `down` toward `right`, radians; shape (lines, samples, 3)."""
        return self.position + slant_range[..., None] * (
            np.cos(look)[..., None] * self.down + np.sin(look)[..., None] * self.right
        )

    def look_for_height(self, slant_range: FloatArray, height: FloatArray) -> FloatArray:
        """Look angle under which a range meets a height above the ellipsoid, radians.

        Newton's method on the exact height, from the angle on a sphere; ``dh/dlook = R (-sin d + cos r) . n``.
        """
        radius = np.linalg.norm(self.position, axis=-1)
        ground = WGS84_A * (1 - WGS84_E2 / 4) + height
        cosine = (slant_range**2 + radius**2 - ground**2) / (2 * slant_range * radius)
        look = np.arccos(np.clip(cosine, -1, 1))
        for _ in range(6):
            point = self.point(slant_range, look)
            lon, lat, found = cartesian_to_geodetic(point)
            up = enu_basis(lon, lat)[2]
            slope = slant_range * (
                np.cos(look) * np.einsum("...i,...i", self.right, up)
                - np.sin(look) * np.einsum("...i,...i", self.down, up)
            )
            step = (height - found) / slope
            look += step
            if not np.any(np.abs(step) * slant_range > _HEIGHT_TOLERANCE):
                break
        return look


def enu_basis(longitude: FloatArray, latitude: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """East, north and up unit vectors (of the ellipsoid) in Earth-fixed axes; each ``longitude.shape + (3,)``."""
    lon, lat = np.radians(longitude), np.radians(latitude)
    zero = np.zeros_like(lon)
    east = np.stack([-np.sin(lon), np.cos(lon), zero], axis=-1)
    up = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)
    return east, np.cross(up, east), up


def los_vector(satellite: FloatArray, point: FloatArray, longitude: FloatArray, latitude: FloatArray) -> FloatArray:
    """Return the unit vector from the ground to the satellite in east, north, up; shape (..., 3).

    Parameters
    ----------
    satellite, point : ndarray
        Metres, broadcast against each other; shape (..., 3).
    longitude, latitude : ndarray
        Of the points, degrees.
    """
    look = satellite - point
    look = look / np.linalg.norm(look, axis=-1, keepdims=True)
    return np.stack([np.einsum("...i,...i", look, axis) for axis in enu_basis(longitude, latitude)], axis=-1)


def perpendicular_baseline(
    reference: Orbit, secondary: Orbit, point: FloatArray, guess: float
) -> tuple[float, float]:
    """Return the perpendicular and parallel baseline at a target, in the plane across the reference orbit.

    The sign is that of ISCE2: ``sign(dot(cross(target - ref, sec - ref), v_ref))``.

    Parameters
    ----------
    reference, secondary : Orbit
        With the same epoch.
    point : ndarray
        Target, metres; shape (3,).
    guess : float
        Approximate time in the reference orbit, seconds.

    Returns
    -------
    perpendicular, parallel : float
        Metres; parallel is positive when the secondary is nearer to the target.
    """
    s_ref, v_ref, _ = reference.state(zero_doppler(reference, point, guess)[0])
    s_sec, _, _ = secondary.state(zero_doppler(secondary, point, guess)[0])
    baseline, look, along = s_sec - s_ref, point - s_ref, v_ref / np.linalg.norm(v_ref)
    baseline = baseline - (baseline @ along) * along
    parallel = float(baseline @ look / np.linalg.norm(look))
    side = np.sign(np.cross(look, baseline) @ v_ref)
    return float(side * np.sqrt(max(0.0, float(baseline @ baseline) - parallel**2))), parallel
