"""How the ground moves: displacement (east, north, up) around a source, in metres.

Every model is given in a plane whose origin is the source; see `ellipsoid.local_metres`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi, radians, sin
from typing import Protocol, TypeAlias

import numpy as np

from dinsar_cli.simulate.world.arrays import Floats
from dinsar_cli.simulate.world.okada import Dislocations, surface_displacement

Motion: TypeAlias = tuple[Floats, Floats, Floats]


class Deformation(Protocol):
    """A displacement field: metres, or metres a year when the scenario's motion is a velocity."""

    def displacement(self, east: Floats, north: Floats) -> Motion:
        """Return east, north and up displacement at distances (m) from the source."""
        ...


@dataclass(frozen=True)
class Still:
    """No motion."""

    def displacement(self, east: Floats, north: Floats) -> Motion:
        """Return zeros."""
        zero = np.zeros_like(east + north)
        return zero, zero, zero


@dataclass(frozen=True)
class Mogi:
    """A point source of volume change [1]_, by equation 7.14 of [2]_.

    Attributes
    ----------
    depth : float
        Metres.
    volume_change : float
        Cubic metres; positive inflates.
    poisson : float
        Poisson's ratio.

    References
    ----------
    .. [1] Mogi (1958), "Relations between the eruptions of various volcanoes and the deformations of the ground
       surfaces around them", Bulletin of the Earthquake Research Institute 36.
    .. [2] Segall (2010), "Earthquake and Volcano Deformation".
    """

    depth: float = 3000.0
    volume_change: float = 4.0e6
    poisson: float = 0.25

    @classmethod
    def from_uplift(cls, uplift: float, depth: float, poisson: float = 0.25) -> Mogi:
        """Build the source that lifts the ground above it by `uplift` metres."""
        return cls(depth=depth, volume_change=uplift * pi * depth**2 / (1.0 - poisson), poisson=poisson)

    def displacement(self, east: Floats, north: Floats) -> Motion:
        """Return ``(1 - nu) dV / pi * (east, north, depth) / R^3``."""
        radius = (east**2 + north**2 + self.depth**2) ** 0.5
        scale = (1.0 - self.poisson) * self.volume_change / pi / radius**3
        return scale * east, scale * north, scale * self.depth


@dataclass(frozen=True)
class GaussianBowl:
    """A bowl of subsidence (or, with a positive peak, a dome), as over a mine or an aquifer.

    Attributes
    ----------
    peak : float
        Vertical displacement at the centre (m, up positive).
    radius : float
        Standard deviation of the bowl (m).
    pull : float
        Horizontal motion toward a sinking centre: ``pull * grad(up)`` with `pull` in metres (0 = vertical
        only).
    """

    peak: float = -0.08
    radius: float = 3000.0
    pull: float = 0.0

    def displacement(self, east: Floats, north: Floats) -> Motion:
        """Return the bowl and its horizontal pull."""
        up = self.peak * np.exp(-0.5 * (east**2 + north**2) / self.radius**2)
        slope = self.pull * up / self.radius**2
        return slope * east, slope * north, up


@dataclass(frozen=True)
class Ramp:
    """Vertical motion that grows linearly: metres for each kilometre to the east and to the north."""

    east_per_km: float = 0.001
    north_per_km: float = 0.001

    def displacement(self, east: Floats, north: Floats) -> Motion:
        """Return the tilted plane."""
        up = (self.east_per_km * east + self.north_per_km * north) / 1000.0
        return np.zeros_like(up), np.zeros_like(up), up


