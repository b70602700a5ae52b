"""Local DEM files: made into heights above the WGS84 ellipsoid on EPSG:4326, without voids."""

from __future__ import annotations

import hashlib
import logging
import math
import os
import shutil
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dinsar_cli.errors import NoDataError, ResourceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from pyproj import CRS, Transformer

logger = logging.getLogger(__name__)

Bounds = tuple[float, float, float, float]
"""West, south, east, north (degrees)."""

_GEOIDS = {"egm96": (5773, "us_nga_egm96_15.tif"), "egm2008": (3855, "us_nga_egm08_25.tif")}
"""Geoid -> EPSG code of its vertical CRS, name of PROJ's grid of undulations."""

DATUMS = ("ellipsoid", *_GEOIDS)
"""What the heights of a DEM can refer to."""

_METRES = ("", "m", "metre", "metres", "meter", "meters")
_SIDES = ("west", "south", "east", "north")
_LIMITS_M = (-500.0, 9000.0)
_MAX_VOID_SHARE = 0.01
_TOLERANCE = 1e-6  # pixels: bounds on a pixel's edge do not ask for the next pixel
_FORMAT = 1  # raise when the same inputs give other heights: old cache files are then not reused

# Memory: a strip is 24 MB; a void is filled from itself and 256 rows of its neighbours.
_STRIP_PIXELS = 6_000_000
_BLOCK = 256
_REACH = 256
_GDAL_CACHE_BYTES = 64 * 1024**2

_STATE_DATUM = "Say what its heights refer to: --dem-datum ellipsoid, egm96 or egm2008."


@dataclass(frozen=True)
class DemPlan:
    """What will be made of a DEM file, all of it checked.

    Attributes
    ----------
    source : Path
        The DEM file.
    path : Path
        GeoTIFF that `DemManager.fetch` will write or reuse.
    datum : str
        What the heights of the source refer to: ``ellipsoid``, ``egm96`` or ``egm2008``.
    requested : tuple of float
        Bounds that must be covered (west, south, east, north, degrees), without the buffer.
    transform : tuple of float
        GDAL corner transform of the result as Affine's a, b, c, d, e, f (degrees).
    width, height : int
        Size of the result (pixels).
    resampled : bool
        Whether the source is warped to EPSG:4326; else its pixels are only cropped.
    warnings : tuple of str
        What the user should know.
    """

    source: Path
    path: Path
    datum: str
    requested: Bounds
    transform: tuple[float, float, float, float, float, float]
    width: int
    height: int
    resampled: bool
    warnings: tuple[str, ...]

    @property
    def bounds(self) -> Bounds:
        """Outer edges of the result (west, south, east, north, degrees)."""
        a, _, west, _, e, north = self.transform
        return west, north + self.height * e, west + self.width * a, north

    @property
    def summary(self) -> str:
        """One sentence for people: what will be done."""
        steps = ["warp to EPSG:4326" if self.resampled else "crop"]
        if self.datum != "ellipsoid":
            steps.append(f"add the {self.datum} geoid ({_GEOIDS[self.datum][1]})")
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
        What its heights refer to (`DATUMS`); None if the file says so itself.
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
        if datum is not None and datum not in DATUMS:
            raise UsageError(f"--dem-datum {datum} is not known.", f"It is {' or '.join(DATUMS)}.", _STATE_DATUM)
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
        with _open(self._file) as dataset:
            _check_layout(dataset, self._file)
            crs = _crs(dataset, self._file)
            datum = _decide_datum(_stated_datum(crs, self._file), self._datum, self._file)
            if datum in _GEOIDS:
                _geoid_transformer(datum, self._file)
            notes = []
            if dataset.count > 1:
                notes.append(f"{self._file.name} has {dataset.count} bands: the first is taken as the heights.")
            resampled = not _is_wgs84(crs)
            origin, step, shape, short = _lattice(dataset, crs, bounds, self._buffer)
            if short:
                notes.append(
                    f"{self._file.name} covers the area but not all of the buffer of {self._buffer:g} degrees: "
                    f"it lacks {short}."
                )
        west, south, east, north = (
            edge + sign * self._buffer for edge, sign in zip(bounds, (-1, -1, 1, 1), strict=True)
        )
        left, right = _outward(west, east, origin[0], step[0], shape[1])
        top, bottom = _outward(north, south, origin[1], step[1], shape[0])
        transform = (step[0], 0.0, origin[0] + left * step[0], 0.0, step[1], origin[1] + top * step[1])
        size = (right - left, bottom - top)
        path = self._folder / f"{_key(self._file, bounds, transform, size, datum)}.tif"
        plan = DemPlan(self._file, path, datum, bounds, transform, *size, resampled, tuple(notes))
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
        voids = _cached_voids(plan)
        if voids is None:
            _make_folder(plan)
            part = plan.path.with_name(f"{plan.path.name}.{os.getpid()}.part")
            try:
                voids = _write(plan, part)
                _sync(part)
                part.replace(plan.path)
            finally:
                part.unlink(missing_ok=True)
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


