"""The simulated ground: a fractal elevation model, and the lattice on which maps are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, cos, floor, radians
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from affine import Affine
from scipy import fft, ndimage

from dinsar_cli.base.rasters import writing_raster
from dinsar_cli.simulate.world.arrays import Floats, Singles
from dinsar_cli.simulate.world.ellipsoid import SEMI_MAJOR_AXIS
from dinsar_cli.simulate.world.scenario import Terrain

ARCSECOND: Final = 1.0 / 3600.0


@dataclass(frozen=True)
class Bounds:
    """South, north, west and east edges (deg)."""

    south: float
    north: float
    west: float
    east: float

    def grown(self, margin: float) -> Bounds:
        """Return the bounds moved outward by `margin` degrees."""
        return Bounds(self.south - margin, self.north + margin, self.west - margin, self.east + margin)

    def covers(self, other: Bounds) -> bool:
        """Tell whether all of other bounds lies within, to a thousandth of an arc-second."""
        near = self.grown(1e-3 * ARCSECOND)
        return (
            near.south <= other.south
            and other.north <= near.north
            and near.west <= other.west
            and other.east <= near.east
        )

    def __str__(self) -> str:
        return f"{self.west:.3f} {self.south:.3f} {self.east:.3f} {self.north:.3f} (west south east north)"


@dataclass(frozen=True)
class Lattice:
    """Square pixels in longitude and latitude, north up; edges on whole multiples of the step.

    Attributes
    ----------
    west, north : float
        Outer corner (deg).
    step : float
        Pixel size (deg).
    rows, columns : int
        Shape.
    """

    west: float
    north: float
    step: float
    rows: int
    columns: int

    @classmethod
    def over(cls, bounds: Bounds, step: float) -> Lattice:
        """Build the lattice that covers `bounds`, rounded outward."""
        west, east = floor(bounds.west / step), ceil(bounds.east / step)
        south, north = floor(bounds.south / step), ceil(bounds.north / step)
        return cls(west * step, north * step, step, north - south, east - west)

    def longitudes(self) -> Floats:
        """Return the longitudes of the pixel centres (deg)."""
        return self.west + self.step * (np.arange(self.columns, dtype=np.float64) + 0.5)

    def latitudes(self) -> Floats:
        """Return the latitudes of the pixel centres (deg), north first."""
        return self.north - self.step * (np.arange(self.rows, dtype=np.float64) + 0.5)

    def centres(self) -> tuple[Floats, Floats]:
        """Return the longitude and latitude of every pixel centre, each of shape (rows, columns)."""
        longitude, latitude = np.meshgrid(self.longitudes(), self.latitudes())
        return longitude, latitude

    def transform(self) -> Affine:
        """GDAL's corner transform."""
        return Affine(self.step, 0.0, self.west, 0.0, -self.step, self.north)

    def bounds(self) -> Bounds:
        """Return the outer edges."""
        south, east = self.north - self.rows * self.step, self.west + self.columns * self.step
        return Bounds(south, self.north, self.west, east)

    def part(self, rows: Sequence[int], columns: Sequence[int]) -> Lattice:
        """Cut from the first to the last of some rows and columns."""
        return Lattice(
            self.west + columns[0] * self.step,
            self.north - rows[0] * self.step,
            self.step,
            rows[-1] - rows[0] + 1,
            columns[-1] - columns[0] + 1,
        )

    def metres(self) -> tuple[float, float]:
        """Return the pixel size to the north and to the east (m), on a sphere: for statistics only."""
        north = radians(self.step) * SEMI_MAJOR_AXIS
        return north, north * cos(radians(self.north - 0.5 * self.step * self.rows))


@dataclass(frozen=True)
class Elevation:
    """Ellipsoidal heights (m, float32) on a lattice."""

    lattice: Lattice
    heights: Singles


