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
from importlib.util import find_spec
from typing import Any, Final

import requests
from shapely.geometry.base import BaseGeometry as Geometry

from dinsar_cli.installation import install_command
from dinsar_cli.net.limits import network_limits
from dinsar_cli.series.graph import Pair

_MOST_DAYS: Final = 48
_STEP: Final = 6  # days between the maps
_NEEDED: Final = ("zarr", "s3fs", "rioxarray", "xarray")
_ADDRESS: Final = "https://asf-search-coh.s3.amazonaws.com"


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
    known: dict[tuple[int, int], float | None] = {}
    notes = []
    lack = _lack() or _unreachable()
    if not lack:
        try:
            known = _estimates(pairs, area)
        except Exception as error:  # noqa: BLE001 (zarr, fsspec, botocore and aiohttp have their own)
            lack = f"its archive ({_ADDRESS}) does not give it: {_told(error)}"
    if lack:
        notes.append(f"The expected coherence is not known: {lack}.")
    beyond = sum(_kind(pair)[1] > _MOST_DAYS for pair in pairs)
    if beyond and not lack:
        notes.append(f"Pairs without an expected coherence: {beyond}; the global maps end at {_MOST_DAYS} days.")
    return tuple(known.get(_kind(pair)) for pair in pairs), tuple(notes)


def _lack() -> str:
    """Tell what must be installed before; empty for nothing."""
    absent = [name for name in _NEEDED if find_spec(name) is None]
    if absent:
        return f"it needs {', '.join(absent)}, which this installs: {install_command('coherence')}"
    return "" if find_spec("asf_search.Pair") else "it needs asf_search 14 or later"


def _unreachable() -> str:
    """Tell why the archive cannot be reached, which the libraries find out slowly and loudly; empty if it can."""
    try:
        requests.head(_ADDRESS, timeout=network_limits().connect)
    except requests.RequestException as error:
        return f"its archive ({_ADDRESS}) cannot be reached: {_told(error)}"
    return ""


def _told(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _estimates(pairs: Sequence[Pair], area: Geometry) -> dict[tuple[int, int], float | None]:
    """Ask for each season and number of days."""
    import rioxarray  # noqa: F401 (asf_search 14.1 uses it without importing it)
    from asf_search import Pair as AsfPair

    first = {_kind(pair): pair for pair in reversed(pairs) if _kind(pair)[1] <= _MOST_DAYS}
    return {kind: _estimate(AsfPair, pair, area) for kind, pair in first.items()}


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