@contextmanager
def _open(path: Path) -> Iterator[Any]:
    """Open a raster for reading with a small block cache and with the vertical CRS of old GeoTIFFs."""
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioIOError

    with rasterio.Env(GTIFF_REPORT_COMPD_CS="YES", GDAL_CACHEMAX=_GDAL_CACHE_BYTES):
        try:
            with warnings.catch_warnings():
                # What is not georeferenced is refused with an explanation by _check_layout.
                warnings.simplefilter("ignore", NotGeoreferencedWarning)
                dataset = rasterio.open(path)
        except RasterioIOError as error:
            raise UsageError(
                f"The DEM {path} cannot be opened.",
                f"{error}." if path.exists() else "There is no such file.",
                "Give --dem a raster file with heights, for example a GeoTIFF.",
            ) from error
        with dataset:
            yield dataset


def _check_layout(dataset: Any, path: Path) -> None:
    """Refuse rasters without a place on Earth, and bands that are not heights in metres."""
    problem = f"The DEM {path} cannot be used."
    a, b, _, d, e = dataset.transform[:5]
    dtype, unit = dataset.dtypes[0], dataset.units[0] or ""
    if dataset.crs is None:
        raise UsageError(
            problem, "It has no CRS.", "Write it into the file: gdal_edit -a_srs EPSG:4326 (if that is what it is)."
        )
    if dataset.transform.is_identity or b or d or a <= 0 or e >= 0:
        raise UsageError(
            problem, f"Its transform is missing, rotated or not north-up: {dataset.transform[:6]}.", "Use gdalwarp."
        )
    if dtype.startswith("complex"):
        raise UsageError(problem, f"Its pixels are {dtype}, not heights.", "Give --dem a raster with heights.")
    if unit.strip().lower() not in _METRES:
        raise UsageError(
            problem, f"Its unit is {unit!r}; heights must be in metres.", "Convert it, for example with gdal_calc."
        )


def _crs(dataset: Any, path: Path) -> CRS:
    from pyproj import CRS

    crs = CRS.from_wkt(dataset.crs.to_wkt(version="WKT2_2019"))
    horizontal = crs.to_2d()
    if not (horizontal.is_geographic or horizontal.is_projected):
        raise UsageError(
            f"The DEM {path} cannot be used.",
            f"Its CRS {crs.name!r} is neither geographic nor projected.",
            "Write the right CRS into the file with gdal_edit -a_srs.",
        )
    return crs


def _is_wgs84(crs: CRS) -> bool:
    """Whether the horizontal CRS is EPSG:4326, whatever the order of its axes."""
    from pyproj import CRS

    horizontal = crs.to_2d()
    return horizontal.to_epsg() == 4326 or horizontal.equals(CRS.from_epsg(4326), ignore_axis_order=True)


