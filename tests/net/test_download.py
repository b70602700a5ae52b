"""Downloads from real servers, in processes of their own: whatever goes wrong, the right file or a clear error."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trustme

from dinsar_cli.base import file_notes
from dinsar_cli.base.file_notes import NOTES, known_of, note_of, sha256_of
from dinsar_cli.errors import DinsarError, UsageError
from dinsar_cli.net.download import Source, fetch_all, look_for
from dinsar_cli.net.limits import Limits, network_limits
from support.archive import Archive, faults
from support.archive.faults import Fault
from support.archive.messages import text
from support.fetching import Fetched, Fetcher, wait_until

POOL, GUARD, LOGIN, STORE = (
    "datapool.asf.alaska.edu",
    "sentinel1.asf.alaska.edu",
    "urs.earthdata.nasa.gov",
    "d111111abcdef8.cloudfront.net",
)
BUCKET = "s1-orbits.s3.amazonaws.com"
SIZE = 5_000_000
CONTENT = bytes(hashlib.shake_128(b"a scene").digest(SIZE))
MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
NAME = "S1A_OPER_AUX_POEORB_OPOD_20230924T080642_V20230903T225942_20230905T005942.EOF"


@dataclass
class Place:
    """An archive with one scene and one public file, a folder to fetch to, and who fetches."""

    archive: Archive
    folder: Path
    fetcher: Fetcher

    @property
    def target(self) -> Path:
        return self.folder / "slc" / "scene.zip"

    @property
    def part(self) -> Path:
        return self.target.with_name("scene.zip.part")

    def scene(self, **other: Any) -> dict[str, Any]:
        known = {"url": f"https://{POOL}/SLC/SA/scene.zip", "target": self.target, "size": SIZE, "md5": MD5}
        return known | {"login": True} | other

    def public(self, **other: Any) -> dict[str, Any]:
        return {"url": f"https://{BUCKET}/AUX_POEORB/{NAME}", "target": self.folder / "orbits" / NAME} | other

    def fetch(self, **more: str) -> Fetched:
        return self.fetcher.fetch([self.scene()], **more)

    def bodies(self) -> int:
        return self.archive.sent(STORE)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "scene.zip").write_bytes(CONTENT)
    (tmp_path / "served" / NAME).write_bytes(CONTENT[:100_000])
    with Archive(orbits=[tmp_path / "served" / NAME]) as archive:
        archive.gate.files["/SLC/SA/scene.zip"] = tmp_path / "served" / "scene.zip"
        archive.log_in(tmp_path)
        yield Place(archive, tmp_path / "here", Fetcher(archive, tmp_path))
    assert archive.errors == []
    assert archive.refused == []


def is_right(path: Path) -> bool:
    return path.is_file() and path.read_bytes() == CONTENT


def has_bytes(path: Path, count: int) -> bool:
    return path.is_file() and path.stat().st_size >= count


# --- all is well ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["netrc", "NETRC", "token", "environment"])
def test_a_scene_with_each_kind_of_credentials(place: Place, tmp_path: Path, way: str) -> None:
    accounts, netrc = place.archive.accounts, tmp_path / "home" / ".netrc"
    more: dict[str, str] = {}
    if way == "NETRC":
        more = {"NETRC": str(netrc.rename(tmp_path / "elsewhere"))}
    elif way == "token":
        netrc.unlink()
        more = {"EARTHDATA_TOKEN": accounts.token}
    elif way == "environment":
        netrc.unlink()
        more = {"EARTHDATA_USERNAME": accounts.user, "EARTHDATA_PASSWORD": accounts.password}
    got = place.fetch(**more)
    assert (got.code, got.error) == (0, "")
    assert is_right(place.target)
    assert sorted(path.name for path in place.target.parent.iterdir()) == [".verified", "scene.zip"]
    assert got.told[-1] == SIZE
    assert place.bodies() == SIZE
    assert bool(place.archive.requests(LOGIN)) == (way != "token")


def test_what_is_there_is_not_fetched_again_and_not_hashed_twice(place: Place) -> None:
    place.fetch()
    place.archive.forget()
    again = place.fetch()
    assert (again.code, again.told, place.archive.log) == (0, [SIZE], [])
    assert "hashing" not in again.log
    copy = place.folder / "copy"
    copy.mkdir()
    shutil.copyfile(place.target, copy / "scene.zip")  # of unknown origin: read once
    for count in (1, 0):
        got = place.fetcher.fetch([place.scene(target=copy / "scene.zip")])
        assert (got.code, got.log.count("hashing"), place.bodies()) == (0, count, 0)


def test_hash_of_the_journal_is_that_of_what_came(place: Place) -> None:
    """It is found while the bytes come, also after a kill and for a file of another tool."""
    truth = hashlib.sha256(CONTENT).hexdigest()
    place.fetch()
    assert known_of(place.target, place.target.parent / NOTES)["sha256"] == truth
    place.target.unlink()
    place.part.write_bytes(CONTENT[:3_000_000])
    place.fetch()
    assert known_of(place.target, place.target.parent / NOTES)["sha256"] == truth
    forget_notes(place)
    place.fetch()
    assert sha256_of(place.target) == truth
    place.target.write_bytes(b"something else")
    assert sha256_of(place.target) == hashlib.sha256(b"something else").hexdigest()


def forget_notes(place: Place) -> None:
    shutil.rmtree(place.target.parent / NOTES)


def test_credentials_go_where_they_belong(place: Place) -> None:
    """The password to Earthdata Login alone, the token to the archive's own hosts, nothing to the storage."""
    accounts = place.archive.accounts
    assert place.fetch().code == 0
    with_password = {entry.host for entry in place.archive.log if "authorization" in entry.request.headers}
    assert with_password == {LOGIN}
    place.archive.forget()
    place.target.unlink()
    assert place.fetch(EARTHDATA_TOKEN=accounts.token).code == 0
    assert {entry.host for entry in place.archive.log if "authorization" in entry.request.headers} == {POOL, GUARD}
    place.archive.forget()
    assert place.fetcher.fetch([place.public()]).code == 0
    assert [entry.host for entry in place.archive.log] == [BUCKET]
    assert "authorization" not in place.archive.log[0].request.headers


