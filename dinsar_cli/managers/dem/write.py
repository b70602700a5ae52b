"""Making a DEM: float32 metres above the WGS84 ellipsoid on EPSG:4326, without voids, strip by strip."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from pyproj import Transformer
from rasterio import Affine
from rasterio.errors import RasterioIOError
from rasterio.fill import fillnodata
from rasterio.io import MemoryFile
from rasterio.transform import array_bounds
from rasterio.vrt import WarpedVRT
from rasterio.warp import Resampling, transform_bounds
from rasterio.windows import Window
from scipy.ndimage import map_coordinates

from dinsar_cli.base.memory import RASTER_CACHE_BYTES
from dinsar_cli.base.rasters import writing_raster
from dinsar_cli.errors import NoDataError, ResourceError, UsageError
from dinsar_cli.geo.antimeridian import middle_of
from dinsar_cli.geo.grid import Bounds
from dinsar_cli.geo.heights.datum import GEOIDS, geoid_transformer
from dinsar_cli.geo.heights.dem_file import (
    HEIGHT_LIMITS_M,
    column_pieces,
    is_endless,
    open_dem,
    pixel_range,
    read_crs,
    read_heights,
    turn_beside,
)

_MAX_VOID_SHARE = 0.01

# Memory: a strip is 24 MB; a void is filled from itself and 256 rows of its neighbours.
_STRIP_PIXELS = 6_000_000
_BLOCK = 256
_REACH = 256


@dataclass(frozen=True, kw_only=True)
class DemGrid:
    """Pixels of a DEM.

    Attributes
    ----------
    title : str
        What it is made of, for people.
    requested : tuple of float
        Bounds that must be covered (west, south, east, north, degrees), without the buffer.
    transform : tuple of float
        GDAL corner transform of the result as Affine's a, b, c, d, e, f (degrees).
    width, height : int
        Size of the result (pixels).
    zero_is_void : bool
        Whether the source declares that 0 is no height.
    """

    title: str
    requested: Bounds
    transform: tuple[float, float, float, float, float, float]
    width: int
    height: int
    zero_is_void: bool = field(default=False, compare=False)

    @property
    def bounds(self) -> Bounds:
        """Outer edges of the result (west, south, east, north, degrees)."""
        a, _, west, _, e, north = self.transform
        return west, north + self.height * e, west + self.width * a, north

    @property
    def centres(self) -> Bounds:
        """Centres of its outermost pixels (west, south, east, north, degrees)."""
        (west, south, east, north), dx, dy = self.bounds, self.transform[0] / 2, -self.transform[4] / 2
        return west + dx, south + dy, east - dx, north - dy

    @property
    def longitude(self) -> NDArray[np.float64]:
        """Centres of the columns (degrees)."""
        return np.asarray(self.transform[2] + self.transform[0] * (np.arange(self.width) + 0.5), np.float64)

    @property
    def latitude(self) -> NDArray[np.float64]:
        """Centres of the rows (degrees), decreasing."""
        return np.asarray(self.transform[5] + self.transform[4] * (np.arange(self.height) + 0.5), np.float64)


@dataclass(frozen=True, kw_only=True)
class DemSpec(DemGrid):
    """What a DEM is made from, and the pixels it gets.

    Attributes
    ----------
    source : Path
        The DEM file.
    datum : str
        What the heights of the source refer to: ``ellipsoid``, ``egm96`` or ``egm2008``.
    resampled : bool
        Whether the source is warped to EPSG:4326; else its pixels are only cropped.
    """

    source: Path
    datum: str
    resampled: bool


def write_from_file(spec: DemSpec, part: Path) -> tuple[int, int]:
    """Write a DEM from a file; return the number of voids within and around the bounds.

    Raises
    ------
    NoDataError
        If the source is damaged, has no heights or too many voids.
    UsageError
        If the source cannot be opened or the grid of its geoid does not serve.
    ResourceError
        If the result cannot be written.
    """
    undulation = None if spec.datum == "ellipsoid" else geoid_transformer(spec.datum, spec.source)

    def correct(heights: NDArray[np.float32], row: int) -> NDArray[np.float32]:
        return heights if undulation is None else _add_undulation(heights, row, spec, undulation)

    with open_dem(spec.source) as dataset:
        return write_dem(spec, _strips(dataset, spec), part, correct, DATUM_FROM=spec.datum)


def write_dem(
    grid: DemGrid,
    strips: Iterator[tuple[int, NDArray[np.float32]]],
    part: Path,
    correct: Callable[[NDArray[np.float32], int], NDArray[np.float32]] | None = None,
    **tags: object,
) -> tuple[int, int]:
    """Write strips of heights, voids filled by interpolation; return the voids within and around the bounds.

    Parameters
    ----------
    grid : DemGrid
        The pixels.
    strips : iterator of (int, ndarray of float32)
        First row and heights (m, NaN where void), north to south, of rows in multiples of `_BLOCK`.
    part : Path
        GeoTIFF to write.
    correct : callable, optional
        Takes heights without voids and their first row, and gives ellipsoidal heights. Without it they are
        ellipsoidal, and heights that are all 0 are those of a place.
    **tags
        For the file.

    Raises
    ------
    NoDataError
        If there are no heights or too many voids.
    ResourceError
        If the result cannot be written.
    """
    (top, bottom), (left, right) = _area(grid)
    in_area = in_all = 0
    limit = _MAX_VOID_SHARE * (bottom - top) * (right - left)
    flat, deep = True, False
    try:
        with writing_raster(part, **_profile(grid)) as out:
            for row, before, strip, after in _with_neighbours(strips):
                void = np.isnan(strip)
                in_all += int(void.sum())
                in_area += int(void[max(top - row, 0) : max(bottom - row, 0), left:right].sum())
                flat = flat and not np.any(strip, where=~void)
                if in_area > limit:
                    continue  # only the count matters now
                heights = _fill(before, strip, after) if void.any() else strip
                if correct is not None:
                    heights = correct(heights, row)
                deep = deep or bool(np.isnan(heights).any())
                out.write(heights, 1, window=((row, row + len(heights)), (0, grid.width)))
            out.update_tags(VOIDS_IN_AREA=in_area, VOIDS_IN_BUFFER=in_all - in_area, **tags)
            out.descriptions, out.units = ("height above the WGS84 ellipsoid",), ("m",)
        _refuse_voids(grid, in_area, (bottom - top) * (right - left), flat=flat)
        if deep:
            _fill_deep(part)
    except (RasterioIOError, OSError) as error:
        raise ResourceError(
            f"The DEM {part} cannot be written.", f"{error}.", "Free some disk and run the command again."
        ) from error
    return in_area, in_all - in_area


def _profile(spec: DemGrid) -> dict[str, Any]:
    return {
        "driver": "GTiff", "dtype": "float32", "count": 1, "width": spec.width, "height": spec.height,
        "crs": "EPSG:4326", "transform": Affine(*spec.transform), "nodata": math.nan, "tiled": True,
        "blockxsize": _BLOCK, "blockysize": _BLOCK, "compress": "deflate", "predictor": 3, "zlevel": 1,
        "num_threads": "ALL_CPUS", "BIGTIFF": "IF_SAFER",
    }  # fmt: skip


def _area(spec: DemGrid) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the half-open ranges of rows and columns of the result that cover the requested bounds."""
    a, _, x0, _, e, y0 = spec.transform
    west, south, east, north = spec.requested
    return pixel_range(north, south, y0, e, spec.height), pixel_range(west, east, x0, a, spec.width)


