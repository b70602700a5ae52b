"""What has to be quick: ``python tests/benchmarks/quick.py [REPEATS]``.

Seconds from the start of a command until it has said what is wrong (the median of some runs), and the share of a
core that watching memory and disk of a run costs.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from command import run_apart
from dinsar_cli.engines.topsapp.monitor import Monitor
from run_inputs import write_inputs

FILES = 2000
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


if __name__ == "__main__":
    main(*sys.argv[1:])
