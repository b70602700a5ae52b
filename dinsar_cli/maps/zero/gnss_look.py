"""GNSS stations and the map around them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.geo.grid import Grid
from dinsar_cli.gnss.station import Station, Unmeasured
from dinsar_cli.gnss.stations import ASSUMED
from dinsar_cli.maps.map_layers import MapLayers
from dinsar_cli.maps.zero.reference import NOISE_TAGS, mean_variance
from dinsar_cli.radar.visibility import WATER

Floats: TypeAlias = NDArray[np.floating[Any]]
Doubles: TypeAlias = NDArray[np.float64]
Cells: TypeAlias = tuple[NDArray[np.intp], NDArray[np.intp]]

USED: Final = "used"
_OF_MEDIAN: Final = math.pi / 2  # variance of the median of Gaussian noise over that of the mean
_LEAST_FILLED: Final = 0.25  # of the cells around a station


@dataclass(frozen=True)
class AtStation:
    """A station and the map there.

    Attributes
    ----------
    station : str
    lon, lat : float or None
        Degrees.
    status : str
        ``used``, or why it is not.
    motion, motion_sigma : tuple of float or None
        East, north, up, and their standard deviations, metres.
    gnss, gnss_sigma : float or None
        Along the line of sight, positive toward the satellite, metres.
    map, map_sigma : float or None
        The map there after it was put to the stations, metres, and the standard deviation of its noise and of the
        atmosphere there.
    residual : float or None
        Map minus GNSS, metres.
    left_out, left_out_sigma : float or None
        The same against the map that all other stations tell.
    notes : tuple of str
        What the user should know of it.
    """

    station: str
    lon: float | None
    lat: float | None
    status: str
    motion: tuple[float, float, float] | None = None
    motion_sigma: tuple[float, float, float] | None = None
    gnss: float | None = None
    gnss_sigma: float | None = None
    map: float | None = None
    map_sigma: float | None = None
    residual: float | None = None
    left_out: float | None = None
    left_out_sigma: float | None = None
    notes: tuple[str, ...] = ()


def bare(station: Station) -> AtStation:
    """Return a station of which the map is not known."""
    return AtStation(
        station.name, *station.place, USED, station.motion, station.sigma or ASSUMED, notes=station.notes
    )


def unmeasured(one: Unmeasured) -> AtStation:
    """Return a station whose motion is not known."""
    lon, lat = one.place or (None, None)
    return AtStation(one.name, lon, lat, one.reason)


def off(one: AtStation) -> AtStation:
    """Return a station beside the map."""
    return replace(one, status="outside the map")


def noise_tags(layers: MapLayers) -> Mapping[str, str] | None:
    """Return the tags from which the noise of a mean follows; None where they are not there."""
    tags = layers.tags("phase_sigma") if "phase_sigma" in layers else {}
    return tags if all(name in tags for name in NOISE_TAGS) else None


@dataclass(frozen=True, eq=False)
class Look:
    """The layers of a map, around stations.

    Attributes
    ----------
    grid : Grid
    los : ndarray
        Displacement, metres; NaN where there is none.
    components, vector, coherence, visibility : ndarray
        On the same grid; the vector with three bands. Coherence and visibility may be None.
    noise : mapping or None
        Tags of ``phase_sigma.tif`` from which the noise of a mean follows.
    """

    grid: Grid
    los: Floats
    components: NDArray[np.integer[Any]]
    vector: Floats
    coherence: Floats | None
    noise: Mapping[str, str] | None
    visibility: NDArray[np.integer[Any]] | None

    def around(self, place: tuple[float, float], radius: float) -> Cells | None:
        """Return the cells within some metres of a place, with its own one; None outside the map."""
        row, column = self.grid.index(*place)
        if not self.grid.holds(row, column):
            return None
        x, y = self.grid.from_lonlat(*place)
        east, north = (self.grid.posting * metres for metres in self.grid.metres_per_unit)
        down, right = math.ceil(radius / north), math.ceil(radius / east)
        rows = np.arange(max(0, row - down), min(self.grid.height, row + down + 1))
        columns = np.arange(max(0, column - right), min(self.grid.width, column + right + 1))
        at_row, at_column = np.meshgrid(rows, columns, indexing="ij")
        away_x = ((at_column + 0.5) * self.grid.posting + self.grid.west - x) * self.grid.metres_per_unit[0]
        away_y = (self.grid.north - (at_row + 0.5) * self.grid.posting - y) * self.grid.metres_per_unit[1]
        near = (np.hypot(away_x, away_y) <= radius) | ((at_row == row) & (at_column == column))
        return at_row[near], at_column[near]

    def commonest(self, stations: Sequence[Station], radius: float) -> int:
        """Return the component in which most stations lie; of equal ones that with the lower number."""
        counts: Counter[int] = Counter()
        for station in stations:
            cells = self.around(station.place, radius)
            if cells is not None:
                counts.update(label for label, _ in self._labels(cells).most_common(1))
        return min(counts, key=lambda label: (-counts[label], label)) if counts else 1

    def _labels(self, cells: Cells) -> Counter[int]:
        known = np.isfinite(self.los[cells])
        return Counter(int(label) for label in self.components[cells][known])

    def measured(self, station: Station, label: int, radius: float, wavelength: float) -> AtStation:
        """Return the motion of a station along the line of sight, and the map there as it is."""
        one, cells = bare(station), self.around(station.place, radius)
        if cells is None:
            return off(one)
        inside = np.isfinite(self.los[cells]) & (self.components[cells] == label)
        if inside.sum() < max(1.0, _LEAST_FILLED * inside.size):
            return replace(one, status=self._why_empty(station, cells, radius))
        used = cells[0][inside], cells[1][inside]
        direction = np.asarray(np.nanmean(self.vector[:, used[0], used[1]], axis=1), np.float64)
        if not np.isfinite(direction).all():
            return replace(one, status="where the direction to the satellite is not known")
        direction /= np.linalg.norm(direction)
        gnss, gnss_sigma = projected(station, direction)
        return replace(
            one,
            gnss=gnss,
            gnss_sigma=gnss_sigma,
            map=float(np.median(self.los[used].astype(np.float64))),
            map_sigma=self._noise(used, wavelength),
        )

    def _noise(self, cells: Cells, wavelength: float) -> float:
        """Return the standard deviation of the noise of the median of some cells, metres; 0 where not known."""
        if self.noise is None or self.coherence is None:
            return 0.0
        mean = float(np.nanmean(self.coherence[cells], dtype=np.float64))
        variance = _OF_MEDIAN * mean_variance(mean, len(cells[0]), self.grid, self.noise)
        return wavelength / (4 * math.pi) * math.sqrt(variance)

    def _why_empty(self, station: Station, cells: Cells, radius: float) -> str:
        own = self.grid.index(*station.place)
        if self.visibility is not None and self.visibility[own] == WATER:
            return "on water by the map"
        labels = self._labels(cells)
        if labels and labels.most_common(1)[0][1] >= max(1.0, _LEAST_FILLED * len(cells[0])):
            return f"in another component ({labels.most_common(1)[0][0]})"
        return f"without enough displacement within {radius:g} m"


def projected(station: Station, direction: Doubles) -> tuple[float, float]:
    """Return the motion of a station along a direction, and its standard deviation, metres.

    Parameters
    ----------
    direction : ndarray, shape (3,)
        Unit vector: east, north, up.
    """
    deviation = direction * np.array(station.sigma or ASSUMED)
    east_north, east_up, north_up = station.correlation
    shared = np.array([[1, east_north, east_up], [east_north, 1, north_up], [east_up, north_up, 1]])
    return float(direction @ np.array(station.motion)), math.sqrt(max(float(deviation @ shared @ deviation), 0.0))
