"""Few look lines with topsApp itself: one burst, and large looks, which ISCE2 alone cannot unwrap."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from dinsar_cli.compare.truth import compare
from dinsar_cli.engines.topsapp.process.installation import Installation
from dinsar_cli.engines.topsapp.results.foreign_folder import OVERLAP
from dinsar_cli.engines.topsapp.settings.phase_sigma import PHASE_SIGMA, settings_text
from dinsar_cli.radar.interferogram import Interferogram
from dinsar_cli.simulate import Scenario, SimulatedStack, simulate
from support.command import PROGRAM, Outcome
from support.topsapp.isce2_process import ask, find_isce2
from support.topsapp.workbench import pair_folder, work_folder

pytestmark = pytest.mark.isce2


@dataclass(frozen=True)
class Ground:
    """A simulated pair, and where it is worked on."""

    stack: SimulatedStack
    workdir: Path

    def dinsar(self, command: str, looks: str) -> Path:
        """Run a command with the engine isce2, and give the folder of the pair."""
        scenes = [part for date in self.stack.products for path in date for part in ("--slc", str(path))]
        inputs = ["--orbits", str(self.stack.orbits[0].parent), "--dem", str(self.stack.dem)]
        folders = ["--workdir", str(self.workdir), "--cache", str(self.workdir / "cache")]
        rest = ["--dem-datum", "ellipsoid", "--engine", "isce2", "--looks", looks]
        rest += ["--write-script"] if command == "process" else ["--intermediates", "keep"]
        done = subprocess.run(
            [*PROGRAM, command, *scenes, *inputs, *folders, *rest], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return pair_folder(self.workdir)

    def judge(self, result: Path) -> None:
        """The map is the true displacement: so much does the filter bend, and so much is lost at the edges."""
        found = compare(result, self.stack.truth).statistics
        assert found.sign == "right"
        assert found.rmse <= 0.5e-3
        assert found.gain == pytest.approx(1, abs=0.01)
        assert found.coverage > 0.97


@pytest.fixture(scope="module")
def isce2() -> Installation:
    found, reason = find_isce2()
    if found is None:
        pytest.skip(reason)
    return found


def ground(tmp_path_factory: pytest.TempPathFactory, bursts: int) -> Ground:
    folder = tmp_path_factory.mktemp(f"bursts{bursts}")
    return Ground(simulate(Scenario(bursts=bursts, archive="safe"), folder / "pair"), folder / "work")


@pytest.fixture(scope="module")
def one(isce2: Installation, tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return ground(tmp_path_factory, 1)


@pytest.fixture(scope="module")
def two(isce2: Installation, tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return ground(tmp_path_factory, 2)


@pytest.mark.parametrize(("looks", "most"), [("19x7", OVERLAP), ("30x12", 130)])
def test_one_burst_gives_the_true_displacement(one: Ground, looks: str, most: int) -> None:
    pair = one.dinsar("run", looks)
    assert Interferogram.load(pair / "radar").lines <= most
    assert json.loads((pair / "run.json").read_text())["stages"]["process"]["details"]["cures"] == []
    one.judge(pair)


def test_two_bursts_give_the_true_displacement(two: Ground) -> None:
    pair = two.dinsar("run", "19x7")
    assert Interferogram.load(pair / "radar").lines > OVERLAP
    two.judge(pair)


def test_maps_of_many_looks_are_made(one: Ground) -> None:
    """No map could be good with cells of a kilometre; it is made, and of few lines."""
    pair = one.dinsar("run", "100x60")
    assert Interferogram.load(pair / "radar").lines < 30
    assert compare(pair, one.stack.truth).statistics.coverage > 0.9


def test_scripts_by_hand_unwrap_few_lines(one: Ground, tmp_path: Path) -> None:
    """Those of the last steps, in the folder of a run of other looks."""
    one.dinsar("run", "30x12")
    pair = one.dinsar("process", "19x7")
    work = work_folder(pair)
    environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    for step in ("mergebursts", "filter", "unwrap"):
        (script,) = (work / "run_files").glob(f"run_??_{step}.sh")
        subprocess.run([script], env=environment, cwd="/", check=True, capture_output=True)
    one.judge(one.dinsar("run", "19x7"))


@pytest.mark.parametrize("unwrapper", ["snaphu_mcf", "icu"])
def test_the_remedy_for_a_topsapp_of_somebody_else_works(
    isce2: Installation, one: Ground, tmp_path: Path, dinsar: Callable[..., Outcome], unwrapper: str
) -> None:
    """What ISCE2 leaves by itself has no unwrapped phase; who does what the refusal says has one."""
    work = Path(shutil.copytree(work_folder(one.dinsar("run", "19x7")), tmp_path / "theirs"))
    (work / PHASE_SIGMA).unlink()
    for path in (work / "merged").glob("filt_topophase.unw*"):
        path.unlink()
    settings = work / "topsApp.xml"
    settings.write_text(settings.read_text().replace("snaphu_mcf", unwrapper))
    environment = isce2.environment(1, work)
    topsapp = [str(isce2.python), str(isce2.program), "topsApp.xml", "--start=filter", "--end=unwrap"]
    subprocess.run(topsapp, cwd=work, env=environment, capture_output=True, check=False)
    assert (work / "merged" / "phsig.cor").stat().st_size == 0

    refused = dinsar("displacement", work, "--output", tmp_path / "maps")
    assert refused.code == 3
    _, cause, remedy = refused.error
    assert str(OVERLAP) in cause
    assert "snaphu_mcf" in remedy
    settings.write_text(settings.read_text().replace(">icu<", ">snaphu_mcf<"))
    command = remedy.partition(f"run in {work}: ")[2]
    done = subprocess.run(["sh", "-c", command], cwd=work, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    made = dinsar("displacement", work, "--output", tmp_path / "maps")
    assert made.code == 0, made.err
    one.judge(tmp_path / "maps" / "products" / "los_displacement.tif")


# Phase sigma of an interferogram as topsApp's runFilter.py has it made, by ISCE2 alone and with our settings
_PHASE_SIGMA = """
import os
from pathlib import Path
import isceobj
import numpy as np
from mroipac.icu.Icu import Icu


