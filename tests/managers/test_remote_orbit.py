"""Orbit files from the archive, chosen and fetched by a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from test_orbit import DAY, SCENE, eof_text

from archive import Archive, faults, restituted
from archive.orbits import BUCKETS
from asking import Ask

BUCKET = BUCKETS[0]
SPAN = [time.isoformat() for time in SCENE]


def publish(
    folder: Path,
    mission: str = "S1A",
    created: str = "2023-09-24T08:06:41",
    days: int = 0,
    content: str | None = None,
) -> Path:
    """Write a precise orbit file of some minutes around the scene, valid for a day as the real ones are."""
    start, stop = (SCENE[0] - timedelta(minutes=5) + days * DAY, SCENE[1] + timedelta(minutes=5) + days * DAY)
    first = start.replace(hour=0, minute=0, second=0) - timedelta(hours=1)
    stamp = created.replace("-", "").replace(":", "")
    name = (
        f"{mission}_OPER_AUX_POEORB_OPOD_{stamp}_V{first:%Y%m%dT%H%M%S}_{first + 26 * DAY / 24:%Y%m%dT%H%M%S}.EOF"
    )
    path = folder / name
    path.write_text(eof_text(mission, "POEORB", start, stop, created) if content is None else content)
    return path


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    folder = tmp_path / "published"
    folder.mkdir()
    return folder


@pytest.fixture
def archive(shelf: Path) -> Iterator[Archive]:
    with Archive() as running:
        yield running
    assert running.errors == []
    assert running.refused == []


def wish(kind: str = "auto", mission: str = "S1A") -> dict[str, Any]:
    return {"kind": kind, "mission": mission, "span": SPAN}


def offer(archive: Archive, *paths: Path) -> None:
    archive.orbits.files.clear()
    archive.orbits.add(paths)


def test_the_newest_file_of_satellite_and_day_comes_once(ask: Ask, archive: Archive, shelf: Path) -> None:
    right = publish(shelf, created="2023-09-25T08:06:41")
    others = (publish(shelf), publish(shelf, mission="S1B"), publish(shelf, days=1, created="2023-09-26T08:06:41"))
    offer(archive, right, *others)
    archive.orbits.page_size = 1
    answer = ask(archive, **wish())
    assert answer.path.name == right.name
    assert answer.path.read_bytes() == right.read_bytes()
    assert len(archive.requests(BUCKET, r"^/AUX_.*EOF$")) == 1
    assert {entry.host for entry in archive.log} == {BUCKET}
    archive.forget()
    archive.down.add(BUCKET)
    assert ask(archive, **wish()).path == answer.path
    assert archive.log == [], "a file in the cache needs no network"


def test_a_restituted_orbit_is_replaced_when_the_precise_one_is_out(
    ask: Ask, archive: Archive, shelf: Path
) -> None:
    precise = publish(shelf)
    early = restituted(precise, shelf)
    offer(archive, early)
    first = ask(archive, **wish())
    assert (first.result["kind"], first.path.name) == ("RESORB", early.name)
    archive.down.add(BUCKET)
    cut_off = ask(archive, timeout=1.5, **wish())
    assert (cut_off.result["kind"], cut_off.result["url"]) == ("RESORB", "")
    assert "cannot be asked for a POEORB" in cut_off.log
    archive.heal()
    offer(archive, early, precise)
    assert ask(archive, **wish()).result["kind"] == "POEORB"
    archive.forget()
    assert ask(archive, **wish("resorb")).result["kind"] == "RESORB"
    assert archive.log == [], "it is still in the cache"


def test_nothing_that_serves(ask: Ask, archive: Archive, shelf: Path) -> None:
    precise = publish(shelf)
    offer(archive, publish(shelf, days=1), publish(shelf, mission="S1B"))
    answer = ask(archive, **wish())
    assert answer.error == ("NoDataError", 3)
    assert "the POEORB about 2023-09-25" in answer.result["text"]
    offer(archive, restituted(precise, shelf))
    answer = ask(archive, **wish("poeorb"))
    assert answer.error == ("NoDataError", 3)
    assert "no POEORB file for the S1A scene of 2023-09-04 06:37:36" in answer.result["text"]


@pytest.mark.parametrize("case", ["empty", "cut", "other satellite", "gap", "page"])
def test_what_is_in_the_file_decides(ask: Ask, archive: Archive, shelf: Path, tmp_path: Path, case: str) -> None:
    good = publish(shelf).read_text()
    vectors = good.split("<OSV>")
    contents = {
        "empty": "",
        "cut": good[: len(good) // 2],
        "other satellite": good.replace("Sentinel-1A", "Sentinel-1B"),
        "gap": "<OSV>".join(vectors[:20] + vectors[30:]),
        "page": "<!DOCTYPE html><html><body>maintenance</body></html>",
    }
    offer(archive, publish(shelf, content=contents[case]))
    answer = ask(archive, timeout=1.5, **wish())
    assert answer.error == (("NetworkError", 5) if case == "page" else ("NoDataError", 3))
    assert list((tmp_path / "data" / "orbits").glob("*.EOF")) == []
    offer(archive, publish(shelf))
    assert ask(archive, **wish()).result["kind"] == "POEORB"


def test_a_damaged_file_in_the_cache_is_fetched_again(ask: Ask, archive: Archive, shelf: Path) -> None:
    right = publish(shelf)
    offer(archive, right)
    path = ask(archive, **wish()).path
    path.write_bytes(b"x" * right.stat().st_size)
    assert ask(archive, **wish()).path.read_bytes() == right.read_bytes()


FAULTS: dict[str, Callable[[], faults.Fault]] = {
    "refused": faults.refused,
    "no such host": faults.unresolved,
    "401": lambda: faults.status(401),
    "403": lambda: faults.status(403),
    "429": lambda: faults.status(429),
    "500": lambda: faults.status(500),
    "502 HTML": faults.bad_gateway,
    "cut": lambda: faults.cut(after=100),
    "stalled": lambda: faults.stall(after=100),
    "silent": faults.silent,
    "login page": faults.login_page,
    "not a list": faults.no_results,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_bucket_that_fails(ask: Ask, archive: Archive, shelf: Path, tmp_path: Path, fault: str) -> None:
    offer(archive, publish(shelf))
    archive.fail(BUCKET, FAULTS[fault]())
    answer = ask(archive, timeout=1.5, **wish())
    assert answer.error == ("NetworkError", 5)
    assert BUCKET in answer.result["text"]
    assert answer.seconds < 40
    assert not (tmp_path / "data" / "orbits").exists()


@pytest.mark.parametrize("path", ["list-type", r"\.EOF$"])
def test_a_bucket_that_recovers(ask: Ask, archive: Archive, shelf: Path, path: str) -> None:
    offer(archive, publish(shelf))
    archive.fail(BUCKET, faults.status(503), path, times=2)
    assert ask(archive, timeout=1.5, **wish()).result["kind"] == "POEORB"


def test_a_file_that_has_gone_since_it_was_listed(ask: Ask, archive: Archive, shelf: Path) -> None:
    offer(archive, publish(shelf))
    archive.fail(BUCKET, faults.status(404), r"\.EOF$")
    assert ask(archive, **wish()).error == ("NoDataError", 3)
