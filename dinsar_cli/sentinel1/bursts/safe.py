"""A SAFE product put together from single bursts: images stacked, annotation joined, a manifest that says so.

It has what interferometric processors read: images, their annotation and the manifest. Calibration, noise and
previews are left out.
"""

from __future__ import annotations

import binascii
import hashlib
import logging
import shutil
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, pairwise
from pathlib import Path
from typing import Final

from lxml import etree

from dinsar_cli.base.files import atomic_path
from dinsar_cli.errors import NoDataError, ResourceError
from dinsar_cli.sentinel1.bursts.annotation import (
    Part,
    assemble_annotation,
    assembled_shape,
    set_byte_offsets,
    time_span,
)
from dinsar_cli.sentinel1.bursts.image import stack_images
from dinsar_cli.sentinel1.bursts.manifest import Member, assemble_manifest
from dinsar_cli.sentinel1.safe import MANIFEST
from dinsar_cli.sentinel1.scene import GranuleName

logger = logging.getLogger(__name__)

_HASH_BLOCK: Final = 1 << 22
_COMPACT: Final = "%Y%m%dT%H%M%S"
_SINGLE: Final = {"VV": "SV", "HH": "SH"}


class UnfitFileError(NoDataError):
    """A file of a burst is not what it should be.

    Attributes
    ----------
    path : Path
    """

    def __init__(self, path: Path, cause: str) -> None:
        super().__init__(
            f"{path} is not the file of a burst.",
            cause,
            "Remove it and run it again, or set slc.download to scenes.",
        )
        self.path = path


@dataclass(frozen=True)
class BurstFile:
    """A burst on disk, as the archive gives it.

    Attributes
    ----------
    image : Path
        TIFF with its pixels.
    metadata : Path
        XML document with all annotation and the manifest of its scene.
    scene : str
        Name of its scene.
    swath, polarization : str
        Such as ``IW1`` and ``VV``.
    index : int
        Position in the subswath of its scene, from 0.
    """

    image: Path
    metadata: Path
    scene: str
    swath: str
    polarization: str
    index: int


@dataclass(frozen=True)
class _Parent:
    """What is needed of a scene: annotation by subswath, and manifest."""

    annotations: dict[str, etree._Element]
    manifest: etree._Element


