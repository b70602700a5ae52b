"""Prediction against reality: ``python tests/benchmarks/costs.py ENGINE [TIMES]``.

Runs of one burst and of two bursts of 2,500 columns are what the program learns from, in a cache of its own. It
then predicts a run of three bursts of 4,000 columns, and one of two subswaths with two bursts each, which it has
not seen. Each run is made so many TIMES (1), in a new folder; the runs that are predicted are measured by their
median, because a machine that does something else meanwhile is slower. For each: seconds, peak memory and peak
disk, as predicted and as they were. Promised are 30 % of the time and 20 % of memory and disk.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from dinsar_cli.simulate import Scenario, simulate

PROGRAM = (sys.executable, "-c", "from dinsar_cli.cli import main; main()")
KNOWN = {"1 burst": Scenario(bursts=1, columns=2500), "2 bursts": Scenario(bursts=2, columns=2500)}
NEW = {
    "3 wide bursts": Scenario(bursts=3, columns=4000),
    "2 subswaths": Scenario(bursts=2, columns=2500, swaths=(1, 2)),
}
STAGES = ("dem", "process", "geocode", "displacement", "products", "report")
BOUNDS = {"seconds": 0.3, "peak_memory": 0.2, "disk": 0.2}


@dataclass(frozen=True)
class Bench:
    """A folder with simulated pairs and a cache."""

    folder: Path
    engine: str

    def options(self, name: str) -> list[str]:
        """Inputs of a pair, which is simulated when it is not there."""
        pair = self.folder / name.replace(" ", "_")
        if not pair.exists():
            simulate({**KNOWN, **NEW}[name], pair)
        scenes = [part for path in sorted((pair / "slc").iterdir()) for part in ("--slc", str(path))]
        return [
            *("--engine", self.engine, *scenes, "--orbits", str(pair / "orbits")),
            *("--dem", str(pair / "dem" / "dem.tif"), "--dem-datum", "ellipsoid", "--looks", "7x2"),
        ]

    def predicted(self, name: str) -> dict[str, Any]:
        """What the program says of a pair."""
        cache = ["--workdir", str(self.folder / "none"), "--cache", str(self.folder / "cache"), "--json"]
        command = [*PROGRAM, "plan", *self.options(name), *cache]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found: dict[str, Any] = json.loads(done.stdout)["predicted"]
        return found

    def run(self, name: str, cache: str) -> dict[str, dict[str, float]]:
        """Stages of a run in a new folder, with the DEM to be made."""
        with tempfile.TemporaryDirectory(dir=self.folder) as work:
            folders = ["--workdir", work, "--cache", str(self.folder / cache), "-q"]
            subprocess.run([*PROGRAM, "run", *self.options(name), *folders], check=True, stdout=subprocess.DEVNULL)
            command = [*PROGRAM, "status", "--workdir", work, "--json"]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
        for dem in (self.folder / cache / "dem").glob("*.tif"):
            dem.unlink()
        (record,) = json.loads(done.stdout).values()
        return {stage: record["stages"][stage] for stage in STAGES}


def table(predicted: Mapping[str, Any], runs: list[dict[str, dict[str, float]]]) -> dict[str, tuple[float, float]]:
    """Print what was predicted beside the median of what was, and give both for the whole run."""

    def real(stage: str, what: str) -> float:
        return median(run[stage][what] for run in runs)

    for stage in STAGES:
        cells = [
            f"{predicted['stages'][stage][what] / unit:8.1f} {real(stage, what) / unit:8.1f}"
            for what, unit in (("seconds", 1), ("peak_memory", 1e6), ("disk", 1e6))
        ]
        print(f"  {stage:<14} {'   '.join(cells)}")
    whole = {
        "seconds": median(sum(run[stage]["seconds"] for stage in STAGES) for run in runs),
        "peak_memory": median(max(run[stage]["peak_memory"] for stage in STAGES) for run in runs),
        "disk": real("process", "disk") + sum(real(stage, "disk") for stage in STAGES[2:]),
    }
    return {what: (predicted[what], value) for what, value in whole.items()}


def main(engine: str = "eos", times: str = "1") -> int:
    """Measure, print, and give 1 when a promise is not kept."""
    broken = 0
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(Path(scratch), engine)
        for name in KNOWN:
            for _ in range(int(times)):
                bench.run(name, "cache")
        for name in NEW:
            predicted = bench.predicted(name)
            print(f"{name}, {engine}: predicted and real seconds, peak memory (MB), disk (MB)", flush=True)
            runs = [bench.run(name, "other cache") for _ in range(int(times))]
            for what, (said, was) in table(predicted, runs).items():
                broken += abs(said / was - 1) > BOUNDS[what]
                print(f"  whole run, {what:<12} {said / was:.3f} of what it was")
    return min(broken, 1)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
