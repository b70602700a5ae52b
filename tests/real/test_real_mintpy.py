"""Real interferograms solved by dinsar and by MintPy."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dinsar_cli.errors import EngineError
from dinsar_cli.timeseries.mintpy.installation import VARIABLE, find_mintpy
from support.command import Outcome

pytestmark = [pytest.mark.real, pytest.mark.long]


def test_mexico_city_is_the_same_to_both_where_dates_count_alike(
    real_data: Path, tmp_path: Path, dinsar: Callable[..., Outcome]
) -> None:
    """Thirty interferograms by GAMMA, without geometry; MintPy solves for one date after the other cell by cell."""
    try:
        python = find_mintpy().python
    except EngineError as error:
        pytest.skip(f"MintPy is not there (set {VARIABLE}): {error.cause}")
    asked = ("--output", tmp_path, "--with", "mintpy", "--mintpy-python", python)
    done = dinsar("timeseries", real_data / "mexico_city", *asked, "--json")
    assert done.code == 0, done.err
    record = json.loads(done.out)["mintpy"]
    (every,) = (row["dates_alike"] for row in record["comparison"] if row["cells_of"] == "all")
    assert record["pairs"] == 30
    assert every["cells"] > 5500
    assert every["rms"] < 1e-4
    assert every["gain"] == pytest.approx(1, abs=1e-3)
