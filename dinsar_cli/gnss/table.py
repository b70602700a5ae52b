"""Displacements of GNSS stations from a CSV file."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from dinsar_cli.base.user_files import OddFileError, kind_of, read_text
from dinsar_cli.errors import UsageError
from dinsar_cli.gnss.station import Station, Unmeasured

UNITS = {"m": 1.0, "cm": 1e-2, "mm": 1e-3}
"""Metres of each unit."""

_NEEDED = ("station", "lon", "lat", "e", "n", "u")
_SIGMAS = ("se", "sn", "su")
_OTHER_NAMES = {
    "id": "station", "site": "station", "name": "station", "code": "station",
    "longitude": "lon", "long": "lon", "latitude": "lat", "east": "e", "north": "n", "up": "u",
}  # fmt: skip
_MOST_BYTES = 50_000_000
_MOTION = ("e", "n", "u")
_NOTHING = {"", "nan", "na", "n/a", "null", "none", "-", "--"}
_REMEDY = (
    "Give a table with the header station,lon,lat,E,N,U and, when they are known, sE,sN,sU: degrees, and metres "
    "between the two dates of the map (or --unit mm)."
)


def read_table(path: Path, unit: str = "m") -> tuple[list[Station], list[Unmeasured]]:
    """Read a table of stations.

    Parameters
    ----------
    path : Path
        Text with a header; commas, semicolons or tabs between the columns, which may have any order. Other columns
        are passed over, and so are empty lines and those that start with ``#``.
    unit : str
        Of motion and standard deviations: a key of `UNITS`.

    Returns
    -------
    list of Station, list of Unmeasured
        The latter are those of lines that have NaN, or nothing, in place of a number.

    Raises
    ------
    UsageError
        When it is not such a table; the message names the line.
    """
    lines = [
        (number, line)
        for number, line in enumerate(_text(path).splitlines(), 1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not lines:
        raise _wrong(path, "It is empty.")
    delimiter = max(",;\t", key=lines[0][1].count)
    rows = [(number, _cells(path, number, line, delimiter)) for number, line in lines]
    names = _known_names([name.lower() for name in rows[0][1]])
    _check_header(path, names)
    stations: list[Station] = []
    unmeasured: list[Unmeasured] = []
    for number, cells in rows[1:]:
        if any(cells[len(names) :]):
            raise _wrong(path, f"Line {number} has {len(cells)} columns, and the header {len(names)}.")
        found = _station(path, number, dict(zip(names, cells, strict=False)), UNITS[unit])
        if isinstance(found, Station):
            stations.append(found)
        else:
            unmeasured.append(found)
    if not stations:
        for number, cells in rows[1:2]:  # says which number it lacks
            _station(path, number, dict(zip(names, cells, strict=False)), UNITS[unit], strict=True)
        raise _wrong(path, "It has a header and no stations.")
    known: set[str] = set()
    every: list[Station | Unmeasured] = [*stations, *unmeasured]
    for station in every:
        if station.name in known:
            raise _wrong(path, f"The station {station.name} is in it twice.")
        known.add(station.name)
    return stations, unmeasured


def _known_names(names: Sequence[str]) -> list[str]:
    """Put the usual other names of columns right, unless the table has them under their own names."""
    return [_OTHER_NAMES[name] if _OTHER_NAMES.get(name, name) not in names else name for name in names]


def _text(path: Path) -> str:
    if not path.exists():
        raise UsageError(f"{path} is not there.", "There is no such file.", _REMEDY)
    try:
        text = read_text(path, _MOST_BYTES)
    except OddFileError as error:
        raise _wrong(path, error.cause) from error
    except OSError as error:
        raise _wrong(path, f"It cannot be read as text: {error}.") from error
    kind = kind_of(text[:1000].encode()) if text else ""
    if kind and not kind.startswith("begins"):
        raise _wrong(path, f"It {kind}.")
    return text


def _cells(path: Path, number: int, line: str, delimiter: str) -> list[str]:
    try:
        cells = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True))
    except csv.Error as error:
        raise _wrong(path, f"Line {number} cannot be read: {error}.") from error
    return [cell.strip() for cell in cells]


def _wrong(path: Path, cause: str) -> UsageError:
    return UsageError(f"{path} is not a table of GNSS stations.", cause, _REMEDY)


def _check_header(path: Path, names: Sequence[str]) -> None:
    found = ", ".join(names)
    missing = [name for name in _NEEDED if name not in names]
    if tuple(missing) == _MOTION:
        raise UsageError(
            f"{path} tells where stations are, not how they moved.",
            f"Its header ({found}) has no E, N, U.",
            f"{_REMEDY} Or give, in its place, a folder with the daily positions of the stations (.tenv3 of the "
            "Nevada Geodetic Laboratory): motion is read from them.",
        )
    if missing:
        raise _wrong(path, f"Its header ({found}) has no {', '.join(missing)}.")
    sigmas = [name for name in _SIGMAS if name in names]
    if sigmas and len(sigmas) < len(_SIGMAS):
        raise _wrong(path, f"Its header ({found}) has {', '.join(sigmas)} and not all of sE, sN, sU.")
    twice = sorted({name for name in (*_NEEDED, *_SIGMAS) if names.count(name) > 1})
    if twice:
        raise _wrong(path, f"Its header has {', '.join(twice)} twice.")


def _station(
    path: Path, line: int, row: Mapping[str, str], metres: float, *, strict: bool = False
) -> Station | Unmeasured:
    """Return one line of the table; a column that is missing counts as empty."""
    lacking: list[str] = []

    def number(name: str) -> float:
        text = row.get(name, "")
        if text.lower() in _NOTHING and not strict:
            lacking.append(name)
            return math.nan
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise _wrong(path, f"Line {line}: {name} must be a number, not {text!r}.")
        return value

    name = row.get("station", "")
    if not name:
        raise _wrong(path, f"Line {line} has no name of a station.")
    lon, lat, east, north, up = (number(key) for key in _NEEDED[1:])
    sigmas = [number(key) for key in _SIGMAS] if any(row.get(key) for key in _SIGMAS) else []
    if lacking:
        known = math.isfinite(lon) and math.isfinite(lat) and abs(lon) <= 360 and abs(lat) <= 90
        words = ", ".join(name.upper() if name in _MOTION else name for name in lacking)
        return Unmeasured(name, f"without {words} (line {line})", (lon, lat) if known else None)
    lon = lon - 360 if 180 < lon <= 360 else lon
    if not (abs(lon) <= 180 and abs(lat) <= 90):
        raise _wrong(path, f"Line {line}: {lon:g}, {lat:g} is no longitude and latitude in degrees.")
    sigma = None
    if sigmas:
        s_east, s_north, s_up = sigmas
        if min(s_east, s_north, s_up) < 0:
            raise _wrong(path, f"Line {line}: a standard deviation is negative.")
        sigma = (s_east * metres, s_north * metres, s_up * metres)
    return Station(name, lon, lat, (east * metres, north * metres, up * metres), sigma)
