"""Baselines of pairs before anything is downloaded, and what coherence they let expect."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from dinsar_cli.catalog.scenes import CatalogScene, StateVector
from dinsar_cli.catalog.stacks import CatalogAcquisition
from dinsar_cli.errors import NoDataError
from dinsar_cli.geo.antimeridian import beside
from dinsar_cli.radar.geometry import Orbit, geodetic_to_cartesian, los_vector, perpendicular_baseline, zero_doppler
from dinsar_cli.sentinel1.annotated_orbit import KIND
from dinsar_cli.sentinel1.orbit_file import ORBIT_KINDS, OrbitFile, window

CATALOGUE: Final = "catalogue"
"""Source of a baseline from the state vectors in the catalogue, which are of the orbit in the product (metres)."""

_SOURCES: Final = (*ORBIT_KINDS, KIND, CATALOGUE)  # the most accurate first
_LIGHT: Final = 299_792_458.0  # m/s
_FREQUENCY: Final = 5.405e9  # Hz: centre frequency of the instrument; a run takes that of the annotation
_BANDWIDTH: Final = 42.79e6  # Hz, in range, of IW3: the narrowest of the three subswaths
_TIME_CONSTANT: Final = 40.0  # days
_MARGIN: Final = 60.0  # s about a scene within which its orbit is used
_LEAST: Final = 0.5  # m: of a smaller baseline the height ambiguity is not known
_LONGEST: Final = 100_000.0  # m: more is a wrong state vector


@dataclass(frozen=True)
class Baseline:
    """Perpendicular baseline of a pair at a point on the ellipsoid.

    Attributes
    ----------
    perpendicular : float
        Metres, with the sign of `dinsar_cli.radar.geometry.perpendicular_baseline`.
    slant_range : float
        Metres from the reference orbit to the point.
    incidence : float
        Angle to the normal of the ellipsoid, degrees.
    source : str
        ``POEORB``, ``RESORB``, ``PREORB``, ``annotation`` or ``catalogue``: the less accurate of the two.
    """

    perpendicular: float
    slant_range: float
    incidence: float
    source: str

    @property
    def height_ambiguity(self) -> float | None:
        """Height that makes one fringe, metres; None for a baseline of nearly zero.

        ``wavelength R sin(incidence) / (2 |B|)`` (Hanssen 2001, Radar Interferometry, chapter 2).
        """
        if abs(self.perpendicular) < _LEAST:
            return None
        sine = math.sin(math.radians(self.incidence))
        return _LIGHT / _FREQUENCY * self.slant_range * sine / (2 * abs(self.perpendicular))

    @property
    def critical(self) -> float:
        """Perpendicular baseline at which nothing is coherent on flat ground, metres.

        ``wavelength R (W / c) tan(incidence)`` (Hanssen 2001, chapter 4), with the smallest range bandwidth W.
        """
        tangent = math.tan(math.radians(self.incidence))
        return _LIGHT / _FREQUENCY * self.slant_range * _BANDWIDTH / _LIGHT * tangent


def expected_coherence(days: float, baseline: Baseline | None) -> float:
    """Return the coherence that a pair lets expect, 0 to 1: a rule to compare pairs, not a prediction.

    ``exp(-days / 40) (1 - |B| / B_critical)``: temporal times geometric decorrelation (Zebker and Villasenor 1992,
    "Decorrelation in interferometric radar echoes", IEEE TGRS 30), the first as an exponential with the time
    constant that Rocca (2007, "Modeling interferogram stacks", IEEE TGRS 45) found at C band. Towns and deserts
    stay coherent for years, forests lose coherence within days, snow at once.

    Parameters
    ----------
    days : float
        Temporal baseline.
    baseline : Baseline or None
        None counts as zero.
    """
    geometric = 1.0 if baseline is None else max(0.0, 1.0 - abs(baseline.perpendicular) / baseline.critical)
    return math.exp(-days / _TIME_CONSTANT) * geometric


@dataclass(frozen=True)
class _Flight:
    """Orbit about a scene, with the start of the scene as its epoch, and where it comes from."""

    orbit: Orbit
    middle: float
    source: str


def measure_baseline(
    reference: CatalogAcquisition,
    secondary: CatalogAcquisition,
    place: tuple[float, float],
    orbits: tuple[OrbitFile | None, OrbitFile | None] = (None, None),
) -> Baseline | None:
    """Return the perpendicular baseline from orbit files, or else from the catalogue.

    Parameters
    ----------
    reference, secondary : CatalogAcquisition
        The earlier and the later one.
    place : (float, float)
        Longitude and latitude of the point, degrees.
    orbits : tuple of OrbitFile or None
        Those of both that are at hand.

    Returns
    -------
    Baseline or None
        None when one of the two has no orbit, or none that sees the point.
    """
    flights = [_flight(one, place, orbit) for one, orbit in zip((reference, secondary), orbits, strict=True)]
    first, second = flights
    if first is None or second is None:
        return None
    lon, lat = np.array(place[0]), np.array(place[1])
    point = geodetic_to_cartesian(lon, lat, np.array(0.0))
    try:
        perpendicular, _ = perpendicular_baseline(first.orbit, second.orbit, point, first.middle)
        time, slant_range = zero_doppler(first.orbit, point, first.middle)
    except NoDataError:
        return None
    if abs(perpendicular) > _LONGEST:
        return None
    up = los_vector(first.orbit.state(time)[0], point, lon, lat)[2]
    sources = {first.source, second.source}
    source = max(sources, key=_SOURCES.index)
    return Baseline(perpendicular, float(slant_range), math.degrees(math.acos(float(up))), source)


def _flight(acquisition: CatalogAcquisition, place: tuple[float, float], orbit: OrbitFile | None) -> _Flight | None:
    """Return the orbit by which an acquisition sees a place."""
    scene = _nearest(acquisition, place)
    middle = (scene.stop - scene.start).total_seconds() / 2
    if orbit is not None:
        return _Flight(_from_file(scene, orbit), middle, orbit.kind)
    if len(scene.vectors) != 2:
        return None
    before, after = scene.vectors
    return _Flight(_from_vectors(scene, before, after), middle, CATALOGUE) if after.time > before.time else None


def _nearest(acquisition: CatalogAcquisition, place: tuple[float, float]) -> CatalogScene:
    """Return the slice in whose middle a place is most."""
    point = shapely.Point(place)
    middles = {scene: beside(scene.footprint, place[0]).centroid for scene in acquisition.scenes}
    return min(acquisition.scenes, key=lambda scene: middles[scene].distance(point))


def _from_file(scene: CatalogScene, orbit: OrbitFile) -> Orbit:
    near = window(orbit, scene.start, scene.stop, _MARGIN)
    origin = np.datetime64(scene.start.replace(tzinfo=None), "us")
    return Orbit.fit(scene.start, (near.times - origin) / np.timedelta64(1, "us") * 1e-6, near.position)


def _from_vectors(scene: CatalogScene, before: StateVector, after: StateVector) -> Orbit:
    """Return the cubic through two state vectors, which are 10 s apart and about the middle of the scene.

    Beyond them it errs by (t - t0)^2 (t - t1)^2 / 24 of the fourth derivative, 8.5e-6 m/s^4: 5 cm at 15 s.
    """
    t0, t1 = ((vector.time - scene.start).total_seconds() for vector in (before, after))
    time = np.linspace(t0 - _MARGIN, t1 + _MARGIN, 8)
    return Orbit.fit(scene.start, time, _hermite(time, (t0, t1), (before, after)))


def _hermite(
    time: NDArray[np.float64], knots: tuple[float, float], vectors: tuple[StateVector, StateVector]
) -> NDArray[np.float64]:
    """Cubic Hermite interpolation of positions; shape (times, 3)."""
    length = knots[1] - knots[0]
    u = ((time - knots[0]) / length)[:, None]
    p0, p1 = (np.array(vector.position) for vector in vectors)
    v0, v1 = (np.array(vector.velocity) * length for vector in vectors)
    return (
        (2 * u**3 - 3 * u**2 + 1) * p0
        + (u**3 - 2 * u**2 + u) * v0
        + (3 * u**2 - 2 * u**3) * p1
        + (u**3 - u**2) * v1
    )
