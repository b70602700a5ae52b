"""What triangles of pairs can tell, against the integer programs that repair would have to solve."""

from __future__ import annotations

import random
from datetime import date, timedelta
from itertools import combinations, product

import numpy as np
import pytest
from numpy.typing import NDArray

from dinsar_cli.base.graph import linking, parts_of
from dinsar_cli.series.graph import Pair, mistakable, triangle_counts, triangles_of

FIRST = date(2023, 1, 4)


def days(count: int) -> list[date]:
    return [FIRST + timedelta(days=12 * number) for number in range(count)]


def random_pairs(dates: list[date], share: float, seed: int) -> list[Pair]:
    chooser = random.Random(seed)  # noqa: S311
    return [pair for pair in combinations(dates, 2) if chooser.random() < share]


def incidence(pairs: list[Pair]) -> NDArray[np.int64]:
    """Triangles in rows, pairs in columns: the signs with which the phases of a triangle add to its closure."""
    rows = np.zeros((0, len(pairs)), dtype=np.int64)
    for a, b, c in combinations(sorted({day for pair in pairs for day in pair}), 3):
        if {(a, b), (b, c), (a, c)} <= set(pairs):
            row = np.zeros(len(pairs), dtype=np.int64)
            row[[pairs.index((a, b)), pairs.index((b, c)), pairs.index((a, c))]] = 1, 1, -1
            rows = np.vstack((rows, row))
    return rows


@pytest.mark.parametrize("seed", range(8))
def test_what_can_be_mistaken_is_what_the_integer_program_of_least_cycles_leaves_open(seed: int) -> None:
    """Of all patterns of -1, 0, 1 cycles over the pairs, those with the closures of one wrong pair and as cheap."""
    pairs = random_pairs(days(5), 0.8, seed)
    signs = incidence(pairs)
    patterns = np.array(list(product((-1, 0, 1), repeat=len(pairs))))
    costs, closures = np.abs(patterns).sum(axis=1), patterns @ signs.T
    found = mistakable(pairs)
    for column, pair in enumerate(pairs):
        wrong = np.zeros(len(pairs), dtype=np.int64)
        wrong[column] = 1
        same = (closures == signs @ wrong).all(axis=1)
        cheapest = patterns[same & (costs == costs[same].min())]
        named = {pairs[at] for pattern in cheapest for at in np.flatnonzero(pattern)}
        if not signs[:, column].any():
            assert costs[same].min() == 0  # no closure shows it
            assert pair not in found
        else:
            assert named - {pair} == set(found.get(pair, ()))


@pytest.mark.parametrize("seed", range(4))
def test_triangles_are_all_that_there_are(seed: int) -> None:
    pairs = random_pairs(days(9), 0.5, seed)
    signs = incidence(pairs)
    assert len(triangles_of(pairs)) == len(signs)
    assert list(triangle_counts(pairs).values()) == np.abs(signs).sum(axis=0).tolist()
    for a, b, c in triangles_of(pairs):
        assert a < b < c
        assert {(a, b), (b, c), (a, c)} <= set(pairs)


def test_parts_are_the_blocks_of_the_laplacian() -> None:
    """A graph has as many parts as its Laplacian has zero eigenvalues (Fiedler 1973)."""
    dates = days(14)
    for seed in range(10):
        pairs = random_pairs(dates, 0.1, seed)
        matrix = np.zeros((14, 14))
        for one, other in pairs:
            a, b = dates.index(one), dates.index(other)
            matrix[[a, b], [b, a]] -= 1
            matrix[[a, b], [a, b]] += 1
        parts = parts_of(dates, pairs)
        assert len(parts) == 14 - np.linalg.matrix_rank(matrix)
        assert sorted(day for part in parts for day in part) == dates
        assert [part[0] for part in parts] == sorted(part[0] for part in parts)
        assert len(linking(dates, pairs)) == 14 - len(parts)
