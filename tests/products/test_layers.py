"""Products: what a reader finds in the GeoTIFFs, and in the picture of the map."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from pyproj import Transformer
from rasterio.enums import Resampling
from rasterio.errors import NotGeoreferencedWarning
from scipy.ndimage import binary_closing, label

from dinsar_cli.drawing.map_picture import displacement_map
from dinsar_cli.errors import ResourceError
from dinsar_cli.geo.crs import GEOGRAPHIC
from dinsar_cli.geo.grid import Grid
from dinsar_cli.products.layers import LAYERS, write_cog, write_products

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
        "los_sigma": "m",
        "unwrapped_phase": "rad",
        "wrapped_phase": "rad",
        "phase_sigma": "rad",
        "coherence": "1",
        "connected_components": "1",
        "incidence_angle": "degree",
        "los_vector": "1",
        "squint": "1",
        "visibility": "1",
        "elevation": "m",
        "amplitude": "dB",
        "reversed_difference": "rad",
        "flags": "1",
        "ramp": "m",
        "ionosphere_phase": "rad",
        "offset_los": "m",
        "offset_azimuth": "m",
        "offset_east_west": "m",
        "offset_snr": "1",
        "correction_tides": "m",
        "correction_ionosphere": "m",
        "correction_motion": "m",
        "correction_troposphere": "m",
    }
    assert {name: layer.unit for name, layer in LAYERS.items()} == expected
    assert LAYERS["los_vector"].bands == ("east", "north", "up")
    assert LAYERS["amplitude"].bands == ("reference", "secondary")
    assert "toward the satellite" in LAYERS["los_displacement"].sign
    assert "away from the satellite" in LAYERS["unwrapped_phase"].sign
    assert {name: layer.dtype for name, layer in LAYERS.items() if layer.dtype != "float32"} == {
        "connected_components": "uint16",
        "flags": "uint8",
        "visibility": "uint8",
    }


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
from dinsar_cli.geo.grid import Grid
from dinsar_cli.products.layers import LAYERS, write_cog

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


DATES = date(2023, 9, 4), date(2023, 9, 16)
DESCENDING = (0.5786, -0.1336, 0.8046)  # ground to satellite: east-south-east, incidence 36.4 degrees


def _draw(path: Path, los: NDArray[Any], grid: Grid, **options: Any) -> NDArray[np.uint8]:
    """Draw a map, and return its pixels, shape (3, rows, columns)."""
    settings: dict[str, Any] = {
        "title": "Displacement with a price of $5 and $6",
        "subtitle": "Sentinel-1A",
        "los_vector_mean": DESCENDING,
        "reference_point": None,
        "dates": DATES,
    }
    displacement_map(path, los, np.full(grid.shape, 0.5), grid, **(settings | options))
    # A plain picture has no position on the ground, which is what rasterio warns of.
    with pytest.warns(NotGeoreferencedWarning), rasterio.open(path) as picture:
        pixels: NDArray[np.uint8] = picture.read([1, 2, 3])
    return pixels


def _is(pixels: NDArray[np.uint8], red: int, green: int, blue: int, tolerance: int = 3) -> NDArray[np.bool_]:
    colour = np.array([red, green, blue]).reshape(3, 1, 1)
    near: NDArray[np.bool_] = (abs(pixels.astype(int) - colour) <= tolerance).all(axis=0)
    return near


def _box(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Return first and end row, first and end column of the largest patch of a mask, across the graticule."""
    patches, _ = label(binary_closing(mask, np.ones((5, 5), dtype=bool)))
    rows, columns = np.nonzero(patches == np.argmax(np.bincount(patches.ravel())[1:]) + 1)
    return int(rows.min()), int(rows.max()) + 1, int(columns.min()), int(columns.max()) + 1


@pytest.mark.parametrize(
    "grid",
    [
        Grid(GEOGRAPHIC, -8.9, 31.5, 1 / 1200, 193, 441),
        Grid(GEOGRAPHIC, -8.9, 60.2, 1 / 1200, 200, 200),
        Grid(GEOGRAPHIC, -8.9, -0.1, 1 / 1200, 500, 200),
        Grid("EPSG:32629", 500_000.0, 3_480_000.0, 80.0, 300, 300),
        Grid(GEOGRAPHIC, -8.9, 31.5, 1 / 1200, 2, 2),
    ],
)
def test_maps_keep_their_shape_on_the_ground(tmp_path: Path, grid: Grid) -> None:
    """Coherence of 0.5 everywhere fills its panel with one colour of viridis: its size gives the proportions."""
    pixels = _draw(tmp_path / "map.png", np.full(grid.shape, 0.01), grid)
    top, bottom, left, right = _box(_is(pixels, 33, 145, 140, 40))
    assert (bottom - top) / (right - left) == pytest.approx(grid.aspect, rel=0.02)


