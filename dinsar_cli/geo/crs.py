"""Coordinate reference systems of maps: which there can be, their names, and how they lie on the ground."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterable
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from pyproj import CRS, Geod, Transformer
from pyproj.exceptions import CRSError, ProjError
from pyproj.transformer import TransformerGroup
from rasterio import Affine
from rasterio.crs import CRS as RasterCRS  # noqa: N811 - pyproj has another of this name
from rasterio.errors import RasterioError
from rasterio.io import MemoryFile

from dinsar_cli.base.user_files import OddFileError, read_text
from dinsar_cli.errors import UsageError
from dinsar_cli.geo.antimeridian import Bounds, middle_of, near
from dinsar_cli.geo.file_kinds import is_crs_file

GEOGRAPHIC = "EPSG:4326"
UTM = "utm"
"""The zone of the area."""

_UTM_ZONE = re.compile(r"EPSG:32[67](0[1-9]|[1-5][0-9]|60)")
_UTM_LATITUDES = (-80.0, 84.0)
# A zone and a half from the central meridian: scale error below 1 %, rotation below 9 degrees.
_UTM_REACH_DEGREES = 9.0
# Farther from true to scale a system is of no use outside of the area that it is made for.
_OUTSIDE_SCALE = 0.01
_LATTICE = 7  # places each way at which a system is tried over an area
_THERE_AND_BACK = 1e-6  # degrees
_MOST_BYTES = 1 << 16  # of a file with a system
_SHOWN = 60  # characters of a system in messages
_SAME_M = 1e-3  # places that are nearer to each other are the same
_STEP_M = 50.0  # on both sides of a place where the length of a metre on the map is measured
_WGS84 = Geod(ellps="WGS84")
_CRS84 = ("OGC", "CRS84")
_POLAR = ({"north"}, {"south"})
_GIVE = (
    "Give EPSG:4326, utm, or a projected system in metres by its code (EPSG:2154), WKT, PROJ string or .prj file."
)


class Use(Enum):
    """How much of an area lies in that which a system is made for."""

    ALL = "all"
    PART = "part"
    NONE = "none"


def is_utm(name: str) -> bool:
    """Tell whether a name is the code of a WGS84 / UTM zone: ``EPSG:326xx`` or ``EPSG:327xx``."""
    return _UTM_ZONE.fullmatch(name) is not None


def is_code(name: str) -> bool:
    """Tell whether a name is a code, and not WKT."""
    return re.fullmatch(r"\w+:\w+", name) is not None


@lru_cache(maxsize=256)
def crs_name(text: str) -> str:
    """Return the name that a system has in dinsar, which is the one that its GeoTIFFs are read with.

    Parameters
    ----------
    text : str
        ``EPSG:4326``, or a projected system in metres: a code (``EPSG:2154``, ``ESRI:102003``, ``2154``), its exact
        name, WKT, a PROJ string, or the path of a ``.prj`` or ``.wkt`` file.

    Returns
    -------
    str
        A code, or WKT where there is none.

    Raises
    ------
    UsageError
        When it is no system, maps cannot be made in it, or a GeoTIFF cannot hold it.
    """
    if text == GEOGRAPHIC or is_utm(text):
        return text
    problem = f"The map cannot be made in {_short(text)}."
    crs = _parsed(text, problem)
    cause, remedy = _unfit(crs)
    if cause:
        raise UsageError(problem, cause, remedy)
    if not crs.is_projected:
        return GEOGRAPHIC
    name = _name_in_files(crs)
    if not name or not CRS.from_user_input(name).equals(crs, ignore_axis_order=True):
        other = f"; it would be read as {_short(name)}" if name else ""
        raise UsageError(problem, f"A GeoTIFF cannot hold this system as it is{other}.", _GIVE)
    return name


def crs_title(name: str) -> str:
    """Return a system for people: its code with what it is called, or the latter alone."""
    if name == GEOGRAPHIC or is_utm(name):
        return name
    called = CRS.from_user_input(name).name
    called = "a system without a name" if called in {"unknown", "unnamed"} else called
    return f"{name} ({called})" if is_code(name) else called


@lru_cache(maxsize=64)
def transformer(source: str, target: str) -> Transformer:
    """Return what brings x and y (longitude, easting first) from one system to another, by the best way of PROJ.

    It may be used by several threads.
    """
    return Transformer.from_crs(source, target, always_xy=True)


def ground_axes(name: str, x: Any, y: Any) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """Return where a metre along x, and one along y, of a projected system leads on the ground.

    Parameters
    ----------
    name : str
        A projected system in metres.
    x, y : float or ndarray
        Places in it, of one shape.

    Returns
    -------
    (east, north), (east, north) : float or ndarray
        Metres on the WGS84 ellipsoid; NaN where the system has no places.
    """
    east, north = np.asarray(x, np.float64), np.asarray(y, np.float64)
    move = transformer(name, GEOGRAPHIC).transform
    ends = [
        [np.atleast_1d(part) for part in move(east + side * across, north + side * along)]
        for across, along in ((_STEP_M, 0.0), (0.0, _STEP_M))
        for side in (-1, 1)
    ]
    axes = []
    for one, other in (ends[:2], ends[2:]):
        places = [np.where(np.isfinite(part), part, np.nan) for part in (*one, *other)]
        there, _, length = _WGS84.inv(places[0], places[1], places[2], places[3])
        metres, azimuth = np.asarray(length) / (2 * _STEP_M), np.radians(there)
        axes.append(tuple(np.reshape(metres * part, east.shape)[()] for part in (np.sin(azimuth), np.cos(azimuth))))
    (x_east, x_north), (y_east, y_north) = axes
    return (x_east, x_north), (y_east, y_north)


def ground_metres(name: str, x: Any, y: Any) -> tuple[Any, Any]:
    """Return the lengths on the ground of a metre of a projected system, along its x and along its y.

    Parameters and units are those of `ground_axes`.
    """
    along_x, along_y = ground_axes(name, x, y)
    return np.hypot(*along_x), np.hypot(*along_y)


def grid_north(name: str, x: float, y: float) -> float:
    """Return the direction of true north at a place, degrees clockwise from the y axis of a projected system."""
    lon, lat = transformer(name, GEOGRAPHIC).transform(x, y)
    ahead_x, ahead_y = transformer(GEOGRAPHIC, name).transform(lon, lat + (1e-4 if lat < 89 else -1e-4))
    way = 1 if lat < 89 else -1
    return float(np.degrees(np.arctan2(way * (ahead_x - x), way * (ahead_y - y))))


def accuracy(name: str, lonlat: Iterable[tuple[float, float]]) -> float | None:
    """Return how far a system is known against WGS84 at some places, metres: the worst of them.

    It is what PROJ states of the transformation that it takes there. Where it knows none but to take both datums as
    the same, it is that of one which does so elsewhere, as for ETRS89 beyond Europe; None without such a one.
    """
    move = Transformer.from_crs(GEOGRAPHIC, name, always_xy=True)  # of its own: it remembers what it did last
    found = []
    for place in lonlat:
        moved = move.transform(*place)
        try:
            known = move.get_last_used_operation().accuracy
        except ProjError:
            known = -1.0
        found.append(known if known >= 0 else _accuracy_elsewhere(name, place, moved))
    return None if min(found) < 0 else max(found)


def _accuracy_elsewhere(name: str, place: tuple[float, float], moved: tuple[float, float]) -> float:
    """Return the accuracy of a transformation that brings a place to where it was brought; -1 without one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it tells of files that are not here
        known = TransformerGroup(GEOGRAPHIC, name, always_xy=True).transformers
    alike = (
        one.accuracy for one in known if one.accuracy >= 0 and math.dist(one.transform(*place), moved) < _SAME_M
    )
    return min(alike, default=-1.0)


