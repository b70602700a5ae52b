"""The ionosphere by the split spectrum of each engine, on a simulated pair with electrons of known number."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from dinsar_cli.compare.truth import Map, read_map
from dinsar_cli.simulate import Coherence, Ionosphere, Mogi, Scenario, Terrain
from support.command import run_apart
from support.place import Place
from support.truth import accuracy, truth_on

# The split spectrum multiplies noise by 143 (in radians): coherent ground, and more electrons than noise.
SCENARIO = Scenario(
    deformation=Mogi.from_uplift(0.05, 3000.0),
    coherence=Coherence(repeat=0.97, noise=-25.0),
    ionosphere=Ionosphere(electrons=2.0, east_per_km=0.08, north_per_km=-0.08),
    terrain=Terrain(relief=500.0, margin=0.05),
    baselines=(30.0,),
    lake=None,
    columns=2400,
    seed=5,
)
# As many look cells of the ionosphere in the small scene as topsApp's filter needs.
OPTIONS = {
    "total_number_of_range_looks_in_the_ionosphere_processing": 80,
    "total_number_of_azimuth_looks_in_the_ionosphere_processing": 20,
    "number_of_range_looks_at_first_stage_for_ionosphere_phase_unwrapping": 20,
    "number_of_azimuth_looks_at_first_stage_for_ionosphere_phase_unwrapping": 5,
    "maximum_window_size_for_filtering_ionosphere_phase": 101,
    "minimum_window_size_for_filtering_ionosphere_phase": 51,
}


@dataclass(frozen=True)
class Corrected:
    """A simulated pair, and what a run made of it."""

    place: Place
    engine: str
    summary: dict[str, Any]

    @property
    def truth(self) -> Path:
        return self.place.stack.truth

    def layer(self, name: str) -> Map:
        return read_map(Path(self.summary["products"][name]))


def run(place: Place, engine: str) -> dict[str, Any]:
    config = place.config(corrections={"ionosphere": True}, topsapp=OPTIONS)
    done = run_apart(*place.command(config, engine=engine), timeout=900)
    assert done.code == 0, done.err
    summary: dict[str, Any] = json.loads(done.out)
    return summary


@pytest.fixture(scope="module", params=["eos", pytest.param("isce2", marks=pytest.mark.isce2)])
def corrected(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Corrected:
    place = Place.simulated(SCENARIO, tmp_path_factory.mktemp("ionosphere"))
    return Corrected(place, request.param, run(place, request.param))


def test_the_ionosphere_is_found_with_its_sign(corrected: Corrected) -> None:
    found = corrected.layer("correction_ionosphere")
    true = truth_on(corrected.truth, "ionosphere", found)
    known = np.isfinite(found.values) & np.isfinite(true)
    assert np.std(true[known]) > 8e-3
    # More electrons bring the phase ahead, as motion toward the satellite does.
    assert np.polyfit(true[known], found.values[known], 1)[0] == pytest.approx(1, abs=0.05)
    assert np.std((found.values - true)[known]) < 1e-3  # the deformation of 5 cm is not taken for ionosphere
    np.testing.assert_array_equal(
        np.isfinite(found.values), np.isfinite(corrected.layer("ionosphere_phase").values)
    )


def test_without_it_the_map_meets_the_truth(corrected: Corrected) -> None:
    los, layer = corrected.layer("los_displacement"), corrected.layer("correction_ionosphere").values
    after, before, wrong = (
        accuracy(Map(los.values + times * layer, los.transform, los.crs), corrected.truth).statistics
        for times in (0, 1, 2)
    )
    assert after.rmse < 1e-3
    assert after.gain == pytest.approx(1, abs=0.02)
    assert before.rmse > 8e-3
    assert wrong.rmse > 1.9 * before.rmse


def test_its_size_is_told(corrected: Corrected) -> None:
    told = corrected.summary["corrections"]["ionosphere"]
    layer, los = (corrected.layer(name).values for name in ("correction_ionosphere", "los_displacement"))
    known = np.isfinite(los)
    assert told["std_m"] == pytest.approx(np.std(layer[known]), rel=0.02)
    assert told["los_std_after_m"] == pytest.approx(np.std(los[known]), rel=0.02)
    assert told["los_std_before_m"] == pytest.approx(np.std((los + layer)[known]), rel=0.02)
    assert told["lost"] < 0.01
    if corrected.engine == "eos":  # topsApp does not tell it
        assert 1e-4 < told["noise_m"] < 1e-3
    assert not any("noise of its estimate" in text for text in corrected.summary["warnings"])
    with rasterio.open(corrected.summary["products"]["los_displacement"]) as file:
        assert file.tags()["corrections"] == "ionosphere"


def test_a_second_run_makes_nothing_again(corrected: Corrected) -> None:
    folder = Path(corrected.summary["folder"])
    made = folder / ("logs/00_topsApp.log" if corrected.engine == "isce2" else "radar/ionosphere.npy")
    before = made.stat()
    run(corrected.place, corrected.engine)
    assert made.stat() == before
