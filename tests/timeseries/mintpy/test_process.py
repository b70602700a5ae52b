"""How MintPy ends otherwise than it should: a small program plays its part where the real one would not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from dinsar_cli.errors import DinsarError, EngineError, ResourceError
from dinsar_cli.timeseries.mintpy.installation import MintPy
from dinsar_cli.timeseries.mintpy.process import failure, run_steps
from support.processes import gone


def play(folder: Path, code: str) -> MintPy:
    """Put a program in the place of smallbaselineApp, which Python finds in the folder where it runs."""
    package = folder / "mintpy" / "cli"
    package.mkdir(parents=True)
    for path in (package.parent, package):
        (path / "__init__.py").touch()
    (package / "smallbaselineApp.py").write_text(code, encoding="utf-8")
    return MintPy(Path(sys.executable), "0", frozenset())


def test_its_steps_are_told_and_its_words_are_kept(tmp_path: Path) -> None:
    code = "print('*' * 20 + ' step - load_data ' + '*' * 20, flush=True)\nprint('é', __import__('sys').argv[1:])"
    steps: list[str] = []
    run_steps(play(tmp_path, code), tmp_path, ["--end", "velocity"], tmp_path / "log", steps.append)
    assert steps == ["load_data"]
    assert "['mintpy.cfg', '--end', 'velocity']" in (tmp_path / "log").read_text(encoding="utf-8")


def test_one_that_says_nothing_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print('*' * 20 + ' step - invert_network ' + '*' * 20)\n"
        "print('child', child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    with pytest.raises(EngineError, match="step invert_network") as error:
        run_steps(play(tmp_path, code), tmp_path, [], tmp_path / "log", lambda _: None, silence=2)
    assert str(tmp_path / "log") in error.value.remedy
    child = int((tmp_path / "log").read_text().split("child ")[1].split()[0])
    assert gone(child)


@pytest.mark.parametrize(
    ("said", "code", "kind", "words"),
    [
        ("ValueError: input reference point is in masked OUT area defined by m.h5!", 1, EngineError, "make zero"),
        ("requests.exceptions.ConnectionError: HTTPSConnectionPool", 1, EngineError, "network"),
        ("OSError: Unable to synchronously create file", 1, EngineError, "write a file"),
        ("numpy.core._exceptions._ArrayMemoryError: Unable to allocate 9 GiB", 1, ResourceError, "memory"),
        ("", 137, ResourceError, "killed"),
        ("KeyError: 'HEADING'", 1, EngineError, "It says: KeyError: 'HEADING'"),
        ("", 1, EngineError, "ended with code 1"),
    ],
)
def test_its_errors_are_told_in_words(
    said: str, code: int, kind: type[DinsarError], words: str, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    log.write_text(f"reading ...\nTraceback (most recent call last):\n  File x\n{said}\n", encoding="utf-8")
    error = failure(log, "invert_network", code)
    assert isinstance(error, kind)
    assert "step invert_network" in error.problem
    assert words in error.cause
