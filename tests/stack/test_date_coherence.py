"""Coherence of dates that are no pair, from the samples that a stack keeps."""

from __future__ import annotations

import itertools
import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from dinsar_cli.series.velocity import (
    DateCoherence,
    Decorrelation,
    excess_of_law,
    fitted_coherence,
    pair_correlation,
)
from dinsar_cli.stack.date_coherence import sampled_coherence

DAYS = tuple(date(2023, 9, 4) + timedelta(days=12 * number) for number in range(4))
PAIRS = tuple(itertools.pairwise(DAYS))
LOOKS = (5, 8)  # azimuth, range


def between(first: float) -> np.ndarray:
    """Coherence that is lost at once."""
    return np.where(np.eye(len(DAYS)) > 0, 1.0, first)


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    """The samples of four dates: coherence is 0.8 in the upper half, 0.5 in the lower one; no data on the left."""
    rng = np.random.default_rng(1)
    shape = (len(DAYS), 60 * LOOKS[0], 40 * LOOKS[1])
    white = rng.normal(size=shape) + 1j * rng.normal(size=shape)
    half = shape[1] // 2
    samples = np.empty(shape, complex)
    for rows, first in ((slice(None, half), 0.8), (slice(half, None), 0.5)):
        samples[:, rows] = np.tensordot(np.linalg.cholesky(between(first)), white[:, rows], 1)
    samples[1, :, : 3 * LOOKS[1]] = 0
    for day, values in zip(DAYS, samples, strict=True):
        folder = tmp_path / "dates" / f"{day:%Y%m%d}"
        folder.mkdir(parents=True)
        np.save(folder / "resampled.npy", np.rint(200 * np.stack([values.real, values.imag])).astype(np.int16))
    record = {
        "schema_version": 1,
        "area": "",
        "first": str(DAYS[0]),
        "reference": None,
        "looks": "8x5",
        "pairs": {},
    }
    (tmp_path / "stack.json").write_text(json.dumps(record), encoding="utf-8")
    return tmp_path


def test_coherence_is_that_of_the_samples(stack: Path) -> None:
    found = sampled_coherence(stack, DAYS)
    assert found is not None
    assert len(found) == 60 * 37
    told = DateCoherence.of(found, DAYS, PAIRS)
    assert told is not None
    for first in (0.8, 0.5):
        np.testing.assert_allclose(told.at(first)[0, 2:], first, atol=0.04)
    assert sampled_coherence(stack, DAYS[1:]).shape == (60 * 37, 3, 3)  # type: ignore[union-attr]


def test_without_samples_of_all_dates_there_is_none(stack: Path) -> None:
    path = stack / "dates" / f"{DAYS[1]:%Y%m%d}" / "resampled.npy"
    path.write_bytes(path.read_bytes()[:1000])
    assert sampled_coherence(stack, DAYS) is None
    path.unlink()
    assert sampled_coherence(stack, DAYS) is None
    assert sampled_coherence(stack / "nowhere", DAYS) is None


def test_pairs_of_one_length_are_taken_as_losing_day_by_day() -> None:
    """Then neighbours do not share noise that cancels, and no other law gives the velocity more."""
    coherence = np.full(len(PAIRS), 0.6)
    np.testing.assert_allclose(fitted_coherence(DAYS, PAIRS, coherence)[0], 0.6 ** np.arange(4), rtol=1e-6)
    np.testing.assert_allclose(pair_correlation(DAYS, PAIRS, coherence), np.eye(len(PAIRS)), atol=1e-6)
    known = pair_correlation(DAYS, PAIRS, coherence, between(0.6))
    assert known[0, 1] == pytest.approx((0.36 - 0.6) / (1 - 0.36))  # equation 8, divided by the variance
    assert excess_of_law(DAYS, PAIRS, 0.6) > 1.3


def test_cells_get_the_correlation_of_their_own_coherence() -> None:
    measured = DateCoherence(np.array([0.5, 0.8]), np.array([between(0.5), between(0.8)]))
    coherence = np.repeat([[0.8, 0.5]], 3, axis=0)
    found = Decorrelation(DAYS, PAIRS, measured).of(coherence)
    told = {float(coherence[0, np.flatnonzero(cells)[0]]): correlation[0, 1] for cells, correlation in found}
    for first, correlation in told.items():
        assert correlation == pytest.approx((first**2 - first) / (1 - first**2), abs=0.02)
    assert set(told) == {0.5, 0.8}