class Field:
    """A map that can be read at any position: cubic (or linear) spline through the pixel centres.

    Parameters
    ----------
    lattice : Lattice
    values : ndarray, shape (rows, columns)
    order : {1, 3}
        3 for quantities whose shape matters (height), 1 for the rest.
    """

    def __init__(self, lattice: Lattice, values: Floats | Singles, order: Literal[1, 3] = 1) -> None:
        self.lattice = lattice
        self.order: Literal[1, 3] = order
        self.lowest = float(np.min(values))
        self.highest = float(np.max(values))
        self._coefficients: Floats | Singles = values
        if order > 1:
            # float32 where the map has it: half of the memory, and heights to a millimetre
            coefficients = np.empty_like(values)
            ndimage.spline_filter(values, order=order, mode="nearest", output=coefficients)
            self._coefficients = coefficients

    def at(self, longitude: Floats, latitude: Floats) -> Floats:
        """Return the values at positions (deg); beyond the edge the edge's value."""
        row = (self.lattice.north - latitude) / self.lattice.step - 0.5
        column = (longitude - self.lattice.west) / self.lattice.step - 0.5
        return np.asarray(
            ndimage.map_coordinates(
                self._coefficients,
                np.stack([row, column]),
                output=np.float64,
                order=self.order,
                mode="nearest",
                prefilter=False,
            )
        )


def fractal(lattice: Lattice, exponent: float, shortest: float, random: np.random.Generator) -> Singles:
    """Return the Gaussian random map with a power-law spectrum, zero mean and unit variance.

    Parameters
    ----------
    lattice : Lattice
    exponent : float
        The two-dimensional power spectrum falls as ``k^-exponent``.
    shortest : float
        Wavelength (m) below which the spectrum falls off as a Gaussian.
    random : numpy.random.Generator

    Returns
    -------
    ndarray, shape (rows, columns)
        Cut from a larger periodic map, so opposite edges differ.
    """
    rows = fft.next_fast_len(lattice.rows + lattice.rows // 4)
    columns = fft.next_fast_len(lattice.columns + lattice.columns // 4, real=True)
    north, east = lattice.metres()
    # The longest waves are flattened: the map keeps its variance at the scale of the scene.
    longest = 1.0 / (0.7 * max(rows * north, columns * east))
    white = np.empty((rows, columns), np.float32)
    for line in white:  # row by row, here and below: the elevation of a scene is large
        line[:] = random.standard_normal(columns)
    spectrum = fft.rfft2(white, overwrite_x=True)
    across = fft.rfftfreq(columns, east)
    for row, along in enumerate(fft.fftfreq(rows, north)):
        square = along**2 + across**2
        weight = (square + longest**2) ** (-0.25 * exponent) * np.exp(-0.5 * square * shortest**2)
        spectrum[row] *= weight.astype(np.float32)
    spectrum[0, 0] = 0.0
    values = fft.irfft2(spectrum, s=(rows, columns), overwrite_x=True)[: lattice.rows, : lattice.columns].copy()
    values -= values.mean(dtype=np.float64)
    values /= values.std(dtype=np.float64)
    return np.asarray(values, dtype=np.float32)


def made_elevation(lattice: Lattice, scene: Bounds, terrain: Terrain, random: np.random.Generator) -> Singles:
    """Make fractal ellipsoidal heights (m) with the lowest point and the relief of a terrain within `scene`.

    Notes
    -----
    Spectrum ``k^-4.2`` (Turcotte 1997 gives -4 for land), and nothing below 250 m of wavelength: the way in
    which a processor interpolates the model shall not matter.
    """
    rough = fractal(lattice, exponent=4.2, shortest=250.0, random=random)
    longitude, latitude = lattice.longitudes(), lattice.latitudes()
    inside = rough[
        np.ix_(
            (latitude >= scene.south) & (latitude <= scene.north),
            (longitude >= scene.west) & (longitude <= scene.east),
        )
    ]
    lowest, scale = float(inside.min()), terrain.relief / float(np.ptp(inside))
    rough -= np.float32(lowest)
    rough *= np.float32(scale)
    rough += np.float32(terrain.lowest)
    return rough


def write_map(path: Path, lattice: Lattice, values: Floats | Singles, *, unit: str, description: str) -> None:
    """Write a float32 GeoTIFF (EPSG:4326, GDAL's corner transform, nodata NaN)."""
    profile: dict[str, Any] = {
        "driver": "GTiff",
        "dtype": "float32",
        "count": 1,
        "height": lattice.rows,
        "width": lattice.columns,
        "crs": "EPSG:4326",
        "transform": lattice.transform(),
        "nodata": float("nan"),
        "compress": "deflate",
        "zlevel": 1,
        "predictor": 3,
        "tiled": True,
        "num_threads": "all_cpus",
    }
    with writing_raster(path, **profile) as target:
        target.write(values.astype(np.float32, copy=False), 1)
        target.set_band_description(1, description)
        target.update_tags(unit=unit)
