"""What a time series hands over, as Cloud-optimised GeoTIFFs on the grid of the maps."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

from dinsar_cli.products.layers import Layer

_TOWARD: Final = "positive toward the satellite"

VELOCITY: Final = Layer("velocity", "Velocity of the ground along the line of sight", "m/year", ("los",), _TOWARD)
VELOCITY_SIGMA: Final = Layer(
    "velocity_sigma",
    "Standard deviation of velocity, by decorrelation of pairs that share dates, and by the delay of the dates as "
    "far as it varies over the map",
    "m/year",
    ("sigma",),
)
TEMPORAL_COHERENCE: Final = Layer(
    "temporal_coherence", "How well displacement of dates explains that of the pairs, 0 to 1", "1", ("coherence",)
)
SERIES_FLAGS: Final = Layer(
    "series_flags",
    "Sum of: 1 pairs around a triangle do not close by whole cycles; 2 these were taken off; 4 several sets of "
    "cycles explain it, and none was taken off; 8 the pairs do not join all dates; 16 coherent in too few pairs. "
    "255 = no pair has a value",
    "1",
    ("flags",),
    dtype="uint8",
    nodata=255,
    overviews="nearest",
)
SERIES_FLAG_WORDS: Final[Mapping[int, str]] = {
    1: "triangles do not close",
    2: "whole cycles taken off",
    4: "several sets of cycles explain the closure",
    8: "pairs do not join all dates",
}
"""Words of the bits of ``series_flags.tif``."""
CLOSURE_CYCLES: Final = Layer(
    "closure_cycles",
    "Triangles of dates around which the pairs do not close by whole cycles. 65535 = no triangle has a value",
    "1",
    ("triangles",),
    dtype="uint16",
    nodata=65535,
    overviews="nearest",
)


def displacement_layer(day: date, first: date) -> Layer:
    """Return the layer of the displacement of a date."""
    return Layer(
        f"displacement_{day:%Y%m%d}",
        f"Displacement along the line of sight from {first} to {day}",
        "m",
        ("los",),
        f"{_TOWARD}, since {first}",
    )


def coefficient_layer(name: str) -> Layer:
    """Return the layer of what was solved for beside the velocity."""
    words = {
        "sine": "Sine of a period of a year, from the first date on",
        "cosine": "Cosine of a period of a year, from the first date on",
    }
    return Layer(name, words.get(name, f"Jump of the displacement, {name}"), "m", (name,), _TOWARD)
