"""A date whose delay varies more than that of the others is named; motion is no delay."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dinsar_cli.series.date_quality import DateQuality, date_quality, signed_correlation
from dinsar_cli.series.inversion import design_matrix
from dinsar_cli.series.velocity import years

DAYS = tuple(date(2023, 9, 4) + timedelta(days=12 * number) for number in range(6))
SIDE = 48
Floats = NDArray[np.floating[Any]]


def turbulence(rng: np.random.Generator) -> Floats:
    """Return a delay with the spectrum of the atmosphere (k to the power of -11/3 in the plane), of deviation 1."""
    wavenumber = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None])
    amplitude = np.where(wavenumber > 0, np.maximum(wavenumber, 1 / SIDE) ** (-11 / 6), 0)
    field = np.fft.irfft2(amplitude * np.exp(2j * np.pi * rng.random(wavenumber.shape)), s=(SIDE, SIDE))
    return (field / field.std()).ravel()


def series(deviation: Sequence[float], rng: np.random.Generator) -> Floats:
    """Return displacement of dates over a bowl that sinks by 176 mm/yr; shape (dates, cells)."""
    y, x = np.mgrid[:SIDE, :SIDE]
    bowl = -0.176 * np.exp(-((y - SIDE / 2) ** 2 + (x - SIDE / 2) ** 2) / 100).ravel()
    dates = np.outer(years(DAYS), bowl) + rng.normal(0, 3e-4, (len(DAYS), SIDE**2))
    delayed = dates + [size * turbulence(rng) for size in deviation]
    return delayed - delayed[0] - (delayed - delayed[0])[:, :1]


def test_a_date_three_times_as_noisy_is_named_and_none_of_a_clean_stack() -> None:
    rng, named = np.random.default_rng(7), 0
    for trial in range(48):
        deviation = np.full(len(DAYS), 3e-3)
        deviation[trial % len(DAYS)] *= 3
        named += date_quality(DAYS, series(deviation, rng)).noisy == (DAYS[trial % len(DAYS)],)
        assert date_quality(DAYS, series([0] * len(DAYS), rng)).noisy == ()
    assert named >= 0.95 * 48


def test_deviations_are_those_of_the_delays() -> None:
    rng = np.random.default_rng(8)
    true = np.array([2.7, 3.0, 2.9, 16.4, 2.0, 2.8]) * 1e-3
    found = np.array([date_quality(DAYS, series(true, rng)).deviation for _ in range(40)])
    power = np.sqrt(np.mean(found**2, axis=0))
    np.testing.assert_allclose(power, true, rtol=0.5)
    assert power[3] == pytest.approx(true[3], rel=0.05)


def test_an_estimate_of_zero_does_not_take_all_the_weight() -> None:
    quality = DateQuality(DAYS, np.array([0, 0, 4e-3, 20e-3, 3e-3, 0]))
    assert quality.noisy == (DAYS[3],)
    assert quality.weights.max() / quality.weights[2] < 10
    assert quality.weights[3] < 0.05 * quality.weights[0]
    assert np.isfinite(DateQuality(DAYS, np.zeros(6)).weights).all()


def test_signed_correlation_knows_the_pairs_of_a_noisy_date() -> None:
    pairs = [(a, b) for a, b in combinations(DAYS, 2) if (b - a).days <= 24]
    rng = np.random.default_rng(9)
    dates = np.array([size * turbulence(rng) for size in (3, 3, 3, 16, 3, 3)])
    told = signed_correlation(pairs, design_matrix(DAYS, pairs) @ dates)
    assert max(told, key=lambda day: told[day]) == DAYS[3]
    assert told[DAYS[3]] > 0.8
    assert signed_correlation(pairs, np.full((len(pairs), 4), np.nan)) == {}


def test_noise_of_decorrelation_is_no_delay() -> None:
    """With its covariance given, what each date has of its own is not taken for delay."""
    rng = np.random.default_rng(10)
    true = np.array([3, 3, 3, 9, 3, 3]) * 1e-3
    own = 6e-3
    cells = series(true, rng) + rng.normal(0, own, (len(DAYS), SIDE**2))
    told = date_quality(DAYS, cells, own**2 * np.eye(len(DAYS)))
    plain = date_quality(DAYS, cells)
    assert plain.deviation.mean() > 1.4 * told.deviation.mean()
    assert told.deviation[3] == pytest.approx(true[3], rel=0.2)
    assert told.noise == pytest.approx(own**2)
    assert np.allclose(told.weights, 1 / (told.variance + own**2))
