"""The plan of a run: what is known before orbit files and DEM are there, and after."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from dinsar_cli.config.file import build_config
from dinsar_cli.config.model import Looks
from dinsar_cli.config.request import request_of
from dinsar_cli.engines.base import Forecast
from dinsar_cli.engines.eos.engine import EosEngine
from dinsar_cli.errors import ResourceError, UsageError
from dinsar_cli.plan.cost_forecast import Prediction, predict, shortage
from dinsar_cli.plan.plan import RunPlan, _check_size, completed, plan_run
from support.run_inputs import Inputs


def plan_of(inputs: Inputs, cache: Path, **changes: object) -> RunPlan:
    west, south, east, north = inputs.reference.bounds
    values = {
        "slc.files": [str(path) for path in inputs.scenes],
        "orbits.dir": str(inputs.orbits),
        "dem.file": str(inputs.dem),
        "dem.datum": "ellipsoid",
        "looks": "1x1",
        "roi": f"{west} {south} {east} {north}",
    }
    return plan_run(request_of(build_config(None, values | changes)), cache, EosEngine())


def test_more_looks_are_proposed_where_they_help(inputs: Inputs, tmp_path: Path) -> None:
    """What a step needs of the samples is the same at any looks; what the look cells take is a quarter."""
    plan, history = plan_of(inputs, tmp_path), tmp_path / "history"
    cells = replace(plan, memory=1, work=replace(plan.work, cells=200.0, samples=200.0))
    found = predict(plan, history)
    of_cells = replace(found, stages={"process": Forecast(1.0, 10**12, 10**6)})
    assert "or more looks" in refusal(cells, of_cells, tmp_path).remedy
    fewer = predict(replace(plan, looks=Looks(2, 2), work=replace(plan.work, cells=plan.work.cells / 4)), history)
    of_samples = replace(found, stages={"process": Forecast(1.0, fewer.memory, 10**6)})
    assert "looks" not in refusal(replace(plan, memory=1), of_samples, tmp_path).remedy


def refusal(plan: RunPlan, prediction: Prediction, folder: Path) -> ResourceError:
    error = shortage(plan, prediction, folder / plan.slc.pair.name, folder / "history")
    assert error is not None
    return error


def test_an_area_that_is_too_small_is_told_with_numbers_that_say_so() -> None:
    """120 m x 300 m are more than 90 m x 150 m side by side; but the cell lies askew to the box."""
    metre = 1 / 111_195
    with pytest.raises(UsageError) as refused:
        _check_size((0.0, 0.0, 120 * metre, 300 * metre), (90.0, 150.0))
    sizes = [float(number) for number in re.findall(r"([0-9.]+) m", refused.value.cause)]
    assert sizes[-1] == 150.0
    assert min(sizes[:2]) < sizes[-1]
    _check_size((0.0, 0.0, 160 * metre, 300 * metre), (90.0, 150.0))


def test_a_plan_is_completed_by_what_follows_from_geometry_and_relief(inputs: Inputs, tmp_path: Path) -> None:
    plan = plan_of(inputs, tmp_path)
    assert not plan.preliminary
    rough = replace(
        plan,
        geometry=replace(plan.geometry, days=plan.geometry.days + 300),
        relief=replace(plan.relief, flat=0.9),
        preliminary=True,
        other_warnings=("The disk is old.",),
    )
    beside = set(rough.science_warnings) - set(plan.science_warnings)
    assert sorted("90%" in text for text in beside) == [False, True]  # dates far apart, much water
    done = completed(rough, plan.orbit_files, inputs.dem)
    assert (done.geometry, done.relief, done.preliminary) == (plan.geometry, plan.relief, False)
    *_, coverage = plan.warnings
    assert "The scenes cover 89" in coverage
    assert done.warnings == (*plan.science_warnings, "The disk is old.", coverage)
