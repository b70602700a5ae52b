"""The MintPy that tests run, in a Python of its own."""

from __future__ import annotations

import os

import pytest

from dinsar_cli.errors import EngineError
from dinsar_cli.timeseries.mintpy.installation import VARIABLE, MintPy, find_mintpy

PYTHON = os.environ.get(VARIABLE)


@pytest.fixture(scope="session")
def mintpy() -> MintPy:
    """MintPy of the Python that DINSAR_MINTPY_PYTHON names, or of this one."""
    try:
        return find_mintpy()
    except EngineError as error:
        pytest.skip(f"MintPy is not there (set {VARIABLE}): {error.cause}")
