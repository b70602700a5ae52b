"""A finished run with known displacement, on a small map, and what can be wrong with one."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from dinsar_cli.base.files import sha256
from dinsar_cli.base.journal import RUN_FILE, Journal, StageRecord
from dinsar_cli.geo.grid import Grid
from dinsar_cli.products.layers import write_products
from dinsar_cli.radar.interferogram import DESCRIPTION_FILE, Interferogram
from support.run_inputs import write_dem

Array = NDArray[Any]

GRID = Grid("EPSG:4326", -9.0, 31.5, 0.001, 300, 400)
WAVELENGTH = 0.0554657
PAIR = "T052D_20230904_20230916"
PEAK, CENTRE, WIDTH = 0.06, (250, 170), 25.0  # m; row and column; cells
REFERENCE = (60, 60)  # row, column
LINES, SAMPLES, SEAM = 240, 200, 120
DEM_EDGE = 0.2  # degrees beyond the map


@dataclass
class Case:
    """The layers of a run before they are written; a defect changes them."""

    arrays: dict[str, Array]
    radar: Array
    reference: tuple[int, int] = REFERENCE
    dem_bounds: tuple[float, float, float, float] = field(
        default_factory=lambda: (
            GRID.bounds[0] - DEM_EDGE,
            GRID.bounds[1] - DEM_EDGE,
            GRID.bounds[2] + DEM_EDGE,
            GRID.bounds[3] + DEM_EDGE,
        )
    )

    def move(self, metres: Array | float) -> None:
        """Add displacement to the map and to both phases, relative to the reference point."""
        los = self.arrays["los_displacement"] + metres
        self.arrays["los_displacement"] = los - los[self.reference]
        self.set_phase()

    def set_phase(self) -> None:
        phase = -4 * np.pi / WAVELENGTH * self.arrays["los_displacement"].astype(np.float64)
        self.arrays["unwrapped_phase"] = phase
        self.arrays["wrapped_phase"] = np.angle(np.exp(1j * phase))


def bowl() -> Array:
    row, column = np.mgrid[: GRID.height, : GRID.width]
    return PEAK * np.exp(-((row - CENTRE[0]) ** 2 + (column - CENTRE[1]) ** 2) / (2 * WIDTH**2))


def clean_case() -> Case:
    """A bowl of 6 cm in 1 mm of noise, over hills, seen well."""
    generator = np.random.default_rng(11)
    shape = GRID.shape
    incidence = np.broadcast_to(np.linspace(36.0, 40.0, shape[1]), shape)
    up = np.cos(np.radians(incidence))
    case = Case(
        {
            "los_displacement": bowl() + generator.normal(0, 0.001, shape),
            "los_sigma": np.full(shape, 0.001),
            "coherence": np.clip(generator.normal(0.8, 0.05, shape), 0, 1),
            "connected_components": np.ones(shape, np.uint16),
            "elevation": 800 + 4000 * gaussian_filter(generator.normal(0, 1, shape), 12),
            "incidence_angle": incidence,
            "los_vector": np.stack([np.sqrt(1 - up**2) * 0.98, np.sqrt(1 - up**2) * -0.2, up]),
            "amplitude": generator.normal(42, 1.5, (2, *shape)),
        },
        generator.normal(0, 0.1, (LINES, SAMPLES)) + np.linspace(0, 20, LINES)[:, None],
    )
    case.move(0.0)
    return case


def _disc(radius: float, row: int = 120, column: int = 220) -> Array:
    y, x = np.mgrid[: GRID.height, : GRID.width]
    return (y - row) ** 2 + (x - column) ** 2 < radius**2


def cycle_jump(case: Case) -> None:
    """A corner is wrong by a cycle: the wrapped phase does not tell."""
    case.arrays["unwrapped_phase"][:120, 180:] += 2 * np.pi
    case.arrays["los_displacement"][:120, 180:] -= WAVELENGTH / 2


def burst_step(case: Case) -> None:
    case.radar[SEAM:] += 1.5


def ramp(case: Case) -> None:
    """8 cm from south to north, across which the look angle is the same."""
    case.move(np.linspace(0.08, 0, GRID.height)[:, None])


def no_coherence(case: Case) -> None:
    generator = np.random.default_rng(3)
    case.arrays["coherence"] = generator.uniform(0.05, 0.28, GRID.shape)
    case.move(generator.uniform(-WAVELENGTH / 4, WAVELENGTH / 4, GRID.shape))


def reference_on_deformation(case: Case) -> None:
    case.reference = CENTRE
    case.move(0.0)


def small_dem(case: Case) -> None:
    """The DEM ends inside the map."""
    case.arrays["elevation"][:60] = np.nan
    west, south, east, north = case.dem_bounds
    case.dem_bounds = (west, south, east, north - DEM_EDGE - 0.06)


def wrong_orbit(case: Case) -> None:
    """An error of 5 m of the baseline: its tilt over the look angle."""
    look = np.arcsin(0.902 * np.sin(np.radians(case.arrays["incidence_angle"])))
    case.move(5.0 * (look - look.mean()))


def water(case: Case) -> None:
    """A lake that has displacement: dark, flat, and without coherence."""
    lake = _disc(35)
    generator = np.random.default_rng(4)
    case.arrays["coherence"][lake] = generator.uniform(0.05, 0.25, int(lake.sum()))
    case.arrays["elevation"][lake] = 812.0
    case.arrays["amplitude"][:, lake] -= 12
    case.move(np.where(lake, generator.uniform(-0.012, 0.012, GRID.shape), 0.0))


DEFECTS: Mapping[str, Callable[[Case], None]] = {
    "cycle_jump": cycle_jump,
    "burst_step": burst_step,
    "ramp": ramp,
    "coherence": no_coherence,
    "reference": reference_on_deformation,
    "dem": small_dem,
    "orbit": wrong_orbit,
    "water": water,
}
"""The eight defects, by the verdict that must see each."""


def write_run(folder: Path, case: Case | None = None, **header: Any) -> Path:
    """Write a finished run with its layers, radar layers, DEM and record; give its folder."""
    case = case or clean_case()
    products = folder / "products"
    products.mkdir(parents=True)
    arrays = {
        name: values if name == "connected_components" else values.astype(np.float32)
        for name, values in case.arrays.items()
    }
    lon, lat = GRID.lonlat(*case.reference)
    tags = {
        "wavelength_m": repr(WAVELENGTH),
        "reference_date": "2023-09-04T06:37:14.134023+00:00",
        "secondary_date": "2023-09-16T06:37:14.134661+00:00",
        "reference_point": f"{lon:.6f},{lat:.6f}",
        "perpendicular_baseline_m": "-80.01",
        "looks": "7x2",
        "engine": "eos",
        "engine_version": json.dumps({"eos-sar": "0.43.1"}),
        "version": "0.1",
    }
    write_products(products, arrays, GRID, tags)
    _write_radar(folder / "radar", case.radar)
    dem = write_dem(folder / "dem.tif", case.dem_bounds)
    _write_record(folder, dem, header)
    return folder


def _write_radar(folder: Path, phase: Array) -> None:
    folder.mkdir()
    days = ("2023-09-04T06:37:14+00:00", "2023-09-16T06:37:14+00:00")
    interferogram = Interferogram(
        folder,
        LINES,
        SAMPLES,
        (7, 2),
        8.3,
        74.0,
        WAVELENGTH,
        *days,
        ((SEAM, 0, 100),),
        (100,),
        -80.0,
        27.0,
        28.0,
        {},
    )
    for name, values in (("unwrapped", phase), ("components", np.ones(phase.shape))):
        layer = interferogram.layer(name)
        layer.create()
        layer.write(0, values)
    (folder / DESCRIPTION_FILE).write_text(json.dumps(interferogram.to_dict()), encoding="utf-8")


def _write_record(folder: Path, dem: Path, header: Mapping[str, Any]) -> None:
    scene = "S1A_IW_SLC__1SDV_{}T063714_{}T063741_050117_061E2B_29F7"
    journal = Journal(
        folder / RUN_FILE,
        {
            "dinsar": "0.1",
            "command": ["dinsar", "run", "--roi", "-9 31 -8 32"],
            "pair": {
                "name": folder.name,
                "reference": [scene.format("20230904", "20230904")],
                "secondary": [scene.format("20230916", "20230916")],
            },
            "engine": {"name": "eos", "versions": {}},
        }
        | dict(header),
    )
    predicted = {"seconds": 4.0, "peak_memory": 500_000_000, "disk": 90_000_000, "runs": 0}
    form = {"seconds": 3.0, "peak_memory": 400_000_000, "disk": 80_000_000}
    details: dict[str, dict[str, Any]] = {
        "slc": {},
        "orbits": {"kinds": ["POEORB", "POEORB"]},
        "dem": {"path": str(dem), "source": "glo_30", "datum_from": "egm2008"},
        "process": {"steps": {"form": form}, "predicted": predicted | {"steps": {"form": predicted}}},
        "geocode": {},
        "displacement": {"facts": {"corrections": {"tides": {"before_m": 0.0123, "after_m": 0.004}}}},
        "products": {},
    }
    for name, told in details.items():
        files = [dem] if name == "dem" else []
        journal.put(name, StageRecord("mark", (), 5.0, 600_000_000, told), files, hash_of=sha256)
    (folder / "dinsar.yaml").write_text("roi: [-8.95, 31.15, -8.75, 31.45]\nlooks: 7x2\n", encoding="utf-8")
