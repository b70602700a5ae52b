"""The steps of the embedded engine against analytic signals."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import pytest

from dinsar_cli.engines.eos import steps
from dinsar_cli.engines.eos.phase.goldstein import goldstein
from dinsar_cli.radar.geometry import Orbit, geodetic_to_cartesian, zero_doppler
from support.speckle import INDEPENDENT, look_cells

EPOCH = datetime(2023, 9, 4, tzinfo=UTC)


def circle(side: float = 0.0) -> Orbit:
    time = np.arange(-100.0, 101.0, 10.0)
    phase = 1.06e-3 * time
    position = 7.07e6 * np.stack([np.cos(phase), np.zeros_like(time), np.sin(phase)], axis=-1)
    return Orbit.fit(EPOCH, time, position + np.array([0.0, side, 0.0]))


def hills(longitude: np.ndarray, latitude: np.ndarray) -> np.ndarray:
    """Slopes up to 25 degrees."""
    return 1000 + 800 * np.sin(longitude * 60) * np.cos(latitude * 50)


def test_locate_lies_on_the_terrain_and_on_the_radar_grid() -> None:
    time, ranges = np.linspace(-1, 1, 40), np.linspace(8.2e5, 8.6e5, 300)
    ground = steps.locate(circle(), circle(100.0), time, ranges, hills, (200.0, 1800.0))
    assert np.abs(ground.height - hills(ground.longitude, ground.latitude)).max() < 2e-3
    point = geodetic_to_cartesian(ground.longitude, ground.latitude, ground.height)
    found_time, found_range = zero_doppler(circle(), point, 0.0)
    assert np.abs(found_time - time[:, None]).max() < 1e-8
    assert np.abs(found_range - ranges).max() < 1e-5
    secondary = zero_doppler(circle(100.0), point, 0.0)
    assert np.abs(ground.secondary_range - secondary[1]).max() < 1e-5
    assert np.linalg.norm(ground.los, axis=0) == pytest.approx(1, abs=1e-12)


def test_locate_has_no_position_outside_the_terrain() -> None:
    def half(longitude: np.ndarray, latitude: np.ndarray) -> np.ndarray:
        return np.where(latitude > 0, hills(longitude, latitude), np.nan)

    time, ranges = np.linspace(-1, 1, 11), np.linspace(8.2e5, 8.6e5, 20)
    ground = steps.locate(circle(), circle(), time, ranges, half, (200.0, 1800.0))
    assert np.isnan(ground.latitude[0]).all()
    assert np.isfinite(ground.latitude[-1]).all()


def doppler() -> object:
    from eos.products.sentinel1.doppler_info import Sentinel1Doppler

    return Sentinel1Doppler(5.4e-3, 0.0, [5.3e-3, -2331.0, 4.5e5, -7.8e7], 5.34e-3, [-10.0, 1.1e4], 7600.0)


def test_carrier_follows_miranda_2014() -> None:
    eta, tau = np.array([[-0.7], [0.0], [0.4]]), np.array([[5.31e-3, 5.42e-3, 5.55e-3]])
    rate = -2331.0 + 4.5e5 * (tau - 5.3e-3) - 7.8e7 * (tau - 5.3e-3) ** 2
    centroid = -10.0 + 1.1e4 * (tau - 5.34e-3)
    alpha = 1 - 7600.0 / rate
    total = 7600.0 / alpha
    middle = 5.4e-3
    rate_middle = -2331.0 + 4.5e5 * (middle - 5.3e-3) - 7.8e7 * (middle - 5.3e-3) ** 2
    reference = -centroid / rate - -(-10.0 + 1.1e4 * (middle - 5.34e-3)) / rate_middle
    expected = np.pi * total * (eta - reference) ** 2 + 2 * np.pi * centroid * (eta - reference)
    # the sign of k_t is that of the rotation, 7600 Hz/s forward: the spectrum of a burst rises in time
    found = steps.tops_carrier(doppler(), eta, tau)
    assert np.abs(found - expected).max() < 1e-6


def test_phasor_keeps_large_phases() -> None:
    phase = np.array([0.1, 1e5 + 0.3, -3e5 + 1.7])
    expected = [complex(np.cos(p), np.sin(p)) for p in phase]
    assert np.abs(steps.phasor(phase) - expected).max() < 1e-6


def test_deramped_burst_has_no_carrier() -> None:
    carrier = np.linspace(0, 4000, 5000).reshape(50, 100)
    assert np.abs(steps.deramp(np.exp(1j * carrier).astype(np.complex64), carrier) - 1).max() < 1e-6


def band_limited(line: np.ndarray, sample: np.ndarray) -> np.ndarray:
    """Spectral lines within the bandwidth of Sentinel-1: 0.33 cycles per line, 0.44 per sample."""
    tones = [(0.1, -0.21, 1.0), (-0.31, 0.05, 0.6), (0.02, 0.4, 0.4j)]
    return sum(a * np.exp(2j * np.pi * (f * line + g * sample)) for f, g, a in tones)


def test_resampling_reproduces_a_band_limited_signal() -> None:
    line, sample = np.mgrid[:60, :80].astype(float)
    moved = line[8:-8, 8:-8] + 0.31, sample[8:-8, 8:-8] * 1.0005 - 0.47
    found = steps.resample(band_limited(line, sample).astype(np.complex64), *moved)
    expected = band_limited(*moved)
    # less than 1 % of the power: that is what the coherence loses
    assert np.mean(np.abs(found - expected) ** 2) < 0.01 * np.mean(np.abs(expected) ** 2)
    assert abs(np.angle(np.mean(found * np.conj(expected)))) < 2e-3


def test_resampling_at_samples_gives_the_samples() -> None:
    rng = np.random.default_rng(0)
    slc = (rng.normal(size=(30, 40)) + 1j * rng.normal(size=(30, 40))).astype(np.complex64)
    line, sample = np.mgrid[5:25, 5:35].astype(float)
    assert np.abs(steps.resample(slc, line, sample) - slc[5:25, 5:35]).max() < 1e-5


def test_resampling_gives_nothing_where_there_is_no_data() -> None:
    line, sample = np.mgrid[-5:25, -5:35].astype(float)
    found = steps.resample(np.ones((20, 30), np.complex64), line, sample)
    assert (found[:9] == 0).all()
    assert (found[10:18, 10:28] != 0).all()


def test_interferogram_keeps_the_motion_and_loses_the_geometry() -> None:
    rng = np.random.default_rng(0)
    scatter = rng.normal(size=(20, 30)) + 1j * rng.normal(size=(20, 30))
    wavelength, near, farther, motion = 0.0555, 8.5e5, 8.5e5 + 123.4567, 0.004
    phase = -4 * np.pi / wavelength
    reference = (scatter * np.exp(1j * phase * near)).astype(np.complex64)
    carrier = np.full((20, 30), 777.7)
    deramped = (scatter * np.exp(1j * (phase * (farther + motion) - carrier))).astype(np.complex64)
    geometry = steps.geometric_phase(np.full((20, 30), near), np.full((20, 30), farther), wavelength)
    found = steps.form_interferogram(reference, steps.align(deramped, carrier, geometry))
    # away from the satellite: positive
    assert np.angle(found) == pytest.approx(4 * np.pi / wavelength * motion, abs=1e-3)


def test_multilook_sums_whole_cells() -> None:
    values = np.arange(7 * 11).reshape(7, 11)
    summed = steps.multilook(values, 2, 3)
    assert summed.shape == (3, 3)
    assert summed[1, 2] == values[2:4, 6:9].sum()


def speckle(gamma: float, phase: np.ndarray, looks: int, seed: int = 0) -> SimpleNamespace:
    rng = np.random.default_rng(seed)

    def draw() -> np.ndarray:
        return (rng.normal(size=(looks, *phase.shape)) + 1j * rng.normal(size=(looks, *phase.shape))) / np.sqrt(2)

    first = draw()
    second = (gamma * first + np.sqrt(1 - gamma**2) * draw()) * np.exp(-1j * phase)
    cross = (first * np.conj(second)).sum(axis=0).astype(np.complex64)
    return SimpleNamespace(
        cross=cross, powers=[(np.abs(slc) ** 2).sum(axis=0).astype(np.float32) for slc in (first, second)]
    )


@pytest.mark.parametrize("gamma", [0.2, 0.5, 0.9])
def test_coherence_of_correlated_speckle(gamma: float) -> None:
    made = speckle(gamma, np.zeros((120, 120)), 20)
    found = steps.coherence(made.cross, *made.powers, 5)
    assert found.mean() == pytest.approx(gamma, abs=0.015)
    assert 0 <= found.min() <= found.max() <= 1


def test_unwrapping_recovers_a_surface_up_to_whole_cycles() -> None:
    y, x = np.mgrid[:150, :200]
    phase = 25 * np.exp(-((x - 90) ** 2 + (y - 70) ** 2) / 2 / 30**2) + 0.02 * x
    wrapped = np.exp(1j * phase).astype(np.complex64)
    wrapped[:, :5] = np.nan
    unwrapped, components = steps.unwrap(wrapped, np.full(phase.shape, 0.8, np.float32), 20.0, 0.2)
    assert np.isnan(unwrapped[:, :5]).all()
    assert (components[:, :5] == 0).all()
    error = (unwrapped - phase)[:, 5:]
    assert np.ptp(error) < 1e-3
    assert error.mean() / (2 * np.pi) == pytest.approx(round(error.mean() / (2 * np.pi)), abs=1e-4)


@pytest.mark.parametrize("radius", [8, 12])
@pytest.mark.parametrize("coherence", [0.5, 0.8])
def test_a_small_bowl_of_a_fringe_keeps_its_cycle(radius: int, coherence: float) -> None:
    """In still ground, as over a mine: what guides the unwrapper must not rub it out."""
    y, x = np.mgrid[:220, :220]
    phase = 2.4 * np.pi * np.exp(-((x - 110) ** 2 + (y - 105) ** 2) / 2 / radius**2)
    cells = look_cells(phase.shape, (7, 2), coherence, np.random.default_rng(3))
    wave = cells.cross * np.exp(1j * phase)
    filtered = goldstein((wave / np.abs(wave)).astype(np.complex64), 0.5)
    known = steps.coherence(wave, *cells.power, 3)
    unwrapped, _ = steps.unwrap(filtered, known, 14 * INDEPENDENT, 0.3)
    cycles = np.rint((unwrapped - phase) / (2 * np.pi))
    assert (cycles == cycles[0, 0]).all()


def test_components_are_numbered_by_size() -> None:
    wrapped = np.ones((100, 100), np.complex64)
    coherence = np.full((100, 100), 0.9, np.float32)
    wrapped[:, 28:32] = np.nan
    _, components = steps.unwrap(wrapped, coherence, 20.0, 0.2)
    assert set(components[:, 33:95].ravel()) == {1}
    assert set(components[5:95, 2:25].ravel()) == {2}


@pytest.mark.parametrize("shape", [(2, 2), (3, 40), (22, 57), (40, 97), (129, 127), (128, 128)])
def test_small_areas_are_unwrapped(shape: tuple[int, int]) -> None:
    phase = 0.3 * np.add.outer(np.arange(shape[0]), np.arange(shape[1]))
    unwrapped, components = steps.unwrap(
        np.exp(1j * phase).astype(np.complex64), np.full(shape, 0.9, np.float32), 20.0, 0.0
    )
    assert np.ptp(unwrapped - phase) < 1e-3
    assert (components == 1).all()


def test_eos_is_loaded_without_what_is_not_used_and_still_has_it() -> None:
    """In a fresh process: others may have loaded it here."""
    program = """
import sys
from dinsar_cli.engines.eos.slc.eos_sar import doppler_info
alone = doppler_info()
assert alone is doppler_info()
assert not {"eos.sar", "eos.products", "dem_stitcher", "geopandas", "pandas"} & set(sys.modules)
import eos.products.sentinel1.doppler_info
whole = doppler_info()
assert whole is sys.modules["eos.products.sentinel1.doppler_info"] and whole.Orbit.__module__ == "eos.sar.orbit"
rates = [one.Sentinel1Doppler(5e-3, 0.0, [5e-3, -2e3, 4e5], 5e-3, [30.0, 2e4], 6e3) for one in (alone, whole)]
assert len({float(one.get_dop_rate(one.get_rg_dpt_dop_rate(5.1e-3))) for one in rates}) == 1
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
