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

from dinsar_cli.engines.base import EngineInputs
from dinsar_cli.engines.eos.engine import EosEngine
from dinsar_cli.planning import RunPlan, plan_run
from dinsar_cli.acquisition import CommonBurst, Pair, SwathBurst
from dinsar_cli.stages import displacement_layers, map_layers
from pair import pair_config, prepared
from truth import accuracy, read, seam_steps, truth_at

pytestmark = pytest.mark.pair

ROI = "-8.88 31.30 -8.78 31.42"  # the deformation and the seam between the two bursts


def nothing(*_: object) -> None:
    """Take progress and do nothing with it."""


def judge(los: np.ndarray, transform: rasterio.Affine, truth: Path) -> set[str]:
    """What is wrong with a displacement map, by the bounds that the project states."""
    found = accuracy(los, transform, truth)
    faults = set()
    if found.rmse > 0.45e-3:
        faults.add("rmse")
    if not 0.99 <= found.gain <= 1.01:
        faults.add("gain")
    if found.shift > 0.35:  # map pixels of about 28 m
        faults.add("shift")
    if found.coverage < 0.93:
        faults.add("coverage")
    return faults


def los_faults(los_vector: np.ndarray, transform: rasterio.Affine, truth: Path) -> float:
    """Largest difference, in metres, between the true motion seen along a LOS vector and the true displacement."""
    rows, cols = np.mgrid[: los_vector.shape[1], : los_vector.shape[2]]
    lon, lat = transform.c + (cols + 0.5) * transform.a, transform.f + (rows + 0.5) * transform.e
    seen = sum(
        part * truth_at(truth, name, lon, lat)
        for part, name in zip(los_vector, ("east", "north", "up"), strict=True)
    )
    return float(np.nanmax(np.abs(seen - truth_at(truth, "los_displacement", lon, lat))))


def make_map(plan: RunPlan, inputs: EngineInputs, folder: Path) -> SimpleNamespace:
    radar, products = folder / "radar", folder / "products"
    radar.mkdir(parents=True)
    products.mkdir()
    made = EosEngine().process(inputs, radar, nothing)
    map_layers(made, plan.grid, products, {}, 500_000_000, nothing)
    displacement_layers(plan.config, plan.grid, made.wavelength, products, {})
    los, transform = read(products / "los_displacement.tif")
    return SimpleNamespace(interferogram=made, products=products, los=los, transform=transform)


