"""Longitudes near 180 degrees: on which side of the antimeridian things lie.

An area lies within -180 to 180 degrees and does not cross. What belongs to it (footprints, DEM, look cells) may
reach over: its longitudes are then those of the area's side and run on, so that 181 is the same meridian as -179.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.affinity import translate
from shapely.geometry.base import BaseGeometry

from dinsar_cli.errors import UsageError

Bounds = tuple[float, float, float, float]

Longitude = TypeVar("Longitude", float, "NDArray[np.float64]", "NDArray[np.floating[Any]]")

_EDGE = 1e-9  # degrees: 0.1 mm


def near(longitude: Longitude, middle: float) -> Longitude:
    """Move a longitude by whole turns into the half-open range of half a turn on both sides of another one.

    Parameters
    ----------
    longitude : float or ndarray
        Degrees; what is not finite becomes NaN, and what is in the range is not changed at all.
    middle : float
        Degrees.
    """
    with np.errstate(invalid="ignore"):
        return longitude - 360.0 * np.floor((longitude - middle + 180.0) / 360.0)


def middle_of(bounds: Bounds) -> float:
    """Return the longitude in the middle of west, south, east, north, degrees."""
    west, _, east, _ = bounds
    return (west + east) / 2


def beside(shape: BaseGeometry, middle: float) -> BaseGeometry:
    """Move each part of a shape by whole turns to where it is nearest to a longitude, and join what then touches.

    Parameters
    ----------
    shape : shapely geometry
        Longitude and latitude in degrees: in one piece that runs on beyond 180 degrees, or cut there.
    middle : float
        Longitude of what it is to lie beside, degrees.
    """
    parts = []
    for part in getattr(shape, "geoms", [shape]):
        own = middle_of(part.bounds)
        parts.append(translate(part, near(own, middle) - own))
    return shapely.union_all(parts) if len(parts) > 1 else parts[0] if parts else shape


def crosses(bounds: Bounds) -> bool:
    """Tell whether west, south, east, north, with longitudes that run on, lie on both sides of 180 degrees."""
    west, _, east, _ = bounds
    return west < -180.0 - _EDGE or east > 180.0 + _EDGE


def no_crossing(name: str, bounds: Bounds) -> UsageError:
    """Make the error for an area on both sides of 180 degrees; its remedy names the two areas to give instead.

    Parameters
    ----------
    name : str
        What the area is, as the beginning of a sentence.
    bounds : (float, float, float, float)
        West, south, east, north in degrees; longitudes run on, or west is more than east.
    """
    west, south, east, north = bounds
    west, east = near(west, 0.0), -near(-east, 0.0)
    shown, below, above, end = (f"{value:.10g}" for value in (west, south, north, east))
    return UsageError(
        f"{name} lies across the antimeridian.",
        f"It runs from longitude {shown} eastward to {end}; maps across 180 degrees are not supported.",
        f"Make two runs, one on each side: --roi '{shown} {below} 180 {above}' and "
        f"--roi '-180 {below} {end} {above}'.",
    )
