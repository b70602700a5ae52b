"""A spike of the DEM stays at its longitude and latitude, in the layers and in the map, whatever the engine."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio import Affine
from scipy.interpolate import RegularGridInterpolator
from scipy.optimize import least_squares

from dinsar_cli.radar.interferogram import Interferogram
from dinsar_cli.simulate import Scenario, SimulatedStack, Still, Terrain, simulate
from support.topsapp.isce2_process import find_isce2

STEP = 3 / 3600  # degrees: three arc-seconds
PEAK = 60.0  # m: the sides fall by 20 degrees, less than the incidence angle, so nothing is laid over
GROUND = 297.0
DEGREE_M = 111_200.0  # of latitude
HALF_PIXEL_M = STEP / 2 * DEGREE_M * math.cos(math.radians(31.4))  # to the east, where it is shorter: 39.5 m
LOOK_CELL_M = 26.0  # 7x2 looks on the ground
TOLERANCE_M = 0.2 * LOOK_CELL_M


@dataclass(frozen=True)
class Spike:
    """A DEM: nearly flat, with a pyramid of 3 x 3 pixels."""

    file: Path
    transform: Affine
    heights: np.ndarray
    row: int
    column: int

    @property
    def place(self) -> tuple[float, float]:
        """Longitude and latitude of its top: the centre of the pixel."""
        lon, lat = self.transform @ (self.column + 0.5, self.row + 0.5)
        return lon, lat

    def shift(self, lon: np.ndarray, lat: np.ndarray, height: np.ndarray) -> tuple[float, float]:
        """Metres to the east and north by which heights at some positions lie off this DEM."""
        metre_lat, metre_lon = 1 / DEGREE_M, 1 / (DEGREE_M * math.cos(math.radians(self.place[1])))
        rows, columns = np.indices(self.heights.shape)
        lons, _ = self.transform @ (columns[0] + 0.5, 0)
        _, lats = self.transform @ (0, rows[:, 0] + 0.5)
        surface = RegularGridInterpolator((lats[::-1], lons), self.heights[::-1])
        near = np.hypot((lon - self.place[0]) / metre_lon, (lat - self.place[1]) / metre_lat) < 300
        near &= np.isfinite(height)
        points = np.stack([lat[near], lon[near]], axis=-1)
        assert len(points) > 100

        def misfit(offset: np.ndarray) -> np.ndarray:
            moved = points - np.array([offset[1] * metre_lat, offset[0] * metre_lon])
            return np.asarray(surface(moved) - height[near])

        found = least_squares(misfit, [0.0, 0.0]).x
        return float(found[0]), float(found[1])


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> SimulatedStack:
    scenario = Scenario(columns=2000, terrain=Terrain(relief=1.0), deformation=Still(), lake=None)
    return simulate(scenario, tmp_path_factory.mktemp("flat") / "pair")


@pytest.fixture(scope="module")
def spike(stack: SimulatedStack) -> Spike:
    """A spike near the middle of the scene, in a DEM whose corner no short number says."""
    with rasterio.open(stack.dem) as dataset:
        bounds = dataset.bounds
    transform = Affine(STEP, 0, bounds.left + STEP / 3, 0, -STEP, bounds.top - STEP / 7)
    shape = int((bounds.top - bounds.bottom) / STEP) - 1, int((bounds.right - bounds.left) / STEP) - 1
    slope = np.add.outer(np.linspace(0, 3, shape[0]), np.linspace(0, 5, shape[1]))
    heights = (GROUND + slope).astype(np.float32)
    row, column = (int(index) for index in (shape[0] * 0.49, shape[1] * 0.51))
    side = np.array([0.5, 1, 0.5])
    heights[row - 1 : row + 2, column - 1 : column + 2] += PEAK * np.outer(side, side)
    return write(Spike(stack.folder / "spike.tif", transform, heights, row, column))


def write(spike: Spike) -> Spike:
    rows, columns = spike.heights.shape
    profile = {"driver": "GTiff", "dtype": "float32", "count": 1, "crs": "EPSG:4326", "nodata": -32768}
    with rasterio.open(
        spike.file, "w", **profile, height=rows, width=columns, transform=spike.transform
    ) as dataset:
        dataset.write(spike.heights, 1)
    return spike


def run(engine: str, stack: SimulatedStack, spike: Spike, workdir: Path) -> Path:
    """Run the program and give the folder of the pair."""
    scenes = [part for slices in stack.products for path in slices for part in ("--slc", str(path))]
    command = [
        *(sys.executable, "-c", "from dinsar_cli.cli import main; main()", "run", "--engine", engine, *scenes),
        *("--orbits", str(stack.orbits[0].parent), "--dem", str(spike.file), "--dem-datum", "ellipsoid"),
        *("--looks", "7x2", "--workdir", str(workdir), "--cache", str(workdir / "cache")),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (folder,) = workdir.glob("T*")
    return folder


def shifts(folder: Path, spike: Spike) -> dict[str, tuple[float, float]]:
    """Shift of the spike in the layers on the radar grid, and in the map."""
    radar = Interferogram.load(folder / "radar")
    layers = [radar.layer(name).read().astype(np.float64) for name in ("longitude", "latitude", "height")]
    with rasterio.open(folder / "products" / "elevation.tif") as dataset:
        rows, columns = np.indices(dataset.shape)
        lon, lat = dataset.transform @ (columns + 0.5, rows + 0.5)
        elevation = dataset.read(1, masked=True).filled(np.nan).astype(np.float64)
    return {"layers": spike.shift(*layers), "map": spike.shift(lon, lat, elevation)}


def check(found: dict[str, tuple[float, float]]) -> None:
    for where, shift in found.items():
        assert math.hypot(*shift) < TOLERANCE_M, (where, found)


def test_tolerance_tells_half_a_pixel_and_half_a_look_cell() -> None:
    assert TOLERANCE_M < HALF_PIXEL_M / 2
    assert TOLERANCE_M < LOOK_CELL_M / 2


def test_embedded_engine(stack: SimulatedStack, spike: Spike, tmp_path: Path) -> None:
    folder = run("eos", stack, spike, tmp_path)
    found = shifts(folder, spike)
    check(found)
    # what would be seen if the DEM were read as if its positions were those of corners
    moved = Spike(
        spike.file, spike.transform @ Affine.translation(0.5, 0.5), spike.heights, spike.row, spike.column
    )
    for shift in shifts(folder, moved).values():
        assert math.hypot(*shift) > HALF_PIXEL_M


@pytest.mark.isce2
def test_isce2_at_the_same_place_as_the_embedded_engine(
    stack: SimulatedStack, spike: Spike, tmp_path: Path
) -> None:
    installation, reason = find_isce2()
    if installation is None:
        pytest.skip(reason)
    found = {engine: shifts(run(engine, stack, spike, tmp_path / engine), spike) for engine in ("isce2", "eos")}
    for one in found.values():
        check(one)
    for where, shift in found["isce2"].items():
        other = found["eos"][where]
        assert math.dist(shift, other) < TOLERANCE_M, (where, found)
