"""The far field of a map: ground that is still, in all that was unwrapped, which reaches beyond the map."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.geo.crs import GEOGRAPHIC, transformer
from dinsar_cli.geo.grid import Grid
from dinsar_cli.maps.map_layers import MapLayers
from dinsar_cli.maps.zero.calm_ground import (
    AROUND,
    Blocks,
    CalmGround,
    block_means,
    block_size,
    calm_around,
    find_calm_ground,
)
from dinsar_cli.radar.displacement import ReferencePoint, los_displacement
from dinsar_cli.radar.interferogram import Interferogram
from dinsar_cli.radar.unwrap_check import largest_component

Floats = NDArray[np.floating[Any]]
Labels = NDArray[np.integer[Any]]

_CERTAIN = 2.0  # standard deviations: 95 %
_LEAST_CERTAIN = 0.005  # m: of motion that ends far outside the border tells no less
_CELLS_AT_A_TIME = 1_000_000  # that are read together
_TOP_SHARE = 0.9  # of the coherence of calm blocks: the reference is looked for among those above


@dataclass(frozen=True)
class FarField:
    """What is known of ground that does not move, around a map and in it.

    Attributes
    ----------
    reason : str
        Why none is known; empty where there is some.
    even : bool
        Whether the plane describes it, however much it tilts.
    plane : (float, float, float)
        Displacement in the middle of the map (m), and its rise toward east and north (m/km); NaN where not known.
    scatter : float
        Standard deviation about the plane, metres.
    tilt : float
        Height of the plane over all that was unwrapped, metres.
    left : float
        Motion that the border may still have by its slope outward, metres.
    share : float
        Of what was unwrapped, that is calm.
    place : ReferencePoint or None
        The best place for the reference in all that was unwrapped, which need not be still where nothing is; its
        row and column count from the corner of the map and may lie outside.
    """

    reason: str
    even: bool
    plane: tuple[float, float, float]
    scatter: float
    tilt: float
    left: float
    share: float
    place: ReferencePoint | None

    @property
    def found(self) -> bool:
        """Whether there is calm ground."""
        return not self.reason

    @property
    def caution(self) -> str:
        """What the user should know where there is no calm ground."""
        if self.found:
            return ""
        return (
            f"Zero is not known to be still: there is no calm ground in what was unwrapped ({self.reason}). Only "
            "differences between places count; what moves as a whole shows nothing."
        )

    @property
    def uncertainty(self) -> float:
        """How far zero may be from ground that is still (95 %), metres; NaN where there is no calm ground.

        Calm ground is off by the atmosphere, as much as it scatters, and by what may still move there. In all of
        399 simulated maps (``tests/benchmarks/headline.py``) zero was within it where there was calm ground.
        """
        if not self.found or math.isnan(self.left):
            return math.nan
        return max(_LEAST_CERTAIN, _CERTAIN * math.hypot(self.scatter, self.left))

    def surface(self, grid: Grid, shape: tuple[int, int] | None = None) -> Floats:
        """Return the plane on a map, metres; of another number of rows and columns that cover it if asked for."""
        east, north = kilometres(grid, shape or grid.shape)
        return np.asarray(self.plane[0] + self.plane[1] * east + self.plane[2] * north)

    def level_at(self, grid: Grid, longitude: float, latitude: float) -> float:
        """Return the plane at a place, on the map of a grid or outside of it, metres."""
        east, north = kilometres_of(grid, np.array(longitude), np.array(latitude))
        return float(self.plane[0] + self.plane[1] * east + self.plane[2] * north)

    def relative_to(self, value: float) -> FarField:
        """Return the same with a displacement that became zero."""
        level, east, north = self.plane
        return replace(self, plane=(level - value, east, north), place=None)

    def to_dict(self) -> dict[str, Any]:
        """For JSON, which has no NaN."""
        record = asdict(self) | {"found": self.found, "uncertainty": self.uncertainty}
        for name in (*_MEASURED, "uncertainty"):
            record[name] = _finite(record[name])
        return record | {"plane": [_finite(value) for value in self.plane]}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Self:
        """Return what `to_dict` gave; of an earlier release, what it did not note is not known."""
        known = {name: value for name, value in record.items() if name not in {"found", "uncertainty"}}
        measured = {name: math.nan if record.get(name) is None else record[name] for name in _MEASURED}
        level, east, north = (math.nan if value is None else value for value in record["plane"])
        place = record["place"]
        return cls(
            **known
            | measured
            | {"plane": (level, east, north), "place": None if place is None else ReferencePoint(**place)}
        )


_MEASURED = ("scatter", "tilt", "left")
"""Of a far field; NaN where not known."""


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def kilometres(grid: Grid, shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """Return the kilometres east and north of the middle of the map, for cells of a shape that covers it."""
    rows, columns = shape
    east = (np.arange(columns) + 0.5 - columns / 2) * grid.posting * grid.width / columns * grid.metres_per_unit[0]
    north = (rows / 2 - np.arange(rows) - 0.5) * grid.posting * grid.height / rows * grid.metres_per_unit[1]
    x, y = np.meshgrid(east / 1000, north / 1000)
    return x, y


def far_field_of_bursts(interferogram: Interferogram, on_map: MapLayers) -> FarField:
    """Look for calm ground in all that was unwrapped, in the component that has the most of the map.

    Parameters
    ----------
    interferogram : Interferogram
        On the radar grid.
    on_map : MapLayers
        The same on the map.
    """
    blocks, component = blocks_of_bursts(interferogram, on_map)
    return _described(blocks, on_map.grid, component)


def blocks_of_bursts(interferogram: Interferogram, on_map: MapLayers) -> tuple[Blocks, int]:
    """Return means over all that was unwrapped, and the component of which: that which has the most of the map.

    On one radar grid the blocks of all pairs are the same ground.

    Parameters
    ----------
    interferogram : Interferogram
        On the radar grid.
    on_map : MapLayers
        The same on the map.
    """
    grid, numbers = on_map.grid, on_map.read("connected_components")
    component = largest_component(numbers, np.ones(numbers.shape, bool))
    layers = [interferogram.layer(name) for name in ("unwrapped", "coherence", "components")]
    places = [interferogram.layer(name) for name in ("longitude", "latitude")]
    cell = interferogram.azimuth_spacing, interferogram.range_spacing
    size = block_size((interferogram.lines, interferogram.samples), cell)
    rows: list[tuple[Any, ...]] = []
    whole = interferogram.lines // size[0] * size[0]
    lines = size[0] * max(1, _CELLS_AT_A_TIME // (size[0] * interferogram.samples))
    for first in range(0, whole, lines):
        last = min(first + lines, whole)
        phase, coherence, labels = (layer.read(first, last) for layer in layers)
        known = np.isfinite(phase) & (labels == component)
        los, count = block_means(los_displacement(phase, interferogram.wavelength), known, size)
        middle = (place.read(first, last) for place in places)
        lonlat = (block_means(values, np.isfinite(values), size)[0] for values in middle)
        rows.append((los, block_means(coherence, known, size)[0], *lonlat, count))
    level, coherence, longitude, latitude, count = (np.concatenate(part) for part in zip(*rows, strict=True))
    located = np.isfinite(longitude) & np.isfinite(latitude)
    level = np.where(located, level, np.nan)
    x, y = kilometres_of(grid, np.where(located, longitude, grid.lonlat(0, 0)[0]), np.where(located, latitude, 0.0))
    spacing = size[0] * cell[0] / 1000, size[1] * cell[1] / 1000
    return Blocks(level, coherence, x, y, spacing, count), component


def far_field_of_map(los: Floats, coherence: Floats, components: Labels, grid: Grid) -> FarField:
    """Look for calm ground on the map alone, in the component that has the most of it.

    Parameters
    ----------
    los : ndarray
        Displacement, metres; NaN where there is none.
    coherence, components : ndarray
        Of the same shape, which covers the map with as many cells or fewer.
    """
    known = np.isfinite(los) & (components > 0)
    component = largest_component(components, known)
    known &= components == component
    rows, columns = los.shape
    east, north = (metres * grid.posting for metres in grid.metres_per_unit)
    cell = north * grid.height / rows, east * grid.width / columns
    size = block_size(los.shape, cell)
    level, count = block_means(los, known, size)
    x, y = (block_means(part, np.ones(part.shape, bool), size)[0] for part in kilometres(grid, los.shape))
    spacing = size[0] * cell[0] / 1000, size[1] * cell[1] / 1000
    return _described(Blocks(level, block_means(coherence, known, size)[0], x, y, spacing, count), grid, component)


def kilometres_of(grid: Grid, longitude: Floats, latitude: Floats) -> tuple[Floats, Floats]:
    """Return kilometres east and north of the middle of the map."""
    if grid.is_geographic:
        x, y = longitude, latitude
    else:
        x, y = transformer(GEOGRAPHIC, grid.crs).transform(longitude, latitude)
    west, south, east, north = grid.bounds
    metres = grid.metres_per_unit
    return (x - (west + east) / 2) * metres[0] / 1000, (y - (south + north) / 2) * metres[1] / 1000


def _described(blocks: Blocks, grid: Grid, component: int) -> FarField:
    calm = find_calm_ground(blocks)
    share = float(np.mean(calm.calm[blocks.known])) if blocks.known.any() and not calm.reason else 0.0
    place = _place(blocks, calm, grid, component) if calm.calm.any() else None
    return FarField(calm.reason, calm.even, calm.plane, calm.scatter, calm.tilt, calm.left, share, place)


def _place(blocks: Blocks, calm: CalmGround, grid: Grid, component: int) -> ReferencePoint:
    """Choose among the tenth of the calm blocks with the highest coherence the one that is nearest to the plane."""
    cells = calm_blocks(blocks, calm)
    cells = cells if cells.any() else calm.calm
    best = best_block(cells, blocks.coherence, np.abs(calm.away))
    return reference_block(blocks, grid, component, best)


def calm_blocks(blocks: Blocks, calm: CalmGround) -> NDArray[np.bool_]:
    """Tell around which blocks all is calm."""
    size = max(1, round(AROUND / 1000 / float(np.mean(blocks.spacing))))
    return calm.calm & calm_around(calm.away, calm.scatter, size)


def best_block(cells: NDArray[np.bool_], coherence: Floats, away: Floats) -> tuple[int, int]:
    """Return among the tenth of some blocks with the highest coherence the one that is nearest to calm ground.

    Parameters
    ----------
    cells : ndarray of bool
        Blocks to choose from; at least one.
    coherence, away : ndarray
        Coherence, and distance from the level of calm ground, metres; of the same shape.
    """
    coherent = cells & (coherence >= np.quantile(coherence[cells], _TOP_SHARE))
    row, column = np.unravel_index(int(np.argmin(np.where(coherent, away, np.inf))), away.shape)
    return int(row), int(column)


def reference_block(blocks: Blocks, grid: Grid, component: int, best: tuple[int, int]) -> ReferencePoint:
    """Return a block as a reference; its cell on the map may lie outside."""
    metres = grid.metres_per_unit
    return ReferencePoint(
        row=math.floor(grid.height / 2 - 1000 * float(blocks.y[best]) / metres[1] / grid.posting),
        column=math.floor(grid.width / 2 + 1000 * float(blocks.x[best]) / metres[0] / grid.posting),
        window=0,
        value=float(blocks.level[best]),
        offset=float(blocks.level[best] - np.nanmedian(blocks.level)),
        component=component,
        coherence=float(blocks.coherence[best]),
        cells=int(blocks.cells[best]),
    )
