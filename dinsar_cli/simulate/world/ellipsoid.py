"""WGS84: geodetic and Earth-fixed Cartesian coordinates, and the local frame.

Written apart from the rest of the package on purpose: the simulator's geometry must not share a mistake with
the code that it judges.
"""

from __future__ import annotations

import numpy as np

from dinsar_cli.simulate.world.arrays import Floats

SEMI_MAJOR_AXIS = 6378137.0
"""Equatorial radius of WGS84 (m)."""
SEMI_MINOR_AXIS = 6356752.314245
"""Polar radius of WGS84 (m)."""
ECCENTRICITY_SQUARED = 1.0 - (SEMI_MINOR_AXIS / SEMI_MAJOR_AXIS) ** 2


def curvature_radii(latitude: Floats) -> tuple[Floats, Floats]:
    """Return the radii of curvature of the meridian and of the prime vertical.

    Parameters
    ----------
    latitude : ndarray
        Geodetic latitude (deg).

    Returns
    -------
    meridian, prime_vertical : ndarray
        Radii (m) of the shape of `latitude`.
    """
    root = np.sqrt(1.0 - ECCENTRICITY_SQUARED * np.sin(np.radians(latitude)) ** 2)
    prime_vertical = SEMI_MAJOR_AXIS / root
    return prime_vertical * (1.0 - ECCENTRICITY_SQUARED) / root**2, prime_vertical


def to_cartesian(longitude: Floats, latitude: Floats, height: Floats) -> Floats:
    """Return the Earth-fixed position of geodetic coordinates.

    Parameters
    ----------
    longitude, latitude : ndarray
        Degrees.
    height : ndarray
        Metres above the ellipsoid.

    Returns
    -------
    ndarray, shape (..., 3)
        Metres.
    """
    lon, lat = np.radians(longitude), np.radians(latitude)
    _, radius = curvature_radii(latitude)
    equatorial = (radius + height) * np.cos(lat)
    polar = (radius * (1.0 - ECCENTRICITY_SQUARED) + height) * np.sin(lat)
    return np.stack(np.broadcast_arrays(equatorial * np.cos(lon), equatorial * np.sin(lon), polar), axis=-1)


def to_geodetic(position: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the longitude and latitude (deg) and ellipsoidal height (m) of an Earth-fixed position.

    Parameters
    ----------
    position : ndarray, shape (..., 3)
        Metres.

    Notes
    -----
    Fixed-point iteration on the latitude; below 10^-9 m after eight rounds for points near the ground.
    """
    x, y, z = np.moveaxis(np.asarray(position, dtype=np.float64), -1, 0)
    distance = np.hypot(x, y)
    latitude = np.degrees(np.arctan2(z, distance * (1.0 - ECCENTRICITY_SQUARED)))
    height = np.zeros_like(latitude)
    for _ in range(8):
        _, radius = curvature_radii(latitude)
        lat = np.radians(latitude)
        height = distance * np.cos(lat) + z * np.sin(lat) - SEMI_MAJOR_AXIS**2 / radius
        flattened = distance * (1.0 - ECCENTRICITY_SQUARED * radius / (radius + height))
        latitude = np.degrees(np.arctan2(z, flattened))
    return np.degrees(np.arctan2(y, x)), latitude, height


def local_frame(longitude: Floats, latitude: Floats) -> Floats:
    """East, north and up unit vectors of the ellipsoid.

    Parameters
    ----------
    longitude, latitude : ndarray
        Degrees.

    Returns
    -------
    ndarray, shape (..., 3, 3)
        Rows are east, north and up; columns are x, y and z.
    """
    lon, lat = np.broadcast_arrays(np.radians(longitude), np.radians(latitude))
    sin_lon, cos_lon, sin_lat, cos_lat = np.sin(lon), np.cos(lon), np.sin(lat), np.cos(lat)
    east = np.stack([-sin_lon, cos_lon, np.zeros_like(lon)], axis=-1)
    north = np.stack([-sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat], axis=-1)
    up = np.stack([cos_lat * cos_lon, cos_lat * sin_lon, sin_lat], axis=-1)
    return np.stack([east, north, up], axis=-2)


def local_metres(longitude: Floats, latitude: Floats, origin: tuple[float, float]) -> tuple[Floats, Floats]:
    """East and north distance (m) from a point, along the parallel and the meridian.

    The plane in which the deformation sources live: truth and pixels use the same one, so its distortion
    (10^-4 of the distance at 50 km) is part of the source's definition and not an error.
    """
    meridian, prime_vertical = curvature_radii(0.5 * (latitude + origin[1]))
    east = np.radians(longitude - origin[0]) * prime_vertical * np.cos(np.radians(latitude))
    return east, np.radians(latitude - origin[1]) * meridian
