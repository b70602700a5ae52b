"""Products packed or named otherwise than the archives do, bombs, and one pass that was processed twice."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from dinsar_cli.base.rasters import open_raster
from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.managers.slc import SlcManager
from dinsar_cli.sentinel1.acquisition import group_acquisitions
from dinsar_cli.sentinel1.safe import MANIFEST, open_safe
from dinsar_cli.sentinel1.scene import GranuleName, open_scene
from support.safe_factory import Product, write_safe, zip_safe

NAME = Product().name
OTHERWISE: dict[str, Callable[[str], str]] = {
    "dots": lambda name: f"./{NAME}.SAFE/{name}",
    "backslashes": lambda name: f"{NAME}.SAFE\\" + name.replace("/", "\\"),
    "dots and backslashes": lambda name: f".\\{NAME}.SAFE\\" + name.replace("/", "\\"),
    "no ending": lambda name: f"{NAME}/{name}",
    "another name": lambda name: f"my scene/{name}",
    "no folder": lambda name: name,
}


def packed(safe: Path, path: Path, called: Callable[[str], str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(safe.rglob("*")):
            if file.is_file():
                archive.writestr(called(file.relative_to(safe).as_posix()), file.read_bytes())
    return path


@pytest.mark.parametrize("way", list(OTHERWISE))
def test_a_zip_that_somebody_packed(tmp_path: Path, way: str) -> None:
    safe = write_safe(Product(), tmp_path)
    zipped = open_safe(packed(safe, tmp_path / f"{NAME}.zip", OTHERWISE[way]))
    whole = open_safe(safe)
    assert zipped.members == whole.members
    assert not zipped.is_as_delivered
    for member in whole.members:
        assert zipped.read(member) == whole.read(member)
        assert zipped.size(member) == whole.size(member)
    image = next(member for member in whole.members if member.endswith(".tiff"))
    with open_raster(zipped.gdal_path(image)) as one, open_raster(whole.gdal_path(image)) as other:
        assert (one.read(1) == other.read(1)).all()
    scene = open_scene(zipped.path)
    assert scene.start == open_scene(safe).start


def test_a_pair_of_odd_zips_is_planned_and_proved(tmp_path: Path) -> None:
    files = []
    for number, product in enumerate((Product(), Product().repeated())):
        safe = write_safe(product, tmp_path / str(number))
        way = list(OTHERWISE.values())[number]
        called = partial(lambda way, own, name: way(name).replace(NAME, own), way, product.name)
        files.append(packed(safe, tmp_path / f"{number}.zip", called))
    manager = SlcManager(files)
    assert manager.fetch(manager.plan(None, "auto")) == tuple(files)


def test_zips_of_the_archives_are_as_delivered(tmp_path: Path) -> None:
    safe = write_safe(Product(), tmp_path)
    assert open_safe(safe).is_as_delivered
    assert open_safe(zip_safe(safe)).is_as_delivered


@pytest.mark.parametrize("ending", ["", ".SAFE", ".zip", ".SAFE.zip", ".safe", "_COG.SAFE", "-SLC", "_COG"])
def test_names_of_products(ending: str) -> None:
    assert GranuleName.parse(NAME + ending) == GranuleName.parse(NAME)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"<!DOCTYPE html><html><title>Earthdata Login</title></html>", "web page"),
        (b"\0" * 4096 + b"PK\x05\x06" + b"\0" * 18, "begins with zeros"),
        (b'{"status": 401}', "error message of a server"),
        (b"\x1f\x8b\x08\0", "gzip"),
    ],
)
def test_what_came_instead_of_a_zip(tmp_path: Path, content: bytes, word: str) -> None:
    path = tmp_path / f"{NAME}.zip"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=word) as caught:
        open_safe(path)
    assert "Download the product again" in caught.value.remedy


def test_pipes_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "scene.zip")
    with pytest.raises(UsageError, match="named pipe"):
        open_safe(tmp_path / "scene.zip")


def test_a_manifest_that_unpacks_to_far_too_much(tmp_path: Path) -> None:
    path = tmp_path / f"{NAME}.zip"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open(f"{NAME}.SAFE/{MANIFEST}", "w") as member,
    ):
        for _ in range(66):
            member.write(b" " * (1 << 20))
    with pytest.raises(NoDataError, match="far too much"):
        open_scene(path)


def test_a_pass_that_was_processed_twice(tmp_path: Path) -> None:
    """The error names both, and the older one as the one to leave out; without it they are one acquisition."""
    first = open_scene(write_safe(Product(), tmp_path / "a"))
    second = open_scene(write_safe(replace(Product(), unique="FFFF"), tmp_path / "b"))
    newer = replace(second, processed="2024-01-01T00:00:00", ipf="003.71")
    older = replace(first, processed="2023-09-04T08:00:00", ipf="003.61")
    for given in ((older, newer), (newer, older)):
        with pytest.raises(UsageError, match="given twice") as caught:
            group_acquisitions(given)
        assert "processed twice (IPF" in caught.value.cause
        assert caught.value.remedy == f"Leave {first.safe.path} out, which is older."
    shifted = replace(newer, start=newer.start.replace(microsecond=0))  # versions differ in their first line
    with pytest.raises(UsageError, match="given twice"):
        group_acquisitions([older, shifted])
    assert len(group_acquisitions([newer])) == 1
