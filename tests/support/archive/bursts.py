"""Single bursts: their records in the catalogue, and the service that cuts them out of scenes.

The extractor gives a burst as a TIFF and the annotation of its scene as one XML document; both are made when they
are first asked for, and until then the answer is 202.
"""

from __future__ import annotations

import re
import threading
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
import rasterio
from lxml import etree
from rasterio.io import MemoryFile
from rasterio.windows import Window

from support.archive.granules import COMPACT, Ring, Scene, anticlockwise, continuous, orbit_attributes, record
from support.archive.login import Accounts
from support.archive.messages import Answer, Reply, Request, as_json, file, page, text

HOST: Final = "sentinel1-burst.asf.alaska.edu"
COLLECTION: Final = "SENTINEL-1_BURSTS"
BYTES_PER_PIXEL: Final = 4


@dataclass(frozen=True)
class Burst:
    """A burst of a scene whose file is there.

    Attributes
    ----------
    scene : Scene
    measurement : str
        Image in the scene's zip that it is part of.
    swath, polarization : str
    index : int
        Position in the image, from 0.
    lines, samples : int
    relative_id, absolute_id : int
        Number on the ground (ESA's burst identifier), and since launch.
    time : datetime
        Of the first line.
    anx_time : float
        The same in seconds after the ascending node.
    duration : float
        Seconds.
    ring : tuple of (longitude, latitude)
    """

    scene: Scene
    measurement: str
    swath: str
    polarization: str
    index: int
    lines: int
    samples: int
    relative_id: int
    absolute_id: int
    time: datetime
    anx_time: float
    duration: float
    ring: Ring

    @property
    def name(self) -> str:
        """Name of the granule."""
        start, check = f"{self.time:{COMPACT}}", self.scene.name[-4:]
        return f"S1_{self.relative_id:06d}_{self.swath}_{start}_{self.polarization}_{check}-BURST"

    @property
    def full_id(self) -> str:
        """Track, burst and subswath: the same ground at all dates."""
        return f"{self.scene.path:03d}_{self.relative_id:06d}_{self.swath}"

    @property
    def size(self) -> int:
        """Bytes of its pixels."""
        return self.lines * self.samples * BYTES_PER_PIXEL

    @property
    def target(self) -> str:
        """Path at the extractor, without ending."""
        return f"/{self.scene.name}/{self.swath}/{self.polarization}/{self.index}"

    def granule(self) -> dict[str, Any]:
        """Build the record of the catalogue (UMM-G)."""
        attributes = orbit_attributes(self.scene) | {
            "AZIMUTH_ANX_TIME": self.anx_time,
            "AZIMUTH_TIME": f"{self.time:%Y-%m-%dT%H:%M:%S.%f}",
            "BURST_ID_ABSOLUTE": self.absolute_id,
            "BURST_ID_FULL": self.full_id,
            "BURST_ID_RELATIVE": self.relative_id,
            "BURST_INDEX": self.index,
            "BYTE_LENGTH": self.size,
            "GROUP_ID": f"S1_{self.full_id}_{self.scene.absolute_orbit}",
            "LINES_PER_BURST": self.lines,
            "POLARIZATION": self.polarization,
            "PROCESSING_TYPE": "BURST",
            "SAMPLES_PER_BURST": self.samples,
            "SUBSWATH_NAME": self.swath,
        }
        links = [
            {"Type": "USE SERVICE API", "URL": f"https://{HOST}{self.target}.{kind}"} for kind in ("tiff", "xml")
        ]
        span = (self.time, self.time + timedelta(seconds=self.duration))
        item = record(self.name, self.name, COLLECTION, self.scene, span, self.ring, attributes, links)
        item["umm"]["InputGranules"] = [f"{self.scene.name}-SLC"]
        return item

    def tiff(self) -> bytes:
        """Cut the pixels out of the scene."""
        assert self.scene.file is not None
        source_path = f"/vsizip/{{{self.scene.file.resolve()}}}/{self.measurement}"
        with rasterio.open(source_path) as source:
            window = Window(0, self.index * self.lines, self.samples, self.lines)
            points, crs = source.gcps
            inside = [
                point for point in points if self.index * self.lines <= point.row <= (self.index + 1) * self.lines
            ]
            for point in inside:
                point.row -= self.index * self.lines
            profile = {
                "driver": "GTiff",
                "dtype": "complex_int16",
                "count": 1,
                "height": self.lines,
                "width": self.samples,
                "blockysize": 1,
                "gcps": inside,
                "crs": crs,
            }
            pixels = source.read(1, window=window)
        with MemoryFile() as memory:
            with memory.open(**profile) as target:
                target.write(pixels, 1)
            return bytes(memory.read())


def read_bursts(scene: Scene) -> list[Burst]:
    """Read the bursts of all images of a scene out of its annotation."""
    assert scene.file is not None
    found = []
    with zipfile.ZipFile(scene.file) as archive:
        for member in archive.namelist():
            if re.search(r"\.SAFE/annotation/[^/]+\.xml$", member):
                image = member.replace("/annotation/", "/measurement/").replace(".xml", ".tiff")
                found += _bursts_of(scene, image, etree.fromstring(archive.read(member)))
    return found


