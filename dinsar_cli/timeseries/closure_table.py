"""How the pairs close around triangles of dates: tables, maps, and sentences on what it means.

Whole cycles by which a pair is off everywhere, because its zero was unwrapped differently, are told from those of
single cells: the former are taken off first.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.base.files import make_folder, write_text
from dinsar_cli.base.memory import bounded_raster_cache
from dinsar_cli.drawing.closure_picture import ClosureMaps, closure_picture
from dinsar_cli.products.layers import write_cog
from dinsar_cli.products.reader import Products
from dinsar_cli.series.closure import Constants, Repair, constant_cycles, cycles, wrapped
from dinsar_cli.series.graph import Pair, triangles_of
from dinsar_cli.series.network import pair_name
from dinsar_cli.timeseries.layers import CLOSURE_CYCLES
from dinsar_cli.timeseries.maps.opening import open_maps
from dinsar_cli.timeseries.maps.pair_maps import PairMaps, tags_of
from dinsar_cli.timeseries.reference import WINDOW, relative_to_one_place
from dinsar_cli.timeseries.sample import Sample, without_empty
from dinsar_cli.timeseries.solve import Solver

Floats = NDArray[np.floating[Any]]

FILE: Final = "closure.csv"
JSON: Final = "closure.json"
PICTURE: Final = "closure.png"
_PICTURES: Final = 2  # triangles that are drawn
_MOST_DRAWN: Final = 500  # cells of the longer side
_CYCLE: Final = 2 * math.pi
BLIND: Final = (
    "Closure shows whole cycles of wrong unwrapping, and phase bias of ground that changes. It cannot show the "
    "atmosphere: what a date is delayed by is in both of its pairs and cancels exactly."
)


@dataclass(frozen=True)
class Triangle:
    """How three pairs close.

    Attributes
    ----------
    dates : (date, date, date)
    cells : int
        With a value in all three.
    constant, constant_left : int
        Whole cycles by which it does not close in most cells, as the maps come and after those of whole pairs went.
    wrong, left : float
        Share of the cells that is off by other cycles than these, before and after those with one explanation went.
    mean, deviation : float
        Of the closure within half a cycle, radians.
    rms, rms_left : float
        Root mean square of the closure with its cycles, radians, before and after.
    """

    dates: tuple[date, date, date]
    cells: int
    constant: int
    constant_left: int
    wrong: float
    left: float
    mean: float
    deviation: float
    rms: float
    rms_left: float

    @property
    def wrapped_rms(self) -> float:
        """Root mean square of the closure within half a cycle, radians."""
        return math.hypot(self.mean, self.deviation)

    @property
    def name(self) -> str:
        """Dates as names of pairs have them."""
        return "_".join(f"{day:%Y%m%d}" for day in self.dates)

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON and CSV."""
        names = ("first", "middle", "last")
        days = {name: day.isoformat() for name, day in zip(names, self.dates, strict=True)}
        return days | {
            "cells": self.cells,
            "constant_cycles": self.constant,
            "constant_cycles_after_repair": self.constant_left,
            "share_wrong": round(self.wrong, 6),
            "share_wrong_after_repair": round(self.left, 6),
            "mean_rad": round(self.mean, 5),
            "deviation_rad": round(self.deviation, 5),
            "wrapped_rms_rad": round(self.wrapped_rms, 5),
            "rms_rad": round(self.rms, 5),
            "rms_rad_after_repair": round(self.rms_left, 5),
        }


@dataclass(frozen=True)
class PairCycles:
    """Whole cycles of a pair.

    Attributes
    ----------
    pair : Pair
    constant : int
        By which it is off everywhere.
    repaired : int
        Cells in which other cycles have one explanation in which it is.
    """

    pair: Pair
    constant: int
    repaired: int

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        told = {"constant_cycles": self.constant, "cells_repaired": self.repaired}
        return {"pair": pair_name(self.pair)} | told


