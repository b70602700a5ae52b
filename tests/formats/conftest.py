"""Products on both kinds of grid."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.format_inputs import Made, make
from support.view_inputs import DEGREES, METRES


@pytest.fixture(params=[DEGREES, METRES], ids=["degrees", "utm"])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Made:
    """Products on a grid of degrees, and on one of UTM."""
    return make(tmp_path / "T052D_20230904_20230916" / "products", request.param)
