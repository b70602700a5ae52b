"""The polygons in WKT, GeoJSON and vector files, in longitude and latitude and not yet checked."""

from __future__ import annotations

import json
import logging
import math
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, ProjError
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from dinsar_cli.base.user_files import (
    MEGABYTE,
    ZIP_DAMAGE,
    OddFileError,
    check_file,
    head_of,
    kind_of,
    parse_json,
    read_text,
)
from dinsar_cli.errors import UsageError
from dinsar_cli.geo.file_kinds import FILE_SUFFIXES, JSON_SUFFIXES

logger = logging.getLogger(__name__)

FORMS = (
    "Give --roi as ONE argument: 'W S E N' in degrees (like '10.5 45 11.5 46'), WKT, GeoJSON, or a file "
    "(.geojson, .json, .shp, .zip, .gpkg, .kml)."
)
_MOST_TEXT = 64 * MEGABYTE
_MOST_VECTORS = 1024 * MEGABYTE
_MOST_BRACKETS = 32
_NAME_KEYS = ("name", "title", "label", "id", "fid", "objectid")
_CONTENTS = {
    ".zip": re.compile(rb"PK"),
    ".kmz": re.compile(rb"PK"),
    ".kml": re.compile(rb"\s*<"),
    ".gpkg": re.compile(rb"SQLite format 3"),
}
_SHAPEFILE_HEAD = 100  # bytes
_SHAPEFILE_START = b"\0\0\x27\x0a"
_EDGE_PARTS = 50  # a straight edge of a projected CRS is a curve in lon/lat: it is followed in so many chords


@dataclass(frozen=True)
class Outlines:
    """What a reader found.

    Attributes
    ----------
    polygons : list of shapely.Polygon
        Longitude and latitude in degrees (WGS84), as they were written: they may be invalid or out of range.
    note : str
        A sentence for messages on wrong coordinates, with a space before it; mostly empty.
    labels : tuple of str
        What the feature of each polygon is called, for messages; empty where there are no features.
    """

    polygons: list[Polygon]
    note: str = ""
    labels: tuple[str, ...] = ()


def read_wkt(wkt: str, srid: str | None, name: str) -> Outlines:
    """Read WKT.

    Parameters
    ----------
    wkt : str
        The text without an SRID.
    srid : str or None
        EPSG code of its coordinate reference system; None and ``'0'`` are degrees.
    name : str
        What the messages call it.

    Raises
    ------
    UsageError
        If it is no WKT, has no polygon or an SRID that cannot be used.
    """
    _check_nesting(wkt, name)
    try:
        # NaN and overflow are refused with every other coordinate that is not finite.
        with np.errstate(invalid="ignore", over="ignore"):
            geometry = shapely.from_wkt(wkt)
    except (shapely.errors.ShapelyError, NotImplementedError) as error:  # the latter: curves
        raise _unreadable(name, "WKT", error) from error
    parts = list(polygons([geometry]))
    if not parts:
        raise no_polygon(name, {geometry.geom_type})
    if srid not in {None, "0", "4326"}:
        parts = _to_lonlat(parts, f"EPSG:{srid}", name)
    return Outlines(parts)


def read_geojson(text: str, name: str) -> Outlines:
    """Read GeoJSON text.

    Raises
    ------
    UsageError
        If it is no GeoJSON, has no polygon or a ``crs`` that cannot be used; ``name`` is what it is called there.
    """
    try:
        document = parse_json(text)
        geometries = list(_geojson_geometries(document))
        parts = [
            (part, label)
            for geometry, label in geometries
            for part in polygons([shapely.from_geojson(json.dumps(geometry, allow_nan=False))])
        ]
    except (ValueError, shapely.errors.ShapelyError) as error:
        raise _unreadable(name, "GeoJSON", error) from error
    if not parts:
        raise no_polygon(name, {str(geometry["type"]) for geometry, _ in geometries})
    crs = _crs_of(document, name)
    shapes, labels = [part for part, _ in parts], tuple(label for _, label in parts)
    return Outlines(_to_lonlat(shapes, crs, name) if crs else shapes, labels=labels)


