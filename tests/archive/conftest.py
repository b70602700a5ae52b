"""A small simulated archive, and clients of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from dinsar_cli.simulate import Scenario, SimulatedStack, Terrain, simulate
from support.archive import Archive

CENTRE = (-8.85, 31.35)
BASELINE = 80.0


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> SimulatedStack:
    scenario = Scenario(
        centre=CENTRE,
        swaths=(1, 2),
        bursts=3,
        columns=100,
        lake=None,
        baselines=(BASELINE,),
        terrain=Terrain(relief=500.0, margin=0.02),
    )
    return simulate(scenario, tmp_path_factory.mktemp("simulated") / "new")


@pytest.fixture
def archive(simulated: SimulatedStack) -> Iterator[Archive]:
    with Archive.from_simulation(simulated.folder) as running:
        yield running
    assert running.errors == []


@pytest.fixture
def child(archive: Archive, tmp_path: Path) -> Callable[..., Any]:
    """Run Python code in a process of its own; its last line is JSON."""

    def run(code: str, **more: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=archive.env(tmp_path, **more),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


@pytest.fixture
def web(archive: Archive) -> Iterator[requests.Session]:
    """A client in this process."""
    with requests.Session() as session:
        session.trust_env = False
        session.proxies = {"https": archive.proxy_url, "http": archive.proxy_url}
        session.verify = str(archive.ca_file)
        yield session
