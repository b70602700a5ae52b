"""The maps of many pairs as one folder for MintPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.base.graph import parts_of
from dinsar_cli.base.journal import RUN_FILE, read_journal, read_map_record
from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.formats.facts import ProductFacts, product_facts
from dinsar_cli.formats.mintpy import (
    MintPyPair,
    MintPyPlace,
    MintPySet,
    geometry_of,
    layers_of_pair,
    name_of_pair,
    notes_on_grid,
    parameters_of_pair,
)
from dinsar_cli.series.closure import triangle_matrix
from dinsar_cli.timeseries.maps.own_maps import OwnPair
from dinsar_cli.timeseries.maps.pair_maps import PairMaps
from dinsar_cli.timeseries.mintpy.foreign_set import foreign_geometry, foreign_pair
from dinsar_cli.timeseries.mintpy.phase import phase_of

Array = NDArray[Any]
Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

_OPTIONAL: Final = {"conncomp": "connected_components", "wrapped_phase": "wrapped_phase"}
_TOP: Final = 0.9  # the cell is looked for among the tenth of highest coherence
_FAINT: Final = np.float32(0.01)
_CYCLE: Final = 2 * np.pi
_ONE_TRIANGLE: Final = (
    "MintPy 1.6.4 ends in its step quick_overview where there is one triangle of dates; it goes on with "
    "smallbaselineApp.py mintpy.cfg --start correct_unwrap_error"
)


@dataclass(frozen=True)
class StackSet:
    """What MintPy gets, and where it is zero.

    Attributes
    ----------
    made : MintPySet
    row, column : int
        The cell that MintPy makes zero.
    """

    made: MintPySet
    row: int
    column: int

    def write(self, folder: Path) -> list[Path]:
        """Write it into a folder; the configuration comes first."""
        return self.made.write(folder)


def plan_set(maps: PairMaps, options: dict[str, str] | None = None, *, whole: bool = True) -> StackSet:
    """Look at all maps, and tell what MintPy is to get of them.

    Parameters
    ----------
    maps : PairMaps
    options : dict of str to str, optional
        Keys of MintPy, without ``mintpy.``, that are set otherwise than is usual here.
    whole : bool
        Whether MintPy goes through all of its steps, with the one that fails where all triangles close.

    Raises
    ------
    NoDataError
        When MintPy could not solve them.
    """
    _check_joined(maps)
    facts = [_facts_of(one) for one in maps.layers if isinstance(one, OwnPair)]
    geometry, notes = (geometry_of(facts[0]), ()) if facts else foreign_geometry(maps)
    survey = _Survey.of(maps, geometry, facts)
    row, column, words = survey.zero(maps)
    pairs = _own_pairs(facts, maps) if facts else [foreign_pair(maps, number) for number in range(len(maps.pairs))]
    triangles = len(triangle_matrix(maps.pairs)) if whole else 0
    if triangles == 1:
        notes = (*notes, _ONE_TRIANGLE)
    elif triangles > 1 and survey.closes(maps, row, column):
        pairs, note = survey.with_open_cell(maps, pairs, row, column)
        notes = (*notes, note)
    place = MintPyPlace(row, column, words)
    dates = len(maps.dates)
    notes = (*maps.notes, *notes, *_told(maps), *notes_on_grid(maps.grid))
    made = MintPySet(maps.grid, pairs, geometry, place, dates, maps.wavelength, notes, options)
    return StackSet(made, row, column)


def _check_joined(maps: PairMaps) -> None:
    parts = parts_of(maps.dates, maps.pairs)
    if len(parts) > 1:
        raise NoDataError(
            f"The pairs in {maps.folder} do not hang together: MintPy cannot solve them.",
            f"No pair joins {parts[0][0]} to {parts[0][-1]} with {parts[1][0]} to {parts[1][-1]}.",
            "Make pairs that join them: dinsar stack --network sequential:3",
        )


def _told(maps: PairMaps) -> tuple[str, ...]:
    """Return what was done to the displacement, and is in the phase."""
    if not isinstance(maps.layers[0], OwnPair):
        return ()
    tags = maps.layers[0].products.product("los_displacement").tags
    done = [tags[name] for name in ("corrections", "ramp_removed") if tags.get(name)]
    return (f"taken off already: {', '.join(done)}",) if done else ()


def _facts_of(one: OwnPair) -> ProductFacts:
    folder, products = one.products.folder, one.products
    journal = folder / RUN_FILE
    record = read_journal(journal) if journal.is_file() else read_map_record(folder)
    return product_facts(products.rasters["los_displacement"].parent, products.name, record, products.files)


def _own_pairs(facts: Sequence[ProductFacts], maps: PairMaps) -> list[MintPyPair]:
    """Return the pairs, with those layers that all of them have, relative to one place."""
    held = [name for name, layer in _OPTIONAL.items() if all(layer in one.rasters for one in facts)]
    pairs = []
    for number, one in enumerate(facts):
        layers = layers_of_pair(one)
        kept = {name: layers[name] for name in ("unw_phase", "corr", *held)}
        if maps.zero.any():
            kept["unw_phase"] = partial(phase_of, maps, number)
        pairs.append(MintPyPair(name_of_pair(one), parameters_of_pair(one), kept))
    names = [pair.name for pair in pairs]
    if len(set(names)) < len(names):
        raise UsageError(
            f"Two pairs in {maps.folder} are the same to MintPy.",
            f"Both would be called {next(name for name in names if names.count(name) > 1)}.",
            "Keep one of them.",
        )
    return pairs


@dataclass(frozen=True)
class _Survey:
    """What all pairs together tell of each cell.

    Attributes
    ----------
    everywhere : ndarray of bool
        Cells that have a value, and a component where these are known, in all pairs, and show land.
    nowhere : ndarray of bool
        Cells without a value in any pair that are no water.
    coherence : ndarray
        Mean of all pairs.
    away : ndarray
        Root of the mean square of the displacement of all pairs, metres.
    land : ndarray of bool
    """

    everywhere: Bools
    nowhere: Bools
    coherence: Floats
    away: Floats
    land: Bools

    @classmethod
    def of(cls, maps: PairMaps, geometry: dict[str, Array], facts: Sequence[ProductFacts]) -> _Survey:
        """Read all pairs once."""
        shape = maps.grid.shape
        land = geometry.get("water_mask", np.ones(shape)).astype(bool)
        seen = land & ~geometry.get("shadow_mask", np.zeros(shape)).astype(bool)
        everywhere, nowhere = seen.copy(), land.copy()
        coherence, away = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        for rows in maps.parts():
            los, found = maps.displacement(rows), maps.coherence(rows)
            known = np.isfinite(los)
            everywhere[rows] &= known.all(axis=0) & np.isfinite(found).all(axis=0)
            nowhere[rows] &= ~known.any(axis=0)
            coherence[rows] = np.nan_to_num(found).mean(axis=0)
            away[rows] = np.sqrt(np.square(np.nan_to_num(los)).mean(axis=0))
        if facts and all("connected_components" in one.rasters for one in facts):
            for one in facts:
                everywhere &= one.read("connected_components") > 0
        return cls(everywhere, nowhere, coherence, away, land)

    def zero(self, maps: PairMaps) -> tuple[int, int, str]:
        """Return the cell that MintPy makes zero: that of the maps where it can be, and why it is that one.

        Raises
        ------
        NoDataError
            When no cell has a value in all pairs.
        """
        if not self.everywhere.any():
            raise NoDataError(
                "MintPy has no cell that it could make zero.",
                "It must have a value, and belong to a connected component, in all pairs, and there is none.",
                "Leave the worst dates or pairs out, or make the maps with more looks.",
            )
        grid = maps.grid
        wished = None if maps.reference is None else grid.index(maps.reference.lon, maps.reference.lat)
        if wished is not None and grid.holds(*wished):
            if self.everywhere[wished]:
                return (*wished, f"the reference of the maps ({_lonlat(maps, *wished)})")
            rows, columns = np.nonzero(self.everywhere)
            nearest = int(np.argmin((rows - wished[0]) ** 2 + (columns - wished[1]) ** 2))
            cell = int(rows[nearest]), int(columns[nearest])
            words = (
                f"the cell with a value in all pairs that is nearest to the reference of the maps "
                f"({_lonlat(maps, *cell)}; the reference is at {_lonlat(maps, *wished)})"
            )
            return (*cell, words)
        high = self.everywhere & (self.coherence >= np.quantile(self.coherence[self.everywhere], _TOP))
        found = np.unravel_index(int(np.argmin(np.where(high, self.away, np.inf))), grid.shape)
        cell = int(found[0]), int(found[1])
        where = "there is none" if wished is None else "it is beside the map"
        words = (
            f"the coherent cell that is nearest to the zero of all maps ({_lonlat(maps, *cell)}; MintPy cannot use "
            f"the reference of the maps: {where})"
        )
        return (*cell, words)

    def closes(self, maps: PairMaps, row: int, column: int) -> bool:
        """Tell whether MintPy will count no triangle anywhere that does not close by whole cycles."""
        signs = triangle_matrix(maps.pairs).astype(np.float32)
        scale = np.float32(-4 * np.pi / maps.wavelength)
        zero = maps.displacement(slice(row, row + 1))[:, 0, column, None, None] * scale
        for rows in maps.parts():
            los = maps.displacement(rows)
            phase = np.where(np.isfinite(los), los * scale - zero, 0)
            closure = np.tensordot(signs, phase, 1)
            count = (np.abs(closure) > np.pi).sum(axis=0)
            counted = (count > 0) & (count < len(signs)) & (self.coherence[rows] > 0) & self.land[rows]
            if counted.any():
                return False
        return True

    def with_open_cell(
        self, maps: PairMaps, pairs: Sequence[MintPyPair], row: int, column: int
    ) -> tuple[list[MintPyPair], str]:
        """Return the pairs with one cell of one of them wrong by a cycle, where no pair has a value.

        MintPy 1.6.4 draws a histogram with as many bins as the most triangles that do not close in a cell, and
        ends where that is none. In a cell of one pair it gives no velocity, so that nothing it finds is changed.
        """
        usable = self.nowhere.copy()
        given_up = not usable.any()
        if given_up:
            usable = self.land.copy()
            usable[row, column] = False
        open_row, open_column = (
            int(i) for i in np.unravel_index(int(np.argmin(np.where(usable, self.coherence, np.inf))), usable.shape)
        )
        signs = triangle_matrix(maps.pairs)
        times = np.count_nonzero(signs, axis=0)
        number = int(np.argmin(np.where((times > 0) & (times < len(signs)), times, len(signs) + 1)))
        zero = phase_of(maps, number)[row, column]
        values = {"unw_phase": np.float32(zero + _CYCLE), "corr": _FAINT}
        changed = [
            replace(
                pair,
                layers=dict(pair.layers)
                | {
                    name: partial(_with_cell, pair.layers[name], (open_row, open_column), value * (place == number))
                    for name, value in values.items()
                },
            )
            for place, pair in enumerate(pairs)
        ]
        lost = "which has no velocity for that" if given_up else "which has no value in any pair"
        note = (
            f"all triangles of dates close, and MintPy 1.6.4 ends in its step quick_overview where none is open: "
            f"the cell in row {open_row}, column {open_column}, {lost}, is open by a cycle in one pair"
        )
        return changed, note


def _with_cell(read: Callable[[], Array], cell: tuple[int, int], value: np.float32) -> Array:
    values = read().copy()
    values[cell] = value
    return values


def _lonlat(maps: PairMaps, row: int, column: int) -> str:
    lon, lat = maps.grid.lonlat(row, column)
    return f"{lon:.5f}, {lat:.5f}"
