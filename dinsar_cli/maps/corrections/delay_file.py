"""Delay of the troposphere from files of a weather model: which file is of which date, and what is in it.

Read are single-band rasters of GDAL (GeoTIFF, NetCDF, ...), and the binary ``.ztd`` with ``.ztd.rsc`` of GACOS
(http://www.gacos.net: float32, little endian, rows from north to south, degrees of WGS84). A date may come as two
files, or two variables of a NetCDF, the hydrostatic and the wet part, as RAiDER writes them: they are added. Its
cubes have a band for each of several heights above the ellipsoid; so have the weather models that it prepares, with
the delay in the zenith from each height upward.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader

from dinsar_cli.base.rasters import open_raster
from dinsar_cli.base.user_files import kind_of, read_text
from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.geo.crs import GEOGRAPHIC

Floats: TypeAlias = NDArray[np.floating[Any]]

SUFFIXES = (".ztd", ".tif", ".tiff", ".nc", ".nc4", ".vrt", ".grd", ".img")
_DAY = re.compile(r"(?<!\d)((?:19|20)\d{2})([-_]?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])(?!\d)")
_PARTS = ("hydro", "wet")
_MOST_DELAY = 15.0  # m: 2.3 m at sea level in the zenith, 6 m at 70 degrees
_METRES = {"", "m", "metre", "metres", "meter", "meters", "1"}
_HEIGHTS = {"z", "height", "heights", "altitude"}  # names of the third dimension of a cube
_TOTALS = ("hydro_total", "wet_total")  # of a weather model of RAiDER, whose hydro and wet are refractivity
_MODELS = ({"lnsp"}, {"q", "t"}, {"hydro_total"}, {"wet_total"})  # what only weather models have
_EVEN = 0.02  # of a step by which those of a grid in single precision may differ
_ROUNDING = 1e-3  # m below zero that may be left where the air ends
_MOST_HEADER = 1 << 20  # bytes
_KEY = "corrections.troposphere"


@dataclass(frozen=True)
class Delay:
    """Delay of one date as it lies in a file.

    Attributes
    ----------
    values : ndarray
        Metres; NaN where there is none. Shape (rows, columns), of a cube (heights, rows, columns).
    transform : Affine
        From (column, row) of pixel corners to map coordinates.
    crs : str
        Coordinate system, as WKT or a name of an authority.
    heights : tuple of float
        Of a cube, metres above the ellipsoid, increasing; empty where the delay is that of the ground.
    direction : str
        ``zenith`` or ``slant`` where the file tells it, else empty.
    """

    values: Floats
    transform: Affine
    crs: str
    heights: tuple[float, ...] = ()
    direction: str = ""

    def level(self, number: int) -> Delay:
        """Return the delay at one height of a cube; what is no cube is the same at all."""
        return replace(self, values=self.values[number], heights=()) if self.heights else self


def files_of_pair(paths: Sequence[Path], dates: tuple[date, date]) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Return the files of the earlier and of the later date, by the dates in their names.

    Parameters
    ----------
    paths : sequence of Path
        Files, or folders of them; those of other dates do not matter.
    dates : (date, date)
        Of the pair, UTC.

    Raises
    ------
    UsageError
        When there is no such file, a name has no date or two, or a date has several files.
    NoDataError
        When a date has no file.
    """
    found: dict[date, list[Path]] = {}
    for path in _files(paths):
        days = _days(path)
        if len(days) != 1:
            told = "no date" if not days else f"{len(days)} dates ({', '.join(map(str, days))})"
            raise UsageError(
                f"{path} is no delay of one date.",
                f"Its name has {told}; {_KEY} takes the delay at each date, not a difference.",
                "Give one file for each date of the pair, with that date as YYYYMMDD in its name.",
            )
        found.setdefault(days[0], []).append(path)
    missing = [day for day in dates if day not in found]
    if missing:
        have = ", ".join(day.isoformat() for day in sorted(found)) or "none"
        raise NoDataError(
            f"There is no delay of {' and '.join(day.isoformat() for day in missing)}.",
            f"{_KEY} needs both dates of the pair, and the names of the files that it was given have: {have}.",
            "Fetch the delay of both dates, and name the files with the dates as YYYYMMDD.",
        )
    earlier, later = (_of_one_day(day, found[day]) for day in dates)
    return earlier, later


def _files(paths: Sequence[Path]) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(one for one in path.iterdir() if one.suffix.lower() in SUFFIXES and _days(one))
            files += inside
        elif path.is_file():
            files += [path] if path.suffix.lower() != ".rsc" else []
        else:
            raise UsageError(
                f"{path} is not there.",
                f"{_KEY} names it, and it is neither a file nor a folder.",
                "Correct the path.",
            )
    # GACOS gives the same delay as .ztd and .ztd.tif: one of them is enough.
    return [path for path in dict.fromkeys(files) if path.with_name(f"{path.name}.tif") not in files]


def _days(path: Path) -> list[date]:
    days = []
    for year, _, month, day in _DAY.findall(re.sub(r"T\d{6}", " ", path.name)):
        try:
            days.append(date(int(year), int(month), int(day)))
        except ValueError:
            continue
    return list(dict.fromkeys(days))


