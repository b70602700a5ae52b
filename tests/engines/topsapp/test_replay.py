"""The engine isce2 from inputs to maps: with a replay of topsApp, and with itself under the marker isce2."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

from dinsar_cli.compare.truth import compare, read_map
from dinsar_cli.engines.topsapp.results.finished_folder import FinishedRun
from dinsar_cli.engines.topsapp.settings.steps import STEPS
from dinsar_cli.engines.topsapp.unwrapping.unseen import cells_of
from dinsar_cli.errors import DinsarError, EngineError, ResourceError
from dinsar_cli.radar.interferogram import Interferogram
from support.look_cells import misplaced
from support.topsapp.recording import FOLDER, OTHER_STRENGTH, SCENARIO, Recording, Rows, pack, unpack
from support.topsapp.replay_topsapp import REFUSED
from support.topsapp.workbench import Workbench, other_swath, pair_folder, products, states, work_folder

_PATIENCE = 120.0  # s for a real topsApp to come to a step


@pytest.fixture(scope="module")
def finished(topsapp: Workbench, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the pair after ``dinsar run``."""
    return topsapp.run(tmp_path_factory.mktemp("finished"))


def test_map_meets_truth(topsapp: Workbench, finished: Path) -> None:
    found = compare(finished, topsapp.stack.folder).statistics
    assert found.sign == "right"
    assert found.rmse <= 0.3e-3
    assert found.p99 <= 1e-3
    assert found.coverage > 0.93


def test_interferogram_is_described_as_it_is(finished: Path) -> None:
    made = Interferogram.load(finished / "radar")
    assert made.perpendicular_baseline == pytest.approx(SCENARIO.baseline(1), abs=0.5)
    assert made.reference_date[:10] == SCENARIO.dates[0].isoformat()
    [(line, _, _)] = made.burst_seams
    known = np.isfinite(made.layer("latitude").read())
    assert known[line - 10 : line + 10].any(axis=1).all()  # the area lies on both sides of the seam
    first, second = made.layer("amplitude").read()
    both = np.isfinite(first) & np.isfinite(second)
    assert both.any()
    # the same ground, seen twice: what the scene has now is what topsApp had when it was recorded
    assert np.corrcoef(first[both], second[both])[0, 1] > 0.5
    assert np.median(second[both]) == pytest.approx(np.median(first[both]), rel=0.05)


def test_look_cells_are_where_the_layers_have_them(topsapp: Workbench, finished: Path) -> None:
    run = FinishedRun.open(work_folder(finished))
    assert misplaced(Interferogram.load(finished / "radar"), cells_of(run)) < 0.05


