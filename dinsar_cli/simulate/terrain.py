"""The simulated ground: a fractal elevation model, and the lattice on which maps are kept."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, cos, floor, radians
from typing import TYPE_CHECKING, Final, Literal

from dinsar_cli.simulate.ellipsoid import SEMI_MAJOR_AXIS

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from dinsar_cli.simulate.arrays import Floats

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
        """Longitudes of the pixel centres (deg)."""
        import numpy as np

        return self.west + self.step * (np.arange(self.columns, dtype=np.float64) + 0.5)

    def latitudes(self) -> Floats:
        """Latitudes of the pixel centres (deg), north first."""
        import numpy as np

        return self.north - self.step * (np.arange(self.rows, dtype=np.float64) + 0.5)

    def centres(self) -> tuple[Floats, Floats]:
        """Longitude and latitude of every pixel centre, each of shape (rows, columns)."""
        import numpy as np

        longitude, latitude = np.meshgrid(self.longitudes(), self.latitudes())
        return longitude, latitude

    def metres(self) -> tuple[float, float]:
        """Pixel size to the north and to the east (m), on a sphere: for statistics only."""
        north = radians(self.step) * SEMI_MAJOR_AXIS
        return north, north * cos(radians(self.north - 0.5 * self.step * self.rows))


class Field:
    """A map that can be read at any position: cubic (or linear) spline through the pixel centres.

    Parameters
    ----------
    lattice : Lattice
    values : ndarray, shape (rows, columns)
    order : {1, 3}
        3 for quantities whose shape matters (height), 1 for the rest.
    """

    def __init__(self, lattice: Lattice, values: Floats, order: Literal[1, 3] = 1) -> None:
        import numpy as np
        from scipy import ndimage

        self.lattice = lattice
        self.order: Literal[1, 3] = order
        self.lowest = float(np.min(values))
        self.highest = float(np.max(values))
        self._coefficients = ndimage.spline_filter(values, order=order, mode="nearest") if order > 1 else values

    def at(self, longitude: Floats, latitude: Floats) -> Floats:
        """Values at positions (deg); beyond the edge the edge's value."""
        import numpy as np
        from scipy import ndimage

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


def fractal(lattice: Lattice, exponent: float, shortest: float, random: np.random.Generator) -> Floats:
    """Gaussian random map with a power-law spectrum, zero mean and unit variance.

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
    import numpy as np
    from scipy import fft

    rows = fft.next_fast_len(lattice.rows + lattice.rows // 4)
    columns = fft.next_fast_len(lattice.columns + lattice.columns // 4, real=True)
    north, east = lattice.metres()
    wavenumber = np.hypot(fft.fftfreq(rows, north)[:, None], fft.rfftfreq(columns, east)[None, :])
    wavenumber[0, 0] = np.inf
    # The longest waves are flattened: the map keeps its variance at the scale of the scene.
    longest = 1.0 / (0.7 * max(rows * north, columns * east))
    amplitude = (wavenumber**2 + longest**2) ** (-0.25 * exponent)
    wavenumber[0, 0] = 0.0
    amplitude = amplitude * np.exp(-0.5 * (wavenumber * shortest) ** 2)
    amplitude[0, 0] = 0.0
    spectrum = fft.rfft2(random.standard_normal((rows, columns))) * amplitude
    values = fft.irfft2(spectrum, s=(rows, columns))[: lattice.rows, : lattice.columns]
    return np.asarray((values - values.mean()) / values.std(), dtype=np.float64)


def elevation(
    lattice: Lattice, scene: Bounds, *, lowest: float, relief: float, random: np.random.Generator
) -> Floats:
    """Fractal ellipsoidal heights (m) whose lowest and highest point within `scene` are `relief` apart.

    Notes
    -----
    Spectrum ``k^-4.2`` (Turcotte 1997 gives -4 for land), and nothing below 250 m of wavelength: the way in
    which a processor interpolates the model shall not matter.
    """
    import numpy as np

    rough = fractal(lattice, exponent=4.2, shortest=250.0, random=random)
    longitude, latitude = lattice.longitudes(), lattice.latitudes()
    inside = rough[
        np.ix_(
            (latitude >= scene.south) & (latitude <= scene.north),
            (longitude >= scene.west) & (longitude <= scene.east),
        )
    ]
    return np.asarray(lowest + relief * (rough - inside.min()) / np.ptp(inside))


def write_map(path: Path, lattice: Lattice, values: Floats, *, unit: str, description: str) -> None:
    """Write a float32 GeoTIFF (EPSG:4326, GDAL's corner transform, nodata NaN)."""
    import numpy as np
    import rasterio
    from affine import Affine

    profile = {
        "driver": "GTiff",
        "dtype": "float32",
        "count": 1,
        "height": lattice.rows,
        "width": lattice.columns,
        "crs": "EPSG:4326",
        "transform": Affine(lattice.step, 0.0, lattice.west, 0.0, -lattice.step, lattice.north),
        "nodata": float("nan"),
        "compress": "deflate",
        "zlevel": 1,
        "predictor": 3,
        "tiled": True,
        "num_threads": "all_cpus",
    }
    with rasterio.open(path, "w", **profile) as target:
        target.write(values.astype(np.float32), 1)
        target.set_band_description(1, description)
        target.update_tags(unit=unit)
