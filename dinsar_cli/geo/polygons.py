"""The polygons in WKT, GeoJSON and vector files, in longitude and latitude and not yet checked."""

from __future__ import annotations

import json
import logging
import math
import zipfile
from collections.abc import Iterable, Iterator
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

from dinsar_cli.errors import UsageError
from dinsar_cli.geo.file_kinds import FILE_SUFFIXES, JSON_SUFFIXES

logger = logging.getLogger(__name__)

FORMS = (
    "Give --roi as ONE argument: 'W S E N' in degrees (like '10.5 45 11.5 46'), WKT, GeoJSON, or a file "
    "(.geojson, .json, .shp, .zip, .gpkg, .kml)."
)
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
    """

    polygons: list[Polygon]
    note: str = ""


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
        document = json.loads(text)
        geometries = list(_geojson_geometries(document))
        parts = list(
            polygons(shapely.from_geojson(json.dumps(geometry, allow_nan=False)) for geometry in geometries)
        )
    except (ValueError, RecursionError, shapely.errors.ShapelyError) as error:
        raise _unreadable(name, "GeoJSON", error) from error
    if not parts:
        raise no_polygon(name, {str(geometry["type"]) for geometry in geometries})
    crs = document.get("crs")
    # RFC 7946 knows WGS84 only, but files of the 2008 specification with a projected CRS are still about.
    if isinstance(crs, dict) and isinstance(crs.get("properties"), dict) and "name" in crs["properties"]:
        parts = _to_lonlat(parts, str(crs["properties"]["name"]), name)
    return Outlines(parts)


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
            return read_geojson(path.read_text(encoding="utf-8-sig"), name)
        return _read_layers(_shapefile_in(path, name) if suffix == ".zip" else str(path), path, name)
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

    meta, _, wkb, _ = pyogrio.raw.read(dataset, layer=layer, columns=[], force_2d=True)
    if None in wkb and dataset.lower().endswith(".shp"):
        # GDAL gives no geometry for the features that a truncated shapefile has lost.
        raise shapely.errors.ShapelyError("features have no geometry, or the file is cut short")
    return [geometry for geometry in shapely.from_wkb(wkb) if geometry is not None], meta["crs"]


def _read_layers(dataset: str, path: Path, name: str) -> Outlines:
    import pyogrio

    by_layer: dict[str, list[Polygon]] = {}
    kinds: set[str] = set()
    note = ""
    library_errors = (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, shapely.errors.ShapelyError)
    try:
        for layer in [str(row[0]) for row in pyogrio.list_layers(dataset) if row[1] is not None]:
            geometries, crs = _read_layer(dataset, layer)
            kinds |= {geometry.geom_type for geometry in geometries}
            parts = list(polygons(geometries))
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
    return Outlines([part for parts in by_layer.values() for part in parts], note)


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
