"""Deformation models against published and analytic values."""

from __future__ import annotations

import numpy as np
import pytest

from dinsar_cli.simulate.world.deformation import GaussianBowl, Mogi, Ramp, RectangularDislocation, Rupture, Still
from dinsar_cli.simulate.world.okada import Dislocations, surface_displacement

STRIKE, DIP, TENSILE = Dislocations(strike=1.0), Dislocations(dip=1.0), Dislocations(tensile=1.0)


@pytest.mark.parametrize(
    ("slip", "expected"),
    [
        (STRIKE, (-8.689e-3, -4.298e-3, -2.747e-3)),
        (DIP, (-4.682e-3, -3.527e-2, -3.564e-2)),
        (TENSILE, (-2.660e-4, 1.056e-2, 3.214e-3)),
    ],
)
def test_okada_1985_table_2_case_2(slip: Dislocations, expected: tuple[float, float, float]) -> None:
    found = surface_displacement(
        np.array(2.0), np.array(3.0), depth=4.0, dip=70.0, length=3.0, width=2.0, slip=slip
    )
    np.testing.assert_allclose(found, expected, rtol=5e-4)


@pytest.mark.parametrize(
    ("dip", "slip", "expected"),
    [
        (90.0, STRIKE, (0.0, 5.253e-3, 0.0)),
        (90.0, DIP, (0.0, 0.0, 0.0)),
        (90.0, TENSILE, (1.223e-2, 0.0, -1.606e-2)),
        (-90.0, STRIKE, (0.0, -1.303e-3, 0.0)),
        (-90.0, DIP, (0.0, 0.0, 0.0)),
        (-90.0, TENSILE, (3.507e-3, 0.0, -7.740e-3)),
    ],
)
def test_okada_1985_table_2_cases_3_and_4(
    dip: float, slip: Dislocations, expected: tuple[float, float, float]
) -> None:
    found = surface_displacement(np.array(0.0), np.array(0.0), depth=4.0, dip=dip, length=3.0, width=2.0, slip=slip)
    np.testing.assert_allclose(found, expected, rtol=5e-4, atol=1e-12)


def test_okada_is_finite_on_edges_and_above_the_plane() -> None:
    x, y = np.meshgrid([0.0, 1.5, 3.0], [0.0, -1.0, 1.0])
    for dip in (30.0, 90.0):
        parts = surface_displacement(
            x, y, depth=4.0, dip=dip, length=3.0, width=2.0, slip=Dislocations(1.0, 1.0, 1.0)
        )
        assert np.isfinite(parts).all()


def test_turning_the_strike_turns_the_displacement() -> None:
    east, north = np.array([3000.0, -1000.0]), np.array([2000.0, 4000.0])
    straight = RectangularDislocation(strike=0.0).displacement(east, north)
    # A quarter turn clockwise takes (east, north) to (north, -east).
    turned = RectangularDislocation(strike=90.0).displacement(north, -east)
    np.testing.assert_allclose(turned, (straight[1], -straight[0], straight[2]), atol=1e-12)


def test_a_thrust_lifts_and_a_normal_fault_lowers_the_hanging_wall() -> None:
    # Strike north, dip to the east: the hanging wall lies to the east.
    place = np.array([3000.0]), np.array([0.0])
    assert RectangularDislocation(strike=0.0, rake=90.0).displacement(*place)[2][0] > 0.05
    assert RectangularDislocation(strike=0.0, rake=-90.0).displacement(*place)[2][0] < -0.05


def test_left_lateral_slip_moves_the_far_side_to_the_left() -> None:
    # Looking across a north-striking fault from the west, the eastern side moves to the left: north.
    fault = RectangularDislocation(strike=0.0, dip=90.0, rake=0.0, depth=500.0)
    _, north, _ = fault.displacement(np.array([1500.0, -1500.0]), np.zeros(2))
    assert north[0] > 0.01
    assert north[1] == pytest.approx(-north[0], rel=1e-6)


def test_mogi_peak_and_shape() -> None:
    source = Mogi.from_uplift(0.1, depth=3000.0)
    east, north, up = source.displacement(np.array([0.0, 3000.0]), np.zeros(2))
    assert up[0] == pytest.approx(0.1, rel=1e-12)
    # At one depth of distance: 2^-3/2 of the peak, and horizontal motion as large as the vertical.
    assert up[1] == pytest.approx(0.1 / 2**1.5, rel=1e-12)
    assert east[1] == pytest.approx(up[1], rel=1e-12)
    assert not north.any()


def test_mogi_volume_at_the_surface() -> None:
    # The uplifted volume is 2 (1 - nu) dV (Segall 2010, section 7.2).
    source = Mogi(depth=2000.0, volume_change=1.0e6)
    radius = np.linspace(0.0, 2.0e6, 400_001)
    _, _, up = source.displacement(radius, np.zeros_like(radius))
    volume = np.trapezoid(2.0 * np.pi * radius * up, radius)
    assert volume == pytest.approx(1.5e6, rel=2e-3)


def test_bowl_ramp_and_still() -> None:
    east = np.array([0.0, 2000.0])
    bowl = GaussianBowl(peak=-0.08, radius=2000.0, pull=500.0).displacement(east, np.zeros(2))
    np.testing.assert_allclose(bowl[2], [-0.08, -0.08 * np.exp(-0.5)])
    assert bowl[0][1] < 0.0  # toward the sinking centre
    np.testing.assert_allclose(Ramp(0.002, 0.0).displacement(east, east)[2], [0.0, 0.004])
    assert not np.any(Still().displacement(east, east))


def test_a_rupture_is_the_long_okada_fault_in_its_middle_and_dies_out_at_its_tips() -> None:
    """Left-lateral slip from the surface to a depth; the tips are where nothing jumps any more."""
    fault = Rupture(slip=0.2, depth=2000.0, length=6000.0, strike=30.0, bend=0.0)
    long = RectangularDislocation(length=4e6, width=2000.0, depth=0.0, strike=30.0, dip=90.0, rake=0.0, slip=0.2)
    left = np.array([-9000.0, -500.0, -1.0, 1.0, 800.0, 7000.0])
    place = -left * np.cos(np.radians(30.0)), left * np.sin(np.radians(30.0))
    np.testing.assert_allclose(fault.displacement(*place), long.displacement(*place), atol=2e-6)

    bent = Rupture(slip=0.2, depth=2000.0, length=6000.0, strike=30.0, bend=500.0)
    east, north = bent.trace(7)
    sides = [np.stack(bent.displacement(east, north, side)) for side in (1, -1)]
    along, off = bent.along_and_left(east, north)
    np.testing.assert_allclose(off, 0.0, atol=1e-9)
    jump = np.linalg.norm(sides[0] - sides[1], axis=0)
    np.testing.assert_allclose(jump, 0.2 * (1 - (along / 3000.0) ** 2) ** 2, atol=1e-12)
    assert jump[0] == pytest.approx(0.0, abs=1e-12)
    assert jump[-1] == pytest.approx(0.0, abs=1e-12)
