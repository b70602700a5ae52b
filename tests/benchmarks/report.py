"""Time, memory and size of the report of a large map: ``python tests/benchmarks/report.py [MEGAPIXELS [FOLDER]]``.

Products of 100 million pixels (or as many as given) are made up: a bowl in noise over hills, with noise in every
pixel, so that nothing packs better than in a real map. ``dinsar report`` then runs as a process of its own. With a
folder the products stay in it, and are used again.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.geo.grid import Grid
from dinsar_cli.products.layers import write_products

PAIR = "T052D_20230904_20230916"
WAVELENGTH = 0.0554657
_TILE = 1000  # pixels after which the noise repeats
TAGS = {
    "wavelength_m": repr(WAVELENGTH),
    "reference_date": "2023-09-04T06:37:14+00:00",
    "secondary_date": "2023-09-16T06:37:14+00:00",
    "reference_point": "-9.000000,31.500000",
    "perpendicular_baseline_m": "80.00",
}


def layers(size: int) -> Iterator[tuple[str, NDArray[Any]]]:
    """The layers one after another, so that few are in memory."""
    generator = np.random.default_rng(1)
    noise = generator.normal(0, 1, (_TILE, _TILE)).astype(np.float32)
    count = math.ceil(size / _TILE)
    noise = np.tile(noise, (count, count))[:size, :size]
    place = np.linspace(-1, 1, size, dtype=np.float32)
    hill = np.exp(-(place**2) / 0.05)
    los = 0.08 * np.outer(hill, hill) + 0.002 * noise
    yield "los_displacement", los
    phase = -4 * np.pi / WAVELENGTH * los
    del los
    yield "unwrapped_phase", phase
    phase -= 2 * np.pi * np.round(phase / (2 * np.pi))
    yield "wrapped_phase", phase
    del phase
    yield "coherence", np.clip(0.75 + 0.1 * noise, 0, 1)
    yield "los_sigma", 0.002 + 1e-4 * noise
    yield "connected_components", np.ones((size, size), np.uint16)
    yield "elevation", 800 + 300 * np.outer(np.sin(9 * place), np.cos(7 * place)) + noise
    yield "incidence_angle", np.broadcast_to(38 + 4 * place, (size, size)).astype(np.float32)
    yield "amplitude", np.stack([40 + 2 * noise, 40 + 2 * noise[::-1]])


def make(folder: Path, megapixels: float) -> None:
    """Write the products of a square map."""
    size = round(math.sqrt(megapixels * 1e6))
    grid = Grid("EPSG:4326", -9.0 - size / 7200, 31.5 + size / 7200, 1 / 3600, size, size)
    (folder / "products").mkdir(parents=True)
    for name, values in layers(size):
        write_products(folder / "products", {name: values.astype(values.dtype, copy=False)}, grid, TAGS)
        print(f"made {name}", flush=True)


def main(megapixels: str = "100", kept: str = "") -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(kept or temporary) / PAIR
        if not folder.exists():  # in another process: a child counts the memory of its parent as its own
            subprocess.run([sys.executable, __file__, "make", megapixels, str(folder)], check=True)
        started = time.monotonic()
        command = [sys.executable, "-c", "from dinsar_cli.cli import main; main()", "report", str(folder)]
        _, status, used = os.wait4(subprocess.Popen(command).pid, 0)
        seconds = time.monotonic() - started
        size = (folder / "products" / "report.html").stat().st_size
        print(
            f"{float(megapixels):.0f} Mpx: {seconds:.1f} s ({used.ru_utime + used.ru_stime:.1f} s of CPU), ", end=""
        )
        print(f"{used.ru_maxrss / 1e6:.2f} GB of memory, {size / 1e6:.1f} MB of page, status {status}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["make"]:
        make(Path(sys.argv[3]), float(sys.argv[2]))
    else:
        main(*sys.argv[1:])
