"""Means, sigmas and extremes of a map over areas."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Geod
from rasterio.errors import RasterioError
from rasterio.features import rasterize
from rasterio.windows import Window
from rasterio.windows import transform as window_transform
from shapely.geometry.base import BaseGeometry

from dinsar_cli.base.rasters import open_raster
from dinsar_cli.extraction.cells import as_floats
from dinsar_cli.extraction.noise import Noise
from dinsar_cli.extraction.points import NO_DATA, OK, OUTSIDE, read_bands
from dinsar_cli.extraction.source import LABELS, NONE, Cells, Doubles, Source
from dinsar_cli.extraction.sources import unreadable
from dinsar_cli.geo.antimeridian import beside
from dinsar_cli.geo.crs import GEOGRAPHIC, transformer

Array = NDArray[Any]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

_STRIP = 1 << 21  # cells that are looked at in a go
_KEPT = 1 << 20  # values of which the median is taken; of more, so many that stand for all
_FOR_MEAN = 50_000  # cells of which the means of the other layers are taken where there are more
_PARTLY: Final = "partly outside the map"
_TINY: Final = "smaller than a cell: the cell in its middle"
_OTHER: Final = "only in other components than the reference"
_ELLIPSOID = Geod(ellps="WGS84")


@dataclass
class _Collected:
    """What is collected over the cells of an area with values, strip by strip."""

    inside: int = 0
    other: int = 0
    count: int = 0
    total: float = 0.0
    lowest: tuple[float, int, int] = (math.inf, 0, 0)
    highest: tuple[float, int, int] = (-math.inf, 0, 0)
    values: list[Floats] = field(default_factory=list)
    rows: list[Cells] = field(default_factory=list)
    columns: list[Cells] = field(default_factory=list)

    def add(self, values: Floats, rows: Cells, columns: Cells, thin: int) -> None:
        """Take the values of cells."""
        if not values.size:
            return
        self.count += values.size
        self.total += float(values.sum())
        low, high = int(np.argmin(values)), int(np.argmax(values))
        self.lowest = min(self.lowest, (float(values[low]), int(rows[low]), int(columns[low])))
        self.highest = max(self.highest, (float(values[high]), int(rows[high]), int(columns[high])))
        # copies: what they are taken from would stay in memory
        self.values.append(values[::thin].copy())
        self.rows.append(rows[::thin].copy())
        self.columns.append(columns[::thin].copy())


def area_table(source: Source, shapes: NDArray[Any], noise: Noise) -> dict[str, Array]:
    """Return mean, sigma and extremes of a map over areas.

    Parameters
    ----------
    source : Source
    shapes : ndarray of shapely polygons
        Longitude and latitude in degrees.
    noise : Noise
        Of the map.

    Returns
    -------
    dict of str to ndarray
        Columns of one length. The sigma of a mean counts the noise that cells share; ``sigma_to_reference`` is that
        of the mean minus the reference. Cells of other components than the reference do not count.

    Raises
    ------
    UsageError
        When a layer cannot be read.
    """
    rows = [_area(source, shape, noise) for shape in shapes]
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: _as_column(name, [row.get(name) for row in rows]) for name in names}


def _as_column(name: str, values: list[Any]) -> Array:
    if name in {"status", "noise_model"}:
        return np.array(values, object)
    if name == "cells":
        return np.array([NONE if value is None else value for value in values], np.int64)
    return np.array([math.nan if value is None else value for value in values], np.float64)


def _area(source: Source, shape: BaseGeometry, noise: Noise) -> dict[str, Any]:
    main, unit = source.main.removesuffix("_m"), "_m" if source.main.endswith("_m") else ""
    size = abs(_ELLIPSOID.geometry_area_perimeter(shape)[0]) / 1e6
    on_map = _on_map(source, shape)
    window = _window(source, on_map)
    if window is None:
        return {"area_km2": size, "cells": 0, "status": OUTSIDE}
    try:
        found, tiny = _collect(source, on_map, window)
    except RasterioError as error:
        raise unreadable(source.bands[source.main].path, error) from error
    row: dict[str, Any] = {"area_km2": size, "cells": found.count}
    share = found.count / found.inside if found.inside else 0.0
    row["share_with_values"] = share
    if not found.count:
        return row | {"status": _OTHER if found.other else NO_DATA}
    row[f"{main}_mean{unit}"] = found.total / found.count
    cells = np.concatenate(found.rows), np.concatenate(found.columns)
    row |= _sigmas(source, noise, cells, found.count, main, unit)
    row[f"{main}_median{unit}"] = float(np.median(np.concatenate(found.values)))
    for word, extreme in (("min", found.lowest), ("max", found.highest)):
        longitude, latitude = source.to_lonlat(np.array([extreme[1]]), np.array([extreme[2]]))
        row[f"{main}_{word}{unit}"] = extreme[0]
        row |= {f"{word}_lon": float(longitude[0]), f"{word}_lat": float(latitude[0])}
    row |= _means(source, *cells)
    row["status"] = _TINY if tiny else _PARTLY if _reaches_out(source, on_map) else OK
    return row


def _on_map(source: Source, shape: BaseGeometry) -> BaseGeometry:
    """Return a shape in the coordinates of the map."""
    if source.crs.to_epsg() == 4326:
        return beside(shape, source.transform.c + source.transform.a * source.shape[1] / 2)
    move = transformer(GEOGRAPHIC, source.crs.to_string())
    fine = shapely.segmentize(shape, 0.01)

    def moved(xy: Doubles) -> Doubles:
        return np.column_stack(move.transform(xy[:, 0], xy[:, 1]))

    return shapely.transform(fine, moved)


def _window(source: Source, shape: BaseGeometry) -> tuple[int, int, int, int] | None:
    """Return the rows and columns of the map, first and end, that a shape meets; None where it meets none."""
    west, south, east, north = shape.bounds
    rows, columns = source.to_cells(np.array([west, east, west, east]), np.array([south, south, north, north]))
    top, bottom = max(0, math.floor(rows.min())), min(source.shape[0], math.ceil(rows.max()))
    left, right = max(0, math.floor(columns.min())), min(source.shape[1], math.ceil(columns.max()))
    return (top, bottom, left, right) if top < bottom and left < right else None


def _reaches_out(source: Source, shape: BaseGeometry) -> bool:
    height, width = source.shape
    x, y = source.from_cells(np.array([0.0, 0.0, height, height]), np.array([0.0, width, width, 0.0]))
    return not shapely.Polygon(np.column_stack([x, y])).buffer(1e-9).covers(shape)


def _collect(source: Source, shape: BaseGeometry, window: tuple[int, int, int, int]) -> tuple[_Collected, bool]:
    """Collect the cells whose centres are in a shape; of one without any, the cell in its middle."""
    found = _Collected()
    top, bottom, left, right = window
    thin = max(1, (bottom - top) * (right - left) // _KEPT)
    for first, end in _strips(top, bottom, right - left):
        part = Window.from_slices((first, end), (left, right))
        place = window_transform(part, source.transform)
        inside = rasterize([(shape, 1)], (end - first, right - left), transform=place, dtype="uint8") == 1
        _add(source, part, inside, found, thin)
    if found.inside:
        return found, False
    middle = shapely.get_coordinates(shape.representative_point())
    row, column = (math.floor(value[0]) for value in source.to_cells(middle[:, 0], middle[:, 1]))
    if 0 <= row < source.shape[0] and 0 <= column < source.shape[1]:
        _add(source, Window(column, row, 1, 1), np.ones((1, 1), bool), found, 1)
    return found, True


def _strips(top: int, bottom: int, width: int) -> Iterator[tuple[int, int]]:
    step = max(512, _STRIP // width // 512 * 512)
    first = top
    while first < bottom:
        end = min(bottom, (first // step + 1) * step)
        yield first, end
        first = end


def _add(source: Source, part: Window, inside: Bools, found: _Collected, thin: int) -> None:
    if not inside.any():
        return
    band = source.bands[source.main]
    with open_raster(band.path) as dataset:
        values = as_floats(dataset.read(band.band, window=part), dataset.nodata)
    known = inside & np.isfinite(values)
    labels = source.bands.get("component")
    if labels is not None and source.component is not None:
        with open_raster(labels.path) as dataset:
            same = dataset.read(labels.band, window=part) == source.component
        found.other += int((known & ~same).sum())
        known &= same
    found.inside += int(inside.sum())
    row, column = np.nonzero(known)
    taken = values[known].astype(np.float64) * band.scale
    found.add(taken, row + int(part.row_off), column + int(part.col_off), thin)


def _sigmas(
    source: Source, noise: Noise, cells: tuple[Cells, Cells], count: int, main: str, unit: str
) -> dict[str, Any]:
    """Return the sigma of the mean, and of the mean minus the reference, and the model by which they are known."""
    model = noise.variogram
    if model is None:
        return {f"{main}_mean_sigma{unit}": None}
    spacing = source.spacing
    metres = np.column_stack([cells[1] * spacing[1], cells[0] * spacing[0]])
    variance = model.covariance_of_means(metres, count=count)
    found: dict[str, Any] = {f"{main}_mean_sigma{unit}": math.sqrt(max(variance, 0.0))}
    told = noise.as_record()
    found |= {f"noise_{key}": told[key] for key in ("model", "nugget", "sill", "range_m")}
    if source.reference is not None:
        there = _reference_cells(source)
        both = variance + model.covariance_of_means(there) - 2 * model.covariance_of_means(metres, there)
        found[f"{main}_mean_sigma_to_reference{unit}"] = math.sqrt(max(both, 0.0))
    return found


def _reference_cells(source: Source) -> Doubles:
    """Return the metres east and south of the cells over which zero is the mean."""
    row, column, _ = source.cells(np.array([source.reference], np.float64))
    half = max(0, math.isqrt(source.reference_cells) - 1) // 2
    down, right = np.mgrid[-half : half + 1, -half : half + 1]
    spacing = source.spacing
    return np.column_stack([(column[0] + right.ravel()) * spacing[1], (row[0] + down.ravel()) * spacing[0]])


def _means(source: Source, rows: Cells, columns: Cells) -> dict[str, float]:
    """Return the means of the other layers over the same cells."""
    step = max(1, rows.size // _FOR_MEAN)
    rows, columns = rows[::step], columns[::step]
    others = {name: band for name, band in source.bands.items() if name not in LABELS and name != source.main}
    if not others:
        return {}
    values = read_bands(source, rows, columns, np.ones(rows.size, bool), others)
    return {
        name: float(np.nanmean(column)) if np.isfinite(column).any() else math.nan
        for name, column in values.items()
    }
