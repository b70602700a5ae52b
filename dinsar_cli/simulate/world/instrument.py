"""What the Sentinel-1 instrument does in interferometric wide swath mode, as one table.

The figures are those that the mission annotates for every IW acquisition; everything that depends on the
orbit (Doppler rates, swath start times, ground spacing) is computed by the simulator.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

SPEED_OF_LIGHT: Final = 299792458.0
RADAR_FREQUENCY: Final = 5.405000454334350e9
"""Carrier (Hz)."""
WAVELENGTH: Final = SPEED_OF_LIGHT / RADAR_FREQUENCY
RANGE_SAMPLING_RATE: Final = 6.434523812571428e7
"""Complex samples a second in range (Hz)."""
RANGE_SPACING: Final = SPEED_OF_LIGHT / (2.0 * RANGE_SAMPLING_RATE)
"""Slant range from column to column (m)."""
LINE_INTERVAL: Final = 2.055556299999998e-3
"""Zero-Doppler time from line to line (s)."""
BURST_CYCLE: Final = 2.758277
"""Time from one burst to the next of the same subswath (s)."""
ORBITS_PER_CYCLE: Final = 175
DAYS_PER_CYCLE: Final = 12
NODAL_PERIOD: Final = DAYS_PER_CYCLE * 86400.0 / ORBITS_PER_CYCLE
"""Time from ascending node to ascending node (s)."""
BURST_ID_PERIOD: Final = 2.758273
BURST_ID_PREAMBLE: Final = 2.299849
"""Constants of the burst identifier (Sentinel-1 Level 1 Detailed Algorithm Definition, section 9.25)."""


METRES_PER_TECU: Final = 40.308e16 / RADAR_FREQUENCY**2
"""One way: by it 1e16 electrons a square metre shorten the range in the carrier's phase, and lengthen that in the
delay of the pulse (Meyer et al. 2006, IEEE Transactions on Geoscience and Remote Sensing 44)."""


@dataclass(frozen=True)
class Subswath:
    """One subswath of the IW mode.

    Attributes
    ----------
    name : str
        ``IW1`` to ``IW3``.
    prf : float
        Pulse repetition frequency (Hz).
    rank : int
        Pulses in the air.
    steering_rate : float
        Rotation of the antenna beam in azimuth (deg/s).
    near_time : float
        Nominal two-way time of the first column (s).
    samples : int
        Nominal columns.
    lines : int
        Lines of a burst in the product, invalid ones included.
    invalid_first, invalid_last : int
        Lines without signal at both ends of a burst.
    burst_start : float
        Start of the burst after that of IW1 in the same cycle (zero-Doppler time, s).
    sensing_delay : float
        Sensing time of the first pulse minus the zero-Doppler time of the first line (s).
    range_bandwidth, azimuth_bandwidth : float
        Processed bandwidths (Hz).
    range_window, azimuth_window : float
        Coefficients of the Hamming weighting of both spectra.
    pulse_length, chirp_rate : float
        Transmitted pulse (s, Hz/s).
    number : int
        The instrument's own number of the swath.
    """

    name: str
    prf: float
    rank: int
    steering_rate: float
    near_time: float
    samples: int
    lines: int
    invalid_first: int
    invalid_last: int
    burst_start: float
    sensing_delay: float
    range_bandwidth: float
    azimuth_bandwidth: float
    range_window: float
    azimuth_window: float
    pulse_length: float
    chirp_rate: float
    number: int


SUBSWATHS: Final[dict[int, Subswath]] = {
    1: Subswath(
        name="IW1",
        prf=1717.128973878037,
        rank=9,
        steering_rate=1.590368784,
        near_time=5.343e-3,
        samples=21600,
        lines=1501,
        invalid_first=19,
        invalid_last=18,
        burst_start=0.0,
        sensing_delay=1.1385,
        range_bandwidth=56.5e6,
        azimuth_bandwidth=327.0,
        range_window=0.75,
        azimuth_window=0.70,
        pulse_length=5.240481033595628e-05,
        chirp_rate=1.078230321255894e12,
        number=10,
    ),
    2: Subswath(
        name="IW2",
        prf=1451.627112193990,
        rank=8,
        steering_rate=0.979863325,
        near_time=5.652e-3,
        samples=25500,
        lines=1513,
        invalid_first=25,
        invalid_last=24,
        burst_start=0.9455,
        sensing_delay=1.0247,
        range_bandwidth=48.3e6,
        azimuth_bandwidth=313.0,
        range_window=0.75,
        azimuth_window=0.75,
        pulse_length=6.199592966536363e-05,
        chirp_rate=7.792817275120481e11,
        number=11,
    ),
    3: Subswath(
        name="IW3",
        prf=1685.817302492702,
        rank=10,
        steering_rate=1.397440818,
        near_time=6.022e-3,
        samples=24500,
        lines=1519,
        invalid_first=23,
        invalid_last=23,
        burst_start=1.8955,
        sensing_delay=1.1460,
        range_bandwidth=42.78991840322842e6,
        azimuth_bandwidth=314.0,
        range_window=0.75,
        azimuth_window=0.75,
        pulse_length=5.339056426703426e-05,
        chirp_rate=8.014509490705804e11,
        number=12,
    ),
}


@dataclass(frozen=True)
class Mission:
    """What differs from satellite to satellite.

    Attributes
    ----------
    identifier : str
        International designator of the spacecraft.
    offsets : tuple of (str, int)
        The relative orbit is ``(absolute - offset) mod 175 + 1`` from an ISO date on.
    epoch_orbit : tuple of (str, int)
        An ISO date and an absolute orbit near it.
    """

    identifier: str
    offsets: tuple[tuple[str, int], ...]
    epoch_orbit: tuple[str, int]

    def orbit_offset(self, day: date) -> int:
        """Return the offset that holds on `day`."""
        valid = [offset for since, offset in self.offsets if since <= day.isoformat()]
        return valid[-1] if valid else self.offsets[0][1]


MISSIONS: Final[dict[str, Mission]] = {
    "S1A": Mission("2014-016A", (("2014-04-03", 73),), ("2023-09-04", 50174)),
    "S1B": Mission("2016-025A", (("2016-04-25", 27),), ("2021-04-01", 26269)),
    # Sentinel-1C was moved along its orbit in June 2026.
    "S1C": Mission("2024-235A", (("2024-12-05", 172), ("2026-06-16", 99)), ("2025-05-01", 2140)),
    "S1D": Mission("2025-251A", (("2025-11-04", 42),), ("2026-05-01", 2585)),
}
