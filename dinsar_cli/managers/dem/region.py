"""Regions of prepared DEMs: those of pairs whose bounds differ a little are one file in the cache."""

from __future__ import annotations

import math

from dinsar_cli.geo.grid import Bounds

REGION = 10
"""To the degree: a region ends at whole tenths."""

_TOLERANCE = 1e-9  # of a tenth: 10 micrometres


def region_around(bounds: Bounds, aside: tuple[float, float] = (0.0, 0.0)) -> Bounds:
    """Widen bounds to whole tenths of a degree.

    The bursts of one place begin some metres elsewhere on each date. Rounded outward, their bounds are nearly
    always the same, and so are the pixels that are made of them.

    Parameters
    ----------
    bounds : tuple of float
        West, south, east, north (degrees).
    aside : tuple of float
        Degrees by which edges of pixels lie west and north of the tenths: regions end there, so that none asks for
        a pixel of the next tile of a model.

    Returns
    -------
    tuple of float
        Not within the bounds anywhere, and never beyond the poles.
    """
    west, south, east, north = bounds
    across, up = aside
    return (
        math.floor((west + across) * REGION + _TOLERANCE) / REGION - across,
        max(math.floor((south - up) * REGION + _TOLERANCE) / REGION + up, -90.0),
        math.ceil((east + across) * REGION - _TOLERANCE) / REGION - across,
        min(math.ceil((north - up) * REGION - _TOLERANCE) / REGION + up, 90.0),
    )
