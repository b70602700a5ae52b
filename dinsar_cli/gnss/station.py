"""A GNSS station that moved, and one of which that is not known."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Station:
    """Motion of a station between the two dates of a map.

    Attributes
    ----------
    name : str
        As the table has it.
    lon, lat : float
        Degrees.
    motion : tuple of float
        East, north, up, metres.
    sigma : tuple of float or None
        Their standard deviations, metres.
    """

    name: str
    lon: float
    lat: float
    motion: tuple[float, float, float]
    sigma: tuple[float, float, float] | None


@dataclass(frozen=True)
class Unmeasured:
    """A station whose motion between two days is not known.

    Attributes
    ----------
    name : str
    reason : str
        What it is without, to follow "is".
    place : (float, float) or None
        Longitude and latitude, degrees, where the file tells it.
    """

    name: str
    reason: str
    place: tuple[float, float] | None
