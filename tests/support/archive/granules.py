"""What the catalogue knows of a scene: read from its SAFE, or made up from that of another."""

from __future__ import annotations

import binascii
import hashlib
import re
import zipfile
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
from lxml import etree

DATAPOOL: Final = "datapool.asf.alaska.edu"
POLARIZATIONS: Final = {"SV": "VV", "SH": "HH", "DV": "VV+VH", "DH": "HH+HV"}
FRAMES_PER_ORBIT: Final = 1180.0
ORBIT_SECONDS: Final = 12 * 86400 / 175
ORBITS_PER_DAY: Final = 175 / 12
IPF: Final = "Sentinel-1 IPF"
COMPACT: Final = "%Y%m%dT%H%M%S"
Ring = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class StateVector:
    """Place and speed of the satellite in the Earth-fixed frame (m, m/s)."""

    time: datetime
    position: tuple[float, float, float]
    velocity: tuple[float, float, float]


@dataclass(frozen=True)
class Scene:
    """A Sentinel-1 IW SLC product in the catalogue.

    Attributes
    ----------
    name : str
        Without ending.
    path : int
        Track.
    frame : int
    direction : str
        ``ASCENDING`` or ``DESCENDING``.
    ring : tuple of (longitude, latitude)
        Closed outline, anticlockwise.
    size : int
        Bytes of the zip.
    md5 : str
    ascending_node : datetime or None
        Time at which the satellite last crossed the equator northward.
    vectors : tuple of two StateVector, or None
        Before and after the middle of the scene.
    ipf : str
        Version of the processor.
    processed : datetime or None
        When it was made; None is not told.
    file : Path or None
        The zip; None when the catalogue alone has it.
    """

    name: str
    path: int
    frame: int
    direction: str
    ring: Ring
    size: int = 4_000_000_000
    md5: str = "0" * 32
    ascending_node: datetime | None = None
    vectors: tuple[StateVector, StateVector] | None = None
    ipf: str = "003.61"
    processed: datetime | None = None
    file: Path | None = None

    @property
    def mission(self) -> str:
        """``S1A`` to ``S1D``."""
        return self.name[:3]

    @property
    def start(self) -> datetime:
        """First sensing time, as the name has it."""
        return _moment(self.name.split("_")[-5])

    @property
    def stop(self) -> datetime:
        """Last sensing time, as the name has it."""
        return _moment(self.name.split("_")[-4])

    @property
    def absolute_orbit(self) -> int:
        """Orbits since launch."""
        return int(self.name.split("_")[-3])

    @property
    def polarization(self) -> str:
        """As the catalogue writes it: ``VV``, ``VV+VH``, ``HH``, ``HH+HV``."""
        return POLARIZATIONS[self.name[14:16]]

    @property
    def url(self) -> str:
        """Where it is downloaded from."""
        return f"https://{DATAPOOL}/SLC/S{self.mission[2]}/{self.name}.zip"

    def repeated(self, days: float, across: float = 0.0, mission: str = "") -> Scene:
        """The same scene at another date, in the catalogue alone.

        Parameters
        ----------
        days : float
            Later than this one.
        across : float
            Metres by which the satellite flies to the right of where it flew.
        mission : str
            Another satellite.
        """
        later = timedelta(days=days)
        parts = self.name.split("_")
        orbit = self.absolute_orbit + round(days * ORBITS_PER_DAY)
        times = [f"{moment + later:{COMPACT}}" for moment in (self.start, self.stop)]
        numbers = [f"{orbit:06d}", f"{orbit * 8 + 3:06X}"]
        stem = "_".join([mission or self.mission, *parts[1:-5], *times, *numbers])
        return replace(
            self,
            name=f"{stem}_{binascii.crc_hqx(stem.encode(), 0xFFFF):04X}",
            ascending_node=self.ascending_node and self.ascending_node + later,
            vectors=self.vectors
            and (_beside(self.vectors[0], later, across), _beside(self.vectors[1], later, across)),
            processed=self.processed and self.processed + later,
            file=None,
        )

    def granule(self) -> dict[str, Any]:
        """Build the record of the catalogue (UMM-G)."""
        attributes = orbit_attributes(self) | {
            "BYTES": self.size,
            "MD5SUM": self.md5,
            "FRAME_NUMBER": self.frame,
            "POLARIZATION": self.polarization,
            "PROCESSING_TYPE": "SLC",
        }
        if self.processed is not None:
            attributes["PROCESSING_DATE"] = self.processed.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return record(
            f"{self.name}-SLC",
            self.name,
            f"SENTINEL-1{self.mission[2]}_SLC",
            self,
            (self.start, self.stop),
            self.ring,
            attributes,
            [{"Type": "GET DATA", "URL": self.url}],
        )


def orbit_attributes(scene: Scene) -> dict[str, object]:
    """Attributes that a scene and its bursts share."""
    values: dict[str, object] = {
        "ASCENDING_DESCENDING": scene.direction,
        "ASF_PLATFORM": f"Sentinel-1{scene.mission[2]}",
        "BEAM_MODE": "IW",
        "BEAM_MODE_TYPE": "IW",
        "LOOK_DIRECTION": "RIGHT",
        "PATH_NUMBER": scene.path,
    }
    if scene.ascending_node is not None:
        values["ASC_NODE_TIME"] = scene.ascending_node.strftime("%Y-%m-%dT%H:%M:%S.%f")
    for end, vector in zip(("PRE", "POST"), scene.vectors or (), strict=False):
        moment = vector.time.strftime("%Y-%m-%dT%H:%M:%S.%f")
        for kind, numbers in (("POSITION", vector.position), ("VELOCITY", vector.velocity)):
            values[f"SV_{kind}_{end}"] = ",".join([*(f"{number:.6f}" for number in numbers), moment])
    return values


