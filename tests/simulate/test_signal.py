"""Carrier, impulse response, noise and rendered tiles: what a reader of the pixels will find."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest

from dinsar_cli.simulate.files.pixels import prepare
from dinsar_cli.simulate.radar.acquisition import plan
from dinsar_cli.simulate.radar.carrier import Carrier, Polynomial
from dinsar_cli.simulate.radar.focus import HALF_WIDTH, Response
from dinsar_cli.simulate.radar.noise import complex_normal, key_of
from dinsar_cli.simulate.radar.render import Swath, Tile, corner_view, render
from dinsar_cli.simulate.radar.scene import build_scene
from dinsar_cli.simulate.world.deformation import GaussianBowl, Mogi, Still
from dinsar_cli.simulate.world.instrument import LINE_INTERVAL, RANGE_SPACING, SPEED_OF_LIGHT, WAVELENGTH
from dinsar_cli.simulate.world.scenario import Atmosphere, Coherence, Corners, Ionosphere, Scenario, Terrain

PERFECT = Coherence(repeat=1.0, floor=1.0, noise=-200.0)
SMALL: dict[str, Any] = {"columns": 400, "lake": None, "terrain": Terrain(relief=600.0, margin=0.02)}


def prepared(**options: Any) -> Swath:
    return prepare(build_scene(plan(Scenario(**{**SMALL, **options}))), 0)


def tiles(swath: Swath, tile: Tile) -> list[np.ndarray]:
    return [part[..., 0] + 1j * part[..., 1].astype(np.float64) for part in render(swath, tile)]


def deramped(swath: Swath, tile: Tile, index: int, pixels: np.ndarray) -> np.ndarray:
    window = swath.scene.campaign.windows[0]
    burst = swath.scene.campaign.passes[index].bursts[0][tile.burst]
    eta = burst.start - burst.middle(window.subswath.lines) + np.asarray(tile.lines) * LINE_INTERVAL
    slant_range = window.near_range + np.asarray(tile.columns) * RANGE_SPACING
    return pixels * np.exp(-1j * swath.carriers[index][tile.burst].phase(eta[:, None], slant_range[None, :]))


def mean_frequency(signal: np.ndarray) -> float:
    """Centre of the azimuth spectrum (Hz), by pulse pairs."""
    return float(np.angle(np.sum(signal[1:] * signal[:-1].conj()))) / (2.0 * np.pi * LINE_INTERVAL)


def test_carrier_is_a_chirp_about_the_annotated_centroid() -> None:
    carrier = Carrier(
        Polynomial(5e-3, (-2300.0, 4.5e5, 0.0)), Polynomial(5e-3, (20.0, 0.0, 0.0)), 1.59, 7590.0, 5.1e-3
    )
    slant_range = np.array(0.5 * 299792458.0 * 5.1e-3)
    eta, step = np.array([-1.0, 0.0, 1.0]), 1e-4
    frequency = (carrier.phase(eta + step, slant_range) - carrier.phase(eta - step, slant_range)) / (
        4.0 * np.pi * step
    )
    # Miranda (2017): f_c at the middle of burst and swath, growing by k_t = k_a k_s / (k_a - k_s).
    steering = 2.0 * 7590.0 / WAVELENGTH * np.radians(1.59)
    rate = -2300.0 + 4.5e5 * 1e-4
    assert frequency[1] == pytest.approx(20.0, abs=1e-4)
    assert frequency[2] - frequency[0] == pytest.approx(2.0 * rate * steering / (rate - steering), rel=1e-7)
    assert frequency[2] > frequency[0]


def test_response_has_unit_energy_and_the_annotated_spectrum() -> None:
    response = Response.hamming(327.0, 486.486, 0.70)
    pixels = np.arange(-8, 9, dtype=np.float32)
    for fraction in (0.0, 0.31):
        energy = np.sum(response.at(pixels[1:-1] - np.float32(fraction)) ** 2)
        assert energy == pytest.approx(1.0, abs=2e-3)
    frequencies = np.array([0.0, 100.0, 230.0])
    fine = np.arange(-7, 7, 0.01)
    values = response.at(fine.astype(np.float32))
    spectrum = [np.sum(values * np.cos(2.0 * np.pi * f / 486.486 * fine)) for f in frequencies]
    expected = (0.7 + 0.3 * np.cos(2.0 * np.pi * 100.0 / 327.0)) / 1.0
    assert spectrum[1] / spectrum[0] == pytest.approx(expected, abs=0.03)
    assert abs(spectrum[2] / spectrum[0]) < 0.05


@pytest.mark.parametrize("axis", [0, 1])
def test_a_scatterer_appears_at_its_fractional_position(axis: int) -> None:
    response = Response.hamming(327.0, 486.486, 0.70)
    signal = np.zeros((2, 60, 60), np.float32)
    signal[0, 30, 30] = 1.0
    shift = np.full((60, 60), -9.69, np.float32)
    pixels = response.spread(signal, shift, 40, axis)
    profile = pixels[0, :, 30] if axis == 0 else pixels[0, 30, :]
    expected = response.at((np.arange(40) - (30.0 - 9.69)).astype(np.float32))
    near = np.abs(np.arange(40) - 20.31) <= HALF_WIDTH
    np.testing.assert_allclose(profile[near], expected[near], atol=2e-3)
    assert np.max(np.abs(profile[~near])) < 1e-9


def test_too_few_scatterers_are_refused() -> None:
    response = Response.hamming(327.0, 486.486, 0.70)
    with pytest.raises(ValueError, match="pixels need"):
        response.spread(np.zeros((2, 20, 5), np.float32), np.zeros((20, 5), np.float32), 18, 0)


def test_noise_is_white_circular_and_depends_on_the_position_alone() -> None:
    key = key_of(1, "speckle")
    whole = complex_normal(key, range(-100, 300), range(-50, 450))
    np.testing.assert_array_equal(complex_normal(key, range(17, 40), range(3, 99)), whole[:, 117:140, 53:149])
    field = whole[0] + 1j * whole[1].astype(np.float64)
    count = field.size
    assert np.mean(np.abs(field) ** 2) == pytest.approx(1.0, abs=4.0 / np.sqrt(count))
    # Exponential intensity: the fourth moment of a circular Gaussian is 2.
    assert np.mean(np.abs(field) ** 4) == pytest.approx(2.0, abs=0.05)
    for product in (field[1:] * field[:-1].conj(), field[:, 1:] * field[:, :-1].conj(), field * field):
        assert abs(product.mean()) < 5.0 / np.sqrt(count)
    other = complex_normal(key_of(2, "speckle"), range(-100, 300), range(-50, 450))
    assert abs(np.mean(field * (other[0] - 1j * other[1]))) < 5.0 / np.sqrt(count)


def test_spectra_are_centred_after_deramping() -> None:
    swath = prepared(burst_offset=0.31, columns=600)
    tile = Tile(1, range(100, 1400), range(500))
    for index, pixels in enumerate(tiles(swath, tile)):
        # The estimate has a standard deviation of 0.15 Hz for this many pixels.
        assert mean_frequency(deramped(swath, tile, index, pixels)) == pytest.approx(0.0, abs=0.7)
        # With the carrier's sign turned the spectrum is nowhere near.
        wrong = pixels * np.conj(deramped(swath, tile, index, np.ones_like(pixels)))
        coherent = np.abs(np.sum(wrong[1:] * wrong[:-1].conj())) / np.sum(np.abs(wrong) ** 2)
        assert coherent < 0.2


def test_vertical_motion_gives_the_phase_of_the_line_of_sight() -> None:
    # Same orbit, same lines, no decorrelation: the interferogram needs no processing.
    swath = prepared(
        deformation=GaussianBowl(peak=-0.015, radius=1500.0),
        baselines=(0.0,),
        burst_offset=0.0,
        coherence=PERFECT,
    )
    tile = Tile(0, range(1100, 1400), range(40, 360))
    first, second = tiles(swath, tile)
    interferogram = (first * second.conj()).reshape(20, 15, 20, 16).mean(axis=(1, 3))
    # Towards the satellite is minus: phi = 4 pi / lambda (R_sec - R_ref).
    los = -WAVELENGTH / (4.0 * np.pi) * np.angle(interferogram)
    expected = los_on_tile(swath, tile, 1).reshape(20, 15, 20, 16).mean(axis=(1, 3))
    assert -WAVELENGTH / 4.0 < expected.min() < -0.009
    np.testing.assert_allclose(los, expected, atol=1.5e-4)
    assert abs(np.mean(los - expected)) < 1e-5


def los_on_tile(swath: Swath, tile: Tile, index: int) -> np.ndarray:
    """Displacement toward the satellite at the pixels, by a route of its own: locate, then view."""
    from dinsar_cli.simulate.radar.range_doppler import locate, view

    scene, window = swath.scene, swath.scene.campaign.windows[0]
    orbit = scene.campaign.passes[0].orbit
    burst = scene.campaign.passes[0].bursts[0][tile.burst]
    time = (burst.start + np.asarray(tile.lines) * LINE_INTERVAL)[:, None]
    slant_range = (window.near_range + np.asarray(tile.columns) * RANGE_SPACING)[None, :]
    height = np.full((len(tile.lines), len(tile.columns)), 500.0)
    for _ in range(12):
        longitude, latitude = locate(orbit, time, slant_range, height)
        height = 0.5 * height + 0.5 * scene.terrain.at(longitude, latitude)
    sight = view(orbit, longitude, latitude, height).sight
    return np.sum(np.moveaxis(sight, -1, 0) * scene.displacement(index, longitude, latitude), axis=0)


def test_nothing_moves_nothing_changes() -> None:
    swath = prepared(deformation=Still(), baselines=(0.0,), burst_offset=0.0, coherence=PERFECT)
    first, second = tiles(swath, Tile(0, range(700, 760), range(100, 200)))
    # The Doppler centroids differ by some hertz: a little coherence is lost, the mean phase is not touched.
    cross = np.sum(first * second.conj()) / np.linalg.norm(first) / np.linalg.norm(second)
    assert np.abs(cross) > 0.99
    assert np.angle(cross) == pytest.approx(0.0, abs=2e-3)


def test_coherence_is_the_wanted_one() -> None:
    swath = prepared(
        deformation=Still(),
        baselines=(0.0, 0.0),
        burst_offset=0.0,
        dates=(date(2023, 9, 4), date(2023, 9, 16), date(2023, 10, 10)),
        coherence=Coherence(repeat=0.7, floor=0.3, noise=-60.0),
    )
    tile = Tile(0, range(600, 900), range(380))
    parts = tiles(swath, tile)
    for index, expected in ((1, 0.7), (2, 0.3 + 0.7 * (0.4 / 0.7) ** 3)):
        cross = np.abs(np.sum(parts[0] * parts[index].conj()))
        power = np.sqrt(np.sum(np.abs(parts[0]) ** 2) * np.sum(np.abs(parts[index]) ** 2))
        assert cross / power == pytest.approx(expected, abs=0.02)


def test_three_dates_close() -> None:
    swath = prepared(
        deformation=Mogi.from_uplift(0.2, depth=2000.0),
        motion="velocity",
        baselines=(0.0, 0.0),
        burst_offset=0.0,
        dates=(date(2023, 9, 4), date(2023, 9, 16), date(2024, 3, 2)),
        coherence=PERFECT,
        atmosphere=Atmosphere(),
    )
    tile = Tile(0, range(1200, 1300), range(100, 300))
    a, b, c = tiles(swath, tile)

    def looks(pair: np.ndarray) -> np.ndarray:
        return pair.reshape(10, 10, 10, 20).mean(axis=(1, 3))

    closure = looks(a * b.conj()) * looks(b * c.conj()) * looks(a * c.conj()).conj()
    assert np.ptp(np.angle(looks(a * c.conj()))) > 0.2
    assert np.max(np.abs(np.angle(closure))) < 0.05


@pytest.mark.parametrize("shape", [{"ionosphere": Ionosphere(12.0)}, {"deformation": GaussianBowl(0.2, 1e6)}])
def test_only_the_ionosphere_is_dispersive(shape: dict[str, Any]) -> None:
    """Its phase goes with 1/frequency over the band; that of a motion with the frequency."""
    options = {"deformation": Still()} | shape
    swath = prepared(baselines=(0.0,), burst_offset=0.0, coherence=PERFECT, **options)
    tile = Tile(0, range(600, 900), range(40, 360))
    spectra = [np.fft.fft(part * np.hanning(320), axis=1) for part in tiles(swath, tile)]
    away = np.fft.fftfreq(320, 2.0 * RANGE_SPACING / SPEED_OF_LIGHT)  # from the carrier (Hz)
    cross = np.sum(spectra[0] * spectra[1].conj(), axis=0)
    phase, band = np.angle(np.sum(cross)), np.abs(away) < 25e6
    change = np.angle(cross * np.exp(-1j * phase))[band]
    slope = np.polyfit(away[band], change, 1, w=np.abs(cross)[band])[0]  # rad/Hz
    carrier = SPEED_OF_LIGHT / WAVELENGTH
    # phi(f) = 4 pi / c f (R_sec - R_ref); for electrons R_sec - R_ref = -40.3 TEC / f^2
    if "ionosphere" in shape:
        nearer, sign = 40.308e16 * 12.0 / carrier**2, -1.0
    else:
        nearer, sign = float(np.mean(los_on_tile(swath, tile, 1))), 1.0
    assert nearer > 0.1
    assert np.angle(np.exp(1j * (phase + 4 * np.pi / WAVELENGTH * nearer))) == pytest.approx(0.0, abs=0.02)
    assert slope == pytest.approx(-sign * 4 * np.pi / SPEED_OF_LIGHT * nearer, rel=0.05)


@pytest.mark.parametrize("electrons", [0.0, 40.0])
def test_corner_points_have_the_phase_of_their_range(electrons: float) -> None:
    corners = Corners(((-8.85, 31.35), (-8.845, 31.40)), amplitude=20000.0)
    swath = prepared(corners=corners, ionosphere=Ionosphere(electrons))
    window = swath.scene.campaign.windows[0]
    checked = 0
    for index, flight in enumerate(swath.scene.campaign.passes):
        eta, slant_range, ahead = corner_view(swath.scene, index)
        # 13.8 mm for 1e16 electrons: the phase is ahead of the range by that, and the pulse behind
        np.testing.assert_allclose(ahead, 2 * 0.0138 * electrons * index, rtol=1e-3)
        for burst in flight.bursts[0]:
            for time, distance, lead in zip(eta, slant_range, ahead, strict=True):
                line = (time - burst.start) / LINE_INTERVAL
                column = (distance - window.near_range) / RANGE_SPACING
                if not (40 < line < 1440 and 20 < column < 370):
                    continue
                tile = Tile(
                    burst.index,
                    range(round(line) - 16, round(line) + 16),
                    range(round(column) - 16, round(column) + 16),
                )
                pixels = deramped(swath, tile, index, tiles(swath, tile)[index])
                peak, row, across = interpolated_peak(pixels)
                assert row + tile.lines.start == pytest.approx(line, abs=0.05)
                assert across + tile.columns.start == pytest.approx(column, abs=0.05)
                carrier = swath.carriers[index][burst.index]
                eta_peak = np.array(time - burst.middle(window.subswath.lines))
                phase_range = distance - lead
                expected = -4.0 * np.pi / WAVELENGTH * phase_range - carrier.phase(eta_peak, np.array(distance))
                assert np.angle(peak * np.exp(-1j * expected)) == pytest.approx(0.0, abs=0.03)
                checked += 1
    assert checked >= 4


def interpolated_peak(pixels: np.ndarray) -> tuple[complex, float, float]:
    """Highest value of band-limited data between the pixels, and where it is."""
    size, factor = len(pixels), 32
    spectrum = np.zeros((size * factor, size * factor), complex)
    start = (size * factor - size) // 2
    spectrum[start : start + size, start : start + size] = np.fft.fftshift(np.fft.fft2(pixels))
    fine = np.fft.ifft2(np.fft.ifftshift(spectrum))
    row, column = np.unravel_index(np.argmax(np.abs(fine)), fine.shape)
    return complex(fine[row, column]), row / factor, column / factor
