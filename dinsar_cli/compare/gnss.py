"""A displacement map against the motion of GNSS stations."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.compare.los_map import LosMap, read_los_map
from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.gnss.station import Station, Unmeasured
from dinsar_cli.gnss.stations import check_once
from dinsar_cli.gnss.table import UNITS, read_table
from dinsar_cli.gnss.tenv3 import files_in, read_motion
from dinsar_cli.maps.geocode import sample

Floats: TypeAlias = NDArray[np.floating[Any]]

USED = "used"
_LEAST_STATIONS = 2
_UNLIKE = 30  # times by which stations and map differ when the unit is wrong; units are 10 to 1000 apart


@dataclass(frozen=True)
class AtStation:
    """Motion of one station along the line of sight, by GNSS and by the map.

    Attributes
    ----------
    station : str
        Its name.
    lon, lat : float or None
        Degrees; None when they are not known.
    status : str
        ``used``, or why it is not.
    gnss, insar : float or None
        Toward the satellite, metres, relative to the common reference; None when it is not used.
    difference : float or None
        Map minus GNSS, metres.
    gnss_sigma, insar_sigma : float or None
        Standard deviations of either, metres, without those of the reference; None when they are not known.
    """

    station: str
    lon: float | None
    lat: float | None
    status: str
    gnss: float | None = None
    insar: float | None = None
    difference: float | None = None
    gnss_sigma: float | None = None
    insar_sigma: float | None = None

    @property
    def place(self) -> tuple[float, float] | None:
        """Longitude and latitude, degrees."""
        return None if self.lon is None or self.lat is None else (self.lon, self.lat)


@dataclass(frozen=True)
class GnssComparison:
    """A map and stations.

    Attributes
    ----------
    map : LosMap
        The map.
    stations : tuple of AtStation
        In the order of the table.
    relative_to : str
        Name of a station, or ``mean``.
    zero : float
        Displacement of the map there, which was taken off it, metres.
    rms : float
        Root mean square of the differences, metres; without the station that is the reference.
    chi_square : float or None
        Reduced chi-square of the differences with their constant left free; None unless all errors are known.
    window : int
        Pixels on a side that were averaged; 1 = interpolated at the place of the station.
    notes : tuple of str
        What the user should know.
    """

    map: LosMap
    stations: tuple[AtStation, ...]
    relative_to: str
    zero: float
    rms: float
    chi_square: float | None
    window: int
    notes: tuple[str, ...] = ()

    @property
    def used(self) -> list[AtStation]:
        """Stations that count."""
        return [station for station in self.stations if station.status == USED]


def compare_gnss(
    result: Path,
    table: Path,
    unit: str = "m",
    reference: str | None = None,
    window: int = 1,
    *,
    vector: Path | None = None,
    dates: tuple[date, date] | None = None,
    days: int = 0,
) -> GnssComparison:
    """Compare a displacement map with GNSS stations.

    The motion of a station (east, north, up) is projected on the direction to the satellite there. Displacement of
    a map is relative, so that both are made relative to a station or to the mean of the stations in use. Only
    stations in one connected component count: that of the reference station, else the one with most stations.

    Parameters
    ----------
    result : Path
        Folder of a pair, its products, or its ``los_displacement.tif``; with `vector` any displacement in metres,
        positive toward the satellite.
    table : Path
        See `dinsar_cli.gnss.table.read_table`; or daily positions (``.tenv3``): a file, or a folder of
        them.
    unit : str
        Of the table.
    reference : str, optional
        Name of a station.
    window : int
        Pixels on a side to average, odd; at least half of them must have displacement.
    vector : Path, optional
        Directions to the satellite, where the map has no ``los_vector.tif``.
    dates : (date, date), optional
        Of the map, for daily positions, where its tags do not tell.
    days : int
        See `dinsar_cli.gnss.tenv3.read_motion`.

    Raises
    ------
    UsageError
        When a file is not what it should be, or there is no such station.
    NoDataError
        When fewer than two stations can be used, or the reference station cannot.
    """
    found = read_los_map(result, vector)
    stations, unmeasured = _stations(table, unit, found, dates, days)
    names = [station.name for station in stations]
    if reference is not None and reference not in names:
        raise UsageError(
            f"--station {reference} is not in {table}.",
            f"Its stations are: {', '.join(names[:20])}{', ...' if len(names) > 20 else ''}.",
            "Give one of them, or leave --station out for the mean.",
        )
    labels = [_label(found, station) for station in stations]
    label = labels[names.index(reference)] if reference else 0
    label = label or _commonest(labels)
    values = [_measure(found, station, own, label, window) for station, own in zip(stations, labels, strict=True)]
    used = [value for value in values if value.status == USED]
    for one in unmeasured:
        lon, lat = one.place or (None, None)
        values.append(AtStation(one.name, lon, lat, one.reason))
    _check_enough(values, used, reference)
    zeros = [value for value in used if reference in {None, value.station}]
    gnss_zero, insar_zero = (
        sum(parts) / len(zeros)
        for parts in ([value.gnss or 0.0 for value in zeros], [value.insar or 0.0 for value in zeros])
    )
    relative = tuple(_relative(value, gnss_zero, insar_zero) for value in values)
    free = [value for value in relative if value.difference is not None and value.station != reference]
    rms = math.sqrt(sum((value.difference or 0.0) ** 2 for value in free) / len(free))
    chi_square = _reduced_chi_square([value for value in relative if value.status == USED])
    notes = () if files_in(table) else _unit_notes(relative, unit)
    return GnssComparison(found, relative, reference or "mean", insar_zero, rms, chi_square, window, notes)


def _unit_notes(relative: Sequence[AtStation], unit: str) -> tuple[str, ...]:
    """Tell when the motion of the stations is so unlike that of the map that its unit seems to be another."""
    gnss = max((abs(value.gnss) for value in relative if value.gnss is not None), default=0.0)
    insar = max((abs(value.insar) for value in relative if value.insar is not None), default=0.0)
    if not (gnss > 0 and insar > 0):
        return ()
    ratios = {name: gnss / UNITS[unit] * metres / insar for name, metres in UNITS.items()}
    likely = min(ratios, key=lambda name: abs(math.log(ratios[name])))
    if likely == unit or abs(math.log(ratios[unit])) < math.log(_UNLIKE):
        return ()
    times = f"{ratios[unit]:.3g}" if ratios[unit] > 1 else f"1/{1 / ratios[unit]:.3g}"
    told = f"by the table, read in {unit}, stations moved {times} times as much as by the map"
    return (f"{told}: if it is in {likely}, give --unit {likely}",)


def _stations(
    table: Path, unit: str, found: LosMap, dates: tuple[date, date] | None, days: int
) -> tuple[list[Station], list[Unmeasured]]:
    """Return the stations of a table or of daily positions, and those whose motion is not known."""
    files = files_in(table)
    if not files:
        return read_table(table, unit)
    told = None if found.dates is None else tuple(date.fromisoformat(text) for text in found.dates)
    if dates and told and dates != told:
        raise UsageError(
            f"The dates {dates[0]} and {dates[1]} are not those of the map.",
            f"Its tags say {told[0]} and {told[1]}.",
            "Leave --dates out.",
        )
    between = dates or told
    if between is None:
        raise UsageError(
            f"It is not known between which days {found.name} shows motion.",
            "The map has no dates in its tags, and daily positions are read at them.",
            "Tell them: --dates YYYY-MM-DD,YYYY-MM-DD.",
        )
    read = [one for file in files for one in read_motion(file, (between[0], between[1]), days)]
    check_once(one.name for one in read)
    return (
        [one for one in read if isinstance(one, Station)],
        [one for one in read if isinstance(one, Unmeasured)],
    )


def _check_enough(values: Sequence[AtStation], used: Sequence[AtStation], reference: str | None) -> None:
    for value in values:
        if value.station == reference and value.status != USED:
            raise NoDataError(
                f"The reference station {reference} cannot be used.",
                f"It is {value.status}.",
                "Give another one with --station, or leave it out for the mean.",
            )
    if len(used) >= _LEAST_STATIONS:
        return
    reasons = Counter(value.status for value in values if value.status != USED)
    told = ", ".join(f"{count} {status}" for status, count in reasons.items())
    raise NoDataError(
        f"Only {len(used)} of {len(values)} stations can be used, and at least {_LEAST_STATIONS} are needed.",
        f"Of the others: {told}." if told else "The table has no more.",
        "Give stations on coherent ground of the map, or average more pixels with --window.",
    )


def _place(found: LosMap, station: Station) -> tuple[float, float] | None:
    """Return the row and column of a station in pixels, whole numbers at their centres; None outside."""
    grid = found.grid
    x, y = grid.from_lonlat(station.lon, station.lat)
    row, column = (grid.north - y) / grid.posting - 0.5, (x - grid.west) / grid.posting - 0.5
    inside = -0.5 <= row < grid.height - 0.5 and -0.5 <= column < grid.width - 0.5
    return (row, column) if inside else None


def _label(found: LosMap, station: Station) -> int:
    """Return the component of the pixel in which a station lies; 0 where there is no displacement."""
    place = _place(found, station)
    if place is None:
        return 0
    cell = math.floor(place[0] + 0.5), math.floor(place[1] + 0.5)
    return int(found.components[cell]) if np.isfinite(found.los[cell]) else 0


def _commonest(labels: Sequence[int]) -> int:
    """Return the component with most stations; of equal ones the larger component, which has the lower number."""
    counts = Counter(label for label in labels if label)
    return min(counts, key=lambda label: (-counts[label], label)) if counts else 1


def _measure(found: LosMap, station: Station, own: int, label: int, window: int) -> AtStation:
    bare = AtStation(station.name, station.lon, station.lat, USED)
    place = _place(found, station)
    if place is None:
        return replace(bare, status="outside the map")
    if own not in {0, label}:
        return replace(bare, status=f"in another component ({own})")
    top, left = (max(0, math.floor(part + 0.5) - window // 2 - 1) for part in place)
    around = (slice(top, top + window + 3), slice(left, left + window + 3))
    los = np.where(found.components[around] == label, found.los[around], np.nan)
    sigma = found.sigma[around] if found.sigma is not None else np.full(los.shape, np.nan)
    layers = np.concatenate([los[None], sigma[None], found.vector[(slice(None), *around)]]).astype(np.float64)
    take = _interpolated if window == 1 else _averaged
    insar, insar_sigma, *vector = take(layers, place[0] - top, place[1] - left, window)
    length = math.sqrt(sum(part**2 for part in vector))
    if not (math.isfinite(insar) and length > 0):  # NaN is not above zero
        return replace(bare, status="on empty pixels")
    direction = [part / length for part in vector]
    gnss = sum(part * motion for part, motion in zip(direction, station.motion, strict=True))
    gnss_sigma = None
    if station.sigma is not None:
        gnss_sigma = math.hypot(*(part * s for part, s in zip(direction, station.sigma, strict=True)))
    return replace(
        bare,
        gnss=gnss,
        insar=insar,
        gnss_sigma=gnss_sigma,
        insar_sigma=insar_sigma if math.isfinite(insar_sigma) else None,
    )


def _interpolated(layers: Floats, row: float, column: float, _window: int) -> list[float]:
    """Return the bilinear values at a place; on the outer half of an edge pixel those of its edge."""
    rows, columns = layers.shape[1:]
    at_row = np.array([[min(max(row, 0), rows - 1)]], np.float32)
    at_column = np.array([[min(max(column, 0), columns - 1)]], np.float32)
    return [float(value) for value in sample(layers, at_row, at_column, "linear")[:, 0, 0]]


def _averaged(layers: Floats, row: float, column: float, window: int) -> list[float]:
    """Give means of a window around the pixel of a place, where half of its pixels have a value; NaN elsewhere."""
    half = window // 2
    middle_row, middle_column = math.floor(row + 0.5), math.floor(column + 0.5)
    part = layers[
        :,
        max(0, middle_row - half) : middle_row + half + 1,
        max(0, middle_column - half) : middle_column + half + 1,
    ].reshape(len(layers), -1)
    known = np.isfinite(part[0])
    if 2 * np.count_nonzero(known) < part.shape[1]:
        return [math.nan] * len(layers)
    # The mean of the noise, not that of a mean: after the phase filter the noise of neighbours is not independent.
    return [float(np.mean(layer[known])) for layer in part]


def _relative(value: AtStation, gnss_zero: float, insar_zero: float) -> AtStation:
    if value.gnss is None or value.insar is None:
        return value
    gnss, insar = value.gnss - gnss_zero, value.insar - insar_zero
    return replace(value, gnss=gnss, insar=insar, difference=insar - gnss)


def _reduced_chi_square(used: Sequence[AtStation]) -> float | None:
    """Chi-square of the differences about their weighted mean, over one less than their number.

    The constant between map and stations is free, so that it is the same whatever both are relative to.
    """
    weights, differences = [], []
    for value in used:
        if value.gnss_sigma is None or value.insar_sigma is None or value.difference is None:
            return None
        variance = value.gnss_sigma**2 + value.insar_sigma**2
        if variance <= 0:
            return None
        weights.append(1 / variance)
        differences.append(value.difference)
    mean = sum(w * d for w, d in zip(weights, differences, strict=True)) / sum(weights)
    return sum(w * (d - mean) ** 2 for w, d in zip(weights, differences, strict=True)) / (len(used) - 1)


def describe_gnss(found: GnssComparison) -> dict[str, Any]:
    """Give the figures as JSON holds them: metres and degrees."""
    return {
        "map": found.map.name,
        "dates": None if found.map.dates is None else list(found.map.dates),
        "relative_to": found.relative_to,
        "window": found.window,
        "used": len(found.used),
        "rms": found.rms,
        "reduced_chi_square": found.chi_square,
        "warnings": list(found.notes),
        "stations": [asdict(station) for station in found.stations],
    }


def gnss_table(found: GnssComparison) -> list[str]:
    """Give the figures as lines for people: millimetres toward the satellite."""

    def cell(value: float | None, plus: str = "+") -> str:
        return f"{'-':>9}" if value is None else f"{value * 1e3:{plus}9.2f}"

    width = max(len("station"), *(len(station.station) for station in found.stations))
    lines = [
        "mm along the line of sight, positive toward the satellite"
        + ("" if found.map.dates is None else f", {found.map.dates[0]} to {found.map.dates[1]}"),
        f"{'station':<{width}} {'GNSS':>9} {'InSAR':>9} {'InSAR-GNSS':>10} {'s(GNSS)':>9} {'s(InSAR)':>9}",
    ]
    for one in found.stations:
        if one.status == USED:
            lines.append(
                f"{one.station:<{width}} {cell(one.gnss)} {cell(one.insar)} {cell(one.difference):>10} "
                f"{cell(one.gnss_sigma, '')} {cell(one.insar_sigma, '')}"
            )
        else:
            lines.append(f"{one.station:<{width}} not used: {one.status}")
    zero = "the mean of the stations" if found.relative_to == "mean" else f"station {found.relative_to}"
    lines.append(f"relative to {zero}; {len(found.used)} of {len(found.stations)} stations used")
    lines.append(f"RMS difference       {found.rms * 1e3:.2f} mm")
    chi = "-  (an error is not known)" if found.chi_square is None else f"{found.chi_square:.2f}"
    lines.append(f"reduced chi-square   {chi}")
    return lines
