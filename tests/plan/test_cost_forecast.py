"""What steps will cost, learnt from what they have cost: known laws are found again, whatever disturbs them."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from dinsar_cli.engines.base import StepCost, Work
from dinsar_cli.engines.costs import (
    Law,
    Setting,
    StepLaws,
    StepRecord,
    Term,
    append,
    fit,
    forecast,
    layer_bytes,
    read,
    weighted_median,
)
from dinsar_cli.radar.interferogram import LAYERS, RadarFile

SETTING = Setting("engine", 2, cores=8)
SAMPLES = StepLaws(
    seconds=Law(2.0, (Term("samples", 0.5),)),
    memory=Law(1e8, (Term("cells", 1e8),)),
    disk=Law(0, (Term("samples", 3e7), Term("cells", 2e7))),
)
LAWS = {"step": SAMPLES}
SIZES = (4.0, 7.5, 15.0, 33.0, 60.0)


def work(samples: float, looks: float = 14.0) -> Work:
    return Work(samples=samples, bursts=1, largest=samples, cells=samples / looks)


def note(history: Path, seconds: float, size: Work, **changes: object) -> None:
    cost = StepCost(seconds, round(2e8 + 3e8 * size.cells), round(4e7 * size.samples + 5e6))
    append(history, "step", cost, size, replace(SETTING, **changes))


@pytest.fixture
def history(tmp_path: Path) -> Path:
    return tmp_path / "history.jsonl"


# --- the fit ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("constant", "slope"), [(5.0, 2.0), (0.0, 0.3), (40.0, 0.0)])
@pytest.mark.parametrize("noisy", [False, True])
def test_known_constants_are_found_again(constant: float, slope: float, *, noisy: bool) -> None:
    points = [(size, constant + slope * size) for size in SIZES]
    assert fit(points, 1.0, noisy=noisy) == pytest.approx((constant, slope), abs=1e-9)


def test_two_exact_sizes_are_enough() -> None:
    assert fit([(4.0, 13.0), (7.5, 20.0)], 1.0, noisy=False) == pytest.approx((5, 2))


def test_noise_of_two_similar_sizes_does_not_decide_alone() -> None:
    """Ten per cent of noise, twice the size: a straight line would be 38 % off at five times the size."""
    truth = 0.5 * 20
    line = (0.5 * 8 * 1.1 - 0.5 * 4) / 4 * (20 - 4) + 0.5 * 4
    assert line == pytest.approx(1.16 * truth)
    for low, high in ((1.1, 0.9), (0.9, 1.1)):
        constant, slope = fit([(4.0, 2.0 * low), (8.0, 4.0 * high)], 0.0, noisy=True)
        assert constant + slope * 20 == pytest.approx(truth, rel=0.12)


def test_one_size_scales_the_law() -> None:
    # the law says 2 + 4 = 6, the runs 12: twice as much of both
    assert fit([(4.0, 12.0), (4.0, 12.5), (4.0, 11.0)], 2.0, noisy=True) == pytest.approx((4, 2))


def test_cost_that_does_not_grow_is_a_constant() -> None:
    assert fit([(0.0, 3.0), (0.0, 5.0), (0.0, 4.0)], 0.0, noisy=True) == (4.0, 0.0)
    assert fit([(0.0, 3.0)], 1.5, noisy=True) == pytest.approx((3.0, 2.0))


def test_nothing_is_negative() -> None:
    falling = fit([(1.0, 10.0), (2.0, 8.0), (4.0, 4.0)], 0.0, noisy=False)
    assert falling == (8.0, 0.0)
    steep = fit([(10.0, 1.0), (20.0, 30.0)], 0.0, noisy=False)
    assert steep[0] == 0
    assert steep[1] == pytest.approx((0.1 + 1.5) / 2)


@pytest.mark.parametrize("outliers", [[1], [0, 3]])
def test_outliers_do_not_count(outliers: list[int]) -> None:
    """Runs on a machine that swapped take fifty times as long; of eight runs one or two do."""
    points = [(size, 5 + 2 * size) for size in (3.0, 5.0, 8.0, 12.0, 20.0, 30.0, 45.0, 60.0)]
    for index in outliers:
        points[index] = points[index][0], 50 * points[index][1]
    constant, slope = fit(points, 1.0, noisy=True)
    assert constant + slope * 120 == pytest.approx(5 + 2 * 120, rel=0.05)


def test_times_with_noise_are_extrapolated(tmp_path: Path) -> None:
    """Times that are up to 15 % off, of runs up to 30 megasamples, tell that of 120 to 30 %, as is promised."""
    for seed in range(20):
        history, noise = tmp_path / f"{seed}.jsonl", np.random.default_rng(seed)
        for size in (4.0, 4.0, 7.5, 7.5, 15.0, 30.0):
            note(history, (3 + 1.2 * size) * noise.uniform(0.85, 1.15), work(size))
        found = forecast(history, LAWS, work(120.0), SETTING)["step"]
        assert found.seconds == pytest.approx(3 + 1.2 * 120, rel=0.3)


def test_weighted_median() -> None:
    assert weighted_median([(3.0, 1.0), (1.0, 1.0), (2.0, 1.0)]) == 2
    assert weighted_median([(1.0, 1.0), (2.0, 1.0)]) == 1.5
    assert weighted_median([(1.0, 1.0), (5.0, 10.0), (9.0, 2.0)]) == 5
    assert weighted_median([(7.0, 0.3)]) == 7


# --- the forecast -----------------------------------------------------------------------------------------------


def test_first_run_costs_what_the_law_says(history: Path) -> None:
    for known in (None, history):
        found = forecast(known, LAWS, work(28.0), SETTING)["step"]
        assert found.seconds == pytest.approx(2 + 14)
        assert found.peak_memory == 3e8
        assert found.disk == 28 * 3e7 + 2 * 2e7
        assert found.runs == 0


def test_time_memory_and_disk_of_a_third_size(history: Path) -> None:
    for size in (4.0, 7.5, 14.0, 28.0):
        note(history, 1 + 3 * size, work(size))
    found = forecast(history, LAWS, work(140.0), SETTING)["step"]
    assert found.seconds == pytest.approx(1 + 3 * 140)
    assert found.peak_memory == pytest.approx(2e8 + 3e8 * 10)
    assert found.disk == pytest.approx(4e7 * 140 + 5e6)
    assert found.runs == 4


def test_term_has_an_end() -> None:
    law = Law(10.0, (Term("samples", 2.0, most=50.0), Term("cells", 1.0)))
    assert law.growth(work(10.0, looks=10)) == 21
    assert law.growth(work(1000.0, looks=10)) == 150


def test_threads_divide_the_time_of_parallel_steps(history: Path) -> None:
    laws = {"step": replace(SAMPLES, seconds=Law(0, (Term("samples", 1.0),)), parallel=True)}
    assert forecast(None, laws, work(10.0), replace(SETTING, threads=4))["step"].seconds == pytest.approx(5)
    note(history, 40.0, work(10.0), threads=1)
    assert forecast(history, laws, work(10.0), replace(SETTING, threads=4))["step"].seconds == pytest.approx(10)
    note(history, 13.0, work(10.0), threads=4)
    assert forecast(history, laws, work(10.0), replace(SETTING, threads=4))["step"].seconds == pytest.approx(13)


def test_runs_that_are_alike_count_alone(history: Path) -> None:
    size = work(10.0)
    note(history, 50.0, size, engine="another")
    note(history, 20.0, size, methods={"step": "slow"})
    note(history, 8.0, size, cores=64)
    assert forecast(history, LAWS, size, SETTING)["step"].seconds == pytest.approx(8)
    note(history, 5.0, size)
    assert forecast(history, LAWS, size, SETTING)["step"].seconds == pytest.approx(5)
    slow = replace(SETTING, methods={"step": "slow"})
    assert forecast(history, LAWS, size, slow)["step"].seconds == pytest.approx(20)


def test_runs_on_a_busy_machine_count_only_where_there_are_no_others(history: Path) -> None:
    size = work(10.0)
    note(history, 50.0, size)
    busy = json.dumps(json.loads(history.read_text()) | {"load": 20.0})
    history.write_text(f"{busy}\n{busy}\n{busy}\n")
    assert forecast(history, LAWS, size, SETTING)["step"].seconds == pytest.approx(50)
    history.write_text(f"{busy}\n{busy}\n{json.dumps(json.loads(busy) | {'load': 2.1, 'seconds': 9.0})}\n")
    assert forecast(history, LAWS, size, SETTING)["step"].seconds == pytest.approx(9)


def test_old_runs_give_way_to_new_ones(history: Path) -> None:
    size = work(10.0)
    for seconds in [100.0] * 60 + [10.0] * 40:
        note(history, seconds, size)
    assert forecast(history, LAWS, size, SETTING)["step"].seconds == pytest.approx(10)


def test_layers_have_the_size_that_is_counted() -> None:
    files = [RadarFile(Path(), layer, 30, 40).size for layer in LAYERS.values()]
    assert 1200 * layer_bytes(LAYERS.values()) == sum(files)


# --- the history ------------------------------------------------------------------------------------------------


def test_what_is_appended_is_read(history: Path) -> None:
    append(history, "form", StepCost(12.5, 10**9, 2 * 10**9), work(6.0), SETTING)
    other = Setting("isce2", 4, {"unwrap": "snaphu_mcf"}, cores=16)
    append(history, "unwrap", StepCost(3.25, 1, 2), work(60.0), other)
    first = StepRecord("form", 12.5, 10**9, 2 * 10**9, work(6.0), "engine", 2, 8, "", 0.0)
    second = StepRecord("unwrap", 3.25, 1, 2, work(60.0), "isce2", 4, 16, "snaphu_mcf", 0.0)
    found = read(history)
    assert [replace(record, load=0.0) for record in found] == [first, second]
    assert all(record.load >= 0 for record in found)


DAMAGED = ['{"step": "step", "seco', "", "null", "[1, 2]", "\x00\x00\x00", '{"step": "step", "seconds": 1}']
WRONG = [
    {"seconds": "long"},
    {"seconds": -1},
    {"seconds": float("nan")},
    {"peak_memory": None},
    {"disk": -5},
    {"work": {"samples": 1}},
    {"work": asdict(work(1.0)) | {"samples": 0}},
    {"work": asdict(work(1.0)) | {"cells": None}},
    {"work": 7},
    {"threads": 0},
    {"cores": "8"},
    {"step": ["step"]},
]


def test_damaged_lines_do_not_count(history: Path) -> None:
    note(history, 12.0, work(10.0))
    good = json.loads(history.read_text())
    lines = DAMAGED + [json.dumps(good | wrong) for wrong in WRONG] + [json.dumps(good | {"of_a_later": "version"})]
    history.write_bytes("\n".join(lines).encode() + b"\n\xff\xfe not utf-8\n")
    assert len(read(history)) == 1
    assert forecast(history, LAWS, work(10.0), SETTING)["step"].seconds == pytest.approx(12)


def test_half_a_line_does_not_take_the_next_one_along(history: Path) -> None:
    note(history, 12.0, work(10.0))
    history.write_bytes(history.read_bytes()[:-20])
    note(history, 3.0, work(10.0))
    assert [record.seconds for record in read(history)] == [3.0]


def test_absent_history_is_empty(tmp_path: Path) -> None:
    assert read(tmp_path / "absent" / "history.jsonl") == []
    assert read(tmp_path) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_history_is_empty(history: Path) -> None:
    note(history, 1.0, work(1.0))
    history.chmod(stat.S_IWUSR)
    assert read(history) == []


def test_long_history_is_read_from_its_end(history: Path) -> None:
    note(history, 1000.0, work(10.0))
    history.write_bytes(history.read_bytes() * 6000)
    note(history, 10.0, work(10.0))
    assert len(read(history)) == 5000
    assert read(history)[-1].seconds == 10