def _stated_datum(crs: CRS, path: Path) -> str | None:
    """Return the datum of the heights that the file states itself, if it does."""
    height = next((axis for axis in crs.axis_info if axis.direction.lower() in ("up", "down")), None)
    if height is None:
        return None
    problem = f"The DEM {path} cannot be used."
    if height.direction.lower() == "down" or height.unit_name not in ("metre", "meter"):
        raise UsageError(
            problem,
            f"By its CRS {crs.name!r} its values are {height.unit_name} {height.direction}; needed are metres up.",
            "Convert it, for example with gdalwarp -t_srs.",
        )
    vertical = next((part for part in crs.sub_crs_list if part.is_vertical), None)
    if vertical is None or "ellips" in vertical.name.lower():
        return "ellipsoid"
    name = vertical.name.lower().replace(" ", "")
    for geoid, (epsg, _) in _GEOIDS.items():
        if vertical.to_epsg() == epsg or geoid in name:
            return geoid
    raise UsageError(
        problem,
        f"Its heights refer to {vertical.name!r}; only {', '.join(DATUMS)} can be converted.",
        "Convert its heights to the WGS84 ellipsoid (gdalwarp -t_srs EPSG:4979) and give that file.",
    )


def _decide_datum(stated: str | None, option: str | None, path: Path) -> str:
    if stated and option and stated != option:
        raise UsageError(
            f"The DEM {path} and --dem-datum {option} contradict each other.",
            f"The file says that its heights refer to: {stated}.",
            "Leave --dem-datum out, or correct the CRS of the file.",
        )
    datum = stated or option
    if datum is None:
        raise UsageError(
            f"It is not known what the heights of the DEM {path} refer to.",
            "Its CRS has no vertical part, and geoid and ellipsoid are up to 100 m apart.",
            _STATE_DATUM,
        )
    return datum


def _geoid_transformer(datum: str, path: Path) -> Transformer:
    """Return the transformer of geoid heights to ellipsoidal heights, with its grid; never a ballpark one."""
    import pyproj
    from pyproj.exceptions import ProjError

    epsg, grid = _GEOIDS[datum]
    try:
        return pyproj.Transformer.from_crs(
            f"EPSG:4326+{epsg}", "EPSG:4979", always_xy=True, allow_ballpark=False, only_best=True
        )
    except ProjError as error:
        network = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:4326").is_network_enabled
        raise UsageError(
            f"The {datum} heights of the DEM {path} cannot be converted to ellipsoidal heights.",
            f"PROJ cannot use the geoid grid {grid}: it is missing or damaged. PROJ looks in "
            f"{pyproj.datadir.get_data_dir()} and in its user folder, which `pyproj sync` writes to; "
            f"its network access is {'on' if network else 'off'}.",
            f"Get it with `projsync --file {grid}` or `pyproj sync --file {grid}`, or set PROJ_NETWORK=ON, or "
            "convert the DEM to ellipsoidal heights elsewhere and say --dem-datum ellipsoid.",
        ) from error


