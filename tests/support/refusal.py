"""Runs that must be refused: what every such test checks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

from support.command import Outcome
from support.run_inputs import Inputs

USAGE, NO_DATA, RESOURCES = 2, 3, 7


def snapshot(*folders: Path) -> dict[Path, str]:
    """SHA-256 of every file."""
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    return {file: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def check_refusal(outcome: Outcome, code: int, *named: object) -> str:
    """The outcome is an error of that code in three lines that name things; gives its whole text.

    Nothing is on stdout, unless JSON was asked for: then it is the same error.
    """
    text = " ".join(outcome.error)
    if outcome.out:
        told = json.loads(outcome.out)["error"]
        assert (told["what"], told["why"], told["do"]) == outcome.error
    assert outcome.code == code, outcome.err
    assert "Traceback" not in outcome.err
    for thing in named:
        assert str(thing) in text, f"{thing} is not named: {outcome.err}"
    return text


class Refusal:
    """Runs that must be refused, in a working folder that holds the result of an earlier run."""

    def __init__(self, dinsar: Callable[..., Outcome], inputs: Inputs, workdir: Path) -> None:
        self.dinsar, self.inputs, self.workdir = dinsar, inputs, workdir
        earlier = workdir / "T052D_20230904_20230916" / "products"
        earlier.mkdir(parents=True)
        (earlier / "los_displacement.tif").write_bytes(b"an earlier map")
        (workdir / "notes.txt").write_text("what the user wrote")

    def __call__(self, code: int, *named: object, extra: tuple[object, ...] = (), **options: object) -> str:
        """Run with changed options, and prove that it is refused as it must be."""
        folders = ["--workdir", self.workdir, "--cache", self.workdir / "cache"]
        before = snapshot(self.inputs.folder, self.workdir)
        outcome = self.dinsar("run", *self.inputs.options(**options), *folders, *extra)
        text = check_refusal(outcome, code, *named)
        after = snapshot(self.inputs.folder, self.workdir)
        assert before.items() <= after.items()
        assert list(self.workdir.rglob("radar")) == []
        assert list(self.workdir.rglob("*.part")) == []
        return text


def cut(path: Path, share: float) -> Path:
    """Keep only the first part of a file."""
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path
