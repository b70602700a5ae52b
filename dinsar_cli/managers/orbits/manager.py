"""Orbit files: choosing the one that serves an acquisition, by what is in it; local ones, or from the archive."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from dinsar_cli.base.disk import human_bytes
from dinsar_cli.base.file_notes import NOTES, is_spoiled, known_of
from dinsar_cli.base.files import file_mark, make_folder
from dinsar_cli.errors import DinsarError, NetworkError, NoDataError, UsageError
from dinsar_cli.managers.orbits import dataspace
from dinsar_cli.managers.orbits.asf_bucket import BUCKET, Bucket, ListedOrbit
from dinsar_cli.managers.orbits.span import (
    FORMAT,
    MARGIN_S,
    NAME,
    NAME_TOLERANCE,
    OTHER_SATELLITE,
    OTHER_TIME,
    Span,
    mismatch,
    parse_name,
)
from dinsar_cli.net.credentials import DATASPACE_ADVICE, find_dataspace_account
from dinsar_cli.net.download import Source, Transfer, fetch_all
from dinsar_cli.sentinel1.orbit_file import ORBIT_KINDS, OrbitFile, read_orbit_file

logger = logging.getLogger(__name__)

_LISTED = 10
_MOST_DEPTH = 8  # folders in folders: SNAP has Orbits/Sentinel-1/POEORB/S1A/2023/09
_MOST_ENTRIES = 200_000
_WITH_ACCOUNT = f"With an account, orbit files are looked for in {dataspace.NAME} too"
_NO_FILE = "It has no orbit file: nothing ends in .EOF or .EOF.zip."
_LEAVE_OUT = "leave --orbits out: they then come from the public archive"
_POEORB_AFTER = timedelta(days=21)


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
    content : OrbitFile or None
        What is in a local file; None of one that is in the archive.
    mark : list
        Size and time of change of a local file when it was read.
    """

    path: Path
    kind: str
    mission: str
    start: datetime
    stop: datetime
    url: str = ""
    size: int = 0
    needed: tuple[datetime, datetime] | None = None
    content: OrbitFile | None = field(default=None, compare=False, repr=False)
    mark: list[object] = field(default_factory=list, compare=False, repr=False)

    @property
    def summary(self) -> str:
        """One line for people: what it is, and where it comes from."""
        source = dataspace.NAME if dataspace.is_delivered(self.url) else BUCKET
        origin = f"from {source} ({human_bytes(self.size)})" if self.url else f"in {self.path.parent}"
        return f"{self.path.name} {origin}"

    @property
    def origin(self) -> str:
        """Address that the file comes from, or came from when it was fetched; empty for a file of the user's."""
        noted = known_of(self.path, self.path.parent / NOTES) if self.path.is_file() else {}
        return str(noted.get("url", self.url))


