"""Daily positions of GNSS stations by the Nevada Geodetic Laboratory (``.tenv3``), and motion between two days.

The format is described at http://geodesy.unr.edu/gps_timeseries/README_tenv3.txt; cite Blewitt et al. (2018,
"Harnessing the GPS data explosion for interdisciplinary science", Eos 99).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.base.user_files import OddFileError, kind_of, read_text
from dinsar_cli.errors import UsageError
from dinsar_cli.gnss.station import Station, Unmeasured

SUFFIX = ".tenv3"
_RELATED = (".tenv", ".kenv", ".txyz2", ".txyz", ".neu", ".pos", ".qcs")  # series of positions in other forms
MJD_EPOCH = date(1858, 11, 17)
"""First day of the modified Julian dates."""

_COLUMNS = 23
_DAY = 3  # modified Julian date
_METRES = ((7, 8), (9, 10), (11, 12))  # whole metres and the rest: east, north, up
_ANTENNA = 13
_SIGMAS = (14, 15, 16)
_CORRELATIONS = (17, 18, 19)  # east with north, east with up, north with up
_LATITUDE, _LONGITUDE = 20, 21
_MOST_BYTES = 50_000_000
_REMEDY = "Give the .tenv3 of the station as http://geodesy.unr.edu has it now."


def files_in(path: Path) -> list[Path]:
    """Return the files of stations: the path itself, or those in a folder; none when it is something else.

    Raises
    ------
    UsageError
        When there are only daily positions in another form.
    """
    inside = sorted(path.iterdir()) if path.is_dir() else [path]
    found = [file for file in inside if file.suffix.lower() == SUFFIX]
    others = [file for file in inside if file.suffix.lower() in _RELATED]
    if others and not found:
        raise _wrong(others[0], f"It ends in {others[0].suffix}, which has other columns.")
    return found


@dataclass(frozen=True, eq=False)
class Series:
    """Daily positions of a station.

    Attributes
    ----------
    name : str
    place : (float, float) or None
        Longitude and latitude, degrees, of the first day; None without positions.
    days : ndarray of int, shape (n,)
        Modified Julian dates, rising, each once. A position is the mean of its day, from 0 to 24 h.
    positions, sigmas : ndarray, shape (n, 3)
        East, north, up, metres, and their formal standard deviations.
    correlations : ndarray, shape (n, 3)
        Of the errors of east and north, east and up, north and up.
    antenna : ndarray, shape (n,)
        Height of the antenna above its mark, metres.
    """

    name: str
    place: tuple[float, float] | None
    days: NDArray[np.int64]
    positions: NDArray[np.float64]
    sigmas: NDArray[np.float64]
    correlations: NDArray[np.float64]
    antenna: NDArray[np.float64]


def read_series(path: Path) -> list[Series]:
    """Return the daily positions of the stations in a file.

    Parameters
    ----------
    path : Path
        As for `read_motion`. Of lines of one day the last one counts.

    Raises
    ------
    UsageError
        When it is no such file; the message names the line.
    """
    return [_series(name, table) for name, table in _read(path).items()]


def _series(name: str, table: NDArray[np.float64]) -> Series:
    days, backwards = np.unique(table[::-1, _DAY].astype(np.int64), return_index=True)
    rows = table[len(table) - 1 - backwards]
    return Series(
        name=name,
        place=_place(table),
        days=days,
        positions=_positions(rows),
        sigmas=rows[:, _SIGMAS],
        correlations=rows[:, _CORRELATIONS],
        antenna=rows[:, _ANTENNA],
    )


def _place(table: NDArray[np.float64]) -> tuple[float, float] | None:
    return (_wrapped(table[0, _LONGITUDE]), float(table[0, _LATITUDE])) if len(table) else None


def read_motion(path: Path, dates: tuple[date, date], days: int = 0) -> list[Station | Unmeasured]:
    """Return the motion of stations between two days.

    Parameters
    ----------
    path : Path
        A ``.tenv3`` file, usually of one station; lines of several, and lines without the header, are what somebody
        took out of such files. One with nothing but its header is a station without positions.
    dates : (date, date)
        The earlier and the later one, UTC.
    days : int
        The median of what is within so many days of each date is taken: on both sides, or of neither.

    Returns
    -------
    list of Station or Unmeasured
        Metres. Its standard deviations are those of single days, since the errors of days in a row are alike. Its
        place is that of the first date.

    Raises
    ------
    UsageError
        When it is no such file; the message names the line.
    """
    return [_motion(name, table, dates, days) for name, table in _read(path).items()]


def _motion(name: str, table: NDArray[np.float64], dates: tuple[date, date], days: int) -> Station | Unmeasured:
    place = _place(table)
    around = [table[np.abs(table[:, _DAY] - (day - MJD_EPOCH).days) <= days] for day in dates]
    for day, rows in zip(dates, around, strict=True):
        if not len(rows):
            span = f" within {days} days of {day}" if days else f" of {day}"
            return Unmeasured(name, f"without a position{span}" if len(table) else "without any position", place)
    first, second = (np.median(_positions(rows), axis=0) for rows in around)
    east, north, up = (second - first).tolist()
    sigmas = np.hypot(*(np.median(rows[:, _SIGMAS], axis=0) for rows in around))
    longitude, latitude = np.median(around[0][:, [_LONGITUDE, _LATITUDE]], axis=0)
    s_east, s_north, s_up = sigmas.tolist()
    return Station(name, _wrapped(longitude), float(latitude), (east, north, up), (s_east, s_north, s_up))


def _read(path: Path) -> dict[str, NDArray[np.float64]]:
    """Return the columns of each station as numbers, NaN where they are words; shape (days, 23)."""
    if not path.exists():
        raise UsageError(f"{path} is not there.", "There is no such file.", "Correct the path.")
    try:
        lines = read_text(path, _MOST_BYTES).splitlines()
    except OddFileError as error:
        raise _wrong(path, error.cause) from error
    except OSError as error:
        raise _wrong(path, f"It cannot be read as text: {error}.") from error
    written = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if written and not (_is_header(written[0][1]) or _is_data(written[0][1])):
        if kind := kind_of(written[0][1].encode()):
            raise _wrong(path, f"It {kind}.")
        raise _wrong(path, "Its first line is neither the header site YYMMMDD yyyy.yyyy ... nor a position.")
    rows: dict[str, list[list[float]]] = {}
    for number, line in written:
        if not _is_header(line):
            rows.setdefault(line.split()[0], []).append(_numbers(path, number, line))
    return {name: np.array(own, np.float64) for name, own in rows.items()} or {path.stem: np.empty((0, _COLUMNS))}


def _is_header(line: str) -> bool:
    return line.lower().startswith("site ")


def _is_data(line: str) -> bool:
    """Tell whether a line has the modified Julian date where positions have it."""
    words = line.split()
    return len(words) > _DAY and words[_DAY].isdigit()


def _numbers(path: Path, number: int, line: str) -> list[float]:
    words = line.split()
    if len(words) < _COLUMNS:
        raise _wrong(path, f"Line {number} has {len(words)} columns; latitude and longitude are in 21 and 22.")
    needed = {
        _DAY,
        _ANTENNA,
        *_SIGMAS,
        *_CORRELATIONS,
        _LATITUDE,
        _LONGITUDE,
        *(column for pair in _METRES for column in pair),
    }
    row = [math.nan] * _COLUMNS
    for column in needed:
        try:
            row[column] = float(words[column])
        except ValueError:
            row[column] = math.nan
        if not math.isfinite(row[column]):
            raise _wrong(path, f"Line {number}: column {column + 1} must be a number, not {words[column]!r}.")
    return row


def _positions(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """East, north, up, metres; shape (days, 3)."""
    return np.stack([rows[:, whole] + rows[:, rest] for whole, rest in _METRES], axis=1)


def _wrapped(longitude: float) -> float:
    return (float(longitude) + 180) % 360 - 180


def _wrong(path: Path, cause: str) -> UsageError:
    return UsageError(f"{path} is not a series of daily positions (.tenv3).", cause, _REMEDY)
