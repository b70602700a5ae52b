"""No real file lies there unread."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from support.real_inputs import CLAIMED

pytestmark = pytest.mark.real


def claim_all() -> None:
    """Load the test modules beside this one: each says which files it reads."""
    for path in Path(__file__).parent.glob("test_real_*.py"):
        spec = importlib.util.spec_from_file_location(f"claims_{path.stem}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # dataclasses look there for the module that they are in
        spec.loader.exec_module(module)


def test_every_file_is_read_by_some_test(real_data: Path) -> None:
    claim_all()
    read = {path for pattern in CLAIMED for path in real_data.glob(pattern)}
    unread = [
        str(path.relative_to(real_data)) for path in real_data.rglob("*") if path.is_file() and path not in read
    ]
    assert unread == []


def test_no_pattern_is_left_without_a_file(real_data: Path) -> None:
    claim_all()
    assert [pattern for pattern in CLAIMED if not any(real_data.glob(pattern))] == []
