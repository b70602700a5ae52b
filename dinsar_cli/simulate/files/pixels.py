"""Rendering whole subswaths, tile by tile on all cores, into files that need not fit into memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise, product
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.simulate.radar.acquisition import Window
from dinsar_cli.simulate.radar.doppler import carriers as made_carriers
from dinsar_cli.simulate.radar.geometry import swath_geometry
from dinsar_cli.simulate.radar.render import Carriers, Swath, Tile, render, responses
from dinsar_cli.simulate.radar.scene import Scene

TILE_LINES: Final = 384
TILE_COLUMNS: Final = 1280


Place: TypeAlias = "Callable[[int, Tile, NDArray[np.int16]], None]"
"""Takes the number of a date, a tile and its pixels; called from several threads, for each tile once."""


def prepare(scene: Scene, window: int, carriers: Carriers | None = None) -> Swath:
    """Solve the geometry and, unless they are given, the carriers of a subswath."""
    azimuth, across = responses(scene, window)
    return Swath(
        scene=scene,
        window=window,
        geometry=swath_geometry(scene.campaign, window, (scene.terrain.lowest, scene.terrain.highest)),
        carriers=made_carriers(scene.campaign, window) if carriers is None else carriers,
        azimuth=azimuth,
        range=across,
    )


def render_swath(swath: Swath, place: Place, workers: int, progress: Callable[[float], None]) -> None:
    """Render a subswath of all dates.

    Parameters
    ----------
    swath : Swath
    place : callable
        Keeps the pixels of a tile.
    workers : int
        Threads.
    progress : callable
        Takes the share that is done, 0 to 1.
    """

    def work(tile: Tile) -> None:
        for index, values in enumerate(render(swath, tile)):
            place(index, tile, values)

    tiles = [tile for tile in _tiles(swath) if _has_signal(swath, tile)]
    with ThreadPoolExecutor(max_workers=workers) as pool:
        for done, _ in enumerate(pool.map(work, tiles), start=1):
            progress(done / len(tiles))


def _tiles(swath: Swath) -> Iterator[Tile]:
    """Cut bursts into tiles of nearly equal size."""
    campaign = swath.scene.campaign
    frames = [campaign.window(flight.index, swath.window) for flight in campaign.passes]
    lines, columns = max(frame.subswath.lines for frame in frames), max(frame.columns for frame in frames)
    bursts = range(len(campaign.passes[0].bursts[swath.window]))
    for burst, rows, across in product(bursts, _parts(lines, TILE_LINES), _parts(columns, TILE_COLUMNS)):
        yield Tile(burst, rows, across)


def _has_signal(swath: Swath, tile: Tile) -> bool:
    """Tell whether a tile holds a pixel with signal on some date."""
    campaign = swath.scene.campaign
    for flight in campaign.passes:
        burst = flight.bursts[swath.window][tile.burst]
        first, last = (
            columns[tile.lines.start : tile.lines.stop]
            for columns in campaign.window(flight.index, swath.window).valid_columns(flight.index, burst)
        )
        if ((first >= 0) & (first < tile.columns.stop) & (last >= tile.columns.start)).any():
            return True
    return False


def _parts(length: int, largest: int) -> list[range]:
    count = -(-length // largest)
    edges = [length * part // count for part in range(count + 1)]
    return [range(first, last) for first, last in pairwise(edges)]


class RawImage:
    """Pixels of a subswath of one date in a raw file, burst after burst.

    Parameters
    ----------
    path : Path
        File to make.
    window : Window
    bursts : int
    """

    def __init__(self, path: Path, window: Window, bursts: int) -> None:
        self._lines = window.subswath.lines
        shape = (bursts * self._lines, window.columns, 2)
        self.pixels = np.memmap(path, dtype=np.int16, mode="w+", shape=shape)

    def place(self, tile: Tile, values: NDArray[np.int16]) -> None:
        """Keep the pixels of a tile."""
        first = tile.burst * self._lines + tile.lines.start
        self.pixels[first : first + len(tile.lines), tile.columns.start : tile.columns.stop] = values
