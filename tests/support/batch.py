"""Batches of small local pairs, as a user starts them, and schedulers of Dask for them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from support.command import PROGRAM, Outcome, run_apart
from support.faults.tally import PAIR, area
from support.run_inputs import Inputs, write_inputs

COLUMNS = ("name", "slc", "orbits", "dem", "dem_datum", "looks", "roi", "engine", "memory")
WAIT = 900.0  # s for what has to come


def small_inputs(folder: Path) -> Inputs:
    """Write the two scenes of a run of seconds."""
    return write_inputs(folder, PAIR, dem_step=0.001)


def write_csv(path: Path, inputs: Inputs, names: list[str], **changes: str) -> Path:
    """Write a batch of equal pairs; changed columns as ``looks="4x2"``."""
    path.write_text("\n".join([",".join(COLUMNS), *rows_of(inputs, names, **changes), ""]), encoding="utf-8")
    return path


def rows_of(inputs: Inputs, names: list[str], **changes: str) -> list[str]:
    """Return the rows of such a batch."""
    values = {"slc": ";".join(map(str, inputs.scenes)), "orbits": str(inputs.orbits), "dem": str(inputs.dem)}
    values |= {
        "dem_datum": "ellipsoid",
        "looks": "4x2",
        "roi": area(inputs),
        "engine": "eos",
        "memory": "",
    } | changes
    return [",".join([name, *(values[column] for column in COLUMNS[1:])]) for name in names]


@dataclass(frozen=True)
class SmallBatch:
    """A batch in a folder of its own."""

    file: Path
    folder: Path

    @property
    def work(self) -> Path:
        return self.folder / "work"

    @property
    def arguments(self) -> list[str]:
        return ["batch", *map(str, (self.file, "--workdir", self.work, "--cache", self.folder / "cache"))]

    def run(self, *more: object, timeout: float = WAIT) -> Outcome:
        """Run it to its end."""
        return run_apart(*self.arguments, *more, timeout=timeout)

    def start(self, *more: object) -> subprocess.Popen[bytes]:
        """Start it, and do not wait."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "said.txt").open("ab") as said:
            command = [*PROGRAM, *self.arguments, *map(str, more)]
            return subprocess.Popen(command, stdout=said, stderr=said, start_new_session=True)

    @property
    def said(self) -> str:
        return (self.folder / "said.txt").read_text(encoding="utf-8", errors="replace")

    @property
    def state(self) -> dict[str, Any]:
        """Records of the runs, by name."""
        record = json.loads((self.work / "batch.json").read_text(encoding="utf-8"))
        return {job["name"]: job for job in record["jobs"]}

    def runs(self) -> list[psutil.Process]:
        """Processes that work in its folders, wherever they were started: runs and what holds them."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                line = process.cmdline()
                if "run" in line and any(part.startswith(str(self.work)) for part in line):
                    found.append(process)
        return found

    def wait_for_run(self, process: subprocess.Popen[bytes], seconds: float = WAIT) -> bool:
        """Wait until a run is under way; false when the batch ends before."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and process.poll() is None:
            if self.runs():
                return True
            time.sleep(0.05)
        return False

    def wait_until_quiet(self, seconds: float = 30.0) -> list[psutil.Process]:
        """Wait until nothing works in its folders any more; what is left is given."""
        until = time.monotonic() + seconds
        while (left := self.runs()) and time.monotonic() < until:
            time.sleep(0.1)
        return left

    def maps(self) -> dict[str, bytes]:
        """Content of each map, by the name of its run."""
        return {
            path.relative_to(self.work).parts[0]: path.read_bytes()
            for path in self.work.glob("*/T*/products/los_displacement.tif")
        }


def workers_of(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """Processes of the workers that a batch on this machine has started."""
    found = []
    with suppress(psutil.Error):
        for child in psutil.Process(process.pid).children():
            with suppress(psutil.Error):
                if "spawn_main" in " ".join(child.cmdline()):
                    found.append(child)
    return found


@contextmanager
def scheduler(folder: Path, workers: int) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """Start a scheduler of Dask on a free port of this machine, and workers; give its address and the processes."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "scheduler.txt"
    log.unlink(missing_ok=True)
    python = [sys.executable, "-m"]
    options = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--dashboard-address", "127.0.0.1:0"]
    processes = []
    try:
        with log.open("wb") as said:
            processes.append(
                subprocess.Popen(
                    [*python, "distributed.cli.dask_scheduler", *options],
                    stdout=said, stderr=said, start_new_session=True,
                )
            )  # fmt: skip
        until = time.monotonic() + WAIT
        while not (found := re.search(r"tcp://127\.0\.0\.1:\d+", log.read_text(errors="replace"))):
            assert time.monotonic() < until, log.read_text(errors="replace")
            time.sleep(0.1)
        for number in range(workers):
            with (folder / f"worker-{number}.txt").open("wb") as said:
                options = [
                    "--nthreads",
                    "1",
                    "--memory-limit",
                    "0",
                    "--no-dashboard",
                    "--local-directory",
                    str(folder),
                ]
                processes.append(
                    subprocess.Popen(
                        [*python, "distributed.cli.dask_worker", found[0], *options, "--local-directory", folder],
                        stdout=said, stderr=said, start_new_session=True,
                    )
                )  # fmt: skip
        yield found[0], processes
    finally:
        for process in processes:
            end_group(process)


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a process with all that it started and that is still in its group."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
