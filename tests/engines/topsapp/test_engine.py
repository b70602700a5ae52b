"""The engine isce2 on the real topsApp: truth, resume after a kill, and agreement with the embedded engine."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from dinsar_cli.base.journal import STAGES
from dinsar_cli.compare.truth import compare, read_map
from dinsar_cli.engines.base import step_costs
from dinsar_cli.engines.costs import Setting, forecast, read
from dinsar_cli.engines.topsapp.settings.costs import LAWS
from dinsar_cli.engines.topsapp.settings.steps import STEPS
from dinsar_cli.simulate import Scenario, SimulatedStack, simulate
from support.topsapp.isce2_process import find_isce2

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
            *("--workdir", str(self.workdir), "--cache", str(self.workdir / "cache"), "--intermediates", "keep"),
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
        lines = (self.folder / "logs" / "00_topsApp.log").read_text(errors="replace").splitlines()
        dated = (line.split(" ") for line in lines if line.startswith("20"))
        return [words[1] for words in dated if len(words) == 2 and words[1] in STEPS]

    @property
    def record(self) -> dict[str, Any]:
        """The journal of the run."""
        return json.loads((self.folder / "run.json").read_text())

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
    assert finished.run("isce2").count("already done") == len(STAGES)
    assert finished.starts == before


def test_steps_and_what_they_cost_are_in_the_journal(finished: Program) -> None:
    stage = finished.record["stages"]["process"]
    steps = stage["details"]["steps"]
    assert list(steps) == list(STEPS)
    assert 0.7 * stage["seconds"] < sum(step["seconds"] for step in steps.values()) < stage["seconds"]
    assert max(steps, key=lambda step: steps[step]["seconds"]) == "topo"
    # the full-resolution geometry of topo alone is 32 bytes a sample
    samples = sum(int(burst["samples"]) * int(burst["lines"]) for burst in bursts_in(finished.folder))
    assert steps["topo"]["disk"] > 32 * samples
    assert max(step["disk"] for step in steps.values()) >= steps["topo"]["disk"]
    assert stage["peak_memory"] >= max(step["peak_memory"] for step in steps.values()) > 200e6


def bursts_in(folder: Path) -> list[dict[str, str]]:
    """Size of each burst that topsApp has worked on."""
    found = []
    for file in sorted((folder / "isce2" / "fine_interferogram").glob("IW*.xml")):
        for burst in ET.parse(file).iter("component"):
            values = {node.get("name"): node.findtext("value") for node in burst.findall("property")}
            if "numberoflines" in values:
                found.append({"lines": values["numberoflines"], "samples": values["numberofsamples"]})
    return found


def test_next_run_is_expected_to_take_as_long(finished: Program) -> None:
    history = finished.workdir / "cache" / "step-costs.jsonl"
    topo = next(record for record in read(history) if record.step == "topo")
    expected = forecast(history, LAWS, topo.work, Setting("isce2", topo.threads, {"topo": topo.method}))
    assert expected["topo"].seconds == pytest.approx(topo.seconds)
    steps = finished.record["stages"]["process"]["details"]["steps"]
    assert topo.seconds == pytest.approx(steps["topo"]["seconds"], abs=0.001)


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
            if any(tmp_path.glob("T*/logs/13_fineoffsets.log")):
                process.send_signal(signal.SIGKILL)
                break
    assert program.starts[-1] == "fineoffsets"
    before = len(program.starts)
    costs = step_costs(program.folder / "radar")
    assert list(costs) == list(STEPS[: STEPS.index("fineoffsets")])
    # the state as topsApp leaves it where it runs with numpy 2
    state = program.folder / "isce2" / "PICKLE" / "rangecoreg.xml"
    text = state.read_text()
    state.write_text(text.replace("<value>[0, -1, -1]</value>", "<value>[np.int64(0), -1, -1]</value>"))
    assert "np.int64" in state.read_text()
    said = program.run("isce2")
    assert program.starts[before] == "fineoffsets"
    assert state.read_text() == text
    assert "fineoffsets" in said
    assert program.products() == finished.products()
    assert program.record["engine"]["name"] == "isce2"
    steps = program.record["stages"]["process"]["details"]["steps"]
    assert list(steps) == list(STEPS)
    assert steps["topo"] == asdict(costs["topo"])
