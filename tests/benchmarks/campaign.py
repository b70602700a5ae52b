"""Put faults into everything: ``python tests/benchmarks/campaign.py [--kills 100] [--mutations 10000] ...``.

Runs are killed at random moments and go on; they get too little disk, memory and permission; bits turn in all kinds
of files; input is damaged at random before it is read. Printed is a table of what was tried and what failed, and
each failure. All of it is drawn from ``--seed``. With ``--isce2-kills`` topsApp is killed too, on the pair in
``DINSAR_TEST_PAIR``. Some 25 minutes on two cores with the defaults.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from support.faults.canaries import look_for_secrets
from support.faults.kills import kill_runs
from support.faults.mutations import mutate_all
from support.faults.rot import turn_bits
from support.faults.starved import starve
from support.faults.tally import SmallRun, Tally


def isce2_run(folder: Path) -> SmallRun:
    """Make a map of the pair with topsApp once."""
    pair = Path(os.environ["DINSAR_TEST_PAIR"])
    scenes = [option for path in sorted(pair.glob("*.zip")) for option in ("--slc", path)]
    dem = next((pair / "dem").glob("*.tif"))
    options = (*scenes, "--orbits", pair / "orbits", "--dem", dem, "--dem-datum", "ellipsoid")
    return SmallRun.of(folder, ("run", *options, "--looks", "19x7", "--engine", "isce2", "-q"))


def _try_all(wanted: argparse.Namespace, random: np.random.Generator, tally: Tally) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # for a user without rights
        run = SmallRun.make(folder)
        mutate_all(run, wanted.mutations, random, tally)
        kill_runs(run, wanted.kills, random, tally, "killed runs of eos")
        starve(run, wanted.starved, random, tally)
        turn_bits(run, wanted.rot, random, tally)
        if wanted.secrets:
            look_for_secrets(folder / "secrets", tally)
        if wanted.isce2_kills:
            kill_runs(isce2_run(folder / "isce2"), wanted.isce2_kills, random, tally, "killed runs of isce2")


def main() -> int:
    """Do what is asked for, and print the table; 1 when something failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, count in (
        ("kills", 100),
        ("isce2-kills", 0),
        ("starved", 20),
        ("rot", 200),
        ("mutations", 10_000),
        ("secrets", 1),
        ("seed", 1),
    ):
        parser.add_argument(f"--{name}", type=int, default=count)
    wanted = parser.parse_args()
    random, tally, started = np.random.default_rng(wanted.seed), Tally(), time.monotonic()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was tried is told whoever ends it
    try:
        _try_all(wanted, random, tally)
    finally:
        print(tally.table())
        print(f"took {time.monotonic() - started:.0f} s")
    return min(1, len(tally.failures))


if __name__ == "__main__":
    sys.exit(main())