def test_a_default_entry_of_netrc_goes_nowhere(place: Place, tmp_path: Path) -> None:
    netrc = tmp_path / "home" / ".netrc"
    netrc.write_text("default login anonymous password me@example.org\n")
    got = place.fetch(EARTHDATA_TOKEN=place.archive.accounts.token)
    assert (got.code, is_right(place.target)) == (0, True)
    assert "an entry 'default'" in got.log
    assert place.fetcher.fetch([place.public()]).code == 0
    sent = [entry.request.headers.get("authorization", "") for entry in place.archive.log]
    assert not any(value.startswith("Basic") for value in sent)


def test_a_burst_needs_the_cookie_of_a_login(place: Place, tmp_path: Path) -> None:
    """Logged in by password, the extractor looks for the burst (and has none); a token alone is not enough."""
    burst = [place.scene(url="https://sentinel1-burst.asf.alaska.edu/NONE/IW1/VV/0.tiff")]
    token = {"EARTHDATA_TOKEN": place.archive.accounts.token}
    assert (place.fetcher.fetch(burst).code, place.fetcher.fetch(burst, **token).code) == (3, 3)
    (tmp_path / "home" / ".netrc").unlink()
    got = place.fetcher.fetch(burst, **token)
    assert got.code == 4
    assert "single bursts want user and password" in got.error


def test_several_files_with_one_progress(place: Place) -> None:
    sources = [place.scene(target=place.folder / f"{n}.zip") for n in range(3)]
    sources += [place.public(), place.public(target=place.folder / "twice.EOF")]
    place.archive.fail(STORE, faults.slow(rate=SIZE))  # a second each
    got = place.fetcher.fetch(sources, together=True)
    assert got.code == 0
    assert got.result == [str(source["target"]) for source in sources]
    assert all(is_right(place.folder / f"{n}.zip") for n in range(3))
    done = [now[0] for now in got.told]
    assert (done[0], done[-1]) == (0, 3 * SIZE + 200_000)
    assert got.told[0][1] is None  # the size of the public files is not known yet
    assert got.told[-1][1:2] == [3 * SIZE + 200_000]
    middle = min(got.told, key=lambda now: abs(now[0] - 1.5 * SIZE))
    assert 0 < middle[2] < 4.5 * SIZE
    assert middle[3] == pytest.approx((middle[1] - middle[0]) / middle[2])
    assert "fetching 5 of 5 files" in got.log


