"""The places at which values are wanted: points, lines and areas from files of any kind or typed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.exceptions import CRSError, ProjError
from shapely.geometry.base import BaseGeometry

from dinsar_cli.errors import UsageError
from dinsar_cli.extraction.point_table import read_point_table
from dinsar_cli.geo.degrees import in_degrees
from dinsar_cli.geo.file_kinds import FILE_SUFFIXES
from dinsar_cli.geo.vector_file import DEGREES, Features, features_of_geojson, read_features, short

Kind = Literal["point", "line", "area"]
KINDS: tuple[Kind, ...] = ("point", "line", "area")
_KIND_OF: dict[str, Kind] = {
    "Point": "point",
    "LineString": "line",
    "LinearRing": "line",
    "Polygon": "area",
    "MultiPolygon": "area",
}
_KML_STYLE = {"tessellate", "extrude", "visibility", "altitudeMode", "drawOrder", "icon", "snippet", "id"}
FORMS = (
    "Give a table with the columns lon and lat (.csv), GeoJSON, GeoPackage, a shapefile or KML, or type 'lon lat', "
    "WKT or GeoJSON."
)


@dataclass(frozen=True)
class Group:
    """Places of one kind; all sequences have one length.

    Attributes
    ----------
    geometries : ndarray of shapely geometries
        Longitude and latitude in degrees (WGS84), valid and in range.
    columns : dict of str to list
        What the file told of each beside its place.
    """

    geometries: NDArray[Any]
    columns: dict[str, list[Any]]

    def __len__(self) -> int:
        return len(self.geometries)

    @property
    def lonlat(self) -> NDArray[np.float64]:
        """Of points: longitude and latitude, shape (n, 2)."""
        return np.asarray(shapely.get_coordinates(self.geometries), np.float64).reshape(-1, 2)


@dataclass(frozen=True)
class Places:
    """What was read.

    Attributes
    ----------
    source : str
        The file, or what was typed.
    groups : dict of Kind to Group
        Only of kinds that there are.
    left_out : tuple of str
        What could not be used, each with the reason.
    notes : tuple of str
        How the file was read, where that is not plain.
    """

    source: str
    groups: dict[Kind, Group]
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """Places that can be used."""
        return sum(map(len, self.groups.values()))


@dataclass
class _Sorted:
    """Places by kind while they are sorted."""

    shapes: dict[Kind, list[BaseGeometry]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    rows: dict[Kind, list[int]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    left_out: list[str] = field(default_factory=list)
    count: int = 0


def read_places(text: str, crs: str | None = None) -> Places:
    """Read points, lines and areas.

    Parameters
    ----------
    text : str
        The path of a table (see `dinsar_cli.extraction.point_table.read_point_table`), of GeoJSON, a GeoPackage, a
        shapefile (also zipped) or KML/KMZ; or WKT, GeoJSON, or longitudes and latitudes in turn.
    crs : str, optional
        Coordinate reference system of a file that does not tell its own.

    Raises
    ------
    UsageError
        When it is none of these, or nothing in it can be used.
    """
    source = text.strip()
    if not source:
        raise UsageError("No places are given.", "The last argument is empty.", FORMS)
    numbers = _typed_numbers(source)
    if numbers is not None:
        return _from_features([_of_numbers(numbers, source, crs)], source, None)
    if source.startswith("{"):
        return _from_features([features_of_geojson(source, "The GeoJSON text", FORMS)], source, None)
    path = Path(source)
    if _exists(path):
        return _from_file(path, crs)
    if re.match(r"\s*(SRID=\d+;\s*)?(MULTI)?(POINT|LINESTRING|POLYGON)", source, re.IGNORECASE):
        return _from_features([_of_wkt(source)], source, crs, typed=True)
    raise UsageError(
        f"{short(source)!r} cannot be read.", "There is no such file, and it is neither coordinates nor WKT.", FORMS
    )


def points_of(lonlat: Sequence[tuple[float, float]]) -> Places:
    """Return points of longitudes and latitudes, degrees.

    Raises
    ------
    UsageError
        When they are none.
    """
    try:
        pairs = np.array(lonlat, np.float64).reshape(-1, 2)
    except ValueError as error:
        raise UsageError(
            "The places are no points.", f"{error}.", "Give pairs of longitude and latitude."
        ) from error
    shapes: Any = shapely.points(pairs)
    labels = tuple(f"point {number + 1}" for number in range(len(pairs)))
    return _from_features([Features("", list(shapes), {}, labels, DEGREES)], "what was given", None)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # longer than a name can be: a text, not a path
        return False


def _typed_numbers(text: str) -> list[float] | None:
    words = re.sub(r"[\[\](),;\s]+", " ", text.replace("\N{MINUS SIGN}", "-")).split()
    try:
        return [float(word) for word in words]
    except ValueError:
        return None


def _of_numbers(numbers: Sequence[float], source: str, crs: str | None) -> Features:
    if len(numbers) < 2 or len(numbers) % 2:
        hint = " Write decimals with a point." if "," in source else ""
        raise UsageError(
            f"{short(source)!r} is no place.",
            f"It has {len(numbers)} number(s), and longitudes and latitudes come in pairs.{hint}",
            "Give 'lon lat', or 'lon lat lon lat ...' for a line.",
        )
    pairs = np.array(numbers, np.float64).reshape(-1, 2)
    shape = shapely.Point(pairs[0]) if len(pairs) == 1 else shapely.LineString(pairs)
    return Features("", [shape], {}, ("",), crs or DEGREES)


def _of_wkt(source: str) -> Features:
    match = re.match(r"\s*(?:SRID=(\d+);\s*)?(.*)", source, re.IGNORECASE | re.DOTALL)
    srid, wkt = match.groups() if match else (None, source)
    try:
        shape = shapely.from_wkt(wkt)
    except (shapely.errors.ShapelyError, NotImplementedError) as error:
        raise UsageError(f"{short(source)!r} cannot be read as WKT.", f"{error}".strip() + ".", FORMS) from error
    return Features("", [shape], {}, ("",), f"EPSG:{srid}" if srid else None)


def _from_file(path: Path, crs: str | None) -> Places:
    name = str(path)
    if path.is_dir():
        raise UsageError(f"{name} is a folder.", "The last argument is that of the places.", FORMS)
    if path.suffix.lower() in FILE_SUFFIXES:
        layers = read_features(path, name, FORMS)
        if path.suffix.lower() in {".kml", ".kmz"}:
            layers = [replace(layer, columns=_told_in_kml(layer.columns)) for layer in layers]
        return _from_features(layers, name, crs)
    table = read_point_table(path)
    if not table.degrees and crs is None:
        raise UsageError(
            f"{name} has x and y without their coordinate reference system.",
            "Columns of that name may be metres of any projection.",
            "Add --crs, such as --crs EPSG:32629, or --crs EPSG:4326 if x is the longitude and y the latitude.",
        )
    layer = Features("", table.geometries, table.columns, table.labels, crs or DEGREES)
    return _collect([layer], name, table.reasons, table.notes)


def _told_in_kml(columns: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Return the columns that somebody filled: GDAL gives one for each property that a KML may have."""
    told = {name: values for name, values in columns.items() if name not in _KML_STYLE}
    return {name: values for name, values in told.items() if any(value not in {None, ""} for value in values)}


