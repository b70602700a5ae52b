"""The catalogue of Sentinel-1 scenes: what there is over an area, searched in the archive of ASF."""

from __future__ import annotations

import importlib.metadata
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any, Final

import requests
import shapely
from shapely import MultiPolygon, Polygon

from dinsar_cli.catalog.cmr import PatientAdapter, unsearchable
from dinsar_cli.errors import UsageError
from dinsar_cli.geo.roi import Roi
from dinsar_cli.net.limits import Limits, network_limits
from dinsar_cli.sentinel1.scene import GranuleName
from dinsar_cli.sentinel1.subswath import parse_time

logger = logging.getLogger(__name__)

PLATFORMS: Final = ("S1A", "S1B", "S1C", "S1D")
_FIRST_YEAR: Final = 2014
_HALF_PASS: Final = timedelta(hours=1)  # a pass across midnight is of the day on which it starts
_DAY: Final = timedelta(days=1)
_SEARCHES: Final = 2  # scenes that are published meanwhile change the number of results

Ring = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Query:
    """What is looked for.

    Attributes
    ----------
    roi : Roi
        Area that scenes must meet.
    start, end : date, optional
        First and last day, UTC, both included; None is as far as the archive goes.
    years : tuple of int
        Years of acquisition; empty for all.
    track, frame : int, optional
        As the archive numbers them.
    direction : str, optional
        ``ascending`` or ``descending``.
    platforms : tuple of str
        ``S1A`` to ``S1D``.
    polarization : str, optional
        One that the scenes must have, such as ``VV``.
    """

    roi: Roi
    start: date | None = None
    end: date | None = None
    years: tuple[int, ...] = ()
    track: int | None = None
    frame: int | None = None
    direction: str | None = None
    platforms: tuple[str, ...] = PLATFORMS
    polarization: str | None = None

    @property
    def span(self) -> tuple[date | None, date | None]:
        """First and last day, narrowed to the years."""
        if not self.years:
            return self.start, self.end
        first, last = date(min(self.years), 1, 1), date(max(self.years), 12, 31)
        return max(first, self.start or first), min(last, self.end or last)

    @property
    def filters(self) -> tuple[str, ...]:
        """What of track, frame, direction, satellite and polarization is asked for, in words; empty for nothing."""
        return tuple(
            text
            for text, wanted in (
                (f"track {self.track}", self.track),
                (f"frame {self.frame}", self.frame),
                (str(self.direction), self.direction),
                (" or ".join(self.platforms), set(self.platforms) != set(PLATFORMS)),
                (f"polarization {self.polarization}", self.polarization),
            )
            if wanted
        )

    @property
    def unfiltered(self) -> Query:
        """The same days and area without these."""
        return Query(self.roi, self.start, self.end, self.years)

    def includes(self, start: datetime) -> bool:
        """Tell whether an acquisition that starts then is of the days that are asked for."""
        first, last = self.span
        day = start.date()
        if (first is not None and day < first) or (last is not None and day > last):
            return False
        return not self.years or day.year in self.years

    def check(self, today: date) -> tuple[str, ...]:
        """Return the sentences on days that cannot have scenes yet.

        Raises
        ------
        UsageError
            When no day that is asked for can have any.
        """
        first, last = self.span
        if first is not None and last is not None and last < first:
            raise UsageError(
                "No day is left to look for.",
                f"The years {', '.join(map(str, self.years))} are not between {self.start} and {self.end}.",
                "Leave --year out, or give years between --start and --end.",
            )
        if first is not None and first > today:
            raise UsageError(
                f"The start {first} is in the future.",
                f"Today is {today} (UTC), and there are no scenes of later days.",
                "Give an earlier --start.",
            )
        if last is not None and last.year < _FIRST_YEAR:
            raise UsageError(
                f"The end {last} is before the first satellite.",
                "Sentinel-1A flies since 2014.",
                "Give a later --end.",
            )
        if self.end is not None and self.end > today:
            return (f"The end {self.end} is in the future: there are no scenes after today, {today}.",)
        return ()


@dataclass(frozen=True)
class StateVector:
    """Place (m) and velocity (m/s) of a satellite in the Earth-fixed frame at a time (UTC)."""

    time: datetime
    position: tuple[float, float, float]
    velocity: tuple[float, float, float]


