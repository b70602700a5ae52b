"""Baselines from the catalogue and from orbit files, against flights of which they are known."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from asf_search import ASFSearchResults
from asf_search.baseline.stack import get_baseline_from_stack
from asf_search.Products import S1Product

from dinsar_cli.catalog.baselines import Baseline, expected_coherence, measure_baseline
from dinsar_cli.catalog.stacks import CatalogAcquisition
from dinsar_cli.radar.geometry import Orbit, enu_basis, zero_doppler
from dinsar_cli.sentinel1.orbit_file import OrbitFile
from support.archive import Scene
from support.catalog_inputs import DOWN, FIRST, PLACE, UP, Flight, record, scene

WAVELENGTH = 299_792_458.0 / 5.405e9


def acquisition(*scenes: Scene) -> CatalogAcquisition:
    return CatalogAcquisition(tuple(record(made) for made in scenes), 1.0)


def measured(reference: Scene, secondary: Scene) -> Baseline:
    baseline = measure_baseline(acquisition(reference), acquisition(secondary), PLACE)
    assert baseline is not None
    return baseline


@pytest.mark.parametrize("across", [-150.0, -3.0, 0.0, 40.0, 1200.0])
@pytest.mark.parametrize(("flight", "direction"), [(DOWN, "DESCENDING"), (UP, "ASCENDING")])
def test_baseline_from_the_catalogue_is_that_of_the_flights(flight: Flight, direction: str, across: float) -> None:
    first = scene(direction=direction)
    found = measured(first, first.repeated(12, across=across))
    assert found.perpendicular == pytest.approx(flight.perpendicular(across), abs=0.01)
    assert found.source == "catalogue"


def test_slices_give_the_same_baseline_as_the_scene_in_which_the_place_lies() -> None:
    first, next_slice = scene(), scene(slice_number=1)
    pairs = [[made, made.repeated(12, across=100.0)] for made in (first, next_slice)]
    both = [acquisition(*made) for made in zip(*pairs, strict=True)]
    found = measure_baseline(both[0], both[1], PLACE)
    assert found is not None
    assert found.perpendicular == pytest.approx(DOWN.perpendicular(100.0), abs=0.01)


def test_a_slice_beside_the_place_sees_it_nearly_as_well() -> None:
    """State vectors 25 s away, from where the cubic through them is extrapolated."""
    first = scene(slice_number=1)
    found = measured(first, first.repeated(12, across=100.0))
    assert found.perpendicular == pytest.approx(DOWN.perpendicular(100.0), abs=1.0)


def test_asf_search_gives_the_same_with_the_other_sign() -> None:
    """An independent implementation, in whole metres and at the middle of the footprint."""
    made = [scene(), *(scene().repeated(12 * number, across=50.0 * number) for number in (1, 2, 3))]
    products = [S1Product(one.granule()) for one in made]
    stack, warnings = get_baseline_from_stack(products[0], ASFSearchResults(products))
    assert warnings == []
    theirs = {one.properties["sceneName"]: one.properties["perpendicularBaseline"] for one in stack}
    for one in made[1:]:
        assert -theirs[one.name] == pytest.approx(measured(made[0], one).perpendicular, abs=3.0)


def test_what_the_catalogue_lacks_gives_no_baseline() -> None:
    first, later = scene(), scene().repeated(12, across=40.0)
    without = replace(later, vectors=None)
    assert measure_baseline(acquisition(first), acquisition(without), PLACE) is None
    # asf_search ends with a TypeError here: the time of the node is not needed
    known = measured(replace(first, ascending_node=None), replace(later, ascending_node=None))
    assert known.perpendicular == pytest.approx(DOWN.perpendicular(40.0), abs=0.01)
    assert first.vectors is not None
    twice = replace(first, vectors=(first.vectors[0], first.vectors[0]))
    assert measure_baseline(acquisition(twice), acquisition(later), PLACE) is None
    assert measure_baseline(acquisition(first), acquisition(later), (-100.0, 0.0)) is None


def orbit_file(made: Scene, across: float, kind: str) -> OrbitFile:
    """Vectors every 10 s of a flight that is shifted to the right."""
    middle = made.start + timedelta(seconds=13.5)
    seconds = np.arange(-120.0, 121.0, 10.0)
    right = np.cross(DOWN.along, DOWN.radial)
    vectors = [DOWN.vector(middle, float(second)) for second in seconds]
    return OrbitFile(
        path=Path("orbit.EOF"),
        mission=made.mission,
        kind=kind,
        start=vectors[0].time,
        stop=vectors[-1].time,
        times=np.array([vector.time.replace(tzinfo=None) for vector in vectors], dtype="datetime64[us]"),
        position=np.array([vector.position for vector in vectors]) + across * right,
        velocity=np.array([vector.velocity for vector in vectors]),
    )


def test_orbit_files_go_before_the_catalogue_and_the_worse_of_two_is_named() -> None:
    first, later = scene(), scene().repeated(12, across=40.0)
    files = (orbit_file(first, 0.0, "POEORB"), orbit_file(later, 41.5, "RESORB"))
    found = measure_baseline(acquisition(first), acquisition(later), PLACE, files)
    assert found is not None
    assert found.perpendicular == pytest.approx(DOWN.perpendicular(41.5), abs=1e-3)
    assert found.source == "RESORB"
    one = measure_baseline(acquisition(first), acquisition(later), PLACE, (files[0], None))
    assert one is not None
    assert one.source == "catalogue"
    assert one.perpendicular == pytest.approx(DOWN.perpendicular(40.0), abs=0.02)


def test_the_height_ambiguity_is_the_height_of_one_fringe() -> None:
    """Two flights see a point, and another one at the same range that is so much higher, one cycle apart."""
    first, across = scene(), 100.0
    found = measured(first, first.repeated(12, across=across))
    assert found.height_ambiguity is not None
    time = np.arange(-60.0, 61.0, 10.0)
    right = np.cross(DOWN.along, DOWN.radial)
    path = np.array([DOWN.vector(FIRST, float(second)).position for second in time])
    orbits = [Orbit.fit(FIRST, time, path + shift * right) for shift in (0.0, across)]

    look = DOWN.point - path[6]
    upward = np.cross(look, DOWN.along)  # across the line of sight: the range stays
    upward /= np.linalg.norm(upward)
    up = enu_basis(np.array(PLACE[0]), np.array(PLACE[1]))[2]

    def difference(height: float) -> float:
        point = DOWN.point + height / float(upward @ up) * upward
        ranges = [float(zero_doppler(orbit, point, 0.0)[1]) for orbit in orbits]
        return ranges[1] - ranges[0]

    cycles = 2 / WAVELENGTH * (difference(found.height_ambiguity) - difference(0.0))
    assert abs(cycles) == pytest.approx(1.0, abs=0.01)
    assert replace(found, perpendicular=0.1).height_ambiguity is None


def test_incidence_and_range_are_those_of_the_triangle() -> None:
    found = measured(scene(), scene().repeated(12, across=40.0))
    look = 7.071e6 * DOWN.radial - DOWN.point
    assert found.slant_range == pytest.approx(float(np.linalg.norm(look)), abs=0.1)
    up = DOWN.point / np.linalg.norm(DOWN.point)
    geocentric = math.degrees(math.acos(float(look @ up) / found.slant_range))
    assert found.incidence == pytest.approx(
        geocentric, abs=0.2
    )  # the normal of the ellipsoid is up to 0.19 degrees off


def test_expected_coherence_falls_with_time_and_baseline_to_nothing() -> None:
    near = measured(scene(), scene().repeated(12, across=10.0))
    critical = replace(near, perpendicular=-near.critical)
    assert expected_coherence(0, None) == 1.0
    assert expected_coherence(0, critical) == 0.0
    assert expected_coherence(0, replace(near, perpendicular=near.critical / 2)) == pytest.approx(0.5)
    assert expected_coherence(40, None) == pytest.approx(math.exp(-1))
    assert expected_coherence(24, near) > expected_coherence(36, near) > expected_coherence(36, critical)
    # spectral shift (Gatelli et al. 1994): c B / (lambda R tan(incidence)) equals the bandwidth
    shift = 299_792_458.0 * near.critical / (WAVELENGTH * near.slant_range * math.tan(math.radians(near.incidence)))
    assert shift == pytest.approx(42.79e6, rel=1e-6)
