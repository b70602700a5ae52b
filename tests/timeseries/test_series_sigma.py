"""What is told of the sigma of a series, and of the zero that it is relative to."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np

from dinsar_cli.geo.grid import Grid
from dinsar_cli.maps.zero.reference import mean_variance
from dinsar_cli.products.layers import write_products
from dinsar_cli.products.reader import Products
from dinsar_cli.timeseries.maps.opening import open_maps
from dinsar_cli.timeseries.reference import relative_to_one_place
from support.series_maps import DAYS, WAVELENGTH, Array, change, map_of, sequential, write_maps

GRID = Grid("EPSG:4326", -8.9, 31.5, 0.001, 60, 50)
PLACE = (25, 18)
NOISE = {"effective_looks": "50", "coherence_looks": "50", "look_area_m2": "9000", "filter_strength": "0.5"}


def test_a_bound_is_told_as_one(tmp_path: Path) -> None:
    """Pairs of one length do not tell how much noise cancels between neighbours."""
    small = Grid("EPSG:4326", -8.9, 31.5, 0.001, 20, 16)
    record = write_maps(tmp_path / "one", list(pairwise(DAYS)), grid=small).make()
    excess = record["sigma_of_pairs_that_share_a_date"]["too_large_at_most"]
    assert 1.5 < excess < 3
    assert any(f"up to {excess:g} times" in text for text in record["notes"])
    record = write_maps(tmp_path / "two", sequential(2), grid=small).make()
    assert "law" in record["sigma_of_pairs_that_share_a_date"]["how"]
    assert not any("velocity_sigma" in text for text in record["notes"])


def test_the_noise_of_the_zero_is_that_of_the_cells_that_make_it(tmp_path: Path) -> None:
    """Maps have it from 11 x 11 cells; a series takes this off, and puts on that of its own, which is less."""
    pairs = sequential(2)
    write_maps(tmp_path, pairs, grid=GRID)
    row, column = PLACE
    around = (slice(row - 5, row + 6), slice(column - 5, column + 6))
    for pair in pairs:

        def relative(values: Array) -> Array:
            return np.asarray(values - values[around].mean())

        lon, lat = GRID.lonlat(*PLACE)
        change(map_of(tmp_path, pair), relative, reference_point=f"{lon:.6f},{lat:.6f}")
        write_products(
            map_of(tmp_path, pair).parent, {"phase_sigma": np.full(GRID.shape, 0.1, np.float32)}, GRID, NOISE
        )
    with Products() as files:
        maps = relative_to_one_place(open_maps(tmp_path, files))
        assert relative_to_one_place(open_maps(tmp_path, files), 0).averaged is None
        assert maps.averaged is not None
        assert 200 < maps.averaged.cells <= 625
        scale = (WAVELENGTH / (4 * np.pi)) ** 2
        own = scale * mean_variance(0.8, 121, GRID, NOISE)
        least = scale * mean_variance(0.8, maps.averaged.cells, GRID, NOISE)
        assert (maps.variance + own > 0.99 * least).all()
        assert (maps.variance + own < 3 * least).all()  # a plane knows less than a mean
        everything = slice(0, GRID.height)
        expected = np.sqrt(1e-6 + maps.variance)
        np.testing.assert_allclose(
            maps.sigma(everything), np.broadcast_to(expected[:, None, None], (len(pairs), *GRID.shape)), rtol=1e-4
        )
        # zero is at the place, whatever the ground does around it
        smooth = maps.displacement(everything)[:, row - 2 : row + 3, column - 2 : column + 3].mean(axis=(1, 2))
        assert np.abs(smooth).max() < 4 * 1e-3 / 5
