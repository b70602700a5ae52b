"""Orbit files: choosing the one that serves an acquisition, by what is in it; local ones, or from the archive."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from dinsar_cli.download import Source, fetch_all
from dinsar_cli.errors import NetworkError, NoDataError, UsageError
from dinsar_cli.managers.orbitarchive import BUCKET, find_orbit
from dinsar_cli.orbitfile import ORBIT_KINDS, read_orbit_file
from dinsar_cli.workspace import human_bytes, make_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dinsar_cli.download import Transfer
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
_POEORB_AFTER = timedelta(days=21)
_OTHER_SATELLITE = "these are"
_OTHER_TIME = "another time"
_FORMAT = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True)
class OrbitChoice:
    """The orbit file chosen for an acquisition.

    Attributes
    ----------
    path : Path
        The file; where it will be, if it is in the archive.
    kind : str
        ``POEORB``, ``RESORB`` or ``PREORB``.
    mission : str
        ``S1A`` to ``S1D``.
    start, stop : datetime
        Span of the file's state vectors; of its validity by its name, if it is in the archive (UTC, aware).
    url : str
        Where `OrbitManager.fetch` gets it; empty for a local file.
    size : int
        Bytes to get.
    needed : tuple of datetime or None
        Span that a file from the archive must turn out to cover.
    """

    path: Path
    kind: str
    mission: str
    start: datetime
    stop: datetime
    url: str = ""
    size: int = 0
    needed: tuple[datetime, datetime] | None = None

    @property
    def summary(self) -> str:
        """One line for people: what it is, and where it comes from."""
        origin = f"from {BUCKET} ({human_bytes(self.size)})" if self.url else f"in {self.path.parent}"
        return f"{self.path.name} {origin}"


@dataclass(frozen=True)
class _Span:
    """A satellite and a time: of a scene with its margins, or what the name of an orbit file says."""

    mission: str
    start: datetime
    stop: datetime
    kind: str = ""


class OrbitManager:
    """Chooses among local orbit files, or gets them from the public archive.

    Parameters
    ----------
    folder : Path or None
        A folder of EOF files (as such, or zipped), or one such file; None takes the archive.
    cache : Path, optional
        Cache folder; files from the archive go to ``orbits/`` in it.
    kind : str
        ``poeorb`` or ``resorb`` for this kind alone, or ``auto`` for the best that there is.
    """

    def __init__(self, folder: Path | None, cache: Path | None = None, kind: str = "auto") -> None:
        if folder is None and cache is None:
            raise ValueError("orbit files from the archive need a cache")
        self._given = folder
        self._cache = None if cache is None else cache / "orbits"
        self._kinds = ORBIT_KINDS if kind == "auto" else (kind.upper(),)

    def plan(self, mission: str, start: datetime, stop: datetime) -> OrbitChoice:
        """Choose the best orbit file for an acquisition. Writes nothing.

        Only files of the satellite that cover the acquisition with a minute at both ends qualify. Among them
        a more accurate kind goes first (POEORB, RESORB, PREORB), then the newest. File names only serve to
        skip files that cannot qualify; what is in a file decides. Without a folder of the user's, the archive is
        asked for a kind that the cache does not have.

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
        NetworkError
            If the archive has to be asked and does not answer.
        """
        margin = timedelta(seconds=MARGIN_S)
        needed = _Span(mission, start - margin, stop + margin)
        choice = self._from_archive(needed) if self._given is None else self._local(self._given, needed)
        logger.info("orbit file for %s at %s: %s (%s)", mission, start.isoformat(), choice.summary, choice.kind)
        return choice

    def fetch(self, choice: OrbitChoice, progress: Callable[[Transfer], None] | None = None) -> OrbitFile:
        """Read the chosen orbit file, after getting it if it is in the archive.

        Raises
        ------
        UsageError, NoDataError
            If the file can no longer be read, is not the one that was chosen, or does not hold what its name says.
        NetworkError
            If it cannot be had from the archive.
        """
        if choice.url:
            return _download(choice, progress)
        orbit_file = read_orbit_file(choice.path)
        found = _choice(orbit_file)
        if found != choice:
            raise NoDataError(
                f"The orbit file {choice.path} has changed since it was chosen.",
                f"It was {_describe(choice)} and is now {_describe(found)}.",
                "Run the command again.",
            )
        return orbit_file

    def _local(self, folder: Path, needed: _Span) -> OrbitChoice:
        """Choose among the files of a folder."""
        good, refused = self._sort(_candidates(folder), needed)
        if not good:
            raise _nothing_local(folder, needed, refused)
        return _choice(min(good, key=_preference))

    def _sort(self, paths: list[Path], needed: _Span) -> tuple[list[OrbitFile], list[tuple[Path, str]]]:
        """Tell files that serve from those that do not, with the reason."""
        good: list[OrbitFile] = []
        refused: list[tuple[Path, str]] = []
        for path in paths:
            found = _examine(path, needed)
            if isinstance(found, str):
                refused.append((path, found))
            elif found.kind not in self._kinds:
                refused.append((path, f"it is a {found.kind}, orbits.kind asks for {self._kinds[0]}"))
            else:
                good.append(found)
        for path, reason in refused:
            logger.debug("orbit file %s not used: %s", path.name, reason)
        return good, refused

    def _from_archive(self, needed: _Span) -> OrbitChoice:
        """Choose from the cache and the archive: of a kind that is in the cache, the archive is not asked."""
        folder = self._archive_folder
        cached, _ = self._sort(_candidates(folder) if folder.is_dir() else [], needed)
        cached.sort(key=_preference)
        margin = timedelta(seconds=MARGIN_S)
        for kind in (kind for kind in ("POEORB", "RESORB") if kind in self._kinds):
            if cached and cached[0].kind == kind:
                return _choice(cached[0])
            try:
                listed = find_orbit(kind, needed.mission, needed.start + margin, needed.stop - margin, margin)
            except NetworkError as error:
                if not cached:
                    raise
                logger.warning(
                    "The archive cannot be asked for a %s orbit (%s): %s is used.",
                    kind,
                    error.cause.rstrip("."),
                    cached[0].path.name,
                )
                return _choice(cached[0])
            if listed is not None:
                path = folder / listed.name
                span = (needed.start, needed.stop)
                return OrbitChoice(
                    path, kind, needed.mission, listed.start, listed.stop, listed.url, listed.size, span
                )
        raise _nothing_in_archive(needed, self._kinds)

    @property
    def _archive_folder(self) -> Path:
        if self._cache is None:
            raise ValueError("orbit files from the archive need a cache")
        return self._cache


def _download(choice: OrbitChoice, progress: Callable[[Transfer], None] | None) -> OrbitFile:
    """Get a file from the archive, unless it is there, and make sure that it serves."""
    first, last = choice.needed or (choice.start, choice.stop)
    needed = _Span(choice.mission, first, last, choice.kind)
    found = _examine(choice.path, needed) if choice.path.is_file() else ""
    if isinstance(found, str):
        # One that is there and damaged would be taken for complete.
        choice.path.unlink(missing_ok=True)
        make_folder(choice.path.parent)
        fetch_all([Source(choice.url, choice.path, choice.size or None)], progress=progress)
        found = _examine(choice.path, needed)
    if isinstance(found, str):
        choice.path.unlink(missing_ok=True)
        raise NoDataError(
            f"The orbit file {choice.path.name} of the archive cannot be used.",
            f"{found[0].upper()}{found[1:]}.",
            "Run the command again later, or give another orbit file with --orbits.",
        )
    return found


def _choice(orbit_file: OrbitFile) -> OrbitChoice:
    return OrbitChoice(orbit_file.path, orbit_file.kind, orbit_file.mission, orbit_file.start, orbit_file.stop)


def _candidates(folder: Path) -> list[Path]:
    """Return what may be orbit files, sorted by name."""
    try:
        if folder.is_file():
            return [folder]
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise UsageError(
            f"The orbit folder {folder} cannot be read.",
            f"{error.strerror or error}.",
            "Give --orbits an existing folder of Sentinel-1 EOF files, or one such file.",
        ) from error
    return [path for path in entries if path.is_file() and _looks_like_orbit(path.name)]


def _nothing_local(folder: Path, needed: _Span, refused: list[tuple[Path, str]]) -> NoDataError:
    if not refused:
        found = "It has no orbit file: nothing ends in .EOF or .EOF.zip."
    else:
        # What nearly fits is the most telling: files of other satellites and times come last.
        ranked = sorted(refused, key=lambda item: item[1].startswith((_OTHER_SATELLITE, _OTHER_TIME)))
        lines = [f"{path.name}: {reason}" for path, reason in ranked[:_LISTED]]
        if len(ranked) > _LISTED:
            lines.append(f"and {len(ranked) - _LISTED} more")
        found = f"Found: {'; '.join(lines)}."
    return NoDataError(
        f"{folder} has no orbit file for the {needed.mission} scene of {_scene(needed)} UTC.",
        f"Orbits from {needed.start:{_FORMAT}} to {needed.stop:{_FORMAT}} UTC are needed. {found}",
        f"Put the POEORB (out 20 days after the scene) or the RESORB file of {needed.mission} there, or leave "
        "--orbits out: they then come from the public archive.",
    )


def _nothing_in_archive(needed: _Span, kinds: tuple[str, ...]) -> NoDataError:
    wanted = " or ".join(kind for kind in kinds if kind != "PREORB")
    return NoDataError(
        f"The archive has no {wanted} file for the {needed.mission} scene of {_scene(needed)} UTC.",
        f"None in {BUCKET} covers {needed.start:{_FORMAT}} to {needed.stop:{_FORMAT}} UTC. A RESORB comes some "
        f"hours after the scene, the POEORB about {needed.stop + _POEORB_AFTER:%Y-%m-%d}.",
        "Wait for it, or give orbit files with --orbits.",
    )


def _scene(needed: _Span) -> str:
    return f"{needed.start + timedelta(seconds=MARGIN_S):{_FORMAT}}"


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