def record(
    identifier: str,
    product: str,
    collection: str,
    scene: Scene,
    span: tuple[datetime, datetime],
    ring: Ring,
    attributes: dict[str, object],
    links: list[dict[str, str]],
) -> dict[str, Any]:
    """Build a granule of the catalogue, `meta` and `umm`."""
    corners = np.array(ring[:-1])
    middle = float(np.mean([continuous(x, corners[0, 0]) for x in corners[:, 0]]))
    values = attributes | {"CENTER_LON": continuous(middle, 0.0), "CENTER_LAT": corners[:, 1].mean()}
    begin, end = map(_iso, span)
    points = [{"Longitude": x, "Latitude": y} for x, y in ring]
    umm = {
        "GranuleUR": identifier,
        "CollectionReference": {"ShortName": collection, "Version": "1"},
        "TemporalExtent": {"RangeDateTime": {"BeginningDateTime": begin, "EndingDateTime": end}},
        "OrbitCalculatedSpatialDomains": [{"OrbitNumber": scene.absolute_orbit}],
        "AdditionalAttributes": [{"Name": name, "Values": [str(value)]} for name, value in values.items()],
        "SpatialExtent": {
            "HorizontalSpatialDomain": {"Geometry": {"GPolygons": [{"Boundary": {"Points": points}}]}}
        },
        "RelatedUrls": links,
        "PGEVersionClass": {"PGEName": IPF, "PGEVersion": scene.ipf},
        "DataGranule": {
            "ProductionDateTime": _iso(span[0]),  # as in the archive: not when it was processed
            "Identifiers": [{"Identifier": product, "IdentifierType": "ProducerGranuleId"}],
        },
        "Platforms": [{"ShortName": f"SENTINEL-1{scene.mission[2]}", "Instruments": [{"ShortName": "C-SAR"}]}],
    }
    return {"meta": {"concept-type": "granule", "provider-id": "ASF", "native-id": identifier}, "umm": umm}


def read_scene(path: Path) -> Scene:
    """Read what the catalogue has to know out of a zipped SAFE."""
    with zipfile.ZipFile(path) as archive:
        members = archive.namelist()
        manifest = etree.fromstring(archive.read(next(name for name in members if name.endswith("manifest.safe"))))
        first = next(name for name in members if re.search(r"\.SAFE/annotation/[^/]+\.xml$", name))
        orbits = etree.fromstring(archive.read(first)).findall("generalAnnotation/orbitList/orbit")
    start, stop = (_found_time(manifest, name) for name in ("startTime", "stopTime"))
    node = _found_time(manifest, "ascendingNodeTime")
    pairs = [pair.split(",") for pair in _found(manifest, "coordinates").split()]
    middle = start + (stop - start) / 2
    vectors = [_state_vector(orbit) for orbit in orbits]
    after = next(number for number, vector in enumerate(vectors) if vector.time > middle)
    with path.open("rb") as stream:
        md5 = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    return Scene(
        name=path.name.removesuffix(".zip"),
        path=int(_found(manifest, "relativeOrbitNumber")),
        frame=round((middle - node).total_seconds() / ORBIT_SECONDS * FRAMES_PER_ORBIT),
        direction=_found(manifest, "pass"),
        ring=anticlockwise([(float(longitude), float(latitude)) for latitude, longitude in pairs]),
        size=path.stat().st_size,
        md5=md5,
        ascending_node=node,
        vectors=(vectors[after - 1], vectors[after]),
        ipf=next(
            item.get("version", "") for item in manifest.iterfind(".//{*}software") if item.get("name") == IPF
        ),
        file=path,
    )


def continuous(longitude: float, middle: float) -> float:
    """A longitude without the jump at 180 degrees between it and another one."""
    return middle + (longitude - middle + 180.0) % 360.0 - 180.0


def anticlockwise(corners: list[tuple[float, float]]) -> Ring:
    """Close a ring and give it the catalogue's orientation."""
    beside = [(continuous(x, corners[0][0]), y) for x, y in corners]
    area = sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(beside, beside[1:] + beside[:1], strict=True))
    ordered = corners if area > 0 else corners[::-1]
    return (*ordered, ordered[0])


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _moment(text: str) -> datetime:
    return datetime.strptime(text, COMPACT).replace(tzinfo=UTC)


def _found(manifest: etree._Element, name: str) -> str:
    text = manifest.findtext(f".//{{*}}{name}")
    assert text is not None, name
    return text.strip()


def _found_time(manifest: etree._Element, name: str) -> datetime:
    return datetime.fromisoformat(_found(manifest, name).removesuffix("Z")).replace(tzinfo=UTC)


def _state_vector(orbit: etree._Element) -> StateVector:
    place, speed = (
        (
            float(orbit.findtext(f"{kind}/x", "")),
            float(orbit.findtext(f"{kind}/y", "")),
            float(orbit.findtext(f"{kind}/z", "")),
        )
        for kind in ("position", "velocity")
    )
    return StateVector(datetime.fromisoformat(orbit.findtext("time", "")).replace(tzinfo=UTC), place, speed)


def _beside(vector: StateVector, later: timedelta, across: float) -> StateVector:
    """The state later, and to the right of the flight."""
    position, velocity = np.array(vector.position), np.array(vector.velocity)
    right = np.cross(velocity, position)
    moved = position + across * right / np.linalg.norm(right)
    return replace(vector, time=vector.time + later, position=tuple(moved.tolist()))
