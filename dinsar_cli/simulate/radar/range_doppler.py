"""Zero-Doppler geometry: from the ground to radar time and range, and back, in NumPy.

Conventions: time in seconds after the epoch of the orbit, one-way slant range in metres, right-looking.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dinsar_cli.simulate.radar.orbit import Trajectory
from dinsar_cli.simulate.world.arrays import Floats
from dinsar_cli.simulate.world.ellipsoid import curvature_radii, local_frame, to_cartesian, to_geodetic
from dinsar_cli.simulate.world.instrument import WAVELENGTH


@dataclass(frozen=True)
class RadarView:
    """How an orbit sees ground points (arrays of one shape; vectors have a last axis of 3).

    Attributes
    ----------
    time : ndarray
        Zero-Doppler time (s).
    slant_range : ndarray
        One-way range (m).
    sight : ndarray
        Unit vector from the ground to the satellite (east, north, up).
    time_gradient : ndarray
        Change of zero-Doppler time with motion of the ground to the east, north and up (s/m).
    """

    time: Floats
    slant_range: Floats
    sight: Floats
    time_gradient: Floats


def view(orbit: Trajectory, longitude: Floats, latitude: Floats, height: Floats) -> RadarView:
    """Solve ``(S(t) - P) . V(t) = 0`` for the time at which an orbit passes ground points.

    Parameters
    ----------
    orbit : Orbit
    longitude, latitude : ndarray
        Degrees.
    height : ndarray
        Metres above the ellipsoid.

    Returns
    -------
    RadarView
        Times converged below 10^-12 s (Newton).
    """
    ground = to_cartesian(longitude, latitude, height)
    time = np.zeros(ground.shape[:-1])
    for _ in range(50):
        state = orbit.state(time)
        offset = state.position - ground
        doppler = np.sum(offset * state.velocity, axis=-1)
        slope = np.sum(state.velocity**2 + offset * state.acceleration, axis=-1)
        change = doppler / slope
        time = time - change
        if np.max(np.abs(change), initial=0.0) < 1e-12:
            break
    state = orbit.state(time)
    offset = state.position - ground
    slope = np.sum(state.velocity**2 + offset * state.acceleration, axis=-1)
    slant_range = np.linalg.norm(offset, axis=-1)
    frame = local_frame(longitude, latitude)
    return RadarView(
        time=time,
        slant_range=slant_range,
        sight=np.einsum("...ij,...j->...i", frame, offset / slant_range[..., None]),
        time_gradient=np.einsum("...ij,...j->...i", frame, state.velocity / slope[..., None]),
    )


def locate(orbit: Trajectory, time: Floats, slant_range: Floats, height: Floats) -> tuple[Floats, Floats]:
    """Return the ground point seen to the right at a radar time and range, at a given height.

    Parameters
    ----------
    orbit : Orbit
    time : ndarray
        Zero-Doppler time (s).
    slant_range, height : ndarray
        Metres; broadcast against `time`.

    Returns
    -------
    longitude, latitude : ndarray
        Degrees; residual of the two equations below a micrometre.
    """
    time, slant_range, height = np.broadcast_arrays(time, slant_range, height)
    state = orbit.state(time)
    ground = _spherical_guess(state.position, state.velocity, slant_range, height)
    longitude, latitude, _ = to_geodetic(ground)
    heading = state.velocity / np.linalg.norm(state.velocity, axis=-1, keepdims=True)
    for _ in range(20):
        offset = to_cartesian(longitude, latitude, height) - state.position
        distance = np.linalg.norm(offset, axis=-1)
        residual = np.stack([distance - slant_range, np.sum(offset * heading, axis=-1)], axis=-1)
        frame = local_frame(longitude, latitude)
        directions = np.stack([offset / distance[..., None], heading], axis=-2)
        # Columns are a metre to the east and to the north.
        jacobian = np.einsum("...ik,...jk->...ij", directions, frame[..., :2, :])
        step = np.linalg.solve(jacobian, residual[..., None])[..., 0]
        longitude, latitude = _walk(longitude, latitude, height, -step)
        if np.max(np.abs(step), initial=0.0) < 1e-7:
            break
    return longitude, latitude


def _walk(longitude: Floats, latitude: Floats, height: Floats, step: Floats) -> tuple[Floats, Floats]:
    """Move points by metres to the east and north."""
    meridian, prime_vertical = curvature_radii(latitude)
    parallel = (prime_vertical + height) * np.cos(np.radians(latitude))
    return (
        longitude + np.degrees(step[..., 0] / parallel),
        latitude + np.degrees(step[..., 1] / (meridian + height)),
    )


def _spherical_guess(position: Floats, velocity: Floats, slant_range: Floats, height: Floats) -> Floats:
    """Return the intersection with a sphere of the local radius: some kilometres from the answer."""
    distance = np.linalg.norm(position, axis=-1)
    up = position / distance[..., None]
    right = np.cross(velocity, position)
    right = right / np.linalg.norm(right, axis=-1, keepdims=True)
    longitude, latitude, _ = to_geodetic(position)
    radius = np.linalg.norm(to_cartesian(longitude, latitude, height), axis=-1)
    cosine = (distance**2 + slant_range**2 - radius**2) / (2.0 * distance * slant_range)
    sine = np.sqrt(np.clip(1.0 - cosine**2, 0.0, None))
    sight = sine[..., None] * right - cosine[..., None] * up
    return np.asarray(position + slant_range[..., None] * sight, dtype=np.float64)


def doppler_rate(orbit: Trajectory, time: Floats, ground: Floats) -> Floats:
    """Give the azimuth FM rate (Hz/s, negative) of fixed points: -2/lambda times the range's second derivative."""
    state = orbit.state(time)
    offset = state.position - ground
    curvature = np.sum(state.velocity**2 + offset * state.acceleration, axis=-1)
    return np.asarray(-2.0 / WAVELENGTH * curvature / np.linalg.norm(offset, axis=-1), dtype=np.float64)
