"""Orbit files: choosing the one that serves an acquisition, by what is in it."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.orbitfile import ORBIT_KINDS, read_orbit_file

if TYPE_CHECKING:
    from pathlib import Path

    from dinsar_cli.orbitfile import OrbitFile

logger = logging.getLogger(__name__)

MARGIN_S = 60.0
"""Seconds that an orbit file must reach beyond an acquisition at both ends (sentineleof's convention)."""

_NAME = re.compile(
    r"(?P<mission>S1[A-Z])_(?P<file_class>\w{4})_AUX_(?P<kind>[A-Z]{3}ORB)_(?P<centre>\w{4})"
    r"_(?P<created>\d{8}T\d{6})_V(?P<start>\d{8}T\d{6})_(?P<stop>\d{8}T\d{6})"
)
# File names have whole seconds only, and a name never decides against a file that may just do.
_NAME_TOLERANCE = timedelta(seconds=1)
_LISTED = 10
_OTHER_SATELLITE = "these are"
_OTHER_TIME = "another time"
_FORMAT = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True)
class OrbitChoice:
    """The orbit file chosen for an acquisition.

    Attributes
    ----------
    path : Path
        The file.
    kind : str
        ``POEORB``, ``RESORB`` or ``PREORB``.
    mission : str
        ``S1A`` to ``S1D``.
    start, stop : datetime
        Span of the file's state vectors (UTC, aware).
    """

    path: Path
    kind: str
    mission: str
    start: datetime
    stop: datetime


@dataclass(frozen=True)
class _Span:
    """A satellite and a time: of a scene with its margins, or what the name of an orbit file says."""

    mission: str
    start: datetime
    stop: datetime
    kind: str = ""


