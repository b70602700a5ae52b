"""How the pairs close around triangles of dates: a table, a map, and sentences on what it means."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.base.files import make_folder, write_text
from dinsar_cli.base.memory import bounded_raster_cache
from dinsar_cli.products.layers import write_cog
from dinsar_cli.products.reader import Products
from dinsar_cli.series.closure import Repair, cycles, wrapped
from dinsar_cli.series.graph import triangles_of
from dinsar_cli.timeseries.layers import CLOSURE_CYCLES
from dinsar_cli.timeseries.pair_maps import PairMaps, open_maps, tags_of
from dinsar_cli.timeseries.solve import Solver

Floats = NDArray[np.floating[Any]]

FILE: Final = "closure.csv"
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
    wrong, left : float
        Share of them that does not close by whole cycles, before and after those with one explanation went.
    mean, deviation : float
        Of the closure within half a cycle, radians.
    """

    dates: tuple[date, date, date]
    cells: int
    wrong: float
    left: float
    mean: float
    deviation: float

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON and CSV."""
        names = ("first", "middle", "last")
        days = {name: day.isoformat() for name, day in zip(names, self.dates, strict=True)}
        return days | {
            "cells": self.cells,
            "share_wrong": round(self.wrong, 6),
            "share_wrong_after_repair": round(self.left, 6),
            "mean_rad": round(self.mean, 5),
            "deviation_rad": round(self.deviation, 5),
        }


@dataclass(frozen=True)
class Closure:
    """How the pairs of a network close.

    Attributes
    ----------
    triangles : tuple of Triangle
    cells : int
        With a value in some triangle.
    flagged : int
        Cells where some triangle does not close.
    ambiguous : int
        Those of them whose cycles have several explanations.
    """

    triangles: tuple[Triangle, ...]
    cells: int
    flagged: int
    ambiguous: int

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
        return [counted, f"The mean closure is {bias.mean:+.3f} rad at most (of {days}).", BLIND]

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "cells": self.cells,
            "cells_open": self.flagged,
            "cells_repaired": self.repaired,
            "cells_ambiguous": self.ambiguous,
            "triangles": [one.to_dict() for one in self.triangles],
        }


class ClosureSurvey:
    """Gathers how the pairs close, from parts of the map.

    Parameters
    ----------
    maps : PairMaps
    solver : Solver
        Of these maps.
    """

    def __init__(self, maps: PairMaps, solver: Solver) -> None:
        self._maps, self._solver = maps, solver
        self._names = triangles_of(maps.pairs)
        self._known, self._wrong, self._left = (np.zeros(len(self._names), np.int64) for _ in range(3))
        self._total, self._square = np.zeros(len(self._names)), np.zeros(len(self._names))
        self._counted = np.full(maps.grid.shape, CLOSURE_CYCLES.nodata, np.uint16)
        self._cells = self._flagged = self._ambiguous = 0

    def add(self, rows: slice, los: Floats) -> Repair:
        """Take some rows of the map, and return the whole cycles that pairs are wrong by there.

        Parameters
        ----------
        rows : slice
        los : ndarray
            Displacement of the pairs, metres; shape (pairs, cells).
        """
        closure = self._solver.closures(los)
        wrong = self._solver.wrong_cycles(closure)
        known = np.isfinite(closure)
        whole = np.where(known, cycles(closure), 0)
        rest = np.where(known, wrapped(closure), 0)
        left = whole - self._solver.signs.astype(int) @ wrong.cycles.astype(int)
        self._known += known.sum(axis=1)
        self._wrong += np.count_nonzero(whole, axis=1)
        self._left += np.count_nonzero((left != 0) & known, axis=1)
        self._total += rest.sum(axis=1, dtype=np.float64)
        self._square += np.square(rest, dtype=np.float64).sum(axis=1)
        some = known.any(axis=0)
        self._counted[rows].reshape(-1)[some] = np.count_nonzero(whole, axis=0)[some]
        self._cells += int(some.sum())
        self._flagged += int(wrong.flagged.sum())
        self._ambiguous += int(wrong.ambiguous.sum())
        return wrong

    def write(self, output: Path) -> Closure:
        """Write the map and the table of what was taken, and return it."""
        made = Closure(self._triangles(), self._cells, self._flagged, self._ambiguous)
        grid, path = self._maps.grid, output / f"{CLOSURE_CYCLES.name}.tif"
        write_cog(path, self._counted, grid, CLOSURE_CYCLES, tags_of(self._maps))
        write_table(output / FILE, [one.to_dict() for one in made.triangles])
        return made

    def _triangles(self) -> tuple[Triangle, ...]:
        count = np.maximum(self._known, 1)
        mean = self._total / count
        deviation = np.sqrt(np.maximum(self._square / count - mean**2, 0))
        return tuple(
            Triangle(
                name,
                int(self._known[number]),
                float(self._wrong[number] / count[number]),
                float(self._left[number] / count[number]),
                float(mean[number]),
                float(deviation[number]),
            )
            for number, name in enumerate(self._names)
        )


def find_closure(folder: Path, output: Path) -> tuple[Closure, tuple[str, ...]]:
    """Look how the maps in a folder close, and write the map and the table of it.

    Returns
    -------
    closure : Closure
    notes : tuple of str
        What there is to be told of the maps.
    """
    with Products() as files, bounded_raster_cache():
        maps = open_maps(folder, files)
        make_folder(output)
        survey = ClosureSurvey(maps, Solver(maps.dates, maps.pairs, maps.wavelength))
        for rows in maps.parts():
            survey.add(rows, maps.displacement(rows).reshape(len(maps.pairs), -1))
        return survey.write(output), maps.notes


def write_table(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write a CSV file; without rows it is empty."""
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    write_text(path, text.getvalue())
