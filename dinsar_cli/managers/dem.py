"""Local DEM files: checked and planned, then made into ellipsoidal heights on EPSG:4326 in the cache."""

from __future__ import annotations

import hashlib
import logging
import math
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dinsar_cli.datum import GEOIDS, check_datum, decide_datum, geoid_transformer, stated_datum
from dinsar_cli.demfile import EDGE_TOLERANCE, check_layout, is_wgs84, open_dem, pixel_range, read_crs
from dinsar_cli.errors import NoDataError, ResourceError, UsageError
from dinsar_cli.managers.demwrite import DemSpec, write_dem
from dinsar_cli.workspace import atomic_path, make_folder

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from pyproj import CRS

    from dinsar_cli.grid import Bounds

logger = logging.getLogger(__name__)

_SIDES = ("west", "south", "east", "north")
_FORMAT = 1  # raise when the same inputs give other heights: old cache files are then not reused


_BUFFER_SLACK = 0.05  # share of the buffer that may lack without a word


@dataclass(frozen=True, kw_only=True)
class DemPlan(DemSpec):
    """What will be made of a DEM file, all of it checked.

    Attributes
    ----------
    path : Path
        GeoTIFF that `DemManager.fetch` will write or reuse.
    warnings : tuple of str
        What the user should know.
    """

    path: Path
    warnings: tuple[str, ...]

    @property
    def summary(self) -> str:
        """One sentence for people: what will be done."""
        steps = ["warp to EPSG:4326" if self.resampled else "crop"]
        if self.datum != "ellipsoid":
            steps.append(f"add the {self.datum} geoid ({GEOIDS[self.datum].grid})")
        return f"{self.source.name}: {', '.join(steps)}, {self.width} x {self.height} pixels"


@dataclass(frozen=True)
class Dem:
    """A DEM ready for use: float32 metres above the WGS84 ellipsoid, EPSG:4326, no voids.

    Attributes
    ----------
    path : Path
        GeoTIFF with GDAL's corner transform.
    bounds : tuple of float
        Its outer edges (west, south, east, north, degrees).
    datum_from : str
        What the heights of the source referred to: ``ellipsoid``, ``egm96`` or ``egm2008``.
    voids_filled : int
        Pixels within the requested bounds that had no height and were interpolated.
    warnings : tuple of str
        What the user should know.
    """

    path: Path
    bounds: Bounds
    datum_from: str
    voids_filled: int
    warnings: tuple[str, ...]


