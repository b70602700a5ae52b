"""Solid Earth tides along the line of sight: how the ground itself breathes with Moon and Sun.

The model is that of the IERS Conventions (Petit and Luzum 2010, section 7.1.1), as pyTMD computes it, with the Sun
and the Moon of Meeus (1991): step 1 with the terms out of phase, and step 2, without the permanent tide, which two
dates have in common. Ocean loading and pole tide are not in it.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.geo.crs import GEOGRAPHIC, transformer
from dinsar_cli.geo.grid import Grid
from dinsar_cli.installation import install_command

Floats: TypeAlias = NDArray[np.floating[Any]]

_STEP_DEG = 0.1
"""Between the points of the lattice. The tide is of degree 2 and 3: linear interpolation over 11 km is wrong by
f'' h^2 / 8, less than 0.01 mm."""
_BLOCK = 512  # map rows


def check_tides() -> None:
    """See that the library is there.

    Raises
    ------
    UsageError
        When it is not installed.
    """
    if find_spec("pyTMD") is None:
        raise UsageError(
            "Solid Earth tides cannot be computed.",
            "corrections.tides needs the package pyTMD, which is not installed.",
            f"Install it with `{install_command('tides')}`, or leave corrections.tides out.",
        )


def tide_los(grid: Grid, los_vector: Floats, times: tuple[datetime, datetime]) -> Floats:
    """Return the displacement by the solid Earth tide along the line of sight, later minus earlier.

    Parameters
    ----------
    grid : Grid
        The map grid.
    los_vector : ndarray
        Unit vectors from the ground to the satellite: east, north, up; shape (3, height, width).
    times : (datetime, datetime)
        When the middle of the scene was seen, earlier and later, UTC.

    Returns
    -------
    ndarray
        Metres, positive toward the satellite, float32, shape of the grid.

    Raises
    ------
    UsageError
        When pyTMD is not installed.
    """
    check_tides()
    longitude, latitude = _lattice(grid)
    x, y = np.meshgrid(longitude, latitude)
    earlier, later = (tide_enu(time, x.ravel(), y.ravel()) for time in times)
    motion = np.moveaxis((later - earlier).reshape(3, *x.shape), 0, -1)
    from scipy.interpolate import RegularGridInterpolator

    at = RegularGridInterpolator((latitude, longitude), motion)
    los = np.empty(grid.shape, np.float32)
    for first in range(0, grid.height, _BLOCK):
        rows = slice(first, first + _BLOCK)
        where = _lonlat(grid, rows)
        los[rows] = np.einsum("yxc,cyx->yx", at((where[1], where[0])), los_vector[:, rows])
    return los


def tide_enu(time: datetime, longitude: Floats, latitude: Floats) -> Floats:
    """Return the displacement of the ground by the solid Earth tide, without the permanent tide.

    Parameters
    ----------
    time : datetime
        UTC; one without a time zone is taken as UTC.
    longitude, latitude : ndarray
        Geodetic, degrees (WGS84), shape (n,).

    Returns
    -------
    ndarray
        East, north and up, metres, shape (3, n); up is the normal of the ellipsoid.
    """
    import pyTMD.astro
    import pyTMD.predict
    import timescale
    import xarray as xr

    moment = time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time
    at = timescale.from_datetime(np.array([moment], dtype="datetime64[us]"))
    place = Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True).transform(
        longitude, latitude, np.zeros_like(longitude)
    )
    ground = _dataset(xr, place, "point")
    sun, moon = (
        _dataset(xr, position(at.MJD, ephemerides="Meeus"), "time")
        for position in (pyTMD.astro.solar_ecef, pyTMD.astro.lunar_ecef)
    )
    tide = pyTMD.predict.solid_earth_tide(at.tide, ground, sun, moon, deltat=at.tt_ut1)
    x, y, z = (np.asarray(tide[name].transpose("time", "point"))[0] for name in "XYZ")
    lon, lat = np.radians(longitude), np.radians(latitude)
    outward = np.cos(lon) * x + np.sin(lon) * y  # from the axis of the Earth
    return np.stack(
        [
            np.cos(lon) * y - np.sin(lon) * x,
            np.cos(lat) * z - np.sin(lat) * outward,
            np.cos(lat) * outward + np.sin(lat) * z,
        ]
    )


def _dataset(xr: Any, position: Any, dimension: str) -> Any:
    return xr.Dataset({name: (dimension, np.atleast_1d(part)) for name, part in zip("XYZ", position, strict=True)})


def _lattice(grid: Grid) -> tuple[Floats, Floats]:
    """Return the longitudes and latitudes that span the map, both rising."""
    edges = [
        _lonlat(grid, slice(0, 1)),
        _lonlat(grid, slice(grid.height - 1, grid.height)),
        *(_lonlat(grid, slice(None), slice(column, column + 1)) for column in (0, grid.width - 1)),
    ]
    axes = []
    for part in (0, 1):
        low, high = min(edge[part].min() for edge in edges), max(edge[part].max() for edge in edges)
        count = max(2, math.ceil((high - low) / _STEP_DEG) + 1)
        # A UTM map may bulge between its edges by far less than a step.
        axes.append(np.linspace(low - _STEP_DEG, high + _STEP_DEG, count + 2))
    return axes[0], axes[1]


def _lonlat(grid: Grid, rows: slice, columns: slice = slice(None)) -> tuple[Floats, Floats]:
    """Return the longitude and latitude of pixel centres, degrees."""
    x, y = np.meshgrid(grid.x_centres[columns], grid.y_centres[rows])
    if grid.is_geographic:
        return x, y

    longitude, latitude = transformer(grid.crs, GEOGRAPHIC).transform(x, y)
    return longitude, latitude


def sensing_times(reference: str, secondary: str) -> tuple[datetime, datetime]:
    """Return the times of two dates as ISO text, for a map whose bursts are not known.

    Raises
    ------
    NoDataError
        When a date has no time of day: the tide turns within hours.
    """
    for text in (reference, secondary):
        if "T" not in text:
            raise NoDataError(
                "Solid Earth tides cannot be computed.",
                f"Of {text} the time of day is not known, and the tide changes by decimetres within hours.",
                "Leave corrections.tides out, or make the map from the scenes with `dinsar run`.",
            )
    earlier, later = (datetime.fromisoformat(text) for text in (reference, secondary))
    return earlier, later
