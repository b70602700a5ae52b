"""Programs without the seconds that their imports take: forked from a process that has done them.

Each is a process with an environment, a folder and streams of its own, like any other.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import cache
from multiprocessing.context import ForkServerContext
from pathlib import Path

_IMPORTED = (
    "asf_search",
    "dem_stitcher",
    "dinsar_cli.cli.fetch",
    "dinsar_cli.cli.plan",
    "dinsar_cli.cli.run",
    "dinsar_cli.workflow.pipeline",
    "requests",
    "scipy.interpolate",
)


@cache
def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(_IMPORTED))
    return context


def run_code(
    code: str,
    arguments: Sequence[str],
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float = 900,
) -> tuple[int, str, str, float]:
    """Do what ``python -c CODE ARGUMENTS`` does, and give exit code, both streams and seconds.

    Raises
    ------
    subprocess.TimeoutExpired
        When it has not ended in time; it is then killed.
    """
    with tempfile.TemporaryDirectory(prefix="forked-") as name:
        streams = [Path(name) / "out", Path(name) / "err"]
        process = _context().Process(
            target=_become,
            args=(code, list(arguments), dict(os.environ if env is None else env), str(cwd or Path.cwd()), streams),
        )
        started = time.monotonic()
        process.start()
        process.join(timeout)
        seconds = time.monotonic() - started
        late = process.is_alive()
        if late:
            process.kill()
            process.join()
        out, err = (path.read_text(encoding="utf-8") if path.exists() else "" for path in streams)
        if late:
            raise subprocess.TimeoutExpired(["python", "-c", code, *arguments], timeout, out, err)
        assert process.exitcode is not None
        return process.exitcode, out, err, seconds


def _become(code: str, arguments: Sequence[str], env: Mapping[str, str], cwd: str, streams: Sequence[Path]) -> None:
    """Take another environment, folder and streams, and run a program."""
    for number, path in enumerate(streams, 1):
        file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    sys.argv = ["-c", *arguments]
    try:
        exec(compile(code, "<string>", "exec"), {"__name__": "__main__"})  # noqa: S102
    finally:
        atexit._run_exitfuncs()
