"""The manifest of a SAFE: what the product is, and which files it has."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from lxml import etree
from lxml.etree import _Element

from dinsar_cli.simulate.files.names import Slice, slices
from dinsar_cli.simulate.files.xml_tree import stamp
from dinsar_cli.simulate.world.instrument import MISSIONS

NAMESPACES: Final = {
    "xsi": "http://www.w3.org/2001/XMLSchema-instance",
    "gml": "http://www.opengis.net/gml",
    "xfdu": "urn:ccsds:schema:xfdu:1",
    "safe": "http://www.esa.int/safe/sentinel-1.0",
    "s1": "http://www.esa.int/safe/sentinel-1.0/sentinel-1",
    "s1sar": "http://www.esa.int/safe/sentinel-1.0/sentinel-1/sar",
    "s1sarl1": "http://www.esa.int/safe/sentinel-1.0/sentinel-1/sar/level-1",
    "s1sarl2": "http://www.esa.int/safe/sentinel-1.0/sentinel-1/sar/level-2",
    "gx": "http://www.google.com/kml/ext/2.2",
}
VERSION: Final = "esa/safe/sentinel-1.0/sentinel-1/sar/level-1/slc/standard/iwsp"
PROCESSOR: Final = ("Sentinel-1 IPF", "003.61")
"""Readers choose their corrections by the processor's version: the products behave like this one's."""
SCHEMAS: Final = {
    "s1Level1ProductSchema": "s1-level-1-product.xsd",
    "s1Level1NoiseSchema": "s1-level-1-noise.xsd",
    "s1Level1RfiSchema": "s1-level-1-rfi.xsd",
    "s1Level1CalibrationSchema": "s1-level-1-calibration.xsd",
    "s1ObjectTypesSchema": "s1-object-types.xsd",
    "s1Level1MeasurementSchema": "s1-level-1-measurement.xsd",
    "s1Level1MapOverlaySchema": "s1-map-overlay.xsd",
}
KINDS: Final = {
    "product": "s1Level1ProductSchema",
    "noise": "s1Level1NoiseSchema",
    "rfi": "s1Level1RfiSchema",
    "calibration": "s1Level1CalibrationSchema",
    "measurement": "s1Level1MeasurementSchema",
    "overlay": "s1Level1MapOverlaySchema",
}
ANNOTATION: Final = ("product", "noise", "rfi", "calibration")
"""Kinds of the files that describe an image."""
AUXILIARY: Final = {
    "AUX_PP1": "{mission}_AUX_PP1_V20190228T092500_G20220323T153041.SAFE",
    "AUX_CAL": "{mission}_AUX_CAL_V20190228T092500_G20210104T141310.SAFE",
    "AUX_INS": "{mission}_AUX_INS_V20190228T092500_G20211103T111906.SAFE",
    "AUX_PRE": "{mission}_OPER_AUX_PREORB_OPOD_20140403T000000_V20140403T000000_20140403T063500.EOF",
}
"""Inputs that the processor would have used; none of them has been."""
LEVEL_0: Final = {"A": "Annotation Product", "C": "Calibration Product", "N": "Noise Product", "S": "Product"}
"""Letters of the raw data's parts in the names of their products, and what they are called."""
DOCUMENTS: Final = {
    "product definition": "Sentinel-1 Product Definition (S1-RS-MDA-52-7440) release 2/7",
    "product specification": "Sentinel-1 Product Specification (S1-RS-MDA-52-7441) release 3/13",
}


@dataclass(frozen=True)
class DataFile:
    """A file of the product.

    Attributes
    ----------
    kind : str
        Key of `KINDS`.
    image : int
        Number of the image that it belongs to, -1 for none.
    path : str
        Relative to the SAFE folder.
    size : int
        Bytes.
    md5 : str
    """

    kind: str
    image: int
    path: str
    size: int
    md5: str

    @property
    def identifier(self) -> str:
        """Identifier of the data object: the kind and the name without punctuation."""
        stem = self.path.rsplit("/", 1)[-1].rsplit(".", 1)[0]
        return ("product" if self.kind == "product" else "") + stem.replace("-", "")


def describe(folder: Path, kind: str, image: int, path: str) -> DataFile:
    """Measure a written file."""
    content = folder / path
    with content.open("rb") as stream:
        digest = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    return DataFile(kind, image, path, content.stat().st_size, digest)


