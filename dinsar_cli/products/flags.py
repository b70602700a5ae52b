"""What the checks of the phase put into ``flags.tif``, and its words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

REVERSED, CYCLES, JUMP, COMPONENT, INCONGRUENT, FILLED, UNSEEN, NOISE, NO_PHASE = 1, 2, 4, 8, 16, 32, 64, 128, 255
"""Values that ``flags.tif`` sums, and the one of cells without phase of which nothing else is to be said."""
FLAG_WORDS: Final[Mapping[int, str]] = {
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


def flags_in_words(values: NDArray[np.integer[Any]], words: Mapping[int, str]) -> NDArray[Any]:
    """Return the words of each value, with ``;`` between; empty for 0, and ``no phase`` where nothing is known."""
    kinds, where = np.unique(values, return_inverse=True)
    told = ["no phase" if kind == NO_PHASE else _words_of(int(kind), words) for kind in kinds]
    return np.array(told, object)[where] if told else np.empty(0, object)


def _words_of(value: int, words: Mapping[int, str]) -> str:
    return "; ".join(text for bit, text in words.items() if value & bit)
