"""The difference of two bursts over their overlap: what is in both cancels, what is not is told with its error."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from dinsar_cli.radar.overlaps import Misregistration, OverlapPhase, misregistration, overlap_phase, worst

SHAPE = (28, 370)  # look cells of 7 x 2 over 0.8 x 10 km
PIECE = 37


def seen(phase: NDArray[np.floating], coherence: float, rng: np.random.Generator, looks: int = 8) -> np.ndarray:
    """Multilooked interferogram of a phase: the mean over independent looks of two correlated circular signals."""
    shape = (looks, *phase.shape)

    def signal() -> np.ndarray:
        return (rng.normal(size=shape) + 1j * rng.normal(size=shape)) / np.sqrt(2)

    one = signal()
    other = coherence * one + np.sqrt(1 - coherence**2) * signal()
    return np.asarray((one * np.conj(other)).mean(axis=0) * np.exp(1j * phase))


@pytest.mark.parametrize(("coherence", "exact"), [(0.3, 0.1), (0.8, 0.01)])
@pytest.mark.parametrize("step", [0.05, -1.3, 3.0])
def test_what_both_see_cancels(step: float, coherence: float, exact: float) -> None:
    """A bowl of 30 rad, as narrow as can be unwrapped, and 1 rad of turbulence leave the step alone."""
    rng = np.random.default_rng(1)
    row, column = np.mgrid[: SHAPE[0], : SHAPE[1]]
    ground = 30 * np.exp(-((row - 14) ** 2 + (column - 200) ** 2) / (2 * 20**2))
    ground += rng.normal(size=SHAPE[1]).cumsum() / np.sqrt(SHAPE[1])
    told = overlap_phase(seen(ground, coherence, rng), seen(ground + step, coherence, rng), PIECE)
    assert told is not None
    assert abs(told.phase - step) < exact
    assert told.sigma < exact


def test_standard_error_is_true() -> None:
    """The error over its standard error has a standard deviation of 1."""
    rng = np.random.default_rng(2)
    still = np.zeros(SHAPE)
    told = [overlap_phase(seen(still, 0.4, rng, 4), seen(still, 0.4, rng, 4), PIECE) for _ in range(100)]
    scores = [one.phase / one.sigma for one in told if one is not None]
    assert len(scores) == 100
    assert 0.6 < np.std(scores) < 1.3


def test_local_motion_along_the_track_is_left_out() -> None:
    rng = np.random.default_rng(3)
    still, moving = np.zeros(SHAPE), np.zeros(SHAPE)
    moving[:, 100:220] = 1.0
    told = overlap_phase(seen(still, 0.7, rng), seen(moving, 0.7, rng), PIECE)
    assert told is not None
    assert abs(told.phase) < 0.05


def test_noise_tells_nothing() -> None:
    rng = np.random.default_rng(4)
    still = np.zeros(SHAPE)
    told = [overlap_phase(seen(still, 0.0, rng), seen(still, 0.0, rng), PIECE) for _ in range(20)]
    assert sum(one is not None for one in told) <= 2  # pieces that agree by chance
    assert overlap_phase(np.zeros(SHAPE, complex), np.zeros(SHAPE, complex), PIECE) is None
    assert overlap_phase(np.full(SHAPE, np.nan, complex), np.full(SHAPE, 1, complex), PIECE) is None


def test_water_in_the_overlap_does_not_matter() -> None:
    rng = np.random.default_rng(5)
    still = np.zeros(SHAPE)
    upper, lower = seen(still, 0.7, rng), seen(still + 0.5, 0.7, rng)
    for one in (upper, lower):
        one[:, 180:] = seen(still, 0.0, rng)[:, 180:]
    told = overlap_phase(upper, lower, PIECE)
    assert told is not None
    assert told.phase == pytest.approx(0.5, abs=0.03)


def test_misregistration_is_that_of_spectral_diversity() -> None:
    """A hundredth of a line of 2.0556 ms, seen 4.5 kHz apart: 2 pi 4500 x 2.0556e-5 = 0.581 rad."""
    even = np.ones(SHAPE, complex)
    told = overlap_phase(even, even * np.exp(0.581j), PIECE, doppler=4500.0, line_interval=2.0556e-3)
    assert told is not None
    assert told.lines == pytest.approx(0.01, rel=1e-3)
    assert OverlapPhase.from_dict({**vars(told), "new": 1}) == told


def test_worst_is_the_one_that_is_certain() -> None:
    doubtful, certain = OverlapPhase(1.0, 0.3), OverlapPhase(-0.5, 0.01)
    assert worst([doubtful, None, certain]) == certain
    assert worst([None]) is None


INTERVAL, DOPPLER = 2.0555e-3, 4800.0
PER_LINE = 2 * np.pi * DOPPLER * INTERVAL


def told(lines: float, sigma: float, doppler: float = DOPPLER) -> OverlapPhase:
    return OverlapPhase(2 * np.pi * doppler * INTERVAL * lines, sigma, doppler)


def test_overlaps_of_other_doppler_tell_one_misregistration() -> None:
    found = misregistration([told(0.02, 0.01), None, told(0.02, 0.02, -2500.0)], INTERVAL)
    assert found is not None
    assert found[0] == pytest.approx(0.02, rel=1e-9)
    assert found[1] >= 1e-6 / INTERVAL / np.sqrt(2)  # bursts are dated to a microsecond
    assert misregistration([None, OverlapPhase(0.3, 0.1)], INTERVAL) is None


def test_error_of_the_misregistration_is_true() -> None:
    """The error over its standard error has a standard deviation of 1, whatever that of the phases is."""
    rng = np.random.default_rng(6)
    for told_sigma, sigma in ((0.2, 0.2), (0.05, 0.2)):
        scores = []
        for _ in range(300):
            phases = [
                replace(told(0.01, told_sigma), phase=0.01 * PER_LINE + rng.normal(0, sigma)) for _ in range(12)
            ]
            found = misregistration(phases, INTERVAL)
            assert found is not None
            scores.append((found[0] - 0.01) / found[1])
        assert 0.8 < np.std(scores) < 1.4  # of 12 phases their spread is known to a fifth


def test_one_overlap_that_moves_does_not_bend_the_others() -> None:
    found = misregistration([*(told(0.002, 0.02) for _ in range(7)), told(0.04, 0.02)], INTERVAL)
    assert found is not None
    assert found[0] == pytest.approx(0.002, abs=3e-4)


def test_it_is_sure_beyond_three_errors_and_five_without_overlaps() -> None:
    assert Misregistration(0.004, 0.001, overlaps=2).sure
    assert not Misregistration(0.004, 0.001, overlaps=0).sure
    assert Misregistration(-0.006, 0.001, overlaps=0).sure
    assert not Misregistration(0.002, 0.001, overlaps=9).sure
