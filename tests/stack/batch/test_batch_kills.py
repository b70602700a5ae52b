"""Kills of everything that a batch consists of: it ends complete, with the same products."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from support.batch import SmallBatch, small_inputs, write_csv
from support.faults.batch_kills import KINDS, kill_in_batch, kill_schedulers
from support.faults.tally import Tally

pytest.importorskip("eos")
pytest.importorskip("distributed")
pytestmark = pytest.mark.long

KILLS = 5  # of each kind


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> SmallBatch:
    """A batch that nothing disturbed."""
    folder = tmp_path_factory.mktemp("batch")
    file = write_csv(folder / "pairs.csv", small_inputs(folder / "inputs"), ["a", "b", "c"])
    batch = SmallBatch(file, folder / "whole")
    undisturbed = batch.run("--workers", 2)
    assert undisturbed.code == 0, undisturbed.err
    return batch


@pytest.mark.parametrize("kind", [*KINDS, "scheduler"])
def test_batch_goes_on_after_kills(whole: SmallBatch, tmp_path: Path, kind: str) -> None:
    random, tally = np.random.default_rng(13), Tally()
    batch = replace(whole, folder=tmp_path)
    if kind == "scheduler":
        kill_schedulers(batch, KILLS, random, tally)
    else:
        kill_in_batch(batch, kind, KILLS, random, tally)
    tally.count(f"{kind}: same products", "" if batch.maps() == whole.maps() else "other maps")
    print(tally.table())
    assert tally.failures == []
    assert tally.tried[f"{kind} killed"] >= 1
    assert "Traceback" not in batch.said
