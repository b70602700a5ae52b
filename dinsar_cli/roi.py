"""The region of interest (ROI): a box, WKT, GeoJSON or a vector file, turned into one checked geometry."""

from __future__ import annotations

import json
import logging
import math
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dinsar_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from shapely import MultiPolygon, Polygon
    from shapely.geometry.base import BaseGeometry

logger = logging.getLogger(__name__)

_FORMS = (
    "Give --roi as ONE argument: 'W S E N' in degrees (like '10.5 45 11.5 46'), WKT, GeoJSON, or a file "
    "(.geojson, .json, .shp, .zip, .gpkg, .kml)."
)
_JSON_SUFFIXES = {".json", ".geojson"}
_VECTOR_SUFFIXES = {".shp", ".zip", ".gpkg", ".kml", ".kmz"}
_WKT = re.compile(
    r"\s*(?:SRID\s*=\s*(?P<srid>\d+)\s*;)?\s*"
    r"(?P<wkt>(?:(?:MULTI)?(?:POINT|LINESTRING|POLYGON|CURVE|SURFACE)|LINEARRING|GEOMETRYCOLLECTION|"
    r"CURVEPOLYGON|CIRCULARSTRING|COMPOUNDCURVE|TRIANGLE|TIN)\b.*|\w+\s*\(\(.*)",
    re.IGNORECASE | re.DOTALL,
)
_MIN_AREA = 1e-12  # square degrees: a square of 0.1 m, far below one pixel
_EDGE_PARTS = 50  # a straight edge of a projected CRS is a curve in lon/lat: it is followed in so many chords


