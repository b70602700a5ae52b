"""When and where the radar looks: swath windows, burst times and orbits of every date of a scenario."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from math import degrees, floor
from typing import Final

import numpy as np

from dinsar_cli.simulate.radar.orbit import Orbit, Trajectory, orbit_over
from dinsar_cli.simulate.radar.range_doppler import view
from dinsar_cli.simulate.world.arrays import Counts, Floats
from dinsar_cli.simulate.world.ellipsoid import local_frame, to_cartesian, to_geodetic
from dinsar_cli.simulate.world.instrument import (
    BURST_CYCLE,
    BURST_ID_PERIOD,
    BURST_ID_PREAMBLE,
    DAYS_PER_CYCLE,
    LINE_INTERVAL,
    MISSIONS,
    NODAL_PERIOD,
    ORBITS_PER_CYCLE,
    RANGE_SAMPLING_RATE,
    RANGE_SPACING,
    SPEED_OF_LIGHT,
    SUBSWATHS,
    WAVELENGTH,
    Subswath,
)
from dinsar_cli.simulate.world.scenario import Scenario

SMALLEST_OVERLAP: Final = 0.25
"""Share of a narrow window that it has in common with the next subswath."""
PARALLEL_SHARE: Final = -0.25
"""Parallel baseline as a part of the perpendicular one."""
TRACK_ONE_LONGITUDE: Final = 4.5
"""Longitude of the ascending node of relative orbit 1 (deg)."""


@dataclass(frozen=True)
class Window:
    """The range window of a subswath, the same on every date.

    Attributes
    ----------
    subswath : Subswath
    near_range : float
        One-way range of the first column (m).
    columns : int
    invalid, invalid_near : int
        Columns without signal at the far and at the near edge.
    line_interval : float
        Zero-Doppler time from line to line (s).
    range_spacing : float
        One-way range from column to column (m).
    wavelength : float
        Of the carrier (m).
    """

    subswath: Subswath
    near_range: float
    columns: int
    invalid: int = 0
    invalid_near: int = 0
    line_interval: float = LINE_INTERVAL
    range_spacing: float = RANGE_SPACING
    wavelength: float = WAVELENGTH

    @property
    def far_range(self) -> float:
        """One-way range of the last column (m)."""
        return self.near_range + (self.columns - 1) * self.range_spacing

    def line(self, eta: Floats, burst: Burst) -> Floats:
        """Return the line of a burst, fractions included, at a zero-Doppler time (s after the epoch)."""
        return (eta - burst.start) / self.line_interval

    def column(self, slant_range: Floats) -> Floats:
        """Column, fractions included, at a one-way range (m)."""
        return (slant_range - self.near_range) / self.range_spacing

    def middle(self, burst: Burst) -> float:
        """Return the zero-Doppler time of the middle of a burst (s after the epoch)."""
        return burst.middle(self.subswath.lines, self.line_interval)

    def valid_columns(self, date: int, burst: Burst) -> tuple[Counts, Counts]:
        """Give first and last column with signal of each line of a burst of a date; -1 where a line has none."""
        if burst.valid is not None:
            return burst.valid
        lines, columns = self.signal(date, burst.index)
        line = np.arange(self.subswath.lines)
        signal = (line >= lines.start) & (line < lines.stop)
        return np.where(signal, columns.start, -1), np.where(signal, columns.stop - 1, -1)

    @property
    def gate_step(self) -> int:
        """Columns by which the echoes of all bursts but the first of a pass begin and end earlier."""
        return self.invalid_near // 3

    def signal(self, date: int, burst: int) -> tuple[range, range]:
        """Return the lines and columns of a burst that hold signal.

        As in real products the lines at both ends vary by a few from burst to burst and from date to date, and the
        instrument moves its range gate after a burst.
        """
        lines, early = self.subswath.lines, 0 if burst == 0 else self.gate_step
        first = self.subswath.invalid_first + (burst + 2 * date) % 3
        last = lines - self.subswath.invalid_last - (2 * burst + date) % 3
        return range(first, last), range(self.invalid_near - early, self.columns - self.invalid - early)


@dataclass(frozen=True)
class Burst:
    """One burst of one date.

    Attributes
    ----------
    index : int
        Number within the pass, from 0.
    start : float
        True zero-Doppler time of the first line, seconds after the epoch, on whole microseconds.
    valid : tuple of ndarray or None
        First and last column with signal of each line, -1 for none; None: as the window has them.
    """

    index: int
    start: float
    valid: tuple[Counts, Counts] | None = field(default=None, compare=False)

    def middle(self, lines: int, line_interval: float = LINE_INTERVAL) -> float:
        """Return the zero-Doppler time of the middle of the burst."""
        return self.start + 0.5 * (lines - 1) * line_interval


@dataclass(frozen=True)
class Pass:
    """All that the radar does on one date.

    Attributes
    ----------
    index : int
        Number of the date.
    mission : str
    epoch : datetime.datetime
        UTC (naive), whole microseconds: time zero of the orbit and of the bursts.
    orbit : Orbit
        The true one.
    relative_orbit, absolute_orbit : int
    bursts : tuple of tuple of Burst
        For each window.
    clock_error : float
        Seconds by which the annotated line times are late.
    windows : tuple of Window
        Range windows of this date, where it has its own.
    """

    index: int
    mission: str
    epoch: datetime
    orbit: Trajectory
    relative_orbit: int
    absolute_orbit: int
    bursts: tuple[tuple[Burst, ...], ...]
    clock_error: float
    windows: tuple[Window, ...] = ()

    def utc(self, seconds: float) -> datetime:
        """UTC of a time after the epoch, to the microsecond."""
        return self.epoch + timedelta(microseconds=round(seconds * 1e6))


@dataclass(frozen=True)
class Campaign:
    """The passes of a scenario over the same windows (those of the first date)."""

    scenario: Scenario
    windows: tuple[Window, ...]
    passes: tuple[Pass, ...]
    target: Floats
    slant_range: float

    def window(self, index: int, window: int) -> Window:
        """Give the range window of a subswath on a date."""
        own = self.passes[index].windows
        return own[window] if own else self.windows[window]

    def lattice(self, window: int) -> tuple[Window, float]:
        """Give the lattice of scatterers of a window: its columns, and the reference time of its first row.

        All windows of a subswath (there are several where products are cut into slices) share one.
        """
        name = self.windows[window].subswath.name
        first = next(number for number, one in enumerate(self.windows) if one.subswath.name == name)
        return self.windows[first], self.passes[0].bursts[first][0].start

    def time_span(self, window: int) -> tuple[float, float]:
        """Return the first and last line time of a window over all dates (s)."""
        first, last = [], []
        for flight in self.passes:
            frame = self.window(flight.index, window)
            duration = (frame.subswath.lines - 1) * frame.line_interval
            first += [burst.start for burst in flight.bursts[window]]
            last += [burst.start + duration for burst in flight.bursts[window]]
        return min(first), max(last)

    def range_span(self, window: int) -> tuple[float, float]:
        """Return the nearest and farthest range of a window over all dates (m)."""
        frames = [self.window(flight.index, window) for flight in self.passes]
        return min(frame.near_range for frame in frames), max(frame.far_range for frame in frames)


def plan(scenario: Scenario) -> Campaign:
    """Lay out the acquisitions of a scenario.

    Raises
    ------
    UsageError
        No orbit can see the scene in the wanted way.
    """
    height = scenario.terrain.lowest + 0.5 * scenario.terrain.relief
    target = to_cartesian(np.array(scenario.centre[0]), np.array(scenario.centre[1]), np.array(height))
    windows = _windows(scenario)
    nominal = 0.5 * (windows[0].near_range + windows[-1].far_range)
    orbit, slant_range = _orbit(scenario, target, nominal)
    shift = slant_range - nominal
    windows = tuple(replace(window, near_range=window.near_range + shift) for window in windows)
    starts = _burst_starts(scenario)
    track = scenario.track or _matching_track(orbit, starts, scenario.swaths)
    passes = tuple(
        _pass(scenario, index, orbit, target=target, starts=starts, track=track)
        for index in range(len(scenario.dates))
    )
    return Campaign(scenario, windows, passes, target, slant_range)


def _windows(scenario: Scenario) -> tuple[Window, ...]:
    """Give the range windows as the instrument table has them; narrow ones moved together so that they overlap."""
    swaths = [SUBSWATHS[number] for number in scenario.swaths]
    near = [0.5 * SPEED_OF_LIGHT * swath.near_time for swath in swaths]
    if scenario.columns is None:
        columns = [swath.samples for swath in swaths]
    else:
        columns = [scenario.columns] * len(swaths)
        middle = near[0] + 0.5 * (swaths[0].samples - columns[0]) * RANGE_SPACING
        far = near[0] + (swaths[0].samples - columns[0]) * RANGE_SPACING
        near[0] = middle if len(swaths) == 1 else far
    windows = [Window(swaths[0], near[0], columns[0], *_invalid(columns[0]))]
    for before, swath, count in zip(swaths, swaths[1:], columns[1:], strict=False):
        last = windows[-1]
        overlap = before.samples - round((swath.near_time - before.near_time) * RANGE_SAMPLING_RATE)
        if scenario.columns is not None:
            overlap = min(overlap, round(SMALLEST_OVERLAP * count))
        # All swaths of a product lie on one range grid.
        first = last.near_range + (last.columns - overlap) * RANGE_SPACING
        windows.append(Window(swath, first, count, *_invalid(count)))
    return tuple(windows)


def _invalid(columns: int) -> tuple[int, int]:
    """Columns lost at the far edge (to the pulse) and at the near one, as in real products or in proportion."""
    return min(300, columns // 32), min(240, columns // 48)


def _orbit(scenario: Scenario, target: Floats, nominal: float) -> tuple[Orbit, float]:
    """Return the orbit and slant range at the centre, by the swath's range or by the wanted incidence."""
    ascending = scenario.direction == "ascending"
    height = np.array(scenario.terrain.lowest + 0.5 * scenario.terrain.relief)
    orbit = orbit_over(target, nominal, ascending=ascending)
    slant_range = nominal
    if scenario.incidence is None:
        return orbit, slant_range
    for _ in range(30):
        longitude, latitude = scenario.centre
        sight = view(orbit, np.array(longitude), np.array(latitude), height).sight
        incidence = float(np.arccos(sight[2]))
        error = np.radians(scenario.incidence) - incidence
        if abs(error) < 1e-10:
            break
        # On a sphere R changes with the incidence as about R tan(incidence).
        slant_range += slant_range * np.tan(incidence) * error
        orbit = orbit_over(target, slant_range, ascending=ascending)
    return orbit, slant_range


