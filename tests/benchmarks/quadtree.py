"""The quadtree for models of sources: its time for a map of 4 million cells, and whether its errors are true.

    python tests/benchmarks/quadtree.py [REALISATIONS]

Writes the format from a map of 2000 x 2000 cells (seconds, nodes), then inverts 100 maps of a point source with
other noise each, which neighbours share, from points and covariance, and from points and weights alone: in how many
depth and volume lie within 3 of their stated standard deviations, and how errors over these scatter (1 is right).
Takes two minutes on two cores.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dinsar_cli.formats import write_formats
from dinsar_cli.formats.quadtree import subsample
from dinsar_cli.geo.grid import Grid
from dinsar_cli.radar.quadtree.noise import weights_of
from support.point_source import GRID, Noise, invert, write_map

LARGE = Grid("EPSG:32629", 490_000.0, 3_510_000.0, 30.0, 2000, 2000)


def speed(folder: Path) -> None:
    """Time the whole format on a large map."""
    facts = write_map(folder / "large", 1, LARGE, Noise())
    started = time.perf_counter()
    (files,) = write_formats(facts, ["quadtree"]).values()
    seconds = time.perf_counter() - started
    nodes = len(files[0].read_text().splitlines()) - 1
    print(f"{LARGE.width * LARGE.height / 1e6:.0f} million cells: {seconds:.1f} s, {nodes} nodes")


def truth(folder: Path, realisations: int) -> None:
    """Invert maps with other noise each."""
    found: dict[str, list[np.ndarray]] = {"covariance": [], "weights": []}
    for seed in range(realisations):
        sample = subsample(write_map(folder / "small", seed))
        x = (GRID.west + (sample.nodes.at_column + 0.5) * GRID.posting) / 1e3
        y = (GRID.north - (sample.nodes.at_row + 0.5) * GRID.posting) / 1e3
        given = x, y, sample.nodes.size * GRID.posting / 1e3, sample.nodes.value, sample.direction
        matrices = sample.covariance, np.diag(1 / weights_of(sample.covariance))
        for name, matrix in zip(found, matrices, strict=True):
            found[name].append(invert(*given, matrix).departure)
    for name, departures in found.items():
        errors = np.array(departures)
        within = int((np.abs(errors) < 3).all(axis=1).sum())
        spread, mean = errors.std(axis=0), errors.mean(axis=0)
        print(
            f"{name}: depth and volume within 3 sigma in {within} of {realisations}; error over sigma scatters by "
            f"{spread[0]:.2f} (depth), {spread[1]:.2f} (volume), mean {mean[0]:+.2f}, {mean[1]:+.2f}"
        )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        speed(Path(place))
        truth(Path(place), int(sys.argv[1]) if len(sys.argv) > 1 else 100)
