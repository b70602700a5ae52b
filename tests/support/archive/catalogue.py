"""NASA's Common Metadata Repository: the search for granules, with the parameters that asf_search sends."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

from shapely import LinearRing, LineString, Point, Polygon, box
from shapely.affinity import translate
from shapely.geometry.base import BaseGeometry
from shapely.ops import unary_union

from support.archive.granules import continuous
from support.archive.messages import Answer, Reply, Request, as_json, text

HOST: Final = "cmr.earthdata.nasa.gov"
REPORT_HOST: Final = "search-error-report.asf.alaska.edu"
PATHS: Final = ("/search/granules.umm_json", "/search/granules.umm_json_v1_4")
LARGEST_PAGE: Final = 2000


class BadQueryError(Exception):
    """The query is one that the catalogue refuses; the message says why."""


def _ground(ring: list[tuple[float, float]]) -> BaseGeometry:
    """The smaller part of the Earth that a ring bounds; across 180 degrees it is there on both sides."""
    whole = Polygon([(continuous(x, ring[0][0]), y) for x, y in ring])
    return unary_union([translate(whole, turn) for turn in (-360.0, 0.0, 360.0)])


@dataclass(frozen=True)
class Granule:
    """A granule with what the search looks at."""

    umm: dict[str, Any]
    footprint: BaseGeometry
    start: datetime
    stop: datetime
    attributes: dict[str, list[str]]

    @classmethod
    def of(cls, item: dict[str, Any]) -> Granule:
        """Take a record of the catalogue."""
        umm = item["umm"]
        span = umm["TemporalExtent"]["RangeDateTime"]
        geometry = umm["SpatialExtent"]["HorizontalSpatialDomain"]["Geometry"]
        points = geometry["GPolygons"][0]["Boundary"]["Points"]
        return cls(
            item,
            _ground([(point["Longitude"], point["Latitude"]) for point in points]),
            _time(span["BeginningDateTime"]),
            _time(span["EndingDateTime"]),
            {entry["Name"]: entry["Values"] for entry in umm["AdditionalAttributes"]},
        )

    @property
    def identifier(self) -> str:
        """GranuleUR."""
        return str(self.umm["umm"]["GranuleUR"])

    @property
    def product(self) -> str:
        """Name of the product."""
        return str(self.umm["umm"]["DataGranule"]["Identifiers"][0]["Identifier"])


@dataclass
class Catalogue:
    """The granules that there are.

    Attributes
    ----------
    granules : list of Granule
    """

    granules: list[Granule]

    def add(self, items: Iterable[dict[str, Any]]) -> None:
        """Add records (`meta` and `umm`)."""
        self.granules.extend(Granule.of(item) for item in items)

    def hosts(self) -> dict[str, Answer]:
        """Hosts and what answers for them."""
        return {HOST: self.answer, REPORT_HOST: lambda _request: as_json({"status": "received"})}

    def answer(self, request: Request) -> Reply:
        """Search, and give a page of what was found."""
        if request.path not in PATHS:
            return text("no such page", 404)
        try:
            query = _Query.of(request.fields())
            found = [granule for granule in self.granules if query.meets(granule)]
        except BadQueryError as error:
            return as_json({"errors": [str(error)]}, 400)
        for key in reversed(query.sort_keys):
            found.sort(key=SORT_KEYS[key.lstrip("+-")], reverse=key.startswith("-"))
        first = int(json.loads(request.headers.get("cmr-search-after") or '["0"]')[0])
        shown = found[first : first + query.page_size]
        reply = as_json({"hits": len(found), "took": 5, "items": [granule.umm for granule in shown]})
        reply = reply.with_headers(("CMR-Hits", str(len(found))))
        if shown:
            reply = reply.with_headers(("CMR-Search-After", json.dumps([str(first + len(shown))])))
        return reply


SORT_KEYS: Final[dict[str, Callable[[Granule], Any]]] = {
    "start_date": lambda granule: granule.start,
    "end_date": lambda granule: granule.stop,
    "granule_ur": lambda granule: granule.identifier,
}


@dataclass(frozen=True)
class _Query:
    """Parameters by name, without brackets."""

    values: dict[str, list[str]]
    sort_keys: tuple[str, ...]
    page_size: int

    @classmethod
    def of(cls, fields: list[tuple[str, str]]) -> _Query:
        values: dict[str, list[str]] = {}
        for name, value in fields:
            if not name.startswith("options["):
                values.setdefault(name.removesuffix("[]"), []).append(value)
        sort_keys = tuple(values.pop("sort_key", ["start_date"]))
        size = int(values.pop("page_size", ["10"])[0])
        unknown = sorted(set(values) - set(TESTS))
        unknown += [key for key in sort_keys if key.lstrip("+-") not in SORT_KEYS]
        if unknown:
            raise BadQueryError(f"Parameter [{unknown[0]}] was not recognized.")
        if not 0 <= size <= LARGEST_PAGE:
            raise BadQueryError("page_size must be a number between 0 and 2000")
        return cls(values, sort_keys, size)

    def meets(self, granule: Granule) -> bool:
        """Whether a granule meets all parameters."""
        return all(TESTS[name](granule, values) for name, values in self.values.items())


def _time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _in_collection(granule: Granule, values: list[str]) -> bool:
    return granule.umm["umm"]["CollectionReference"]["ShortName"] in values


def _by_provider(granule: Granule, values: list[str]) -> bool:
    return granule.umm["meta"]["provider-id"] in values


def _on_platform(granule: Granule, values: list[str]) -> bool:
    name = granule.umm["umm"]["Platforms"][0]["ShortName"].lower()
    return any(fnmatch.fnmatchcase(name, value.lower()) for value in values)


def _by_instrument(granule: Granule, values: list[str]) -> bool:
    return granule.umm["umm"]["Platforms"][0]["Instruments"][0]["ShortName"] in values


def _has_name(granule: Granule, values: list[str]) -> bool:
    """Name of the granule or of the product, perhaps with ``*`` and ``?``."""
    own = (granule.identifier, granule.product)
    return any(fnmatch.fnmatchcase(name, value) for name in own for value in values)


def _has_attributes(granule: Granule, values: list[str]) -> bool:
    """``type,NAME,value`` or ``type,NAME,lowest,highest``; all must hold."""
    return all(_has_attribute(granule, value) for value in values)


def _has_attribute(granule: Granule, wanted: str) -> bool:
    kind, name, *limits = wanted.replace("\\,", "\0").split(",")
    own = granule.attributes.get(name)
    if own is None:
        return False
    if len(limits) == 1:
        sought = limits[0].replace("\0", ",")
        return any(value == sought if kind == "string" else float(value) == float(sought) for value in own)
    if len(limits) != 2:
        raise BadQueryError(f"[{wanted}] is not a valid attribute.")
    low, high = (float(limit) if limit else None for limit in limits)
    return any((low is None or low <= float(value)) and (high is None or float(value) <= high) for value in own)


def _within(number: int, wanted: str) -> bool:
    low, _, high = wanted.partition(",")
    return int(low) <= number <= int(high or low)


def _on_orbit(granule: Granule, values: list[str]) -> bool:
    number = granule.umm["umm"]["OrbitCalculatedSpatialDomains"][0]["OrbitNumber"]
    return any(_within(number, value) for value in values)


def _in_time(granule: Granule, values: list[str]) -> bool:
    """``start,end`` and perhaps the first and the last day of the year."""
    return any(_in_span(granule, value) for value in values)


def _in_span(granule: Granule, wanted: str) -> bool:
    start, end, *season = [*wanted.split(","), "", ""][:4]
    if start and granule.stop < _time(start):
        return False
    if end and granule.start > _time(end):
        return False
    if not all(season):
        return True
    first, last = (int(day) for day in season)
    day = granule.start.timetuple().tm_yday
    return first <= day <= last if first <= last else day >= first or day <= last


def _updated(granule: Granule, values: list[str]) -> bool:
    return _time(granule.umm["umm"]["DataGranule"]["ProductionDateTime"]) >= _time(values[0])


def _numbers(value: str) -> list[float]:
    return [float(number) for number in value.split(",")]


def _pairs(value: str) -> list[tuple[float, float]]:
    numbers = _numbers(value)
    return list(zip(numbers[::2], numbers[1::2], strict=True))


@cache
def _polygon(value: str) -> BaseGeometry:
    ring = _pairs(value)
    if ring[0] != ring[-1]:
        raise BadQueryError("Polygon boundary was not closed. The first and last points must be equal.")
    if not LinearRing(ring).is_ccw:
        raise BadQueryError(
            "The polygon boundary points are listed in the wrong order (clockwise vs counter clockwise)."
        )
    return Polygon(ring)


@cache
def _box(value: str) -> BaseGeometry:
    west, south, east, north = _numbers(value)
    if west <= east:
        return box(west, south, east, north)
    return box(west, south, 180.0, north).union(box(-180.0, south, east, north))


def _meets(shape: Callable[[str], BaseGeometry]) -> Callable[[Granule, list[str]], bool]:
    def test(granule: Granule, values: list[str]) -> bool:
        return any(granule.footprint.intersects(shape(value)) for value in values)

    return test


TESTS: Final[dict[str, Callable[[Granule, list[str]], bool]]] = {
    "shortName": _in_collection,
    "short_name": _in_collection,
    "provider": _by_provider,
    "platform": _on_platform,
    "instrument": _by_instrument,
    "readable_granule_name": _has_name,
    "granule_ur": _has_name,
    "attribute": _has_attributes,
    "orbit_number": _on_orbit,
    "temporal": _in_time,
    "updated_since": _updated,
    "polygon": _meets(_polygon),
    "bounding_box": _meets(_box),
    "point": _meets(lambda value: Point(_numbers(value))),
    "line": _meets(lambda value: LineString(_pairs(value))),
}
