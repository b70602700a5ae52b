"""What is simulated: one frozen record, checked when it is made."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from math import isfinite
from typing import Final, Literal, TypeAlias

from dinsar_cli.errors import UsageError
from dinsar_cli.simulate.world.deformation import Deformation, Mogi
from dinsar_cli.simulate.world.instrument import DAYS_PER_CYCLE, MISSIONS, ORBITS_PER_CYCLE, SUBSWATHS

LonLat: TypeAlias = tuple[float, float]
Direction: TypeAlias = Literal["ascending", "descending"]

HIGHEST_LATITUDE: Final = 75.0
EARLIEST: Final = date(2014, 4, 3)
"""Launch of Sentinel-1A."""
LATEST: Final = date(2099, 12, 31)
MOST_TURBULENT: Final = 100.0
"""Times by which the turbulence of a date may be that of the others."""
NARROWEST: Final = 64
"""Columns that the impulse response and its margins need."""


@dataclass(frozen=True)
class Terrain:
    """Relief of the ground.

    Attributes
    ----------
    relief : float
        Highest minus lowest point of the scene (m).
    lowest : float
        Ellipsoidal height of the lowest point (m).
    margin : float
        How far the elevation model reaches beyond the scene (deg).
    """

    relief: float = 900.0
    lowest: float = 300.0
    margin: float = 0.2


@dataclass(frozen=True)
class Coherence:
    """Temporal decorrelation: ``floor + (1 - floor) * rho^(days / 12)``, and thermal noise.

    Attributes
    ----------
    repeat : float
        Coherence of two dates that are 12 days apart, without thermal noise.
    south : float or None
        The same at the southern edge of the scene, to which it changes evenly with latitude from `repeat` at the
        northern edge; None: it is the same everywhere.
    floor : float
        Coherence that is never lost.
    noise : float
        Noise-equivalent power of the thermal noise relative to the mean signal (dB).
    """

    repeat: float = 0.8
    floor: float = 0.3
    noise: float = -20.0
    south: float | None = None

    def after(self, days: float) -> float:
        """Return the coherence of the ground after `days`, at the northern edge."""
        if self.floor == 1.0:
            return 1.0
        return float(self.floor + (1.0 - self.floor) * self.decay() ** (abs(days) / DAYS_PER_CYCLE))

    def decay(self) -> float:
        """Return the share of the perishable part that survives 12 days, at the northern edge."""
        return self._decay(self.repeat)

    def decay_in_south(self) -> float:
        """Return the share of the perishable part that survives 12 days, at the southern edge."""
        return self._decay(self.repeat if self.south is None else self.south)

    def _decay(self, repeat: float) -> float:
        return (repeat - self.floor) / (1.0 - self.floor) if self.floor < 1.0 else 1.0


@dataclass(frozen=True)
class Lake:
    """A round lake, perhaps with an island: dark, and decorrelated from date to date. A wide one is the sea.

    Attributes
    ----------
    centre : tuple of float or None
        Longitude and latitude; None puts it in the south-east of the scene's centre.
    radius : float
        Metres.
    island : float
        Radius of the land in its middle (m); 0 for none.
    coherence : float
        Coherence after 12 days.
    darkness : float
        Backscatter against the land (dB).
    """

    centre: LonLat | None = None
    radius: float = 1200.0
    coherence: float = 0.05
    darkness: float = -6.0
    island: float = 0.0


@dataclass(frozen=True)
class Atmosphere:
    """One-way zenith delay of each date (m).

    Attributes
    ----------
    turbulence : float
        Standard deviation of the turbulent part; its spectrum falls as ``k^-11/3`` (Kolmogorov; Hanssen
        2001).
    stratified : float
        Standard deviation, from date to date, of the delay between sea level and the top of the atmosphere
        that goes with height as ``exp(-h / scale_height)``.
    scale_height : float
        Metres.
    factors : tuple of (date, float)
        Dates whose turbulence is so many times that of the others. What is random stays as it is: the maps of all
        other dates are those without it.
    """

    turbulence: float = 0.005
    stratified: float = 0.010
    scale_height: float = 2500.0
    factors: tuple[tuple[date, float], ...] = ()

    def factor(self, day: date) -> float:
        """Return how many times the turbulence of the others a date has."""
        return dict(self.factors).get(day, 1.0)


@dataclass(frozen=True)
class Ionosphere:
    """Electrons along the line of sight on every later date, more than on the first: a plane.

    Attributes
    ----------
    electrons : float
        At the scene's centre (TECU, 1e16 electrons a square metre).
    east_per_km, north_per_km : float
        How they grow to the east and to the north (TECU/km).
    """

    electrons: float = 0.0
    east_per_km: float = 0.0
    north_per_km: float = 0.0


@dataclass(frozen=True)
class OrbitError:
    """Error of the orbit in the EOF files of the secondary dates; the pixels keep the true orbit.

    Attributes
    ----------
    radial, across : float
        Offset at the scene (m): up, and to the right of the flight.
    radial_rate, across_rate : float
        Change of the offset (m/s).
    """

    radial: float = 0.0
    across: float = 0.0
    radial_rate: float = 0.0
    across_rate: float = 0.0


@dataclass(frozen=True)
class Corners:
    """Bright point targets.

    Attributes
    ----------
    positions : tuple of (longitude, latitude)
        They stand on the ground of the elevation model.
    amplitude : float
        Peak in digital numbers (the ground has 60 rms).
    """

    positions: tuple[LonLat, ...] = ()
    amplitude: float = 4000.0


@dataclass(frozen=True)
class Scenario:
    """A stack of synthetic Sentinel-1 IW acquisitions.

    Attributes
    ----------
    centre : tuple of float
        Longitude and latitude of the middle of the scene (deg).
    dates : tuple of datetime.date
        UTC dates, earliest first; the first is the reference.
    direction : {'ascending', 'descending'}
    missions : tuple of str
        ``S1A`` to ``S1D``: one for all dates, or one for each.
    swaths : tuple of int
        Neighbouring subswaths, such as (1,) or (1, 2).
    bursts : int
        Bursts of each subswath, over all slices.
    columns : int or None
        Range samples of each subswath; None gives the whole swath.
    slices : int
        Products of one pass.
    polarization : {'VV', 'HH'}
    incidence : float or None
        Incidence angle at the centre (deg); None takes the swath's own.
    track : int or None
        Relative orbit; None takes the one whose burst grid has the scene's bursts.
    baselines : tuple of float
        Perpendicular baseline of each secondary date (m), one for all or one for each. Sign as in ISCE2:
        that of ``dot(cross(target - ref, sec - ref), v_ref)``.
    burst_offset : float
        Lines by which the bursts of each date start later than those of the date before.
    along_track_error : float
        Error of the annotated time of the secondary dates, as metres along the track.
    orbit_error : OrbitError
    deformation : Deformation
        Seen from `source`; metres, or metres a year.
    source : tuple of float or None
        Longitude and latitude of the deformation's origin; None is the centre.
    motion : {'step', 'velocity'}
        All of the deformation between the first and the second date, or growing with time (365.25 days a
        year).
    terrain : Terrain
    coherence : Coherence
    lake : Lake or None
    atmosphere : Atmosphere or None
    ionosphere : Ionosphere or None
    corners : Corners
    archive : {'zip', 'safe'}
        Products as zip archives or as SAFE folders.
    seed : int
        Everything random follows from it.
    """

    centre: LonLat = (-8.85, 31.35)
    dates: tuple[date, ...] = (date(2023, 9, 4), date(2023, 9, 16))
    direction: Direction = "descending"
    missions: tuple[str, ...] = ("S1A",)
    swaths: tuple[int, ...] = (1,)
    bursts: int = 2
    columns: int | None = 2500
    slices: int = 1
    polarization: Literal["VV", "HH"] = "VV"
    incidence: float | None = None
    track: int | None = None
    baselines: tuple[float, ...] = (80.0,)
    burst_offset: float = 0.31
    along_track_error: float = 0.0
    orbit_error: OrbitError = field(default_factory=OrbitError)
    deformation: Deformation = field(default_factory=lambda: Mogi.from_uplift(0.10, depth=3000.0))
    source: LonLat | None = None
    motion: Literal["step", "velocity"] = "step"
    terrain: Terrain = field(default_factory=Terrain)
    coherence: Coherence = field(default_factory=Coherence)
    lake: Lake | None = field(default_factory=Lake)
    atmosphere: Atmosphere | None = None
    ionosphere: Ionosphere | None = None
    corners: Corners = field(default_factory=Corners)
    archive: Literal["zip", "safe"] = "zip"
    seed: int = 1

    def __post_init__(self) -> None:
        _check_place(self)
        _check_dates(self)
        _check_frame(self)
        _check_air(self)
        _check_signal(self)

    def mission(self, index: int) -> str:
        """Return the satellite of a date."""
        return self.missions[index] if len(self.missions) > 1 else self.missions[0]

    def baseline(self, index: int) -> float:
        """Return the perpendicular baseline of a date (m); 0 for the reference."""
        if index == 0:
            return 0.0
        return self.baselines[index - 1] if len(self.baselines) > 1 else self.baselines[0]

    def days(self, index: int) -> int:
        """Return the days from the reference to a date."""
        return (self.dates[index] - self.dates[0]).days

    def growth(self, index: int) -> float:
        """Return the factor of the deformation at a date."""
        if self.motion == "velocity":
            return self.days(index) / 365.25
        return 0.0 if index == 0 else 1.0

    def origin(self) -> LonLat:
        """Tell where the deformation is seen from."""
        return self.source or self.centre


def _refuse(option: str, value: object, rule: str, remedy: str) -> None:
    raise UsageError(f"{option} = {value} cannot be simulated.", rule, remedy)


def _check_place(scenario: Scenario) -> None:
    points = [("centre", scenario.centre)]
    points += [("source", scenario.source)] if scenario.source is not None else []
    points += [("corners", position) for position in scenario.corners.positions]
    if scenario.lake is not None and scenario.lake.centre is not None:
        points.append(("lake", scenario.lake.centre))
    for name, (longitude, latitude) in points:
        middle = 0.0 if name == "centre" else scenario.centre[0]
        if not (abs(longitude - middle) <= 180.0 and abs(latitude) <= HIGHEST_LATITUDE):
            _refuse(
                name,
                (longitude, latitude),
                f"Longitude must lie within half a turn of {middle:g} degrees, latitude within -75 and 75.",
                "Give the point as longitude, latitude in degrees; beside a centre near 180 longitudes run on.",
            )
    if scenario.direction not in {"ascending", "descending"}:
        _refuse("direction", scenario.direction, "A pass is one of two.", "Use ascending or descending.")


def _check_dates(scenario: Scenario) -> None:
    dates = scenario.dates
    if len(dates) < 2 or any(later <= earlier for earlier, later in pairwise(dates)):
        _refuse("dates", [str(day) for day in dates], "At least two rising dates are needed.", "Sort them.")
    if dates[0] < EARLIEST or dates[-1] > LATEST:
        rule = f"Dates lie between the first launch, {EARLIEST}, and {LATEST}."
        _refuse("dates", [str(day) for day in dates], rule, "Use dates of the mission.")
    for name, count, wanted in (
        ("missions", len(scenario.missions), {1, len(dates)}),
        ("baselines", len(scenario.baselines), {1, len(dates) - 1}),
    ):
        if count not in wanted:
            rule = f"{len(dates)} dates go with {' or '.join(map(str, sorted(wanted)))} values, not {count}."
            _refuse(name, getattr(scenario, name), rule, "Give one value for all, or one for each.")
    unknown = sorted(set(scenario.missions) - set(MISSIONS))
    if unknown:
        _refuse("missions", unknown, f"Known satellites are {', '.join(MISSIONS)}.", "Choose among them.")
    for mission in set(scenario.missions):
        own = [day for index, day in enumerate(dates) if scenario.mission(index) == mission]
        if any((day - own[0]).days % DAYS_PER_CYCLE for day in own):
            rule = f"{mission} passes over the same track every {DAYS_PER_CYCLE} days."
            _refuse("dates", [str(day) for day in own], rule, "Use whole repeat cycles, or more satellites.")
    if scenario.track is not None and not 1 <= scenario.track <= ORBITS_PER_CYCLE:
        _refuse("track", scenario.track, "Relative orbits run from 1 to 175.", "Leave it out to have it chosen.")


def _check_frame(scenario: Scenario) -> None:
    swaths = scenario.swaths
    expected = tuple(range(swaths[0], swaths[0] + len(swaths))) if swaths else ()
    if not swaths or swaths != expected or not set(swaths) <= set(SUBSWATHS):
        _refuse("swaths", swaths, "Subswaths are 1 to 3, rising and without a gap.", "Use (1,), (1, 2), ...")
    if scenario.bursts < 1 or not 1 <= scenario.slices <= scenario.bursts:
        rule = "Each slice of each subswath needs a burst."
        _refuse("bursts, slices", (scenario.bursts, scenario.slices), rule, "Ask for more bursts or fewer slices.")
    narrowest = min((SUBSWATHS[number].samples for number in swaths), default=NARROWEST)
    if scenario.columns is not None and not NARROWEST <= scenario.columns <= narrowest:
        rule = f"These subswaths have between {NARROWEST} and {narrowest} columns."
        _refuse("columns", scenario.columns, rule, "Leave columns out for whole swaths.")
    if scenario.incidence is not None and not 25.0 <= scenario.incidence <= 50.0:
        rule = "The IW mode looks at incidence angles of about 29 to 46 degrees."
        _refuse("incidence", scenario.incidence, rule, "Leave it out to have the swath's own.")
    if scenario.polarization not in {"VV", "HH"}:
        _refuse("polarization", scenario.polarization, "Co-polarized channels only.", "Use VV or HH.")
    if scenario.archive not in {"zip", "safe"}:
        _refuse("archive", scenario.archive, "A product is an archive or a folder.", "Use zip or safe.")


def _check_air(scenario: Scenario) -> None:
    factors = scenario.atmosphere.factors if scenario.atmosphere is not None else ()
    for day, factor in factors:
        if not (isfinite(factor) and 0.0 <= factor <= MOST_TURBULENT):
            rule = f"The turbulence of a date is 0 to {MOST_TURBULENT:g} times that of the others."
            _refuse("bad-date", f"{day},{factor:g}", rule, "For example: --bad-date 2023-09-16,5")
    twice = sorted({str(day) for day, _ in factors if [other for other, _ in factors].count(day) > 1})
    if twice:
        _refuse("bad-date", ", ".join(twice), "A date has one factor.", "Give each date once.")


def _check_signal(scenario: Scenario) -> None:
    coherence, terrain, error = scenario.coherence, scenario.terrain, scenario.orbit_error
    ionosphere = scenario.ionosphere or Ionosphere()
    if not 0.0 <= coherence.floor <= coherence.repeat <= 1.0:
        rule = "0 <= floor <= repeat <= 1 must hold."
        _refuse("coherence", (coherence.repeat, coherence.floor), rule, "Lower the floor or raise the coherence.")
    if coherence.south is not None and not coherence.floor <= coherence.south <= 1.0:
        rule = "floor <= south <= 1 must hold."
        _refuse("coherence.south", (coherence.south, coherence.floor), rule, "Lower the floor, or raise it.")
    lake = scenario.lake
    if lake is not None and not (0.0 <= lake.coherence <= 1.0 and 0.0 <= lake.island < lake.radius):
        rule = "Coherence lies within 0 and 1; the radius is positive, and greater than that of the island."
        _refuse("lake", lake, rule, "Correct it.")
    if not (0.0 < terrain.relief <= 6000.0 and -500.0 <= terrain.lowest <= 6000.0 and 0.0 <= terrain.margin <= 1.0):
        rule = "Relief up to 6000 m, lowest point from -500 to 6000 m, margin up to 1 degree."
        _refuse("terrain", terrain, rule, "Use heights of this planet.")
    if scenario.seed < 0:
        _refuse("seed", scenario.seed, "It is a whole number that is not negative.", "Use 0, 1, 2, ...")
    if scenario.motion not in {"step", "velocity"}:
        _refuse("motion", scenario.motion, "Ground moves at once or steadily.", "Use step or velocity.")
    limits = (
        *(("baselines", abs(value), 1000.0, "m") for value in scenario.baselines),
        ("burst_offset", abs(scenario.burst_offset), 20.0, "lines"),
        ("along_track_error", abs(scenario.along_track_error), 20.0, "m"),
        ("corners.amplitude", abs(scenario.corners.amplitude), 20000.0, "digital numbers"),
        ("orbit_error.radial", abs(error.radial), 100.0, "m"),
        ("orbit_error.across", abs(error.across), 100.0, "m"),
        ("orbit_error.radial_rate", abs(error.radial_rate), 1.0, "m/s"),
        ("orbit_error.across_rate", abs(error.across_rate), 1.0, "m/s"),
        ("ionosphere.electrons", abs(ionosphere.electrons), 100.0, "TECU"),
        ("ionosphere.east_per_km", abs(ionosphere.east_per_km), 0.5, "TECU/km"),
        ("ionosphere.north_per_km", abs(ionosphere.north_per_km), 0.5, "TECU/km"),
    )
    for name, value, largest, unit in limits:
        if not (isfinite(value) and value <= largest):
            _refuse(name, value, f"It must not exceed {largest:g} {unit}.", "Use a value that the mission has.")