def _refuse_voids(spec: DemGrid, voids: int, pixels: int, *, flat: bool) -> None:
    problem = f"The DEM {spec.title} cannot be used for this area."
    remedy, void = "Give another DEM, or fill its voids first.", "nodata"
    if spec.zero_is_void:
        void = "its file declares the value 0 as nodata"
        remedy = f"If 0 is a height in it, take that declaration away: gdal_edit.py -unsetnodata FILE. {remedy}"
    if flat:
        cause = "All of its heights are 0 or missing there."
        raise NoDataError(problem, f"{cause[:-1]} ({void})." if spec.zero_is_void else cause, remedy)
    if voids > _MAX_VOID_SHARE * pixels:
        low, high = HEIGHT_LIMITS_M
        raise NoDataError(
            problem,
            f"{voids} of {pixels} pixels ({voids / pixels:.1%}) have no height ({void}, or not within "
            f"{low:g} to {high:g} m); at most {_MAX_VOID_SHARE:.0%} can be interpolated.",
            remedy,
        )


def _strips(dataset: Any, spec: DemSpec) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield first row and heights (float32, NaN where void) of strips of the result, north to south."""
    rows = max(_STRIP_PIXELS // spec.width // _BLOCK, 1) * _BLOCK
    for row in range(0, spec.height, rows):
        count = min(rows, spec.height - row)
        yield row, (_warp if spec.resampled else _crop)(dataset, spec, row, count)


def _with_neighbours(
    strips: Iterator[tuple[int, NDArray[np.float32]]],
) -> Iterator[tuple[int, NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]]:
    """Yield first row, end of the strip before, strip, start of the strip after (empty where there is none)."""
    row, strip = next(strips)
    before = strip[:0]
    for next_row, after in strips:
        yield row, before, strip, after[:_REACH]
        row, before, strip = next_row, strip[-_REACH:], after
    yield row, before, strip, strip[:0]


def _crop(dataset: Any, spec: DemSpec, row: int, count: int) -> NDArray[np.float32]:
    """Read rows of the result from a source with the same pixels, perhaps whole turns beside it."""
    a, _, west, _, e, north = spec.transform
    origin = dataset.transform.c + (0.0 if is_endless(dataset) else turn_beside(dataset, middle_of(spec.bounds)))
    left = round((west - origin) / a)
    top = round((north - dataset.transform.f) / e)
    parts = [
        read_heights(dataset, Window(start, top + row, stop - start, count), spec.source)
        for _, start, stop in column_pieces(dataset, left, left + spec.width)
    ]
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


def _warp(dataset: Any, spec: DemSpec, row: int, count: int) -> NDArray[np.float32]:
    """Make rows of the result from a source on another CRS, by bilinear interpolation.

    The voids of the source are NaN before the interpolation, declared or not: they do not bleed into heights.
    """
    a, b, west, d, e, north = spec.transform
    target = Affine(a, b, west, d, e, north + row * e)
    crs = read_crs(dataset, spec.source).to_2d().to_wkt()
    box = transform_bounds("EPSG:4326", crs, *array_bounds(count, spec.width, target), densify_pts=101)
    x_step, _, x0, _, y_step, y0 = dataset.transform[:6]
    if read_crs(dataset, spec.source).is_geographic:  # its longitudes may be 0 to 360
        x0 += turn_beside(dataset, (box[0] + box[2]) / 2)
    left, right = pixel_range(box[0], box[2], x0, x_step, dataset.width, margin=2)
    top, bottom = pixel_range(box[3], box[1], y0, y_step, dataset.height, margin=2)
    if left >= right or top >= bottom:
        return np.full((count, spec.width), np.nan, np.float32)
    block = {
        "driver": "GTiff", "dtype": "float32", "count": 1, "nodata": math.nan, "crs": crs,
        "width": right - left, "height": bottom - top, "BIGTIFF": "IF_SAFER",
        "transform": Affine(x_step, 0.0, x0 + left * x_step, 0.0, y_step, y0 + top * y_step),
    }  # fmt: skip
    warp = {
        "crs": "EPSG:4326", "transform": target, "width": spec.width, "height": count,
        "resampling": Resampling.bilinear,
        # GDAL's own tolerance of 0.125 pixel, and the wider kernel it takes where a pixel becomes larger, are
        # worth 0.1 pixel: metres of height on steep slopes.
        "tolerance": 0.001, "XSCALE": 1, "YSCALE": 1,
    }  # fmt: skip
    with MemoryFile() as memory:
        with memory.open(**block) as source:
            source.write(read_heights(dataset, Window(left, top, right - left, bottom - top), spec.source), 1)
        with memory.open() as source, WarpedVRT(source, **warp) as warped:
            heights: NDArray[np.float32] = warped.read(1)
    return heights


def _fill(
    before: NDArray[np.float32], strip: NDArray[np.float32], after: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Interpolate the voids of a strip from what is within `_REACH` pixels; what is farther stays NaN."""
    stack = np.concatenate([before, strip, after])
    valid = ~np.isnan(stack)
    if not valid.any():
        return strip
    filled: NDArray[np.float32] = fillnodata(stack, mask=valid.astype(np.uint8), max_search_distance=_REACH)
    return filled[len(before) : len(before) + len(strip)]


