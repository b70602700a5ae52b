"""An error along the track of a simulated pair, through the embedded engine to the verdict on its seams."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dinsar_cli.radar.interferogram import Interferogram
from dinsar_cli.report.seams import seams_of, worst
from dinsar_cli.simulate import Mogi, Scenario, simulate
from support.command import Outcome

pytest.importorskip("eos")

ERROR = 0.3  # m


@pytest.mark.long
@pytest.mark.parametrize("error", [0.0, ERROR])
def test_bursts_measure_the_error_along_the_track(
    error: float, tmp_path: Path, dinsar: Callable[..., Outcome]
) -> None:
    """Two subswaths, 19 x 7 looks, a steep source: 0.3 m within 3 cm, at each seam, and no step without it."""
    scenario = Scenario(
        deformation=Mogi.from_uplift(0.10, depth=2000.0), swaths=(1, 2), columns=2000, along_track_error=error
    )
    pair = tmp_path / "pair"
    simulate(scenario, pair)
    scenes = [option for path in sorted(pair.glob("slc/*.zip")) for option in ("--slc", path)]
    inputs = ("--orbits", pair / "orbits", "--dem", pair / "dem/dem.tif", "--dem-datum", "ellipsoid")
    folders = ("--workdir", tmp_path / "work", "--cache", tmp_path / "cache")
    config = tmp_path / "options.yaml"
    config.write_text("coregistration: {esd: none}", encoding="utf-8")
    done = dinsar("run", config, *scenes, *inputs, "--looks", "19x7", "--engine", "eos", *folders, "--json", "-q")
    assert done.code == 0, done.err
    record = json.loads(done.out)
    radar = Path(record["folder"]) / "radar"
    made = Interferogram.load(radar)
    overlaps = [*made.burst_overlaps, *made.swath_overlaps]
    assert len(overlaps) == len(made.burst_seams) + len(made.swath_seams) == 3
    line = made.azimuth_spacing / made.looks[1]
    for overlap in overlaps:
        assert overlap is not None
        assert overlap.lines is not None
        assert abs(overlap.lines * line) == pytest.approx(error, abs=0.03)
        assert overlap.sigma < 0.05
    seam = worst(seams_of(radar))
    assert seam is not None
    assert (seam.step.excess > 1) is (error > 0)
    assert any("Burst step" in text for text in record["warnings"]) is (error > 0)
