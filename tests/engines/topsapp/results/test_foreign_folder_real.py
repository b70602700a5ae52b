"""``dinsar displacement`` on folders of topsApp itself, which was given the later date as its reference."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from dinsar_cli.compare.truth import Statistics, compare, on_grid, read_map
from dinsar_cli.engines.topsapp.process.installation import Installation
from dinsar_cli.simulate import Scenario, SimulatedStack, simulate
from support.command import Outcome
from support.products import read_product
from support.topsapp.direct_run import TIMEOUT, run_topsapp
from support.topsapp.isce2_process import find_isce2

pytestmark = pytest.mark.isce2


@dataclass(frozen=True)
class Finished:
    """A folder in which topsApp ran to its end, and the truth."""

    folder: Path
    stack: SimulatedStack


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    isce2, reason = find_isce2()
    if isce2 is None:
        pytest.skip(reason)
    place = tmp_path_factory.mktemp("finished")
    stack = simulate(Scenario(), place / "pair")
    folder = place / "where topsApp ran"
    folder.mkdir()
    run_topsapp(isce2, Scenario(), replace(stack, products=stack.products[::-1]), folder)
    geocode(isce2, folder)
    return Finished(Path(shutil.move(folder, place / "moved")), stack)


def geocode(isce2: Installation, folder: Path) -> None:
    """Let topsApp geocode its layers."""
    done = subprocess.run(
        [str(isce2.python), str(isce2.program), "topsApp.xml", "--start=unwrap2stage", "--end=geocode"],
        cwd=folder,
        env=isce2.environment(os.cpu_count() or 1, folder),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def check(outcome: Outcome, output: Path, stack: SimulatedStack, least_coverage: float) -> Statistics:
    """The map is made, and is the true displacement."""
    assert outcome.code == 0, outcome.err
    summary = json.loads(outcome.out)
    assert summary["reference_date"] < summary["secondary_date"]
    assert summary["perpendicular_baseline_m"] == pytest.approx(Scenario().baseline(1), abs=1.0)
    statistics = compare(output / "products" / "los_displacement.tif", stack.truth).statistics
    assert statistics.sign == "right"
    assert statistics.rmse <= 0.3e-3
    assert statistics.gain == pytest.approx(1, abs=0.01)
    assert statistics.coverage > least_coverage
    return statistics


def test_the_radar_layers_give_the_true_displacement(
    finished: Finished, tmp_path: Path, dinsar: Callable[..., Outcome]
) -> None:
    outcome = dinsar("displacement", finished.folder / "merged", "--output", tmp_path / "maps", "--json")
    check(outcome, tmp_path / "maps", finished.stack, 0.9)
    assert json.loads(outcome.out)["looks"] == "7x2"
    assert (tmp_path / "maps" / "products" / "amplitude.tif").is_file()


def test_the_geocoded_layers_give_the_true_displacement(
    finished: Finished, tmp_path: Path, dinsar: Callable[..., Outcome]
) -> None:
    folder = tmp_path / "kept"
    (folder / "merged").mkdir(parents=True)
    for path in (finished.folder / "merged").iterdir():
        if ".geo" in path.name or path.name.startswith("dem.crop"):
            shutil.copy(path, folder / "merged")
    for name in ("reference/IW1.xml", "secondary/IW1.xml", "topsProc.xml"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(finished.folder / name, folder / name)
    outcome = dinsar("displacement", folder, "--json")
    check(outcome, folder / "displacement", finished.stack, 0.9)
    products = folder / "displacement" / "products"
    result = read_map(products / "los_displacement.tif")
    los = read_product(products, "los_vector")
    motion = [on_grid(read_map(finished.stack.truth / f"{name}.tif"), result) for name in ("east", "north", "up")]
    error = sum(part * move for part, move in zip(los, motion, strict=True))
    error -= on_grid(read_map(finished.stack.truth / "los_displacement.tif"), result)
    assert np.isfinite(error).any()
    assert np.nanmax(np.abs(error)) <= 0.1e-3
    # whole metres, cut off: a shift by half a sample would make metres of the relief
    height = read_product(products, "elevation") + 0.5
    dem = on_grid(read_map(finished.stack.dem), result)
    assert np.nanpercentile(np.abs(height - dem), 99) <= 0.6
