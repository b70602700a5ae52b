"""Two velocities cell by cell: how far they are from each other, by coherence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.timeseries.solve import CYCLE_OPEN

Floats = NDArray[np.floating[Any]]

_BOUNDS: Final = (0.0, 0.3, 0.5, 0.7, 0.9, 1.0)
ALL: Final = "all"
OPEN: Final = "cycles open"


@dataclass(frozen=True)
class Difference:
    """How one velocity differs from another in some cells.

    Attributes
    ----------
    cells : int
    bias : float
        Mean of the first minus the second, metres a year.
    rms : float
        Root of the mean square of the same.
    gain : float or None
        Slope of the first against the second; None where that does not vary.
    """

    cells: int
    bias: float
    rms: float
    gain: float | None

    @classmethod
    def of(cls, first: Floats, second: Floats) -> Difference:
        """Return that of velocities that are known in all cells."""
        first, second = first.astype(np.float64), second.astype(np.float64)
        difference, spread = first - second, second - second.mean()
        power = float(np.sum(spread**2))
        gain = float(np.sum(spread * (first - first.mean())) / power) if power > 0 else None
        return cls(len(first), float(difference.mean()), float(np.sqrt(np.mean(difference**2))), gain)


@dataclass(frozen=True)
class Row:
    """What is told of the cells of some coherence.

    Attributes
    ----------
    name : str
        Such as ``0.5-0.7``, `ALL`, or `OPEN`: where triangles do not close by whole cycles.
    given : Difference
        Of the velocity that is handed over, minus MintPy's.
    alike : Difference
        The same with all dates counting alike, as MintPy has it.
    """

    name: str
    given: Difference
    alike: Difference

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {"cells_of": self.name, "given": asdict(self.given), "dates_alike": asdict(self.alike)}


def compare_velocities(
    given: Floats, alike: Floats, mintpy: Floats, coherence: Floats, flags: NDArray[np.integer[Any]]
) -> list[Row]:
    """Compare the own velocity with MintPy's.

    Parameters
    ----------
    given, alike, mintpy : ndarray
        Metres a year, NaN where it is not known; shape of the grid. `alike` is solved with equal weights of dates.
    coherence : ndarray
        Mean of the pairs.
    flags : ndarray
        Of the own series; cells whose cycles were open stand apart, for only one of the two has mended them.
    """
    known = np.isfinite(given) & np.isfinite(alike) & np.isfinite(mintpy)
    rows = []
    for name, cells in _cells(known, coherence, (flags & CYCLE_OPEN) > 0):
        if cells.any():
            second = mintpy[cells]
            rows.append(Row(name, Difference.of(given[cells], second), Difference.of(alike[cells], second)))
    return rows


def _cells(
    known: NDArray[np.bool_], coherence: Floats, is_open: NDArray[np.bool_]
) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Give the cells of each row."""
    closed = known & ~is_open
    yield ALL, closed
    for low, high in pairwise(_BOUNDS):
        inside = (coherence >= low) & ((coherence < high) | (high == _BOUNDS[-1]))
        yield f"{low:.1f}-{high:.1f}", closed & inside
    yield OPEN, known & is_open