def _of_one_day(day: date, files: Sequence[Path]) -> tuple[Path, ...]:
    if len(files) == 1:
        return tuple(files)
    parts = [[part for part in _PARTS if part in file.name.lower()] for file in files]
    if sorted(parts) != [[part] for part in _PARTS]:
        raise UsageError(
            f"{_KEY} has {len(files)} files of {day}.",
            f"They are {', '.join(file.name for file in files)}; only a hydrostatic and a wet part (hydro and wet "
            "in their names) are added.",
            "Give one file for each date.",
        )
    return tuple(files)


def read_delay(files: Iterable[Path]) -> Delay:
    """Read the delay of one date; its parts are added.

    Raises
    ------
    UsageError
        When a file is no raster with a place, or holds no delay in metres.
    NoDataError
        When it holds no values.
    """
    made: list[tuple[str, Delay]] = []
    for path in files:
        made += [
            (path.name, delay) for delay in (_read_gacos(path) if path.suffix == ".ztd" else _read_raster(path))
        ]
    name, first = made[0]
    total = first.values
    for other_name, other in made[1:]:
        same = other.values.shape == total.shape and other.heights == first.heights
        if not (same and other.transform.almost_equals(first.transform)):
            raise UsageError(
                f"{name} and {other_name} cannot be added.",
                "The hydrostatic and the wet part lie on different grids.",
                "Give one file with the total delay.",
            )
        total = total + other.values
    _check_values(name, total)
    return replace(first, values=np.asarray(total, np.float32))


def _read_raster(path: Path) -> list[Delay]:
    """Return the delay of a raster file, or its hydrostatic and wet parts."""
    try:
        with open_raster(path) as dataset:
            inside = {name.rpartition(":")[2].strip("/").lower(): name for name in dataset.subdatasets}
        if set(_TOTALS) <= set(inside):
            return _read_model(path, inside)
        if any(model <= set(inside) for model in _MODELS):
            raise UsageError(
                f"{path} is a weather model, not a delay.",
                f"It has {', '.join(inside)}; RAiDER makes the delay from it.",
                "Give the file that RAiDER wrote then: its name has tropo and ends in _ztd.nc. The weather model "
                "that it prepared, with wet_total and hydro_total, does as well.",
            )
        chosen = [inside[part] for part in _PARTS if part in inside] or _only(path, inside)
        return [_read_band(path, name) for name in chosen]
    except RasterioError as error:
        raise UsageError(
            f"{path} cannot be read.",
            f"It is not a whole raster: {error}.",
            "Fetch the file again, or give a GeoTIFF, a NetCDF, or a .ztd with its .ztd.rsc.",
        ) from error


def _read_model(path: Path, inside: dict[str, str]) -> list[Delay]:
    """Return the hydrostatic and the wet part of the delay in the zenith from a weather model.

    GDAL does not tell where it lies when its x and y have no units; latitude and longitude are in it too.
    """
    parts = [replace(_read_band(path, inside[part], placed=True), direction="zenith") for part in _TOTALS]
    if parts[0].transform.is_identity:
        transform = _transform_of(path, inside)
        parts = [replace(part, transform=transform, crs=GEOGRAPHIC) for part in parts]
    return parts


def _transform_of(path: Path, inside: dict[str, str]) -> Affine:
    """Return the transform of degrees that arrays of latitude and longitude have.

    Raises
    ------
    UsageError
        When there are none, or they are no grid in degrees.
    """
    axes = []
    for name, along in (("longitude", 1), ("latitude", 0)):
        if name not in inside:
            raise _without_place(path)
        with open_raster(inside[name]) as dataset:
            places = np.asarray(dataset.read(1), np.float64)
        axis = places.mean(axis=1 - along)
        steps = np.diff(axis)
        even = steps.size > 0 and steps[0] != 0 and np.allclose(steps, steps[0], rtol=_EVEN, atol=0)
        if not even or np.ptp(places, axis=1 - along).max() > _EVEN * abs(steps[0]):
            raise _without_place(path)
        step = float((axis[-1] - axis[0]) / (len(axis) - 1))
        axes.append((float(axis[0]) - step / 2, step))
    (west, dx), (north, dy) = axes
    return Affine(dx, 0, west, 0, dy, north)


def _only(path: Path, inside: dict[str, str]) -> list[str]:
    if not inside:
        return [str(path)]
    named = [name for key, name in inside.items() if key in {"ztd", "total", "delay", "slant_delay"}]
    if len(named) == 1:
        return named
    raise UsageError(
        f"{path} holds several layers.",
        f"They are {', '.join(inside)}, and none of them is called ztd, or hydro and wet.",
        "Give a file with the delay only, such as a GeoTIFF of one band.",
    )