def _from_features(layers: Sequence[Features], source: str, crs: str | None, *, typed: bool = False) -> Places:
    notes: list[str] = []
    known = []
    for layer in layers:
        system = layer.crs
        if system is None and crs is None:
            system = DEGREES
            _check_degrees(layer, source)
            if not typed:
                notes.append(f"{source} has no coordinate reference system: its numbers were read as degrees.")
        elif system is not None and crs is not None and not _same(system, crs):
            raise UsageError(
                f"--crs {crs} is not that of {short(source)}.",
                f"The file tells its own: {short(system)}.",
                "Leave --crs away; if what the file tells is wrong, correct it in the file.",
            )
        known.append(Features(layer.layer, layer.geometries, layer.columns, layer.labels, system or crs))
    return _collect(known, source, {}, tuple(dict.fromkeys(notes)))


def _same(first: str, second: str) -> bool:
    try:
        return bool(CRS.from_user_input(first).equals(CRS.from_user_input(second), ignore_axis_order=True))
    except CRSError:  # what is wrong with one is told when it is used
        return True


def _check_degrees(layer: Features, source: str) -> None:
    points = shapely.get_coordinates([shape for shape in layer.geometries if shape is not None])
    points = points[np.isfinite(points).all(axis=1)]
    if len(points) and np.abs(points).max() > 360:
        x, y = points[0]
        raise UsageError(
            f"{short(source)} has no coordinate reference system.",
            f"Its numbers ({x:.10g}, {y:.10g}) are no degrees: they look like metres of a projection.",
            "Add --crs, such as --crs EPSG:32629, or save it with its system.",
        )


def _collect(layers: Iterable[Features], source: str, reasons: dict[int, str], notes: tuple[str, ...]) -> Places:
    """Sort all places by kind, in degrees, without those that cannot be used."""
    found = _Sorted()
    layers = list(layers)
    names = dict.fromkeys(name for layer in layers for name in layer.columns)
    columns: dict[str, list[Any]] = {name: [] for name in names}
    for layer in layers:
        for name in names:
            columns[name] += layer.columns.get(name, [None] * len(layer.geometries))
        _sort(layer, source, reasons, found)
    groups: dict[Kind, Group] = {}
    for kind in KINDS:
        rows = found.rows[kind]
        if rows:
            shapes = np.empty(len(rows), object)
            shapes[:] = found.shapes[kind]
            own = {name: [values[row] for row in rows] for name, values in columns.items()}
            groups[kind] = Group(shapes, own)
    if not groups:
        what = f" Left out: {'; '.join(found.left_out[:5])}." if found.left_out else ""
        raise UsageError(
            f"{short(source)} has no place in it.", f"No point, line or area can be used.{what}", FORMS
        )
    return Places(source, groups, tuple(found.left_out), notes)


