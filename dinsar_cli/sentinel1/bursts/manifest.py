"""The manifest of a product that is put together from bursts, out of that of one of their scenes."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from lxml import etree
from lxml.etree import SubElement

from dinsar_cli.sentinel1.bursts.annotation import time_span

_XFDU: Final = "urn:ccsds:schema:xfdu:1"
_GRID: Final = "geolocationGrid/geolocationGridPointList/geolocationGridPoint"
_STAMP: Final = "%Y-%m-%dT%H:%M:%S.%f"
_TYPES: Final = {"Product": "text/xml", "Measurement": "application/octet-stream"}


@dataclass(frozen=True)
class Member:
    """A file of the product.

    Attributes
    ----------
    path : str
        In the SAFE folder, with forward slashes.
    kind : str
        ``Product`` (annotation) or ``Measurement`` (image).
    size : int
        Bytes.
    md5 : str
    """

    path: str
    kind: str
    size: int
    md5: str

    @property
    def identifier(self) -> str:
        """What the manifest calls it."""
        stem = PurePosixPath(self.path).stem.replace("-", "")
        return f"product{stem}" if self.kind == "Product" else stem

    @property
    def unit(self) -> str:
        """What the manifest says that it is."""
        return "Measurement Data Unit" if self.kind == "Measurement" else "Metadata Unit"

    @property
    def described_by(self) -> str:
        """Identifier of the metadata of an image: the annotation has its name; empty for annotation."""
        return f"product{self.identifier}Annotation" if self.kind == "Measurement" else ""

    @property
    def schema(self) -> str:
        """Identifier of its schema."""
        return f"s1Level1{self.kind}Schema"


def assemble_manifest(
    scene: etree._Element, members: Sequence[Member], annotations: Sequence[etree._Element]
) -> bytes:
    """Write a manifest.

    Parameters
    ----------
    scene : etree._Element
        Manifest of a scene; all that bursts and scene share is taken from it.
    members : sequence of Member
        Files of the product.
    annotations : sequence of etree._Element
        Of the subswaths, nearest first.

    Raises
    ------
    ValueError
        When the manifest lacks a section.
    """
    manifest = deepcopy(scene)
    _list_members(manifest, members)
    _describe_product(manifest, annotations)
    _describe_pass(manifest, annotations)
    etree.indent(manifest)
    return etree.tostring(manifest, xml_declaration=True, encoding="UTF-8", with_tail=False)


def _list_members(manifest: etree._Element, members: Sequence[Member]) -> None:
    """Replace the files of the scene by those of the product, in all three sections."""
    package = _section(manifest, f"informationPackageMap/{{{_XFDU}}}contentUnit")
    metadata, objects = _section(manifest, "metadataSection"), _section(manifest, "dataObjectSection")
    of_files = [one for one in metadata.findall("metadataObject") if one.find("dataObjectPointer") is not None]
    for section, entries in ((package, list(package)), (objects, list(objects)), (metadata, of_files)):
        for entry in entries:
            section.remove(entry)
    for member in members:
        pointer = {"dataObjectID": member.identifier}
        unit = SubElement(package, f"{{{_XFDU}}}contentUnit", unitType=member.unit, repID=member.schema)
        SubElement(unit, "dataObjectPointer", pointer)
        if member.described_by:
            unit.set("dmdID", member.described_by)
        else:
            kind = {"classification": "DESCRIPTION", "category": "DMD"}
            described = SubElement(metadata, "metadataObject", kind, ID=f"{member.identifier}Annotation")
            SubElement(described, "dataObjectPointer", pointer)
        stored = SubElement(objects, "dataObject", ID=member.identifier, repID=member.schema)
        stream = SubElement(stored, "byteStream", mimeType=_TYPES[member.kind], size=str(member.size))
        SubElement(stream, "fileLocation", locatorType="URL", href=f"./{member.path}")
        SubElement(stream, "checksum", checksumName="MD5").text = member.md5


def _section(manifest: etree._Element, path: str) -> etree._Element:
    found = manifest.find(path)
    if found is None:
        raise ValueError(f"the manifest has no {path.rpartition('}')[2]}")
    return found


def _describe_product(manifest: etree._Element, annotations: Sequence[etree._Element]) -> None:
    """Say which subswaths and polarization there are, and that the product is no slice."""
    swaths = [one.findtext("adsHeader/swath", "") for one in annotations]
    polarization = annotations[0].findtext("adsHeader/polarisation", "")
    for name, values in (("swath", swaths), ("transmitterReceiverPolarisation", [polarization])):
        for element in manifest.findall(f".//{{*}}{name}"):
            parent = element.getparent()
            if parent is not None and (element.text or "").strip() not in values:
                parent.remove(element)
    for name, text in (("productComposition", "Assembled"), ("sliceProductFlag", "false")):
        for element in manifest.findall(f".//{{*}}{name}"):
            element.text = text


def _describe_pass(manifest: etree._Element, annotations: Sequence[etree._Element]) -> None:
    """Give the times and outline."""
    spans = [time_span(one) for one in annotations]
    start, stop = min(first for first, _ in spans), max(last for _, last in spans)
    node = min(float(one.findtext("swathTiming/burstList/burst/azimuthAnxTime", "nan")) for one in annotations)
    values = {
        "acquisitionPeriod/{*}startTime": start.strftime(_STAMP),
        "acquisitionPeriod/{*}stopTime": stop.strftime(_STAMP),
        "startTimeANX": f"{1e3 * node:.6e}",
        "stopTimeANX": f"{1e3 * (node + (stop - start).total_seconds()):.6e}",
        "footPrint/{*}coordinates": _outline(annotations),
    }
    for path, text in values.items():
        for element in manifest.findall(f".//{{*}}{path}"):
            element.text = text


def _outline(annotations: Sequence[etree._Element]) -> str:
    """Return the latitude and longitude of the corners: last line from near to far, first line back."""
    near, far = _edge(annotations[0], pick=0), _edge(annotations[-1], pick=-1)
    return " ".join(f"{y:.6f},{x:.6f}" for y, x in (near[1], far[1], far[0], near[0]))


def _edge(annotation: etree._Element, pick: int) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the latitude and longitude of the first or last pixel of the first and the last line of the grid."""
    points = [
        tuple(float(point.findtext(name, "nan")) for name in ("line", "pixel", "latitude", "longitude"))
        for point in annotation.iterfind(_GRID)
    ]
    lines = [min(points)[0], max(points)[0]]
    first, last = (sorted(point for point in points if point[0] == line)[pick] for line in lines)
    return (first[2], first[3]), (last[2], last[3])
