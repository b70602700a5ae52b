"""What ``dinsar clean`` may remove: what journals and notes of dinsar name, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dinsar_cli.base.file_notes import NOTES, note_of
from dinsar_cli.base.files import sha256
from dinsar_cli.base.journal import Journal, StageRecord
from support.command import Outcome, run_apart
from support.nobody import NOBODY
from support.refusal import check_refusal, snapshot

Dinsar = Callable[..., Outcome]
PAIR = "T052D_20230904_20230916"
LAYERS = ("wrapped.npy", "unwrapped.npy", "cross.npy")


def write(path: Path, text: str = "of dinsar") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def write_pair(workdir: Path, name: str = PAIR) -> Path:
    """Folder of a pair as a run of `eos` leaves it, with the work of an earlier topsApp beside it."""
    folder = workdir / name
    layers = [write(folder / "radar" / layer) for layer in LAYERS]
    described = write(folder / "radar" / "interferogram.json")
    maps = [write(folder / "products" / file) for file in ("los_displacement.tif", "report.html", "overview.kmz")]
    scene = write(workdir / "scenes" / "S1A.zip", "a scene of the user")
    steps = Journal(folder / "radar" / "steps.json")
    steps.put("form", StageRecord("a"), layers)
    header = {"dinsar": "0.1", "command": ["run"], "pair": {"name": name}}
    journal = Journal(folder / "run.json", header)
    journal.put("slc", StageRecord("a"), [scene])
    journal.put("process", StageRecord("b"), [*layers[:2], described])
    journal.put("products", StageRecord("c"), maps)
    write(folder / "dinsar.yaml")
    write(folder / "logs" / "05_topo.log")
    work = folder / "isce2"
    write(work / "settings.json", json.dumps({"inputs": "abc"}))
    for file in ("topsApp.xml", "PICKLE/topo", "PICKLE/topo.xml", "merged/filt_topophase.unw", "isce.log"):
        write(work / file)
    return folder


def files_in(*folders: Path) -> set[str]:
    return {str(path.relative_to(folder)) for folder in folders for path in folder.rglob("*") if path.is_file()}


# --- folders that are not ours ----------------------------------------------------------------------------------

FOREIGN = {
    "another program": {"stages": {"build": {}}, "schema_version": 2},
    "another program of our schema": {"stages": {"build": {}}, "schema_version": 1},
    "no stages": {"stages": {}, "schema_version": 1},
    "a later release": {"stages": {}, "schema_version": 2, "dinsar": "9", "command": [], "pair": {"name": "work"}},
    "another pair": {"stages": {}, "schema_version": 1, "dinsar": "0.1", "command": [], "pair": {"name": PAIR}},
    "pair of another form": {"stages": {}, "schema_version": 1, "dinsar": "0.1", "command": [], "pair": PAIR},
    "stages of another program": {
        "stages": {"build": {"fingerprint": "a", "files": [{"path": "thesis.txt", "size": 1, "mtime_ns": 1}]}},
        "schema_version": 1,
        "dinsar": "0.1",
        "command": [],
        "pair": {"name": "work"},
    },
    "a list": [1, 2],
}


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN.keys())
@pytest.mark.parametrize("within", [False, True], ids=["the folder", "the folder above"])
def test_a_run_json_of_somebody_else_removes_nothing(
    dinsar: Dinsar, tmp_path: Path, content: object, within: bool
) -> None:
    folder = tmp_path / "work"
    write(folder / "thesis.txt", "years of work")
    write(folder / "src" / "main.c")
    write(folder / "radar" / "wrapped.npy", "a radar of theirs")
    write(folder / "products" / "los_displacement.tif", "a product of theirs")
    write(folder / "run.json", json.dumps(content))
    before = snapshot(folder)
    outcome = dinsar("clean", "--products", "--workdir", tmp_path if within else folder)
    check_refusal(outcome, 2, folder / "run.json")
    assert snapshot(folder) == before


def test_a_folder_that_is_not_ours_keeps_all_others(dinsar: Dinsar, tmp_path: Path) -> None:
    write_pair(tmp_path)
    write(tmp_path / "zz" / "run.json", json.dumps(FOREIGN["another program"]))
    before = snapshot(tmp_path)
    check_refusal(dinsar("clean", "--products", "--workdir", tmp_path), 2, tmp_path / "zz" / "run.json")
    assert snapshot(tmp_path) == before
    assert dinsar("clean", "--products", "--workdir", tmp_path / PAIR).code == 0
    assert not (tmp_path / PAIR).exists()


def test_a_run_refuses_the_journal_of_a_later_release(dinsar: Dinsar, tmp_path: Path) -> None:
    folder = write_pair(tmp_path)
    text = (folder / "run.json").read_text().replace('"schema_version": 1', '"schema_version": 7')
    (folder / "run.json").write_text(text)
    check_refusal(dinsar("status", "--workdir", folder), 2, "schema_version is 7")
    assert (folder / "run.json").read_text() == text


# --- files that are not ours ------------------------------------------------------------------------------------

THEIRS = (
    "thesis.txt",
    "src/main.c",
    "radar/mine.npy",
    "radar/notes/wrapped.npy",
    "isce2/notes.txt",
    "isce2/merged/mask of mine.tif",
    "isce2/merged/filt_topophase.unw.geo",
    "isce2/merged/filt_topophase.unw.geo.xml",
    "isce2/merged/mask.vrt",
    "products/figure.png",
    "products/los_displacement.qml",
    "products/hyp3/notes.txt",
    "reversed/notes.txt",
    "logs/diary.log",
)


@pytest.mark.parametrize("products", [False, True])
def test_files_of_the_user_stay(dinsar: Dinsar, tmp_path: Path, products: bool) -> None:
    folder = write_pair(tmp_path)
    ours = files_in(folder)
    theirs = {folder / name: write(folder / name, f"my {name}").read_text() for name in THEIRS}
    option = ["--products"] if products else []
    dry = dinsar("clean", "--workdir", tmp_path, *option, "--dry-run")
    outcome = dinsar("clean", "--workdir", tmp_path, *option)
    assert outcome.code == dry.code == 0, outcome.err
    assert outcome.out == dry.out.replace("would be", "were")
    assert {path: path.read_text() for path in theirs} == theirs
    gone = ours - files_in(folder)
    if products:
        assert gone == ours
        assert f"left {folder / 'thesis.txt'}" in outcome.err
        assert f"left {folder / 'src'}" in outcome.err
    else:
        layers = {f"radar/{name}" for name in LAYERS}
        work = {"isce2/PICKLE/topo", "isce2/PICKLE/topo.xml", "isce2/merged/filt_topophase.unw", "isce2/isce.log"}
        assert gone == layers | work
    assert (tmp_path / "scenes" / "S1A.zip").is_file()


def test_a_pair_of_dinsar_alone_goes_whole(dinsar: Dinsar, tmp_path: Path) -> None:
    folder = write_pair(tmp_path)
    assert dinsar("clean", "--workdir", tmp_path, "--products").code == 0
    assert not folder.exists()


def test_input_files_that_a_person_edited_stay(dinsar: Dinsar, tmp_path: Path) -> None:
    folder = write_pair(tmp_path)
    marks = {"topsApp.xml": sha256(folder / "isce2" / "topsApp.xml")}
    write(folder / "isce2" / "settings.json", json.dumps({"inputs": "abc", "files": marks}))
    write(folder / "isce2" / "topsApp.xml", "edited by hand")
    assert dinsar("clean", "--workdir", tmp_path, "--products").code == 0
    assert files_in(folder) == {"isce2/topsApp.xml"}


# --- links ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["radar", "isce2", "reversed", "products"])
@pytest.mark.parametrize("products", [False, True])
def test_nothing_behind_a_link_is_removed(dinsar: Dinsar, tmp_path: Path, name: str, products: bool) -> None:
    folder = write_pair(tmp_path / "work")
    elsewhere = tmp_path / "disk" / name
    elsewhere.parent.mkdir()
    if (folder / name).exists():
        (folder / name).rename(elsewhere)
    write(elsewhere / "wrapped.npy", "mine")
    write(elsewhere / "radar" / "wrapped.npy", "mine")
    write(tmp_path / "disk" / "isce2" / "settings.json", json.dumps({"inputs": "abc"}))  # beside a linked radar
    write(tmp_path / "disk" / "isce2" / "PICKLE" / "topo", "mine")
    (folder / name).symlink_to(elsewhere, target_is_directory=True)
    before = snapshot(tmp_path / "disk")
    outcome = dinsar("clean", "--workdir", tmp_path / "work", *(["--products"] if products else []))
    assert outcome.code == 0, outcome.err
    assert snapshot(tmp_path / "disk") == before
    assert (folder / name).is_symlink()
    if products or name != "products":
        assert f"left {folder / name}: it is a link" in outcome.err


def test_linked_files_and_linked_pairs_stay(dinsar: Dinsar, tmp_path: Path) -> None:
    folder = write_pair(tmp_path / "disk")
    elsewhere = write(tmp_path / "data" / "wrapped.npy", "mine")
    (folder / "radar" / "wrapped.npy").unlink()
    (folder / "radar" / "wrapped.npy").symlink_to(elsewhere)
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / PAIR).symlink_to(folder, target_is_directory=True)
    before = snapshot(tmp_path)
    outcome = dinsar("clean", "--workdir", tmp_path / "work", "--products")
    assert outcome.code == 0
    assert f"left {tmp_path / 'work' / PAIR}: it is a link" in outcome.err
    assert snapshot(tmp_path) == before
    assert dinsar("clean", "--workdir", folder, "--products").code == 0
    assert elsewhere.read_text() == "mine"
    assert {path for path in folder.rglob("*") if not path.is_dir()} == {
        folder / "radar" / "wrapped.npy",
    }


# --- the cache --------------------------------------------------------------------------------------------------


def test_a_dem_of_the_user_in_the_cache_stays(dinsar: Dinsar, tmp_path: Path) -> None:
    write_pair(tmp_path / "work")
    cache = tmp_path / "cache"
    theirs = [write(cache / "dem" / name, "lidar") for name in ("lidar.tif", "tiles/glo_30/mine.tif")]
    ours = [write(cache / "dem" / name) for name in ("glo_30_ab12.tif", "tiles/glo_30/Copernicus.tif")]
    for path in ours:
        note_of(path, path.parent / NOTES, sha256=sha256(path))
    write(cache / "dem.lock", "")
    (cache / "dem" / "linked").symlink_to(tmp_path / "work", target_is_directory=True)
    outcome = dinsar("clean", "--workdir", tmp_path / "work", "--cache", cache, "--with-cache")
    assert outcome.code == 0, outcome.err
    assert files_in(cache) == {str(path.relative_to(cache)) for path in theirs}
    assert f"left {theirs[0]}" in outcome.err


@pytest.mark.parametrize("kind", ["folder", "link"])
def test_a_folder_named_dem_is_not_ours_by_its_name(dinsar: Dinsar, tmp_path: Path, kind: str) -> None:
    """As in the issue: ``--cache`` is a folder with a folder ``dem`` of lidar heights, or that is a link."""
    write_pair(tmp_path / "work")
    lidar = write(tmp_path / "data" / "dem" / "lidar.tif", "flown in 2019")
    cache = tmp_path / "data"
    if kind == "link":
        note_of(lidar, lidar.parent / NOTES, sha256=sha256(lidar))
        cache = tmp_path / "cache"
        cache.mkdir()
        (cache / "dem").symlink_to(lidar.parent, target_is_directory=True)
    outcome = dinsar("clean", "--workdir", tmp_path / "work", "--cache", cache, "--with-cache")
    assert outcome.code == 0
    assert lidar.read_text() == "flown in 2019"
    assert f"left {cache / 'dem'}" in outcome.err


# --- read-only --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [".", "radar", "isce2/PICKLE"])
def test_a_read_only_folder_is_told_before_anything_goes(open_path: Path, place: str) -> None:
    folder = write_pair(open_path / "work")
    for path in (open_path, *open_path.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)
    (folder / place).chmod(0o555)
    before = snapshot(folder)
    outcome = run_apart("clean", "--workdir", open_path / "work", before=NOBODY)
    check_refusal(outcome, 2, folder / place)
    assert snapshot(folder).items() >= before.items()
    (folder / place).chmod(0o777)
    assert run_apart("clean", "--workdir", open_path / "work", before=NOBODY).code == 0
