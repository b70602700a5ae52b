"""A series is relative to a place by the cells around it, and knows how noisy these are."""

from __future__ import annotations

import numpy as np

from dinsar_cli.timeseries.reference import calm_cells, plane_weights

TIME = np.array([12, 24, 12]) / 365.25
SHAPE = (25, 25)
PLACE = (12, 12)


def test_what_moves_or_is_not_coherent_is_not_averaged() -> None:
    rng = np.random.default_rng(1)
    los = rng.normal(0, 1e-4, (3, *SHAPE))
    coherence = np.full((3, *SHAPE), 0.8)
    los[:, :, 20:] += 0.05 * TIME[:, None, None]  # a slope that slides by five centimetres a year
    coherence[1, :4] = 0.2
    los[2, 22:] = np.nan
    used = calm_cells(los, coherence, TIME, PLACE)
    assert not used[:, 22:].any()
    assert not used[:4].any()
    assert not used[22:].any()
    assert used[6:20, 2:18].mean() > 0.95


def test_a_slope_of_the_ground_adds_nothing_wherever_the_cells_are() -> None:
    rng = np.random.default_rng(2)
    used = np.zeros(SHAPE, bool)
    used[:, 8:] = rng.random((25, 17)) < 0.7
    rows, columns = np.nonzero(used)
    weights = plane_weights(used, PLACE)
    values = 3 + 0.2 * (rows - PLACE[0]) - 0.1 * (columns - PLACE[1])
    assert np.isclose(weights @ values, 3)
    assert np.isclose(weights.sum(), 1)
    assert np.sum(weights**2) < 2 / len(weights)


def test_cells_in_a_line_are_averaged() -> None:
    used = np.zeros(SHAPE, bool)
    used[12, 3:9] = True
    np.testing.assert_allclose(plane_weights(used, PLACE), 1 / 6)
