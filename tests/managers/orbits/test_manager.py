"""Choosing an orbit file: small real EOF files of several satellites, days, kinds and faults."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.managers.orbits import manager as manager_module
from dinsar_cli.managers.orbits.manager import OrbitManager
from dinsar_cli.sentinel1.orbit_file import OrbitFile, read_orbit_file
from support.orbit_inputs import DAY, SCENE, eof_text

COVERING = datetime(2023, 9, 4, 6, 36, 36, tzinfo=UTC), datetime(2023, 9, 4, 6, 39, 4, tzinfo=UTC)


@pytest.fixture
def put(tmp_path: Path):
    """Write an orbit file into the folder, under its official name or another one."""

    def writer(
        mission: str = "S1A",
        kind: str = "POEORB",
        span: tuple[datetime, datetime] = COVERING,
        created: str = "2023-09-24T08:06:41",
        name: str | None = None,
    ) -> Path:
        start, stop = span
        stamp = created.replace("-", "").replace(":", "")
        official = f"{mission}_OPER_AUX_{kind}_OPOD_{stamp}_V{start:%Y%m%dT%H%M%S}_{stop:%Y%m%dT%H%M%S}.EOF"
        path = tmp_path / (name or official)
        path.write_text(eof_text(mission, kind, start, stop, created))
        return path

    return writer


def refusal(folder: Path) -> NoDataError:
    with pytest.raises(NoDataError) as caught:
        OrbitManager(folder).plan("S1A", *SCENE)
    return caught.value


def test_plan_and_fetch_give_the_file_and_write_nothing(put, tmp_path):
    path = put()
    before = sorted(tmp_path.iterdir())
    manager = OrbitManager(tmp_path)
    choice = manager.plan("S1A", *SCENE)
    assert (choice.path, choice.kind, choice.mission) == (path, "POEORB", "S1A")
    orbit = manager.fetch(choice)
    assert (orbit.start, orbit.stop) == (choice.start, choice.stop)
    assert orbit.start <= COVERING[0]
    assert orbit.stop >= COVERING[1]
    assert sorted(tmp_path.iterdir()) == before


def test_one_file_serves_as_folder(put):
    path = put()
    assert OrbitManager(path).plan("S1A", *SCENE).path == path


@pytest.mark.parametrize(("first", "second"), [("POEORB", "RESORB"), ("RESORB", "PREORB"), ("POEORB", "PREORB")])
def test_the_more_accurate_kind_wins_even_when_older(put, tmp_path, first, second):
    wanted = put(kind=first, created="2023-09-05T00:00:00")
    put(kind=second, created="2023-10-05T00:00:00")
    choice = OrbitManager(tmp_path).plan("S1A", *SCENE)
    assert (choice.path, choice.kind) == (wanted, first)


def test_the_newest_of_a_kind_wins_by_content_not_by_name(put, tmp_path):
    put(created="2023-09-24T08:06:41", name="z.EOF")
    wanted = put(created="2023-09-25T08:06:41", name="a.EOF")
    put(created="2023-09-23T08:06:41", name="m.eof")
    assert OrbitManager(tmp_path).plan("S1A", *SCENE).path == wanted


def test_a_minute_of_margin_is_needed_at_both_ends_to_the_second(put, tmp_path):
    start, stop = COVERING
    path = put(span=(start + timedelta(seconds=1), stop), name="late.EOF")
    assert "covers only part, 2023-09-04 06:36:37" in refusal(tmp_path).cause
    path.unlink()
    path = put(span=(start - timedelta(seconds=3), stop - timedelta(seconds=11)), name="early.EOF")
    assert "covers only part" in refusal(tmp_path).cause
    path.unlink()
    assert put(name="right.EOF") == OrbitManager(tmp_path).plan("S1A", *SCENE).path


def test_a_missing_folder_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="--orbits"):
        OrbitManager(tmp_path / "nowhere").plan("S1A", *SCENE)


def test_an_empty_folder_and_one_with_other_things(tmp_path):
    assert "has no orbit file" in refusal(tmp_path).cause
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "S1A_IW_SLC__1SSV_20230904T063736_20230904T063742_050174_0609E3_5C45.zip").write_text("x")
    (tmp_path / "folder.EOF").mkdir()
    assert "has no orbit file" in refusal(tmp_path).cause


@pytest.mark.parametrize("name", [None, "orbit.EOF"])
def test_another_satellite_is_named(put, tmp_path, name):
    put(mission="S1B", name=name)
    error = refusal(tmp_path)
    assert "these are S1B orbits, the scene is S1A" in error.cause
    assert "S1A" in error.remedy


@pytest.mark.parametrize("name", [None, "orbit.EOF"])
def test_another_day_is_named(put, tmp_path, name):
    put(span=(COVERING[0] + 12 * DAY, COVERING[1] + 12 * DAY), name=name)
    assert "another time, 2023-09-16 06:36:36" in refusal(tmp_path).cause


def test_a_name_that_promises_more_than_the_content(put, tmp_path):
    start, stop = COVERING
    put(
        span=(start, stop - timedelta(seconds=70)),
        name="S1A_OPER_AUX_POEORB_OPOD_20230924T080641_V20230903T225942_20230905T005942.EOF",
    )
    assert "covers only part" in refusal(tmp_path).cause


@pytest.mark.parametrize(("mission", "kind"), [("S1B", "POEORB"), ("S1A", "RESORB")])
def test_a_lying_name_is_refused_and_does_not_hide_a_good_file(put, tmp_path, mission, kind):
    liar = "S1A_OPER_AUX_POEORB_OPOD_20230924T080641_V20230903T225942_20230905T005942.EOF"
    put(mission=mission, kind=kind, name=liar)
    assert f"its name says S1A POEORB, its content is {mission} {kind}" in refusal(tmp_path).cause
    good = put(kind="RESORB", created="2023-09-04T12:00:00")
    assert OrbitManager(tmp_path).plan("S1A", *SCENE).path == good


def test_every_candidate_is_listed_with_its_fault_the_nearest_first(put, tmp_path):
    put(mission="S1B", name="a.EOF")
    (tmp_path / "b.EOF").touch()
    put(name="c.EOF").write_text(put(name="c.EOF").read_text()[:900])
    cause = refusal(tmp_path).cause
    assert cause.index("b.EOF: It has 0 bytes") < cause.index("c.EOF: Its XML is truncated")
    assert cause.index("c.EOF") < cause.index("a.EOF: these are S1B orbits")


def test_a_broken_file_beside_a_good_one_does_no_harm_and_is_told(put, tmp_path, caplog):
    (tmp_path / "a.EOF").write_text("<html>")
    good = put()
    with caplog.at_level("WARNING"):
        assert OrbitManager(tmp_path).plan("S1A", *SCENE).path == good
    (told,) = caplog.messages
    assert told.startswith("The orbit file a.EOF is passed over: ")


def test_a_file_that_changed_after_the_plan_is_refused(put, tmp_path):
    path = put(name="orbit.EOF")
    manager = OrbitManager(tmp_path)
    choice = manager.plan("S1A", *SCENE)
    path.write_text(put(mission="S1B", name="other.EOF").read_text())
    with pytest.raises(NoDataError, match="is now S1B POEORB"):
        manager.fetch(choice)


def test_a_file_is_read_once_and_again_only_when_it_changed(put, tmp_path, monkeypatch):
    read = []

    def counted(path: Path) -> OrbitFile:
        read.append(path)
        return read_orbit_file(path)

    monkeypatch.setattr(manager_module, "read_orbit_file", counted)
    path = put()
    manager = OrbitManager(tmp_path)
    choice = manager.plan("S1A", *SCENE)
    assert manager.fetch(choice) is manager.fetch(choice)
    assert read == [path]
    os.utime(path, ns=(0, 0))
    assert manager.fetch(choice).start == choice.start
    assert read == [path, path]
