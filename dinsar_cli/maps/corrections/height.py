"""The part of displacement that goes linearly with elevation, as a layered troposphere leaves it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from dinsar_cli.errors import NoDataError
from dinsar_cli.radar.robust import REACH, robust_fit

Floats: TypeAlias = NDArray[np.floating[Any]]

_MOST_CELLS = 500_000  # that the fit looks at; more change nothing
_BAND_M = 1000.0  # standard deviation of the Gaussian, metres
_LEAST_CELLS = 100
_LEAST_RELIEF = 10.0  # m, standard deviation


@dataclass(frozen=True)
class HeightFit:
    """A line through displacement against elevation.

    Attributes
    ----------
    slope : float
        Metres of displacement for a metre of height.
    height : float
        Mean height of the cells of the fit, metres: the correction is zero there.
    spread : float
        Robust standard deviation of the displacement about the line, metres.
    followed : float
        Share of the cells that it follows: those within 4.7 standard deviations.
    correlation_before, correlation_after : float or None
        Of displacement and height at the cells that it follows, within the band of the fit; None without meaning.
    """

    slope: float
    height: float
    spread: float
    followed: float
    correlation_before: float | None
    correlation_after: float | None

    def at(self, elevation: Floats) -> Floats:
        """Return the correction at some heights (m), metres of LOS."""
        return self.slope * (elevation - self.height)


def fit_height(los: Floats, elevation: Floats, spacing: tuple[float, float]) -> HeightFit:
    """Fit displacement linearly to elevation so that deformation bends it little.

    Delay in a layered troposphere goes nearly linearly with height over the relief of a scene [1]_. Only what
    changes within a few kilometres counts: from both layers their mean around each cell is taken off (Gaussian
    of 1 km), and with it wide deformation, ramps and most turbulence [2]_. What moves in a smaller part of the
    map is left out by `robust_fit`. Deformation that itself goes with height over most of the map is followed:
    no fit can tell it from a delay.

    Parameters
    ----------
    los : ndarray
        Displacement in metres, NaN where it does not count; shape (height, width).
    elevation : ndarray
        Metres, of the same shape.
    spacing : (float, float)
        Size of a cell from north to south and from west to east, metres.

    Raises
    ------
    NoDataError
        When the cells do not tell it: too few, or of one height.

    References
    ----------
    .. [1] Doin et al. (2009), "Corrections of stratified tropospheric delays in SAR interferometry: validation with
       global atmospheric models", Journal of Applied Geophysics 69.
    .. [2] Lin et al. (2010), "A multiscale approach to estimating topographically correlated propagation delays in
       radar interferograms", Geochemistry Geophysics Geosystems 11.
    """
    step = max(1, math.ceil(math.sqrt(los.size / _MOST_CELLS)))
    thin = (slice(None, None, step), slice(None, None, step))
    known = np.isfinite(los[thin]) & np.isfinite(elevation[thin])
    width = _BAND_M / (step * np.asarray(spacing))
    values, heights = (_within_band(layer[thin], known, width) for layer in (los, elevation))
    relief = float(heights.std()) if heights.size else 0.0
    if heights.size < _LEAST_CELLS or relief < _LEAST_RELIEF:
        raise NoDataError(
            "Displacement cannot be fitted to elevation.",
            f"{heights.size} cell(s) have displacement that counts, and within {_BAND_M / 1000:g} km the standard "
            f"deviation of their heights is {relief:.1f} m; {_LEAST_CELLS} and {_LEAST_RELIEF:g} m are needed.",
            "Choose a larger area or weaker masks, or leave corrections.troposphere: height out.",
        )
    matrix = np.stack([np.ones(heights.size), heights / relief], axis=1)
    solution, spread = robust_fit(matrix, values)
    residual = values - matrix @ solution
    return HeightFit(
        slope=float(solution[1]) / relief,
        height=float(np.mean(elevation[thin][known], dtype=np.float64)),
        spread=spread,
        followed=float(np.mean(follows := np.abs(residual) <= REACH * spread)),
        correlation_before=correlation(values[follows], heights[follows]),
        correlation_after=correlation((values - matrix[:, 1] * solution[1])[follows], heights[follows]),
    )


def _within_band(layer: Floats, known: NDArray[np.bool_], width: Floats) -> NDArray[np.float64]:
    """Return the values of the known cells without their mean around each; the Gaussian's `width` is in cells."""
    values = np.where(known, layer, 0.0).astype(np.float64)
    smooth, share = (
        gaussian_filter(part, width, mode="constant", truncate=3.0) for part in (values, known.astype(np.float64))
    )
    around: NDArray[np.float64] = values[known] - smooth[known] / share[known]
    return around


def correlation(los: Floats, elevation: Floats) -> float | None:
    """Pearson correlation of displacement and elevation; None where it has no meaning."""
    known = np.isfinite(los) & np.isfinite(elevation)
    if np.count_nonzero(known) < 2:
        return None
    x, y = los[known].astype(np.float64), elevation[known].astype(np.float64)
    x, y = x - x.mean(), y - y.mean()
    size = float(np.sqrt((x * x).sum() * (y * y).sum()))
    return float((x * y).sum()) / size if size > 0 else None
