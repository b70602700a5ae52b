"""Planning a DEM from a file of the user's: coverage, datum and pixels, all of it checked."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from dinsar_cli.datum import GEOIDS, decide_datum, geoid_transformer, stated_datum
from dinsar_cli.demfile import EDGE_TOLERANCE, check_layout, is_wgs84, open_dem, pixel_range, read_crs, whole_turn
from dinsar_cli.errors import NoDataError
from dinsar_cli.managers.demwrite import DemSpec

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from pyproj import CRS

    from dinsar_cli.grid import Bounds

_SIDES = ("west", "south", "east", "north")
_BUFFER_SLACK = 0.05  # share of the buffer that may lack without a word


def plan_from_file(file: Path, option: str | None, bounds: Bounds, buffer: float) -> tuple[DemSpec, list[str]]:
    """Check a DEM file and say what will be made of it.

    Parameters
    ----------
    file : Path
        Any single-file raster that GDAL reads.
    option : str or None
        What its heights refer to, as the user says.
    bounds : tuple of float
        West, south, east, north (degrees) that must be covered, without the buffer.
    buffer : float
        Margin around them (degrees), taken as far as the file reaches.

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
        If it does not cover the bounds.
    """
    with open_dem(file) as dataset:
        check_layout(dataset, file)
        crs = read_crs(dataset, file)
        datum = decide_datum(stated_datum(crs, file), option, file)
        if datum in GEOIDS:
            geoid_transformer(datum, file)
        notes = []
        if dataset.count > 1:
            notes.append(f"{file.name} has {dataset.count} bands: the first is taken as the heights.")
        origin, step, shape, short = _pixel_lattice(dataset, crs, bounds, buffer)
        if short:
            notes.append(
                f"{file.name} covers the area but not all of the buffer of {buffer:g} degrees: it lacks {short}."
            )
    west, south, east, north = (edge + sign * buffer for edge, sign in zip(bounds, (-1, -1, 1, 1), strict=True))
    left, right = pixel_range(west, east, origin[0], step[0], shape[1])
    top, bottom = pixel_range(north, south, origin[1], step[1], shape[0])
    spec = DemSpec(
        title=str(file),
        requested=bounds,
        transform=(step[0], 0.0, origin[0] + left * step[0], 0.0, step[1], origin[1] + top * step[1]),
        width=right - left,
        height=bottom - top,
        source=file,
        datum=datum,
        resampled=not is_wgs84(crs),
    )
    return spec, notes


def _pixel_lattice(
    dataset: Any, crs: CRS, bounds: Bounds, buffer: float
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
        What it lacks of the buffer; empty if nothing.

    Raises
    ------
    NoDataError
        If it does not cover the bounds.
    """
    from rasterio.warp import calculate_default_transform

    west, south, east, north = bounds
    wanted = (west - buffer, south - buffer, east + buffer, north + buffer)
    if is_wgs84(crs):
        turn = whole_turn(dataset, (west + east) / 2)
        left, bottom, right, top = dataset.bounds
        covered = reached = (left + turn, bottom, right + turn, top)
        step = (dataset.transform.a, dataset.transform.e)
        shape = dataset.shape
    else:
        covered, reached = (_reach(dataset, crs, box) for box in (bounds, wanted))
        affine, _, _ = calculate_default_transform(
            crs.to_2d().to_wkt(), "EPSG:4326", dataset.width, dataset.height, *dataset.bounds
        )
        step = (affine.a, affine.e)
        # The sides of a warped raster slant: where it ends along the buffered sides, the bounds may still fit.
        reached = (
            min(reached[0], west), min(reached[1], south), max(reached[2], east), max(reached[3], north)
        )  # fmt: skip
        shape = (
            math.ceil((reached[1] - reached[3]) / step[1] - EDGE_TOLERANCE),
            math.ceil((reached[2] - reached[0]) / step[0] - EDGE_TOLERANCE),
        )
    lacking = _lacking(covered, bounds, step)
    if lacking:
        raise NoDataError(
            f"The DEM {dataset.name} does not cover the area.",
            f"It lacks {lacking}; it covers W {covered[0]:.4f} S {covered[1]:.4f} E {covered[2]:.4f} "
            f"N {covered[3]:.4f}, the area is W {west:.4f} S {south:.4f} E {east:.4f} N {north:.4f}.",
            f"Give a DEM that covers the area and, better, {buffer:g} degrees around it.",
        )
    slack = _BUFFER_SLACK * buffer
    return (reached[0], reached[3]), step, shape, _lacking(reached, wanted, step, slack)


def _reach(dataset: Any, crs: CRS, bounds: Bounds) -> Bounds:
    """Return how far a raster on another CRS reaches in longitude and latitude, along the sides of the bounds."""
    import numpy as np
    from rasterio.warp import transform

    left, bottom, right, top = dataset.bounds
    west, south, east, north = bounds
    across, along = np.linspace(left, right, 201), np.linspace(bottom, top, 201)
    longitudes, latitudes = np.linspace(west, east, 201), np.linspace(south, north, 201)

    def edge(x: Any, y: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        x, y = np.broadcast_arrays(x, y)
        lon, lat = transform(crs.to_2d().to_wkt(), "EPSG:4326", x, y)
        return np.array(lon), np.array(lat)

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