@dataclass(frozen=True)
class Roi:
    """A region of interest in geographic coordinates.

    Attributes
    ----------
    geometry : shapely.Polygon or shapely.MultiPolygon
        Longitude and latitude in degrees (WGS84): valid, 2-D, counter-clockwise, not across the antimeridian.
    source : str
        What the user typed, or the file it was read from.
    """

    geometry: Polygon | MultiPolygon
    source: str

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north in degrees."""
        west, south, east, north = self.geometry.bounds
        return west, south, east, north

    @property
    def wkt(self) -> str:
        """The geometry as WKT, longitude first."""
        return str(self.geometry.wkt)


def parse_roi(text: str) -> Roi:
    """Turn what a user gives for ``--roi`` into a checked region of interest.

    Parameters
    ----------
    text : str
        ``'W S E N'`` or ``'W,S,E,N'`` (degrees, any mixture of separators and brackets), WKT (an SRID is
        honoured, Z and M are dropped), GeoJSON text, or the path of a GeoJSON file, shapefile (also zipped),
        GeoPackage or KML. Several features make one region, their union.

    Returns
    -------
    Roi
        The region in longitude and latitude (WGS84).

    Raises
    ------
    UsageError
        When the text has no such meaning, or the region is empty, out of range, self-crossing or across the
        antimeridian.
    """
    source = text.strip()
    if not source:
        raise UsageError("--roi is empty.", "A region of interest was asked for, but nothing was given.", _FORMS)
    numbers = _number_list(source)
    if numbers is not None:
        return _from_numbers(numbers, source)
    if source.startswith("{"):
        return _from_geojson(source, source, "The GeoJSON text of --roi")
    path = Path(source)
    if _exists(path):
        return _from_file(path)
    match = _WKT.fullmatch(source)
    if match is not None and path.suffix.lower() not in _JSON_SUFFIXES | _VECTOR_SUFFIXES:
        return _from_wkt(match["wkt"], match["srid"], source)
    raise UsageError(
        f"--roi {_short(source)!r} cannot be understood.",
        "No file has this name, and it is neither four numbers nor WKT nor GeoJSON.",
        _FORMS,
    )


@dataclass(frozen=True)
class _Reading:
    """Four numbers read in one of the orders that people use."""

    order: str
    west: float
    south: float
    east: float
    north: float

    @classmethod
    def of(cls, order: str, numbers: Sequence[float]) -> _Reading:
        side = dict(zip(order.split(), numbers, strict=True))
        return cls(order, side["W"], side["S"], side["E"], side["N"])

    @property
    def fault(self) -> str:
        """Why this reading is impossible, or an empty string."""
        for name, latitude in (("south", self.south), ("north", self.north)):
            if abs(latitude) > 90:
                return f"{name} {_fmt(latitude)} is no latitude"
        for name, longitude in (("west", self.west), ("east", self.east)):
            if abs(longitude) > 180:
                return f"{name} {_fmt(longitude)} is beyond 180 degrees"
        if self.west >= self.east:
            return f"west {_fmt(self.west)} is not less than east {_fmt(self.east)}"
        if self.south >= self.north:
            return f"south {_fmt(self.south)} is not less than north {_fmt(self.north)}"
        return ""

    @property
    def crosses_antimeridian(self) -> bool:
        """Whether the box makes sense only across 180 degrees of longitude."""
        latitudes_fit = -90 <= self.south < self.north <= 90
        width = (self.east - self.west) % 360
        wraps = 180 >= self.west > self.east >= -180 or -180 <= self.west < 180 < self.east <= 360
        return latitudes_fit and wraps and width <= 180

    @property
    def typed(self) -> str:
        return " ".join(_fmt(value) for value in (self.west, self.south, self.east, self.north))

    def __str__(self) -> str:
        lon = f"west {_fmt(self.west)}, east {_fmt(self.east)}"
        lat = f"south {_fmt(self.south)}, north {_fmt(self.north)}"
        return f"'{self.order}': {lon}, {lat} ({self.fault or 'possible'})"


def _number_list(text: str) -> list[float] | None:
    """Read a text of numbers and separators only; None when anything else is in it."""
    # Numbers copied from web pages and papers carry the typographic minus.
    words = re.sub(r"[\[\](),;\s]+", " ", text.replace("\N{MINUS SIGN}", "-")).split()
    try:
        return [float(word) for word in words] if words else None
    except ValueError:
        return None


def _from_numbers(numbers: list[float], source: str) -> Roi:
    import shapely

    problem = f"--roi {_short(source)!r} is not a box in degrees."
    if len(numbers) != 4:
        hint = " Write decimals with a point, not a comma." if len(numbers) == 8 else ""
        raise UsageError(
            problem,
            f"It has {len(numbers)} number(s) and needs four: west, south, east, north.",
            _FORMS + hint,
        )
    if not all(math.isfinite(number) for number in numbers):
        raise UsageError(problem, "One of the numbers is NaN or infinite.", _FORMS)
    reading = _Reading.of("W S E N", numbers)
    if reading.fault:
        raise _impossible_box(problem, reading, numbers)
    return _checked(
        [shapely.box(reading.west, reading.south, reading.east, reading.north)], source, f"--roi {source!r}"
    )


def _impossible_box(problem: str, reading: _Reading, numbers: list[float]) -> UsageError:
    other = _Reading.of("S N W E", numbers)
    if reading.crosses_antimeridian and other.fault:
        return _across_antimeridian(f"--roi '{reading.typed}'", reading.west, reading.east)
    cause = f"Read as {reading}; as {other}."
    pairs = _Reading.of("S W N E", numbers)
    if not pairs.fault:
        cause = f"{cause[:-1]}; as {pairs}."
    meant = [candidate for candidate in (other, pairs) if not candidate.fault]
    if meant:
        remedy = f"The order is W S E N: if you meant '{meant[0].order}', give --roi '{meant[0].typed}'."
        return UsageError(problem, cause, remedy)
    shifted = _Reading.of("W S E N", [n - 360 if k in {0, 2} else n for k, n in enumerate(numbers)])
    if not shifted.fault:
        return UsageError(problem, cause, f"Longitudes run from -180 to 180: give --roi '{shifted.typed}'.")
    remedy = "Give west, south, east, north in degrees, west < east and south < north."
    return UsageError(problem, cause, remedy)


def _across_antimeridian(name: str, west: float, east: float) -> UsageError:
    span = f"longitude {_fmt(west)} to {_fmt(east)}, across 180 degrees or over more than half of the globe"
    cause = f"It runs from {span}; ISCE2 cannot process that."
    remedy = "Make two runs, split at 180 degrees of longitude: one on each side."
    return UsageError(f"{name} lies across the antimeridian.", cause, remedy)


def _from_wkt(wkt: str, srid: str | None, source: str) -> Roi:
    import numpy as np
    import shapely

    name = f"--roi {_short(source)!r}"
    try:
        # NaN and overflow are refused with every other coordinate that is not finite.
        with np.errstate(invalid="ignore", over="ignore"):
            geometry = shapely.from_wkt(wkt)
    except (shapely.errors.ShapelyError, NotImplementedError) as error:  # the latter: curves
        raise _unreadable(name, "WKT", error) from error
    parts = list(_polygons([geometry]))
    if not parts:
        raise _no_polygon(name, {geometry.geom_type})
    if srid not in {None, "0", "4326"}:
        parts = _to_lonlat(parts, f"EPSG:{srid}", name)
    return _checked(parts, source, name)


def _from_geojson(text: str, source: str, name: str) -> Roi:
    import shapely

    try:
        document = json.loads(text)
        geometries = list(_geojson_geometries(document))
        parts = list(
            _polygons(shapely.from_geojson(json.dumps(geometry, allow_nan=False)) for geometry in geometries)
        )
    except (ValueError, RecursionError, shapely.errors.ShapelyError) as error:
        raise _unreadable(name, "GeoJSON", error) from error
    if not parts:
        raise _no_polygon(name, {str(geometry["type"]) for geometry in geometries})
    crs = document.get("crs")
    # RFC 7946 knows WGS84 only, but files of the 2008 specification with a projected CRS are still about.
    if isinstance(crs, dict) and isinstance(crs.get("properties"), dict) and "name" in crs["properties"]:
        parts = _to_lonlat(parts, str(crs["properties"]["name"]), name)
    return _checked(parts, source, name)


def _geojson_geometries(node: object) -> Iterator[dict[str, Any]]:
    """Walk a GeoJSON document and give its geometries; features without one are passed over."""
    fields = node if isinstance(node, dict) else {}
    kind = str(fields.get("type"))
    if kind in {"FeatureCollection", "GeometryCollection"}:
        children = fields.get("features" if kind == "FeatureCollection" else "geometries")
        for child in children if isinstance(children, list) else [None]:
            yield from _geojson_geometries(child)
    elif kind == "Feature":
        if fields.get("geometry") is not None:
            yield from _geojson_geometries(fields["geometry"])
    elif "coordinates" in fields:
        yield fields
    else:
        raise ValueError("an object has neither coordinates nor features nor geometries")


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # longer than a name can be: a text, not a path
        return False


def _from_file(path: Path) -> Roi:
    suffix = path.suffix.lower()
    name = f"The ROI file {path}"
    if path.is_dir() or suffix not in _JSON_SUFFIXES | _VECTOR_SUFFIXES:
        found = "a folder" if path.is_dir() else f"a file with {suffix or 'no suffix'}"
        raise UsageError(f"{name} cannot be used.", f"It is {found}, which is not a known format.", _FORMS)
    try:
        if suffix in _JSON_SUFFIXES:
            return _from_geojson(path.read_text(encoding="utf-8-sig"), str(path), name)
        return _from_layers(_shapefile_in(path, name) if suffix == ".zip" else str(path), path, name)
    except (OSError, UnicodeDecodeError, zipfile.BadZipFile) as error:
        raise _unreadable(name, suffix[1:], error) from error


def _shapefile_in(path: Path, name: str) -> str:
    """Return GDAL's name of the one shapefile in a zip."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    members = [n for n in names if n.lower().endswith(".shp") and not n.startswith("__MACOSX/")]
    if len(members) != 1:
        cause = f"A zip must hold one shapefile; this one holds: {', '.join(members) or 'none'}."
        raise UsageError(f"{name} cannot be used.", cause, "Zip one shapefile: .shp, .shx, .dbf and .prj.")
    return f"/vsizip/{{{path.absolute()}}}/{members[0]}"