def _crs_of(document: dict[str, Any], name: str) -> str:
    """Return the coordinate reference system that a GeoJSON document names; empty for none, which is WGS84.

    RFC 7946 knows WGS84 only, but files of the 2008 specification with a projected CRS are still about, and some of
    its drafts, which have its EPSG code as such.
    """
    members = list({json.dumps(member, sort_keys=True): member for member in _crs_members(document)}.values())
    if not members:
        return ""
    if len(members) > 1:
        cause = f"Its parts name {len(members)} different coordinate reference systems."
        raise UsageError(f"{name} cannot be brought to longitude and latitude.", cause, "Save it in EPSG:4326.")
    crs = named = members[0]
    if isinstance(crs, dict):
        told = crs.get("properties")
        told = crs | (told if isinstance(told, dict) else {})
        named = next((told[key] for key in ("name", "code", "EPSG", "epsg") if key in told), None)
    if isinstance(named, int) or (isinstance(named, str) and named.strip().isdecimal()):
        return f"EPSG:{named}".replace(" ", "")
    if isinstance(named, str):
        return named
    raise UsageError(
        f"{name} cannot be brought to longitude and latitude.",
        f'Its member "crs" names no coordinate reference system: {short(json.dumps(crs))}.',
        "Save it in EPSG:4326.",
    )


def _geojson_geometries(node: object, label: str = "", number: int = 1) -> Iterator[tuple[dict[str, Any], str]]:
    """Walk a GeoJSON document and give its geometries and what they are called.

    Features without one are passed over.
    """
    fields = node if isinstance(node, dict) else {}
    kind = str(fields.get("type"))
    if kind in {"FeatureCollection", "GeometryCollection"}:
        children = fields.get("features" if kind == "FeatureCollection" else "geometries")
        for count, child in enumerate(children if isinstance(children, list) else [None], 1):
            yield from _geojson_geometries(child, label, count)
    elif kind == "Feature":
        if fields.get("geometry") is not None:
            told = fields.get("properties")
            called = _label(number, told if isinstance(told, dict) else {})
            yield from _geojson_geometries(fields["geometry"], called)
    elif "coordinates" in fields:
        yield fields, label
    elif kind == "Topology":
        raise ValueError("it is TopoJSON, which shares its lines between features")
    elif "rings" in fields or "spatialReference" in fields:
        raise ValueError("it is JSON of ArcGIS, not GeoJSON")
    else:
        raise ValueError("an object has neither coordinates nor features nor geometries")


def _crs_members(node: object) -> Iterator[Any]:
    """Yield what the document, its features and their geometries say of a coordinate reference system."""
    if not isinstance(node, dict):
        return
    if node.get("crs") is not None:
        yield node["crs"]
    inside = node.get("features", node.get("geometries"))
    for child in [*(inside if isinstance(inside, list) else ()), node.get("geometry")]:
        yield from _crs_members(child)


def _label(number: int, properties: Mapping[str, Any]) -> str:
    """Say which feature it is, for messages."""
    lower = {str(key).lower(): value for key, value in properties.items()}
    called = next((lower[key] for key in _NAME_KEYS if isinstance(lower.get(key), str | int) and lower[key]), None)
    return f"feature {number}" if called is None else f"feature {number} ({short(str(called), 40)})"


def _check_nesting(wkt: str, name: str) -> None:
    """Refuse brackets in brackets without an end, which the reader follows until its stack is full."""
    depth = 0
    for bracket in re.findall(r"[()]", wkt):
        depth += 1 if bracket == "(" else -1
        if depth > _MOST_BRACKETS:
            raise _unreadable(name, "WKT", ValueError(f"brackets are nested more than {_MOST_BRACKETS} deep"))


