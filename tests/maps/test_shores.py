"""An island and a lake: what is left out by default makes their maps better, and is told."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dinsar_cli.compare.truth import on_grid, read_map
from dinsar_cli.maps.checks.phase import NO_PHASE, NOISE, UNSEEN
from dinsar_cli.radar.visibility import SEEN, UNKNOWN, WATER
from support.shores import Shore, count

MIDDLE = 0.28  # between the coherence of land and that of water


@pytest.fixture(scope="module", params=["island", pytest.param("lake", marks=pytest.mark.long)])
def shore(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Shore:
    return Shore.made(request.param, tmp_path_factory.mktemp(request.param))


def products(record: Mapping[str, Any]) -> Path:
    return Path(record["folder"]) / "products"


def check_better(shore: Shore, engine: str) -> dict[str, Any]:
    """With what is left out by default fewer cells are wrong and water is empty; land loses next to nothing."""
    records = [shore.map(engine, *options, work=name) for name, options in (("a", ()), ("b", ("--mask", "none")))]
    masked, plain = (count(products(record), shore.pair) for record in records)
    assert plain.drowned > 10 * masked.drowned
    assert masked.drowned <= 2e-3 * masked.water
    assert masked.known >= 0.99 * plain.known
    assert masked.within <= min(plain.within, 1e-4 * masked.known)
    assert masked.wrong <= plain.wrong
    if "island" in shore.pair.parent.name:
        assert plain.wrong > 0.3 * plain.known  # the noise of the sea tells wrong cycles on the other shore
        assert masked.wrong < 0.6 * plain.wrong
    return records[0]


def test_shores_are_better_and_told_by_the_embedded_engine(shore: Shore) -> None:
    record = check_better(shore, "eos")
    flags, seen = (
        np.nan_to_num(read_map(products(record) / f"{name}.tif").values, nan=255).astype(int)
        for name in ("flags", "visibility")
    )
    los = read_map(products(record) / "los_displacement.tif")
    data = np.isfinite(read_map(products(record) / "coherence.tif").values)
    water = on_grid(read_map(shore.pair / "truth" / "coherence.tif"), los) < MIDDLE
    assert record["masked"]["water"] == pytest.approx(np.mean(water[data]), abs=0.01)
    assert np.mean((seen == WATER)[water & data]) > 0.97
    coherence = read_map(products(record) / "coherence.tif").values
    ground = coherence[(seen == SEEN) & np.isfinite(coherence)].mean()
    assert record["mean_coherence"] == pytest.approx(ground, abs=0.005)
    assert ground > np.nanmean(coherence) + 0.05
    told = (flags != NO_PHASE) & (flags & UNSEEN > 0)
    np.testing.assert_array_equal(told, (seen > 0) & (seen < UNKNOWN))
    assert np.mean((flags & NOISE > 0)[water & data]) > 0.8
    assert np.isnan(read_map(products(record) / "unwrapped_phase.tif").values[told]).mean() > 0.99


@pytest.mark.isce2
def test_shores_are_better_with_topsapp(shore: Shore) -> None:
    check_better(shore, "isce2")
