"""How the two satellites of a pair see the middle of the bursts in use: baselines and what they mean."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.radar.geometry import (
    LookPlanes,
    Orbit,
    cartesian_to_geodetic,
    geodetic_to_cartesian,
    los_vector,
    perpendicular_baseline,
    zero_doppler,
)
from dinsar_cli.sentinel1.acquisition import CommonBurst, Pair
from dinsar_cli.sentinel1.orbit_file import OrbitFile, window

_OUTLINE = 33  # points on each side of an area
_ORBIT_MARGIN = 90.0  # s of state vectors on each side: nine of them


@dataclass(frozen=True)
class PairGeometry:
    """A pair as it is seen in the middle of the bursts in use.

    Attributes
    ----------
    days : float
        Temporal baseline.
    perpendicular_baseline : float
        Metres, with the sign of ISCE2.
    slant_range : float
        Metres.
    incidence : float
        Between the line of sight and the normal of the ellipsoid, degrees.
    wavelength : float
        Metres.
    """

    days: float
    perpendicular_baseline: float
    slant_range: float
    incidence: float
    wavelength: float

    @property
    def height_ambiguity(self) -> float:
        """Height whose phase is one cycle, metres: ``lambda R sin(incidence) / (2 |B|)``; infinite for B = 0.

        References
        ----------
        .. [1] Hanssen (2001), "Radar Interferometry", chapter 2.
        """
        if self.perpendicular_baseline == 0:
            return math.inf
        double = 2 * abs(self.perpendicular_baseline)
        return self.wavelength * self.slant_range * math.sin(math.radians(self.incidence)) / double

    def displacement_of(self, height: float) -> float:
        """Return displacement that an error of the DEM looks like, metres.

        Half a wavelength for a height of ambiguity.
        """
        return self.wavelength / 2 * height / self.height_ambiguity


def fit_orbits(
    pair: Pair, bursts: Sequence[CommonBurst], files: tuple[OrbitFile, OrbitFile], epoch: datetime
) -> tuple[Orbit, Orbit]:
    """Return both orbits; the secondary epoch is later by as much as the secondary burst.

    Parameters
    ----------
    pair : Pair
        The two acquisitions.
    bursts : sequence of CommonBurst
        Bursts in use.
    files : (OrbitFile, OrbitFile)
        State vectors around each acquisition.
    epoch : datetime
        Of the reference orbit.

    Raises
    ------
    NoDataError
        When there are too few state vectors.
    """
    first = bursts[0]
    later = first.secondary.burst.azimuth_time - first.reference.burst.azimuth_time
    return (
        _fit(files[0], epoch, pair.reference.start, pair.reference.stop),
        _fit(files[1], epoch + later, pair.secondary.start, pair.secondary.stop),
    )


def _fit(orbit: OrbitFile, epoch: datetime, start: datetime, stop: datetime) -> Orbit:
    near = window(orbit, start, stop, _ORBIT_MARGIN)
    origin = np.datetime64(epoch.replace(tzinfo=None), "us")
    return Orbit.fit(epoch, (near.times - origin) / np.timedelta64(1, "us") * 1e-6, near.position)


def see_area(
    bounds: tuple[float, float, float, float], orbit: Orbit, heights: tuple[float, float], first_time: float
) -> tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]:
    """Return where the outline of an area is seen, at the lowest and at the highest height.

    Parameters
    ----------
    bounds : (float, float, float, float)
        West, south, east, north, degrees.
    orbit : Orbit
    heights : (float, float)
        Metres.
    first_time : float
        Seconds after the epoch of the orbit from which the times are looked for.

    Returns
    -------
    time, slant_range : ndarray
        Of zero Doppler: seconds after the epoch, and metres; shape (points,).
    """
    west, south, east, north = bounds
    t = np.linspace(0, 1, _OUTLINE)
    across, along = west + t * (east - west), south + t * (north - south)
    ends = np.full(_OUTLINE, 1.0)
    lon = np.concatenate([across, east * ends, across, west * ends])
    lat = np.concatenate([south * ends, along, north * ends, along])
    lon, lat, height = np.tile(lon, 2), np.tile(lat, 2), np.repeat(heights, lon.size)
    return zero_doppler(orbit, geodetic_to_cartesian(lon, lat, height), first_time)


def pair_geometry(
    pair: Pair, bursts: Sequence[CommonBurst], files: tuple[OrbitFile, OrbitFile], height: float
) -> PairGeometry:
    """See the middle of the bursts in use from both orbits.

    Parameters
    ----------
    pair, bursts, files
        As for `fit_orbits`.
    height : float
        Of the ground there, metres.

    Raises
    ------
    NoDataError
        When the orbits do not cover the bursts.
    """
    middle = sorted(bursts, key=lambda burst: (burst.swath, burst.reference.burst.azimuth_time))[len(bursts) // 2]
    subswath, burst = middle.reference.subswath, middle.reference.burst
    epoch = burst.azimuth_time
    reference, secondary = fit_orbits(pair, bursts, files, epoch)
    time = subswath.azimuth_time_interval * subswath.lines_per_burst / 2
    slant_range = subswath.starting_range + subswath.range_spacing * subswath.samples / 2
    planes, ranges = LookPlanes.at(reference, np.array([time])), np.array([[slant_range]])
    point = planes.point(ranges, planes.look_for_height(ranges, np.array([[height]])))[0, 0]
    longitude, latitude, _ = cartesian_to_geodetic(point)
    up = los_vector(reference.state(np.array(time))[0], point, longitude, latitude)[2]
    return PairGeometry(
        days=(pair.secondary.start - pair.reference.start).total_seconds() / 86400,
        perpendicular_baseline=perpendicular_baseline(reference, secondary, point, time)[0],
        slant_range=slant_range,
        incidence=math.degrees(math.acos(float(up))),
        wavelength=subswath.wavelength,
    )
