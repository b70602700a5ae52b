"""Warnings about the science: what of a pair, its area or its map leads to errors, and what they look like.

Each caution is a sentence or two for the user, or nothing. The thresholds are in `Circumstances` and beside the
functions, each with its source.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from dinsar_cli.geo.heights.relief import Relief
from dinsar_cli.radar.pair_geometry import PairGeometry
from dinsar_cli.sentinel1.acquisition import Acquisition, Pair
from dinsar_cli.sentinel1.orbit_file import OrbitFile, marked_within

BAD_DATES = {
    date(2025, 4, 30): "their bursts start at other places than those of all other dates",
}
BURST_JUMP_RAD = 1.5
LONG_DAYS = 48
DEM_ERROR_M = (2.0, 4.0)
STEEP_RELIEF_M = 500.0
DEM_EFFECT_M = 0.005
LEAST_BASELINE_SHARE = 0.1
MUCH_WATER = 0.2
HIGH_LATITUDE = 55.0
ALONG_TRACK_M = 0.005
ORBIT_MARGIN = timedelta(seconds=60)


@dataclass(frozen=True)
class Circumstances:
    """What the cautions before a run depend on.

    Attributes
    ----------
    pair : Pair
        The two acquisitions.
    geometry : PairGeometry
        How they see the area.
    relief : Relief
        Of the area.
    latitude : float
        The one of the area that is farthest from the equator, degrees.
    orbit_kinds : tuple of str
        ``POEORB`` or ``RESORB`` of each date.
    range_bandwidth : float
        Of the nearest subswath in use, Hz.
    esd : bool
        Whether the misregistration is estimated with enhanced spectral diversity.
    orbit_files : tuple of OrbitFile
        State vectors of each date.
    """

    pair: Pair
    geometry: PairGeometry
    relief: Relief
    latitude: float
    orbit_kinds: tuple[str, ...]
    range_bandwidth: float
    esd: bool
    water_stays: bool
    orbit_files: tuple[OrbitFile, ...] = ()


def before(circumstances: Circumstances) -> list[str]:
    """Tell what the user should know before a run, the gravest first."""
    pair, geometry = circumstances.pair, circumstances.geometry
    found = (
        bad_dates(pair),
        sensors(pair, geometry.wavelength),
        processors(pair),
        degraded_orbits(pair, circumstances.orbit_files),
        orbits(circumstances.orbit_kinds),
        temporal_baseline(geometry),
        perpendicular_baseline(geometry, circumstances.range_bandwidth),
        dem_errors(geometry, circumstances.relief),
        water(circumstances.relief, stays=circumstances.water_stays),
        high_latitude(circumstances.latitude, esd=circumstances.esd),
    )
    return [text for text in found if text]


def bad_dates(pair: Pair) -> str:
    """Return the dates whose products are known to be bad.

    2025-04-30: azimuth offsets between bursts (isce2 issue 956; disclaimer 273 of the Sentinel-1 Mission
    Performance Cluster, https://sar-mpc.eu/disclaimers/273/, which excludes a range of time on that day).
    """
    found = [
        f"{one.mission} of {one.start:%Y-%m-%d} ({BAD_DATES[one.start.date()]})"
        for one in (pair.reference, pair.secondary)
        if one.start.date() in BAD_DATES
    ]
    if not found:
        return ""
    return (
        f"Known bad products: {' and '.join(found)}. Expect steps of the phase at every burst, which look like "
        "displacement in stripes: choose another date."
    )


def sensors(pair: Pair, wavelength: float) -> str:
    """Return the combinations of satellites with known offsets.

    S1C with S1D: 1.65, 1.40 and 1.45 rad between neighbouring bursts in IW1, IW2 and IW3, over Croatia and the same
    over Mongolia (isce3 issue 375, 2026); pairs of one of them have none.
    """
    if {pair.reference.mission, pair.secondary.mission} != {"S1C", "S1D"}:
        return ""
    millimetres = BURST_JUMP_RAD / (4 * math.pi) * wavelength * 1e3
    return (
        f"S1C with S1D: neighbouring bursts differ by about {BURST_JUMP_RAD} rad ({millimetres:.0f} mm). The map "
        "gets steps at the bursts, and a ramp along the track: prefer two dates of one satellite."
    )


def processors(pair: Pair) -> str:
    """Return the versions of ESA's processor that do not go together.

    IPF 002.36 did not compensate the phase of the elevation antenna pattern, which later ones
    do: with another version the subswaths differ by a constant (ESA, "Impact of the elevation antenna pattern phase
    compensation on the interferometric phase preservation"; s1-reader issue 28). Slices of one pass must be of one
    version in ISCE2's reader.
    """
    versions = [_versions(one) for one in (pair.reference, pair.secondary)]
    for one, found in zip((pair.reference, pair.secondary), versions, strict=True):
        if len(found) > 1:
            return (
                f"The slices of {one.start:%Y-%m-%d} are of IPF {' and '.join(sorted(found))}: where they meet the "
                "phase may have a step."
            )
    old = [any(version.lstrip("0").startswith("2.36") for version in found) for found in versions]
    if old[0] == old[1]:
        return ""
    return (
        "One date was processed with IPF 002.36, the other was not: the phase of the antenna pattern differs, and "
        "the map gets steps between subswaths."
    )


def _versions(acquisition: Acquisition) -> set[str]:
    return {scene.ipf for scene in acquisition.scenes}


def orbits(kinds: Iterable[str]) -> str:
    """Return the orbits that are not the precise ones.

    They are asked to be good to 5 cm, and restituted ones to 10 cm (Copernicus POD Service, product requirements).
    An error b across the line of sight grows by ``b d(look angle)`` over a map (Fattahi and Amelung 2014, GJI 199):
    5 cm more make 5 mm in the 0.09 rad that 100 km of ground are.
    """
    others = sorted(set(kinds) - {"POEORB"})
    if not others:
        return ""
    return (
        f"Orbits are {' and '.join(others)}, not POEORB, which come 20 days after a scene: expect a ramp over the "
        "map, of some millimetres in 100 km."
    )


def degraded_orbits(pair: Pair, files: Iterable[OrbitFile]) -> str:
    """Return the orbits whose state vectors at the scene are marked as worse than usual by those who made them.

    The mark is the element ``Quality`` of a vector: NOMINAL, or DEGRADED (Sentinels POD Service File Format
    Specifications, GMES-GSEG-EOPG-FS-10-0075).
    """
    found = [
        f"{file.path.name} ({len(marked)} near the scene of {one.start:%Y-%m-%d %H:%M:%S} UTC)"
        for one, file in zip((pair.reference, pair.secondary), files, strict=False)
        if len(marked := marked_within(file, one.start - ORBIT_MARGIN, one.stop + ORBIT_MARGIN))
    ]
    if not found:
        return ""
    return (
        f"State vectors are marked as DEGRADED in {' and '.join(found)}, as they are near manoeuvres: expect a "
        "ramp over the map, of centimetres in 100 km. Compare with another orbit file or another date."
    )


def temporal_baseline(geometry: PairGeometry) -> str:
    """Return the time in which most ground changes too much.

    Over plants the coherence of C-band falls within weeks; the global maps of it end at 48 days (Kellndorfer et al.
    2022, Scientific Data 9, 73).
    """
    if geometry.days <= LONG_DAYS:
        return ""
    return (
        f"The dates are {geometry.days:.0f} days apart. After {LONG_DAYS} days most ground with plants has lost "
        "its coherence: expect noise and holes there, and wrong cycles between the islands that are left."
    )


def perpendicular_baseline(geometry: PairGeometry, range_bandwidth: float) -> str:
    """Return the baseline that costs a tenth of the coherence by itself.

    On flat ground ``1 - |B| / B_critical`` is left, ``B_critical = lambda R tan(incidence) bandwidth / c`` (Zebker
    and Villasenor 1992, IEEE TGRS 30; Gatelli et al. 1994, IEEE TGRS 32).
    """
    critical = (
        geometry.wavelength
        * geometry.slant_range
        * math.tan(math.radians(geometry.incidence))
        * range_bandwidth
        / 299_792_458.0
    )
    share = abs(geometry.perpendicular_baseline) / critical
    if share <= LEAST_BASELINE_SHARE:
        return ""
    return (
        f"The perpendicular baseline of {geometry.perpendicular_baseline:.0f} m takes {share:.0%} of the coherence "
        "on flat ground, and more on slopes that face the satellite: expect noise there."
    )


def dem_errors(geometry: PairGeometry, relief: Relief) -> str:
    """Return the errors of the DEM that look like displacement.

    Copernicus GLO-30 is good to 2 m, and to 4 m on slopes above 20 % (relative, 90 %; Copernicus DEM Product
    Handbook). An area of more than `STEEP_RELIEF_M` from its lowest to its highest ground has such slopes. They
    count from 5 mm on: the atmosphere makes 10-30 mm (Hanssen 2001).
    """
    error = DEM_ERROR_M[relief.range > STEEP_RELIEF_M]
    effect = geometry.displacement_of(error)
    if effect < DEM_EFFECT_M:
        return ""
    return (
        f"The height of ambiguity is {geometry.height_ambiguity:.0f} m, in an area with {relief.range:.0f} m of "
        f"relief: an error of the DEM of {error:.0f} m looks like {effect * 1e3:.0f} mm of displacement. Doubt "
        "patterns that follow the terrain."
    )


def water(relief: Relief, *, stays: bool) -> str:
    """Return the area without phase; `dinsar_cli.geo.heights.relief.read_relief` says how it is told from land."""
    if relief.flat is None or relief.flat < MUCH_WATER:
        return ""
    left_out = "what lies there is noise" if stays else "it is left out of the map (mask.water)"
    return (
        f"About {relief.flat:.0%} of the area is flat to a centimetre in the DEM, as lakes and the sea are. Water "
        f"has no coherence: {left_out}, and land on two sides of it may differ by whole cycles."
    )


def high_latitude(latitude: float, *, esd: bool) -> str:
    """Return the ionosphere near the auroral zone.

    C-band phase and azimuth shifts from it are frequent there (Gomba et al. 2017, Remote Sensing 9; Liang et al.
    2019, IEEE TGRS 57, section II.C). The auroral oval comes down to about 60 degrees of geomagnetic latitude in
    quiet times, and to 55 and less in storms.
    """
    if abs(latitude) <= HIGH_LATITUDE:
        return ""
    text = (
        f"The area reaches {abs(latitude):.0f} degrees of latitude, where the ionosphere often disturbs the phase: "
        "expect ramps of centimetres and steps at the bursts."
    )
    if esd:
        text += " ESD takes its azimuth shifts for misregistration, which adds to these steps: compare without it."
    return text


def along_track(unknown: float | None) -> str:
    """Return the large motion, of which TOPS sees up to a hundredth of the part along the track.

    The beam turns by half a degree to both sides of zero Doppler during a burst (De Zan and Monti Guarnieri 2006,
    "TOPSAR: Terrain observation by progressive scans", IEEE TGRS 44). It counts from 5 mm on, as errors of the DEM.
    """
    if unknown is None or unknown < ALONG_TRACK_M:
        return ""
    return (
        f"The displacement is so large that motion along the track may change it by {unknown * 1e3:.0f} mm, with "
        "opposite signs at the two ends of a burst: steps at the bursts may be motion. los_sigma counts it; where "
        "that motion is known, add squint.tif x motion along the flight."
    )