def _read_band(path: Path, name: str, *, placed: bool = False) -> Delay:
    """Read a layer; one whose place is told elsewhere need not tell it."""
    with open_raster(name) as dataset:
        heights = _heights(path, dataset) if dataset.count != 1 else ()
        unit = (
            str(dataset.units[0] or dataset.tags(1).get("units") or dataset.tags().get("unit") or "")
            .strip()
            .lower()
        )
        values = dataset.read(masked=True).astype(np.float64).filled(np.nan)
        transform, crs = dataset.transform, dataset.crs
        direction = _direction(dataset.tags(1).get("description", ""))
    order = np.argsort(heights)
    values = values[order] if heights else values[0]
    if unit not in _METRES:
        raise UsageError(f"{path} is not in metres.", f"Its unit is {unit!r}.", "Convert it to metres of delay.")
    if crs is None and not placed and (transform.is_identity or not _in_degrees(transform, values.shape[-2:])):
        raise _without_place(path)
    place = crs.to_wkt() if crs else GEOGRAPHIC
    return Delay(values, transform, place, tuple(heights[k] for k in order), direction)


def _without_place(path: Path) -> UsageError:
    return UsageError(
        f"{path} has no place.",
        "It has no coordinate system, or no coordinates.",
        "Give a georeferenced raster: gdal_edit.py -a_srs EPSG:4326 tells that it is in degrees.",
    )


def _heights(path: Path, dataset: DatasetReader) -> tuple[float, ...]:
    """Return the heights of the bands of a cube: GDAL tells those of NetCDF band by band."""
    tags = [dataset.tags(band) for band in dataset.indexes]
    names = [name for name in _HEIGHTS if all(f"NETCDF_DIM_{name}" in own for own in tags)]
    heights = tuple(float(own[f"NETCDF_DIM_{names[0]}"]) for own in tags) if names else ()
    if len(set(heights)) != dataset.count:
        raise UsageError(
            f"{path} has {dataset.count} bands.",
            "A delay is one band, or a NetCDF with one for each height (z): which of these is meant is not known.",
            "Give a file of one band for each date, or the cube of RAiDER.",
        )
    unit = dataset.tags().get(f"{names[0]}#units", "").strip().lower()
    if unit not in _METRES:
        raise UsageError(
            f"{path} has heights in {unit!r}.", "Needed are metres above the ellipsoid.", "Convert them."
        )
    return heights


def _direction(description: str) -> str:
    """Give direction that RAiDER wrote down; what it calls "slant - projected" is, in its cubes, not projected."""
    return next(
        (word for word in ("zenith", "slant") if word in description and "projected" not in description), ""
    )


def _in_degrees(transform: Affine, shape: tuple[int, ...]) -> bool:
    """Tell whether a raster can lie in longitude and latitude, as files of NetCDF do that do not say it."""
    x, y = transform.c + transform.a * shape[1], transform.f + transform.e * shape[0]
    return all(abs(lon) <= 360 for lon in (transform.c, x)) and all(abs(lat) <= 90 for lat in (transform.f, y))


def _read_gacos(path: Path) -> list[Delay]:
    """Return a ``.ztd`` with the ``.ztd.rsc`` that tells its size and place.

    X_FIRST and Y_FIRST are the first corner.
    """
    header = path.with_name(f"{path.name}.rsc")
    try:
        words = dict(
            line.split()[:2] for line in read_text(header, _MOST_HEADER).splitlines() if len(line.split()) > 1
        )
        width, length = int(words["WIDTH"]), int(words["FILE_LENGTH"])
        west, north, step_x, step_y = (float(words[k]) for k in ("X_FIRST", "Y_FIRST", "X_STEP", "Y_STEP"))
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(
            f"{path} cannot be placed.",
            f"{header.name} beside it does not tell its size and place: {error}.",
            "Keep both files of GACOS together, or give its .ztd.tif.",
        ) from error
    with path.open("rb") as file:
        kind = kind_of(file.read(1000))
    if kind and not kind.startswith(("begins", "is JSON", "is UTF")):
        raise UsageError(f"{path} is no delay.", f"It {kind}.", "Fetch both files again.")
    values = np.fromfile(path, "<f4").astype(np.float64)
    if values.size != width * length:
        raise UsageError(
            f"{path} is not whole.",
            f"It holds {values.size} values, and {header.name} says {width} x {length}.",
            "Fetch both files again.",
        )
    return [Delay(values.reshape(length, width), Affine(step_x, 0, west, 0, step_y, north), GEOGRAPHIC)]


def _check_values(name: str, values: Floats) -> None:
    """Refuse what cannot be a delay in metres; zero means that there is none."""
    values[values == 0] = np.nan
    known = values[np.isfinite(values)]
    if not known.size:
        raise NoDataError(
            f"{name} is empty.",
            "Every pixel of it is without data, or zero.",
            "Fetch the delay of that date again.",
        )
    low, high = float(known.min()), float(known.max())
    if low < -_ROUNDING or high > _MOST_DELAY:
        unit = "a difference of two dates" if low < -_ROUNDING else "in millimetres or centimetres, it seems"
        raise UsageError(
            f"{name} holds no delay in metres.",
            f"Its values are {low:g} to {high:g}: {unit}; a delay is 0 to {_MOST_DELAY:g} m.",
            "Give the delay at each date, in metres.",
        )
