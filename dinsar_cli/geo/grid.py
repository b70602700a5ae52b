"""The map grid of a run: coordinate system, posting, origin and shape."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias, TypedDict

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from dinsar_cli.errors import UsageError
from dinsar_cli.geo.antimeridian import near
from dinsar_cli.geo.crs import (
    GEOGRAPHIC,
    accuracy,
    crs_for,
    crs_name,
    crs_title,
    grid_north,
    ground_metres,
    is_utm,
    transformer,
)

Bounds: TypeAlias = tuple[float, float, float, float]
"""West, south, east, north."""

XY: TypeAlias = tuple[float, float]

ARC_SECOND_M = 30.87
"""Length of one arc-second of latitude in metres (mean meridian of WGS84)."""

# WGS84
_SEMI_MAJOR_M = 6_378_137.0
_ECCENTRICITY_SQUARED = 6.694379990141316e-3

ODD_METRES = 0.02
"""Share by which a metre of a map may differ from one on the ground before that is told."""

_METRIC_STEP_M = 5
_HALF_ARC_SECONDS_PER_DEGREE = 7200
# Bounds that are whole multiples of the posting miss them by a few ulp after the division (1e-10 of a pixel at
# half an arc-second); a millionth of a pixel is far above that and far below anything that can be seen.
_PIXEL_TOLERANCE = 1e-6


class GridRecord(TypedDict):
    """The JSON form of a grid."""

    crs: str
    west: float
    north: float
    posting: float
    width: int
    height: int


@dataclass(frozen=True)
class Grid:
    """A north-up map grid with square pixels.

    Parameters
    ----------
    crs : str
        ``EPSG:4326`` or a projected system in metres, by its code or as WKT: see `dinsar_cli.geo.crs.crs_name`.
    west, north : float
        Outer corner of the first pixel, in units of the CRS.
    posting : float
        Size of a pixel, in units of the CRS.
    width, height : int
        Number of columns and rows.

    Raises
    ------
    ValueError
        If the CRS is another one, or a size or the posting is not positive.
    """

    crs: str
    west: float
    north: float
    posting: float
    width: int
    height: int

    def __post_init__(self) -> None:
        try:
            crs_name(self.crs)
        except UsageError as error:
            cause = error.cause.rstrip(".")
            raise ValueError(f"maps cannot be made in the system {self.crs[:60]!r}: {cause}") from error
        if not (math.isfinite(self.west) and math.isfinite(self.north)):
            raise ValueError(f"west and north must be finite, not {self.west} and {self.north}")
        if not (math.isfinite(self.posting) and self.posting > 0):
            raise ValueError(f"posting must be a positive number, not {self.posting}")
        if self.width < 1 or self.height < 1:
            raise ValueError(f"width and height must be at least 1, not {self.width} and {self.height}")

    @property
    def is_geographic(self) -> bool:
        """Whether the units are degrees of longitude and latitude."""
        return self.crs == GEOGRAPHIC

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.height, self.width

    @property
    def transform(self) -> Affine:
        """Affine transform from (column, row) of pixel corners to map coordinates, as GDAL and rasterio use it."""
        return Affine(self.posting, 0.0, self.west, 0.0, -self.posting, self.north)

    @property
    def bounds(self) -> Bounds:
        """Outer edges west, south, east, north, in units of the CRS."""
        east = self.west + self.width * self.posting
        south = self.north - self.height * self.posting
        return self.west, south, east, self.north

    @property
    def x_centres(self) -> NDArray[np.float64]:
        """Map x of the pixel centres of a row; shape (width,)."""
        return self.west + (np.arange(self.width, dtype=np.float64) + 0.5) * self.posting

    @property
    def y_centres(self) -> NDArray[np.float64]:
        """Map y of the pixel centres of a column, from north to south; shape (height,)."""
        return self.north - (np.arange(self.height, dtype=np.float64) + 0.5) * self.posting

    def lonlat(self, row: int, column: int) -> tuple[float, float]:
        """Return the longitude and latitude of the centre of a pixel, degrees."""
        x, y = self.west + (column + 0.5) * self.posting, self.north - (row + 0.5) * self.posting
        if self.is_geographic:
            return x, y
        longitude, latitude = transformer(self.crs, GEOGRAPHIC).transform(x, y)
        return float(longitude), float(latitude)

    def index(self, longitude: float, latitude: float) -> tuple[int, int]:
        """Return the row and column of the pixel that contains a point (degrees); it may lie outside the grid."""
        x, y = self.from_lonlat(longitude, latitude)
        return math.floor((self.north - y) / self.posting), math.floor((x - self.west) / self.posting)

    def indices(
        self, longitude: NDArray[np.float64], latitude: NDArray[np.float64]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.bool_]]:
        """Return row and column of the pixels that contain points (degrees), and which of these are on the grid."""
        x, y = near(longitude, sum(self.lonlat_bounds[::2]) / 2), latitude
        if not self.is_geographic:
            x, y = transformer(GEOGRAPHIC, self.crs).transform(x, y)
        row, column = np.floor((self.north - y) / self.posting), np.floor((x - self.west) / self.posting)
        inside = (row >= 0) & (row < self.height) & (column >= 0) & (column < self.width)
        return np.where(inside, row, -1).astype(np.intp), np.where(inside, column, -1).astype(np.intp), inside

    def holds(self, row: int, column: int) -> bool:
        """Tell whether a pixel lies on the grid."""
        return 0 <= row < self.height and 0 <= column < self.width

    @property
    def metres_per_unit(self) -> tuple[float, float]:
        """Metres on the ground of a unit of the CRS, along x and along y, at the middle of the grid.

        For degrees from the radii of curvature of the WGS84 ellipsoid (Snyder 1987, equations 4-18 to 4-21); for
        UTM 1, that is without the scale factor of the projection; for other systems with it.
        """
        if is_utm(self.crs):
            return 1.0, 1.0
        west, south, east, north = self.bounds
        if not self.is_geographic:
            metres_x, metres_y = ground_metres(self.crs, (west + east) / 2, (south + north) / 2)
            return float(metres_x), float(metres_y)
        latitude = math.radians((south + north) / 2)
        root = math.sqrt(1 - _ECCENTRICITY_SQUARED * math.sin(latitude) ** 2)
        east = _SEMI_MAJOR_M / root * math.cos(latitude)
        north = _SEMI_MAJOR_M * (1 - _ECCENTRICITY_SQUARED) / root**3
        return math.radians(east), math.radians(north)

    @property
    def title(self) -> str:
        """The CRS for people: its code, with its name unless everybody knows it."""
        return crs_title(self.crs)

    @property
    def true_north(self) -> float:
        """Direction of true north at the middle of the map, degrees clockwise from its upper edge's direction.

        0 in degrees of longitude and latitude, less than 9 in UTM (where it is not 0 either).
        """
        if self.is_geographic:
            return 0.0
        west, south, east, north = self.bounds
        return grid_north(self.crs, (west + east) / 2, (south + north) / 2)

    @property
    def known_to(self) -> float | None:
        """How far the datum of the CRS is known against WGS84, metres, by PROJ; None where it is not known."""
        if self.is_geographic:
            return 0.0
        west, south, east, north = self.bounds
        x, y = (part.ravel() for part in np.meshgrid(np.linspace(west, east, 3), np.linspace(south, north, 3)))
        return accuracy(self.crs, zip(*(part.tolist() for part in self.to_lonlat(x, y)), strict=True))

    @property
    def aspect(self) -> float:
        """Height of the map over its width, on the ground."""
        metres_x, metres_y = self.metres_per_unit
        return self.height * metres_y / (self.width * metres_x)

    def from_lonlat(self, lon: float, lat: float) -> tuple[float, float]:
        """Map x and y of a position in degrees (WGS84)."""
        if self.is_geographic:
            return lon, lat
        x, y = transformer(GEOGRAPHIC, self.crs).transform(lon, lat)
        return float(x), float(y)

    def to_lonlat(self, x: NDArray[Any], y: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Give longitudes and latitudes of positions on the map, degrees; they run on where it reaches over 180."""
        if self.is_geographic:
            return np.asarray(x, np.float64), np.asarray(y, np.float64)

        west, south, east, north = self.bounds
        to_lonlat = transformer(self.crs, GEOGRAPHIC)
        middle, _ = to_lonlat.transform((west + east) / 2, (south + north) / 2)
        longitude, latitude = to_lonlat.transform(x, y)
        return near(np.asarray(longitude), float(middle)), np.asarray(latitude)

    @property
    def lonlat_bounds(self) -> Bounds:
        """West, south, east, north in degrees of all of the map; longitudes run on where it reaches over 180."""
        west, south, east, north = self.bounds
        t, ones = np.linspace(0, 1, 51), np.ones(51)
        x = np.concatenate([west + t * (east - west)] * 2 + [west * ones, east * ones])
        y = np.concatenate([south * ones, north * ones] + [south + t * (north - south)] * 2)
        longitude, latitude = self.to_lonlat(x, y)
        return float(longitude.min()), float(latitude.min()), float(longitude.max()), float(latitude.max())

    def to_dict(self) -> GridRecord:
        """Return the fields as a dictionary that JSON can hold without loss."""
        return {
            "crs": self.crs,
            "west": self.west,
            "north": self.north,
            "posting": self.posting,
            "width": self.width,
            "height": self.height,
        }


