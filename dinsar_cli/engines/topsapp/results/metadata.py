"""What a topsApp folder tells of its pair: dates, wavelength, looks, baseline.

The descriptions of the subswaths (``IWn.xml``) tell all of it. Where those of a date are gone, the ascending node
time in ``topsProc.xml`` still orders the dates, and gives the day unless midnight may lie between node and scene.
The input files of topsApp are not asked: they may have been edited after the run. Its states (``PICKLE``) are not
either: to read them is to run them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from dinsar_cli.base.user_files import XML_BYTES, read_bytes
from dinsar_cli.config.model import Looks
from dinsar_cli.engines.topsapp.results.names import OLD_DATE_NAMES, date_names
from dinsar_cli.engines.topsapp.results.swaths import IsceSwath, first_start, has_swaths, read_swaths
from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.sentinel1.annotation_check import RADAR_FREQUENCY
from dinsar_cli.sentinel1.subswath import SPEED_OF_LIGHT

_REFERENCE_TIMED = ("fine_interferogram", "fine_coreg")  # their bursts have the times of topsApp's reference
_WAVELENGTH = SPEED_OF_LIGHT / RADAR_FREQUENCY  # m
_ORBIT_PERIOD = timedelta(minutes=99)  # of Sentinel-1, rounded up: a scene is at most that long after the node


@dataclass(frozen=True)
class Stated:
    """What the user states of a pair.

    Attributes
    ----------
    reference, secondary : date or None
        Dates of topsApp's reference and secondary, as topsApp was given them.
    wavelength : float or None
        Metres.
    """

    reference: date | None = None
    secondary: date | None = None
    wavelength: float | None = None


@dataclass(frozen=True)
class Moment:
    """When an acquisition was made: UTC; `exact` if it is the sensing start and not only the day."""

    time: datetime
    exact: bool

    @property
    def text(self) -> str:
        """The time, or only the day: ISO 8601."""
        return self.time.isoformat() if self.exact else self.time.date().isoformat()


@dataclass(frozen=True)
class PairFacts:
    """What is known of a pair.

    Attributes
    ----------
    reference, secondary : Moment
        Of topsApp's reference and secondary, whichever is the later one.
    wavelength : float
        Metres.
    looks : Looks or None
        That topsApp's own geocoding noted; None where it did not run or its notes are gone.
    baseline : float
        Perpendicular baseline that topsApp noted, metres, with the earlier date as reference; NaN where its notes
        are gone.
    """

    reference: Moment
    secondary: Moment
    wavelength: float
    looks: Looks | None
    baseline: float

    @property
    def backwards(self) -> bool:
        """Whether topsApp's reference is the later date, so that its phase has the other sign."""
        return self.reference.time > self.secondary.time

    @property
    def dates(self) -> tuple[str, str]:
        """The earlier and the later date."""
        pair = self.reference.text, self.secondary.text
        return (pair[1], pair[0]) if self.backwards else pair


def read_pair(folder: Path, stated: Stated) -> PairFacts:
    """Find out what is known of the pair of a topsApp folder.

    Parameters
    ----------
    folder : Path
        Where topsApp ran.
    stated : Stated
        What the user states; it fills in what the folder does not tell, and must not contradict it.

    Raises
    ------
    EngineError
        When a description of a subswath is damaged.
    NoDataError
        When dates or wavelength are not known, or both dates are the same.
    UsageError
        When the user states something else than the folder.
    """
    notes = _read_notes(folder / "topsProc.xml")
    names = _names(folder, notes)
    swaths = {name: read_swaths(folder / name) for name in (*names, *_REFERENCE_TIMED) if has_swaths(folder / name)}
    reference_swaths = next((swaths[name] for name in (names[0], *_REFERENCE_TIMED) if name in swaths), None)
    reference = _moment(reference_swaths, notes, names[0], stated.reference, "--reference-date")
    secondary = _moment(swaths.get(names[1]), notes, names[1], stated.secondary, "--secondary-date")
    if reference.time == secondary.time:
        raise NoDataError(
            f"{folder} has no pair of dates.",
            f"Its reference and its secondary are both of {reference.text}.",
            "Give a folder of two dates, or correct --reference-date and --secondary-date.",
        )
    baseline = _baseline(notes)
    return PairFacts(
        reference,
        secondary,
        _wavelength(folder, list(swaths.values()), stated.wavelength),
        _looks(notes),
        -baseline if reference.time > secondary.time else baseline,
    )


def _names(folder: Path, notes: str) -> tuple[str, str]:
    """Tell how topsApp calls both dates; where their folders are gone, its notes tell."""
    names = date_names(folder)
    noted = [one for one in (names, OLD_DATE_NAMES) if all(f"<{name}>" in notes for name in one)]
    there = any((folder / name).is_dir() for name in names)
    return noted[0] if noted and not there else names


