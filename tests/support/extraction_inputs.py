"""Maps from which tests extract: folders as runs, series and decompositions leave them, with known values."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.geo.grid import Grid
from dinsar_cli.products.layers import LAYERS, Layer, write_cog
from dinsar_cli.timeseries.layers import (
    SERIES_FLAGS,
    TEMPORAL_COHERENCE,
    VELOCITY,
    VELOCITY_SIGMA,
    displacement_layer,
)

Array = NDArray[Any]

DEGREES = Grid("EPSG:4326", -8.94, 31.5, 1 / 1200, 700, 640)
METRES = Grid("EPSG:32629", 500_000.0, 3_500_000.0, 90.0, 700, 640)
NATIONAL = Grid("EPSG:5514", -760_000.0, -1_030_000.0, 30.0, 700, 640)
"""Of the Czech Republic, whose north lies 8 degrees from true north, on a datum of its own."""
TAGS = {
    "reference_date": "2023-09-04T06:37:14.134023+00:00",
    "secondary_date": "2023-09-16T06:37:14.134661+00:00",
}
DATES = (date(2023, 9, 4), date(2023, 9, 16), date(2023, 9, 28))


def known_arrays(grid: Grid, seed: int = 3) -> dict[str, Array]:
    """Layers of a run that differ from cell to cell, without values in a corner, in two components."""
    rng = np.random.default_rng(seed)
    los = rng.normal(0, 0.02, grid.shape).astype(np.float32)
    los[:40, :60] = np.nan
    components = np.ones(grid.shape, np.uint16)
    components[:, -100:] = 2
    components[:40, :60] = 0
    vector = rng.normal(0, 1, (3, *grid.shape)).astype(np.float32)
    flags = np.zeros(grid.shape, np.uint8)
    flags[300:310] = 4 + 128
    flags[:40, :60] = 255
    return {
        "los_displacement": los,
        "los_sigma": rng.uniform(0.001, 0.003, grid.shape).astype(np.float32),
        "coherence": rng.uniform(0, 1, grid.shape).astype(np.float32),
        "connected_components": components,
        "los_vector": vector / np.linalg.norm(vector, axis=0),
        "incidence_angle": rng.uniform(30, 45, grid.shape).astype(np.float32),
        "elevation": rng.uniform(0, 900, grid.shape).astype(np.float32),
        "flags": flags,
    }


def make_map(
    folder: Path, grid: Grid, arrays: dict[str, Array], place: tuple[int, int] | None = (200, 300)
) -> Path:
    """Write the GeoTIFFs of a map, whose reference is the cell of a row and column."""
    (folder / "products").mkdir(parents=True)
    tags = dict(TAGS)
    if place is not None:
        tags["reference_point"] = ",".join(f"{value:.8f}" for value in grid.lonlat(*place))
    for name, values in arrays.items():
        write_cog(folder / "products" / f"{name}.tif", values, grid, LAYERS[name], tags)
    return folder


def make_series(folder: Path, grid: Grid, seed: int = 5) -> dict[str, Array]:
    """Write the GeoTIFFs of a series into a folder, and return them by their names."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    layers: list[Layer] = [VELOCITY, VELOCITY_SIGMA, TEMPORAL_COHERENCE]
    layers += [displacement_layer(day, DATES[0]) for day in DATES]
    arrays: dict[str, Array] = {layer.name: rng.normal(0, 0.01, grid.shape).astype(np.float32) for layer in layers}
    arrays["series_flags"] = np.zeros(grid.shape, np.uint8)
    tags = {"reference_point": ",".join(f"{value:.8f}" for value in grid.lonlat(200, 300))}
    for layer in (*layers, SERIES_FLAGS):
        write_cog(folder / f"{layer.name}.tif", arrays[layer.name], grid, layer, tags)
    (folder / "series.json").write_text(json.dumps({"dates": [str(day) for day in DATES]}), encoding="utf-8")
    return arrays


def make_decomposition(folder: Path, grid: Grid, east: Array, up: Array) -> Path:
    """Write the GeoTIFFs of a decomposition."""
    folder.mkdir(parents=True)
    for name, values in (("east", east), ("up", up), ("up_sigma", np.full(grid.shape, 0.002, np.float32))):
        write_cog(folder / f"{name}.tif", values, grid, Layer(name, name, "m", (name,)), {})
    (folder / "decomposition.json").write_text("{}", encoding="utf-8")
    return folder


def places_on(grid: Grid, count: int, seed: int = 7) -> Array:
    """Longitude and latitude of places on a map, some of them just beside it; shape (n, 2)."""
    rng = np.random.default_rng(seed)
    west, south, east, north = grid.bounds
    x, y = rng.uniform(west - 0.02 * (east - west), east, count), rng.uniform(south, north, count)
    return np.column_stack(grid.to_lonlat(x, y))


def write_points(path: Path, lonlat: Array) -> Path:
    """Write places as a table, with all digits."""
    rows = [f"P{number},{lon!r},{lat!r}" for number, (lon, lat) in enumerate(lonlat.tolist())]
    path.write_text("\n".join(["name,lon,lat", *rows]) + "\n", encoding="utf-8")
    return path