@pytest.fixture(scope="module")
def whole(pair_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    folder = tmp_path_factory.mktemp("whole")
    plan = plan_run(pair_config(pair_folder), folder / "cache")
    return make_map(plan, prepared(plan, folder / "cache"), folder)


@pytest.fixture(scope="module")
def crop(pair_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    folder = tmp_path_factory.mktemp("crop")
    plan = plan_run(pair_config(pair_folder, roi=ROI), folder / "cache")
    return SimpleNamespace(plan=plan, inputs=prepared(plan, folder / "cache"), folder=folder)


def test_displacement_meets_truth(whole: SimpleNamespace, pair_folder: Path) -> None:
    assert judge(whole.los, whole.transform, pair_folder / "truth") == set()


def test_no_step_at_burst_seams(whole: SimpleNamespace, pair_folder: Path) -> None:
    steps = seam_steps(whole.interferogram, pair_folder / "truth")
    assert len(steps) == 1
    assert np.abs(steps).max() <= 0.02


def test_unwrapped_differs_from_wrapped_by_whole_cycles(whole: SimpleNamespace) -> None:
    wrapped, unwrapped = (whole.interferogram.layer(name).read() for name in ("wrapped", "unwrapped"))
    cycles = (unwrapped.astype(float) - np.angle(wrapped)) / (2 * np.pi)
    known = np.isfinite(unwrapped)
    assert known.mean() > 0.95
    assert np.abs(cycles - np.rint(cycles))[known].max() < 1e-3 / (2 * np.pi)


def test_coherence_is_that_of_the_truth(whole: SimpleNamespace, pair_folder: Path) -> None:
    coherence, transform = read(whole.products / "coherence.tif")
    rows, cols = np.mgrid[: coherence.shape[0], : coherence.shape[1]]
    lon, lat = transform.c + (cols + 0.5) * transform.a, transform.f + (rows + 0.5) * transform.e
    truth = truth_at(pair_folder / "truth", "coherence", lon, lat)
    assert np.nanmean(coherence[truth > 0.7]) == pytest.approx(0.75, abs=0.02)
    assert np.nanmean(coherence[truth < 0.06]) < 0.2


def test_line_of_sight_projects_the_true_motion(whole: SimpleNamespace, pair_folder: Path) -> None:
    los_vector, transform = read(whole.products / "los_vector.tif")
    assert los_faults(los_vector, transform, pair_folder / "truth") < 0.05e-3
    east_flipped = los_vector * np.array([-1, 1, 1])[:, None, None]
    assert los_faults(east_flipped, transform, pair_folder / "truth") > 5e-3


def test_incidence_is_that_of_the_truth(whole: SimpleNamespace, pair_folder: Path) -> None:
    incidence, transform = read(whole.products / "incidence_angle.tif")
    rows, cols = np.mgrid[: incidence.shape[0], : incidence.shape[1]]
    lon, lat = transform.c + (cols + 0.5) * transform.a, transform.f + (rows + 0.5) * transform.e
    truth = truth_at(pair_folder / "truth", "incidence", lon, lat)
    assert np.nanmax(np.abs(incidence - truth)) < 0.01


def test_mutation_half_pixel_shift(whole: SimpleNamespace, pair_folder: Path) -> None:
    moved = whole.transform @ rasterio.Affine.translation(0.5, 0.5)
    assert "shift" in judge(whole.los, moved, pair_folder / "truth")


def test_mutation_wrong_wavelength(whole: SimpleNamespace, pair_folder: Path) -> None:
    # that of ERS, 5.3 GHz, instead of 5.405 GHz
    ratio = 0.05656 / whole.interferogram.wavelength
    assert "gain" in judge(whole.los * ratio, whole.transform, pair_folder / "truth")


def test_crop_meets_truth(crop: SimpleNamespace, pair_folder: Path) -> None:
    made = make_map(crop.plan, crop.inputs, crop.folder / "right")
    assert judge(made.los, made.transform, pair_folder / "truth") <= {"coverage"}


def test_mutation_dates_swapped(crop: SimpleNamespace, pair_folder: Path) -> None:
    pair = crop.inputs.pair
    swapped = replace(
        crop.inputs,
        pair=Pair(pair.secondary, pair.reference, pair.polarization),
        bursts=tuple(CommonBurst(b.swath, b.secondary, b.reference) for b in crop.inputs.bursts),
        reference_orbit=crop.inputs.secondary_orbit,
        secondary_orbit=crop.inputs.reference_orbit,
    )
    made = make_map(crop.plan, swapped, crop.folder / "swapped")
    found = accuracy(made.los, made.transform, pair_folder / "truth")
    assert found.gain == pytest.approx(-1, abs=0.02)
    assert {"rmse", "gain"} <= judge(made.los, made.transform, pair_folder / "truth")


def test_mutation_carrier_sign(crop: SimpleNamespace, pair_folder: Path) -> None:
    def steered_back(view: SwathBurst) -> SwathBurst:
        rate = view.subswath.azimuth_steering_rate
        return replace(view, subswath=replace(view.subswath, azimuth_steering_rate=-rate))

    bursts = tuple(replace(b, secondary=steered_back(b.secondary)) for b in crop.inputs.bursts)
    made = make_map(crop.plan, replace(crop.inputs, bursts=bursts), crop.folder / "carrier")
    assert "rmse" in judge(made.los, made.transform, pair_folder / "truth")


def test_mutation_geoid_added(crop: SimpleNamespace, pair_folder: Path, tmp_path: Path) -> None:
    with rasterio.open(crop.inputs.dem) as source:
        heights, profile = source.read(1), source.profile
    raised = tmp_path / "raised.tif"
    with rasterio.open(raised, "w", **profile) as target:
        target.write(heights + 47, 1)  # m: the geoid in this place is about that far above the ellipsoid
    made = make_map(crop.plan, replace(crop.inputs, dem=raised), crop.folder / "geoid")
    assert {"rmse", "shift"} <= judge(made.los, made.transform, pair_folder / "truth")
