"""Phase that GAMMA unwrapped: wrapped again, our unwrapper finds the same cycles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from dinsar_cli.compare.truth import read_map
from dinsar_cli.config.model import RunConfig
from dinsar_cli.engines.eos.steps import unwrap
from dinsar_cli.radar.displacement import los_displacement
from support.real_inputs import each

pytestmark = pytest.mark.real

PHASES = each("mexico_city/*_unw.tif")
COHERENCES = each("mexico_city/*_cc.tif")
LARGER = each("mexico_city/*_ifg.tif")

CYCLE = 2 * np.pi
LOOKS = 16  # a guess: 8 looks in range and as square a cell in azimuth
FREQUENCY = 5.405000454e9


def unwrapped_again(phase: np.ndarray, coherence: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unwrapped phase and components of phase that is wrapped first, as with a run."""
    pytest.importorskip("whirlwind")
    wrapped = np.exp(1j * phase).astype(np.complex64)
    reliability = RunConfig().unwrap.reliability
    return unwrap(wrapped, np.nan_to_num(coherence), LOOKS, reliability)


def check_cycles(phase: np.ndarray, found: np.ndarray, labels: np.ndarray) -> None:
    """In each component the difference is one number of cycles, in every cell."""
    difference = (found.astype(float) - phase) / CYCLE
    cycles = np.rint(difference)
    assert np.nanmax(np.abs(difference - cycles)) < 1e-3 / CYCLE
    for label in range(1, labels.max() + 1):
        cells = labels == label
        assert np.isfinite(phase[cells]).all()
        assert np.unique(cycles[cells]).size == 1, f"component {label}"


@pytest.mark.parametrize("path", PHASES)
def test_rewrapped_phase_gives_the_same_cycles_in_every_labelled_cell(path: Path) -> None:
    phase = read_map(path).values.astype(float)
    coherence = read_map(path.with_name(path.name.replace("eqa_unw", "flat_eqa_cc"))).values
    found, labels = unwrapped_again(phase, coherence)
    check_cycles(phase, found, labels)
    known = np.isfinite(phase)
    assert known.mean() > 0.95
    assert (labels[known] > 0).mean() > 0.95
    assert (labels[~known] == 0).all()
    # what it means on the ground: half a wavelength for each cycle, toward the satellite where the phase falls
    with rasterio.open(path) as dataset:
        wavelength = float(dataset.tags()["WAVELENGTH_METRES"])
    assert wavelength == pytest.approx(299_792_458.0 / FREQUENCY, rel=1e-3)
    los, theirs = los_displacement(found, wavelength), -wavelength * phase / (4 * np.pi)
    shift = np.median((los - theirs)[labels == 1])
    assert shift / (wavelength / 2) == pytest.approx(round(shift / (wavelength / 2)), abs=1e-3)
    np.testing.assert_allclose((los - theirs)[labels == 1], shift, atol=1e-6)
    slope = np.polyfit(phase[labels == 1], los[labels == 1], 1)[0]
    assert slope == pytest.approx(-wavelength / (4 * np.pi), rel=1e-5)


@pytest.mark.parametrize("path", COHERENCES)
def test_coherence_is_read_with_its_gaps(path: Path) -> None:
    coherence = read_map(path).values
    with rasterio.open(path) as dataset:
        raw = dataset.read(1)
    assert np.array_equal(np.isnan(coherence), raw == 0)
    assert 0 < np.nanmin(coherence) < np.nanmax(coherence) <= 1
    assert 0.4 < np.nanmedian(coherence) < 0.8  # a city and its lava fields


@pytest.mark.parametrize("path", LARGER)
def test_a_larger_map_without_coherence_gives_nearly_the_same_cycles(path: Path) -> None:
    """PyRate averaged unwrapped phase over 10 x 10 cells, also over zeros where there was none.

    Cells at its edges and where it steps by more than half a cycle are no phase of any ground, so that some must
    differ; there is no coherence to leave them out by.
    """
    phase = read_map(path).values.astype(float)
    phase[phase == 0] = np.nan  # its own value for no data is NaN, which it does not use
    found, labels = unwrapped_again(phase, np.full(phase.shape, 0.6, np.float32))
    cycles = np.rint((found - phase) / CYCLE)
    cells = labels == 1
    assert cells.sum() / np.isfinite(phase).sum() > 0.98
    same = cycles[cells] == np.median(cycles[cells])
    assert same.mean() > 0.995
