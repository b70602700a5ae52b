"""No real file lies there unread."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from support.real_inputs import CLAIMED

pytestmark = pytest.mark.real


def test_every_file_is_read_by_some_test(real_data: Path) -> None:
    for module in Path(__file__).parent.glob("test_real_*.py"):
        importlib.import_module(module.stem)
    read = {path for pattern in CLAIMED for path in real_data.glob(pattern)}
    unread = [
        str(path.relative_to(real_data)) for path in real_data.rglob("*") if path.is_file() and path not in read
    ]
    assert unread == []


def test_no_pattern_is_left_without_a_file(real_data: Path) -> None:
    for module in Path(__file__).parent.glob("test_real_*.py"):
        importlib.import_module(module.stem)
    assert [pattern for pattern in CLAIMED if not any(real_data.glob(pattern))] == []
