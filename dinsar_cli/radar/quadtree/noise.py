"""Noise of a map that is cut into nodes: the covariance of the means over nodes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.radar.quadtree.tree import Blocks, Nodes
from dinsar_cli.radar.variogram import Variogram

Doubles: TypeAlias = NDArray[np.float64]
Floats: TypeAlias = NDArray[np.floating[Any]]
Mask: TypeAlias = NDArray[np.bool_]

_POINTS = 16_000  # that stand for all nodes in the sums of the covariance
_CHUNK = 400
_TABLE = 4000  # distances at which the model of the noise is taken


def covariance_of_nodes(
    blocks: Blocks,
    nodes: Nodes,
    spacing: tuple[float, float],
    variogram: Variogram,
    own: Doubles | None = None,
) -> Doubles:
    """Return the covariance of the noise of the means over nodes.

    Up to 16 parts stand for each node, between whose centres the covariance is that of the model; that of a part
    with itself is the mean over its cells, and that of a node no less than it is without holes. What neighbours do
    not share falls with the number of cells.

    Parameters
    ----------
    blocks, nodes
        Of one map.
    spacing : (float, float)
        Metres between rows and between columns.
    variogram : Variogram
        Of its noise.
    own : ndarray, shape (nodes,), optional
        Variance that the cells of a node are known to have each for itself; counts where it is above the nugget.

    Returns
    -------
    ndarray, shape (nodes, nodes)
        Symmetric and positive definite.
    """
    depth = 2
    while depth and len(nodes) * 4**depth > _POINTS:
        depth -= 1
    points = _points(blocks, nodes, spacing, depth)
    total = _summed(points, variogram)
    within = np.array([_within(variogram, size, spacing) for size in points.sizes])[points.kind] - variogram.sill
    closer = np.bincount(points.node, points.weight**2 * within, len(nodes))
    # parts side by side share more than their centres do where noise is short: a node without holes has this much
    full = {int(size): _within(variogram, int(size), spacing) for size in np.unique(nodes.size)}
    closer = np.maximum(closer, np.array([full[int(size)] for size in nodes.size]) - np.diag(total))
    alone = np.fmax(variogram.nugget, 0.0 if own is None else own) / nodes.cells
    result = total + np.diag(closer + alone)
    # centres of parts stand for them: where that is not consistent, parts count as points, which always is
    return result if _is_positive(result) else total + np.diag(alone + 1e-9 * variogram.variance)


def weights_of(covariance: Doubles) -> Doubles:
    """Return weights for programs that take no covariance: 1 over the sum of its row, in absolute values.

    The matrix with those sums on its diagonal is, as a quadratic form, nowhere less than the covariance: what least
    squares with these weights states as the error of a source is never too small because noise is shared.
    """
    weights: Doubles = 1 / np.abs(covariance).sum(axis=1)
    return weights


@dataclass(frozen=True)
class _Points:
    """Parts of nodes, by node: metres east and south, share of the node, and which of the sizes it has."""

    node: NDArray[np.int64]
    x: NDArray[np.float32]
    y: NDArray[np.float32]
    weight: Doubles
    kind: NDArray[np.int64]
    sizes: Sequence[int]


def _points(blocks: Blocks, nodes: Nodes, spacing: tuple[float, float], depth: int) -> _Points:
    parts: list[Doubles] = []
    lowest = blocks.lowest
    sizes = sorted({max(int(size) // 2**depth, lowest) for size in np.unique(nodes.size)})
    for size in np.unique(nodes.size):
        part = max(int(size) // 2**depth, lowest)
        level, across = blocks.level(part), int(size) // part
        chosen = np.flatnonzero(nodes.size == size)
        down, right = (axis.ravel() for axis in np.mgrid[:across, :across])
        row = (nodes.row[chosen, None] // part + down).ravel()
        column = (nodes.column[chosen, None] // part + right).ravel()
        count = level.count[row, column]
        known = count > 0
        row, column, count = row[known], column[known], count[known]
        owner = np.repeat(chosen, across**2)[known]
        y, x = level.rows[row, column] / count * spacing[0], level.columns[row, column] / count * spacing[1]
        parts.append(np.vstack([owner, x, y, count / nodes.cells[owner], np.full(owner.size, sizes.index(part))]))
    table = np.hstack(parts)
    table = table[:, np.argsort(table[0], kind="stable")]
    owner, kind = table[0].astype(np.int64), table[4].astype(np.int64)
    return _Points(owner, table[1].astype(np.float32), table[2].astype(np.float32), table[3], kind, sizes)


def _summed(points: _Points, variogram: Variogram) -> Doubles:
    """Return the covariance that nodes share, each part taken as a point."""
    count = int(points.node[-1]) + 1
    starts = np.searchsorted(points.node, np.arange(count))
    ends = np.r_[starts, points.node.size]
    weight = points.weight.astype(np.float32)
    reach = float(np.hypot(np.ptp(points.x), np.ptp(points.y))) + 1e-3
    # a table is quicker than the function, and fine enough: its steps are those of the range or of the map
    step = min(reach, 8 * variogram.range) / _TABLE
    far = np.arange(math.ceil(reach / step) + 2) * step
    table = variogram.covariance(np.maximum(far, step * 1e-6)).astype(np.float32)
    result = np.zeros((count, count))
    first = 0
    while first < count:
        last = max(int(np.searchsorted(starts, ends[first] + _CHUNK, "right")) - 1, first + 1)
        mine, others = slice(ends[first], ends[last]), slice(ends[first], None)
        apart = np.hypot(points.x[mine, None] - points.x[others], points.y[mine, None] - points.y[others])
        apart *= np.float32(1 / step)
        near = apart.astype(np.int32)
        shared = table[near]
        shared += (apart - near) * (table[near + 1] - shared)
        shared *= weight[others]
        by_node = np.add.reduceat(shared, starts[first:] - ends[first], axis=1, dtype=np.float64)
        by_node *= points.weight[mine, None]
        result[first:last, first:] = np.add.reduceat(by_node, starts[first:last] - ends[first], axis=0)
        first = last
    upper = np.triu(result)
    return upper + np.triu(upper, 1).T


def _within(variogram: Variogram, size: int, spacing: tuple[float, float]) -> float:
    """Return the mean covariance that the cells of a square share, over all pairs of them."""
    steps = np.arange(size)
    pairs = (size - steps) * np.where(steps > 0, 2, 1) / size**2
    apart = np.hypot(steps[:, None] * spacing[0], steps * spacing[1])
    apart[0, 0] = min(spacing) * 1e-9  # what a cell has for itself is not shared
    return float(pairs @ variogram.covariance(apart) @ pairs)


def _is_positive(matrix: Doubles) -> bool:
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return True
