"""Files of delay as weather models' programs write them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray

_AXES = {
    "x": {"units": "degrees_east", "standard_name": "longitude", "long_name": "longitude"},
    "y": {"units": "degrees_north", "standard_name": "latitude", "long_name": "latitude"},
    "z": {"units": "m", "axis": "Z", "description": "height above ellipsoid"},
}


def write_raider_cube(
    path: Path,
    total: NDArray[np.float64],
    heights: Sequence[float],
    latitude: NDArray[np.float64],
    longitude: NDArray[np.float64],
    kind: str = "zenith",
) -> Path:
    """RAiDER's cube of wet and hydrostatic delay, with the attributes that its writer gives; shape (z, y, x)."""
    h5netcdf = pytest.importorskip("h5netcdf")
    with h5netcdf.File(path, "w") as file:
        for name, values in (("z", np.array(heights)), ("y", latitude), ("x", longitude)):
            file.dimensions[name] = len(values)
            file.create_variable(name, (name,), data=values).attrs.update(_AXES[name])
        file.create_variable("crs", (), data=-2147483647).attrs["crs_wkt"] = rasterio.CRS.from_epsg(4326).to_wkt()
        for name, part in (("wet", total - 1.0), ("hydro", np.ones_like(total))):
            made = file.create_variable(name, ("z", "y", "x"), data=part)
            made.attrs.update({"units": "m", "description": f"{name} {kind} delay", "grid_mapping": "crs"})
        file.attrs.update({"Conventions": "CF-1.7", "description": f"RAiDER geo cube - {kind}"})
    return path


def write_raider_model(
    path: Path,
    total: NDArray[np.float64],
    heights: Sequence[float],
    latitude: NDArray[np.float64],
    longitude: NDArray[np.float64],
) -> Path:
    """Weather model that RAiDER prepared: refractivity, and the delay from each height upward; shape (z, y, x).

    Its x and y have no units, and the two-dimensional latitude and longitude tell where it lies.
    """
    h5netcdf = pytest.importorskip("h5netcdf")
    with h5netcdf.File(path, "w") as file:
        for name, values in (("z", np.array(heights)), ("y", latitude), ("x", longitude)):
            file.dimensions[name] = len(values)
            file.create_variable(name, (name,), data=values)
        file.create_variable("proj", (), data=0).attrs["crs_wkt"] = rasterio.CRS.from_epsg(4326).to_wkt()
        for name in ("t", "p", "e", "wet", "hydro"):
            file.create_variable(name, ("z", "y", "x"), data=np.full(total.shape, 60.0))
        for name, part in (("wet_total", total - 1.0), ("hydro_total", np.ones_like(total))):
            made = file.create_variable(name, ("z", "y", "x"), data=part)
            made.attrs.update({"units": "m", "grid_mapping": "proj"})
        places = np.meshgrid(longitude, latitude)
        for name, values in zip(("longitude", "latitude"), places, strict=True):
            file.create_variable(name, ("y", "x"), data=values)
    return path
