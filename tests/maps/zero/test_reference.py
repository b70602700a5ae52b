"""Reference areas, masks and ramps: arrays with a known answer, and what cannot be used."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import rasterio

from dinsar_cli.config.file import build_config
from dinsar_cli.config.model import RunConfig
from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.geo.areas import on_grid, read_polygons, read_water
from dinsar_cli.geo.grid import Grid
from dinsar_cli.maps.corrections.ramps import fit_ramp, ramp_of
from dinsar_cli.maps.masks import cell_area, masked_out
from dinsar_cli.maps.zero.reference import Calm, find_reference, reference_variance
from dinsar_cli.radar.displacement import ReferencePoint, choose_reference, los_sigma, reference_over
from dinsar_cli.radar.uncertainty import UNIFORM, phase_deviation, unbiased_coherence
from dinsar_cli.simulate import Mogi
from support.safe_factory import quietly

DEGREES = Grid("EPSG:4326", -9.0, 31.5, 1 / 1200, 80, 60)
METRES = Grid("EPSG:32629", 500_000.0, 3_485_000.0, 90.0, 80, 60)


def box(grid: Grid, rows: tuple[int, int], columns: tuple[int, int]) -> str:
    """A polygon around the centres of some cells, as WKT."""
    west, north = grid.lonlat(rows[0], columns[0])
    east, south = grid.lonlat(rows[1] - 1, columns[1] - 1)
    rim = 1e-4
    west, north, east, south = west - rim, north + rim, east + rim, south - rim
    return f"POLYGON(({west} {south},{east} {south},{east} {north},{west} {north},{west} {south}))"


def layers(grid: Grid) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Displacement that rises by row, coherence, two components side by side."""
    los = np.repeat(np.arange(grid.height) * 1e-3, grid.width).reshape(grid.shape)
    components = np.where(np.arange(grid.width) < 60, 1, 2) * np.ones(grid.shape, np.uint16)
    return los, np.full(grid.shape, 0.8), components.astype(np.uint16)


# Areas


@pytest.mark.parametrize("grid", [DEGREES, METRES], ids=["degrees", "metres"])
def test_the_reference_is_the_mean_of_the_area(grid: Grid) -> None:
    los, coherence, components = layers(grid)
    los[12, 25] = np.nan
    config = build_config(None, {"reference_area": box(grid, (10, 21), (20, 31))})
    found = find_reference(config, grid, los, coherence, components, Calm(los, los > 0, None))
    assert found is not None
    assert found.cells == 120
    assert found.value == pytest.approx(np.nanmean(los[10:21, 20:31]), abs=1e-9)
    assert (found.component, found.window) == (1, 0)
    assert abs(found.row - 15) <= 1
    assert abs(found.column - 25) <= 1


def test_of_two_components_in_the_area_the_larger_counts() -> None:
    los, coherence, components = layers(DEGREES)
    area = np.zeros(DEGREES.shape, bool)
    area[30:40, 55:75] = True
    los[:, 60:] += 1.0
    found = reference_over(los, coherence, components, area)
    assert found.component == 2
    assert found.value == pytest.approx(1.0 + 0.0345)


@pytest.mark.parametrize(
    ("area", "error", "named"),
    [
        ("POLYGON((10 40,11 40,11 41,10 41,10 40))", NoDataError, "outside the map"),
        ("POLYGON((0 0,1 1,0 1,1 0,0 0))", UsageError, "reference_area"),
        ("nonsense", UsageError, "reference_area"),
        ("/not/there.geojson", UsageError, "there.geojson"),
    ],
)
def test_areas_that_cannot_be_a_reference(area: str, error: type[Exception], named: str) -> None:
    los, coherence, components = layers(DEGREES)
    config, calm = build_config(None, {"reference_area": area}), Calm(los, los > 0, None)
    with pytest.raises(error) as refused:
        find_reference(config, DEGREES, los, coherence, components, calm)
    assert named in str(refused.value)
    assert "--roi" not in str(refused.value)


def test_an_area_without_displacement_is_no_reference() -> None:
    los, coherence, components = layers(DEGREES)
    area = np.zeros(DEGREES.shape, bool)
    area[5:9, 5:9] = True
    los[area] = np.nan
    with pytest.raises(NoDataError, match="no displacement"):
        reference_over(los, coherence, components, area)
    with pytest.raises(NoDataError, match="no displacement"):
        reference_over(layers(DEGREES)[0], coherence, np.zeros_like(components), area)


