"""Faults put into runs, files and input are survived or told: a short form of ``tests/benchmarks/campaign.py``."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from support.faults.canaries import look_for_secrets
from support.faults.kills import kill_runs
from support.faults.mutations import mutate_all
from support.faults.rot import turn_bits
from support.faults.starved import starve
from support.faults.tally import SmallRun, Tally


@pytest.fixture(scope="module")
def small() -> Iterator[SmallRun]:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)  # for a user without rights; pytest's own folders are closed to others
        yield SmallRun.make(Path(name))


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(20)


@pytest.mark.filterwarnings("ignore")  # damaged files make the libraries below warn
def test_damaged_input_is_read_or_refused(small: SmallRun, random: np.random.Generator) -> None:
    tally = Tally()
    mutate_all(small, 300, random, tally)
    assert sum(tally.tried.values()) == 300
    assert tally.failures == []


def test_killed_runs_go_on(small: SmallRun, random: np.random.Generator) -> None:
    tally = Tally()
    kill_runs(small, 2, random, tally, "killed")
    assert tally.failures == []


@pytest.mark.parametrize("cases", [2, pytest.param(25, marks=pytest.mark.long)])
def test_turned_bits_are_not_believed(small: SmallRun, random: np.random.Generator, cases: int) -> None:
    tally = Tally()
    turn_bits(small, cases, random, tally)
    assert tally.failures == []


@pytest.mark.long
def test_want_is_told_and_runs_go_on_without_it(small: SmallRun, random: np.random.Generator) -> None:
    tally = Tally()
    starve(small, 2, random, tally)
    assert tally.failures == []


@pytest.mark.long
def test_secrets_stay_where_they_are(tmp_path: Path) -> None:
    tally = Tally()
    look_for_secrets(tmp_path, tally)
    assert sum(tally.tried.values()) > 40
    assert tally.failures == []
