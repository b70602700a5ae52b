"""Simulated pairs with an island and a lake, maps of them, and their cycle errors against the truth."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio

from dinsar_cli.compare.truth import on_grid, read_map
from dinsar_cli.simulate import Coherence, Lake, Ramp, Scenario, Terrain, simulate
from dinsar_cli.simulate.world.ellipsoid import local_metres
from support.command import run_apart

HALF_CYCLE = 0.05546576 / 4  # metres
CENTRE = (-8.85, 31.35)
LAKES = {
    # a strait of noise between an island and the shores north and south of it; the sea reaches over both edges
    "island": Lake(centre=CENTRE, radius=6500.0, island=3200.0, coherence=0.0, darkness=-9.0),
    "lake": Lake(centre=CENTRE, radius=3000.0, coherence=0.0, darkness=-9.0),
}


def shore_scenario(name: str, seed: int = 61) -> Scenario:
    """A tilt of some fringes and land of middling coherence around or within water."""
    return Scenario(
        centre=CENTRE,
        bursts=1,
        columns=2000,
        deformation=Ramp(6e-3, 3e-3),
        coherence=Coherence(repeat=0.55, floor=0.0),
        terrain=Terrain(relief=300.0, lowest=50.0),
        lake=LAKES[name],
        seed=seed,
    )


@dataclass(frozen=True)
class Shore:
    """A pair, and its DEM in which water is level as in an edited one."""

    scenario: Scenario
    pair: Path

    @classmethod
    def made(cls, name: str, folder: Path) -> Shore:
        """Simulate a pair, unless it is there."""
        scenario = shore_scenario(name)
        if not (folder / "pair" / "truth.json").is_file():
            stack = simulate(scenario, folder / "pair")
            level_water(stack.dem, scenario)
        return cls(scenario, folder / "pair")

    def map(self, engine: str, *options: object, work: str = "work") -> dict[str, object]:
        """Summary of a run."""
        scenes = [option for path in sorted(self.pair.glob("slc/*.zip")) for option in ("--slc", path)]
        inputs = ["--orbits", self.pair / "orbits", "--dem", self.pair / "dem/dem.tif", "--dem-datum", "ellipsoid"]
        folders = ["--workdir", self.pair.parent / f"{work}-{engine}", "--cache", self.pair.parent / "cache"]
        command = [
            "run",
            *scenes,
            *inputs,
            "--looks",
            "7x2",
            "--engine",
            engine,
            *folders,
            "--json",
            "-q",
            *options,
        ]
        done = run_apart(*command, timeout=1200)
        assert done.code == 0, done.err
        record: dict[str, object] = json.loads(done.out)
        return record


def level_water(dem: Path, scenario: Scenario) -> None:
    """Give the water of a DEM one height, as edited elevation models have it; the ground below it is not seen."""
    lake = scenario.lake
    assert lake is not None
    assert lake.centre is not None
    with rasterio.open(dem, "r+") as dataset:
        heights, transform = dataset.read(1), dataset.transform
        longitude = transform.c + transform.a * (np.arange(dataset.width) + 0.5)
        latitude = transform.f + transform.e * (np.arange(dataset.height) + 0.5)
        distance = np.hypot(*local_metres(*np.meshgrid(longitude, latitude), lake.centre))
        water = (distance < lake.radius) & (distance >= lake.island)
        heights[water] = np.median(heights[water])
        dataset.write(heights, 1)


@dataclass(frozen=True)
class Counts:
    """Cells of a map, held against the truth.

    Attributes
    ----------
    land, known : int
        Cells of land, and those of them that have a displacement.
    wrong : int
        Those whose displacement is off by more than half a cycle, against most of the others.
    within : int
        The same against most of their own connected component: between components cycles are not known.
    water, drowned : int
        Cells of water, and those of them that have a displacement.
    """

    land: int
    known: int
    wrong: int
    within: int
    water: int
    drowned: int

    def __str__(self) -> str:
        return (
            f"land: {self.known / self.land:.1%} has a value, {self.wrong} of {self.known} cells are wrong by more "
            f"than half a cycle, {self.within} within their component; "
            f"water: {self.drowned} of {self.water} have one"
        )


def count(products: Path, pair: Path) -> Counts:
    """Count the cycle errors of a map."""
    los = read_map(products / "los_displacement.tif")
    truths = (read_map(pair / f"truth/{name}.tif") for name in ("los_displacement", "coherence"))
    truth, coherence = (on_grid(one, los) for one in truths)
    found, labels = (read_map(products / f"{name}.tif").values for name in ("coherence", "connected_components"))
    data = np.isfinite(found) & np.isfinite(coherence)
    land, water = data & (coherence > 0.3), data & (coherence < 0.1)
    known = land & np.isfinite(los.values)
    error = los.values - truth
    return Counts(
        land=int(land.sum()),
        known=int(known.sum()),
        wrong=_off(error[known]),
        within=sum(_off(error[known & (labels == label)]) for label in np.unique(labels[known])),
        water=int(water.sum()),
        drowned=int(np.count_nonzero(water & np.isfinite(los.values))),
    )


def _off(error: np.ndarray) -> int:
    """How many errors differ by more than half a cycle from those of the most frequent cycle."""
    cycles = np.rint((error - np.median(error)) / (2 * HALF_CYCLE)).astype(int)
    usual = np.median(error[cycles == np.bincount(cycles - cycles.min()).argmax() + cycles.min()])
    return int(np.count_nonzero(np.abs(error - usual) > HALF_CYCLE))
