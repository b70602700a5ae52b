"""The polygons in WKT, GeoJSON and vector files, in longitude and latitude and not yet checked."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import shapely
from pyproj.exceptions import CRSError, ProjError
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from dinsar_cli.errors import UsageError
from dinsar_cli.geo.degrees import in_degrees
from dinsar_cli.geo.vector_file import Features, features_of_geojson, one_line, read_features, short, unreadable

logger = logging.getLogger(__name__)

FORMS = (
    "Give --roi as ONE argument: 'W S E N' in degrees (like '10.5 45 11.5 46'), WKT, GeoJSON, or a file "
    "(.geojson, .json, .shp, .zip, .gpkg, .kml)."
)
_MOST_BRACKETS = 32

Shape = TypeVar("Shape", bound=BaseGeometry)


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
    geometry = wkt_geometry(wkt, name, FORMS)
    parts = list(polygons([geometry]))
    if not parts:
        raise no_polygon(name, {geometry.geom_type})
    if srid not in {None, "0", "4326"}:
        parts = to_lonlat(parts, f"EPSG:{srid}", name)
    return Outlines(parts)


def wkt_geometry(wkt: str, name: str, remedy: str) -> BaseGeometry:
    """Return the geometry of WKT without an SRID, whatever its kind.

    Raises
    ------
    UsageError
        If it is no WKT.
    """
    _check_nesting(wkt, name)
    try:
        # NaN and overflow are refused with every other coordinate that is not finite.
        with np.errstate(invalid="ignore", over="ignore"):
            return shapely.from_wkt(wkt)
    except (shapely.errors.ShapelyError, NotImplementedError) as error:  # the latter: curves
        raise unreadable(name, "WKT", error, remedy) from error


def read_geojson(text: str, name: str) -> Outlines:
    """Read GeoJSON text.

    Raises
    ------
    UsageError
        If it is no GeoJSON, has no polygon or a ``crs`` that cannot be used; ``name`` is what it is called there.
    """
    return _outlines([features_of_geojson(text, name, FORMS)], name)


def read_file(path: Path, name: str) -> Outlines:
    """Read a GeoJSON file, shapefile (also zipped), GeoPackage or KML.

    Raises
    ------
    UsageError
        If it is of another kind or cannot be read, or holds no polygon or several layers of them; ``name`` is
        what it is called there.
    """
    layers = read_features(path, name, FORMS)
    # The folders of a KML come as layers; in other formats a second polygon layer is another subject.
    return _outlines(layers, name, several=path.suffix.lower() in {".kml", ".kmz"})


def _outlines(layers: Iterable[Features], name: str, *, several: bool = False) -> Outlines:
    """Return the polygons of layers, brought to longitude and latitude."""
    by_layer: dict[str, list[Polygon]] = {}
    labels: list[str] = []
    kinds: set[str] = set()
    note = ""
    for layer in layers:
        known = [(one, label) for one, label in zip(layer.geometries, layer.labels, strict=True) if one is not None]
        kinds |= {geometry.geom_type for geometry, _ in known}
        labelled = [(part, label) for geometry, label in known for part in polygons([geometry])]
        parts = [part for part, _ in labelled]
        labels += [label for _, label in labelled]
        if parts and not layer.crs:
            note = " The file has no coordinate reference system: its numbers are read as degrees."
            logger.warning("%s has no coordinate reference system: read as degrees", name)
        if parts:
            by_layer[layer.layer] = to_lonlat(parts, layer.crs, name) if layer.crs else parts
    if not by_layer:
        raise no_polygon(name, kinds)
    if len(by_layer) > 1 and not several:
        raise UsageError(
            f"{name} has several polygon layers.",
            f"They are {', '.join(by_layer)}, and which one is meant is not known.",
            "Save the layer of the region as a file of its own.",
        )
    return Outlines([part for parts in by_layer.values() for part in parts], note, tuple(labels))


def _check_nesting(wkt: str, name: str) -> None:
    """Refuse brackets in brackets without an end, which the reader follows until its stack is full."""
    depth = 0
    for bracket in re.findall(r"[()]", wkt):
        depth += 1 if bracket == "(" else -1
        if depth > _MOST_BRACKETS:
            problem = ValueError(f"brackets are nested more than {_MOST_BRACKETS} deep")
            raise unreadable(name, "WKT", problem, FORMS)


def to_lonlat(parts: list[Shape], crs: str, name: str) -> list[Shape]:
    """Bring shapes to WGS84 longitude and latitude.

    Raises
    ------
    UsageError
        When their coordinate reference system cannot be used.
    """
    try:
        return list(in_degrees(np.array(parts, object), crs))
    except (CRSError, ProjError) as error:
        raise UsageError(
            f"{name} cannot be brought to longitude and latitude.",
            f"Its coordinate reference system {short(crs)!r} cannot be used: {one_line(error)}.",
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
