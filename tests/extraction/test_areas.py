"""Means over areas: those of their cells, with a sigma that real means have."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import shapely

from dinsar_cli.extraction.extract import Choices, Extracted, values_of_places
from dinsar_cli.geo.grid import Grid
from dinsar_cli.radar.variogram import Variogram
from support.extraction_inputs import DEGREES, METRES, known_arrays, make_decomposition, make_map

GRID = Grid("EPSG:32629", 500_000.0, 3_500_000.0, 90.0, 300, 300)
TRUE = Variogram("exponential", nugget=1e-6, sill=9e-6, range=1500.0)


def noise_field(seed: int, shape: tuple[int, int] = GRID.shape) -> np.ndarray:
    """A Gaussian field on a torus with a known covariance."""
    apart = [np.minimum(np.arange(n), n - np.arange(n)) * GRID.posting for n in shape]
    power = np.fft.fft2(TRUE.covariance(np.hypot(apart[0][:, None], apart[1][None, :]))).real
    white = np.random.default_rng(seed).standard_normal(shape)
    return np.fft.ifft2(np.fft.fft2(white) * np.sqrt(np.maximum(power, 0))).real


def square(grid: Grid, rows: tuple[int, int], columns: tuple[int, int]) -> shapely.Polygon:
    """A polygon of whole cells, in degrees, with many points on its edges."""
    x0, y0 = grid.west + columns[0] * grid.posting, grid.north - rows[1] * grid.posting
    x1, y1 = grid.west + columns[1] * grid.posting, grid.north - rows[0] * grid.posting
    box = shapely.segmentize(shapely.box(x0, y0, x1, y1), 4 * grid.posting)
    return shapely.transform(box, lambda xy: np.column_stack(grid.to_lonlat(*xy.T)))


def few_layers(grid: Grid) -> dict[str, np.ndarray]:
    arrays = known_arrays(grid)
    return {name: arrays[name] for name in ("los_displacement", "coherence", "connected_components")}


def over(folder: Path, shapes: list[shapely.Polygon], place: Path) -> Extracted:
    members = [
        {"type": "Feature", "properties": {"name": f"area {n}"}, "geometry": shapely.geometry.mapping(shape)}
        for n, shape in enumerate(shapes)
    ]
    place.write_text(json.dumps({"type": "FeatureCollection", "features": members}), encoding="utf-8")
    return values_of_places([folder], str(place), Choices())


@pytest.mark.parametrize("grid", [DEGREES, METRES], ids=["degrees", "metres"])
def test_mean_median_and_extremes_are_those_of_the_cells(grid: Grid, tmp_path: Path) -> None:
    arrays = few_layers(grid)
    folder = make_map(tmp_path / "map", grid, arrays)
    inside = square(grid, (20, 90), (30, 150))
    found = over(folder, [inside], tmp_path / "areas.geojson")
    row = {name: values[0] for name, values in found.columns.items()}
    part = (slice(20, 90), slice(30, 150))
    values = np.where(arrays["connected_components"][part] == 1, arrays["los_displacement"][part], np.nan)
    assert row["cells"] == np.isfinite(values).sum()
    assert row["share_with_values"] == pytest.approx(np.isfinite(values).mean())
    assert row["los_displacement_mean_m"] == pytest.approx(np.nanmean(values, dtype=np.float64))
    assert row["los_displacement_median_m"] == pytest.approx(np.nanmedian(values))
    assert row["los_displacement_max_m"] == np.nanmax(values)
    where = np.unravel_index(np.nanargmax(values), values.shape)
    assert grid.index(row["max_lon"], row["max_lat"]) == (where[0] + 20, where[1] + 30)
    assert row["coherence"] == pytest.approx(arrays["coherence"][part][np.isfinite(values)].mean(), rel=1e-5)
    assert row["area_km2"] == pytest.approx(
        70 * 120 * grid.posting**2 * math.prod(grid.metres_per_unit) / 1e6, rel=5e-3
    )
    assert row["status"] == "ok"


def test_the_sigma_of_a_mean_is_that_of_means_of_noise(tmp_path: Path) -> None:
    """Of the noise of single cells alone the mean over 20 x 20 would have a sigma of 0.16 mm: it has 1.4 mm."""
    shapes = [square(GRID, (140, 160), (140, 160))]
    alone, against = [], []
    for seed in range(3):
        layers = {"los_displacement": noise_field(seed).astype(np.float32)}
        folder = make_map(tmp_path / f"map_{seed}", GRID, layers, (30, 30))
        found = over(folder, shapes, tmp_path / "areas.geojson").columns
        alone.append(found["los_displacement_mean_sigma_m"][0])
        against.append(found["los_displacement_mean_sigma_to_reference_m"][0])
        assert found["noise_model"][0] in {"exponential", "spherical"}
        assert found["noise_nugget"][0] + found["noise_sill"][0] == pytest.approx(TRUE.variance, rel=0.2)
    means = np.concatenate([noise_field(seed).reshape(15, 20, 15, 20).mean((1, 3)).ravel() for seed in range(8)])
    assert np.mean(alone) == pytest.approx(means.std(), rel=0.15)
    both = math.sqrt(means.var() + TRUE.variance)  # the reference is a single cell, far away
    assert np.mean(against) == pytest.approx(both, rel=0.1)


def test_what_moves_does_not_count_as_noise(tmp_path: Path) -> None:
    row, column = np.indices(GRID.shape)
    bowl = 0.3 * np.exp(-((row - 150) ** 2 + (column - 150) ** 2) / 30**2)
    tilt = 1e-4 * row
    shapes = [square(GRID, (145, 155), (145, 155))]
    layers = {"los_displacement": noise_field(2).astype(np.float32)}
    quiet = over(make_map(tmp_path / "quiet", GRID, layers), shapes, tmp_path / "a.geojson")
    layers = {"los_displacement": (noise_field(2) + bowl + tilt).astype(np.float32)}
    moving = over(make_map(tmp_path / "moving", GRID, layers), shapes, tmp_path / "a.geojson")
    name = "los_displacement_mean_sigma_m"
    assert moving.columns[name][0] == pytest.approx(quiet.columns[name][0], rel=0.25)
    assert moving.record["noise"]["moving"]["share_of_map"] < 0.9
    assert "variogram" in moving.summary[1]


def test_areas_outside_partly_outside_tiny_and_without_values(tmp_path: Path) -> None:
    folder = make_map(tmp_path / "map", DEGREES, few_layers(DEGREES))
    lon, lat = DEGREES.lonlat(300, 300)
    shapes = [
        shapely.box(10, 45, 11, 46),
        square(DEGREES, (-20, 60), (200, 260)),
        shapely.box(lon + 1e-4, lat + 1e-4, lon + 1.1e-4, lat + 1.1e-4),
        square(DEGREES, (5, 30), (5, 50)),
        square(DEGREES, (100, 120), (620, 640)),
    ]
    found = over(folder, shapes, tmp_path / "areas.geojson")
    status = found.columns["status"].tolist()
    assert status == [
        "outside the map",
        "partly outside the map",
        "smaller than a cell: the cell in its middle",
        "no data",
        "only in other components than the reference",
    ]
    assert found.columns["cells"].tolist() == [0, 60 * 60, 1, 0, 0]
    values = few_layers(DEGREES)["los_displacement"]
    assert found.columns["los_displacement_mean_m"][2] == pytest.approx(values[300, 300])
    assert any("outside the map" in text for text in found.warnings)


def test_both_motions_of_a_decomposition_have_their_statistics(tmp_path: Path) -> None:
    east, up = noise_field(3).astype(np.float32), noise_field(4).astype(np.float32) * 2
    folder = make_decomposition(tmp_path / "decomposition", GRID, east, up)
    found = over(folder, [square(GRID, (100, 120), (50, 90))], tmp_path / "areas.geojson").columns
    assert found["east_mean_m"][0] == pytest.approx(east[100:120, 50:90].mean(dtype=np.float64))
    assert found["up_mean_m"][0] == pytest.approx(up[100:120, 50:90].mean(dtype=np.float64))
    assert found["up_noise_sill"][0] > 2 * found["noise_sill"][0]
    assert found["up_mean_sigma_m"][0] == pytest.approx(2 * found["east_mean_sigma_m"][0], rel=0.35)


def test_a_map_of_nothing_but_an_area_has_no_sigma(tmp_path: Path) -> None:
    folder = make_map(tmp_path / "map", GRID, {"los_displacement": noise_field(5).astype(np.float32)}, None)
    found = over(folder, [square(GRID, (-10, 310), (-10, 310))], tmp_path / "areas.geojson")
    assert np.isnan(found.columns["los_displacement_mean_sigma_m"][0])
    assert "no sigma of means" in found.summary[1]
