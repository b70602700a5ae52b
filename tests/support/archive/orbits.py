"""Orbit files: the public bucket, the service that picks one for a scene, and the Copernicus Data Space."""

from __future__ import annotations

import io
import re
import secrets
import uuid
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from lxml import etree

from support.archive.messages import Answer, Reply, Request, as_json, as_xml, file, missing_key, redirect, text

BUCKETS: Final = ("s1-orbits.s3.amazonaws.com", "s1-orbits.s3.us-west-2.amazonaws.com")
PICKER: Final = "s1-orbits.asf.alaska.edu"
CDSE_CATALOGUE: Final = "catalogue.dataspace.copernicus.eu"
CDSE_IDENTITY: Final = "identity.dataspace.copernicus.eu"
CDSE_ZIPPER: Final = "zipper.dataspace.copernicus.eu"
S3: Final = "http://s3.amazonaws.com/doc/2006-03-01/"
MARGIN: Final = timedelta(seconds=60)
COMPACT: Final = "%Y%m%dT%H%M%S"
_NAME: Final = re.compile(r"(S1[ABCD])_OPER_AUX_(POEORB|RESORB)_OPOD_(\w{15})_V(\w{15})_(\w{15})\.EOF")
_SCENE: Final = re.compile(r"(S1[ABCD])_IW_SLC__\w{4}_(\d{8}T\d{6})_(\d{8}T\d{6})_\w+")
_FILTER: Final = re.compile(
    r"startswith\(Name,'(?P<mission>\w+)'\) and contains\(Name,'(?P<kind>\w+)'\) "
    r"and ContentDate/Start lt '(?P<start>[^']+)' and ContentDate/End gt '(?P<stop>[^']+)'"
)


