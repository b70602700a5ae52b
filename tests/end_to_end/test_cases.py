"""Simulated scenes of every kind through the whole chain: the map comes back as the ground has moved.

All four directions of view (ascending and descending, north and south of the equator), one and two subswaths, one
product and two slices of a pass, baselines of 30 and 150 m over 2 km of relief, bursts out of step by a fraction of
a line, and a lake. Between the second and the third date of `THREE_DATES` nothing moves.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from math import cos, radians
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
import rasterio

from dinsar_cli.compare.truth import Comparison, Map, compare, judge, on_grid, read_map
from dinsar_cli.config.request import request_of
from dinsar_cli.plan.plan import plan_run
from dinsar_cli.simulate import Corners, GaussianBowl, Lake, Mogi, Scenario, SimulatedStack, Terrain, simulate
from dinsar_cli.workflow.pipeline import run
from dinsar_cli.workflow.result import RunResult
from support.command import run_apart
from support.pair import make_map, nothing, pair_config, prepared, swapped

pytest.importorskip("eos")

STATED = 0.5e-3  # m
STEP = 0.02  # rad
EXACT = 0.35  # pixels of a position: an error of half a pixel, the usual one, must show
FINE = 2.5e-5  # deg, 2.8 m: between the samples of an image
THREE_DATES = "descending north, one subswath"


def spread(longitude: float, latitude: float) -> Corners:
    """Corner points on a loose lattice within 2 km of a place, at all fractions of a pixel."""
    places = [(x + 0.07 * y, y - 0.1 * x) for x in (-1.9, -0.7, 0.6, 1.8) for y in (-2.3, 1.9)]  # km
    width = 111.2 * cos(radians(latitude))
    return Corners(tuple((longitude + x / width, latitude + y / 111.2) for x, y in places), amplitude=12000.0)


SCENARIOS = MappingProxyType(
    {
        THREE_DATES: Scenario(
            centre=(-8.85, 31.35),
            dates=(date(2023, 9, 4), date(2023, 9, 16), date(2023, 9, 28)),
            columns=2000,
            baselines=(-30.0, 120.0),
            terrain=Terrain(relief=2100.0),
            deformation=Mogi.from_uplift(0.10, depth=3000.0),
            corners=spread(-8.85, 31.35),
        ),
        "ascending south, two subswaths": Scenario(
            centre=(-68.5, -22.0),
            direction="ascending",
            swaths=(1, 2),
            columns=2000,
            baselines=(150.0,),
            burst_offset=0.43,
            terrain=Terrain(relief=2200.0, lowest=2400.0),
            deformation=GaussianBowl(peak=-0.08, radius=3000.0),
            corners=spread(-68.5, -22.0),
        ),
        "ascending north, two slices": Scenario(
            centre=(20.0, 40.0),
            dates=(date(2025, 7, 1), date(2025, 7, 7)),
            direction="ascending",
            missions=("S1C", "S1A"),
            swaths=(3,),
            columns=2000,
            slices=2,
            polarization="HH",
            baselines=(-90.0,),
            burst_offset=-0.27,
            deformation=GaussianBowl(peak=0.06, radius=2500.0),
            lake=None,
            corners=spread(20.0, 40.0),
        ),
        "descending south, wide lake": Scenario(
            centre=(146.0, -38.0),
            dates=(date(2024, 1, 8), date(2024, 1, 20)),
            swaths=(2,),
            columns=2000,
            baselines=(30.0,),
            burst_offset=0.5,
            terrain=Terrain(relief=2000.0),
            deformation=GaussianBowl(peak=-0.05, radius=2500.0),
            lake=Lake(radius=2000.0),
            corners=spread(146.0, -38.0),
        ),
    }
)


class Silent:
    """A reporter that says nothing."""

    note = warn = start = progress = staticmethod(nothing)

    def end(self, stage: str, seconds: float, *, skipped: bool) -> None:
        """Say nothing."""


@dataclass(frozen=True)
class Case:
    """A scenario, its files, and its map beside the truth."""

    scenario: Scenario
    stack: SimulatedStack
    truth: Path
    folder: Path
    result: RunResult
    comparison: Comparison


def run_pair(stack: SimulatedStack, folder: Path, **options: object) -> RunResult:
    """Run the first two dates of a stack, in a folder of its own."""
    files = [str(path) for products in stack.products[:2] for path in products]
    config = pair_config(stack.folder, slc__files=files, engine="eos", **options)
    return run(config, folder, stack.folder / "cache", Silent(), ["dinsar", "run"])


def map_alone(scene: Path, files: Sequence[Path], folder: Path, **options: object) -> Path:
    """Folder of the map of two dates, made without the pictures, checks and report of a run."""
    config = pair_config(scene, slc__files=[str(path) for path in files], engine="eos", **options)
    plan = plan_run(request_of(config), scene / "cache")
    return make_map(plan, prepared(plan, scene / "cache"), folder).products


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], SimulatedStack]]:
    """Files of a scenario, made when they are first asked for."""
    folder = tmp_path_factory.mktemp("simulated")
    made: dict[str, SimulatedStack] = {}

    def get(name: str) -> SimulatedStack:
        if name not in made:
            made[name] = simulate(SCENARIOS[name], folder / f"{len(made)}")
        return made[name]

    yield get
    shutil.rmtree(folder)  # half a gigabyte that pytest would keep


# what the others do not have is looked at elsewhere: water by the tests of shores, one subswath by those of stacks
ASKED_FOR = ("descending south, wide lake", THREE_DATES)


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=[pytest.mark.long] * (name in ASKED_FOR)) for name in SCENARIOS],
)
def case(
    request: pytest.FixtureRequest,
    simulated: Callable[[str], SimulatedStack],
    tmp_path_factory: pytest.TempPathFactory,
) -> Case:
    """The map of the first two dates of each scenario."""
    scenario, stack = SCENARIOS[request.param], simulated(request.param)
    folder = tmp_path_factory.mktemp("case")
    result = run_pair(stack, folder)
    day = f"_{scenario.dates[1]:%Y%m%d}" if len(scenario.dates) > 2 else ""
    truth = stack.truth / f"los_displacement{day}.tif"
    return Case(scenario, stack, truth, folder, result, compare(result.folder, truth))


@pytest.fixture(scope="module")
def three_dates(simulated: Callable[[str], SimulatedStack]) -> SimulatedStack:
    """Three dates; the ground moves between the first two."""
    return simulated(THREE_DATES)


@pytest.fixture(scope="module")
def network(three_dates: SimulatedStack, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Products of all pairs of three dates on one grid."""
    folder = tmp_path_factory.mktemp("network")
    options = {"roi": "-8.88 31.29 -8.82 31.41", "grid__posting": 0.00028}
    return {
        f"{first}{second}": map_alone(
            three_dates.folder,
            [*three_dates.products[first], *three_dates.products[second]],
            folder / f"{first}{second}",
            **options,
        )
        for first, second in ((0, 1), (1, 2), (0, 2))
    }


