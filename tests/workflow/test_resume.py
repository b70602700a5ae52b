"""A run that is stopped anywhere goes on with the same command and makes the same products."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dinsar_cli.base.journal import STAGES

pytestmark = pytest.mark.pair

ROI = "-8.86 31.33 -8.80 31.39"
# a shell that starts the tests in the background has interrupts ignored, and children inherit that
PROGRAM = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from dinsar_cli.cli import main
main()
"""


class Runner:
    """The program as a user starts it, with one working folder."""

    def __init__(self, pair: Path, workdir: Path) -> None:
        scenes = [option for path in sorted(pair.glob("*.zip")) for option in ("--slc", str(path))]
        inputs = ["--orbits", str(pair / "orbits"), "--dem", str(pair / "dem" / "dem.tif")]
        self.workdir = workdir
        self.command = [
            *(sys.executable, "-c", PROGRAM, "run"),
            *scenes,
            *inputs,
            *("--dem-datum", "ellipsoid", "--roi", ROI, "--engine", "eos", "-vv"),
            *("--workdir", str(workdir), "--cache", str(workdir / "cache")),
        ]

    def finish(self, *options: str) -> str:
        """Run to the end and give what it said on stderr."""
        done = subprocess.run([*self.command, *options], capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return done.stderr

    def stop_in(self, stage: str, how: signal.Signals) -> tuple[int, str]:
        """Run until a stage starts, stop it with a signal, and give the exit code and stderr."""
        process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if f"stage {stage} starts" in line:
                process.send_signal(how)
                break
        said += process.stderr.readlines()
        process.stderr.close()
        return process.wait(timeout=60), "".join(said)

    @property
    def folder(self) -> Path:
        (found,) = self.workdir.glob("T*")
        return found

    def products(self) -> dict[str, str]:
        """SHA-256 of every product but the report, which tells what each step has cost."""
        files = sorted(path for path in (self.folder / "products").iterdir() if path.name != "report.html")
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    def times(self) -> dict[str, int]:
        """Time of the last change of every product and radar layer."""
        files = [*(self.folder / "products").iterdir(), *(self.folder / "radar").glob("*.npy")]
        return {path.name: path.stat().st_mtime_ns for path in files}


@pytest.fixture(scope="module")
def undisturbed(pair_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """A finished run; each test leaves it as it was, but the last."""
    runner = Runner(pair_folder, tmp_path_factory.mktemp("undisturbed"))
    runner.finish()
    return runner


@pytest.fixture(scope="module")
def products(undisturbed: Runner) -> dict[str, str]:
    """The products of a run that nothing has disturbed."""
    return undisturbed.products()


def test_run_that_is_killed_in_every_stage_goes_on_to_the_same_products(
    pair_folder: Path, products: dict[str, str], tmp_path: Path
) -> None:
    """Each start goes on where the last one was killed, and is killed one stage later."""
    runner = Runner(pair_folder, tmp_path)
    for index, stage in enumerate(STAGES):
        code, said = runner.stop_in(stage, signal.SIGKILL)
        assert code == -signal.SIGKILL
        assert said.count("already done") == max(index - 1, 0), stage  # what stood when the last was killed
    assert runner.finish().count("already done") == len(STAGES) - 1
    assert runner.products() == products


@pytest.mark.long
def test_run_that_is_interrupted_in_every_stage_says_so_and_goes_on(
    pair_folder: Path, products: dict[str, str], tmp_path: Path
) -> None:
    runner = Runner(pair_folder, tmp_path)
    for index, stage in enumerate(STAGES):
        code, said = runner.stop_in(stage, signal.SIGINT)
        assert code == 130, stage
        assert "the same command goes on" in said
        assert "Traceback" not in said
        assert said.count("already done") == max(index - 1, 0), stage
    assert runner.finish().count("already done") == len(STAGES) - 1
    assert runner.products() == products


def test_finished_run_makes_nothing_again(undisturbed: Runner) -> None:
    before = undisturbed.times()
    assert undisturbed.finish().count("already done") == len(STAGES)
    assert undisturbed.times() == before


def test_product_that_was_removed_is_made_again(undisturbed: Runner, products: dict[str, str]) -> None:
    (undisturbed.folder / "products" / "coherence.tif").unlink()
    undisturbed.finish()
    assert undisturbed.products() == products


def test_record_holds_what_a_reader_needs(undisturbed: Runner) -> None:
    record = json.loads((undisturbed.folder / "run.json").read_text())
    assert list(record["stages"]) == list(STAGES)
    assert all(stage["seconds"] >= 0 for stage in record["stages"].values())
    inputs = record["stages"]["slc"]["files"]
    assert all(len(file["sha256"]) == 64 for file in inputs)
    assert record["summary"]["sign"] == "positive toward the satellite"
    products = {file["path"] for stage in ("geocode", "displacement") for file in record["stages"][stage]["files"]}
    assert "products/los_displacement.tif" in products
    assert (undisturbed.folder / "dinsar.yaml").is_file()


def test_option_redoes_only_what_depends_on_it(undisturbed: Runner) -> None:
    """The last test of this run: it leaves another map."""
    runner = undisturbed

    def changed(*options: str) -> set[str]:
        before = runner.times()
        runner.finish(*options)
        return {name for name, time in runner.times().items() if before.get(name) != time}

    displacement = {f"{name}.tif" for name in ("los_displacement", "vertical_displacement", "los_sigma")}
    displacement |= {"displacement.png", "overview.kmz", "report.html"}
    maps = {path.name for path in (runner.folder / "products").iterdir()} - {"citation.txt", "citation.bib"}
    displacement |= {name for name in maps if name.endswith(".qml")}
    assert changed("--reference-point", "-8.83,31.36") == displacement
    assert changed("--posting", "0.001") == maps
    filtered = {"wrapped.npy", "coherence.npy", "unwrapped.npy", "components.npy"}
    filtered |= {"visibility.npy"}  # found again before the unwrapping
    assert changed("--posting", "0.001", "--filter-strength", "0.6") == maps - {"item.json"} | filtered
