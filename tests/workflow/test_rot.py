"""Bytes that change on the disk while size and time stay: seen before they are read, and made again."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio

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


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, inputs: Inputs) -> Path:
    workdir = tmp_path_factory.mktemp("finished")
    outcome = run(run_apart, workdir, inputs)
    assert outcome.code == 0, outcome.err
    return workdir


@pytest.fixture
def work(finished: Path, tmp_path: Path) -> Path:
    """Copy of a finished run, whose files keep their times."""
    return Path(shutil.copytree(finished, tmp_path / "work"))


def run(dinsar: Dinsar, work: Path, inputs: Inputs, *options: object) -> Outcome:
    folders = ("--workdir", work, "--cache", work / "cache")
    return dinsar("run", *inputs.options(), "--engine", "eos", *folders, *options)


def displacement(work: Path) -> np.ndarray:
    with rasterio.open(work / PAIR / "products" / "los_displacement.tif") as dataset:
        return dataset.read(1)


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
    ("name", "options", "again"),
    [
        ("unwrapped.npy", ["--posting", "0.003"], "interferogram"),
        ("los.npy", ["--posting", "0.003"], "interferogram"),
        ("cross.npy", ["--filter-strength", "0.4"], "interferogram"),
        ("interferogram.json", [], "interferogram"),
    ],
)
def test_a_damaged_layer_never_gets_into_a_map(
    dinsar: Dinsar,
    finished: Path,
    work: Path,
    inputs: Inputs,
    tmp_path: Path,
    name: str,
    options: list[str],
    again: str,
) -> None:
    whole = Path(shutil.copytree(finished, tmp_path / "whole"))
    assert run(dinsar, whole, inputs, *options).code == 0
    rot(work / PAIR / "radar" / name)
    outcome = run(dinsar, work, inputs, *options)
    assert outcome.code == 0, outcome.err
    assert done_again(outcome, again)
    np.testing.assert_array_equal(displacement(work), displacement(whole))
    layers = [path.name for path in (whole / PAIR / "radar").glob("*.npy")]
    for layer in layers:
        assert (work / PAIR / "radar" / layer).read_bytes() == (whole / PAIR / "radar" / layer).read_bytes(), layer
    assert dinsar("status", "--workdir", work, "--verify").code == 0


def test_a_damaged_product_never_gets_into_another(
    dinsar: Dinsar, finished: Path, work: Path, inputs: Inputs
) -> None:
    """The displacement is made of the phase on the map, by whoever asks for another reference."""
    rot(work / PAIR / "products" / "unwrapped_phase.tif")
    outcome = run(dinsar, work, inputs, "--reference-point", "none")
    assert outcome.code == 0, outcome.err
    assert "products/unwrapped_phase.tif of the stage geocode is damaged" in outcome.err
    assert done_again(outcome, "map layers")
    name = "products/unwrapped_phase.tif"
    assert (work / PAIR / name).read_bytes() == (finished / PAIR / name).read_bytes()


# --- the cache --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [0.0005, 0.3, 0.9])
def test_a_damaged_dem_in_the_cache_is_made_again(
    dinsar: Dinsar, finished: Path, work: Path, inputs: Inputs, at: float
) -> None:
    (dem,) = [path for path in (work / "cache" / "dem").glob("*.tif") if not path.stem.endswith("_water")]
    before = dem.read_bytes()
    rot(dem, at=at)
    shutil.rmtree(work / PAIR)
    outcome = run(dinsar, work, inputs)
    assert outcome.code == 0, outcome.err
    assert dem.read_bytes() == before
    np.testing.assert_array_equal(displacement(work), displacement(finished))


def test_a_damaged_dem_of_a_finished_run_is_made_again(dinsar: Dinsar, work: Path, inputs: Inputs) -> None:
    for path in sorted((work / "cache" / "dem").glob("*.tif")):
        whole = path.read_bytes()
        rot(path)
        outcome = run(dinsar, work, inputs)
        assert outcome.code == 0, outcome.err
        assert path.read_bytes() == whole
        assert f"{path} of the stage dem is damaged" in outcome.err
        assert not done_again(outcome, "interferogram")
