"""Some cells all over the map: enough to tell how noisy dates are and which pairs are off as a whole."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.base.graph import parts_of
from dinsar_cli.errors import NoDataError
from dinsar_cli.series.date_quality import signed_correlation
from dinsar_cli.series.graph import Pair
from dinsar_cli.series.network import pair_name
from dinsar_cli.timeseries.maps.pair_maps import PairMaps, pairs_without

Floats = NDArray[np.floating[Any]]

_SAMPLE: Final = 50_000  # cells
_MOST_OF_DATES: Final = 2_000_000  # of cells times dates: what is solved for of many dates takes its time
_NAMED: Final = 5  # pairs that a sentence names


@dataclass(frozen=True)
class Sample:
    """What pairs show in some cells all over the map.

    Attributes
    ----------
    pairs : tuple of Pair
    los, sigma, coherence : ndarray
        Metres, and 0 to 1; shape (pairs, cells).
    """

    pairs: tuple[Pair, ...]
    los: Floats
    sigma: Floats
    coherence: Floats

    @classmethod
    def of(cls, maps: PairMaps) -> Sample:
        """Take it of maps."""
        wanted = min(_SAMPLE, _MOST_OF_DATES // len(maps.dates))
        step = max(1, round((maps.grid.width * maps.grid.height / wanted) ** 0.5))
        found = []
        for rows in maps.parts():
            thin = (slice(None), slice(-rows.start % step, None, step), slice(None, None, step))
            layers = (maps.displacement(rows), maps.sigma(rows), maps.coherence(rows))
            found.append(np.stack([layer[thin].reshape(len(maps.pairs), -1) for layer in layers]))
        return cls(maps.pairs, *np.concatenate(found, axis=2))

    def without(self, dates: Collection[date]) -> Sample:
        """Return that of the pairs that have none of some dates."""
        return self.only(pairs_without(self.pairs, dates))

    def only(self, kept: Sequence[int]) -> Sample:
        """Return that of some of the pairs, by their numbers."""
        rows = list(kept)
        pairs = tuple(self.pairs[number] for number in kept)
        return Sample(pairs, self.los[rows], self.sigma[rows], self.coherence[rows])

    def shifted(self, metres: Floats) -> Sample:
        """Return it with something taken off each pair, metres; shape (pairs,)."""
        return replace(self, los=self.los - metres[:, None].astype(self.los.dtype))

    @property
    def signed_correlation(self) -> dict[date, float]:
        """How the pairs of each date go together, where it is known."""
        found = signed_correlation(self.pairs, self.los)
        return {day: value for day, value in found.items() if np.isfinite(value)}


def without_empty(maps: PairMaps) -> PairMaps:
    """Leave out the pairs that have no value anywhere, and tell which they are.

    Raises
    ------
    NoDataError
        When the others do not hang together.
    """
    known = np.zeros(len(maps.pairs), bool)
    for rows in maps.parts():
        known |= np.isfinite(maps.displacement(rows)).any(axis=(1, 2))
        if known.all():
            return maps
    if not known.any():
        raise NoDataError(
            "No cell has a value in any pair.",
            "All is masked, or none of it was coherent.",
            "Make the maps again with more looks (--looks) or a lower --mask-coherence.",
        )
    names = [pair_name(pair) for pair, there in zip(maps.pairs, known, strict=True) if not there]
    empty = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
    left = maps.only(np.flatnonzero(known).tolist())
    parts = parts_of(maps.dates, left.pairs)
    if len(parts) > 1:
        raise NoDataError(
            f"{empty}: no cell has a value.",
            f"Without that no pair joins {parts[0][0]} to {parts[0][-1]} with {parts[1][0]} to {parts[1][-1]}.",
            "Make it again with more looks (--looks) or a lower --mask-coherence, or make pairs that go past it: "
            "dinsar stack --network sequential:3",
        )
    return replace(left, notes=(*maps.notes, f"left out, because no cell has a value: {empty}"))
