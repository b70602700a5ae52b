"""All stations that a user gives: daily positions, folders of them, tables of motion; and the frame they are in."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

from dinsar_cli.errors import UsageError
from dinsar_cli.gnss.motion import DAYS, motion_between
from dinsar_cli.gnss.station import Station, Unmeasured
from dinsar_cli.gnss.steps import Step, event_step, is_step_list, read_steps
from dinsar_cli.gnss.table import read_table
from dinsar_cli.gnss.tenv3 import files_in, read_series

ASSUMED = (0.003, 0.003, 0.009)
"""Standard deviations (m) of a table that tells none: those of differences of single days are 1 and 4 mm, and what
days in a row share comes to it."""
_FRAME = re.compile(r"IGS\d\d|IGb?\d\d|ITRF\d{2,4}", re.IGNORECASE)
_PLATE = re.compile(r"[.](?!IGS|ITRF)([A-Z]{2})$")


@dataclass(frozen=True)
class Stations:
    """Stations that moved, those of which that is not known, and their frame.

    Attributes
    ----------
    measured : tuple of Station
    unmeasured : tuple of Unmeasured
    frame : str
        Name of the frame of reference, like ``IGS14``, or ``plate NA`` for one that moves with a plate; empty where
        neither names of files and folders nor the files tell it.
    daily : bool
        Whether motion is interpolated from daily positions.
    assumed : bool
        Whether standard deviations are `ASSUMED`, because a table has none.
    """

    measured: tuple[Station, ...]
    unmeasured: tuple[Unmeasured, ...]
    frame: str
    daily: bool
    assumed: bool


def station_files(paths: Sequence[Path]) -> tuple[list[Path], list[Path], list[Path]]:
    """Return the files of daily positions, the tables, and the lists of steps, among files and folders.

    Raises
    ------
    UsageError
        When a path is not there, or a folder has no daily positions.
    """
    daily: list[Path] = []
    tables: list[Path] = []
    lists: list[Path] = []
    for path in paths:
        if not path.exists():
            raise UsageError(
                f"{path} is not there.", "There is no such file or folder.", "Correct reference_gnss.files."
            )
        if path.is_dir():
            found = files_in(path)
            if not found:
                raise UsageError(
                    f"{path} has no daily positions of GNSS stations.",
                    "No file in it ends in .tenv3.",
                    "Give the folder with the .tenv3 of the Nevada Geodetic Laboratory, or the table itself.",
                )
            daily += found
            lists += [one for one in sorted(path.iterdir()) if is_step_list(one)]
        elif is_step_list(path):
            lists.append(path)
        elif found := files_in(path):
            daily += found
        else:
            tables.append(path)
    return daily, tables, lists


def read_stations(
    paths: Sequence[Path],
    moments: tuple[datetime, datetime],
    *,
    unit: str = "m",
    days: int = DAYS,
    event: date | datetime | None = None,
) -> Stations:
    """Return how stations moved between two moments.

    Parameters
    ----------
    paths : sequence of Path
        Files and folders.
    moments : (datetime, datetime)
        Both acquisitions, UTC. The motion of a table is taken as that between them.
    unit : str
        Of tables: a key of `UNITS`.
    days : int
        See `motion_between`.
    event : date or datetime, optional
        An earthquake (UTC): no line is fitted across it.

    Raises
    ------
    UsageError
        When a file is not what it should be, a station is there twice, or the files are in several frames.
    """
    daily, tables, lists = station_files(paths)
    steps = [read_steps(path) for path in lists]
    every = [] if event is None else [event_step(event)]
    found: list[Station | Unmeasured] = []
    for path in daily:
        for series in read_series(path):
            known = [step for told in steps for step in told.get(series.name, [])]
            found.append(motion_between(series, moments, _without_copies(every, known), days))
    assumed = False
    for path in tables:
        measured, unmeasured = read_table(path, unit)
        assumed |= any(one.sigma is None for one in measured)
        found += [one if one.sigma else replace(one, sigma=ASSUMED) for one in measured]
        found += unmeasured
    check_once([one.name for one in found])
    return Stations(
        tuple(one for one in found if isinstance(one, Station)),
        tuple(one for one in found if isinstance(one, Unmeasured)),
        _frame([*daily, *tables]),
        bool(daily),
        assumed,
    )


def check_once(names: Iterable[str]) -> None:
    """Refuse stations that are given twice.

    Raises
    ------
    UsageError
    """
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise UsageError(
            "There are GNSS stations twice.",
            f"Several files or lines have {', '.join(twice[:8])}.",
            "Keep one file of each station.",
        )


def _without_copies(every: Iterable[Step], known: Sequence[Step]) -> list[Step]:
    """Return the steps of an event and those of a station, without its day's copy of the event."""
    sure = list(every)
    return sure + [
        one
        for one in known
        if not any(one.kind == other.kind and one.start <= other.start <= one.stop for other in sure)
    ]


def _frame(files: Sequence[Path]) -> str:
    """Return the frame that the names of files and their folders tell; empty where none do.

    Raises
    ------
    UsageError
        When they are in several.
    """
    told = {path: _frame_of(path) for path in files}
    frames = sorted({frame for frame in told.values() if frame})
    if len(frames) > 1:
        one, other = (next(path for path, frame in told.items() if frame == name) for name in frames[:2])
        raise UsageError(
            "The stations are in several frames of reference.",
            f"{one} is in {frames[0]}, and {other} in {frames[1]}: between them plates move by centimetres a year.",
            "Give all stations in one frame.",
        )
    return frames[0] if frames else ""


def _frame_of(path: Path) -> str:
    """Return the frame of a file: ABCD.NA.tenv3 moves with a plate, IGS14/ABCD.tenv3 does not."""
    if plate := _PLATE.search(path.stem):
        return f"plate {plate[1]}"
    found = _FRAME.search(path.name) or _FRAME.search(path.parent.name)
    return found[0].upper() if found else ""
