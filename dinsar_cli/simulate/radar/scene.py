"""The ground of a scenario and what lies above it: everything that all dates and subswaths share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import cos, radians
from typing import Final

import numpy as np

from dinsar_cli.errors import UsageError
from dinsar_cli.simulate.radar.acquisition import Campaign
from dinsar_cli.simulate.radar.range_doppler import locate
from dinsar_cli.simulate.world.arrays import Bools, Floats
from dinsar_cli.simulate.world.deformation import Rupture
from dinsar_cli.simulate.world.ellipsoid import local_metres
from dinsar_cli.simulate.world.instrument import METRES_PER_TECU
from dinsar_cli.simulate.world.scenario import Atmosphere, Scenario
from dinsar_cli.simulate.world.terrain import ARCSECOND, Bounds, Elevation, Field, Lattice, fractal, made_elevation

MAP_STEP: Final = 3.0 * ARCSECOND
TEXTURE: Final = 1.5
"""Standard deviation of the land's backscatter (dB)."""
FARTHEST_MOTION: Final = 5.0
"""Metres by which the ground may move: within the spare scatterers around each tile of pixels."""
LAKE_OFFSET: Final = (0.02, -0.02)
"""Where the lake lies when nobody says it: east and north of the centre (deg)."""


@dataclass(frozen=True)
class Scene:
    """A scenario made concrete.

    Attributes
    ----------
    campaign : Campaign
    footprint : Bounds
        Box around all that the reference date sees.
    elevation : Elevation
        The ground.
    terrain : Field
        The same, to be read anywhere.
    brightness : Field
        Backscatter of the land (dB around its mean).
    motion : tuple of Field
        Deformation to the east, north and up (m, or m/year).
    delays : tuple of Field
        Turbulent zenith delay of each date (m); empty without an atmosphere.
    stratified : tuple of float
        Zenith delay of each date between sea level and the top (m).
    """

    campaign: Campaign
    footprint: Bounds
    elevation: Elevation
    terrain: Field
    brightness: Field
    motion: tuple[Field, Field, Field]
    delays: tuple[Field, ...]
    stratified: tuple[float, ...]

    @property
    def scenario(self) -> Scenario:
        """What was asked for."""
        return self.campaign.scenario

    @property
    def rupture(self) -> Rupture | None:
        """The fault at which the motion jumps; None where it is smooth."""
        deformation = self.scenario.deformation
        return deformation if isinstance(deformation, Rupture) else None

    def left_of_rupture(self, longitude: Floats, latitude: Floats) -> Floats:
        """Return the distance to the left of the rupture, metres."""
        if self.rupture is None:
            raise ValueError("there is no rupture")
        return self.rupture.along_and_left(*local_metres(longitude, latitude, self.scenario.origin()))[1]

    def displacement(self, index: int, longitude: Floats, latitude: Floats, side: int = 0) -> Floats:
        """East, north and up displacement since the first date (m); shape (3, ...).

        With a rupture `side` gives the motion of the ground to its left (1) or right (-1), beyond it too: a map of
        few cells would smear the jump.
        """
        growth = self.scenario.growth(index)
        if growth == 0.0:
            return np.zeros((3, *longitude.shape))
        if self.rupture is not None:
            place = local_metres(longitude, latitude, self.scenario.origin())
            return growth * np.stack(self.rupture.displacement(*place, side))
        return growth * np.stack([part.at(longitude, latitude) for part in self.motion])

    def zenith_delay(self, index: int, longitude: Floats, latitude: Floats, height: Floats) -> Floats:
        """Return the one-way zenith delay of a date (m)."""
        atmosphere = self.scenario.atmosphere
        if atmosphere is None:
            return np.zeros_like(longitude)
        layer = self.stratified[index] * np.exp(-height / atmosphere.scale_height)
        return layer + self.delays[index].at(longitude, latitude)

    def ionosphere(self, index: int, longitude: Floats, latitude: Floats) -> Floats:
        """Give the range by which a date's carrier phase is ahead and its pulse late, against the first date's, m.

        Of the refraction by free electrons this is the part that goes with 1/frequency in phase, linear over the
        bandwidth: ``f0 (R - D) + df (R + D)`` for ``f R - f0**2 D / f``.
        """
        plane = self.scenario.ionosphere
        if plane is None or index == 0:
            return np.zeros_like(longitude)
        east, north = local_metres(longitude, latitude, self.scenario.centre)
        rise = plane.east_per_km * east + plane.north_per_km * north
        return np.asarray(METRES_PER_TECU * (plane.electrons + 1e-3 * rise))

    def in_lake(self, longitude: Floats, latitude: Floats) -> Bools:
        """Tell whether points are in the lake."""
        lake = self.scenario.lake
        if lake is None:
            return np.zeros(longitude.shape, dtype=bool)
        east, north = local_metres(longitude, latitude, lake_centre(self.scenario))
        distance = np.hypot(east, north)
        return np.asarray((distance < lake.radius) & (distance >= lake.island))

    def survival(self, longitude: Floats, latitude: Floats) -> Floats:
        """Return the share of the perishable part of the coherence that survives 12 days."""
        scenario, footprint = self.scenario, self.footprint
        north, south = scenario.coherence.decay(), scenario.coherence.decay_in_south()
        way = np.clip((footprint.north - latitude) / (footprint.north - footprint.south), 0.0, 1.0)
        land = north + (south - north) * way
        if scenario.lake is None:
            return np.asarray(land)
        return np.where(self.in_lake(longitude, latitude), scenario.lake.coherence, land)

    def backscatter(self, longitude: Floats, latitude: Floats) -> Floats:
        """Return the amplitude of the ground relative to the mean of the land."""
        decibels = self.brightness.at(longitude, latitude)
        if self.scenario.lake is not None:
            decibels = np.where(self.in_lake(longitude, latitude), self.scenario.lake.darkness, decibels)
        return np.asarray(10.0 ** (decibels / 20.0))


