"""``series.nc``: displacement of all dates and what follows from it in one file, by the CF conventions 1.8."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from dinsar_cli.base.files import atomic_path
from dinsar_cli.formats.netcdf import MAPPING, check_netcdf, chunks_of, write_axes
from dinsar_cli.products.layers import Layer
from dinsar_cli.products.reader import Product
from dinsar_cli.timeseries.layers import TEMPORAL_COHERENCE, VELOCITY, VELOCITY_SIGMA, displacement_layer
from dinsar_cli.timeseries.maps.pair_maps import PairMaps, tags_of

FILE: Final = "series.nc"
_UNITS: Final = {"m/year": "m year-1"}


def write_series_netcdf(folder: Path, maps: PairMaps, record: Mapping[str, Any]) -> Path:
    """Write the layers of a series into one file, dates along the dimension ``time``.

    Parameters
    ----------
    folder : Path
        With the layers.
    maps : PairMaps
    record : mapping
        As in ``series.json``.

    Raises
    ------
    UsageError
        When h5netcdf is not installed.
    """
    check_netcdf()
    from h5netcdf import File

    grid, dates = maps.grid, maps.dates
    path = folder / FILE
    with atomic_path(path) as part, File(part, "w") as file:
        file.attrs.update(
            {
                "Conventions": "CF-1.8",
                "title": f"Ground displacement along the line of sight, {dates[0]} to {dates[-1]}",
                "source": f"interferometry of {len(maps.pairs)} pairs, dinsar {record['dinsar']}",
                "history": f"written by dinsar {record['dinsar']}",
                "comment": " ".join(record["notes"]),
            }
            | tags_of(maps)
        )
        place = write_axes(file, grid)
        file.dimensions["time"] = len(dates)
        time = file.create_variable("time", ("time",), "f8", data=[float((day - dates[0]).days) for day in dates])
        time.attrs.update(
            {"standard_name": "time", "long_name": "acquisition", "axis": "T", "calendar": "standard"}
            | {"units": f"days since {dates[0]}"}
        )
        common = {"grid_mapping": MAPPING} | ({} if grid.is_geographic else {"coordinates": "lat lon"})

        def create(name: str, layer: Layer, dimensions: tuple[str, ...], long_name: str) -> Any:
            chunks = (1,) * (len(dimensions) - 2) + chunks_of(grid)
            fill = np.float32(np.nan)
            made = file.create_variable(
                name, dimensions, "f4", chunks=chunks, compression="gzip", shuffle=True, fillvalue=fill
            )
            told = {"long_name": long_name, "units": _UNITS.get(layer.unit, layer.unit), "sign": layer.sign}
            made.attrs.update({key: value for key, value in (told | common).items() if value})
            return made

        first = displacement_layer(dates[0], dates[0])
        series = create(
            "displacement", first, ("time", *place), f"Displacement along the line of sight since {dates[0]}"
        )
        for number, day in enumerate(dates):
            with Product(folder / f"displacement_{day:%Y%m%d}.tif") as product:
                series[number] = product.read_floats(1)
        for layer in (VELOCITY, VELOCITY_SIGMA, TEMPORAL_COHERENCE):
            with Product(folder / f"{layer.name}.tif") as product:
                create(layer.name, layer, place, layer.description)[...] = product.read_floats(1)
    return path