def read_file(path: Path, name: str) -> Outlines:
    """Read a GeoJSON file, shapefile (also zipped), GeoPackage or KML.

    Raises
    ------
    UsageError
        If it is of another kind or cannot be read, or holds no polygon or several layers of them; ``name`` is
        what it is called there.
    """
    suffix = path.suffix.lower()
    if path.is_dir() or suffix not in FILE_SUFFIXES:
        found = "a folder" if path.is_dir() else f"a file with {suffix or 'no suffix'}"
        raise UsageError(f"{name} cannot be used.", f"It is {found}, which is not a known format.", FORMS)
    try:
        if suffix in JSON_SUFFIXES:
            return read_geojson(read_text(path, _MOST_TEXT), name)
        check_file(path)
        if suffix == ".shp":
            _check_whole(head_of(path)[:_SHAPEFILE_HEAD], path.stat().st_size)
        elif suffix != ".zip":
            _check_content(path, suffix)
        return _read_layers(_shapefile_in(path, name) if suffix == ".zip" else str(path), path, name)
    except ZIP_DAMAGE as error:
        raise _unreadable(name, suffix[1:], error) from error


def _check_content(path: Path, suffix: str) -> None:
    """Refuse what is not of the kind that its name says, or far too large.

    Raises
    ------
    OddFileError
        When it is one of these; it says what the file is.
    """
    if path.stat().st_size > _MOST_VECTORS:
        raise OddFileError(
            f"it has more than {_MOST_VECTORS / 1e6:.0f} MB, far too much for the outline of a region"
        )
    head = head_of(path)
    if not _CONTENTS[suffix].match(head.removeprefix(b"\xef\xbb\xbf")) or kind_of(head).startswith("is a web page"):
        raise OddFileError(f"it {kind_of(head) or f'is not a {suffix[1:]} file: it begins with {head[:8]!r}'}")
    if suffix == ".kmz":
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist() if entry.filename.lower().endswith(".kml"))
        if size > _MOST_TEXT:
            raise OddFileError(f"it unpacks to {size / 1e6:.0f} MB, far too much for the outline of a region")


def _check_whole(head: bytes, size: int) -> None:
    """Refuse a shapefile that is shorter than its first bytes say: GDAL gives no geometry for what it has lost.

    Features without a geometry are another thing: the format has them.
    """
    if not head.startswith(_SHAPEFILE_START):
        raise OddFileError(f"it {kind_of(head) or f'begins with {head[:8]!r}'}")
    stated = 2 * int.from_bytes(head[24:28], "big")
    if len(head) < _SHAPEFILE_HEAD or size < stated:
        raise OddFileError(f"the file is cut short: it has {size} bytes of {stated}")


def _shapefile_in(path: Path, name: str) -> str:
    """Return GDAL's name of the one shapefile in a zip."""
    _check_content(path, ".zip")
    with zipfile.ZipFile(path) as archive:
        sizes = {entry.filename: entry.file_size for entry in archive.infolist()}
    members = [
        n
        for n in sizes
        if n.lower().endswith(".shp") and not re.split(r"[/\\]", n)[-1].startswith(".") and "__MACOSX" not in n
    ]
    stems = {member[:-4] for member in members}
    if any(size > _MOST_VECTORS for member, size in sizes.items() if member.rpartition(".")[0] in stems):
        raise OddFileError(f"it unpacks to more than {_MOST_VECTORS / 1e6:.0f} MB")
    if len(members) != 1:
        cause = f"A zip must hold one shapefile; this one holds: {', '.join(members) or 'none'}."
        raise UsageError(f"{name} cannot be used.", cause, "Zip one shapefile: .shp, .shx, .dbf and .prj.")
    with zipfile.ZipFile(path) as archive, archive.open(members[0]) as file:
        _check_whole(file.read(_SHAPEFILE_HEAD), sizes[members[0]])
    return f"/vsizip/{{{path.absolute()}}}/{members[0]}"


