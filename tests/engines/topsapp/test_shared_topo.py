"""Geometry that one pair hands on to another: taken where it is its own, and never written into."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dinsar_cli.engines.topsapp.settings.steps import STEPS, is_done, made_by_topsapp
from dinsar_cli.engines.topsapp.shared_topo import hand_on, is_waiting, own_files, take
from dinsar_cli.engines.topsapp.work import Noted

WHOLE = b"a pickle."
LATITUDES = Path("geom_reference", "IW1", "lat_01.rdr")


def write_work(folder: Path, last: str, *, bursts: str = "bursts and orbit", dem: str = "heights") -> Path:
    """Write what topsApp left up to a step, as far as it matters here."""
    (folder / "PICKLE").mkdir(parents=True)
    for step in STEPS[: STEPS.index(last) + 1]:
        (folder / "PICKLE" / step).write_bytes(WHOLE)
        text = '<property name="numberofcommonbursts">\n<value>[2, 0, 0]</value></property>'
        (folder / "PICKLE" / f"{step}.xml").write_text(text)
    (folder / "reference").mkdir()
    (folder / "reference" / "IW1.xml").write_text(bursts)
    settings = {"reference/polarization": "vv", "secondary/safe": str(folder), "topsinsar/demFilename": str(folder)}
    Noted(inputs="of the pair", dem=dem, settings=settings).write(folder)
    if "topo" in STEPS[: STEPS.index(last) + 1]:
        (folder / LATITUDES).parent.mkdir(parents=True)
        (folder / LATITUDES).write_bytes(b"31 degrees")
        (folder / LATITUDES).with_name("lat_01.rdr.xml").write_text("<imageFile/>")
        overlaps = folder / "geom_reference" / "overlaps" / "IW1"
        overlaps.mkdir(parents=True)
        (overlaps / "lat_01_02.rdr").write_bytes(b"its own")
    return folder


def test_the_next_pair_takes_the_geometry_and_goes_on_behind_topo(tmp_path: Path) -> None:
    first = write_work(tmp_path / "first" / "isce2", "unwrap")
    second = tmp_path / "second" / "isce2"
    assert hand_on(first, second)
    assert is_waiting(second)
    write_work(second, "verifyDEM")
    assert take(second) == "first"
    assert is_done(second, "topo")
    assert not is_waiting(second)
    assert (second / LATITUDES).samefile(first / LATITUDES)
    assert (
        not (second / LATITUDES)
        .with_name("lat_01.rdr.xml")
        .samefile((first / LATITUDES).with_name("lat_01.rdr.xml"))
    )
    assert not (second / "geom_reference" / "overlaps").exists()
    assert not list(second.glob("*.part"))
    # all of it is removed with the work of the pair
    left = {path.relative_to(second).parts[0] for path in second.rglob("*") if path.is_file()}
    gone = {path.relative_to(second).parts[0] for path in made_by_topsapp(second)}
    assert left == gone


@pytest.mark.parametrize("change", [{"bursts": "another orbit"}, {"dem": "other heights"}])
def test_what_was_computed_from_something_else_is_not_taken(tmp_path: Path, change: dict[str, str]) -> None:
    first = write_work(tmp_path / "first" / "isce2", "unwrap")
    second = tmp_path / "second" / "isce2"
    assert hand_on(first, second)
    write_work(second, "verifyDEM", **change)
    assert take(second) is None
    assert not is_done(second, "topo")
    assert not is_waiting(second)
    assert not (second / LATITUDES).exists()
    assert (first / LATITUDES).read_bytes() == b"31 degrees"


def test_topo_again_does_not_write_into_the_files_of_another_pair(tmp_path: Path) -> None:
    first = write_work(tmp_path / "first" / "isce2", "unwrap")
    second = tmp_path / "second" / "isce2"
    hand_on(first, second)
    write_work(second, "verifyDEM")
    take(second)
    own_files(first)
    (first / LATITUDES).parent.mkdir(parents=True, exist_ok=True)
    (first / LATITUDES).write_bytes(b"32 degrees")  # in place, as topsApp does
    assert (second / LATITUDES).read_bytes() == b"31 degrees"


def test_nothing_is_handed_on_without_topo_or_to_a_pair_that_has_done_it(tmp_path: Path) -> None:
    before = write_work(tmp_path / "before" / "isce2", "verifyDEM")
    done = write_work(tmp_path / "done" / "isce2", "topo")
    other = tmp_path / "other" / "isce2"
    assert not hand_on(before, other)
    assert not hand_on(done, write_work(tmp_path / "later" / "isce2", "unwrap"))
    assert not other.exists()


def test_a_kill_while_it_is_taken_loses_nothing(tmp_path: Path) -> None:
    """The note goes first: without it the pair does its own topo; the state comes last."""
    first = write_work(tmp_path / "first" / "isce2", "unwrap")
    second = tmp_path / "second" / "isce2"
    hand_on(first, second)
    write_work(second, "verifyDEM")
    assert json.loads((second / "geom_handed_on" / "topo.json").read_text())["from"] == "first"
    (second / "geom_handed_on" / "topo.json").unlink()
    assert not is_waiting(second)
    own_files(second)
    assert not is_done(second, "topo")
