"""``dinsar export``: all formats of all pairs are possible, or none is written."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import get_args
from urllib.parse import unquote

import pytest

from dinsar_cli.config.sections.map import FormatName
from dinsar_cli.formats import TOGETHER
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
    (folder / "coherence.tif").unlink()
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


# --- several pairs into one folder ------------------------------------------------------------------------------

LATER = "T052D_20230916_20230928"


@pytest.fixture
def work(folder: Path, tmp_path: Path) -> Path:
    """A working folder with two finished pairs."""
    for name in (PAIR, LATER):
        target = tmp_path / "work" / name
        shutil.copytree(folder, target / "products")
        record = {"schema_version": 1, **RECORD, "stages": {"displacement": {"fingerprint": "a", "files": []}}}
        (target / "run.json").write_text(json.dumps(record))
    return tmp_path / "work"


def formats_of(*names: str) -> list[str]:
    return [option for name in names for option in ("--format", name)]


def test_several_pairs_are_written_into_one_folder(dinsar: Dinsar, work: Path, tmp_path: Path) -> None:
    """Each has what an export beside the GeoTIFFs has, in a folder of its name, and nothing is put elsewhere."""
    before, into = snapshot(work), tmp_path / "new" / "shared"
    # of several pairs there is one folder for MintPy
    names = [name for name in get_args(FormatName) if name not in {"netcdf", "mintpy", *TOGETHER}]
    done = dinsar("export", work, work / PAIR, *formats_of(*names), "--into", into)  # one pair is named twice
    assert done.code == 0, done.err
    assert snapshot(work) == before
    assert sorted(path.name for path in into.iterdir()) == [PAIR, LATER]
    assert dinsar("export", work, *formats_of(*names)).code == 0
    for name in (PAIR, LATER):
        products = work / name / "products"
        made = {
            path.relative_to(products): value for path, value in snapshot(products).items() if path not in before
        }
        found = {path.relative_to(into / name): value for path, value in snapshot(into / name).items()}
        assert found.keys() == made.keys()
        differing = {str(path) for path in found if found[path] != made[path]}
        assert differing <= {"item.json"}  # addresses of the GeoTIFFs
        assert {Path(line).parts[len(into.parts)] for line in done.out.splitlines()} == {PAIR, LATER}
        item = json.loads((into / name / "item.json").read_text())
        targets = [(into / name / unquote(asset["href"])).resolve() for asset in item["assets"].values()]
        assert all(target.is_file() for target in targets)
        assert (products / "los_displacement.tif").resolve() in targets
        assert (into / name / "overview.kmz").resolve() in targets


def test_a_further_format_may_come_beside_and_nothing_is_replaced(
    dinsar: Dinsar, work: Path, tmp_path: Path
) -> None:
    into = tmp_path / "shared"
    assert dinsar("export", work / PAIR, *formats_of("range_change"), "--into", into).code == 0
    assert dinsar("export", work / PAIR, *formats_of("kmz"), "--into", into).code == 0
    before = snapshot(into)
    # one pair of two has it already: the other is not written either
    outcome = dinsar("export", work, *formats_of("hyp3", "range_change"), "--into", into)
    check_refusal(outcome, 2, "range_change.tif", "is there already")
    assert snapshot(into) == before
    (into / PAIR / "range_change.tif").unlink()
    assert dinsar("export", work, *formats_of("hyp3", "range_change"), "--into", into).code == 0


def test_pairs_that_are_no_series_keep_all_formats_from_being_written(
    dinsar: Dinsar, work: Path, tmp_path: Path
) -> None:
    """The GeoTIFFs of both folders are of one pair."""
    before = snapshot(work)
    outcome = dinsar("export", work, *formats_of("range_change", "mintpy"), "--into", tmp_path / "shared")
    check_refusal(outcome, 2, PAIR, LATER, "twice")
    assert snapshot(work) == before
    assert not (tmp_path / "shared").exists()


def test_one_impossible_pair_keeps_all_from_being_written_into_a_folder(
    dinsar: Dinsar, work: Path, tmp_path: Path
) -> None:
    record = json.loads((work / LATER / "run.json").read_text())
    (work / LATER / "run.json").write_text(json.dumps(record | {"pair": {}}))
    outcome = dinsar("export", work, *formats_of("range_change", "hyp3"), "--into", tmp_path / "shared")
    check_refusal(outcome, 3, LATER, "Nothing was written")
    assert not (tmp_path / "shared").exists()


def test_places_that_cannot_take_formats_are_refused(dinsar: Dinsar, work: Path, tmp_path: Path) -> None:
    before = snapshot(tmp_path)
    shutil.copytree(work / PAIR, tmp_path / "other" / PAIR)
    kmz = formats_of("kmz")
    check_refusal(dinsar("export", work, *kmz, "--into", work), 2, "--into", "itself")
    twice = dinsar("export", work, tmp_path / "other", *kmz, "--into", tmp_path / "shared")
    check_refusal(twice, 2, work / PAIR, tmp_path / "other" / PAIR)
    (tmp_path / "file").write_text("mine")
    check_refusal(dinsar("export", work, *kmz, "--into", tmp_path / "file"), 2, "is a file", "--into")
    check_refusal(dinsar("export", work, *kmz, "--into", tmp_path / "file" / "below"), 2, "--into")
    check_refusal(dinsar("export", tmp_path / "nowhere", *kmz, "--into", tmp_path / "shared"), 2, "nowhere")
    assert not (tmp_path / "shared").exists()
    assert before.items() <= snapshot(tmp_path).items()
