"""The noise of the filtered phase against the errors of filtered speckle."""

from __future__ import annotations

import json
import math
import subprocess
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from dinsar_cli.engines.topsapp.results.psfilt import psfilt
from dinsar_cli.maps.phase_noise import TABLE_FILE, PhaseFilter, filters, noise_curves, phase_sigma, sigma_of
from dinsar_cli.radar.interferogram import Interferogram
from dinsar_cli.radar.uncertainty import UNIFORM
from support.radar_inputs import written_interferogram
from support.speckle import INDEPENDENT, LookCells, look_cells
from support.topsapp.isce2_process import find_isce2

BINS = ((0.3, 0.5), (0.5, 0.7), (0.7, 0.9))
CELLS = (288, 96)
SEED = 77  # not one of those that the table was made with
PATCH = 32  # cells on a side of a patch of topsApp's filter
EDGE = 8  # cells beside which there is nothing to interpolate between


def estimate(cells: LookCells) -> np.ndarray:
    """Sample coherence of each look cell by itself."""
    found: np.ndarray = np.abs(cells.cross) / np.sqrt(cells.power[0] * cells.power[1])
    return found


def between(values: np.ndarray, generator: np.random.Generator, side: int = EDGE) -> np.ndarray:
    """Values at places anywhere between the cells, one beside each cell, interpolated bilinearly.

    In a line, places are at least `side` cells from the first sample, and one less from the last.
    """
    rows, columns = np.mgrid[EDGE : CELLS[0] - EDGE, side : CELLS[1] - side]
    places = rows + generator.uniform(0, 1, rows.shape), columns + generator.uniform(0, 1, rows.shape)
    return map_coordinates(values, places, order=1)


@pytest.mark.parametrize("engine", ["eos", "isce2"])
@pytest.mark.parametrize("looks", [(7, 2), (19, 7)])
@pytest.mark.parametrize(("fringes", "bounds"), [(0, (0.8, 1.2)), (2, (0.7, 1.3))])
def test_errors_are_as_large_as_sigma_says(
    engine: str, looks: tuple[int, int], fringes: int, bounds: tuple[float, float]
) -> None:
    # over a bowl of two fringes the filter bends the phase, which sigma knows less exactly than noise
    generator = np.random.default_rng((SEED, *looks, fringes))
    # each line has its coherence: over the patch of a filter it changes little
    true = np.linspace(0.95, 0.25, CELLS[0])
    cells = look_cells(CELLS, looks, np.repeat(true, looks[1])[:, None], generator)
    line, sample = np.mgrid[: CELLS[0], : CELLS[1]]
    distance = (line - CELLS[0] / 2) ** 2 + (sample - CELLS[1] / 2) ** 2
    wave = np.exp(2j * math.pi * fringes * np.exp(-distance / (2 * 40**2)))
    once = filters()[engine](cells.cross * wave, 0.5)
    chosen, effective = PhaseFilter(engine, 0.5), looks[0] * looks[1] * INDEPENDENT
    sigma = sigma_of(
        once / np.abs(once),
        estimate(cells),
        np.abs(cells.cross),
        noise_curves(chosen, effective),
        effective,
        chosen,
    )
    ratio = between(np.angle(once * wave.conj()), generator) / between(sigma, generator)
    for low, high in BINS:
        lines = (true > low) & (true < high)
        assert bounds[0] <= np.std(ratio[lines[EDGE:-EDGE]]) <= bounds[1]


RAMPS = ((0.0, 0.04), (0.02, 0.02), (-0.03, 0.01), (0.06, -0.06), (0.0, -0.08))  # rad a line and a sample
OUTER = 6  # cells at the first and last samples, where topsApp's filter bends a ramp by up to 80 times the noise


