"""``dinsar login`` on a real terminal, against real servers."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.archive import Archive, faults
from support.archive.messages import text
from support.command import PROGRAM

HOST = "urs.earthdata.nasa.gov"


@dataclass
class Desk:
    """An archive, and a person at a terminal."""

    archive: Archive
    folder: Path

    @property
    def netrc(self) -> Path:
        return self.folder / "home" / ".netrc"

    def environment(self, **more: str) -> dict[str, str]:
        return self.archive.env(self.folder, DINSAR_NETWORK_TIMEOUT="1", **more)

    def apart(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a command without a terminal."""
        return subprocess.run(
            [*PROGRAM, *arguments],
            env=self.environment(**more),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            start_new_session=True,
        )

    def typed(self, *arguments: str, answers: dict[str, str], **more: str) -> tuple[int, str]:
        """Run a command on a terminal, answer its questions, and give its exit code and what the screen showed."""
        environment = self.environment(**more)
        child, terminal = pty.fork()
        if child == 0:
            os.execve(PROGRAM[0], [*PROGRAM, *arguments], environment)  # noqa: S606
        screen, waiting, deadline = "", dict(answers), time.monotonic() + 60
        while time.monotonic() < deadline:
            if not select.select([terminal], [], [], 0.1)[0]:
                continue
            try:
                shown = os.read(terminal, 4096)
            except OSError:  # the other end is closed
                break
            if not shown:
                break
            screen += shown.decode()
            for question in [question for question in waiting if question in screen]:
                time.sleep(0.1)  # the terminal stops showing what is typed
                os.write(terminal, waiting.pop(question).encode() + b"\n")
        else:
            os.kill(child, signal.SIGKILL)
        os.close(terminal)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), screen


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Archive() as archive:
        yield Desk(archive, tmp_path)
    assert archive.errors == []
    assert archive.refused == []


def test_log_in(desk: Desk) -> None:
    accounts = desk.archive.accounts
    desk.netrc.parent.mkdir(parents=True)
    desk.netrc.write_text("machine example.org login me password mine\n")
    answers = {"user name": accounts.user, "Password": accounts.password}
    code, screen = desk.typed("login", answers=answers)
    assert code == 0, screen
    assert accounts.password not in screen
    assert "accepted" in screen
    assert desk.netrc.read_text() == f"machine example.org login me password mine\n{accounts.netrc()}"
    assert stat.S_IMODE(desk.netrc.stat().st_mode) == 0o600
    assert len(desk.archive.requests(HOST)) == 1
    again = desk.apart("login", "--check")
    assert (again.returncode, str(desk.netrc) in again.stdout) == (0, True)


def test_a_wrong_password_is_not_written(desk: Desk) -> None:
    code, screen = desk.typed("login", "--user", "atlas", answers={"Password": "guess"})
    assert (code, desk.netrc.exists()) == (4, False)
    assert "The user name or password of what you typed is wrong" in " ".join(screen.split())
    assert "guess" not in screen


def test_a_licence_that_was_not_accepted(desk: Desk) -> None:
    accounts = desk.archive.accounts
    accounts.licence_accepted = False
    code, screen = desk.typed("login", "--user", accounts.user, answers={"Password": accounts.password})
    assert (code, desk.netrc.exists()) == (4, False)
    assert "https://urs.earthdata.nasa.gov/approve_app?client_id=" in screen


def test_a_token(desk: Desk) -> None:
    accounts = desk.archive.accounts
    code, screen = desk.typed("login", "--token", answers={"Token": accounts.token})
    assert (code, "set the variable EARTHDATA_TOKEN" in screen, desk.netrc.exists()) == (0, True, False)
    assert accounts.token not in screen
    good = desk.apart("login", "--check", EARTHDATA_TOKEN=accounts.token)
    assert (good.returncode, good.stdout) == (0, "The account of EARTHDATA_TOKEN is accepted.\n")
    accounts.token_expired = True
    bad = desk.apart("login", "--check", EARTHDATA_TOKEN=accounts.token)
    assert (bad.returncode, "expired" in bad.stderr, "user_tokens" in bad.stderr) == (4, True, True)
    assert accounts.token not in bad.stderr


