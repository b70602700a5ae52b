"""Map grid of an interferogram of which only its layers are known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from dinsar_cli.config.model import RunConfig
from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.geo.antimeridian import crosses, near, no_crossing
from dinsar_cli.geo.grid import Bounds, Grid, grid_for, posting_for_looks
from dinsar_cli.geo.roi import Roi
from dinsar_cli.radar.interferogram import Interferogram

_BLOCK = 512  # look lines


def radar_grid(interferogram: Interferogram, config: RunConfig, roi: Roi | None, like: Grid | None = None) -> Grid:
    """Map grid of a configuration: the one that is given, else over an area, or over all look cells with data."""
    if like is not None:
        return like
    wish, cell = config.grid, (interferogram.range_spacing, interferogram.azimuth_spacing)
    posting = wish.posting or posting_for_looks(*cell, wish.crs)
    return grid_for(roi.bounds if roi else _data_bounds(interferogram), wish.crs, posting, wish.corner)


def check_like_stays(like: Path | None, products: Path) -> None:
    """Refuse the grid of a raster that is removed while the map is made.

    Parameters
    ----------
    like : Path or None
        The raster; None where none is given.
    products : Path
        Folder of the map.

    Raises
    ------
    UsageError
        When the raster is in that folder.
    """
    if like is not None and products.resolve() in like.resolve().parents:
        raise UsageError(
            f"The map cannot lie on the grid of {like}.",
            "The raster is one of the files that this run makes again: if it stopped, its grid would be lost.",
            "Copy it to another folder and give the copy to --grid-like, or leave --grid-like out: the same area, "
            "looks, system, posting and origin give the same grid.",
        )


def _data_bounds(interferogram: Interferogram) -> Bounds:
    """West, south, east, north of the look cells with an interferogram, degrees."""
    edges: list[Any] = []
    layers = [interferogram.layer(name) for name in ("longitude", "latitude", "wrapped")]
    for first in range(0, interferogram.lines, _BLOCK):
        longitude, latitude, wave = (layer.read(first, first + _BLOCK) for layer in layers)
        known = np.isfinite(wave) & np.isfinite(longitude) & np.isfinite(latitude)
        if known.any():
            lon, lat = longitude[known], latitude[known]
            edges.append((lon.min(), lat.min(), -lon.max(), -lat.max()))
    if not edges:
        raise NoDataError(
            "No look cell of the interferogram has a position.",
            "filt_topophase.flat, or lat.rdr and lon.rdr, are empty.",
            "Run topsApp again from topo to unwrap.",
        )
    west, south, east, north = (float(edge) for edge in np.min(edges, axis=0))
    turn = near((west - east) / 2, 0.0) - (west - east) / 2
    bounds = west + turn, south, turn - east, -north
    if crosses(bounds):
        west, south, east, north = (round(bound, 4) for bound in bounds)
        raise no_crossing("What the look cells cover", (west, south, east, north))
    return bounds
