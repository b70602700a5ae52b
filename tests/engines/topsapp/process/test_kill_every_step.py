"""Kill -9 in every step of topsApp, one after the other, in one run: with a replay, and with itself (isce2)."""

from __future__ import annotations

import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from dinsar_cli.engines.topsapp.settings.steps import STEPS, next_step
from support.topsapp.started import started
from support.topsapp.workbench import Workbench, pair_folder, products, work_folder

_PATIENCE = 180.0  # s for a step to start


def kill_in(topsapp: Workbench, workdir: Path, step: str) -> bool:
    """Run the program until a step starts, and kill it there; tell whether it was in time."""
    before = len(started(workdir))
    processes: list[psutil.Process] = []
    topsapp.hold(workdir, step)
    with subprocess.Popen(
        topsapp.command(workdir), env=topsapp.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as program:
        deadline = time.monotonic() + _PATIENCE
        while step not in started(workdir)[before:] and program.poll() is None:
            assert time.monotonic() < deadline, f"{step} did not start"
            time.sleep(0.005)
        with suppress(psutil.NoSuchProcess):  # it may be done with the step, and all that follow
            processes = topsapp.processes(program.pid)
        program.kill()
    for process in processes:
        process.wait(20)
    topsapp.release(workdir)
    return next_step(work_folder(pair_folder(workdir))) == step


@pytest.mark.long
def test_killed_in_every_step_it_goes_on_there(topsapp: Workbench, tmp_path: Path) -> None:
    """A step of real topsApp can be over before the kill comes: then it goes on at the one after it."""
    whole = topsapp.run(tmp_path / "whole")
    workdir = tmp_path / "killed"
    workdir.mkdir()
    in_time = []
    for step in STEPS:
        expected = next_step(work_folder(pair_folder(workdir))) if started(workdir) else STEPS[0]
        if STEPS.index(expected or STEPS[-1]) > STEPS.index(step):
            continue
        before = len(started(workdir))
        in_time += [step] if kill_in(topsapp, workdir, step) else []
        assert started(workdir)[before] == expected
    killed = topsapp.run(workdir)
    assert products(killed) == products(whole)
    slow = {"topo", "fineoffsets", "fineresamp", "burstifg", "mergebursts", "filter", "unwrap"}
    assert set(in_time) == set(STEPS) if topsapp.replayed else set(in_time) >= slow
