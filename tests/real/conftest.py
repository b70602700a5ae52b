"""The folder of real data, and a skip with its reason where there is none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of files that archives and other people's programs wrote; `DINSAR_TEST_DATA` names it."""
    if "DINSAR_TEST_DATA" not in os.environ:
        pytest.skip("set DINSAR_TEST_DATA to a folder of real data")
    return Path(os.environ["DINSAR_TEST_DATA"])
