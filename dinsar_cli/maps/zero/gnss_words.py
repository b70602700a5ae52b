"""What is told of zero by GNSS: in the record of a run, in words, and as warnings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.config.model import RunConfig
from dinsar_cli.gnss.stations import ASSUMED, Stations
from dinsar_cli.maps.zero.adjustment import Adjustment
from dinsar_cli.maps.zero.gnss_look import USED, AtStation
from dinsar_cli.radar.variogram import Variogram

Floats: TypeAlias = NDArray[np.floating[Any]]

LEAST_ATMOSPHERE: Final = 0.003
"""Standard deviation (m) that the atmosphere at a station has at least: calm pairs of short scenes have as much."""
_CERTAIN: Final = 2.0  # standard deviations: 95 %
_POOR: Final = 3.0  # of the reduced chi-square


def record_of(
    config: RunConfig,
    stations: Stations,
    told: Sequence[AtStation],
    fit: Adjustment,
    variogram: Variogram | None,
    surface: Floats,
    sigma: Floats,
) -> dict[str, Any]:
    """Return what is known of zero by GNSS, for JSON."""
    used = sum(one.status == USED for one in told)
    frame = f" in {stations.frame}" if stations.frame else ""
    far = [one.left_out for one in told if one.status == USED and one.left_out is not None]
    return {
        "relative_to": f"{used} GNSS station{'s' if used > 1 else ''}{frame}, by a {fit.model}",
        "model": fit.model,
        "frame": stations.frame,
        "daily_positions": stations.daily,
        "sigma_assumed": stations.assumed,
        "days": config.reference_gnss.days if stations.daily else None,
        "radius_m": config.reference_gnss.radius,
        "used": used,
        "coefficients": {
            "constant_m": float(fit.coefficients[0]),
            "east_m_per_km": float(fit.coefficients[1]),
            "north_m_per_km": float(fit.coefficients[2]),
        },
        "taken_off_m": [float(surface.min()), float(surface.max())],
        "sigma_m": [float(sigma.min()), float(np.median(sigma)), float(sigma.max())],
        "reduced_chi_square": fit.chi_square if math.isfinite(fit.chi_square) else None,
        "degrees_of_freedom": fit.freedom,
        "left_out_rms_m": math.sqrt(sum(value**2 for value in far) / len(far)) if far else None,
        "atmosphere": {
            "least_m": LEAST_ATMOSPHERE,
            "sill_m2": None if variogram is None else variogram.sill,
            "range_m": None if variogram is None else variogram.range,
        },
        "stations": [asdict(one) for one in told],
    }


def gnss_words(record: Mapping[str, Any]) -> str:
    """Tell to what a map is relative, as ``7 GNSS stations in IGS14, by a plane``."""
    return str(record["relative_to"])


def gnss_certain(record: Mapping[str, Any]) -> float:
    """Return how far zero may be off by the stations (95 %), metres: in the median of the map."""
    return _CERTAIN * float(record["sigma_m"][1])


def gnss_frame(record: Mapping[str, Any]) -> str:
    """Tell in which frame a map is, and what that means for it."""
    frame = record["frame"]
    if frame.startswith("plate "):
        return f"Motion relative to the {frame}, as the stations have it."
    name = frame or "the frame of the stations, whose files do not name it"
    absolute = "" if not frame else ", in which plates move by centimetres a year: that motion is in the map too"
    return f"Motion between both dates in {name}{absolute}."


def gnss_notes(record: Mapping[str, Any]) -> list[str]:
    """Tell what the user should know of stations: those that are left out, jumps, and errors that are assumed."""
    told: dict[str, list[str]] = {}
    for one in record["stations"]:
        texts = [*one["notes"], *([f"not used: {one['status']}"] if one["status"] != USED else [])]
        for text in texts:
            told.setdefault(text, []).append(one["station"])
    notes = [
        f"GNSS {'station' if len(names) == 1 else 'stations'} {', '.join(names)}: {text}."
        for text, names in told.items()
    ]
    if record["sigma_assumed"]:
        east, north, up = (1000 * value for value in ASSUMED)
        notes.append(
            f"The table of GNSS stations has no standard deviations: {east:g}, {north:g} and {up:g} mm (east, "
            "north, up) are assumed."
        )
    if record["reduced_chi_square"] is not None and record["reduced_chi_square"] > _POOR:
        notes.append(
            f"The map and the GNSS stations differ by more than their errors (reduced chi-square "
            f"{record['reduced_chi_square']:.1f}): their standard deviations count as so much larger."
        )
    return notes