def test_only_nan_has_no_reference() -> None:
    nothing = np.full((1, 1), np.nan)
    with pytest.raises(NoDataError, match="no reference point"):
        choose_reference(nothing, nothing, np.ones((1, 1), np.uint16), nothing)


def test_one_pixel_is_its_own_reference() -> None:
    found = choose_reference(
        np.full((1, 1), 0.3), np.full((1, 1), 0.9), np.ones((1, 1), np.uint16), np.zeros((1, 1))
    )
    assert (found.value, found.cells, found.window) == (pytest.approx(0.3), 1, 1)


def test_a_point_and_an_area_exclude_each_other() -> None:
    area = box(DEGREES, (1, 5), (1, 5))
    with pytest.raises(UsageError) as refused:
        build_config(None, {"reference_area": area, "reference_point": "-8.9,31.4"})
    assert "reference_point, reference_area" in refused.value.problem
    # on the command line the point takes the place of the area in the file
    assert build_config({"reference_area": area}, {"reference_point": "none"}).reference_area is None


# The noise of the reference


def test_the_noise_of_a_window_falls_with_its_cells() -> None:
    tags = {"effective_looks": "8.3", "coherence_looks": "74", "look_area_m2": str(cell_area(DEGREES))}

    def variance(cells: int, noise: dict[str, str] = tags) -> float:
        point = ReferencePoint(0, 0, 11, 0.0, 0.0, 1, 0.8, cells)
        return reference_variance(point, DEGREES, noise)

    one = float(phase_deviation(unbiased_coherence(np.array([0.8]), 74), 8.3)[0]) ** 2
    assert variance(1) == pytest.approx(one)
    assert variance(121) == pytest.approx(one / 121)
    # map cells finer than look cells hold no more information
    coarse = tags | {"look_area_m2": str(4 * cell_area(DEGREES))}
    assert variance(120, coarse) == pytest.approx(one / 30)
    assert reference_variance(None, DEGREES, tags) == 0


def test_sigma_adds_the_variance_of_the_reference_and_never_exceeds_the_uniform_phase() -> None:
    scale = 0.0555 / (4 * math.pi)
    found = los_sigma(np.array([0.3, 0.0, 3.0, np.nan]), 0.16, 0.0555)
    np.testing.assert_allclose(found, [0.5 * scale, 0.4 * scale, UNIFORM * scale, np.nan])


# Masks


def test_masks_by_coherence_and_size() -> None:
    los, coherence, components = layers(DEGREES)
    coherence[:10] = 0.2
    coherence[10] = np.nan
    small = 20.5 * 60 * cell_area(DEGREES) / 1e6
    config = build_config(None, {"mask.coherence": 0.4, "mask.component": small}).mask
    masks = masked_out(config, DEGREES, np.isfinite(los), coherence, components)
    np.testing.assert_array_equal(masks["coherence"], np.arange(60)[:, None] <= np.full(80, 10))
    np.testing.assert_array_equal(masks["component"], components == 2)
    assert masked_out(RunConfig().mask, DEGREES, np.isfinite(los), coherence, components) == {}


@pytest.mark.parametrize("grid", [DEGREES, METRES], ids=["degrees", "metres"])
def test_water_of_polygons_and_of_a_raster(tmp_path: Path, grid: Grid) -> None:
    wkt = box(grid, (0, 20), (0, 40))
    polygons = tmp_path / "water.geojson"
    import shapely

    geometry = json.loads(shapely.to_geojson(shapely.from_wkt(wkt)))
    polygons.write_text(json.dumps({"type": "Feature", "properties": {}, "geometry": geometry}))
    expected = np.zeros(grid.shape, bool)
    expected[:20, :40] = True
    np.testing.assert_array_equal(on_grid(read_water(polygons), grid), expected)
    raster = tmp_path / "water.tif"
    profile = {"driver": "GTiff", "dtype": "uint8", "count": 1, "width": 30, "height": 15, "nodata": 255}
    values = np.full((15, 30), 255, np.uint8)  # smaller than the map: beyond it, and without data, is land
    values[:10, :20], values[10:, :] = 1, 0
    coarse = rasterio.Affine(2 * grid.posting, 0, grid.west, 0, -2 * grid.posting, grid.north)
    with rasterio.open(raster, "w", crs=grid.crs, transform=coarse, **profile) as dataset:
        dataset.write(values, 1)
    np.testing.assert_array_equal(on_grid(read_water(raster), grid), expected)


def test_masks_that_leave_nothing_say_which(tmp_path: Path) -> None:
    los, coherence, components = layers(DEGREES)
    config = build_config(None, {"mask.coherence": 0.9}).mask
    with pytest.raises(NoDataError, match="leave nothing") as refused:
        masked_out(config, DEGREES, np.isfinite(los), coherence, components)
    assert "mask.coherence 100%" in str(refused.value)