@dataclass(frozen=True)
class CatalogScene:
    """An IW SLC product, as the catalogue knows it.

    Attributes
    ----------
    name : str
        Of the product, without ending.
    platform : str
        ``S1A`` to ``S1D``.
    start, stop : datetime
        Sensing time, UTC.
    track, frame : int
        Relative orbit and frame, as the archive numbers them.
    absolute_orbit : int
        Orbits since launch.
    direction : str
        ``ascending`` or ``descending``.
    polarizations : tuple of str
    ring : tuple of (longitude, latitude)
        Closed outline of the footprint in degrees.
    url : str
        Where the product is downloaded from.
    bytes : int
        Its size; 0 when the catalogue does not tell.
    md5 : str
        Its MD5; empty when the catalogue does not tell.
    processed : datetime or None
        When it was made.
    ipf : str
        Version of the processor; empty when the catalogue does not tell.
    vectors : tuple of StateVector
        Two about the middle of the scene, or none.
    """

    name: str
    platform: str
    start: datetime
    stop: datetime
    track: int
    frame: int
    absolute_orbit: int
    direction: str
    polarizations: tuple[str, ...]
    ring: Ring
    url: str
    bytes: int = 0
    md5: str = ""
    processed: datetime | None = None
    ipf: str = ""
    vectors: tuple[StateVector, ...] = field(default=(), repr=False)

    @cached_property
    def footprint(self) -> Polygon | MultiPolygon:
        """Outline in longitude and latitude; in two parts when it lies across the antimeridian."""
        return outline(self.ring)


@dataclass(frozen=True)
class Found:
    """What a search gave: the scenes by time, and sentences on what is wrong with the records."""

    scenes: tuple[CatalogScene, ...]
    notes: tuple[str, ...] = ()


def search(query: Query, limits: Limits | None = None) -> Found:
    """Search the archive.

    Scenes of up to an hour before and after the days that are asked for are found too, so that passes across
    midnight are whole; and all that meet the bounding box of the area, so that passes have no holes. What belongs
    to the days and the area is for `dinsar_cli.catalog.stacks` to decide.

    Parameters
    ----------
    query : Query
    limits : Limits, optional
        How long to try when the archive fails; by default those of the user.

    Returns
    -------
    Found
        Each scene once; perhaps none.

    Raises
    ------
    NetworkError
        When the archive cannot be reached or does not give complete results.
    """
    return _found(complete(lambda limits: _search_once(query, limits), limits), query)


def complete(search_once: Callable[[Limits], list[Any] | None], limits: Limits | None = None) -> list[Any]:
    """Search until the results are complete.

    Parameters
    ----------
    search_once : callable
        As `products_of`: gives None when the results are not complete.
    limits : Limits, optional
        How long to try when the archive fails; by default those of the user.

    Raises
    ------
    NetworkError
        When they are not complete, twice.
    """
    limits = limits or network_limits()
    for _ in range(_SEARCHES):
        products = search_once(limits)
        if products is not None:
            return products
        logger.info("the results are incomplete: the search is made again")
    raise unsearchable(
        "It gave fewer scenes than it says it has, twice: the results would be incomplete.",
        "Run it again, or make it smaller with --start and --end.",
    )


def _search_once(query: Query, limits: Limits) -> list[Any] | None:
    """Return the products of asf_search; None when they are not all that there are."""
    import asf_search

    first, last = query.span
    options: dict[str, Any] = {
        "platform": [f"SENTINEL-1{name[2]}" for name in query.platforms],
        "processingLevel": asf_search.PRODUCT_TYPE.SLC,
        "beamMode": asf_search.BEAMMODE.IW,
        "intersectsWith": shapely.box(*query.roi.bounds).wkt,
        "start": _midnight(first) - _HALF_PASS if first else None,
        "end": _midnight(last) + _DAY + _HALF_PASS if last else None,
        "flightDirection": query.direction.upper() if query.direction else None,
        "relativeOrbit": query.track,
        "asfFrame": query.frame,
    }
    return products_of({name: value for name, value in options.items() if value is not None}, limits)


def products_of(options: Mapping[str, Any], limits: Limits) -> list[Any] | None:
    """Ask the archive once.

    Returns
    -------
    list of asf_search.ASFProduct, or None
        What `asf_search.search` gives for these options; None when that is not all that there is.

    Raises
    ------
    NetworkError
        When the archive cannot be reached or its answer is not understood.
    """
    import asf_search

    asf_search.REPORT_ERRORS = False  # else a failure would be posted to another host, which can hide it
    session = asf_search.ASFSession()
    session.mount("https://", PatientAdapter(limits))
    session.auth = _no_login
    try:
        results = asf_search.search(session=session, **options)
    except (asf_search.ASFError, requests.RequestException) as error:
        raise unsearchable(f"asf_search ends with {type(error).__name__}: {error}.", "Try again later.") from error
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        version = importlib.metadata.version("asf_search")
        raise unsearchable(
            f"asf_search {version} does not understand its answer ({type(error).__name__}: {error}).",
            "Update asf_search, or try again later.",
        ) from error
    return list(results) if results.searchComplete else None


