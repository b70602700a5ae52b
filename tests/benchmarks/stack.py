"""Stacks of many dates: ``python tests/benchmarks/stack.py [COLUMNS [BURSTS [DATES ...]]]``.

Dates are simulated (2,200 columns, 2 bursts; 6 and 12 of them), and each call is a process of its own: a single
run of the first two, a stack of ``sequential:3``, one more date for it, and a call that finds all done. Processor
and wall time, peak memory and disk of each. From two numbers of dates follows what a stack of 30 dates takes, and
of whole bursts of 25,000 columns as much more as they have more samples.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

FAR, WIDE, MANY = 30, 25_000, 3  # dates, columns and bursts that are told without a run
LINKS = 3  # later dates with which each makes pairs


@dataclass(frozen=True)
class Cost:
    """What a call took."""

    cpu: float
    wall: float
    memory: float
    disk: float

    def row(self, name: str) -> str:
        """Return a line of the table."""
        return f"{name:<36} {self.cpu:7.1f} {self.wall:7.1f} {self.memory:7.0f} {self.disk:7.0f}"


def pairs_of(dates: int) -> int:
    """Number of pairs of some dates."""
    return sum(min(LINKS, dates - 1 - number) for number in range(dates))


def call(folder: Path, made: Path, *arguments: object) -> Cost:
    """Run a command, and give what it took; what it makes is in a folder."""
    command = [sys.executable, "-m", "dinsar_cli", *map(str, arguments), "-q"]
    started = time.monotonic()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, arguments
    # files with several names count once
    files = {found.stat().st_ino: found.stat().st_size for found in made.rglob("*") if found.is_file()}
    wall = time.monotonic() - started
    return Cost(used.ru_utime + used.ru_stime, wall, used.ru_maxrss / 1e3, sum(files.values()) / 1e6)


def measure(folder: Path, columns: int, bursts: int, dates: int) -> Cost:
    """Print what a number of dates takes; give the stack."""
    scene = folder / "scene"
    shape = ("--columns", columns, "--bursts", bursts, "--dates", dates + 1)
    call(folder, scene, "simulate", scene, *shape, "--deformation", "bowl", "--peak=-40")
    products = sorted((scene / "slc").iterdir())

    def given(count: int) -> list[object]:
        scenes = (part for one in products[:count] for part in ("--slc", one))
        ground = ("--dem", scene / "dem" / "dem.tif", "--dem-datum", "ellipsoid", "--cache", "cache")
        return [*scenes, "--orbits", scene / "orbits", *ground]

    def stack(count: int) -> Cost:
        many = ("--network", f"sequential:{LINKS}", "--output", "stack")
        return call(folder, folder / "stack", "stack", *given(count), *many)

    single = call(folder, folder / "runs", "run", "--engine", "eos", *given(2), "--workdir", "runs")
    shutil.rmtree(folder / "cache")
    whole, added, nothing = stack(dates), stack(dates + 1), stack(dates + 1)
    print(single.row("a single run of two dates"))
    print(whole.row(f"{dates} dates, {pairs_of(dates)} pairs"))
    print(added.row(f"one more date, {LINKS} pairs"))
    print(nothing.row("all is done"))
    each = whole.cpu / pairs_of(dates)
    print(f"  a pair: {each:.2f} s of processor time, {each / single.cpu:.2f} x a single run", flush=True)
    return whole


def far(few: tuple[int, Cost], many: tuple[int, Cost]) -> Cost:
    """Return what `FAR` dates take, by what dates with their pairs added between two stacks; memory stays."""
    share = (FAR - few[0]) / (many[0] - few[0])
    cpu, wall, disk = (
        getattr(few[1], name) + share * (getattr(many[1], name) - getattr(few[1], name))
        for name in ("cpu", "wall", "disk")
    )
    return Cost(cpu, wall, max(few[1].memory, many[1].memory), disk)


def main(columns: str = "2200", bursts: str = "2", *counts: str) -> None:
    """Print the table."""
    print(f"{f'{bursts} bursts of {columns} columns':<36} {'CPU s':>7} {'wall s':>7} {'peak MB':>7} {'disk MB':>7}")
    found = []
    for count in [int(one) for one in counts] or [6, 12]:
        with tempfile.TemporaryDirectory() as name:
            found.append((count, measure(Path(name), int(columns), int(bursts), count)))
    if len(found) > 1:
        told = far(found[0], found[-1])
        print(told.row(f"{FAR} dates, {pairs_of(FAR)} pairs, extrapolated"))
        more = WIDE * MANY / (int(columns) * int(bursts))
        larger = Cost(told.cpu * more, told.wall * more, told.memory, told.disk * more)
        print(larger.row(f"and of {MANY} bursts of {WIDE} columns"))


if __name__ == "__main__":
    main(*sys.argv[1:])
