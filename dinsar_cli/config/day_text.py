"""Days as people write them: every form that can be read in one way only."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

_YEAR_FIRST: Final = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})|(\d{4})(\d\d)(\d\d)")
_YEAR_LAST: Final = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})")
_IN_WORDS: Final = re.compile(r"(\d{1,2})\.?[ -]([a-z]+)\.?[ -](\d{4})|([a-z]+)\.? (\d{1,2}),? (\d{4})")
_MONTHS: Final = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_LEAST_LETTERS: Final = 3


class TwoDaysError(ValueError):
    """Of a day that can be read in two ways."""


def read_day(text: str) -> date:
    """Read a day.

    Parameters
    ----------
    text : str
        With the year first (``2023-09-01``, ``20230901``, ``2023/9/1``), with points and the day first
        (``1.9.2023``), with the month in English (``1 Sep 2023``, ``September 1, 2023``), or as ``13/09/2023``
        where only one of the two can be the month.

    Returns
    -------
    date

    Raises
    ------
    ValueError
        When it is written otherwise, or there is no such day.
    TwoDaysError
        When day and month could be exchanged; the text names both readings.
    """
    plain = text.strip()
    if match := _YEAR_FIRST.fullmatch(plain):
        year, _, month, day, *packed = match.groups()
        return date(*map(int, packed if year is None else (year, month, day)))
    if match := _YEAR_LAST.fullmatch(plain):
        first, mark, second, year = match.groups()
        return _with_year_last(int(first), mark, int(second), int(year))
    if match := _IN_WORDS.fullmatch(plain.lower()):
        day, word, year, *other = match.groups()
        if day is None:
            word, day, year = other
        return date(int(year), _month(word), int(day))
    raise ValueError("a date is written as year-month-day")


def _with_year_last(first: int, mark: str, second: int, year: int) -> date:
    """Read day and month, in the order that is the only possible one."""
    day_first, month_first = _possible(year, second, first), _possible(year, first, second)
    if mark == "." or month_first is None:  # with points nobody writes the month first
        return day_first or date(year, second, first)
    if day_first is None or day_first == month_first:
        return month_first
    raise TwoDaysError(
        f"it can be {_spoken(day_first)} or {_spoken(month_first)}; write {day_first} or {month_first}"
    )


def _possible(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _spoken(day: date) -> str:
    return f"{day.day} {_MONTHS[day.month - 1].capitalize()} {day.year}"


def _month(word: str) -> int:
    """Return the number of a month by the beginning of its English name."""
    found = [number for number, name in enumerate(_MONTHS, start=1) if name.startswith(word)]
    if len(word) < _LEAST_LETTERS or not found:
        raise ValueError(f"{word!r} is not the English name of a month; a date is written as year-month-day")
    return found[0]
