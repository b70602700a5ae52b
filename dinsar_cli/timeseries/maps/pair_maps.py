"""The maps of many pairs, on one grid and relative to one place."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.windows import Window

from dinsar_cli.config.model import LonLat
from dinsar_cli.errors import UsageError
from dinsar_cli.geo.grid import Grid
from dinsar_cli.products.reader import MAKE_AGAIN
from dinsar_cli.series.graph import Pair
from dinsar_cli.series.network import pair_name

Floats = NDArray[np.float32]

_MOST_VALUES: Final = 8_000_000  # of one layer of all pairs that are in memory at a time
_LEAST_POWER: Final = 0.1  # of the noise of a cell that is left when that of its zero is taken off


class PairLayers(Protocol):
    """What is read of a pair."""

    @property
    def pair(self) -> Pair:
        """The dates."""

    def los(self, window: Window) -> Floats:
        """Return the displacement, metres, positive toward the satellite; NaN where there is none."""

    def sigma(self, window: Window) -> Floats:
        """Return its standard deviation, metres."""

    def correlation(self, window: Window) -> Floats:
        """Return the coherence, 0 to 1."""

    @property
    def looks(self) -> float:
        """Independent looks of the coherence."""

    def mean_sigma(self, coherence: float, cells: int, grid: Grid) -> float:
        """Return the standard deviation of the noise of the mean displacement of some cells, metres."""


@dataclass(frozen=True)
class Averaged:
    """Cells around a place whose mean is zero in all pairs.

    Attributes
    ----------
    window : int
        Cells on a side of the square in which they lie.
    cells : int
    """

    window: int
    cells: int


@dataclass(frozen=True)
class PairMaps:
    """Displacement of pairs of dates.

    Attributes
    ----------
    folder : Path
        Where they were found.
    layers : tuple of PairLayers
        Of each pair, in the order of time.
    grid : Grid
    wavelength : float
        Metres.
    tags : dict of str to str
        For the files of the series.
    reference : LonLat or None
        Where all are zero; None where that is beside the map.
    zero : ndarray
        To be subtracted from the displacement of each pair, metres; shape (pairs,).
    variance : ndarray
        To be added to that of the noise of each pair, square metres: it has the noise of its own zero in it, and
        gets that of the common one; shape (pairs,).
    averaged : Averaged or None
        The cells whose mean is zero in all pairs; None where the maps keep the zero that they came with.
    notes : tuple of str
        What the user is told of them.
    """

    folder: Path
    layers: tuple[PairLayers, ...]
    grid: Grid
    wavelength: float
    tags: dict[str, str]
    reference: LonLat | None
    zero: NDArray[np.float64]
    variance: NDArray[np.float64]
    averaged: Averaged | None = None
    notes: tuple[str, ...] = ()

    @property
    def dates(self) -> tuple[date, ...]:
        """All dates, in order."""
        return tuple(sorted({day for pair in self.pairs for day in pair}))

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """All pairs, in the order of time."""
        return tuple(one.pair for one in self.layers)

    def _read(self, rows: slice, layer: Callable[[PairLayers, Window], Floats]) -> Floats:
        """Read a layer of all pairs; shape (pairs, rows, columns)."""
        window = Window(0, rows.start, self.grid.width, rows.stop - rows.start)
        found = np.empty((len(self.layers), rows.stop - rows.start, self.grid.width), np.float32)
        for values, one in zip(found, self.layers, strict=True):
            try:
                values[:] = layer(one, window)
            except RasterioError as error:
                raise UsageError(
                    f"A map of {pair_name(one.pair)} in {self.folder} cannot be read.",
                    "Its file is cut short, or damaged in another way.",
                    MAKE_AGAIN,
                ) from error
        return found

    def displacement(self, rows: slice) -> Floats:
        """Return the displacement of all pairs relative to one place, metres; shape (pairs, rows, columns)."""
        los = self._read(rows, lambda one, window: one.los(window))
        return los - self.zero[:, None, None].astype(np.float32)

    def sigma(self, rows: slice) -> Floats:
        """Return the standard deviation of the noise of all pairs, metres; shape (pairs, rows, columns)."""
        power = np.square(self._read(rows, lambda one, window: one.sigma(window)))
        changed = power + self.variance[:, None, None].astype(np.float32)
        return np.sqrt(np.maximum(changed, _LEAST_POWER * power))

    def coherence(self, rows: slice) -> Floats:
        """Return the coherence of all pairs, 0 to 1; shape (pairs, rows, columns)."""
        return self._read(rows, lambda one, window: one.correlation(window))

    def parts(self) -> Iterator[slice]:
        """Return rows that fit into memory together, of all pairs."""
        height = max(1, _MOST_VALUES // (self.grid.width * len(self.pairs)))
        for first in range(0, self.grid.height, height):
            yield slice(first, min(first + height, self.grid.height))

    def without(self, dates: Collection[date]) -> PairMaps:
        """Return the maps of the pairs that have none of some dates."""
        return self.only(pairs_without(self.pairs, dates))

    def shifted(self, metres: NDArray[np.floating[Any]]) -> PairMaps:
        """Return the maps with something taken off each, metres; shape (pairs,)."""
        return replace(self, zero=self.zero + metres)

    def only(self, kept: Sequence[int]) -> PairMaps:
        """Return the maps of some of the pairs, by their numbers."""
        layers = tuple(self.layers[number] for number in kept)
        return replace(self, layers=layers, zero=self.zero[list(kept)], variance=self.variance[list(kept)])


def pairs_without(pairs: Sequence[Pair], dates: Collection[date]) -> list[int]:
    """Return the numbers of the pairs that have none of some dates."""
    return [number for number, pair in enumerate(pairs) if not set(pair) & set(dates)]


def tags_of(maps: PairMaps) -> dict[str, str]:
    """Return what the files of the series tell of the maps that they are made of."""
    place = {} if maps.reference is None else {"reference_point": f"{maps.reference.lon},{maps.reference.lat}"}
    return maps.tags | place
