"""The orbit of a real pass: a polynomial through the state vectors of its orbit file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np

from dinsar_cli.radar.geometry import Orbit
from dinsar_cli.sentinel1.orbit_file import OrbitFile, window
from dinsar_cli.simulate.radar.orbit import State
from dinsar_cli.simulate.world.arrays import Floats

MARGIN: Final = 60.0
"""Seconds of state vectors before and after the acquisition."""


@dataclass(frozen=True)
class SampledOrbit:
    """A pass as its orbit file has it.

    Attributes
    ----------
    orbit : Orbit
        In seconds after the epoch of the pass.
    node : float
        Time of the ascending node before the pass (s after the epoch).
    """

    orbit: Orbit
    node: float

    def state(self, seconds: Floats) -> State:
        """Return earth-fixed state at `seconds` (any shape) after the epoch.

        At the ends of the vectors beyond them.
        """
        time = np.clip(seconds, self.orbit.first, self.orbit.last)
        return State(*(np.asarray(vector, dtype=np.float64) for vector in self.orbit.state(time)))

    def ascending_node_time(self) -> float:
        """Return the seconds from the epoch to the last ascending node before it."""
        return self.node


def sampled_orbit(
    file: OrbitFile, start: datetime, stop: datetime, *, epoch: datetime, node: float
) -> SampledOrbit:
    """Fit the state vectors around an acquisition.

    Parameters
    ----------
    file : OrbitFile
    start, stop : datetime
        Acquisition (UTC, aware).
    epoch : datetime
        Time zero (UTC, naive).
    node : float
        Time of the ascending node (s after the epoch).

    Raises
    ------
    NoDataError
        When the file has too few vectors around the acquisition.
    """
    near = window(file, start, stop, MARGIN + 10.0)
    seconds = (near.times - np.datetime64(epoch, "us")) / np.timedelta64(1, "s")
    return SampledOrbit(Orbit.fit(epoch.replace(tzinfo=UTC), seconds, near.position), node)


def utc_naive(epoch: datetime, seconds: float) -> datetime:
    """UTC (naive) of a time after an aware epoch, on whole microseconds."""
    return (epoch + timedelta(microseconds=round(seconds * 1e6))).astimezone(UTC).replace(tzinfo=None)
