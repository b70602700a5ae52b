"""The folder of real data, and a skip with its reason where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from real_inputs import FOLDER, REASON


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of files that archives and other people's programs wrote; `DINSAR_TEST_DATA` names it."""
    if FOLDER is None:
        pytest.skip(REASON)
    return FOLDER
