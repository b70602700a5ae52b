"""Dates, events and directions in the configuration."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from dinsar_cli.config.dates import day_of, parse_event
from dinsar_cli.config.file import build_config, dump_commented_yaml, load_config
from dinsar_cli.errors import UsageError

NAME = "S1A_IW_SLC__1SDV_20230206T033446_20230206T033513_047106_05A6B8_ABCD"


@pytest.mark.parametrize(
    ("key", "typed", "value"),
    [
        ("start", "2023-02-06", date(2023, 2, 6)),
        ("start", " 2024-02-29 ", date(2024, 2, 29)),
        ("end", date(2023, 2, 6), date(2023, 2, 6)),
        ("start", "20230206", date(2023, 2, 6)),
        ("start", 20230206, date(2023, 2, 6)),
        ("start", "2023/2/6", date(2023, 2, 6)),
        ("start", "2023.02.06", date(2023, 2, 6)),
        ("start", "6.2.2023", date(2023, 2, 6)),
        ("start", "13/02/2023", date(2023, 2, 13)),
        ("start", "02/13/2023", date(2023, 2, 13)),
        ("start", "02/02/2023", date(2023, 2, 2)),
        ("start", "6 Feb 2023", date(2023, 2, 6)),
        ("start", "Sept. 1, 2023", date(2023, 9, 1)),
        ("start", "12 October 2023", date(2023, 10, 12)),
        ("event", "12 OCT 2023", date(2023, 10, 12)),
        ("event", "12 Oct 2023 01:17 UTC", datetime(2023, 10, 12, 1, 17, tzinfo=UTC)),
        ("event", "20230206T011734", datetime(2023, 2, 6, 1, 17, 34, tzinfo=UTC)),
        ("event", "20230206T0117Z", datetime(2023, 2, 6, 1, 17, tzinfo=UTC)),
        ("event", "2023-02-06", date(2023, 2, 6)),
        ("event", "2023-02-06T01:17:34", datetime(2023, 2, 6, 1, 17, 34, tzinfo=UTC)),
        ("event", "2023-02-06 01:17Z", datetime(2023, 2, 6, 1, 17, tzinfo=UTC)),
        ("event", "2023-02-06T04:17:34.5+03:00", datetime(2023, 2, 6, 1, 17, 34, 500000, tzinfo=UTC)),
        ("event", "2023-02-06T01:17:34-23:00", datetime(2023, 2, 7, 0, 17, 34, tzinfo=UTC)),
        ("event", datetime(2023, 2, 6, 1, 17), datetime(2023, 2, 6, 1, 17, tzinfo=UTC)),  # noqa: DTZ001 (as YAML gives it)
        ("reference", "2023-02-06", date(2023, 2, 6)),
        ("reference", NAME, NAME),
        ("secondary", f"{NAME}.zip", NAME),
        ("secondary", f"{NAME}.SAFE", NAME),
        ("direction", "Descending", "descending"),
        ("direction", "ASC", "ascending"),
        ("direction", "d", "descending"),
        ("track", "21", 21),
        ("track", 175, 175),
    ],
)
def test_what_is_typed_is_understood(key: str, typed: object, value: object) -> None:
    assert getattr(build_config(None, {key: typed}), key) == value


@pytest.mark.parametrize(
    ("key", "typed", "word"),
    [
        ("start", "06/02/2023", "6 February 2023 or 2 June 2023; write 2023-02-06 or 2023-06-02"),
        ("end", "6-2-2023", "6 February 2023 or 2 June 2023; write 2023-02-06 or 2023-06-02"),
        ("start", "06.13.2023", "month must be in 1..12"),
        ("start", "31/02/2023", "day is out of range"),
        ("start", "06/02/23", "year-month-day"),
        ("start", "2023-02/06", "year-month-day"),
        ("start", "6 Febuary 2023", "'febuary' is not the English name of a month"),
        ("start", "6 Ma 2023", "'ma' is not the English name of a month"),
        ("start", 2023026, "year-month-day"),
        ("start", 1, "year-month-day"),
        ("event", "06/02/2023 01:17", "6 February 2023 or 2 June 2023"),
        ("start", "2023-W06-1", "year-month-day"),
        ("start", "2023-02-30", "day is out of range"),
        ("start", "2023-02-06T01:00", "year-month-day"),
        ("start", datetime(2023, 2, 6, tzinfo=UTC), "year-month-day"),
        ("start", True, "true or false"),
        ("start", "", "year-month-day"),
        ("end", "today", "year-month-day"),
        ("event", "2023-02-06T25:00", "hour must be"),
        ("event", "2023-02-06T", "hour:minute"),
        ("event", "Tuesday", "year-month-day"),
        ("event", "2023-02-06 9:30", "hour:minute"),
        ("reference", "S1A_IW_GRDH_1SDV_20230206", "a date like 2023-02-06 or the name"),
        ("direction", "north", "ascending, descending"),
        ("track", 0, "1 to 175"),
        ("track", 176, "1 to 175"),
        ("track", "21.5", "1 to 175"),
        ("track", True, "true or false"),
    ],
)
def test_what_can_be_misread_is_refused(key: str, typed: object, word: str) -> None:
    with pytest.raises(UsageError) as caught:
        build_config(None, {key: typed})
    assert key in caught.value.problem
    assert word in caught.value.cause
    assert repr(typed)[:9] in caught.value.cause


@pytest.mark.parametrize(
    ("values", "key", "word"),
    [
        ({"start": "2023-02-06", "end": "2023-02-05"}, "end", "before the start, 2023-02-06"),
        ({"start": "2023-02-06", "event": "2023-02-05T23:59:59"}, "event", "between start and end"),
        ({"end": "2023-02-06", "event": "2023-02-07"}, "event", "between start and end"),
    ],
)
def test_what_contradicts_itself_is_refused(values: dict[str, object], key: str, word: str) -> None:
    with pytest.raises(UsageError) as caught:
        build_config(None, values)
    assert caught.value.problem == f"The configuration is wrong at {key}."
    assert word in caught.value.cause


def test_one_day_is_a_span_and_its_end_belongs_to_it() -> None:
    config = build_config(None, {"start": "2023-02-06", "end": "2023-02-06", "event": "2023-02-06T23:59:59.9"})
    assert config.start == config.end == day_of(config.event) == date(2023, 2, 6)
    assert day_of(None) is None


def test_a_file_has_dates_quoted_or_not(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("start: 2023-02-06\nend: '2023-03-01'\nevent: 2023-02-06T03:17:34+02:00\ntrack: 21\n")
    config = build_config(load_config(path), {"start": "2023-01-31"})
    assert (config.start, config.end) == (date(2023, 1, 31), date(2023, 3, 1))
    assert config.event == datetime(2023, 2, 6, 1, 17, 34, tzinfo=UTC)
    path.write_text(dump_commented_yaml(config))
    assert build_config(load_config(path), {}) == config
    path.write_text("end: 2023-01-01\n")
    with pytest.raises(UsageError, match="wrong at end"):
        build_config(load_config(path), {"start": "2023-01-31"})


@pytest.mark.parametrize("text", ["0001-01-01", "9999-12-31", "0001-01-01T00:00", "9999-12-31T23:59:59+00:00"])
def test_years_that_no_calendar_can_be_reckoned_with(text: str) -> None:
    with pytest.raises(ValueError, match="no satellite is of the year"):
        parse_event(text)
    with pytest.raises(UsageError, match="event"):
        build_config({"event": text}, {})
