"""Fetching in a process of its own, which sees the test archive alone."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.archive import Archive
from support.forked import run_code

FETCH = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored
import json, logging, sys, traceback
logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
from pathlib import Path
from dinsar_cli.net.download import Source, exists, fetch, fetch_all, get_text
from dinsar_cli.errors import DinsarError
given = json.loads(sys.argv[1])
sources = [Source(**(one | {"target": Path(one["target"])})) for one in given.get("sources", ())]
told = []
try:
    if "text" in given:
        result = get_text(*given["text"])
    elif "exists" in given:
        result = exists(given["exists"])
    elif given.get("together"):
        keep = lambda now: told.append((now.done, now.total, now.rate, now.left))
        result = [str(path) for path in fetch_all(sources, progress=keep)]
    else:
        result = [str(fetch(source, progress=told.append)) for source in sources]
    code, error, trace = 0, None, ""
except DinsarError as raised:
    result, code, error = None, raised.exit_code, [raised.problem, raised.cause, raised.remedy]
    trace = "".join(traceback.format_exception(raised))
print(json.dumps([code, error, result, told, trace]))
"""


@dataclass(frozen=True)
class Fetched:
    """What came of it: exit code, problem with cause and remedy, result, progress, traceback, and log."""

    code: int
    error: str
    result: Any
    told: list[Any]
    trace: str
    log: str


@dataclass
class Fetcher:
    """Fetches with the environment of an archive.

    Attributes
    ----------
    archive : Archive
    folder : Path
        Gets home and cache.
    timeout : float
        Seconds for DINSAR_NETWORK_TIMEOUT.
    before : sequence of str
        What comes before the program on the command line.
    """

    archive: Archive
    folder: Path
    timeout: float = 1.0
    before: Sequence[str] = ()

    def start(self, given: dict[str, Any], **more: str) -> subprocess.Popen[str]:
        """Start it, and do not wait."""
        settings = {"DINSAR_NETWORK_TIMEOUT": str(self.timeout)} | more
        return subprocess.Popen(
            [*self.before, sys.executable, "-c", FETCH, json.dumps(given, default=str)],
            env=self.archive.env(self.folder, **settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ended(self, process: subprocess.Popen[str]) -> Fetched:
        """Wait for the end of a process."""
        out, log = process.communicate(timeout=900)
        return _fetched(process.returncode, out, log)

    def run(self, given: dict[str, Any], **more: str) -> Fetched:
        """Fetch, and give what came of it."""
        if self.before:
            return self.ended(self.start(given, **more))
        settings = {"DINSAR_NETWORK_TIMEOUT": str(self.timeout)} | more
        wish = json.dumps(given, default=str)
        code, out, log, _ = run_code(FETCH, [wish], self.archive.env(self.folder, **settings))
        return _fetched(code, out, log)

    def fetch(self, sources: Iterable[dict[str, Any]], *, together: bool = False, **more: str) -> Fetched:
        """Fetch some sources."""
        return self.run({"sources": list(sources), "together": together}, **more)


def wait_until(what: Any, seconds: float = 60.0) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _fetched(ended: int, out: str, log: str) -> Fetched:
    assert ended == 0, log
    assert "Traceback" not in log
    code, error, result, told, trace = json.loads(out.splitlines()[-1])
    return Fetched(code, "\n".join(error or ()), result, told, trace, log)
