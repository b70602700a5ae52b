"""A map in few points with the covariance of their noise: a quadtree, as those who model sources take it.

Where displacement changes, nodes are small; where it does not, large [1]_, [2]_. The noise of nodes is not
independent: they share atmosphere. Its covariance comes from the variogram of the ground that did not move [3]_.

References
----------
.. [1] Jonsson, Zebker, Segall and Amelung (2002), "Fault slip distribution of the 1999 Mw 7.1 Hector Mine,
   California, earthquake, estimated from satellite radar and GPS measurements", BSSA 92(4).
.. [2] Isken et al. (2017), "Kite - Software for Rapid Earthquake Source Optimisation from InSAR Surface
   Displacement", GFZ Data Services.
.. [3] Sudhaus and Jonsson (2009), "Improved source modelling through combined use of InSAR and GPS under
   consideration of correlated data errors", GJI 176(2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Doubles: TypeAlias = NDArray[np.float64]
Floats: TypeAlias = NDArray[np.floating[Any]]
Mask: TypeAlias = NDArray[np.bool_]

MOST_NODES = 1000
"""Nodes that a tree has at most when nobody says how finely it follows the displacement."""

_LEAST_CELLS = 4  # along the side of the smallest node
_MOST_SMALLEST = 2**18  # nodes of the smallest size that a map is cut into, if all of it were
_LARGEST_SHARE = 4  # of the shorter side of the map that the largest node is long
_WHOLE = 0.5  # of a node that lies on the map, to be one
_NOISE = 1.0  # scatter of noise by which a node may vary at least
_STRIP = 2**22  # cells that are summed at once
_BISECTIONS = 40


@dataclass(frozen=True)
class Nodes:
    """Nodes of a quadtree, by rows and columns of their first cell; arrays of one length.

    Attributes
    ----------
    row, column, size : ndarray of int
        First cell, and cells along the side.
    cells : ndarray of int
        With a value.
    value, spread : ndarray
        Their mean and standard deviation.
    at_row, at_column : ndarray
        Their centre of mass, in cells; 0 is the centre of the first.
    """

    row: NDArray[np.int64]
    column: NDArray[np.int64]
    size: NDArray[np.int64]
    cells: NDArray[np.int64]
    value: Doubles
    spread: Doubles
    at_row: Doubles
    at_column: Doubles

    def __len__(self) -> int:
        return self.row.size


@dataclass(frozen=True)
class Level:
    """Sums over blocks of one size: number of values, values, squares, rows and columns."""

    size: int
    count: Doubles
    total: Doubles
    squares: Doubles
    rows: Doubles
    columns: Doubles

    @property
    def spread(self) -> Doubles:
        """Standard deviation within each block; 0 where there is nothing."""
        count = np.maximum(self.count, 1)
        return np.sqrt(np.maximum(self.squares / count - (self.total / count) ** 2, 0.0))

    def above(self) -> Level:
        """Return the blocks of twice the size."""
        parts = (self.count, self.total, self.squares, self.rows, self.columns)
        return Level(2 * self.size, *(_fours(part) for part in parts))


class Blocks:
    """Sums of a map over square blocks of doubling size, from half of the smallest node to the largest.

    Parameters
    ----------
    values : ndarray, shape (rows, columns)
        NaN where there is nothing.
    smallest, largest : int
        Cells along the side of nodes; largest is smallest times a power of two.
    """

    def __init__(self, values: Floats, smallest: int, largest: int) -> None:
        self.shape = values.shape
        self.smallest, self.largest = smallest, largest
        self.lowest = smallest if smallest % 2 else smallest // 2
        self.offset = float(np.nanmean(values, dtype=np.float64)) if np.isfinite(values).any() else 0.0
        levels = [block_sums(values, self.offset, self.lowest, largest)]
        while levels[-1].size < largest:
            levels.append(levels[-1].above())
        self._levels = {level.size: level for level in levels}

    def level(self, size: int) -> Level:
        """Return the sums over blocks of a size."""
        return self._levels[size]

    def leaves(self, epsilon: float, empty: float) -> dict[int, Mask]:
        """Return which blocks of each size are nodes, largest first.

        Parameters
        ----------
        epsilon : float
            Standard deviation (unit of the map) above which a node is cut into four.
        empty : float
            Share of cells without a value up to which a node is kept; above it is cut too.
        """
        size = self.largest
        active = np.ones(self.level(size).count.shape, bool)
        found: dict[int, Mask] = {}
        while True:
            level = self.level(size)
            sparse = level.count < (1 - empty) * size**2
            cut = active & ((level.spread > epsilon) | sparse) & (level.count > 0)
            if size == self.smallest:
                found[size] = active & ~sparse & (level.count > 0)
                return found
            found[size] = active & ~cut & (level.count > 0)
            active = np.repeat(np.repeat(cut, 2, 0), 2, 1)
            size //= 2

    def number(self, epsilon: float, empty: float) -> int:
        """Return how many nodes there are."""
        return sum(int(chosen.sum()) for chosen in self.leaves(epsilon, empty).values())

    def nodes(self, epsilon: float, empty: float) -> Nodes:
        """Return the nodes."""
        parts: list[Doubles] = []
        for size, chosen in self.leaves(epsilon, empty).items():
            level = self.level(size)
            row, column = np.nonzero(chosen)
            count = level.count[chosen]
            means = (level.total / np.maximum(level.count, 1))[chosen] + self.offset
            sides = np.full(row.size, float(size))
            middle = level.rows[chosen] / count, level.columns[chosen] / count
            parts.append(np.vstack([row * size, column * size, sides, count, means, level.spread[chosen], *middle]))
        table = np.hstack(parts)
        table = table[:, np.lexsort((table[1], table[0]))]
        whole = table[:4].astype(np.int64)
        return Nodes(whole[0], whole[1], whole[2], whole[3], table[4], table[5], table[6], table[7])


def tree_sizes(
    shape: tuple[int, int], cell: float, smallest: float | None, largest: float | None
) -> tuple[int, int]:
    """Return the cells along the sides of the smallest and of the largest node.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns of the map.
    cell : float
        Metres of a cell.
    smallest, largest : float, optional
        Metres that are asked for; what comes out is nearest to them. By default 4 to 7 cells, or more on maps of
        more than 4 million of them, and about a quarter of the shorter side, so that narrow strips are left at few
        borders.

    Returns
    -------
    smallest, largest : int
        The larger one is the smaller one times a power of two.
    """
    most = min(shape) / _LARGEST_SHARE if largest is None else largest / cell
    if smallest is not None:
        return _doubled(max(1, round(smallest / cell)), most, shape)
    scale = 1
    while math.prod(shape) / (_LEAST_CELLS * scale) ** 2 > _MOST_SMALLEST:
        scale *= 2
    several = range(_LEAST_CELLS, 2 * _LEAST_CELLS) if largest is None else [_LEAST_CELLS]
    candidates = [_doubled(cells * scale, most, shape) for cells in several]
    return min(candidates, key=lambda sizes: (min(shape) < sizes[0], _left_over(shape, sizes[1]), sizes))


def _doubled(least: int, most: float, shape: tuple[int, int]) -> tuple[int, int]:
    """Return a smallest size, and the one near the largest that is it times a power of two."""
    doublings = round(math.log2(max(most / least, 1)))
    while doublings and least * 2 ** (doublings - 1) > max(shape):
        doublings -= 1
    return least, least * 2**doublings


def _left_over(shape: tuple[int, int], size: int) -> float:
    """Return the share of the sides of a map that is too narrow for a node of a size."""
    parts = ((length % size) / size for length in shape)
    return sum(part * size / length for part, length in zip(parts, shape, strict=True) if part < _WHOLE)


def epsilon_for(blocks: Blocks, noise: float, empty: float) -> float:
    """Return the scatter above which nodes are cut when nobody says it: that of noise, or more for `MOST_NODES`."""
    least = _NOISE * noise
    if blocks.number(least, empty) <= MOST_NODES:
        return least
    low, high = least, float(max(blocks.level(blocks.largest).spread.max(), least))
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if blocks.number(middle, empty) > MOST_NODES:
            low = middle
        else:
            high = middle
    return high


def means_over(nodes: Nodes, values: Floats) -> Doubles:
    """Return the means of a layer over nodes, shape (nodes,); NaN where it has no values there."""
    result = np.empty(len(nodes))
    for n, (row, column, size) in enumerate(zip(nodes.row, nodes.column, nodes.size, strict=True)):
        part = values[row : row + size, column : column + size]
        known = np.isfinite(part)
        result[n] = part[known].mean(dtype=np.float64) if known.any() else np.nan
    return result


def block_sums(values: Floats, offset: float, size: int, largest: int) -> Level:
    """Sum a map over blocks, strip by strip; it is filled up to whole blocks of the largest size."""
    rows, columns = (math.ceil(length / largest) * largest for length in values.shape)
    shape = rows // size, columns // size
    count, total, squares, by_row, by_column = (np.zeros(shape) for _ in range(5))
    lines = max(size, _STRIP // columns // size * size)
    across = np.arange(columns, dtype=np.float64)
    for start in range(0, values.shape[0], lines):
        strip = np.full((min(lines, rows - start), columns), np.nan)
        part = values[start : start + strip.shape[0]]
        strip[: part.shape[0], : part.shape[1]] = part - np.float64(offset)
        known = np.isfinite(strip)
        strip[~known] = 0
        where = slice(start // size, start // size + strip.shape[0] // size)
        down = np.arange(start, start + strip.shape[0], dtype=np.float64)
        count[where] = _blocks(known, size)
        total[where], squares[where] = _blocks(strip, size), _blocks(strip * strip, size)
        by_row[where] = _blocks(known * down[:, None], size)
        by_column[where] = _blocks(known * across, size)
    return Level(size, count, total, squares, by_row, by_column)


def _blocks(values: NDArray[Any], size: int) -> Doubles:
    rows, columns = (length // size for length in values.shape)
    summed: Doubles = values.reshape(rows, size, columns, size).sum(axis=(1, 3), dtype=np.float64)
    return summed


def _fours(values: Doubles) -> Doubles:
    summed: Doubles = values[::2, ::2] + values[1::2, ::2] + values[::2, 1::2] + values[1::2, 1::2]
    return summed
