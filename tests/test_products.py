"""Products: what a reader of the GeoTIFFs finds in them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.enums import Resampling

from dinsar_cli.errors import ResourceError
from dinsar_cli.grid import GEOGRAPHIC, Grid
from dinsar_cli.products import LAYERS, write_cog, write_products

GRID = Grid(GEOGRAPHIC, -8.9, 31.5, 1 / 1200, 1100, 1300)
SMALL = Grid("EPSG:32629", 500_000.0, 3_480_000.0, 30.0, 5, 4)
TAGS = {
    "wavelength_m": "0.05546576",
    "reference_date": "2023-09-04T06:37:36Z",
    "secondary_date": "2023-09-16T06:37:37Z",
    "reference_point": "-8.85 31.3 (11 x 11 cells)",
    "engine": "eos",
    "version": "0.1.0",
}


def _ramp(grid: Grid) -> NDArray[np.float32]:
    """Return a map whose value is a linear function of the position."""
    x, y = np.meshgrid(grid.x_centres - grid.west, grid.y_centres - grid.north)
    return (x - 2 * y).astype(np.float32)


def test_the_products_of_the_design_are_in_the_table() -> None:
    expected = {
        "los_displacement": "m",
        "vertical_displacement": "m",
        "unwrapped_phase": "rad",
        "wrapped_phase": "rad",
        "coherence": "1",
        "connected_components": "1",
        "incidence_angle": "degree",
        "los_vector": "1",
        "elevation": "m",
        "amplitude": "dB",
    }
    assert {name: layer.unit for name, layer in LAYERS.items()} == expected
    assert LAYERS["los_vector"].bands == ("east", "north", "up")
    assert LAYERS["amplitude"].bands == ("reference", "secondary")
    assert "toward the satellite" in LAYERS["los_displacement"].sign
    assert "away from the satellite" in LAYERS["unwrapped_phase"].sign
    assert all((layer.dtype == "uint16") == (name == "connected_components") for name, layer in LAYERS.items())


def test_file_is_cloud_optimised_and_says_what_it_is(tmp_path: Path) -> None:
    values = _ramp(GRID)
    values[:100] = np.nan
    path = tmp_path / "los_displacement.tif"
    write_cog(path, values, GRID, LAYERS["los_displacement"], TAGS)
    with rasterio.open(path) as file:
        structure = file.tags(ns="IMAGE_STRUCTURE")
        assert structure["LAYOUT"] == "COG"
        assert (structure["COMPRESSION"], structure["PREDICTOR"]) == ("DEFLATE", "3")
        assert file.block_shapes == [(512, 512)]
        assert file.overviews(1) == [2, 4]
        assert file.dtypes == ("float32",)
        assert np.isnan(file.nodata)
        assert file.units == ("m",)
        assert file.descriptions == ("los",)
        assert file.crs.to_epsg() == 4326
        assert file.transform.almost_equals(GRID.transform, precision=1e-12)
        tags = file.tags()
        assert {name: tags[name] for name in TAGS} == TAGS
        assert tags["unit"] == "m"
        assert tags["sign"] == "positive toward the satellite, later minus earlier"
        np.testing.assert_array_equal(file.read(1), values)
    assert [entry.name for entry in tmp_path.iterdir()] == ["los_displacement.tif"]


@pytest.mark.parametrize("grid", [GRID, Grid("EPSG:32729", 500_000.0, 6_480_000.0, 30.0, 600, 700)])
def test_values_stand_where_they_belong(tmp_path: Path, grid: Grid) -> None:
    """A reader that asks for a position gets the value of that position within half a pixel of the ramp."""
    write_cog(tmp_path / "a.tif", _ramp(grid), grid, LAYERS["elevation"], {})
    generator = np.random.default_rng(3)
    west, south, east, north = grid.bounds
    points = list(zip(generator.uniform(west, east, 50), generator.uniform(south, north, 50), strict=True))
    with rasterio.open(tmp_path / "a.tif") as file:
        for (x, y), (value,) in zip(points, file.sample(points), strict=True):
            # Half a pixel in x changes the ramp by 0.5 posting, half a pixel in y by 1.
            assert abs(value - ((x - west) - 2 * (y - north))) <= 1.5 * grid.posting * 1.001


def test_overviews_are_means_without_the_missing_pixels(tmp_path: Path) -> None:
    values = _ramp(GRID)
    values[0, :] = np.nan
    write_cog(tmp_path / "a.tif", values, GRID, LAYERS["coherence"], {})
    with rasterio.open(tmp_path / "a.tif", OVERVIEW_LEVEL=0) as overview:
        half = overview.read(1)
    assert half.shape == (650, 550)
    np.testing.assert_allclose(half[0], values[1].reshape(-1, 2).mean(axis=1), rtol=1e-5)
    np.testing.assert_allclose(half[1:], values[2:].reshape(649, 2, 550, 2).mean(axis=(1, 3)), rtol=1e-5)


def test_overviews_of_labels_and_wrapped_phase_hold_only_values_of_the_map(tmp_path: Path) -> None:
    checks = np.indices(GRID.shape).sum(axis=0) % 2
    labels = np.where(checks == 0, 2, 7).astype(np.uint16)
    phase = np.where(checks == 0, 3.1, -3.1).astype(np.float32)
    paths = write_products(tmp_path, {"connected_components": labels, "wrapped_phase": phase}, GRID, {})
    for path, allowed in ((paths["connected_components"], [2, 7]), (paths["wrapped_phase"], np.unique(phase))):
        with rasterio.open(path, OVERVIEW_LEVEL=0) as overview:
            assert np.isin(overview.read(1), allowed).all()


def test_labels_are_uint16_with_zero_as_nodata(tmp_path: Path) -> None:
    labels = np.arange(20, dtype=np.int64).reshape(SMALL.shape) * 3449
    path = write_products(tmp_path, {"connected_components": labels}, SMALL, TAGS)["connected_components"]
    with rasterio.open(path) as file:
        assert (file.dtypes, file.nodata) == (("uint16",), 0)
        assert "sign" not in file.tags()
        np.testing.assert_array_equal(file.read(1), labels)
        assert not file.read_masks(1)[0, 0]
        assert file.read_masks(1)[0, 1]


def test_several_bands(tmp_path: Path) -> None:
    vector = np.stack([_ramp(SMALL), -_ramp(SMALL), np.ones(SMALL.shape)])
    path = write_products(tmp_path, {"los_vector": vector}, SMALL, TAGS)["los_vector"]
    with rasterio.open(path) as file:
        assert file.descriptions == ("east", "north", "up")
        assert file.units == ("1", "1", "1")
        assert file.tags()["sign"] == "from the ground to the satellite"
        np.testing.assert_array_equal(file.read(), vector.astype(np.float32))


def test_the_layer_says_unit_and_sign_not_the_run(tmp_path: Path) -> None:
    tags = {"unit": "furlong", "sign": "positive toward the satellite"}
    paths = write_products(
        tmp_path, {"unwrapped_phase": _ramp(SMALL), "coherence": _ramp(SMALL)}, SMALL, {**TAGS, **tags}
    )
    with rasterio.open(paths["unwrapped_phase"]) as file:
        assert file.tags()["unit"] == "rad"
        assert "away" in file.tags()["sign"]
    with rasterio.open(paths["coherence"]) as file:
        assert "sign" not in file.tags()


def test_the_same_map_gives_the_same_bytes(tmp_path: Path) -> None:
    values = np.random.default_rng(2).normal(size=GRID.shape).astype(np.float32)
    values[5, 5] = np.nan
    other = values.astype(np.float64)
    other[5, 5] = -np.inf
    first, second = tmp_path / "first.tif", tmp_path / "other" / "second.tif"
    second.parent.mkdir()
    write_cog(first, values, GRID, LAYERS["unwrapped_phase"], TAGS)
    write_cog(second, other, GRID, LAYERS["unwrapped_phase"], dict(reversed(TAGS.items())))
    assert first.read_bytes() == second.read_bytes()


def test_a_single_pixel_is_a_map(tmp_path: Path) -> None:
    grid = Grid(GEOGRAPHIC, 0.0, 1.0, 0.001, 1, 1)
    write_cog(tmp_path / "a.tif", np.full((1, 1), 4.5), grid, LAYERS["elevation"], {})
    with rasterio.open(tmp_path / "a.tif") as file:
        assert file.read(1, resampling=Resampling.nearest).tolist() == [[4.5]]


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("sigma", np.zeros(SMALL.shape), "unknown layers sigma"),
        ("coherence", np.zeros((4, 6)), "shape"),
        ("coherence", np.zeros((1, 4, 5)), "shape"),
        ("los_vector", np.zeros((2, 4, 5)), "shape"),
        ("wrapped_phase", np.zeros(SMALL.shape, dtype=np.complex64), "real"),
        ("coherence", np.zeros(SMALL.shape, dtype=bool), "real"),
        ("connected_components", np.zeros(SMALL.shape), "integers"),
        ("connected_components", np.full(SMALL.shape, 65_536), "65536"),
        ("connected_components", np.full(SMALL.shape, -1), "-1"),
    ],
)
def test_wrong_arrays_are_refused_before_anything_is_written(
    tmp_path: Path, name: str, values: NDArray[np.generic], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        write_products(tmp_path, {"elevation": _ramp(SMALL), name: values}, SMALL, TAGS)
    assert list(tmp_path.iterdir()) == []


def test_tags_are_text(tmp_path: Path) -> None:
    tags: dict[str, Any] = {**TAGS, "wavelength_m": 0.0555}
    with pytest.raises(ValueError, match="wavelength_m"):
        write_cog(tmp_path / "a.tif", _ramp(SMALL), SMALL, LAYERS["elevation"], tags)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ResourceError) as caught:
        write_cog(tmp_path / "no" / "a.tif", _ramp(SMALL), SMALL, LAYERS["elevation"], TAGS)
    assert "a.tif" in caught.value.problem


FULL_DISK = """
import resource
import signal
import sys
from pathlib import Path
import numpy as np
from dinsar_cli.errors import ResourceError
from dinsar_cli.grid import Grid
from dinsar_cli.products import LAYERS, write_cog

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))
values = np.random.default_rng(0).normal(size=(1300, 1100))
grid = Grid("EPSG:4326", -8.9, 31.5, 1 / 1200, 1100, 1300)
try:
    write_cog(Path(sys.argv[1]), values, grid, LAYERS["elevation"], {})
except ResourceError as error:
    sys.exit(f"{error.exit_code}: {error.problem}")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit of the file size")
def test_a_file_that_does_not_fit_leaves_the_old_one(tmp_path: Path) -> None:
    """A limit of the file size fails in a write, as a full disk does."""
    path = tmp_path / "elevation.tif"
    path.write_bytes(b"the result of an earlier run")
    done = subprocess.run([sys.executable, "-c", FULL_DISK, path], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"7: {path} cannot be written." in done.stderr
    assert path.read_bytes() == b"the result of an earlier run"
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