def manifest(part: Slice, files: list[DataFile], corners: list[tuple[float, float]]) -> bytes:
    """Build the manifest.

    Parameters
    ----------
    part : Slice
    files : list of DataFile
    corners : list of tuple
        Latitude and longitude of the footprint's corners.

    Returns
    -------
    bytes
        XML in UTF-8.
    """
    root = etree.Element(_name("xfdu:XFDU"), {"version": VERSION}, nsmap=NAMESPACES)
    # As in real products annotation comes first, then what is for looking at, then the images.
    files = sorted(files, key=lambda file: (file.kind not in ANNOTATION, file.kind == "measurement"))
    _package_map(root, files)
    metadata = etree.SubElement(root, "metadataSection")
    for file in files:
        if file.kind != "measurement":
            attributes = {
                "ID": f"{file.identifier}Annotation",
                "classification": "DESCRIPTION",
                "category": "DMD",
            }
            entry = etree.SubElement(metadata, "metadataObject", attributes)
            etree.SubElement(entry, "dataObjectPointer", {"dataObjectID": file.identifier})
    _processing(metadata, part)
    _platform(metadata, part)
    _orbit_reference(metadata, part)
    _general_information(metadata, part)
    _period(metadata, part)
    _frame_set(metadata, corners)
    for identifier, schema in SCHEMAS.items():
        attributes = {"ID": identifier, "classification": "SYNTAX", "category": "REP"}
        entry = etree.SubElement(metadata, "metadataObject", attributes)
        vocabulary = "SDF" if identifier == KINDS["measurement"] else "XML Schema"
        reference = {"mimeType": "text/xml", "vocabularyName": vocabulary, "locatorType": "URL"}
        etree.SubElement(entry, "metadataReference", {**reference, "href": f"./support/{schema}"})
    _data_objects(root, files)
    etree.indent(root, space="  ")
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8") + b"\n"


def _name(name: str) -> str:
    """Qualified name of ``prefix:tag``."""
    prefix, _, tag = name.rpartition(":")
    return f"{{{NAMESPACES[prefix]}}}{tag}" if prefix else tag


def _add(parent: _Element, name: str, text: str | None = None, /, **attributes: str) -> _Element:
    element = etree.SubElement(parent, _name(name), attributes)
    element.text = text
    return element


def _package_map(root: _Element, files: list[DataFile]) -> None:
    package = _add(_add(root, "informationPackageMap"), "xfdu:contentUnit")
    package.set("unitType", "SAFE Archive Information Package")
    package.set("textInfo", "Sentinel-1 IW Level-1 SLC Product")
    package.set(
        "dmdID",
        "acquisitionPeriod platform generalProductInformation measurementOrbitReference measurementFrameSet",
    )
    package.set("pdiID", "processing")
    for file in files:
        measured = file.kind == "measurement"
        unit = _add(
            package,
            "xfdu:contentUnit",
            unitType="Measurement Data Unit" if measured else "Metadata Unit",
            repID=KINDS[file.kind],
        )
        if measured:
            about = [f for f in files if f.image == file.image and f is not file]
            unit.set("dmdID", "".join(f"{f.identifier}Annotation " for f in about))
        _add(unit, "dataObjectPointer", dataObjectID=file.identifier)


def _wrap(metadata: _Element, identifier: str, text: str, *, category: str = "DMD") -> _Element:
    """Add a metadata object and return the element for its content."""
    classification = "PROVENANCE" if category == "PDI" else "DESCRIPTION"
    entry = _add(metadata, "metadataObject", ID=identifier, classification=classification, category=category)
    wrap = _add(entry, "metadataWrap", mimeType="text/xml", vocabularyName="SAFE", textInfo=text)
    return _add(wrap, "xmlData")


def _processing(metadata: _Element, part: Slice) -> None:
    """Tell the history as the processor does: each step within the one that used its result."""
    done = part.stop() + timedelta(hours=2)
    data = _wrap(metadata, "processing", "Processing", category="PDI")
    post = _step(data, "SLC Post Processing", done, PROCESSOR)
    raw = part.product(b"").replace("_SLC__1SS", "_RAW__0{}S")
    intermediate = part.product(b"").replace("_SLC__1SS", "_SL1__1_S")
    used = _add(post, "safe:resource", name=intermediate, role="Level-1 Intermediate SLC Product")
    focused = _step(used, "SLC Processing", done, PROCESSOR)
    for role, name in AUXILIARY.items():
        _add(focused, "safe:resource", name=name.format(mission=part.flight.mission), role=role)
    for letter, kind in LEVEL_0.items():
        level_0 = _add(focused, "safe:resource", name=raw.format(letter), role=f"Level-0 {kind}")
    # Where real products come from raw data, the software has neither name nor version.
    _step(level_0, "Generation of Sentinel-1 L0 SAR Product, single polarisation", done, ("", ""))
    for role, name in DOCUMENTS.items():
        _add(focused, "safe:resource", name=name, role=role)