@pytest.mark.parametrize("engine", ["eos", "isce2"])
@pytest.mark.parametrize("looks", [(7, 2), (19, 7)])
def test_sigma_holds_at_the_edges_of_a_ramp(engine: str, looks: tuple[int, int]) -> None:
    generator = np.random.default_rng((SEED, *looks, 3))
    true = np.linspace(0.95, 0.25, CELLS[0])
    cells = look_cells(CELLS, looks, np.repeat(true, looks[1])[:, None], generator)
    chosen, effective = PhaseFilter(engine, 0.5), looks[0] * looks[1] * INDEPENDENT
    curves = noise_curves(chosen, effective)
    line, sample = np.mgrid[: CELLS[0], : CELLS[1]]
    ratios = []
    for down, across in RAMPS:
        wave = np.exp(1j * (down * line + across * sample))
        once = filters()[engine](cells.cross * wave, 0.5)
        sigma = sigma_of(once / np.abs(once), estimate(cells), np.abs(cells.cross), curves, effective, chosen)
        error = between(np.angle(once * wave.conj()), generator, 1)
        ratios.append(np.delete(error / between(sigma, generator, 1), slice(OUTER, -OUTER), axis=1))
    for low, high in BINS:
        lines = (true > low) & (true < high)
        assert 0.7 <= np.sqrt(np.mean(np.square(ratios)[:, lines[EDGE:-EDGE]])) <= 1.3


@pytest.mark.parametrize("looks", [(7, 2), (19, 7)])
def test_topsapp_weighs_by_the_product_of_both_amplitudes(tmp_path: Path, looks: tuple[int, int]) -> None:
    # its filter takes the interferogram with its amplitude: of a ramp, bright ground bends the phase beside it
    generator = np.random.default_rng((SEED, *looks, 4))
    cells = look_cells(CELLS, looks, 0.8, generator)
    line, sample = np.mgrid[: CELLS[0], : CELLS[1]]
    bright = np.exp(0.7 * (np.sin(2 * np.pi * line / 70) + np.sin(2 * np.pi * sample / 50)))  # as slopes make it
    wave = np.exp(0.04j * sample)
    once = filters()["isce2"](bright * cells.cross * wave, 0.5)
    once /= np.abs(once)
    chosen, effective = PhaseFilter("isce2", 0.5), looks[0] * looks[1] * INDEPENDENT
    amplitude = np.sqrt([bright * power for power in cells.power])
    sigma = phase_sigma(write_interferogram(tmp_path, once, estimate(cells), amplitude, effective), chosen, 10**9)
    size = bright * np.abs(cells.cross)
    known = sigma_of(once, estimate(cells), size, noise_curves(chosen, effective), effective, chosen)
    np.testing.assert_allclose(sigma, known, rtol=1e-3)
    ratio = between(np.angle(once * wave.conj()), generator) / between(sigma, generator)
    assert 0.7 <= np.std(ratio[PATCH:-PATCH, PATCH:-PATCH]) <= 1.3


def test_without_a_filter_the_formulas_hold() -> None:
    generator = np.random.default_rng(SEED)
    cells = look_cells((64, 64), (7, 2), 0.6, generator)
    for engine in filters():
        curves = noise_curves(PhaseFilter(engine, 0), 14 * INDEPENDENT)
        found = float(np.interp(0.6, curves.coherence, curves.cell))
        assert np.std(np.angle(cells.cross)) == pytest.approx(found, rel=0.1)
        assert curves.bend == 0


@pytest.mark.parametrize("engine", ["eos", "isce2"])
def test_a_stronger_filter_and_more_looks_leave_less(engine: str) -> None:
    def noise(strength: float, looks: float) -> np.ndarray:
        curves = noise_curves(PhaseFilter(engine, strength), looks)
        return curves.cell[100:-20:50]

    for weak, strong in ((0, 0.3), (0.3, 0.5), (0.5, 0.9)):
        assert np.all(noise(strong, 8) < noise(weak, 8))
    for few, many in ((2, 8), (8, 78), (78, 300)):
        assert np.all(noise(0.5, many) < noise(0.5, few))
    assert noise(0.5, 0.2).max() <= UNIFORM
    np.testing.assert_array_less(noise(0.5, 1e5), noise(0.5, 1e4))


def test_the_table_says_how_it_was_made() -> None:
    table = json.loads(TABLE_FILE.read_text(encoding="utf-8"))
    assert "filter_noise.py" in table["made"]
    assert table["engines"].keys() == filters().keys()


def test_nothing_known_is_the_uniform_phase_and_no_data_is_nan() -> None:
    generator = np.random.default_rng(SEED)
    wave = np.exp(2j * math.pi * generator.uniform(size=(48, 40)))
    wave[:10] = np.nan
    chosen = PhaseFilter("eos", 0.5)
    curves = noise_curves(chosen, 8)
    sigma = sigma_of(wave, np.zeros(wave.shape), np.ones(wave.shape), curves, 70, chosen)
    assert np.isnan(sigma[:10]).all()
    np.testing.assert_allclose(sigma[10:], curves.on_map[0], rtol=1e-6)
    assert sigma[10:].max() <= UNIFORM


