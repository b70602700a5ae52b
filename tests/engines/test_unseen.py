"""What look cells show instead of ground, as the embedded engine finds it on a simulated pair."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio

from dinsar_cli.config.request import request_of
from dinsar_cli.engines.base import EngineInputs
from dinsar_cli.engines.eos.area import both_orbits, crop, height_range
from dinsar_cli.engines.eos.engine import EosEngine
from dinsar_cli.engines.eos.phase.unwrapping import unseen_inputs
from dinsar_cli.engines.eos.setup import Setup
from dinsar_cli.engines.unseen import find_unseen
from dinsar_cli.plan.plan import plan_run
from dinsar_cli.radar.interferogram import Interferogram
from dinsar_cli.radar.visibility import LAYOVER, SEEN, SHADOW
from dinsar_cli.simulate import Scenario, simulate
from support.look_cells import misplaced
from support.pair import nothing, pair_config, prepared

RISE, WALL = 600.0, 1000.0  # m, of a plateau in the DEM, and how far it reaches


def nowhere() -> np.ndarray:
    """Cells whose coherence tells nothing: nobody asks, for no ground is level here."""
    raise AssertionError("the DEM has no level ground")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> EngineInputs:
    folder = tmp_path_factory.mktemp("pair")
    simulate(Scenario(bursts=1, columns=1200, lake=None, seed=3), folder / "pair")
    config = pair_config(folder / "pair", slc__files=[str(path) for path in (folder / "pair" / "slc").iterdir()])
    return prepared(plan_run(request_of(config), folder / "cache"), folder / "cache")


@pytest.fixture(scope="module")
def made(inputs: EngineInputs, tmp_path_factory: pytest.TempPathFactory) -> Interferogram:
    result = EosEngine().process(inputs, tmp_path_factory.mktemp("radar"), nothing)
    assert result is not None
    return result


def setup_of(inputs: EngineInputs, made: Interferogram, dem: Path) -> Setup:
    mosaic, grid = crop(inputs, height_range(inputs.dem), 40)
    setup = Setup(replace(inputs, dem=dem), made.folder, mosaic, grid, *both_orbits(inputs, mosaic.grid.epoch))
    assert (grid.lines, grid.samples) == (made.lines, made.samples)
    return setup


def test_cells_are_where_the_layers_have_them(inputs: EngineInputs, made: Interferogram) -> None:
    assert misplaced(made, unseen_inputs(setup_of(inputs, made, inputs.dem)).cells) < 0.02


def test_gentle_ground_is_seen(made: Interferogram) -> None:
    assert (made.visibility.read() == SEEN).all()


def test_a_plateau_in_the_dem_is_folded_over_on_one_side_and_in_shadow_on_the_other(
    inputs: EngineInputs, made: Interferogram, tmp_path: Path
) -> None:
    dem = tmp_path / "plateau.tif"
    latitude, longitude = (made.layer(name).read() for name in ("latitude", "longitude"))
    middle = float(np.nanmedian(longitude)), float(np.nanmedian(latitude))
    with rasterio.open(inputs.dem) as source:
        heights, profile, transform = source.read(1), source.profile, source.transform
    x = transform.c + transform.a * (np.arange(heights.shape[1]) + 0.5)
    y = transform.f + transform.e * (np.arange(heights.shape[0]) + 0.5)
    east = np.abs(x - middle[0]) * 111_320 * np.cos(np.radians(middle[1])) < WALL
    north = np.abs(y - middle[1]) * 111_320 < WALL
    with rasterio.open(dem, "w", **profile) as target:
        target.write((300 + RISE * (north[:, None] & east[None, :])).astype(np.float32), 1)
    target_file = replace(made, folder=tmp_path).visibility
    find_unseen(unseen_inputs(setup_of(inputs, made, dem)), target_file, nowhere)
    seen = target_file.read()
    line = int(np.argmin(np.nanmin(np.abs(latitude - middle[1]) + np.abs(longitude - middle[0]), axis=1)))
    folded, hidden = (np.flatnonzero(seen[line] & bit) for bit in (LAYOVER, SHADOW))
    assert folded.max() < hidden.min()  # ranges grow from the foot in front to the shadow behind
    los = made.layer("los").read()[2, line]
    cell = unseen_inputs(setup_of(inputs, made, dem)).cells.range_step
    # in range, the top in front is nearer than the foot by h cos(incidence), and a shadow has h / cos(incidence)
    assert folded.size * cell == pytest.approx(RISE * np.mean(los[folded]), rel=0.15)
    assert hidden.size * cell == pytest.approx(RISE / np.mean(los[hidden]), rel=0.15)
    assert not seen[:5].any()
    assert not seen[-5:].any()