def better_accuracy(name: str) -> tuple[float, tuple[str, ...]] | None:
    """Return the accuracy of the best transformation whose files are not here, metres, and the files; or None."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it says the same
        group = TransformerGroup(GEOGRAPHIC, name, always_xy=True)
    known = [one for one in group.unavailable_operations if one.accuracy >= 0]
    if not known:
        return None
    best = min(known, key=lambda one: one.accuracy)
    return best.accuracy, tuple(grid.short_name for grid in best.grids if not grid.available)


def area_of_use(name: str) -> tuple[float, float, float, float] | None:
    """Return west, south, east, north in degrees of what a system is made for; None where it does not say it.

    East is more than 180 where it reaches over.
    """
    use = CRS.from_user_input(name).area_of_use
    if use is None:
        return None
    return use.west, use.south, use.east + 360 * (use.east < use.west), use.north


def crs_for(bounds_lonlat: Bounds, crs: str) -> str:
    """Return the name of a system that was asked for, checked against the area.

    Parameters
    ----------
    bounds_lonlat : tuple of float
        West, south, east, north in degrees.
    crs : str
        That `crs_name` takes, or ``utm`` for the UTM zone of the area's centre.

    Raises
    ------
    UsageError
        When it is none, or of no use for the area.
    """
    west, south, east, north = bounds_lonlat
    centre_lon = (west + east) / 2
    if crs == UTM:
        zone = int((centre_lon + 180) // 6) % 60 + 1
        crs = f"EPSG:{326 if south + north >= 0 else 327}{zone:02d}"
    name = crs_name(crs)
    if name == GEOGRAPHIC:
        return name
    if not is_utm(name):
        _check_suits(bounds_lonlat, name)
        return name
    central_meridian = 6 * int(name[-2:]) - 183
    distance = abs((centre_lon - central_meridian + 180) % 360 - 180)
    lowest, highest = _UTM_LATITUDES
    if south < lowest or north > highest or distance > _UTM_REACH_DEGREES:
        raise UsageError(
            f"The map cannot be made in {name}.",
            f"The area ({west:g} {south:g} {east:g} {north:g}) is too far from the zone's central meridian "
            f"({central_meridian} degrees) or outside {lowest:g} to {highest:g} degrees of latitude.",
            f"Use grid.crs: {GEOGRAPHIC}, or utm for the zone of the area where UTM is defined.",
        )
    return name


def is_made_for(name: str, bounds: Bounds) -> Use:
    """Tell how much of an area, in degrees, a system is made for; all of it where it does not say."""
    use = area_of_use(name)
    if use is None:
        return Use.ALL
    west, south, east, north = bounds
    turn = near(middle_of(bounds), middle_of(use)) - middle_of(bounds)
    west, east = west + turn, east + turn
    if west >= use[2] or east <= use[0] or south >= use[3] or north <= use[1]:
        return Use.NONE
    inside = use[0] <= west and east <= use[2] and use[1] <= south and north <= use[3]
    return Use.ALL if inside else Use.PART


def _check_suits(bounds_lonlat: Bounds, name: str) -> None:
    """Refuse a system that has no places for an area, or is far from true to scale and not made for it."""
    west, south, east, north = bounds_lonlat
    there = f"{west:g} {south:g} {east:g} {north:g}"
    problem, remedy = f"The map cannot be made in {crs_title(name)}.", f"Use grid.crs: utm, or {GEOGRAPHIC}."
    lon, lat = (
        part.ravel()
        for part in np.meshgrid(*(np.linspace(*ends, _LATTICE) for ends in ((west, east), (south, north))))
    )
    x, y = transformer(GEOGRAPHIC, name).transform(lon, lat)
    back_lon, back_lat = transformer(name, GEOGRAPHIC).transform(x, y)
    with np.errstate(invalid="ignore"):
        away = np.hypot((near(back_lon, middle_of(bounds_lonlat)) - lon) * np.cos(np.radians(lat)), back_lat - lat)
    if not (away < _THERE_AND_BACK).all():
        raise UsageError(problem, f"The area ({there}: west south east north) has no places in it.", remedy)
    if is_made_for(name, bounds_lonlat) != Use.NONE:
        return
    scale = np.stack(ground_metres(name, x, y))
    if not (np.abs(scale - 1) <= _OUTSIDE_SCALE).all():
        used = " ".join(f"{edge:g}" for edge in area_of_use(name) or ())
        raise UsageError(
            problem,
            f"It is made for {used}, and the area is {there} (west south east north), where a metre of it is "
            f"{scale.min():.3g} to {scale.max():.3g} m on the ground.",
            remedy,
        )


def _parsed(text: str, problem: str) -> CRS:
    """Read a system that a user gave."""
    if is_crs_file(text):
        try:
            text = read_text(Path(text), _MOST_BYTES).strip()
        except (OSError, OddFileError) as error:
            cause = error.cause if isinstance(error, OddFileError) else f"{error.strerror}."
            raise UsageError(problem, f"The file cannot be read: {cause}", _GIVE) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # +init=epsg:2154
            crs = CRS.from_user_input(int(text) if text.isdecimal() else text)
    except (CRSError, OverflowError) as error:
        raise UsageError(problem, "PROJ does not know it as a coordinate reference system.", _GIVE) from error
    is_name = not re.search(r"[\[{+:=]", text) and not text.isdecimal()
    if is_name and _letters(text) != _letters(crs.name):  # PROJ takes what is a little like it
        raise UsageError(problem, f"No system is called so; {_called(crs)} is called nearly so.", _GIVE)
    return crs


def _letters(name: str) -> str:
    return re.sub(r"[\W_]", "", name).casefold()


def _called(crs: CRS) -> str:
    code = crs.to_authority()
    return f"{':'.join(code)} ({crs.name})" if code else crs.name


def _unfit(crs: CRS) -> tuple[str, str]:
    """Return why maps cannot be made in a system, and what to do; empty where they can."""
    if crs.is_compound or (crs.is_projected and len(crs.axis_info) > 2):
        flat = crs.sub_crs_list[0] if crs.is_compound else crs.to_2d()
        return "It has heights, and a map lies in the plane.", f"Give its horizontal part: {_called(flat)}."
    if crs.is_geographic:
        if crs.equals(CRS.from_user_input(GEOGRAPHIC), ignore_axis_order=True) or crs.to_authority() == _CRS84:
            return "", ""
        cause = f"{_called(crs)} is geographic; of these, maps are made in {GEOGRAPHIC} (WGS84) alone."
        return cause, f"Give {GEOGRAPHIC}, or a projected system of the place."
    if not crs.is_projected:
        kind = "geocentric" if crs.is_geocentric else "a system of heights" if crs.is_vertical else "not projected"
        return f"It is {kind}, and a map lies in the plane.", _GIVE
    cause = _odd_axes(crs)
    return (cause, _instead(crs)) if cause else ("", "")


def _odd_axes(crs: CRS) -> str:
    """Return what is wrong with the axes of a projected system; empty where nothing is."""
    for axis in crs.axis_info:
        if axis.unit_conversion_factor != 1:
            return f"Its unit is the {axis.unit_name}; maps are in metres."
    directions = [axis.direction for axis in crs.axis_info]
    if set(directions) != {"east", "north"} and set(directions) not in _POLAR:
        return f"Its axes point {' and '.join(directions)}; those of a map point east and north."
    return ""


def _instead(crs: CRS) -> str:
    """Name the system of which another one is a form with other units or axes, where one is found."""
    for name in (re.sub(r"[ _]\(?(ft\w*|Feet\w*)\)?$", "", crs.name), f"{crs.name} East North"):
        try:
            found = CRS.from_user_input(name)
        except CRSError:
            continue
        if found.name == name != crs.name and found.is_projected and not _odd_axes(found):
            return f"Give {_called(found)}, which is the same in metres east and north, or utm."
    return "Give another system of the place, in metres east and north, or utm."


def _name_in_files(crs: CRS) -> str:
    """Return the name with which a GeoTIFF of a system is read; empty where none can be written."""
    place = {"width": 1, "height": 1, "count": 1, "dtype": "uint8", "transform": Affine(10, 0, 10, 0, -10, 10)}
    try:
        with MemoryFile() as memory:
            with memory.open(driver="GTiff", crs=RasterCRS.from_wkt(crs.to_wkt()), **place) as dataset:
                dataset.write(np.zeros((1, 1, 1), np.uint8))
            with memory.open() as dataset:
                return "" if dataset.crs is None else str(dataset.crs.to_string())
    except (RasterioError, CRSError):  # a code that is newer than GDAL's, a projection that GeoTIFF has not
        return ""


def _short(text: str) -> str:
    cut = len(text) > _SHOWN and not is_crs_file(text)
    return f"{text[:_SHOWN]}..." if cut else text or "''"
