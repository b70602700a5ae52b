"""Products with known values, and a marked pixel, on both kinds of grid."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.formats import ProductFacts, product_facts
from dinsar_cli.geo.grid import Grid
from dinsar_cli.products.layers import write_products
from support.view_inputs import arrays_on

WAVELENGTH = 0.05546576
INCIDENCE, AZIMUTH = 38.0, 100.0  # degrees; direction to the satellite, clockwise from north: a descending track
MARK = (61, 17)  # row and column of the marked pixel
VALUE = 5.0  # m, far above the noise
RECORD: dict[str, Any] = {
    "pair": {
        "reference": ["S1A_IW_SLC__1SSV_20230904T063736_20230904T063742_050174_0609E3_5C45"],
        "secondary": ["S1A_IW_SLC__1SSV_20230916T063737_20230916T063742_050349_060FCD_0BBB"],
        "polarization": "VV",
    },
    "filter_strength": 0.5,
    "stages": {
        "orbits": {"details": {"kinds": ["POEORB", "POEORB"]}},
        "dem": {"details": {"path": "dem.tif", "source": "glo_30", "file": None}},
    },
}
TAGS = {
    "reference_date": "2023-09-04T06:37:36.500000+00:00",
    "secondary_date": "2023-09-16T06:37:37.250000+00:00",
    "wavelength_m": repr(WAVELENGTH),
    "looks": "19x7",
    "perpendicular_baseline_m": "-79.30",
    "engine": "eos",
    "engine_version": json.dumps({"eos-sar": "0.43.1"}),
    "version": "0.1.0",
}


@dataclass(frozen=True)
class Made:
    """Products on the disk, and what is in them."""

    facts: ProductFacts
    arrays: dict[str, NDArray[Any]]

    @property
    def grid(self) -> Grid:
        return self.facts.grid

    @property
    def centre(self) -> tuple[float, float]:
        """Map position of the centre of the marked pixel."""
        row, column = MARK
        return float(self.grid.x_centres[column]), float(self.grid.y_centres[row])


def make(folder: Path, grid: Grid) -> Made:
    """Write products of a constant viewing direction, with one pixel that stands out."""
    folder.mkdir(parents=True)
    arrays = arrays_on(grid)
    arrays["los_displacement"][MARK] = VALUE
    incidence, azimuth = np.radians(INCIDENCE), np.radians(AZIMUTH)
    direction = np.array(
        [np.sin(incidence) * np.sin(azimuth), np.sin(incidence) * np.cos(azimuth), np.cos(incidence)]
    )
    known = np.isfinite(arrays["los_vector"])
    arrays["los_vector"] = np.where(known, direction[:, None, None], np.nan).astype(np.float32)
    arrays["incidence_angle"] = np.where(known[0], INCIDENCE, np.nan).astype(np.float32)
    phase = -4 * np.pi / WAVELENGTH * arrays["los_displacement"].astype(np.float64)
    arrays["unwrapped_phase"] = phase.astype(np.float32)
    lon, lat = grid.lonlat(20, 30)
    write_products(folder, arrays, grid, TAGS | {"reference_point": f"{lon:.6f},{lat:.6f}"})
    return Made(product_facts(folder, "T052D_20230904_20230916", RECORD), arrays)
