"""Dates count by their delay only as far as it is more than the noise of a pair."""

from __future__ import annotations

import numpy as np
import pytest

from dinsar_cli.series.closure import Repair
from dinsar_cli.series.date_quality import DateQuality
from dinsar_cli.timeseries.solve import Solver
from support.runs_of_pairs import DAYS, WAVELENGTH, sequential

PAIRS = tuple(sequential(2))


def velocity(delay: float, noise: float) -> float:
    """Velocity of ground that stands still, of which the fourth date is off by a metre."""
    place = {day: float(number == 3) for number, day in enumerate(DAYS)}
    los = np.array([[place[b] - place[a]] for a, b in PAIRS])
    deviation = np.full(len(DAYS), 1e-5)
    deviation[3] = delay
    quality = DateQuality(DAYS, deviation, noise)
    none = Repair(np.zeros(los.shape, np.int8), np.zeros(1, bool), np.zeros(1, bool))
    solver = Solver(DAYS, PAIRS, WAVELENGTH, date_variance=quality.variance, date_weights=quality.weights)
    return float(solver.solve(los, np.full(los.shape, 1e-3), np.full(los.shape, 0.8), none).velocity[0])


def test_a_delay_below_the_noise_of_a_pair_changes_nothing_and_one_above_it_does() -> None:
    alike, noise = velocity(1e-5, 0.0), 1e-3
    assert velocity(noise / 20, noise**2) == pytest.approx(alike, rel=0.01)
    assert abs(velocity(10 * noise, noise**2)) < 0.1 * abs(alike)
