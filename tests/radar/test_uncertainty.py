"""Formulas of the noise: published closed forms, limits, and speckle."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import gamma, spence

from dinsar_cli.engines.eos import steps
from dinsar_cli.radar.uncertainty import (
    UNIFORM,
    cramer_rao_deviation,
    expected_coherence,
    noise_limit,
    phase_density,
    phase_deviation,
    tells_nothing,
    unbiased_coherence,
)
from support.speckle import INDEPENDENT, look_cells


@pytest.mark.parametrize("coherence", [0.0, 0.3, 0.6, 0.9, 0.99, 0.9995])
def test_one_look_has_the_closed_form(coherence: float) -> None:
    # Bamler and Hartl (1998), equation 67, with Euler's dilogarithm of gamma^2
    angle, dilogarithm = math.asin(coherence), float(spence(1 - coherence**2))
    variance = math.pi**2 / 3 - math.pi * angle + angle**2 - dilogarithm / 2
    assert phase_deviation(np.array(coherence), 1)[()] == pytest.approx(math.sqrt(variance), rel=3e-4)


@pytest.mark.parametrize("looks", [1, 2.5, 8.26, 78.5, 600])
@pytest.mark.parametrize("coherence", [0.0, 0.2, 0.7])
def test_the_density_is_one(coherence: float, looks: float) -> None:
    phase = (np.arange(20_000) + 0.5) / 20_000 * 2 * math.pi - math.pi
    density = phase_density(phase, coherence, looks)
    assert density.min() >= 0
    assert np.sum(density) * 2 * math.pi / 20_000 == pytest.approx(1, abs=1e-6)
    assert np.argmax(density) == pytest.approx(10_000, abs=1) or coherence == 0


def test_the_density_of_one_look_is_the_known_one() -> None:
    # Just and Bamler (1994), Applied Optics 33(20), equation 12
    phase, gamma_ = np.linspace(-3, 3, 13), 0.6
    beta = gamma_ * np.cos(phase)
    known = (1 - gamma_**2) / (2 * math.pi * (1 - beta**2))
    known *= 1 + beta * np.arccos(-beta) / np.sqrt(1 - beta**2)
    np.testing.assert_allclose(phase_density(phase, gamma_, 1), known, rtol=1e-10)


def test_many_looks_reach_the_bound_of_rodriguez_and_martin() -> None:
    for coherence in (0.3, 0.6, 0.9, 0.99):
        found = float(phase_deviation(np.array(coherence), 2000)[()])
        assert found == pytest.approx(cramer_rao_deviation(coherence, 2000), rel=5e-3)
    assert cramer_rao_deviation(0.5, 6) == pytest.approx(0.5)  # sqrt(0.75 / (12 x 0.25))


@pytest.mark.parametrize("looks", [1, 4, 50, 500])
def test_noise_falls_with_coherence_from_the_uniform_phase_to_none(looks: float) -> None:
    deviation = phase_deviation(np.linspace(0, 1, 101), looks)
    assert deviation[0] == pytest.approx(UNIFORM, rel=1e-6)
    assert deviation[-1] == 0
    assert np.all(np.diff(deviation) < 0)
    assert np.isnan(phase_deviation(np.array([np.nan]), looks))[0]


@pytest.mark.parametrize("looks", [1, 2, 10.7, 74, 1000])
def test_no_coherence_is_estimated_as_it_is_known(looks: float) -> None:
    # Touzi et al. (1999), equation 12 at a coherence of zero
    ratio = gamma(looks) / gamma(looks + 0.5) if looks < 100 else (1 + 1 / (8 * looks)) / math.sqrt(looks)
    known = math.sqrt(math.pi) / 2 * ratio
    assert expected_coherence(np.array([0.0]), looks)[0] == pytest.approx(known, rel=1e-5)


def test_one_sample_is_always_coherent() -> None:
    np.testing.assert_allclose(expected_coherence(np.linspace(0, 1, 11), 1), 1, rtol=1e-9)


@pytest.mark.parametrize("looks", [4, 12])
@pytest.mark.parametrize("coherence", [0.2, 0.5, 0.8])
def test_the_expected_coherence_is_the_mean_of_estimates(coherence: float, looks: int) -> None:
    generator = np.random.default_rng(5)
    draws = 40_000
    noise = generator.standard_normal((2, draws, looks)) + 1j * generator.standard_normal((2, draws, looks))
    first, second = noise[0], coherence * noise[0] + math.sqrt(1 - coherence**2) * noise[1]
    power = np.sum(np.abs(first) ** 2, axis=1) * np.sum(np.abs(second) ** 2, axis=1)
    cross = np.sum(first * second.conj(), axis=1)
    estimates = np.abs(cross) / np.sqrt(power)
    error = estimates.std() / math.sqrt(draws)
    assert expected_coherence(np.array([coherence]), looks)[0] == pytest.approx(estimates.mean(), abs=4 * error)
    spread = np.std(np.angle(cross))
    assert phase_deviation(np.array(coherence), looks)[()] == pytest.approx(spread, rel=0.03)


@pytest.mark.parametrize("looks", [2, 10.7, 74])
def test_the_bias_is_taken_away(looks: float) -> None:
    true = np.linspace(0.05, 0.999, 40)
    np.testing.assert_allclose(unbiased_coherence(expected_coherence(true, looks), looks), true, atol=4e-3)
    assert unbiased_coherence(np.array([0.001]), looks)[0] == 0
    assert np.isnan(unbiased_coherence(np.array([np.nan]), looks))[0]


@pytest.mark.parametrize("looks", [4, 18, 67])
def test_the_limit_of_a_single_estimate_is_the_quantile_of_noise(looks: int) -> None:
    generator = np.random.default_rng(5)
    first, second = (
        generator.standard_normal((20_000, looks)) + 1j * generator.standard_normal((20_000, looks)) for _ in "ab"
    )
    powers = np.sum(np.abs(first) ** 2, axis=1) * np.sum(np.abs(second) ** 2, axis=1)
    estimate = np.abs(np.sum(first * second.conj(), axis=1)) / np.sqrt(powers)
    assert np.mean(estimate < noise_limit(looks)) == pytest.approx(0.99, abs=0.003)
    mean = estimate.reshape(-1, 20).mean(axis=1)
    assert np.mean(mean < noise_limit(looks, 20)) == pytest.approx(0.99, abs=0.01)


@pytest.mark.parametrize("looks", [(7, 2), (19, 7)])
def test_noise_is_told_from_a_coherence_of_a_quarter(looks: tuple[int, int]) -> None:
    """As the embedded engine estimates it: over windows of at least 100 samples."""
    generator = np.random.default_rng(6)
    window = 3 if looks == (7, 2) else 1
    cell = looks[0] * looks[1] * INDEPENDENT
    shares = {}
    for true in (0.0, 0.25, 0.4):
        cells = look_cells((70, 80), looks, true, generator)
        found = steps.coherence(cells.cross, *cells.power, window)
        shares[true] = np.mean(tells_nothing(found, cell, cell * window**2)[8:-8, 8:-8])
    assert shares[0.0] > 0.97
    assert shares[0.25] < 0.05
    assert shares[0.4] == 0


def test_a_coherent_cell_in_noise_stays_and_no_data_is_not_noise() -> None:
    generator = np.random.default_rng(7)
    noise = np.abs(generator.normal(0.08, 0.04, (60, 60)))
    noise[30, 30], noise[:, :20] = 0.7, np.nan
    told = tells_nothing(noise, 67.0, 67.0)
    assert not told[30, 30]
    assert not told[:, :20].any()
    assert told[:, 20:].mean() > 0.95
