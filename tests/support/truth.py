"""What `dinsar_cli.compare.truth` does not measure: the truth of other layers, and errors of position."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from rasterio.warp import Resampling, reproject

from dinsar_cli.compare.truth import LEAST_COHERENCE, Map, Statistics, judge, on_grid, read_map, sample_map


@dataclass(frozen=True)
class Accuracy:
    """Result against truth where the true coherence is above 0.5, the median removed."""

    statistics: Statistics
    shift: float  # map pixels: position error that explains most of the residual


def read(path: Path) -> tuple[np.ndarray, rasterio.Affine]:
    """All bands of a raster, and its transform."""
    with rasterio.open(path) as dataset:
        values = dataset.read()
        return (values[0] if len(values) == 1 else values), dataset.transform


def truth_at(folder: Path, name: str, lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """Bilinear truth at positions in degrees; NaN outside."""
    return sample_map(read_map(folder / f"{name}.tif"), lon, lat)


def truth_on(folder: Path, name: str, found: Map) -> np.ndarray:
    """Bilinear truth on the grid of a map; NaN outside."""
    return on_grid(read_map(folder / f"{name}.tif"), found)


def accuracy(found: Map, truth: Path) -> Accuracy:
    """Judge a displacement map by the truth in a folder."""
    los = truth_on(truth, "los_displacement", found)
    statistics, residual = judge(found.values, los, truth_on(truth, "coherence", found) > LEAST_COHERENCE)
    slope = np.stack(np.gradient(los))
    usable = np.isfinite(residual) & np.isfinite(slope).all(axis=0)
    shift, *_ = np.linalg.lstsq(slope[:, usable].T, residual[usable], rcond=None)
    return Accuracy(statistics, float(np.hypot(*shift)))


def warped(truth: Path, onto: Path) -> np.ndarray:
    """Bilinear truth on the grid of a map, by GDAL; NaN outside."""
    with rasterio.open(onto) as dataset, rasterio.open(truth) as source:
        values = np.full(dataset.shape, np.nan, np.float32)
        reproject(
            rasterio.band(source, 1),
            values,
            dst_transform=dataset.transform,
            dst_crs=dataset.crs,
            dst_nodata=np.nan,
            resampling=Resampling.bilinear,
        )
    return values
