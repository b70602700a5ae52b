"""Interferograms of other programs for MintPy: what HyP3 left beside them, and what stands for what nobody told."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.windows import Window

from dinsar_cli.formats.hyp3 import SPACECRAFT_HEIGHT, earth_radius, slant_range
from dinsar_cli.formats.mintpy import MintPyPair, name_without_scenes
from dinsar_cli.products.reader import NoGridError, Product
from dinsar_cli.timeseries.maps.foreign_maps import LOOKS, ForeignPair, files_in
from dinsar_cli.timeseries.maps.pair_maps import PairMaps
from dinsar_cli.timeseries.mintpy.phase import phase_of

Array = NDArray[Any]

_LAYERS: Final = {
    "dem": "height of the ground",
    "lv_theta": "direction to the satellite",
    "lv_phi": "direction to the satellite",
    "water_mask": "water",
}
"""Geometry by the end of the names of HyP3, and what MintPy does not know without it."""
_NOMINAL: Final = {"near": 31.0, "centre": 39.0, "far": 46.0}
"""Incidence angles of Sentinel-1's wide swaths, degrees."""


def foreign_geometry(maps: PairMaps) -> tuple[dict[str, Array], tuple[str, ...]]:
    """Return the geometry on the grid of some maps that lies in their folder, and notes on what is not there.

    Where there is no DEM the height is zero, which MintPy must have, and needs for the topographic residual alone.
    """
    found: dict[str, Array] = {}
    for name in _LAYERS:
        values = next(_on_grid(maps, name), None)
        if values is not None:
            found[name] = values
    missing = list(dict.fromkeys(words for name, words in _LAYERS.items() if name not in found))
    found.setdefault("dem", np.zeros(maps.grid.shape, np.float32))
    note = f"not known of these interferograms, and not needed for the velocity: {', '.join(missing)}"
    return found, (note,) if missing else ()


def _on_grid(maps: PairMaps, name: str) -> Iterator[Array]:
    """Give the values of the files of a layer that lie on the grid of the maps."""
    for path in files_in(maps.folder):
        if f"{name}." not in path.name and f"{name}_clip" not in path.name:
            continue
        with Product(path) as product:
            try:
                if product.foreign_grid == maps.grid:
                    yield product.read(1)
            except (NoGridError, RasterioError):
                continue


def foreign_pair(maps: PairMaps, number: int) -> MintPyPair:
    """Return a pair of another program."""
    one = maps.layers[number]
    days = tuple(f"{day:%Y%m%d}" for day in one.pair)
    told = _parameters(one.phase) if isinstance(one, ForeignPair) else {}
    mark = str(one.phase.name) if isinstance(one, ForeignPair) else ""
    text = "".join(f"{key}: {value}\n" for key, value in (_stand_in(maps) | told).items())
    window = Window(0, 0, maps.grid.width, maps.grid.height)
    layers = {"unw_phase": partial(phase_of, maps, number), "corr": partial(one.correlation, window)}
    return MintPyPair(name_without_scenes(days, "VV", maps.grid, mark), text, layers)


def _parameters(phase: Path) -> dict[str, str]:
    """Return the entries that MintPy reads of HyP3's parameter file beside an interferogram, if it is there."""
    start = phase.name.partition("_unw_phase")[0]
    path = phase.with_name(f"{start}.txt")
    if start == phase.name or not path.is_file():
        return {}
    lines = (line.partition(":") for line in path.read_text(encoding="utf-8", errors="replace").splitlines())
    entries = {key.strip(): value.strip() for key, _, value in lines}
    return {key: value for key, value in entries.items() if value and key in _READ}


_READ: Final = (
    "Baseline",
    "UTC time",
    "Heading",
    "Spacecraft height",
    "Earth radius at nadir",
    "Slant range near",
    "Slant range center",
    "Slant range far",
    "Range looks",
    "Azimuth looks",
    "Unwrapping type",
)


def _stand_in(maps: PairMaps) -> dict[str, str]:
    """Return what MintPy must have, as a wide swath of Sentinel-1 has it: the velocity does not depend on it.

    The looks are those by which the weights are made: MintPy takes half of their product for independent.
    """
    grid = maps.grid
    radius = earth_radius(grid.lonlat(grid.height // 2, grid.width // 2)[1])
    ranges = {name: slant_range(float(np.radians(angle)), radius) for name, angle in _NOMINAL.items()}
    return {
        "Baseline": "0.0",
        "UTC time": "0.0",
        "Heading": "-12.0",
        "Spacecraft height": f"{SPACECRAFT_HEIGHT:.1f}",
        "Earth radius at nadir": f"{radius:.4f}",
        "Slant range near": f"{ranges['near']:.4f}",
        "Slant range center": f"{ranges['centre']:.4f}",
        "Slant range far": f"{ranges['far']:.4f}",
        "Range looks": f"{round(1.94 * LOOKS)}",
        "Azimuth looks": "1",
        "Unwrapping type": "not stated",
    }
