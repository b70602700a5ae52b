"""Managers in a process of its own, with the archive as its whole internet."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archive import Archive

_CHILD = """
import json, logging, sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from dinsar_cli.errors import DinsarError
from dinsar_cli.managers.dem import DemManager
from dinsar_cli.managers.orbit import OrbitManager
wish = json.loads(sys.argv[1])
logging.basicConfig(level=wish.get("log", "WARNING"))
try:
    if "bounds" in wish:
        manager = DemManager(None, None, wish["buffer"], Path("data"), wish["source"])
        result = asdict(manager.fetch(manager.plan(tuple(wish["bounds"]))))
    else:
        manager = OrbitManager(None, Path("data"), wish["kind"])
        for span in [*wish.get("before", []), wish["span"]]:
            choice = manager.plan(wish["mission"], *map(datetime.fromisoformat, span))
        got = manager.fetch(choice)
        result = {"path": got.path, "kind": got.kind, "url": choice.url, "mission": got.mission}
        result |= {"origin": choice.origin, "summary": choice.summary}
except DinsarError as error:
    result = {"error": type(error).__name__, "code": int(error.exit_code), "text": str(error)}
print(json.dumps(result, default=str))
"""


@dataclass(frozen=True)
class Answer:
    """What a manager gave, or the error that it raised; what it logged, and how long it took."""

    result: dict[str, Any]
    log: str
    seconds: float

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
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, json.dumps(wish, default=str)],
        env=archive.env(folder, DINSAR_NETWORK_TIMEOUT=str(timeout), **(settings or {})),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    if "path" in result:
        result["path"] = str(folder / result["path"])
    return Answer(result, done.stderr, time.monotonic() - started)
