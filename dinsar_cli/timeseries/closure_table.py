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

from dinsar_cli.base.files import write_text
from dinsar_cli.products.layers import write_cog
from dinsar_cli.series.closure import cycles, wrapped
from dinsar_cli.series.graph import triangles_of
from dinsar_cli.timeseries.layers import CLOSURE_CYCLES
from dinsar_cli.timeseries.pair_maps import PairMaps, tags_of
from dinsar_cli.timeseries.solve import Solver

Floats = NDArray[np.floating[Any]]

FILE: Final = "closure.csv"
BLIND: Final = (
    "Closure shows whole cycles of wrong unwrapping, and phase bias of ground that changes. It cannot show the "
    "atmosphere: what a date is delayed by is in both of its pairs and cancels exactly."
)


@dataclass
class _Sums:
    """What is added up over cells, for each triangle."""

    cells: NDArray[np.int64]
    wrong: NDArray[np.int64]
    left: NDArray[np.int64]
    total: Floats
    square: Floats

    @classmethod
    def of(cls, triangles: int) -> _Sums:
        cells, wrong, left = (np.zeros(triangles, np.int64) for _ in range(3))
        return cls(cells, wrong, left, np.zeros(triangles), np.zeros(triangles))


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
    flagged, repaired, ambiguous : int
        Cells where some triangle does not close; those of them whose cycles have one explanation, and several.
    cells : int
        With a value in some triangle.
    """

    triangles: tuple[Triangle, ...]
    cells: int
    flagged: int
    repaired: int
    ambiguous: int

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


def find_closure(maps: PairMaps, output: Path | None = None) -> Closure:
    """Look how the pairs close, and write the map and the table of it.

    Parameters
    ----------
    maps : PairMaps
    output : Path, optional
        Folder for the files.
    """
    solver = Solver(maps.dates, maps.pairs, maps.wavelength)
    names = triangles_of(maps.pairs)
    sums = _Sums.of(len(names))
    counted = np.full(maps.grid.shape, CLOSURE_CYCLES.nodata, np.uint16)
    flagged = repaired = ambiguous = cells = 0
    for rows in maps.parts() if names else ():
        los = maps.displacement(rows).reshape(len(maps.pairs), -1)
        closure = solver.closures(los)
        found = solver.cycles(los)
        known = np.isfinite(closure)
        some = known.any(axis=0)
        whole = np.where(known, cycles(closure), 0)
        _add(sums, known, whole, np.where(known, wrapped(closure), 0))
        left = whole - solver.signs.astype(int) @ found.cycles.astype(int)
        sums.left += np.count_nonzero((left != 0) & known, axis=1)
        counted[rows].reshape(-1)[some] = np.count_nonzero(whole, axis=0)[some]
        cells += int(some.sum())
        flagged += int(found.flagged.sum())
        ambiguous += int(found.ambiguous.sum())
        repaired += int((found.flagged & ~found.ambiguous).sum())
    closure_found = Closure(_triangles(names, sums), cells, flagged, repaired, ambiguous)
    if output is not None:
        write_cog(output / f"{CLOSURE_CYCLES.name}.tif", counted, maps.grid, CLOSURE_CYCLES, tags_of(maps))
        write_table(output / FILE, [one.to_dict() for one in closure_found.triangles])
    return closure_found


def _add(sums: _Sums, known: NDArray[np.bool_], whole: NDArray[np.integer[Any]], rest: Floats) -> None:
    sums.cells += known.sum(axis=1)
    sums.wrong += np.count_nonzero(whole, axis=1)
    sums.total += rest.sum(axis=1, dtype=np.float64)
    sums.square += np.square(rest, dtype=np.float64).sum(axis=1)


def _triangles(names: Sequence[tuple[date, date, date]], sums: _Sums) -> tuple[Triangle, ...]:
    count = np.maximum(sums.cells, 1)
    mean = sums.total / count
    deviation = np.sqrt(np.maximum(sums.square / count - mean**2, 0))
    return tuple(
        Triangle(
            name,
            int(sums.cells[number]),
            float(sums.wrong[number] / count[number]),
            float(sums.left[number] / count[number]),
            float(mean[number]),
            float(deviation[number]),
        )
        for number, name in enumerate(names)
    )


def write_table(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write a CSV file; without rows it is empty."""
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    write_text(path, text.getvalue())
