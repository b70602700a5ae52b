"""The largest displacement on either side, where it is, and how much of the map has one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from dinsar_cli.geo.grid import Grid
from dinsar_cli.radar.unwrap_check import largest_component

Floats = NDArray[np.floating[Any]]
Labels = NDArray[np.integer[Any]]

_LEAST_COHERENCE = 0.3  # of cells whose displacement is worth naming
_LEAST_KNOWN = 5  # of the nine cells of a mean


@dataclass(frozen=True)
class Extreme:
    """The largest displacement on one side.

    Attributes
    ----------
    value : float
        Mean of 3 x 3 cells, metres, positive toward the satellite.
    lon, lat : float
        Where, degrees.
    sigma : float or None
        Standard deviation of the noise there, metres; None where it is not known.
    """

    value: float
    lon: float
    lat: float
    sigma: float | None


@dataclass(frozen=True)
class Range:
    """What a map reaches over.

    Attributes
    ----------
    lowest, highest : Extreme or None
        In the component that has the most of the map; None where nothing could be trusted.
    coverage : float
        Share of the cells with data that have displacement.
    """

    lowest: Extreme | None
    highest: Extreme | None
    coverage: float

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Range:
        """Return what `to_dict` gave."""
        lowest, highest = (record[name] and Extreme(**record[name]) for name in ("lowest", "highest"))
        return cls(lowest, highest, record["coverage"])


def range_of(grid: Grid, los: Floats, coherence: Floats | None, components: Labels, sigma: Floats | None) -> Range:
    """Return the extremes of a map with their places.

    Parameters
    ----------
    grid : Grid
        Of the map.
    los : ndarray
        Displacement, metres, NaN where there is none; as many cells as the map or fewer that cover it.
    coherence, sigma : ndarray or None
        Of the same shape.
    components : ndarray
        0 = none.
    """
    known = np.isfinite(los)
    seen = known if coherence is None else known | np.isfinite(coherence)
    coverage = float(np.mean(known[seen])) if seen.any() else 0.0
    used = known & (components > 0) & (components == largest_component(components, known))
    if coherence is not None:
        used &= coherence >= _LEAST_COHERENCE
    mean = _means_of_nine(los, used)
    if not np.isfinite(mean).any():
        return Range(None, None, coverage)
    rows, columns = los.shape

    def extreme(index: int) -> Extreme:
        row, column = divmod(index, columns)
        lon, lat = grid.lonlat(int((row + 0.5) * grid.height / rows), int((column + 0.5) * grid.width / columns))
        noise = math.nan if sigma is None else float(sigma[row, column])
        return Extreme(float(mean[row, column]), lon, lat, noise if math.isfinite(noise) else None)

    return Range(extreme(int(np.nanargmin(mean))), extreme(int(np.nanargmax(mean))), coverage)


def _means_of_nine(values: Floats, known: NDArray[np.bool_]) -> Floats:
    share = uniform_filter(known.astype(np.float64), 3, mode="constant")
    total = uniform_filter(np.where(known, values, 0.0).astype(np.float64), 3, mode="constant")
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(known & (share * 9 >= _LEAST_KNOWN - 0.5), total / share, np.nan)
