"""``dinsar export``: all formats of all pairs are possible, or none is written."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from support.command import Outcome
from support.format_inputs import RECORD, make
from support.refusal import check_refusal, snapshot
from support.view_inputs import DEGREES

Dinsar = Callable[..., Outcome]
PAIR = "T052D_20230904_20230916"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """GeoTIFFs of which nobody tells from which scenes they come."""
    return make(tmp_path / PAIR / "products", DEGREES).facts.folder


def test_one_impossible_format_keeps_the_others_from_being_written(dinsar: Dinsar, folder: Path) -> None:
    before = snapshot(folder)
    formats = ("range_change", "netcdf", "qgis", "hyp3")
    outcome = dinsar("export", folder, *(option for name in formats for option in ("--format", name)))
    check_refusal(outcome, 3, "format hyp3", "run.json", "Nothing was written")
    assert snapshot(folder) == before
    assert list(folder.glob("hyp3")) == []


def test_all_impossible_formats_are_named(dinsar: Dinsar, folder: Path) -> None:
    outcome = dinsar("export", folder, "--format", "hyp3", "--format", "mintpy")
    check_refusal(outcome, 3, "formats hyp3 and mintpy")


def test_one_impossible_pair_keeps_the_others_from_being_written(
    dinsar: Dinsar, folder: Path, tmp_path: Path
) -> None:
    stages = {"displacement": {"fingerprint": "a", "files": []}}
    for name, pair in ((PAIR, RECORD["pair"]), ("T052D_20230916_20230928", {})):
        target = tmp_path / "work" / name
        shutil.copytree(folder, target / "products")
        record = {"schema_version": 1, "pair": pair, "stages": stages}
        (target / "run.json").write_text(json.dumps(record))
    before = snapshot(tmp_path / "work")
    outcome = dinsar("export", tmp_path / "work", "--format", "range_change", "--format", "hyp3")
    check_refusal(outcome, 3, "T052D_20230916_20230928", "Nothing was written")
    assert snapshot(tmp_path / "work") == before
    assert dinsar("export", tmp_path / "work" / PAIR, "--format", "hyp3").code == 0


def test_what_fails_in_the_middle_tells_what_is_written(dinsar: Dinsar, folder: Path) -> None:
    """A damaged layer shows when it is read: the error tells the formats that need it not, and are there."""
    layer = folder / "coherence.tif"
    content = bytearray(layer.read_bytes())
    content[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
    layer.write_bytes(content)
    outcome = dinsar("export", folder, "--format", "range_change", "--format", "netcdf")
    check_refusal(outcome, 2, "coherence.tif", "Written before it: range_change")
    assert (folder / "range_change.tif").is_file()
    assert not (folder / "displacement.nc").exists()


def test_a_style_of_a_person_stays(dinsar: Dinsar, folder: Path) -> None:
    """QGIS saves the style of ``NAME.tif`` under the name that we give ours."""
    own = folder / "coherence.qml"
    own.write_text("<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n<qgis version='3.34.1-Prizren'/>")
    before = own.read_text()
    assert dinsar("export", folder, "--format", "qgis").code == 0
    assert own.read_text() == before
    assert (folder / "los_displacement.qml").is_file()
