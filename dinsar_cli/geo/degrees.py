"""Shapes of any coordinate reference system in longitude and latitude."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from dinsar_cli.geo.crs import GEOGRAPHIC, transformer

_EDGE_PARTS = 50  # a straight edge of a projected CRS is a curve in degrees: it is followed in so many chords


def in_degrees(shapes: NDArray[Any], crs: str) -> NDArray[Any]:
    """Bring shapes to WGS84 longitude and latitude.

    Parameters
    ----------
    shapes : ndarray of shapely geometries
        None stays.
    crs : str
        Their coordinate reference system.

    Raises
    ------
    pyproj.exceptions.CRSError, pyproj.exceptions.ProjError
        When that cannot be used.
    """
    system = CRS.from_user_input(crs)
    if system.equals(CRS.from_epsg(4326), ignore_axis_order=True):
        return shapes
    transform = transformer(crs, GEOGRAPHIC).transform
    known = np.flatnonzero(~shapely.is_missing(shapes))
    bounds = shapely.bounds(shapes[known])
    longest = float(np.max(bounds[:, 2:] - bounds[:, :2], initial=0.0))
    found = shapes.copy()
    if system.is_projected and 0 < longest < math.inf:
        found[known] = shapely.segmentize(found[known], longest / _EDGE_PARTS)

    def move(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(transform(xy[:, 0], xy[:, 1]))

    found[known] = shapely.transform(found[known], move)
    return found