def test_uplift_is_red_subsidence_is_blue_and_no_data_is_grey(tmp_path: Path) -> None:
    grid = Grid(GEOGRAPHIC, -8.9, 31.5, 1 / 1200, 300, 300)
    los = np.full(grid.shape, np.nan)
    los[:100] = 0.05
    los[200:] = -0.05
    pixels = _draw(tmp_path / "map.png", los, grid)
    # The ends of the colour map RdBu_r, as ColorBrewer publishes them.
    red, blue = _box(_is(pixels, 103, 0, 31)), _box(_is(pixels, 5, 48, 97))
    assert red[1] < blue[0]
    assert red[2:] == pytest.approx(blue[2:], abs=3)
    between = pixels[:, red[1] + 10 : blue[0] - 10, red[2] + 10 : red[3] - 10]
    assert np.median(between, axis=(1, 2)) == pytest.approx([217] * 3, abs=2)


def test_reference_point_stands_at_its_position(tmp_path: Path) -> None:
    grid = Grid("EPSG:32629", 500_000.0, 3_480_000.0, 80.0, 300, 300)
    los = np.full(grid.shape, 0.05)
    lon, lat = Transformer.from_crs(grid.crs, GEOGRAPHIC, always_xy=True).transform(506_000.0, 3_474_000.0)
    without = _draw(tmp_path / "a.png", los, grid)
    top, bottom, left, right = _box(_is(without, 103, 0, 31))
    marked = _draw(tmp_path / "b.png", los, grid, reference_point=(lon, lat))
    changed = (without != marked).any(axis=0)
    rows, columns = np.nonzero(changed[top:bottom, left:right])
    # A quarter of the way from the west, and from the north.
    assert columns.mean() / (right - left) == pytest.approx(0.25, abs=0.01)
    assert rows.mean() / (bottom - top) == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize(("east", "head"), [(0.5786, "left"), (-0.5786, "right")])
def test_look_arrow_points_from_the_satellite_to_the_ground(tmp_path: Path, east: float, head: str) -> None:
    """On a descending pass the satellite stands in the east and looks to the west, on an ascending one eastward."""
    grid = Grid(GEOGRAPHIC, -8.9, 31.5, 1 / 1200, 193, 441)
    pixels = _draw(tmp_path / "map.png", np.zeros(grid.shape), grid, los_vector_mean=(east, -0.1336, 0.8046))
    orange = _is(pixels, 196, 90, 0, 40)
    top, bottom, left, right = _box(orange)
    arrow = orange[top:bottom, left:right]
    thickest = int(np.argmax(arrow.sum(axis=0))) / (right - left)
    assert (thickest < 0.4) == (head == "left")
    assert (thickest > 0.6) == (head == "right")
    # Looking slightly north, so the head is higher than the tail.
    tip, tail = (0, -1) if head == "left" else (-1, 0)
    rows = np.arange(bottom - top)[:, np.newaxis]
    centre = (arrow * rows).sum(axis=0) / arrow.sum(axis=0)
    assert centre[tip] < centre[tail]


@pytest.mark.parametrize(
    ("shape", "value"),
    [((1, 1), 0.0), ((2, 2), np.nan), ((50, 600), -1e-9), ((600, 3), np.inf), ((40, 30), 1e6), ((30, 40), 0.02)],
)
def test_odd_maps_are_drawn(tmp_path: Path, shape: tuple[int, int], value: float) -> None:
    grid = Grid(GEOGRAPHIC, -8.9, 31.5, 1 / 1200, shape[1], shape[0])
    pixels = _draw(tmp_path / "map.png", np.full(shape, value), grid, los_vector_mean=None)
    assert pixels.shape[1] > 500
    assert [entry.name for entry in tmp_path.iterdir()] == ["map.png"]


def test_large_maps_are_averaged(tmp_path: Path) -> None:
    """Alternating pixels of +-5 cm have the mean 0, so no pixel of the map has the colour of either."""
    grid = Grid(GEOGRAPHIC, -8.9, 31.5, 1 / 7200, 2600, 2602)
    los = np.where(np.indices(grid.shape).sum(axis=0) % 2, 0.05, -0.05)
    pixels = _draw(tmp_path / "map.png", los, grid)
    assert _is(pixels, 247, 247, 247).mean() > 0.15


def test_the_same_picture_has_the_same_bytes(tmp_path: Path) -> None:
    grid = Grid(GEOGRAPHIC, -8.9, 31.5, 1 / 1200, 193, 441)
    los = np.random.default_rng(5).normal(0, 0.01, grid.shape)
    first, second = tmp_path / "a.png", tmp_path / "b.png"
    _draw(first, los, grid)
    _draw(second, los, grid)
    assert first.read_bytes() == second.read_bytes()
    assert b"Software" not in first.read_bytes()


def test_arrays_of_another_shape_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="los must have the shape"):
        _draw(tmp_path / "map.png", np.zeros((3, 3)), SMALL)
