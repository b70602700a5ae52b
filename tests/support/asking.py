"""Managers in a process of its own, with the archive as its whole internet."""

from __future__ import annotations

import atexit
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from support.archive import Archive

_SERVER = """
# Imports once what each process would import, and then forks one for each line of wishes.
import json, logging, os, sys, traceback
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
import asf_search, dem_stitcher.geoid, eof.products, lxml.etree, pyproj, rasterio, requests
import scipy.interpolate, scipy.ndimage
from dem_stitcher.datasets import get_overlapping_dem_tiles
from dinsar_cli.errors import DinsarError
from dinsar_cli.managers.dem.manager import DemManager
from dinsar_cli.managers.orbits.manager import OrbitManager

def answer(wish):
    logging.basicConfig(level=wish.get("log", "WARNING"))
    try:
        if "bounds" in wish:
            manager = DemManager(None, None, wish["buffer"], Path("data"), wish["source"])
            plan = manager.plan(tuple(wish["bounds"]))
            made = asdict(manager.fetch(plan))
            return made | {"water": asdict(manager.fetch_water(plan))} if wish.get("water") else made
        manager = OrbitManager(None, Path("data"), wish["kind"])
        for span in [*wish.get("before", []), wish["span"]]:
            choice = manager.plan(wish["mission"], *map(datetime.fromisoformat, span))
        got = manager.fetch(choice)
        result = {"path": got.path, "kind": got.kind, "url": choice.url, "mission": got.mission}
        return result | {"origin": choice.origin, "summary": choice.summary}
    except DinsarError as error:
        return {"error": type(error).__name__, "code": int(error.exit_code), "text": str(error)}

def child(order):
    os.environ.clear()
    os.environ.update(order["env"])
    os.chdir(order["folder"])
    log = os.open(order["log"], os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
    for number in (1, 2):
        os.dup2(log, number)
    Path(order["result"]).write_text(json.dumps(answer(order["wish"]), default=str))

for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            child(json.loads(line))
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


@cache
def _server() -> subprocess.Popen[str]:
    """Start the process from which all processes of managers come, once for these tests."""
    server = subprocess.Popen(
        [sys.executable, "-c", _SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    atexit.register(server.communicate)
    return server


@dataclass(frozen=True)
class Answer:
    """What a manager gave, or the error that it raised, and what it logged."""

    result: dict[str, Any]
    log: str

    @property
    def path(self) -> Path:
        assert "error" not in self.result, self.result
        return Path(self.result["path"])

    @property
    def error(self) -> tuple[str, int]:
        assert "error" in self.result, self.result
        return self.result["error"], self.result["code"]


Ask = Callable[..., Answer]


def ask_manager(
    folder: Path, archive: Archive, timeout: float = 10.0, settings: Mapping[str, str] | None = None, **wish: Any
) -> Answer:
    """Let a manager work, with ``data`` in a folder as its cache, and further environment variables."""
    result, log = folder / "answer.json", folder / "answer.log"
    order = {
        "env": archive.env(folder, DINSAR_NETWORK_TIMEOUT=str(timeout), **(settings or {})),
        "folder": str(folder),
        "result": str(result),
        "log": str(log),
        "wish": wish,
    }
    server = _server()
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write(json.dumps(order, default=str) + "\n")
    server.stdin.flush()
    code = server.stdout.readline().strip()
    said = log.read_text(encoding="utf-8")
    assert code == "0", said
    found = json.loads(result.read_text(encoding="utf-8"))
    for file in (result, log):
        file.unlink()
    if "path" in found:
        found["path"] = str(folder / found["path"])
    return Answer(found, said)
