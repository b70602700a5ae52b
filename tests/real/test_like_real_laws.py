"""What holds in real annotation holds in simulated annotation: one test is on both."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from lxml import etree

from dinsar_cli.simulate import Scenario, SimulatedStack
from dinsar_cli.simulate.files.annotation.orbit import satellite_axes
from dinsar_cli.simulate.files.annotation.parts import DECIMATION
from dinsar_cli.simulate.radar.acquisition import plan
from dinsar_cli.simulate.radar.doppler import carriers
from dinsar_cli.simulate.world.instrument import LINE_INTERVAL, RADAR_FREQUENCY, RANGE_SAMPLING_RATE, SUBSWATHS
from support.likeness import DOCUMENTS, number, numbers, parsed, time

pytestmark = pytest.mark.real


def test_grid_points_have_their_own_times(products: list[list[etree._Element]]) -> None:
    for roots in products:
        lags, last_rows = [], []
        for root in roots:
            bursts = [time(burst) for burst in root.iter("burst")]
            count, interval = int(number(root, ".//linesPerBurst")), number(root, ".//azimuthTimeInterval")
            rows: dict[int, list[float]] = {}
            for point in root.iter("geolocationGridPoint"):
                line = int(number(point, "line"))
                burst = min(line // count, len(bursts) - 1)
                ahead = (bursts[burst] - time(point)).total_seconds() + (line - burst * count) * interval
                rows.setdefault(line, []).append(ahead + number(point, "slantRangeTime") / 2)
            assert [*rows] == [*range(0, count * len(bursts), count), count * len(bursts) - 1]
            assert {len(row) for row in rows.values()} == {21}
            *full, last = rows.values()
            lags += [lag for row in full for lag in row]
            last_rows.append(last)
        # One constant for all lines, pixels and subswaths: half of the two-way time of the middle of IW2.
        assert np.ptp(lags) < 2.5e-6
        assert np.mean(lags) == pytest.approx(5.853e-3 / 2, abs=0.05e-3)
        # The processor puts the last line up to 14 microseconds (0.1 m) off.
        assert np.abs(np.array(last_rows) - np.mean(lags)).max() < 15e-6


def test_grid_points_are_what_the_orbit_sees_at_their_times(products: list[list[etree._Element]]) -> None:
    from scipy.interpolate import BarycentricInterpolator

    for root in (root for roots in products for root in roots):
        vectors, points = root.findall(".//orbit"), root.findall(".//geolocationGridPoint")
        start = time(vectors[0], "time")
        seconds = [(time(vector, "time") - start).total_seconds() for vector in vectors]
        path, motion = (
            BarycentricInterpolator(
                seconds, [[number(vector, f"{name}/{axis}") for axis in "xyz"] for vector in vectors]
            )
            for name in ("position", "velocity")
        )
        longitude, latitude, height, range_time = (
            np.array([number(point, name) for point in points])
            for name in ("longitude", "latitude", "height", "slantRangeTime")
        )
        moments = [(time(point) - start).total_seconds() for point in points]
        sight = earth_fixed(longitude, latitude, height) - path(moments)
        speed = motion(moments)
        off = np.sum(sight * speed, axis=1) / np.sum(speed**2, axis=1)
        assert np.abs(off).max() < 3e-6  # s from the plane of zero Doppler: the times of the rows differ by 360
        assert np.abs(np.linalg.norm(sight, axis=1) - range_time * 299792458.0 / 2).max() < 1e-3


def earth_fixed(longitude: np.ndarray, latitude: np.ndarray, height: np.ndarray) -> np.ndarray:
    """Cartesian coordinates (m) of points on WGS84."""
    x, y = np.radians(longitude), np.radians(latitude)
    flattening = 1 / 298.257223563
    squared = flattening * (2 - flattening)
    normal = 6378137.0 / np.sqrt(1 - squared * np.sin(y) ** 2)
    level = (normal + height) * np.cos(y)
    return np.stack([level * np.cos(x), level * np.sin(x), (normal * (1 - squared) + height) * np.sin(y)], axis=1)


def test_state_vectors_reach_a_minute_beyond_the_image(products: list[list[etree._Element]]) -> None:
    for root in (root for roots in products for root in roots):
        times = [time(vector, "time") for vector in root.iter("orbit")]
        np.testing.assert_allclose([(b - a).total_seconds() for a, b in pairwise(times)], 10.0, atol=2e-6)
        first, last = (time(root, f".//product{end}LineUtcTime") for end in ("First", "Last"))
        assert 60 < (first - times[0]).total_seconds() < 75
        assert 60 < (times[-1] - last).total_seconds() < 75


def test_attitude_is_that_of_a_beam_across_the_orbit(products: list[list[etree._Element]]) -> None:
    from scipy.spatial.transform import Rotation

    for root in (root for roots in products for root in roots):
        first, last = (time(root, f".//product{end}LineUtcTime") for end in ("First", "Last"))
        vector = min(root.iter("orbit"), key=lambda one: abs(time(one, "time") - first))
        records = root.findall(".//attitude")
        assert len(records) == pytest.approx((last - first).total_seconds(), abs=2)
        record = min(records, key=lambda one: abs(time(one, "time") - time(vector, "time")))
        position, velocity = (
            np.array([number(vector, f"{name}/{axis}") for axis in "xyz"]) for name in ("position", "velocity")
        )
        moment = time(vector, "time").replace(tzinfo=None)
        axes = Rotation.from_matrix(satellite_axes(moment, position, velocity))
        stated = Rotation.from_quat([number(record, f"q{k}") for k in range(4)])
        # Half a degree for precession and steering, and the arc from the state vector to the nearest record.
        arc = abs(time(record, "time") - time(vector, "time")).total_seconds() * 360 / 5925
        assert np.degrees((axes.inv() * stated).magnitude()) < 0.6 + arc
        pitch, roll, yaw = stated.as_euler("YXZ", degrees=True)
        angles = [number(record, name) for name in ("roll", "pitch", "yaw")]
        np.testing.assert_allclose(angles, [-roll, -pitch, yaw], atol=1e-3)
        rates = [number(record, name) for name in ("wx", "wy", "wz")]
        assert np.linalg.norm(rates) == pytest.approx(2 * np.pi / 5925, rel=0.02)
        assert rates[1] < 0
        assert rates[2] < 0


def test_doppler_is_estimated_for_all_subswaths_at_once(products: list[list[etree._Element]]) -> None:
    for roots in products:
        origins, firsts = [], []
        for root in roots:
            lines, interval = number(root, ".//linesPerBurst"), number(root, ".//azimuthTimeInterval")
            half = timedelta(seconds=(lines - 1) / 2 * interval)
            middles = [time(burst) + half for burst in root.iter("burst")]
            for tag, farthest in (("azimuthFmRate", 0.1), ("dcEstimate", 1.1)):
                times = [time(one) for one in root.iter(tag)]
                assert len(times) == len(middles) + 2
                steps = [(b - a).total_seconds() for a, b in pairwise(times)]
                np.testing.assert_allclose(steps, 2.758277, atol=3e-6)
                # Far from 1.38 s, where two would be equally near; each burst has its own.
                away = np.abs([[(one - middle).total_seconds() for one in times] for middle in middles])
                assert away.min(axis=1).max() < farthest
                assert np.diff(away.argmin(axis=1)).tolist() == [1] * (len(middles) - 1)
            estimates = root.findall(".//dcEstimate")
            firsts.append(time(estimates[0]))
            origins.append([number(one, "t0") for one in estimates])
            for one in estimates:
                assert len(one.findall("fineDceList/fineDce")) == 20
                # A reader that takes the wrong polynomial is told by some hertz.
                assert not np.array_equal(numbers(one, "geometryDcPolynomial"), numbers(one, "dataDcPolynomial"))
        assert origins[0] == origins[1] == origins[2]
        # The first echo of the nearest subswath, which comes earlier when the range gate moves.
        echoes = {numbers(burst, "firstValidSample").max() for burst in roots[0].iter("burst")}
        columns = (np.array(origins[0]) - number(roots[0], ".//slantRangeTime")) * number(
            roots[0], ".//rangeSamplingRate"
        )
        assert np.abs(columns[:, None] - sorted(echoes)).min(axis=1).max() < 2.0
        apart = [abs((one - firsts[1]).total_seconds()) % 2.758277 for one in firsts]
        np.testing.assert_allclose(np.minimum(apart, 2.758277 - np.array(apart)), 0.0, atol=0.02)


def test_doppler_of_a_whole_subswath_has_the_size_of_real_ones(real: Path) -> None:
    campaign = plan(Scenario(columns=None, swaths=(1,), bursts=9))
    polynomials = np.array([one.doppler_centroid.coefficients for one in carriers(campaign, 0)[0]])
    found = [
        numbers(one, "dataDcPolynomial")
        for path in sorted(real.glob(DOCUMENTS["product"]))
        for one in parsed(path).iter("dcEstimate")
    ]
    ratio = np.abs(polynomials).mean(axis=0) / np.abs(found).mean(axis=0)
    assert (ratio > 0.1).all(), ratio
    assert (ratio < 10).all(), ratio


def test_the_instrument_is_that_of_real_annotation(products: list[list[etree._Element]]) -> None:
    for roots in products:
        begins = []
        for root, swath in zip(roots, SUBSWATHS.values(), strict=True):
            exact = {
                ".//downlinkInformation/prf": swath.prf,
                ".//rank": swath.rank,
                ".//azimuthSteeringRate": swath.steering_rate,
                ".//rangeProcessing/processingBandwidth": swath.range_bandwidth,
                ".//azimuthProcessing/processingBandwidth": swath.azimuth_bandwidth,
                ".//rangeProcessing/totalBandwidth": swath.pulse_length * swath.chirp_rate,
                ".//rangeProcessing/windowCoefficient": swath.range_window,
                ".//azimuthProcessing/windowCoefficient": swath.azimuth_window,
                ".//txPulseLength": swath.pulse_length,
                ".//txPulseRampRate": swath.chirp_rate,
                ".//swathNumber": swath.number,
                ".//decimationFilterBandwidth": DECIMATION[swath.name][0],
                ".//filterLength": DECIMATION[swath.name][1],
                ".//radarFrequency": RADAR_FREQUENCY,
                ".//rangeSamplingRate": RANGE_SAMPLING_RATE,
                ".//azimuthTimeInterval": LINE_INTERVAL,
            }
            assert {path: number(root, path) for path in exact} == pytest.approx(exact, rel=1e-12)
            assert number(root, ".//linesPerBurst") == pytest.approx(swath.lines, abs=8)
            begins.append(time(root.find(".//burst")))
            for burst in root.iter("burst"):  # which varies with the orbit's height
                delay = (time(burst, "sensingTime") - time(burst)).total_seconds()
                assert delay == pytest.approx(swath.sensing_delay, abs=0.03)
        for begin, swath in zip(begins, SUBSWATHS.values(), strict=True):
            late = (begin - begins[0]).total_seconds() % 2.758277
            assert late == pytest.approx(swath.burst_start, abs=0.01)


def test_bursts_lie_in_the_file_and_have_margins(products: list[list[etree._Element]]) -> None:
    for roots in products:
        for root in roots:
            lines, samples = (int(number(root, f".//{name}PerBurst")) for name in ("lines", "samples"))
            bursts = root.findall(".//burst")
            offsets = [int(number(burst, "byteOffset")) for burst in bursts]
            assert {b - a for a, b in pairwise(offsets)} == {4 * lines * samples}
            ends, gates = set(), []
            for burst in bursts:
                first, last = numbers(burst, "firstValidSample"), numbers(burst, "lastValidSample")
                assert len(first) == len(last) == lines
                valid = np.flatnonzero(first >= 0)
                assert (np.diff(valid) == 1).all()
                assert ((first < 0) == (last < 0)).all()
                assert 15 < valid[0] < 40
                assert 15 < lines - 1 - valid[-1] < 40
                ends.add((valid[0], valid[-1]))
                assert 0 < first[valid[0]] < last[valid[0]] < samples - 1
                gates.append((first[valid[0]], last[valid[0]]))
            assert len(ends) > 1
            numbered = [int(number(burst, "burstId")) for burst in bursts]
            assert np.diff(numbered).tolist() == [1] * (len(bursts) - 1)
            assert (
                len(
                    {
                        int(burst.find("burstId").get("absolute")) - own
                        for burst, own in zip(bursts, numbered, strict=True)
                    }
                )
                == 1
            )
            near, far = np.array(gates).T
            np.testing.assert_allclose(near - near[0], far - far[0], atol=2)  # the whole gate moves


def test_the_footprint_reaches_from_the_first_line_of_all_subswaths_to_the_last(
    real: Path, ours: SimulatedStack
) -> None:
    for safe in (*real.glob("*.SAFE"), *(ours.folder / "slc").glob("*.SAFE")):
        roots = [parsed(path) for path in sorted(safe.glob(DOCUMENTS["product"].partition("/")[2]))]
        first, last = (
            limit(time(root, f".//product{end}LineUtcTime") for root in roots)
            for limit, end in ((min, "First"), (max, "Last"))
        )
        corners = parsed(safe / "manifest.safe").findtext(".//{*}coordinates", "").split()
        near, far = (roots[0], 0), (roots[-1], -1)
        expected = [edge_at(*near, last), edge_at(*far, last), edge_at(*far, first), edge_at(*near, first)]
        for corner, point in zip(corners, expected, strict=True):
            # Over mountains of a kilometre edges lie two beside; the real IW1 ends 0.062 degrees before IW2.
            assert [float(degrees) for degrees in corner.split(",")] == pytest.approx(point, abs=0.03)


def edge_at(root: etree._Element, column: int, moment: datetime) -> list[float]:
    """Latitude and longitude of an edge of the grid at a time, straight on from its first or last burst."""
    rows = root.findall(".//geolocationGridPoint")
    points = [rows[start:][:21][column] for start in range(0, len(rows), 21)]
    ends = points[:2] if abs(time(points[0]) - moment) < abs(time(points[-1]) - moment) else points[-3:-1]
    seconds = [(time(point) - moment).total_seconds() for point in ends]
    return [
        float(np.polyval(np.polyfit(seconds, values, 1), 0.0))
        for values in ([number(point, name) for point in ends] for name in ("latitude", "longitude"))
    ]
