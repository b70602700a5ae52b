"""Products are put together from the annotation of real scenes as from simulated ones."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import rasterio
from lxml import etree

from dinsar_cli.sentinel1.bursts.annotation import Part, assemble_annotation
from dinsar_cli.sentinel1.bursts.safe import BurstFile, assemble_safe
from dinsar_cli.sentinel1.scene import open_scene
from dinsar_cli.sentinel1.subswath import Subswath, parse_time
from support.archive.bursts import metadata
from support.archive.granules import Scene as ArchiveScene
from support.safe_factory import quietly

pytestmark = pytest.mark.real

LISTS = (
    "swathTiming/burstList",
    "geolocationGrid/geolocationGridPointList",
    "generalAnnotation/orbitList",
    "generalAnnotation/attitudeList",
    "generalAnnotation/noiseList",
    "generalAnnotation/terrainHeightList",
    "generalAnnotation/azimuthFmRateList",
    "dopplerCentroid/dcEstimateList",
    "antennaPattern/antennaPatternList",
)


@pytest.fixture(scope="module", params=["annotation", "safe"])
def annotations(request: pytest.FixtureRequest, real_data: Path) -> list[etree._Element]:
    """Annotation of several versions of the processor with their parts cut out, and of one whole product."""
    if request.param == "annotation":
        return [etree.parse(path).getroot() for path in sorted((real_data / "annotation").glob("*.xml"))]
    with zipfile.ZipFile(min((real_data / "safe").glob("*.zip"))) as archive:
        names = [name for name in archive.namelist() if "/annotation/s1a-" in name and "-vv-" in name]
        return [etree.fromstring(archive.read(name)) for name in sorted(names)]


def listed(root: etree._Element, path: str) -> list[bytes]:
    """Entries of a list, told by their content."""
    return [etree.tostring(entry, method="c14n", strip_text=True) for entry in root.iterfind(f"{path}/*")]


def test_a_scene_that_is_taken_apart_and_joined_is_the_same(annotations: list[etree._Element]) -> None:
    for root in annotations:
        count = len(root.findall(".//burst"))
        for cut in range(1, count):
            joined = assemble_annotation([Part(root, 0, cut - 1), Part(root, cut, count - 1)])
            for path in LISTS:
                if path.startswith(
                    "geolocation"
                ):  # the last row: older processors have it at the line after the last
                    assert listed(joined, path)[:-21] == listed(root, path)[:-21]
                else:
                    assert listed(joined, path) == listed(root, path), path


def test_the_last_row_of_a_cut_is_seen_at_the_last_line(annotations: list[etree._Element]) -> None:
    for root in annotations:
        lines = int(root.findtext(".//linesPerBurst", ""))
        interval = float(root.findtext(".//azimuthTimeInterval", ""))
        for index, burst in enumerate(root.iterfind(".//burst")):
            cut = assemble_annotation([Part(root, index, index)])
            points = cut.findall(".//geolocationGridPoint")
            assert [int(point.findtext("line", "")) for point in points] == [0] * 21 + [lines - 1] * 21
            end = parse_time(burst.findtext("azimuthTime", "")) + timedelta(seconds=(lines - 1) * interval)
            middle = points[-11]
            # Within a line: of IPF 2.36 the rows themselves are up to three lines off.
            slack = 4 * interval if root.find(".//azimuthFmRate/c0") is not None else interval
            assert abs((parse_time(middle.findtext("azimuthTime", "")) - end).total_seconds()) < slack
            longitude, latitude, height = (
                [float(point.findtext(name, "")) for point in points]
                for name in ("longitude", "latitude", "height")
            )
            # 3.1 s are 21 km on the ground, in the direction of flight and as far at both edges.
            for edge in (0, 20):
                step = np.array([latitude[21 + edge] - latitude[edge], longitude[21 + edge] - longitude[edge]])
                step[1] *= np.cos(np.radians(latitude[edge]))
                moved = np.hypot(*step) * 111.2e3
                assert moved == pytest.approx(6.8e3 * (lines - 1) * interval, rel=0.05)
            assert -500 < min(height) <= max(height) < 9000


def test_bursts_of_a_real_scene_become_a_product(real_data: Path, tmp_path: Path) -> None:
    archive = min((real_data / "safe").glob("*.zip"))
    name = archive.name.partition(".")[0]
    document = tmp_path / "metadata.xml"
    document.write_bytes(metadata(ArchiveScene(name, 52, 0, "DESCENDING", ((0.0, 0.0),) * 5, file=archive)))
    chosen = (3, 4)
    files = [
        BurstFile(burst_image(tmp_path / f"{swath}-{index}.tiff", shape), document, name, swath, "VV", index)
        for swath, shape in (("IW1", (1507, 23055)), ("IW2", (1519, 26818)))
        for index in chosen
    ]
    safe = assemble_safe(files, tmp_path)
    scene = open_scene(safe)
    assert (scene.mission, scene.relative_orbit, scene.absolute_orbit) == ("S1A", 52, 50174)
    assert (scene.direction, scene.ipf) == ("descending", "003.61")
    assert sorted(scene.images) == [("IW1", "VV"), ("IW2", "VV")]
    with zipfile.ZipFile(archive) as content:
        content.extractall(tmp_path / "whole")
    whole = tmp_path / "whole" / f"{name}.SAFE"
    (whole / "measurement").mkdir()
    for annotation in (whole / "annotation").glob("s1a-*.xml"):
        (whole / "measurement" / f"{annotation.stem}.tiff").touch()
    for swath in ("IW1", "IW2"):
        ours, theirs = scene.subswath(swath, "VV"), open_scene(whole).subswath(swath, "VV")
        lists = {name: getattr(ours, name) for name in ("bursts", "measurement")}
        assert ours == replace(theirs, **lists)  # rates and centroids too: one scene gives all that it has
        for index, position in enumerate(chosen):
            burst, source = ours.bursts[index], theirs.bursts[position]
            assert burst == replace(source, index=index, footprint=burst.footprint, outline=burst.outline)
            # The row at the last line is a straight line between two others, over terrain.
            assert burst.footprint.hausdorff_distance(source.footprint) < 1e-3
    check_offsets(scene.subswath("IW1", "VV"), [*safe.glob("annotation/*iw1*.xml")])
    manifest = etree.parse(safe / "manifest.safe")
    assert "vh" not in etree.tostring(manifest, encoding="unicode").lower()
    outline = manifest.findtext(".//{*}coordinates", "").split()
    assert len(outline) == 4
    assert {path.name for path in safe.rglob("*") if path.is_file()} == {
        href.rpartition("/")[2] for href in manifest.xpath("//*[local-name()='fileLocation']/@href")
    } | {"manifest.safe"}


def burst_image(path: Path, shape: tuple[int, int]) -> Path:
    """Image of a burst that is empty but for its first and its last line: a small file."""
    profile = {
        "driver": "GTiff",
        "dtype": "complex_int16",
        "count": 1,
        "height": shape[0],
        "width": shape[1],
        "blockysize": 1,
        "SPARSE_OK": True,
    }
    with quietly(), rasterio.open(path, "w", **profile) as image:
        for line in (0, shape[0] - 1):
            row = np.full((1, shape[1]), line + 1j, dtype=np.complex64)
            image.write(row, 1, window=rasterio.windows.Window(0, line, shape[1], 1))
    return path


def check_offsets(subswath: Subswath, annotations: Sequence[Path]) -> None:
    """Check that each burst begins and ends where the annotation says."""
    (annotation,) = annotations
    image = annotation.parents[1] / "measurement" / f"{annotation.stem}.tiff"
    for burst in etree.parse(annotation).iter("burst"):
        start = int(burst.findtext("byteOffset", ""))
        with image.open("rb") as file:
            for line in (0, subswath.lines_per_burst - 1):
                file.seek(start + 4 * line * subswath.samples)
                assert np.frombuffer(file.read(4), "<i2").tolist() == [line, 1]
        assert isinstance(parse_time(burst.findtext("azimuthTime", "")), datetime)
