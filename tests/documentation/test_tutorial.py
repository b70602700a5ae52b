"""A newcomer's hour: the commands of the tutorial are run as they stand there, and print what it says."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from support.command import PROGRAM
from support.pages import ROOT, TUTORIAL, Block, blocks
from support.told_output import says, untrue_lines

pytest.importorskip("eos")

README = ROOT / "README.md"
ONLINE = "## Your own place"
"""Heading of the tutorial from which on commands need the network."""


def steps(text: str) -> list[tuple[Block, str]]:
    """Blocks of commands, each with what the page says that they print."""
    found = blocks(text, "sh", "text")
    following = [*found[1:], Block("", "", 0)]
    pairs = zip(found, following, strict=True)
    return [(one, after.text if after.language == "text" else "") for one, after in pairs if one.language == "sh"]


def follow(page: str, folder: Path, env: Mapping[str, str]) -> None:
    """Run the commands of a page one after another, as a newcomer would."""
    for block, told in steps(page):
        done = subprocess.run(
            ["bash", "-e", "-c", block.text],
            cwd=folder,
            env=dict(env),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, f"line {block.line}:\n{block.text}\n{done.stdout}"
        assert untrue_lines(told, done.stdout) == [], f"line {block.line}:\n{done.stdout}"


def without_network(text: str) -> str:
    before, found, _ = text.partition(ONLINE)
    assert found
    return before


def home(folder: Path, programs: Path) -> dict[str, str]:
    """Environment of somebody who has just come, with the folder of `dinsar` first on the PATH."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("DINSAR_", "PYTHON", "XDG_"))}
    return env | {"HOME": str(folder), "PATH": f"{programs}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"}


def test_every_command_of_the_tutorial_does_what_it_says(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    program = programs / "dinsar"
    program.write_text(f'#!/bin/sh\nexec {shlex.join(PROGRAM)} "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    work = tmp_path / "work"
    work.mkdir()
    env = home(tmp_path, programs) | {"PYTHONPATH": ":".join(sys.path)}
    follow(without_network(TUTORIAL.read_text(encoding="utf-8")), work, env)


@pytest.mark.long
def test_readme_and_tutorial_in_a_fresh_environment(tmp_path: Path) -> None:
    """The first commands of README.md install the checkout, and the demonstration ends well; then the tutorial."""
    first, *_ = blocks(README.read_text(encoding="utf-8"), "sh")
    copied = tmp_path / "dinsar"
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        (copied / name).parent.mkdir(parents=True, exist_ok=True)
        (copied / name).write_bytes((ROOT / name).read_bytes())
    env = home(tmp_path, copied / ".venv" / "bin")
    subprocess.run(["bash", "-e", "-c", first.text], cwd=copied, env=env, check=True, timeout=1800)
    assert list(copied.glob("dinsar-demo/T*/products/displacement.png"))
    work = tmp_path / "work"
    work.mkdir()
    follow(without_network(TUTORIAL.read_text(encoding="utf-8")), work, env)


@pytest.mark.parametrize(
    ("told", "printed", "same"),
    [
        ("RMSE 0.20 mm", "RMSE    0.197 mm", True),
        ("RMSE 0.20 mm", "RMSE    0.23 mm", False),
        ("gain 1.00", "bias 1.00", False),
        ("engine isce2 ...", "engine eos: it was asked for", False),
        ("-6.57 cm at ...", "  -6.56 cm at -8.85, 31.35", True),
        ("-6.57 cm", "6.57 cm", False),
        ("438,184 pixels", "438,184 pixels", True),
        ("438,184 pixels", "438,180 pixels", False),
        ("T125D_20230904", "T124D_20230904", False),
        ("2023-09-04", "2023-09-05", False),
        ("-8.85,2023-09-16,-0.066,...", "-8.85,2023-09-16,-0.0657172725,0.00025,ok", True),
    ],
)
def test_what_counts_as_what_a_page_says(told: str, printed: str, same: bool) -> None:
    assert says(told, printed) is same


def test_lines_count_in_their_order() -> None:
    assert untrue_lines("one\n\ntwo\n", "one\nother\ntwo\n") == []
    assert untrue_lines("two\none\n", "one\ntwo\n") == ["one"]


def test_a_page_that_is_no_longer_true_is_found(tmp_path: Path) -> None:
    page = "```sh\necho 'RMSE 0.31 mm'\n```\n\n```text\nRMSE 0.20 mm\n```\n"
    with pytest.raises(AssertionError, match=re.escape("RMSE 0.31 mm")):
        follow(page, tmp_path, os.environ)
    with pytest.raises(AssertionError, match="line 1"):
        follow("```sh\nfalse\ntrue\n```\n", tmp_path, os.environ)
