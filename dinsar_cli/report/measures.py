"""Numbers by which a map is judged: pure functions on arrays, all of one shape (rows, columns)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, minimum_filter, uniform_filter

from dinsar_cli.radar.unwrap_check import largest_component
from dinsar_cli.radar.visibility import hides_ground

Floats = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]
Labels = NDArray[np.integer[Any]]

NOISE = 0.3  # coherence up to which it may be pure noise
COHERENT = 0.5  # coherence from which neighbours must not jump
_JUMP = 0.9 * math.pi  # rad: a cycle that was interpolated over two cells has half of it in one of them
_FAR, _LEAST_FAR = 2.5, 0.002  # standard deviations about the plane, and m, within which a cell is calm
_AROUND = 5  # cells on a side of a mean that tells it
_DARK = 6.0  # dB below the median: smooth water is darker than land by more
_FLAT = 0.02  # m between a cell and its neighbours: lakes are flatter in edited DEMs
_ORBIT_RATIO = 0.902  # sine of the look angle over that of the incidence: (6371 km) / (6371 + 693 km)
_HEIGHT_CELLS = 1000
_LEAST_CELLS = 50


def calm_cells(los: Floats, surface: Floats, scatter: float) -> Bools:
    """Return the cells of a map that follow the plane of calm ground, by the mean of the cells around each.

    Parameters
    ----------
    los, surface : ndarray
        Displacement, and the plane, metres.
    scatter : float
        Standard deviation of calm ground about it, metres.
    """
    known = np.isfinite(los)
    away = uniform_filter(np.where(known, los - surface, 0.0), _AROUND, mode="constant")
    share = uniform_filter(known.astype(np.float64), _AROUND, mode="constant")
    calm: Bools = known & (np.abs(away) <= max(_FAR * scatter, _LEAST_FAR) * share)
    return calm


def other_components(los: Floats, components: Labels) -> float:
    """Return the share of the displacement that is in other components than the largest."""
    known = np.isfinite(los) & (components > 0)
    return float(np.mean(components[known] != largest_component(components, known))) if known.any() else math.nan


def cycle_jumps(unwrapped: Floats, wrapped: Floats, coherence: Floats, components: Labels) -> tuple[int, int]:
    """Give the pairs of neighbours between which the unwrapping adds a cycle that the wrapped phase does not have.

    Parameters
    ----------
    unwrapped, wrapped : ndarray
        Phase at the full resolution, radians.
    coherence, components : ndarray
        Pairs count where both cells are coherent and of one component.

    Returns
    -------
    jumps, cells : int
        Pairs that jump, and cells that count.
    """
    counts = np.isfinite(unwrapped) & np.isfinite(wrapped) & (coherence >= COHERENT) & (components > 0)
    jumps = 0
    for one, two in (((slice(None), slice(1, None)), (slice(None), slice(-1))), ((slice(1, None),), (slice(-1),))):
        near = counts[one] & counts[two] & (components[one] == components[two])
        step = (unwrapped[one] - unwrapped[two])[near]
        true = (wrapped[one] - wrapped[two])[near]
        true -= 2 * np.pi * np.round(true / (2 * np.pi))
        jumps += int(np.count_nonzero(np.abs(step - true) > _JUMP))
    return jumps, int(np.count_nonzero(counts))


def jump_length(jumps: float, cells: float) -> float:
    """Return the length of jumps in widths of a map, from the pairs that jump and the cells that count."""
    return jumps / math.sqrt(cells) if cells else math.nan


def noise_share(coherence: Floats, visibility: Floats | None = None) -> float:
    """Return the share of the cells with coherence in which it is below 0.3.

    Parameters
    ----------
    coherence : ndarray
        0 to 1; NaN where not known.
    visibility : ndarray, optional
        What cells show instead of ground, see `dinsar_cli.radar.visibility`: they do not count.
    """
    ground = np.isfinite(coherence)
    if visibility is not None:
        ground &= ~hides_ground(visibility)
    known = coherence[ground]
    return float(np.mean(known < NOISE)) if known.size else math.nan


def orbit_error(surface: Floats, incidence: Floats, cells: Bools) -> tuple[float, float]:
    """Return the error of the baseline that a tilt across the track is worth.

    An error of the baseline changes the range by ``B_h sin(look) - B_v cos(look)``, whose derivative is the error
    perpendicular to the line of sight (Fattahi and Amelung 2014, GJI 199, eq. 3).

    Parameters
    ----------
    surface : ndarray
        Plane through the displacement, metres.
    incidence : ndarray
        Degrees.
    cells : ndarray of bool
        That count.

    Returns
    -------
    error : float
        Metres, its absolute value; NaN where it cannot be told.
    angles : float
        Radians of look angle between the 2nd and 98th percentile of the cells.
    """
    used = cells & np.isfinite(incidence)
    if np.count_nonzero(used) < _LEAST_CELLS:
        return math.nan, math.nan
    look = np.arcsin(_ORBIT_RATIO * np.sin(np.radians(incidence[used].astype(np.float64))))
    low, high = np.percentile(look, (2, 98))
    if high - low < 1e-4:
        return math.nan, math.nan
    slope = float(np.polyfit(look - look.mean(), surface[used], 1)[0])
    return abs(slope), float(high - low)


@dataclass(frozen=True)
class HeightTrend:
    """How displacement follows the height.

    Attributes
    ----------
    slope : float
        Metres of displacement per metre of height.
    correlation : float
        -1 to 1.
    size : float
        Metres: slope times the relief from the 2nd to the 98th percentile, where the correlation is above 0.3 and
        the quarters of the map agree; turbulence follows the relief of one quarter by chance.
    heights, means, spreads : ndarray
        Of classes of height: middle, mean and standard deviation of the displacement, metres.
    """

    slope: float
    correlation: float
    size: float
    heights: Floats
    means: Floats
    spreads: Floats


def height_trend(residual: Floats, elevation: Floats, cells: Bools) -> HeightTrend | None:
    """Follow the displacement of the far field over the height.

    Parameters
    ----------
    residual : ndarray
        Displacement without the plane, metres.
    elevation : ndarray
        Metres.
    cells : ndarray of bool
        That count.

    Returns
    -------
    HeightTrend or None
        None where there is too little relief, or too few cells.
    """
    used = cells & np.isfinite(elevation) & np.isfinite(residual)
    if np.count_nonzero(used) < _HEIGHT_CELLS:
        return None
    height, value = elevation[used].astype(np.float64), residual[used].astype(np.float64)
    low, high = np.percentile(height, (2, 98))
    if high - low < 1.0 or value.std() == 0:
        return None
    slope = float(np.polyfit(height - height.mean(), value, 1)[0])
    correlation = float(np.corrcoef(height, value)[0, 1])
    agreed = abs(correlation) > 0.3 and _quarters_agree(residual, elevation, used, slope)
    size = abs(slope) * float(high - low) if agreed else 0.0
    edges = np.linspace(low, high, 21)
    number = np.digitize(height, edges) - 1
    told = [n for n in range(20) if np.count_nonzero(number == n) >= 20]
    groups = [value[number == n] for n in told]
    middles = (edges[:-1] + edges[1:])[told] / 2
    means = np.array([group.mean() for group in groups])
    return HeightTrend(slope, correlation, size, middles, means, np.array([group.std() for group in groups]))


def _quarters_agree(residual: Floats, elevation: Floats, used: Bools, slope: float) -> bool:
    """Tell whether the displacement follows the height in the quarters of the map that have relief, all but one.

    A quarter has the relief when its heights spread by a fourth of those of the map; it agrees when the
    displacement follows them by a fourth as much at least.
    """
    spread = float(np.std(elevation[used]))
    rows, columns = (n // 2 for n in used.shape)
    slopes = []
    for part in ((r, c) for r in (slice(rows), slice(rows, None)) for c in (slice(columns), slice(columns, None))):
        cells = used[part]
        height = elevation[part][cells].astype(np.float64)
        if height.size >= _HEIGHT_CELLS // 4 and height.std() >= spread / 4:
            slopes.append(float(np.polyfit(height - height.mean(), residual[part][cells], 1)[0]))
    return len(slopes) >= 2 and sum(one / slope > 0.25 for one in slopes) >= max(2, len(slopes) - 1)


def dem_gap(elevation: Floats, seen: Bools, outside: float = 0.0) -> float:
    """Return the share of a map that has no heights.

    Parameters
    ----------
    elevation : ndarray
        Metres, NaN where there is none.
    seen : ndarray of bool
        Cells in which the radar has data.
    outside : float
        Share of the map beyond the edges of the DEM.
    """
    missing = float(np.mean(~np.isfinite(elevation[seen]))) if seen.any() else math.nan
    return max(missing, outside) if math.isfinite(missing) else outside or math.nan


def outside_share(inner: tuple[float, ...], outer: tuple[float, ...]) -> float:
    """Return the share of a box (west, south, east, north) that lies outside another one."""
    width = min(inner[2], outer[2]) - max(inner[0], outer[0])
    height = min(inner[3], outer[3]) - max(inner[1], outer[1])
    area = (inner[2] - inner[0]) * (inner[3] - inner[1])
    return 1 - max(width, 0.0) * max(height, 0.0) / area


def water_share(los: Floats, coherence: Floats, elevation: Floats | None, amplitude: Floats | None) -> float:
    """Return the share of the displacement that lies on what looks like water.

    Water has no coherence, is flat in an edited DEM, and is darker than land where it is smooth (see
    `dinsar_cli.geo.heights.relief.read_relief`). A cell counts without coherence and with one of the other two.

    Parameters
    ----------
    los, coherence : ndarray
        Metres; 0 to 1.
    elevation : ndarray or None
        Metres.
    amplitude : ndarray or None
        Mean of both dates, dB.
    """
    known = np.isfinite(los)
    if not known.any():
        return math.nan
    watery = np.zeros(los.shape, bool)
    if elevation is not None:
        watery |= _flat(elevation)
    if amplitude is not None and np.isfinite(amplitude).any():
        watery |= amplitude < np.nanmedian(amplitude) - _DARK
    return float(np.mean((watery & (coherence < NOISE))[known]))


def _flat(elevation: Floats) -> Bools:
    there = np.isfinite(elevation)
    high = maximum_filter(np.where(there, elevation, -np.inf), 3)
    low = minimum_filter(np.where(there, elevation, np.inf), 3)
    flat: Bools = there & (high - low < _FLAT)
    return flat
