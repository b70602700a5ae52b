"""A stack of three dates by the real topsApp: truth, the maps of the embedded engine, one topo, and a kill."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray

from dinsar_cli.engines.topsapp.settings.steps import STEPS
from dinsar_cli.simulate import Scenario, SimulatedStack, simulate
from support.archive import Archive
from support.catalog_inputs import run_online
from support.command import PROGRAM, Outcome, run_apart
from support.fetching import wait_until
from support.job_inputs import STORE, area
from support.topsapp.isce2_process import find_isce2
from support.truth import warped

pytestmark = [pytest.mark.isce2, pytest.mark.long]

DAYS = ("20230904", "20230916", "20230928")
FIRST, SECOND, THIRD = PAIRS = ("20230904_20230916", "20230904_20230928", "20230916_20230928")
_PATIENCE = 1800.0  # s
Array = NDArray[Any]


@dataclass(frozen=True)
class Made:
    """A stack by one engine.

    Attributes
    ----------
    scene : SimulatedStack
    folder : Path
        For stack and cache.
    """

    scene: SimulatedStack
    folder: Path

    def command(self, engine: str, products: Sequence[Path]) -> list[str]:
        given = [text for path in products for text in ("--slc", str(path))]
        files = ("--orbits", self.scene.orbits[0].parent, "--dem", self.scene.dem, "--dem-datum", "ellipsoid")
        return [*given, *map(str, (*files, "--engine", engine, "--cache", self.folder.parent / "cache"))]

    def run(self, engine: str) -> Outcome:
        return run_apart(*self.stack(engine), timeout=_PATIENCE)

    def stack(self, engine: str) -> list[str]:
        products = [slices[0] for slices in self.scene.products]
        return [
            *("stack", *self.command(engine, products), "--network", "sequential:2", "--looks", "19x7"),
            *("--output", str(self.folder)),
        ]

    def path(self, pair: str, name: str = "los_displacement") -> Path:
        return self.folder / "pairs" / pair / "products" / f"{name}.tif"

    def read(self, pair: str, name: str = "los_displacement") -> Array:
        return read(self.path(pair, name))

    def started(self, pair: str) -> list[str]:
        """Steps of topsApp in the order in which they were started, over all its processes."""
        lines = (self.folder / "pairs" / pair / "logs" / "00_topsApp.log").read_text(errors="replace").splitlines()
        dated = (line.split(" ") for line in lines if line.startswith("20"))
        return [words[1] for words in dated if len(words) == 2 and words[1] in STEPS]


def read(path: Path) -> Array:
    with rasterio.open(path) as dataset:
        values: Array = dataset.read(1)
    return values


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> SimulatedStack:
    found, reason = find_isce2()
    if found is None:
        pytest.skip(reason)
    first = Scenario().dates[0]
    scenario = Scenario(
        dates=tuple(first + timedelta(days=12 * number) for number in range(3)),
        columns=2000,
        lake=None,
        baselines=(40.0, -60.0),
    )
    return simulate(scenario, tmp_path_factory.mktemp("scene") / "new")


@pytest.fixture(scope="module")
def topsapp(scene: SimulatedStack, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The stack by topsApp, killed in the second pair and begun again."""
    made = Made(scene, tmp_path_factory.mktemp("isce2") / "stack")
    process = subprocess.Popen(
        [*PROGRAM, *made.stack("isce2")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    killed = made.folder / "pairs" / SECOND / "isce2" / "PICKLE" / "coarseoffsets"
    wait_until(lambda: process.poll() is not None or killed.is_file(), _PATIENCE)
    assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = made.run("isce2")
    assert done.code == 0, done.err
    return made


def test_pairs_and_steps_that_are_done_are_not_made_again(topsapp: Made) -> None:
    assert topsapp.started(FIRST) == list(STEPS)
    assert topsapp.started(THIRD) == list(STEPS)
    second = topsapp.started(SECOND)
    assert "topo" not in second  # that of the first pair
    assert second.count("preprocess") == 1
    assert len(second) - len(set(second)) <= 1  # only the step in which it was killed is begun twice
    before = {path: path.stat().st_mtime_ns for pair in PAIRS for path in topsapp.path(pair).parent.glob("*.tif")}
    assert topsapp.run("isce2").code == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert topsapp.started(SECOND) == second


def test_maps_show_the_true_motion_on_one_grid_with_one_reference(topsapp: Made) -> None:
    record = json.loads((topsapp.folder / "stack.json").read_text(encoding="utf-8"))
    place, grids, references, at = record["reference"], set(), set(), dict[str, Array]()
    for day in DAYS[1:]:
        at[day] = warped(topsapp.scene.folder / "truth" / f"los_displacement_{day}.tif", topsapp.path(FIRST))
    at[DAYS[0]] = np.zeros_like(at[DAYS[1]])
    for pair in PAIRS:
        with rasterio.open(topsapp.path(pair)) as dataset:
            grids.add((dataset.transform, dataset.shape, str(dataset.crs)))
            references.add(dataset.tags()["reference_point"])
        first, second = pair.split("_")
        found, expected = topsapp.read(pair), at[second] - at[first]
        residual = (found - expected)[np.isfinite(found) & np.isfinite(expected)]
        assert residual.size > 0.95 * np.isfinite(found).sum() > 5000
        assert np.sqrt(np.mean((residual - np.median(residual)) ** 2)) < 0.5e-3
    assert len(grids) == 1
    assert references == {f"{place['lon']:.6f},{place['lat']:.6f}"}


def test_maps_are_those_of_the_embedded_engine(topsapp: Made) -> None:
    """Engines filter and unwrap differently: they agree as two runs with the same noise do."""
    embedded = Made(topsapp.scene, topsapp.folder.parent / "eos")
    done = embedded.run("eos")
    assert done.code == 0, done.err
    for pair in PAIRS:
        with rasterio.open(topsapp.path(pair)) as one, rasterio.open(embedded.path(pair)) as other:
            assert (one.transform, one.shape, one.crs) == (other.transform, other.shape, other.crs)
        difference = topsapp.read(pair) - embedded.read(pair)
        known = difference[np.isfinite(difference)]
        assert known.size > 0.9 * np.isfinite(topsapp.read(pair)).sum()
        assert np.std(known) < 0.4e-3
    refused = embedded.run("isce2")
    assert (refused.code, "--engine eos" in refused.error[2]) == (2, True)


def test_a_shared_topo_gives_the_map_of_one_of_its_own(topsapp: Made, tmp_path: Path) -> None:
    days = dict(zip(DAYS, (slices[0] for slices in topsapp.scene.products), strict=True))
    products = [days[day] for day in SECOND.split("_")]
    like = ("--grid-like", str(topsapp.path(SECOND)), "--reference-point", "none", "--workdir", str(tmp_path))
    done = run_apart("run", *topsapp.command("isce2", products), *like, timeout=_PATIENCE)
    assert done.code == 0, done.err
    for name in ("unwrapped_phase", "coherence", "elevation", "los_vector"):
        (single,) = tmp_path.glob(f"T*/products/{name}.tif")
        np.testing.assert_array_equal(topsapp.read(SECOND, name), read(single))


def test_a_stack_from_the_archive_fetches_each_product_once(topsapp: Made, tmp_path: Path) -> None:
    scene = topsapp.scene
    with Archive.from_simulation(scene.folder) as archive:
        archive.log_in(tmp_path)
        options = ("--roi", area(scene, 0.6), "--start", "2023-09-01", "--end", "2023-09-20", "--looks", "19x7")
        command = ("stack", *options, "--engine", "isce2", "--output", "stack")
        done = run_online(archive, tmp_path, *command, timeout=_PATIENCE)
        assert done.code == 0, done.err
        record = json.loads((tmp_path / "stack" / "stack.json").read_text(encoding="utf-8"))
        assert (record["engine"], tuple(record["pairs"])) == ("isce2", (FIRST,))
        sent = archive.sent(STORE)
        assert 0 < sent <= sum(slices[0].stat().st_size for slices in scene.products[:2])
        assert run_online(archive, tmp_path, *command, timeout=_PATIENCE).code == 0
        assert archive.sent(STORE) == sent
        assert archive.errors == []
    path = tmp_path / "stack" / "pairs" / FIRST / "products" / "los_displacement.tif"
    found, expected = read(path), warped(scene.folder / "truth" / f"los_displacement_{DAYS[1]}.tif", path)
    residual = (found - expected)[np.isfinite(found) & np.isfinite(expected)]
    assert residual.size > 0.3 * found.size
    assert np.sqrt(np.mean((residual - np.median(residual)) ** 2)) < 0.5e-3