def test_several_files_are_fetched_side_by_side(place: Place) -> None:
    """The storage answers none of them before all three have asked."""
    place.archive.fail(STORE, faults.together(3), times=3)
    place.fetcher.timeout = 30.0
    sources = [place.scene(target=place.folder / f"{n}.zip") for n in range(3)]
    assert place.fetcher.fetch(sources, together=True).code == 0
    assert len(place.archive.requests(STORE)) == 3


def test_one_error_ends_all(place: Place) -> None:
    sources = [place.scene(), place.public(url=f"https://{BUCKET}/AUX_POEORB/none.EOF")]
    place.archive.fail(STORE, faults.slow(rate=SIZE / 10))
    got = place.fetcher.fetch(sources, together=True)
    assert got.code == 3
    assert not place.target.exists()
    assert place.part.stat().st_size < SIZE


# --- the table of faults ----------------------------------------------------------------------------------------

RIGHT: dict[str, tuple[str, Callable[[], Fault], int]] = {
    "503, and Retry-After": (STORE, lambda: faults.status(503, retry_after=1), 2),
    "429": (POOL, lambda: faults.status(429, retry_after=0), 3),
    "500 at the guard": (GUARD, lambda: faults.status(500), 2),
    "502 with a page": (POOL, faults.bad_gateway, 2),
    "202 while it is made": (STORE, lambda: faults.status(202, retry_after=1), 3),
    "connection reset": (POOL, faults.refused, 2),
    "host not found": (STORE, faults.unresolved, 2),
    "silent": (STORE, faults.silent, 1),
    "stall": (STORE, lambda: faults.stall(after=2_000_000), 2),
    "cut": (STORE, lambda: faults.cut(after=1_500_000), 3),
    "early close": (STORE, lambda: faults.early_close(after=2_000_000), 2),
    "wrong MD5 once": (STORE, faults.wrong_content, 1),
    "wrong size once": (STORE, faults.wrong_size, 1),
    "signed address refused": (STORE, lambda: faults.status(403), 1),
}


@pytest.mark.parametrize("name", RIGHT)
def test_faults_that_pass(place: Place, name: str) -> None:
    host, fault, times = RIGHT[name]
    rule = place.archive.fail(host, fault(), times=times)
    got = place.fetch()
    assert (got.code, got.error, rule.struck) == (0, "", times)
    assert is_right(place.target)
    assert not place.part.exists()
    if name in {"stall", "cut", "early close"}:
        assert place.bodies() < SIZE + times * 300_000  # resumed, not fetched again


@pytest.mark.parametrize("fault", [faults.range_ignored, faults.wrong_range])
def test_a_part_that_cannot_be_continued_is_begun_anew(place: Place, fault: Callable[[], Fault]) -> None:
    place.archive.fail(STORE, faults.cut(after=1_500_000), times=1)
    rule = place.archive.fail(STORE, fault())
    got = place.fetch()
    assert (got.code, is_right(place.target), rule.struck > 0) == (0, True, True)
    assert place.bodies() >= SIZE + 1_400_000


def disguised_page() -> Fault:
    """A page to log in whose header says that it is data."""
    return Fault("disguised page", lambda _request, _answer: text("<!DOCTYPE html>log in", kind="application/zip"))


WRONG: dict[str, tuple[str, Callable[[], Fault], int, str]] = {
    "503 for ever": (STORE, lambda: faults.status(503), 5, "answers 503"),
    "asked to wait too long": (POOL, lambda: faults.status(429, retry_after=3600), 5, "wait 3600 s"),
    "202 for ever": (STORE, lambda: faults.status(202, retry_after=4), 5, "preparing"),
    "no connection": (POOL, faults.refused, 5, "connection"),
    "host not found": (POOL, faults.unresolved, 5, "proxy"),
    "silent for ever": (STORE, faults.silent, 5, "nothing came for 0.5 s"),
    "stall for ever": (STORE, lambda: faults.stall(after=0), 5, "nothing came for 0.5 s"),
    "cut at once": (STORE, lambda: faults.cut(after=1000), 5, "broke in the middle"),
    "early close for ever": (STORE, lambda: faults.early_close(after=1000), 5, "ended after"),
    "wrong MD5": (STORE, faults.wrong_content, 5, "MD5"),
    "wrong size": (STORE, faults.wrong_size, 5, "4999000 bytes"),
    "status 400": (POOL, lambda: faults.status(400), 5, "400"),
    "status 404": (GUARD, lambda: faults.status(404), 3, "does not exist"),
    "status 401": (LOGIN, lambda: faults.status(401), 4, "password of the netrc file"),
    "status 403": (GUARD, lambda: faults.status(403), 4, "licence (EULA)"),
    "login page": (GUARD, faults.login_page, 4, "page to log in"),
    "page that says it is data": (GUARD, disguised_page, 4, "page to log in"),
    "page from the storage": (STORE, faults.login_page, 5, "HTML page"),
}


