"""Journals that were changed by something else: refused in one way, whatever was changed."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from dinsar_cli.base.journal import Journal, read_journal
from dinsar_cli.cli.status import _print, describe
from dinsar_cli.errors import UsageError
from dinsar_cli.report.record import checks_told, corrections_told, costs

_COST = {"seconds": 1.5, "peak_memory": 10**8, "disk": 10**6}
_FILE = {"path": "radar/wrapped.npy", "size": 10, "mtime_ns": 10**18, "sha256": None}
RECORD: dict[str, Any] = {
    "schema_version": 1,
    "dinsar": "0.1",
    "command": ["dinsar", "run"],
    "pair": {"name": "T154D", "reference": ["a"], "secondary": ["b"], "polarization": "VV"},
    "engine": {"name": "eos", "versions": {"numpy": "2"}},
    "warnings": ["a warning"],
    "stages": {
        name: {
            "fingerprint": "abc",
            "files": [_FILE],
            "seconds": 0.5,
            "peak_memory": 10**8,
            "details": {
                "disk": 1000,
                "steps": {"form": _COST, "unwrap": _COST},
                "predicted": _COST | {"runs": 0, "steps": {"form": _COST}},
                "facts": {"corrections": {"troposphere": {"std_m": 0.01}}, "far_field": None},
                "checks": {"residue": {"cells": 10, "incongruent": 0}},
            },
        }
        for name in ("process",)
    },
}
VALUES = [None, True, -1, 1e308, float("nan"), float("inf"), 10**30, "", "x", "\0", [], {}, [None], {"a": None}]


def places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in inside:
        yield (*way, key)
        yield from places(member, (*way, key))


def changed(way: tuple[Any, ...], value: Any) -> dict[str, Any]:
    record: Any = deepcopy(RECORD)
    inner = record
    for key in way[:-1]:
        inner = inner[key]
    if value == "remove":
        del inner[way[-1]]
    else:
        inner[way[-1]] = value
    return record


def use(path: Path) -> None:
    """Read a journal in all ways that count on its shape."""
    _print("name", describe(path.parent, verify=False))
    record = read_journal(path)
    costs(record)
    corrections_told(record)
    checks_told(record)


def test_whatever_was_changed_it_is_used_or_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A seeded sample: each place with some values, so that nothing but an error for the user comes out."""
    path = tmp_path / "run.json"
    path.write_text(json.dumps(RECORD))
    use(path)
    chance = random.Random(20)  # noqa: S311 (a sample)
    refused = 0
    for way in places(RECORD):
        for value in chance.sample([*VALUES, "remove"], 3):
            path.write_text(json.dumps(changed(way, value)))
            try:
                use(path)
            except UsageError:
                refused += 1
    capsys.readouterr()
    assert refused > 30


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, '{"stages":' * 5000, '{"stages": {}, "a": ' + "9" * 5000 + "}", "\ufeffnull", "<html>", ""],
)
def test_a_journal_that_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "run.json"
    path.write_text(text)
    with pytest.raises(UsageError, match="is not a journal of dinsar"):
        Journal.open(path)
