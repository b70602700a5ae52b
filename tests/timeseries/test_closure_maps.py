"""Cycles by which pairs are off everywhere are told from those of single cells, before and after the repair."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from dinsar_cli.timeseries.closure_table import find_closure
from support.command import run_here
from support.series_maps import DAYS, GRID, Array, sequential, write_maps

PAIRS = sequential(3)
OFF = PAIRS.index((DAYS[1], DAYS[3]))
LOCAL = PAIRS.index((DAYS[2], DAYS[4]))


def everywhere_but_the_zero() -> Array:
    cells = np.ones(GRID.shape)
    cells[0] = 0
    return cells


def blob() -> Array:
    cells = np.zeros(GRID.shape)
    cells[10:20, 5:15] = 1
    return cells


def test_constants_and_local_cycles_are_told_apart(tmp_path: Path) -> None:
    maps = write_maps(tmp_path, PAIRS, wrong={(OFF, 1): everywhere_but_the_zero(), (LOCAL, -1): blob()})
    found, _ = find_closure(tmp_path, maps.series)

    # displacement toward the satellite is phase with the other sign, in one convention all along: a cycle more of
    # displacement is one more in the closure of the triangles in which the pair is
    assert {pair.pair: pair.constant for pair in found.pairs if pair.constant} == {PAIRS[OFF]: 1}
    assert {pair.pair: pair.repaired for pair in found.pairs if pair.repaired} == {
        PAIRS[LOCAL]: blob().sum(),
        PAIRS[OFF]: GRID.width,  # the row of the zero is right as it was
    }
    for one in found.triangles:
        days = one.dates
        sides = {(days[0], days[1]): 1, (days[1], days[2]): 1, (days[0], days[2]): -1}
        assert one.constant == sides.get(PAIRS[OFF], 0)
        wrong = (PAIRS[LOCAL] in sides) * blob().sum() + (PAIRS[OFF] in sides) * GRID.width
        assert one.wrong == pytest.approx(wrong / blob().size)
        assert one.constant_left == one.left == 0
        assert one.rms > 1 if wrong else one.rms == pytest.approx(one.wrapped_rms)
        assert one.rms_left == pytest.approx(one.wrapped_rms, rel=1e-3)

    with (maps.series / "closure.csv").open(encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    record = json.loads((maps.series / "closure.json").read_text(encoding="utf-8"))
    assert [int(row["constant_cycles"]) for row in table] == [one.constant for one in found.triangles]
    assert [row["constant_cycles"] for row in record["triangles"]] == [one.constant for one in found.triangles]
    assert any("20230916_20231010 by +1" in text for text in found.sentences())
    assert (maps.series / "closure.png").stat().st_size > 5000


def test_velocity_is_without_the_constants(tmp_path: Path) -> None:
    maps = write_maps(tmp_path, PAIRS, wrong={(OFF, 1): everywhere_but_the_zero()}, sigma=1e-5)
    record = maps.make()
    np.testing.assert_allclose(maps.read("velocity"), maps.velocity, atol=1e-3)
    assert record["closure"]["taken_off"] is True
    assert not maps.read("series_flags")[1:].any()
    record = maps.make(repair=False)
    assert np.abs(maps.read("velocity") - maps.velocity)[1:].min() > 1e-3
    assert any("left as they are, because of --no-repair" in text for text in record["notes"])


def test_constants_that_several_pairs_explain_are_left_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = sequential(2)
    wrong = {(pairs.index((DAYS[0], DAYS[1])), 1): everywhere_but_the_zero()}
    maps = write_maps(tmp_path, pairs, wrong=wrong)
    done = run_here(capsys, "closure", tmp_path)
    assert done.code == 0
    assert "several sets of pairs explain: 20230904_20230916_20230928" in done.out
    record = json.loads((maps.series / "closure.json").read_text(encoding="utf-8"))
    assert not any(pair["constant_cycles"] for pair in record["pairs"])
    first = record["triangles"][0]
    assert (first["constant_cycles"], first["constant_cycles_after_repair"]) == (1, 1)
    assert first["share_wrong"] == pytest.approx(GRID.width / (GRID.width * GRID.height))
