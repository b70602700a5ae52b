"""Steps in the positions of GNSS stations: told by a list, by the antenna or by the user, or seen in the positions.

The list is that of the Nevada Geodetic Laboratory and is described at http://geodesy.unr.edu/NGLStationPages/steps_readme.txt.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.base.user_files import OddFileError, read_text
from dinsar_cli.errors import UsageError
from dinsar_cli.gnss.tenv3 import MJD_EPOCH, Series

EQUIPMENT, EARTHQUAKE, JUMP = "a change of equipment", "an earthquake", "a jump"
_NAMES = ("steps.txt",)
_MOST_BYTES = 100_000_000
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_COLUMNS = 4
_SIDE = 4  # days on either side of which the medians are compared
_WITHIN = 6  # days in which they must lie
_CERTAIN = 7.0  # robust standard deviations of what such medians differ by
_AT_ONCE = 0.5  # of the difference, that must come from one day to the next: ground that moves fast does not jump
_FORMAL = 3.0  # formal standard deviations of a single day


@dataclass(frozen=True)
class Step:
    """A step of a station.

    Attributes
    ----------
    start, stop : float
        Between which it happened, modified Julian dates (UTC); equal where the moment is known.
    kind : str
        `EQUIPMENT`, `EARTHQUAKE` or `JUMP`.
    """

    start: float
    stop: float
    kind: str

    @property
    def day(self) -> date:
        """The day on which it began."""
        return date.fromordinal(MJD_EPOCH.toordinal() + math.floor(self.start))


def mjd(moment: datetime) -> float:
    """Return the modified Julian date of a moment (UTC; time zones are not looked at)."""
    midnight = datetime.combine(moment.date(), datetime.min.time(), moment.tzinfo)
    return (moment.date() - MJD_EPOCH).days + (moment - midnight).total_seconds() / 86400


def event_step(event: date | datetime) -> Step:
    """Return the step of an event that the user told: on some moment of a day, or at a time."""
    if isinstance(event, datetime):
        return Step(mjd(event), mjd(event), EARTHQUAKE)
    day = float((event - MJD_EPOCH).days)
    return Step(day, day + 1, EARTHQUAKE)


def is_step_list(path: Path) -> bool:
    """Tell whether a file is a list of steps, by its name: ``steps.txt``."""
    return path.name.lower() in _NAMES


def read_steps(path: Path) -> dict[str, list[Step]]:
    """Return the steps of each station, as ``steps.txt`` of the Nevada Geodetic Laboratory tells them.

    Raises
    ------
    UsageError
        When it is no such list; the message names the line.
    """
    try:
        lines = read_text(path, _MOST_BYTES).splitlines()
    except (OddFileError, OSError) as error:
        raise _wrong(path, f"It cannot be read: {getattr(error, 'cause', error)}.") from error
    found: dict[str, list[Step]] = {}
    for number, line in enumerate(lines, 1):
        words = line.split()
        if words:
            found.setdefault(words[0], []).append(_told(path, number, words))
    return found


def _told(path: Path, number: int, words: list[str]) -> Step:
    day = _day(words[1]) if len(words) >= _COLUMNS else None
    if day is None or words[2] not in {"1", "2"}:
        raise _wrong(path, f"Line {number} is not a station, a date like 16JUL11 and 1 or 2 with what it was.")
    start = float((day - MJD_EPOCH).days)
    return Step(start, start + 1, EQUIPMENT if words[2] == "1" else EARTHQUAKE)


def _day(word: str) -> date | None:
    """Return the day that is written like 16JUL11."""
    try:
        year, month, day = int(word[:2]), _MONTHS.index(word[2:5].upper()) + 1, int(word[5:])
        return date(year + (1900 if year >= 80 else 2000), month, day)
    except ValueError:
        return None


def _wrong(path: Path, cause: str) -> UsageError:
    return UsageError(
        f"{path} is not a list of steps.",
        cause,
        "Give steps.txt as http://geodesy.unr.edu/NGLStationPages/steps.txt has it now, or leave it out.",
    )


def steps_of(series: Series, told: Iterable[Step], window: tuple[float, float]) -> list[Step]:
    """Return the steps of a station: those that are told, changes of its antenna's height, and jumps.

    Parameters
    ----------
    series : Series
    told : iterable of Step
    window : (float, float)
        Modified Julian dates between which jumps are looked for.
    """
    days = series.days
    changed = np.flatnonzero(np.diff(series.antenna))
    antenna = [Step(float(days[n] + 1), float(days[n + 1]), EQUIPMENT) for n in changed]
    known = [*told, *antenna]
    inside = (days >= window[0] - 1) & (days <= window[1])
    seen = _jumps(days[inside], series.positions[inside], series.sigmas[inside])
    return [*known, *(one for one in seen if not any(_together(one, other) for other in known))]


def _together(one: Step, other: Step) -> bool:
    return one.start <= other.stop + 1 and other.start <= one.stop + 1


def _jumps(days: NDArray[np.int64], positions: NDArray[np.float64], sigmas: NDArray[np.float64]) -> list[Step]:
    """Return where the medians of some days before and after differ by far more than they do elsewhere."""
    places, sizes = [], []
    for first in range(1, len(days)):
        before = slice(max(0, first - _SIDE), first)
        before = slice(before.start + int(np.sum(days[before] < days[first] - _WITHIN)), first)
        after = slice(first, first + _SIDE)
        after = slice(first, first + int(np.sum(days[after] <= days[first - 1] + _WITHIN)))
        if min(before.stop - before.start, after.stop - after.start) >= _SIDE - 1:
            places.append(first)
            sizes.append(np.median(positions[after], axis=0) - np.median(positions[before], axis=0))
    if not places:
        return []
    differences = np.array(sizes)
    usual = np.median(differences, axis=0)
    scatter = 1.4826 * np.median(np.abs(differences - usual), axis=0)
    least = np.maximum(_CERTAIN * scatter, _FORMAL * np.median(sigmas, axis=0))
    at_once = np.diff(positions, axis=0)[np.array(places) - 1]
    sudden = np.sign(differences) * at_once >= _AT_ONCE * np.abs(differences)
    excess = np.max(np.where(sudden, np.abs(differences - usual) / least, 0.0), axis=1)
    found = []
    while excess.size and excess.max() > 1:
        largest = int(np.argmax(excess))
        first = places[largest]
        found.append(Step(float(days[first - 1] + 1), float(days[first]), JUMP))
        excess[np.abs(np.array(places) - first) <= _SIDE] = 0
    return found
