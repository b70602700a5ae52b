"""A simulated pair with folders for runs on it, which several test modules make maps of."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dinsar_cli.simulate import Scenario, SimulatedStack, simulate
from support.command import Outcome

Dinsar = Callable[..., Outcome]


@dataclass(frozen=True)
class Place:
    """A simulated pair, and folders for runs on it that reuse what earlier ones left."""

    stack: SimulatedStack
    folder: Path

    @classmethod
    def simulated(cls, scenario: Scenario, folder: Path) -> Place:
        return cls(simulate(scenario, folder / "pair"), folder)

    def work(self, engine: str = "eos") -> Path:
        return self.folder / f"work-{engine}"

    def command(self, *options: object, engine: str = "eos") -> list[object]:
        """Arguments of a run."""
        scenes = [option for date in self.stack.products for path in date for option in ("--slc", path)]
        inputs = ["--orbits", self.stack.orbits[0].parent, "--dem", self.stack.dem, "--dem-datum", "ellipsoid"]
        folders = ["--workdir", self.work(engine), "--cache", self.folder / "cache"]
        return ["run", *options, *scenes, *inputs, "--looks", "7x2", "--engine", engine, *folders, "--json", "-q"]

    def run(self, dinsar: Dinsar, *options: object) -> dict[str, Any]:
        """Summary of a run of the embedded engine, which must succeed."""
        done = dinsar(*self.command(*options))
        assert done.code == 0, done.err
        record: dict[str, Any] = json.loads(done.out)
        return record

    def config(self, **keys: object) -> Path:
        """A configuration file in the folder; the next one takes its place."""
        path = self.folder / "options.yaml"
        path.write_text(json.dumps(keys), encoding="utf-8")  # JSON is YAML
        return path
