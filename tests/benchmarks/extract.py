"""Measure `dinsar extract`: time and memory of many points from a large map.

    python tests/benchmarks/extract.py [--size 10000] [--points 100000] [--all-layers] [--folder FOLDER]

A map of size x size cells is written (noise that 5 x 5 cells share over a bowl; with ``--all-layers`` also those
that a run has beside it), and points all over it are extracted to CSV by a process of its own. It prints seconds
for the libraries, those from there to the end, processor time of both, peak memory, and whether the
values are those of rasterio's own sampling. The bounds are 2 s and 500 MB for 100,000 points of one layer of 100
million cells, on an idle machine with two cores.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import rasterio
from scipy.ndimage import uniform_filter

from dinsar_cli.geo.grid import Grid
from dinsar_cli.products.layers import LAYERS, write_cog

_TAGS = {
    "reference_date": "2023-09-04T06:37:14+00:00",
    "secondary_date": "2023-09-16T06:37:14+00:00",
    "reference_point": "-9.500000,39.500000",
}
_CHECKED = 2000
_CHILD = """
import json, resource, sys, time
before = time.monotonic()
begun = time.time()
from dinsar_cli.extraction import extract
from dinsar_cli.extraction.table import write_tables
from pathlib import Path
loaded = time.monotonic()
found = extract.values_of_places([Path(sys.argv[1])], sys.argv[2], extract.Choices())
write_tables(Path(sys.argv[3]), found.tables, found.record)
use = resource.getrusage(resource.RUSAGE_SELF)
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps({
    "libraries_s": loaded - before, "extract_s": time.monotonic() - loaded,
    "processor_s": use.ru_utime + use.ru_stime, "peak_mb": int(peak.split()[1]) / 1024,
}))
"""


def write_map(folder: Path, size: int, *, all_layers: bool) -> Grid:
    """Write the layers of a map."""
    grid = Grid("EPSG:4326", -10.0, 40.0, 1 / 3600, size, size)
    rng = np.random.default_rng(1)
    y, x = (np.linspace(-1, 1, size, dtype=np.float32)[part] for part in ((slice(None), None), (None, slice(None))))
    bowl = np.float32(0.02) * np.exp(-6 * (x**2 + y**2)).astype(np.float32)

    def noise(scale: float, side: int = 1) -> np.ndarray:
        """White noise, or one that cells share as a filter of the phase leaves it."""
        white = rng.standard_normal(grid.shape, np.float32) * np.float32(scale * side)
        return white if side == 1 else uniform_filter(white, side)

    folder.mkdir(parents=True, exist_ok=True)
    write_cog(folder / "los_displacement.tif", bowl + noise(0.002, 5), grid, LAYERS["los_displacement"], _TAGS)
    if not all_layers:
        return grid
    for name, values in (
        ("los_sigma", np.abs(noise(0.002, 5))),
        ("vertical_displacement", bowl + noise(0.002, 5)),
        ("coherence", np.clip(0.6 + noise(0.1), 0, 1)),
        ("connected_components", np.ones(grid.shape, np.uint16)),
        ("flags", np.zeros(grid.shape, np.uint8)),
        ("incidence_angle", 35 + 5 * x + 0 * y),
        ("elevation", 500 + 300 * x * y + noise(1)),
    ):
        write_cog(folder / f"{name}.tif", values, grid, LAYERS[name], _TAGS)
    angle = np.radians(35 + 5 * x + 0 * y)
    vector = np.stack([np.sin(angle) * 0.98, np.sin(angle) * -0.199, np.cos(angle)]).astype(np.float32)
    write_cog(folder / "los_vector.tif", vector, grid, LAYERS["los_vector"], _TAGS)
    return grid


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=10_000)
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--all-layers", action="store_true")
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        run = folder / "run" / "products"
        if not run.is_dir():
            write_map(run, given.size, all_layers=given.all_layers)
        with rasterio.open(run / "los_displacement.tif") as file:
            west, south, east, north = file.bounds
        rng = np.random.default_rng(2)
        places = np.column_stack([rng.uniform(west, east, given.points), rng.uniform(south, north, given.points)])
        table = folder / "points.csv"
        rows = "\n".join(f"{n},{lon:.7f},{lat:.7f}" for n, (lon, lat) in enumerate(places.tolist()))
        table.write_text(f"id,lon,lat\n{rows}\n", encoding="utf-8")
        output = folder / "values.csv"
        done = subprocess.run(
            [sys.executable, "-c", _CHILD, str(run.parent), str(table), str(output)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        for name, value in json.loads(done.stdout).items():
            print(f"{name:<14}{value:10.2f}")
        print(f"{'equal':<14}{check(run / 'los_displacement.tif', output)!s:>10}")


def check(raster: Path, table: Path) -> bool:
    """Tell whether the values in a table are those that rasterio samples."""
    with table.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[:: max(1, _CHECKED)]
    with rasterio.open(raster) as file:
        wanted = [float(value[0]) for value in file.sample([(float(r["lon"]), float(r["lat"])) for r in rows])]
    return [np.float32(row["los_displacement_m"]) for row in rows] == [np.float32(value) for value in wanted]


if __name__ == "__main__":
    main()