def lake_centre(scenario: Scenario) -> tuple[float, float]:
    """Return the longitude and latitude of the lake."""
    if scenario.lake is not None and scenario.lake.centre is not None:
        return scenario.lake.centre
    longitude, latitude = scenario.centre
    return longitude + LAKE_OFFSET[0] / cos(radians(latitude)), latitude + LAKE_OFFSET[1]


def build_scene(campaign: Campaign, elevation: Elevation | None = None) -> Scene:
    """Make the terrain, the deformation and the atmosphere of a scenario.

    Parameters
    ----------
    campaign : Campaign
    elevation : Elevation, optional
        Ground to use instead of a made one; it reaches beyond the footprint.

    Raises
    ------
    UsageError
        A corner point lies outside of the scene, the ground moves too far, or a bad date is not one of the scene.
    """
    scenario = campaign.scenario
    _check_bad_dates(scenario)
    footprint = campaign_footprint(campaign, elevation)
    _check_corners(scenario, footprint)
    terrain_noise, texture_noise, air_noise = (
        np.random.default_rng(child) for child in np.random.SeedSequence(scenario.seed).spawn(3)
    )
    if elevation is None:
        lattice = Lattice.over(footprint.grown(scenario.terrain.margin), ARCSECOND)
        elevation = Elevation(lattice, made_elevation(lattice, footprint, scenario.terrain, terrain_noise))
    maps = Lattice.over(footprint.grown(min(scenario.terrain.margin, 0.05)), MAP_STEP)
    texture = TEXTURE * fractal(maps, exponent=2.5, shortest=300.0, random=texture_noise)
    delays, stratified = _atmosphere(scenario.atmosphere, maps, scenario.dates, air_noise)
    return Scene(
        campaign=campaign,
        footprint=footprint,
        elevation=elevation,
        terrain=Field(elevation.lattice, elevation.heights, order=3),
        brightness=Field(maps, texture),
        motion=_motion(scenario, maps),
        delays=delays,
        stratified=stratified,
    )


