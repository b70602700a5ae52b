"""The pair against its reverse in whole runs, on simulated scenes: what the flags find of cycles that are wrong."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from dinsar_cli.compare.truth import LEAST_COHERENCE, on_grid, read_map
from dinsar_cli.simulate import Coherence, GaussianBowl, Mogi, Scenario
from support.command import run_apart
from support.place import Dinsar, Place
from support.refusal import USAGE, check_refusal

REVERSED, CYCLES, JUMP, COMPONENT, INCONGRUENT, FILLED = 1, 2, 4, 8, 16, 32
# Fringes of up to 0.62 cycles from one look cell of 7 x 2 to the next: they cannot be unwrapped. With this noise
# the middle of the bowl is in parts of its own.
STEEP = Scenario(
    deformation=GaussianBowl(peak=-0.6, radius=500.0),
    coherence=Coherence(repeat=0.6),
    bursts=1,
    columns=1600,
    seed=14,
)
CLEAN = Scenario(
    deformation=Mogi.from_uplift(0.08, 3000.0),
    coherence=Coherence(repeat=0.7),
    lake=None,
    bursts=1,
    columns=900,
    seed=6,
)


def made(tmp_path_factory: pytest.TempPathFactory, scenario: Scenario) -> Place:
    return Place.simulated(scenario, tmp_path_factory.mktemp("reversed"))


@pytest.fixture(scope="module")
def steep(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return made(tmp_path_factory, STEEP)


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return made(tmp_path_factory, CLEAN)


def layer(record: dict[str, Any], name: str) -> np.ndarray:
    with rasterio.open(Path(record["folder"]) / "products" / f"{name}.tif") as dataset:
        values: np.ndarray = dataset.read(1)
    return values


@dataclass(frozen=True)
class Errors:
    """Cells of a map with phase, and those of them whose cycles are wrong against the truth."""

    known: np.ndarray
    wrong: np.ndarray
    flags: np.ndarray

    def shares(self, bits: int, among: np.ndarray) -> tuple[float, float]:
        """Share of the wrong cells that are flagged, and of the right ones."""
        flagged = (self.flags & bits) > 0
        return float(flagged[among & self.wrong].mean()), float(flagged[among & ~self.wrong].mean())


def errors(place: Place, record: dict[str, Any]) -> Errors:
    found = read_map(Path(record["products"]["unwrapped_phase"]))
    truth = on_grid(read_map(place.stack.truth / "los_displacement.tif"), found)
    with rasterio.open(record["products"]["unwrapped_phase"]) as dataset:
        wavelength = float(dataset.tags()["wavelength_m"])
    error = found.values + truth * 4 * math.pi / wavelength
    known = np.isfinite(error)
    error -= np.median(error[known & (layer(record, "connected_components") == 1)])
    return Errors(known, known & (np.abs(error) > math.pi), layer(record, "flags"))


@pytest.mark.parametrize(("way", "detected"), [("phase", 0.25), ("full", 0.5)])
def test_cycles_that_are_wrong_are_flagged(dinsar: Dinsar, steep: Place, way: str, detected: float) -> None:
    record = steep.run(dinsar, "--check-reversed", way)
    found, components = errors(steep, record), layer(record, "connected_components")
    assert found.wrong.sum() > 1000
    # The reversed pair alone, of all phase: it cannot find what both orders do wrong alike. How much that is
    # hangs on the noise: over six seeds it found 0.39-0.80 (phase) and 0.59-0.79 (full).
    share, false = found.shares(REVERSED, found.known)
    assert share > detected
    assert false < 0.01
    # of the cells that have displacement nearly none is wrong without a flag, and nearly none is right with one
    shown = np.isfinite(layer(record, "los_displacement"))
    flagged = (found.flags & (REVERSED | JUMP | COMPONENT)) > 0
    assert (shown & found.wrong & flagged).sum() > 20
    assert (shown & found.wrong & ~flagged).sum() < 2e-4 * shown.sum()
    assert (shown & ~found.wrong & flagged).sum() < 1e-3 * shown.sum()
    checks = record["checks"]
    assert checks["reversed"]["way"] == way
    assert checks["residue"]["incongruent"] == 0
    compared = (components > 0) & np.isfinite(layer(record, "reversed_difference"))
    assert checks["reversed"]["flagged"] == pytest.approx(np.mean(found.flags[compared] & REVERSED), abs=1e-6)
    journal = json.loads((Path(record["folder"]) / "run.json").read_text(encoding="utf-8"))
    assert journal["stages"]["geocode"]["details"]["checks"] == checks
    told = any("reversed pair" in text for text in record["warnings"])
    assert told == (checks["reversed"]["flagged"] > 1e-3)
    without = np.isnan(layer(record, "unwrapped_phase"))
    assert np.isin(found.flags[without], (64, 128, 192, 255)).all()  # no phase, or why it has none
    assert (found.flags[~without] != 255).all()


def test_the_component_in_the_steep_ring_is_not_comparable(dinsar: Dinsar, steep: Place) -> None:
    record = steep.run(dinsar)
    found, components = errors(steep, record), layer(record, "connected_components")
    wrong = found.wrong & (components > 1)
    assert wrong.sum() > 50
    assert np.mean(found.flags[wrong] & COMPONENT > 0) > 0.95
    assert record["checks"]["components"]["not_comparable"] >= 1
    assert "reversed" not in record["checks"]
    assert not (Path(record["folder"]) / "products" / "reversed_difference.tif").exists()


@pytest.mark.parametrize(("way", "rms"), [("phase", 1e-3), ("full", 0.1)])
def test_of_a_clean_scene_nothing_is_flagged(dinsar: Dinsar, clean: Place, way: str, rms: float) -> None:
    record = clean.run(dinsar, "--check-reversed", way)
    found = errors(clean, record)
    assert not found.wrong.any()
    assert np.mean(found.flags[found.known] > 0) < 1e-3
    assert record["checks"]["reversed"]["flagged"] < 1e-3
    # the conjugate differs by nothing but rounding; other look cells have other noise
    assert record["checks"]["reversed"]["rms_of_the_others_rad"] < rms
    assert not any("reversed" in text for text in record["warnings"])


def test_cells_are_filled_only_on_request_and_hardly_any_becomes_wrong(dinsar: Dinsar, steep: Place) -> None:
    loose = {"unwrap": {"reliability": 0}}  # so that the component reaches into what cannot be unwrapped
    plain = steep.run(dinsar, steep.config(**loose), "--check-reversed", "full")
    before, phase = errors(steep, plain), layer(plain, "unwrapped_phase")
    record = steep.run(dinsar, steep.config(**loose, checks={"fill": True}), "--check-reversed", "full")
    after = errors(steep, record)
    cells = (after.flags & FILLED > 0) & (after.flags != 255)
    assert cells.sum() > 20
    assert not (before.flags[before.known] & FILLED).any()
    assert (after.flags[cells] & REVERSED).all()
    # in the lake there is no phase of which the cycles could be right
    coherence = on_grid(
        read_map(steep.stack.truth / "coherence.tif"), read_map(Path(plain["products"]["coherence"]))
    )
    land = coherence > LEAST_COHERENCE
    lost = after.wrong & ~before.wrong & land
    assert lost.sum() <= 0.05 * cells.sum()
    np.testing.assert_array_equal(layer(record, "unwrapped_phase")[~cells], phase[~cells])
    rest = (layer(record, "unwrapped_phase") - layer(record, "wrapped_phase"))[cells] / (2 * math.pi)
    np.testing.assert_allclose(rest, np.round(rest), atol=1e-5)
    assert record["checks"]["reversed"]["filled"] > plain["checks"]["reversed"]["filled"] == 0
    again = steep.run(dinsar, steep.config(**loose))
    assert not (Path(again["folder"]) / "products" / "reversed_difference.tif").exists()
    np.testing.assert_array_equal(layer(again, "unwrapped_phase"), phase)


def test_wrong_checks_are_refused_before_anything_is_made(dinsar: Dinsar, clean: Place) -> None:
    check_refusal(dinsar(*clean.command("--check-reversed", "twice")), USAGE, "checks.reversed", "phase", "full")
    fill = clean.config(checks={"fill": True})
    check_refusal(dinsar(*clean.command(fill)), USAGE, "checks.fill", "reversed")


@pytest.mark.isce2
def test_topsapp_in_both_orders_is_equal_and_opposite(clean: Place) -> None:
    done = run_apart(*clean.command("--check-reversed", "full", engine="isce2"), timeout=400)
    assert done.code == 0, done.err
    record = json.loads(done.out)
    checks = record["checks"]["reversed"]
    assert checks["compared_cells"] > 50_000
    assert checks["flagged"] < 1e-3
    assert 0 < checks["rms_of_the_others_rad"] < 0.2
    assert not (Path(record["folder"]) / "reversed" / "isce2" / "merged").exists()
