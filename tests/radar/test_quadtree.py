"""The quadtree of a map, and the covariance of the noise of its nodes."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray

from dinsar_cli.radar.moving_ground import moving_ground
from dinsar_cli.radar.quadtree.noise import covariance_of_nodes, weights_of
from dinsar_cli.radar.quadtree.tree import MOST_NODES, Blocks, Nodes, epsilon_for, means_over, tree_sizes
from dinsar_cli.radar.variogram import Variogram
from support.point_source import GRID, SOURCE, TOWARD, mogi, places, shared_noise

Floats: TypeAlias = NDArray[np.floating]

SPACING = (90.0, 80.0)


def bowl(rows: int = 150, columns: int = 210) -> Floats:
    """A bowl with noise, a hole, and a border without values."""
    y, x = np.mgrid[:rows, :columns]
    values = 0.1 * np.exp(-((y - 60) ** 2 + (x - 90) ** 2) / 900.0)
    values += np.random.default_rng(3).normal(0, 1e-3, values.shape)
    values[40:70, 150:170] = np.nan
    values[:, :9] = np.nan
    return values.astype(np.float32)


def parts(nodes: Nodes, values: Floats) -> list[Floats]:
    """Cells of each node that have a value."""
    squares = zip(nodes.row, nodes.column, nodes.size, strict=True)
    found = [values[row : row + size, column : column + size] for row, column, size in squares]
    return [part[np.isfinite(part)] for part in found]


def test_nodes_hold_the_cells_once_and_vary_by_less_than_epsilon() -> None:
    values = bowl()
    nodes = Blocks(values, 4, 32).nodes(0.004, 0.5)
    count = np.zeros((192, 224), int)
    for row, column, size in zip(nodes.row, nodes.column, nodes.size, strict=True):
        count[row : row + size, column : column + size] += 1
    assert count.max() == 1
    left_out = np.isfinite(values) & (count[: values.shape[0], : values.shape[1]] == 0)
    assert left_out.sum() < 0.02 * np.isfinite(values).sum()  # beside holes and borders
    for cells, size, mean, spread in zip(parts(nodes, values), nodes.size, nodes.value, nodes.spread, strict=True):
        assert cells.size >= size**2 / 2
        assert mean == pytest.approx(cells.mean(dtype=np.float64), abs=1e-9)
        assert spread == pytest.approx(cells.std(dtype=np.float64), abs=1e-8)
        assert spread <= 0.004 or size == 4
    # where it is flat they are as large as they may be, on the flank of the bowl as small
    assert nodes.size[np.argmin(np.hypot(nodes.at_row - 100, nodes.at_column - 180))] == 32
    assert nodes.size[np.argmin(np.hypot(nodes.at_row - 60, nodes.at_column - 110))] == 4


def test_centres_are_those_of_the_cells_with_values() -> None:
    values = np.full((8, 8), np.nan, np.float32)
    values[:, 5:] = 1.0
    nodes = Blocks(values, 8, 8).nodes(1.0, 0.9)
    assert (nodes.at_row[0], nodes.at_column[0], nodes.cells[0]) == (3.5, 6.0, 24)
    layer = np.where(np.isfinite(values), np.arange(8), np.nan)
    assert means_over(nodes, layer)[0] == 6.0


def test_a_finer_map_of_the_same_ground_has_the_same_tree() -> None:
    """Nodes depend on the ground: each cell cut into four changes nothing."""
    values = bowl()
    nodes = Blocks(values, 4, 32).nodes(0.004, 0.5)
    finer = Blocks(np.repeat(np.repeat(values, 2, 0), 2, 1), 8, 64).nodes(0.004, 0.5)
    np.testing.assert_array_equal(finer.size, 2 * nodes.size)
    np.testing.assert_array_equal(finer.row, 2 * nodes.row)
    np.testing.assert_allclose(finer.value, nodes.value, atol=1e-9)


def test_epsilon_is_that_of_noise_or_what_keeps_nodes_few() -> None:
    values = np.random.default_rng(1).normal(0, 1.0, (512, 512)).astype(np.float32)
    blocks = Blocks(values, 4, 128)
    assert epsilon_for(blocks, 1.5, 0.5) == 1.5
    chosen = epsilon_for(blocks, 0.0, 0.5)
    assert 0 < blocks.number(chosen, 0.5) <= MOST_NODES
    steep = Blocks((np.arange(512.0) ** 2 + np.zeros((512, 1))).astype(np.float32), 4, 128)
    assert MOST_NODES / 2 < steep.number(epsilon_for(steep, 0.0, 0.5), 0.5) <= MOST_NODES


@pytest.mark.parametrize(
    ("shape", "cell", "asked", "expected"),
    [
        ((400, 400), 30.0, (None, None), (5, 80)),  # whole: nothing is left at the borders
        ((2000, 2000), 30.0, (None, None), (4, 512)),
        ((400, 400), 30.0, (250.0, 2000.0), (8, 64)),
        ((400, 400), 30.0, (1.0, 1e9), (1, 512)),
        ((3, 5), 30.0, (None, None), (5, 5)),  # nothing but one node
    ],
)
def test_sizes(
    shape: tuple[int, int], cell: float, asked: tuple[float | None, float | None], expected: tuple[int, int]
) -> None:
    assert tree_sizes(shape, cell, *asked) == expected


@pytest.mark.parametrize(
    ("model", "reach"), [("exponential", 300.0), ("spherical", 3000.0), ("exponential", 30000.0)]
)
def test_covariance_is_that_of_the_means_over_all_cells(model: str, reach: float) -> None:
    """Against the sum over all pairs of cells, for noise that ends within a node to such that all share."""
    values = bowl(64, 72)
    blocks = Blocks(values, 4, 32)
    nodes = blocks.nodes(0.004, 0.5)
    variogram = Variogram(model, 4e-6, 2.5e-5, reach)  # type: ignore[arg-type]
    covariance = covariance_of_nodes(blocks, nodes, SPACING, variogram)
    cells = []
    for row, column, size in zip(nodes.row, nodes.column, nodes.size, strict=True):
        y, x = np.nonzero(np.isfinite(values[row : row + size, column : column + size]))
        cells.append(np.column_stack([(column + x) * SPACING[1], (row + y) * SPACING[0]]).astype(float))
    exact = np.empty_like(covariance)
    for i, one in enumerate(cells):
        for j, other in enumerate(cells):
            apart = np.hypot(*(one[:, None] - other).transpose(2, 0, 1))
            exact[i, j] = variogram.covariance(apart).mean()
    assert len(nodes) > 20
    assert len({*nodes.size}) > 2
    own = np.diag(exact)
    assert np.abs(covariance - exact).max() < 0.06 * own.max()
    full = nodes.cells == nodes.size**2
    np.testing.assert_allclose(np.diag(covariance)[full], own[full], rtol=0.02 if reach > 300 else 0.001)
    np.testing.assert_allclose(np.diag(covariance), own, rtol=0.3)  # of the few with holes
    np.testing.assert_array_equal(covariance, covariance.T)
    assert np.linalg.eigvalsh(covariance)[0] > 0


def test_noise_that_cells_have_for_themselves_counts_where_it_is_larger() -> None:
    values = bowl(64, 64)
    blocks = Blocks(values, 4, 32)
    nodes = blocks.nodes(0.008, 0.5)
    variogram = Variogram("exponential", 4e-6, 2.5e-5, 3000.0)
    plain = covariance_of_nodes(blocks, nodes, SPACING, variogram)
    own = np.full(len(nodes), 1e-6)
    own[3], own[4] = 9e-4, np.nan
    noisy = covariance_of_nodes(blocks, nodes, SPACING, variogram, own)
    expected = np.zeros_like(plain)
    expected[3, 3] = (9e-4 - 4e-6) / nodes.cells[3]
    np.testing.assert_allclose(noisy - plain, expected, atol=1e-15)


def test_many_nodes_are_still_positive_definite() -> None:
    """Of thousands of nodes fewer parts stand for each."""
    values = np.random.default_rng(1).normal(0, 1, (136, 136)).astype(np.float32)
    blocks = Blocks(values, 4, 32)
    nodes = blocks.nodes(0.5, 0.5)
    assert len(nodes) == 1156
    covariance = covariance_of_nodes(blocks, nodes, SPACING, Variogram("spherical", 0.0, 1.0, 5000.0))
    np.linalg.cholesky(covariance)
    assert np.diag(covariance).max() <= 1.0 + 1e-6


def test_weights_never_state_too_little() -> None:
    """The diagonal matrix of the weights is not below the covariance for any combination of nodes."""
    blocks = Blocks(bowl(), 4, 32)
    nodes = blocks.nodes(0.004, 0.5)
    covariance = covariance_of_nodes(blocks, nodes, SPACING, Variogram("exponential", 1e-6, 2e-5, 4000.0))
    weights = weights_of(covariance)
    assert np.linalg.eigvalsh(np.diag(1 / weights) - covariance)[0] > -1e-12
    assert (weights < 1 / np.diag(covariance)).all()


def test_moving_ground_is_the_source_and_not_the_noise() -> None:
    rng = np.random.default_rng(5)
    noise = 0.006 * shared_noise(GRID.shape, GRID.posting, 2500.0, rng)
    east, north = places(GRID)
    source = mogi(SOURCE, east, north, TOWARD)
    tilt = 1e-3 * (east - east.mean())
    still, _ = moving_ground(noise + tilt)
    assert still.mean() < 0.05
    moving, size = moving_ground(noise + tilt + source)
    cells = np.repeat(np.repeat(moving, size, 0), size, 1)[: GRID.height, : GRID.width]
    assert cells[source > 0.03].all()
    assert cells[source < 0.003].mean() < 0.1
    for nothing in (0.0, np.nan):
        assert not moving_ground(np.full((50, 50), nothing))[0].any()