@dataclass(frozen=True)
class RectangularDislocation:
    """A fault, dyke or sill: uniform slip and opening on a rectangle (Okada 1985).

    Attributes
    ----------
    length, width : float
        Along strike and along dip (m).
    depth : float
        Depth of the upper edge (m); the source is above the middle of that edge.
    strike, dip : float
        Degrees; the fault dips to the right of the strike.
    rake : float
        Direction of the hanging wall's slip in the plane (deg): 0 left-lateral, 90 thrust, -90 normal.
    slip, opening : float
        Metres.
    poisson : float
        Poisson's ratio.
    """

    length: float = 10000.0
    width: float = 6000.0
    depth: float = 1500.0
    strike: float = 30.0
    dip: float = 60.0
    rake: float = 90.0
    slip: float = 0.5
    opening: float = 0.0
    poisson: float = 0.25

    def displacement(self, east: Floats, north: Floats) -> Motion:
        """Return Okada's surface displacement, turned from the fault's frame to east and north."""
        sin_s, cos_s = sin(radians(self.strike)), cos(radians(self.strike))
        sin_d, cos_d = sin(radians(self.dip)), cos(radians(self.dip))
        # Okada's origin is the lower left corner: y points to the left of the strike, against the dip.
        x = east * sin_s + north * cos_s + 0.5 * self.length
        y = -east * cos_s + north * sin_s + self.width * cos_d
        ux, uy, uz = surface_displacement(
            x,
            y,
            depth=self.depth + self.width * sin_d,
            dip=self.dip,
            length=self.length,
            width=self.width,
            slip=Dislocations(
                strike=self.slip * cos(radians(self.rake)),
                dip=self.slip * sin(radians(self.rake)),
                tensile=self.opening,
            ),
            poisson=self.poisson,
        )
        return ux * sin_s - uy * cos_s, ux * cos_s + uy * sin_s, uz


@dataclass(frozen=True)
class Rupture:
    """A vertical strike-slip fault that breaks the surface, along which slip dies out toward both tips.

    Across the strike it is the screw dislocation that slips from the surface to a depth [1]_ [2]_: the complement
    of the interseismic ``slip / pi * atan(y / depth)``. Along the strike slip is ``(1 - (2 x / length)^2)^2`` of
    that in the middle, so that the motion is continuous everywhere but across the trace, around the tips too; that
    it changes along the strike is not in the elastic solution.

    Attributes
    ----------
    slip : float
        In the middle of the trace, metres; positive left-lateral.
    depth : float
        Down to which it slips, metres.
    length : float
        Of the trace, metres.
    strike : float
        Degrees, from tip to tip.
    bend : float
        By which the trace, a parabola, swings out to the left in its middle, metres.

    References
    ----------
    .. [1] Savage and Burford (1973), "Geodetic determination of relative plate motion in central California", JGR
       78(5).
    .. [2] Segall (2010), "Earthquake and Volcano Deformation", chapter 2.
    """

    slip: float = 0.1
    depth: float = 3000.0
    length: float = 6000.0
    strike: float = 100.0
    bend: float = 1000.0

    def along_and_left(self, east: Floats, north: Floats) -> tuple[Floats, Floats]:
        """Return the distance (m) from the middle along the strike, and from the trace to the left of it."""
        sin_s, cos_s = sin(radians(self.strike)), cos(radians(self.strike))
        along = east * sin_s + north * cos_s
        return along, north * sin_s - east * cos_s - self._swing(along)

    def _swing(self, along: Floats) -> Floats:
        return self.bend * np.maximum(0.0, 1.0 - (2.0 * along / self.length) ** 2)

    def displacement(self, east: Floats, north: Floats, side: int = 0) -> Motion:
        """Return the motion; with `side` that of the ground left (1) or right (-1) of the fault, beyond it too."""
        along, left = self.along_and_left(east, north)
        share = np.maximum(0.0, 1.0 - (2.0 * along / self.length) ** 2) ** 2
        step = 0.5 * (side or np.where(left >= 0.0, 1.0, -1.0))
        motion = -self.slip * share * (step - np.arctan(left / self.depth) / pi)
        return motion * sin(radians(self.strike)), motion * cos(radians(self.strike)), np.zeros_like(motion)

    def trace(self, count: int = 65) -> tuple[Floats, Floats]:
        """Return distances (m) to the east and north of points along the trace, from tip to tip."""
        along = np.linspace(-0.5, 0.5, count) * self.length
        sin_s, cos_s, left = sin(radians(self.strike)), cos(radians(self.strike)), self._swing(along)
        return along * sin_s - left * cos_s, along * cos_s + left * sin_s
