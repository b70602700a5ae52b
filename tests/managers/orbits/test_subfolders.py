"""Orbit files in subfolders, as SNAP keeps them."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from dinsar_cli.errors import NoDataError
from dinsar_cli.managers.orbits.manager import OrbitManager
from dinsar_cli.sentinel1.orbit_file import read_orbit_file
from support.orbit_inputs import DAY, SCENE, eof_text

NAME = "S1A_OPER_AUX_POEORB_OPOD_20230924T080642_V20230904T053736_20230904T073804.EOF"
SNAP = Path("auxdata/Orbits/Sentinel-1/POEORB/S1A/2023/09")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / SNAP
    folder.mkdir(parents=True)
    text = eof_text("S1A", "POEORB", SCENE[0] - DAY / 24, SCENE[1] + DAY / 24, "2023-09-24T08:06:42")
    with zipfile.ZipFile(folder / f"{NAME}.zip", "w") as archive:
        archive.writestr(NAME, text)
    return folder


@pytest.mark.parametrize("above", range(len(SNAP.parts) + 1))
def test_the_tree_of_snap_from_any_of_its_folders(tree: Path, above: int) -> None:
    folder = tree
    for _ in range(above):
        folder = folder.parent
    assert OrbitManager(folder).plan("S1A", *SCENE).path == tree / f"{NAME}.zip"


def test_links_in_a_circle_and_pipes_do_not_hold_it(tree: Path) -> None:
    (tree / "again").symlink_to(tree.parents[3])
    os.mkfifo(tree / NAME)
    assert OrbitManager(tree.parents[3]).plan("S1A", *SCENE).path == tree / f"{NAME}.zip"


@pytest.mark.parametrize(
    ("content", "word"), [(b"<!DOCTYPE html><html>", "web page"), (b"\0" * 5000, "begins with zeros")]
)
def test_what_came_instead_is_named(tree: Path, content: bytes, word: str) -> None:
    (tree / f"{NAME}.zip").write_bytes(content)
    with pytest.raises(NoDataError, match=word):
        OrbitManager(tree).plan("S1A", *SCENE)


def test_one_that_unpacks_to_far_too_much(tmp_path: Path) -> None:
    with (
        zipfile.ZipFile(tmp_path / f"{NAME}.zip", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open(NAME, "w") as member,
    ):
        for _ in range(66):
            member.write(b" " * (1 << 20))
    with pytest.raises(Exception, match="far too much"):
        read_orbit_file(tmp_path / f"{NAME}.zip")
