"""Scenes: Sentinel-1 products by their names and their manifests."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from lxml import etree

from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.sentinel1.annotation import read_annotation, wrong_annotation
from dinsar_cli.sentinel1.annotation_check import check_span
from dinsar_cli.sentinel1.safe import MANIFEST, SafeArchive, open_safe
from dinsar_cli.sentinel1.subswath import Subswath, parse_time

_NAMESPACES = {
    "safe": "http://www.esa.int/safe/sentinel-1.0",
    "s1": "http://www.esa.int/safe/sentinel-1.0/sentinel-1",
    "s1sarl1": "http://www.esa.int/safe/sentinel-1.0/sentinel-1/sar/level-1",
}
_GRANULE = re.compile(
    r"(?P<mission>S1[ABCD])_(?P<mode>IW|EW|WV|S[1-6])_(?P<type>SLC|GRD|RAW|OCN)(?P<resolution>[FHM_])_"
    r"(?P<level>[012])(?P<product_class>[SA])(?P<polarizations>SH|SV|DH|DV|HH|HV|VV|VH)_"
    r"(?P<start>\d{8}T\d{6})_(?P<stop>\d{8}T\d{6})_(?P<absolute_orbit>\d{6})_(?P<datatake>[0-9A-F]{6})_"
    r"(?P<unique>[0-9A-F]{4})(?:_COG)?(?:-SLC)?"  # of the data space's COGs; of the catalogue's records
)
_ENDING = re.compile(r"(?:\.(?:SAFE|zip))+$", re.IGNORECASE)
_IMAGE = re.compile(r"annotation/(s1[abcd]-(iw[1-3])-slc-([vh]{2})-.*)\.xml")
_MISSIONS = ("S1A", "S1B", "S1C", "S1D")
_NAME_TOLERANCE = timedelta(seconds=5)


@dataclass(frozen=True)
class GranuleName:
    """The parts of the name of a Sentinel-1 product (Product Specification, section 3.1)."""

    mission: str
    mode: str
    type: str
    polarizations: tuple[str, ...]
    start: datetime
    stop: datetime
    absolute_orbit: int
    datatake: str
    unique: str

    @classmethod
    def parse(cls, name: str) -> GranuleName:
        """Read a product name, with or without ``.SAFE``, ``.zip``, ``_COG`` and ``-SLC``.

        Raises
        ------
        UsageError
            When it is not the name of a Sentinel-1 product.
        """
        match = _GRANULE.fullmatch(_ENDING.sub("", Path(name).name))
        if match is None:
            raise _not_a_name(name, "It does not follow MMM_BB_TTTR_LFPP_START_STOP_ORBIT_TAKEID_CCCC.")
        part = match.groupdict()
        try:
            start, stop = parse_time(part["start"]), parse_time(part["stop"])
        except ValueError as error:
            raise _not_a_name(name, f"A time in it cannot be: {error}.") from error
        code = part["polarizations"]
        received = {"SH": ("HH",), "SV": ("VV",), "DH": ("HH", "HV"), "DV": ("VV", "VH")}
        return cls(
            mission=part["mission"],
            mode=part["mode"],
            type=part["type"],
            polarizations=received.get(code, (code,)),
            start=start,
            stop=stop,
            absolute_orbit=int(part["absolute_orbit"]),
            datatake=part["datatake"],
            unique=part["unique"],
        )


def _not_a_name(name: str, cause: str) -> UsageError:
    return UsageError(
        f"{name!r} is not the name of a Sentinel-1 product.",
        cause,
        "Give a name such as S1A_IW_SLC__1SDV_20230206T033446_20230206T033513_047106_05A6B8_ABCD.",
    )


@dataclass(frozen=True)
class Scene:
    """One IW SLC product, as its manifest describes it.

    Attributes
    ----------
    safe : SafeArchive
        Where its files are.
    mission : str
        ``S1A`` to ``S1D``.
    start, stop : datetime
        Sensing time, UTC.
    relative_orbit, absolute_orbit : int
        Track, and number of the orbit since launch.
    direction : str
        ``ascending`` or ``descending``.
    ipf : str
        Version of the processor that made it.
    images : dict
        (subswath, polarization) to (annotation, measurement), in the product.
    processed : str
        When it was made, as its manifest has it; empty where that does not tell.
    """

    safe: SafeArchive
    mission: str
    start: datetime
    stop: datetime
    relative_orbit: int
    absolute_orbit: int
    direction: str
    ipf: str
    images: dict[tuple[str, str], tuple[str, str]]
    processed: str = ""
    _read: dict[tuple[str, str], Subswath] = field(default_factory=dict, repr=False, compare=False)

    @property
    def name(self) -> str:
        """Name of the product."""
        return self.safe.name

    @property
    def polarizations(self) -> frozenset[str]:
        """Polarizations for which there are images."""
        return frozenset(polarization for _, polarization in self.images)

    def subswath(self, name: str, polarization: str) -> Subswath:
        """Return the annotation of one image; read once.

        Raises
        ------
        NoDataError
            When the annotation is missing or damaged, or is not that of this image and product.
        """
        key = (name, polarization)
        if key not in self._read:
            annotation, measurement = self.images[key]
            subswath = read_annotation(self.safe, annotation, measurement)
            try:
                _check_identity(subswath, name, polarization)
                check_span(subswath, self.start, self.stop)
            except ValueError as error:
                raise wrong_annotation(self.safe, annotation, error) from error
            self._read[key] = subswath
        return self._read[key]


def _check_identity(subswath: Subswath, name: str, polarization: str) -> None:
    """Refuse the annotation of another image under the name of this one."""
    for element, found, needed in (
        ("swath", subswath.name, name),
        ("polarisation", subswath.polarization, polarization),
    ):
        if found != needed:
            raise ValueError(f"adsHeader/{element} is {found!r}, but the name of the file says {needed}")


def open_scene(path: Path) -> Scene:
    """Read the manifest of an IW SLC product.

    Parameters
    ----------
    path : Path
        SAFE folder, its manifest, or the zip.

    Raises
    ------
    UsageError
        When there is nothing at that path.
    NoDataError
        When it is damaged, or is a product of another mode or level.
    """
    safe = open_safe(path)
    name = _GRANULE.fullmatch(safe.name)
    if name is not None and (name["mode"], name["type"]) != ("IW", "SLC"):
        # before the manifest, because those of other levels have other elements
        raise _other_product(safe, f"{name['mission']} {name['mode']} {name['type']}")
    manifest = safe.xml(MANIFEST)
    try:
        family = _find(manifest, ".//safe:platform/safe:familyName")
        mission = "S1" + _find(manifest, ".//safe:platform/safe:number")
        mode = _find(manifest, ".//s1sarl1:mode")
        product_type = _find(manifest, ".//s1sarl1:productType")
        if (family.upper(), mode, product_type) != ("SENTINEL-1", "IW", "SLC"):
            raise _other_product(safe, f"{family} {mode} {product_type}")
        scene = Scene(
            safe=safe,
            mission=_one_of(mission, _MISSIONS),
            start=parse_time(_find(manifest, ".//safe:acquisitionPeriod/safe:startTime")),
            stop=parse_time(_find(manifest, ".//safe:acquisitionPeriod/safe:stopTime")),
            relative_orbit=int(_find(manifest, ".//safe:relativeOrbitNumber[@type='start']")),
            absolute_orbit=int(_find(manifest, ".//safe:orbitNumber[@type='start']")),
            direction=_one_of(_find(manifest, ".//s1:pass").lower(), ("ascending", "descending")),
            ipf=_ipf_version(manifest),
            images=_images(safe),
            processed=_processing_time(manifest),
        )
        if name is not None:
            _check_name(scene, GranuleName.parse(safe.name))
    except ValueError as error:
        raise NoDataError(
            f"The manifest of {safe.path} is not that of a Sentinel-1 product.",
            f"{error}.",
            "Download the product again.",
        ) from error
    return scene


def _check_name(scene: Scene, name: GranuleName) -> None:
    """Refuse a manifest that contradicts the name of the product; names have whole seconds."""
    for element, found, needed in (
        ("safe:platform/safe:number", scene.mission, name.mission),
        ("safe:orbitNumber", scene.absolute_orbit, name.absolute_orbit),
    ):
        if found != needed:
            raise ValueError(f"{element} says {found}, but the name of the product {needed}")
    for element, time, expected in (
        ("safe:startTime", scene.start, name.start),
        ("safe:stopTime", scene.stop, name.stop),
    ):
        if abs(time - expected) > _NAME_TOLERANCE:
            raise ValueError(
                f"{element} is {time:%Y-%m-%dT%H:%M:%S}, but the name of the product says "
                f"{expected:%Y-%m-%dT%H:%M:%S}"
            )


def _other_product(safe: SafeArchive, kind: str) -> NoDataError:
    return NoDataError(
        f"{safe.name} is a {kind} product.",
        "Only Sentinel-1 IW SLC products (interferometric wide swath, single look complex) can be used.",
        "Download the SLC product of IW mode of the same pass.",
    )


def _one_of(value: str, known: Sequence[str]) -> str:
    if value not in known:
        raise ValueError(f"{value!r} is none of {', '.join(known)}")
    return value


def _find(manifest: etree._Element, path: str) -> str:
    text = manifest.findtext(path, namespaces=_NAMESPACES)
    if text is None:
        raise ValueError(f"{path.removeprefix('.//')} is missing")
    return text.strip()


def _ipf_version(manifest: etree._Element) -> str:
    for software in manifest.iterfind(".//safe:software", namespaces=_NAMESPACES):
        if software.get("name") == "Sentinel-1 IPF":
            return software.get("version", "unknown")
    return "unknown"


def _processing_time(manifest: etree._Element) -> str:
    """Return when the product was made; the manifest tells of raw data and calibration too, which are older."""
    times = [step.get("stop", "") for step in manifest.iterfind(".//safe:processing", namespaces=_NAMESPACES)]
    return max(times, default="")


def _images(safe: SafeArchive) -> dict[tuple[str, str], tuple[str, str]]:
    images = {}
    for member in sorted(safe.members):
        match = _IMAGE.fullmatch(member)
        if match:
            stem, swath, polarization = match.groups()
            images[swath.upper(), polarization.upper()] = (member, f"measurement/{stem}.tiff")
    if not images:
        raise NoDataError(
            f"{safe.path} is not a complete Sentinel-1 product.",
            "It has no annotation/s1?-iw?-slc-*.xml.",
            "Download the product again, or unpack it whole.",
        )
    return images
