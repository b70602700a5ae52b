"""Parts of the product annotation that say where the satellite was and how it was turned."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from math import ceil
from typing import Final

import numpy as np
from lxml.etree import _Element
from scipy.spatial.transform import Rotation

from dinsar_cli.simulate.files.annotation.annotated_image import Image
from dinsar_cli.simulate.files.names import Slice
from dinsar_cli.simulate.files.xml_tree import double, fields, node, single, stamp
from dinsar_cli.simulate.world.arrays import Floats
from dinsar_cli.simulate.world.ellipsoid import to_geodetic

STATE_VECTOR_STEP: Final = 10.0
STATE_VECTOR_MARGIN: Final = 64.0
"""Time from the first state vector to the first line, and at least from the last line to the last one (s)."""
DIGITS: Final = 6
"""Decimals of positions and velocities: those of orbit files."""
ATTITUDE_STEP: Final = 1.0
NOON_2000: Final = datetime.fromisoformat("2000-01-01T12:00")
ROLL: Final = (29.45, -0.0566, 711.7)
"""Roll of the boresight (deg), its change with altitude (deg/km), and the altitude where it holds (km)."""


def state_vectors(part: Slice) -> Iterator[_Element]:
    """Yield the orbit state vectors every ten seconds, from a minute before a slice to a minute after it."""
    bursts = [burst for window in range(len(part.campaign.windows)) for burst in part.of_window(window)]
    first = min(burst.start for burst in bursts) - STATE_VECTOR_MARGIN
    last = max(burst.start for burst in bursts) + STATE_VECTOR_MARGIN
    count = ceil((last - first) / STATE_VECTOR_STEP) + 1
    for seconds in (first + STATE_VECTOR_STEP * np.arange(count)).tolist():
        state = part.flight.orbit.state(np.array(seconds))
        vectors = {"position": state.position, "velocity": state.velocity}
        yield node(
            "orbit",
            *fields(time=stamp(part.flight.utc(seconds)), frame="Earth Fixed"),
            *(
                node(name, *fields(**dict(zip("xyz", map(double, vector.round(DIGITS).tolist()), strict=True))))
                for name, vector in vectors.items()
            ),
        )


def attitudes(image: Image) -> Iterator[_Element]:
    """Attitude every second: the beam across the orbit, the boresight rolled to the right.

    As in real products the quaternion, the scalar last, turns the axes of the satellite (y back, z away from what
    the antenna sees) into those of the mean equator of 2000, the angles are those of the inverse turn, and the
    rates are about the axes forward, right and along the boresight.
    """
    part, bursts = image.part, image.bursts()
    count = ceil((bursts[-1].start - bursts[0].start) / ATTITUDE_STEP) + 3
    for seconds in (bursts[0].start + ATTITUDE_STEP * (0.5 + np.arange(count))).tolist():

        def axes(seconds: float) -> Floats:
            state = part.flight.orbit.state(np.array(seconds))
            return satellite_axes(part.flight.utc(seconds), state.position, state.velocity)

        turn = Rotation.from_matrix(axes(seconds))
        change = Rotation.from_matrix(axes(seconds + 0.5) @ axes(seconds - 0.5).T).as_rotvec()
        back, side, up = turn.as_matrix().T[[1, 0, 2]] @ change
        pitch, roll, yaw = turn.as_euler("YXZ", degrees=True)
        yield node(
            "attitude",
            *fields(time=stamp(part.flight.utc(seconds)), frame="GM2000"),
            *(node(f"q{k}", single(float(value))) for k, value in enumerate(turn.as_quat())),
            *fields(
                wx=double(float(-back)),
                wy=double(float(-side)),
                wz=double(float(-up)),
                roll=double(float(-roll)),
                pitch=double(float(-pitch)),
                yaw=double(float(yaw)),
            ),
        )


def satellite_axes(time: datetime, position: Floats, velocity: Floats) -> Floats:
    """Return the axes of the satellite in an inertial frame.

    Parameters
    ----------
    time : datetime
        UTC (naive).
    position, velocity : ndarray, shape (3,)
        Earth-fixed (m, m/s): without motion of the Earth's surface under the beam the Doppler centroid is zero.

    Returns
    -------
    ndarray, shape (3, 3)
        The axes x, y and z as columns, for the mean equator and equinox (precession neglected: 0.3 degrees).
    """
    forward = velocity / np.linalg.norm(velocity)
    down = -position + forward * (position @ forward)
    down = down / np.linalg.norm(down)
    right = np.cross(down, forward)
    constant, slope, altitude = ROLL
    roll = np.radians(constant + slope * (float(to_geodetic(position)[2]) / 1e3 - altitude))
    boresight = np.cos(roll) * down + np.sin(roll) * right
    # Greenwich mean sidereal time (Meeus 1998, equation 12.4, without its last terms).
    angle = np.radians(280.46061837 + 360.98564736629 * ((time - NOON_2000).total_seconds() / 86400.0) % 360.0)
    cosine, sine = np.cos(angle), np.sin(angle)
    inertial = np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])
    return np.asarray(inertial @ np.column_stack([np.cross(-forward, -boresight), -forward, -boresight]))