def _no_login(request: Any) -> Any:
    """Send a request as it is: the search needs no account, and requests would take one from netrc."""
    return request


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _found(products: list[Any], query: Query) -> Found:
    """Turn products into records; those that lack what is needed are told of."""
    scenes: dict[str, CatalogScene] = {}
    notes = []
    for product in products:
        try:
            scene = read_scene(product.properties, product.umm, product.geometry)
        except (KeyError, TypeError, ValueError, UsageError) as error:
            name = product.properties.get("sceneName") or product.properties.get("fileID")
            notes.append(f"The record of {name} is left out, because it is not complete ({error!s:.100}).")
            continue
        if query.polarization is None or query.polarization in scene.polarizations:
            scenes[scene.name] = scene
    return Found(tuple(sorted(scenes.values(), key=lambda scene: (scene.start, scene.name))), tuple(notes))


def read_scene(properties: Mapping[str, Any], umm: Mapping[str, Any], geometry: Mapping[str, Any]) -> CatalogScene:
    """Make a record from what asf_search has of a product.

    Parameters
    ----------
    properties : mapping
        Its `properties`; track, frame and direction come from here and are never computed.
    umm : mapping
        The catalogue's own record, for times with fractions of a second and that of the processing.
    geometry : mapping
        GeoJSON polygon.

    Raises
    ------
    KeyError, TypeError, ValueError, UsageError
        When something is missing or wrong.
    """
    name = str(properties["sceneName"])
    parts = GranuleName.parse(name)
    span = umm["TemporalExtent"]["RangeDateTime"]
    attributes = {item["Name"]: item["Values"][0] for item in umm["AdditionalAttributes"]}
    direction = str(properties["flightDirection"]).lower()
    if direction not in {"ascending", "descending"}:
        raise ValueError(f"flight direction {direction!r}")
    polarizations = tuple(str(properties["polarization"]).split("+"))
    if not set(polarizations) <= {"VV", "VH", "HH", "HV"}:
        raise ValueError(f"polarization {properties['polarization']!r}")
    if not properties["url"]:
        raise ValueError("no address to download it from")
    processed = attributes.get("PROCESSING_DATE")  # what asf_search calls processingDate is when it was sensed
    return CatalogScene(
        name=name,
        platform=parts.mission,
        start=parse_time(span["BeginningDateTime"]),
        stop=parse_time(span["EndingDateTime"]),
        track=int(properties["pathNumber"]),
        frame=int(properties["frameNumber"]),
        absolute_orbit=parts.absolute_orbit,
        direction=direction,
        polarizations=polarizations,
        ring=tuple((float(x), float(y)) for x, y, *_ in geometry["coordinates"][0]),
        url=str(properties["url"]),
        bytes=int(properties.get("bytes") or 0),
        md5=str(properties.get("md5sum") or ""),
        processed=parse_time(processed) if processed else None,
        ipf=str(properties.get("pgeVersion") or ""),
        vectors=tuple(_vectors(attributes)),
    )


def _vectors(attributes: Mapping[str, str]) -> Iterator[StateVector]:
    """State vectors in a record, which has both or none."""
    names = [(f"SV_POSITION_{end}", f"SV_VELOCITY_{end}") for end in ("PRE", "POST")]
    if not all(name in attributes for pair in names for name in pair):
        return
    for pair in names:
        (position, moment), (velocity, _) = (_numbers(attributes[name]) for name in pair)
        yield StateVector(moment, position, velocity)


def _numbers(text: str) -> tuple[tuple[float, float, float], datetime]:
    x, y, z, moment = text.split(",")
    return (float(x), float(y), float(z)), parse_time(moment)


def outline(ring: Ring) -> Polygon | MultiPolygon:
    """Return the polygon of a closed ring in degrees; in two parts when it lies across the antimeridian."""
    west, east = min(x for x, _ in ring), max(x for x, _ in ring)
    if east - west <= 180:
        return shapely.Polygon(ring)
    whole = shapely.Polygon([(x + 360 if x < 0 else x, y) for x, y in ring])
    eastern = whole.intersection(shapely.box(0, -90, 180, 90))
    western = shapely.transform(whole.intersection(shapely.box(180, -90, 360, 90)), lambda xy: xy - [360, 0])
    parts = [part for part in (eastern, western) if isinstance(part, shapely.Polygon)]
    return shapely.MultiPolygon(parts)