def test_without_a_terminal_nothing_is_asked(desk: Desk) -> None:
    for arguments in (["login"], ["login", "--user", "atlas"], ["login", "--token"]):
        done = desk.apart(*arguments, EARTHDATA_PASSWORD="x")  # noqa: S106
        assert (done.returncode, done.stdout) == (2, "")
        assert "needs a terminal" in done.stderr
        assert f"machine {HOST} login USER password PASSWORD" in done.stderr
    done = desk.apart("login", "--check", "--token")
    assert (done.returncode, "goes with no other option" in done.stderr) == (2, True)
    assert desk.archive.log == []


def test_nobody_is_known(desk: Desk) -> None:
    done = desk.apart("login", "--check")
    assert (done.returncode, "none is known" in done.stderr) == (4, True)


def test_no_network(desk: Desk) -> None:
    desk.archive.log_in(desk.folder)
    desk.archive.down.add(HOST)
    done = desk.apart("login", "--check")
    assert (done.returncode, "Traceback" in done.stderr) == (5, False)
    desk.archive.down.clear()
    desk.archive.fail(HOST, faults.status(503), times=2)
    assert desk.apart("login", "--check").returncode == 0


def test_interrupted_or_nothing_typed(desk: Desk) -> None:
    assert desk.typed("login", "--user", "atlas", answers={"Password": ""})[0] == 2
    assert desk.typed("login", "--user", "atlas", answers={"Password": "\x03"})[0] == 130
    assert desk.typed("login", "--user", "atlas", answers={"Password": "\x04"})[0] == 130


def test_the_doctor_tells_where_and_not_who(desk: Desk) -> None:
    accounts = desk.archive.accounts
    desk.archive.log_in(desk.folder)
    desk.netrc.chmod(0o644)
    done = desk.apart("doctor")
    (line,) = [line for line in done.stdout.splitlines() if "Earthdata account" in line]
    assert line.endswith(f"found in the netrc file {desk.netrc}")
    assert f"chmod 600 {desk.netrc}" in done.stdout
    assert accounts.user not in done.stdout
    assert accounts.password not in done.stdout
    desk.netrc.unlink()
    assert "only downloads need it" in desk.apart("doctor").stdout
    assert desk.archive.log == []


def test_the_doctor_asks_the_servers(tmp_path: Path) -> None:
    """All that a run needs answers, through the proxy and with the right certificates; what does not is named."""
    archive = Archive()
    archive.hosts["copernicus-dem-30m.s3.amazonaws.com"] = lambda _request: text("no such tile", 404)
    with archive:
        desk = Desk(archive, tmp_path)

        def asked() -> tuple[int, dict[str, dict[str, object]]]:
            done = desk.apart("doctor", "--online", "--json")
            assert archive.accounts.password not in done.stdout + done.stderr
            return done.returncode, {one["name"]: one for one in json.loads(done.stdout)}

        archive.log_in(tmp_path)
        code, found = asked()
        tried = {name: one for name, one in found.items() if name.endswith(", tried")}
        assert (code, len(tried), all(one["good"] for one in tried.values())) == (0, 6, True)
        assert "is accepted" in str(tried["Earthdata account, tried"]["state"])
        assert "none is known" in str(tried["Copernicus account, tried"]["state"])
        asked_for = {entry.host for entry in archive.log}
        assert {"cmr.earthdata.nasa.gov", "datapool.asf.alaska.edu", "s1-orbits.s3.amazonaws.com"} < asked_for
        archive.accounts.licence_accepted = False
        archive.down.add("s1-orbits.s3.amazonaws.com")
        archive.fail("cmr.earthdata.nasa.gov", faults.status(503))
        code, found = asked()
        bad = {name: str(one["state"]) for name, one in found.items() if one["code"]}
        assert (code, set(bad)) == (5, {"catalogue, tried", "orbit files, tried", "Earthdata account, tried"})
        assert "status 503" in bad["catalogue, tried"]
        assert "s1-orbits.s3.amazonaws.com cannot be reached" in bad["orbit files, tried"]
    assert archive.errors == []
    assert archive.refused == []


def test_the_doctor_tells_of_the_account_of_the_data_space(desk: Desk) -> None:
    def line(**more: str) -> str:
        return next(one for one in desk.apart("doctor", **more).stdout.splitlines() if "Copernicus account" in one)

    assert "none, only a second source of orbit files needs it: set CDSE_USERNAME and CDSE_PASSWORD" in line()
    given = {"CDSE_USERNAME": "me@example.org", "CDSE_PASSWORD": "between-us"}
    known = line(**given)
    assert known.startswith("ok")
    assert known.endswith("found in CDSE_USERNAME and CDSE_PASSWORD")
