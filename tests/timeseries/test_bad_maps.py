"""Maps that cannot make a series are told in words, with what to do; what can be left out is, and is named."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from dinsar_cli.cli.timeseries import CoherentPairs
from dinsar_cli.errors import DinsarError, UsageError
from dinsar_cli.geo.grid import Grid
from dinsar_cli.products.layers import write_products
from support.command import run_here
from support.series_maps import DAYS, Array, Maps, change, map_of, sequential, write_maps

SMALL = Grid("EPSG:4326", -8.9, 31.5, 0.001, 20, 16)


def small(folder: Path, reach: int = 2) -> Maps:
    return write_maps(folder, sequential(reach), grid=SMALL)


def nothing(values: Array) -> Array:
    return np.full_like(values, np.nan)


def test_a_pair_without_a_value_is_left_out_and_named(tmp_path: Path) -> None:
    maps = small(tmp_path)
    change(map_of(tmp_path, (DAYS[0], DAYS[2])), nothing)
    record = maps.make()
    assert "20230904_20230928" not in record["pairs"]
    assert any("left out" in text and "20230904_20230928" in text for text in record["notes"])
    assert np.isfinite(maps.read("velocity")).all()


def test_a_pair_without_a_value_that_nothing_goes_past_is_refused(tmp_path: Path) -> None:
    maps = small(tmp_path, reach=1)
    change(map_of(tmp_path, (DAYS[1], DAYS[2])), nothing)
    with pytest.raises(DinsarError, match="20230916_20230928: no cell has a value") as error:
        maps.make()
    assert "2023-09-04 to 2023-09-16 with 2023-09-28 to 2023-11-03" in error.value.cause


def test_a_map_that_is_cut_short_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small(tmp_path)
    path = map_of(tmp_path, (DAYS[1], DAYS[2]))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    for command in ("timeseries", "closure"):
        done = run_here(capsys, command, tmp_path)
        assert done.code not in (0, 1)
        assert "20230916_20230928" in done.err
        assert "Do:" in done.err


def test_a_single_pair_is_refused(tmp_path: Path) -> None:
    maps = write_maps(tmp_path, sequential(1)[:1], grid=SMALL)
    with pytest.raises(DinsarError, match="maps of two dates"):
        maps.make()


def test_a_pair_with_the_later_date_first_is_refused(tmp_path: Path) -> None:
    maps = small(tmp_path)
    path = map_of(tmp_path, (DAYS[1], DAYS[2]))
    change(path, reference_date=f"{DAYS[2]}T06:00:00", secondary_date=f"{DAYS[1]}T06:00:00")
    with pytest.raises(UsageError, match="later date first"):
        maps.make()


def test_two_maps_of_a_pair_are_refused(tmp_path: Path) -> None:
    maps = small(tmp_path)
    change(
        map_of(tmp_path, (DAYS[1], DAYS[3])),
        reference_date=f"{DAYS[1]}T06:00:00",
        secondary_date=f"{DAYS[2]}T06:00:00",
    )
    with pytest.raises(UsageError, match="20230916_20230928 is there twice"):
        maps.make()


@pytest.mark.parametrize(
    ("words", "layer", "tags"),
    [
        ("looks", "los_displacement", {"looks": "7x2"}),
        ("engine", "los_displacement", {"engine": "isce2"}),
        ("wavelength", "los_displacement", {"wavelength_m": "0.2384"}),
        ("ramp", "los_displacement", {"ramp_removed": "linear"}),
        ("filter strength", "phase_sigma", {"filter_strength": "0.9"}),
    ],
)
def test_maps_made_in_another_way_are_refused(tmp_path: Path, words: str, layer: str, tags: dict[str, str]) -> None:
    maps = small(tmp_path)
    noise = {"phase_sigma": np.full(SMALL.shape, 0.1, np.float32)}
    for pair in sequential(2) if layer == "phase_sigma" else ():
        write_products(map_of(tmp_path, pair).parent, noise, SMALL, {"filter_strength": "0.5"})
    change(map_of(tmp_path, (DAYS[2], DAYS[3]), layer), **tags)
    with pytest.raises(UsageError, match=f"another {words} than") as error:
        maps.make()
    assert "20230928_20231010" in error.value.problem


def test_maps_of_two_tracks_are_refused(tmp_path: Path) -> None:
    maps = small(tmp_path)
    for number, pair in enumerate(sequential(2)):
        east = 0.6 if number else -0.6
        vector = np.empty((3, *SMALL.shape), np.float32)
        vector[:] = np.array([east, -0.1, np.sqrt(1 - east**2 - 0.01)])[:, None, None]
        write_products(map_of(tmp_path, pair).parent, {"los_vector": vector}, SMALL, {})
    with pytest.raises(UsageError, match="another direction") as error:
        maps.make()
    assert "decompose" in error.value.remedy


def test_maps_relative_to_nothing_are_made_zero_at_one_place(tmp_path: Path) -> None:
    maps = small(tmp_path)
    for number, pair in enumerate(sequential(2)):

        def add(values: Array, metres: float = 0.01 * number) -> Array:
            return values + metres

        change(map_of(tmp_path, pair), add, reference_point="none")
    record = maps.make()
    assert any("different places" in text for text in record["notes"])
    assert record["reference"]["cells"] > 10
    error = maps.read("velocity") - maps.velocity
    assert np.ptp(error) < 0.05  # of offsets of up to 8 cm


@pytest.mark.parametrize(("value", "pairs"), [("all", 9), ("5", 5), ("50%", 5)])
def test_cells_must_be_coherent_in_as_many_pairs_as_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], value: str, pairs: int
) -> None:
    maps = small(tmp_path)
    # column c is coherent in all but c pairs
    for number, pair in enumerate(sequential(2)):

        def low(values: Array, first: int = number + 1) -> Array:
            changed = values.copy()
            changed[:, first:] = 0.1
            return changed

        change(map_of(tmp_path, pair, "coherence"), low)
    done = run_here(capsys, "timeseries", tmp_path, "--coherent-in", value)
    assert done.code == 0, done.err
    there = np.isfinite(maps.read("velocity"))
    coherent = np.maximum(0, 9 - np.arange(SMALL.width)) >= pairs
    np.testing.assert_array_equal(there, np.broadcast_to(coherent, SMALL.shape))
    assert (maps.read("series_flags")[:, ~coherent] == 16).all()


@pytest.mark.parametrize(
    ("value", "number", "share"),
    [("100%", 0, 1.0), ("0.5", 0, 0.5), ("1.0", 0, 1.0), ("1", 1, 0.0), ("ALL", 0, 1.0)],
)
def test_numbers_and_shares_of_pairs_are_told_apart(value: str, number: int, share: float) -> None:
    assert CoherentPairs().convert(value, None, None) == (number, share)


def test_what_no_cell_can_reach_is_refused_or_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    maps = small(tmp_path)
    done = run_here(capsys, "timeseries", tmp_path, "--coherent-in", "10")
    assert done.code == 2
    assert "there are 9 pairs" in done.err
    for wrong in ("most", "-1", "1.5", "120%", "0", "nan"):
        assert run_here(capsys, "timeseries", tmp_path, "--coherent-in", wrong).code == 2
    done = run_here(capsys, "timeseries", tmp_path, "--coherent-in", "all", "--least-coherence", "0.9")
    assert done.code == 3
    assert "--least-coherence" in done.err
    assert not (maps.series / "series.json").exists()
    done = run_here(capsys, "timeseries", tmp_path, "--coherent-in", "all", "--least-coherence", "0.7")
    assert done.code == 0
    record = (maps.series / "series.json").read_text(encoding="utf-8")
    assert '"coherent_in": {\n    "pairs": 9,\n    "of": 9,\n    "least_coherence": 0.7' in record


def test_dates_in_any_order_make_the_same_series(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    maps = write_maps(tmp_path, sequential(3), grid=SMALL)
    found = []
    for dates in ((DAYS[1], DAYS[4]), (DAYS[4], DAYS[1])):
        drop = [text for day in dates for text in ("--drop-dates", str(day))]
        assert run_here(capsys, "timeseries", tmp_path, *drop).code == 0
        found.append(maps.read("velocity"))
    np.testing.assert_array_equal(*found)
    shutil.rmtree(maps.series)
    done = run_here(capsys, "timeseries", tmp_path, *(t for day in DAYS[1:4] for t in ("--drop-dates", str(day))))
    assert done.code == 3
    assert "do not hang together" in done.err


def test_a_map_of_three_cells_has_a_page(tmp_path: Path) -> None:
    maps = write_maps(tmp_path, sequential(2), grid=Grid("EPSG:4326", -8.9, 31.5, 0.001, 3, 1))
    assert maps.make()["cells"] == 3
    assert (maps.series / "series.html").is_file()
    assert (maps.series / "closure.png").is_file()
    assert (maps.series / "date_noise.png").is_file()