def _lattice(
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
    if _is_wgs84(crs):
        covered = reached = tuple(dataset.bounds)
        step = (dataset.transform.a, dataset.transform.e)
        shape = dataset.shape
    else:
        covered, reached = (_limits(dataset, crs, box) for box in (bounds, wanted))
        affine, _, _ = calculate_default_transform(
            crs.to_2d().to_wkt(), "EPSG:4326", dataset.width, dataset.height, *dataset.bounds
        )
        step = (affine.a, affine.e)
        # The sides of a warped raster slant: where it ends along the buffered sides, the bounds may still fit.
        reached = (
            min(reached[0], west), min(reached[1], south), max(reached[2], east), max(reached[3], north)
        )  # fmt: skip
        shape = (
            math.ceil((reached[1] - reached[3]) / step[1] - _TOLERANCE),
            math.ceil((reached[2] - reached[0]) / step[0] - _TOLERANCE),
        )
    lacking = _lacking(covered, bounds, step)
    if lacking:
        raise NoDataError(
            f"The DEM {dataset.name} does not cover the area.",
            f"It lacks {lacking}; it covers W {covered[0]:.4f} S {covered[1]:.4f} E {covered[2]:.4f} "
            f"N {covered[3]:.4f}, the area is W {west:.4f} S {south:.4f} E {east:.4f} N {north:.4f}.",
            f"Give a DEM that covers the area and, better, {buffer:g} degrees around it.",
        )
    return (reached[0], reached[3]), step, shape, _lacking(reached, wanted, step)


def _limits(dataset: Any, crs: CRS, bounds: Bounds) -> Bounds:
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


def _lacking(covered: Bounds, wanted: Bounds, step: tuple[float, float]) -> str:
    """Say on which sides, and by how many degrees, some bounds reach beyond others."""
    missing = [sign * (covered[side] - wanted[side]) for side, sign in enumerate((1, 1, -1, -1))]
    tolerance = _TOLERANCE * step[0]
    return ", ".join(
        f"{size:.4f} degrees in the {name}" for name, size in zip(_SIDES, missing, strict=True) if size > tolerance
    )


def _outward(first: float, last: float, origin: float, step: float, count: int, margin: int = 0) -> tuple[int, int]:
    """Return the half-open range of pixels that covers `first` to `last`, as far as there are pixels."""
    start = math.floor((first - origin) / step + _TOLERANCE) - margin
    stop = math.ceil((last - origin) / step - _TOLERANCE) + margin
    return max(start, 0), min(stop, count)


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


def _make_folder(plan: DemPlan) -> None:
    folder = plan.path.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"The cache folder {folder} cannot be made.", f"{error.strerror}.", "Give --cache a writable folder."
        ) from error
    if not os.access(folder, os.W_OK):
        raise UsageError(
            f"The cache folder {folder} is not writable.", "Its permissions forbid it.", "Give --cache another."
        )
    needed, free = 4 * plan.width * plan.height, shutil.disk_usage(folder).free
    if free < needed:
        raise ResourceError(
            f"There is not enough disk for the DEM in {folder}.",
            f"It takes up to {needed / 1e6:.0f} MB, {free / 1e6:.0f} MB are free.",
            "Free some disk, or give --cache a folder on another one.",
        )


def _write(plan: DemPlan, part: Path) -> tuple[int, int]:
    """Write the result strip by strip; return the number of voids within and around the bounds."""
    import numpy as np
    import rasterio
    from rasterio.errors import RasterioIOError

    undulation = None if plan.datum == "ellipsoid" else _geoid_transformer(plan.datum, plan.source)
    (top, bottom), (left, right) = _area(plan)
    in_area = in_all = 0
    limit = _MAX_VOID_SHARE * (bottom - top) * (right - left)
    flat, deep = True, False
    try:
        with _open(plan.source) as dataset, rasterio.open(part, "w", **_profile(plan)) as out:
            for row, before, strip, after in _with_neighbours(_strips(dataset, plan)):
                void = np.isnan(strip)
                in_all += int(void.sum())
                in_area += int(void[max(top - row, 0) : max(bottom - row, 0), left:right].sum())
                flat = flat and not np.any(strip, where=~void)
                if in_area > limit:
                    continue  # only the count matters now
                heights = _fill(before, strip, after) if void.any() else strip
                if undulation is not None:
                    heights = _add_undulation(heights, row, plan, undulation)
                deep = deep or bool(np.isnan(heights).any())
                out.write(heights, 1, window=((row, row + len(heights)), (0, plan.width)))
            out.update_tags(VOIDS_IN_AREA=in_area, VOIDS_IN_BUFFER=in_all - in_area, DATUM_FROM=plan.datum)
            out.descriptions, out.units = ("height above the WGS84 ellipsoid",), ("m",)
        _refuse_voids(plan, in_area, (bottom - top) * (right - left), flat=flat)
        if deep:
            _fill_deep(part)
    except (RasterioIOError, OSError) as error:
        raise ResourceError(
            f"The DEM {part} cannot be written.", f"{error}.", "Free some disk and run the command again."
        ) from error
    return in_area, in_all - in_area


