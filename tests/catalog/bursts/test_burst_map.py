"""Single bursts and whole scenes give the same map, in both engines."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio

from dinsar_cli.simulate import SimulatedStack, simulate
from support.archive import Archive
from support.burst_inputs import SCENARIO, Delivery, fetch, find, middle
from support.command import Outcome

Dinsar = Callable[..., Outcome]


def displacement(
    dinsar: Dinsar, stack: SimulatedStack, scenes: list[Path], roi: str, folder: Path, *options: str
) -> np.ndarray:
    made = dinsar(
        "run",
        *(part for path in scenes for part in ("--slc", path)),
        *("--orbits", stack.orbits[0].parent, "--dem", stack.dem, "--dem-datum", "ellipsoid"),
        *("--roi", roi, "--reference-point", "none", "--workdir", folder, "--cache", folder / "cache"),
        *options,
    )
    assert made.code == 0, made.err
    (path,) = folder.rglob("los_displacement.tif")
    with rasterio.open(path) as dataset:
        data: np.ndarray = dataset.read(1)
    return data


def test_the_map_is_that_of_the_scenes(
    dinsar: Dinsar, delivery: Delivery, simulated: SimulatedStack, tmp_path: Path
) -> None:
    scenes = [path for products in simulated.products for path in products]
    options = ("--engine", "eos", "--looks", "7x2")
    theirs = displacement(dinsar, simulated, scenes, delivery.roi, tmp_path / "scenes", *options)
    ours = displacement(dinsar, simulated, delivery.fetched.products, delivery.roi, tmp_path / "bursts", *options)
    assert np.isfinite(theirs).sum() > 1000
    np.testing.assert_array_equal(np.isfinite(ours), np.isfinite(theirs))
    assert np.sqrt(np.nanmean((ours - theirs) ** 2)) <= 1e-6  # m


@pytest.mark.isce2
def test_topsapp_makes_the_map_of_the_scenes(dinsar: Dinsar, tmp_path: Path) -> None:
    """Two neighbours of four bursts, which lie in two slices."""
    if "ISCE_HOME" not in os.environ:
        pytest.skip("no ISCE2 (set ISCE_HOME)")
    scenario = replace(SCENARIO, swaths=(1,), bursts=4, columns=2500)
    stack = simulate(scenario, tmp_path / "new")
    scenes = [path for products in stack.products for path in products]
    with Archive.from_simulation(stack.folder) as archive:
        first = sorted(archive.scenes, key=lambda scene: scene.start)
        ends = [find(archive, first[0].name, "IW1", 1), find(archive, first[1].name, "IW1", 0)]
        (west, south), (east, north) = np.sort([middle(end) for end in ends], axis=0)
        roi = f"{west} {south} {east} {north}"
        archive.log_in(tmp_path)
        fetched = fetch(archive, tmp_path, roi)
    assert [len(names) for names in fetched.result["bursts"]] == [2, 2]
    options = ("--engine", "isce2", "--looks", "7x2")
    maps = []
    for name, products in (("bursts", fetched.products), ("scenes", scenes)):
        maps.append(displacement(dinsar, stack, products, roi, tmp_path / name, *options))
        shutil.rmtree(tmp_path / name)  # half a gigabyte that pytest would keep
    ours, theirs = maps
    assert np.isfinite(theirs).sum() > 1000
    np.testing.assert_array_equal(np.isfinite(ours), np.isfinite(theirs))
    assert np.sqrt(np.nanmean((ours - theirs) ** 2)) <= 1e-6  # m
