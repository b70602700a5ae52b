"""The real MintPy runs what is written for it, and finds what is true and what dinsar finds."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray

from dinsar_cli.errors import DinsarError
from dinsar_cli.timeseries.mintpy.installation import MintPy
from dinsar_cli.timeseries.mintpy.second_opinion import options_of
from dinsar_cli.timeseries.run import Choices
from support.command import Outcome, run_apart
from support.runs_of_pairs import DAYS, HOME, SEA, SHADOW, WAVELENGTH, Runs, sequential

Dinsar = Callable[..., Outcome]
RUNS = Runs()
OPTIONS = ("--with", "mintpy", "--mintpy-python")
LAND = np.ones(RUNS.grid.shape, bool)
LAND[SEA] = LAND[SHADOW] = False


def read(path: Path) -> NDArray[Any]:
    with rasterio.open(path) as dataset:
        values: NDArray[Any] = dataset.read(1)
    return values


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return RUNS.write_stack(tmp_path_factory.mktemp("stack"), sequential(3))


def by_name(record: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["cells_of"]: row for row in record["comparison"]}


@pytest.mark.long
def test_smallbaselineapp_runs_the_set_to_velocity_as_it_is_and_offline(
    stack: Path, mintpy: MintPy, tmp_path: Path
) -> None:
    """All its steps, by its program alone; all triangles of these maps close, of which MintPy 1.6.4 ends."""
    h5py = pytest.importorskip("h5py")
    assert run_apart("export", stack, "--format", "mintpy", "--into", tmp_path).code == 0
    folder = tmp_path / "mintpy"
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "ftp_proxy"), "http://127.0.0.1:9")
    ended = subprocess.run(
        [mintpy.python, "-m", "mintpy.cli.smallbaselineApp", "mintpy.cfg"],
        cwd=folder,
        env=mintpy.environment(tmp_path) | nowhere,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    with h5py.File(folder / "velocity.h5") as file:
        velocity, told = file["velocity"][:], dict(file.attrs)
    assert (int(told["REF_Y"]), int(told["REF_X"])) == HOME
    with h5py.File(folder / "numInvIfgram.h5") as file:
        solved = file["mask"][:]
    np.testing.assert_array_equal(solved == 12, LAND)  # no pair and no cell is left out
    error = (velocity - RUNS.velocity)[LAND]
    assert error.std() < 2e-3
    assert np.polyfit(RUNS.velocity[LAND], velocity[LAND], 1)[0] == pytest.approx(1, abs=0.01)
    with h5py.File(folder / "inputs" / "ifgramStack.h5") as file:
        assert set(file) >= {"unwrapPhase", "coherence", "connectComponent", "wrapPhase"}
        assert file["bperp"][:].tolist() == pytest.approx([10 * number - 40 for number in range(12)])
        assert file["dropIfgram"][:].all()
        assert float(file.attrs["WAVELENGTH"]) == pytest.approx(WAVELENGTH)
    with h5py.File(folder / "waterMask.h5") as file:
        assert not file["waterMask"][:][SEA].any()
        assert file["waterMask"][:].sum() == LAND.size - LAND[SEA].size
    with h5py.File(folder / "inputs" / "geometryGeo.h5") as file:
        assert file["shadowMask"][:][SHADOW].all()
        assert file["incidenceAngle"][HOME] == pytest.approx(38, abs=1e-4)


def test_both_velocities_are_the_same_where_dates_count_alike(stack: Path, mintpy: MintPy, dinsar: Dinsar) -> None:
    done = dinsar("timeseries", stack, *OPTIONS, mintpy.python, "--json")
    assert done.code == 0, done.err
    record, folder = json.loads(done.out)["mintpy"], stack / "series" / "mintpy"
    assert record == json.loads((folder / "mintpy.json").read_text())
    assert record["mintpy"] == mintpy.version
    every = by_name(record)["all"]
    assert every["dates_alike"]["cells"] == np.count_nonzero(LAND)
    assert every["dates_alike"]["rms"] < 5e-5  # m a year: the same sigma by coherence, but not the same formula
    assert every["dates_alike"]["gain"] == pytest.approx(1, abs=1e-3)
    assert every["given"]["rms"] < 5e-5  # there is no atmosphere by which dates could differ
    assert sum(row["given"]["cells"] for name, row in by_name(record).items() if name != "all") == LAND.sum()
    velocity = read(folder / "velocity.tif")
    np.testing.assert_array_equal(np.isfinite(velocity), LAND)
    assert (velocity - RUNS.velocity)[LAND].std() < 2e-3
    own = read(stack / "series" / "velocity.tif")
    np.testing.assert_allclose(read(folder / "velocity_difference.tif"), own - velocity, atol=1e-7)
    assert np.nanmin(read(folder / "temporal_coherence.tif")) > 0.9
    for day in DAYS:
        moved = read(folder / f"displacement_{day:%Y%m%d}.tif")
        expected = read(stack / "series" / f"displacement_{day:%Y%m%d}.tif")
        assert np.nanstd(moved - expected) < 2e-5
    assert "Normal end" in (folder / "mintpy.log").read_text()
    assert not list(folder.glob(".read_*"))


@pytest.mark.long
def test_what_both_are_asked_for_is_the_same(stack: Path, mintpy: MintPy, tmp_path: Path, dinsar: Dinsar) -> None:
    """A date that is dropped, a jump, equal weights; the second run does not take anything of a first one."""
    asked = ("--drop-dates", str(DAYS[1]), "--step", str(DAYS[3]), "--output", tmp_path)
    weights = ("--mintpy-option", "networkInversion.weightFunc=no")
    done = dinsar("timeseries", stack, *asked, *OPTIONS, mintpy.python, *weights)
    assert done.code == 0, done.err
    record = json.loads((tmp_path / "mintpy" / "mintpy.json").read_text())
    assert record["dates"] == [str(day) for day in DAYS if day != DAYS[1]]
    assert record["options"] == {"timeFunc.stepDate": f"{DAYS[3]:%Y%m%d}", "networkInversion.weightFunc": "no"}
    text = (tmp_path / "mintpy" / "run" / "mintpy.cfg").read_text()
    assert "mintpy.networkInversion.weightFunc = no\n" in text
    assert by_name(record)["all"]["dates_alike"]["rms"] < 5e-4
    assert "RMS, dates alike" in done.out


@pytest.mark.parametrize(
    ("option", "words"), [("mintpy.networkInversion.weightFun=no", "weightFunc"), ("deramp", "KEY=VALUE")]
)
def test_keys_that_mintpy_does_not_know_are_refused(option: str, words: str, mintpy: MintPy) -> None:
    """It would take no notice of them."""
    with pytest.raises(DinsarError) as error:
        options_of(mintpy, [option], Choices())
    assert words in error.value.remedy
    assert options_of(mintpy, ["mintpy.deramp=linear"], Choices(seasonal=True)) == {
        "timeFunc.periodic": "1",
        "deramp": "linear",
    }


@pytest.mark.long
def test_what_mintpy_fails_of_is_told_in_words(stack: Path, mintpy: MintPy, tmp_path: Path, dinsar: Dinsar) -> None:
    """No cell is as coherent in time as that."""
    option = ("--mintpy-option", "networkInversion.minTempCoh=1.1")
    done = dinsar("timeseries", stack, "--output", tmp_path, *OPTIONS, mintpy.python, *option)
    assert done.code == 6
    problem, cause, remedy = done.error
    assert "step invert_network" in problem
    assert "Too few cells" in cause
    assert "minTempCoh=0.5" in remedy
    assert str(tmp_path / "mintpy" / "mintpy.log") in remedy
