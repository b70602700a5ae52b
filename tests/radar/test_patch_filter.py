"""Filters of overlapping patches, and the one of the embedded engine, which has to be that of eos-sar."""

from __future__ import annotations

import numpy as np
import pytest

from dinsar_cli.engines.eos.eos_sar import eos_module
from dinsar_cli.engines.eos.goldstein import goldstein
from dinsar_cli.radar.patch_filter import filter_patches

SHAPES = [(5, 7), (32, 32), (33, 70), (130, 601)]


def noisy(shape: tuple[int, int], noise: float = 0.7) -> np.ndarray:
    """Unit vectors of a bent phase with noise."""
    generator = np.random.default_rng(3)
    y, x = np.mgrid[: shape[0], : shape[1]]
    wave = np.exp(1j * (0.002 * x * y + 0.1 * x))
    wave += noise * (generator.standard_normal(shape) + 1j * generator.standard_normal(shape))
    return (wave / np.abs(wave)).astype(np.complex64)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("size", "step", "before"), [(32, 8, 24), (16, 8, 8), (8, 8, 0), (8, 8, 3)])
def test_nothing_weighted_is_nothing_changed(shape: tuple[int, int], size: int, step: int, before: int) -> None:
    """Patches that are added with weights whose sum is one everywhere give the image again."""
    image = noisy(shape)
    equal = np.full((size, size), (step / size) ** 2)
    same = filter_patches(image, equal, step, before, lambda spectra: np.ones(spectra.shape, np.float32))
    np.testing.assert_allclose(same, image, atol=1e-6)


def test_a_gain_is_that_of_each_frequency() -> None:
    """Three waves of whole cycles in a patch, of which one is kept: the zero frequency comes first."""
    y, x = np.mgrid[:64, :64]
    waves = [np.exp(2j * np.pi * (a * y + b * x) / 16) for a, b in ((0, 0), (3, 0), (1, 5))]

    def gain(spectra: np.ndarray) -> np.ndarray:
        factors = np.zeros(spectra.shape, np.float32)
        factors[:, 1, 5] = 1
        return factors

    found = filter_patches(sum(waves), np.full((16, 16), 0.25), 8, 8, gain)
    inner = (slice(16, -16), slice(16, -16))
    np.testing.assert_allclose(found[inner], waves[2][inner], atol=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("strength", [0.2, 1.0])
def test_goldstein_is_that_of_eos_sar(shape: tuple[int, int], strength: float) -> None:
    unit = noisy(shape)
    unit[1:4, 2:5] = np.nan
    unit[60:110, 300:390] = np.nan  # more than a patch
    expected = eos_module("eos.sar.goldstein_filter").apply(unit, step=8, window_size=3, alpha=strength)
    np.testing.assert_allclose(goldstein(unit, strength), expected, atol=3e-6)


def test_goldstein_lowers_noise_and_keeps_the_phase() -> None:
    y, x = np.mgrid[:160, :160]
    phase = 6 * np.exp(-((x - 80) ** 2 + (y - 70) ** 2) / 2 / 30**2)
    noise = np.angle(noisy(phase.shape, 0.25)) - np.angle(noisy(phase.shape, 0.0))
    unit = np.exp(1j * (phase + noise)).astype(np.complex64)
    filtered = goldstein(unit, 0.5)
    inner = (slice(20, -20), slice(20, -20))
    before, after = (np.angle(values * np.exp(-1j * phase))[inner] for values in (unit, filtered))
    assert after.std() < before.std() / 3
    assert abs(after.mean()) < 0.01


def test_goldstein_of_no_strength_changes_nothing() -> None:
    unit = noisy((10, 10))
    assert (goldstein(unit, 0.0) == unit).all()


def test_goldstein_of_no_data_is_no_data() -> None:
    assert np.isnan(goldstein(np.full((50, 60), np.nan, np.complex64), 0.5)).all()
