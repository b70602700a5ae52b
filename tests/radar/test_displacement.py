"""From phase to displacement: signs, units, the reference point."""

from __future__ import annotations

import numpy as np
import pytest

from dinsar_cli.errors import NoDataError
from dinsar_cli.radar.displacement import (
    choose_reference,
    incidence_angle,
    los_displacement,
    reference_at,
    vertical_displacement,
)

WAVELENGTH = 299_792_458.0 / 5.405000454334350e9


def test_one_cycle_is_half_a_wavelength_away_from_the_satellite() -> None:
    # phase grows with range, displacement is positive toward the satellite
    assert los_displacement(np.array(2 * np.pi), WAVELENGTH) == pytest.approx(-WAVELENGTH / 2)


def test_vertical_displacement_of_a_known_geometry() -> None:
    up = np.cos(np.radians(60.0))
    assert vertical_displacement(np.array(-0.01), np.array(up)) == pytest.approx(-0.02)
    assert incidence_angle(np.array(up)) == pytest.approx(60.0)


def scene() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ramp of 1 mm a column around zero; the best coherence in two places, one of them near zero displacement."""
    los = np.broadcast_to((np.arange(100) - 50) * 1e-3, (80, 100)).copy()
    coherence = np.full((80, 100), 0.5)
    coherence[5:35, 5:35] = 0.9
    coherence[38:78, 40:75] = 0.9
    components = np.ones((80, 100), np.uint16)
    return los, coherence, components


def test_automatic_reference_is_coherent_and_near_the_level_of_calm_ground() -> None:
    los, coherence, components = scene()
    point = choose_reference(los, coherence, components, los)
    assert point.window == 11
    assert point.component == 1
    assert point.coherence == pytest.approx(0.9)
    assert 43 <= point.row < 73
    assert point.value == pytest.approx(0, abs=1e-3)
    assert point.offset == pytest.approx(point.value - -0.5e-3, abs=1e-9)
    calm = -40e-3  # of the coherent ground in the west
    assert choose_reference(los, coherence, components, los - calm).value == pytest.approx(calm, abs=1e-3)


def test_ground_that_is_calm_is_taken_before_ground_that_is_more_coherent() -> None:
    """Calm ground of middling coherence exists; the most coherent moved by 20 mm."""
    los, coherence, components = scene()
    calm = 40e-3
    near = choose_reference(los, coherence, components, los - calm, np.abs(los - calm) < 5e-3)
    assert near.value == pytest.approx(calm, abs=1e-3)
    assert near.coherence == pytest.approx(0.5)
    assert choose_reference(los, coherence, components, los - calm).coherence == pytest.approx(0.9)


def test_automatic_reference_avoids_other_components_and_gaps() -> None:
    los, coherence, components = scene()
    components[36:80, 38:78] = 2
    los[:36, :8] = np.nan
    point = choose_reference(los, coherence, components, los)
    window = components[point.row - 5 : point.row + 6, point.column - 5 : point.column + 6]
    assert (window == 1).all()
    assert point.coherence > 0.8  # it is 0.5 outside the coherent places


def test_automatic_reference_in_a_small_map() -> None:
    los, coherence, components = (values[40:44, 45:50] for values in scene())
    assert choose_reference(los, coherence, components, los).window == 3


def test_reference_lies_in_the_largest_component_of_the_map() -> None:
    """The area may cut off the one that is the largest of the scene."""
    los, coherence, _ = scene()
    components = np.full(los.shape, 2, np.uint16)
    components[:, : los.shape[1] // 3] = 3
    point = choose_reference(los, coherence, components, los)
    assert point.component == 2
    assert point.column >= los.shape[1] // 3


def test_no_reference_without_a_component() -> None:
    los, coherence, components = scene()
    with pytest.raises(NoDataError, match="no reference point"):
        choose_reference(los, coherence, np.zeros_like(components), los)


def test_reference_at_a_point_is_the_mean_of_its_window() -> None:
    los, coherence, components = scene()
    point = reference_at(los, coherence, components, 30, 70)
    assert point.value == pytest.approx(20e-3)
    corner = reference_at(los, coherence, components, 0, 0)
    assert corner.value == pytest.approx(np.mean(np.arange(6) - 50) * 1e-3)


@pytest.mark.parametrize(("row", "column"), [(-1, 5), (5, 100), (20, 30)])
def test_reference_without_data_is_refused(row: int, column: int) -> None:
    los, coherence, components = scene()
    components[20, 30] = 0
    with pytest.raises(NoDataError, match="has no displacement"):
        reference_at(los, coherence, components, row, column)


def test_a_gap_in_the_coherence_does_not_cost_the_reference_point() -> None:
    los, coherence = np.zeros((40, 40)), np.full((40, 40), 0.6)
    coherence[3, 5] = np.nan
    coherence[20:36, 20:36] = 0.9
    point = choose_reference(los, coherence, np.ones((40, 40), np.uint16), los)
    assert 20 <= point.row < 36
    assert 20 <= point.column < 36
