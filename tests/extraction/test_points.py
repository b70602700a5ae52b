"""Values at points: those that rasterio itself samples, and statistics of what is around."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from pyproj import Geod, Transformer

from dinsar_cli.errors import UsageError
from dinsar_cli.extraction.cells import Around, median_of_known, read_cells
from dinsar_cli.extraction.extract import Choices, values_of_places
from dinsar_cli.geo.grid import Grid
from support.extraction_inputs import (
    DATES,
    DEGREES,
    METRES,
    NATIONAL,
    known_arrays,
    make_decomposition,
    make_map,
    make_series,
    places_on,
    write_points,
)
from support.view_inputs import finish


@pytest.fixture(scope="module")
def degrees(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_map(tmp_path_factory.mktemp("degrees") / "T052D_20230904_20230916", DEGREES, known_arrays(DEGREES))


def sampled(path: Path, lonlat: np.ndarray, band: int = 1) -> np.ndarray:
    """What rasterio samples; NaN beside the map and where there is no data."""
    with rasterio.open(path) as file:
        x, y = Transformer.from_crs("EPSG:4326", file.crs, always_xy=True).transform(*lonlat.T)
        values = np.array([value[band - 1] for value in file.sample(zip(x, y, strict=True))], np.float64)
        row, column = (np.asarray(part) for part in rasterio.transform.rowcol(file.transform, x, y))
        on = (row >= 0) & (row < file.height) & (column >= 0) & (column < file.width)
    return np.where(on, values, np.nan)


@pytest.mark.parametrize("grid", [DEGREES, METRES, NATIONAL], ids=["degrees", "metres", "national"])
def test_values_are_those_that_rasterio_samples(grid: Grid, tmp_path: Path) -> None:
    folder = make_map(tmp_path / "map", grid, known_arrays(grid))
    lonlat = places_on(grid, 400)
    found = values_of_places([folder], str(write_points(tmp_path / "p.csv", lonlat)), Choices()).columns
    for column, layer, band in (
        ("los_displacement_m", "los_displacement", 1),
        ("los_sigma_m", "los_sigma", 1),
        ("coherence", "coherence", 1),
        ("los_east", "los_vector", 1),
        ("los_up", "los_vector", 3),
        ("elevation_m", "elevation", 1),
    ):
        np.testing.assert_array_equal(found[column], sampled(folder / "products" / f"{layer}.tif", lonlat, band))
    outside = found["status"] == "outside the map"
    assert 2 < outside.sum() < 30
    known = sampled(folder / "products" / "connected_components.tif", lonlat)
    np.testing.assert_array_equal(found["component"][~outside], known[~outside])
    assert set(found["component"][outside]) == {-1}
    np.testing.assert_array_equal(found["status"] == "other component than the reference", known == 2)
    np.testing.assert_array_equal(found["status"] == "no data", ~outside & np.isnan(found["los_displacement_m"]))


def test_values_of_strips_and_blocks_are_the_same(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=(2, 700, 900)).astype(np.float32)
    rows, columns = rng.integers(0, 700, 5000), rng.integers(0, 900, 5000)
    for name, profile in (
        ("strips", {}),
        ("blocks", {"tiled": True, "blockxsize": 256, "blockysize": 128, "compress": "deflate"}),
        ("pixels", {"tiled": True, "blockxsize": 64, "blockysize": 64, "interleave": "pixel"}),
    ):
        path = tmp_path / f"{name}.tif"
        with rasterio.open(
            path, "w", driver="GTiff", width=900, height=700, count=2, dtype="float32", crs="EPSG:4326",
            transform=rasterio.Affine(0.1, 0, 0, 0, -0.1, 0), **profile,
        ) as file:  # fmt: skip
            file.write(values)
        found, nodata = read_cells(path, rows, columns)
        np.testing.assert_array_equal(found, values[:, rows, columns])
        assert nodata is None


def test_words_of_flags_and_distance_to_the_reference(degrees: Path, tmp_path: Path) -> None:
    marked, plain, nothing = (DEGREES.lonlat(*cell) for cell in ((305, 50), (250, 50), (10, 10)))
    found = values_of_places(
        [degrees], str(write_points(tmp_path / "p.csv", np.array([marked, plain, nothing]))), Choices()
    )
    words = found.columns["flags_words"]
    assert words.tolist() == ["beside a step of half a cycle; coherence of noise alone", "", "no phase"]
    assert found.columns["flags"].tolist() == [132, 0, -1]
    reference = DEGREES.lonlat(200, 300)
    metres = Geod(ellps="WGS84").inv(*reference, *marked)[2]
    assert found.columns["distance_to_reference_m"][0] == pytest.approx(metres, abs=0.01)


def test_median_and_scatter_of_a_window_are_those_of_its_cells(degrees: Path, tmp_path: Path) -> None:
    arrays = known_arrays(DEGREES)
    cells = [(300, 300), (0, 0), (40, 60), (639, 200), (320, 599), (320, 600), (511, 511), (512, 300)]
    lonlat = np.array([DEGREES.lonlat(*cell) for cell in cells])
    points = str(write_points(tmp_path / "p.csv", lonlat))
    found = values_of_places([degrees], points, Choices(window=5)).columns
    for number, (row, column) in enumerate(cells):
        part = (slice(max(0, row - 2), row + 3), slice(max(0, column - 2), column + 3))
        same = arrays["connected_components"][part] == arrays["connected_components"][row, column]
        values = arrays["los_displacement"][part][same].astype(np.float64)
        values = values[np.isfinite(values)]
        assert found["window_cells"][number] == values.size
        if values.size:
            middle = np.median(values)
            assert found["window_median_m"][number] == pytest.approx(middle, rel=1e-6)
            scatter = 1.4826 * np.median(np.abs(values - middle))
            assert found["window_scatter_m"][number] == pytest.approx(scatter, rel=1e-5)
    assert found["window_cells"].tolist()[:3] == [25, 0, 21]


def test_a_radius_takes_the_cells_whose_centres_are_within_it() -> None:
    around = Around.circle(100.0, (30.0, 40.0))
    row, column = np.mgrid[-9:10, -9:10]
    assert len(around) == int((np.hypot(row * 30, column * 40) <= 100).sum())
    assert len(Around.circle(1.0, (30.0, 40.0))) == 1
    assert len(Around.square(3)) == 9


def test_the_median_without_nan_is_that_of_numpy() -> None:
    rng = np.random.default_rng(2)
    values = np.where(rng.random((200, 9)) < 0.3, np.nan, rng.normal(size=(200, 9)))
    np.testing.assert_allclose(median_of_known(values), np.nanmedian(values, axis=1))
    assert np.isnan(median_of_known(np.full((1, 4), np.nan))).all()


def test_many_maps_have_a_row_for_each_place_and_map(degrees: Path, tmp_path: Path) -> None:
    other = make_map(
        tmp_path / "T052D_20230916_20230928",
        DEGREES,
        {"los_displacement": known_arrays(DEGREES, 9)["los_displacement"]},
    )
    lonlat = np.array([DEGREES.lonlat(300, 300), DEGREES.lonlat(301, 300)])
    found = values_of_places([degrees, other], str(write_points(tmp_path / "p.csv", lonlat)), Choices()).columns
    assert found["map"].tolist() == [degrees.name] * 2 + [other.name] * 2
    assert found["name"].tolist() == ["P0", "P1"] * 2
    assert np.isnan(found["coherence"][2:]).all()
    assert found["component"].tolist() == [1, 1, -1, -1]
    np.testing.assert_array_equal(
        found["los_displacement_m"][2:], sampled(other / "products" / "los_displacement.tif", lonlat)
    )


def test_a_stack_gives_velocity_and_dates_and_its_pairs_when_asked(tmp_path: Path) -> None:
    stack = tmp_path / "stack"
    arrays = make_series(stack / "series", DEGREES)
    pair = {"los_displacement": known_arrays(DEGREES)["los_displacement"]}
    finish(make_map(stack / "pairs" / "20230904_20230916", DEGREES, pair))
    lonlat = places_on(DEGREES, 50)
    points = str(write_points(tmp_path / "p.csv", lonlat))
    for folder in (stack, stack / "series"):
        found = values_of_places([folder], points, Choices()).columns
        on = found["status"] != "outside the map"
        names = ["velocity", "velocity_sigma", "temporal_coherence", *(f"D{day:%Y%m%d}" for day in DATES)]
        assert [name for name in found if name in names] == names
        cells = np.array([DEGREES.index(*place) for place in lonlat[on]])
        for name in names:
            layer = name if name in arrays else f"displacement_{name[1:]}"
            np.testing.assert_array_equal(found[name][on], arrays[layer][cells[:, 0], cells[:, 1]])
        assert set(found["first_date"]) == {"2023-09-04"}
        assert set(found["map"]) == {"stack"}
    found = values_of_places([stack], points, Choices(pairs=True)).columns
    assert set(found["map"]) == {"20230904_20230916"}
    assert "velocity" not in found


def test_a_decomposition_gives_east_and_up(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    east, up = (rng.normal(0, 0.01, DEGREES.shape).astype(np.float32) for _ in range(2))
    folder = make_decomposition(tmp_path / "decomposition", DEGREES, east, up)
    points = str(write_points(tmp_path / "p.csv", np.array([DEGREES.lonlat(10, 20)])))
    found = values_of_places([folder], points, Choices(window=3)).columns
    assert (found["east_m"][0], found["up_m"][0]) == (east[10, 20], up[10, 20])
    assert found["window_median_m"][0] == pytest.approx(np.median(east[9:12, 19:22]))
    assert found["up_window_median_m"][0] == pytest.approx(np.median(up[9:12, 19:22]))
    assert found["up_sigma_m"][0] == np.float32(0.002)


def test_layers_of_different_grids_are_refused(tmp_path: Path) -> None:
    folder = make_map(tmp_path / "map", DEGREES, {"los_displacement": known_arrays(DEGREES)["los_displacement"]})
    make_map(tmp_path / "other", METRES, {"coherence": known_arrays(METRES)["coherence"]})
    (tmp_path / "other/products/coherence.tif").rename(folder / "products/coherence.tif")
    with pytest.raises(UsageError, match="another grid"):
        values_of_places([folder], "-8.8 31.2", Choices())


def test_longitudes_run_on_over_180_degrees(tmp_path: Path) -> None:
    grid = Grid("EPSG:4326", 179.9, -16.0, 0.001, 200, 100)
    los = np.arange(20_000, dtype=np.float32).reshape(grid.shape)
    folder = make_map(tmp_path / "map", grid, {"los_displacement": los}, None)
    places = np.array([[179.95, -16.05], [-179.95, -16.05], [180.05, -16.05]])
    found = values_of_places([folder], str(write_points(tmp_path / "p.csv", places)), Choices()).columns
    assert found["los_displacement_m"].tolist() == [los[50, 50], los[50, 150], los[50, 150]]
