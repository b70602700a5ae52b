"""Dates and directions in the configuration: read only where they cannot be misread."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, Literal

from pydantic import BeforeValidator, PlainSerializer, PlainValidator, WithJsonSchema

from dinsar_cli.config.base import About
from dinsar_cli.config.day_text import read_day

_MOMENT = re.compile(
    r"(?P<day>.*\d)(?:[T ]+(?P<clock>\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)|T(?P<packed>\d{4}(?:\d\d)?))"
    r" ?(?P<zone>Z|UTC|[+-]\d\d:?\d\d)?",
    re.IGNORECASE,
)
_LIKE_A_MOMENT = re.compile(r"\dT|:", re.IGNORECASE)
_YEARS = (1900, 2999)
_PRODUCT = re.compile(r"S1[A-Z]_IW_SLC_")
_DIRECTIONS = {"a": "ascending", "asc": "ascending", "d": "descending", "desc": "descending"}


def parse_day(value: object) -> date | None:
    """Read a day of UTC; None stays None.

    Raises
    ------
    ValueError
        If it can be read in no way or in two, see `read_day`, or there is no such day.
    """
    if value is None:
        return None
    if isinstance(value, date) and not isinstance(value, datetime):
        return _possible(value)
    if isinstance(value, int):  # 20230206 in a YAML file
        value = str(value)
    return _possible(read_day(value if isinstance(value, str) else ""))


def _possible(day: date) -> date:
    """Refuse years about which no calendar can be reckoned with."""
    if not _YEARS[0] <= day.year <= _YEARS[1]:
        raise ValueError(f"no satellite is of the year {day.year}")
    return day


def parse_event(value: object) -> date | datetime | None:
    """Read a day or a time; a time without an offset is UTC, and one with an offset becomes UTC.

    Raises
    ------
    ValueError
        If it is written otherwise, or there is no such time.
    """
    if isinstance(value, str):
        match = _MOMENT.fullmatch(value.strip())
        if match is None and _LIKE_A_MOMENT.search(value):
            raise ValueError("a time is written with year-month-day, T and hour:minute")
        if match is not None:
            zone = (match["zone"] or "").upper().replace("UTC", "Z")
            value = datetime.fromisoformat(f"{read_day(match['day'])}T{match['clock'] or match['packed']}{zone}")
    if not isinstance(value, datetime):
        return parse_day(value)
    _possible(value)
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def parse_date_or_product(value: object) -> date | str | None:
    """Read a day or the name of a product, which loses its ending.

    Raises
    ------
    ValueError
        If it is neither.
    """
    if isinstance(value, str) and _PRODUCT.match(value.strip()):
        return re.sub(r"(?:\.SAFE|\.zip)+$", "", value.strip(), flags=re.IGNORECASE)
    return parse_day(value)


def day_of(event: date | datetime | None) -> date | None:
    """Return the day (UTC) of what `parse_event` gives."""
    return event.date() if isinstance(event, datetime) else event


def _parse_direction(value: object) -> object:
    text = value.strip().lower() if isinstance(value, str) else value
    return _DIRECTIONS.get(text, text) if isinstance(text, str) else text


def _as_text(value: date | str | None) -> str | None:
    return value.isoformat() if isinstance(value, date) else value


_SERIALIZED = PlainSerializer(_as_text, return_type=str | None)

DayField = Annotated[
    date | None,
    PlainValidator(parse_day),
    _SERIALIZED,
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": r"^\d{4}-\d\d-\d\d$"}, {"type": "null"}]}),
    About("a date like 2023-02-06"),
]
EventField = Annotated[
    date | datetime | None,
    PlainValidator(parse_event),
    _SERIALIZED,
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": r"^\d{4}-\d\d-\d\d"}, {"type": "null"}]}),
    About("a date like 2023-02-06 or a time like 2023-02-06T01:17:34"),
]
OneDateField = Annotated[
    date | str | None,
    PlainValidator(parse_date_or_product),
    _SERIALIZED,
    WithJsonSchema(
        {"anyOf": [{"type": "string", "pattern": r"^(\d{4}-\d\d-\d\d$|S1[A-Z]_IW_SLC_)"}, {"type": "null"}]}
    ),
    About("a date like 2023-02-06 or the name of an IW SLC product"),
]
DirectionField = Annotated[Literal["ascending", "descending"] | None, BeforeValidator(_parse_direction)]
