"""Motion along the track that is known from elsewhere, of which TOPS sees a hundredth.

The beam looks ahead or back by up to 0.6 degrees, so that ground which moves by a along the flight seems to move
by ``-squint a`` toward the satellite (De Zan and Monti Guarnieri 2006, IEEE TGRS 44(9)): a slope over each burst,
and a step at its end. What coregistration took for a misregistration, and took off, is no longer in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.errors import RasterioError

from dinsar_cli.base.rasters import open_raster
from dinsar_cli.config.model import RunConfig
from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.geo.grid import Grid
from dinsar_cli.geo.warp import EXACT, bilinear
from dinsar_cli.radar.interferogram import Interferogram

Floats = NDArray[np.floating[Any]]

REMOVED_TAG = "misregistration_m"
"""Tag of a product: metres along the track that coregistration took off."""

_MOST = 100.0  # m: larger motion is in other units, or no motion
_REMEDY = "Give east and north in metres, later minus earlier date, as `dinsar decompose` writes them."


def removed_tag(interferogram: Interferogram) -> dict[str, str]:
    """Return the tag that tells what coregistration took off; none where it took nothing."""
    found = interferogram.misregistration_facts
    return {REMOVED_TAG: f"{found['metres']:.4f}"} if found.get("removed") else {}


def check_motion(config: RunConfig, grid: Grid | None, engine: str) -> None:
    """See that the files of the motion serve, before anything expensive starts.

    Raises
    ------
    UsageError
        When one cannot be read or has no motion in metres, or when topsApp takes a part of it off, which it does
        not tell.
    NoDataError
        When they lie elsewhere.
    """
    if engine == "isce2" and config.topsapp.do_esd:
        raise UsageError(
            "corrections.motion and topsapp.do_esd: both cannot be had.",
            "ESD takes the mean motion along the track for a misregistration, and topsApp takes it off.",
            "Leave one of them out, or take --engine eos, which tells what it takes off.",
        )
    for path in config.corrections.motion or ():
        _check_file(path)
        if grid is not None and not np.isfinite(_on_map(path, grid)).any():
            raise NoDataError(
                f"{path} does not lie on the map.",
                "It has no motion at any cell of it.",
                "Give the motion of the same place.",
            )


def motion_los(
    grid: Grid, los_vector: Floats, squint: Floats, files: Sequence[Path], removed: float = 0.0
) -> NDArray[np.float64]:
    """Return what known motion adds to the displacement through the squint of the beam.

    Parameters
    ----------
    grid : Grid
        Of the map.
    los_vector : ndarray
        Unit vectors from the ground to the satellite: east, north, up; shape (3, height, width).
    squint : ndarray
        Sine of the angle by which the beam looked ahead of zero Doppler; shape of the grid.
    files : sequence of Path
        East and north motion, metres.
    removed : float
        Metres along the track that coregistration took off.

    Returns
    -------
    ndarray
        Metres of LOS, positive toward the satellite; NaN where motion or squint is not known.
    """
    east, north = (_on_map(path, grid) for path in files)
    # the satellite looks to the right: seen from the ground it is to the left of its flight
    across = np.hypot(los_vector[0], los_vector[1])
    along = (east * los_vector[1] - north * los_vector[0]) / across
    feigned: NDArray[np.float64] = -squint * (along - removed)
    return feigned


def _check_file(path: Path) -> None:
    try:
        with open_raster(path) as dataset:
            placed, band = dataset.crs is not None, dataset.read(1, out_shape=(64, 64), masked=True)
    except RasterioError as error:
        raise UsageError(f"{path} cannot be read as motion.", f"{error}.", _REMEDY) from error
    if not placed:
        raise UsageError(f"{path} cannot be read as motion.", "It has no place on the Earth (no CRS).", _REMEDY)
    size = float(np.nanmax(np.abs(band.astype(np.float64).filled(np.nan)), initial=0.0))
    if size > _MOST:
        raise UsageError(f"{path} is no motion in metres.", f"It has values of {size:.4g}.", _REMEDY)


def _on_map(path: Path, grid: Grid) -> Floats:
    """Return a raster on the map, linear between its cells; NaN outside."""
    with open_raster(path) as dataset:
        values = dataset.read(1, masked=True).astype(np.float64).filled(np.nan)
        return bilinear(values, dataset.transform, dataset.crs, grid, tolerance=EXACT)
