"""Single bits that turn in files, with size and time kept, as disks do."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np

from support.command import PROGRAM
from support.faults.tally import SmallRun, Tally, displacement, refusal, run_command

_CHANGE = ("--reference-point", "none")  # what is made again from layers that lie there
_IGNORED = {".log", ".lock"}


def kinds_of_files(folder: Path) -> dict[str, list[Path]]:
    """Files of a run by kind: where they lie and how their names end."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and path.suffix not in _IGNORED and path.stat().st_size:
            parts = path.relative_to(folder).parts
            place = parts[2] if parts[0] == "work" and len(parts) > 3 else parts[0]
            found.setdefault(f"{place}/*{path.suffix}", []).append(path)
    return found


def turn_bits(run: SmallRun, cases: int, random: np.random.Generator, tally: Tally) -> None:
    """Turn a bit in one file at a time, go on with the run, and with another choice of its last step.

    What comes out must be the map that undisturbed files give, or be refused; or ``status --verify`` tells of it.
    """
    other = _other_map(run)
    kinds = list(kinds_of_files(run.folder / "whole"))
    for number in range(cases):
        kind = kinds[number % len(kinds)]
        name = f"rot-{number}"
        folder = run.copy(name)
        path = Path(str(random.choice(np.array([str(path) for path in kinds_of_files(folder)[kind]]))))
        where = _turn(path, random)
        changed = number // len(kinds) % 2 == 1
        wrong = _wrong(run, name, _CHANGE if changed else (), other if changed else run.map)
        text = f"{path.relative_to(folder)} at {where}{' and the last step again' if changed else ''}: {wrong}"
        tally.count(f"bit turned in {kind}", wrong and text)
        shutil.rmtree(folder)


def _wrong(run: SmallRun, name: str, change: tuple[str, ...], truth: np.ndarray) -> str:
    verified = run_command([*PROGRAM, "status", "--verify", "--workdir", str(run.folder / name / "work")])
    if wrong := refusal(verified) if verified.code != _CHANGED else "":
        return f"status --verify: {wrong}"
    outcome = run.run(name, *change)
    if wrong := refusal(outcome):
        return wrong
    if outcome.code:
        return ""
    told = verified.code == _CHANGED and not change
    return "" if told or np.array_equal(displacement(run.folder / name), truth, equal_nan=True) else "believed"


_CHANGED = 8
"""Exit code of ``status --verify`` where a file changed."""


def _other_map(run: SmallRun) -> np.ndarray:
    run.copy("other")
    done = run.run("other", *_CHANGE)
    assert done.code == 0, done.err
    return displacement(run.folder / "other")


def _turn(path: Path, random: np.random.Generator) -> int:
    """Turn a bit of a file, and keep its times; give its place."""
    data, times = bytearray(path.read_bytes()), path.stat()
    where = int(random.integers(len(data)))
    data[where] ^= 1 << int(random.integers(8))
    path.chmod(0o644)
    path.write_bytes(data)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    return where
