"""What is said of maps with known motion is true: a tenth of ``tests/benchmarks/headline.py``."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from support.headline_scenes import Headline, campaign, defects, say

_PROGRAM = Path(__file__).parents[1] / "benchmarks" / "headline.py"
_SPEC = importlib.util.spec_from_file_location("headline_benchmark", _PROGRAM)
assert _SPEC is not None
assert _SPEC.loader is not None
benchmark = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(benchmark)


@pytest.mark.parametrize("case", campaign(200)[3::10], ids=lambda case: f"{case.kind}-{case.seed}")
def test_right_maps_are_told_right(case: Headline, tmp_path: Path) -> None:
    said = say(case, tmp_path / "map")
    assert benchmark.wrong_headline(said) == ""
    assert benchmark.untrue_warnings(said) == set()


@pytest.mark.parametrize("case", defects(60)[::10], ids=lambda case: f"{case.defect}-{case.seed}")
def test_defects_are_told(case: Headline, tmp_path: Path) -> None:
    assert not benchmark.missed(say(case, tmp_path / "map"))


def test_where_nothing_is_still_the_headline_says_so(tmp_path: Path) -> None:
    said = say(Headline("uplift", 6.0, 8.0, peak=0.088, bursts=1), tmp_path / "map")
    assert not said.found
    assert "Zero is not known to be still" in said.sentence
    assert "No displacement" not in said.sentence


def test_an_area_inside_the_motion_is_zero_outside_of_it(tmp_path: Path) -> None:
    said = say(Headline("uplift", 2.0, 4.0, peak=0.088), tmp_path / "map")
    assert said.found
    assert abs(said.zero) < 0.002
    row, column = said.evidence.grid.index(said.facts.longitude, said.facts.latitude)
    assert not (0 <= row < said.evidence.grid.height and 0 <= column < said.evidence.grid.width)
    assert said.evidence.range.highest is not None
    assert said.evidence.range.highest.value == pytest.approx(0.088, abs=0.002)
    assert said.evidence.range.lowest is not None
    assert said.evidence.range.lowest.value == pytest.approx(0.088 * 2.718**-1, abs=0.006)  # at the corners
    assert said.warns == set()
