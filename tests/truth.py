"""Comparison of products with the known displacement of a simulated pair: the measures of accuracy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from scipy.ndimage import map_coordinates

from dinsar_cli.radar import Interferogram


@dataclass(frozen=True)
class Accuracy:
    """Result against truth where the true coherence is above 0.5, the median removed."""

    rmse: float  # m
    coverage: float  # share of the pixels with truth that have a value
    gain: float  # slope of result over truth
    shift: float  # map pixels: position error that explains most of the residual


def read(path: Path) -> tuple[np.ndarray, rasterio.Affine]:
    with rasterio.open(path) as dataset:
        values = dataset.read()
        return (values[0] if len(values) == 1 else values), dataset.transform


def truth_at(folder: Path, name: str, lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """Bilinear truth at positions in degrees; NaN outside."""
    values, transform = read(folder / f"{name}.tif")
    row, col = (lat - transform.f) / transform.e - 0.5, (lon - transform.c) / transform.a - 0.5
    return map_coordinates(values, [row, col], order=1, mode="constant", cval=np.nan, output=np.float64)


def accuracy(product: np.ndarray, transform: rasterio.Affine, truth: Path) -> Accuracy:
    rows, cols = np.mgrid[: product.shape[0], : product.shape[1]]
    lon, lat = transform.c + (cols + 0.5) * transform.a, transform.f + (rows + 0.5) * transform.e
    los = truth_at(truth, "los_displacement", lon, lat)
    wanted = np.isfinite(los) & (truth_at(truth, "coherence", lon, lat) > 0.5)
    known = wanted & np.isfinite(product)
    if known.sum() < 100:
        return Accuracy(math.inf, float(known.sum() / wanted.sum()), math.nan, math.nan)
    residual = product - los
    residual = residual - np.median(residual[known])
    gain = np.polyfit(los[known], product[known], 1)[0]
    slope = np.stack(np.gradient(los))
    usable = known & np.isfinite(slope).all(axis=0)
    shift, *_ = np.linalg.lstsq(slope[:, usable].T, residual[usable], rcond=None)
    rmse = math.sqrt(float(np.mean(residual[known] ** 2)))
    return Accuracy(rmse, float(known.sum() / wanted.sum()), float(gain), float(np.hypot(*shift)))


def seam_steps(interferogram: Interferogram, truth: Path, lines: int = 50) -> list[float]:
    """Step of the mean residual phase across each burst seam, radians: 50 look lines on each side."""
    unwrapped, lon, lat, components = (
        interferogram.layer(name).read() for name in ("unwrapped", "longitude", "latitude", "components")
    )
    los = truth_at(truth, "los_displacement", lon, lat)
    residual = unwrapped + 4 * np.pi / interferogram.wavelength * los
    residual[(components != 1) | ~(truth_at(truth, "coherence", lon, lat) > 0.5)] = np.nan
    return [
        float(
            np.nanmean(residual[line : line + lines, first:last])
            - np.nanmean(residual[line - lines : line, first:last])
        )
        for line, first, last in interferogram.burst_seams
    ]