def _read_layer(dataset: str, layer: str) -> tuple[list[BaseGeometry], str | None]:
    """Read the geometries of a layer and its CRS."""
    import pyogrio
    import shapely

    meta, _, wkb, _ = pyogrio.raw.read(dataset, layer=layer, columns=[], force_2d=True)
    if None in wkb and dataset.lower().endswith(".shp"):
        # GDAL gives no geometry for the features that a truncated shapefile has lost.
        raise shapely.errors.ShapelyError("features have no geometry, or the file is cut short")
    return [geometry for geometry in shapely.from_wkb(wkb) if geometry is not None], meta["crs"]


def _from_layers(dataset: str, path: Path, name: str) -> Roi:
    import pyogrio
    import shapely

    by_layer: dict[str, list[Polygon]] = {}
    kinds: set[str] = set()
    note = ""
    library_errors = (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, shapely.errors.ShapelyError)
    try:
        for layer in [str(row[0]) for row in pyogrio.list_layers(dataset) if row[1] is not None]:
            geometries, crs = _read_layer(dataset, layer)
            kinds |= {geometry.geom_type for geometry in geometries}
            parts = list(_polygons(geometries))
            if parts and not crs:
                note = " The file has no coordinate reference system: its numbers are read as degrees."
                logger.warning("%s has no coordinate reference system: read as degrees", name)
            if parts:
                by_layer[layer] = _to_lonlat(parts, crs, name) if crs else parts
    except library_errors as error:
        raise _unreadable(name, path.suffix[1:].lower(), error) from error
    if not by_layer:
        raise _no_polygon(name, kinds)
    # The folders of a KML come as layers; in other formats a second polygon layer is another subject.
    if len(by_layer) > 1 and path.suffix.lower() not in {".kml", ".kmz"}:
        raise UsageError(
            f"{name} has several polygon layers.",
            f"They are {', '.join(by_layer)}, and which one is meant is not known.",
            "Save the layer of the region as a file of its own.",
        )
    return _checked([part for parts in by_layer.values() for part in parts], str(path), name, note)