def test_map_is_within_the_stated_accuracy(case: Case) -> None:
    found = case.comparison.statistics
    assert found.rmse <= STATED
    assert found.gain is not None
    assert 0.99 <= found.gain <= 1.01
    assert found.sign == "right"
    assert found.coverage >= 0.93
    assert found.pixels > 200_000


def test_no_steps_at_the_seams(case: Case) -> None:
    scenario, found = case.scenario, case.comparison
    assert len(found.burst_steps) == len(scenario.swaths) * (scenario.bursts - 1)
    assert len(found.swath_steps) == len(scenario.swaths) - 1
    assert all(abs(step) <= STEP for step in found.swath_steps)
    # Where the ground moves along the track, bursts see it from before and from behind, and steps are real.
    if isinstance(scenario.deformation, GaussianBowl):
        assert all(abs(step) <= STEP for step in found.burst_steps)


def test_geometry_is_that_of_the_scenario(case: Case) -> None:
    scenario = case.scenario
    # Mid swath against the centre: with the look angle the baseline turns by a few degrees.
    assert case.result.interferogram.perpendicular_baseline == pytest.approx(scenario.baseline(1), rel=0.03, abs=1)
    with rasterio.open(case.result.products["los_vector"]) as dataset:
        east, up = np.nanmean(dataset.read(1)), np.nanmean(dataset.read(3))
    # Looking to the right: on the way north the satellite stands in the west.
    assert (east < 0) == (scenario.direction == "ascending")
    assert 0.6 < up < 0.9