@pytest.mark.parametrize("name", WRONG)
def test_faults_that_stay(place: Place, name: str) -> None:
    host, fault, code, words = WRONG[name]
    place.archive.fail(host, fault())
    place.fetcher.timeout = 0.5
    got = place.fetch()
    assert (got.code, words in got.error) == (code, True), got.error
    assert len(got.error.splitlines()) == 3
    assert not place.target.exists()
    if code == 4:
        assert len(place.archive.requests(host)) == 1  # a refused account is not tried again
    place.archive.heal()
    place.fetcher.timeout = 1.0
    assert place.fetch().code == 0
    assert is_right(place.target)


def test_accounts_that_are_refused(place: Place, tmp_path: Path) -> None:
    accounts = place.archive.accounts
    place.archive.log_in(tmp_path, password="wrong")  # noqa: S106
    got = place.fetch()
    assert (got.code, "password" in got.error, "dinsar login" in got.error) == (4, True, True)
    place.archive.log_in(tmp_path)
    accounts.licence_accepted = False
    got = place.fetch()
    assert (got.code, "EULA" in got.error, "https://urs.earthdata.nasa.gov/approve_app" in got.error) == (
        4,
        True,
        True,
    )
    accounts.licence_accepted, accounts.token_expired = True, True
    got = place.fetch(EARTHDATA_TOKEN=accounts.token)
    assert (got.code, "expired" in got.error) == (4, True)
    assert "https://urs.earthdata.nasa.gov/user_tokens" in got.error
    (tmp_path / "home" / ".netrc").unlink()
    place.archive.forget()
    got = place.fetch()
    assert (got.code, "none is known" in got.error, place.archive.log) == (4, True, [])


# --- what another process has left ------------------------------------------------------------------------------


def test_kill_in_the_middle_and_again(place: Place) -> None:
    place.archive.fail(STORE, faults.slow(rate=SIZE / 4))
    kept = 0
    for enough in (500_000, 1_500_000, 2_500_000):
        process = place.fetcher.start({"sources": [place.scene()]})
        wait_until(partial(has_bytes, place.part, enough))
        process.kill()
        process.communicate()
        assert not place.target.exists()
        assert place.part.stat().st_size > kept
        kept = place.part.stat().st_size
    place.archive.heal()
    assert place.fetch().code == 0
    assert is_right(place.target)
    assert place.archive.requests(STORE)[-1].sent == SIZE - kept


def test_kill_before_the_last_step(place: Place) -> None:
    """All is there but the name: nothing is fetched."""
    place.part.parent.mkdir(parents=True)
    place.part.write_bytes(CONTENT)
    assert place.fetch().code == 0
    assert (is_right(place.target), place.bodies()) == (True, 0)


def test_kill_after_the_last_step(place: Place) -> None:
    """The file has its name, but no note says that it is right: it is read, and the rest is tidied up."""
    place.target.parent.mkdir(parents=True)
    place.target.write_bytes(CONTENT)
    place.part.with_name("scene.zip.part.json").write_text("{}")
    assert place.fetch().code == 0
    assert place.archive.log == []
    assert sorted(path.name for path in place.target.parent.iterdir()) == [".verified", "scene.zip"]


@pytest.mark.parametrize("length", [1_000_000, SIZE, SIZE + 10])
@pytest.mark.parametrize("good", [True, False])
def test_a_file_of_another_tool(place: Place, length: int, good: bool) -> None:
    """The beginning of the right file is continued; what is wrong loses the name and is fetched again."""
    content = CONTENT[:length] + bytes(max(length - SIZE, 0))
    place.target.parent.mkdir(parents=True)
    place.target.write_bytes(content if good else content[:-1] + b"?")
    assert place.fetch().code == 0
    assert is_right(place.target)
    resumed = good and length <= SIZE
    assert place.bodies() == (SIZE - length if resumed else SIZE + (0 if length >= SIZE else SIZE - length))