class OrbitManager:
    """Chooses among local orbit files.

    Parameters
    ----------
    folder : Path
        A folder of EOF files (as such, or zipped), or one such file.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def plan(self, mission: str, start: datetime, stop: datetime) -> OrbitChoice:
        """Choose the best orbit file for an acquisition.

        Only files of the satellite that cover the acquisition with a minute at both ends qualify. Among them
        a more accurate kind goes first (POEORB, RESORB, PREORB), then the newest. File names only serve to
        skip files that cannot qualify; what is in a file decides.

        Parameters
        ----------
        mission : str
            ``S1A`` to ``S1D``.
        start, stop : datetime
            Acquisition (UTC, aware).

        Returns
        -------
        OrbitChoice

        Raises
        ------
        UsageError
            If the folder does not exist or cannot be listed.
        NoDataError
            If no file qualifies; the message says for each file why.
        """
        good: list[OrbitFile] = []
        refused: list[tuple[Path, str]] = []
        margin = timedelta(seconds=MARGIN_S)
        needed = _Span(mission, start - margin, stop + margin)
        for path in self._candidates():
            found = _examine(path, needed)
            if isinstance(found, str):
                refused.append((path, found))
            else:
                good.append(found)
        for path, reason in refused:
            logger.debug("orbit file %s not used: %s", path.name, reason)
        if not good:
            raise self._nothing_found(needed, refused)
        best = min(good, key=_preference)
        logger.info("orbit file for %s at %s: %s (%s)", mission, start.isoformat(), best.path.name, best.kind)
        return OrbitChoice(best.path, best.kind, best.mission, best.start, best.stop)

    def fetch(self, choice: OrbitChoice) -> OrbitFile:
        """Read the chosen orbit file.

        Raises
        ------
        UsageError, NoDataError
            If the file can no longer be read, or is not the one that was chosen.
        """
        orbit_file = read_orbit_file(choice.path)
        found = OrbitChoice(orbit_file.path, orbit_file.kind, orbit_file.mission, orbit_file.start, orbit_file.stop)
        if found != choice:
            raise NoDataError(
                f"The orbit file {choice.path} has changed since it was chosen.",
                f"It was {_describe(choice)} and is now {_describe(found)}.",
                "Run the command again.",
            )
        return orbit_file

    def _candidates(self) -> list[Path]:
        """Return what may be orbit files, sorted by name."""
        try:
            if self._folder.is_file():
                return [self._folder]
            entries = sorted(self._folder.iterdir())
        except OSError as error:
            raise UsageError(
                f"The orbit folder {self._folder} cannot be read.",
                f"{error.strerror or error}.",
                "Give --orbits an existing folder of Sentinel-1 EOF files, or one such file.",
            ) from error
        return [path for path in entries if path.is_file() and _looks_like_orbit(path.name)]

    def _nothing_found(self, needed: _Span, refused: list[tuple[Path, str]]) -> NoDataError:
        if not refused:
            found = "It has no orbit file: nothing ends in .EOF or .EOF.zip."
        else:
            # What nearly fits is the most telling: files of other satellites and times come last.
            ranked = sorted(refused, key=lambda item: item[1].startswith((_OTHER_SATELLITE, _OTHER_TIME)))
            lines = [f"{path.name}: {reason}" for path, reason in ranked[:_LISTED]]
            if len(ranked) > _LISTED:
                lines.append(f"and {len(ranked) - _LISTED} more")
            found = f"Found: {'; '.join(lines)}."
        scene = needed.start + timedelta(seconds=MARGIN_S)
        return NoDataError(
            f"{self._folder} has no orbit file for the {needed.mission} scene of {scene:{_FORMAT}} UTC.",
            f"Orbits from {needed.start:{_FORMAT}} to {needed.stop:{_FORMAT}} UTC are needed. {found}",
            f"Put the POEORB (out 20 days after the scene) or the RESORB file of {needed.mission} there.",
        )


def _looks_like_orbit(name: str) -> bool:
    upper = name.upper()
    return upper.endswith((".EOF", ".EOF.ZIP")) or (upper.endswith(".ZIP") and _NAME.match(upper) is not None)


def _examine(path: Path, needed: _Span) -> OrbitFile | str:
    """Return the orbit file if it serves the scene, else why not."""
    name = _parse_name(path.name)
    if name is not None:
        hopeless = _mismatch(name, needed, _NAME_TOLERANCE)
        if hopeless:
            return hopeless
    try:
        orbit_file = read_orbit_file(path)
    except (UsageError, NoDataError) as error:
        return error.cause.rstrip(".")
    if name is not None and (name.mission, name.kind) != (orbit_file.mission, orbit_file.kind):
        return f"its name says {name.mission} {name.kind}, its content is {orbit_file.mission} {orbit_file.kind}"
    return _mismatch(orbit_file, needed) or orbit_file


def _mismatch(found: _Span | OrbitFile, needed: _Span, tolerance: timedelta = timedelta(0)) -> str:
    """Say why orbits of one satellite and time do not serve a scene; empty if they do."""
    if found.mission != needed.mission:
        return f"{_OTHER_SATELLITE} {found.mission} orbits, the scene is {needed.mission}"
    if found.start <= needed.start + tolerance and needed.stop - tolerance <= found.stop:
        return ""
    apart = found.stop < needed.start or found.start > needed.stop
    return f"{_OTHER_TIME if apart else 'covers only part'}, {found.start:{_FORMAT}} to {found.stop:{_FORMAT}}"


def _parse_name(name: str) -> _Span | None:
    match = _NAME.match(name)
    if match is None:
        return None
    try:
        start, stop = (
            datetime.strptime(match[key], "%Y%m%dT%H%M%S").replace(tzinfo=UTC) for key in ("start", "stop")
        )
    except ValueError:
        return None
    return _Span(match["mission"], start, stop, match["kind"])


def _preference(orbit_file: OrbitFile) -> tuple[int, float, str]:
    """Sort key: accurate kinds first, then the newest, then by name so that the choice is reproducible."""
    created = orbit_file.created.timestamp() if orbit_file.created else 0.0
    return ORBIT_KINDS.index(orbit_file.kind), -created, orbit_file.path.name


def _describe(choice: OrbitChoice) -> str:
    return f"{choice.mission} {choice.kind}, {choice.start:{_FORMAT}} to {choice.stop:{_FORMAT}} UTC"