def _fill_deep(path: Path) -> None:
    """Fill what is too far from any height for `_fill`, from an overview of the whole DEM."""
    with rasterio.Env(GDAL_CACHEMAX=RASTER_CACHE_BYTES), writing_raster(path, "r+") as dem:
        step = math.ceil(max(dem.shape) / 1000)
        shape = (math.ceil(dem.height / step), math.ceil(dem.width / step))
        coarse = dem.read(1, out_shape=shape, resampling=Resampling.average)
        coarse = fillnodata(coarse, mask=(~np.isnan(coarse)).astype(np.uint8), max_search_distance=max(shape))
        for row in range(0, dem.height, _BLOCK):
            window = ((row, min(row + _BLOCK, dem.height)), (0, dem.width))
            strip = dem.read(1, window=window)
            rows, columns = np.nonzero(np.isnan(strip))
            if rows.size:
                where = (
                    (row + rows + 0.5) * shape[0] / dem.height - 0.5,
                    (columns + 0.5) * shape[1] / dem.width - 0.5,
                )
                strip[rows, columns] = map_coordinates(coarse, where, order=1, mode="nearest")
                dem.write(strip, 1, window=window)


def _add_undulation(
    heights: NDArray[np.float32], row: int, spec: DemSpec, transformer: Transformer
) -> NDArray[np.float32]:
    """Turn heights above the geoid into heights above the ellipsoid: h = H + N at every pixel centre."""
    a, _, west, _, e, north = spec.transform
    result = np.empty_like(heights)
    for first in range(0, len(heights), 64):  # PROJ takes float64 coordinates: 24 bytes a pixel
        block = slice(first, min(first + 64, len(heights)))
        latitude = north + e * (row + np.arange(block.start, block.stop) + 0.5)
        longitude = west + a * (np.arange(spec.width) + 0.5)
        x, y = np.meshgrid(longitude, latitude)
        undulation = transformer.transform(x, y, np.zeros_like(x))[2]
        if not np.isfinite(undulation).all():
            raise UsageError(
                f"The {spec.datum} heights of the DEM {spec.source} cannot be converted.",
                f"PROJ's geoid grid {GEOIDS[spec.datum].grid} cannot be read or does not cover {spec.bounds}.",
                "Install the whole grid (projsync), or convert the DEM to ellipsoidal heights elsewhere.",
            )
        result[block] = heights[block] + undulation
    return result
