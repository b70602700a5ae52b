"""What the numbers of flags say, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.maps.checks.phase import (
    COMPONENT,
    CYCLES,
    FILLED,
    INCONGRUENT,
    JUMP,
    NO_PHASE,
    NOISE,
    REVERSED,
    UNSEEN,
)

OF_PAIR: Final[Mapping[int, str]] = {
    REVERSED: "reversed pair differs",
    CYCLES: "reversed pair differs by half a cycle or more",
    JUMP: "beside a step of half a cycle",
    COMPONENT: "cycles of its component uncertain",
    INCONGRUENT: "not the wrapped phase plus whole cycles",
    FILLED: "cycles chosen again",
    UNSEEN: "shows no ground (water, layover or shadow)",
    NOISE: "coherence of noise alone",
}
"""Words of the bits of ``flags.tif``."""
OF_SERIES: Final[Mapping[int, str]] = {
    1: "triangles do not close",
    2: "whole cycles taken off",
    4: "several sets of cycles explain the closure",
    8: "pairs do not join all dates",
}
"""Words of the bits of ``series_flags.tif``."""


def flags_in_words(values: NDArray[np.integer[Any]], words: Mapping[int, str]) -> NDArray[Any]:
    """Return the words of each value, with ``;`` between; empty for 0, and ``no phase`` where nothing is known."""
    kinds, where = np.unique(values, return_inverse=True)
    told = ["no phase" if kind == NO_PHASE else _words_of(int(kind), words) for kind in kinds]
    return np.array(told, object)[where] if told else np.empty(0, object)


def _words_of(value: int, words: Mapping[int, str]) -> str:
    return "; ".join(text for bit, text in words.items() if value & bit)