def assemble_safe(bursts: Sequence[BurstFile], folder: Path) -> Path:
    """Put bursts of one pass and polarization together.

    Parameters
    ----------
    bursts : sequence of BurstFile
        In any order, of one or several neighbouring slices. Those of a subswath follow each other.
    folder : Path
        Gets the product.

    Returns
    -------
    Path
        The SAFE folder, complete; its name follows from what is in it.

    Raises
    ------
    UnfitFileError
        When a file is damaged or not that of its burst.
    NoDataError
        When the bursts do not fit together.
    ResourceError
        When the disk is full.
    """
    polarization = bursts[0].polarization
    parents = {burst.scene: burst.metadata for burst in bursts}
    scenes = {scene: _read_parent(path, polarization) for scene, path in sorted(parents.items())}
    first = GranuleName.parse(min(scenes))
    part = folder / f"{min(scenes)}_{polarization}.part"
    shutil.rmtree(part, ignore_errors=True)
    try:
        for name in ("annotation", "measurement"):
            (part / name).mkdir(parents=True)
        members, roots = _write_images(bursts, scenes, first, part)
        manifest = assemble_manifest(scenes[min(scenes)].manifest, members, roots)
        with atomic_path(part / MANIFEST) as coming:
            coming.write_bytes(manifest)
        name = _product_name(first, polarization, _span(roots), f"{binascii.crc_hqx(manifest, 0xFFFF):04X}")
        target = folder / f"{name}.SAFE"
        shutil.rmtree(target, ignore_errors=True)
        part.rename(target)
    except OSError as error:
        raise ResourceError(
            f"The bursts of {first.mission} {first.start:%Y-%m-%d} cannot be put together in {folder}.",
            f"{error.strerror or error}.",
            "Free some space there, or choose another folder with --cache; what has come is kept.",
        ) from error
    except (ValueError, ArithmeticError) as error:
        raise NoDataError(
            f"The bursts of {first.mission} {first.start:%Y-%m-%d} cannot be put together.",
            f"{error}.",
            "Set slc.download to scenes.",
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    logger.info("%s is put together from %d bursts", target.name, len(bursts))
    return target


def _write_images(
    bursts: Sequence[BurstFile], scenes: dict[str, _Parent], first: GranuleName, safe: Path
) -> tuple[list[Member], list[etree._Element]]:
    """Write image and annotation of each subswath; gives both as members of the manifest, and the annotations."""
    swaths: dict[str, list[BurstFile]] = defaultdict(list)
    for burst in bursts:
        swaths[burst.swath].append(burst)
    members, roots = [], []
    for swath, found in sorted(swaths.items()):
        ordered = _in_time(found, scenes)
        parts = [
            Part(scenes[scene].annotations[swath], start, start + len(group) - 1)
            for scene, start, group in _parts(ordered)
        ]
        root = assemble_annotation(parts)
        stem = _image_name(first, root)
        image = safe / "measurement" / f"{stem}.tiff"
        with atomic_path(image) as coming:
            set_byte_offsets(root, _stack(ordered, parts, coming, root))
        annotation = safe / "annotation" / f"{stem}.xml"
        with atomic_path(annotation) as coming:
            etree.ElementTree(root).write(coming, xml_declaration=True, encoding="UTF-8")
        members += [_member(annotation, safe, "Product"), _member(image, safe, "Measurement")]
        roots.append(root)
    return members, roots


def _in_time(bursts: Sequence[BurstFile], scenes: dict[str, _Parent]) -> list[BurstFile]:
    """Sort bursts of a subswath by the times in their annotation."""
    times = {}
    for burst in bursts:
        annotation = scenes[burst.scene].annotations.get(burst.swath)
        if annotation is None:
            raise UnfitFileError(burst.metadata, f"It has no annotation of {burst.swath} {burst.polarization}.")
        listed = [one.findtext("azimuthTime", "") for one in annotation.iterfind("swathTiming/burstList/burst")]
        if burst.index >= len(listed) or not listed[burst.index]:
            cause = f"It has {len(listed)} bursts in {burst.swath}, and the one of index {burst.index} is needed."
            raise UnfitFileError(burst.metadata, cause)
        times[burst] = listed[burst.index]
    return sorted(bursts, key=lambda burst: times[burst])


def _parts(ordered: Sequence[BurstFile]) -> list[tuple[str, int, list[BurstFile]]]:
    """Scene, first index and bursts of what follows each other in one scene."""
    numbered = enumerate(ordered)
    groups = [
        [burst for _, burst in group]
        for _, group in groupby(numbered, key=lambda item: (item[1].scene, item[1].index - item[0]))
    ]
    for before, after in pairwise(groups):
        if before[-1].scene == after[0].scene:
            raise ValueError(f"{after[0].swath} has a gap after burst {before[-1].index} of {after[0].scene}")
    return [(group[0].scene, group[0].index, group) for group in groups]


def _stack(ordered: Sequence[BurstFile], parts: Sequence[Part], target: Path, root: etree._Element) -> list[int]:
    """Write the image of a subswath; gives where each burst begins in it."""
    own = [part.shape for part in parts for _ in range(part.count)]
    images = [(burst.image, shape) for burst, shape in zip(ordered, own, strict=True)]
    return stack_images(images, target, assembled_shape(parts), root, UnfitFileError)


def _read_parent(path: Path, polarization: str) -> _Parent:
    """Read the document that the archive gives with a burst."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.parse(path, parser).getroot()
    except (etree.XMLSyntaxError, OSError) as error:
        raise UnfitFileError(path, f"It cannot be read as XML: {error}.") from error
    annotations = {}
    for entry in root.iterfind("metadata/product"):
        content = entry.find("content")
        if content is not None and entry.findtext("polarisation", "").strip() == polarization:
            annotations[entry.findtext("swath", "").strip()] = content
    manifest = root.find("manifest/{*}XFDU")
    if manifest is None or not annotations:
        lacking = "manifest" if manifest is None else f"annotation of {polarization}"
        raise UnfitFileError(path, f"It has no {lacking}.")
    return _Parent(annotations, manifest)


# --- names ------------------------------------------------------------------------------------------------------


def _span(roots: Sequence[etree._Element]) -> tuple[datetime, datetime]:
    spans = [time_span(root) for root in roots]
    return min(start for start, _ in spans), max(stop for _, stop in spans)


def _product_name(first: GranuleName, polarization: str, span: tuple[datetime, datetime], number: str) -> str:
    """Name of the product (Product Specification, section 3.1)."""
    start, stop = (moment.strftime(_COMPACT) for moment in span)
    kind = _SINGLE.get(polarization, polarization)
    orbit = f"{first.absolute_orbit:06d}_{first.datatake}"
    return f"{first.mission}_IW_SLC__1S{kind}_{start}_{stop}_{orbit}_{number}"


def _image_name(first: GranuleName, root: etree._Element) -> str:
    """Name of an image without ending (Product Specification, section 3.1)."""
    header = {
        name: root.findtext(f"adsHeader/{name}", "").strip() for name in ("swath", "polarisation", "imageNumber")
    }
    start, stop = (moment.strftime(_COMPACT) for moment in time_span(root))
    image = f"{first.mission}-{header['swath']}-slc-{header['polarisation']}-{start}-{stop}"
    return f"{image}-{first.absolute_orbit:06d}-{first.datatake}-{header['imageNumber']}".lower()


def _member(path: Path, safe: Path, kind: str) -> Member:
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(_HASH_BLOCK):
            digest.update(block)
    return Member(path.relative_to(safe).as_posix(), kind, path.stat().st_size, digest.hexdigest())
