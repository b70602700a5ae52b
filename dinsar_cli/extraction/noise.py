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
from shapely.geometry.base import BaseGeometry

from dinsar_cli.base.rasters import open_raster
from dinsar_cli.extraction.cells import as_floats, read_cells
from dinsar_cli.extraction.source import Cells, Source
from dinsar_cli.extraction.sources import unreadable
from dinsar_cli.radar.moving_ground import moving_ground
from dinsar_cli.radar.variogram import Variogram, variogram_at

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_COARSE = 300  # cells on the longer side of the map on which what moves is looked for
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
    unit : str
        Of thousandths of what the map holds: ``mm`` or ``mm/year``.
    reason : str
        Why it cannot be told.
    """

    variogram: Variogram | None
    outside: float
    unit: str = "mm"
    reason: str = ""

    def sentence(self, name: str) -> str:
        """Tell of it."""
        found = self.variogram
        if found is None:
            return f"{name}: no sigma of means, because {self.reason}."
        squared = "mm²" if self.unit == "mm" else f"({self.unit})²"
        short = "" if found.reaches_sill else " (at least: the sill is not reached, so that the sigma is a guess)"
        return (
            f"{name}: noise by the {found.model} variogram of {100 * self.outside:.0f} % of the map, where nothing "
            f"stands out, without its plane: nugget {found.nugget * 1e6:.3g} {squared}, "
            f"sill {found.sill * 1e6:.3g} {squared}, range {found.range / 1000:.3g} km{short}."
        )

    def as_record(self) -> dict[str, Any]:
        """Return what a file says of it."""
        found = self.variogram
        if found is None:
            return {"model": None, "reason": self.reason, "share_of_map": round(self.outside, 4)}
        unit = "m" if self.unit == "mm" else "m/year"
        return {
            "model": found.model,
            "nugget": found.nugget,
            "sill": found.sill,
            "unit": f"({unit})^2",
            "range_m": found.range,
            "reaches_sill": found.reaches_sill,
            "misfit": found.misfit,
            "plane_removed": found.plane_removed,
            "share_of_map": round(self.outside, 4),
        }


def noise_of(source: Source, areas: Sequence[BaseGeometry] = ()) -> Noise:
    """Return the noise of a map from what does not stand out of its plane, and is in no area that is asked for.

    Raises
    ------
    UsageError
        When a layer cannot be read.
    """
    unit = "mm" if source.main.endswith("_m") else "mm/year"
    try:
        coarse = _coarse_map(source)
        moving, outside = _standing_out(coarse, _inside(source, coarse.shape, areas))
        if outside < _LEAST_SHARE:
            return Noise(None, outside, unit, f"only {100 * outside:.1f} % of it is ground that does not stand out")
        found = variogram_at(_Reader(source, moving), source.shape, source.spacing)
    except RasterioError as error:
        raise unreadable(source.bands[source.main].path, error) from error
    return Noise(found, outside, unit, "" if found else "too few of its cells have values")


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
    blocks, size = moving_ground(np.where(areas, np.nan, coarse))
    rows, columns = coarse.shape
    moving = areas | np.repeat(np.repeat(blocks, size, axis=0), size, axis=1)[:rows, :columns]
    return moving, float((known & ~moving).sum() / max(known.sum(), 1))
