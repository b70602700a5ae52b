"""A subswath and its bursts, as an annotation describes them.

Names follow the Sentinel-1 Product Specification (S1-RS-MDA-52-7441).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from shapely import Polygon

SPEED_OF_LIGHT = 299_792_458.0  # m/s, exact by definition


@dataclass(frozen=True)
class Burst:
    """One burst of a subswath.

    Attributes
    ----------
    index : int
        Position in the subswath of its product, from 0.
    azimuth_time : datetime
        Zero-Doppler time of the first line, UTC.
    azimuth_anx_time : float
        The same in seconds after the ascending node.
    first_valid_line, last_valid_line : int
        First and last line with valid samples, inside the burst, inclusive.
    first_valid_sample, last_valid_sample : int
        Columns that are valid in every valid line, inclusive.
    footprint : shapely.Polygon
        Outline on the ground of the valid samples, longitude and latitude in degrees; longitudes are continuous
        where it reaches over 180 degrees.
    outline : shapely.Polygon
        The same of all lines and columns, which an engine works on.
    """

    index: int
    azimuth_time: datetime
    azimuth_anx_time: float
    first_valid_line: int
    last_valid_line: int
    first_valid_sample: int
    last_valid_sample: int
    footprint: Polygon
    outline: Polygon


@dataclass(frozen=True)
class Polynomial:
    """A polynomial of slant range time at one azimuth time (FM rate, Doppler centroid).

    ``value(tau) = sum(coefficients[k] * (tau - t0)**k)`` in Hz or Hz/s, tau the two-way
    range time in seconds.
    """

    azimuth_time: datetime
    t0: float
    coefficients: tuple[float, ...]


@dataclass(frozen=True)
class Subswath:
    """Annotation of one subswath and polarization of one product.

    Attributes
    ----------
    name : str
        ``IW1``, ``IW2`` or ``IW3``.
    polarization : str
        ``VV``, ``VH``, ``HH`` or ``HV``.
    measurement : str
        Path for GDAL of its TIFF.
    slant_range_time : float
        Two-way time of the first sample, seconds.
    range_sampling_rate : float
        Hz.
    radar_frequency : float
        Hz.
    azimuth_time_interval : float
        Seconds between lines.
    azimuth_steering_rate : float
        Degrees per second.
    lines_per_burst, samples : int
        Size of a burst, invalid lines and samples included.
    range_bandwidth, azimuth_bandwidth : float
        Processed bandwidths, Hz.
    fm_rates, doppler_centroids : tuple of Polynomial
        Azimuth FM rate and Doppler centroid.
    bursts : tuple of Burst
        In the order of time.
    """

    name: str
    polarization: str
    measurement: str
    slant_range_time: float
    range_sampling_rate: float
    radar_frequency: float
    azimuth_time_interval: float
    azimuth_steering_rate: float
    azimuth_spacing: float
    incidence_mid_swath: float
    lines_per_burst: int
    samples: int
    range_bandwidth: float
    azimuth_bandwidth: float
    fm_rates: tuple[Polynomial, ...]
    doppler_centroids: tuple[Polynomial, ...]
    bursts: tuple[Burst, ...]

    @property
    def wavelength(self) -> float:
        """Radar wavelength in metres."""
        return SPEED_OF_LIGHT / self.radar_frequency

    @property
    def range_spacing(self) -> float:
        """Slant range spacing of the samples in metres."""
        return SPEED_OF_LIGHT / (2 * self.range_sampling_rate)

    @property
    def starting_range(self) -> float:
        """Slant range of the first sample in metres."""
        return SPEED_OF_LIGHT * self.slant_range_time / 2


def parse_time(text: str) -> datetime:
    """UTC time of an annotation or manifest, to the microsecond."""
    return datetime.fromisoformat(text.strip().removeprefix("UTC=").removesuffix("Z")).replace(tzinfo=UTC)
