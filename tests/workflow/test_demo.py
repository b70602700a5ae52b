"""``dinsar demo`` as a user starts it: a program of its own, stopped, started again, and with something wrong."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import rasterio

import dinsar_cli
from dinsar_cli.report.verdicts import RULES
from dinsar_cli.workflow.demo import BOUND, SCENARIO
from support.command import PROGRAM, Outcome, run_apart
from support.refusal import USAGE, check_refusal, snapshot
from support.safe_factory import quietly

pytest.importorskip("eos")

REPOSITORY = Path(dinsar_cli.__file__).parents[1]

ENGINE = 6
INSTALLED = (sys.executable, "-c", f"import sys; sys.path.insert(0, {str(REPOSITORY)!r}); {PROGRAM[2]}")
STAGES = (
    "simulation",
    "scenes",
    "orbits",
    "DEM",
    "interferogram",
    "map layers",
    "displacement",
    "pictures",
    "report",
)


def demo(workdir: Path, *options: str) -> Outcome:
    return run_apart("demo", "--workdir", workdir, "--engine", "eos", *options, timeout=180)


@dataclass(frozen=True)
class Shown:
    """A demonstration that was killed while it simulated, and started again."""

    workdir: Path
    left: frozenset[str]
    outcome: Outcome

    @property
    def pictures(self) -> tuple[Path, ...]:
        """The files that it named."""
        return tuple(Path(line.split()[-1]) for line in self.outcome.out.splitlines() if line.endswith(".png"))


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    workdir = tmp_path_factory.mktemp("demo") / "new"
    command = [*PROGRAM, "demo", "--workdir", str(workdir), "--engine", "eos"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while process.poll() is None and not list(workdir.glob("scene.part/raw-*/*.raw")) and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait(timeout=60) == -signal.SIGKILL
    left = frozenset(path.name for path in workdir.iterdir())
    return Shown(workdir, left, demo(workdir))


def figures(text: str) -> dict[str, float]:
    """Numbers of the table by the word before them."""
    return {
        name: float(value)
        for name, value in re.findall(r"^  (\w[\w ]*?) +([-+0-9.]+)(?: |%|$)", text, re.MULTILINE)
    }


def test_killed_simulation_left_no_scene_and_the_next_call_made_it(shown: Shown) -> None:
    assert "scene" not in shown.left
    assert "scene.part" in shown.left
    assert shown.outcome.code == 0, shown.outcome.err
    assert not (shown.workdir / "scene.part").exists()
    assert not list((shown.workdir / "scene").glob("raw-*"))


def test_a_folder_of_somebody_else_is_not_removed(tmp_path: Path) -> None:
    theirs = tmp_path / "scene.part" / "thesis.txt"
    theirs.parent.mkdir()
    theirs.write_text("years of work")
    check_refusal(demo(tmp_path), USAGE, theirs.parent, "thesis.txt")
    assert theirs.read_text() == "years of work"


def test_report_of_a_good_map_warns_of_nothing(shown: Shown) -> None:
    (page,) = shown.workdir.glob("T*/products/report.html")
    text = page.read_text(encoding="utf-8")
    assert "No check warns." in text
    assert "data-verdict" not in text
    assert text.count('<td class="state good">') == len(RULES) - 1
    assert text.count('<td class="state unknown">') == 1  # no reversed pair was made


def test_table_has_accuracy_and_time(shown: Shown) -> None:
    found = figures(shown.outcome.out)
    assert 0 < found["RMSE"] <= BOUND * 1e3
    assert 0.99 <= found["gain"] <= 1.01
    assert 93 <= found["coverage"] <= 100
    assert re.search(r"^  sign +right$", shown.outcome.out, re.MULTILINE)
    assert all(found[stage] >= 0 for stage in (*STAGES, "compare"))
    assert found["simulation"] > 0.5
    together = sum(found[stage] for stage in (*STAGES, "compare"))
    assert found["together"] == pytest.approx(together, abs=0.5)  # ten figures, each rounded to a tenth


def test_only_results_are_on_stdout(shown: Shown) -> None:
    assert "engine eos" in shown.outcome.err
    assert all(re.search(rf"^{stage} +[0-9.]+ s$", shown.outcome.err, re.MULTILINE) for stage in STAGES)
    assert "engine eos" not in shown.outcome.out


def test_both_pictures_are_there(shown: Shown) -> None:
    assert [path.name for path in shown.pictures] == ["displacement.png", "comparison.png"]
    for path in shown.pictures:
        with quietly(), rasterio.open(path) as picture:
            pixels = picture.read()
        assert min(pixels.shape[1:]) > 500
        assert pixels.std() > 10


def test_scene_is_what_the_demonstration_promises() -> None:
    assert SCENARIO.bursts >= 2
    assert SCENARIO.columns is not None
    assert SCENARIO.columns >= 2000
    assert SCENARIO.burst_offset % 1 != 0
    assert abs(SCENARIO.baseline(1)) >= 50
    assert SCENARIO.terrain.relief >= 500


def test_ground_moves_by_five_centimetres_or_more(shown: Shown) -> None:
    (made,) = json.loads((shown.workdir / "scene" / "truth.json").read_text())["los"].values()
    assert made["los_max_m"] >= 0.05


def test_second_call_takes_what_is_there_and_gives_the_same(shown: Shown) -> None:
    products = snapshot(*shown.workdir.glob("T*/products"), shown.workdir / "scene")
    again = demo(shown.workdir)
    assert again.code == 0
    assert again.err.count("already done") == len(STAGES)
    assert snapshot(*shown.workdir.glob("T*/products"), shown.workdir / "scene") == products
    names = ("RMSE", "bias", "gain", "coverage", "interferogram")
    before, after = figures(shown.outcome.out), figures(again.out)
    assert {name: after[name] for name in names} == {name: before[name] for name in names}


def test_json_has_the_figures_of_the_table(shown: Shown) -> None:
    done = demo(shown.workdir, "--json", "--quiet")
    assert (done.code, done.err) == (0, "")
    record = json.loads(done.out)
    table = figures(shown.outcome.out)
    assert record["rmse"] * 1e3 == pytest.approx(table["RMSE"], abs=5e-4)
    assert record["gain"] == pytest.approx(table["gain"], abs=5e-5)
    assert record["sign"] == "right"
    assert len(record["burst_steps_rad"]) == 1
    assert set(record["seconds"]) >= {"simulate", "process", "geocode", "compare"}
    assert [Path(path) for path in record["pictures"]] == list(shown.pictures)


def test_map_that_misses_the_truth_ends_with_8(shown: Shown) -> None:
    truth = shown.workdir / "scene" / "truth" / "los_displacement.tif"
    kept = truth.read_bytes()
    with rasterio.open(truth, "r+") as dataset:
        values = dataset.read(1)
        dataset.write(np.roll(values, 4, axis=1), 1)  # 370 m to the east
    try:
        done = demo(shown.workdir)
    finally:
        truth.write_bytes(kept)
    assert done.code == 8
    assert figures(done.out)["RMSE"] > BOUND * 1e3
    assert "more than 0.5 mm from the truth" in done.err


@pytest.mark.parametrize("content", [None, "{", "[]", '{"scenario": {"seed": 1}}'])
def test_foreign_folder_is_refused_and_kept(content: str | None, tmp_path: Path) -> None:
    scene = tmp_path / "scene"
    scene.mkdir()
    (scene / "precious.txt").write_text("mine")
    if content is not None:
        (scene / "truth.json").write_text(content)
    before = snapshot(scene)
    check_refusal(demo(tmp_path), USAGE, scene)
    assert snapshot(scene) == before


def test_scene_that_lost_a_file_is_refused(shown: Shown) -> None:
    (orbit, *_) = sorted((shown.workdir / "scene" / "orbits").iterdir())
    aside = orbit.rename(shown.workdir / orbit.name)
    try:
        text = check_refusal(demo(shown.workdir), USAGE, shown.workdir / "scene")
    finally:
        aside.rename(orbit)
    assert "missing" in text


@pytest.mark.parametrize(("engine", "code"), [("doris", USAGE), ("isce2", ENGINE)])
def test_engine_that_cannot_work_is_refused_before_anything_is_simulated(
    engine: str, code: int, tmp_path: Path
) -> None:
    bare = ["env", "--ignore-environment"]  # an ISCE2 that is here is not found
    outcome = run_apart("demo", "--workdir", tmp_path, "--engine", engine, before=bare, program=INSTALLED)
    check_refusal(outcome, code, engine)
    assert list(tmp_path.iterdir()) == []


def test_workdir_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    check_refusal(demo(tmp_path / "file"), USAGE, tmp_path / "file")
    check_refusal(demo(tmp_path / "file" / "below"), USAGE, "below")
