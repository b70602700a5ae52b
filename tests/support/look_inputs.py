"""Displacement maps of an ascending and a descending track from known motion, as files."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from rasterio.warp import transform

from dinsar_cli.geo.grid import Grid
from dinsar_cli.products.layers import write_products

Floats: TypeAlias = NDArray[np.float64]
Field: TypeAlias = Callable[[Floats, Floats], tuple[Floats, Floats, Floats]]

DEGREES = Grid("EPSG:4326", -8.94, 31.5, 1 / 1200, 120, 90)
METRES = Grid("EPSG:32629", 508_000.0, 3_484_000.0, 60.0, 140, 120)
SIGN = "positive toward the satellite, later minus earlier"
ASCENDING_DATES = ("2023-09-05T18:33:28+00:00", "2023-09-17T18:33:28+00:00")
DESCENDING_DATES = ("2023-09-04T06:37:14+00:00", "2023-09-16T06:37:14+00:00")


def sight(incidence: float | Floats, azimuth: float) -> Floats:
    """Unit vector to a satellite at an angle from the vertical, in a direction from north over east, degrees."""
    angle, turn = np.radians(incidence), math.radians(azimuth)
    return np.stack([np.sin(angle) * math.sin(turn), np.sin(angle) * math.cos(turn), np.cos(angle)])


def sight_on(grid: Grid, azimuth: float, near: float = 33.0, far: float = 40.0) -> Floats:
    """Directions on a grid, whose incidence changes from west to east."""
    incidence = np.broadcast_to(np.linspace(near, far, grid.width), grid.shape)
    return sight(incidence, azimuth)


def ascending_sight(grid: Grid) -> Floats:
    """The satellite is in the west, a little to the south of it."""
    return sight_on(grid, 260.0)


def descending_sight(grid: Grid) -> Floats:
    """The satellite is in the east, a little to the south of it."""
    return sight_on(grid, 100.0, 42.0, 36.0)


def lonlat(grid: Grid) -> tuple[Floats, Floats]:
    """Longitude and latitude of the pixel centres."""
    x, y = np.meshgrid(grid.x_centres, grid.y_centres)
    if grid.is_geographic:
        return x, y
    lon, lat = transform(grid.crs, "EPSG:4326", x.ravel(), y.ravel())
    return np.reshape(lon, grid.shape), np.reshape(lat, grid.shape)


def swell(lon: Floats, lat: Floats) -> tuple[Floats, Floats, Floats]:
    """Ground that swells around 8.89 W, 31.46 N: 6 cm up, 2 cm outward to east and west, none to the north."""
    x, y = (lon + 8.89) / 0.01, (lat - 31.46) / 0.01
    dome = np.exp(-0.5 * (x**2 + y**2))
    return 0.033 * x * dome, np.zeros_like(dome), 0.06 * dome


def plane(lon: Floats, lat: Floats) -> tuple[Floats, Floats, Floats]:
    """Motion that linear interpolation meets exactly on a grid in degrees."""
    x, y = lon + 8.89, lat - 31.46
    return 0.2 * x - 0.1 * y, np.zeros_like(x), 0.05 + 0.3 * x + 0.4 * y


def write_look(
    folder: Path,
    grid: Grid,
    vector: Floats,
    field: Field = swell,
    *,
    shift: float = 0.0,
    dates: tuple[str, str] = ASCENDING_DATES,
    reference: str = "none",
    holes: Any = None,
    layers: Mapping[str, NDArray[Any]] | None = None,
) -> Path:
    """Write the folder of a pair whose map shows some motion, plus a constant, as every map of relative motion."""
    east, north, up = field(*lonlat(grid))
    los = east * vector[0] + north * vector[1] + up * vector[2] + shift
    if holes is not None:
        los[holes] = np.nan
    arrays = {"los_displacement": los, "los_vector": vector} | dict(layers or {})
    (folder / "products").mkdir(parents=True)
    tags = {"reference_date": dates[0], "secondary_date": dates[1], "reference_point": reference}
    write_products(folder / "products", arrays, grid, tags | {"wavelength_m": "0.0554657"})
    return folder