def grid_for(bounds_lonlat: Bounds, crs: str, posting: float, origin: XY = (0.0, 0.0)) -> Grid:
    """Return the smallest grid on whole multiples of the posting from an origin that covers a box.

    Parameters
    ----------
    bounds_lonlat : tuple of float
        West, south, east, north in degrees (WGS84).
    crs : str
        A name that `dinsar_cli.geo.crs.crs_name` takes, or ``utm`` for the UTM zone of the box's centre (the plain
        six-degree zones, without the exceptions of Norway and Svalbard).
    posting : float
        Pixel size in degrees (``EPSG:4326``) or metres.
    origin : (float, float)
        Where a corner of a pixel lies, or would lie, in units of the CRS.

    Returns
    -------
    Grid
        The same for the same arguments; bounds that are whole multiples of the posting are kept as they are.

    Raises
    ------
    UsageError
        If the CRS is not one of those, does not suit the area, or the posting is not a positive number.
    ValueError
        If the bounds are not finite or are in a wrong order.
    """
    west, south, east, north = bounds_lonlat
    if not (all(map(math.isfinite, bounds_lonlat)) and west < east and south < north):
        raise ValueError(f"bounds must be finite west < east and south < north, not {bounds_lonlat}")
    name = crs_for(bounds_lonlat, crs)
    _check_posting(posting, name)
    x_min, y_min, x_max, y_max = bounds_lonlat if name == GEOGRAPHIC else _projected_bounds(bounds_lonlat, name)
    first_column, end_column = _outward(x_min - origin[0], x_max - origin[0], posting)
    last_row, first_row = _outward(y_min - origin[1], y_max - origin[1], posting)
    return Grid(
        crs=name,
        west=origin[0] + _multiple(first_column, posting),
        north=origin[1] + _multiple(first_row, posting),
        posting=posting,
        width=end_column - first_column,
        height=first_row - last_row,
    )


