"""Bursts on one grid: where they are cut, and which look cells are made."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from shapely import box

from dinsar_cli.config.model import Looks
from dinsar_cli.engines.eos.slc.mosaic import Window, build_mosaic, look_grid
from dinsar_cli.errors import NoDataError
from dinsar_cli.sentinel1.acquisition import CommonBurst, SwathBurst
from dinsar_cli.sentinel1.subswath import SPEED_OF_LIGHT, Burst, Polynomial, Subswath

EPOCH = datetime(2023, 9, 4, tzinfo=UTC)
INTERVAL, SAMPLING = 2e-3, 64e6
LINES, SAMPLES = 1500, 3000


def burst(swath: str, line: float, sample: float, index: int = 0) -> CommonBurst:
    """A burst whose first pixel lies at a line and sample of the grid; 20 lines and 10 samples are invalid."""
    rate = Polynomial(EPOCH, 0.0, (-2300.0,))
    shape = Burst(
        index=index,
        azimuth_time=EPOCH + timedelta(seconds=100 + line * INTERVAL),
        azimuth_anx_time=100 + line * INTERVAL,
        first_valid_line=20,
        last_valid_line=LINES - 21,
        first_valid_sample=10,
        last_valid_sample=SAMPLES - 11,
        footprint=box(0, 0, 1, 1),
        outline=box(0, 0, 1, 1),
    )
    subswath = Subswath(
        name=swath,
        polarization="VV",
        measurement="none",
        slant_range_time=5.3e-3 + sample / SAMPLING,
        range_sampling_rate=SAMPLING,
        radar_frequency=5.405e9,
        azimuth_time_interval=INTERVAL,
        azimuth_steering_rate=1.6,
        azimuth_spacing=14.0,
        incidence_mid_swath=34.0,
        lines_per_burst=LINES,
        samples=SAMPLES,
        range_bandwidth=56e6,
        azimuth_bandwidth=327.0,
        fm_rates=(rate,),
        doppler_centroids=(rate,),
        bursts=(shape,),
    )
    return CommonBurst(swath, SwathBurst(subswath, shape), SwathBurst(subswath, shape))


def test_bursts_are_cut_in_the_middle_of_their_overlap() -> None:
    mosaic = build_mosaic([burst("IW1", 1340, 0), burst("IW1", 0, 0)], EPOCH)
    upper, lower = mosaic.tiles
    # valid lines 20..1479 and 1360..2819: the common ones are 1360..1479
    assert upper.use == Window(20, 1420, 10, SAMPLES - 10)
    assert lower.use == Window(1420, 1340 + LINES - 20, 10, SAMPLES - 10)
    assert mosaic.burst_seams == ((1420, 10, SAMPLES - 10),)


def test_subswaths_are_cut_in_the_middle_of_their_overlap() -> None:
    mosaic = build_mosaic([burst("IW2", 480, 2700), burst("IW1", 0, 0)], EPOCH)
    near, far = mosaic.tiles
    cut = (2710 + SAMPLES - 10) // 2
    assert (near.use.right, far.use.left) == (cut, cut)
    assert mosaic.swath_seams == (cut,)
    assert mosaic.extent == Window(20, 480 + LINES - 20, 10, 2700 + SAMPLES - 10)


@pytest.mark.parametrize("missing", [(), ((2, 0),), ((1, 2), (2, 1), (3, 0))])
def test_each_pixel_that_a_burst_has_is_taken_once(missing: tuple[tuple[int, int], ...]) -> None:
    """Also in the corners where one subswath begins or ends later than the other, or lacks a burst."""
    bursts = [
        burst(f"IW{s}", 480 * s + 1340 * b, 2700 * (s - 1))
        for s in (1, 2, 3)
        for b in range(3)
        if (s, b) not in missing
    ]
    mosaic = build_mosaic(bursts, EPOCH)
    extent = mosaic.extent
    taken, there = (np.zeros((extent.bottom, extent.right), np.uint8) for _ in range(2))
    for tile in mosaic.tiles:
        there[tile.valid.slices()] = 1
        for part in tile.parts:
            assert part.intersection(tile.valid) == part
            taken[part.slices()] += 1
    assert np.array_equal(taken, there)
    whole = Window(0, extent.bottom, 0, extent.right)
    assert sum(use.shape[0] * use.shape[1] for _, use in mosaic.parts_in(whole)) == there.sum()


def test_bursts_with_a_gap_keep_all_their_lines() -> None:
    mosaic = build_mosaic([burst("IW1", 0, 0), burst("IW1", 2700, 0)], EPOCH)
    assert [tile.use.shape[0] for tile in mosaic.tiles] == [LINES - 40, LINES - 40]
    assert mosaic.burst_seams == ()


def test_rounding_to_the_grid_is_remembered() -> None:
    mosaic = build_mosaic([burst("IW1", 0, 0), burst("IW1", 1340.004, 0)], EPOCH)
    late = mosaic.tiles[1]
    assert late.line == 1340
    assert late.line_residual == pytest.approx(0.004, abs=5e-4)  # times are given to the microsecond


def test_grid_positions_are_times_and_ranges() -> None:
    grid = build_mosaic([burst("IW1", 0, 0)], EPOCH).grid
    assert grid.time(np.array(10.0)) == pytest.approx(100 + 10 * INTERVAL)
    assert grid.slant_range(np.array(0.0)) == pytest.approx(SPEED_OF_LIGHT * 5.3e-3 / 2)
    assert grid.sample(grid.slant_range(np.array(7.25))) == pytest.approx(7.25)
    assert grid.line(grid.time(np.array(3.5))) == pytest.approx(3.5)


def test_look_grid_has_whole_cells_inside_the_data() -> None:
    mosaic = build_mosaic([burst("IW1", 0, 0)], EPOCH)
    grid = look_grid(mosaic, Looks(19, 7), Window(100, 200, 300, 400), margin=2)
    assert grid.window.top == 100 - 14
    assert grid.window.left == 300 - 38
    assert grid.window.shape == (grid.lines * 7, grid.samples * 19)
    assert grid.window.bottom <= 200 + 14
    whole = look_grid(mosaic, Looks(19, 7), Window(-9999, 9999, -9999, 9999), margin=0)
    assert (whole.lines, whole.samples) == ((LINES - 40) // 7, (SAMPLES - 20) // 19)


def test_area_with_too_little_data_is_refused() -> None:
    mosaic = build_mosaic([burst("IW1", 0, 0)], EPOCH)
    with pytest.raises(NoDataError, match="fewer than two look cells"):
        look_grid(mosaic, Looks(19, 7), Window(LINES - 22, LINES, 0, 3000), margin=0)
