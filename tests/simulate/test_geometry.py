"""Orbit, range-Doppler geometry and its series: invariants and numerical derivatives."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from dinsar_cli.errors import UsageError
from dinsar_cli.simulate.radar.acquisition import burst_phase, plan, sensing_middle
from dinsar_cli.simulate.radar.geometry import date_shift, ground_height, swath_geometry
from dinsar_cli.simulate.radar.orbit import NODE_RATE, Orbit, orbit_over
from dinsar_cli.simulate.radar.range_doppler import doppler_rate, locate, view
from dinsar_cli.simulate.radar.scene import build_scene
from dinsar_cli.simulate.world.ellipsoid import local_frame, local_metres, to_cartesian, to_geodetic
from dinsar_cli.simulate.world.instrument import LINE_INTERVAL, RANGE_SPACING, WAVELENGTH
from dinsar_cli.simulate.world.scenario import Scenario, Terrain

PLACES = [(-8.8, 31.4), (20.0, -33.0), (100.0, 0.5), (140.0, 70.0), (-70.0, -72.0)]


def over(place: tuple[float, float], *, ascending: bool) -> Orbit:
    target = to_cartesian(np.array(place[0]), np.array(place[1]), np.array(500.0))
    return orbit_over(target, 850e3, ascending=ascending)


def test_ellipsoid_agrees_with_pyproj() -> None:
    from pyproj import Transformer

    longitude, latitude, height = np.array([10.0, -75.0]), np.array([47.0, -60.0]), np.array([1200.0, -80.0])
    expected = Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True).transform(longitude, latitude, height)
    position = to_cartesian(longitude, latitude, height)
    np.testing.assert_allclose(position.T, expected, atol=1e-6)
    back = to_geodetic(position)
    np.testing.assert_allclose(back, (longitude, latitude, height), rtol=0.0, atol=1e-7)


def test_local_metres_agree_with_the_geodesic() -> None:
    from pyproj import Geod

    east, north = local_metres(np.array([10.1]), np.array([47.05]), (10.0, 47.0))
    _, _, distance = Geod(ellps="WGS84").inv(10.0, 47.0, 10.1, 47.05)
    assert np.hypot(east, north)[0] == pytest.approx(distance, rel=1e-3)


def test_the_instrument_is_that_of_the_mission() -> None:
    assert pytest.approx(0.05546576, abs=5e-9) == WAVELENGTH
    assert pytest.approx(2.329562, abs=5e-7) == RANGE_SPACING
    assert pytest.approx(2.0555563e-3, abs=5e-11) == LINE_INTERVAL


def test_orbit_derivatives_belong_to_the_path() -> None:
    orbit = over(PLACES[0], ascending=False)
    time, step = np.array([-150.0, 0.0, 77.0]), 0.01
    before, state, after = (orbit.state(time + shift) for shift in (-step, 0.0, step))
    np.testing.assert_allclose((after.position - before.position) / (2 * step), state.velocity, atol=1e-5)
    np.testing.assert_allclose((after.velocity - before.velocity) / (2 * step), state.acceleration, atol=1e-7)


def test_orbit_is_that_of_the_mission() -> None:
    state = over((-8.8, 31.4), ascending=True).state(np.array(0.0))
    _, _, height = to_geodetic(state.position)
    assert 690e3 < height < 730e3
    assert 7560.0 < np.linalg.norm(state.velocity) < 7610.0


@pytest.mark.parametrize("ascending", [True, False])
@pytest.mark.parametrize("place", PLACES)
def test_orbit_sees_the_target_to_its_right(place: tuple[float, float], *, ascending: bool) -> None:
    orbit = over(place, ascending=ascending)
    seen = view(orbit, np.array(place[0]), np.array(place[1]), np.array(500.0))
    assert float(seen.time) == pytest.approx(0.0, abs=1e-9)
    assert float(seen.slant_range) == pytest.approx(850e3, abs=1e-5)
    velocity = local_frame(*map(np.array, place)) @ orbit.state(np.array(0.0)).velocity
    assert (velocity[1] > 0.0) == ascending
    # From the ground the satellite is to the left of its flight: the horizontal cross product points up.
    assert velocity[0] * seen.sight[1] - velocity[1] * seen.sight[0] > 0.0


def test_the_node_stands_at_the_local_time_of_18_hours() -> None:
    orbit = over((100.0, 0.5), ascending=True)
    since = orbit.ascending_node_time()
    state = orbit.state(np.array(since))
    assert abs(state.position[2]) < 1.0
    assert state.velocity[2] > 0.0
    longitude = np.degrees(np.arctan2(state.position[1], state.position[0]))
    hour = ((orbit.local_time_epoch() + since) / 3600.0 + longitude / 15.0) % 24.0
    assert hour == pytest.approx(18.0, abs=1e-3)
    assert orbit.node_longitude() == pytest.approx(longitude, abs=1e-6)
    assert NODE_RATE < 0.0


def test_no_orbit_over_the_pole() -> None:
    with pytest.raises(UsageError, match="latitude"):
        over((0.0, 89.0), ascending=True)


@pytest.mark.parametrize("baseline", [30.0, -150.0])
def test_secondary_orbit_has_the_wanted_baseline(baseline: float) -> None:
    campaign = plan(Scenario(baselines=(baseline,)))
    reference, secondary = (flight.orbit.state(np.array(0.0)) for flight in campaign.passes)
    sight = campaign.target - reference.position
    offset = secondary.position - reference.position
    perpendicular = np.linalg.norm(np.cross(sight / np.linalg.norm(sight), offset))
    sign = np.sign(np.cross(sight, offset) @ reference.velocity)
    assert sign * perpendicular == pytest.approx(baseline, abs=1e-3)
    # Parallel flight: a hundred seconds later the two are still as far from each other, within metres.
    later = [flight.orbit.state(np.array(20.0)) for flight in campaign.passes]
    gap = np.linalg.norm(later[1].position - later[0].position)
    assert gap == pytest.approx(np.linalg.norm(offset), rel=0.02)


def test_locating_and_viewing_are_inverse() -> None:
    orbit = over(PLACES[1], ascending=True)
    time, slant_range, height = np.array([-10.0, 12.0]), np.array([830e3, 870e3]), np.array([-50.0, 3000.0])
    longitude, latitude = locate(orbit, time, slant_range, height)
    seen = view(orbit, longitude, latitude, height)
    np.testing.assert_allclose(seen.time, time, atol=1e-10)
    np.testing.assert_allclose(seen.slant_range, slant_range, atol=1e-6)


def test_range_history_and_doppler_rate() -> None:
    # R(t) of a fixed point: no slope at zero Doppler, and -2/lambda of its curvature is the FM rate.
    orbit = over(PLACES[0], ascending=False)
    ground = to_cartesian(np.array(PLACES[0][0]), np.array(PLACES[0][1]), np.array(500.0))
    step = 0.1
    past, now, future = (
        float(np.linalg.norm(orbit.state(np.array(t)).position - ground)) for t in (-step, 0.0, step)
    )
    # A cubic range history of some cm/s^3 leaves a micrometre.
    assert future - past == pytest.approx(0.0, abs=1e-3)
    curvature = (past - 2.0 * now + future) / step**2
    assert float(doppler_rate(orbit, np.array(0.0), ground)) == pytest.approx(
        -2.0 / WAVELENGTH * curvature, rel=1e-5
    )


def test_motion_of_the_ground_is_linear_in_the_view() -> None:
    orbit = over(PLACES[0], ascending=False)
    longitude, latitude = np.array([PLACES[0][0]]), np.array([PLACES[0][1]])
    seen = view(orbit, longitude, latitude, np.array([500.0]))
    motion = np.array([0.4, -0.5, 0.3])
    ground = to_cartesian(longitude, latitude, np.array([500.0])) + motion @ local_frame(longitude, latitude)
    moved = view(orbit, *to_geodetic(ground))
    assert moved.slant_range - seen.slant_range == pytest.approx(-seen.sight[0] @ motion, abs=2e-6)
    assert moved.time - seen.time == pytest.approx(seen.time_gradient[0] @ motion, abs=1e-9)


def test_series_reproduce_the_geometry() -> None:
    campaign = plan(Scenario(swaths=(2,), columns=None, bursts=9, baselines=(150.0,)))
    geometry = swath_geometry(campaign, 0, (0.0, 3000.0))
    domain = geometry.ground.domain
    random = np.random.default_rng(3)
    time = np.sort(random.uniform(*domain.time, 11))
    slant_range = np.sort(random.uniform(*domain.slant_range, 13))
    height = random.uniform(*domain.height, (11, 13))
    longitude, latitude = locate(campaign.passes[0].orbit, time[:, None], slant_range[None, :], height)
    found = geometry.ground.on_grid(time, slant_range).at(height)
    np.testing.assert_allclose(found, (longitude, latitude), atol=1e-10)
    seen = view(campaign.passes[1].orbit, longitude, latitude, height)
    shift = date_shift(geometry.dates[1], time, slant_range, height)
    np.testing.assert_allclose(shift.slant_range, seen.slant_range - slant_range, atol=1e-7)
    np.testing.assert_allclose(shift.time, seen.time - time[:, None], atol=1e-11)
    np.testing.assert_allclose(np.moveaxis(shift.sight, 0, -1), seen.sight, atol=1e-10)


def test_radar_positions_meet_the_terrain() -> None:
    scene = build_scene(plan(Scenario(columns=200, bursts=1, terrain=Terrain(relief=1500.0, margin=0.02))))
    window = scene.campaign.windows[0]
    geometry = swath_geometry(scene.campaign, 0, (scene.terrain.lowest, scene.terrain.highest))
    time = np.linspace(-1.0, 1.0, 30)
    slant_range = np.linspace(window.near_range, window.far_range, 40)
    series = geometry.ground.on_grid(time, slant_range)
    height = ground_height(series, scene.terrain, (30, 40))
    np.testing.assert_allclose(scene.terrain.at(*series.at(height)), height, atol=1e-3)


def test_bursts_follow_the_cycle_and_the_offset_between_dates() -> None:
    campaign = plan(Scenario(swaths=(1, 2, 3), columns=300, bursts=4, burst_offset=0.31))
    reference, secondary = campaign.passes
    for window, bursts in zip(campaign.windows, reference.bursts, strict=True):
        steps = np.diff([burst.start for burst in bursts]) / LINE_INTERVAL
        # Whole lines (the microsecond of the annotation is 0.0005 of a line), 2.758 s apart.
        np.testing.assert_allclose(steps, np.rint(steps), atol=1.1e-3)
        np.testing.assert_allclose(steps, 1341.87, atol=1.0)
        overlap = window.subswath.lines - steps.max()
        assert overlap - window.subswath.invalid_first - window.subswath.invalid_last > 80.0
    late = (secondary.bursts[0][0].start - reference.bursts[0][0].start) / LINE_INTERVAL
    assert late == pytest.approx(0.31, abs=1e-3)
    for left, right in zip(campaign.windows, campaign.windows[1:], strict=False):
        assert left.near_range < right.near_range < left.far_range


def test_burst_identifiers_lie_in_the_middle_of_their_cells() -> None:
    for place in PLACES:
        campaign = plan(Scenario(centre=place, swaths=(1, 2, 3), columns=300))
        flight = campaign.passes[0]
        node = flight.orbit.ascending_node_time()
        for window, bursts in zip(campaign.windows, flight.bursts, strict=True):
            middle = sensing_middle(bursts[0], window.subswath)
            assert 0.05 < burst_phase(middle, node, flight.relative_orbit) % 1.0 < 0.95


@pytest.mark.parametrize(
    ("mission", "day", "offset"),
    [
        ("S1A", date(2023, 9, 4), 73),
        ("S1B", date(2021, 4, 1), 27),
        ("S1C", date(2025, 5, 1), 172),
        ("S1C", date(2026, 8, 1), 99),
        ("S1D", date(2026, 5, 1), 42),
    ],
)
def test_relative_orbit_follows_from_the_absolute_one(mission: str, day: date, offset: int) -> None:
    dates = (day, date.fromordinal(day.toordinal() + 12))
    flight, later = plan(Scenario(dates=dates, missions=(mission,))).passes
    assert (flight.absolute_orbit - offset) % 175 + 1 == flight.relative_orbit
    assert later.absolute_orbit == flight.absolute_orbit + 175


@pytest.mark.parametrize("incidence", [32.0, 44.5])
def test_wanted_incidence(incidence: float) -> None:
    scenario = Scenario(incidence=incidence)
    campaign = plan(scenario)
    height = scenario.terrain.lowest + 0.5 * scenario.terrain.relief
    seen = view(campaign.passes[0].orbit, *map(np.array, (*scenario.centre, height)))
    assert np.degrees(np.arccos(seen.sight[2])) == pytest.approx(incidence, abs=1e-6)
