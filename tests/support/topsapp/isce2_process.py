"""The ISCE2 of this machine, and asking it what it reads, in a process of its own."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from dinsar_cli.engines.topsapp.process.installation import Installation, look_for_isce2

_MARK = "ANSWER "


def find_isce2(
    home: Path | None = None, python: Path | None = None, conda_env: str | None = None
) -> tuple[Installation | None, str]:
    """The first ISCE2 that works, or why there is none."""
    search = look_for_isce2(home, python, conda_env)
    return search.installation, search.reason


def ask(folder: Path, code: str, *arguments: str) -> Any:
    """Run code in a folder with a working ISCE2; it calls ``answer(value)`` with what JSON can hold."""
    installation, reason = find_isce2()
    if installation is None:
        pytest.skip(reason)
    lines = ["import json, sys, isce", f"def answer(value): print({_MARK!r} + json.dumps(value))", code]
    done = subprocess.run(
        [str(installation.python), "-c", "\n".join(lines), *arguments],
        cwd=folder,
        env=installation.environment(1, folder),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return json.loads(next(line for line in done.stdout.splitlines() if line.startswith(_MARK))[len(_MARK) :])
