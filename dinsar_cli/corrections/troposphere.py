"""Delay of the troposphere from a weather model, along the line of sight.

More delay at the later date looks like ground that has moved away from the satellite, so
``correction = -(delay_later - delay_earlier) / cos(incidence)`` for delays in the zenith (Hanssen 2001, section
4.8).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from dinsar_cli.corrections.delayfile import read_delay
from dinsar_cli.errors import NoDataError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from dinsar_cli.corrections.delayfile import Delay
    from dinsar_cli.grid import Grid

    Floats: TypeAlias = NDArray[np.floating[Any]]

_LATTICE = 48  # points on a side at which the coverage is looked at before a run
_LEAST_COVER = 0.5
_PIXEL_TOLERANCE = 1e-3


def delay_los(earlier: Floats, later: Floats, up: Floats, direction: Literal["zenith", "slant"]) -> Floats:
    """Displacement that a change of delay feigns, metres of LOS, positive toward the satellite.

    Parameters
    ----------
    earlier, later : ndarray
        One-way delay of both dates, metres.
    up : ndarray
        Up component of the unit vector to the satellite: the cosine of the incidence angle.
    direction : {'zenith', 'slant'}
        Direction of the delays.
    """
    along = later - earlier
    return -along / up if direction == "zenith" else -along


def troposphere_los(
    grid: Grid,
    los_vector: Floats,
    files: tuple[Sequence[Path], Sequence[Path]],
    direction: Literal["zenith", "slant"],
) -> Floats:
    """Displacement that the troposphere feigns on a map, from files of a weather model.

    Parameters
    ----------
    grid : Grid
        The map grid.
    los_vector : ndarray
        Unit vectors from the ground to the satellite: east, north, up; shape (3, height, width).
    files : (sequence of Path, sequence of Path)
        Of the earlier and of the later date.
    direction : {'zenith', 'slant'}
        Direction of the delays.

    Returns
    -------
    ndarray
        Metres of LOS, shape of the grid; NaN where a file has no delay.

    Raises
    ------
    UsageError, NoDataError
        As `read_delay`.
    """
    earlier, later = (on_map(read_delay(names), grid) for names in files)
    return delay_los(earlier, later, los_vector[2], direction)


def on_map(delay: Delay, grid: Grid) -> Floats:
    """Delay at the pixel centres of a map, linear between those of the file; NaN outside."""
    import numpy as np
    from rasterio.enums import Resampling
    from rasterio.warp import reproject

    result = np.full(grid.shape, np.nan, np.float64)
    reproject(
        delay.values.astype(np.float64),
        result,
        src_transform=delay.transform,
        src_crs=delay.crs,
        src_nodata=np.nan,
        dst_transform=grid.transform,
        dst_crs=grid.crs,
        dst_nodata=np.nan,
        resampling=Resampling.bilinear,
        tolerance=_PIXEL_TOLERANCE,
    )
    return result


def check_delays(grid: Grid, files: tuple[Sequence[Path], Sequence[Path]]) -> None:
    """Read the files of both dates before anything expensive starts, and see that they cover the map.

    Raises
    ------
    NoDataError
        When one of them lies elsewhere.
    UsageError, NoDataError
        As `read_delay`.
    """
    import numpy as np

    for names in files:
        cover = float(np.mean(np.isfinite(on_map(read_delay(names), _coarse(grid)))))
        if cover < _LEAST_COVER:
            west, south, east, north = grid.bounds
            raise NoDataError(
                f"{names[0]} does not cover the map.",
                f"It has delay at {cover:.0%} of the map ({west:g} {south:g} {east:g} {north:g} in {grid.crs}).",
                "Fetch the delay for the whole area, or choose --roi inside it.",
            )


def _coarse(grid: Grid) -> Grid:
    """A grid over the same area with few cells."""
    from dinsar_cli.grid import Grid

    step = max(1, max(grid.shape) // _LATTICE)
    width, height = (max(1, size // step) for size in (grid.width, grid.height))
    return Grid(grid.crs, grid.west, grid.north, grid.posting * step, width, height)