def campaign_footprint(campaign: Campaign, elevation: Elevation | None = None) -> Bounds:
    """Return the box around the windows of the reference date, for all heights of the terrain."""
    terrain = campaign.scenario.terrain
    heights = np.array([terrain.lowest, terrain.lowest + terrain.relief])
    if elevation is not None:
        heights = np.array([elevation.heights.min(), elevation.heights.max()], dtype=np.float64)
    spans = [campaign.time_span(number) for number in range(len(campaign.windows))]
    times = np.linspace(min(span[0] for span in spans), max(span[1] for span in spans), 9)
    ranges = np.linspace(campaign.windows[0].near_range, campaign.windows[-1].far_range, 9)
    longitude, latitude = locate(
        campaign.passes[0].orbit, times[:, None, None], ranges[None, :, None], heights[None, None, :]
    )
    centre = campaign.scenario.centre[0]
    longitude = centre + (longitude - centre + 180.0) % 360.0 - 180.0
    return Bounds(float(latitude.min()), float(latitude.max()), float(longitude.min()), float(longitude.max()))


def _check_corners(scenario: Scenario, footprint: Bounds) -> None:
    for longitude, latitude in scenario.corners.positions:
        inside = footprint.west <= longitude <= footprint.east and footprint.south <= latitude <= footprint.north
        if not inside:
            raise UsageError(
                f"The corner point {longitude:.5f}, {latitude:.5f} cannot be simulated.",
                f"The scene reaches from {footprint.west:.3f} to {footprint.east:.3f} degrees of longitude "
                f"and from {footprint.south:.3f} to {footprint.north:.3f} degrees of latitude.",
                "Put corner points inside the scene.",
            )


def _motion(scenario: Scenario, maps: Lattice) -> tuple[Field, Field, Field]:
    longitude, latitude = maps.centres()
    east, north = local_metres(longitude, latitude, scenario.origin())
    with np.errstate(all="ignore"):  # what nonsense gives is refused
        parts = scenario.deformation.displacement(east, north)
    _check_motion(scenario, parts)
    return Field(maps, parts[0], order=3), Field(maps, parts[1], order=3), Field(maps, parts[2], order=3)


def _check_motion(scenario: Scenario, parts: tuple[Floats, Floats, Floats]) -> None:
    growth = scenario.growth(len(scenario.dates) - 1)
    farthest = growth * float(max(np.max(np.abs(part)) for part in parts))
    if not farthest <= FARTHEST_MOTION:  # NaN too
        raise UsageError(
            f"The deformation {scenario.deformation} cannot be simulated.",
            f"It moves the ground by up to {farthest:.3g} m; up to {FARTHEST_MOTION:g} m can be simulated.",
            "Use a weaker or deeper source.",
        )


def _atmosphere(
    atmosphere: Atmosphere | None, maps: Lattice, dates: Sequence[date], random: np.random.Generator
) -> tuple[tuple[Field, ...], tuple[float, ...]]:
    """Return the turbulent maps and stratified strengths, independent from date to date."""
    if atmosphere is None:
        return (), ()
    sizes = [atmosphere.turbulence * atmosphere.factor(day) for day in dates]
    delays = tuple(
        Field(maps, size * fractal(maps, exponent=11.0 / 3.0, shortest=300.0, random=random)) for size in sizes
    )
    return delays, tuple((atmosphere.stratified * random.standard_normal(len(dates))).tolist())


def _check_bad_dates(scenario: Scenario) -> None:
    """Refuse turbulence of days that are no dates of the scene; those of real products are known only here."""
    factors = scenario.atmosphere.factors if scenario.atmosphere is not None else ()
    strange = [str(day) for day, _ in factors if day not in scenario.dates]
    if strange:
        raise UsageError(
            f"The turbulence of {', '.join(strange)} cannot be simulated.",
            f"The dates of the simulation are {', '.join(map(str, scenario.dates))}.",
            "Give one of these to --bad-date.",
        )
