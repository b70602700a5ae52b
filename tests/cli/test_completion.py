"""Completion in real shells, and the manual pages."""

from __future__ import annotations

import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from dinsar_cli.cli import COMMANDS
from support.command import Outcome

PATIENCE = 60.0  # s, for a shell on a busy machine


@dataclass(frozen=True)
class Home:
    """A user with nothing but a program `dinsar` on PATH."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        places = {"HOME": str(self.folder), "PATH": f"{self.folder / 'bin'}:/usr/bin:/bin"}
        return places | {"TERM": "dumb", "PYTHONPATH": os.pathsep.join(sys.path), "PS1": "> "}

    def install(self, shell: str) -> dict[str, list[str]]:
        done = subprocess.run(
            ["dinsar", "completion", "install", "--json"],
            env=self.environment | {"SHELL": f"/bin/{shell}"},
            executable=self.folder / "bin" / "dinsar",
            capture_output=True,
            check=True,
        )
        record: dict[str, list[str]] = json.loads(done.stdout)
        return record

    def typed(self, shell: str, keys: Sequence[tuple[str, str]]) -> str:
        """Type into a shell, each time until something appears; what the screen showed."""
        child, terminal = pty.fork()
        if child == 0:
            os.chdir(self.folder)
            os.execvpe(shell, [shell, "-i"], self.environment)  # noqa: S606
        shown = ""
        for text, expected in keys:
            os.write(terminal, text.encode())
            mark, deadline = len(shown), time.monotonic() + PATIENCE
            while expected not in shown[mark:] and time.monotonic() < deadline:
                if select.select([terminal], [], [], 0.1)[0]:
                    with suppress(OSError):
                        shown += os.read(terminal, 4096).decode(errors="replace")
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(terminal)
        return shown


@pytest.fixture
def home(tmp_path: Path) -> Home:
    program = tmp_path / "bin" / "dinsar"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -c "from dinsar_cli.cli import main; main()" "$@"\n')
    program.chmod(0o755)
    (tmp_path / "own-config.yaml").touch()
    return Home(tmp_path)


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_shell_completes(shell: str, home: Home) -> None:
    """By one command, from then on; what a user has in the start-up file stays, and nothing is written twice."""
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell}")
    startup = home.folder / f".{shell}rc"
    startup.write_text("alias mine=true")
    first, again = home.install(shell), home.install(shell)
    assert first["changed"] != []
    assert again["changed"] == []
    assert first["files"] == again["files"]
    assert startup.read_text().startswith("alias mine=true")
    assert startup.read_text().count("dinsar\n") <= 2
    script, *loaded = first["files"]
    if not loaded:  # bash-completion would load it, for which this shell has not been set up
        startup.write_text(f"{startup.read_text()}\nsource {script}\n")
    keys = [
        ("dinsar stat\t", "status "),
        ("--ver\t", "--verify "),
        ("\x15dinsar run own\t", "own-config.yaml"),
        (" --engine is\t", "isce2"),
    ]
    shown = home.typed(shell, keys)
    assert all(expected in shown for _, expected in keys), shown


def test_what_a_shell_does_not_know_is_told(
    dinsar: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    assert "tcsh" in dinsar("completion", "install").error[0]
    script = dinsar("completion", "show", "fish")
    assert (script.code, "complete --no-files --command dinsar" in script.out) == (0, True)
    assert "Did you mean fish?" in dinsar("completion", "show", "fsh").error[2]


def test_there_is_a_manual_page_for_each_command(dinsar: Callable[..., Outcome], tmp_path: Path) -> None:
    folder = tmp_path / "man1"
    record = json.loads(dinsar("man", "--output", folder, "--json").out)
    names = [Path(file).name for file in record["files"]]
    assert sorted(names) == sorted(["dinsar.1", *(f"dinsar-{name}.1" for name in COMMANDS)])
    for path in map(Path, record["files"]):
        text = path.read_text()
        assert "\b" not in text
        headings = [line.removeprefix(".SH ") for line in text.splitlines() if line.startswith(".SH ")]
        assert headings[:3] == ["NAME", "SYNOPSIS", "DESCRIPTION"]
        assert headings[-3:] == ["EXIT STATUS", "ENVIRONMENT", "SEE ALSO"]
    if shutil.which("mandoc") is not None:
        lint = ["mandoc", "-Tlint", "-Wwarning", *record["files"]]
        found = subprocess.run(lint, capture_output=True, check=False)
        assert found.stdout == b""
    if shutil.which("man") is not None:
        wide, page = os.environ | {"MANWIDTH": "100"}, ["man", "-l", str(folder / "dinsar-run.1")]
        shown = subprocess.run(page, capture_output=True, text=True, check=True, env=wide)
        assert "--reference-point POINT" in shown.stdout
        assert "dinsar run dinsar.yaml --looks 7x2" in shown.stdout