def test_killed_run_goes_on_at_the_step(topsapp: Workbench, finished: Path, tmp_path: Path) -> None:
    topsapp.hold(tmp_path, "topo")
    with subprocess.Popen(
        topsapp.command(tmp_path), env=topsapp.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as program:
        wait_for(lambda: any(tmp_path.glob("T*/*/geom_reference/IW1/lat_01.rdr")))
        processes = topsapp.processes(program.pid)
        program.kill()
    wait_for(lambda: all(map(has_ended, processes)))
    assert processes
    topsapp.release(tmp_path)
    work = work_folder(pair_folder(tmp_path))
    before = states(work)
    assert set(before) == set(STEPS[: STEPS.index("topo")])
    pair = topsapp.run(tmp_path)
    after = states(work)
    assert set(after) == set(STEPS)
    assert {step: after[step] for step in before} == before
    assert products(pair) == products(finished)


def test_failed_step_is_named_and_gone_on_from(topsapp: Workbench, finished: Path) -> None:
    work = work_folder(finished)
    before = Interferogram.load(finished / "radar").layer("unwrapped").read()
    lost = work / "merged" / "filt_topophase.flat"
    kept = lost.rename(work / "kept")
    (work / "PICKLE" / "unwrap").unlink()
    inputs = topsapp.inputs()
    with pytest.raises(EngineError) as caught:
        topsapp.process(finished, inputs)
    assert "unwrap" in caught.value.problem
    assert "can't open file merged/filt_topophase.flat" in "\n".join(caught.value.details)
    assert "unwrap" not in states(work)
    kept.rename(lost)
    topsapp.process(finished, inputs)
    assert set(states(work)) == set(STEPS)
    after = Interferogram.load(finished / "radar").layer("unwrapped").read()
    np.testing.assert_array_equal(after, before)


def test_subswath_that_is_not_there_is_told(topsapp: Workbench, tmp_path: Path) -> None:
    """TopsApp prints it, runs on, and fails three steps later with an IndexError."""
    with pytest.raises(DinsarError) as caught:
        topsapp.process(tmp_path / "pair", other_swath(topsapp.inputs(), "IW2"))
    told = caught.value
    assert "preprocess" in f"{told.problem} {told.cause} {told.remedy}"
    assert "topo" not in states(work_folder(tmp_path / "pair"))


def test_killed_topsapp_is_memory(topsapp: Workbench, tmp_path: Path) -> None:
    topsapp.hold(tmp_path, "topo")
    killed = []

    def kill(step: str, *_: object) -> None:
        if step == "topo" and not killed:
            wait_for(lambda: any((tmp_path / "pair").glob("*/geom_reference/IW1/lat_01.rdr")))
            for process in topsapp.processes():
                killed.append(process.pid)
                process.kill()

    with pytest.raises(ResourceError, match="killed in its step topo"):
        topsapp.process(tmp_path / "pair", topsapp.inputs(), kill)
    assert killed
    assert set(states(work_folder(tmp_path / "pair"))) == set(STEPS[: STEPS.index("topo")])


def test_no_step_starts_without_the_state_before_it(topsapp: Workbench, finished: Path, tmp_path: Path) -> None:
    work = with_settings(work_folder(finished), tmp_path)
    done = topsapp.direct(work, "topo", "topo")
    assert done.returncode == 1
    assert "Cannot open PICKLE/verifyDEM" in done.stdout
    assert not (work / "PICKLE" / "topo").exists()


def test_other_strength_starts_at_the_filter(topsapp: Workbench, finished: Path) -> None:
    """The last of those that use the finished run, because it leaves another."""
    work = work_folder(finished)
    before, stronger = states(work), read_map(finished / "products" / "los_displacement.tif").values
    topsapp.run(finished.parent, "--filter-strength", str(OTHER_STRENGTH))
    after = states(work)
    assert [step for step in STEPS if after[step] != before[step]] == ["filter", "unwrap"]
    assert compare(finished, topsapp.stack.folder).statistics.rmse <= 0.3e-3
    difference = stronger - read_map(finished / "products" / "los_displacement.tif").values
    assert 1e-6 < np.nanstd(difference) < 0.3e-3


@pytest.mark.parametrize(("option", "value"), [("looks", "9x3"), ("roi", "-8.859 31.346 -8.84 31.364")])
def test_replay_refuses_what_was_not_recorded(replayed: Workbench, tmp_path: Path, option: str, value: str) -> None:
    with pytest.raises(EngineError, match=rf"code {REFUSED}") as caught:
        replayed.process(tmp_path / "pair", replayed.inputs(**{option: value}))
    assert "was not recorded" in caught.value.cause
    assert not list(tmp_path.glob("pair/*/PICKLE/*"))


@pytest.fixture
def prepared_work(replayed: Workbench, tmp_path: Path) -> Path:
    """A folder with what topsApp reads: the engine writes it, and stops at a subswath that is not there."""
    with pytest.raises(DinsarError):
        replayed.process(tmp_path / "pair", other_swath(replayed.inputs(), "IW2"))
    work = with_settings(work_folder(tmp_path / "pair"), tmp_path)
    settings = work / "topsApp.xml"
    settings.write_text(settings.read_text().replace(">[2]<", ">[1]<"))
    return work


def test_replay_dies_where_it_is_told(replayed: Workbench, prepared_work: Path) -> None:
    (prepared_work / "replay.json").write_text(json.dumps({"preprocess": "die"}))
    assert replayed.direct(prepared_work, STEPS[0], STEPS[-1]).returncode == -signal.SIGKILL
    assert set(states(prepared_work)) == {STEPS[0]}


def test_replay_takes_the_recorded_time(replayed: Workbench, recording: Recording, prepared_work: Path) -> None:
    work = prepared_work
    assert replayed.direct(work, STEPS[0], "preprocess").returncode == 0
    whole = recording.take("whole")
    times = [seconds for seconds, step, _ in whole.lines if step == "preprocess"]
    wanted = 0.3
    (work / "replay.json").write_text(json.dumps({"speed": (times[-1] - times[0]) / wanted}))
    started = time.monotonic()
    done = replayed.direct(work, "preprocess", "preprocess")
    assert time.monotonic() - started >= wanted
    lines = [text for _, step, text in whole.lines if step == "preprocess"]
    said = done.stdout.splitlines()[-len(lines) :]
    assert [line for line in said if "/" not in line] == [
        line for line in lines if "/" not in line and "@" not in line
    ]
    assert str(replayed.stack.products[0][0]) in done.stdout


def test_recording_is_of_the_scenes_that_are_simulated(recording: Recording) -> None:
    assert recording.scenario == repr(SCENARIO)
    assert recording.take("whole").played == list(STEPS)


def test_recording_is_small_and_tells_nothing_of_its_machine(recording: Recording) -> None:
    assert (FOLDER / "pair.zip").stat().st_size <= 1_500_000
    texts = [text for take in recording.takes for text in take.texts.values()]
    texts += [text for take in recording.takes for _, _, text in take.lines]
    absolute = re.compile(r"(?<![\w@.<])/[\w.-]+/")
    assert [text for text in texts if absolute.search(text)] == []
    assert [path for take in recording.takes for _, path, _ in take.files if path.startswith(("/", ".."))] == []


def test_recording_is_saved_as_it_was_loaded(recording: Recording, tmp_path: Path) -> None:
    recording.save(tmp_path / "again.zip")
    assert Recording.load(tmp_path / "again.zip") == recording


@pytest.mark.parametrize("kind", ["f8", "f4", "c8", "u1"])
def test_packed_samples_are_given_back_bit_by_bit(kind: str) -> None:
    line, band, sample = np.indices((7, 2, 11))
    smooth = 31 + 1e-4 * line - 3e-5 * sample**2 + band
    values = np.ascontiguousarray((smooth * (1 - 2j) if kind == "c8" else smooth).astype(kind))
    values[3, 1, 4] = 0
    whole = f"<u{values.itemsize // (2 if kind == 'c8' else 1)}"
    packed, orders = pack(values.view(whole))
    rows = Rows(0, 0, 7, 2, 11, whole, orders)
    assert unpack(packed, rows).tobytes() == values.tobytes()


def with_settings(work: Path, folder: Path) -> Path:
    """A folder with what topsApp reads, and nothing that it wrote."""
    for name in ("topsApp.xml", "reference.xml", "secondary.xml", "dem.wgs84", "dem.wgs84.xml", "dem.wgs84.vrt"):
        shutil.copy(work / name, folder / name)
    return folder


def has_ended(process: psutil.Process) -> bool:
    """Whether a process runs no more, reaped or not."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
