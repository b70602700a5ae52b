"""Planning a DEM from a file of the user's: coverage, datum and pixels, all of it checked."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS
from rasterio.warp import calculate_default_transform, transform

from dinsar_cli.base.disk import human_bytes
from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.geo.antimeridian import crosses, middle_of, near
from dinsar_cli.geo.grid import Bounds
from dinsar_cli.geo.heights.datum import GEOIDS, decide_datum, geoid_transformer, stated_datum
from dinsar_cli.geo.heights.dem_file import (
    EDGE_TOLERANCE,
    check_layout,
    is_endless,
    is_wgs84,
    open_dem,
    pixel_range,
    read_crs,
    turn_beside,
)
from dinsar_cli.managers.dem.write import DemSpec

_SIDES = ("west", "south", "east", "north")
_MOST_PIXELS = 4_000_000_000  # 16 GB of heights; a degree by a degree at 2 m has three quarters of it
_METRES_PER_DEGREE = 111_200
_BUFFER_SLACK = 0.05  # share of the buffer that may lack without a word


def plan_from_file(
    file: Path, option: str | None, bounds: Bounds, needed: Bounds, buffer: float
) -> tuple[DemSpec, list[str]]:
    """Check a DEM file and say what will be made of it.

    Parameters
    ----------
    file : Path
        Any single-file raster that GDAL reads.
    option : str or None
        What its heights refer to, as the user says.
    bounds : tuple of float
        West, south, east, north (degrees) of the ground that is wanted, without the buffer.
    needed : tuple of float
        The part of it that must be covered.
    buffer : float
        Margin around the bounds (degrees). It, and what is wanted but not needed, is taken as far as the file
        reaches.

    Returns
    -------
    spec : DemSpec
    notes : list of str
        What the user should know.

    Raises
    ------
    UsageError
        If the file is not a usable DEM, its datum is unknown or contradicts the one given, or the grid of
        its geoid is not on this machine.
    NoDataError
        If it does not cover what is needed.
    """
    with open_dem(file) as dataset:
        check_layout(dataset, file)
        crs = read_crs(dataset, file)
        datum = decide_datum(stated_datum(crs, file), option, file)
        if datum in GEOIDS:
            geoid_transformer(datum, file)
        zero_is_void = dataset.nodatavals[0] == 0
        notes = []
        if dataset.count > 1:
            notes.append(f"{file.name} has {dataset.count} bands: the first is taken as the heights.")
        origin, step, shape, short = _pixel_lattice(dataset, crs, bounds, needed, buffer)
        if short:
            around = f"the {buffer:g} degrees around what is processed" if buffer else "what is processed around it"
            notes.append(f"{file.name} covers the area but not all of {around}: it lacks {short}.")
    west, south, east, north = (edge + sign * buffer for edge, sign in zip(bounds, (-1, -1, 1, 1), strict=True))
    left, right = pixel_range(west, east, origin[0], step[0], shape[1])
    top, bottom = pixel_range(north, south, origin[1], step[1], shape[0])
    _check_size(file, right - left, bottom - top, step)
    spec = DemSpec(
        zero_is_void=zero_is_void,
        title=str(file),
        requested=needed if short else bounds,
        transform=(step[0], 0.0, origin[0] + left * step[0], 0.0, step[1], origin[1] + top * step[1]),
        width=right - left,
        height=bottom - top,
        source=file,
        datum=datum,
        resampled=not is_wgs84(crs),
    )
    return spec, notes


def _check_size(file: Path, width: int, height: int, step: tuple[float, float]) -> None:
    """Refuse a DEM that is so fine that it fills disks, and makes no difference to a pixel of the radar.

    Raises
    ------
    UsageError
        When it is.
    """
    if width * height <= _MOST_PIXELS:
        return
    metres = abs(step[1]) * _METRES_PER_DEGREE
    raise UsageError(
        f"The DEM {file} is far too large.",
        f"Its pixels are {metres:.2g} m from north to south: the area with its buffer has {width} x {height} of "
        f"them, {human_bytes(4 * width * height)}.",
        "Make it coarser, 10 m is fine: gdalwarp -tr 0.0001 0.0001 -t_srs EPSG:4326 -r average FILE COARSER.tif",
    )


def _pixel_lattice(
    dataset: Any, crs: CRS, bounds: Bounds, needed: Bounds, buffer: float
) -> tuple[tuple[float, float], tuple[float, float], tuple[int, int], str]:
    """Return the EPSG:4326 lattice that a raster offers around some bounds.

    Returns
    -------
    origin : tuple of float
        Longitude of its western and latitude of its northern edge.
    step : tuple of float
        Pixel size eastward and northward (degrees; the latter is negative).
    shape : tuple of int
        Rows and columns.
    short : str
        What it lacks of the bounds and the buffer; empty if nothing.

    Raises
    ------
    NoDataError
        If it does not cover what is needed.
    """
    west, south, east, north = bounds
    wanted = (west - buffer, south - buffer, east + buffer, north + buffer)
    if is_wgs84(crs):
        covered = reached = _place(dataset, wanted)
        step = (dataset.transform.a, dataset.transform.e)
        shape = (dataset.height, round((reached[2] - reached[0]) / step[0]))
    else:
        covered, reached = (_reach(dataset, crs, box) for box in (needed, wanted))
        step = _step(dataset, crs, middle_of(bounds))
        # The sides of a warped raster slant: where it ends along the wanted sides, what is needed may still fit.
        reached = (
            min(reached[0], needed[0]), min(reached[1], needed[1]),
            max(reached[2], needed[2]), max(reached[3], needed[3]),
        )  # fmt: skip
        shape = (
            math.ceil((reached[1] - reached[3]) / step[1] - EDGE_TOLERANCE),
            math.ceil((reached[2] - reached[0]) / step[0] - EDGE_TOLERANCE),
        )
    lacking = _lacking(covered, needed, step)
    if lacking:
        raise NoDataError(
            f"The DEM {dataset.name} does not cover the ground that is needed.",
            f"It lacks {lacking}; it covers {_shown(covered)}, what is needed is {_shown(_outward(needed))}.",
            f"Give a DEM that covers what is needed and, better, {_shown(_outward(wanted))}{_running_on(bounds)}.",
        )
    slack = _BUFFER_SLACK * buffer
    return (reached[0], reached[3]), step, shape, _lacking(reached, wanted, step, slack)


def _shown(bounds: Bounds) -> str:
    west, south, east, north = bounds
    return f"W {west:.4f} S {south:.4f} E {east:.4f} N {north:.4f}"


def _outward(bounds: Bounds) -> Bounds:
    """Round an area to what `_shown` shows, so that a file of what is shown covers it."""
    west, south, east, north = (
        sign * math.ceil(sign * edge * 1e4 - EDGE_TOLERANCE) / 1e4
        for edge, sign in zip(bounds, (-1, -1, 1, 1), strict=True)
    )
    return west, south, east, north


def _running_on(bounds: Bounds) -> str:
    """Tell how to give a DEM of bounds on both sides of 180 degrees; empty for others."""
    if not crosses(bounds):
        return ""
    return " (its longitudes may run on beyond 180, where 181 is -179), or leave --dem and --dem-datum out"


def _place(dataset: Any, wanted: Bounds) -> Bounds:
    """Return what a raster in longitude and latitude covers, on the side of 180 degrees of some bounds.

    One that goes around the Earth covers two turns, from before the bounds.
    """
    left, bottom, right, top = dataset.bounds
    if not is_endless(dataset):
        turn = turn_beside(dataset, middle_of(wanted))
        return left + turn, bottom, right + turn, top
    left += 360.0 * math.floor((wanted[0] - left) / 360.0)
    return left, bottom, left + 720.0, top


def _step(dataset: Any, crs: CRS, middle: float) -> tuple[float, float]:
    """Return the pixel size in EPSG:4326 with which a raster keeps its detail: degrees, the second one negative."""
    wkt, (left, bottom, right, top) = crs.to_2d().to_wkt(), dataset.bounds
    across, along = np.linspace(left, right, 21), np.linspace(bottom, top, 21)
    x = np.concatenate([across, across, np.full(21, left), np.full(21, right)])
    y = np.concatenate([np.full(21, bottom), np.full(21, top), along, along])
    lon, lat = (np.array(values) for values in transform(wkt, "EPSG:4326", x, y))
    beside = near(lon, middle)
    if np.ptp(beside) >= np.ptp(lon):
        affine, _, _ = calculate_default_transform(wkt, "EPSG:4326", dataset.width, dataset.height, *dataset.bounds)
        return affine.a, affine.e
    # Across 180 degrees GDAL would take the whole turn; else it takes as many pixels on the diagonal as there are.
    size = math.hypot(np.ptp(beside), np.ptp(lat)) / math.hypot(dataset.width, dataset.height)
    return size, -size


def _reach(dataset: Any, crs: CRS, bounds: Bounds) -> Bounds:
    """Return how far a raster on another CRS reaches in longitude and latitude, along the sides of the bounds."""
    left, bottom, right, top = dataset.bounds
    west, south, east, north = bounds
    across, along = np.linspace(left, right, 201), np.linspace(bottom, top, 201)
    longitudes, latitudes = np.linspace(west, east, 201), np.linspace(south, north, 201)

    def edge(x: Any, y: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        x, y = np.broadcast_arrays(x, y)
        lon, lat = transform(crs.to_2d().to_wkt(), "EPSG:4326", x, y)
        return near(np.array(lon), middle_of(bounds)), np.array(lat)

    def meridian(x: float) -> NDArray[np.float64]:
        lon, lat = edge(x, along)
        order = np.argsort(lat)
        return np.interp(latitudes, lat[order], lon[order])

    def parallel(y: float) -> NDArray[np.float64]:
        lon, lat = edge(across, y)
        order = np.argsort(lon)
        return np.interp(longitudes, lon[order], lat[order])

    return (
        float(meridian(left).max()),
        float(parallel(bottom).max()),
        float(meridian(right).min()),
        float(parallel(top).min()),
    )


def _lacking(covered: Bounds, wanted: Bounds, step: tuple[float, float], slack: float = 0.0) -> str:
    """Say on which sides, and by how many degrees, some bounds reach beyond others by more than a slack."""
    missing = [sign * (covered[side] - wanted[side]) for side, sign in enumerate((1, 1, -1, -1))]
    tolerance = max(EDGE_TOLERANCE * step[0], slack)
    return ", ".join(
        f"{size:.4f} degrees in the {name}" for name, size in zip(_SIDES, missing, strict=True) if size > tolerance
    )
