"""Dense offsets on the map: motion of the images themselves, beside the displacement by phase."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.config.offsets import OffsetsConfig
from dinsar_cli.geo.grid import Grid
from dinsar_cli.maps.geocode import sample
from dinsar_cli.products.layers import write_products
from dinsar_cli.products.reader import read_product
from dinsar_cli.radar.interferogram import Interferogram
from dinsar_cli.radar.offset_field import OFFSETS_FILE, OffsetField, east_if_horizontal

Floats = NDArray[np.floating[Any]]

OFFSET_LAYERS = ("offset_los", "offset_azimuth", "offset_east_west", "offset_snr")
"""Products of dense offsets."""

_FEW = 0.5  # share of the windows below which a warning tells of it


@dataclass(frozen=True)
class OnMap:
    """Where the cells of a map are in an interferogram.

    Attributes
    ----------
    grid : Grid
        Of the map.
    row, column : ndarray
        Line and sample of the look grid, NaN where there is none.
    memory : int
        Bytes for resampling.
    """

    grid: Grid
    row: Floats
    column: Floats
    memory: int


def write_offsets(
    config: OffsetsConfig, interferogram: Interferogram, where: OnMap, folder: Path, tags: Mapping[str, str]
) -> tuple[dict[str, Path], dict[str, Any]]:
    """Put the offsets of an interferogram on the map and write them; those of an earlier run go.

    Parameters
    ----------
    folder : Path
        Of the products, with ``los_vector.tif``.
    tags : mapping
        Those that every product has.

    Returns
    -------
    files : dict of Path
        By the names of `OFFSET_LAYERS`; empty when offsets are not asked for.
    facts : dict
        Windows, the share of them that is usable, and for each layer in metres the 2nd and the 98th percentile.
    """
    for name in OFFSET_LAYERS:
        (folder / f"{name}.tif").unlink(missing_ok=True)
    if not config.enabled:
        return {}, {}
    field = OffsetField.load(interferogram.folder / OFFSETS_FILE)
    toward, along = field.usable(config.snr, config.filter)
    row, column = field.places(where.row, where.column, interferogram.looks)

    def on_map(values: Floats) -> Floats:
        return sample(values.astype(np.float32), row, column, "linear", memory_bytes=where.memory)

    layers = {"offset_los": on_map(toward), "offset_azimuth": on_map(along), "offset_snr": on_map(field.snr)}
    east, north = (read_product(folder, "los_vector", band) for band in (1, 2))
    layers["offset_east_west"] = east_if_horizontal(layers["offset_los"], layers["offset_azimuth"], east, north)
    own = dict(tags) | {
        "reference_point": "none",
        "offset_window": "x".join(map(str, config.window)),
        "offset_snr_least": f"{config.snr:g}",
        "offset_filter": str(config.filter),
    }
    files = write_products(folder, layers, where.grid, own)
    usable = float(np.mean(np.isfinite(toward)))
    return files, {
        "windows": [*field.toward.shape],
        "usable": round(usable, 4),
        **{f"{name}_m": _span(layers[name]) for name in OFFSET_LAYERS if name != "offset_snr"},
    }


def _span(values: Floats) -> dict[str, float] | None:
    known = values[np.isfinite(values)]
    if not known.size:
        return None
    low, middle, high = np.percentile(known, [2, 50, 98])
    return {"p02": round(float(low), 3), "median": round(float(middle), 3), "p98": round(float(high), 3)}


def offset_warnings(facts: Mapping[str, Any]) -> list[str]:
    """Tell what the user should keep in mind of offsets."""
    if not facts or facts["usable"] >= _FEW:
        return []
    text = (
        f"Only {facts['usable']:.0%} of the windows have a usable offset (offsets.snr): the images are not alike "
        "elsewhere. Larger windows (offsets.window) find more."
    )
    return [text]
