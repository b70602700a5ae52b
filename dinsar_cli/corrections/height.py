"""The part of displacement that goes linearly with elevation, as a layered troposphere leaves it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from dinsar_cli.corrections.robust import REACH, robust_fit
from dinsar_cli.errors import NoDataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.floating[Any]]

_MOST_CELLS = 200_000  # that the fit looks at; more change nothing
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
    """

    slope: float
    height: float
    spread: float
    followed: float

    def at(self, elevation: Floats) -> Floats:
        """The correction at some heights (m), metres of LOS."""
        return self.slope * (elevation - self.height)


def fit_height(los: Floats, elevation: Floats) -> HeightFit:
    """Fit displacement linearly to elevation so that what moves in a smaller part of the map does not bend it.

    Delay in a layered troposphere goes nearly linearly with height over the relief of a scene (Cavalie et al. 2007,
    Journal of Geophysical Research 112; Doin et al. 2009, Journal of Applied Geophysics 69). The fit is that of
    `robust_fit`. Deformation that itself goes with height over most of the map is followed: no fit can tell it from
    a delay.

    Parameters
    ----------
    los : ndarray
        Displacement in metres, NaN where it does not count; any shape.
    elevation : ndarray
        Metres, of the same shape.

    Raises
    ------
    NoDataError
        When the cells do not tell it: too few, or of one height.
    """
    import numpy as np

    known = np.flatnonzero(np.isfinite(los) & np.isfinite(elevation))
    known = known[:: max(1, known.size // _MOST_CELLS)]
    values, heights = (layer.ravel()[known].astype(np.float64) for layer in (los, elevation))
    relief = float(heights.std()) if known.size else 0.0
    if known.size < _LEAST_CELLS or relief < _LEAST_RELIEF:
        raise NoDataError(
            "Displacement cannot be fitted to elevation.",
            f"{known.size} cell(s) have displacement that counts, and the standard deviation of their heights is "
            f"{relief:.1f} m; {_LEAST_CELLS} cells and {_LEAST_RELIEF:g} m are needed.",
            "Choose a larger area or weaker masks, or leave corrections.troposphere: height out.",
        )
    mean = float(heights.mean())
    matrix = np.stack([np.ones(known.size), (heights - mean) / relief], axis=1)
    solution, spread = robust_fit(matrix, values)
    residual = values - matrix @ solution
    return HeightFit(
        slope=float(solution[1]) / relief,
        height=mean,
        spread=spread,
        followed=float(np.mean(np.abs(residual) <= REACH * spread)),
    )


def correlation(los: Floats, elevation: Floats) -> float | None:
    """Pearson correlation of displacement and elevation; None where it has no meaning."""
    import numpy as np

    known = np.isfinite(los) & np.isfinite(elevation)
    if np.count_nonzero(known) < 2:
        return None
    x, y = los[known].astype(np.float64), elevation[known].astype(np.float64)
    x, y = x - x.mean(), y - y.mean()
    size = float(np.sqrt((x * x).sum() * (y * y).sum()))
    return float((x * y).sum()) / size if size > 0 else None
