"""The sentences at the head of a report: numbers, and their limits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from dinsar_cli.report.evidence import Evidence
from dinsar_cli.report.measures import largest_component

Floats = NDArray[np.floating[Any]]

ATMOSPHERE = "One pair cannot separate ground motion from 1-3 cm of atmosphere."
_LEAST_COHERENCE = 0.3  # of cells whose displacement is worth naming
_MOST_NOISE = 3.0  # times the far field's scatter below which nothing is named
_LEAST_KNOWN = 5  # of the nine cells of a mean


@dataclass(frozen=True)
class Extreme:
    """The largest displacement on one side.

    Attributes
    ----------
    value : float
        Mean of 3 x 3 cells, metres, positive toward the satellite.
    place : (float, float)
        Longitude and latitude.
    sigma : float or None
        Standard deviation of the noise there, metres.
    """

    value: float
    place: tuple[float, float]
    sigma: float | None

    @property
    def text(self) -> str:
        """11.0 cm (+/- 0.1) toward the satellite at 8.1 W, 31.2 N."""
        side = "toward" if self.value >= 0 else "away from"
        sigma = "" if self.sigma is None else f" (noise \u00b1{centimetres(self.sigma)})"
        return f"{centimetres(abs(self.value))} {side} the satellite at {place_text(self.place)}{sigma}"


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


def extremes(evidence: Evidence) -> tuple[Extreme | None, Extreme | None]:
    """Return the largest displacement toward the satellite and away from it, in the largest component."""
    los = evidence.los
    used = np.isfinite(los) & (evidence.components == largest_component(los, evidence.components))
    if "coherence" in evidence.bands:
        used &= evidence.bands["coherence"] >= _LEAST_COHERENCE
    mean = _means_of_nine(np.where(used, los, np.nan))
    if not np.isfinite(mean).any():
        return None, None
    sigma = evidence.bands.get("los_sigma")
    found = []
    for index in (int(np.nanargmax(mean)), int(np.nanargmin(mean))):
        row, column = divmod(index, mean.shape[1])
        noise = None if sigma is None or not math.isfinite(sigma[row, column]) else float(sigma[row, column])
        found.append(Extreme(float(mean[row, column]), evidence.lonlat(row, column), noise))
    return found[0], found[1]


def _means_of_nine(values: Floats) -> Floats:
    known = np.isfinite(values)
    share = uniform_filter(known.astype(np.float64), 3, mode="constant")
    total = uniform_filter(np.where(known, values, 0.0).astype(np.float64), 3, mode="constant")
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(known & (share * 9 >= _LEAST_KNOWN - 0.5), total / share, np.nan)


def summary_sentence(evidence: Evidence) -> str:
    """Tell what the map says in numbers, and how far they can be trusted."""
    highest, lowest = extremes(evidence)
    if highest is None or lowest is None:
        return f"The map has no displacement that could be trusted. {ATMOSPHERE}"
    scatter = math.nan if evidence.far is None else evidence.far.scatter
    least = max(0.001, _MOST_NOISE * scatter) if math.isfinite(scatter) else 0.001
    named = [one for one in sorted((highest, lowest), key=lambda one: -abs(one.value)) if abs(one.value) > least]
    named = [one for one in named if (one is highest) == (one.value > 0)]
    reference = evidence.reference
    relative = f"relative to {place_text(reference)}" if reference else "relative to no point"
    if named:
        text = f"Up to {', and '.join(one.text for one in named)}; {relative}"
    else:
        text = f"No displacement above the scatter of the map: nothing beyond {centimetres(least)}, {relative}"
    if math.isfinite(scatter):
        text += f"; far-field scatter {centimetres(scatter)}"
    return f"{text}. {ATMOSPHERE}"
