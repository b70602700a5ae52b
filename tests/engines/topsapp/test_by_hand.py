"""topsApp.xml edited by hand, single steps, scripts, and what stays: with a replay, and with topsApp (isce2)."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from dinsar_cli.base.disk import disk_use
from dinsar_cli.engines.topsapp.by_hand import _STEP_SCRIPT
from dinsar_cli.engines.topsapp.settings.phase_sigma import PHASE_SIGMA
from dinsar_cli.engines.topsapp.settings.steps import STEPS
from support.command import PROGRAM, Outcome, run_apart
from support.topsapp.workbench import Workbench, pair_folder, products, states, work_folder


@pytest.fixture(scope="module")
def finished(topsapp: Workbench, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return topsapp.run(tmp_path_factory.mktemp("finished"))


def process(topsapp: Workbench, workdir: Path, *options: str) -> Outcome:
    """``dinsar process`` with the options of `Workbench.command`."""
    command = topsapp.command(workdir, *options)
    assert command[: len(PROGRAM) + 1] == [*PROGRAM, "run"]
    home = f"ISCE_HOME={topsapp.environment['ISCE_HOME']}"
    return run_apart("process", *command[len(PROGRAM) + 1 :], before=("env", home), timeout=300)


@pytest.mark.long
def test_steps_in_two_parts(topsapp: Workbench, finished: Path, tmp_path: Path) -> None:
    first = process(topsapp, tmp_path, "--to", "topo")
    assert first.code == 0, first.err
    work = work_folder(pair_folder(tmp_path))
    assert set(states(work)) == set(STEPS[: STEPS.index("topo") + 1])
    before = states(work)
    second = process(topsapp, tmp_path, "--from", "topo", "--to", "subsetoverlaps")
    assert second.code == 0, second.err
    assert states(work)["topo"] > before["topo"]
    assert states(work)["verifyDEM"] == before["verifyDEM"]
    early = process(topsapp, tmp_path, "--from", "unwrap")
    assert early.code == 2
    assert "coarseoffsets" in early.error[1]
    assert products(topsapp.run(tmp_path)) == products(finished)


def test_edited_strength_is_seen_and_respected(topsapp: Workbench, tmp_path: Path) -> None:
    pair = topsapp.run(tmp_path)
    work, maps = work_folder(pair), products(pair)
    before = states(work)
    settings = work / "topsApp.xml"
    text = settings.read_text()
    assert text.count(">0.5<") == 1
    settings.write_text(text.replace(">0.5<", ">0.4<"))
    seen = process(topsapp, tmp_path)
    assert seen.code == 2
    assert "topsApp.xml" in seen.error[0]
    assert states(work) == before
    topsapp.run(tmp_path, "--use-existing-xml")
    assert ">0.4<" in settings.read_text()
    assert [step for step in STEPS if states(work)[step] != before[step]] == ["filter", "unwrap"]
    assert products(pair) != maps


@pytest.mark.long
def test_edited_settings_of_the_phase_sigma_are_seen_and_respected(topsapp: Workbench, tmp_path: Path) -> None:
    pair = topsapp.run(tmp_path)
    work = work_folder(pair)
    before = states(work)
    settings = work / PHASE_SIGMA
    settings.write_text(settings.read_text().replace(">-58<", ">200<"))
    seen = process(topsapp, tmp_path)
    assert seen.code == 2
    assert PHASE_SIGMA in seen.error[0]
    topsapp.run(tmp_path, "--use-existing-xml")
    assert ">200<" in settings.read_text()
    assert [step for step in STEPS if states(work)[step] != before[step]] == ["filter", "unwrap"]


def test_scripts_run_by_hand_are_gone_on_from(topsapp: Workbench, finished: Path, tmp_path: Path) -> None:
    written = process(topsapp, tmp_path, "--write-script")
    assert written.code == 0, written.err
    work = work_folder(pair_folder(tmp_path))
    scripts = sorted((work / "run_files").glob("run_??_*.sh"))
    assert len(scripts) == len(STEPS)
    assert str(scripts[0]) in written.out
    assert "--start=unwrap2stage --end=geocode" in (work / "run_files" / "go_on_after_unwrap.sh").read_text()
    environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    for script in scripts[: STEPS.index("topo")]:
        subprocess.run([script], env=environment, cwd="/", check=True, stdout=subprocess.DEVNULL)
    before = states(work)
    assert set(before) == set(STEPS[: STEPS.index("topo")])
    pair = topsapp.run(tmp_path)
    assert {step: states(work)[step] for step in before} == before
    assert products(pair) == products(finished)


def test_work_is_removed_when_the_map_is_made(topsapp: Workbench, finished: Path, tmp_path: Path) -> None:
    pair = topsapp.run(tmp_path, "--intermediates", "geocoded")
    work = work_folder(pair)
    assert {path.name for path in work.iterdir()} == {
        "topsApp.xml",
        "reference.xml",
        "secondary.xml",
        PHASE_SIGMA,
        "settings.json",
    }
    freed = json.loads((pair / "run.json").read_text())["freed_bytes"]
    assert freed > (0 if topsapp.replayed else 10) * disk_use(pair)  # a replay leaves files with holes
    assert products(pair) == products(finished)
    made = (pair / "products" / "los_displacement.tif").stat().st_mtime_ns
    topsapp.run(tmp_path, "--intermediates", "geocoded")
    assert (pair / "products" / "los_displacement.tif").stat().st_mtime_ns == made
    assert not (work / "PICKLE").exists()


def test_work_of_somebody_else_is_left_alone(topsapp: Workbench, tmp_path: Path) -> None:
    process(topsapp, tmp_path, "--xml-only")
    work = work_folder(pair_folder(tmp_path))
    (work / "settings.json").unlink()
    (work / "PICKLE").mkdir()
    (work / "PICKLE" / "startup").write_bytes(b"state.")
    found = process(topsapp, tmp_path)
    assert found.code == 2
    assert "not started" in found.error[0]
    assert (work / "PICKLE" / "startup").is_file()


def test_scripts_mend_what_numpy_2_does_to_the_states(tmp_path: Path) -> None:
    """topsApp writes ``np.int64(0)`` into its states, and cannot load that."""
    script = tmp_path / "run_files" / "run_05_topo.sh"
    script.parent.mkdir()
    script.write_text(_STEP_SCRIPT.format(step="topo", environment="environment.sh"))
    (tmp_path / "environment.sh").write_text("ISCE_PYTHON=true\nISCE_HOME=.\n")
    states = tmp_path / "PICKLE"
    states.mkdir()
    (states / "verifyDEM.xml").write_text("<value>[np.int64(-3), -1, np.float64(1.5e-07)]</value>")
    (states / "startup.xml").write_text("<doc>index (np) for</doc>")
    subprocess.run(["sh", str(script)], cwd="/", check=True)
    assert (states / "verifyDEM.xml").read_text() == "<value>[-3, -1, 1.5e-07]</value>"
    assert (states / "startup.xml").read_text() == "<doc>index (np) for</doc>"
    assert sorted(path.name for path in states.iterdir()) == ["startup.xml", "verifyDEM.xml"]
