"""The coherence that pairs let expect, from what was measured all over the Earth.

From asf_search's `Pair.estimate_s1_mean_coherence` (asf_search >= 14, with its extra packages): the median VV
coherence of a season of 2019-2020 over so many days (Kellndorfer et al. 2022, "Global seasonal Sentinel-1
interferometric coherence and backscatter data set", Scientific Data 9). It is asked of the area, not of a whole
scene, and once for each season and number of days.

Not used are its `Stack` and `SBASNetwork`: they pair products, so that slices of a pass are dates of their own, by
baselines in whole metres of the other sign; pairs whose later product comes first in a list have negative days and
pass every limit; a network in parts is not refused; and 170 dates take a minute, because all pairs are made first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from shapely.geometry.base import BaseGeometry as Geometry

from dinsar_cli.series.graph import Pair

_MOST_DAYS: Final = 48
_STEP: Final = 6  # days between the maps
_INSTALL: Final = "pip install 'dinsar[coherence]' has them"


@dataclass(frozen=True)
class _Place:
    """What asf_search's Pair wants of a product: a name, a date and an outline."""

    properties: dict[str, Any]
    geometry: dict[str, Any]


def mean_coherence(pairs: Sequence[Pair], area: Geometry) -> tuple[tuple[float | None, ...], tuple[str, ...]]:
    """Return the coherence that pairs let expect over an area, and what is to be said of it.

    Parameters
    ----------
    pairs : sequence of Pair
    area : shapely geometry
        In degrees.

    Returns
    -------
    tuple of float or None
        Of each pair, 0 to 1; None beyond 48 days, of which there are no maps, and all when they cannot be had.
    tuple of str
        Sentences for the user.
    """
    nothing: tuple[float | None, ...] = (None,) * len(pairs)
    try:
        from asf_search import Pair as AsfPair
    except ImportError:
        return nothing, ("The expected coherence needs asf_search 14 or later.",)
    known: dict[tuple[int, int], float | None] = {}
    try:
        for pair in pairs:
            kind = _kind(pair)
            if kind not in known and kind[1] <= _MOST_DAYS:
                known[kind] = _estimate(AsfPair, pair, area)
    except ImportError:
        return nothing, (
            f"The expected coherence needs the packages zarr, s3fs, rioxarray and xarray; {_INSTALL}.",
        )
    except Exception as error:  # noqa: BLE001 (zarr, fsspec, botocore and aiohttp have their own)
        told = " ".join(str(error).split())[:200] or type(error).__name__
        return nothing, (f"The expected coherence cannot be had from its archive (s3://asf-search-coh): {told}.",)
    found = tuple(known.get(_kind(pair)) for pair in pairs)
    beyond = sum(_kind(pair)[1] > _MOST_DAYS for pair in pairs)
    told = f"The expected coherence of {beyond} pairs is not known: the global maps end at {_MOST_DAYS} days."
    return found, (told,) if beyond else ()


def _kind(pair: Pair) -> tuple[int, int]:
    """Return the season of the reference, and the days in steps of six: what the maps tell apart."""
    return pair[0].month % 12 // 3, math.ceil((pair[1] - pair[0]).days / _STEP) * _STEP


def _estimate(asf_pair: Callable[[_Place, _Place], Any], pair: Pair, area: Geometry) -> float | None:
    west, south, east, north = area.bounds
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    ends = [_Place(_properties(day), {"type": "Polygon", "coordinates": [ring]}) for day in pair]
    value = float(asf_pair(*ends).estimate_s1_mean_coherence())
    return min(max(value, 0.0), 1.0) if math.isfinite(value) else None  # over the sea there is none


def _properties(day: date) -> dict[str, Any]:
    return {"sceneName": day.isoformat(), "startTime": f"{day.isoformat()}T00:00:00Z"}
