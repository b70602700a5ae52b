"""Managers in a process of its own, with the archive as its whole internet."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.archive import Archive
from support.forked import run_code

_PROGRAM = """
import json, logging, sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
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

print(json.dumps(answer(json.loads(sys.argv[1])), default=str))
"""


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
    env = archive.env(folder, DINSAR_NETWORK_TIMEOUT=str(timeout), **(settings or {}))
    code, out, log, _ = run_code(_PROGRAM, [json.dumps(wish, default=str)], env, folder)
    assert code == 0, log
    found = json.loads(out.splitlines()[-1])
    if "path" in found:
        found["path"] = str(folder / found["path"])
    return Answer(found, log)
