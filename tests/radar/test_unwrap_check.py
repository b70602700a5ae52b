"""Checks of the unwrapping and of a reversed pair, on arrays whose errors are known."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from dinsar_cli.config.sections.checks import ChecksConfig
from dinsar_cli.engines.eos.phase.goldstein import goldstein
from dinsar_cli.engines.topsapp.settings.options import check_reversed
from dinsar_cli.errors import UsageError
from dinsar_cli.geo.grid import Grid
from dinsar_cli.maps.checks.phase import INCONGRUENT, JUMP, check_unwrapping
from dinsar_cli.maps.checks.reversed_pair import LARGEST_FILLED, filled, leftover
from dinsar_cli.maps.map_layers import MapLayers
from dinsar_cli.maps.radar_layers import RadarOnMap, geocode_layers
from dinsar_cli.radar.interferogram import Interferogram
from dinsar_cli.radar.unwrap_check import comparable, component_jumps, inner_jumps, residue
from support.products import read_product
from support.radar_inputs import written_interferogram

CYCLE = 2 * math.pi
SHAPE = (60, 50)


def bowl(shape: tuple[int, int] = SHAPE) -> np.ndarray:
    """A smooth phase of three cycles whose neighbours differ by less than half a cycle."""
    line, sample = np.mgrid[: shape[0], : shape[1]]
    return 3 * CYCLE * np.exp(-((line - 30) ** 2 + (sample - 25) ** 2) / (2 * 12**2))


def block(top: int, bottom: int, left: int, right: int, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    cells = np.zeros(shape, bool)
    cells[top:bottom, left:right] = True
    return cells


def test_the_residue_is_zero_for_whole_cycles_and_tells_where_they_are_not_whole() -> None:
    phase = bowl()
    wrapped = np.exp(1j * phase).astype(np.complex64)
    cells = block(10, 14, 20, 22)
    assert np.abs(residue(phase + CYCLE * np.round(phase), wrapped)).max() < 1e-4
    found = residue(phase + 0.01 * cells, wrapped)
    np.testing.assert_array_equal(np.abs(found) > 1e-3, cells)
    np.testing.assert_allclose(found[cells], 0.01, atol=1e-4)


def test_a_cycle_in_a_block_is_found_at_its_border_and_counted() -> None:
    components = np.ones(SHAPE, np.uint16)
    smooth = bowl()
    assert inner_jumps(smooth, components)[1:] == (0, 59 * 50 + 60 * 49)
    cells = block(5, 9, 5, 12)  # 4 x 7: 22 pairs of neighbours across its border
    found, jumps, _ = inner_jumps(smooth + CYCLE * cells, components)
    assert jumps == 22
    inside = block(6, 8, 6, 11)
    around = block(4, 10, 5, 12) | block(5, 9, 4, 13)
    np.testing.assert_array_equal(found, around & ~inside)


def test_steps_between_components_and_outside_of_them_are_not_within_one() -> None:
    components = np.ones(SHAPE, np.uint16)
    cells = block(5, 9, 5, 12)
    components[cells] = 2
    assert inner_jumps(bowl() + CYCLE * cells, components)[1] == 0
    assert inner_jumps(bowl() + CYCLE * cells, np.zeros_like(components))[1:] == (0, 0)


@pytest.mark.parametrize("gap", [0, 1, 9])
@pytest.mark.parametrize("cycles", [-2, 0, 1])
def test_the_cycles_between_components_are_counted(gap: int, cycles: int) -> None:
    # noise and a slope of a tenth of a radian a cell, as wide as the gap
    components = np.ones(SHAPE, np.uint16)
    components[:, 20 : 20 + gap] = 0
    components[:, 20 + gap :] = 2
    noise = np.random.default_rng(1).normal(0, 0.3, SHAPE)
    phase = 0.1 * np.arange(SHAPE[1]) + noise + CYCLE * cycles * (components == 2)
    (jump,) = component_jumps(np.where(components > 0, phase, np.nan), components)
    assert (jump.first, jump.second, jump.edges, jump.gap) == (1, 2, 60, gap + 1)
    assert (jump.cycles, jump.certain) == (cycles, True)
    assert jump.jump == pytest.approx(cycles + 0.1 * (gap + 1) / CYCLE, abs=0.05)
    assert comparable([jump]) == ({1, 2} if cycles == 0 else {1})


def two_parts(gap: int = 1, lines: int = 60, step: float = 0.0, noise: float = 0.1) -> bool:
    components = np.zeros((lines, 90), np.uint16)
    components[:, :20], components[:, 20 + gap :] = 1, 2
    phase = np.random.default_rng(2).normal(0, noise, components.shape) + step * (components == 2)
    (jump,) = component_jumps(phase, components)
    return jump.certain


def test_cycles_that_cannot_be_known_are_uncertain() -> None:
    assert two_parts()
    assert not two_parts(gap=40)
    assert not two_parts(lines=5)
    assert not two_parts(step=math.pi)
    assert not two_parts(noise=3.0)


def test_across_a_cut_the_cycles_are_not_known() -> None:
    """A jump of less than half a cycle there may be one and more; borders beside the cut tell as before."""
    labels = np.ones((60, 50), np.uint16)
    labels[:, 30:] = 2
    labels[40:, 30:] = 3
    cut = block(0, 40, 30, 31)  # between 1 and 2, not between 1 and 3, nor 2 and 3
    labels[cut] = 0
    phase = np.zeros(labels.shape)
    assert comparable(component_jumps(phase, labels)) == {1, 2, 3}
    pairs = {(jump.first, jump.second): jump for jump in component_jumps(phase, labels, cut)}
    assert (1, 2) not in pairs
    assert pairs[1, 3].certain
    assert pairs[2, 3].certain
    assert comparable(component_jumps(phase[:40], labels[:40], cut[:40])) == {1}


def test_a_chain_of_borders_that_meet_makes_components_comparable() -> None:
    components = np.repeat(np.array([1, 2, 3, 4], np.uint16), 15)[None, :].repeat(20, axis=0)
    phase = np.where(components == 4, CYCLE, 0.0)
    assert comparable(component_jumps(phase, components)) == {1, 2, 3}
    assert component_jumps(phase, np.ones_like(components)) == ()
    assert comparable(()) == {1}


def test_equal_and_opposite_phases_leave_nothing_and_a_seeded_cycle_is_found_at_its_place() -> None:
    components = np.ones(SHAPE, np.uint16)
    components[:10] = 2
    phase, cells = bowl(), block(20, 23, 30, 34)
    phase[50:, 40:] = np.nan
    backward = -phase + 3 * CYCLE  # the level of each unwrapping is its own
    assert np.nanmax(np.abs(leftover(phase, backward, components))) < 1e-9
    backward[:10] -= CYCLE  # as in another component
    found = leftover(phase, backward + CYCLE * cells, components)
    np.testing.assert_array_equal(np.abs(found) > 1.5, cells | block(0, 10, 0, 50))
    assert np.isnan(found[50:, 40:]).all()
    assert np.isnan(leftover(np.full(SHAPE, np.nan), backward, components)).all()


def test_filling_restores_seeded_cycles_and_keeps_the_wrapped_phase() -> None:
    truth = bowl()
    noise = np.random.default_rng(3).normal(0, 0.2, SHAPE)
    wrapped = np.angle(np.exp(1j * (truth + noise)))
    right = wrapped + CYCLE * np.round((truth + noise - wrapped) / CYCLE)
    cells = block(28, 34, 15, 20) | block(5, 8, 5, 8)
    phase, done = filled(right + CYCLE * cells, wrapped, np.ones(SHAPE, np.uint16), cells)
    np.testing.assert_array_equal(done, cells)
    np.testing.assert_allclose(phase, right, atol=1e-9)


def test_what_the_surroundings_cannot_tell_is_not_filled() -> None:
    components = np.ones(SHAPE, np.uint16)
    components[:, 25:] = 2
    edge, between, large = block(0, 3, 5, 8), block(30, 33, 24, 27), block(35, 58, 2, 22)
    assert large.sum() > LARGEST_FILLED
    phase = bowl()
    same, done = filled(phase, np.angle(np.exp(1j * phase)), components, edge | between | large)
    assert not done.any()
    np.testing.assert_array_equal(same, phase)


def written(folder: Path, phase: np.ndarray, wrapped: np.ndarray, components: np.ndarray) -> Interferogram:
    layers = {"unwrapped": phase, "wrapped": wrapped, "components": components}
    return written_interferogram(folder, layers, coherence_looks=100.0, perpendicular_baseline=0.0)


def test_long_scenes_are_looked_at_in_blocks_as_in_one(tmp_path: Path) -> None:
    shape = 1300, 30
    generator = np.random.default_rng(4)
    phase = generator.normal(0, 1.5, shape).astype(np.float32)
    wrapped = np.exp(1j * phase).astype(np.complex64)
    components = generator.integers(0, 3, shape, np.uint16)
    phase[511:513, 4] += 0.5
    phase[700, 7] = np.nan
    flags, found = check_unwrapping(written(tmp_path, phase, wrapped, components))
    cells, jumps, pairs = inner_jumps(phase, components)
    np.testing.assert_array_equal((flags & JUMP) > 0, cells)
    assert found["jumps"] == {"neighbours": pairs, "beyond_half_a_cycle": jumps}
    np.testing.assert_array_equal(np.argwhere(flags & INCONGRUENT), [[511, 4], [512, 4]])
    assert found["residue"]["incongruent"] == 2
    assert found["residue"]["cells"] == phase.size - 1
    assert found["residue"]["largest_rad"] == pytest.approx(0.5, abs=1e-3)


def test_the_filter_is_conjugate_symmetric() -> None:
    # so that in the reversed order only whole cycles can differ
    generator = np.random.default_rng(5)
    wave = (np.exp(1j * bowl((160, 140))) + 0.7 * generator.standard_normal((160, 140))).astype(np.complex64)
    unit = wave / np.abs(wave)
    unit[40:60, 30:50] = np.nan
    there, back = goldstein(unit, 0.5), goldstein(unit.conj(), 0.5)
    np.testing.assert_allclose(back, there.conj(), atol=1e-6)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(UsageError, match="isce2"):
        check_reversed(ChecksConfig(reversed="phase"))
    check_reversed(ChecksConfig(reversed="full"))
    with pytest.raises(ValueError, match="reversed must be phase or full"):
        ChecksConfig(fill=True)
    with pytest.raises(ValueError, match="bound"):
        ChecksConfig(bound=0)


def test_cycles_beyond_the_border_of_a_component_do_not_reach_into_it(tmp_path: Path) -> None:
    # a hole in the component, whose cells are off by a cycle; the map lies between the look cells
    grid = Grid("EPSG:4326", 10.0, 45.0, 1e-3, SHAPE[1], SHAPE[0])
    latitude = np.broadcast_to(45.0 - 1e-3 * (np.arange(SHAPE[0]) + 0.2)[:, None], SHAPE)
    longitude = np.broadcast_to(10.0 + 1e-3 * (np.arange(SHAPE[1]) + 0.1), SHAPE)
    hole = block(28, 32, 24, 27)
    phase, components = bowl(), np.where(hole, 0, 1).astype(np.uint16)
    made = written(tmp_path, phase + CYCLE * hole, np.exp(1j * phase), components)
    others = {"latitude": latitude, "longitude": longitude, "coherence": np.ones(SHAPE), "height": np.zeros(SHAPE)}
    others |= {"amplitude": np.ones((2, *SHAPE)), "los": np.full((3, *SHAPE), 3**-0.5), "squint": np.zeros(SHAPE)}
    written_interferogram(tmp_path, others)
    products = tmp_path / "products"
    products.mkdir()
    geocode_layers(RadarOnMap(made, grid, 10**8), MapLayers(products, grid), {}, lambda _: None)
    found, labels = (read_product(products, name) for name in ("unwrapped_phase", "connected_components"))
    line, sample = np.mgrid[: SHAPE[0], : SHAPE[1]] + np.array([0.3, 0.4])[:, None, None]
    true = 3 * CYCLE * np.exp(-((line - 30) ** 2 + (sample - 25) ** 2) / (2 * 12**2))
    known = np.isfinite(found)
    assert known.mean() > 0.9
    assert np.abs(found - true)[known & (labels == 1)].max() < 0.1
    np.testing.assert_allclose((found - true)[known & (labels == 0)], CYCLE, atol=0.1)
