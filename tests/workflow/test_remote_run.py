"""Whole runs whose orbit files and DEM come from the archive, by the program as users start it."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from dinsar_cli.simulate import Scenario, SimulatedStack, Terrain, simulate
from support.archive import Archive, faults, restituted
from support.command import PROGRAM, Outcome
from support.forked import run_code

BUCKET, TILES = "s1-orbits.s3.amazonaws.com", "copernicus-dem-30m.s3.amazonaws.com"
GEOIDS = "aria-geoid.s3.us-west-2.amazonaws.com"

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
counts = Path(COUNTS)
atexit.register(lambda: counts.write_text(json.dumps(seen)))
from dinsar_cli.cli import main
main()
"""


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> SimulatedStack:
    scenario = Scenario(columns=400, lake=None, terrain=Terrain(relief=500.0, margin=0.05))
    return simulate(scenario, tmp_path_factory.mktemp("simulated") / "new")


@pytest.fixture
def archive(simulated: SimulatedStack) -> Iterator[Archive]:
    with Archive([], simulated.orbits, simulated.dem) as running:
        yield running
    assert running.errors == []
    assert running.refused == []


def run(
    archive: Archive,
    simulated: SimulatedStack,
    folder: Path,
    *options: object,
    timeout: float = 20.0,
    code: str = PROGRAM[-1],
) -> Outcome:
    """``dinsar run`` in an environment that has nothing but the archive."""
    scenes = [part for products in simulated.products for product in products for part in ("--slc", str(product))]
    env = archive.env(folder, DINSAR_NETWORK_TIMEOUT=str(timeout))
    env.pop("ISCE_HOME", None)
    fixed = ("--engine", "eos", "--looks", "5x2", "--workdir", folder / "work")
    return Outcome(*run_code(code, ["run", *scenes, *map(str, (*fixed, *options))], env, timeout=180))


def displacement(folder: Path) -> np.ndarray:
    (path,) = (folder / "work").rglob("los_displacement.tif")
    with rasterio.open(path) as dataset:
        return dataset.read(1)


def journal(folder: Path) -> dict[str, Any]:
    (path,) = (folder / "work").glob("*/run.json")
    record: dict[str, Any] = json.loads(path.read_text())
    return record


def test_the_map_is_that_of_local_files(archive: Archive, simulated: SimulatedStack, tmp_path: Path) -> None:
    """Then the precise orbit of the second date goes, and what is in the cache is enough without a network."""
    remote, local = tmp_path / "remote", tmp_path / "local"
    options = ("--reference-point", "none")
    done = run(archive, simulated, remote, *options)
    assert done.code == 0, done.err
    assert f"from https://{BUCKET}/" in done.err
    assert {entry.host for entry in archive.log} == {BUCKET, TILES, GEOIDS}
    stages = journal(remote)["stages"]
    assert stages["orbits"]["details"]["kinds"] == ["POEORB", "POEORB"]
    assert stages["dem"]["details"]["datum_from"] == "egm_08"
    files = ("--orbits", simulated.orbits[0].parent, "--dem", simulated.dem, "--dem-datum", "ellipsoid")
    assert run(archive, simulated, local, *options, *files).code == 0
    ours, theirs = displacement(remote), displacement(local)
    both = np.isfinite(ours) & np.isfinite(theirs)
    assert both.sum() > 0.999 * np.isfinite(theirs).sum() > 1000
    difference = (ours - theirs)[both]
    assert np.sqrt(np.mean(difference**2)) < 1e-4

    archive.down.update(archive.hosts)
    archive.forget()
    shutil.rmtree(remote / "work")
    again = run(archive, simulated, remote, *options)
    assert again.code == 0, again.err
    assert archive.log == []
    np.testing.assert_array_equal(displacement(remote), ours)


@pytest.mark.long
def test_a_restituted_orbit_is_told_and_replaced(
    archive: Archive, simulated: SimulatedStack, tmp_path: Path
) -> None:
    first, second = simulated.orbits
    archive.orbits.files.clear()
    archive.orbits.add([first, restituted(second, tmp_path)])
    done = run(archive, simulated, tmp_path)
    assert done.code == 0, done.err
    assert "RESORB" in done.err
    assert journal(tmp_path)["stages"]["orbits"]["details"]["kinds"] == ["POEORB", "RESORB"]
    assert any("RESORB" in text for text in journal(tmp_path)["warnings"])
    archive.orbits.add([second])
    assert run(archive, simulated, tmp_path).code == 0
    assert journal(tmp_path)["stages"]["orbits"]["details"]["kinds"] == ["POEORB", "POEORB"]
    assert not any("RESORB" in text for text in journal(tmp_path)["warnings"])


def test_area_and_orbit_files_are_read_once(archive: Archive, simulated: SimulatedStack, tmp_path: Path) -> None:
    """With orbit files and DEM from the archive, and with local ones."""
    with rasterio.open(simulated.dem) as dataset:
        west, south, east, north = dataset.bounds
    counts, area = tmp_path / "counts.json", f"{west + 0.01} {south + 0.01} {east - 0.01} {north - 0.01}"
    files = ("--orbits", simulated.orbits[0].parent, "--dem", simulated.dem, "--dem-datum", "ellipsoid")
    for options in ((), files):
        code = COUNTING.replace("COUNTS", repr(str(counts)))
        done = run(archive, simulated, tmp_path, "--roi", area, *options, code=code)
        assert done.code == 0, done.err
        assert Counter(json.loads(counts.read_text())) == {"roi": 1} | {path.name: 1 for path in simulated.orbits}


HOSTS = (BUCKET, TILES, GEOIDS)
EACH = ((faults.refused(), 5), (faults.status(404), 3), (faults.bad_gateway(), 5), (faults.stall(after=200), 5))
"""Faults that each host has, with the exit code."""

ONCE = (*map(faults.status, (401, 403, 429, 500)), faults.unresolved(), faults.cut(after=200))
"""Faults that one host has; the tests of the managers go through all of them with each."""


@pytest.mark.parametrize(
    ("host", "fault", "code"),
    [
        *((host, fault, code) for host in HOSTS for fault, code in EACH),
        *((HOSTS[n % len(HOSTS)], fault, 5) for n, fault in enumerate(ONCE)),
    ],
    ids=lambda value: value.name if isinstance(value, faults.Fault) else str(value),
)
def test_failures_are_told_in_three_lines(
    archive: Archive, simulated: SimulatedStack, tmp_path: Path, host: str, fault: faults.Fault, code: int
) -> None:
    archive.fail(host, fault)
    done = run(archive, simulated, tmp_path, timeout=2.0)
    if (host, code) == (TILES, 3):
        assert done.code == 0
        assert "taken from Copernicus GLO-90" in done.err
        return
    problem, cause, _ = done.error
    assert done.code == (5 if host == GEOIDS else code), done.err
    assert "Traceback" not in done.err
    assert ("Copernicus_DSM" if host == TILES else host) in problem + cause
    assert list((tmp_path / "work").rglob("*.part")) == []


def test_options_that_contradict(archive: Archive, simulated: SimulatedStack, tmp_path: Path) -> None:
    done = run(archive, simulated, tmp_path, "--dem-datum", "egm96")
    assert (done.code, done.error[0]) == (2, "dem.datum is egm96, but dem.file is not given.")
    done = run(archive, simulated, tmp_path, "--dem-source", "srtm")
    assert done.code == 2
    assert "glo_30" in done.err
    assert archive.log == []
