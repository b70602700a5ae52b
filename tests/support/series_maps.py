"""Maps of pairs in a folder as a stack leaves it, of which all is known: motion, delays, noise, wrong cycles."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray

from dinsar_cli.geo.grid import Grid
from dinsar_cli.products.layers import write_products
from dinsar_cli.series.inversion import design_matrix
from dinsar_cli.series.velocity import years
from dinsar_cli.timeseries.choices import Choices
from dinsar_cli.timeseries.run import make_series

DAYS = tuple(date(2023, 9, 4) + timedelta(days=12 * number) for number in range(6))
WAVELENGTH = 0.05546576
GRID = Grid("EPSG:4326", -8.9, 31.5, 0.001, 70, 50)
SIGMA = 1e-3
Array = NDArray[Any]
Pairs = list[tuple[date, date]]


def sequential(reach: int, days: Sequence[date] = DAYS) -> Pairs:
    """Pairs of each date with the next ones."""
    return [(a, b) for a, b in combinations(days, 2) if (b - a).days <= 12 * reach]


def turbulence(rng: np.random.Generator, grid: Grid = GRID) -> Array:
    """A delay with the spectrum of the atmosphere, of deviation 1."""
    height, width = grid.shape
    wavenumber = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    amplitude = np.where(wavenumber > 0, np.maximum(wavenumber, 1 / width) ** (-11 / 6), 0)
    field = np.fft.irfft2(amplitude * np.exp(2j * np.pi * rng.random(wavenumber.shape)), s=grid.shape)
    return np.asarray(field / (field.std() or 1.0))


@dataclass
class Maps:
    """Maps of pairs in a folder as a stack leaves it, and what is true of them."""

    folder: Path
    velocity: Array

    @property
    def series(self) -> Path:
        """Where the series goes."""
        return self.folder / "series"

    def read(self, name: str) -> Array:
        """Values of a layer of the series."""
        with rasterio.open(self.series / f"{name}.tif") as dataset:
            values: Array = dataset.read(1)
        return values

    def make(self, **choices: Any) -> dict[str, Any]:
        """Make the series, and give its record."""
        return make_series(self.folder, self.series, Choices(**choices)).record


def write_maps(
    folder: Path,
    pairs: Pairs,
    delays: Sequence[float] | None = None,
    wrong: Mapping[tuple[int, int], Array] | None = None,
    sigma: float = SIGMA,
    grid: Grid = GRID,
) -> Maps:
    """Write maps with a bowl that sinks, delays of dates, noise of dates and pairs, and cycles that are wrong.

    The cell in the north-west corner does not move and is without noise: all maps are relative to it.
    """
    rng = np.random.default_rng(11)
    rows, columns = np.mgrid[: grid.height, : grid.width]
    velocity = -0.15 * np.exp(-((rows - 30) ** 2 + (columns - 40) ** 2) / 120)
    days = sorted({day for pair in pairs for day in pair})
    delays = [0.0] * len(days) if delays is None else delays
    dates = years(days)[:, None, None] * velocity + [size * turbulence(rng, grid) for size in delays]
    dates -= dates[:, :1, :1]
    noise = rng.normal(0, sigma, (len(pairs), *grid.shape))
    noise[:, 0, 0] = 0
    record: dict[str, Any] = {
        "schema_version": 1,
        "area": "",
        "first": "2023-09-04",
        "reference": None,
        "pairs": {},
    }
    for number, ((first, second), row) in enumerate(zip(pairs, design_matrix(days, pairs), strict=True)):
        name = f"{first:%Y%m%d}_{second:%Y%m%d}"
        los = np.tensordot(row, dates, 1) + noise[number]
        for (other, sign), cells in (wrong or {}).items():
            if other == number:
                los = los + sign * WAVELENGTH / 2 * cells
        told = {
            "reference_date": f"{first}T06:00:00+00:00",
            "secondary_date": f"{second}T06:00:00+00:00",
            "wavelength_m": str(WAVELENGTH),
            "looks": "19x7",
            "engine": "eos",
            "reference_point": "{:.6f},{:.6f}".format(*grid.lonlat(0, 0)),
        }
        products = folder / "pairs" / name / "products"
        products.mkdir(parents=True)
        layers = {
            "los_displacement": los.astype(np.float32),
            "los_sigma": np.full(grid.shape, sigma, np.float32),
            "coherence": np.full(grid.shape, 0.8, np.float32),
        }
        write_products(products, layers, grid, told)
        record["pairs"][name] = {"folder": f"pairs/{name}"}
    (folder / "stack.json").write_text(json.dumps(record), encoding="utf-8")
    return Maps(folder, velocity)


def change(path: Path, make: Callable[[Array], Array] | None = None, **tags: str) -> None:
    """Change the values of a map, or its tags."""
    with rasterio.open(path, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as dataset:
        if make is not None:
            dataset.write(make(dataset.read(1)).astype(np.float32), 1)
        dataset.update_tags(**tags)


def map_of(folder: Path, pair: tuple[date, date], layer: str = "los_displacement") -> Path:
    """The file of a layer of a pair."""
    return folder / "pairs" / "{:%Y%m%d}_{:%Y%m%d}".format(*pair) / "products" / f"{layer}.tif"
