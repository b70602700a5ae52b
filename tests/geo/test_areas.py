"""What is processed around an area."""

from __future__ import annotations

import math

import pytest

from dinsar_cli.geo.areas import surroundings

KM = 1 / 111.2  # degrees


def box(side: float, latitude: float = 0.0) -> tuple[float, float, float, float]:
    half, along = side / 2 * KM, math.cos(math.radians(latitude))
    return 10 - half / along, latitude - half, 10 + half / along, latitude + half


def margin(side: float, cell: float, latitude: float = 0.0) -> float:
    """Kilometres on each side, which are the same on all sides."""
    bounds = box(side, latitude)
    wide = surroundings(bounds, cell)
    along = math.cos(math.radians(latitude))
    found = [abs(a - b) / KM * scale for a, b, scale in zip(wide, bounds, (along, 1, along, 1), strict=True)]
    assert found == pytest.approx([found[0]] * 4, rel=1e-6)
    return found[0]


@pytest.mark.parametrize(("side", "km"), [(1, 5), (10, 5), (16, 8), (60, 15)])
@pytest.mark.parametrize("latitude", [0.0, 60.0])
def test_it_is_half_of_the_area_within_limits(side: float, km: float, latitude: float) -> None:
    assert margin(side, 9000.0, latitude) == pytest.approx(km, rel=1e-3)


def test_fine_look_cells_get_less() -> None:
    """At 1x1 looks a look cell has some 50 square metres: 300,000 are 15 square kilometres."""
    side = 0.4
    assert (side + 2 * margin(side, 50.0)) ** 2 == pytest.approx(15, rel=1e-3)


def test_a_large_area_of_fine_cells_has_four_times_as_many_at_most() -> None:
    assert margin(20, 50.0) == pytest.approx(10, rel=1e-3)  # 40 km on a side
    assert margin(60, 50.0) == pytest.approx(15, rel=1e-3)
