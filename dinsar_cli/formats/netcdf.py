"""``displacement.nc``: all layers in one NetCDF-4 file that follows the CF conventions, version 1.8."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pyproj import CRS

from dinsar_cli.base.files import atomic_path
from dinsar_cli.errors import UsageError
from dinsar_cli.formats.citation import copernicus_notice
from dinsar_cli.formats.facts import MAIN, ProductFacts
from dinsar_cli.geo.grid import Grid
from dinsar_cli.installation import install_command
from dinsar_cli.products.layers import LAYERS

if TYPE_CHECKING:
    from h5netcdf import File


FILE = "displacement.nc"

_CHUNK = 512
MAPPING = "crs"
"""Name of the variable that describes the projection."""
_UNITS = {"rad": "radian", "dB": "1"}  # UDUNITS has no decibel; the description tells it
_STANDARD_NAMES = {"elevation": "height_above_reference_ellipsoid", "incidence_angle": "sensor_zenith_angle"}


@dataclass(frozen=True)
class _Variable:
    """A band of a product as a variable of its own."""

    name: str
    layer: str
    band: int


def check_netcdf() -> None:
    """Make sure that the format can be written here.

    Raises
    ------
    UsageError
        When h5netcdf or h5py is not installed.
    """
    missing = [name for name in ("h5netcdf", "h5py") if find_spec(name) is None]
    if missing:
        raise UsageError(
            "The format netcdf cannot be written.",
            f"Not installed, but needed: {', '.join(missing)}.",
            f"Install it with: {install_command('formats')}",
        )


def write_netcdf(facts: ProductFacts) -> Path:
    """Write the file into the folder of the products.

    Raises
    ------
    UsageError
        When h5netcdf is not installed.
    """
    check_netcdf()
    from h5netcdf import File

    path = facts.output / FILE
    with atomic_path(path) as part, File(part, "w") as file:
        file.attrs.update(_attributes(facts))
        dimensions = write_axes(file, facts.grid)
        _write_time(file, facts)
        for variable in _variables(facts):
            _write_layer(file, facts, variable, dimensions)
    return path


def _attributes(facts: ProductFacts) -> dict[str, str]:
    version = facts.tags.get("version", "")
    attributes = {
        "Conventions": "CF-1.8",
        "title": f"Ground displacement along the line of sight of Sentinel-1, {facts.name}",
        "institution": "not stated",
        "source": f"Sentinel-1 interferometry, dinsar {version}, engine {facts.tags.get('engine', 'not stated')}",
        "history": f"written by dinsar {version}",
        "references": "see citation.txt",
        "comment": f"{copernicus_notice(facts)} One pair cannot tell displacement from 1-3 cm of atmosphere.",
    }
    kept = (
        "reference_date",
        "secondary_date",
        "reference_point",
        "reference",
        "wavelength_m",
        "looks",
        "perpendicular_baseline_m",
    )
    return attributes | {name: facts.tags[name] for name in kept if name in facts.tags}


def write_axes(file: File, grid: Grid) -> tuple[str, str]:
    """Write coordinates and the projection; give the names of the dimensions."""
    kinds = (
        (("lat", "latitude", "degrees_north", "Y"), ("lon", "longitude", "degrees_east", "X"))
        if grid.is_geographic
        else (("y", "projection_y_coordinate", "m", "Y"), ("x", "projection_x_coordinate", "m", "X"))
    )
    dimensions = kinds[0][0], kinds[1][0]
    file.dimensions = {dimensions[0]: grid.height, dimensions[1]: grid.width, "nv": 2}
    for (name, standard, unit, axis), centres in zip(kinds, (grid.y_centres, grid.x_centres), strict=True):
        variable = file.create_variable(name, (name,), "f8", data=centres)
        variable.attrs.update(
            {"standard_name": standard, "long_name": f"{standard.replace('_', ' ')} of the pixel centres"}
            | {"units": unit, "axis": axis}
        )
    mapping = file.create_variable(MAPPING, (), "i4", data=0)
    # text and numbers alone: PROJ's list for the datum shift of a local datum is no CF attribute of WGS84
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # CF has not all projections; the WKT tells all
        attributes = CRS(grid.crs).to_cf()
    described = {name: value for name, value in attributes.items() if isinstance(value, (str, float, int))}
    left, _, _, top = grid.bounds
    mapping.attrs.update(
        described
        | {"long_name": f"coordinate reference system, {grid.title}"}
        # for GDAL, which else would read the corners from the centres
        | {
            "spatial_ref": CRS(grid.crs).to_wkt(),
            "GeoTransform": f"{left!r} {grid.posting!r} 0 {top!r} 0 {-grid.posting!r}",
        }
    )
    if not grid.is_geographic:
        _write_lonlat(file, grid, dimensions)
    return dimensions


def _write_lonlat(file: File, grid: Grid, dimensions: tuple[str, str]) -> None:
    """Write the longitude and latitude of each pixel, which CF wants beside the coordinates of a projection."""
    positions = grid.to_lonlat(*np.meshgrid(grid.x_centres, grid.y_centres))
    kinds = (("lon", "longitude", "degrees_east"), ("lat", "latitude", "degrees_north"))
    for (name, standard, unit), values in zip(kinds, positions, strict=True):
        variable = file.create_variable(
            name, dimensions, "f8", data=values, chunks=chunks_of(grid), compression="gzip", shuffle=True
        )
        variable.attrs.update({"standard_name": standard, "long_name": f"{standard} of the pixel", "units": unit})


def _write_time(file: File, facts: ProductFacts) -> None:
    """Return the time of the map: that of the later date, with both as its bounds."""
    first, second = (date.timestamp() for date in facts.dates)
    time = file.create_variable("time", (), "f8", data=second)
    time.attrs.update(
        {
            "standard_name": "time",
            "long_name": "later acquisition; the bounds are both",
            "units": "seconds since 1970-01-01T00:00:00Z",
            "calendar": "standard",
            "axis": "T",
            "bounds": "time_bounds",
        }
    )
    file.create_variable("time_bounds", ("nv",), "f8", data=[first, second])


def _variables(facts: ProductFacts) -> Iterator[_Variable]:
    for layer in facts.rasters:
        bands = LAYERS[layer].bands
        for number, band in enumerate(bands, start=1):
            yield _Variable(layer if len(bands) == 1 else f"{layer}_{band}", layer, number)


def _write_layer(file: File, facts: ProductFacts, variable: _Variable, dimensions: tuple[str, str]) -> None:
    layer = LAYERS[variable.layer]
    values = facts.read(variable.layer, variable.band)
    labels = layer.dtype == "uint16"
    # CF 1.8 has no unsigned types
    kind: dict[str, Any] = {"dtype": "i4"} if labels else {"dtype": "f4", "fillvalue": np.float32(np.nan)}
    made = file.create_variable(
        variable.name,
        dimensions,
        data=values,
        chunks=chunks_of(facts.grid),
        compression="gzip",
        shuffle=True,
        **kind,
    )
    band = layer.bands[variable.band - 1]
    text = layer.description if len(layer.bands) == 1 else f"{layer.description}: {band}"
    attributes = {
        "long_name": f"{text} (dB)" if layer.unit == "dB" else text,
        "units": _UNITS.get(layer.unit, layer.unit),
        "grid_mapping": MAPPING,
        "coordinates": "time" if facts.grid.is_geographic else "time lat lon",
    }
    if layer.name in _STANDARD_NAMES:
        attributes["standard_name"] = _STANDARD_NAMES[layer.name]
    if layer.sign:
        attributes["sign"] = layer.sign
    if layer.name in {MAIN, "vertical_displacement"}:
        attributes["ancillary_variables"] = " ".join(
            name for name in ("los_sigma", "coherence", "connected_components") if name in facts.rasters
        )
    made.attrs.update({name: value for name, value in attributes.items() if value})


def chunks_of(grid: Grid) -> tuple[int, int]:
    """Return the rows and columns that are packed together."""
    return min(_CHUNK, grid.height), min(_CHUNK, grid.width)