def test_lake_is_incoherent_and_land_is_not(case: Case) -> None:
    coherence = read_map(case.result.products["coherence"])
    truth_file = case.truth.with_name(case.truth.name.replace("los_displacement", "coherence"))
    truth = on_grid(read_map(truth_file), coherence)
    land = np.isfinite(coherence.values) & (truth > 0.6)
    # The baseline takes 1 to 3 % at 150 m, which the truth does not have.
    assert coherence.values[land].mean() == pytest.approx(truth[land].mean(), abs=0.03)
    if case.scenario.lake is None:
        assert np.nanmin(truth) > 0.6
        return
    # The mean that speckle alone gives (Touzi and others 1999, for many looks) and the lake's 0.05; half as much
    # again for the shore, whose windows hold bright land.
    speckle = np.hypot(np.sqrt(np.pi / (4 * case.result.interferogram.coherence_looks)), 0.05)
    assert np.nanmean(coherence.values[truth < 0.06]) < 1.5 * speckle


def offsets(case: Case, amplitude: Path) -> np.ndarray:
    """Centroid of the brightness of each corner point that a map shows, minus its place; rows, columns (pixels)."""
    with rasterio.open(amplitude) as dataset:
        power, transform = 10 ** (dataset.read(1).astype(float) / 10), dataset.transform
    reach = 5 if transform.a > 1e-4 else 12
    found = []
    for position in case.scenario.corners.positions:
        column, row = ~transform @ position
        first = int(row) - reach, int(column) - reach
        window = tuple(slice(start, start + 2 * reach + 1) for start in first)
        if min(first) < 0 or power[window].shape != (2 * reach + 1,) * 2:
            continue
        bright = np.clip(power[window] - np.median(power[window]), 0, None)
        bright[bright < 0.02 * bright.max()] = 0
        rows, columns = np.mgrid[window] + 0.5
        found.append(((bright * rows).sum() / bright.sum() - row, (bright * columns).sum() / bright.sum() - column))
    return np.array(found)


def test_corner_points_land_where_they_stand(case: Case) -> None:
    found = offsets(case, case.result.products["amplitude"])
    assert len(found) == len(case.scenario.corners.positions)
    # A point lies anywhere in its look cell, which is about an output pixel: the single one can be off by half of
    # a look cell (and half of a pixel, by the interpolation), the mean of eight cannot.
    assert np.abs(found).max() <= 1
    assert np.abs(found.mean(axis=0)).max() <= EXACT


def test_corner_point_lands_within_half_a_fine_pixel(case: Case) -> None:
    longitude, latitude = case.scenario.corners.positions[3]
    roi = f"{longitude - 0.002} {latitude - 0.002} {longitude + 0.002} {latitude + 0.002}"
    made = run_pair(case.stack, case.folder / "fine", looks="1x1", roi=roi, grid__posting=FINE)
    found = offsets(case, made.products["amplitude"])
    assert len(found) == 1
    assert np.abs(found).max() <= EXACT


def test_reversed_pair_gives_the_opposite_sign(three_dates: SimulatedStack, tmp_path: Path) -> None:
    files = [str(path) for products in three_dates.products[:2] for path in products]
    config = pair_config(three_dates.folder, slc__files=files, roi="-8.88 31.29 -8.82 31.41", engine="eos")
    plan = plan_run(request_of(config), three_dates.folder / "cache")
    inputs = prepared(plan, three_dates.folder / "cache")
    made = make_map(plan, swapped(inputs), tmp_path)
    truth = on_grid(read_map(three_dates.truth / "los_displacement_20230916.tif"), made.los)
    found, _ = judge(made.los.values, truth, np.isfinite(truth) & dry(three_dates, made.los))
    assert found.gain == pytest.approx(-1, abs=0.02)
    assert found.sign == "wrong"


