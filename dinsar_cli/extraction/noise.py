"""The noise of a map over distance, from the ground that does not stand out of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from scipy.ndimage import binary_dilation, uniform_filter
from shapely.geometry.base import BaseGeometry

from dinsar_cli.base.rasters import open_raster
from dinsar_cli.extraction.cells import as_floats, read_cells
from dinsar_cli.extraction.source import Cells, Source
from dinsar_cli.extraction.sources import unreadable
from dinsar_cli.maps.corrections.robust import robust_fit
from dinsar_cli.radar.variogram import Variogram, variogram_at

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_COARSE = 300  # cells on the longer side of the map on which what moves is looked for
_SMOOTHED = 5  # of them, a side
_STANDS_OUT = 3.0  # robust standard deviations of the smoothed map about its plane
_MARGIN = 3  # coarse cells around what stands out
_LEAST_SHARE = 0.05  # of the map that must be left


@dataclass(frozen=True)
class Noise:
    """The noise of a map.

    Attributes
    ----------
    variogram : Variogram or None
        Of the map without its plane; None where it cannot be told.
    outside : float
        Share of the cells with values that it is taken from.
    reason : str
        Why it cannot be told.
    """

    variogram: Variogram | None
    outside: float
    reason: str = ""

    def sentence(self, name: str) -> str:
        """Tell of it."""
        found = self.variogram
        if found is None:
            return f"{name}: no sigma of means, because {self.reason}."
        return (
            f"{name}: noise by the {found.model} variogram of {100 * self.outside:.0f} % of the map, where nothing "
            f"stands out, without its plane: nugget {found.nugget * 1e6:.3g} mm², sill {found.sill * 1e6:.3g} mm², "
            f"range {found.range / 1000:.3g} km."
        )

    def as_record(self) -> dict[str, Any]:
        """Return what a file says of it."""
        found = self.variogram
        told: dict[str, Any] = {"model": None, "reason": self.reason} if found is None else found.as_record()
        return told | {"share_of_map": round(self.outside, 4)}


def noise_of(source: Source, areas: Sequence[BaseGeometry] = ()) -> Noise:
    """Return the noise of a map from what does not stand out of its plane, and is in no area that is asked for.

    Raises
    ------
    UsageError
        When a layer cannot be read.
    """
    try:
        coarse = _coarse_map(source)
        moving, outside = _standing_out(coarse, _inside(source, coarse.shape, areas))
        if outside < _LEAST_SHARE:
            return Noise(None, outside, f"only {100 * outside:.1f} % of it is ground that does not stand out")
        found = variogram_at(_Reader(source, moving), source.shape, source.spacing)
    except RasterioError as error:
        raise unreadable(source.bands[source.main].path, error) from error
    return Noise(found, outside, "" if found else "too few of its cells have values")


@dataclass(frozen=True)
class _Reader:
    """Values of the map where nothing stands out, in the component of the reference."""

    source: Source
    moving: Bools

    def __call__(self, rows: Cells, columns: Cells) -> Floats:
        height, width = self.source.shape
        coarse = rows * self.moving.shape[0] // height, columns * self.moving.shape[1] // width
        wanted = np.flatnonzero(~self.moving[coarse])
        band = self.source.bands[self.source.main]
        values, nodata = read_cells(band.path, rows[wanted], columns[wanted])
        found = as_floats(values[band.band - 1], nodata).astype(np.float64) * band.scale
        labels = self.source.bands.get("component")
        if labels is not None and self.source.component is not None:
            other = read_cells(labels.path, rows[wanted], columns[wanted])[0][0] != self.source.component
            found[other] = np.nan
        result = np.full(rows.size, np.nan)
        result[wanted] = found
        return result


def _coarse_map(source: Source) -> Floats:
    """Return the map in fewer cells, each the mean of those in it, in the component of the reference."""
    band = source.bands[source.main]
    step = max(1, math.ceil(max(source.shape) / _COARSE))
    height, width = (max(1, size // step) for size in source.shape)
    with open_raster(band.path) as dataset:
        values = dataset.read(
            band.band, out_shape=(height, width), resampling=Resampling.average if step > 1 else Resampling.nearest
        )
        found = as_floats(values, dataset.nodata).astype(np.float64) * band.scale
    labels = source.bands.get("component")
    if labels is not None and source.component is not None:
        with open_raster(labels.path) as dataset:
            found[dataset.read(1, out_shape=(height, width)) != source.component] = np.nan
    return found


def _inside(source: Source, shape: tuple[int, int], areas: Sequence[BaseGeometry]) -> Bools:
    """Tell which coarse cells are in an area."""
    if not areas:
        return np.zeros(shape, bool)
    row, column = np.indices(shape).reshape(2, -1)
    scale = source.shape[0] / shape[0], source.shape[1] / shape[1]
    longitude, latitude = source.to_lonlat((row + 0.5) * scale[0] - 0.5, (column + 0.5) * scale[1] - 0.5)
    whole = shapely.union_all(list(areas))
    shapely.prepare(whole)
    inside: Bools = shapely.contains_xy(whole, longitude, latitude).reshape(shape)
    return inside


def _standing_out(coarse: Floats, areas: Bools) -> tuple[Bools, float]:
    """Return what stands out of the plane of a map or is in an area, and the share of the rest."""
    known = np.isfinite(coarse)
    if known.sum() < _SMOOTHED**2:
        return np.ones(coarse.shape, bool), 0.0
    row, column = (part / max(coarse.shape) - 0.5 for part in np.indices(coarse.shape))
    design = np.column_stack([np.ones(known.sum()), row[known], column[known]])
    solution, _ = robust_fit(design, coarse[known])
    away = np.zeros(coarse.shape)
    away[known] = coarse[known] - design @ solution
    weight = uniform_filter(known.astype(np.float64), _SMOOTHED, mode="constant")
    smooth = uniform_filter(away, _SMOOTHED, mode="constant") / np.maximum(weight, 1e-3)
    spread = 1.4826 * float(np.median(np.abs(smooth[known])))
    out = known & (np.abs(smooth) > _STANDS_OUT * spread) if spread > 0 else np.zeros(coarse.shape, bool)
    moving = binary_dilation(out, iterations=_MARGIN) | areas if out.any() else areas.copy()
    return moving, float((known & ~moving).sum() / known.sum())
