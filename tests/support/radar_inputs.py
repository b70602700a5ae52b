"""An interferogram on the radar grid, written from arrays."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dinsar_cli.radar.interferogram import LAYERS, Interferogram, RadarFile

_USUAL: Mapping[str, Any] = {
    "looks": (7, 2),
    "effective_looks": 8.3,
    "coherence_looks": 60.0,
    "wavelength": 0.0555,
    "reference_date": "2023-09-04T05:00:00",
    "secondary_date": "2023-09-16T05:00:00",
    "burst_seams": (),
    "swath_seams": (),
    "perpendicular_baseline": 50.0,
    "range_spacing": 30.0,
    "azimuth_spacing": 28.0,
    "versions": {},
}


def written_interferogram(folder: Path, layers: Mapping[str, np.ndarray], **facts: Any) -> Interferogram:
    """Write layers of one size into a folder that is there; facts that differ from the usual ones are given."""
    lines, samples = next(iter(layers.values())).shape[-2:]
    for name, values in layers.items():
        file = RadarFile(folder, LAYERS[name], lines, samples)
        file.create()
        file.write(0, values)
    return Interferogram(folder=folder, lines=lines, samples=samples, **(dict(_USUAL) | facts))
