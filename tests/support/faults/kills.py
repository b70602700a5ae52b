"""Runs that are killed at random moments, and go on."""

from __future__ import annotations

import shutil
import subprocess
import time

import numpy as np

from support.command import PROGRAM
from support.faults.tally import SmallRun, Tally, kill_group, refusal, run_command

_CHAIN = 5  # kills of one run at most


def kill_runs(run: SmallRun, kills: int, random: np.random.Generator, tally: Tally, kind: str) -> None:
    """Kill a run at random moments, go on each time, and compare the map at the end with the undisturbed one.

    Parameters
    ----------
    run : SmallRun
        What is run.
    kills : int
        In all.
    random : Generator
        Tells when.
    tally : Tally
        Gets what came out.
    kind : str
        Under which.
    """
    done = chain = 0
    while done < kills:
        name = f"killed-{chain}"
        for _ in range(min(_CHAIN, kills - done)):
            process = subprocess.Popen(
                run.command(name), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
            )
            _wait(process, float(random.uniform(0.0, 1.1 * run.seconds)))
            ended = process.poll() is not None
            kill_group(process)
            done += 1
            status = run_command([*PROGRAM, "status", "--workdir", str(run.folder / name / "work")])
            tally.count(kind, refusal(status) and f"{name}: status after it: {refusal(status)}")
            if ended:
                break
        last = run.run(name)
        wrong = f"{name} does not go on: {last.err[-300:]}" if last.code else run.differs(name)
        left = [path.name for path in (run.folder / name).rglob("*.part")]
        if wrong or left:
            tally.fail(kind, f"{name}: {wrong or f'left {left}'}")
        else:
            shutil.rmtree(run.folder / name)
        chain += 1


def _wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        time.sleep(0.01)