def _burst_starts(scenario: Scenario) -> tuple[tuple[float, ...], ...]:
    """Start of every burst of each subswath (s), the middle of all at zero, on one grid of lines."""
    offsets = [
        [SUBSWATHS[number].burst_start + cycle * BURST_CYCLE for cycle in range(scenario.bursts)]
        for number in scenario.swaths
    ]
    ends = [
        starts[-1] + SUBSWATHS[number].lines * LINE_INTERVAL
        for number, starts in zip(scenario.swaths, offsets, strict=True)
    ]
    origin = -0.5 * (min(starts[0] for starts in offsets) + max(ends))
    return tuple(
        tuple(origin + round(start / LINE_INTERVAL) * LINE_INTERVAL for start in starts) for starts in offsets
    )


def _pass(
    scenario: Scenario,
    index: int,
    reference: Orbit,
    *,
    target: Floats,
    starts: tuple[tuple[float, ...], ...],
    track: int,
) -> Pass:
    day, mission = scenario.dates[index], scenario.mission(index)
    midnight = datetime.combine(day, time.min)
    epoch = midnight + timedelta(microseconds=round(reference.local_time_epoch() * 1e6))
    orbit = reference
    if index > 0:
        orbit = reference.moved_to(_baseline_position(reference, target, scenario.baseline(index)))
    late = index * scenario.burst_offset * LINE_INTERVAL
    bursts = tuple(
        tuple(Burst(number, round((start + late) * 1e6) / 1e6) for number, start in enumerate(swath))
        for swath in starts
    )
    clock_error = 0.0
    if index > 0 and scenario.along_track_error:
        clock_error = round(scenario.along_track_error / ground_speed(reference, target) * 1e6) / 1e6
    return Pass(
        index=index,
        mission=mission,
        epoch=epoch,
        orbit=orbit,
        relative_orbit=track,
        absolute_orbit=_absolute_orbit(mission, day, track),
        bursts=bursts,
        clock_error=clock_error if np.isfinite(clock_error) else 0.0,
    )


