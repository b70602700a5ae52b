"""Ground of one slope in the archive of tests, and what is asked of a manager of DEMs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.transform import from_origin

from support.archive import Archive

GLO_30, GLO_90 = "copernicus-dem-30m.s3.amazonaws.com", "copernicus-dem-90m.s3.amazonaws.com"


@contextmanager
def land(folder: Path, bounds: tuple[float, float, float, float], **options: Any) -> Iterator[Archive]:
    """Archive whose tiles have one slope from far beyond some bounds, at 0.01 degrees."""
    west, south, east, north = (
        round(edge + sign * 1.5, 2) for edge, sign in zip(bounds, (-1, -1, 1, 1), strict=True)
    )
    shape = round((north - south) / 0.01), round((east - west) / 0.01)
    x, y = west + 0.01 * (np.arange(shape[1]) + 0.5), north - 0.01 * (np.arange(shape[0]) + 0.5)
    heights = slope(bounds, x[None, :], y[:, None])
    profile = {"driver": "GTiff", "dtype": "float64", "count": 1, "height": shape[0], "width": shape[1]}
    path = folder / "ground.tif"
    with rasterio.open(
        path, "w", crs="EPSG:4326", transform=from_origin(west, north, 0.01, 0.01), **profile
    ) as out:
        out.write(heights, 1)
    with Archive(dem=path) as archive:
        assert archive.elevation is not None
        for name, value in options.items():
            setattr(archive.elevation, name, value)
        yield archive
    assert archive.errors == []
    assert archive.refused == []


def slope(bounds: tuple[float, float, float, float], longitude: Any, latitude: Any) -> np.ndarray:
    """Ellipsoidal heights that bilinear interpolation keeps: some 10 m a kilometre eastward, 5 m southward."""
    return np.asarray(1500.0 + 1000.0 * (longitude - bounds[0]) - 500.0 * (latitude - bounds[1]))


def name(number: int, cell: str) -> str:
    return f"Copernicus_DSM_COG_{number}_{cell[:3]}_00_{cell[3:]}_00_DEM"


def wish(bounds: tuple[float, float, float, float], buffer: float = 0.1, source: str = "glo_30") -> dict[str, Any]:
    return {"bounds": bounds, "buffer": buffer, "source": source}
