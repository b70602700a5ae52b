"""Products that are not what commands expect: words in three lines, or a result, but never a fault."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.transform import from_origin

from dinsar_cli import DinsarError, open_products
from dinsar_cli.geo.grid import Grid
from dinsar_cli.products.layers import write_products
from support.command import Outcome
from support.refusal import NO_DATA, USAGE, check_refusal
from support.safe_factory import quietly
from support.view_inputs import DEGREES, arrays_on

pytest.importorskip("rioxarray")

TAGS = {
    "reference_date": "2023-09-04T06:37:14+00:00",
    "secondary_date": "2023-09-16T06:37:14+00:00",
    "wavelength_m": "0.0554657",
    "reference_point": "-8.91,31.47",
}
BAD_TAGS = {
    "reference_date": "yesterday",
    "wavelength_m": "C band",
    "reference_point": "here",
    "perpendicular_baseline_m": "many",
    "looks": "7",
}
ONE_PIXEL = Grid("EPSG:4326", -8.9, 31.45, 1 / 1200, 1, 1)
FOREIGN: dict[str, Any] = {
    "driver": "GTiff",
    "width": 50,
    "height": 40,
    "count": 1,
    "dtype": "float32",
    "crs": "EPSG:4326",
    "transform": from_origin(-8.95, 31.5, 0.001, 0.001),
}
FILE = "los_displacement.tif"

Arrays = Mapping[str, NDArray[Any]]
Make = Callable[[Path], None]


def layers(east: float = 0.6) -> dict[str, NDArray[Any]]:
    """A map of one viewing direction and one component that does not move."""
    arrays = arrays_on(DEGREES)
    vector = np.zeros((3, *DEGREES.shape), np.float32)
    vector[0], vector[2] = east, 0.8
    still = np.full(DEGREES.shape, 0.01, np.float32)
    arrays |= {"los_vector": vector, "los_displacement": still}
    arrays |= {name: np.abs(arrays[name]) for name in ("los_sigma", "phase_sigma")}
    return arrays | {"connected_components": np.ones(DEGREES.shape, np.uint16)}


def empty(values: NDArray[Any]) -> NDArray[Any]:
    return np.full_like(values, np.nan) if values.dtype.kind == "f" else np.zeros_like(values)


def products(changed: Arrays | None = None, grid: Grid = DEGREES, tags: Mapping[str, str] = TAGS) -> Make:
    def make(folder: Path) -> None:
        folder.mkdir()
        write_products(folder, layers() | dict(changed or {}), grid, tags)

    return make


def foreign(**changes: Any) -> Make:
    """A raster of another program under the name of ours."""

    def make(folder: Path) -> None:
        folder.mkdir()
        profile = {name: value for name, value in (FOREIGN | changes).items() if value is not None}
        with quietly(), rasterio.open(folder / FILE, "w", **profile) as file:
            file.write(np.full((profile["count"], 40, 50), 0.02).astype(profile["dtype"]))

    return make


def replaced(name: str, content: bytes | str) -> Make:
    """Good products with one file that holds something else: bytes, or another product."""

    def make(folder: Path) -> None:
        products()(folder)
        if isinstance(content, bytes):
            (folder / name).write_bytes(content)
        else:
            shutil.copyfile(folder / content, folder / name)

    return make


def cut_off(folder: Path) -> None:
    products()(folder)
    whole = (folder / FILE).read_bytes()
    (folder / FILE).write_bytes(whole[: len(whole) // 2])


def no_products(folder: Path) -> None:
    folder.mkdir()


CASES: Mapping[str, Make] = {
    "only NaN": products({name: empty(values) for name, values in layers().items()}),
    "no displacement": products({"los_displacement": empty(layers()["los_displacement"])}),
    "one pixel": products({name: values[..., 40:41, 30:31] for name, values in layers().items()}, ONE_PIXEL),
    "no component": products({"connected_components": empty(layers()["connected_components"])}),
    "no tags": products(tags={}),
    "tags that say nothing": products(tags=BAD_TAGS),
    "directions of no length": products({"los_vector": np.zeros((3, *DEGREES.shape), np.float32)}),
    "negative errors": products({"los_sigma": -layers()["los_sigma"]}),
    "displacement alone": foreign(),
    "oblong pixels": foreign(transform=from_origin(-8.95, 31.5, 0.001, 0.002)),
    "no projection": foreign(crs=None, transform=None),
    "other projection": foreign(crs="EPSG:3035", transform=from_origin(2e6, 1e6, 30, 30)),
    "turned": foreign(transform=FOREIGN["transform"] @ rasterio.Affine.rotation(20)),
    "complex": foreign(dtype="complex64"),
    "two bands": foreign(count=2),
    "text": replaced(FILE, b"hello"),
    "cut off": cut_off,
    "directions of one band": replaced("los_vector.tif", "coherence.tif"),
    "amplitude of one date": replaced("amplitude.tif", "coherence.tif"),
    "nothing": no_products,
    "not there": lambda _: None,
}
FORMATS = ("kmz", "netcdf", "stac", "qgis", "mintpy", "licsar", "quadtree", "range_change")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good map of the other direction."""
    folder = tmp_path_factory.mktemp("other") / "products"
    products({"los_vector": layers(-0.6)["los_vector"]})(folder)
    return folder


