"""The record of a network as JSON, as a person may have edited it."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any, Final

from dinsar_cli.errors import UsageError
from dinsar_cli.series.graph import Pair
from dinsar_cli.series.pair_rules import parse_date

SCHEMA: Final = 1
"""Version of the record."""

_KEYS: Final = ("schema", "rule", "track", "polarization", "dates", "pairs")
_TO_READ: Final = ("summary", "acquisitions", "set_aside", "notes")  # written for people, and not read again
_DATE_KEYS: Final = ("date", "perpendicular_baseline_m")
_PAIR_KEYS: Final = ("reference", "secondary", "expected_coherence")
_PAIR_TO_READ: Final = ("days", "perpendicular_baseline_m", "triangles", "mistakable_for")  # follow from the dates
_NEEDED: Final = ("schema", "dates", "pairs")


def read_record(record: object) -> dict[str, Any]:
    """Return the attributes of a network from its record; dates and pairs in any order, and sorted here.

    Raises
    ------
    UsageError
        When something is missing, unknown or of another kind; the message says which entry.
    """
    whole = _mapping(record, "the file")
    _check_keys(whole, (*_KEYS, *_TO_READ), "the file", _NEEDED)
    if whole["schema"] != SCHEMA or isinstance(whole["schema"], bool):
        raise _wrong(f"Its schema is {whole['schema']!r}, and this version of dinsar reads {SCHEMA}.")
    dates = sorted(_read_dates(_list(whole["dates"], "dates")), key=lambda one: one[0])
    pairs = sorted(_read_pairs(_list(whole["pairs"], "pairs")), key=lambda one: one[0])
    return {
        "dates": tuple(day for day, _ in dates),
        "pairs": tuple(pair for pair, _ in pairs),
        "rule": _text(whole, "rule") or "list",
        "baselines": tuple(metres for _, metres in dates),
        "coherence": tuple(expected for _, expected in pairs),
        "track": _text(whole, "track"),
        "polarization": _text(whole, "polarization"),
    }


def _read_dates(entries: Sequence[object]) -> list[tuple[date, float | None]]:
    found = []
    for number, entry in enumerate(entries, 1):
        where = f"entry {number} of dates"
        one = _mapping(entry, where)
        _check_keys(one, _DATE_KEYS, where, ("date",))
        found.append((_day(one, "date", where), _number(one, "perpendicular_baseline_m", where)))
    return found


def _read_pairs(entries: Sequence[object]) -> list[tuple[Pair, float | None]]:
    found = []
    for number, entry in enumerate(entries, 1):
        where = f"entry {number} of pairs"
        one = _mapping(entry, where)
        _check_keys(one, (*_PAIR_KEYS, *_PAIR_TO_READ), where, ("reference", "secondary"))
        pair = _day(one, "reference", where), _day(one, "secondary", where)
        found.append((pair, _number(one, "expected_coherence", where)))
    return found


def _mapping(value: object, where: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise _wrong(f"{_capital(where)} must be an object in braces, not {_kind(value)}.")
    return value


def _list(value: object, name: str) -> Sequence[object]:
    if not isinstance(value, list):
        raise _wrong(f"Its {name} must be a list in brackets, not {_kind(value)}.")
    return value


def _check_keys(record: Mapping[str, object], known: Collection[str], where: str, needed: Sequence[str]) -> None:
    for key in record:
        if key not in known:
            nearest = difflib.get_close_matches(key, known, 1)
            meant = f"; perhaps {nearest[0]} is meant" if nearest else f"; it may have {', '.join(known)}"
            raise _wrong(f"{_capital(where)} has the unknown key {key!r}{meant}.")
    for key in needed:
        if key not in record:
            raise _wrong(f"{_capital(where)} lacks the key {key!r}.")


def _day(record: Mapping[str, object], key: str, where: str) -> date:
    value = record[key]
    day = parse_date(value) if isinstance(value, str) else None
    if day is None:
        raise _wrong(f"The {key} in {where} is {value!r}, not a date like 2023-01-04.")
    return day


def _number(record: Mapping[str, object], key: str, where: str) -> float | None:
    value = record.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(f"The {key} in {where} is {value!r}, not a number or null.")
    return float(value)


def _text(record: Mapping[str, object], key: str) -> str:
    value = record.get(key, "")
    if not isinstance(value, str):
        raise _wrong(f"Its {key} must be text, not {_kind(value)}.")
    return value


def _wrong(cause: str) -> UsageError:
    return UsageError(
        "It is no network of pairs.",
        cause,
        "Mend it, or have it written again by: dinsar network",
    )


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"