@pytest.mark.parametrize("name", ["none.tif", "text.tif", "place.tif", "text.geojson", "point.geojson"])
def test_water_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name.startswith("text"):
        path.write_text("no water here")
    elif name == "point.geojson":
        path.write_text('{"type": "Point", "coordinates": [1, 2]}')
    elif name == "place.tif":
        with quietly(), rasterio.open(path, "w", "GTiff", 3, 3, 1, dtype="uint8") as dataset:
            dataset.write(np.ones((1, 3, 3), np.uint8))
    with pytest.raises(UsageError) as refused:
        read_water(path)
    assert str(path) in refused.value.problem
    assert "--roi" not in str(refused.value)


def test_a_raster_that_was_damaged_later_is_told(tmp_path: Path) -> None:
    path = tmp_path / "water.tif"
    profile = {"driver": "GTiff", "dtype": "uint8", "count": 1, "width": 80, "height": 60}
    with rasterio.open(path, "w", crs=DEGREES.crs, transform=DEGREES.transform, **profile) as dataset:
        dataset.write(np.ones((1, 60, 80), np.uint8))
    water = read_water(path)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(UsageError, match="water"):
        on_grid(water, DEGREES)


def test_polygons_know_no_point_that_is_nowhere() -> None:
    area = read_polygons("0 0 1 1", "reference_area")
    inside = area.covers(np.array([0.5, np.nan, 2.0]), np.array([0.5, 0.5, np.nan]))
    assert inside.tolist() == [True, False, False]


# Ramps


def source(east: np.ndarray, north: np.ndarray) -> np.ndarray:
    """Uplift of 10 cm by a Mogi source 2 km deep, from kilometres."""
    up: np.ndarray = Mogi.from_uplift(0.10, depth=2000.0).displacement(east * 1000, north * 1000)[2]
    return up


@pytest.mark.parametrize("kind", ["plane", "quadratic"])
def test_a_ramp_beside_a_source_comes_back(kind: str) -> None:
    east, north = np.meshgrid(np.linspace(-20, 20, 161), np.linspace(-20, 20, 161))
    true = 2e-3 * east - 1e-3 * north
    if kind == "quadratic":
        true += 5e-5 * east**2 - 3e-5 * east * north
    noise = np.random.default_rng(3).normal(0, 1e-3, east.shape)
    los = 0.02 + true + noise + source(east - 6, north + 4)
    ramp = fit_ramp(los, east, north, kind)
    error = ramp.at(east, north) + ramp.level - 0.02 - true
    # what the source's far field adds: 2 mm on a ramp of 12 cm. Least squares is five times worse
    assert np.max(np.abs(error)) < 2e-3
    columns = [np.ones(east.size), east.ravel(), north.ravel()]
    if kind == "quadratic":
        columns += [east.ravel() ** 2, (east * north).ravel(), north.ravel() ** 2]
    matrix = np.stack(columns, axis=1)
    plain = matrix @ np.linalg.lstsq(matrix, los.ravel(), rcond=None)[0] - 0.02 - true.ravel()
    assert np.max(np.abs(plain)) > 2 * np.max(np.abs(error))
    assert ramp.coefficients["east"] == pytest.approx(2e-3 + (ramp.origin[0] * 1e-4), abs=1e-4)
    assert 0.8 < ramp.followed < 1


def test_a_pure_plane_is_exact_and_its_middle_stays() -> None:
    los, _, components = layers(METRES)
    los[components == 2] += 5.0  # cycles that nobody knows do not count
    ramp, surface = ramp_of("plane", METRES, los, components)
    assert ramp.coefficients["north"] == pytest.approx(-1e-3 / 0.09, rel=1e-9)  # rows run south
    assert ramp.coefficients["east"] == pytest.approx(0, abs=1e-12)
    assert np.ptp((los - surface)[components == 1]) < 1e-9
    assert np.mean(surface[components == 1]) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("kind", ["plane", "quadratic"])
@pytest.mark.parametrize("cells", ["none", "one", "row"])
def test_cells_that_tell_no_ramp(kind: str, cells: str) -> None:
    los = np.full(DEGREES.shape, np.nan)
    if cells == "one":
        los[3, 3] = 0.1
    elif cells == "row":
        los[3] = 0.1
    with pytest.raises(NoDataError, match="ramp"):
        ramp_of(kind, DEGREES, los, np.ones(DEGREES.shape, np.uint16))
