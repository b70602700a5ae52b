"""A point source under maps whose noise neighbours share, and its inversion from few points."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from dinsar_cli.formats import ProductFacts, product_facts
from dinsar_cli.geo.grid import Grid
from dinsar_cli.products.layers import write_products

Doubles = NDArray[np.float64]

GRID = Grid("EPSG:32629", 500_000.0, 3_500_000.0, 90.0, 320, 320)
SOURCE = np.array([514.0, 3486.5, 3.5, 5.0])
"""East, north and depth, km; change of volume, millions of cubic metres."""
TOWARD = np.array([0.56, -0.10, 0.82]) / np.linalg.norm([0.56, -0.10, 0.82])
POISSON = 0.25
TAGS = {
    "reference_date": "2023-09-04T06:37:36",
    "secondary_date": "2023-09-16T06:37:36",
    "wavelength_m": "0.05546576",
}


def mogi(source: Doubles, east: Doubles, north: Doubles, toward: Doubles) -> Doubles:
    """Displacement along the line of sight (m) by a point source at places in km (Mogi 1958)."""
    x, y, depth, volume = source
    away = np.stack([east - x, north - y, np.full(np.shape(east), depth)], axis=-1)
    strength = (1 - POISSON) / np.pi * volume  # 1e6 m3 / 1 km2 is 1 m
    result: Doubles = strength * (away * toward).sum(-1) / np.linalg.norm(away, axis=-1) ** 3
    return result


def shared_noise(shape: tuple[int, int], cell: float, length: float, rng: np.random.Generator) -> Doubles:
    """Noise of unit variance whose covariance is exp(-distance / length), by the Fourier transform of that."""
    rows, columns = (2 * size for size in shape)
    y = np.minimum(np.arange(rows), rows - np.arange(rows)) * cell
    x = np.minimum(np.arange(columns), columns - np.arange(columns)) * cell
    power = np.fft.fft2(np.exp(-np.hypot(y[:, None], x) / length)).real
    white = rng.normal(size=power.shape) + 1j * rng.normal(size=power.shape)
    field = np.fft.fft2(white * np.sqrt(np.maximum(power, 0))).real / np.sqrt(power.size)
    result: Doubles = field[: shape[0], : shape[1]]
    return result


def places(grid: Grid) -> tuple[Doubles, Doubles]:
    """East and north of the cells of a map, km."""
    east, north = np.meshgrid(grid.x_centres / 1e3, grid.y_centres / 1e3)
    return east, north


@dataclass(frozen=True)
class Noise:
    """Of a map, metres: what neighbours share and over which length (m), and what each cell has for itself."""

    shared: float = 0.006
    length: float = 2500.0
    own: float = 0.002


def write_map(folder: Path, seed: int, grid: Grid = GRID, noise: Noise | None = None) -> ProductFacts:
    """Write a map of the source with noise of a seed."""
    noise = noise or Noise()
    rng = np.random.default_rng(seed)
    los = mogi(SOURCE, *places(grid), TOWARD)
    los += noise.shared * shared_noise(grid.shape, grid.posting, noise.length, rng)
    los += rng.normal(0, noise.own, grid.shape)
    los[:20, :60] = np.nan
    vector = np.broadcast_to(TOWARD[:, None, None], (3, *grid.shape))
    folder.mkdir(parents=True, exist_ok=True)
    layers = {"los_displacement": los.astype(np.float32), "los_vector": vector.astype(np.float32)}
    write_products(folder, layers, grid, TAGS)
    return product_facts(folder, "T052D_20230904_20230916", {})


@dataclass(frozen=True)
class Found:
    """A source that was found: its parameters, as `SOURCE`, and their stated standard deviations."""

    source: Doubles
    sigma: Doubles

    @property
    def departure(self) -> Doubles:
        """Error of depth and volume, in standard deviations."""
        result: Doubles = ((self.source - SOURCE) / self.sigma)[2:]
        return result


def invert(
    east: Doubles, north: Doubles, sides: Doubles, values: Doubles, toward: Doubles, covariance: Doubles
) -> Found:
    """Find the source, a constant and a plane from means over squares (km), with the covariance of their noise."""
    whiten = np.linalg.inv(np.linalg.cholesky(covariance))
    middle = east.mean(), north.mean()
    away = sides / (2 * np.sqrt(3))  # four points have the mean of any surface up to the third order

    def misfit(unknown: Doubles) -> Doubles:
        points = ((east + x * away, north + y * away) for x in (-1, 1) for y in (-1, 1))
        mean = sum(mogi(unknown[:4], *point, toward) for point in points) / 4
        plane = unknown[4] + unknown[5] * (east - middle[0]) + unknown[6] * (north - middle[1])
        whitened: Doubles = whiten @ (mean + plane - values)
        return whitened

    peak = int(np.argmax(np.abs(values - np.median(values))))
    start = [east[peak], north[peak], 2.5, 3.0, 0.0, 0.0, 0.0]
    best = least_squares(misfit, start, x_scale=[1, 1, 1, 2, 0.01, 1e-3, 1e-3])
    sigma = np.sqrt(np.diag(np.linalg.inv(best.jac.T @ best.jac)))
    return Found(best.x[:4], sigma[:4])
