"""Whole runs on a scene that 180 degrees of longitude crosses, by the program as users start it."""

from __future__ import annotations

import json
import re
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from dinsar_cli.compare.truth import Comparison, compare
from dinsar_cli.simulate import Scenario, SimulatedStack, Terrain, simulate
from support.archive import Archive
from support.command import PROGRAM, Outcome, run_apart

USAGE = 2
ASKED = "179.9 -16.7 -179.98 -16.5"
"""Across 180 degrees, inside the scene."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> SimulatedStack:
    scenario = Scenario(
        centre=(179.98, -16.6), swaths=(1, 2), bursts=2, columns=2100, terrain=Terrain(relief=500.0, margin=0.25)
    )
    return simulate(scenario, tmp_path_factory.mktemp("fiji") / "pair")


@pytest.fixture
def local(stack: SimulatedStack, tmp_path: Path) -> list[str]:
    """Options of a run with local files."""
    scenes = [part for date in stack.products for path in date for part in ("--slc", str(path))]
    files = ["--orbits", str(stack.orbits[0].parent), "--dem", str(stack.dem), "--dem-datum", "ellipsoid"]
    return [*scenes, *files, "--looks", "7x2", "--cache", str(tmp_path / "cache"), "-q"]


def sides(remedy: str) -> list[str]:
    """The areas that a remedy names."""
    found = re.findall(r"--roi '(.+?)'", remedy)
    assert len(found) == 2
    return found


def judged(workdir: Path, stack: SimulatedStack) -> Comparison:
    """The map in a working folder against the truth."""
    (folder,) = workdir.glob("T*")
    return compare(folder, stack.truth)


def bounds(workdir: Path) -> tuple[float, float, float, float]:
    (path,) = workdir.glob("T*/products/los_displacement.tif")
    with rasterio.open(path) as dataset:
        return tuple(dataset.bounds)


# --- the scene ---------------------------------------------------------------------------------------------------


def test_the_simulated_scene_is_as_real_ones_are(stack: SimulatedStack) -> None:
    """Longitudes of the product end at 180, as in the archive; those of the DEM run on, as of dem_stitcher."""
    text = b""
    with zipfile.ZipFile(stack.products[0][0]) as archive:
        for member in archive.namelist():
            text += archive.read(member) if re.search(r"SAFE/annotation/[^/]+\.xml$", member) else b""
    found = np.array([float(value) for value in re.findall(rb"<longitude>([^<]+)</longitude>", text)])
    assert np.abs(found).max() <= 180
    assert (found > 179).any()
    assert (found < -179).any()
    with rasterio.open(stack.dem) as dem:
        assert dem.bounds.left < 179.9
        assert dem.bounds.right > 180.1


# --- local files ------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_without_an_area_both_areas_of_the_remedy_give_a_map(
    local: list[str], stack: SimulatedStack, tmp_path: Path
) -> None:
    """The scene is refused as a whole; what is followed to the letter plans, runs, and meets the truth."""
    for command in ("plan", "run"):
        refused = run_apart(command, *local, "--engine", "eos", "--workdir", tmp_path / "whole")
        assert refused.code == USAGE
        assert "lies across the antimeridian" in refused.error[0]
    ends = []
    for number, area in enumerate(sides(refused.error[2])):
        work = tmp_path / str(number)
        options = [*local, "--engine", "eos", "--roi", area, "--workdir", work]
        assert run_apart("plan", *options).code == 0
        done = run_apart("run", *options)
        assert done.code == 0, done.err
        found = judged(work, stack)
        assert found.statistics.rmse < 0.3e-3
        assert found.statistics.coverage > 0.95
        assert found.statistics.sign == "right"
        assert max(map(abs, (*found.burst_steps, *found.swath_steps))) < 0.1
        ends.append(bounds(work))
    assert ends[0][2] == pytest.approx(180.0, abs=1e-9)
    assert ends[1][0] == pytest.approx(-180.0, abs=1e-9)


def test_every_way_to_give_the_area_is_refused_with_one_remedy(local: list[str], tmp_path: Path) -> None:
    said = {
        run_apart(command, *local, "--roi", area, "--workdir", tmp_path / "work").error[1:]
        for command in ("plan", "run")
        for area in (ASKED, "179.9 -16.7 180.02 -16.5", f"POLYGON(({_ring()}))")
    }
    assert len(said) == 1
    assert not (tmp_path / "work").exists() or not list((tmp_path / "work").glob("T*"))


def _ring() -> str:
    return "179.9 -16.7,180.02 -16.7,180.02 -16.5,179.9 -16.5,179.9 -16.7"


@pytest.mark.isce2
def test_isce2_maps_both_sides(local: list[str], stack: SimulatedStack, tmp_path: Path) -> None:
    """Its topo knows longitudes of -180 to 180 only: there the Earth is turned, and back."""
    maps = {}
    for engine in ("isce2", "eos"):
        for area in ("179.9 -16.7 180 -16.5", "-180 -16.7 -179.95 -16.5"):
            work = tmp_path / engine / area[:4]
            options = [*local, "--engine", engine, "--roi", area, "--workdir", work, "--reference-point", "none"]
            done = run_apart("run", *options, timeout=900)
            assert done.code == 0, done.err
            found = maps[engine, area] = judged(work, stack)
            assert found.statistics.rmse < 0.3e-3
            assert found.statistics.coverage > 0.9
            assert max(map(abs, (*found.burst_steps, *found.swath_steps))) < 0.1
            assert not list(work.glob("T*/isce2/turned"))  # of what topsApp needs nothing is left
    for area in ("179.9 -16.7 180 -16.5", "-180 -16.7 -179.95 -16.5"):
        one, other = maps["isce2", area], maps["eos", area]
        assert one.result.shape == other.result.shape
        difference = (one.residual - other.residual)[np.isfinite(one.residual) & np.isfinite(other.residual)]
        assert np.std(difference) < 0.3e-3


# --- from the archive -------------------------------------------------------------------------------------------

Remote = Callable[..., Outcome]


@pytest.fixture
def archive(stack: SimulatedStack) -> Iterator[Archive]:
    with Archive.from_simulation(stack.folder) as running:
        yield running
    assert running.errors == []
    assert running.refused == []


@pytest.fixture
def remote(archive: Archive, tmp_path: Path) -> Remote:
    """Run a command with an account and nothing but the archive."""
    archive.log_in(tmp_path)
    env = archive.env(tmp_path)
    env.pop("ISCE_HOME", None)

    def run(command: str, *options: object) -> Outcome:
        asked = ["--start", "2023-09-01", "--end", "2023-09-20", *map(str, options)]
        done = subprocess.run(
            [*PROGRAM, command, *asked],
            env=env,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr, 0.0)

    return run


def plan_of(remote: Remote, area: str) -> dict[str, Any]:
    done = remote("plan", "--roi", area, "--engine", "eos", "--json")
    assert done.code == 0, done.err
    record: dict[str, Any] = json.loads(done.out)
    return record


@pytest.mark.long
def test_an_area_across_180_is_refused_before_a_byte_and_both_remedies_give_a_map(
    archive: Archive, remote: Remote, stack: SimulatedStack, tmp_path: Path
) -> None:
    """The plan of either side needs the four tiles around it, and not a belt around the Earth."""
    for command in ("search", "plan", "fetch", "run"):
        refused = remote(command, "--roi", ASKED)
        assert refused.code == USAGE
        assert "lies across the antimeridian" in refused.error[0]
    assert archive.log == []
    for number, area in enumerate(sides(refused.error[2])):
        assert re.search(r"\b[2-6] tiles of Copernicus GLO-30", json.dumps(plan_of(remote, area)))
        way = ("scenes", "bursts")[number]
        options = ["--engine", "eos", "--looks", "7x2", "--slc-download", way, "--workdir", str(number)]
        done = remote("run", "--roi", area, *options)
        assert done.code == 0, done.err
        found = judged(tmp_path / str(number), stack)
        assert found.statistics.rmse < 0.3e-3
        assert found.statistics.coverage > 0.95


def test_the_map_of_a_search_is_as_wide_as_its_scenes(remote: Remote, tmp_path: Path) -> None:
    """Footprints cut at 180 are drawn whole, beside the area: a degree or so, and not a turn."""
    done = remote("search", "--roi", "-180 -16.7 -179.98 -16.5", "--map", "map.html", "--geojson", "found.json")
    assert done.code == 0, done.err
    (drawing,) = re.findall(r'viewBox="([^"]+)"', (tmp_path / "map.html").read_text())
    _, _, width, height = map(float, drawing.split())
    assert 0.2 < height / width < 5
    found = json.loads((tmp_path / "found.json").read_text())
    outlines = [feature["geometry"] for feature in found["features"]]
    assert {outline["type"] for outline in outlines} == {"MultiPolygon"}  # cut: RFC 7946, section 3.1.9
