"""Where the real data is, and which of its files are read by a test."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

VARIABLE = "DINSAR_TEST_DATA"


def _folder() -> tuple[Path | None, str]:
    named = os.environ.get(VARIABLE)
    if not named:
        return None, f"real data is not at hand (set {VARIABLE})"
    folder = Path(named)
    return (folder, "") if folder.is_dir() else (None, f"{VARIABLE} names {folder}, which is no folder")


FOLDER, REASON = _folder()

CLAIMED: set[str] = {"README.md"}
"""Patterns of the files, below the folder, that some test reads."""


def files(*patterns: str) -> list[Path]:
    """Files of the folder by patterns, which counts as reading them; none without the folder."""
    CLAIMED.update(patterns)
    return [] if FOLDER is None else [path for pattern in patterns for path in sorted(FOLDER.glob(pattern))]


def each(*patterns: str) -> list[object]:
    """Parameters of a test that reads each file of `files`; without the folder one, which is skipped."""
    found = files(*patterns)
    if not found:
        return [pytest.param(None, marks=pytest.mark.skip(reason=REASON or f"there is no {', '.join(patterns)}"))]
    return [pytest.param(path, id=path.name) for path in found]
