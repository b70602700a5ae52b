"""The layers that a run hands over, as Cloud-optimised GeoTIFFs on one grid."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioError

from dinsar_cli.base.files import atomic_path
from dinsar_cli.base.rasters import writing_raster
from dinsar_cli.errors import ResourceError
from dinsar_cli.geo.grid import Grid

Array = NDArray[Any]

_BLOCK_SIZE = 512


@dataclass(frozen=True)
class Layer:
    """One product of a run.

    Attributes
    ----------
    name : str
        File name without ``.tif``.
    description : str
        What it holds, in a sentence.
    unit : str
        Unit of the values; ``1`` for a ratio or a label.
    bands : tuple of str
        Descriptions of the bands.
    sign : str
        What a positive value means; empty where there is nothing to say.
    dtype : str
        NumPy type of the file.
    nodata : float
        Value of pixels without data.
    overviews : str
        How GDAL resamples the overviews. Labels and wrapped phase have no mean, so they are thinned out.
    """

    name: str
    description: str
    unit: str
    bands: tuple[str, ...]
    sign: str = ""
    dtype: str = "float32"
    nodata: float = math.nan
    overviews: str = "average"

    def shape(self, grid: Grid) -> tuple[int, ...]:
        """Return the shape of the array on a grid: (height, width), or (bands, height, width) for several bands."""
        return ((len(self.bands),) if len(self.bands) > 1 else ()) + grid.shape


_TOWARD = "positive toward the satellite, later minus earlier"
_AWAY = "positive away from the satellite, later minus earlier"

LAYERS: Mapping[str, Layer] = {
    layer.name: layer
    for layer in (
        Layer("los_displacement", "Displacement of the ground along the line of sight", "m", ("los",), _TOWARD),
        Layer(
            "vertical_displacement",
            "Vertical displacement, assuming that the ground moved only vertically: los / cos(incidence)",
            "m",
            ("up",),
            "positive upward, later minus earlier",
        ),
        Layer(
            "los_sigma",
            "Standard deviation of the noise of los_displacement, by coherence, looks, filter and reference, and "
            "where squint.tif is there of what unknown motion along the track adds; without atmosphere (1-3 cm is "
            "normal in one pair), orbit errors and wrong cycles",
            "m",
            ("sigma",),
        ),
        Layer("unwrapped_phase", "Unwrapped interferometric phase, filtered", "rad", ("phase",), _AWAY),
        Layer(
            "wrapped_phase",
            "Wrapped interferometric phase, filtered, -pi to pi",
            "rad",
            ("phase",),
            _AWAY,
            overviews="nearest",
        ),
        Layer(
            "phase_sigma",
            "Standard deviation of the noise of the filtered phase, on the map, without that of a reference",
            "rad",
            ("sigma",),
        ),
        Layer("coherence", "Interferometric coherence before the filter, 0 to 1", "1", ("coherence",)),
        Layer(
            "connected_components",
            "Connected components of the unwrapping, 0 = none; displacement of different ones is not comparable",
            "1",
            ("component",),
            dtype="uint16",
            nodata=0,
            overviews="nearest",
        ),
        Layer(
            "incidence_angle",
            "Angle between the line of sight and the normal of the WGS84 ellipsoid",
            "degree",
            ("incidence",),
        ),
        Layer(
            "los_vector",
            "Unit vector along the line of sight: displacement x vector = los displacement",
            "1",
            ("east", "north", "up"),
            "from the ground to the satellite",
        ),
        Layer(
            "squint",
            "Sine of the angle by which the beam looked ahead of zero Doppler: motion of the ground along the "
            "flight x squint is missing in los_displacement",
            "1",
            ("squint",),
            "positive where it looked ahead",
            overviews="nearest",
        ),
        Layer(
            "visibility",
            "What a cell shows instead of ground, sum of: 1 layover, 2 shadow, by DEM and orbit; 4 water; 0 = it "
            "shows the ground; 8 = so it does, but a line is cut there (unwrap.cut). 255 = not looked at",
            "1",
            ("visibility",),
            dtype="uint8",
            nodata=255,
            overviews="nearest",
        ),
        Layer("elevation", "Height above the WGS84 ellipsoid", "m", ("height",), "positive upward"),
        Layer(
            "amplitude",
            "10 log10 of the mean squared digital number of the look cell, uncalibrated",
            "dB",
            ("reference", "secondary"),
        ),
        Layer(
            "reversed_difference",
            "Phase of the pair plus that of the reversed pair: 0 where they are equal and opposite, without the "
            "whole cycles that the largest component has of it",
            "rad",
            ("difference",),
        ),
        Layer(
            "flags",
            "Sum of: 1 the reversed pair is not equal and opposite, 2 by half a cycle or more; 4 beside a step of "
            "more than half a cycle within a component; 8 in a component whose cycles against the largest are not "
            "certain; 16 not the wrapped phase plus whole cycles; 32 cycles were chosen again; 64 shows no "
            "ground, see visibility.tif; "
            "128 coherence that noise alone has too. 255 = no phase",
            "1",
            ("flags",),
            dtype="uint8",
            nodata=255,
            overviews="nearest",
        ),
        Layer(
            "ramp",
            "Surface that was fitted to the displacement and taken off; zero in the middle of the fit",
            "m",
            ("ramp",),
            _TOWARD,
        ),
        Layer(
            "ionosphere_phase",
            "Phase of the ionosphere in the interferogram, by the split-spectrum method",
            "rad",
            ("phase",),
            _AWAY,
        ),
        Layer(
            "offset_los",
            "Motion along the line of sight by the shift of the images in range (dense offsets of topsApp)",
            "m",
            ("los",),
            _TOWARD,
        ),
        Layer(
            "offset_azimuth",
            "Motion along the track by the shift of the images in azimuth (dense offsets of topsApp)",
            "m",
            ("along_track",),
            "positive along the direction of flight, later minus earlier",
        ),
        Layer(
            "offset_east_west",
            "Motion to the east by both offsets, assuming that the ground moved only horizontally",
            "m",
            ("east",),
            "positive eastward, later minus earlier",
        ),
        Layer(
            "offset_snr",
            "Signal-to-noise ratio of the correlation of the images: its peak over what is around it, squared",
            "1",
            ("snr",),
        ),
        *(
            Layer(
                f"correction_{name}",
                f"{what}, which was taken off the displacement",
                "m",
                (name,),
                _TOWARD,
            )
            for name, what in (
                ("tides", "Displacement by the solid Earth tide"),
                ("ionosphere", "Displacement that the ionosphere feigns"),
                ("motion", "Displacement that known motion along the track adds"),
                ("troposphere", "Displacement that the troposphere feigns"),
            )
        ),
    )
}
"""Every product by its name."""


def write_products(
    folder: Path, arrays: Mapping[str, NDArray[Any]], grid: Grid, tags: Mapping[str, str]
) -> dict[str, Path]:
    """Write layers into a folder, one file each.

    Parameters
    ----------
    folder : Path
        An existing folder.
    arrays : mapping of str to ndarray
        Arrays by the name of their layer in `LAYERS`.
    grid : Grid
        The map grid of all of them.
    tags : mapping of str to str
        See `write_cog`.

    Returns
    -------
    dict of str to Path
        The files, in the order of `LAYERS`.

    Raises
    ------
    ValueError
        If a name is unknown or an array does not fit its layer and the grid; nothing is written then.
    ResourceError
        If a file cannot be written.
    """
    unknown = sorted(set(arrays) - set(LAYERS))
    if unknown:
        raise ValueError(f"unknown layers {', '.join(unknown)}: the known ones are {', '.join(LAYERS)}")
    chosen = [layer for name, layer in LAYERS.items() if name in arrays]
    for layer in chosen:
        _check_array(arrays[layer.name], grid, layer)
    paths = {layer.name: folder / f"{layer.name}.tif" for layer in chosen}
    for layer in chosen:
        write_cog(paths[layer.name], arrays[layer.name], grid, layer, tags)
    return paths


def write_cog(path: Path, data: NDArray[Any], grid: Grid, layer: Layer, tags: Mapping[str, str]) -> None:
    """Write one layer as a Cloud-optimised GeoTIFF, deflated, with overviews.

    The file has its name only when it is complete. The same arguments give the same bytes.

    Parameters
    ----------
    path : Path
        The file; an older one is replaced.
    data : ndarray
        Real values of shape ``layer.shape(grid)``; values that are not finite become nodata.
    grid : Grid
        The map grid.
    layer : Layer
        Its unit, sign, description, band names and nodata value go into the file.
    tags : mapping of str to str
        Facts about the run: dates, wavelength, reference point, engine, version. ``unit``, ``sign`` and
        ``description`` are those of the layer, whatever this says.

    Raises
    ------
    ValueError
        If the array does not fit the layer and the grid, or a tag is not text.
    ResourceError
        If the file cannot be written.
    """
    _check_array(data, grid, layer)
    all_tags = _tags(layer, tags)
    values = encode(data, layer)
    try:
        with (
            atomic_path(path) as part,
            rasterio.Env(GDAL_PAM_ENABLED="NO"),
            writing_raster(part, **_profile(grid, layer)) as file,
        ):
            file.write(values.reshape(len(layer.bands), *grid.shape))
            file.descriptions = layer.bands
            file.units = (layer.unit,) * len(layer.bands)
            file.update_tags(**all_tags)
    except (RasterioError, OSError) as error:
        raise ResourceError(
            f"{path} cannot be written.",
            f"The system says: {error}.",
            "Make room on the disk or let the folder be written to, and run the same command again.",
        ) from error


def _check_array(data: NDArray[Any], grid: Grid, layer: Layer) -> None:
    expected = layer.shape(grid)
    if data.shape != expected:
        raise ValueError(f"{layer.name} must have the shape {expected}, not {data.shape}")
    if not np.issubdtype(data.dtype, np.floating) and not np.issubdtype(data.dtype, np.integer):
        raise ValueError(f"{layer.name} must hold real numbers, not {data.dtype}")
    dtype = np.dtype(layer.dtype)
    if dtype.kind != "u":
        return
    if data.dtype.kind not in "iu":
        raise ValueError(f"{layer.name} holds labels, so its array must hold integers, not {data.dtype}")
    largest = np.iinfo(dtype).max
    if data.dtype != dtype and data.size and not 0 <= int(data.min()) <= int(data.max()) <= largest:
        raise ValueError(f"{layer.name} must lie in 0..{largest}, not {data.min()}..{data.max()}")


def encode(data: NDArray[Any], layer: Layer) -> NDArray[Any]:
    """Return the array as its file holds it: in the type of the layer, with one kind of nodata."""
    if np.dtype(layer.dtype).kind == "u":
        return data.astype(layer.dtype, copy=False)
    # One bit pattern for all NaN, or equal maps could differ in their bytes.
    return np.where(np.isfinite(data), data, layer.nodata).astype(layer.dtype, copy=False)


def _tags(layer: Layer, tags: Mapping[str, str]) -> dict[str, str]:
    wrong = [name for name, value in tags.items() if not isinstance(value, str)]
    if wrong:
        raise ValueError(f"tags must be text, which {', '.join(wrong)} is not")
    own = {"description": layer.description, "unit": layer.unit, "sign": layer.sign}
    together = {**tags, **own}
    return {name: together[name] for name in sorted(together) if together[name]}


def _profile(grid: Grid, layer: Layer) -> dict[str, Any]:
    return {
        "driver": "COG",
        "dtype": layer.dtype,
        "nodata": layer.nodata,
        "count": len(layer.bands),
        "height": grid.height,
        "width": grid.width,
        "crs": grid.crs,
        "transform": grid.transform,
        "compress": "DEFLATE",
        "level": 1,  # noise packs no better at 6, which takes a third longer
        "predictor": "YES",
        "blocksize": _BLOCK_SIZE,
        "overview_resampling": layer.overviews,
        "bigtiff": "IF_SAFER",
        "num_threads": "ALL_CPUS",
    }
