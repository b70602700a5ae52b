"""Orbit files from the archive, chosen and fetched by a process of its own."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from support.archive import Archive, faults, restituted
from support.archive.messages import file, redirect
from support.archive.orbits import BUCKETS, CDSE_CATALOGUE, CDSE_IDENTITY, CDSE_ZIPPER
from support.asking import Answer, Ask
from support.orbit_inputs import DAY, SCENE, eof_text

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


FAULTS = faults.of_each_kind(after=100) | {"not a list": faults.no_results}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_bucket_that_fails(ask: Ask, archive: Archive, shelf: Path, tmp_path: Path, fault: str) -> None:
    offer(archive, publish(shelf))
    archive.fail(BUCKET, FAULTS[fault]())
    answer = ask(archive, timeout=1.5, **wish())
    assert answer.error == ("NetworkError", 5)
    assert BUCKET in answer.result["text"]
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


@pytest.mark.parametrize(("order", "lists"), [((0, 12), 1), ((12, 0), 2)])
def test_two_dates_share_one_list(
    ask: Ask, archive: Archive, shelf: Path, order: tuple[int, int], lists: int
) -> None:
    """The list since the first date has the files of the second one too, and not the other way round."""
    made = {0: "2023-09-24T08:06:41", 12: "2023-10-06T08:06:41"}
    paths = {days: publish(shelf, days=days, created=time) for days, time in made.items()}
    offer(archive, *paths.values())
    before, last = ([(time + days * DAY).isoformat() for time in SCENE] for days in order)
    answer = ask(archive, before=[before], **(wish() | {"span": last}))
    assert answer.path.name == paths[order[1]].name
    assert len(archive.requests(BUCKET, "list-type")) == lists


# --- the Copernicus Data Space ----------------------------------------------------------------------------------

DATASPACE = {CDSE_CATALOGUE, CDSE_IDENTITY, CDSE_ZIPPER}


def account(archive: Archive) -> dict[str, str]:
    return {"CDSE_USERNAME": archive.orbits.user, "CDSE_PASSWORD": archive.orbits.password}


def asked(archive: Archive) -> set[str]:
    return {entry.host for entry in archive.log}


def is_discreet(archive: Archive, answer: Answer) -> bool:
    """Whether neither log nor result has anything secret, and the token went to the archive that gave it alone."""
    told = answer.log + str(answer.result)
    secrets = (archive.orbits.password, archive.orbits.token, archive.orbits.user)
    holders = {entry.host for entry in archive.log if "authorization" in entry.request.headers}
    password_to = {entry.host for entry in archive.log if archive.orbits.password in str(entry.request)}
    return (
        not any(secret in told for secret in secrets)
        and holders <= {CDSE_ZIPPER}
        and password_to <= {CDSE_IDENTITY}
    )


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("bucket", ["empty", "unreachable", "500", "not a list"])
def test_what_the_bucket_does_not_give_comes_from_the_data_space(
    ask: Ask, archive: Archive, shelf: Path, bucket: str, *, zipped: bool
) -> None:
    right = publish(shelf, created="2023-09-25T08:06:41")
    offer(archive, publish(shelf), right, publish(shelf, mission="S1B"), publish(shelf, days=1))
    archive.orbits.zipped = zipped
    if bucket == "empty":
        archive.orbits.in_bucket = False
    elif bucket == "unreachable":
        archive.down.add(BUCKET)
    else:
        archive.fail(BUCKET, FAULTS[bucket]())
    answer = ask(archive, timeout=1.5, settings=account(archive), log="DEBUG", **wish())
    assert answer.path.name == right.name
    assert answer.path.read_bytes() == right.read_bytes(), "as a plain file, however it came"
    assert "Copernicus Data Space" in answer.result["summary"]
    assert answer.result["origin"].startswith(f"https://{CDSE_ZIPPER}/odata/v1/Products(")
    assert f"POST https://{CDSE_IDENTITY}/auth/realms/CDSE/protocol/openid-connect/token: 200" in answer.log
    assert [len(archive.requests(host)) for host in (CDSE_CATALOGUE, CDSE_IDENTITY, CDSE_ZIPPER)] == [1, 1, 1]
    assert is_discreet(archive, answer)
    archive.down |= DATASPACE | {BUCKET}
    again = ask(archive, **wish())
    assert (again.path, again.result["origin"]) == (answer.path, answer.result["origin"])
    assert sorted(entry.name for entry in answer.path.parent.iterdir()) == [".verified", right.name]


def test_a_restituted_orbit_of_the_data_space(ask: Ask, archive: Archive, shelf: Path) -> None:
    offer(archive, restituted(publish(shelf), shelf))
    archive.orbits.in_bucket = False
    assert ask(archive, settings=account(archive), **wish()).result["kind"] == "RESORB"


def test_the_account_may_be_in_the_netrc(ask: Ask, archive: Archive, shelf: Path, tmp_path: Path) -> None:
    offer(archive, publish(shelf))
    archive.orbits.in_bucket = False
    netrc = tmp_path / "netrc"
    entry = f"login {archive.orbits.user} password {archive.orbits.password}"
    netrc.write_text(f"machine dataspace.copernicus.eu {entry}\n")
    netrc.chmod(0o600)
    assert ask(archive, settings={"NETRC": str(netrc)}, **wish()).result["kind"] == "POEORB"
    assert asked(archive) > DATASPACE


def test_a_wrong_password_matters_only_when_the_bucket_has_nothing(
    ask: Ask, archive: Archive, shelf: Path, tmp_path: Path
) -> None:
    offer(archive, publish(shelf))
    wrong = account(archive) | {"CDSE_PASSWORD": "mistyped"}
    archive.orbits.in_bucket = False
    answer = ask(archive, settings=wrong, log="DEBUG", **wish())
    assert answer.error == ("CredentialsError", 4)
    assert "The Copernicus Data Space does not accept your account." in answer.result["text"]
    assert "CDSE_USERNAME and CDSE_PASSWORD is wrong (status 401)" in answer.result["text"]
    assert "mistyped" not in answer.log + answer.result["text"]
    assert len(archive.requests(CDSE_IDENTITY)) == 1, "who tries again may be locked out"
    assert list((tmp_path / "data" / "orbits").iterdir()) == []
    archive.forget()
    archive.orbits.in_bucket = True
    assert ask(archive, settings=wrong, **wish()).result["kind"] == "POEORB"
    assert asked(archive) == {BUCKET}


@pytest.mark.parametrize("bucket", ["empty", "unreachable"])
def test_without_an_account_the_error_names_both(ask: Ask, archive: Archive, shelf: Path, bucket: str) -> None:
    offer(archive, publish(shelf))
    archive.orbits.in_bucket = False
    if bucket == "unreachable":
        archive.down.add(BUCKET)
    answer = ask(archive, timeout=1.5, settings={"CDSE_USERNAME": "without password"}, **wish())
    assert answer.error == (("NoDataError", 3) if bucket == "empty" else ("NetworkError", 5))
    for words in (BUCKET, "the Copernicus Data Space", "CDSE_USERNAME and CDSE_PASSWORD", "netrc"):
        assert words in answer.result["text"]
    assert not asked(archive) & DATASPACE


def test_neither_has_it(ask: Ask, archive: Archive, shelf: Path) -> None:
    offer(archive, publish(shelf, days=1))
    answer = ask(archive, settings=account(archive), **wish())
    assert answer.error == ("NoDataError", 3)
    assert BUCKET in answer.result["text"]
    assert "the Copernicus Data Space" in answer.result["text"]
    assert not archive.requests(CDSE_IDENTITY), "nobody logs in for nothing"
    archive.down.add(BUCKET)
    answer = ask(archive, timeout=1.5, settings=account(archive), **wish())
    assert answer.error == ("NetworkError", 5), "the bucket may have it"


@pytest.mark.parametrize("fault", ["refused", "500", "502 HTML", "silent", "login page", "not a list"])
@pytest.mark.parametrize("host", [CDSE_CATALOGUE, CDSE_IDENTITY, CDSE_ZIPPER])
def test_a_data_space_that_fails(
    ask: Ask, archive: Archive, shelf: Path, tmp_path: Path, host: str, fault: str
) -> None:
    offer(archive, publish(shelf))
    archive.orbits.in_bucket = False
    archive.fail(host, FAULTS[fault]())
    answer = ask(archive, timeout=0.5, settings=account(archive), log="DEBUG", **wish())
    junk = (host, fault) == (CDSE_ZIPPER, "not a list")
    assert answer.error == (("NoDataError", 3) if junk else ("NetworkError", 5))
    assert junk or "Copernicus Data Space" in answer.result["text"] or host in answer.result["text"]
    assert is_discreet(archive, answer)
    assert not list((tmp_path / "data").glob("orbits/*S1A*"))


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_is_refused(ask: Ask, archive: Archive, shelf: Path, status: int) -> None:
    offer(archive, publish(shelf))
    archive.orbits.in_bucket = False
    archive.fail(CDSE_ZIPPER, faults.status(status))
    answer = ask(archive, settings=account(archive), log="DEBUG", **wish())
    assert answer.error == ("CredentialsError", 4)
    assert "https://dataspace.copernicus.eu" in answer.result["text"]
    assert is_discreet(archive, answer)


@pytest.mark.parametrize("content", ["two", "broken"])
def test_a_zip_that_is_not_that_of_an_orbit_file(
    ask: Ask, archive: Archive, shelf: Path, tmp_path: Path, content: str
) -> None:
    packed = tmp_path / "delivered.zip"
    with zipfile.ZipFile(packed, "w") as target:
        for name in ("one.EOF", "two.EOF"):
            target.writestr(name, "x" * 1000)
    body = packed.read_bytes()
    if content == "broken":
        body = body.replace(b"two.EOF", b"two.txt").replace(b"x" * 1000, b"y" * 1000, 1)
    offer(archive, publish(shelf))
    archive.orbits.in_bucket = False
    archive.fail(CDSE_ZIPPER, faults.Fault("other zip", lambda _request, _answer: file(body)))
    answer = ask(archive, settings=account(archive), **wish())
    assert answer.error == ("NoDataError", 3)
    assert ("holds 2 .EOF files" if content == "two" else "CRC") in answer.result["text"]
    assert not list((tmp_path / "data").glob("orbits/*"))


def test_token_and_password_follow_no_redirect_to_others(ask: Ask, archive: Archive, shelf: Path) -> None:
    """A download may lead to a storage, which gets no token; a login leads nowhere."""
    right = publish(shelf)
    offer(archive, right)
    storage = f"https://{BUCKETS[1]}/AUX_POEORB/{right.name}"
    archive.down.add(BUCKET)
    moved = faults.Fault("moved", lambda _request, _answer: redirect(storage, 307))
    archive.fail(CDSE_ZIPPER, moved)
    answer = ask(archive, timeout=1.5, settings=account(archive), log="DEBUG", **wish())
    assert answer.path.read_bytes() == right.read_bytes()
    assert archive.requests(BUCKETS[1])
    assert is_discreet(archive, answer)
    answer.path.unlink()
    archive.forget()
    archive.fail(CDSE_IDENTITY, moved)
    answer = ask(archive, timeout=1.5, settings=account(archive), log="DEBUG", **wish())
    assert answer.error == ("RefusedError", 5)
    assert CDSE_IDENTITY in answer.result["text"]
    assert "answers 307" in answer.result["text"]
    assert not archive.requests(BUCKETS[1])
    assert is_discreet(archive, answer)


def test_a_redirect_within_the_data_space_keeps_the_token(ask: Ask, archive: Archive, shelf: Path) -> None:
    right = publish(shelf)
    offer(archive, right)
    archive.orbits.in_bucket = False
    within = faults.Fault("moved", lambda request, _answer: redirect(f"https://{CDSE_ZIPPER}/moved{request.path}"))
    archive.fail(CDSE_ZIPPER, within, times=1)
    assert ask(archive, settings=account(archive), **wish()).path.read_bytes() == right.read_bytes()


@pytest.mark.parametrize("fault", ["404", "cut", "wrong content"])
def test_a_file_that_the_bucket_lists_and_does_not_give(
    ask: Ask, archive: Archive, shelf: Path, fault: str
) -> None:
    right = publish(shelf)
    offer(archive, right)
    how = {"404": faults.status(404), "cut": faults.cut(after=100), "wrong content": faults.wrong_content()}
    archive.fail(BUCKET, how[fault], r"\.EOF$")
    answer = ask(archive, timeout=0.5, settings=account(archive), **wish())
    assert answer.path.read_bytes() == right.read_bytes()
    assert CDSE_ZIPPER in answer.result["origin"]
    assert "It is fetched from the Copernicus Data Space." in answer.log
    assert list(answer.path.parent.glob("S1A*")) == [answer.path]


def test_a_bucket_that_is_down_is_tried_for_one_date_only(ask: Ask, archive: Archive, shelf: Path) -> None:
    offer(archive, publish(shelf))
    archive.fail(BUCKET, faults.status(500))
    ask(archive, timeout=0.5, settings=account(archive), before=[SPAN], **wish())
    assert len(archive.requests(BUCKET)) == 5, "the tries for one list"
    assert len(archive.requests(CDSE_CATALOGUE)) == 2