def test_a_part_of_a_version_that_has_been_replaced(place: Place, tmp_path: Path) -> None:
    """Without an MD5 only the server can tell, by If-Range."""
    source = place.public(url=f"https://{BUCKET}/AUX_POEORB/{NAME}")
    place.archive.fail(BUCKET, faults.slow(rate=40_000))
    process = place.fetcher.start({"sources": [source]})
    part = Path(source["target"]).with_name(f"{NAME}.part")
    wait_until(partial(has_bytes, part, 1))
    process.kill()
    process.communicate()
    place.archive.heal()
    new = CONTENT[1_000_000:1_100_000]  # as long as the old one
    (tmp_path / "served" / NAME).write_bytes(new)
    assert place.fetcher.fetch([source]).code == 0
    assert Path(source["target"]).read_bytes() == new


def test_a_part_of_unknown_origin_without_md5_is_not_used(place: Place) -> None:
    source = place.public()
    target = Path(source["target"])
    target.parent.mkdir(parents=True)
    for leftover in (target.with_name(f"{NAME}.part"), target):
        leftover.write_bytes(b"something else")
        assert place.fetcher.fetch([source]).code == 0
        assert target.read_bytes() == CONTENT[:100_000]
        target.unlink()


def test_a_body_of_unknown_length_is_proved_by_asking_for_more(place: Place) -> None:
    place.archive.fail(BUCKET, faults.early_close(after=40_000), times=1)
    source = place.public()
    assert place.fetcher.fetch([source]).code == 0
    assert Path(source["target"]).read_bytes() == CONTENT[:100_000]
    asked = [entry.request.headers.get("range") for entry in place.archive.requests(BUCKET)]
    assert asked == [None, "bytes=40000-"]
    place.archive.fail(BUCKET, faults.early_close(after=40_000))
    other = place.public(target=place.folder / "other.EOF")
    assert place.fetcher.fetch([other]).code == 0
    assert (place.folder / "other.EOF").read_bytes() == CONTENT[:100_000]


def test_three_processes_and_one_target(place: Place) -> None:
    place.archive.fail(STORE, faults.slow(rate=SIZE / 5))  # all have started before the first has ended
    processes = [place.fetcher.start({"sources": [place.scene()]}) for _ in range(3)]
    ends = [place.fetcher.ended(process) for process in processes]
    assert [end.code for end in ends] == [0, 0, 0]
    assert is_right(place.target)
    assert place.bodies() == SIZE
    assert sum("waiting for it" in end.log for end in ends) == 2
    assert not place.target.with_name(".scene.zip.lock").exists()


def test_who_waits_goes_on_when_the_first_is_killed(place: Place) -> None:
    place.archive.fail(STORE, faults.slow(rate=SIZE / 3), times=1)
    first = place.fetcher.start({"sources": [place.scene()]})
    wait_until(partial(has_bytes, place.part, 500_000))
    second = place.fetcher.start({"sources": [place.scene()]})
    time.sleep(1.0)
    first.kill()
    first.communicate()
    assert place.fetcher.ended(second).code == 0
    assert is_right(place.target)


@pytest.mark.parametrize("together", [False, True])
def test_an_interrupt_does_not_wait_for_a_stalled_server(place: Place, together: bool) -> None:
    place.archive.fail(STORE, faults.stall(after=1_000_000))
    place.fetcher.timeout = 300.0
    process = place.fetcher.start({"sources": [place.scene()], "together": together})
    wait_until(partial(has_bytes, place.part, 900_000))
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == -signal.SIGINT
    place.archive.heal()
    assert place.fetch().code == 0
    assert place.archive.requests(STORE)[-1].sent < SIZE - 900_000 + 1


# --- the machine ------------------------------------------------------------------------------------------------


def test_the_disk_is_full_before_the_first_byte(place: Place) -> None:
    got = place.fetcher.fetch([place.scene(size=10**16, md5=None)], together=True)
    assert (got.code, place.archive.log) == (7, [])
    assert "10000000.0 GB" in got.error
    got = place.fetcher.fetch([place.scene(size=10**16, md5=None)])
    assert got.code == 5  # the server offers another size, which is found first