@dataclass(frozen=True)
class Closure:
    """How the pairs of a network close.

    Attributes
    ----------
    triangles : tuple of Triangle
    pairs : tuple of PairCycles
    cells : int
        With a value in some triangle.
    flagged : int
        Cells where some triangle does not close, once the cycles of whole pairs went.
    ambiguous : int
        Those of them whose cycles have several explanations.
    taken_off : bool
        Whether cycles that have one explanation are taken off; else it is told what that would do.
    """

    triangles: tuple[Triangle, ...]
    pairs: tuple[PairCycles, ...]
    cells: int
    flagged: int
    ambiguous: int
    taken_off: bool = True

    @property
    def repaired(self) -> int:
        """Cells that do not close, and whose cycles have one explanation."""
        return self.flagged - self.ambiguous

    def sentences(self) -> list[str]:
        """Return what it means."""
        if not self.triangles:
            return ["The pairs make no triangle of dates: nothing tells whether they were unwrapped rightly."]
        if not self.flagged:
            counted = f"All {self.cells} cells close around all of {len(self.triangles)} triangles."
        else:
            share = 100 * self.flagged / max(1, self.cells)
            counted = (
                f"{self.flagged} of {self.cells} cells ({share:.2f} %) do not close around some of "
                f"{len(self.triangles)} triangles: of these the wrong cycles have one explanation in "
                f"{self.repaired}, several in {self.ambiguous}."
            )
        bias = max(self.triangles, key=lambda one: abs(one.mean))
        days = ", ".join(str(day) for day in bias.dates)
        return [
            *self._on_constants(),
            counted,
            f"The mean closure is {bias.mean:+.3f} rad at most (of {days}).",
            BLIND,
        ]

    def _on_constants(self) -> list[str]:
        off = [f"{pair_name(one.pair)} by {one.constant:+d}" for one in self.pairs if one.constant]
        open_ones = [one.name for one in self.triangles if one.constant_left]
        told = []
        if off:
            done = "taken off" if self.taken_off else "left as they are, because of --no-repair"
            told.append(
                f"Pairs that are off everywhere by whole cycles, because their zero was unwrapped differently: "
                f"{', '.join(off)}. These are {done}; what follows is beside them."
            )
        if open_ones:
            told.append(
                f"Triangles that do not close by whole cycles anywhere, which several sets of pairs explain: "
                f"{', '.join(open_ones)}. Nothing was taken off; more pairs (--network sequential:3) would tell."
            )
        return told

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "cells": self.cells,
            "cells_open": self.flagged,
            "cells_repaired": self.repaired,
            "cells_ambiguous": self.ambiguous,
            "taken_off": self.taken_off,
            "triangles": [one.to_dict() for one in self.triangles],
            "pairs": [one.to_dict() for one in self.pairs],
        }


