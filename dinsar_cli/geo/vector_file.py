"""Features of GeoJSON and vector files: geometries with their columns, as they were written and not yet checked."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
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

_MOST_TEXT = 64 * MEGABYTE
_MOST_VECTORS = 1024 * MEGABYTE
_NAME_KEYS = ("name", "title", "label", "id", "fid", "objectid")
_CONTENTS = {
    ".zip": re.compile(rb"PK"),
    ".kmz": re.compile(rb"PK"),
    ".kml": re.compile(rb"\s*<"),
    ".gpkg": re.compile(rb"SQLite format 3"),
}
_SHAPEFILE_HEAD = 100  # bytes
_SHAPEFILE_START = b"\0\0\x27\x0a"
DEGREES = "EPSG:4326"
"""Coordinate reference system of GeoJSON that names none."""


@dataclass(frozen=True)
class Features:
    """Features of a layer, in the order of the file.

    Attributes
    ----------
    layer : str
        Its name; empty where the format has none.
    geometries : list of shapely geometry or None
        As they were written: they may be invalid or out of range. None is a feature without one.
    columns : dict of str to list
        What is told of each feature, by name.
    labels : sequence of str
        What each is called in messages; empty for a geometry that is no feature.
    crs : str or None
        Coordinate reference system; None where the file has none.
    """

    layer: str
    geometries: list[BaseGeometry | None]
    columns: dict[str, list[Any]]
    labels: Sequence[str]
    crs: str | None


def features_of_geojson(text: str, name: str, remedy: str) -> Features:
    """Read GeoJSON text.

    Parameters
    ----------
    text : str
    name : str
        What the messages call it.
    remedy : str
        What they advise.

    Raises
    ------
    UsageError
        If it is no GeoJSON, or has a ``crs`` that cannot be used.
    """
    try:
        document = parse_json(text)
        found = list(_geojson_geometries(document))
        geometries = _geometries_of([geometry for geometry, *_ in found])
    except (ValueError, shapely.errors.ShapelyError) as error:
        raise unreadable(name, "GeoJSON", error, remedy) from error
    told = [properties for _, _, properties in found]
    names = dict.fromkeys(key for properties in told for key in properties)
    columns = {key: [properties.get(key) for properties in told] for key in names}
    crs = _crs_of(document, name) or DEGREES
    return Features("", geometries, columns, tuple(label for _, label, _ in found), crs)


def _geometries_of(members: Sequence[Mapping[str, Any] | None]) -> list[BaseGeometry | None]:
    """Return the geometries of GeoJSON; single points, of which there may be many, all at once."""
    found: list[BaseGeometry | None] = [None] * len(members)
    points: dict[int, list[float]] = {}
    for number, member in enumerate(members):
        if member is None:
            continue
        if _is_plain_point(member):
            points[number] = member["coordinates"][:2]
        else:
            found[number] = shapely.from_geojson(json.dumps(member, allow_nan=False))
    made: Any = shapely.points(np.array(list(points.values()), np.float64).reshape(-1, 2))
    for number, point in zip(points, made, strict=True):
        found[number] = point
    return found


def _is_plain_point(member: Mapping[str, Any]) -> bool:
    place = member.get("coordinates")
    return (
        member.get("type") == "Point"
        and isinstance(place, list)
        and 2 <= len(place) <= 4
        and all(type(part) in {float, int} and abs(part) < 1e300 for part in place)
    )


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


def _geojson_geometries(
    node: object, label: str = "", told: Mapping[str, Any] | None = None, number: int = 1
) -> Iterator[tuple[dict[str, Any] | None, str, Mapping[str, Any]]]:
    """Walk a GeoJSON document and give its geometries, what they are called and what is told of them.

    A feature without a geometry has None.
    """
    fields = node if isinstance(node, dict) else {}
    told = told or {}
    kind = str(fields.get("type"))
    if kind in {"FeatureCollection", "GeometryCollection"}:
        children = fields.get("features" if kind == "FeatureCollection" else "geometries")
        for count, child in enumerate(children if isinstance(children, list) else [None], 1):
            yield from _geojson_geometries(child, label, told, count)
    elif kind == "Feature":
        properties = fields.get("properties")
        told = properties if isinstance(properties, dict) else {}
        called = _label(number, told)
        if fields.get("geometry") is None:
            yield None, called, told
        else:
            yield from _geojson_geometries(fields["geometry"], called, told)
    elif "coordinates" in fields:
        yield fields, label, told
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


def read_features(path: Path, name: str, remedy: str) -> list[Features]:
    """Read a GeoJSON file, shapefile (also zipped), GeoPackage or KML.

    Parameters
    ----------
    path : Path
    name : str
        What the messages call it.
    remedy : str
        What they advise.

    Returns
    -------
    list of Features
        Each layer that has geometries.

    Raises
    ------
    UsageError
        If it is of another kind or cannot be read.
    """
    suffix = path.suffix.lower()
    if path.is_dir() or suffix not in FILE_SUFFIXES:
        found = "a folder" if path.is_dir() else f"a file with {suffix or 'no suffix'}"
        raise UsageError(f"{name} cannot be used.", f"It is {found}, which is not a known format.", remedy)
    try:
        if suffix in JSON_SUFFIXES:
            return [features_of_geojson(read_text(path, _MOST_TEXT), name, remedy)]
        check_file(path)
        if suffix == ".shp":
            _check_whole(head_of(path)[:_SHAPEFILE_HEAD], path.stat().st_size)
        elif suffix != ".zip":
            _check_content(path, suffix)
        return _read_layers(_shapefile_in(path, name) if suffix == ".zip" else str(path), path, name, remedy)
    except ZIP_DAMAGE as error:
        raise unreadable(name, suffix[1:], error, remedy) from error


def _read_layers(dataset: str, path: Path, name: str, remedy: str) -> list[Features]:
    import pyogrio

    library_errors = (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, shapely.errors.ShapelyError)
    try:
        layers = [str(row[0]) for row in pyogrio.list_layers(dataset) if row[1] is not None]
        return [_read_layer(dataset, layer) for layer in layers]
    except library_errors as error:
        raise unreadable(name, path.suffix[1:].lower(), error, remedy) from error


def _read_layer(dataset: str, layer: str) -> Features:
    import pyogrio

    meta, _, wkb, values = pyogrio.raw.read(dataset, layer=layer, force_2d=True)
    columns = {str(key): column.tolist() for key, column in zip(meta["fields"], values, strict=True)}
    lower = {key.lower(): key for key in reversed(columns)}
    named = next((lower[key] for key in _NAME_KEYS if key in lower), None)
    told = [{}] * len(wkb) if named is None else [{named: value} for value in columns[named]]
    labels = tuple(_label(number, one) for number, one in enumerate(told, 1))
    return Features(layer, list(shapely.from_wkb(wkb)), columns, labels, meta["crs"])


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


def unreadable(name: str, kind: str, error: BaseException, remedy: str) -> UsageError:
    """Make the error on what a reader refuses."""
    return UsageError(f"{name} cannot be read as {kind}.", f"The reader says: {one_line(error)}.", remedy)


def one_line(error: BaseException) -> str:
    """Return what a library says of an error, without more than that."""
    # GDAL appends advice on its own drivers after a semicolon.
    return short(" ".join(str(error).split(";")[0].split()).rstrip("."), 200)


def short(text: str, length: int = 80) -> str:
    """Cut a text that is too long for a message."""
    return text if len(text) <= length else f"{text[: length - 3]}..."
