"""Dense offsets without topsApp: from shifts to metres on a map, and what is refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dinsar_cli.config.file import build_config
from dinsar_cli.config.sections.offsets import OffsetsConfig
from dinsar_cli.errors import UsageError
from dinsar_cli.maps.offset_maps import offset_warnings
from dinsar_cli.radar.offset_field import OffsetField, east_if_horizontal, median_of_known
from support.command import Outcome
from support.refusal import USAGE, Refusal, check_refusal

RADIANS = math.radians(38.0)


def field(rows: int = 5, columns: int = 7) -> OffsetField:
    row, column = np.mgrid[:rows, :columns].astype(np.float32)
    return OffsetField(
        toward=10 * row + column,
        along=-row,
        snr=np.full((rows, columns), 20, np.float32),
        first_line=100.5,
        first_sample=200.5,
        skip_lines=32,
        skip_samples=128,
    )


@pytest.mark.parametrize("heading", [-169.4, -10.6, 45.0])
@pytest.mark.parametrize("motion", [(1.0, 0.0), (0.0, 1.0), (-0.7, 2.5)])
def test_east_of_a_horizontal_motion_is_found_whole(heading: float, motion: tuple[float, float]) -> None:
    """The satellite looks to the right: the ground sees it to the left of its flight."""
    way = math.radians(heading)
    flight = np.array([math.sin(way), math.cos(way)])  # east, north
    left = np.array([-flight[1], flight[0]]) * math.sin(RADIANS)
    toward, along = np.array(motion) @ left, np.array(motion) @ flight
    values = (np.array([value]) for value in (toward, along, *left))
    assert east_if_horizontal(*values)[0] == pytest.approx(motion[0], abs=1e-12)


def test_a_rise_of_the_ground_is_taken_for_a_motion_toward_the_satellite() -> None:
    """What the product says that it assumes: 1 m up looks like cos / sin of the incidence angle."""
    east = np.array([math.sin(RADIANS)])  # seen from the east, by a satellite that flies south
    found = east_if_horizontal(np.array([math.cos(RADIANS)]), np.zeros(1), east, np.zeros(1))
    assert found[0] == pytest.approx(1 / math.tan(RADIANS))


def test_places_of_look_cells_among_the_windows() -> None:
    """The middle of look cell 0 is 0.5 (looks - 1) samples from the first."""
    looks = (8, 2)
    line, sample = 100.5 + 32 * 3, 200.5 + 128 * 2.25
    row, column = np.array([[(line + 0.5) / 2 - 0.5]]), np.array([[(sample + 0.5) / 8 - 0.5]])
    found = field().places(row, column, looks)
    assert found[0][0, 0] == pytest.approx(3)
    assert found[1][0, 0] == pytest.approx(2.25)
    edge = (np.array([[(100.5 - 32 * part + 0.5) / 2 - 0.5 for part in (0.4, 0.6)]]), np.full((1, 2), column[0, 0]))
    at_row, at_column = field().places(*edge, looks)
    assert at_row[0, 0] == 0
    assert np.isnan([at_row[0, 1], at_column[0, 1]]).all()
    unknown = field().places(np.full((1, 1), np.nan), column, looks)
    assert np.isnan(unknown).all()


def test_what_is_weak_is_left_out_and_does_not_spoil_the_median() -> None:
    made = field()
    made.snr[2, 3] = 3
    made.toward[2, 3] = -500
    made.toward[0, 0] = np.nan
    toward, along = made.usable(8, 3)
    assert np.isnan(toward[2, 3])
    assert np.isnan(along[2, 3])
    assert np.isnan(toward[0, 0])
    assert np.isfinite(toward).sum() == toward.size - 2
    assert toward[3, 3] == 33.5  # of eight: 22 24 32 33 34 42 43 44
    assert np.nanmax(np.abs(toward)) < 100
    everything, _ = made.usable(0, 1)
    assert everything[2, 3] == -500


def test_median_is_that_of_scipy_where_all_is_known() -> None:
    from scipy.ndimage import median_filter

    values = np.random.default_rng(1).normal(size=(40, 30)).astype(np.float32)
    inner = (slice(2, -2), slice(2, -2))
    assert np.array_equal(median_of_known(values, 5)[inner], median_filter(values, 5)[inner])
    assert median_of_known(values, 1) is values


def test_a_field_is_read_as_it_was_saved(tmp_path: Path) -> None:
    made = field()
    made.save(tmp_path / "offsets.npz")
    again = OffsetField.load(tmp_path / "offsets.npz")
    assert np.array_equal(again.toward, made.toward)
    assert (again.first_line, again.skip_samples) == (100.5, 128)
    assert isinstance(again.skip_samples, int)
    assert [path.name for path in tmp_path.iterdir()] == ["offsets.npz"]


def test_a_warning_tells_of_few_usable_windows() -> None:
    assert offset_warnings({}) == []
    assert offset_warnings({"usable": 0.9}) == []
    (text,) = offset_warnings({"usable": 0.2})
    assert "20%" in text


@pytest.mark.parametrize(
    ("key", "value", "word"),
    [
        ("window", "128", "range x azimuth"),
        ("window", "127x32", "even"),
        ("window", "8x32", "16 to 512"),
        ("window", "64x-2", "whole number"),
        ("window", True, "true or false"),
        ("search", "4x16", "8 to 128"),
        ("search", "16x64", "twice the window"),
        ("skip", "0x32", "8 to 1024"),
        ("oversampling", 20, "8, 16, 32 or 64"),
        ("snr", -1, "0 to 1000"),
        ("filter", 4, "odd"),
        ("filter", 23, "odd"),
        ("enabled", "perhaps", "true or false"),
    ],
)
def test_wrong_values_are_refused_with_what_is_allowed(key: str, value: object, word: str) -> None:
    with pytest.raises(UsageError) as refused:
        build_config({"offsets": {key: value}}, {})
    assert f"offsets.{key}" in refused.value.problem
    assert word in refused.value.cause


def test_sizes_are_written_as_they_are_read() -> None:
    config = build_config({"offsets": {"window": [64, 48], "skip": " 32 X 16 "}}, {"offsets.enabled": True})
    assert config.offsets.enabled
    assert (config.offsets.window, config.offsets.skip) == ((64, 48), (32, 16))
    assert config.offsets.model_dump(mode="json")["window"] == "64x48"
    assert not OffsetsConfig().enabled


def test_an_engine_without_offsets_refuses_before_anything_is_made(refused: Refusal) -> None:
    refused(USAGE, "eos", "dense offsets", "isce2", engine="eos", extra=("--dense-offsets",))


def test_so_does_auto_where_it_would_take_such_an_engine(
    dinsar: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("ISCE_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    roi = ["--roi", "-8.9 31.2 -8.7 31.5", "--start", "2023-09-01", "--end", "2023-09-20"]
    outcome = dinsar("run", *roi, "--dense-offsets", "--workdir", tmp_path / "work", "--cache", tmp_path / "cache")
    check_refusal(outcome, USAGE, "dense offsets", "no ISCE2 is found")
    assert not list((tmp_path / "work").glob("T*"))