def _profile(plan: DemPlan) -> dict[str, Any]:
    from rasterio import Affine

    return {
        "driver": "GTiff", "dtype": "float32", "count": 1, "width": plan.width, "height": plan.height,
        "crs": "EPSG:4326", "transform": Affine(*plan.transform), "nodata": math.nan, "tiled": True,
        "blockxsize": _BLOCK, "blockysize": _BLOCK, "compress": "deflate", "predictor": 3, "zlevel": 1,
        "BIGTIFF": "IF_SAFER",
    }  # fmt: skip


def _area(plan: DemPlan) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the half-open ranges of rows and columns of the result that cover the requested bounds."""
    a, _, x0, _, e, y0 = plan.transform
    west, south, east, north = plan.requested
    return _outward(north, south, y0, e, plan.height), _outward(west, east, x0, a, plan.width)


def _refuse_voids(plan: DemPlan, voids: int, pixels: int, *, flat: bool) -> None:
    problem = f"The DEM {plan.source} cannot be used for this area."
    remedy = "Give another DEM, or fill its voids first."
    if flat:
        raise NoDataError(problem, "All of its heights are 0 or missing there.", remedy)
    if voids > _MAX_VOID_SHARE * pixels:
        raise NoDataError(
            problem,
            f"{voids} of {pixels} pixels ({voids / pixels:.1%}) have no height (nodata, or not within "
            f"{_LIMITS_M[0]:g} to {_LIMITS_M[1]:g} m); at most {_MAX_VOID_SHARE:.0%} can be interpolated.",
            remedy,
        )


def _strips(dataset: Any, plan: DemPlan) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield first row and heights (float32, NaN where void) of strips of the result, north to south."""
    rows = max(_STRIP_PIXELS // plan.width // _BLOCK, 1) * _BLOCK
    for row in range(0, plan.height, rows):
        count = min(rows, plan.height - row)
        yield row, (_warp if plan.resampled else _crop)(dataset, plan, row, count)


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


def _crop(dataset: Any, plan: DemPlan, row: int, count: int) -> NDArray[np.float32]:
    """Read rows of the result from a source with the same pixels."""
    from rasterio.windows import Window

    a, _, west, _, e, north = plan.transform
    left = round((west - dataset.transform.c) / a)
    top = round((north - dataset.transform.f) / e)
    return _read(dataset, Window(left, top + row, plan.width, count), plan.source)


def _warp(dataset: Any, plan: DemPlan, row: int, count: int) -> NDArray[np.float32]:
    """Make rows of the result from a source on another CRS, by bilinear interpolation.

    The voids of the source are NaN before the interpolation, declared or not: they do not bleed into heights.
    """
    import numpy as np
    from rasterio import Affine
    from rasterio.io import MemoryFile
    from rasterio.transform import array_bounds
    from rasterio.vrt import WarpedVRT
    from rasterio.warp import Resampling, transform_bounds
    from rasterio.windows import Window

    a, b, west, d, e, north = plan.transform
    target = Affine(a, b, west, d, e, north + row * e)
    crs = _crs(dataset, plan.source).to_2d().to_wkt()
    box = transform_bounds("EPSG:4326", crs, *array_bounds(count, plan.width, target), densify_pts=101)
    x_step, _, x0, _, y_step, y0 = dataset.transform[:6]
    left, right = _outward(box[0], box[2], x0, x_step, dataset.width, margin=2)
    top, bottom = _outward(box[3], box[1], y0, y_step, dataset.height, margin=2)
    if left >= right or top >= bottom:
        return np.full((count, plan.width), np.nan, np.float32)
    block = {
        "driver": "GTiff", "dtype": "float32", "count": 1, "nodata": math.nan, "crs": crs,
        "width": right - left, "height": bottom - top, "BIGTIFF": "IF_SAFER",
        "transform": Affine(x_step, 0.0, x0 + left * x_step, 0.0, y_step, y0 + top * y_step),
    }  # fmt: skip
    warp = {
        "crs": "EPSG:4326", "transform": target, "width": plan.width, "height": count,
        "resampling": Resampling.bilinear,
        # GDAL's own tolerance of 0.125 pixel, and the wider kernel it takes where a pixel becomes larger, are
        # worth 0.1 pixel: metres of height on steep slopes.
        "tolerance": 0.001, "XSCALE": 1, "YSCALE": 1,
    }  # fmt: skip
    with MemoryFile() as memory:
        with memory.open(**block) as source:
            source.write(_read(dataset, Window(left, top, right - left, bottom - top), plan.source), 1)
        with memory.open() as source, WarpedVRT(source, **warp) as warped:
            heights: NDArray[np.float32] = warped.read(1)
    return heights


def _read(dataset: Any, window: Any, path: Path) -> NDArray[np.float32]:
    """Read heights (m) with NaN where there is none."""
    import numpy as np
    from rasterio.errors import RasterioIOError

    try:
        band = dataset.read(1, window=window, masked=True)
    except RasterioIOError as error:
        raise NoDataError(f"The DEM {path} is damaged.", f"{error}.", "Fetch or make the file again.") from error
    heights: NDArray[np.float32] = band.data.astype(np.float32)
    scale, offset = dataset.scales[0], dataset.offsets[0]
    if (scale, offset) != (1.0, 0.0):
        heights = (heights * scale + offset).astype(np.float32)
    # "not within" rather than "outside", so that NaN and infinity are voids too.
    heights[np.ma.getmaskarray(band) | ~((heights >= _LIMITS_M[0]) & (heights <= _LIMITS_M[1]))] = np.nan
    return heights


def _fill(
    before: NDArray[np.float32], strip: NDArray[np.float32], after: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Interpolate the voids of a strip from what is within `_REACH` pixels; what is farther stays NaN."""
    import numpy as np
    from rasterio.fill import fillnodata

    stack = np.concatenate([before, strip, after])
    valid = ~np.isnan(stack)
    if not valid.any():
        return strip
    filled: NDArray[np.float32] = fillnodata(stack, mask=valid.astype(np.uint8), max_search_distance=_REACH)
    return filled[len(before) : len(before) + len(strip)]


def _fill_deep(path: Path) -> None:
    """Fill what is too far from any height for `_fill`, from an overview of the whole DEM."""
    import numpy as np
    import rasterio
    from rasterio.enums import Resampling
    from rasterio.fill import fillnodata
    from scipy.ndimage import map_coordinates

    with rasterio.Env(GDAL_CACHEMAX=_GDAL_CACHE_BYTES), rasterio.open(path, "r+") as dem:
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
    heights: NDArray[np.float32], row: int, plan: DemPlan, transformer: Transformer
) -> NDArray[np.float32]:
    """Turn heights above the geoid into heights above the ellipsoid: h = H + N at every pixel centre."""
    import numpy as np

    a, _, west, _, e, north = plan.transform
    result = np.empty_like(heights)
    for first in range(0, len(heights), 64):  # PROJ takes float64 coordinates: 24 bytes a pixel
        block = slice(first, min(first + 64, len(heights)))
        latitude = north + e * (row + np.arange(block.start, block.stop) + 0.5)
        longitude = west + a * (np.arange(plan.width) + 0.5)
        x, y = np.meshgrid(longitude, latitude)
        undulation = transformer.transform(x, y, np.zeros_like(x))[2]
        if not np.isfinite(undulation).all():
            raise UsageError(
                f"The {plan.datum} heights of the DEM {plan.source} cannot be converted.",
                f"PROJ's geoid grid {_GEOIDS[plan.datum][1]} cannot be read or does not cover {plan.bounds}.",
                "Install the whole grid (projsync), or convert the DEM to ellipsoidal heights elsewhere.",
            )
        result[block] = heights[block] + undulation
    return result


def _sync(path: Path) -> None:
    """Have the disk hold all of a file before it gets its final name."""
    with path.open("rb") as stream:
        os.fsync(stream.fileno())
