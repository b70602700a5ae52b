"""Runs with too little disk, memory or permission: refused in words, and whole when they have what they lack."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from support.command import Outcome
from support.faults.tally import SmallRun, Tally, refusal
from support.nobody import NOBODY


def starve(run: SmallRun, times: int, random: np.random.Generator, tally: Tally) -> None:
    """Try each kind of want some times, of random sizes."""
    for number in range(times):
        size = int(10 ** random.uniform(3.5, 7.0))
        _judge(run, tally, "files limited in size", f"file-{number}", before=_limit(resource.RLIMIT_FSIZE, size))
        size = int(random.uniform(0.3e9, 3e9))
        _judge(run, tally, "too little memory", f"memory-{number}", before=_limit(resource.RLIMIT_AS, size))
        if os.getuid() == 0:
            with _small_disk(run.folder / f"disk-{number}", int(10 ** random.uniform(4.5, 7.0))) as mounted:
                if mounted:
                    _judge(run, tally, "full disk", f"disk-{number}")
    for number, part in enumerate(("work", "cache") if times else ()):
        with _without_right(run.folder / f"right-{number}" / part):
            _judge(run, tally, "read-only folder", f"right-{number}", before=NOBODY)


def _judge(run: SmallRun, tally: Tally, kind: str, name: str, **how: Any) -> None:
    before = how.pop("before", ())
    outcome = run.run(name, before=before, **how)
    wrong = refusal(outcome)
    if not wrong and not outcome.code:
        wrong = run.differs(name)
    if not wrong and kind != "full disk":  # its folder goes with it
        wrong = _whole_after(run, name)
    tally.count(kind, wrong and f"{name}: {wrong}")


def _whole_after(run: SmallRun, name: str) -> str:
    """Tell whether the run is done when nothing is in its way any more."""
    _permit(run.folder / name)
    again: Outcome = run.run(name)
    wrong = f"not done afterwards: {again.err[-300:]}" if again.code else run.differs(name)
    if not wrong:
        shutil.rmtree(run.folder / name, ignore_errors=True)
    return wrong


def _limit(kind: int, size: int) -> tuple[str, ...]:
    option = {resource.RLIMIT_FSIZE: "fsize", resource.RLIMIT_AS: "as"}[kind]
    return ("prlimit", f"--{option}={size}")


@contextmanager
def _small_disk(folder: Path, size: int) -> Iterator[bool]:
    """Mount a small disk on a folder; tell whether that is possible here."""
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    mounted = (
        shutil.which("mount") is not None
        and not subprocess.run(command, capture_output=True, check=False).returncode
    )
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def _without_right(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True)
    folder.parent.chmod(0o777)
    folder.chmod(0o555)
    yield
    if folder.is_dir():  # else the run came to its end and went
        folder.chmod(0o755)


def _permit(folder: Path) -> None:
    if os.getuid() == 0 and folder.is_dir():
        for path in (folder, *folder.rglob("*")):
            os.chown(path, 0, 0, follow_symlinks=False)
