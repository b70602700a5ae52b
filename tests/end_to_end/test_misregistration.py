"""An error along the track of a simulated pair, measured and taken off by enhanced spectral diversity."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rasterio

from dinsar_cli.compare.truth import compare
from dinsar_cli.simulate import Coherence, Mogi, Scenario
from support.command import Outcome
from support.place import Place
from support.refusal import NO_DATA, check_refusal

pytest.importorskip("eos")

ERROR = 1.0  # m: nearly one and a half times what the overlaps of bursts can tell without ambiguity


def scenario(bursts: int, error: float, coherence: float = 0.6) -> Scenario:
    return Scenario(
        deformation=Mogi.from_uplift(0.08, 3000.0),
        coherence=Coherence(repeat=coherence, floor=min(coherence, 0.3)),
        lake=None,
        bursts=bursts,
        columns=900,
        along_track_error=error,
        seed=3,
    )


def rmse(place: Place, record: dict[str, Any]) -> float:
    return compare(Path(record["folder"]), place.stack.truth).statistics.rmse


def told_step(record: dict[str, Any]) -> bool:
    return any("Burst step" in text for text in record["warnings"])


def test_a_large_error_is_taken_off(dinsar: Callable[..., Outcome], tmp_path: Path) -> None:
    place = Place.simulated(scenario(2, ERROR), tmp_path)
    record = place.run(dinsar)
    found = record["checks"]["misregistration"]
    assert found["removed"]
    assert found["overlaps"] == 1
    assert found["metres"] == pytest.approx(ERROR, abs=0.02)  # 2 % of a line is 0.3 m
    assert found["sigma_m"] < 0.02
    assert not told_step(record)
    with rasterio.open(record["products"]["los_displacement"]) as file:
        assert float(file.tags()["misregistration_m"]) == pytest.approx(ERROR, abs=0.02)
    assert rmse(place, record) < 0.5e-3
    # the same without it: steps that are told, and a map that is wrong
    record = place.run(dinsar, place.config(coregistration={"esd": "none"}))
    assert "misregistration" not in record["checks"]
    assert told_step(record)
    assert rmse(place, record) > 1e-3


def test_a_single_burst_tells_it_by_its_spectrum(dinsar: Callable[..., Outcome], tmp_path: Path) -> None:
    place = Place.simulated(scenario(1, -0.5), tmp_path)
    record = place.run(dinsar)
    found = record["checks"]["misregistration"]
    assert found["removed"]
    assert found["overlaps"] == 0
    assert abs(found["metres"] + 0.5) < min(0.15, 4 * found["sigma_m"])
    assert rmse(place, record) < 0.6e-3


def test_what_is_not_certain_stays(dinsar: Callable[..., Outcome], tmp_path: Path) -> None:
    place = Place.simulated(scenario(1, 0.0), tmp_path)
    found = place.run(dinsar)["checks"]["misregistration"]
    assert not found["removed"]
    assert abs(found["metres"]) < 4 * found["sigma_m"] < 0.3


def test_dates_without_coherence_are_refused_where_it_is_required(
    dinsar: Callable[..., Outcome], tmp_path: Path
) -> None:
    place = Place.simulated(scenario(1, 0.0, coherence=0.0), tmp_path)
    config = place.config(coregistration={"esd": "require"})
    check_refusal(dinsar(*place.command(config)), NO_DATA, "misregistration", "coherence", "coregistration.esd")