def _to_lonlat(parts: list[Polygon], crs: str, name: str) -> list[Polygon]:
    """Reproject polygons to WGS84 longitude and latitude."""
    import numpy as np
    import shapely
    from pyproj import CRS, Transformer
    from pyproj.exceptions import CRSError, ProjError

    try:
        system = CRS.from_user_input(crs)
        if system.equals(CRS.from_epsg(4326), ignore_axis_order=True):
            return parts
        transformer = Transformer.from_crs(system, CRS.from_epsg(4326), always_xy=True)
        sizes = [max(part.bounds[2] - part.bounds[0], part.bounds[3] - part.bounds[1]) for part in parts]
        if system.is_projected and 0 < max(sizes) < math.inf:
            parts = [shapely.segmentize(part, max(sizes) / _EDGE_PARTS) for part in parts]

        def to_lonlat(xy: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.column_stack(transformer.transform(xy[:, 0], xy[:, 1]))

        return [shapely.transform(part, to_lonlat) for part in parts]
    except (CRSError, ProjError) as error:
        raise UsageError(
            f"{name} cannot be brought to longitude and latitude.",
            f"Its coordinate reference system {_short(crs)!r} cannot be used: {_one_line(error)}.",
            "Save it in EPSG:4326.",
        ) from error


def _checked(parts: list[Polygon], source: str, name: str, note: str = "") -> Roi:
    import shapely
    from shapely.geometry.polygon import orient

    parts = [shapely.force_2d(part) for part in parts if not part.is_empty]
    if not parts:
        raise _no_polygon(name, {"an empty polygon"})
    _check_range(parts, name, note)
    for part in parts:
        # The hull, because the signed area of a figure of eight is zero too.
        if part.convex_hull.area < _MIN_AREA:
            cause = "All points of a polygon lie on one line or in one place."
            raise UsageError(f"{name} has no area.", cause, _FORMS)
        if not part.is_valid:
            what, _, where = shapely.is_valid_reason(part).rstrip("]").partition("[")
            cause = f"An outline must not cross or touch itself: {what} at longitude, latitude {where}."
            raise UsageError(f"{name} is not a valid polygon.", cause, "Correct the order of its points.")
    region = shapely.union_all(parts)
    west, _, east, _ = region.bounds
    if east - west > 180:
        raise _across_antimeridian(name, west, east)
    oriented = [orient(part) for part in _polygons([region])]
    return Roi(oriented[0] if len(oriented) == 1 else shapely.MultiPolygon(oriented), source)


def _check_range(parts: list[Polygon], name: str, note: str) -> None:
    import numpy as np
    import shapely

    points = shapely.get_coordinates(parts)
    if not np.isfinite(points).all():
        raise UsageError(f"{name} is not a region.", "One of its coordinates is NaN or infinite.", _FORMS)
    x, y = points[:, 0], points[:, 1]
    x_far, y_far = np.abs(x).max(), np.abs(y).max()
    if x_far <= 180 and y_far <= 90:
        return
    problem = f"{name} is not in degrees of longitude and latitude."
    x_range, y_range = f"{_fmt(x.min())} to {_fmt(x.max())}", f"{_fmt(y.min())} to {_fmt(y.max())}"
    extent = f"x runs from {x_range}, y from {y_range}.{note}"
    if x_far <= 90 and y_far <= 180:
        whole = parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)
        swapped = shapely.transform(whole, lambda xy: xy[:, ::-1])
        form = swapped.wkt if len(swapped.wkt) <= 300 else " ".join(_fmt(value) for value in swapped.bounds)
        cause = f"Longitude comes first, but y cannot be a latitude: {extent}"
        raise UsageError(f"{name} seems to have lat and lon swapped.", cause, f"Swap them: '{form}'.")
    if y_far <= 90 and -180 <= x.min() < 180 < x.max() <= 360:
        raise _across_antimeridian(name, x.min(), x.max())
    if y_far <= 90 and 180 <= x.min() < x.max() <= 360:
        raise UsageError(problem, f"Longitudes end at 180, but {extent}", "Subtract 360 from its longitudes.")
    metres = max(x_far, y_far) > 360
    cause = "They look like metres of a projected system" if metres else "Degrees end at 180 and 90"
    remedy = "Save it in EPSG:4326, or with its coordinate reference system."
    raise UsageError(problem, f"{cause}: {extent}", remedy)


def _polygons(geometries: Iterable[BaseGeometry]) -> Iterator[Polygon]:
    """Give the single polygons in geometries of any kind; points and lines are passed over."""
    import shapely

    for geometry in geometries:
        if isinstance(geometry, shapely.Polygon):
            yield geometry
        elif isinstance(geometry, (shapely.MultiPolygon, shapely.GeometryCollection)):
            yield from _polygons(geometry.geoms)


def _no_polygon(name: str, kinds: set[str]) -> UsageError:
    found = ", ".join(sorted(kinds)) or "nothing"
    cause = f"It contains {found}; a region needs an area."
    return UsageError(f"{name} has no polygon in it.", cause, _FORMS)


def _unreadable(name: str, kind: str, error: BaseException) -> UsageError:
    return UsageError(f"{name} cannot be read as {kind}.", f"The reader says: {_one_line(error)}.", _FORMS)


def _one_line(error: BaseException) -> str:
    # GDAL appends advice on its own drivers after a semicolon.
    return _short(" ".join(str(error).split(";")[0].split()).rstrip("."), 200)


def _short(text: str, length: int = 80) -> str:
    return text if len(text) <= length else f"{text[: length - 3]}..."


def _fmt(value: float) -> str:
    return f"{value:.10g}"
