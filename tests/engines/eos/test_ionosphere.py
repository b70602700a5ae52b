"""The split spectrum: parts of a spectrum, planes about each cell, and the ionosphere of phases that are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dinsar_cli.config.file import build_config
from dinsar_cli.engines.eos.engine import EosEngine
from dinsar_cli.engines.eos.phase.ionosphere import SplitSpectrum, smoothed
from dinsar_cli.engines.eos.slc.bands import SubBands
from dinsar_cli.errors import NoDataError

CARRIER, DISTANCE = 5.405e9, 33e6
SPACING = (28.0, 30.0)  # m
SHAPE = (300, 260)
LINE, SAMPLE = np.mgrid[: SHAPE[0], : SHAPE[1]]


@pytest.mark.parametrize("axis", [0, 1])
def test_parts_of_the_spectrum_hold_their_frequencies(axis: int) -> None:
    """Of tones at -20, -5 and 20 MHz the thirds of 56 MHz hold the first and the last one."""
    time = np.arange(400) / 64e6
    tones = {hz: np.exp(2j * np.pi * hz * time) for hz in (-20e6, -5e6, 20e6)}
    slc = np.repeat(sum(tones.values())[:, None], 3, axis=1).astype(np.complex64)
    bands = SubBands.of(slc if axis == 0 else slc.T, axis, 1 / 64e6, 56e6, 1 / 3)
    for part, hz in ((bands.low, -20e6), (bands.high, 20e6)):
        inner = (part if axis == 0 else part.T)[50:-50, 0]
        np.testing.assert_allclose(inner, tones[hz][50:-50], atol=0.05)
    assert bands.apart() == pytest.approx(40e6, rel=0.01)
    assert SubBands.of(np.zeros((40, 3), np.complex64), 0, 1 / 64e6, 56e6, 0.5).apart() == 0


def test_planes_are_kept_up_to_the_edges() -> None:
    line, sample = np.mgrid[:40, :30]
    plane = 3 + 0.2 * line - 0.1 * sample
    trust = np.ones(plane.shape)
    trust[10:20, 5:15] = 0
    fitted, _ = smoothed(np.where(trust > 0, plane, 99.0), trust, (4.0, 4.0))
    np.testing.assert_allclose(fitted, plane, atol=1e-4)


def test_the_noise_that_is_left_is_told() -> None:
    generator = np.random.default_rng(1)
    sigma = 0.5 + generator.random((60, 50))
    found = [smoothed(generator.normal(0, sigma), 1 / sigma**2, (3.0, 4.0)) for _ in range(30)]
    left = float(np.sqrt(np.mean([fitted**2 for fitted, _ in found])))
    assert found[0][1] == pytest.approx(left, rel=0.1)


def spectrum(electrons: np.ndarray, rest: np.ndarray, coherence: float = 0.98) -> SplitSpectrum:
    """What an interferogram shows of a phase of the ionosphere and the rest of the phase, radians."""
    half = DISTANCE / 2 / CARRIER
    bands = [np.exp(1j * (rest * (1 + side * half) + electrons * (1 - side * half))) for side in (-1, 1)]
    return SplitSpectrum(
        rest + electrons,
        np.stack(bands).astype(np.complex64),
        np.full(SHAPE, coherence),
        8.0,
        CARRIER,
        DISTANCE,
        SPACING,
    )


def test_ionosphere_is_told_from_deformation() -> None:
    """A slope of 12 rad of ionosphere beside a bowl of 30 rad and a ramp of 40 rad; no noise."""
    bowl = 30 * np.exp(-((LINE - 150) ** 2 + (SAMPLE - 130) ** 2) / (2 * 30.0**2))
    electrons = 12.0 * LINE / SHAPE[0] - 5.0 * SAMPLE / SHAPE[1]
    given = spectrum(electrons, bowl + 40.0 * SAMPLE / SHAPE[1])
    given.unwrapped[:40, :50] = np.nan  # as water
    found, noise = given.ionosphere()
    away = found - electrons
    assert np.isfinite(away).all()
    assert np.std(away) < 0.05
    assert 0 < noise < 0.2


@pytest.mark.parametrize("asked", [{"corrections.ionosphere": True}, {"coregistration.esd": "none"}])
def test_an_interferogram_without_what_is_asked_for_is_made_again(asked: dict[str, object]) -> None:
    plain, other = (EosEngine().fingerprint(build_config(None, keys)) for keys in ({}, asked))
    assert plain != other


def test_no_coherence_tells_nothing() -> None:
    given = spectrum(np.zeros(SHAPE), np.zeros(SHAPE))
    with pytest.raises(NoDataError, match="ionosphere"):
        replace(given, unwrapped=np.full(SHAPE, np.nan)).ionosphere()
