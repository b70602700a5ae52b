"""A map that values are taken from: its layers, its grid, and what is known of its zero."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.transform import rowcol

from dinsar_cli.geo.antimeridian import near
from dinsar_cli.geo.crs import GEOGRAPHIC, ground_metres, is_utm, transformer

Cells = NDArray[np.int64]
Doubles = NDArray[np.float64]
Floats = NDArray[np.floating[Any]]

NONE = -1
"""Value of whole numbers where there is none."""

_SIGMA_OF = {
    "los_displacement_m": "los_sigma_m",
    "velocity": "velocity_sigma",
    "east_m": "east_sigma_m",
    "north_m": "north_sigma_m",
    "up_m": "up_sigma_m",
}

LABELS = frozenset({"component", "flags", "series_flags"})
"""Columns of labels, which have no mean."""


@dataclass(frozen=True)
class Band:
    """Where the values of a column are.

    Attributes
    ----------
    path : Path
    band : int
        From 1.
    scale : float
        Of the values.
    """

    path: Path
    band: int = 1
    scale: float = 1.0


@dataclass(frozen=True)
class Source:
    """A map with all of its layers, which lie on one grid.

    Attributes
    ----------
    name : str
    bands : dict of str to Band
        By the name of the column; the first is the motion itself.
    transform : Affine
        Of the pixel corners.
    crs : CRS
    shape : (int, int)
        Rows and columns.
    dates : tuple of str
        First and last, ``2023-09-04``; empty where they are not known.
    reference : (float, float) or None
        Longitude and latitude of what is zero, where it is known.
    reference_cells : int
        Over which zero is the mean.
    component : int or None
        That of the reference, where it is known.
    """

    name: str
    bands: Mapping[str, Band]
    transform: Affine
    crs: CRS
    shape: tuple[int, int]
    dates: tuple[str, ...] = ()
    reference: tuple[float, float] | None = None
    reference_cells: int = 1
    component: int | None = None

    @property
    def main(self) -> str:
        """Column of the motion."""
        return next(iter(self.bands))

    @property
    def motions(self) -> tuple[str, ...]:
        """Columns of motion: one, or east, up and where it is known north."""
        return tuple(name for name in _SIGMA_OF if name in self.bands)

    def sigma_of(self, motion: str) -> str | None:
        """Return the column of the standard deviation of a motion; None where there is none."""
        name = _SIGMA_OF[motion]
        return name if name in self.bands else None

    def first(self, motion: str) -> Source:
        """Return the same map with another of its motions as the first."""
        return replace(self, bands={motion: self.bands[motion]} | dict(self.bands))

    @property
    def is_geographic(self) -> bool:
        """Whether the units are degrees."""
        return bool(self.crs.is_geographic)

    @property
    def spacing(self) -> tuple[float, float]:
        """Metres between rows and between columns, in the middle of the map."""
        width, height = abs(self.transform.a), abs(self.transform.e)
        if not self.is_geographic:
            along_x, along_y = self._ground_metres()
            return height * along_y, width * along_x
        latitude = math.radians(self.transform.f - height * self.shape[0] / 2)
        # series of the lengths of a degree on the ellipsoid (Snyder 1987, chapter 3)
        north = 111_132.954 - 559.822 * math.cos(2 * latitude) + 1.175 * math.cos(4 * latitude)
        east = 111_412.84 * math.cos(latitude) - 93.5 * math.cos(3 * latitude) + 0.118 * math.cos(5 * latitude)
        return height * north, width * east

    def _ground_metres(self) -> tuple[float, float]:
        """Metres of a unit of a projected system along x and y; those that it states of one in feet and of UTM."""
        unit, name = self.crs.linear_units_factor[1], self.crs.to_string()
        if unit != 1 or is_utm(name):
            return unit, unit
        x, y = self.from_cells(np.array(self.shape[0] / 2), np.array(self.shape[1] / 2))
        found = ground_metres(name, x, y)
        return (float(found[0]), float(found[1])) if np.isfinite(found).all() else (1.0, 1.0)

    def as_record(self) -> dict[str, Any]:
        """Return what is known of it, as JSON holds it."""
        return {
            "dates": list(self.dates),
            "reference_point": None if self.reference is None else list(self.reference),
            "reference_component": self.component,
            "crs": self.crs.to_string(),
            "cell_m": [round(metres, 3) for metres in self.spacing],
            "layers": {name: str(band.path) for name, band in self.bands.items()},
        }

    def cells(self, lonlat: Doubles) -> tuple[Cells, Cells, NDArray[np.bool_]]:
        """Return the rows and columns of the cells in which places (degrees) lie, and which are on the map."""
        x, y = self.from_lonlat(lonlat)
        known = np.isfinite(x) & np.isfinite(y)
        row, column = (np.full(len(x), -1, np.int64) for _ in range(2))
        if known.any():
            row[known], column[known] = (
                np.asarray(part, np.int64) for part in rowcol(self.transform, x[known], y[known])
            )
        on = known & (row >= 0) & (row < self.shape[0]) & (column >= 0) & (column < self.shape[1])
        return row, column, on

    def from_cells(self, row: Floats, column: Floats) -> tuple[Doubles, Doubles]:
        """Return the x and y on the map of fractions of rows and columns, from the corner of the first."""
        a = self.transform
        return a.a * column + a.b * row + a.c, a.d * column + a.e * row + a.f

    def to_cells(self, x: Doubles, y: Doubles) -> tuple[Doubles, Doubles]:
        """Return the rows and columns, in fractions from the corner of the first, of x and y on the map."""
        a = ~self.transform
        return a.d * x + a.e * y + a.f, a.a * x + a.b * y + a.c

    def from_lonlat(self, lonlat: Doubles) -> tuple[Doubles, Doubles]:
        """Return the x and y of places in degrees."""
        longitude, latitude = lonlat.T
        if self.crs.to_epsg() == 4326:
            middle = self.transform.c + self.transform.a * self.shape[1] / 2
            return np.asarray(near(longitude, middle)), latitude
        x, y = transformer(GEOGRAPHIC, self.crs.to_string()).transform(longitude, latitude)
        return np.asarray(x), np.asarray(y)

    def to_lonlat(self, row: Floats | Cells, column: Floats | Cells) -> tuple[Doubles, Doubles]:
        """Return the longitude and latitude of the centres of cells, degrees, -180 to 180."""
        x, y = self.from_cells(row + 0.5, column + 0.5)
        if self.crs.to_epsg() != 4326:
            x, y = transformer(self.crs.to_string(), GEOGRAPHIC).transform(x, y)
        return np.asarray(near(np.asarray(x, np.float64), 0.0)), np.asarray(y, np.float64)
