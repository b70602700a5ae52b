"""Bytes that change on the disk while size and time stay: seen before they are read, and made again."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import rasterio

from dinsar_cli.base.file_notes import NOTES, drop_fetched, is_spoiled, note_of, prove
from dinsar_cli.base.files import sha256
from support.command import Outcome, run_apart
from support.run_inputs import Inputs

Dinsar = Callable[..., Outcome]
PAIR = "T052D_20230904_20230916"


def rot(path: Path, *, at: float = 0.5, bit: int = 0x40) -> Path:
    """Change a bit of a file, and keep its size and time."""
    before, content = path.stat(), bytearray(path.read_bytes())
    content[int(at * len(content))] ^= bit
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    return path


@dataclass(frozen=True)
class Finished:
    """A finished run, which stays where it is: paths are part of what it depends on. It can be had as it was."""

    work: Path
    copy: Path

    def restore(self) -> Path:
        """Let it be as it was, with the times of its files."""
        shutil.rmtree(self.work)
        return Path(shutil.copytree(self.copy, self.work))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, inputs: Inputs) -> Finished:
    folder = tmp_path_factory.mktemp("finished")
    outcome = run(run_apart, folder / "work", inputs)
    assert outcome.code == 0, outcome.err
    return Finished(folder / "work", Path(shutil.copytree(folder / "work", folder / "copy")))


@pytest.fixture
def work(finished: Finished) -> Path:
    """Working folder of the finished run, as it was."""
    return finished.restore()


def run(dinsar: Dinsar, work: Path, inputs: Inputs, *options: object) -> Outcome:
    folders = ("--workdir", work, "--cache", work / "cache")
    return dinsar("run", *inputs.options(), "--engine", "eos", *folders, *options)


def fetch(dinsar: Dinsar, work: Path, inputs: Inputs) -> Outcome:
    return dinsar("fetch", *inputs.options(), "--engine", "eos", "--workdir", work, "--cache", work / "cache")


def displacement(work: Path) -> np.ndarray:
    with rasterio.open(work / PAIR / "products" / "los_displacement.tif") as dataset:
        return dataset.read(1)


def contents(folder: Path, pattern: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob(pattern))}


def done_again(outcome: Outcome, stage: str) -> bool:
    lines = [line for line in outcome.err.splitlines() if line.startswith(f"{stage} ")]
    assert lines, outcome.err
    return "already done" not in lines[-1]


# --- layers on the radar grid ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["unwrapped.npy", "latitude.npy", "interferogram.json"])
def test_verify_sees_a_damaged_layer(dinsar: Dinsar, work: Path, name: str) -> None:
    rot(work / PAIR / "radar" / name)
    assert dinsar("status", "--workdir", work).code == 0
    outcome = dinsar("status", "--workdir", work, "--verify", "--json")
    assert outcome.code == 8
    changed = {name: stage["changed"] for name, stage in json.loads(outcome.out)[PAIR]["stages"].items()}
    assert {name: files for name, files in changed.items() if files} == {"process": [f"radar/{name}"]}


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("unwrapped.npy", ["--posting", "0.003"]),
        pytest.param("los.npy", ["--posting", "0.003"], marks=pytest.mark.long),
        pytest.param("cross.npy", ["--filter-strength", "0.4"], marks=pytest.mark.long),
    ],
)
def test_a_damaged_layer_never_gets_into_a_map(
    dinsar: Dinsar, finished: Finished, inputs: Inputs, name: str, options: list[str]
) -> None:
    work = finished.restore()
    assert run(dinsar, work, inputs, *options).code == 0
    truth, layers = displacement(work), contents(work / PAIR / "radar", "*.npy")
    finished.restore()
    rot(work / PAIR / "radar" / name)
    outcome = run(dinsar, work, inputs, *options)
    assert outcome.code == 0, outcome.err
    assert done_again(outcome, "interferogram")
    if name != "cross.npy":  # that one the engine proves by itself
        assert f"radar/{name} of the stage process is damaged" in outcome.err
    np.testing.assert_array_equal(displacement(work), truth)
    assert contents(work / PAIR / "radar", "*.npy") == layers
    assert dinsar("status", "--workdir", work, "--verify").code == 0


def test_a_damaged_description_is_made_again(dinsar: Dinsar, work: Path, inputs: Inputs) -> None:
    """The summary of a finished run is made from it: here the wavelength, or another number, has another digit."""
    path = work / PAIR / "radar" / "interferogram.json"
    before = path.read_text()
    rot(path, bit=1)
    outcome = run(dinsar, work, inputs)
    assert outcome.code == 0, outcome.err
    assert "radar/interferogram.json of the stage process is damaged" in outcome.err
    assert path.read_text() == before


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("unwrapped_phase.tif", ["--reference-point", "none"]),
        ("coherence.tif", ["formats.yaml"]),
        ("los_displacement.tif", ["formats.yaml"]),
    ],
)
def test_a_damaged_product_never_gets_into_another(
    dinsar: Dinsar, work: Path, inputs: Inputs, name: str, options: list[str]
) -> None:
    """The displacement is made of the phase on the map, pictures and formats of all."""
    (work / "formats.yaml").write_text("output:\n  formats: [qgis]\n")
    options = [str(work / one) if one.endswith(".yaml") else one for one in options]
    before = (work / PAIR / "products" / name).read_bytes()
    rot(work / PAIR / "products" / name)
    outcome = run(dinsar, work, inputs, *options)
    assert outcome.code == 0, outcome.err
    assert f"products/{name} of the stage " in outcome.err
    if name != "los_displacement.tif":
        assert done_again(outcome, "map layers")
    assert (work / PAIR / "products" / name).read_bytes() == before


# --- the cache --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [0.0005, pytest.param(0.3, marks=pytest.mark.long)])
def test_a_damaged_dem_in_the_cache_is_made_again(dinsar: Dinsar, work: Path, inputs: Inputs, at: float) -> None:
    """For a run that knows nothing of it, as in the issue."""
    (dem,) = [path for path in (work / "cache" / "dem").glob("*.tif") if not path.stem.endswith("_water")]
    before = dem.read_bytes()
    rot(dem, at=at)
    shutil.rmtree(work / PAIR)
    outcome = fetch(dinsar, work, inputs)
    assert outcome.code == 0, outcome.err
    assert dem.read_bytes() == before


def test_damaged_inputs_of_a_finished_run_are_made_again(dinsar: Dinsar, work: Path, inputs: Inputs) -> None:
    whole = contents(work / "cache" / "dem", "*.tif")
    assert len(whole) == 2  # heights and water
    for path in whole:
        rot(work / "cache" / "dem" / path)
        outcome = fetch(dinsar, work, inputs)
        assert outcome.code == 0, outcome.err
        assert contents(work / "cache" / "dem", "*.tif") == whole
        assert f"{path} of the stage dem is damaged" in outcome.err


def test_what_is_noted_is_compared_with_the_content(tmp_path: Path) -> None:
    path = tmp_path / "tile.tif"
    path.write_bytes(bytes(1000))
    assert not prove(path)
    assert not is_spoiled(path)  # nobody has said what is in it
    note_of(path, tmp_path / NOTES, sha256=sha256(path))
    assert prove(path)
    os.utime(path, ns=(1, 1))
    assert prove(path)  # a copy of the cache has other times
    drop_fetched(path)
    assert path.is_file()
    rot(path)
    assert is_spoiled(path)
    drop_fetched(path)
    assert not path.exists()
