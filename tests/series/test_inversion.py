"""Displacement of dates and velocity, with errors that are as large as their sigmas say."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dinsar_cli.radar.uncertainty import phase_deviation
from dinsar_cli.series.graph import Pair
from dinsar_cli.series.inversion import connected, design_matrix, invert, temporal_coherence
from dinsar_cli.series.velocity import Decorrelation, Model, decorrelation_variance, years

DAYS = tuple(date(2023, 9, 4) + timedelta(days=12 * number) for number in range(6))
LOOKS, CELLS = 40, 2500
Floats = NDArray[np.floating[Any]]


def sequential(reach: int) -> list[Pair]:
    return [(a, b) for a, b in combinations(DAYS, 2) if (b - a).days <= 12 * reach]


def noisy_pairs(pairs: list[Pair], between: Floats) -> tuple[Floats, Floats, Floats]:
    """Multilooked phase of pairs of circular Gaussian samples, its variance, and their true coherence."""
    rng = np.random.default_rng(4)
    shape = (CELLS, LOOKS, len(DAYS))
    samples = (rng.normal(size=shape) + 1j * rng.normal(size=shape)) @ np.linalg.cholesky(between).T
    first, second = ([DAYS.index(pair[end]) for pair in pairs] for end in (0, 1))
    phase = np.angle((samples[..., first] * samples[..., second].conj()).sum(axis=1)).T
    coherence = np.repeat(between[first, second][:, None], CELLS, axis=1)
    return phase, phase_deviation(coherence, LOOKS) ** 2, coherence


def decaying(at_once: float, days: float) -> Floats:
    apart = np.abs(np.subtract.outer(years(DAYS), years(DAYS))) * 365.25
    found: Floats = at_once * np.exp(-apart / days)
    np.fill_diagonal(found, 1)
    return found


@pytest.mark.parametrize("reach", [2, 3])
@pytest.mark.parametrize(("at_once", "days"), [(0.9, 1e5), (0.7, 1e5), (0.5, 1e5), (0.95, 40.0), (0.7, 90.0)])
def test_velocity_is_off_as_much_as_its_sigma_says(reach: int, at_once: float, days: float) -> None:
    """Within five per cent and the scatter of the sample; pairs taken as independent would be 1.4 times off."""
    pairs = sequential(reach)
    phase, variance, coherence = noisy_pairs(pairs, decaying(at_once, days))
    inverted = invert(DAYS, pairs, phase, variance)
    functional = Model.of(DAYS).functional("velocity")
    velocity = functional @ inverted.series
    operator = inverted.of(functional)
    np.testing.assert_allclose(operator, np.einsum("d,cdp->cp", functional, inverted.operator()), atol=1e-9)
    sigma = np.sqrt(decorrelation_variance(operator, variance, Decorrelation(DAYS, pairs).of(coherence)))
    assert velocity.std() / np.sqrt(np.mean(sigma**2)) == pytest.approx(1, abs=0.1)


def test_exact_pairs_give_exact_dates() -> None:
    pairs, rng = sequential(2), np.random.default_rng(5)
    dates = np.cumsum(rng.normal(size=(len(DAYS), 300)), axis=0)
    dates -= dates[0]
    values = design_matrix(DAYS, pairs) @ dates
    values[rng.random(values.shape) < 0.3] = np.nan
    whole = connected(DAYS, pairs, np.isfinite(values))
    assert 0 < whole.sum() < 300
    inverted = invert(DAYS, pairs, values, rng.uniform(1, 4, values.shape))
    np.testing.assert_allclose(inverted.series[:, whole], dates[:, whole], atol=1e-9)
    assert np.isnan(inverted.series[:, ~whole]).all()
    told = temporal_coherence(values, inverted.series, design_matrix(DAYS, pairs))
    np.testing.assert_allclose(told[whole], 1)
    assert np.isnan(told[~whole]).all()


def test_weights_prefer_the_better_pairs() -> None:
    """Against the general solution of weighted least squares."""
    pairs, rng = sequential(2), np.random.default_rng(6)
    values, variance = rng.normal(size=(len(pairs), 5)), rng.uniform(0.1, 4, (len(pairs), 5))
    series = invert(DAYS, pairs, values, variance).series
    matrix = design_matrix(DAYS, pairs)[:, 1:]
    for cell in range(5):
        root = 1 / np.sqrt(variance[:, cell])
        expected = np.linalg.lstsq(matrix * root[:, None], values[:, cell] * root, rcond=None)[0]
        np.testing.assert_allclose(series[1:, cell], expected, atol=1e-9)


def test_a_model_with_seasons_and_steps_gives_back_what_it_is_made_of() -> None:
    dates = [DAYS[0] + timedelta(days=24 * number) for number in range(40)]
    model = Model.of(dates, seasonal=True, steps=(dates[17],))
    made = model.matrix @ [0.3, -0.02, 0.004, 0.002, 0.05]
    found = [model.functional(name) @ made for name in model.names]
    np.testing.assert_allclose(found, [0.3, -0.02, 0.004, 0.002, 0.05], atol=1e-9)
    assert model.determined
    assert not Model.of(dates[:3], seasonal=True, steps=(dates[1],)).determined