def test_the_disk_gets_full_in_the_middle(place: Place) -> None:
    """A limit of the size of files stands for a full disk: the same answer of the system, in the same place."""
    prlimit = shutil.which("prlimit")
    if prlimit is None:
        pytest.skip("prlimit is not installed")
    limited = Fetcher(place.archive, place.fetcher.folder, before=(prlimit, f"--fsize={2_000_000}"))
    got = limited.fetch([place.scene()])
    assert got.code == 7
    assert "cannot be written" in got.error
    assert not place.target.exists()
    assert place.part.stat().st_size == 2_000_000
    assert place.fetch().code == 0
    assert is_right(place.target)


def test_a_folder_that_cannot_be_made_or_written(place: Place) -> None:
    place.folder.mkdir()
    (place.folder / "slc").write_text("a file")
    assert place.fetch().code == 2
    (place.folder / "slc").unlink()
    place.target.mkdir(parents=True)
    got = place.fetch()
    assert (got.code, "folder of that name" in got.error) == (2, True)


def test_a_certificate_that_is_not_accepted(place: Place) -> None:
    """The clock is off, or somebody sits in between: no other try, and no byte of what was sent."""
    authority = place.folder / "other.pem"
    place.folder.mkdir()
    trustme.CA().cert_pem.write_to_path(str(authority))
    got = place.fetch(REQUESTS_CA_BUNDLE=str(authority))
    assert got.code == 5
    assert "certificate" in got.error
    assert "clock" in got.error
    assert got.log.count("Starting new HTTPS connection") == 1
    assert place.archive.log == []


# --- listings ---------------------------------------------------------------------------------------------------


def test_text_and_existence(place: Place) -> None:
    listing = f"https://{BUCKET}/"
    place.archive.fail(BUCKET, faults.status(503), times=2)
    got = place.fetcher.run({"text": [listing, {"prefix": "AUX_POEORB/", "list-type": "2"}]})
    assert f"<Key>AUX_POEORB/{NAME}</Key>" in got.result
    place.archive.fail(BUCKET, faults.cut(after=20), times=1)
    assert NAME in place.fetcher.run({"text": [listing]}).result
    assert place.fetcher.run({"exists": f"{listing}AUX_POEORB/{NAME}"}).result is True
    assert place.fetcher.run({"exists": f"{listing}AUX_POEORB/none"}).result is False
    assert place.fetcher.run({"text": [f"{listing}none"]}).code == 3
    place.archive.fail(BUCKET, faults.login_page())
    assert place.fetcher.run({"text": [listing]}).code == 5
    place.archive.heal()
    place.archive.down.add(BUCKET)
    assert place.fetcher.run({"exists": listing}).code == 5


# --- secrets and limits -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [None, "stall", "refused", "unresolved", "denied"])
def test_no_secret_and_no_signed_query_in_any_log(place: Place, fault: str | None) -> None:
    """Everything that anybody logs at any level, every message, and the traceback that --debug shows."""
    if fault == "stall":
        place.archive.fail(STORE, faults.stall(after=0))
        place.fetcher.timeout = 0.5
    elif fault == "refused":
        place.archive.fail(STORE, faults.refused())
    elif fault == "unresolved":
        place.archive.fail(STORE, faults.unresolved())
    elif fault == "denied":
        place.archive.fail(GUARD, faults.status(403))
    accounts = place.archive.accounts
    for more in ({}, {"EARTHDATA_TOKEN": accounts.token}):
        got = place.fetch(**more)
        assert got.code == {None: 0, "denied": 4}.get(fault, 5)
        said = got.log + got.error + got.trace
        assert "dinsar_cli." in said
        assert "urllib3.connectionpool" in said
        for secret in (accounts.password, accounts.token, "Signature=", "A-userid", "code=", "Bearer "):
            assert secret not in said
        place.target.unlink(missing_ok=True)
    for path in place.folder.rglob("*.json"):
        assert "Signature" not in path.read_text()