def _read_notes(path: Path) -> str:
    """Give text of topsApp's notes of a run: they are not well-formed XML, so that they are searched as text."""
    return read_bytes(path, XML_BYTES).decode("utf-8", "replace") if path.is_file() else ""


def _moment(swaths: Sequence[IsceSwath] | None, notes: str, name: str, stated: date | None, option: str) -> Moment:
    if swaths:
        found = Moment(first_start(swaths), exact=True)
    elif node := _node_time(notes, name):
        found = _from_node(node, stated, name, option)
    elif stated:
        return _of_day(stated)
    else:
        raise NoDataError(
            f"The date of topsApp's {name} is not known.",
            f"{name}/IWn.xml are gone, and topsProc.xml does not tell it; without it the sign is not sure either.",
            f"State it as topsApp was given it: {option} YYYY-MM-DD.",
        )
    if stated and stated != found.time.date():
        raise UsageError(
            f"{option} {stated} is not what the folder tells.",
            f"topsApp's {name} is of {found.time:%Y-%m-%d}.",
            f"Leave {option} away, or give the folder of the dates that you mean.",
        )
    return found


def _of_day(day: date) -> Moment:
    return Moment(datetime(day.year, day.month, day.day, tzinfo=UTC), exact=False)


def _node_time(notes: str, name: str) -> datetime | None:
    """Ascending node time of a date."""
    section = re.search(rf"<{name}>(.*?)</{name}>", notes, re.DOTALL)
    found = section and re.search(r"<ascendingnodetime>\s*(\S+ \S+?)\s*<", section[1])
    if not found:
        return None
    try:
        return datetime.fromisoformat(found[1]).replace(tzinfo=UTC)
    except ValueError:
        return None


def _from_node(node: datetime, stated: date | None, name: str, option: str) -> Moment:
    """Return the day of an acquisition, up to one orbit after the ascending node."""
    days = node.date(), (node + _ORBIT_PERIOD).date()
    if days[0] == days[1] or stated == days[0]:
        return _of_day(days[0])
    if stated == days[1]:
        return _of_day(days[1])
    raise NoDataError(
        f"The date of topsApp's {name} is not known.",
        f"{name}/IWn.xml are gone, and by topsProc.xml it may be {days[0]} or {days[1]}.",
        f"State which: {option} YYYY-MM-DD.",
    )


def _wavelength(folder: Path, described: Sequence[Sequence[IsceSwath]], stated: float | None) -> float:
    if not described and stated is None:
        raise NoDataError(
            f"The wavelength of {folder} is not known.",
            "It is in the files IWn.xml of reference, secondary, fine_interferogram and fine_coreg; none is there.",
            "Keep one of those files, or state the radar wavelength in metres: --wavelength METRES.",
        )
    if not described and stated is not None:
        if not _is_wavelength(stated):
            raise UsageError(
                f"--wavelength {stated:g} is not that of Sentinel-1.",
                f"It is {_WAVELENGTH:.6f}, in metres.",
                f"Give it in metres: --wavelength {_WAVELENGTH:.6f}",
            )
        return stated
    wavelengths = [burst.wavelength for swaths in described for swath in swaths for burst in swath.bursts]
    found = wavelengths[0]
    wrong = [one for one in wavelengths if not (_is_wavelength(one) and math.isclose(one, found, rel_tol=1e-6))]
    if wrong:
        raise NoDataError(
            f"The wavelength of {folder} cannot be believed.",
            f"radarwavelength is {wrong[0]!r} m in one of its files IWn.xml and {found!r} m in the first; that of "
            f"Sentinel-1 is {_WAVELENGTH:.6f} m.",
            "Let topsApp make the folder again from undamaged products.",
        )
    if stated is not None and not math.isclose(stated, found, rel_tol=1e-4):
        raise UsageError(
            f"--wavelength {stated:g} is not what the folder tells.",
            f"topsApp had {found!r} m.",
            "Leave --wavelength away.",
        )
    return found


def _is_wavelength(metres: float) -> bool:
    return math.isclose(metres, _WAVELENGTH, rel_tol=1e-3)


def _looks(notes: str) -> Looks | None:
    found = [re.search(rf"<{name}_looks>\s*(\d+)\s*<", notes) for name in ("Range", "Azimuth")]
    numbers = [int(match[1]) for match in found if match]
    try:
        return Looks(*numbers) if len(numbers) == len(found) else None
    except ValueError:
        return None


def _baseline(notes: str) -> float:
    """Mean of the perpendicular baselines of the first and the last common burst of each subswath."""
    number = r"-?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?"
    found = re.findall(rf"Bperp_at_midrange_for_(?:first|last)_common_burst>\s*({number})\s*<", notes)
    values = [float(text) for text in found]
    return sum(values) / len(values) if values else math.nan
