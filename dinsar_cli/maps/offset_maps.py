"""Dense offsets on the map: motion of the images themselves, beside the displacement by phase."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.config.sections.offsets import OffsetsConfig
from dinsar_cli.maps.geocode import sample
from dinsar_cli.maps.map_layers import MapLayers
from dinsar_cli.maps.radar_layers import RadarOnMap
from dinsar_cli.products.layers import write_products
from dinsar_cli.radar.offset_field import OFFSETS_FILE, OffsetField, east_if_horizontal

Floats = NDArray[np.floating[Any]]

OFFSET_LAYERS = ("offset_los", "offset_azimuth", "offset_east_west", "offset_snr")
"""Products of dense offsets."""

_FEW = 0.5  # share of the windows below which a warning tells of it


def write_offsets(
    config: OffsetsConfig, radar: RadarOnMap, layers: MapLayers, tags: Mapping[str, str]
) -> tuple[dict[str, Path], dict[str, Any]]:
    """Put the offsets of an interferogram on the map and write them; those of an earlier run go.

    Parameters
    ----------
    radar : RadarOnMap
        The interferogram on the map.
    layers : MapLayers
        Of the map, with ``los_vector``.
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
        (layers.folder / f"{name}.tif").unlink(missing_ok=True)
    if not config.enabled:
        return {}, {}
    field = OffsetField.load(radar.interferogram.folder / OFFSETS_FILE)
    toward, along = field.usable(config.snr, config.filter)
    row, column = field.places(*radar.places, radar.interferogram.looks)

    def on_map(values: Floats) -> Floats:
        return sample(values.astype(np.float32), row, column, "linear", memory_bytes=radar.memory)

    made = {"offset_los": on_map(toward), "offset_azimuth": on_map(along), "offset_snr": on_map(field.snr)}
    east, north = (layers.read("los_vector", band) for band in (1, 2))
    made["offset_east_west"] = east_if_horizontal(made["offset_los"], made["offset_azimuth"], east, north)
    own = dict(tags) | {
        "reference_point": "none",
        "offset_window": "x".join(map(str, config.window)),
        "offset_snr_least": f"{config.snr:g}",
        "offset_filter": str(config.filter),
    }
    files = write_products(layers.folder, made, layers.grid, own)
    usable = float(np.mean(np.isfinite(toward)))
    return files, {
        "windows": [*field.toward.shape],
        "usable": round(usable, 4),
        **{f"{name}_m": _span(made[name]) for name in OFFSET_LAYERS if name != "offset_snr"},
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
