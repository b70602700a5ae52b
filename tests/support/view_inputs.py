"""Products to look at, on a small grid, with values that differ from pixel to pixel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.base.journal import RUN_FILE, STAGES, Journal, StageRecord
from dinsar_cli.geo.grid import Grid
from dinsar_cli.products.layers import LAYERS, write_products

DEGREES = Grid("EPSG:4326", -8.94, 31.5, 1 / 1200, 60, 90)
METRES = Grid("EPSG:32629", 500_000.0, 3_500_000.0, 90.0, 60, 90)
PAIR = "T052D_20230904_20230916"


@dataclass(frozen=True)
class Shown:
    """A pair with products."""

    folder: Path
    grid: Grid
    arrays: dict[str, NDArray[Any]]

    @property
    def page(self) -> Path:
        """Where its page is."""
        return self.folder / "products" / "report.html"


def arrays_on(grid: Grid) -> dict[str, NDArray[Any]]:
    """An array for each layer: noise, some of it missing, in the range that the layer has."""
    generator = np.random.default_rng(7)
    arrays: dict[str, NDArray[Any]] = {}
    for name, layer in LAYERS.items():
        shape = layer.shape(grid)
        if layer.dtype.startswith("uint"):
            arrays[name] = generator.integers(0, 4, shape).astype(layer.dtype)
            continue
        spread, middle = {"coherence": (0.1, 0.5), "elevation": (300, 900), "incidence_angle": (2, 38)}.get(
            name, (0.03 if name.endswith("displacement") else 1.0, 0.0)
        )
        values = generator.normal(middle, spread, shape)
        values = np.clip(values, 0, 1) if name == "coherence" else values
        values[..., :5, :7] = np.nan
        arrays[name] = values.astype(np.float32)
    return arrays


def make_products(folder: Path, grid: Grid = DEGREES, point: str | None = None, **tags: str) -> Shown:
    """Write a folder of a pair whose run is finished."""
    (folder / "products").mkdir(parents=True)
    arrays = arrays_on(grid)
    reference = ",".join(f"{value:.6f}" for value in grid.lonlat(20, 30)) if point is None else point
    facts = {
        "reference_date": "2023-09-04T06:37:14.134023+00:00",
        "secondary_date": "2023-09-16T06:37:14.134661+00:00",
        "reference_point": reference,
        "perpendicular_baseline_m": "80.01",
    }
    write_products(folder / "products", arrays, grid, facts | tags)
    finish(folder)
    return Shown(folder, grid, arrays)


def finish(folder: Path, stages: tuple[str, ...] = STAGES, warnings: tuple[str, ...] = ()) -> None:
    """Write the journal of a run of which these stages are done."""
    journal = Journal(folder / RUN_FILE, {"summary": {"warnings": list(warnings)}})
    for name in stages:
        journal.put(name, StageRecord("mark"), [])
