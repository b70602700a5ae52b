"""Elevation models put together from tiles: ellipsoidal strips, voids from a coarser model, sea level."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.errors import NoDataError
from dinsar_cli.managers.dem.geoid import Undulation
from dinsar_cli.managers.dem.sources import COARSE, SOURCES, Cell, Lattice, Tile, describe
from dinsar_cli.managers.dem.tile_store import OpenTile, TileStore
from dinsar_cli.managers.dem.write import DemGrid
from dinsar_cli.net.download import Transfer

# dem_stitcher puts a whole area together in memory, takes the columns of its first tile for all, and gives less
# than was asked for where tiles end. Here each strip of rows is put together for itself, with all of its columns.
_STRIP_PIXELS = 6_000_000
_BLOCK = 256
_EXACT = 1e-6  # pixels


@dataclass
class TileMosaic:
    """Heights of some pixels from tiles.

    Attributes
    ----------
    grid : DemGrid
        Pixels of the result.
    lattice : Lattice
        That they are part of.
    source : str
        Name of the model.
    tiles, coarse : dict of Tile
        By square degree: of the model, and of the coarser one that fills in.
    sea : tuple of Cell
        Where neither has a tile.
    undulation : callable
        Gives a geoid around the grid, by its name.
    store : TileStore
        Where the tiles are.
    progress : callable or None
        Is told of tiles that are fetched.
    filled : dict of Cell to int
        Pixels of the result that came from the coarser model, so far, by square degree.
    """

    grid: DemGrid
    lattice: Lattice
    source: str
    tiles: dict[Cell, Tile]
    coarse: dict[Cell, Tile]
    sea: tuple[Cell, ...]
    undulation: Callable[[str], Undulation]
    store: TileStore
    progress: Callable[[Transfer], None] | None = None
    filled: dict[Cell, int] = field(default_factory=dict, init=False)

    def strips(self) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Yield first row and ellipsoidal heights (m, NaN where void) of strips of the result, north to south."""
        rows = max(_STRIP_PIXELS // self.grid.width // _BLOCK, 1) * _BLOCK
        for row in range(0, self.grid.height, rows):
            yield row, self._strip(row, min(rows, self.grid.height - row))

    def _strip(self, first: int, count: int) -> NDArray[np.float32]:
        longitude, latitude = self.grid.longitude, self.grid.latitude[first : first + count]
        heights = self._above_ellipsoid(self.source, self.tiles, longitude, latitude)
        void = np.isnan(heights)
        if self.source == COARSE or not void.any():
            return heights
        wanted = self._coarse_around(void, longitude, latitude)
        self.store.fetch(wanted.values(), self.progress)
        there = {cell: tile for cell, tile in wanted.items() if self.store.path(tile).is_file()}
        if not there:
            return heights
        rows, columns = (span(np.asarray(void.any(axis=axis))) for axis in (1, 0))
        part, hole = heights[rows, columns], void[rows, columns]
        part[hole] = self._above_ellipsoid(COARSE, there, longitude[columns], latitude[rows])[hole]
        self._count(hole & ~np.isnan(part), longitude[columns], latitude[rows])
        return heights

    def _count(
        self, filled: NDArray[np.bool_], longitude: NDArray[np.float64], latitude: NDArray[np.float64]
    ) -> None:
        """Add pixels that were filled to those of their square degrees."""
        columns, rows = degrees_of(longitude, latitude)
        for x in set(columns.tolist()):
            for y in set(rows.tolist()):
                count = int(np.count_nonzero(filled[np.ix_(rows == y, columns == x)]))
                if count:
                    self.filled[x, y] = self.filled.get((x, y), 0) + count

    def _coarse_around(
        self, void: NDArray[np.bool_], longitude: NDArray[np.float64], latitude: NDArray[np.float64]
    ) -> dict[Cell, Tile]:
        """Return the coarser tiles of the degrees that have voids."""
        columns, rows = degrees_of(longitude, latitude)
        return {(x, y): tile for (x, y), tile in self.coarse.items() if void[np.ix_(rows == y, columns == x)].any()}

    def _above_ellipsoid(
        self,
        source: str,
        tiles: dict[Cell, Tile],
        longitude: NDArray[np.float64],
        latitude: NDArray[np.float64],
    ) -> NDArray[np.float32]:
        """Give the heights of a model (m, NaN where it has none) at all places of some latitudes and longitudes."""
        opened = [self.store.open(tile) for _, tile in sorted(tiles.items())]
        groups: dict[Lattice, list[OpenTile]] = {}
        for one in opened:
            groups.setdefault(one.lattice, []).append(one)
        heights = np.full((len(latitude), len(longitude)), np.nan, np.float32)
        # The lattice of the result first: its heights are copied, those of others are interpolated.
        for lattice in sorted(groups or {self.lattice: []}, key=lambda one: (one != self.lattice, one.dx)):
            void = np.isnan(heights)
            if not void.any():
                break
            heights[void] = self._on(lattice, groups.get(lattice, []), longitude, latitude)[void]
        geoid = SOURCES[source].geoid
        if geoid:
            self.undulation(geoid).add_to(heights, longitude, latitude)
        return heights

    def _on(
        self,
        lattice: Lattice,
        tiles: list[OpenTile],
        longitude: NDArray[np.float64],
        latitude: NDArray[np.float64],
    ) -> NDArray[np.float32]:
        """Return the heights from the tiles of one lattice, as they are or by bilinear interpolation."""
        x = longitude / lattice.dx + lattice.shift - 0.5
        y = -latitude / lattice.dy + lattice.shift - 0.5
        (left, column, across), (top, row, along) = _neighbours(x), _neighbours(y)
        block = self._assemble(lattice, tiles, top, top + int(row[-1]) + 2, left, left + int(column[-1]) + 2)
        return _between(_between(block, row, along).T, column, across).T

    def _assemble(
        self, lattice: Lattice, tiles: list[OpenTile], top: int, bottom: int, left: int, right: int
    ) -> NDArray[np.float32]:
        """Put the pixels of tiles beside each other; the sea is at 0 m, NaN is what no tile has."""
        block = np.full((bottom - top, right - left), np.nan, np.float32)
        for tile in tiles:
            rows = slice(max(top, tile.row), min(bottom, tile.row + tile.dataset.height))
            columns = slice(max(left, tile.column), min(right, tile.column + tile.dataset.width))
            if rows.start >= rows.stop or columns.start >= columns.stop:
                continue
            part = tile.read(
                rows.start - tile.row, rows.stop - tile.row, columns.start - tile.column, columns.stop - tile.column
            )
            place = block[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
            np.copyto(place, part, where=np.isnan(place))
        for x, y in self.sea:
            first_row, last_row = _numbers(-(y + 1), lattice.dy, lattice.shift)
            first, last = _numbers(x, lattice.dx, lattice.shift)
            place = block[
                max(first_row - top, 0) : max(last_row - top, 0), max(first - left, 0) : max(last - left, 0)
            ]
            place[np.isnan(place)] = 0.0
        return block


def degrees_of(
    longitude: NDArray[np.float64], latitude: NDArray[np.float64]
) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """Return the western and the southern edges of the square degrees in which columns and rows lie."""
    return np.floor(longitude + 1e-9).astype(int), (np.ceil(latitude - 1e-9) - 1).astype(int)


def _numbers(edge: int, step: float, shift: float) -> tuple[int, int]:
    """Give half-open range of the pixels whose centres lie in a degree, of which the first edge belongs to it."""
    first, last = (math.ceil(value / step + shift - 0.5 - _EXACT) for value in (edge, edge + 1))
    return first, last


def _neighbours(positions: NDArray[np.float64]) -> tuple[int, NDArray[np.intp], NDArray[np.float32]]:
    """Return the first pixel, and for each position the pixel before it (from the first one) and the distance."""
    before = np.floor(positions + _EXACT)
    beyond = positions - before
    beyond[np.abs(beyond) < 2 * _EXACT] = 0.0
    first = int(before[0])
    return first, (before - first).astype(np.intp), beyond.astype(np.float32)


def _between(
    block: NDArray[np.float32], before: NDArray[np.intp], beyond: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Interpolate rows linearly; next to a void, or to the end of all tiles, the row before is taken."""
    near = block[before]
    if not beyond.any():
        return near
    far = block[before + 1]
    weight = beyond[:, None]
    return np.where(np.isnan(far), near, near + weight * (far - near))


def span(marked: NDArray[np.bool_]) -> slice:
    """From the first to the last that is marked; nothing when none is."""
    (where,) = np.nonzero(marked)
    return slice(int(where[0]), int(where[-1]) + 1) if where.size else slice(0)


def check_land(source: str, land: Iterable[Cell], wanted: Iterable[Cell]) -> None:
    """Refuse an area in which no tile of any model has land.

    Raises
    ------
    NoDataError
        If it is open sea.
    """
    if not set(land) & set(wanted):
        raise NoDataError(
            "The area lies in the open sea.",
            f"Neither {SOURCES[source].title} nor {SOURCES[COARSE].title} has a tile there: {describe(wanted)}.",
            "Choose an area with land: a displacement map needs ground.",
        )
