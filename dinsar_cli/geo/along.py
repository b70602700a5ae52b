"""Points along lines, at equal steps on the ground."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Geod
from shapely.geometry.base import BaseGeometry

from dinsar_cli.errors import UsageError

Doubles = NDArray[np.float64]

_ELLIPSOID = Geod(ellps="WGS84")
_MOST = 2_000_000  # points of a line


@dataclass(frozen=True)
class Along:
    """Points along a line.

    Attributes
    ----------
    lonlat : ndarray, shape (n, 2)
        Degrees.
    distance : ndarray, shape (n,)
        Metres on the ellipsoid from the first.
    azimuth : ndarray, shape (n,)
        Direction of the line there, degrees from north, clockwise.
    """

    lonlat: Doubles
    distance: Doubles
    azimuth: Doubles


def along_line(line: BaseGeometry, step: float) -> Along:
    """Return points along a line: its first and last, and those between at equal steps.

    Parameters
    ----------
    line : LineString
        Longitude and latitude in degrees; between its corners it is straight in these, or the shortest way where
        it is short.
    step : float
        Metres; the last one may be shorter.

    Raises
    ------
    UsageError
        When it would be far too many.
    """
    corners = shapely.get_coordinates(line)
    longitude, latitude = corners.T
    azimuth, _, length = (
        np.asarray(part) for part in _ELLIPSOID.inv(longitude[:-1], latitude[:-1], longitude[1:], latitude[1:])
    )
    real = length > 0
    start = np.concatenate([[0.0], np.cumsum(length)])
    if start[-1] / step > _MOST:
        raise UsageError(
            f"A line of {start[-1] / 1000:.0f} km has too many points at every {step:g} m.",
            f"They are {start[-1] / step:.0f}; at most {_MOST} are taken.",
            "Give a larger --step.",
        )
    wanted = np.arange(math.floor(start[-1] / step + 1e-9) + 1) * step
    if start[-1] - wanted[-1] > 1e-6 * step:
        wanted = np.append(wanted, start[-1])
    segment = np.clip(np.searchsorted(start, wanted, "right") - 1, 0, len(length) - 1)
    segment = _real_ones(segment, real)
    ahead = wanted - start[segment]
    lon, lat, _ = _ELLIPSOID.fwd(longitude[segment], latitude[segment], azimuth[segment], ahead)
    return Along(np.column_stack([lon, lat]), wanted, azimuth[segment])


def _real_ones(segment: NDArray[np.int64], real: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Replace segments of no length by the last before them that has one."""
    last = np.maximum.accumulate(np.where(real, np.arange(real.size), -1))
    first = int(np.argmax(real))
    return np.where(last[segment] >= 0, last[segment], first)


def across(along: Along, width: float, spacing: float) -> tuple[Doubles, Doubles]:
    """Return the points of a swath: those across a line at each of its points.

    Returns
    -------
    lonlat : ndarray, shape (n, k, 2)
        Degrees.
    offset : ndarray, shape (k,)
        Metres to the right of the line.
    """
    half = max(1, round(width / 2 / spacing))
    offset = np.arange(-half, half + 1) * (width / 2 / half)
    size = (along.distance.size, offset.size)
    right = np.where(offset >= 0, 90.0, -90.0)
    longitude, latitude, _ = _ELLIPSOID.fwd(
        np.broadcast_to(along.lonlat[:, :1], size).ravel(),
        np.broadcast_to(along.lonlat[:, 1:], size).ravel(),
        (along.azimuth[:, None] + right).ravel(),
        np.broadcast_to(np.abs(offset), size).ravel(),
    )
    lonlat: Doubles = np.stack([longitude, latitude], axis=-1).reshape(*size, 2)
    return lonlat, np.asarray(offset, np.float64)
