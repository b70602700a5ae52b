"""A fault that breaks the surface: with its trace cut the map is right, without it whole cycles are wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dinsar_cli.config.request import request_of
from dinsar_cli.engines.eos import steps
from dinsar_cli.engines.eos.engine import EosEngine
from dinsar_cli.maps.checks.phase import check_unwrapping
from dinsar_cli.maps.cut import CutFacts
from dinsar_cli.maps.displacement import displacement_layers
from dinsar_cli.maps.map_layers import MapLayers
from dinsar_cli.maps.radar_layers import RadarOnMap, geocode_layers
from dinsar_cli.plan.plan import plan_run
from dinsar_cli.products.reader import Product
from dinsar_cli.radar.interferogram import Interferogram
from dinsar_cli.radar.visibility import CUT, UNKNOWN
from dinsar_cli.report.measures import cycle_jumps
from dinsar_cli.simulate import Coherence, Rupture, Scenario, Terrain, simulate
from dinsar_cli.simulate.world.ellipsoid import local_metres
from support.pair import nothing, pair_config, prepared
from support.products import read_product

CENTRE = (-8.85, 31.35)
FAULT = Rupture(slip=0.2, depth=1500.0, length=3000.0, bend=900.0)
HALF_CYCLE = 0.05546576 / 4  # metres


class Broken:
    """A pair over a rupture of nearly four cycles, and its map with the trace cut."""

    def __init__(self, folder: Path) -> None:
        scenario = Scenario(
            centre=CENTRE,
            bursts=1,
            columns=1400,
            deformation=FAULT,
            coherence=Coherence(repeat=0.8),
            terrain=Terrain(relief=200.0),
            lake=None,
            seed=5,
        )
        self.folder = folder
        self.stack = simulate(scenario, folder / "pair")
        self.trace = folder / "pair" / "truth" / "rupture.geojson"
        self.made, self.products, self.facts = self.map("cut", str(self.trace))

    def map(self, name: str, cut: str, **options: object) -> tuple[Interferogram, Path, Mapping[str, Any]]:
        """Interferogram, folder of the layers, and facts of a map with lines that are cut."""
        scenes = [str(path) for path in (self.folder / "pair" / "slc").iterdir()]
        config = pair_config(self.folder / "pair", slc__files=scenes, unwrap__cut=cut, **options)
        plan = plan_run(request_of(config), self.folder / "cache")
        radar, products = self.folder / "radar", self.folder / name
        radar.mkdir(exist_ok=True)
        products.mkdir()
        made = EosEngine().process(replace(prepared(plan, self.folder / "cache"), config=config), radar, nothing)
        assert made is not None
        layers = MapLayers(products, plan.grid)
        geocode_layers(RadarOnMap(made, plan.grid, 500_000_000), layers, {}, nothing)
        _, facts = displacement_layers(config, layers, made.wavelength, {})
        return made, products, {"cut": facts.cut, "components": check_unwrapping(made)[1]["components"]}

    def errors(self, products: Path) -> tuple[np.ndarray, np.ndarray]:
        """Displacement less the true one, by the closed form of the fault, and the distance from its trace, m."""
        with Product(products / "los_displacement.tif") as product:
            los, grid = product.read(1), product.grid
        place = local_metres(*np.meshgrid(grid.x_centres, grid.y_centres), CENTRE)
        motion = np.stack(FAULT.displacement(*place))
        error = los - np.sum(motion * read_product(products, "los_vector"), axis=0)
        return error - np.nanmedian(error), np.abs(FAULT.along_and_left(*place)[1])


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Broken:
    return Broken(tmp_path_factory.mktemp("rupture"))


def test_with_the_trace_cut_the_map_meets_the_truth(broken: Broken) -> None:
    error, away = broken.errors(broken.products)
    known = np.isfinite(error)
    coherence = read_product(broken.products, "coherence", 1)
    assert np.sqrt(np.mean(error[known & (coherence > 0.5)] ** 2)) < 5e-4
    assert np.count_nonzero(np.abs(error[known]) > HALF_CYCLE) <= 3
    assert known[(away > 100) & (coherence > 0.5)].mean() > 0.99


def test_without_the_cut_whole_cycles_are_wrong(broken: Broken) -> None:
    """The same filtered phase: what differs is the cycles, of hundreds of cells."""
    wrapped, coherence, right = (broken.made.layer(name).read() for name in ("wrapped", "coherence", "unwrapped"))
    phase, _ = steps.unwrap(wrapped, np.nan_to_num(coherence), broken.made.effective_looks, 0.2)
    cycles = np.rint((phase - right) / (2 * np.pi))
    cycles -= np.nanmedian(cycles)
    assert np.count_nonzero(np.abs(np.nan_to_num(cycles)) >= 1) > 300


def test_the_cut_is_on_the_map_and_what_jumps_there_is_told_and_no_error(broken: Broken) -> None:
    names = ("unwrapped_phase", "wrapped_phase", "coherence", "connected_components", "visibility")
    phase, wave, coherence, labels, seen = (read_product(broken.products, name, 1) for name in names)
    cut = (seen & CUT > 0) & (seen != UNKNOWN)
    assert cut.any()
    assert not np.isfinite(phase[cut]).any()
    assert cycle_jumps(phase, wave, coherence, labels)[0] == 0
    told = CutFacts.from_dict(broken.facts["cut"])
    assert told is not None
    assert told.caution == ""
    sight = np.nanmean(read_product(broken.products, "los_vector"), axis=(1, 2))
    strike = np.radians(FAULT.strike)
    jump = -FAULT.slip * (np.sin(strike) * sight[0] + np.cos(strike) * sight[1])  # left minus right, left-lateral
    assert told.largest == pytest.approx(jump, rel=0.1)
    assert told.length == pytest.approx(3680, rel=0.02)  # of the parabola, by its integral


def test_on_a_map_of_large_cells_the_cut_has_no_gap(broken: Broken) -> None:
    _, products, _ = broken.map("coarse", str(broken.trace), grid__posting=0.0012)
    error, _ = broken.errors(products)
    assert np.count_nonzero(np.abs(error) > HALF_CYCLE) == 0
    names = ("unwrapped_phase", "wrapped_phase", "coherence", "connected_components")
    phase, wave, coherence, labels = (read_product(products, name, 1) for name in names)
    assert cycle_jumps(phase, wave, coherence, labels)[0] == 0


def test_a_cut_through_all_of_the_scene_leaves_the_cycles_unknown_and_says_so(broken: Broken) -> None:
    west, south, east, north = -9.2, 31.3, -8.5, 31.3
    _, _, facts = broken.map("parted", f"LINESTRING ({west} {south}, {east} {north})")
    told = CutFacts.from_dict(facts["cut"])
    assert told is not None
    assert told.parted > 0.95
    assert "whole cycles" in told.caution
    assert facts["components"]["not_comparable"] >= 1
