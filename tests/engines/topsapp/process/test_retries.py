"""What is tried once after a failure of topsApp: with a stand-in that fails as it is told, and with itself (isce2).

The stand-in prints what the real one printed when it failed, and leaves a small finished folder.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import rasterio

from dinsar_cli.engines.topsapp.settings.steps import STEPS, forget_from
from support.command import PROGRAM, Outcome, run_apart
from support.run_inputs import Inputs, write_dem
from support.topsapp.merged_folder import LOOKS, Content, write_folder
from support.topsapp.stand_in import write_isce2
from support.topsapp.started import started
from support.topsapp.workbench import Workbench, pair_folder, products, work_folder

FAILURES = Path(__file__).with_name("failures")
USAGE, NO_DATA, ENGINE, RESOURCES = 2, 3, 6, 7
BUFFER = 0.05  # degrees, of the first DEM
_PATIENCE = 300.0  # s for a real topsApp


def said(failure: str) -> str:
    """What topsApp printed in a failure that was provoked, without what the stand-in prints by itself."""
    lines = (FAILURES / f"{failure}.log").read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith(("Running step ", "Dumping ")))


# How the stand-in fails, in which step, and where topsApp starts again after the cure.
FAILED: dict[str, tuple[str, dict[str, object], str]] = {
    "esd_off": ("esd", {"say": said("esd_threshold"), "exit": 1}, "subsetoverlaps"),
    "gpu_off": ("topo", {"say": said("gpu"), "sleep": 30}, "topo"),
    "step_back": ("unwrap", {"say": said("unwrap_input_short"), "exit": 1}, "filter"),
    "more_looks": ("unwrap", {"say": said("unwrap_killed"), "kill": True}, "mergebursts"),
    "enlarge_dem": ("topo", {"say": said("dem_too_small")}, "verifyDEM"),
}
CODES = {
    "esd_off": NO_DATA,
    "gpu_off": ENGINE,
    "step_back": ENGINE,
    "more_looks": RESOURCES,
    "enlarge_dem": NO_DATA,
}
TOLD = {
    "esd_off": "Enhanced spectral diversity is switched off",
    "gpu_off": "The GPU is not used",
    "step_back": "The step filter is done again",
    "more_looks": "It has 6x4 looks now instead of 3x2",
    "enlarge_dem": f"The DEM is made again with a margin of {2 * BUFFER:g} degrees",
}
_AFTER_TOPO = STEPS[STEPS.index("topo") + 1]
WITH_PRODUCTS = tuple(cure for cure in FAILED if cure != "more_looks")  # the finished folder has other looks


@dataclass(frozen=True)
class Cured:
    """``dinsar process`` of small scenes with a topsApp that fails as it is told.

    Attributes
    ----------
    dinsar : callable
        The command line.
    inputs : Inputs
        Scenes, orbits and DEM.
    folder : Path
        For everything.
    """

    dinsar: Callable[..., Outcome]
    inputs: Inputs
    folder: Path

    def fails(self, *cures: str, times: int = 1) -> None:
        """Let it fail so that these cures are due, each the first times."""
        finished = write_folder(self.folder / "finished", Content())
        script: dict[str, Any] = {}
        for cure in cures:
            step, act, _ = FAILED[cure]
            script[step] = [*script.get(step, []), *[act] * times]
            if cure == "enlarge_dem":  # that is seen when the next step starts, which must not be over by then
                script[_AFTER_TOPO] = [{"sleep": 30}] * times
        script = {step: [*acts, {}] for step, acts in script.items()}
        script["unwrap"] = [*script.get("unwrap", [])[:-1], {"shell": f"cp -r '{finished}/.' ."}]
        (self.folder / "script.json").write_text(json.dumps(script))

    def process(self, *options: str, **config: dict[str, object]) -> Outcome:
        """Run the command; a section of the configuration as ``dem={"buffer": 0.1}``."""
        home = self.folder / "stand-in" / "packages" / "isce"
        values: dict[str, Any] = {"isce2": {"home": str(home)}, "dem": {"buffer": BUFFER}}
        file = self.folder / "dinsar.yaml"
        file.write_text(json.dumps(values | config))
        folders = ("--workdir", self.folder / "work", "--cache", self.folder / "cache")
        asked = self.inputs.options(looks=str(LOOKS), engine="isce2")
        return self.dinsar("process", file, *asked, *folders, *options)

    @property
    def work(self) -> Path:
        return pair_folder(self.folder / "work") / "isce2"

    @property
    def starts(self) -> list[str]:
        """First steps of all processes of topsApp."""
        return (self.work / "started").read_text().split()

    @property
    def ran(self) -> list[str]:
        """Steps in the order in which they were begun."""
        return (self.work / "ran").read_text().split()

    @property
    def asked(self) -> dict[str, str]:
        """Properties of the topsApp.xml that is there, by their names in small letters."""
        root = ET.parse(self.work / "topsApp.xml").getroot()
        return {
            str(item.get("name")).lower(): item.findtext("value") or item.text or ""
            for item in root.iter("property")
        }

    @property
    def recorded(self) -> list[str]:
        """Cures in the journal."""
        stages = json.loads((self.work.parent / "run.json").read_text())["stages"]
        cures: list[str] = stages["process"]["details"]["cures"]
        return cures


def warned(outcome: Outcome) -> list[str]:
    """Warnings of a cure."""
    return [line for line in outcome.err.splitlines() if any(told in line for told in TOLD.values())]


@pytest.fixture
def cured(dinsar: Callable[..., Outcome], inputs: Inputs, tmp_path: Path) -> Cured:
    write_isce2(tmp_path / "stand-in", STEPS)
    return Cured(dinsar, inputs, tmp_path)


def begun(*cures: str, tried: bool = True) -> list[str]:
    """First steps of topsApp when cures were due in this order; it is begun anew for the unwrapping.

    By then it is known what is left out of that. With `tried` the step after the last cure is done, else it fails.
    """
    starts = ["startup"]
    for cure in cures:
        step, _, again = FAILED[cure]
        starts += ["unwrap", again] if step == "unwrap" else [again]
    return [*starts, "unwrap"] if tried or FAILED[cures[-1]][0] == "unwrap" else starts


def process(cured: Cured, cure: str, *options: str) -> Outcome:
    """Run with the configuration that a cure needs to be of use."""
    esd = {"topsapp": {"do_esd": True}} if cure == "esd_off" else {}
    looks = {"unwrap": {"short_of_memory": "more_looks"}} if cure == "more_looks" else {}
    return cured.process(*options, **esd, **looks)


@pytest.mark.parametrize("cure", WITH_PRODUCTS)
def test_cure_is_told_recorded_and_gone_on_from(cured: Cured, cure: str) -> None:
    cured.fails(cure)
    done = process(cured, cure)
    assert done.code == 0, done.err
    step, _, again = FAILED[cure]
    assert cured.starts == begun(cure)
    after = list(STEPS[STEPS.index(again) :])
    assert cured.ran[-len(after) :] == after
    (line,) = warned(done)
    assert TOLD[cure] in line
    (record,) = cured.recorded
    assert record in line
    assert f"step {step}" in record


@pytest.mark.parametrize("cure", FAILED)
def test_cure_is_tried_once(cured: Cured, cure: str) -> None:
    cured.fails(cure, times=3)
    done = process(cured, cure)
    assert done.code == CODES[cure], done.err
    step = FAILED[cure][0]
    assert cured.starts == begun(cure, tried=False)
    assert len(warned(done)) == 1
    assert f"step {step}" in done.error[0]


@pytest.mark.parametrize("cure", FAILED)
def test_files_of_somebody_else_are_not_changed(cured: Cured, cure: str) -> None:
    """With them topsApp is asked for what they say; a step that is done again changes nothing of that."""
    cured.fails(cure)
    assert process(cured, cure, "--xml-only").code == 0
    before = {path.name: path.read_bytes() for path in cured.work.glob("*.xml")}
    done = process(cured, cure, "--use-existing-xml")
    assert {path.name: path.read_bytes() for path in cured.work.glob("*.xml")} == before
    if cure == "step_back":
        assert done.code == 0, done.err
        assert cured.starts == begun(cure)
        assert cured.recorded
    else:
        assert done.code == CODES[cure], done.err
        assert cured.starts == (["startup", "unwrap"] if cure == "more_looks" else ["startup"])
        assert warned(done) == []


def test_esd_is_switched_off(cured: Cured) -> None:
    cured.fails("esd_off")
    assert process(cured, "esd_off", "--xml-only").code == 0
    assert cured.asked["do esd"] == "True"
    process(cured, "esd_off")
    assert cured.asked["do esd"] == "False"


def test_looks_are_doubled_where_that_is_allowed(cured: Cured) -> None:
    cured.fails("more_looks")
    done = process(cured, "more_looks")
    assert (cured.asked["range looks"], cured.asked["azimuth looks"]) == ("6", "4")
    assert cured.starts == begun("more_looks")
    assert cured.ran[-3:] == ["mergebursts", "filter", "unwrap"]
    assert TOLD["more_looks"] in done.err
    assert done.code == ENGINE  # the folder that the stand-in leaves has the looks of before
    assert str(LOOKS) not in done.error[0]


def test_looks_stay_where_it_is_not_allowed(cured: Cured) -> None:
    cured.fails("more_looks")
    done = cured.process()
    assert done.code == RESOURCES
    assert cured.starts == ["startup", "unwrap"]
    assert cured.asked["range looks"] == str(LOOKS.range)


def dem_edges(work: Path) -> tuple[float, float]:
    """West and north of the DEM that topsApp reads: its first sample (degrees)."""
    root = ET.parse(work / "dem.wgs84.xml").getroot()
    starts = {
        axis.get("name"): float(str(item.findtext("value")))
        for axis in root.iter("component")
        for item in axis.findall("property")
        if item.get("name") == "startingvalue"
    }
    return starts["coordinate1"], starts["coordinate2"]


def test_dem_has_twice_the_margin(cured: Cured) -> None:
    cured.fails("enlarge_dem")
    assert process(cured, "enlarge_dem", "--xml-only").code == 0
    west, north = dem_edges(cured.work)
    process(cured, "enlarge_dem")
    wider, higher = dem_edges(cured.work)
    step = 0.01  # degrees, between two samples
    assert west - wider == pytest.approx(BUFFER, abs=1.5 * step)
    assert higher - north == pytest.approx(BUFFER, abs=1.5 * step)


def test_dem_is_made_again_when_a_later_step_was_asked_for(cured: Cured) -> None:
    cured.fails()
    assert cured.process("--to", "topo").code == 0
    (cured.folder / "script.json").write_text(json.dumps({"topo": [{}, FAILED["enlarge_dem"][1], {}]}))
    done = cured.process("--from", "topo", "--to", "topo")
    assert done.code == 0, done.err
    assert cured.starts == ["startup", "topo", "verifyDEM"]


def test_dem_that_reaches_no_further_is_told_of(cured: Cured, tmp_path: Path) -> None:
    """Doing the same again would fail again."""
    bounds = cured.inputs.reference.bounds
    near = 0.06
    dem = write_dem(tmp_path / "near.tif", (bounds[0] - near, bounds[1] - near, bounds[2] + near, bounds[3] + near))
    cured.fails("enlarge_dem")
    done = cured.process("--dem", str(dem), dem={"buffer": 0.2})
    assert done.code == NO_DATA
    assert "only in part" in done.error[1]
    assert cured.starts == ["startup"]
    assert warned(done) == []


def test_different_cures_in_one_run(cured: Cured) -> None:
    cured.fails("enlarge_dem", "esd_off", "step_back")
    done = process(cured, "esd_off")
    assert done.code == 0, done.err
    assert cured.starts == begun("enlarge_dem", "esd_off", "step_back")
    assert len(warned(done)) == len(cured.recorded) == 3


def test_a_failure_without_a_cure_ends_the_run(cured: Cured) -> None:
    (cured.folder / "script.json").write_text(json.dumps({"filter": {"say": "what is this?", "exit": 1}}))
    done = cured.process()
    assert done.code == ENGINE
    assert cured.starts == ["startup"]
    assert "what is this?" in done.err


# --- topsApp itself -------------------------------------------------------------------------------------------

REAL = pytest.mark.parametrize("topsapp", [pytest.param("real", marks=pytest.mark.isce2)], indirect=True)


@dataclass(frozen=True)
class Finished:
    """A finished run, in whose folder others are cured.

    Attributes
    ----------
    workdir : Path
        Of the run.
    maps : dict
        Checksums of its maps.
    """

    workdir: Path
    maps: dict[str, str]

    @property
    def pair(self) -> Path:
        return pair_folder(self.workdir)

    def forget(self, step: str) -> None:
        """Make a step of topsApp the next one, in a run that is not done."""
        forget_from(work_folder(self.pair), step)
        (self.pair / "run.json").unlink()

    def run(
        self, topsapp: Workbench, *options: str, config: dict[str, object] | None = None
    ) -> tuple[list[str], str]:
        """Run to the end; give the steps of topsApp that were begun, and what was told of cures."""
        file = self.workdir / "dinsar.yaml"
        file.write_text(json.dumps(config or {}))
        before = len(started(self.workdir))
        topsapp.run(self.workdir, *options, str(file))
        stages = json.loads((self.pair / "run.json").read_text())["stages"]
        return started(self.workdir)[before:], " ".join(stages["process"]["details"]["cures"])


@pytest.fixture(scope="module")
def finished(topsapp: Workbench, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    workdir = tmp_path_factory.mktemp("finished")
    return Finished(workdir, products(topsapp.run(workdir)))


@REAL
def test_short_interferogram_is_filtered_again(topsapp: Workbench, finished: Finished) -> None:
    finished.forget("unwrap")
    file = work_folder(finished.pair) / "merged" / "filt_topophase.flat"
    os.truncate(file, file.stat().st_size // 2)
    steps, told = finished.run(topsapp)
    assert steps == ["unwrap", "filter", "unwrap"]
    assert TOLD["step_back"] in told
    assert products(finished.pair) == finished.maps


@REAL
def test_half_a_state_is_made_again(topsapp: Workbench, finished: Finished) -> None:
    """That is seen before topsApp is started, and needs no cure."""
    finished.forget("unwrap")
    state = work_folder(finished.pair) / "PICKLE" / "filter"
    os.truncate(state, state.stat().st_size // 2)
    assert finished.run(topsapp) == (["filter", "unwrap"], "")
    assert products(finished.pair) == finished.maps


@REAL
def test_without_esd_the_map_is_that_of_a_run_without(topsapp: Workbench, finished: Finished) -> None:
    config: dict[str, object] = {"topsapp": {"do_esd": True, "esd_coherence_threshold": 1.0}}
    steps, told = finished.run(topsapp, config=config)
    again = list(STEPS[STEPS.index("subsetoverlaps") :])
    assert steps == [*again[: again.index("esd") + 1], *again]
    assert TOLD["esd_off"] in told
    assert products(finished.pair) == finished.maps


@REAL
def test_killed_unwrapping_gives_the_map_of_more_looks(topsapp: Workbench, finished: Finished) -> None:
    """The grid of the map stays that of the looks that were asked for."""
    finished.forget("unwrap")
    with ThreadPoolExecutor() as pool:
        killed = pool.submit(kill_once, topsapp, finished.workdir, "unwrap")
        steps, told = finished.run(topsapp, config={"unwrap": {"short_of_memory": "more_looks"}})
        assert killed.result()
    assert steps == ["unwrap", "mergebursts", "filter", "unwrap"]
    assert "It has 14x4 looks now instead of 7x2" in told
    cured = products(finished.pair)
    posting = json.loads((finished.pair / "run.json").read_text())["grid"]["posting"]
    finished.forget("mergebursts")
    finished.run(topsapp, "--looks", "14x4", "--posting", repr(posting))
    assert products(finished.pair) == cured


def kill_once(topsapp: Workbench, workdir: Path, step: str) -> bool:
    """Kill topsApp as soon as it is in a step; tell whether that was in time."""
    before = started(workdir)
    deadline = time.monotonic() + _PATIENCE
    while step not in started(workdir)[len(before) :]:
        assert time.monotonic() < deadline, f"{step} did not start"
        time.sleep(0.01)
    processes = topsapp.processes()
    for process in processes:
        process.kill()
    return bool(processes)


@REAL
def test_dem_below_high_ground_is_made_larger(topsapp: Workbench, tmp_path: Path) -> None:
    """Ground that is 1 km higher lies 1.5 km nearer to the satellite, beyond the footprints of the scenes."""
    with rasterio.open(topsapp.stack.dem) as low, rasterio.open(tmp_path / "high.tif", "w", **low.profile) as high:
        high.write(low.read() + 1000)
    (tmp_path / "dinsar.yaml").write_text(json.dumps({"dem": {"buffer": 0}}))
    command = topsapp.command(tmp_path, "--dem", str(tmp_path / "high.tif"), str(tmp_path / "dinsar.yaml"))
    home = f"ISCE_HOME={topsapp.environment['ISCE_HOME']}"
    asked = command[len(PROGRAM) + 1 :]
    done = run_apart("process", *asked, "--to", "topo", before=("env", home), timeout=_PATIENCE)
    assert done.code == 0, done.err
    assert "The DEM is made again with a margin of 0.1 degrees" in done.err
    again = list(STEPS[STEPS.index("verifyDEM") : STEPS.index("topo") + 1])
    assert started(tmp_path)[-2:] == again
    assert started(tmp_path).count("topo") == 2