class DemManager:
    """Makes a local DEM file ready.

    Parameters
    ----------
    file : Path
        Any single-file raster that GDAL reads.
    datum : str or None
        What its heights refer to (`dinsar_cli.datum.DATUMS`); None if the file says so itself.
    buffer_deg : float
        Margin around the bounds (degrees), taken as far as the file reaches.
    cache : Path
        Cache folder; the result goes to ``dem/`` in it.

    Raises
    ------
    UsageError
        If the datum is unknown or the buffer is negative.
    """

    def __init__(self, file: Path, datum: str | None, buffer_deg: float, cache: Path) -> None:
        check_datum(datum)
        if not (math.isfinite(buffer_deg) and buffer_deg >= 0):
            raise UsageError(
                f"The DEM buffer of {buffer_deg} degrees is impossible.",
                "It is a margin around the area.",
                "Give dem.buffer a number of degrees from 0 up, such as 0.2.",
            )
        self._file = file
        self._datum = datum
        self._buffer = buffer_deg
        self._folder = cache / "dem"

    def plan(self, bounds: Bounds) -> DemPlan:
        """Check the DEM file and say what will be made of it. Writes nothing.

        Parameters
        ----------
        bounds : tuple of float
            West, south, east, north (degrees) that must be covered, without the buffer.

        Returns
        -------
        DemPlan

        Raises
        ------
        UsageError
            If the file is not a usable DEM, its datum is unknown or contradicts the one given, or the grid of
            its geoid is not on this machine.
        NoDataError
            If it does not cover the bounds.
        """
        _check_bounds(bounds)
        with open_dem(self._file) as dataset:
            check_layout(dataset, self._file)
            crs = read_crs(dataset, self._file)
            datum = decide_datum(stated_datum(crs, self._file), self._datum, self._file)
            if datum in GEOIDS:
                geoid_transformer(datum, self._file)
            notes = []
            if dataset.count > 1:
                notes.append(f"{self._file.name} has {dataset.count} bands: the first is taken as the heights.")
            resampled = not is_wgs84(crs)
            origin, step, shape, short = _pixel_lattice(dataset, crs, bounds, self._buffer)
            if short:
                notes.append(
                    f"{self._file.name} covers the area but not all of the buffer of {self._buffer:g} degrees: "
                    f"it lacks {short}."
                )
        west, south, east, north = (
            edge + sign * self._buffer for edge, sign in zip(bounds, (-1, -1, 1, 1), strict=True)
        )
        left, right = pixel_range(west, east, origin[0], step[0], shape[1])
        top, bottom = pixel_range(north, south, origin[1], step[1], shape[0])
        transform = (step[0], 0.0, origin[0] + left * step[0], 0.0, step[1], origin[1] + top * step[1])
        size = (right - left, bottom - top)
        plan = DemPlan(
            source=self._file,
            path=self._folder / f"{_key(self._file, bounds, transform, size, datum)}.tif",
            datum=datum,
            requested=bounds,
            transform=transform,
            width=size[0],
            height=size[1],
            resampled=resampled,
            warnings=tuple(notes),
        )
        logger.info("DEM: %s", plan.summary)
        return plan

    def fetch(self, plan: DemPlan) -> Dem:
        """Write the DEM of a plan, or reuse the complete one in the cache.

        Raises
        ------
        NoDataError
            If the file has no heights, has too many voids, is damaged, or changed since it was planned.
        UsageError
            If the cache is not writable.
        ResourceError
            If the disk is too small.
        """
        key = _key(plan.source, plan.requested, plan.transform, (plan.width, plan.height), plan.datum)
        if plan.path.stem != key:
            raise NoDataError(
                f"The DEM {plan.source} has changed since it was checked.",
                "Its size or time of change is another one.",
                "Run the command again.",
            )
        from filelock import FileLock

        voids = _cached_voids(plan)
        if voids is None:
            _check_disk(plan, make_folder(plan.path.parent))
            # runs that do not know of each other share the cache: the second waits for the first
            with FileLock(plan.path.parent.with_suffix(".lock")):
                voids = _cached_voids(plan)
                if voids is None:
                    with atomic_path(plan.path) as part:
                        voids = write_dem(plan, part)
                    logger.info("DEM written: %s", plan.path)
        else:
            logger.info("DEM reused: %s", plan.path)
        notes = [*plan.warnings]
        if sum(voids):
            notes.append(
                f"{plan.source.name} has voids: {voids[0]} pixels in the area and {voids[1]} in the buffer "
                "were interpolated."
            )
            logger.warning(notes[-1])
        return Dem(plan.path, plan.bounds, plan.datum, voids[0], tuple(notes))


def _check_bounds(bounds: Bounds) -> None:
    west, south, east, north = bounds
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        raise UsageError(
            f"The bounds {bounds} are impossible.",
            "West must be less than east and south less than north, within -180..180 and -90..90 degrees.",
            "Give the area as west, south, east, north; areas across the antimeridian are not supported.",
        )


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
        covered = reached = tuple(dataset.bounds)
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


def _key(source: Path, bounds: Bounds, transform: tuple[float, ...], size: tuple[int, int], datum: str) -> str:
    """Return the name of a result in the cache: the same for the same file, pixels and datum."""
    stat = source.stat()
    parts = (_FORMAT, str(source.resolve()), stat.st_size, stat.st_mtime_ns, bounds, transform, size, datum)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:20]


def _cached_voids(plan: DemPlan) -> tuple[int, int] | None:
    """Return the voids within and around the bounds that a complete cached result had; None without one."""
    import rasterio
    from rasterio.errors import RasterioIOError

    if not plan.path.is_file():
        return None
    try:
        with rasterio.open(plan.path) as cached:
            tags = cached.tags()
            same = cached.shape == (plan.height, plan.width) and cached.transform[:6] == plan.transform
            return (int(tags["VOIDS_IN_AREA"]), int(tags["VOIDS_IN_BUFFER"])) if same else None
    except (RasterioIOError, KeyError, ValueError):
        logger.warning("%s is damaged and is made again", plan.path)
        return None


def _check_disk(plan: DemPlan, folder: Path) -> None:
    """Make sure that the result fits; unlike other files of a run it goes to the cache, which the remedy names."""
    needed, free = 4 * plan.width * plan.height, shutil.disk_usage(folder).free
    if free < needed:
        raise ResourceError(
            f"There is not enough disk for the DEM in {folder}.",
            f"It takes up to {needed / 1e6:.0f} MB, {free / 1e6:.0f} MB are free.",
            "Free some disk, or give --cache a folder on another one.",
        )
