"""Velocities are compared where both are known, by coherence, and apart where only one had its cycles mended."""

from __future__ import annotations

import numpy as np
import pytest

from dinsar_cli.timeseries.mintpy.comparison import Difference, compare_velocities


def test_bias_rms_and_gain_are_those_of_the_first_against_the_second() -> None:
    second = np.array([-0.1, 0.0, 0.1, 0.2])
    told = Difference.of(1.1 * second + 0.01, second)
    assert told.gain == pytest.approx(1.1)
    assert told.bias == pytest.approx(0.01 + 0.1 * 0.05)
    assert told.rms == pytest.approx(np.sqrt(np.mean((0.1 * second + 0.01) ** 2)))
    assert Difference.of(np.ones(3), np.zeros(3)).gain is None


def test_each_cell_counts_in_one_row() -> None:
    rng = np.random.default_rng(5)
    mintpy = rng.normal(size=(20, 20))
    given = mintpy + 1e-3
    given[:2], mintpy[:, :3] = np.nan, np.nan
    coherence = rng.random((20, 20))
    coherence[5, 5] = 1.0
    flags = np.zeros((20, 20), np.uint8)
    flags[10, 4:9] = 3
    rows = {row.name: row for row in compare_velocities(given, given + 1, mintpy, coherence, flags)}
    assert rows["all"].given.cells == 18 * 17 - 5
    assert rows["cycles open"].given.cells == 5
    parts = [row.given.cells for name, row in rows.items() if name[0].isdigit()]
    assert sum(parts) == rows["all"].given.cells
    assert rows["0.5-0.7"].given.rms == pytest.approx(1e-3)
    assert rows["0.5-0.7"].alike.bias == pytest.approx(1 + 1e-3)
