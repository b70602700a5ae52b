"""What a run needs beside products: orbit files and DEMs; and small complete sets of inputs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import rasterio
from lxml.builder import ElementMaker

from support.safe_factory import Product, numbers, quietly, write_zip, xml_text

_E = ElementMaker()


@dataclass(frozen=True)
class Inputs:
    """Everything that a run needs.

    Attributes
    ----------
    folder : Path
        Holds all of it.
    reference, secondary : Product
        The two dates.
    scenes : tuple of Path
        Their zips.
    orbits, dem : Path
        Folder with orbit files, DEM with ellipsoidal heights.
    """

    folder: Path
    reference: Product
    secondary: Product
    scenes: tuple[Path, ...]
    orbits: Path
    dem: Path

    def options(self, **changes: object) -> list[str]:
        """Options of ``dinsar run`` for these inputs; changed ones as ``slc=[...]``, left out when None."""
        values: dict[str, object] = {"slc": self.scenes, "orbits": self.orbits, "dem": self.dem}
        values |= {"dem_datum": "ellipsoid", "looks": "1x1"} | changes
        options = []
        for name, value in values.items():
            for one in value if isinstance(value, (list, tuple)) else [value]:
                options += [] if one is None else [f"--{name.replace('_', '-')}", str(one)]
        return options


def write_inputs(folder: Path, product: Product | None = None, *, dem_step: float = 0.01) -> Inputs:
    """Write two dates of a product with their orbit files and a DEM."""
    reference = product or Product()
    secondary = reference.repeated()
    orbits = folder / "orbits"
    for one in (reference, secondary):
        write_orbit(one, orbits)
    west, south, east, north = reference.bounds
    margin = 0.25
    bounds = (west - margin, south - margin, east + margin, north + margin)
    dem = write_dem(folder / "dem.tif", bounds, step=dem_step)
    scenes = tuple(write_zip(one, folder) for one in (reference, secondary))
    return Inputs(folder, reference, secondary, scenes, orbits, dem)


def write_orbit(product: Product, folder: Path, *, mission: str | None = None, margin: float = 300.0) -> Path:
    """Write a precise-orbit file that reaches `margin` seconds beyond a product, and give its path."""
    mission = mission or product.mission
    first, last = (product.start - timedelta(seconds=margin), product.stop + timedelta(seconds=margin))
    first = first.replace(microsecond=0)
    times = [first + timedelta(seconds=10 * step) for step in range(int((last - first).total_seconds() // 10) + 1)]
    first, last = times[0], times[-1]
    name = f"{mission}_OPER_AUX_POEORB_OPOD_20240101T080641_V{first:%Y%m%dT%H%M%S}_{last:%Y%m%dT%H%M%S}.EOF"
    vectors = [
        _E.OSV(_E.UTC(f"UTC={time:%Y-%m-%dT%H:%M:%S.%f}"), *numbers(("X", "Y", "Z", "VX", "VY", "VZ"), state))
        for time, state in ((time, product.state(time)) for time in times)
    ]
    header = _E.Earth_Explorer_Header(
        _E.Fixed_Header(
            _E.Mission(f"Sentinel-1{mission[2]}"),
            _E.File_Type("AUX_POEORB"),
            _E.Validity_Period(
                _E.Validity_Start(f"UTC={first:%Y-%m-%dT%H:%M:%S}"),
                _E.Validity_Stop(f"UTC={last:%Y-%m-%dT%H:%M:%S}"),
            ),
            _E.Source(_E.Creation_Date("UTC=2024-01-01T08:06:41")),
        ),
        _E.Variable_Header(_E.Ref_Frame("EARTH_FIXED"), _E.Time_Reference("UTC")),
    )
    block = _E.Data_Block(_E.List_of_OSVs(*vectors, count=str(len(vectors))), type="xml")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(xml_text(_E.Earth_Explorer_File(header, block)))
    return path


def write_dem(
    path: Path,
    bounds: Sequence[float],
    *,
    step: float = 0.01,
    crs: str | None = "EPSG:4326",
    heights: np.ndarray | None = None,
) -> Path:
    """Write a DEM over some bounds (west, south, east, north): a gentle slope in metres, or the heights given."""
    west, south, east, north = bounds
    shape = math.ceil((north - south) / step), math.ceil((east - west) / step)
    if heights is None:
        heights = np.add.outer(np.linspace(200, 300, shape[0]), np.linspace(0, 50, shape[1]))
    profile = {"driver": "GTiff", "dtype": "float32", "count": 1, "height": shape[0], "width": shape[1]}
    with quietly(), rasterio.open(path, "w", nodata=-32768, **profile) as dataset:
        if crs:
            dataset.crs = crs
        dataset.transform = rasterio.Affine(step, 0, west, 0, -step, north)
        dataset.write(heights.astype(np.float32), 1)
    return path
