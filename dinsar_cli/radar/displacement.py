"""From unwrapped phase to displacement: pure functions on arrays of the map grid.

Sign: line-of-sight displacement is positive toward the satellite.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from dinsar_cli.errors import NoDataError
from dinsar_cli.radar.unwrap_check import largest_component

Floats = NDArray[np.floating[Any]]

_WINDOW = 11  # map cells on a side of the reference window
_TOP_SHARE = 0.9  # the reference is looked for among the tenth of the windows with the highest coherence


@dataclass(frozen=True)
class ReferencePoint:
    """The point to which displacement is relative.

    Attributes
    ----------
    row, column : int
        Map cell of its centre.
    window : int
        Cells on a side of the window that is averaged; 0 for an area.
    value : float
        Mean displacement of the window before the subtraction, metres.
    offset : float
        The same minus the median of its component, metres.
    component : int
        Connected component in which it lies.
    coherence : float or None
        Mean of the window; None where coherence is not known.
    cells : int
        Cells with displacement that are averaged.
    """

    row: int
    column: int
    window: int
    value: float
    offset: float
    component: int
    coherence: float | None
    cells: int = 1


def los_displacement(phase: Floats, wavelength: float) -> Floats:
    """Return the displacement toward the satellite in metres: ``-wavelength / (4 pi) * phase``.

    Parameters
    ----------
    phase : ndarray
        Unwrapped phase of reference x conj(secondary), the earlier date as reference, radians.
    wavelength : float
        Metres.
    """
    return -wavelength / (4 * math.pi) * phase


def los_sigma(phase_sigma: Floats, reference_variance: float, wavelength: float) -> Floats:
    """Return the standard deviation of the noise of displacement, metres; without the atmosphere.

    Parameters
    ----------
    phase_sigma : ndarray
        Of the filtered phase, radians.
    reference_variance : float
        Of the mean phase of the reference, square radians: it is taken as independent of the rest, which it is not
        within and beside the window.
    wavelength : float
        Metres.
    """
    phase = np.minimum(np.sqrt(np.square(phase_sigma) + reference_variance), math.pi / math.sqrt(3))
    sigma: Floats = wavelength / (4 * math.pi) * phase
    return sigma


def vertical_displacement(los: Floats, up: Floats) -> Floats:
    """Return the vertical motion that would give a line-of-sight displacement if there were no horizontal motion.

    Parameters
    ----------
    los : ndarray
        Metres, positive toward the satellite.
    up : ndarray
        Up component of the unit vector to the satellite: the cosine of the incidence angle.
    """
    return los / up


def incidence_angle(up: Floats) -> Floats:
    """Return the angle between the line of sight and the normal of the ellipsoid, degrees."""
    return np.degrees(np.arccos(np.clip(up, -1, 1)))


def choose_reference(
    los: Floats,
    coherence: Floats,
    components: NDArray[np.integer[Any]],
    away: Floats,
    calm: NDArray[np.bool_] | None = None,
) -> ReferencePoint:
    """Choose the reference point by itself.

    Among the windows of 11 x 11 cells that lie wholly in the largest component of the map, which need not be that
    of the scene, those on calm ground with the top tenth of coherence are taken, and of these the one that is
    nearest to the level of calm ground. Without calm ground, those in the top tenth of all are.
    In a map too small for such a window smaller ones are tried.

    Parameters
    ----------
    los : ndarray
        Displacement in metres, not yet relative to anything; NaN where there is none.
    coherence, components : ndarray
        On the same grid.
    away : ndarray
        Distance of the displacement from the level of calm ground, metres.
    calm : ndarray of bool, optional
        Cells of calm ground.

    Raises
    ------
    NoDataError
        When no cell has a component.
    """
    known = np.isfinite(los) & np.isfinite(coherence) & (components > 0)
    largest = largest_component(components, known)
    if not largest:
        raise NoDataError(
            "There is no reference point.",
            "No part of the map could be unwrapped reliably: it has no connected component.",
            "Choose a pair with higher coherence, more looks, or a lower unwrap.reliability.",
        )
    usable = known & (components == largest)
    for window in (_WINDOW, 7, 3, 1):
        whole = uniform_filter(usable.astype(np.float32), window, mode="constant") > 1 - 0.5 / window**2
        if whole.any():
            break

    def mean(values: Floats) -> Floats:
        return uniform_filter(np.where(usable, values, 0).astype(np.float64), window, mode="constant")

    with ThreadPoolExecutor(2) as pool:
        mean_coherence, mean_away = pool.map(mean, (coherence, away))
    if calm is not None and (whole & calm).any():
        whole &= calm
    high = whole & (mean_coherence >= np.quantile(mean_coherence[whole], _TOP_SHARE))
    distance = np.where(high, np.abs(mean_away), np.inf)
    row, column = (int(i) for i in np.unravel_index(np.argmin(distance), distance.shape))
    return reference_at(los, coherence, components, row, column, window)


def reference_at(
    los: Floats,
    coherence: Floats,
    components: NDArray[np.integer[Any]],
    row: int,
    column: int,
    window: int = _WINDOW,
) -> ReferencePoint:
    """Return the reference point at a map cell.

    Parameters
    ----------
    los : ndarray
        Displacement in metres, not yet relative to anything; NaN where there is none.
    coherence, components : ndarray
        On the same grid.
    row, column : int
        Map cell.
    window : int
        Cells on a side of the window that is averaged, odd.

    Raises
    ------
    NoDataError
        When the cell has no displacement or no component.
    """
    rows, columns = los.shape
    inside = 0 <= row < rows and 0 <= column < columns
    component = int(components[row, column]) if inside else 0
    if component == 0 or not np.isfinite(los[row, column]):
        raise NoDataError(
            "The reference point has no displacement.",
            "It lies outside the map." if not inside else "The phase could not be unwrapped reliably there.",
            "Choose a point on coherent ground, or --reference-point auto.",
        )
    half = window // 2
    around = (slice(max(0, row - half), row + half + 1), slice(max(0, column - half), column + half + 1))
    usable = np.isfinite(los[around]) & (components[around] == component)
    averaged = np.zeros(los.shape, bool)
    averaged[around] = usable
    return _mean_of(averaged, los, coherence, components, (row, column), window)


def reference_over(
    los: Floats, coherence: Floats, components: NDArray[np.integer[Any]], area: NDArray[np.bool_]
) -> ReferencePoint:
    """Return the reference that is the mean of an area.

    Where several components lie in it, the one that has the most cells there counts.

    Parameters
    ----------
    los, coherence, components : ndarray
        As for `reference_at`.
    area : ndarray of bool
        Map cells of the area.

    Raises
    ------
    NoDataError
        When no cell of the area has displacement.
    """
    largest = largest_component(components, area & np.isfinite(los))
    if not largest:
        raise NoDataError(
            "The reference area has no displacement.",
            "The phase could not be unwrapped reliably there, or it is masked.",
            "Choose an area of coherent ground, or leave reference_area away.",
        )
    averaged = area & np.isfinite(los) & (components == largest)
    rows, columns = np.nonzero(averaged)
    nearest = int(np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2))
    return _mean_of(averaged, los, coherence, components, (int(rows[nearest]), int(columns[nearest])), 0)


def _mean_of(
    averaged: NDArray[np.bool_],
    los: Floats,
    coherence: Floats,
    components: NDArray[np.integer[Any]],
    centre: tuple[int, int],
    window: int,
) -> ReferencePoint:
    value = float(np.mean(los[averaged], dtype=np.float64))
    component = int(components[centre])
    everywhere = np.isfinite(los) & (components == component)
    return ReferencePoint(
        row=centre[0],
        column=centre[1],
        window=window,
        value=value,
        offset=value - float(np.median(los[everywhere])),
        component=component,
        coherence=float(np.mean(coherence[averaged], dtype=np.float64)),
        cells=int(np.count_nonzero(averaged)),
    )