class ClosureSurvey:
    """Gathers how the pairs close, from parts of the map.

    Parameters
    ----------
    maps : PairMaps
    solver : Solver
        Of these maps.
    sample : Sample
        Of these maps: it tells which triangles are drawn.
    constants : Constants
        By which the maps are, or were, off everywhere.
    taken_off : bool
        Whether what has one explanation is taken off: of the maps the constants are, and single cells will be.
    """

    def __init__(
        self, maps: PairMaps, solver: Solver, sample: Sample, constants: Constants, *, taken_off: bool = True
    ) -> None:
        self._maps, self._solver, self._taken_off = maps, solver, taken_off
        self._names, self.constants = triangles_of(maps.pairs), constants
        self._off = 0 if taken_off else off(maps, constants)[:, None]
        self._drawn = _worst(solver.closures(sample.los.astype(np.float64) - self._off), constants.left)
        self._step = max(1, -(-max(maps.grid.shape) // _MOST_DRAWN))
        height, width = (-(-size // self._step) for size in maps.grid.shape)
        self._pictures = np.full((len(self._drawn), 2, height, width), np.nan, np.float32)
        self._known, self._wrong, self._left = (np.zeros(len(self._names), np.int64) for _ in range(3))
        self._total, self._square, self._rms, self._rms_left = (np.zeros(len(self._names)) for _ in range(4))
        self._repaired = np.zeros(len(maps.pairs), np.int64)
        self._counted = np.full(maps.grid.shape, CLOSURE_CYCLES.nodata, np.uint16)
        self._cells = self._flagged = self._ambiguous = 0

    def add(self, rows: slice, los: Floats) -> Repair:
        """Take some rows of the map, and return the whole cycles that pairs are wrong by there.

        Parameters
        ----------
        rows : slice
        los : ndarray
            Displacement of the pairs in the maps, metres; shape (pairs, cells).
        """
        signs, constants = self._solver.signs.astype(int), self.constants
        closure = self._solver.closures(los - self._off)
        wrong = self._solver.wrong_cycles(closure)
        known = np.isfinite(closure)
        whole = np.where(known, cycles(closure), 0)
        rest = np.where(known, wrapped(closure), 0)
        removed = signs @ wrong.cycles.astype(int)
        before = closure + _CYCLE * (constants.triangles - constants.left)[:, None]
        after = closure - _CYCLE * removed
        left = constants.left[:, None]
        self._known += known.sum(axis=1)
        self._wrong += np.count_nonzero((whole != left) & known, axis=1)
        self._left += np.count_nonzero((whole - removed != left) & known, axis=1)
        self._total += rest.sum(axis=1, dtype=np.float64)
        self._square += np.square(rest, dtype=np.float64).sum(axis=1)
        self._rms += np.square(np.where(known, before, 0), dtype=np.float64).sum(axis=1)
        self._rms_left += np.square(np.where(known, after, 0), dtype=np.float64).sum(axis=1)
        self._repaired += np.count_nonzero(wrong.cycles, axis=1)
        some = known.any(axis=0)
        self._counted[rows].reshape(-1)[some] = np.count_nonzero(whole, axis=0)[some]
        self._cells += int(some.sum())
        self._flagged += int(wrong.flagged.sum())
        self._ambiguous += int(wrong.ambiguous.sum())
        self._draw(rows, before, after)
        return wrong

    def _draw(self, rows: slice, before: Floats, after: Floats) -> None:
        first, step = -rows.start % self._step, self._step
        place = slice((rows.start + first) // step, None)
        for number, triangle in enumerate(self._drawn):
            for when, values in enumerate((before, after)):
                thin = values[triangle].reshape(-1, self._maps.grid.width)[first::step, ::step]
                self._pictures[number, when, place][: len(thin)] = thin

    def write(self, output: Path) -> Closure:
        """Write the maps and tables of what was taken, and return it."""
        pairs = tuple(
            PairCycles(pair, int(constant), int(repaired))
            for pair, constant, repaired in zip(self._maps.pairs, self.constants.pairs, self._repaired, strict=True)
        )
        made = Closure(
            self._triangles(), pairs, self._cells, self._flagged, self._ambiguous, taken_off=self._taken_off
        )
        grid, path = self._maps.grid, output / f"{CLOSURE_CYCLES.name}.tif"
        write_cog(path, self._counted, grid, CLOSURE_CYCLES, tags_of(self._maps))
        write_table(output / FILE, [one.to_dict() for one in made.triangles])
        write_text(output / JSON, json.dumps({"schema_version": 1} | made.to_dict(), indent=2) + "\n")
        (output / PICTURE).unlink(missing_ok=True)
        if self._drawn:
            drawn = [
                ClosureMaps(made.triangles[number].name, *maps)
                for number, maps in zip(self._drawn, self._pictures, strict=True)
            ]
            east, north = grid.metres_per_unit
            closure_picture(output / PICTURE, drawn, north / east)
        return made

    def _triangles(self) -> tuple[Triangle, ...]:
        count = np.maximum(self._known, 1)
        mean = self._total / count
        deviation = np.sqrt(np.maximum(self._square / count - mean**2, 0))
        return tuple(
            Triangle(
                name,
                int(self._known[number]),
                int(self.constants.triangles[number]),
                int(self.constants.left[number]),
                float(self._wrong[number] / count[number]),
                float(self._left[number] / count[number]),
                float(mean[number]),
                float(deviation[number]),
                math.sqrt(self._rms[number] / count[number]),
                math.sqrt(self._rms_left[number] / count[number]),
            )
            for number, name in enumerate(self._names)
        )


def _worst(closure: Floats, constant: NDArray[np.integer[Any]]) -> list[int]:
    """Return the triangles that are off in the most cells, then those with the largest closure, by number."""
    known = np.isfinite(closure)
    count = np.maximum(known.sum(axis=1), 1)
    share = ((cycles(closure) != constant[:, None]) & known).sum(axis=1) / count
    spread = np.square(np.where(known, wrapped(closure), 0)).sum(axis=1) / count
    order = sorted(range(len(closure)), key=lambda number: (-share[number], -spread[number]))
    return [number for number in order if known[number].any()][:_PICTURES]


def find_closure(folder: Path, output: Path, window: int = WINDOW) -> tuple[Closure, tuple[str, ...]]:
    """Look how the maps in a folder close, and write maps and tables of it.

    Parameters
    ----------
    folder : Path
        Of a stack, or with maps of pairs.
    output : Path
        Folder for the files.
    window : int
        Cells on a side around the place that is zero in all pairs.

    Returns
    -------
    closure : Closure
    notes : tuple of str
        What there is to be told of the maps.
    """
    with Products() as files, bounded_raster_cache():
        maps = relative_to_one_place(without_empty(open_maps(folder, files)), window)
        make_folder(output)
        solver = Solver(maps.dates, maps.pairs, maps.wavelength)
        sample = Sample.of(maps)
        constants = constants_of(maps, sample)
        constant = off(maps, constants)
        whole = maps.shifted(constant)
        survey = ClosureSurvey(whole, solver, sample.shifted(constant), constants)
        for rows in whole.parts():
            survey.add(rows, whole.displacement(rows).reshape(len(maps.pairs), -1))
        return survey.write(output), maps.notes


def constants_of(maps: PairMaps, sample: Sample) -> Constants:
    """Find the whole cycles by which pairs are off everywhere."""
    solver = Solver(maps.dates, maps.pairs, maps.wavelength)
    return constant_cycles(solver.closures(sample.los.astype(np.float64)), solver.signs)


def constants_without(constants: Constants, pairs: Sequence[Pair], kept: Sequence[int]) -> Constants:
    """Return the same of some of the pairs, by their numbers."""
    left = set(triangles_of([pairs[number] for number in kept]))
    triangles = [number for number, name in enumerate(triangles_of(pairs)) if name in left]
    return Constants(constants.triangles[triangles], constants.pairs[list(kept)], constants.known)


def off(maps: PairMaps, constants: Constants) -> Floats:
    """Return what the cycles by which pairs are off everywhere are in displacement, metres; shape (pairs,)."""
    metres: Floats = constants.pairs * (maps.wavelength / 2)
    return metres


def write_table(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write a CSV file; without rows it is empty."""
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    write_text(path, text.getvalue())
