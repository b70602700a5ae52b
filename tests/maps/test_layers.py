"""Layers on the map: the table that makes them, and the way from one stage to the next."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from dinsar_cli.config.model import RunConfig
from dinsar_cli.geo.grid import Grid
from dinsar_cli.maps.displacement import displacement_layers
from dinsar_cli.maps.map_layers import MapLayers
from dinsar_cli.maps.phase_noise import PhaseFilter
from dinsar_cli.maps.radar_layers import FOR_DISPLACEMENT, FROM_RADAR, RadarOnMap, geocode_layers
from dinsar_cli.products.layers import LAYERS as PRODUCTS
from dinsar_cli.radar.interferogram import LAYERS, Interferogram
from support.products import read_product
from support.radar_inputs import written_interferogram

SHAPE = (60, 50)
GRID = Grid("EPSG:4326", 10.0, 45.0, 1e-3, SHAPE[1], SHAPE[0])


def still(folder: Path) -> Interferogram:
    """An interferogram without motion whose coherence falls from north to south."""
    folder.mkdir()
    line, sample = np.mgrid[: SHAPE[0], : SHAPE[1]]
    values: dict[str, Any] = {name: np.zeros(layer.shape(*SHAPE)) for name, layer in LAYERS.items()}
    values |= {"latitude": 45.0 - 1e-3 * (line + 0.6), "longitude": 10.0 + 1e-3 * (sample + 0.4)}
    values |= {"wrapped": np.ones(SHAPE), "coherence": 0.95 - 0.01 * line, "components": np.ones(SHAPE)}
    values |= {"amplitude": np.ones((2, *SHAPE)), "los": np.full((3, *SHAPE), 3**-0.5)}
    return written_interferogram(folder, values)


def test_layers_at_hand_give_the_displacement_of_those_on_the_disk(tmp_path: Path) -> None:
    made = still(tmp_path / "radar")
    radar = RadarOnMap(made, GRID, 10**8, PhaseFilter("isce2", 0.5))
    found = []
    for name in ("at hand", "on the disk"):
        folder = tmp_path / name
        folder.mkdir()
        layers = MapLayers(folder, GRID)
        geocode_layers(radar, layers, {"engine": "isce2"}, lambda _: None)
        if name == "on the disk":
            layers.release()
        found.append(displacement_layers(RunConfig(), layers, made.wavelength, {}))
    (files, facts), (expected, expected_facts) = found
    assert facts == expected_facts
    assert files.keys() == expected.keys() >= {"los_sigma"}
    for name, path in expected.items():
        assert files[name].read_bytes() == path.read_bytes()


def test_a_layer_at_hand_is_as_its_file_gives_it_back(tmp_path: Path) -> None:
    made, layers = still(tmp_path / "radar"), MapLayers(tmp_path / "products", GRID)
    layers.folder.mkdir()
    geocode_layers(RadarOnMap(made, GRID, 10**8, PhaseFilter("isce2", 0.5)), layers, {}, lambda _: None)
    for name in FOR_DISPLACEMENT:
        at_hand, file = layers.find(name), layers.folder / f"{name}.tif"
        assert (at_hand is not None) == file.is_file()
        if at_hand is not None:
            on_disk = read_product(layers.folder, name)
            assert at_hand.dtype == on_disk.dtype
            np.testing.assert_array_equal(at_hand, on_disk)


def test_what_is_not_known_of_this_interferogram_is_not_left_of_an_earlier_one(tmp_path: Path) -> None:
    made, layers = still(tmp_path / "radar"), MapLayers(tmp_path / "products", GRID)
    layers.folder.mkdir()
    chosen = PhaseFilter("isce2", 0.5)
    geocode_layers(RadarOnMap(made, GRID, 10**8, chosen), layers, {}, lambda _: None)
    assert "phase_sigma" in layers
    again = MapLayers(layers.folder, GRID)
    geocode_layers(RadarOnMap(made, GRID, 10**8), again, {}, lambda _: None)
    assert "phase_sigma" not in again


def test_layers_that_are_missing_are_not_read(tmp_path: Path) -> None:
    layers = MapLayers(tmp_path, GRID, missing=("coherence",))
    layers.hold("coherence", np.ones(SHAPE), {})
    assert "coherence" not in layers
    assert layers.find("coherence") is None


def test_the_table_names_products_and_what_they_need() -> None:
    names = [layer.name for layer in FROM_RADAR]
    assert len(set(names)) == len(names)
    assert set(names) <= set(PRODUCTS)
    assert {need for layer in FROM_RADAR for need in layer.needs} <= set(names)
    assert set(FOR_DISPLACEMENT) <= set(names)
