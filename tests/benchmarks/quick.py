"""What has to be quick: ``python tests/benchmarks/quick.py [REPEATS]``.

Seconds from the start of a command until it has said what is wrong (the median of some runs), the share of a
core that watching memory and disk of a run costs, and what reading an orbit file of a day and watching a line of
topsApp's output take.
"""

from __future__ import annotations

import gzip
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from dinsar_cli.engines.topsapp.process.diagnose import watch
from dinsar_cli.engines.topsapp.process.monitor import Monitor
from dinsar_cli.sentinel1.orbit_file import read_orbit_file
from support.command import run_apart
from support.orbit_text import eof, regular
from support.run_inputs import write_inputs

FILES = 2000
LOGS = Path(__file__).parents[1] / "engines" / "topsapp" / "process" / "failures"
WATCHED = 3.0  # s


def refusals(folder: Path) -> dict[str, tuple[object, ...]]:
    """Commands that are refused, by what is wrong with them."""
    inputs = write_inputs(folder / "inputs")
    foreign = folder / "demo" / "scene"
    foreign.mkdir(parents=True)
    (foreign / "precious.txt").touch()
    work = ("--workdir", folder / "work")
    return {
        "no command of that name": ("rum",),
        "no area": ("run", "--roi", "1,2,0,3", "--start", "2023-01-01", "--end", "2023-01-13", *work),
        "no engine": ("run", *inputs.options(), "--engine", "isce3", *work),
        "the same scene twice": ("run", *inputs.options(slc=[inputs.scenes[0]] * 2), *work),
        "no orbit files": ("run", *inputs.options(orbits=folder / "demo"), *work),
        "a folder of somebody else": ("demo", "--workdir", foreign.parent),
    }


def watching(folder: Path) -> float:
    """Share of a core that watching a folder of many files costs."""
    for number in range(FILES):
        (folder / str(number)).touch()
    with Monitor(os.getpid(), folder) as monitor:
        started, used = time.monotonic(), time.process_time()
        while time.monotonic() - started < WATCHED:
            time.sleep(0.01)
            monitor.take()
        return (time.process_time() - used) / (time.monotonic() - started)


def reading(folder: Path) -> float:
    """Seconds for an orbit file of a whole day."""
    path = folder / "S1A_OPER_AUX_POEORB_OPOD_20230924T080641_V20230904T060000_20230905T080000.EOF"
    path.write_text(eof(regular(9361)))
    started = time.process_time()
    read_orbit_file(path)
    return time.process_time() - started


def line_of_topsapp() -> float:
    """Seconds for each line of topsApp's output."""
    lines = gzip.decompress(max(LOGS.glob("healthy*.log.gz")).read_bytes()).decode().splitlines() * 20
    started = time.process_time()
    for line in lines:
        watch(line, "topo")
    return (time.process_time() - started) / len(lines)


def main(repeats: str = "3") -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for what, command in refusals(folder).items():
            outcomes = [run_apart(*command) for _ in range(int(repeats))]
            assert {outcome.code for outcome in outcomes} <= {2, 3}, outcomes[0].err
            print(f"{what:<30} {statistics.median(outcome.seconds for outcome in outcomes):6.2f} s")
        (folder / "watched").mkdir()
        print(f"{f'watching {FILES} files':<30} {watching(folder / 'watched'):6.1%}")
        print(f"{'orbit file of a day':<30} {reading(folder):6.2f} s")
        print(f"{'a line of topsApp':<30} {line_of_topsapp() * 1e6:6.1f} us")


if __name__ == "__main__":
    main(*sys.argv[1:])