@dataclass(frozen=True)
class OrbitFile:
    """An EOF file by its name."""

    path: Path

    @property
    def key(self) -> str:
        """Name of the object in the bucket."""
        return f"AUX_{self.kind}/{self.path.name}"

    @property
    def kind(self) -> str:
        """``POEORB`` or ``RESORB``."""
        return self._parts()[1]

    @property
    def identifier(self) -> str:
        """What the Copernicus Data Space calls it."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, self.path.name))

    def span(self) -> tuple[datetime, datetime]:
        """Validity."""
        start, stop = map(_utc, self._parts()[3:])
        return start, stop

    def covers(self, mission: str, start: datetime, stop: datetime) -> bool:
        """Whether it is of that satellite and valid from before `start` to after `stop`."""
        first, last = self.span()
        return self._parts()[0] == mission and first <= start and last >= stop

    def _parts(self) -> tuple[str, ...]:
        match = _NAME.fullmatch(self.path.name)
        assert match is not None, self.path.name
        return match.groups()


@dataclass
class Orbits:
    """The orbit files that there are.

    Attributes
    ----------
    files : list of OrbitFile
    page_size : int
        Objects on one page of the bucket's list.
    user, password, token : str
        Account at the Copernicus Data Space.
    in_bucket, in_data_space : bool
        Whether the public bucket and the Copernicus Data Space have the files.
    zipped : bool
        Whether the Copernicus Data Space delivers them in zips.
    """

    files: list[OrbitFile] = field(default_factory=list)
    page_size: int = 1000
    user: str = "atlas@example.org"
    password: str = field(default_factory=secrets.token_urlsafe, repr=False)
    token: str = field(default_factory=secrets.token_urlsafe, repr=False)
    in_bucket: bool = True
    in_data_space: bool = True
    zipped: bool = False

    def add(self, paths: Iterable[Path]) -> None:
        """Publish files."""
        self.files.extend(OrbitFile(path) for path in paths)

    def hosts(self) -> dict[str, Answer]:
        """Hosts and what answers for them."""
        answers: dict[str, Callable[[Request], Reply]] = dict.fromkeys(BUCKETS, self.bucket)
        return answers | {
            PICKER: self.picker,
            CDSE_CATALOGUE: self.data_space_catalogue,
            CDSE_IDENTITY: self.data_space_identity,
            CDSE_ZIPPER: self.data_space_zipper,
        }

    def bucket(self, request: Request) -> Reply:
        """List objects, or give one."""
        key = request.path.lstrip("/")
        if not key:
            return self._listing(request)
        found = [orbit for orbit in self.files if orbit.key == key and self.in_bucket]
        return file(found[0].path) if found else missing_key(key)

    def _listing(self, request: Request) -> Reply:
        """Give a page of the list, as either version of the interface has it."""
        second = request.field("list-type") == "2"
        prefix = request.field("prefix")
        after = request.field("continuation-token") or request.field("start-after") or request.field("marker")
        size = min(int(request.field("max-keys", "1000")), self.page_size)
        objects = {orbit.key: orbit for orbit in self.files if orbit.key.startswith(prefix) and orbit.key > after}
        keys = sorted(objects) if self.in_bucket else []
        cut = len(keys) > size
        root = etree.Element("ListBucketResult", xmlns=S3)
        values = {"Name": "s1-orbits", "Prefix": prefix, "MaxKeys": str(size), "IsTruncated": str(cut).lower()}
        if second:
            values["KeyCount"] = str(len(keys[:size]))
        if cut:
            values["NextContinuationToken" if second else "NextMarker"] = keys[size - 1]
        for name, value in values.items():
            etree.SubElement(root, name).text = value
        for key in keys[:size]:
            entry = etree.SubElement(root, "Contents")
            etree.SubElement(entry, "Key").text = key
            etree.SubElement(entry, "Size").text = str(objects[key].path.stat().st_size)
        return as_xml(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))

    def picker(self, request: Request) -> Reply:
        """Lead to the best orbit file of a scene."""
        match = _SCENE.fullmatch(request.path.removeprefix("/scene/").removesuffix(".zip"))
        if match is None:
            return as_json({"detail": "not a scene"}, 400)
        mission, start, stop = match.groups()
        found = self._best(mission, _utc(start), _utc(stop))
        return redirect(f"https://{BUCKETS[0]}/{found[0].key}") if found else as_json({"detail": "no orbit"}, 404)

    def _best(self, mission: str, start: datetime, stop: datetime) -> list[OrbitFile]:
        """Files that cover a time, precise ones first, the newest first."""
        found = [orbit for orbit in self.files if orbit.covers(mission, start - MARGIN, stop + MARGIN)]
        found.sort(key=lambda orbit: orbit.path.name, reverse=True)
        return sorted(found, key=lambda orbit: orbit.kind)

    def data_space_catalogue(self, request: Request) -> Reply:
        """Answer the one query that is known: orbit files of a satellite that cover a time."""
        match = _FILTER.fullmatch(request.field("$filter"))
        if match is None:
            return as_json({"detail": "Invalid filter"}, 400)
        start, stop = (datetime.fromisoformat(match[name]) for name in ("start", "stop"))
        found = [
            {
                "Id": orbit.identifier,
                "Name": orbit.path.name,
                "ContentLength": orbit.path.stat().st_size,
                "ContentDate": dict(
                    zip(("Start", "End"), (f"{time:%Y-%m-%dT%H:%M:%SZ}" for time in orbit.span()), strict=True)
                ),
            }
            for orbit in self.files
            if self.in_data_space
            and match["kind"].endswith(orbit.kind)
            and orbit.covers(match["mission"], start, stop)
        ]
        return as_json({"value": found[: int(request.field("$top", "20"))]})

    def data_space_identity(self, request: Request) -> Reply:
        """Exchange user and password for a token."""
        if (request.field("username"), request.field("password")) != (self.user, self.password):
            return as_json({"error": "invalid_grant", "error_description": "Invalid user credentials"}, 401)
        return as_json({"access_token": self.token, "expires_in": 600, "token_type": "Bearer"})

    def data_space_zipper(self, request: Request) -> Reply:
        """Give a file to whoever has the token."""
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return as_json({"detail": "Expired or invalid token"}, 401)
        found = [orbit for orbit in self.files if f"({orbit.identifier})" in request.path]
        if not found:
            return text("not found", 404)
        return file(zipped(found[0].path)) if self.zipped else file(found[0].path)


def zipped(path: Path) -> bytes:
    """Pack a file into a zip."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.write(path, path.name)
    return content.getvalue()


def _utc(text: str) -> datetime:
    return datetime.strptime(text, COMPACT).replace(tzinfo=UTC)


def restituted(precise: Path, folder: Path) -> Path:
    """Write the restituted orbit file (RESORB) that was there before a precise one.

    It has the same state vectors, is valid as long as they last, and was made an hour after the last of them.
    """
    content = precise.read_text(encoding="utf-8")
    times = [datetime.fromisoformat(found) for found in re.findall(r"<UTC>UTC=([\d:T-]+)", content)]
    created = times[-1] + timedelta(hours=1)
    mission = precise.name[:3]
    span = f"V{times[0]:{COMPACT}}_{times[-1]:{COMPACT}}"
    name = f"{mission}_OPER_AUX_RESORB_OPOD_{created:{COMPACT}}_{span}"
    content = content.replace(precise.stem, name).replace("AUX_POEORB", "AUX_RESORB")
    for tag, moment in (("Start", times[0]), ("Stop", times[-1])):
        content = re.sub(rf"(<Validity_{tag}>)[^<]*", rf"\g<1>UTC={moment:%Y-%m-%dT%H:%M:%S}", content)
    content = re.sub(r"(<Creation_Date>)[^<]*", rf"\g<1>UTC={created:%Y-%m-%dT%H:%M:%S}", content)
    path = folder / f"{name}.EOF"
    path.write_text(content, encoding="utf-8")
    return path
