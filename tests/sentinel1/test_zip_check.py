"""Zips: damage that GDAL does not see is found."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from dinsar_cli.base.file_notes import note_of
from dinsar_cli.errors import NoDataError
from dinsar_cli.managers.slc import SlcManager
from dinsar_cli.sentinel1.zip_check import check_members
from support.safe_factory import Product, write_zip

ROOT = "S1A_IW_SLC__1SDV.SAFE"
IMAGE = f"{ROOT}/measurement/image.tiff"


def make(path: Path, method: int = zipfile.ZIP_DEFLATED, **more: bytes) -> Path:
    """A zip with a manifest and an image of random bytes, and further entries."""
    entries = {f"{ROOT}/manifest.safe": b"<xml/>", IMAGE: os.urandom(300_000)} | more
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def damage(path: Path, member: str) -> None:
    """Change one byte in the middle of what a zip has of a file."""
    with zipfile.ZipFile(path) as archive:
        entry = archive.getinfo(member)
    content = bytearray(path.read_bytes())
    content[entry.header_offset + 30 + len(member) + entry.compress_size // 2] ^= 0xFF
    path.write_bytes(content)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_one_changed_byte_is_found(tmp_path: Path, method: int) -> None:
    path = make(tmp_path / "scene.zip", method)
    shares: list[float] = []
    check_members({path: [IMAGE]}, tmp_path / "notes", progress=lambda _, share: shares.append(share))
    assert shares[-1] == 1.0
    assert shares == sorted(shares)
    damage(path, IMAGE)
    with pytest.raises(NoDataError, match="is damaged") as caught:
        check_members({path: [IMAGE]}, tmp_path / "notes")
    assert IMAGE in caught.value.cause
    check_members({path: [f"{ROOT}/manifest.safe"]}, tmp_path / "notes")  # what is not used need not be whole


@pytest.mark.parametrize("size", [0, 1, 3_000_000, (1 << 20) * 2, 65_536])
def test_files_of_any_size_are_read_whole(tmp_path: Path, size: int) -> None:
    rng = np.random.default_rng(size)
    content = rng.integers(0, 40, size, np.uint8).tobytes() + bytes(size)  # half of it packs to nothing
    path = make(tmp_path / "scene.zip", **{f"{ROOT}/measurement/image.tiff": content})
    shares: list[float] = []
    check_members({path: [IMAGE]}, progress=lambda _, share: shares.append(share))
    assert max(shares, default=1.0) == 1.0


@pytest.mark.parametrize("place", [0.0, 0.01, 0.3, 0.7, 0.999])
def test_damage_anywhere_is_found(tmp_path: Path, place: float) -> None:
    path = make(tmp_path / "scene.zip", **{IMAGE: np.arange(100_000, dtype=np.int16).tobytes()})
    with zipfile.ZipFile(path) as archive:
        entry = archive.getinfo(IMAGE)
    content = bytearray(path.read_bytes())
    content[entry.header_offset + 30 + len(IMAGE) + int(place * (entry.compress_size - 1))] ^= 0x40
    path.write_bytes(content)
    with pytest.raises(NoDataError, match="is damaged"):
        check_members({path: [IMAGE]})


def test_it_is_read_once(tmp_path: Path) -> None:
    path, notes = make(tmp_path / "scene.zip"), tmp_path / "notes"
    read: list[float] = []
    check_members({path: [IMAGE]}, notes, progress=lambda _, share: read.append(share))
    read.clear()
    check_members({path: [IMAGE]}, notes, progress=lambda _, share: read.append(share))
    assert read == []
    check_members({path: [IMAGE, f"{ROOT}/manifest.safe"]}, notes, progress=lambda _, share: read.append(share))
    assert len(read) == 1  # the manifest alone
    os.utime(path, (1, 1))
    read.clear()
    check_members({path: [IMAGE]}, notes, progress=lambda _, share: read.append(share))
    assert read[-1] == 1.0


def test_of_two_zips_the_whole_one_is_proved_for_good(tmp_path: Path) -> None:
    whole, broken, notes = make(tmp_path / "one.zip"), make(tmp_path / "two.zip"), tmp_path / "notes"
    damage(broken, IMAGE)
    with pytest.raises(NoDataError, match=r"two\.zip is damaged"):
        check_members({whole: [IMAGE], broken: [IMAGE]}, notes, threads=1)
    read: list[str] = []
    with pytest.raises(NoDataError, match=r"two\.zip is damaged"):
        check_members({whole: [IMAGE], broken: [IMAGE]}, notes, progress=lambda name, _: read.append(name))
    assert set(read) <= {broken.name}


def test_what_came_with_the_right_md5_is_not_read(tmp_path: Path) -> None:
    path = make(tmp_path / "scene.zip")
    note_of(path, tmp_path / ".verified", url="https://example.org/scene.zip", md5="0" * 32)
    read: list[float] = []
    check_members({path: [IMAGE]}, progress=lambda _, share: read.append(share))
    assert read == []


def test_a_zip_without_the_file_or_an_end(tmp_path: Path) -> None:
    path = make(tmp_path / "scene.zip")
    with pytest.raises(NoDataError, match="is damaged"):
        check_members({path: [f"{ROOT}/measurement/other.tiff"]})
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(NoDataError, match="its list of files"):
        check_members({path: [IMAGE]})


def test_a_run_refuses_a_damaged_image_before_the_engine(tmp_path: Path) -> None:
    product = Product(swaths=("IW1", "IW2"), bursts=3)
    scenes = [write_zip(one, tmp_path) for one in (product, product.repeated())]
    manager = SlcManager(scenes)
    plan = manager.plan(None, "auto")
    told: list[str] = []
    manager.fetch(plan, tmp_path / "notes", lambda what, _: told.append(what))
    assert {text.removeprefix("checking ") for text in told} == {scene.name for scene in scenes}
    with zipfile.ZipFile(scenes[1]) as archive:
        (image,) = [name for name in archive.namelist() if "-iw2-" in name and name.endswith(".tiff")]
    damage(scenes[1], image)
    with pytest.raises(NoDataError, match="is damaged") as caught:
        manager.fetch(plan, tmp_path / "notes")
    assert image in caught.value.cause


def test_an_entry_larger_than_it_says(tmp_path: Path) -> None:
    path = make(tmp_path / "scene.zip", zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    real, false = (300_000).to_bytes(4, "little"), (1000).to_bytes(4, "little")
    place = content.rfind(real)  # the uncompressed size in the list of files comes after the compressed one
    content[place : place + 4] = false
    path.write_bytes(content)
    with pytest.raises(NoDataError, match="is damaged"):
        check_members({path: [IMAGE]})