def phase_sigma(wave, settings):
    Path("topsapp_filter_icu.xml").unlink(missing_ok=True)
    if settings:
        Path("topsapp_filter_icu.xml").write_text(settings)
    wave.tofile("wave")
    given = isceobj.createIntImage()
    given.setFilename("wave")
    given.setWidth(wave.shape[1])
    given.setLength(wave.shape[0])
    given.setAccessMode("read")
    given.renderVRT()
    given.createImage()
    made = isceobj.createImage()
    made.dataType, made.bands = "FLOAT", 1
    made.setWidth(wave.shape[1])
    made.setFilename("sigma")
    made.setAccessMode("write")
    made.createImage()
    icu = Icu(name="topsapp_filter_icu")
    icu.configure()
    icu.unwrappingFlag = icu.useAmplitudeFlag = False
    icu.icu(intImage=given, phsigImage=made)
    given.finalizeImage()
    made.finalizeImage()
    return np.fromfile("sigma", "f4").reshape(-1, wave.shape[1])


random = np.random.default_rng(1)
line, sample = np.indices((8000, 24))
phase = 0.3 * line + 0.002 * line * sample + 0.6 * random.standard_normal(line.shape)
wave = ((1 + random.random(line.shape)) * np.exp(1j * phase)).astype("c8")
wave[:, :3] = 0
wave[random.random(line.shape) < 0.05] = 0
"""


@pytest.mark.parametrize("lines", [265, 3700, 4000, 7500])
def test_phase_sigma_of_larger_interferograms_is_that_of_isce2(
    isce2: Installation, tmp_path: Path, lines: int
) -> None:
    """To the byte, in one patch and across the seams of two and three."""
    code = f"""{_PHASE_SIGMA}
own, ours = (phase_sigma(wave[:{lines}], settings) for settings in ("", sys.argv[1]))
answer([own.shape[0], float(np.mean(own > 0)), bool(np.array_equal(own, ours))])
"""
    assert ask(tmp_path, code, settings_text()) == [lines, pytest.approx(0.85, abs=0.1), True]


@pytest.mark.parametrize("lines", [7, 18, 37, 124, 214, OVERLAP])
def test_phase_sigma_of_few_lines_is_that_of_the_same_lines_among_many(
    isce2: Installation, tmp_path: Path, lines: int
) -> None:
    """It looks three lines around; of so few lines ISCE2 alone makes none."""
    code = f"""{_PHASE_SIGMA}
many, none = phase_sigma(wave[:400], ""), phase_sigma(wave[:{lines}], "")
few = phase_sigma(wave[:{lines}], sys.argv[1])
same = np.array_equal(few[:-3], many[:{lines} - 3])
answer([none.size, few.shape[0], bool(same), int(np.count_nonzero(few[-3:]))])
"""
    assert ask(tmp_path, code, settings_text()) == [0, lines, True, 0]
