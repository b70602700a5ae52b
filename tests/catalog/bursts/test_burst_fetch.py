"""Single bursts from the archive: only those that are needed, whole, and once."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from support.archive import Archive, faults
from support.burst_inputs import EXTRACTOR, Delivery, bursts_meeting, fetch, start
from support.fetching import wait_until


def test_only_the_bursts_of_the_region_are_fetched(delivery: Delivery) -> None:
    wanted = {burst.name for burst in bursts_meeting(delivery.archive, delivery.roi)}
    assert {name for names in delivery.fetched.result["bursts"] for name in names} == wanted
    assert 4 < len(wanted) < len(delivery.archive.extractor.bursts)
    images = {target for target in delivery.statuses if target.endswith(".tiff")}
    assert len(images) == len(wanted)
    assert len(delivery.statuses) - len(images) == 4  # one document for each slice of each date


def test_little_more_than_the_bursts_comes(delivery: Delivery) -> None:
    """The documents are the rest; beside bursts of whole width, 60 times these, they are nothing."""
    pixels = sum(burst.size for burst in bursts_meeting(delivery.archive, delivery.roi))
    assert delivery.fetched.result["bytes"] == pixels
    assert pixels < delivery.sent < 1.2 * pixels


def test_the_service_is_waited_for(delivery: Delivery) -> None:
    for statuses in delivery.statuses.values():
        assert [status for status in statuses if status != 302] == [202, 200]


def test_nothing_is_left_beside_the_products(delivery: Delivery) -> None:
    for product in delivery.fetched.products:
        visible = [path for path in product.parent.iterdir() if not path.name.startswith(".")]
        assert visible == [product]


def test_what_is_there_is_not_fetched_again(delivery: Delivery, archive: Archive) -> None:
    again = fetch(archive, delivery.folder, delivery.roi)
    assert again.products == delivery.fetched.products
    assert again.result["there"] == [True, True]
    assert archive.requests(EXTRACTOR) == []


def test_scenes_come_when_bursts_are_most_of_them(delivery: Delivery, archive: Archive) -> None:
    """The whole region in both ways, then a corner of it."""
    whole = "-9.2 30.5 -8.5 32.2"
    choice = fetch(archive, delivery.folder, whole, download="auto").result["choice"]
    assert (choice["way"], choice["scene_bytes"]) == ("scenes", sum(scene.size for scene in archive.scenes))
    assert choice["burst_bytes"] == sum(burst.size for burst in archive.extractor.bursts)
    assert "not less than 60%" in choice["why"]
    choice = fetch(archive, delivery.folder, delivery.roi, download="auto").result["choice"]
    assert (choice["way"], choice["burst_bytes"]) == ("bursts", delivery.fetched.result["bytes"])


def test_a_token_alone_opens_scenes_only(delivery: Delivery, archive: Archive, tmp_path: Path) -> None:
    env = {"EARTHDATA_TOKEN": archive.accounts.token}
    choice = fetch(archive, tmp_path, delivery.roi, download="auto", env=env).result["choice"]
    assert choice["way"] == "scenes"
    assert "only a token is known" in choice["why"]
    found = fetch(archive, tmp_path, delivery.roi, env=env).result
    assert (found["error"], found["code"]) == ("CredentialsError", 4)
    assert "single bursts want user and password" in found["text"]


@pytest.mark.parametrize("fault", [faults.cut(1_000_000), faults.status(503, retry_after=1)], ids=["cut", "503"])
def test_a_download_that_breaks_goes_on(
    delivery: Delivery, archive: Archive, tmp_path: Path, fault: faults.Fault
) -> None:
    archive.log_in(tmp_path)
    archive.fail(EXTRACTOR, fault, r"IW1/VV/2\.tiff$", times=3)
    again = fetch(archive, tmp_path, delivery.roi, timeout=6.0)
    assert len(archive.rules) == 1
    for ours, theirs in zip(again.products, delivery.fetched.products, strict=True):
        assert ours.name == theirs.name  # its number is that of the manifest, which has the MD5 of all files


def test_a_killed_download_goes_on(delivery: Delivery, archive: Archive, tmp_path: Path) -> None:
    archive.log_in(tmp_path)
    rule = archive.fail(EXTRACTOR, faults.slow(100_000), r"IW2/VV/2\.tiff$")
    process = start(archive, tmp_path, delivery.roi)
    bursts = tmp_path / "bursts"
    slow = [burst.name for burst in archive.extractor.bursts if (burst.swath, burst.index) == ("IW2", 2)]
    wait_until(lambda: any(path.stat().st_size for name in slow for path in bursts.rglob(f"{name}.tiff.part")), 60)
    wait_until(lambda: len(list(bursts.rglob(".verified/*.tiff.json"))) >= 4, 60)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not list(bursts.rglob("*.SAFE"))
    complete = {path.name.removesuffix(".json") for path in bursts.rglob(".verified/*.tiff.json")}
    begun = {path.name.removesuffix(".part") for path in bursts.rglob("*.tiff.part") if path.stat().st_size}
    archive.rules.remove(rule)
    archive.forget()
    again = fetch(archive, tmp_path, delivery.roi)
    assert [path.name for path in again.products] == [path.name for path in delivery.fetched.products]
    names = {burst.target: f"{burst.name}.tiff" for burst in archive.extractor.bursts}
    asked: dict[str, set[int]] = {}
    for entry in archive.requests(EXTRACTOR, r"^/S1A.*\.tiff$"):
        asked.setdefault(names[entry.target.removesuffix(".tiff")], set()).add(entry.status)
    assert begun
    assert not asked.keys() & complete
    assert all(206 in asked[name] for name in begun)


def test_a_short_burst_is_named_and_fetched_again(delivery: Delivery, archive: Archive, tmp_path: Path) -> None:
    archive.log_in(tmp_path)
    archive.fail(EXTRACTOR, faults.wrong_size(), r"_20230904.*/IW1/VV/2\.tiff$")
    found = fetch(archive, tmp_path, delivery.roi).result
    assert (found["error"], found["code"]) == ("UnfitFileError", 3)
    assert not list((tmp_path / "bursts").rglob("*.part"))
    archive.rules.clear()
    archive.forget()
    found = fetch(archive, tmp_path, delivery.roi).result
    assert [Path(path).name for path in found["products"]] == [path.name for path in delivery.fetched.products]
    asked = {entry.target for entry in archive.requests(EXTRACTOR, r"^/S1A.*\.tiff$")}
    assert [target.partition("/IW")[2] for target in asked] == ["1/VV/2.tiff"]


def test_two_at_once_make_it_once(delivery: Delivery, archive: Archive, tmp_path: Path) -> None:
    archive.log_in(tmp_path)
    processes = [start(archive, tmp_path, delivery.roi) for _ in range(2)]
    outcomes = [process.communicate(timeout=120) for process in processes]
    results = [json.loads(out.splitlines()[-1]) for out, _ in outcomes]
    assert results[0]["products"] == results[1]["products"]
    assert sum("waiting for it" in log for _, log in outcomes) == 1
    sent = [entry.target for entry in archive.requests(EXTRACTOR, r"^/S1A.*\.tiff$") if entry.status == 200]
    assert len(sent) == len(set(sent)) == sum(map(len, results[0]["bursts"]))
