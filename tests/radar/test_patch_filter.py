"""Filters of overlapping patches, and the one of the embedded engine beside that of topsApp."""

from __future__ import annotations

import numpy as np
import pytest

from dinsar_cli.engines.eos.phase.goldstein import goldstein
from dinsar_cli.maps.phase_noise import filters
from dinsar_cli.radar.patch_filter import filter_patches
from support.speckle import LookCells, look_cells

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
def test_patches_may_be_tapered_before_and_after(shape: tuple[int, int]) -> None:
    """Squares of half a period of a sine add up to the same everywhere."""
    image = noisy(shape)
    arch = np.sin(np.pi * (np.arange(32) + 0.5) / 32) / np.sqrt(2)
    window = np.outer(arch, arch)
    ones = filter_patches(image, window, 8, 24, lambda spectra: np.ones(spectra.shape, np.float32), taper=window)
    np.testing.assert_allclose(ones, image, atol=1e-6)


COHERENCES = (0.3, 0.4, 0.6, 0.8, 0.9)
PERIODS = (4, 8, 16, 40, 100)
CELLS = (160, 224)
INNER = (slice(32, -32), slice(32, -32))


@pytest.fixture(scope="module")
def speckle() -> dict[float, LookCells]:
    generator = np.random.default_rng(6)
    return {coherence: look_cells(CELLS, (7, 2), coherence, generator) for coherence in COHERENCES}


def left(engine: str, cells: LookCells, phase: np.ndarray, strength: float = 0.5) -> np.ndarray:
    """Filtered phase of a true one on speckle, inside."""
    return np.angle(filters()[engine](cells.cross * np.exp(1j * phase), strength))[INNER]


@pytest.mark.parametrize("strength", [0.25, 0.5])
def test_it_leaves_no_more_noise_than_that_of_topsapp(speckle: dict[float, LookCells], strength: float) -> None:
    for cells in speckle.values():
        own, other = (left(name, cells, np.zeros(CELLS), strength).std() for name in ("eos", "isce2"))
        assert own < 0.95 * other


@pytest.mark.parametrize("coherence", [0.4, 0.8])
def test_it_resolves_more_than_that_of_topsapp(speckle: dict[float, LookCells], coherence: float) -> None:
    line, sample = np.mgrid[: CELLS[0], : CELLS[1]]
    for period in PERIODS:
        swing = np.sin(2 * np.pi * (0.8 * line + 0.6 * sample) / period)
        own, other = (
            float(np.vdot(left(name, speckle[coherence], swing), swing[INNER]) / np.sum(swing[INNER] ** 2))
            for name in ("eos", "isce2")
        )
        assert max(other, 0.5) < own < 1.05


@pytest.mark.parametrize(("radius", "fringes"), [(8, 1), (15, 2), (15, 5), (30, 5), (30, 10)])
def test_it_follows_bowls_better_than_that_of_topsapp(
    speckle: dict[float, LookCells], radius: int, fringes: int
) -> None:
    line, sample = np.mgrid[: CELLS[0], : CELLS[1]]
    distance = (line - CELLS[0] / 2) ** 2 + (sample - CELLS[1] / 2) ** 2
    bowl = 2 * np.pi * fringes * np.exp(-distance / (2 * radius**2))
    for coherence in (0.4, 0.8):
        errors = (
            np.angle(np.exp(1j * (left(name, speckle[coherence], bowl) - bowl[INNER]))) for name in ("eos", "isce2")
        )
        own, other = (np.sqrt(np.mean(error**2)) for error in errors)
        assert own < 0.8 * other


@pytest.mark.parametrize("fringe", [(0.0, 0.0), (0.11, 0.37), (-1.3, 0.9), (2.2, -2.6)])
def test_an_even_fringe_stays_as_it_is(fringe: tuple[float, float]) -> None:
    """Of any direction and width, whether it fits into a patch or not: within 0.1 mm, and 0.5 mm at the border."""
    line, sample = np.mgrid[:70, :90]
    wave = np.exp(1j * (fringe[0] * line + fringe[1] * sample)).astype(np.complex64)
    for strength in (0.25, 0.5, 1.0):
        error = np.abs(np.angle(goldstein(wave, strength) * wave.conj()))
        assert error[24:-24, 24:-24].max() < 0.02
        assert error.max() < 0.1


@pytest.mark.parametrize("strength", [0.2, 0.5, 1.0])
def test_what_is_all_noise_and_small_islands_have_a_phase(strength: float) -> None:
    unit = np.exp(1j * np.random.default_rng(7).uniform(-np.pi, np.pi, (90, 130))).astype(np.complex64)
    unit[15:] = np.nan
    unit[50, 110] = 1j
    unit[80:82, 20:23] = np.exp(0.5j)
    filtered = goldstein(unit, strength)
    assert np.all((np.abs(filtered) > 0) == np.isfinite(unit))
    assert np.angle(filtered[50, 110]) == pytest.approx(np.pi / 2, abs=1e-3)
    np.testing.assert_allclose(np.angle(filtered[80:82, 20:23]), 0.5, atol=1e-3)


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
