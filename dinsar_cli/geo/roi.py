"""The region of interest (ROI): a box, WKT, GeoJSON or a vector file, turned into one checked geometry."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import shapely
from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry
from shapely.geometry.polygon import orient

from dinsar_cli.errors import UsageError
from dinsar_cli.geo.antimeridian import near, no_crossing
from dinsar_cli.geo.file_kinds import FILE_SUFFIXES
from dinsar_cli.geo.polygons import (
    FORMS,
    Outlines,
    no_polygon,
    polygons,
    read_file,
    read_geojson,
    read_wkt,
)
from dinsar_cli.geo.vector_file import short

WKT = re.compile(
    r"\s*(?:SRID\s*=\s*(?P<srid>\d+)\s*;)?\s*"
    r"(?P<wkt>(?:(?:MULTI)?(?:POINT|LINESTRING|POLYGON|CURVE|SURFACE)|LINEARRING|GEOMETRYCOLLECTION|"
    r"CURVEPOLYGON|CIRCULARSTRING|COMPOUNDCURVE|TRIANGLE|TIN)\b.*|\w+\s*\(\(.*)",
    re.IGNORECASE | re.DOTALL,
)
"""A geometry as well-known text, with the groups ``srid`` and ``wkt``."""
_AROUND = 0.1  # degrees around a point, for a box to propose
_HIGHEST = 89.0  # degrees of latitude
_NAMED = 8  # features that a message names
_MIN_AREA = 1e-12  # square degrees: a square of 0.1 m, far below one pixel


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
        raise UsageError("--roi is empty.", "A region of interest was asked for, but nothing was given.", FORMS)
    numbers = _number_list(source)
    if numbers is not None:
        return _from_numbers(numbers, source)
    if source.startswith("{"):
        name = "The GeoJSON text of --roi"
        return _checked(read_geojson(source, name), source, name)
    path = Path(source)
    if _exists(path):
        name = f"The ROI file {path}"
        return _checked(read_file(path, name), str(path), name)
    match = WKT.fullmatch(source)
    if match is not None and path.suffix.lower() not in FILE_SUFFIXES:
        name = f"--roi {short(source)!r}"
        return _checked(read_wkt(match["wkt"], match["srid"], name), source, name)
    raise UsageError(
        f"--roi {short(source)!r} cannot be understood.",
        "No file has this name, and it is neither four numbers nor WKT nor GeoJSON.",
        FORMS,
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
    def within_a_turn(self) -> _Reading:
        """The same with longitudes of -180 to 180; as it is where they are none."""
        if not all(abs(longitude) <= 360 for longitude in (self.west, self.east)):
            return self
        return replace(self, west=near(self.west, 0.0), east=-near(-self.east, 0.0))

    @property
    def crosses_antimeridian(self) -> bool:
        """Whether the box makes sense only across 180 degrees of longitude."""
        latitudes_fit = -90 <= self.south < self.north <= 90
        longitudes_fit = 180 > self.west > self.east > -180
        return latitudes_fit and longitudes_fit and (self.east - self.west) % 360 <= 180

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
    problem = f"--roi {short(source)!r} is not a box in degrees."
    if len(numbers) != 4:
        hint = " Write decimals with a point, not a comma." if len(numbers) == 8 else ""
        raise UsageError(
            problem,
            f"It has {len(numbers)} number(s) and needs four: west, south, east, north.",
            FORMS + hint,
        )
    if not all(math.isfinite(number) for number in numbers):
        raise UsageError(problem, "One of the numbers is NaN or infinite.", FORMS)
    reading = _Reading.of("W S E N", numbers)
    if reading.fault:
        raise _impossible_box(problem, reading, numbers)
    box = shapely.box(reading.west, reading.south, reading.east, reading.north)
    return _checked(Outlines([box]), source, f"--roi {source!r}")


def _impossible_box(problem: str, reading: _Reading, numbers: list[float]) -> UsageError:
    flat = reading.west == reading.east or reading.south == reading.north
    if flat and max(abs(reading.south), abs(reading.north)) <= _HIGHEST and max(map(abs, numbers[::2])) <= 180:
        around = replace(
            reading,
            west=min(numbers[::2]) - _AROUND,
            east=max(numbers[::2]) + _AROUND,
            south=min(numbers[1::2]) - _AROUND,
            north=max(numbers[1::2]) + _AROUND,
        )
        cause = f"It is a point or a line, without area: {reading}."
        return UsageError(problem, cause, f"Give a box around it, such as --roi '{around.typed}'.")
    other, tidy = _Reading.of("S N W E", numbers), reading.within_a_turn
    if tidy.crosses_antimeridian and other.fault:
        return no_crossing(f"--roi '{reading.typed}'", (reading.west, reading.south, reading.east, reading.north))
    cause = f"Read as {reading}; as {other}."
    pairs = _Reading.of("S W N E", numbers)
    if not pairs.fault:
        cause = f"{cause[:-1]}; as {pairs}."
    corners = _Reading.of("W N E S", numbers)
    meant = [candidate for candidate in (other, pairs, corners) if not candidate.fault]
    if meant:
        likely = min(meant, key=lambda box: (box.east - box.west) * (box.north - box.south))
        remedy = f"The order is W S E N: if you meant '{likely.order}', give --roi '{likely.typed}'."
        return UsageError(problem, cause, remedy)
    if not tidy.fault:
        return UsageError(problem, cause, f"Longitudes run from -180 to 180: give --roi '{tidy.typed}'.")
    remedy = "Give west, south, east, north in degrees, west < east and south < north."
    return UsageError(problem, cause, remedy)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # longer than a name can be: a text, not a path
        return False


def _checked(outlines: Outlines, source: str, name: str) -> Roi:
    labels = outlines.labels or ("",) * len(outlines.polygons)
    whole = [
        (shapely.force_2d(part), label)
        for part, label in zip(outlines.polygons, labels, strict=True)
        if not part.is_empty
    ]
    parts = [part for part, _ in whole]
    if not parts:
        raise no_polygon(name, {"an empty polygon"})
    _check_range(parts, name, outlines.note)
    _check_shapes(whole, name)
    region = shapely.union_all(parts)
    west, _, east, _ = region.bounds
    if east - west > 180:
        raise no_crossing(name, _over_180(region))
    oriented = [orient(part) for part in polygons([region])]
    return Roi(oriented[0] if len(oriented) == 1 else shapely.MultiPolygon(oriented), source)


def _check_shapes(parts: Sequence[tuple[Polygon, str]], name: str) -> None:
    """Refuse polygons without an area and those that cross themselves; all of them are named."""
    # The hull, because the signed area of a figure of eight is zero too.
    flat = [label for part, label in parts if part.convex_hull.area < _MIN_AREA]
    if flat:
        cause = f"All points of a polygon lie on one line or in one place{_listed(flat, len(parts))}."
        raise UsageError(f"{name} has no area.", cause, FORMS)
    crooked = [(part, label) for part, label in parts if not part.is_valid]
    if crooked:
        what, _, where = shapely.is_valid_reason(crooked[0][0]).rstrip("]").partition("[")
        told = _listed([label for _, label in crooked], len(parts))
        cause = f"An outline must not cross or touch itself: {what} at longitude, latitude {where}{told}."
        remedy = "Correct the order of its points."
        if told:
            remedy = "Correct the order of their points, or leave them out of the file."
        raise UsageError(f"{name} is not a valid polygon.", cause, remedy)


def _listed(labels: Sequence[str], count: int) -> str:
    """Name the features that are wrong, of all that there are; empty where there are no names."""
    named = [label for label in labels if label]
    if not named or count < 2:
        return ""
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    return f"; of {count} polygons {len(labels)} are so: {', '.join(named[:_NAMED])}{more}"


def _over_180(region: BaseGeometry) -> tuple[float, float, float, float]:
    """West, south, east, north of a region whose points beyond 180 degrees are written with a minus."""
    longitude, latitude = shapely.get_coordinates(region).T
    lowest, highest = latitude.min(), latitude.max()
    return (longitude[longitude > 0].min(), lowest, longitude[longitude < 0].max(), highest)


def _check_range(parts: list[Polygon], name: str, note: str) -> None:
    points = shapely.get_coordinates(parts)
    if not np.isfinite(points).all():
        raise UsageError(f"{name} is not a region.", "One of its coordinates is NaN or infinite.", FORMS)
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
        raise no_crossing(name, (x.min(), y.min(), x.max(), y.max()))
    if y_far <= 90 and 180 <= x.min() < x.max() <= 360:
        raise UsageError(problem, f"Longitudes end at 180, but {extent}", "Subtract 360 from its longitudes.")
    metres = max(x_far, y_far) > 360
    cause = "They look like metres of a projected system" if metres else "Degrees end at 180 and 90"
    remedy = "Save it in EPSG:4326, or with its coordinate reference system."
    raise UsageError(problem, f"{cause}: {extent}", remedy)


def _fmt(value: float) -> str:
    return f"{value:.10g}"