def posting_for_looks(range_spacing_ground_m: float, azimuth_spacing_m: float, crs: str) -> float:
    """Return a round map posting that suits the size of a look cell.

    Parameters
    ----------
    range_spacing_ground_m, azimuth_spacing_m : float
        Size of a look cell on the ground, in metres.
    crs : str
        ``EPSG:4326``, or anything else for a system in metres.

    Returns
    -------
    float
        The geometric mean of both sizes, rounded to half an arc-second (in degrees; at least half an arc-second)
        or to 5 m (at least 5 m).

    Raises
    ------
    ValueError
        If a spacing is not a positive number.
    """
    spacings = (range_spacing_ground_m, azimuth_spacing_m)
    if not all(math.isfinite(spacing) and spacing > 0 for spacing in spacings):
        raise ValueError(f"the spacings of a look cell must be positive, not {spacings}")
    size_m = math.sqrt(range_spacing_ground_m * azimuth_spacing_m)
    if crs == GEOGRAPHIC:
        return _steps(size_m / (ARC_SECOND_M / 2)) / _HALF_ARC_SECONDS_PER_DEGREE
    return float(_METRIC_STEP_M * _steps(size_m / _METRIC_STEP_M))


def _steps(ratio: float) -> int:
    """Return the nearest whole number of steps, halves upward, at least one."""
    return max(1, math.floor(ratio + 0.5))


def _outward(low: float, high: float, posting: float) -> tuple[int, int]:
    """Return the whole multiples of the posting that enclose an interval."""
    first = math.floor(low / posting + _PIXEL_TOLERANCE)
    end = math.ceil(high / posting - _PIXEL_TOLERANCE)
    return first, max(end, first + 1)


def _multiple(count: int, posting: float) -> float:
    """Return ``count * posting``, correctly rounded when the posting is a whole fraction of the unit.

    A posting of 3 arc-seconds is 1/1200 degree, which no binary number is; dividing gives 31.5 where multiplying
    gives 31.500000000000004.
    """
    per_unit = round(1 / posting)
    if per_unit > 1 and math.isclose(1 / per_unit, posting, rel_tol=1e-14):
        return count / per_unit
    return count * posting


def _check_posting(posting: float, crs: str) -> None:
    if math.isfinite(posting) and posting > 0:
        return
    unit = "degrees" if crs == GEOGRAPHIC else "metres"
    raise UsageError(
        f"The map cannot have a posting of {posting} {unit}.",
        "The size of a pixel must be a positive number.",
        "Correct grid.posting, or leave it out to get one that suits the looks.",
    )


def _projected_bounds(bounds_lonlat: Bounds, crs: str) -> Bounds:
    """Return the bounds in metres of a lon/lat box whose edges are curves there."""
    west, south, east, north = transformer(GEOGRAPHIC, crs).transform_bounds(*bounds_lonlat, densify_pts=101)
    return float(west), float(south), float(east), float(north)
