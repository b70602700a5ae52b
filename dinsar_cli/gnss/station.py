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
    correlation : tuple of float
        Of the errors of east and north, east and up, north and up.
    notes : tuple of str
        What the user should know of it, each to follow its name.
    """

    name: str
    lon: float
    lat: float
    motion: tuple[float, float, float]
    sigma: tuple[float, float, float] | None
    correlation: tuple[float, float, float] = (0.0, 0.0, 0.0)
    notes: tuple[str, ...] = ()

    @property
    def place(self) -> tuple[float, float]:
        """Longitude and latitude, degrees."""
        return self.lon, self.lat


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
