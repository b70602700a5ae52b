"""One zero for all pairs of a stack: coherent ground that is calm in all of them, on the map or beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.config.model import LonLat
from dinsar_cli.errors import NoDataError
from dinsar_cli.geo.grid import Grid
from dinsar_cli.maps.zero.calm_ground import Blocks, find_calm_ground
from dinsar_cli.maps.zero.far_field import (
    FarField,
    best_block,
    blocks_of_bursts,
    calm_blocks,
    kilometres_of,
    reference_block,
)
from dinsar_cli.maps.zero.reference import calm_of
from dinsar_cli.radar.displacement import ReferencePoint, choose_reference, los_displacement
from dinsar_cli.radar.interferogram import Interferogram
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
        known = _known_in_most(sums["known"], self.pairs)
        calmest = float(sums["calm"][known].max())
        return self._nearest(known & (sums["calm"] >= calmest)) if calmest >= least else None

    def nearest_to_calm(self) -> LonLat:
        """Return the place on the map that is nearest to the level of calm ground in all pairs, calm or not."""
        return self._nearest(None)

    def _nearest(self, calm: NDArray[np.bool_] | None) -> LonLat:
        sums = self._sums
        known = _known_in_most(sums["known"], self.pairs)
        coherence = np.where(known, sums["coherence"] / self.pairs, np.nan)
        away = np.sqrt(sums["away"] / self.pairs)
        level = np.where(known, 0.0, np.nan)
        chosen = choose_reference(level, coherence, known.astype(np.uint16), away, calm)
        return _rounded(self.grid.lonlat(chosen.row, chosen.column))


@dataclass
class CommonBlock:
    """Gathers what the pairs say of each block of the radar grid, which reaches beyond the map.

    Attributes
    ----------
    grid : Grid
        Of the map.
    """

    grid: Grid
    pairs: int = 0
    _blocks: Blocks | None = None
    _sums: dict[str, Floats] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def add(self, interferogram: Interferogram, geocoded: Geocoded) -> None:
        """Take a pair."""
        blocks, _ = blocks_of_bursts(interferogram, geocoded.layers)
        ground = find_calm_ground(blocks)
        known = blocks.known
        told: dict[str, NDArray[Any]] = {
            "known": known,
            "calm": calm_blocks(blocks, ground),
            "coherence": np.where(known, blocks.coherence, 0),
            "away": np.square(np.nan_to_num(ground.away)),
        }
        with self._lock:
            self._blocks = self._blocks or blocks
            for name, values in told.items():
                self._sums[name] = self._sums.get(name, 0.0) + values.astype(np.float64)
            self.pairs += 1

    def choose(self) -> LonLat | None:
        """Return the block that is calm in the most pairs; None where none is known in all of them and calm in one.

        Wherever it is, it is the same for all pairs, so that their displacements close.
        """
        sums, blocks = self._sums, self._blocks
        if blocks is None:
            return None
        calm = np.where(sums["known"] == self.pairs, sums["calm"], 0)
        if not calm.any():
            return None
        best = best_block(calm == calm.max(), sums["coherence"] / self.pairs, np.sqrt(sums["away"] / self.pairs))
        found = reference_block(blocks, self.grid, 0, best)
        return _rounded(self.grid.lonlat(found.row, found.column))


def block_at(blocks: Blocks, grid: Grid, component: int, place: LonLat) -> ReferencePoint:
    """Return the block of a pair about a place as its reference.

    Raises
    ------
    NoDataError
        When it was not unwrapped with the map.
    """
    east, north = kilometres_of(grid, np.array(place.lon), np.array(place.lat))
    away = np.hypot(blocks.x - east, blocks.y - north)
    row, column = np.unravel_index(int(np.argmin(away)), away.shape)
    best = int(row), int(column)
    if not blocks.known[best]:
        raise NoDataError(
            "The reference of the stack has no displacement.",
            f"The ground at {place.lat:g}, {place.lon:g} was not unwrapped together with the map.",
            "Leave this pair out, take more looks, or give --reference-point.",
        )
    return reference_block(blocks, grid, component, best)


def _known_in_most(known: Floats, pairs: int) -> NDArray[np.bool_]:
    """Return the places that are known in as many pairs as any, which must be nine tenths of them."""
    most = float(known.max())
    if most < max(1.0, _LEAST_SHARE * pairs):
        raise NoDataError(
            "There is no reference point for all pairs.",
            f"The best place was unwrapped in {most:.0f} of {pairs} pairs.",
            "Leave the worst pairs or dates out, take more looks, or give --reference-point.",
        )
    return known >= most


def _rounded(place: tuple[float, float]) -> LonLat:
    return LonLat(*(round(value, 6) for value in place))
