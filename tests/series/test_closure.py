"""Closure sees whole cycles and nothing of a date; repair finds them where they are the only explanation."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dinsar_cli.series.closure import (
    closures,
    constant_cycles,
    cycles,
    least_cycles,
    repair_cycles,
    triangle_matrix,
    wrapped,
)
from dinsar_cli.series.graph import Pair, mistakable
from dinsar_cli.series.inversion import design_matrix

DAYS = tuple(date(2023, 9, 4) + timedelta(days=12 * number) for number in range(6))
CELLS = 5000


def sequential(reach: int) -> list[Pair]:
    return [(a, b) for a, b in combinations(DAYS, 2) if (b - a).days <= 12 * reach]


def phases(pairs: list[Pair], noise: float) -> NDArray[np.floating[Any]]:
    """Phases of pairs of dates with large delays of their own."""
    rng = np.random.default_rng(1)
    dates = rng.normal(0, 20, (len(DAYS), CELLS))
    return design_matrix(DAYS, pairs) @ dates + rng.normal(0, noise, (len(pairs), CELLS))


def test_what_belongs_to_a_date_cancels() -> None:
    pairs = sequential(3)
    signs = triangle_matrix(pairs)
    assert not (signs @ design_matrix(DAYS, pairs)).any()
    assert len(signs) == 10
    closure = closures(phases(pairs, 0.05), signs)
    assert closure.std() == pytest.approx(0.05 * np.sqrt(3), rel=0.02)


def test_cells_without_a_value_close_nothing() -> None:
    pairs = sequential(2)
    values = phases(pairs, 0)
    values[0, :10] = np.nan
    signs = triangle_matrix(pairs)
    missing = np.isnan(closures(values, signs))
    assert (missing[:, :10].any(axis=1) == (signs[:, 0] != 0)).all()
    assert not missing[:, 10:].any()
    repair = repair_cycles(cycles(closures(values, signs)), signs)
    assert not repair.flagged.any()


@pytest.mark.parametrize("reach", [2, 3])
def test_cycles_are_found_where_nothing_else_explains_them(reach: int) -> None:
    """Each pair is wrong by a cycle in two cells of a hundred, often several at once."""
    pairs = sequential(reach)
    signs, rng = triangle_matrix(pairs), np.random.default_rng(2)
    wrong = (rng.random((len(pairs), CELLS)) < 0.02) * rng.choice([-1, 1], (len(pairs), CELLS))
    values = phases(pairs, 0.1) + 2 * np.pi * wrong
    repair = repair_cycles(cycles(closures(values, signs)), signs)
    one = np.abs(wrong).sum(axis=0) == 1
    unnamed = [pair in mistakable(pairs) for pair in pairs]
    # of one wrong pair it is known by the network alone whether its triangles name it
    assert (repair.flagged == (signs @ wrong != 0).any(axis=0)).all()
    assert (repair.ambiguous[one] == (wrong[unnamed][:, one] != 0).any(axis=0)).all()
    right = one & ~repair.ambiguous
    assert (repair.cycles[:, right] == wrong[:, right]).all()
    assert not repair.cycles[:, ~wrong.any(axis=0)].any()
    assert np.abs(wrapped(closures(repair.applied(values), signs))).max() < 1
    closed = repair.flagged & ~repair.ambiguous
    assert not cycles(closures(repair.applied(values), signs))[:, closed].any()


def test_no_smaller_set_of_cycles_explains_a_pattern() -> None:
    """Against all sets of up to three cycles."""
    pairs = sequential(3)
    signs, rng = triangle_matrix(pairs), np.random.default_rng(3)
    units = [sign * np.eye(len(pairs), dtype=int)[number] for number in range(len(pairs)) for sign in (1, -1)]
    for _ in range(30):
        wrong = sum(units[number] for number in rng.integers(0, len(units), rng.integers(1, 4)))
        pattern = signs @ wrong
        sets = [sum(some, np.zeros(len(pairs), int)) for size in range(4) for some in combinations(units, size)]
        explaining = {tuple(one) for one in sets if (signs @ one == pattern).all()}
        norm = min(np.abs(one).sum() for one in explaining)
        least = [one for one in explaining if np.abs(one).sum() == norm]
        found = least_cycles(pattern.astype(np.int8), signs)
        if len(least) == 1:
            assert found is not None
            assert tuple(found) == least[0]
        else:
            assert found is None


def test_the_constants_of_whole_maps_are_told_from_local_errors() -> None:
    pairs = sequential(3)
    signs = triangle_matrix(pairs)
    values = phases(pairs, 0.1)
    values[4] -= 2 * np.pi
    values[7, : CELLS // 5] += 2 * np.pi
    constant = constant_cycles(closures(values, signs), signs)
    assert constant.known
    assert not constant.left.any()
    assert constant.pairs.tolist() == [-1 if number == 4 else 0 for number in range(len(pairs))]
    np.testing.assert_array_equal(constant.triangles, -signs[:, 4])


def test_constants_that_two_pairs_explain_as_well_are_left() -> None:
    pairs = sequential(2)
    signs = triangle_matrix(pairs)
    values = phases(pairs, 0.1)
    values[pairs.index((DAYS[0], DAYS[1]))] += 2 * np.pi  # in one triangle, as is the pair of the first and third
    constant = constant_cycles(closures(values, signs), signs)
    assert not constant.known
    assert not constant.pairs.any()
    np.testing.assert_array_equal(constant.left, signs[:, pairs.index((DAYS[0], DAYS[1]))])