def _bursts_of(scene: Scene, image: str, root: etree._Element) -> list[Burst]:
    lines = int(_text(root, "swathTiming/linesPerBurst"))
    duration = (lines - 1) * float(_text(root, "imageAnnotation/imageInformation/azimuthTimeInterval"))
    bursts = []
    for index, element in enumerate(root.iterfind("swathTiming/burstList/burst")):
        identifier = element.find("burstId")
        assert identifier is not None
        time = _utc(_text(element, "azimuthTime"))
        bursts.append(
            Burst(
                scene=scene,
                measurement=image,
                swath=_text(root, "adsHeader/swath"),
                polarization=_text(root, "adsHeader/polarisation"),
                index=index,
                lines=lines,
                samples=int(_text(root, "swathTiming/samplesPerBurst")),
                relative_id=int(identifier.text or "0"),
                absolute_id=int(identifier.get("absolute", "0")),
                time=time,
                anx_time=float(_text(element, "azimuthAnxTime")),
                duration=duration,
                ring=_outline(root, time, time + timedelta(seconds=duration)),
            )
        )
    return bursts


def _outline(root: etree._Element, start: datetime, stop: datetime) -> Ring:
    """Ground between two times: near and far edge of the geolocation grid, interpolated in time."""
    rows: dict[str, list[tuple[float, datetime, float, float]]] = {}
    for point in root.iterfind("geolocationGrid/geolocationGridPointList/geolocationGridPoint"):
        lon, lat = (float(_text(point, name)) for name in ("longitude", "latitude"))
        place = (float(_text(point, "pixel")), _utc(_text(point, "azimuthTime")), lon, lat)
        rows.setdefault(_text(point, "line"), []).append(place)
    corners = []
    for moment, edges in ((start, (min, max)), (stop, (max, min))):
        for edge in edges:
            places = sorted(edge(row)[1:] for row in rows.values())
            seconds = [(time - moment).total_seconds() for time, _, _ in places]
            lon, lat = np.array([place[1:] for place in places]).T
            x = float(np.interp(0.0, seconds, [continuous(value, lon[0]) for value in lon]))
            corners.append((continuous(x, 0.0), float(np.interp(0.0, seconds, lat))))
    return anticlockwise(corners)


def metadata(scene: Scene) -> bytes:
    """All annotation of a scene in one document, as the extractor gives it."""
    assert scene.file is not None
    root = etree.Element("burst")
    collected = etree.SubElement(root, "metadata")
    manifest = etree.SubElement(root, "manifest")
    with zipfile.ZipFile(scene.file) as archive:
        for member in archive.namelist():
            if member.endswith("/manifest.safe"):
                manifest.append(etree.fromstring(archive.read(member)))
            match = re.search(r"\.SAFE/annotation/(?:calibration/|rfi/)?([^/]+)\.xml$", member)
            if match is None:
                continue
            document = etree.fromstring(archive.read(member))
            entry = etree.SubElement(collected, document.tag)
            for name in ("swath", "polarisation"):
                etree.SubElement(entry, name).text = _text(document, f"adsHeader/{name}")
            content = etree.SubElement(entry, "content")
            content.extend(list(document))
            etree.SubElement(entry, "source_filename").text = f"{match[1]}.xml"
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _text(element: etree._Element, path: str) -> str:
    text = element.findtext(path)
    assert text is not None, path
    return text.strip()


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@dataclass
class Extractor:
    """The service that cuts bursts out of scenes.

    Attributes
    ----------
    accounts : Accounts
        It wants the cookie of a login; a token is not enough.
    bursts : list of Burst
    waits : int
        How many requests for a file are answered with 202 before it is ready.
    """

    accounts: Accounts
    bursts: list[Burst]
    waits: int = 1
    _asked: Counter[str] = field(default_factory=Counter, repr=False)
    _made: dict[str, bytes] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def hosts(self) -> dict[str, Answer]:
        """Hosts and what answers for them."""
        return {HOST: self.answer}

    def answer(self, request: Request) -> Reply:
        """Give a burst or its metadata, when it is ready."""
        if request.path == "/login":
            return self.accounts.welcome(request, f"https://{HOST}{request.field('state', '/')}")
        if not self.accounts.has_cookie(request):
            return self.accounts.send_to_login(request)
        if not self.accounts.licence_accepted:
            return page("Please accept the End User License Agreement", 403)
        stem, _, kind = request.path.rpartition(".")
        found = [burst for burst in self.bursts if burst.target == stem]
        if not found or kind not in {"tiff", "xml"}:
            return as_json({"message": "Not Found"}, 404)
        return self._extracted(found[0], request.path, kind)

    def _extracted(self, burst: Burst, path: str, kind: str) -> Reply:
        with self._lock:
            self._asked[path] += 1
            if self._asked[path] <= self.waits:
                return text("the burst is being extracted", 202).with_headers(("Retry-After", "1"))
            if path not in self._made:
                self._made[path] = burst.tiff() if kind == "tiff" else metadata(burst.scene)
        name = f"{burst.name}.tiff" if kind == "tiff" else f"{burst.scene.name}_{burst.polarization}.xml"
        reply = file(self._made[path], "image/tiff" if kind == "tiff" else "application/xml")
        return reply.with_headers(("Content-Disposition", f'attachment; filename="{name}"'))
