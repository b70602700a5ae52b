"""Files of bursts that are not what they should be, or differ between slices."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from lxml import etree

from dinsar_cli.errors import NoDataError
from dinsar_cli.sentinel1.bursts.safe import BurstFile, UnfitFileError, assemble_safe
from dinsar_cli.sentinel1.scene import open_scene
from support.archive import Archive
from support.burst_inputs import as_files, find, pixels
from support.safe_factory import quietly


@pytest.fixture
def files(archive: Archive, tmp_path: Path) -> list[BurstFile]:
    """The last burst of a slice and the first of the next."""
    first, second = (scene.name for scene in sorted(archive.scenes, key=lambda scene: scene.start)[:2])
    return as_files([find(archive, first, "IW1", 2), find(archive, second, "IW1", 0)], tmp_path)


def test_the_order_of_the_files_does_not_matter(files: list[BurstFile], tmp_path: Path) -> None:
    product = assemble_safe(files, tmp_path / "a")
    assert assemble_safe(files[::-1], tmp_path / "b").name == product.name
    assert assemble_safe(files, tmp_path / "a") == product
    assert [path.name for path in (tmp_path / "a").iterdir()] == [product.name]


@pytest.mark.parametrize(
    ("name", "content", "cause"),
    [
        ("image", b"<html>", "no TIFF"),
        ("image", None, "cut or damaged"),
        ("metadata", b"<burst><metadata>", "cannot be read as XML"),
        ("metadata", b"<burst/>", "no manifest"),
    ],
)
def test_an_unfit_file_is_named(
    files: list[BurstFile], tmp_path: Path, name: str, content: bytes | None, cause: str
) -> None:
    path: Path = getattr(files[1], name)
    path.write_bytes(path.read_bytes()[:1_000_000] if content is None else content)
    with pytest.raises(UnfitFileError) as raised:
        assemble_safe(files, tmp_path / "made")
    assert raised.value.path == path
    assert str(path) in raised.value.problem
    assert cause in raised.value.cause
    assert not list((tmp_path / "made").glob("*"))


def test_a_burst_of_another_size_is_refused(archive: Archive, files: list[BurstFile], tmp_path: Path) -> None:
    other = next(burst for burst in archive.extractor.bursts if burst.swath == "IW2")
    assert other.samples * other.lines != 0
    files[0].image.write_bytes(other.tiff())
    with pytest.raises(UnfitFileError, match="is not the file") as raised:
        assemble_safe(files, tmp_path / "made")
    assert f"{other.lines} x {other.samples}" in raised.value.cause


def test_an_index_that_the_scene_lacks_is_refused(files: list[BurstFile], tmp_path: Path) -> None:
    with pytest.raises(UnfitFileError) as raised:
        assemble_safe([replace(files[0], index=3)], tmp_path)
    assert "has 3 bursts in IW1" in raised.value.cause


def test_a_gap_is_refused(archive: Archive, tmp_path: Path) -> None:
    scene = archive.scenes[0].name
    gap = as_files([find(archive, scene, "IW1", 0), find(archive, scene, "IW1", 2)], tmp_path)
    with pytest.raises(NoDataError) as raised:
        assemble_safe(gap, tmp_path / "made")
    assert "gap after burst 0" in raised.value.cause


@pytest.mark.parametrize(
    ("element", "value"), [("slantRangeTime", "5.7e-03"), ("azimuthTimeInterval", "2.1e-03"), ("burstList", None)]
)
def test_slices_that_do_not_fit_are_refused(
    files: list[BurstFile], tmp_path: Path, element: str, value: str | None
) -> None:
    document = etree.parse(files[1].metadata)
    for node in list(document.iter(element)):
        parent = node.getparent()
        if value is None and parent is not None:
            parent.remove(node)
        elif parent is not None and parent.tag == "imageInformation":
            node.text = value
    document.write(files[1].metadata)
    with pytest.raises(NoDataError) as raised:
        assemble_safe(files, tmp_path / "made")
    assert (element if value else "has 0 bursts") in raised.value.cause
    assert not list((tmp_path / "made").glob("*"))


def test_a_narrower_slice_is_filled_up(archive: Archive, files: list[BurstFile], tmp_path: Path) -> None:
    """One slice has 3 lines and 10 samples fewer: nothing moves, and nothing becomes valid."""
    document = etree.parse(files[1].metadata)
    lines, samples = shrink(document, "IW1", lines=3, samples=10)
    document.write(files[1].metadata)
    with quietly(), rasterio.open(files[1].image) as image:
        data, profile = image.read(1)[:lines, :samples], image.profile
    with quietly(), rasterio.open(files[1].image, "w", **profile | {"height": lines, "width": samples}) as image:
        image.write(data, 1)
    ours = open_scene(assemble_safe(files, tmp_path / "made")).subswath("IW1", "VV")
    assert (ours.lines_per_burst, ours.samples) == (lines + 3, samples + 10)
    filled = pixels(ours, 1)
    np.testing.assert_array_equal(filled[:lines, :samples], data)
    assert not filled[lines:].any()
    assert not filled[:, samples:].any()
    assert ours.bursts[1].last_valid_line < lines
    assert ours.bursts[1].last_valid_sample < samples


def shrink(document: etree._ElementTree, swath: str, lines: int, samples: int) -> tuple[int, int]:
    """Make the bursts of a subswath smaller in their annotation; gives the lines and samples that are left."""
    (product,) = (one for one in document.iterfind("metadata/product") if one.findtext("swath") == swath)
    timing = product.find("content/swathTiming")
    assert timing is not None
    left = []
    for name, fewer in (("linesPerBurst", lines), ("samplesPerBurst", samples)):
        node = timing.find(name)
        assert node is not None
        node.text = str(int(node.text or "") - fewer)
        left.append(int(node.text))
    for name in ("firstValidSample", "lastValidSample"):
        for node in timing.iter(name):
            values = [min(int(value), left[1] - 1) for value in (node.text or "").split()[: left[0]]]
            node.text = " ".join(map(str, values))
            node.set("count", str(left[0]))
    for node in product.iterfind("content/geolocationGrid/geolocationGridPointList/geolocationGridPoint/line"):
        row = int(node.text or "")
        burst, line = divmod(row, left[0] + lines)
        node.text = str(burst * left[0] + min(line, left[0] - 1))
    return left[0], left[1]
