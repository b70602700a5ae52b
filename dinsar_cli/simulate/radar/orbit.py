"""A Sentinel-1 orbit in closed form: sun-synchronous, frozen, repeating its ground track every 12 days.

The Earth-fixed path of a satellite on a frozen orbit of eccentricity e (perigee in the north) is, with the
mean argument ``m`` counted from perigee and to first order in e,

    r = a (1 - e cos m),   u = m + 2 e sin m + 90 deg,   node = node_0 - (solar rate) t

where u is the argument of latitude and the node drifts west by one turn a solar day because the orbital plane
follows the sun. Position, velocity and acceleration follow exactly, so no interpolation enters the simulated
geometry; 175 turns in 12 days make every date fly the same track.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import cos, degrees, pi, radians, sin
from typing import Final, Protocol

import numpy as np

from dinsar_cli.errors import UsageError
from dinsar_cli.simulate.world.arrays import Floats
from dinsar_cli.simulate.world.instrument import NODAL_PERIOD

SEMI_MAJOR_AXIS: Final = 7070900.0
ECCENTRICITY: Final = 0.00115
INCLINATION: Final = radians(98.1813)
MEAN_MOTION: Final = 2.0 * pi / NODAL_PERIOD
NODE_RATE: Final = -2.0 * pi / 86400.0
LOCAL_TIME_OF_NODE: Final = 18.0
"""Local solar time of the ascending node (h)."""


@dataclass(frozen=True)
class State:
    """Earth-fixed position (m), velocity (m/s) and acceleration (m/s2), each of shape (..., 3)."""

    position: Floats
    velocity: Floats
    acceleration: Floats


class Trajectory(Protocol):
    """The path of a satellite as a function of the seconds after an epoch."""

    def state(self, seconds: Floats) -> State:
        """Return the Earth-fixed state at `seconds` (any shape) after the epoch."""
        ...

    def ascending_node_time(self) -> float:
        """Return the seconds from the epoch to the last ascending node before it."""
        ...


@dataclass(frozen=True)
class Orbit:
    """One pass, as a function of the seconds after the pass's epoch.

    Attributes
    ----------
    anomaly : float
        Mean argument from perigee at the epoch (rad).
    node : float
        Longitude of the ascending node at the epoch (rad).
    radius, inclination : float
        Semi-major axis (m) and inclination (rad).
    """

    anomaly: float
    node: float
    radius: float = SEMI_MAJOR_AXIS
    inclination: float = INCLINATION

    def state(self, seconds: Floats) -> State:
        """Return the Earth-fixed state at `seconds` (any shape) after the epoch."""
        time = np.asarray(seconds, dtype=np.float64)
        mean = self.anomaly + MEAN_MOTION * time
        argument = mean + 2.0 * ECCENTRICITY * np.sin(mean) + 0.5 * pi
        argument_rate = MEAN_MOTION * (1.0 + 2.0 * ECCENTRICITY * np.cos(mean))
        argument_acceleration = -(MEAN_MOTION**2) * 2.0 * ECCENTRICITY * np.sin(mean)
        node = self.node + NODE_RATE * time

        radial, normal = self._frame(argument, node)
        z_axis = np.array([0.0, 0.0, 1.0])
        spin = argument_rate[..., None] * normal + NODE_RATE * z_axis
        spin_rate = argument_acceleration[..., None] * normal + (
            (NODE_RATE * argument_rate)[..., None] * np.cross(z_axis, normal)
        )
        turn = np.cross(spin, radial)
        turn_rate = np.cross(spin_rate, radial) + np.cross(spin, turn)

        distance = self.radius * (1.0 - ECCENTRICITY * np.cos(mean))[..., None]
        climb = (self.radius * ECCENTRICITY * MEAN_MOTION * np.sin(mean))[..., None]
        climb_rate = (self.radius * ECCENTRICITY * MEAN_MOTION**2 * np.cos(mean))[..., None]
        return State(
            position=distance * radial,
            velocity=climb * radial + distance * turn,
            acceleration=climb_rate * radial + 2.0 * climb * turn + distance * turn_rate,
        )

    def _frame(self, argument: Floats, node: Floats) -> tuple[Floats, Floats]:
        """Give the unit vectors toward the satellite and along the orbital momentum."""
        sin_i, cos_i = sin(self.inclination), cos(self.inclination)
        sin_u, cos_u, sin_n, cos_n = np.sin(argument), np.cos(argument), np.sin(node), np.cos(node)
        radial = np.stack(
            [cos_n * cos_u - sin_n * sin_u * cos_i, sin_n * cos_u + cos_n * sin_u * cos_i, sin_u * sin_i],
            axis=-1,
        )
        normal = np.stack([sin_n * sin_i, -cos_n * sin_i, np.full_like(sin_n, cos_i)], axis=-1)
        return radial, normal

    def ascending_node_time(self) -> float:
        """Return the seconds from the epoch to the last ascending node before it (negative or zero)."""
        # Argument of latitude zero means a true anomaly of -90 degrees; solve m + 2 e sin m = -pi/2.
        mean = -0.5 * pi
        for _ in range(8):
            mean = -0.5 * pi - 2.0 * ECCENTRICITY * sin(mean)
        return -(((self.anomaly - mean) % (2.0 * pi)) / MEAN_MOTION)

    def local_time_epoch(self) -> float:
        """UTC second of the day of the epoch, from the local solar time of the ascending node."""
        since_node = self.ascending_node_time()
        node_longitude = degrees(self.node + NODE_RATE * since_node)
        return (LOCAL_TIME_OF_NODE * 3600.0 - node_longitude * 240.0 - since_node) % 86400.0

    def node_longitude(self) -> float:
        """Return the longitude of the last ascending node before the epoch (deg, -180 to 180)."""
        longitude = degrees(self.node + NODE_RATE * self.ascending_node_time())
        return (longitude + 180.0) % 360.0 - 180.0

    def moved_to(self, position: Floats) -> Orbit:
        """Return the neighbouring orbit that is at `position` (m) at the epoch and flies beside this one.

        Three elements are changed: the radius, the place along the orbit, and the plane, tilted so that the
        two paths are parallel at the epoch.
        """
        argument = self.anomaly + 2.0 * ECCENTRICITY * sin(self.anomaly) + 0.5 * pi

        def shifted(step: Floats) -> Orbit:
            rise, along, across = (float(value) for value in step)
            tilt = across / self.radius
            # w(u) = a (di sin u - dnode sin i cos u) parts the planes: fully at the epoch, without slope.
            return replace(
                self,
                radius=self.radius + rise,
                anomaly=self.anomaly + along / self.radius,
                inclination=self.inclination + tilt * sin(argument),
                node=self.node - tilt * cos(argument) / sin(self.inclination),
            )

        step = np.zeros(3)
        for _ in range(6):
            base = shifted(step).state(np.zeros(())).position
            columns = [shifted(step + unit).state(np.zeros(())).position - base for unit in np.eye(3)]
            step = step + np.linalg.solve(np.stack(columns, axis=-1), position - base)
        return shifted(step)


def orbit_over(target: Floats, slant_range: float, *, ascending: bool) -> Orbit:
    """Find the orbit that sees a point to its right, at zero Doppler at the epoch and at a given slant range.

    Parameters
    ----------
    target : ndarray, shape (3,)
        Earth-fixed position of the point (m).
    slant_range : float
        One-way distance at the epoch (m).
    ascending : bool
        Direction of the pass.

    Returns
    -------
    Orbit
        Epoch at the moment of closest approach.

    Raises
    ------
    UsageError
        The latitude is out of reach of the orbit.
    """
    latitude = float(np.arcsin(target[2] / np.linalg.norm(target)))
    longitude = float(np.arctan2(target[1], target[0]))
    elements = _first_guess(latitude, longitude, ascending=ascending)
    for _ in range(60):
        residual = _mismatch(elements, target, slant_range)
        steps = 1e-7 * np.eye(2)
        jacobian = np.stack([(_mismatch(elements + s, target, slant_range) - residual) / 1e-7 for s in steps], -1)
        change = -np.linalg.solve(jacobian, residual)
        elements = elements + change * min(1.0, 0.05 / float(np.max(np.abs(change))))
        if np.max(np.abs(change)) < 1e-13:
            break
    orbit = Orbit(anomaly=float(elements[0]), node=float(elements[1]))
    state = orbit.state(np.zeros(()))
    to_right = float(np.cross(state.velocity, state.position) @ (target - state.position)) > 0.0
    climbs = float(state.velocity[2]) > 0.0
    if not (to_right and climbs == ascending and np.max(np.abs(residual)) < 1e-3):
        raise UsageError(
            f"No {'ascending' if ascending else 'descending'} orbit sees latitude {degrees(latitude):.1f}.",
            "The simulated satellite flies between 81.8 degrees south and north and looks to its right.",
            "Put the scene between 75 degrees south and 75 degrees north.",
        )
    return orbit


def _first_guess(latitude: float, longitude: float, *, ascending: bool) -> Floats:
    """Return the elements of the orbit whose ground track passes 5 degrees beside the point, on the right side."""
    sine = min(max(sin(latitude) / sin(INCLINATION), -0.999), 0.999)
    argument = float(np.arcsin(sine)) if ascending else pi - float(np.arcsin(sine))
    # Longitude of the sub-satellite point after the node, west (ascending) or east of the scene.
    offset = float(np.arctan2(cos(INCLINATION) * sin(argument), cos(argument)))
    side = radians(5.0) / max(cos(latitude), 0.1)
    return np.array([argument - 0.5 * pi, longitude - offset + (-side if ascending else side)])


def _mismatch(elements: Floats, target: Floats, slant_range: float) -> Floats:
    """Return the residuals of the zero-Doppler and the range equation, both in metres."""
    state = Orbit(anomaly=float(elements[0]), node=float(elements[1])).state(np.zeros(()))
    look = target - state.position
    speed = np.linalg.norm(state.velocity)
    return np.array([look @ state.velocity / speed, np.linalg.norm(look) - slant_range])
