"""The picture of a network: what its colours and marks say is there."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.image import imread
from numpy.typing import NDArray

from dinsar_cli.drawing.network_picture import PairLine, network_picture

DATES = [date(2023, 1, 4) + timedelta(days=12 * number) for number in range(4)]
BLUE, ORANGE = (0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)


def drawn(path: Path, pairs: list[PairLine], baselines: list[float | None]) -> NDArray[np.int_]:
    network_picture(path, DATES, baselines, pairs, title="T021D VV $x$", subtitle="a rule")
    return np.rint(imread(path)[..., :3] * 255).astype(int)


def has(pixels: NDArray[np.int_], colour: tuple[int, ...]) -> int:
    return int((np.abs(pixels - colour) <= 2).all(axis=-1).sum())


def chain(coherence: float | None = None, *, is_open: bool = False) -> list[PairLine]:
    return [PairLine(one, other, coherence, is_open) for one, other in pairwise(DATES)]


@pytest.mark.parametrize("baselines", [[0.0, 50.0, None, 10.0], [None] * 4])
def test_pairs_in_no_triangle_have_another_colour_and_gaps(tmp_path: Path, baselines: list[float | None]) -> None:
    closed = drawn(tmp_path / "a.png", chain(), baselines)
    opened = drawn(tmp_path / "b.png", chain(is_open=True), baselines)
    assert has(closed, ORANGE) == has(opened, BLUE) == 0
    assert has(closed, BLUE) > 1000
    assert 0.4 < has(opened, ORANGE) / has(closed, BLUE) < 0.8  # 4 of 6.5 are drawn, but the caps


def test_known_coherence_is_told_by_its_colour(tmp_path: Path) -> None:
    viridis = mpl.colormaps["viridis"]
    pixels = drawn(tmp_path / "a.png", chain(0.9), [0.0, 50.0, -30.0, 10.0])
    high, low = (tuple(round(255 * part) for part in viridis(value)[:3]) for value in (0.9, 0.1))
    assert has(pixels, high) > 2 * has(pixels, low)  # which is in the bar of colours alone
    assert has(pixels, BLUE) == 0


def test_equal_networks_are_equal_pictures(tmp_path: Path) -> None:
    for name in "ab":
        drawn(tmp_path / f"{name}.png", chain(), [0.0, 50.0, -30.0, 10.0])
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png"]
