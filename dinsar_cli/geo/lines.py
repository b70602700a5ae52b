"""Lines that a user gives, such as the trace of a fault, in longitude and latitude."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn, TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Geod
from shapely import LineString
from shapely.geometry.base import BaseGeometry

from dinsar_cli.errors import UsageError
from dinsar_cli.geo.antimeridian import Bounds, middle_of, near
from dinsar_cli.geo.polygons import to_lonlat, wkt_geometry
from dinsar_cli.geo.roi import WKT
from dinsar_cli.geo.vector_file import DEGREES, Features, features_of_geojson, read_features, short

Floats: TypeAlias = NDArray[np.float64]

FORMS: Final = (
    "Give a file with lines, in longitude and latitude or with their system (.geojson, .json, .shp, .zip, .gpkg, "
    ".kml), or 'LINESTRING (lon lat, lon lat)'."
)
METRES_PER_DEGREE: Final = 111_320.0
"""Of latitude; of longitude there are fewer."""
_GEOD: Final = Geod(ellps="WGS84")
_AREAS: Final = {"Polygon"}


@dataclass(frozen=True)
class Lines:
    """Lines on the ground.

    Attributes
    ----------
    parts : tuple of shapely.LineString
        Longitude and latitude, degrees (WGS84).
    source : str
        What was typed, or the file.
    """

    parts: tuple[LineString, ...]
    source: str

    @property
    def bounds(self) -> Bounds:
        """West, south, east, north, degrees."""
        west, south, east, north = shapely.total_bounds(list(self.parts)).tolist()
        return west, south, east, north

    @property
    def length(self) -> float:
        """Of all lines, metres."""
        return float(sum(_GEOD.geometry_length(part) for part in self.parts))

    def within(self, bounds: Bounds) -> Lines:
        """Return what lies in west, south, east, north (degrees), on the side of the antimeridian where that is."""
        moved = [
            shapely.transform(part, lambda xy: np.column_stack([near(xy[:, 0], middle_of(bounds)), xy[:, 1]]))
            for part in self.parts
        ]
        inside = [part for whole in moved for part in _lines_in(shapely.clip_by_rect(whole, *bounds))]
        return Lines(tuple(inside), self.source)

    def points(self, spacing: float) -> list[tuple[Floats, Floats]]:
        """Return longitude and latitude of points along each line, at most so many metres apart."""
        fine = (shapely.segmentize(part, spacing / METRES_PER_DEGREE) for part in self.parts)
        return [(xy[:, 0], xy[:, 1]) for xy in map(shapely.get_coordinates, fine)]


def read_lines(text: str, option: str) -> Lines:
    """Return the lines of WKT, GeoJSON text or a file.

    Parameters
    ----------
    text : str
    option : str
        What the messages call it.

    Raises
    ------
    UsageError
        When it is none of these, has no line, or has areas, of which it is not known what is meant.
    """
    source = text.strip()
    path = Path(source)
    if source.startswith("{"):
        layers = [features_of_geojson(source, f"The GeoJSON text of {option}", FORMS)]
        return _lines_of(layers, source, f"The GeoJSON text of {option}")
    match = WKT.fullmatch(source)
    if match is not None:
        name = f"{option} {short(source)!r}"
        crs = DEGREES if match["srid"] in {None, "0"} else f"EPSG:{match['srid']}"
        return _lines_of([Features("", [wkt_geometry(match["wkt"], name, FORMS)], {}, ("",), crs)], source, name)
    if not path.is_file():
        raise UsageError(
            f"{option} {source if path.suffix else short(source)} cannot be read.",
            "There is no such file, and it is no WKT.",
            FORMS,
        )
    name = f"The file of {option} {path}"
    return _lines_of(read_features(path, name, FORMS), source, name)


def _lines_of(layers: Iterable[Features], source: str, name: str) -> Lines:
    """Return the lines of layers, brought to longitude and latitude and checked."""
    parts: list[LineString] = []
    kinds: set[str] = set()
    for layer in layers:
        known = [shape for shape in layer.geometries if shape is not None]
        kinds |= {part.geom_type for shape in known for part in _single(shape)}
        found = [line for shape in known for line in _lines_in(shape)]
        parts += to_lonlat(found, layer.crs, name) if layer.crs else found
    areas = kinds & _AREAS
    if areas:
        _refuse(
            name,
            f"It contains {', '.join(sorted(areas))}: the outline of an area would cut its inside off altogether.",
        )
    parts = [part for part in parts if part.length > 0 or not np.isfinite(part.length)]
    if not parts:
        _refuse(name, f"It contains {', '.join(sorted(kinds)) or 'nothing'}, and no line of any length.")
    xy = shapely.get_coordinates(parts)
    if not np.isfinite(xy).all() or np.abs(xy[:, 1]).max() > 90 or np.abs(xy[:, 0]).max() > 360:
        x, y = xy[int(np.argmax(np.max(np.abs(np.nan_to_num(xy, nan=np.inf)) / [360, 90], axis=1)))]
        _refuse(
            name,
            f"Longitude {x:.10g}, latitude {y:.10g} is no place on the Earth; they may be swapped, or metres.",
        )
    return Lines(tuple(parts), source)


def _lines_in(shape: BaseGeometry) -> Iterator[LineString]:
    """Give the single lines in a geometry of any kind, without heights."""
    for part in _single(shape):
        if part.geom_type in {"LineString", "LinearRing"} and not part.is_empty:
            yield LineString(shapely.get_coordinates(part))


def _single(shape: BaseGeometry) -> Iterator[BaseGeometry]:
    """Give the geometries that are in no other."""
    if hasattr(shape, "geoms"):
        for part in shape.geoms:
            yield from _single(part)
    else:
        yield shape


def _refuse(name: str, cause: str) -> NoReturn:
    raise UsageError(f"{name} has no lines to use.", cause, FORMS)
