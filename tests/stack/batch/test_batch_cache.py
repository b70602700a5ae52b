"""The shared cache: runs that want the same data at the same time fetch it once, and none disturbs another."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from dinsar_cli.simulate import Scenario, Terrain, simulate
from support.archive import Archive
from support.command import PROGRAM
from support.job_inputs import BUCKET, QUICK, SPAN, STORE, TILES, Job

pytest.importorskip("eos")
pytestmark = pytest.mark.long

RUNS, ROUNDS = 5, 3
ENDINGS = (".EOF", ".tif", ".zip")


def test_runs_that_fetch_the_same_at_the_same_time(tmp_path: Path) -> None:
    scenario = Scenario(columns=500, lake=None, terrain=Terrain(relief=400.0, margin=0.05))
    stack = simulate(scenario, tmp_path / "stack")
    for number in range(ROUNDS):
        home = tmp_path / f"home-{number}"
        home.mkdir()
        with Archive.from_simulation(stack.folder) as archive:
            archive.log_in(home)
            job = Job(archive, stack, home)
            options = job.options(*SPAN, "--slc-download", "scenes")
            fetching = [
                subprocess.Popen(
                    [*PROGRAM, "fetch", *options, "--workdir", str(home / f"{n}")],
                    env=archive.env(home, **QUICK),
                    cwd=home,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                )
                for n in range(RUNS)
            ]
            said = [process.communicate(timeout=300)[1].decode() for process in fetching]
            assert [process.returncode for process in fetching] == [0] * RUNS, "\n".join(said)
            for server in (STORE, BUCKET, TILES):
                sent = [(one.request.path, one.sent) for one in archive.requests(server, method="GET")]
                largest = dict(sorted(sent))
                whole = [path for path, size in sent if size == largest[path] and path.endswith(ENDINGS)]
                assert whole, server
                assert len(whole) == len(set(whole)), whole  # what was asked for again after a stall is not whole
            assert [path.name for path in home.rglob("*.part*")] == []