def _read_layer(dataset: str, layer: str) -> tuple[list[tuple[BaseGeometry, str]], str | None]:
    """Read the geometries of a layer, what they are called, and its CRS; features without one are passed over."""
    import pyogrio

    fields = [str(field) for field in pyogrio.read_info(dataset, layer=layer)["fields"]]
    named = next((field for key in _NAME_KEYS for field in fields if field.lower() == key), None)
    meta, _, wkb, columns = pyogrio.raw.read(dataset, layer=layer, columns=[named] if named else [], force_2d=True)
    found = []
    for number, geometry in enumerate(shapely.from_wkb(wkb), 1):
        told = {named: columns[0][number - 1]} if named else {}
        if geometry is not None:
            found.append((geometry, _label(number, told)))
    return found, meta["crs"]


def _read_layers(dataset: str, path: Path, name: str) -> Outlines:
    import pyogrio

    by_layer: dict[str, list[Polygon]] = {}
    labels: list[str] = []
    kinds: set[str] = set()
    note = ""
    library_errors = (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, shapely.errors.ShapelyError)
    try:
        for layer in [str(row[0]) for row in pyogrio.list_layers(dataset) if row[1] is not None]:
            geometries, crs = _read_layer(dataset, layer)
            kinds |= {geometry.geom_type for geometry, _ in geometries}
            labelled = [(part, label) for geometry, label in geometries for part in polygons([geometry])]
            parts = [part for part, _ in labelled]
            labels += [label for _, label in labelled]
            if parts and not crs:
                note = " The file has no coordinate reference system: its numbers are read as degrees."
                logger.warning("%s has no coordinate reference system: read as degrees", name)
            if parts:
                by_layer[layer] = _to_lonlat(parts, crs, name) if crs else parts
    except library_errors as error:
        raise _unreadable(name, path.suffix[1:].lower(), error) from error
    if not by_layer:
        raise no_polygon(name, kinds)
    # The folders of a KML come as layers; in other formats a second polygon layer is another subject.
    if len(by_layer) > 1 and path.suffix.lower() not in {".kml", ".kmz"}:
        raise UsageError(
            f"{name} has several polygon layers.",
            f"They are {', '.join(by_layer)}, and which one is meant is not known.",
            "Save the layer of the region as a file of its own.",
        )
    return Outlines([part for parts in by_layer.values() for part in parts], note, tuple(labels))


def _to_lonlat(parts: list[Polygon], crs: str, name: str) -> list[Polygon]:
    """Reproject polygons to WGS84 longitude and latitude."""
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
            f"Its coordinate reference system {short(crs)!r} cannot be used: {_one_line(error)}.",
            "Save it in EPSG:4326.",
        ) from error


def polygons(geometries: Iterable[BaseGeometry]) -> Iterator[Polygon]:
    """Give the single polygons in geometries of any kind; points and lines are passed over."""
    for geometry in geometries:
        if isinstance(geometry, shapely.Polygon):
            yield geometry
        elif isinstance(geometry, (shapely.MultiPolygon, shapely.GeometryCollection)):
            yield from polygons(geometry.geoms)


def no_polygon(name: str, kinds: set[str]) -> UsageError:
    """Make the error on a region whose geometries, of these kinds, have no polygon among them."""
    found = ", ".join(sorted(kinds)) or "nothing"
    cause = f"It contains {found}; a region needs an area."
    return UsageError(f"{name} has no polygon in it.", cause, FORMS)


def _unreadable(name: str, kind: str, error: BaseException) -> UsageError:
    return UsageError(f"{name} cannot be read as {kind}.", f"The reader says: {_one_line(error)}.", FORMS)


def _one_line(error: BaseException) -> str:
    # GDAL appends advice on its own drivers after a semicolon.
    return short(" ".join(str(error).split(";")[0].split()).rstrip("."), 200)


def short(text: str, length: int = 80) -> str:
    """Cut a text that is too long for a message."""
    return text if len(text) <= length else f"{text[: length - 3]}..."
