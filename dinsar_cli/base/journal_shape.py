"""The shape of a journal: what must be text, a number or a list, wherever something counts on it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

Check: TypeAlias = Callable[[object], bool]
Shape: TypeAlias = "Check | dict[str, Any] | list[Any] | tuple[Any]"
"""A test; keys, which may lack, with their shapes (``*`` for all others); a list of one shape; one or nothing."""

_MOST: Final = 1 << 63


def _is_text(value: object) -> bool:
    return isinstance(value, str) and "\0" not in value


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < _MOST


def _is_amount(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _MOST


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_truth(value: object) -> bool:
    return isinstance(value, bool)


def _or_nothing(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _are_costs(value: object) -> bool:
    names = ("seconds", "peak_memory", "disk")
    return isinstance(value, Mapping) and all(_is_amount(value.get(name)) for name in names)


def _are_predicted(value: object) -> bool:
    return _are_costs(value) and isinstance(value, Mapping) and not misfit(value, {"steps": {"*": _are_costs}})


_NUMBERS: Final = {"*": _or_nothing(_is_number)}
_FAR_FIELD: Final = {
    "reason": _is_text,
    "even": _is_truth,
    "plane": [_or_nothing(_is_number)],
    "scatter": _or_nothing(_is_number),
    "tilt": _or_nothing(_is_number),
    "left": _or_nothing(_is_number),
    "share": _is_number,
    "place": (_NUMBERS,),
}

STAGE: Final[dict[str, Any]] = {
    "fingerprint": _is_text,
    "files": [{"path": _is_text, "size": _is_count, "mtime_ns": _is_count, "sha256": _or_nothing(_is_text)}],
    "seconds": _is_amount,
    "peak_memory": _is_count,
    "details": {
        "disk": _or_nothing(_is_amount),
        "steps": {"*": _are_costs},
        "predicted": _or_nothing(_are_predicted),
        "kinds": [_is_text],
        "products": {"*": _is_text},
        "far_field": (_FAR_FIELD,),
        "facts": ({"far_field": (_FAR_FIELD,)},),
        "checks": (
            {
                "jumps": (_NUMBERS,),
                "residue": (_NUMBERS,),
                "reversed": ({"flagged": _is_number},),
                "misregistration": ({"metres": _is_number, "sigma_m": _is_number, "told": _is_text},),
            },
        ),
    },
}

JOURNAL: Final[dict[str, Any]] = {
    "dinsar": _is_text,
    "updated": _is_text,
    "command": [_is_text],
    "pair": {"name": _is_text, "reference": [_is_text], "secondary": [_is_text], "polarization": _is_text},
    "engine": {"name": _is_text, "versions": {"*": _is_text}},
    "filter_strength": _or_nothing(_is_number),
    "warnings": [_is_text],
    "summary": ({"warnings": [_is_text]},),
    "stages": {"*": STAGE},
}


def misfit(record: Mapping[str, Any], shape: Shape = JOURNAL) -> str:
    """Name the first part of a record that is not as its shape says; empty when all is.

    Parameters
    ----------
    record : mapping
        What a journal file says.
    shape : Shape
        Of it.

    Returns
    -------
    str
        Keys, joined by dots.
    """
    return next(iter(_misfits(record, shape, "")), "")


def _misfits(value: object, shape: Shape, name: str) -> list[str]:
    if callable(shape):
        return [] if shape(value) else [name]
    if isinstance(shape, tuple):
        return [] if value is None else _misfits(value, shape[0], name)
    if isinstance(shape, list):
        if not isinstance(value, list):
            return [name]
        inside = [(str(number), member, shape[0]) for number, member in enumerate(value)]
    else:
        if not isinstance(value, Mapping):
            return [name]
        rest = shape.get("*")
        inside = [
            (str(key), member, found)
            for key, member in value.items()
            if (found := shape.get(key, rest)) is not None
        ]
    for key, member, found in inside:
        wrong = _misfits(member, found, f"{name}.{key}" if name else key)
        if wrong:
            return wrong
    return []