def _baseline_position(reference: Orbit, target: Floats, perpendicular: float) -> Floats:
    """Tell where the secondary satellite is at the epoch: beside the reference, in the plane across its flight."""
    state = reference.state(np.zeros(()))
    sight = (target - state.position) / np.linalg.norm(target - state.position)
    # cross(sight, across) points along the velocity: the sign of ISCE2.
    across = np.cross(state.velocity, sight)
    across = across / np.linalg.norm(across)
    return np.asarray(state.position + perpendicular * (across + PARALLEL_SHARE * sight))


def ground_speed(orbit: Trajectory, target: Floats) -> float:
    """Return the speed of the zero-Doppler line over the ground (m/s)."""
    state = orbit.state(np.zeros(()))
    return float(np.linalg.norm(state.velocity) * np.linalg.norm(target) / np.linalg.norm(state.position))


def _absolute_orbit(mission: str, day: date, track: int) -> int:
    """Return the orbit number near the one that the satellite has on that day, with the right relative orbit."""
    satellite = MISSIONS[mission]
    epoch, number = satellite.epoch_orbit
    guess = number + (day - date.fromisoformat(epoch)).days * ORBITS_PER_CYCLE / DAYS_PER_CYCLE
    residue = (track - 1 + satellite.orbit_offset(day)) % ORBITS_PER_CYCLE
    nearest = residue + ORBITS_PER_CYCLE * round((guess - residue) / ORBITS_PER_CYCLE)
    return max(nearest, residue + ORBITS_PER_CYCLE)


