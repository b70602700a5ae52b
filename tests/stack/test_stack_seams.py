"""Steps of dates from those of pairs."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import combinations

import numpy as np
import pytest

from dinsar_cli.stack.seams import date_phases

FIRST = date(2023, 9, 4)


@pytest.mark.parametrize("reach", [2, 7])
def test_dates_get_the_phases_of_which_pairs_have_the_differences(reach: int) -> None:
    """Two of eight dates are off, one by almost half a cycle: noise costs pairs cycles. Zero is most dates."""
    rng = np.random.default_rng(3)
    days = [FIRST + timedelta(days=12 * number) for number in range(8)]
    true = dict(zip(days, (0.0, 0.0, 3.0, 0.0, 0.0, -1.2, 0.0, 0.0), strict=True))
    pairs = [pair for pair in combinations(days, 2) if (pair[1] - pair[0]).days <= 12 * reach]
    noisy = {(a, b): true[b] - true[a] + rng.normal(0, 0.1) for a, b in pairs}
    wrapped = {pair: float(np.angle(np.exp(1j * phase))) for pair, phase in noisy.items()}
    found = date_phases(days, wrapped)
    away = np.angle(np.exp(1j * (np.array(found) - np.array([*true.values()]))))
    assert np.max(np.abs(away)) < 0.35
