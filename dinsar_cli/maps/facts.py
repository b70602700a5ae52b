"""What is known of the map after a stage, for later stages, tags and the summary."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from dinsar_cli.radar.displacement import ReferencePoint
from dinsar_cli.radar.interferogram import Described


@dataclass(frozen=True)
class MapFacts:
    """What is known of the map after a stage, for later stages, tags and the summary.

    Attributes
    ----------
    reference : ReferencePoint or None
        Point to which displacement is relative; None when it is not.
    longitude, latitude : float or None
        Of the reference point, degrees.
    components : dict
        Share of the unwrapped cells that each component has, by its number; 0 = none.
    lowest, highest : float
        2nd and 98th percentile of the displacement, metres.
    mean_los : (float, float, float) or None
        Mean unit vector to the satellite: east, north, up; None where it is not known.
    mean_coherence : float or None
        Of the cells with data where the ground is seen; None where it is not known.
    median_sigma : float or None
        Median of the noise of the displacement, metres; None where it is not known.
    along_track : float or None
        The most that unknown motion along the track adds to it, metres; None where it is not in it.
    masked : dict
        Share of the cells with data that each mask left out, by its key.
    ramp : dict or None
        The ramp that was taken off: its kind, coefficients and fit; None when none was.
    corrections : dict
        What each correction was and did, by its name; see `dinsar_cli.maps.corrections.apply`.
    far_field : dict or None
        Ground that is still, relative to the reference; see `dinsar_cli.maps.zero.far_field.FarField.to_dict`.
    chosen : bool
        Whether the user chose the reference, or wants none.
    shared : bool
        Whether the program chose the reference for all pairs of a stack.
    reference_on_map : bool
        Whether the reference point lies on the map; calm ground may be beside it.
    range : dict or None
        Extremes with their places, and coverage; see `dinsar_cli.maps.extremes.Range.to_dict`.
    gnss : dict or None
        GNSS stations that decide where zero is, and what they take off; see `dinsar_cli.maps.zero.gnss`.
    """

    reference: ReferencePoint | None
    longitude: float | None
    latitude: float | None
    components: dict[str, float]
    lowest: float
    highest: float
    mean_los: tuple[float, float, float] | None
    mean_coherence: float | None
    median_sigma: float | None = None
    along_track: float | None = None
    masked: dict[str, float] = field(default_factory=dict)
    ramp: dict[str, Any] | None = None
    corrections: dict[str, Any] = field(default_factory=dict)
    far_field: dict[str, Any] | None = None
    chosen: bool = False
    reference_on_map: bool = True
    range: dict[str, Any] | None = None
    shared: bool = False
    gnss: dict[str, Any] | None = None


def facts_to_dict(facts: MapFacts) -> dict[str, Any]:
    """Return the facts for JSON."""
    return asdict(facts)


def facts_from_dict(record: Mapping[str, Any]) -> MapFacts:
    """Return the facts as `facts_to_dict` gave them."""
    reference = record["reference"]
    return MapFacts(
        **{
            **record,
            "reference": ReferencePoint(**reference) if reference else None,
            "mean_los": tuple(record["mean_los"]) if record["mean_los"] else None,
        }
    )


def common_tags(interferogram: Described, engine: str, version: str) -> dict[str, str]:
    """Return the tags that every product has; without those whose value is not known."""
    tags = {
        "wavelength_m": repr(interferogram.wavelength),
        "reference_date": interferogram.reference_date,
        "secondary_date": interferogram.secondary_date,
        "engine": engine,
        "engine_version": json.dumps(interferogram.versions, sort_keys=True),
        "version": version,
    }
    if interferogram.looks is not None:
        tags["looks"] = "x".join(str(n) for n in interferogram.looks)
    if not math.isnan(interferogram.perpendicular_baseline):
        tags["perpendicular_baseline_m"] = f"{interferogram.perpendicular_baseline:.2f}"
    return tags