def dry(stack: SimulatedStack, grid: Map) -> np.ndarray:
    """Where the true coherence is above 0.5."""
    return on_grid(read_map(stack.truth / "coherence_20230916.tif"), grid) > 0.5


def test_no_deformation_gives_no_deformation(three_dates: SimulatedStack, network: dict[str, Path]) -> None:
    los = read_map(network["12"] / "los_displacement.tif")
    found, _ = judge(los.values, np.zeros_like(los.values), dry(three_dates, los))
    assert found.rmse <= 0.3e-3
    assert found.sign == "no motion"
    assert found.coverage >= 0.93


def test_phases_of_three_dates_close(three_dates: SimulatedStack, network: dict[str, Path]) -> None:
    wrapped = {pair: read_map(folder / "wrapped_phase.tif") for pair, folder in network.items()}
    assert len({(one.transform, one.values.shape) for one in wrapped.values()}) == 1
    closure = np.angle(np.exp(1j * (wrapped["01"].values + wrapped["12"].values - wrapped["02"].values)))
    all_land = dry(three_dates, wrapped["01"])
    land = all_land & np.isfinite(closure)
    assert land.sum() >= 0.93 * all_land.sum()
    # Looks and filter are not linear, so noise does not close, but it does so less than that of three independent
    # interferograms would: Cramer and Rao's bound (Rodriguez and Martin 1992), which the filter only lowers.
    coherence, looks = np.array([0.8, 0.8, 0.66]), 7 * 2 / 1.8  # oversampled 1.15 in range and 1.5 in azimuth
    noise = np.sqrt(np.sum((1 - coherence**2) / (2 * looks * coherence**2)))
    assert closure[land].std() <= noise
    # Geometry has no noise: what orbits, DEM and carrier put into three interferograms cancels everywhere.
    for part in np.array_split(np.arange(len(closure)), 4):
        for half in np.array_split(np.arange(closure.shape[1]), 2):
            tile = np.ix_(part, half)
            assert abs(closure[tile][land[tile]].mean()) <= STEP


def test_displacement_of_three_dates_closes(three_dates: SimulatedStack, network: dict[str, Path]) -> None:
    los = {pair: read_map(folder / "los_displacement.tif") for pair, folder in network.items()}
    sum_ = los["01"].values + los["12"].values
    found, residual = judge(sum_, los["02"].values, dry(three_dates, los["01"]))
    assert found.rmse <= STATED
    # An error of unwrapping is half a wavelength, 28 mm: there is none, nor half of one.
    assert np.nanmax(np.abs(residual)) < 14e-3


def test_same_seed_gives_the_same_map_on_any_number_of_cores(tmp_path: Path) -> None:
    def los(name: str, seed: int, cores: str) -> np.ndarray:
        scene = tmp_path / name
        options = ["--columns", 400, "--bursts", 1, "--seed", seed, "--relief", 400, "--quiet"]
        done = run_apart("simulate", scene, *options, before=["taskset", "--cpu-list", cores])
        assert done.code == 0, done.err
        return read_map(
            map_alone(scene, [*(scene / "slc").iterdir()], scene / "map") / "los_displacement.tif"
        ).values

    if shutil.which("taskset") is None:
        pytest.skip("taskset is not here")
    one, *others = sorted(os.sched_getaffinity(0))
    alone = los("alone", 5, str(one))
    np.testing.assert_array_equal(alone, los("together", 5, ",".join(map(str, (one, *others)))))
    other = los("other", 6, str(one))
    assert other.shape != alone.shape or not np.array_equal(other, alone, equal_nan=True)
