"""ISCE2's topsApp, a processor that shares nothing with the simulator, gets a pair's known displacement back."""

from __future__ import annotations

import math
import shutil
from dataclasses import dataclass

import numpy as np
import pytest

from dinsar_cli.engines.topsapp.process.installation import Installation
from dinsar_cli.simulate import Scenario, SimulatedStack, simulate
from dinsar_cli.simulate.world.instrument import WAVELENGTH
from support.topsapp.direct_run import Products, run_topsapp
from support.topsapp.isce2_process import find_isce2
from support.truth import read, truth_at

pytestmark = pytest.mark.isce2


@dataclass(frozen=True)
class Outcome:
    """A simulated pair and what topsApp made of it."""

    scenario: Scenario
    stack: SimulatedStack
    products: Products

    def truth(self, name: str) -> np.ndarray:
        """A map of the truth at the look cells; NaN outside."""
        return truth_at(self.stack.truth, name, self.products.longitude, self.products.latitude)

    def known(self) -> np.ndarray:
        """Look cells with a phase and a truth, where the ground is coherent."""
        return np.isfinite(self.products.phase) & (self.truth("coherence") > 0.5)


@pytest.fixture(scope="module")
def isce2(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    found = find_isce2()[0]
    if found is None:
        pytest.skip("no working ISCE2 (set ISCE_HOME, or put topsApp.py and a python3 with osgeo on PATH)")
    return found


@pytest.fixture(scope="module")
def outcome(isce2: Installation, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    scenario = Scenario()
    stack = simulate(scenario, tmp_path_factory.mktemp("pair"))
    folder = tmp_path_factory.mktemp("topsapp")
    products = run_topsapp(isce2, scenario, stack, folder)
    shutil.rmtree(folder)  # half a gigabyte that pytest would keep
    return Outcome(scenario, stack, products)


def test_the_displacement_comes_back(outcome: Outcome) -> None:
    known, truth = outcome.known(), outcome.truth("los_displacement")
    result = -WAVELENGTH / (4.0 * math.pi) * outcome.products.phase
    residual = (result - truth)[known]
    residual -= np.median(residual)
    assert math.sqrt(np.mean(residual**2)) <= 0.5e-3
    assert np.polyfit(truth[known], result[known], 1)[0] == pytest.approx(1.0, abs=0.01)


def test_all_coherent_ground_has_a_phase(outcome: Outcome) -> None:
    coherence, transform = read(outcome.stack.truth / "coherence.tif")
    known = outcome.known()
    rows = np.floor((outcome.products.latitude[known] - transform.f) / transform.e).astype(int)
    columns = np.floor((outcome.products.longitude[known] - transform.c) / transform.a).astype(int)
    reached = np.zeros(coherence.shape, dtype=bool)
    reached[rows, columns] = True
    assert np.mean(reached[coherence > 0.5]) > 0.98


def test_both_see_the_ground_under_the_same_angle(outcome: Outcome) -> None:
    known = outcome.known()
    np.testing.assert_allclose(outcome.products.incidence[known], outcome.truth("incidence")[known], atol=1e-3)


def test_the_coherence_is_the_one_asked_for(outcome: Outcome) -> None:
    known = outcome.known()
    # About 0.01 of bias each: estimates from few samples are too high, and the truth leaves the baseline out.
    truth = np.mean(outcome.truth("coherence")[known])
    assert np.mean(outcome.products.coherence[known]) == pytest.approx(truth, abs=0.03)


def test_the_baseline_is_the_one_asked_for(outcome: Outcome) -> None:
    # ISCE2 gives it at the middle of a burst, the scenario at the centre of the scene.
    assert len(outcome.products.baselines) == 2
    assert outcome.products.baselines == pytest.approx([outcome.scenario.baseline(1)] * 2, abs=0.5)