def test_limits_follow_one_variable() -> None:
    assert network_limits({}) == Limits(connect=20.0, stall=60.0)
    assert network_limits({"DINSAR_NETWORK_TIMEOUT": "300"}) == Limits(connect=100.0, stall=300.0)
    assert network_limits({"DINSAR_NETWORK_TIMEOUT": "3"}) == Limits(connect=3.0, stall=3.0)
    for bad in ("soon", "0", "-1", "inf", "nan"):
        with pytest.raises(UsageError, match="DINSAR_NETWORK_TIMEOUT"):
            network_limits({"DINSAR_NETWORK_TIMEOUT": bad})


def test_what_is_there_without_reading(tmp_path: Path) -> None:
    source = Source("https://example.org/a.zip", tmp_path / "a.zip", size=10, md5="0" * 32)
    assert (look_for(source).there, look_for(source).have) == (False, 0)
    (tmp_path / "a.zip.part").write_bytes(b"1234")
    assert (look_for(source).have, look_for(source).need) == (4, 6)
    source.target.write_bytes(b"123456")
    assert (look_for(source).there, look_for(source).have) == (False, 6)
    plain = Source("https://example.org/a.zip", tmp_path / "a.zip", size=6)
    assert (look_for(plain).there, look_for(plain).have, look_for(plain).need) == (True, 6, 0)
    unknown = look_for(Source("https://example.org/a.zip", tmp_path / "a.zip"))
    assert (unknown.there, unknown.total, unknown.need) == (False, None, 0)
    notes = tmp_path / ".verified"
    notes.mkdir()
    (notes / "a.zip.json").write_text(json.dumps({"file": [6, source.target.stat().st_mtime_ns], "url": "x"}))
    assert look_for(Source("https://example.org/a.zip", tmp_path / "a.zip")).total == 6


def test_the_note_of_a_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    plain = file_notes.read_json

    def counted(path: Path) -> Any:
        read.append(path.name)
        return plain(path)

    sources = [Source(f"https://{BUCKET}/{name}", tmp_path / name) for name in ("a", "b")]
    for source in sources:
        source.target.write_bytes(CONTENT[:9])
        note_of(source.target, tmp_path / NOTES, url=source.url)
    told: list[int] = []
    monkeypatch.setattr(file_notes, "read_json", counted)
    fetch_all(sources, progress=lambda now: told.append(now.done))
    assert (sorted(read), told) == (["a.json", "b.json"], [18])

    read.clear()
    stated = [
        Source(
            f"https://{BUCKET}/a", tmp_path / "a", 9, hashlib.md5(CONTENT[:9], usedforsecurity=False).hexdigest()
        )
    ]
    fetch_all(stated)  # its MD5 is not noted: it is hashed, and the note is read once more to add to it
    assert read == ["a.json", "a.json"]
    fetch_all(stated)
    assert read == ["a.json"] * 3


# --- what nobody expected ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("together", [True, False])
def test_a_password_beyond_latin_1_is_sent_in_utf_8(place: Place, tmp_path: Path, *, together: bool) -> None:
    accounts = place.archive.accounts
    accounts.user, accounts.password = "čžš", "пароль-密码-ü"
    place.archive.log_in(tmp_path)
    got = place.fetcher.fetch([place.scene()], together=together)
    assert (got.code, got.error) == (0, "")
    assert is_right(place.target)


def test_what_a_worker_did_not_expect_surfaces_as_itself(tmp_path: Path) -> None:
    """A folder has taken the place of the part: no error that downloads tell of, and none that may be lost."""
    target = tmp_path / "scene.zip"
    target.with_name("scene.zip.part").mkdir()
    source = Source("https://127.0.0.1:9/scene.zip", target, SIZE, MD5)
    with pytest.raises(Exception) as caught:  # noqa: PT011
        fetch_all([source])
    assert "without a result" not in str(caught.value)
    assert isinstance(caught.value, OSError | DinsarError)


def test_letters_in_the_password_of_a_proxy(place: Place) -> None:
    got = place.fetch(
        HTTPS_PROXY="http://me:%D0%BF%D0%B0@127.0.0.1:9", https_proxy="http://me:%D0%BF%D0%B0@127.0.0.1:9"
    )
    assert got.code == 5
    assert "The user or password in HTTPS_PROXY" in got.error


def test_certificates_that_are_not_there(place: Place, tmp_path: Path) -> None:
    got = place.fetch(REQUESTS_CA_BUNDLE=str(tmp_path / "none.pem"))
    assert got.code == 5
    assert "REQUESTS_CA_BUNDLE" in got.error