def burst_phase(sensing_middle: float, node: float, track: int) -> float:
    """Beam cycles since the first ascending node of the repeat cycle.

    Sentinel-1 Level 1 Detailed Algorithm Definition, section 9.25: the burst identifier is one more than the
    whole part.
    """
    since = sensing_middle - node + (track - 1) * NODAL_PERIOD
    return (since - BURST_ID_PREAMBLE) / BURST_ID_PERIOD


def sensing_middle(burst: Burst, subswath: Subswath) -> float:
    """Give sensing time of the middle of a burst as the identifier's definition takes it (s after the epoch)."""
    return burst.start + subswath.sensing_delay + 0.5 * (subswath.lines - 1) / subswath.prf


def burst_identifier(flight: Pass, window: int, subswath: Subswath, burst: Burst) -> int:
    """Give the identifier that all bursts over the same ground have."""
    first = flight.bursts[window][0]
    node = flight.orbit.ascending_node_time()
    # From the first burst, so that the numbers of one swath run without a gap.
    return 1 + floor(burst_phase(sensing_middle(first, subswath), node, flight.relative_orbit)) + burst.index


def _matching_track(orbit: Orbit, starts: tuple[tuple[float, ...], ...], swaths: tuple[int, ...]) -> int:
    """Return the relative orbit near the scene's longitude on whose burst grid the scene's bursts lie.

    The mission fixes the bursts of a track to within milliseconds after the node; a scene may be anywhere,
    so the track is chosen among the 175 that puts the bursts where their identifiers expect them (IW1 a
    sixth into the cycle).
    """
    subswath = SUBSWATHS[swaths[0]]
    node = orbit.ascending_node_time()
    middle = sensing_middle(Burst(0, starts[0][0]), subswath) - subswath.burst_start
    longitude = orbit.node_longitude()

    def distance(track: int) -> tuple[bool, float]:
        misfit = (burst_phase(middle, node, track) - 0.165 + 0.5) % 1.0 - 0.5
        own = TRACK_ONE_LONGITUDE - 360.0 * DAYS_PER_CYCLE / ORBITS_PER_CYCLE * (track - 1)
        return abs(misfit) > 0.08, abs((longitude - own + 180.0) % 360.0 - 180.0)

    return min(range(1, ORBITS_PER_CYCLE + 1), key=distance)


def heading(orbit: Trajectory, target: Floats) -> float:
    """Return the direction of flight over the ground at the epoch (deg, clockwise from north)."""
    longitude, latitude, _ = to_geodetic(target)
    east, north, _ = local_frame(longitude, latitude) @ orbit.state(np.zeros(())).velocity
    return degrees(float(np.arctan2(east, north)))
