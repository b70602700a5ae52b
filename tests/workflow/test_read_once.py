"""What a run is given is read once: counted in the program itself, in its own process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import rasterio

from dinsar_cli.simulate import Scenario, SimulatedStack, Terrain, simulate
from support.archive import Archive

COUNTING = """
import atexit, json, sys
from pathlib import Path
from dinsar_cli.geo import roi
from dinsar_cli.sentinel1 import orbit_file
seen = []
def counted(module, name, what):
    plain = getattr(module, name)
    def told(given):
        seen.append(what(given))
        return plain(given)
    setattr(module, name, told)
counted(roi, "_number_list", lambda text: "roi")  # what parse_roi begins with, whoever calls it
counted(orbit_file, "_read_xml", lambda path: path.name)
counts = Path(sys.argv.pop(1))
atexit.register(lambda: counts.write_text(json.dumps(seen)))
from dinsar_cli.cli import main
main()
"""


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> SimulatedStack:
    scenario = Scenario(
        centre=(-8.85, 31.35),
        swaths=(1,),
        bursts=2,
        columns=400,
        lake=None,
        baselines=(80.0,),
        terrain=Terrain(relief=500.0, margin=0.05),
    )
    return simulate(scenario, tmp_path_factory.mktemp("simulated") / "new")


@pytest.fixture
def archive(simulated: SimulatedStack) -> Iterator[Archive]:
    with Archive([], simulated.orbits, simulated.dem) as running:
        yield running
    assert running.errors == []
    assert running.refused == []


def area_of(simulated: SimulatedStack) -> str:
    """Almost all that the DEM covers."""
    with rasterio.open(simulated.dem) as dataset:
        west, south, east, north = dataset.bounds
    return f"{west + 0.01} {south + 0.01} {east - 0.01} {north - 0.01}"


def read(archive: Archive, simulated: SimulatedStack, folder: Path, command: str, *options: object) -> Counter[str]:
    """How often a command reads the area and each orbit file."""
    counts = folder / "counts.json"
    scenes = [part for products in simulated.products for product in products for part in ("--slc", product)]
    words = [command, *scenes, "--roi", area_of(simulated), "--engine", "eos", "--looks", "5x2", *options]
    done = subprocess.run(
        [sys.executable, "-c", COUNTING, counts, *words, "--workdir", folder / "work"],
        env=archive.env(folder),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Counter(json.loads(counts.read_text()))


def test_a_run_reads_area_and_orbit_files_once(archive: Archive, simulated: SimulatedStack, tmp_path: Path) -> None:
    """With inputs from the archive, from the cache, and local ones."""
    once = Counter({"roi": 1} | {path.name: 1 for path in simulated.orbits})
    assert read(archive, simulated, tmp_path, "run") == once
    assert read(archive, simulated, tmp_path, "run", "--ramp", "plane") == once
    files = ("--orbits", simulated.orbits[0].parent, "--dem", simulated.dem, "--dem-datum", "ellipsoid")
    assert read(archive, simulated, tmp_path, "fetch", *files) == once
    assert read(archive, simulated, tmp_path, "plan", *files) == once
