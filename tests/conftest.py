"""Fixtures that several test modules share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def pair_folder() -> Path:
    """Folder of the simulated Sentinel-1 pair with known truth."""
    folder = Path(os.environ.get("DINSAR_TEST_PAIR", REPOSITORY.parent / "shared" / "data" / "pair"))
    if not (folder / "truth.json").is_file():
        pytest.skip(f"the test pair is not at {folder} (set DINSAR_TEST_PAIR)")
    return folder
