"""Rendering whole subswaths, tile by tile on all cores, into files that need not fit into memory."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise, product
from typing import TYPE_CHECKING, Final

from dinsar_cli.simulate.doppler import carriers
from dinsar_cli.simulate.geometry import swath_geometry
from dinsar_cli.simulate.render import Swath, Tile, render, responses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from dinsar_cli.simulate.scene import Scene

TILE_LINES: Final = 384
TILE_COLUMNS: Final = 1280


def prepare(scene: Scene, window: int) -> Swath:
    """Solve the geometry and the carriers of a subswath."""
    azimuth, across = responses(scene, window)
    return Swath(
        scene=scene,
        window=window,
        geometry=swath_geometry(scene.campaign, window, (scene.terrain.lowest, scene.terrain.highest)),
        carriers=carriers(scene.campaign, window),
        azimuth=azimuth,
        range=across,
    )


def render_swath(swath: Swath, folder: Path, workers: int, progress: Callable[[float], None]) -> list[Path]:
    """Render a subswath of all dates.

    Parameters
    ----------
    swath : Swath
    folder : Path
        Where the raw pixels go.
    workers : int
        Threads.
    progress : callable
        Takes the share that is done, 0 to 1.

    Returns
    -------
    list of Path
        For each date a raw file of shape (bursts x lines, columns, 2), int16.
    """
    import numpy as np

    campaign = swath.scene.campaign
    window = campaign.windows[swath.window]
    lines, bursts = window.subswath.lines, campaign.scenario.bursts
    paths = [folder / f"{flight.index}-{window.subswath.name}.raw" for flight in campaign.passes]
    shape = (bursts * lines, window.columns, 2)
    rasters = [np.memmap(path, dtype=np.int16, mode="w+", shape=shape) for path in paths]

    def work(tile: Tile) -> None:
        for raster, values in zip(rasters, render(swath, tile), strict=True):
            _place(raster, tile, lines, values)

    tiles = list(_tiles(bursts, lines, window.columns))
    with ThreadPoolExecutor(max_workers=workers) as pool:
        for done, _ in enumerate(pool.map(work, tiles), start=1):
            progress(done / len(tiles))
    for raster in rasters:
        raster.flush()
    return paths


def _place(raster: NDArray[np.int16], tile: Tile, lines: int, values: NDArray[np.int16]) -> None:
    first = tile.burst * lines + tile.lines.start
    raster[first : first + len(tile.lines), tile.columns.start : tile.columns.stop] = values


def _tiles(bursts: int, lines: int, columns: int) -> Iterator[Tile]:
    """Cut bursts into tiles of nearly equal size."""
    for burst, rows, across in product(range(bursts), _parts(lines, TILE_LINES), _parts(columns, TILE_COLUMNS)):
        yield Tile(burst, rows, across)


def _parts(length: int, largest: int) -> list[range]:
    count = -(-length // largest)
    edges = [length * part // count for part in range(count + 1)]
    return [range(first, last) for first, last in pairwise(edges)]
