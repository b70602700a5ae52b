"""What tests of managers share."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from support.asking import Ask, ask_manager


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """Let a manager work in a process of its own, whose cache is ``data`` in the test's folder."""
    return partial(ask_manager, tmp_path)