@pytest.fixture(scope="module")
def stations(other: Path) -> Path:
    path = other.parent / "stations.csv"
    path.write_text("station,lon,lat,E,N,U\nA,-8.92,31.48,0,0,0\nB,-8.91,31.47,0,0,0\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("case", CASES)
def test_no_command_has_a_fault(
    case: str, other: Path, stations: Path, dinsar: Callable[..., Outcome], tmp_path: Path
) -> None:
    """A fault would raise here; so would any warning of a library."""
    folder = tmp_path / "T052D_20230904_20230916"
    CASES[case](folder)
    commands = [
        ("compare", folder, stations),
        ("compare", folder, other),
        ("compare", other, folder),
        ("decompose", folder, other, "--output", tmp_path / "both"),
        *(("export", folder, "--format", name) for name in FORMATS),
        ("view", folder, "--no-open"),
    ]
    for command in commands:
        done = dinsar(*command)
        if done.code:
            assert done.code in {USAGE, NO_DATA}, (command, done.err)
            assert all(done.error)
            assert "Traceback" not in done.err
    with warnings.catch_warnings(), suppress(DinsarError):
        warnings.filterwarnings("ignore", message=".*unit and sign are not known")
        with open_products(folder) as dataset:
            dataset.load()


@pytest.mark.parametrize(
    ("case", "command", "code", "named"),
    [
        ("only NaN", "decompose", NO_DATA, "los_displacement.tif is empty"),
        ("no component", "stations", NO_DATA, "empty pixels"),
        ("no component", "decompose", NO_DATA, "no place in common"),
        ("one pixel", "stations", NO_DATA, "outside the map"),
        ("no tags", "kmz", USAGE, "reference_date"),
        ("negative errors", "stations", USAGE, "los_sigma.tif does not hold standard deviations"),
        ("directions of no length", "decompose", USAGE, "does not hold directions"),
        ("directions of one band", "netcdf", USAGE, "los_vector.tif is not what its name says"),
        ("amplitude of one date", "netcdf", USAGE, "amplitude.tif is not what its name says"),
        ("cut off", "kmz", USAGE, "not whole"),
        ("complex", "view", USAGE, "complex numbers"),
        ("displacement alone", "stations", NO_DATA, "los_vector.tif"),
        ("nothing", "view", NO_DATA, "no products"),
    ],
)
def test_what_is_wrong_is_named(
    case: str,
    command: str,
    code: int,
    named: str,
    other: Path,
    stations: Path,
    dinsar: Callable[..., Outcome],
    tmp_path: Path,
) -> None:
    folder = tmp_path / "T052D_20230904_20230916"
    CASES[case](folder)
    commands = {
        "stations": ("compare", folder, stations),
        "decompose": ("decompose", folder, other, "--output", tmp_path / "both"),
        "view": ("view", folder, "--no-open"),
    }
    check_refusal(dinsar(*commands.get(command, ("export", folder, "--format", command))), code, named)


def test_stations_outside(other: Path, dinsar: Callable[..., Outcome], tmp_path: Path) -> None:
    table = tmp_path / "outside.csv"
    table.write_text("station,lon,lat,E,N,U\nA,10,50,0,0,0\nB,11,51,0,0,0\n", encoding="utf-8")
    check_refusal(dinsar("compare", other, table), NO_DATA, "0 of 2 stations", "outside the map")
