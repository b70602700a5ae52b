"""A real run of topsApp on a simulated pair, collected and put on the map, against truth and the other engine."""

from __future__ import annotations

import math
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from dinsar_cli.compare.truth import Comparison, compare, on_grid, read_map
from dinsar_cli.config.request import request_of
from dinsar_cli.engines.eos.engine import EosEngine
from dinsar_cli.engines.topsapp.results.collect import collect
from dinsar_cli.maps.displacement import displacement_layers
from dinsar_cli.maps.facts import common_tags
from dinsar_cli.maps.map_layers import MapLayers
from dinsar_cli.maps.radar_layers import RadarOnMap, geocode_layers
from dinsar_cli.plan.plan import RunPlan, plan_run
from dinsar_cli.radar.interferogram import Interferogram
from dinsar_cli.simulate import Scenario, SimulatedStack, simulate
from support.pair import pair_config, prepared
from support.products import read_product
from support.topsapp.direct_run import run_topsapp
from support.topsapp.isce2_process import find_isce2

pytestmark = pytest.mark.isce2


@dataclass(frozen=True)
class Mapped:
    """A real run of topsApp, collected and put on the map."""

    stack: SimulatedStack
    plan: RunPlan
    interferogram: Interferogram
    products: Path
    comparison: Comparison
    asked_baseline: float


@pytest.fixture(scope="module")
def mapped(tmp_path_factory: pytest.TempPathFactory) -> Mapped:
    isce2 = find_isce2()[0]
    if isce2 is None:
        pytest.skip("no working ISCE2 (set ISCE_HOME, or put topsApp.py and a python3 with osgeo on PATH)")
    scenario = Scenario()
    place = tmp_path_factory.mktemp("mapped")
    stack = simulate(scenario, place / "pair")
    work = place / "work"
    work.mkdir()
    run_topsapp(isce2, scenario, stack, work)
    scenes = [str(path) for date in stack.products for path in date]
    options = {"slc__files": scenes, "orbits__dir": str(stack.orbits[0].parent), "dem__file": str(stack.dem)}
    plan = plan_run(request_of(pair_config(stack.folder, **options)), place / "cache")
    pair = plan.slc.pair
    interferogram = collect(
        work, place / "radar", looks=plan.looks, dates=(pair.reference.start, pair.secondary.start)
    )
    shutil.rmtree(work)
    products = put_on_map(plan, interferogram, place / "products")
    comparison = compare(products / "los_displacement.tif", stack.truth)
    return Mapped(stack, plan, interferogram, products, comparison, scenario.baseline(1))


def put_on_map(plan: RunPlan, interferogram: Interferogram, products: Path) -> Path:
    """Geocode an interferogram and turn its phase into displacement, as a run does."""
    products.mkdir()
    tags = common_tags(interferogram, "any", "test")
    layers = MapLayers(products, plan.grid)
    geocode_layers(RadarOnMap(interferogram, plan.grid, plan.memory), layers, tags, lambda _: None)
    displacement_layers(plan.config, layers, interferogram.wavelength, tags)
    return products


def test_a_real_run_gives_the_true_displacement(mapped: Mapped) -> None:
    statistics = mapped.comparison.statistics
    assert statistics.sign == "right"
    assert statistics.rmse <= 0.3e-3
    assert statistics.gain == pytest.approx(1, abs=0.01)
    assert statistics.coverage > 0.9


def test_a_real_run_looks_from_where_the_truth_does(mapped: Mapped) -> None:
    los = read_product(mapped.products, "los_vector")
    result = read_map(mapped.products / "los_displacement.tif")
    motion = [on_grid(read_map(mapped.stack.truth / f"{name}.tif"), result) for name in ("east", "north", "up")]
    error = sum(part * move for part, move in zip(los, motion, strict=True)) - mapped.comparison.truth
    assert np.isfinite(error).any()
    assert np.nanmax(np.abs(error)) <= 0.05e-3


def test_a_real_run_is_described_as_it_is(mapped: Mapped) -> None:
    result = mapped.interferogram
    assert result.perpendicular_baseline == pytest.approx(mapped.asked_baseline, abs=0.5)
    assert result.reference_date == mapped.plan.slc.pair.reference.start.isoformat()
    [(line, _, _)] = result.burst_seams
    assert line == pytest.approx(result.lines / 2, abs=100)
    [overlap] = result.burst_overlaps
    assert overlap is not None
    assert overlap.lines == pytest.approx(0, abs=0.002)
    los_up = result.layer("los").read()[2]
    assert np.nanmin(los_up) > 0.6
    truth = on_grid(read_map(mapped.stack.truth / "coherence.tif"), read_map(mapped.products / "coherence.tif"))
    found = read_product(mapped.products, "coherence")
    known = np.isfinite(found) & (truth > 0.5)
    assert np.mean(found[known]) == pytest.approx(np.mean(truth[known]), abs=0.03)
    first, second = (np.nanmedian(band) for band in result.layer("amplitude").read())
    assert second == pytest.approx(first, rel=0.05)


def test_both_engines_give_the_same_map(mapped: Mapped, tmp_path: Path) -> None:
    pytest.importorskip("eos")
    pytest.importorskip("whirlwind")
    inputs = prepared(mapped.plan, tmp_path)
    radar = tmp_path / "radar"
    radar.mkdir()
    interferogram = EosEngine().process(inputs, radar, lambda _name, _share: None)
    other = put_on_map(mapped.plan, interferogram, tmp_path / "products")
    difference = read_product(mapped.products, "los_displacement") - read_product(other, "los_displacement")
    coherence = on_grid(read_map(mapped.stack.truth / "coherence.tif"), read_map(other / "los_displacement.tif"))
    known = difference[np.isfinite(difference) & (coherence > 0.5)]
    assert known.size > 10_000
    assert math.sqrt(np.mean((known - np.median(known)) ** 2)) <= 0.4e-3
