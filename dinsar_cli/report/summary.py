"""The sentences at the head of a report: numbers, and their limits."""

from __future__ import annotations

import math

from dinsar_cli.maps.extremes import Extreme
from dinsar_cli.maps.zero.gnss_words import gnss_certain, gnss_words
from dinsar_cli.report.evidence import Evidence

ATMOSPHERE = "One pair cannot separate ground motion from 1-3 cm of atmosphere."
_LEAST_TOLD = 0.0001  # metres; what is less is no figure of a real map
_MOST_NOISE = 3.0  # times the scatter of calm ground below which nothing is named


def _text(one: Extreme) -> str:
    """11.0 cm (+/- 0.1) toward the satellite at 8.1 W, 31.2 N."""
    side = "toward" if one.value >= 0 else "away from"
    sigma = "" if one.sigma is None else f" (noise \u00b1{centimetres(one.sigma)})"
    return f"{centimetres(abs(one.value))} {side} the satellite at {place_text((one.lon, one.lat))}{sigma}"


def centimetres(metres: float) -> str:
    """Return the metres as centimetres, or as millimetres below 1 cm."""
    text = f"{metres * 1000:.1f} mm" if abs(metres) < 0.00995 else f"{metres * 100:.1f} cm"
    if text == "-0.0 mm":
        text = "0.0 mm"
    return text.replace("-", "\u2212").replace(" ", "\u00a0")


def place_text(place: tuple[float, float]) -> str:
    """31.20000 N, 8.10000 W."""
    lon, lat = place
    return f"{abs(lat):.4f}°\u00a0{'S' if lat < 0 else 'N'}, {abs(lon):.4f}°\u00a0{'W' if lon < 0 else 'E'}"


def summary_sentence(evidence: Evidence) -> str:
    """Tell what the map says in numbers, and how far they can be trusted."""
    highest, lowest = evidence.range.highest, evidence.range.lowest
    if highest is None or lowest is None:
        return f"The map has no displacement that could be trusted. {ATMOSPHERE}"
    far = evidence.far
    scatter = evidence.scatter
    least = max(0.001, _MOST_NOISE * scatter) if math.isfinite(scatter) else 0.001
    named = [one for one in sorted((highest, lowest), key=lambda one: -abs(one.value)) if abs(one.value) > least]
    named = [one for one in named if (one is highest) == (one.value > 0)]
    reference = evidence.reference
    gnss = evidence.facts.get("gnss")
    relative = f"relative to {place_text(reference)}" if reference else "relative to no point"
    if gnss:
        certain = centimetres(gnss_certain(gnss))
        relative = f"relative to {gnss_words(gnss)}, where zero is certain to \u00b1{certain}"
    if reference and evidence.facts.get("shared"):
        relative += ", the zero of all pairs of its stack"
    if named:
        text = f"Up to {', and '.join(_text(one) for one in named)}; {relative}"
    else:
        text = f"No displacement above the scatter of the map: nothing beyond {centimetres(least)}, {relative}"
    if reference and math.isfinite(far.uncertainty) and not evidence.facts.get("chosen"):
        text += f", where zero is certain to \u00b1{centimetres(far.uncertainty)}"
    if math.isfinite(scatter):
        text += f"; scatter of calm ground {'' if scatter >= _LEAST_TOLD else 'below '}"
        text += centimetres(max(scatter, _LEAST_TOLD))
    still = "" if far.found or evidence.facts.get("chosen") else f" {far.caution}"
    return f"{text}; {evidence.range.coverage:.0%} of what was seen has displacement.{still} {ATMOSPHERE}"
