"""The engine isce2 on the real topsApp: truth, resume after a kill, and agreement with the embedded engine."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from dinsar_cli.compare import compare, read_map
from dinsar_cli.engines.topsapp.installation import find_isce2
from dinsar_cli.simulate import Scenario, SimulatedStack, simulate

pytestmark = pytest.mark.isce2


@dataclass(frozen=True)
class Program:
    """``dinsar run`` on a simulated pair, in one working folder."""

    stack: SimulatedStack
    workdir: Path

    def command(self, engine: str, *options: str) -> list[str]:
        scenes = [part for slices in self.stack.products for path in slices for part in ("--slc", str(path))]
        return [
            *(sys.executable, "-c", "from dinsar_cli.cli import main; main()", "run", "--engine", engine, "-vv"),
            *scenes,
            *("--orbits", str(self.stack.orbits[0].parent), "--dem", str(self.stack.dem)),
            *("--dem-datum", "ellipsoid", "--looks", "7x2"),
            *("--workdir", str(self.workdir), "--cache", str(self.workdir / "cache")),
            *options,
        ]

    def run(self, engine: str, *options: str) -> str:
        done = subprocess.run(self.command(engine, *options), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stderr

    @property
    def folder(self) -> Path:
        (found,) = self.workdir.glob("T*")
        return found

    @property
    def starts(self) -> list[str]:
        """Steps of topsApp in the order in which they were started, over all its processes."""
        lines = (self.folder / "isce2" / "topsApp.out").read_text(errors="replace").splitlines()
        return [line.removeprefix("Running step ") for line in lines if line.startswith("Running step ")]

    def products(self) -> dict[str, str]:
        files = sorted((self.folder / "products").glob("*.tif"))
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> SimulatedStack:
    found, reason = find_isce2()
    if found is None:
        pytest.skip(reason)
    return simulate(Scenario(), tmp_path_factory.mktemp("simulated") / "pair")


@pytest.fixture(scope="module")
def finished(stack: SimulatedStack, tmp_path_factory: pytest.TempPathFactory) -> Program:
    program = Program(stack, tmp_path_factory.mktemp("isce2"))
    program.run("isce2")
    return program


def test_map_meets_truth(finished: Program) -> None:
    found = compare(finished.folder, finished.stack.folder).statistics
    assert found.rmse <= 0.3e-3
    assert found.sign == "right"
    assert found.gain == pytest.approx(1, abs=0.01)
    assert found.coverage > 0.93


def test_engines_agree_on_one_grid(finished: Program, tmp_path: Path) -> None:
    embedded = Program(finished.stack, tmp_path)
    embedded.run("eos")
    first, second = (
        read_map(program.folder / "products" / "los_displacement.tif") for program in (finished, embedded)
    )
    assert first.values.shape == second.values.shape
    assert first.transform == second.transform
    difference = first.values - second.values
    assert np.nanstd(difference) <= 0.4e-3
    assert np.isfinite(difference).mean() > 0.5


def test_finished_run_makes_nothing_again(finished: Program) -> None:
    before = finished.starts
    assert finished.run("isce2").count("already done") == 7
    assert finished.starts == before


def test_filter_strength_restarts_at_the_filter(finished: Program) -> None:
    before = len(finished.starts)
    finished.run("isce2", "--filter-strength", "0.4")
    assert finished.starts[before:] == ["filter", "unwrap"]
    finished.run("isce2")
    assert finished.starts[before + 2 :] == ["filter", "unwrap"]


def test_killed_run_goes_on_at_the_step(finished: Program, tmp_path: Path) -> None:
    program = Program(finished.stack, tmp_path)
    with subprocess.Popen(
        program.command("isce2"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        while process.poll() is None:
            output = list(tmp_path.glob("T*/isce2/topsApp.out"))
            if output and "Running step fineoffsets" in output[0].read_text(errors="replace"):
                process.send_signal(signal.SIGKILL)
                break
    assert program.starts[-1] == "fineoffsets"
    before = len(program.starts)
    program.run("isce2")
    assert program.starts[before] == "fineoffsets"
    assert program.products() == finished.products()
    record = json.loads((program.folder / "run.json").read_text())
    assert record["engine"]["name"] == "isce2"
