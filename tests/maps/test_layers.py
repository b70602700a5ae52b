"""Map layers and displacement that are made side by side."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import CancelledError, Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dinsar_cli.config.model import RunConfig
from dinsar_cli.geo.grid import Grid
from dinsar_cli.maps.layers import displacement_layers, map_layers
from dinsar_cli.maps.phase_noise import PhaseFilter
from dinsar_cli.radar.interferogram import LAYERS, Interferogram
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


def side_by_side(made: Interferogram, products: Path, phase_filter: PhaseFilter) -> Future[Any]:
    """Make the layers; the future of the displacement that is begun, in a thread, when its layers are there."""
    begun: Future[Any] = Future()

    def displace(noise_written: Future[None]) -> None:
        try:
            begun.set_result(
                displacement_layers(RunConfig(), GRID, made.wavelength, products, {}, noise_written=noise_written)
            )
        except CancelledError as error:
            begun.set_exception(error)

    def begin(noise_written: Future[None]) -> None:
        threading.Thread(target=displace, args=(noise_written,), daemon=True).start()

    products.mkdir()
    with contextlib.suppress(KeyError):  # of an unknown filter
        map_layers(made, GRID, products, {}, 10**8, lambda _: None, phase_filter, ready=begin)
    return begun


def test_beside_the_layers_displacement_is_what_it_is_after_them(tmp_path: Path) -> None:
    made, chosen = still(tmp_path / "radar"), PhaseFilter("isce2", 0.5)
    one, other = tmp_path / "one", tmp_path / "other"
    files, facts = side_by_side(made, one, chosen).result(timeout=60)
    other.mkdir()
    map_layers(made, GRID, other, {}, 10**8, lambda _: None, chosen)
    expected, expected_facts = displacement_layers(RunConfig(), GRID, made.wavelength, other, {})
    assert facts == expected_facts
    assert files.keys() == expected.keys() >= {"los_sigma"}
    for name, path in expected.items():
        assert files[name].read_bytes() == path.read_bytes()


def test_displacement_does_not_wait_for_layers_that_fail(tmp_path: Path) -> None:
    made = still(tmp_path / "radar")
    begun = side_by_side(made, tmp_path / "products", PhaseFilter("unknown", 0.5))
    with pytest.raises(CancelledError):
        begun.result(timeout=60)
