"""One reference point for all pairs of a stack: coherent ground that is calm in all of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.config.model import LonLat
from dinsar_cli.errors import NoDataError
from dinsar_cli.geo.grid import Grid
from dinsar_cli.maps.zero.far_field import FarField
from dinsar_cli.maps.zero.reference import calm_of
from dinsar_cli.radar.displacement import choose_reference, los_displacement
from dinsar_cli.radar.unwrap_check import largest_component
from dinsar_cli.workflow.map_stages import Geocoded

Floats = NDArray[np.float64]
_LEAST_SHARE = 0.9
"""Share of the pairs in which a place must be known, and calm, where no place is in all."""


@dataclass
class CommonReference:
    """Gathers what the pairs say of each cell of the map; pairs may be added by several threads.

    Attributes
    ----------
    grid : Grid
    wavelength : float
        Metres.
    """

    grid: Grid
    wavelength: float
    pairs: int = 0
    _sums: dict[str, Floats] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def add(self, geocoded: Geocoded) -> None:
        """Take the map of a pair."""
        layers, far = geocoded.layers, FarField.from_dict(geocoded.far_field or {})
        components, coherence = layers.read("connected_components"), layers.read("coherence")
        los = np.where(components > 0, los_displacement(layers.read("unwrapped_phase"), self.wavelength), np.nan)
        calm = calm_of(far, self.grid, los, components, raw=True)
        known = np.isfinite(los)
        main = known & (components == largest_component(components, known))
        told: dict[str, NDArray[Any]] = {
            "known": main,
            "calm": main & calm.cells,
            "coherence": np.where(main, coherence, 0),
            "away": np.where(main, np.square(calm.away), 0),
        }
        with self._lock:
            for name, values in told.items():
                self._sums[name] = self._sums.get(name, 0.0) + values.astype(np.float64)
            self.pairs += 1

    def choose(self) -> LonLat | None:
        """Return the place: in the largest component of all pairs, and calm in all of them.

        None where no place on the map is calm in nine tenths of the pairs: it may all move, and zero is elsewhere.

        Raises
        ------
        NoDataError
            When no place is known in nine tenths of the pairs.
        """
        sums, least = self._sums, _LEAST_SHARE * self.pairs
        known = sums["known"] >= max(least, float(sums["known"].max()))
        if not known.any() or sums["known"].max() < least:
            raise NoDataError(
                "There is no reference point for all pairs.",
                f"The best place was unwrapped in {sums['known'].max():.0f} of {self.pairs} pairs.",
                "Leave the worst pairs or dates out, take more looks, or give --reference-point.",
            )
        calmest = float(sums["calm"][known].max())
        if calmest < least:
            return None
        calm = known & (sums["calm"] >= calmest)
        coherence = np.where(known, sums["coherence"] / self.pairs, np.nan)
        away = np.sqrt(sums["away"] / self.pairs)
        level = np.where(known, 0.0, np.nan)
        chosen = choose_reference(level, coherence, known.astype(np.uint16), away, calm)
        return LonLat(*(round(value, 6) for value in self.grid.lonlat(chosen.row, chosen.column)))
