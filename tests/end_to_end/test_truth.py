"""The map of the embedded engine against a known displacement, and the errors that must show in it.

Each mutation is a mistake that people make in this field; the same judgement that passes the map must refuse it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import rasterio

from dinsar_cli.compare.truth import Map, read_map, seam_steps
from dinsar_cli.config.request import request_of
from dinsar_cli.plan.plan import plan_run
from dinsar_cli.sentinel1.acquisition import SwathBurst
from support.pair import Made, make_map, pair_config, prepared, swapped
from support.truth import accuracy, read, truth_on

pytestmark = pytest.mark.pair

ROI = "-8.88 31.30 -8.78 31.42"  # the deformation and the seam between the two bursts


def faults(los: Map, truth: Path) -> set[str]:
    """What is wrong with a displacement map, by the bounds that the project states."""
    found = accuracy(los, truth)
    gain = found.statistics.gain
    assert gain is not None
    wrong = {
        "rmse": found.statistics.rmse > 0.45e-3,
        "gain": not 0.99 <= gain <= 1.01,
        "shift": found.shift > 0.35,  # map pixels of about 28 m
        "coverage": found.statistics.coverage < 0.93,
    }
    return {name for name, is_wrong in wrong.items() if is_wrong}


def los_error(los_vector: np.ndarray, grid: Map, truth: Path) -> float:
    """Largest difference, in metres, between the true motion seen along a LOS vector and the true displacement."""
    seen = sum(
        part * truth_on(truth, name, grid) for part, name in zip(los_vector, ("east", "north", "up"), strict=True)
    )
    return float(np.nanmax(np.abs(seen - truth_on(truth, "los_displacement", grid))))


@pytest.fixture(scope="module")
def whole(pair_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("whole")
    plan = plan_run(request_of(pair_config(pair_folder)), folder / "cache")
    return make_map(plan, prepared(plan, folder / "cache"), folder)


@pytest.fixture(scope="module")
def crop(pair_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    folder = tmp_path_factory.mktemp("crop")
    plan = plan_run(request_of(pair_config(pair_folder, roi=ROI)), folder / "cache")
    return SimpleNamespace(plan=plan, inputs=prepared(plan, folder / "cache"), folder=folder)


def test_displacement_meets_truth(whole: Made, pair_folder: Path) -> None:
    assert faults(whole.los, pair_folder / "truth") == set()


def test_no_step_at_burst_seams(whole: Made, pair_folder: Path) -> None:
    steps, _ = seam_steps(whole.interferogram, pair_folder / "truth" / "los_displacement.tif")
    assert len(steps) == 1
    assert np.abs(steps).max() <= 0.02


def test_unwrapped_differs_from_wrapped_by_whole_cycles(whole: Made) -> None:
    wrapped, unwrapped = (whole.interferogram.layer(name).read() for name in ("wrapped", "unwrapped"))
    cycles = (unwrapped.astype(float) - np.angle(wrapped)) / (2 * np.pi)
    known = np.isfinite(unwrapped)
    assert known.mean() > 0.95
    assert np.abs(cycles - np.rint(cycles))[known].max() < 1e-3 / (2 * np.pi)


def test_coherence_is_that_of_the_truth(whole: Made, pair_folder: Path) -> None:
    coherence = read_map(whole.products / "coherence.tif")
    truth = truth_on(pair_folder / "truth", "coherence", coherence)
    assert np.nanmean(coherence.values[truth > 0.7]) == pytest.approx(0.75, abs=0.02)
    assert np.nanmean(coherence.values[truth < 0.06]) < 0.2


def test_line_of_sight_projects_the_true_motion(whole: Made, pair_folder: Path) -> None:
    los_vector, transform = read(whole.products / "los_vector.tif")
    assert transform == whole.los.transform
    assert los_error(los_vector, whole.los, pair_folder / "truth") < 0.05e-3
    east_flipped = los_vector * np.array([-1, 1, 1])[:, None, None]
    assert los_error(east_flipped, whole.los, pair_folder / "truth") > 5e-3


def test_incidence_is_that_of_the_truth(whole: Made, pair_folder: Path) -> None:
    incidence = read_map(whole.products / "incidence_angle.tif")
    truth = truth_on(pair_folder / "truth", "incidence", incidence)
    assert np.nanmax(np.abs(incidence.values - truth)) < 0.01


def test_mutation_half_pixel_shift(whole: Made, pair_folder: Path) -> None:
    moved = replace(whole.los, transform=whole.los.transform @ rasterio.Affine.translation(0.5, 0.5))
    assert "shift" in faults(moved, pair_folder / "truth")


def test_mutation_wrong_wavelength(whole: Made, pair_folder: Path) -> None:
    # that of ERS, 5.3 GHz, instead of 5.405 GHz
    ratio = 0.05656 / whole.interferogram.wavelength
    assert "gain" in faults(replace(whole.los, values=whole.los.values * ratio), pair_folder / "truth")


def test_crop_meets_truth(crop: SimpleNamespace, pair_folder: Path) -> None:
    made = make_map(crop.plan, crop.inputs, crop.folder / "right")
    assert faults(made.los, pair_folder / "truth") <= {"coverage"}


def test_mutation_dates_swapped(crop: SimpleNamespace, pair_folder: Path) -> None:
    made = make_map(crop.plan, swapped(crop.inputs), crop.folder / "swapped")
    found = accuracy(made.los, pair_folder / "truth").statistics
    assert found.gain == pytest.approx(-1, abs=0.02)
    assert found.sign == "wrong"
    assert {"rmse", "gain"} <= faults(made.los, pair_folder / "truth")


def test_mutation_carrier_sign(crop: SimpleNamespace, pair_folder: Path) -> None:
    def steered_back(view: SwathBurst) -> SwathBurst:
        rate = view.subswath.azimuth_steering_rate
        return replace(view, subswath=replace(view.subswath, azimuth_steering_rate=-rate))

    bursts = tuple(replace(b, secondary=steered_back(b.secondary)) for b in crop.inputs.bursts)
    made = make_map(crop.plan, replace(crop.inputs, bursts=bursts), crop.folder / "carrier")
    assert "rmse" in faults(made.los, pair_folder / "truth")


def test_mutation_geoid_added(crop: SimpleNamespace, pair_folder: Path, tmp_path: Path) -> None:
    with rasterio.open(crop.inputs.dem) as source:
        heights, profile = source.read(1), source.profile
    raised = tmp_path / "raised.tif"
    with rasterio.open(raised, "w", **profile) as target:
        target.write(heights + 47, 1)  # m: the geoid in this place is about that far above the ellipsoid
    made = make_map(crop.plan, replace(crop.inputs, dem=raised), crop.folder / "geoid")
    assert {"rmse", "shift"} <= faults(made.los, pair_folder / "truth")
