"""The plan of a run: what is known before orbit files and DEM are there, and after."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from dinsar_cli.config.file import build_config
from dinsar_cli.config.request import request_of
from dinsar_cli.engines.eos.engine import EosEngine
from dinsar_cli.plan.plan import completed, plan_run
from support.run_inputs import Inputs


def test_a_plan_is_completed_by_what_follows_from_geometry_and_relief(inputs: Inputs, tmp_path: Path) -> None:
    west, south, east, north = inputs.reference.bounds
    values = {
        "slc.files": [str(path) for path in inputs.scenes],
        "orbits.dir": str(inputs.orbits),
        "dem.file": str(inputs.dem),
        "dem.datum": "ellipsoid",
        "looks": "1x1",
        "roi": f"{west} {south} {east} {north}",
    }
    request = request_of(build_config(None, values))
    plan = plan_run(request, tmp_path, EosEngine())
    assert not plan.preliminary
    assert plan.roi is request.roi
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
    assert done.warnings == (*plan.science_warnings, "The disk is old.")