def _sort(layer: Features, source: str, reasons: dict[int, str], found: _Sorted) -> None:
    first, found.count = found.count, found.count + len(layer.geometries)
    shapes = _in_degrees(layer, source)
    _check_not_swapped(shapes, source)
    if _all_good_points(shapes):  # of which there may be very many
        found.shapes["point"] += shapes.tolist()
        found.rows["point"] += range(first, found.count)
        return
    for row, (shape, given) in enumerate(zip(shapes, layer.geometries, strict=True)):
        fault = reasons.get(row, "no geometry") if shape is None or shape.is_empty else _fault(shape, given)
        if shape is None or fault:
            found.left_out.append(f"{layer.labels[row] or 'the shape'}: {fault}")
            continue
        for part in _parts(shape):
            kind = _KIND_OF[part.geom_type]
            found.shapes[kind].append(part)
            found.rows[kind].append(first + row)


def _all_good_points(shapes: NDArray[Any]) -> bool:
    if not (shapely.get_type_id(shapes) == shapely.GeometryType.POINT).all():
        return False
    xy = shapely.get_coordinates(shapes)
    return len(xy) == len(shapes) and bool(((np.abs(xy[:, 0]) <= 360) & (np.abs(xy[:, 1]) <= 90)).all())


def _in_degrees(layer: Features, source: str) -> NDArray[Any]:
    """Return the shapes of a layer in longitude and latitude, without heights; None stays."""
    shapes = np.empty(len(layer.geometries), object)
    shapes[:] = layer.geometries
    if shapely.has_z(shapes).any():
        shapes = shapely.force_2d(shapes)
    crs = layer.crs or DEGREES
    try:
        return in_degrees(shapes, crs)
    except (CRSError, ProjError) as error:
        told = short(" ".join(str(error).split()), 150)
        raise UsageError(
            f"{short(source)} cannot be brought to longitude and latitude.",
            f"{short(crs)!r} is no coordinate reference system that PROJ knows: {told}.",
            "Give an EPSG code, such as --crs EPSG:32629.",
        ) from error


def _check_not_swapped(shapes: NDArray[Any], source: str) -> None:
    """Refuse latitudes beyond 90 degrees that would be longitudes."""
    xy = shapely.get_coordinates(shapes)
    xy = xy[np.isfinite(xy).all(axis=1)]
    beyond = np.abs(xy[:, 1]) > 90
    if beyond.sum() > len(xy) / 2 and (np.abs(xy[beyond, 0]) <= 90).all() and (np.abs(xy[beyond, 1]) <= 360).all():
        x, y = xy[beyond][0]
        raise swapped(source, f"{y:.10g} is no latitude, and {x:.10g} could be one")


def swapped(source: str, why: str) -> UsageError:
    """Make the error on places whose longitude and latitude are swapped."""
    return UsageError(
        f"{short(source)} seems to have longitude and latitude swapped.",
        f"{why[:1].upper()}{why[1:]}.",
        "Swap them: longitude (x, east) comes first in files, WKT and what is typed; in a table swap the names of "
        "the columns lon and lat.",
    )


def _fault(shape: BaseGeometry, given: BaseGeometry | None) -> str:
    """Tell why a place in degrees, which was given so or in another system, cannot be used; empty when it can."""
    xy = shapely.get_coordinates(shape)
    if not np.isfinite(xy).all():
        return "a coordinate is NaN or infinite"
    if np.abs(xy[:, 1]).max() > 90 or np.abs(xy[:, 0]).max() > 360:
        x, y = xy[np.argmax(np.maximum(np.abs(xy[:, 0]) / 360, np.abs(xy[:, 1]) / 90))]
        return f"longitude {x:.10g}, latitude {y:.10g} is no place on the Earth"
    if given is not None and not given.is_valid:
        return f"an outline that crosses or touches itself ({shapely.is_valid_reason(given)})"
    if shape.geom_type in {"Polygon", "MultiPolygon"} and shape.area == 0:
        return "an area of nothing"
    if shape.geom_type in {"LineString", "LinearRing"} and shape.length == 0:
        return "a line of no length"
    return ""


def _parts(shape: BaseGeometry) -> Iterator[BaseGeometry]:
    """Give the points, lines and areas in a geometry; several polygons are one area."""
    if shape.geom_type in _KIND_OF:
        yield shape
        return
    for part in getattr(shape, "geoms", ()):
        if not part.is_empty:
            yield from _parts(part)
