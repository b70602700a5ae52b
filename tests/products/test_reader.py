"""Products as they are read: opened once for all who look at them, and refused in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio import Affine
from rasterio.errors import RasterioError

from dinsar_cli.compare.los_map import read_los_map
from dinsar_cli.errors import UsageError
from dinsar_cli.geo.grid import Grid
from dinsar_cli.products.layers import LAYERS, write_products
from dinsar_cli.products.reader import (
    NoGridError,
    NotNorthUpError,
    Product,
    Products,
    Words,
)
from support.command import Outcome
from support.products import read_product, read_tags
from support.safe_factory import quietly
from support.view_inputs import DEGREES, METRES, arrays_on, make_products


@pytest.fixture
def opens(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each file was opened for reading since the test began; not those that are still being written."""
    counts: Counter[str] = Counter()
    plain = rasterio.open

    def call(path: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        if mode == "r" and Path(str(path)).suffix != ".part":
            counts[Path(str(path)).name] += 1
        return plain(path, mode, *arguments, **options)

    monkeypatch.setattr(rasterio, "open", call)
    return counts


def write(path: Path, **changes: Any) -> Path:
    """A raster of ones, as another program might have written it."""
    profile: dict[str, Any] = {"driver": "GTiff", "width": 4, "height": 3, "count": 1, "dtype": "float32"}
    profile |= {"crs": DEGREES.crs, "transform": DEGREES.transform} | changes
    given = {name: value for name, value in profile.items() if value is not None}
    with quietly(), rasterio.open(path, "w", **given) as file:
        file.write(np.ones((profile["count"], 3, 4), profile["dtype"]))
    return path


@pytest.mark.parametrize("grid", [DEGREES, METRES], ids=["degrees", "metres"])
def test_what_was_written_is_read(grid: Grid, tmp_path: Path) -> None:
    arrays = arrays_on(grid)
    for name, path in write_products(tmp_path, arrays, grid, {"engine": "test"}).items():
        with Product(path) as product:
            assert product.grid == product.foreign_grid == grid
            assert product.place == (grid.transform, rasterio.CRS.from_user_input(grid.crs), grid.shape)
            assert product.tags == read_tags(tmp_path, name)
            assert product.tags["engine"] == "test"
            assert product.dtypes == (LAYERS[name].dtype,) * len(LAYERS[name].bands)
            assert (product.unit, product.is_complex) == (LAYERS[name].unit, False)
            np.testing.assert_array_equal(product.read(), arrays[name])
            np.testing.assert_array_equal(read_product(tmp_path, name), arrays[name])
            last = product.read(len(product.dtypes))
            np.testing.assert_array_equal(last, arrays[name] if arrays[name].ndim == 2 else arrays[name][-1])


def test_pixels_without_data_are_nan(tmp_path: Path) -> None:
    with Product(write(tmp_path / "a.tif", nodata=1, dtype="int16")) as product:
        assert product.read().dtype == np.int16
        assert np.isnan(product.read_floats(1)).all()
        assert product.read_floats().shape == (1, 3, 4)
        assert product.read_floats(1, out_shape=(2, 2)).shape == (2, 2)


def test_a_file_is_opened_once_for_many_threads(tmp_path: Path, opens: Counter[str]) -> None:
    arrays = arrays_on(DEGREES)
    paths = write_products(tmp_path, arrays, DEGREES, {})

    def look(name: str) -> bool:
        product = files[paths[name]]
        assert product.grid == DEGREES
        return np.array_equal(product.read(), arrays[name], equal_nan=True)

    with Products() as files, ThreadPoolExecutor(4) as pool:
        assert all(pool.map(look, [*paths] * 6))
    assert set(opens) == {path.name for path in paths.values()}
    assert set(opens.values()) == {1}


def test_what_is_closed_is_opened_again(tmp_path: Path, opens: Counter[str]) -> None:
    files, path = Products(), tmp_path / "coherence.tif"
    for count, value in enumerate((0.25, 0.5), 1):
        write_products(tmp_path, {"coherence": np.full(DEGREES.shape, value, np.float32)}, DEGREES, {})
        with files:
            assert np.all(files[path].read() == value)
            assert files[path] is files[path]
        assert opens[path.name] == count


def test_what_cannot_be_opened_is_asked_for_again(tmp_path: Path) -> None:
    product = Product(tmp_path / "a.tif")
    with pytest.raises(RasterioError):
        product.read()
    with Product(write(product.path)):
        assert product.read().shape == (3, 4)
    product.close()


@pytest.mark.parametrize(
    ("changes", "kind", "cause"),
    [
        ({"crs": None, "transform": None}, NotNorthUpError, "north-up"),
        ({"transform": DEGREES.transform @ Affine.rotation(20)}, NotNorthUpError, "north-up"),
        ({"transform": DEGREES.transform @ Affine.scale(1, 2)}, NotNorthUpError, "square pixels"),
        ({"crs": "EPSG:2227"}, NoGridError, "EPSG:2227"),
    ],
)
def test_what_lies_on_no_grid_is_refused(
    changes: dict[str, Any], kind: type[NoGridError], cause: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.tif", **changes)
    with Product(path) as product:
        with pytest.raises(NoGridError, match=cause) as told:
            _ = product.grid
        assert type(told.value) is kind
        with pytest.raises(UsageError, match=cause) as refused, Words().about(path):
            _ = product.grid
    assert str(refused.value).startswith(f"{path} is not on a grid of dinsar.")
    assert "Make the products again with: dinsar run" in str(refused.value)


def test_rounding_of_other_programs_is_let_pass(tmp_path: Path) -> None:
    with Product(write(tmp_path / "a.tif", transform=DEGREES.transform @ Affine.scale(1, 1 + 1e-11))) as product:
        assert product.foreign_grid == Grid(DEGREES.crs, DEGREES.west, DEGREES.north, DEGREES.posting, 4, 3)
        with pytest.raises(NotNorthUpError):
            _ = product.grid
    oblong = write(tmp_path / "b.tif", transform=DEGREES.transform @ Affine.scale(1, 2))
    with Product(oblong) as product, pytest.raises(NoGridError, match="its pixels are"):
        _ = product.foreign_grid


def test_words_are_those_of_the_command(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_text("no raster")
    words = Words(whole="a map", off_grid="Here {cause}.", oblique="It is askew.", remedy="Give another.")
    with pytest.raises(UsageError) as refused, words.about(path):
        Product(path).read()
    assert refused.value.problem == f"{path} cannot be read."
    assert refused.value.cause.startswith("It is not a map: ")
    assert refused.value.remedy == "Give another."
    for error, cause in ((NoGridError("nothing fits"), "Here nothing fits."), (NotNorthUpError(), "It is askew.")):
        with pytest.raises(UsageError) as refused, words.about(path):
            raise error
        assert (refused.value.cause, refused.value.remedy) == (cause, "Give another.")


def test_commands_open_each_product_once_and_export_also_to_check_it(
    dinsar: Callable[..., Outcome], tmp_path: Path, opens: Counter[str]
) -> None:
    shown = make_products(tmp_path / "T052D_20230904_20230916")
    rasters = {path.name for path in (shown.folder / "products").glob("*.tif")}
    formats = [part for name in ("kmz", "stac", "qgis", "range_change") for part in ("--format", name)]
    for command, *options in (("view", "--no-open"), ("report",), ("export", *formats)):
        opens.clear()
        done = dinsar(command, shown.folder, *options)
        assert done.code == 0, done.err
        times = 2 if command == "export" else 1  # all pairs are checked before the first file is written
        assert {name: count for name, count in opens.items() if name in rasters} == dict.fromkeys(rasters, times)


def test_a_map_with_what_is_beside_it_is_opened_once(tmp_path: Path, opens: Counter[str]) -> None:
    arrays = arrays_on(DEGREES)
    arrays["los_vector"] /= np.linalg.norm(arrays["los_vector"], axis=0)
    arrays["los_vector"][2] = np.abs(arrays["los_vector"][2])
    arrays["los_sigma"] = np.abs(arrays["los_sigma"])
    write_products(tmp_path, arrays, DEGREES, {})
    read_los_map(tmp_path)
    names = ("los_displacement", "los_vector", "los_sigma", "coherence", "connected_components")
    assert opens == dict.fromkeys((f"{name}.tif" for name in names), 1)
