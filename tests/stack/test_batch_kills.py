"""Kills of everything that a batch consists of: it ends complete, with the same products."""

from __future__ import annotations

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


def test_batch_goes_on_after_kills(tmp_path: Path) -> None:
    inputs = small_inputs(tmp_path / "inputs")
    file = write_csv(tmp_path / "pairs.csv", inputs, ["a", "b", "c"])
    whole = SmallBatch(file, tmp_path / "whole")
    undisturbed = whole.run("--workers", 2)
    assert undisturbed.code == 0, undisturbed.err
    random, tally = np.random.default_rng(13), Tally()
    for kind in KINDS:
        batch = SmallBatch(file, tmp_path / kind)
        kill_in_batch(batch, kind, KILLS, random, tally)
        tally.count(f"{kind}: same products", "" if batch.maps() == whole.maps() else "other maps")
    batch = SmallBatch(file, tmp_path / "scheduler")
    kill_schedulers(batch, KILLS, random, tally)
    tally.count("scheduler: same products", "" if batch.maps() == whole.maps() else "other maps")
    print(tally.table())
    assert tally.failures == []
    assert sum(tally.tried[f"{kind} killed"] for kind in (*KINDS, "scheduler")) >= 3 * KILLS
