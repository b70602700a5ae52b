"""Folders of runs of many pairs, as `dinsar stack` and `dinsar run` leave them, of ground whose motion is known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.geo.grid import Grid
from dinsar_cli.products.layers import write_products
from dinsar_cli.series.velocity import years

Array = NDArray[Any]
Pairs = list[tuple[date, date]]

DAYS = tuple(date(2023, 9, 4) + timedelta(days=12 * number) for number in range(6))
WAVELENGTH = 0.05546576
GRID = Grid("EPSG:4326", -8.9, 31.5, 0.001, 40, 30)
LOOKS = 69  # independent ones that MintPy takes 19 x 7 for
HOME = (22, 6)
"""Row and column of the reference."""
SEA, SHADOW = (slice(0, 3), slice(35, 40)), (slice(28, 30), slice(0, 2))


def sequential(reach: int, days: Sequence[date] = DAYS) -> Pairs:
    return [(a, b) for a, b in combinations(days, 2) if days.index(b) - days.index(a) <= reach]


@dataclass
class Runs:
    """How the maps are made; what is changed here is changed in all of them."""

    grid: Grid = GRID
    polarization: str = "VV"
    azimuth: float = 100.0  # of the direction to the satellite, degrees from north
    scenes: bool = True
    holes: tuple[tuple[slice, slice], ...] = ()  # without a value in any pair
    land_only: bool = False  # all seen, and nobody looked for water

    @property
    def velocity(self) -> Array:
        """True velocity relative to the reference, m a year."""
        rows, columns = np.mgrid[: self.grid.height, : self.grid.width]
        bowl = -0.15 * np.exp(-((rows - 12) ** 2 + (columns - 25) ** 2) / 60)
        return np.asarray(bowl - bowl[HOME])

    def layers(self, pair: tuple[date, date], number: int) -> dict[str, Array]:
        """All layers of a pair: its noise is as large as its coherence says."""
        rng = np.random.default_rng(number)
        shape = self.grid.shape
        rows, columns = np.mgrid[: shape[0], : shape[1]]
        days = (pair[1] - pair[0]).days
        coherence = 0.9 * np.exp(-days / 60) * (0.75 + 0.25 * np.cos(rows / 7) * np.sin(columns / 5))
        sigma = WAVELENGTH / (4 * np.pi) * np.sqrt((1 - coherence**2) / (2 * LOOKS * coherence**2))
        first, second = (years(DAYS)[DAYS.index(day)] for day in pair)
        los = (second - first) * self.velocity + rng.normal(0, 1, shape) * sigma / 10
        los -= los[HOME]
        visibility = np.zeros(shape, np.uint8)
        visibility[SEA], visibility[SHADOW] = 4, 2
        for hole in self.holes if self.land_only else (SEA, SHADOW, *self.holes):
            los[hole] = np.nan
        phase = -4 * np.pi / WAVELENGTH * los
        incidence, azimuth = np.radians(38.0), np.radians(self.azimuth)
        east, north = np.sin(incidence) * np.sin(azimuth), np.sin(incidence) * np.cos(azimuth)
        vector = np.broadcast_to(np.array([east, north, np.cos(incidence)])[:, None, None], (3, *shape))
        made = {
            "los_displacement": los,
            "los_sigma": np.where(np.isfinite(los), sigma, np.nan),
            "coherence": coherence,
            "wrapped_phase": np.angle(np.exp(1j * (phase + 3))),
            "los_vector": vector,
            "incidence_angle": np.full(shape, 38.0),
            "elevation": 500.0 + 3 * rows,
        }
        whole = {"connected_components": np.isfinite(los).astype(np.uint16)}
        if not self.land_only:
            whole["visibility"] = visibility
        return {name: values.astype(np.float32) for name, values in made.items()} | whole

    def write(self, folder: Path, pair: tuple[date, date], number: int = 0) -> Path:
        """Write the folder of a run."""
        lon, lat = self.grid.lonlat(*HOME)
        first, second = pair
        told = {
            "reference_date": f"{first}T06:37:14+00:00",
            "secondary_date": f"{second}T06:37:15+00:00",
            "wavelength_m": str(WAVELENGTH),
            "looks": "19x7",
            "engine": "eos",
            "perpendicular_baseline_m": f"{10 * number - 40:.2f}",
            "reference_point": f"{lon:.6f},{lat:.6f}",
        }
        (folder / "products").mkdir(parents=True)
        write_products(folder / "products", self.layers(pair, number), self.grid, told)
        names = [
            f"S1A_IW_SLC__1SSV_{day:%Y%m%d}T063714_{day:%Y%m%d}T063719_05{number:04d}_061F0B_96E5" for day in pair
        ]
        record: dict[str, Any] = {
            "schema_version": 1,
            "pair": {"polarization": self.polarization},
            "filter_strength": 0.5,
            "stages": {"displacement": {"fingerprint": "a", "files": []}},
        }
        if self.scenes:
            record["pair"] |= {"reference": names[:1], "secondary": names[1:]}
        (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")
        return folder

    def write_stack(self, folder: Path, pairs: Pairs) -> Path:
        """Write the folder of a stack."""
        record: dict[str, Any] = {
            "schema_version": 1,
            "area": "",
            "first": str(DAYS[0]),
            "reference": None,
            "pairs": {},
        }
        for number, pair in enumerate(pairs):
            name = f"{pair[0]:%Y%m%d}_{pair[1]:%Y%m%d}"
            self.write(folder / "pairs" / name, pair, number)
            record["pairs"][name] = {"folder": f"pairs/{name}"}
        (folder / "stack.json").write_text(json.dumps(record), encoding="utf-8")
        return folder
