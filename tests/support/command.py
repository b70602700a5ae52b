"""Running the command line: in this process, and as a program of its own."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from dinsar_cli.cli import main
from support.forked import run_code

PROGRAM = (sys.executable, "-c", "from dinsar_cli.cli import main; main()")


@dataclass(frozen=True)
class Outcome:
    """What a command left: exit code, both streams, and the seconds that it took."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def error(self) -> tuple[str, str, str]:
        """Problem, cause and remedy; fails unless stderr has them in three lines that follow each other."""
        lines = self.err.splitlines()
        start = next((n for n, line in enumerate(lines) if line.startswith("Error: ")), None)
        assert start is not None, self.err
        parts = lines[start : start + 3]
        for line, label in zip(parts, ("Error: ", "  Why: ", "  Do:  "), strict=True):
            assert line.startswith(label), self.err
            assert len(line) > len(label) + 8, self.err
        problem, cause, remedy = (line.partition(":")[2].strip() for line in parts)
        return problem, cause, remedy


def run_here(capsys: pytest.CaptureFixture[str], *arguments: object) -> Outcome:
    """Run a command in this process."""
    capsys.readouterr()
    hooks, started = (sys.excepthook, sys.unraisablehook), time.monotonic()
    try:
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
    finally:
        sys.excepthook, sys.unraisablehook = hooks
    seconds = time.monotonic() - started
    out, err = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return Outcome(int(ended.value.code), out, err, seconds)


def run_apart(
    *arguments: object, before: Sequence[str] = (), program: Sequence[str] = PROGRAM, timeout: float = 900
) -> Outcome:
    """Run a command as a program of its own, with what comes before it on the command line."""
    if not before and program == PROGRAM:
        return Outcome(*run_code(PROGRAM[-1], [str(argument) for argument in arguments], timeout=timeout))
    started = time.monotonic()
    done = subprocess.run(
        [*before, *program, *(str(argument) for argument in arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr, time.monotonic() - started)