def _step(parent: _Element, name: str, done: datetime, software: tuple[str, str]) -> _Element:
    """Add a step of the processing."""
    processing = _add(parent, "safe:processing", name=name, start=stamp(done), stop=stamp(done))
    facility = _add(
        processing, "safe:facility", country="none", name="Simulated", organisation="dinsar", site="none"
    )
    _add(facility, "safe:software", name=software[0], version=software[1])
    return processing


def _platform(metadata: _Element, part: Slice) -> None:
    platform = _add(_wrap(metadata, "platform", "Platform Description"), "safe:platform")
    _add(platform, "safe:nssdcIdentifier", MISSIONS[part.flight.mission].identifier)
    _add(platform, "safe:familyName", "SENTINEL-1")
    _add(platform, "safe:number", part.flight.mission[-1])
    instrument = _add(platform, "safe:instrument")
    _add(instrument, "safe:familyName", "Synthetic Aperture Radar", abbreviation="SAR")
    mode = _add(_add(instrument, "safe:extension"), "s1sarl1:instrumentMode")
    _add(mode, "s1sarl1:mode", "IW")
    for window in part.campaign.windows:
        _add(mode, "s1sarl1:swath", window.subswath.name)


def _orbit_reference(metadata: _Element, part: Slice) -> None:
    flight = part.flight
    reference = _add(_wrap(metadata, "measurementOrbitReference", "Orbit Reference"), "safe:orbitReference")
    for name, number in (
        ("orbitNumber", flight.absolute_orbit),
        ("relativeOrbitNumber", flight.relative_orbit),
    ):
        for end in ("start", "stop"):
            _add(reference, f"safe:{name}", str(number), type=end)
    _add(reference, "safe:cycleNumber", str(flight.absolute_orbit // 175 + 1))
    _add(reference, "safe:phaseIdentifier", "1")
    properties = _add(_add(reference, "safe:extension"), "s1:orbitProperties")
    _add(properties, "s1:pass", part.campaign.scenario.direction.upper())
    _add(properties, "s1:ascendingNodeTime", stamp(flight.utc(flight.orbit.ascending_node_time())))


def _general_information(metadata: _Element, part: Slice) -> None:
    scenario = part.campaign.scenario
    data = _wrap(metadata, "generalProductInformation", "General Product Information")
    information = _add(data, "s1sarl1:standAloneProductInformation")
    values = {
        "instrumentConfigurationID": "7",
        "missionDataTakeID": str(part.data_take),
        "transmitterReceiverPolarisation": scenario.polarization,
        "productClass": "S",
        "productClassDescription": "SAR Standard L1 Product",
        "productComposition": "Slice",
        "productType": "SLC",
        "productTimelinessCategory": "Fast-24h",
        "sliceProductFlag": "true",
        "segmentStartTime": stamp(slices(part.campaign, part.flight)[0].start()),
        "sliceNumber": str(part.number + 1),
        "totalSlices": str(scenario.slices),
    }
    for name, value in values.items():
        _add(information, f"s1sarl1:{name}", value)


def _period(metadata: _Element, part: Slice) -> None:
    period = _add(_wrap(metadata, "acquisitionPeriod", "Acquisition Period"), "safe:acquisitionPeriod")
    _add(period, "safe:startTime", stamp(part.start()))
    _add(period, "safe:stopTime", stamp(part.stop()))
    times = _add(_add(period, "safe:extension"), "s1:timeANX")
    ascending_node = part.flight.utc(part.flight.orbit.ascending_node_time())
    for name, moment in (("startTimeANX", part.start()), ("stopTimeANX", part.stop())):
        _add(times, f"s1:{name}", f"{(moment - ascending_node).total_seconds() * 1e3:.6e}")


def _frame_set(metadata: _Element, corners: list[tuple[float, float]]) -> None:
    frame = _add(_add(_wrap(metadata, "measurementFrameSet", "Frame Set"), "safe:frameSet"), "safe:frame")
    print_ = _add(frame, "safe:footPrint", srsName="http://www.opengis.net/gml/srs/epsg.xml#4326")
    text = " ".join(f"{latitude:.6f},{longitude:.6f}" for latitude, longitude in corners)
    _add(print_, "gml:coordinates", text)


def _data_objects(root: _Element, files: list[DataFile]) -> None:
    section = _add(root, "dataObjectSection")
    for file in files:
        entry = _add(section, "dataObject", ID=file.identifier, repID=KINDS[file.kind])
        kind = "application/octet-stream" if file.kind == "measurement" else "text/xml"
        stream = _add(entry, "byteStream", mimeType=kind, size=str(file.size))
        _add(stream, "fileLocation", locatorType="URL", href=f"./{file.path}")
        _add(stream, "checksum", file.md5, checksumName="MD5")