@pytest.mark.parametrize("shape", [(1, 1), (3, 40), (70, 2)])
@pytest.mark.parametrize("engine", ["eos", "isce2"])
def test_small_and_empty_grids(engine: str, shape: tuple[int, int]) -> None:
    chosen = PhaseFilter(engine, 0.5)
    curves = noise_curves(chosen, 8)
    sigma = sigma_of(np.ones(shape, complex), np.full(shape, 0.9), np.ones(shape), curves, 70, chosen)
    assert np.isfinite(sigma).all()
    empty = np.full(shape, np.nan + 0j)
    assert np.isnan(sigma_of(empty, np.full(shape, np.nan), np.ones(shape), curves, 70, chosen)).all()


def write_interferogram(
    folder: Path,
    wrapped: np.ndarray,
    coherence: np.ndarray,
    amplitude: np.ndarray | None = None,
    effective: float = 8.3,
) -> Interferogram:
    """Without amplitude as of a folder without its images."""
    given = np.full((2, *wrapped.shape), np.nan) if amplitude is None else amplitude
    layers = {"wrapped": wrapped, "coherence": coherence, "amplitude": given}
    return written_interferogram(folder, layers, effective_looks=effective, coherence_looks=effective)


@pytest.mark.parametrize("engine", ["eos", "isce2"])
@pytest.mark.parametrize("shape", [(400, 40), (40, 400), (330, 310)])
def test_tiles_give_the_same_as_the_whole(tmp_path: Path, engine: str, shape: tuple[int, int]) -> None:
    generator = np.random.default_rng(SEED)
    cells = look_cells(shape, (7, 2), 0.7, generator)
    once = filters()[engine](cells.cross, 0.5)
    made = write_interferogram(tmp_path, once / np.abs(once), estimate(cells))
    chosen = PhaseFilter(engine, 0.5)
    whole, tiles = (phase_sigma(made, chosen, memory) for memory in (10**9, 10**7))
    np.testing.assert_allclose(tiles, whole, rtol=1e-5)


@pytest.mark.parametrize("engine", ["eos", "isce2"])
def test_the_number_of_threads_changes_nothing(tmp_path: Path, engine: str) -> None:
    cells = look_cells((900, 1500), (2, 2), 0.7, np.random.default_rng(SEED))
    made = write_interferogram(tmp_path, cells.cross / np.abs(cells.cross), estimate(cells))
    alone, shared = (phase_sigma(made, PhaseFilter(engine, 0.5), 2 * 10**8, threads) for threads in (1, 3))
    assert alone.tobytes() == shared.tobytes()


_LIBRARY = """
import ctypes, sys
folder, source, target, width, lines, strength = sys.argv[1:]
library = ctypes.CDLL(folder + "/components/mroipac/filter/libfilter.so")
size = [int(width), int(lines)]
ends = [0, size[0] - 1, 0, size[1] - 1]
library.psfilt(source.encode(), target.encode(), *size, ctypes.c_double(float(strength)), 16, *ends)
"""


@pytest.mark.isce2
@pytest.mark.parametrize("strength", [0.3, 0.8])
def test_the_filter_is_that_of_isce2(tmp_path: Path, strength: float) -> None:
    isce2 = find_isce2()[0]
    if isce2 is None:
        pytest.skip("no working ISCE2 (set ISCE_HOME, or put topsApp.py and a python3 with osgeo on PATH)")
    generator = np.random.default_rng(SEED)
    wave = (generator.standard_normal((130, 75)) + 1j * generator.standard_normal((130, 75)) + 1).astype(
        "complex64"
    )
    wave[40:50, 20:30] = 0
    source, target = tmp_path / "in", tmp_path / "out"
    wave.tofile(source)
    command = [str(isce2.python), "-c", _LIBRARY, str(isce2.home), str(source), str(target), "75", "130"]
    subprocess.run([*command, str(strength)], check=True, capture_output=True)
    theirs = np.fromfile(target, np.complex64).reshape(wave.shape)
    ours = psfilt(wave, strength)
    assert np.all((theirs == 0) == (ours == 0))
    np.testing.assert_allclose(np.angle(theirs * ours.conj()), 0, atol=1e-3)  # theirs is in single precision