class OrbitManager:
    """Chooses among local orbit files, or gets them from the archives.

    The public bucket is asked first. What it does not have, or cannot be asked for, is looked for in the Copernicus
    Data Space when there is an account for it.

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
        self._bucket = Bucket()
        self._kinds = ORBIT_KINDS if kind == "auto" else (kind.upper(),)

    def check(self) -> None:
        """Make sure that a folder of the user's can be listed and has what may be orbit files.

        Raises
        ------
        UsageError
            If it does not exist or cannot be listed.
        NoDataError
            If nothing in it is an orbit file by its name.
        """
        if self._given is not None and not _candidates(self._given):
            raise NoDataError(
                f"{self._given} has no orbit files.", _NO_FILE, f"Put EOF files there, or {_LEAVE_OUT}."
            )

    def plan(self, mission: str, start: datetime, stop: datetime) -> OrbitChoice:
        """Choose the best orbit file for an acquisition. Writes nothing.

        Only files of the satellite that cover the acquisition with a minute at both ends qualify. Among them
        a more accurate kind goes first (POEORB, RESORB, PREORB), then the newest. File names only serve to
        skip files that cannot qualify; what is in a file decides. Without a folder of the user's, the archives are
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
            If the archives have to be asked and do not answer.
        """
        margin = timedelta(seconds=MARGIN_S)
        needed = Span(mission, start - margin, stop + margin)
        choice = self._from_archive(needed) if self._given is None else self._local(self._given, needed)
        logger.info("orbit file for %s at %s: %s (%s)", mission, start.isoformat(), choice.summary, choice.kind)
        return choice

    def fetch(self, choice: OrbitChoice, progress: Callable[[Transfer], None] | None = None) -> OrbitFile:
        """Return the chosen orbit file, after getting it if it is in the archive; a local one has been read.

        Raises
        ------
        UsageError, NoDataError
            If the file has changed and can no longer be read or is not the one that was chosen, or does not hold
            what its name says.
        CredentialsError
            If it is in the Copernicus Data Space, which does not accept the account.
        NetworkError
            If it cannot be had from the archive.
        """
        if choice.url:
            return self._get(choice, progress)
        if choice.content is not None and file_mark(choice.path) == choice.mark:
            return choice.content
        orbit_file = read_orbit_file(choice.path)
        found = _choice(orbit_file)
        if found != choice:
            raise NoDataError(
                f"The orbit file {choice.path} has changed since it was chosen.",
                f"It was {_describe(choice)} and is now {_describe(found)}.",
                "Run the command again.",
            )
        return orbit_file

    def _local(self, folder: Path, needed: Span) -> OrbitChoice:
        """Choose among the files of a folder."""
        good, refused = self._sort(_candidates(folder), needed)
        if not good:
            raise _nothing_local(folder, needed, refused)
        return min(good, key=_preference)

    def _sort(self, paths: list[Path], needed: Span) -> tuple[list[OrbitChoice], list[tuple[Path, str]]]:
        """Tell files that serve from those that do not, with the reason."""
        good: list[OrbitChoice] = []
        refused: list[tuple[Path, str]] = []
        for path in paths:
            mark = file_mark(path)
            found = _examine(path, needed)
            if isinstance(found, str):
                refused.append((path, found))
            elif found.kind not in self._kinds:
                refused.append((path, f"it is a {found.kind}, orbits.kind asks for {self._kinds[0]}"))
            else:
                good.append(replace(_choice(found), content=found, mark=mark))
        for path, reason in refused:
            logger.debug("orbit file %s not used: %s", path.name, reason)
        return good, refused

    def _from_archive(self, needed: Span) -> OrbitChoice:
        """Choose from the cache and the archives: of a kind that is in the cache, no archive is asked."""
        folder = self._archive_folder
        there, _ = self._sort(_candidates(folder) if folder.is_dir() else [], needed)
        cached = sorted((one for one in there if not is_spoiled(one.path)), key=_preference)
        kinds = [kind for kind in ("POEORB", "RESORB") if kind in self._kinds]
        failure = None
        for kind in kinds:
            if cached and cached[0].kind == kind:
                return cached[0]
            try:
                listed = self._bucket.find_orbit(kind, *needed.scene)
            except NetworkError as error:
                if not cached:
                    failure = error
                    break
                logger.warning(
                    "The archive cannot be asked for a %s orbit (%s): %s is used.",
                    kind,
                    error.cause.rstrip("."),
                    cached[0].path.name,
                )
                return cached[0]
            if listed is not None:
                return self._to_fetch(kind, listed, needed)
        return self._from_dataspace(kinds, needed, failure)

    def _from_dataspace(self, kinds: list[str], needed: Span, failure: NetworkError | None) -> OrbitChoice:
        """Choose from the Copernicus Data Space what the bucket does not have, or does not give for a failure."""
        if find_dataspace_account() is None:
            raise _without_dataspace(needed, kinds, failure)
        told = "it has none" if failure is None else failure.cause.rstrip(".")
        logger.info("no %s from %s (%s): %s is asked", " or ".join(kinds), BUCKET, told, dataspace.NAME)
        try:
            for kind in kinds:
                listed = dataspace.find_orbit(kind, *needed.scene)
                if listed is not None:
                    return self._to_fetch(kind, listed, needed)
        except NetworkError as error:
            answer = f"{error.problem.rstrip('.')}: {error.cause}"
            raise _unanswered(needed, kinds, told, answer) from error
        if failure is not None:
            raise _unanswered(needed, kinds, told, f"{dataspace.NAME} has none.")
        raise _nothing_in_archive(needed, kinds, f"{BUCKET} and {dataspace.NAME}")

    def _get(self, choice: OrbitChoice, progress: Callable[[Transfer], None] | None) -> OrbitFile:
        """Get a file from the bucket, or the same from the Copernicus Data Space when the bucket fails."""
        try:
            return _download(choice, progress)
        except (NetworkError, NoDataError) as error:
            other = _elsewhere(choice)
            if other is None:
                raise
            logger.warning("%s %s It is fetched from %s.", error.problem, error.cause, dataspace.NAME)
        return _download(other, progress)

    def _to_fetch(self, kind: str, listed: ListedOrbit, needed: Span) -> OrbitChoice:
        """Make the choice of a file that is in an archive."""
        path, span = self._archive_folder / listed.name, (needed.start, needed.stop)
        return OrbitChoice(path, kind, needed.mission, listed.start, listed.stop, listed.url, listed.size, span)

    @property
    def _archive_folder(self) -> Path:
        if self._cache is None:
            raise ValueError("orbit files from the archive need a cache")
        return self._cache


def _download(choice: OrbitChoice, progress: Callable[[Transfer], None] | None) -> OrbitFile:
    """Get a file from the archive, unless it is there, and make sure that it serves."""
    first, last = choice.needed or (choice.start, choice.stop)
    needed = Span(choice.mission, first, last, choice.kind)
    there = choice.path.is_file()
    found = _examine(choice.path, needed) if there and not is_spoiled(choice.path) else ""
    if isinstance(found, str):
        if there:
            # One that is there and damaged would be taken for complete. Where there was none, another run may just
            # have fetched it.
            choice.path.unlink(missing_ok=True)
        make_folder(choice.path.parent)
        if dataspace.is_delivered(choice.url):
            dataspace.fetch_orbit(choice.url, choice.path, progress)
        else:
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


def _elsewhere(choice: OrbitChoice) -> OrbitChoice | None:
    """Find a file of the bucket in the Copernicus Data Space; None if it is not there or cannot be asked for."""
    if choice.needed is None or dataspace.is_delivered(choice.url) or find_dataspace_account() is None:
        return None
    try:
        listed = dataspace.find_orbit(choice.kind, *Span(choice.mission, *choice.needed).scene)
    except NetworkError as error:
        logger.warning("%s %s", error.problem, error.cause)
        return None
    if listed is None or listed.name != choice.path.name:
        return None
    return replace(choice, url=listed.url, size=listed.size)


def _choice(orbit_file: OrbitFile) -> OrbitChoice:
    return OrbitChoice(orbit_file.path, orbit_file.kind, orbit_file.mission, orbit_file.start, orbit_file.stop)


def _candidates(folder: Path) -> list[Path]:
    """Return what may be orbit files, sorted by name."""
    try:
        if folder.is_file():
            return [folder]
        next(folder.iterdir(), None)
    except OSError as error:
        raise UsageError(
            f"The orbit folder {folder} cannot be read.",
            f"{error.strerror or error}.",
            "Give --orbits an existing folder of Sentinel-1 EOF files, or one such file.",
        ) from error
    return _orbits_below(folder)


def _orbits_below(folder: Path) -> list[Path]:
    """Return what may be orbit files in a folder and those in it: SNAP has them by kind, satellite and month.

    Raises
    ------
    UsageError
        When there is far more than orbit files.
    """
    found: list[Path] = []
    seen = 0
    for place, folders, names in os.walk(folder):
        if len(Path(place).relative_to(folder).parts) >= _MOST_DEPTH:
            folders.clear()
        seen += len(names) + len(folders)
        if seen > _MOST_ENTRIES:
            raise UsageError(
                f"The orbit folder {folder} has too much in it.",
                f"It and the folders in it have more than {_MOST_ENTRIES} files; all are looked through.",
                "Give --orbits the folder of Sentinel-1 EOF files itself.",
            )
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(place, name) for name in names if _looks_like_orbit(name)]
    return sorted(path for path in found if path.is_file())


def _nothing_local(folder: Path, needed: Span, refused: list[tuple[Path, str]]) -> NoDataError:
    if not refused:
        found = _NO_FILE
    else:
        # What nearly fits is the most telling: files of other satellites and times come last.
        ranked = sorted(refused, key=lambda item: item[1].startswith((OTHER_SATELLITE, OTHER_TIME)))
        lines = [f"{path.name}: {reason}" for path, reason in ranked[:_LISTED]]
        if len(ranked) > _LISTED:
            lines.append(f"and {len(ranked) - _LISTED} more")
        found = f"Found: {'; '.join(lines)}."
    return NoDataError(
        f"{folder} has no orbit file for {needed}.",
        f"Orbits from {needed.start:{FORMAT}} to {needed.stop:{FORMAT}} UTC are needed. {found}",
        f"Put the POEORB (out 20 days after the scene) or the RESORB file of {needed.mission} there, or "
        f"{_LEAVE_OUT}.",
    )


def _without_dataspace(needed: Span, kinds: list[str], failure: NetworkError | None) -> DinsarError:
    """Say that there is a second source, which wants an account."""
    hint = f"{_WITH_ACCOUNT}: {DATASPACE_ADVICE}."
    if failure is not None:
        return NetworkError(failure.problem, failure.cause, f"{failure.remedy} {hint}")
    error = _nothing_in_archive(needed, kinds, BUCKET)
    return NoDataError(error.problem, error.cause, f"{error.remedy} {hint}")


def _unanswered(needed: Span, kinds: list[str], bucket: str, other: str) -> NetworkError:
    return NetworkError(
        f"No {' or '.join(kinds)} file was found for {needed}.",
        f"{BUCKET}: {bucket}. Besides, {other}",
        "Try again later, or give orbit files with --orbits.",
    )


def _nothing_in_archive(needed: Span, kinds: list[str], where: str) -> NoDataError:
    wanted = " or ".join(kinds)
    return NoDataError(
        f"The archive has no {wanted} file for {needed}.",
        f"None in {where} covers {needed.start:{FORMAT}} to {needed.stop:{FORMAT}} UTC. A RESORB comes some "
        f"hours after the scene, the POEORB about {needed.stop + _POEORB_AFTER:%Y-%m-%d}.",
        "Wait for it, or give orbit files with --orbits.",
    )


def _looks_like_orbit(name: str) -> bool:
    upper = name.upper()
    return upper.endswith((".EOF", ".EOF.ZIP")) or (upper.endswith(".ZIP") and NAME.match(upper) is not None)


def _examine(path: Path, needed: Span) -> OrbitFile | str:
    """Return the orbit file if it serves the scene, else why not."""
    name = parse_name(path.name)
    if name is not None:
        hopeless = mismatch(name, needed, NAME_TOLERANCE)
        if hopeless:
            return hopeless
    try:
        orbit_file = read_orbit_file(path)
    except (UsageError, NoDataError) as error:
        cause = error.cause.rstrip(".")
        logger.warning("The orbit file %s is passed over: %s.", path.name, cause)
        return cause
    if name is not None and (name.mission, name.kind) != (orbit_file.mission, orbit_file.kind):
        return f"its name says {name.mission} {name.kind}, its content is {orbit_file.mission} {orbit_file.kind}"
    return mismatch(orbit_file, needed) or orbit_file


def _preference(choice: OrbitChoice) -> tuple[int, float, str]:
    """Sort key: accurate kinds first, then the newest, then by name so that the choice is reproducible."""
    created = choice.content.created if choice.content else None
    return ORBIT_KINDS.index(choice.kind), -(created.timestamp() if created else 0.0), choice.path.name


def _describe(choice: OrbitChoice) -> str:
    return f"{choice.mission} {choice.kind}, {choice.start:{FORMAT}} to {choice.stop:{FORMAT}} UTC"
