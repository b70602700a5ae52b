"""Variograms: fields of known covariance, closed forms of means, and the scatter of real means."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dinsar_cli.radar.variogram import Variogram, empirical_variogram, fit_variogram, map_variogram, variogram_at

SPACING = (40.0, 25.0)
TRUE = Variogram("exponential", nugget=1e-6, sill=9e-6, range=600.0)


def field(model: Variogram, shape: tuple[int, int], seed: int) -> np.ndarray:
    """A Gaussian field on a torus whose covariance is that of the model up to half of its sides."""
    rng = np.random.default_rng(seed)
    row = np.minimum(np.arange(shape[0]), shape[0] - np.arange(shape[0])) * SPACING[0]
    column = np.minimum(np.arange(shape[1]), shape[1] - np.arange(shape[1])) * SPACING[1]
    power = np.fft.fft2(model.covariance(np.hypot(row[:, None], column[None, :]))).real
    return np.fft.ifft2(np.fft.fft2(rng.standard_normal(shape)) * np.sqrt(np.maximum(power, 0))).real


@pytest.mark.parametrize("name", ["exponential", "spherical"])
def test_a_model_is_found_again(name: str) -> None:
    true = Variogram(name, 1e-6, 9e-6, 600.0)  # type: ignore[arg-type]
    found = map_variogram(field(true, (500, 700), 3), SPACING)
    assert found is not None
    assert found.model == name
    assert found.variance == pytest.approx(true.variance, rel=0.06)
    assert found.nugget == pytest.approx(true.nugget, abs=0.07 * true.variance)
    assert found.range == pytest.approx(true.range, rel=0.15)
    assert found.empirical is not None
    apart = found.empirical.distance
    np.testing.assert_allclose(found.empirical.semivariance, true.semivariance(apart), rtol=0.15)


def test_a_plane_and_what_moves_do_not_count_when_left_out() -> None:
    noise = field(TRUE, (500, 700), 4)
    row, column = np.indices(noise.shape)
    tilted = noise + 1e-4 * row - 5e-5 * column
    tilted[100:300, 200:400] += 0.2
    outside = np.ones(noise.shape, bool)
    outside[100:300, 200:400] = False
    found, whole = map_variogram(tilted, SPACING, outside=outside), map_variogram(tilted, SPACING)
    assert found is not None
    assert whole is not None
    assert found.plane_removed
    assert found.variance == pytest.approx(TRUE.variance, rel=0.1)
    assert whole.variance > 10 * TRUE.variance
    with_plane = map_variogram(tilted, SPACING, outside=outside, remove_plane=False)
    assert with_plane is not None
    assert with_plane.variance > 5 * TRUE.variance


def test_noise_of_single_cells_is_all_nugget() -> None:
    noise = np.random.default_rng(5).normal(0, 0.003, (300, 300))
    found = map_variogram(noise, SPACING)
    assert found is not None
    assert found.nugget + found.sill == pytest.approx(0.003**2, rel=0.03)
    assert float(found.covariance(200.0)) < 0.02 * 0.003**2
    cells = np.argwhere(np.ones((50, 50))) * SPACING[0]
    assert found.covariance_of_means(cells) == pytest.approx(0.003**2 / 2500, rel=0.5)


def test_the_variance_of_a_mean_is_that_of_means() -> None:
    side = 30
    means = []
    for seed in range(12):
        noise = field(TRUE, (480, 480), seed)
        means.append(noise.reshape(480 // side, side, 480 // side, side).mean((1, 3)))
    cells = np.argwhere(np.ones((side, side))) * np.array(SPACING)
    assert TRUE.covariance_of_means(cells) == pytest.approx(np.var(means), rel=0.06)
    beside = np.mean([np.mean(m[:, 1:] * m[:, :-1]) for m in means])
    assert TRUE.covariance_of_means(cells, cells + np.array([0, side * SPACING[1]])) == pytest.approx(
        beside, rel=0.2
    )


def test_the_mean_over_a_line_has_its_closed_form() -> None:
    # mean of exp(-|s - t| / a) over a line of length L: 2 a / L - 2 a^2 / L^2 (1 - exp(-L / a))
    model = Variogram("exponential", 0.0, 1.0, 300.0)
    length, a = 800.0, 100.0
    line = np.column_stack([(np.arange(1800) + 0.5) * length / 1800, np.zeros(1800)])
    exact = 2 * a / length - 2 * a**2 / length**2 * (1 - math.exp(-length / a))
    assert model.covariance_of_means(line) == pytest.approx(exact, rel=1e-4)
    many = np.column_stack([(np.arange(100_000) + 0.5) * length / 100_000, np.zeros(100_000)])
    assert model.covariance_of_means(many) == pytest.approx(exact, rel=2e-3)  # parts that stand for all


def test_the_nugget_of_many_cells_falls_with_their_number() -> None:
    cells = np.argwhere(np.ones((300, 300))) * 10.0
    assert Variogram("spherical", 4.0, 0.0, 50.0).covariance_of_means(cells) == pytest.approx(4.0 / 90_000)


@pytest.mark.parametrize("name", ["exponential", "spherical"])
def test_covariance_and_semivariance_sum_up_to_the_variance(name: str) -> None:
    model = Variogram(name, 2.0, 5.0, 100.0)  # type: ignore[arg-type]
    apart = np.array([0.0, 1e-9, 10.0, 99.0, 101.0, 1e6])
    np.testing.assert_allclose(model.covariance(apart) + model.semivariance(apart), 7.0)
    assert float(model.covariance(0.0)) == 7.0
    assert float(model.semivariance(100.0)) >= 2 + 0.95 * 5
    assert (
        np.linalg.eigvalsh(model.covariance(np.abs(np.subtract.outer(np.arange(200.0), np.arange(200.0))))).min()
        > 0
    )


def test_the_same_pairs_are_drawn_from_a_function_and_an_array() -> None:
    noise = field(TRUE, (200, 300), 6)
    found = variogram_at(lambda row, column: noise[row, column], noise.shape, SPACING)
    assert found is not None
    assert found == map_variogram(noise, SPACING)
    assert found != variogram_at(lambda row, column: noise[row, column], noise.shape, SPACING, seed=2)


def test_a_map_without_enough_of_values_has_none() -> None:
    empty = np.full((100, 100), np.nan)
    assert map_variogram(empty, SPACING) is None
    empty[50, 50:53] = 1
    assert map_variogram(empty, SPACING) is None
    assert map_variogram(np.zeros((1, 1)), SPACING) is None
    assert fit_variogram(empirical_variogram(np.full(1000, 5.0), np.ones(1000))) is None


def test_a_map_without_noise_has_a_variance_of_zero() -> None:
    still = map_variogram(np.zeros((100, 100)), SPACING)
    assert still is not None
    assert still.variance == 0
    assert still.covariance_of_means(np.zeros((3, 2))) == 0


def test_a_map_with_holes_is_as_one_without() -> None:
    noise = field(TRUE, (500, 700), 7)
    holes = np.where(np.random.default_rng(1).random(noise.shape) < 0.7, np.nan, noise)
    found, whole = map_variogram(holes, SPACING), map_variogram(noise, SPACING)
    assert found is not None
    assert whole is not None
    assert found.variance == pytest.approx(whole.variance, rel=0.1)
    assert found.range == pytest.approx(whole.range, rel=0.2)
