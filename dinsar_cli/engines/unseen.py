"""Look cells that show no ground: layover and shadow by DEM and orbit, found before the phase is unwrapped."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.geo.antimeridian import near
from dinsar_cli.geo.terrain import Terrain
from dinsar_cli.radar.interferogram import RadarFile
from dinsar_cli.radar.visibility import RadarCells, visibility

Floats = NDArray[np.floating[Any]]

_PART = 50.0  # m on the ground: larger look cells are divided
_POINTS = 300_000  # on the ground that are worked on at a time by a thread, some 200 bytes each
_DEGREE = 111_320.0  # m, of latitude


def _nobody(share: float) -> None:
    """Take the share that is done, and do nothing."""


@dataclass(frozen=True)
class UnseenInputs:
    """What tells which cells show no ground.

    Attributes
    ----------
    cells : RadarCells
        Where the look cells are.
    dem : Path
        Heights above the ellipsoid, EPSG:4326.
    threads : int
        Cores to use.
    turn : float
        Degrees that longitudes by the orbit lack: topsApp's Earth may be turned.
    """

    cells: RadarCells
    dem: Path
    threads: int
    turn: float = 0.0


def find_unseen(inputs: UnseenInputs, target: RadarFile, progress: Callable[[float], None] = _nobody) -> None:
    """Write for each look cell what it shows instead of ground, see `dinsar_cli.radar.visibility`.

    Parameters
    ----------
    inputs : UnseenInputs
        Where the cells are, and the ground.
    target : RadarFile
        The layer to write.
    progress : callable, optional
        Takes the share that is done.
    """
    cells, terrain = inputs.cells, Terrain.open(inputs.dem)
    azimuth, ground_range = cells.size
    parts = (_parts(azimuth), _parts(ground_range))
    spacing = abs(terrain.dataset.transform.e) * _DEGREE
    points = cells.samples * ground_range / spacing * parts[0]
    height = max(1, int(_POINTS / points))
    target.create()

    def ground(longitude: Floats, latitude: Floats) -> tuple[Floats, NDArray[np.uint8]]:
        longitude = near(longitude + inputs.turn, terrain.middle)
        bounds = longitude.min(), latitude.min(), longitude.max(), latitude.max()
        heights = terrain.window(bounds)(longitude, latitude)
        return heights, np.zeros(heights.shape, np.uint8)

    def block(first: int) -> None:
        last = min(first + height, cells.lines)
        seen, _ = visibility(cells.block(first, last), ground, terrain.height_range, spacing, parts)
        target.write(first, seen)

    try:
        starts = range(0, cells.lines, height)
        with ThreadPoolExecutor(inputs.threads) as pool:
            for done, _ in enumerate(pool.map(block, starts), 1):
                progress(done / len(starts))
    finally:
        terrain.close()


def _parts(size: float) -> int:
    return max(1, round(size / _PART))
