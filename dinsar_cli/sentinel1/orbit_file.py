"""Sentinel-1 orbit files (EOF): reading them, checking them, cutting a time window out of them."""

from __future__ import annotations

import re
import zipfile
import zlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from lxml.etree import _Element
from numpy.typing import NDArray

from dinsar_cli.base.user_files import OddFileError, check_file, parse_xml, read_bytes, read_member
from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.sentinel1.state_vectors import misfit_of

ORBIT_KINDS = ("POEORB", "RESORB", "PREORB")
"""Kinds of orbit file, the most accurate first (about 1 cm, 5 cm, 1 m)."""

_MISSIONS = {f"Sentinel-1{letter}": f"S1{letter}" for letter in "ABCD"}
_FIELDS = ("UTC", "X", "Y", "Z", "VX", "VY", "VZ", "Quality")

# A day of vectors every 10 s is 4.4 MB; what is much larger is not an orbit file and is not read.
_MAX_BYTES = 64 * 1024**2
_MIN_VECTORS = 4
# Cubic Hermite interpolation errs by h^4/384 |x''''|: 0.2 mm for the official 10 s, but 1 m at 80 s.
_MAX_SPACING_S = 15.0
_MAX_GAP_RATIO = 1.5
_RADIUS_M = (6.9e6, 7.3e6)
_SPEED_M_S = (7.0e3, 8.2e3)

_UTC_TIME = re.compile(r"UTC=(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?)")
_FORMAT = "%Y-%m-%d %H:%M:%S"

_FETCH_AGAIN = "Fetch the orbit file again, or leave it out."
_GIVE_ORBITS = "Give Sentinel-1 orbit files (AUX_POEORB or AUX_RESORB, extension .EOF)."


@dataclass(frozen=True, eq=False)
class OrbitFile:
    """State vectors of one satellite, in the Earth-fixed frame (ITRF), and where they come from.

    Attributes
    ----------
    path : Path
        File that the vectors were read from.
    mission : str
        ``S1A`` to ``S1D``.
    kind : str
        ``POEORB``, ``RESORB`` or ``PREORB``.
    start, stop : datetime
        Span that the vectors cover within the file's validity period (UTC, aware).
    times : ndarray of datetime64[us], shape (n,)
        Times of the vectors (UTC), strictly increasing.
    position : ndarray of float64, shape (n, 3)
        Earth-fixed positions (m).
    velocity : ndarray of float64, shape (n, 3)
        Earth-fixed velocities (m/s).
    created : datetime or None
        When the file was made (UTC, aware), if it says so.
    degraded : ndarray of datetime64[us]
        Times of the vectors that the file itself marks as not nominal.
    """

    path: Path
    mission: str
    kind: str
    start: datetime
    stop: datetime
    times: NDArray[np.datetime64]
    position: NDArray[np.float64]
    velocity: NDArray[np.float64]
    created: datetime | None = None
    degraded: NDArray[np.datetime64] = field(default_factory=lambda: np.array([], dtype="datetime64[us]"))


def read_orbit_file(path: Path) -> OrbitFile:
    """Read an orbit file and check that its state vectors can be trusted.

    Parameters
    ----------
    path : Path
        An ``.EOF`` file, or a zip that holds exactly one.

    Returns
    -------
    OrbitFile
        All state vectors of the file.

    Raises
    ------
    UsageError
        If the file cannot be read, is empty, damaged, or is not a Sentinel-1 orbit file.
    NoDataError
        If it is one, but its state vectors are too few, not Earth-fixed, have a gap, are impossible or do not fit
        each other.
    """
    root = _read_xml(path)
    header = root.find("{*}Earth_Explorer_Header")
    if _local_name(root) != "Earth_Explorer_File" or header is None:
        raise UsageError(
            f"{path} is not an orbit file.",
            f"Its root element is <{_local_name(root)}>; an orbit file's is <Earth_Explorer_File>.",
            _GIVE_ORBITS,
        )
    mission, kind = _identity(header, path)
    _check_frame(header, path)
    times, vectors, degraded = _state_vectors(root, path)
    _check_vectors(times, vectors, path)
    start, stop = _span(header, times, path)
    for array in (times, vectors, degraded):
        array.setflags(write=False)
    return OrbitFile(
        path=path,
        mission=mission,
        kind=kind,
        start=start,
        stop=stop,
        times=times,
        position=vectors[:, :3],
        velocity=vectors[:, 3:],
        created=_header_time(header, "Creation_Date", path),
        degraded=degraded,
    )


def window(orbit_file: OrbitFile, start: datetime, stop: datetime, margin_s: float) -> OrbitFile:
    """Cut the state vectors of a time window out of an orbit file.

    Parameters
    ----------
    orbit_file : OrbitFile
        State vectors to cut from.
    start, stop : datetime
        Window (UTC, aware); its ends belong to it.
    margin_s : float
        Seconds to keep before `start` and after `stop`, as far as there are vectors.

    Returns
    -------
    OrbitFile
        The vectors within the window; `start` and `stop` are their new span.

    Raises
    ------
    NoDataError
        If fewer than four state vectors lie within the window.
    """
    margin = timedelta(seconds=margin_s)
    first = np.searchsorted(orbit_file.times, _to_datetime64(start - margin), side="left")
    last = np.searchsorted(orbit_file.times, _to_datetime64(stop + margin), side="right")
    if last - first < _MIN_VECTORS:
        raise NoDataError(
            f"The orbit file {orbit_file.path} does not serve {start:{_FORMAT}} to {stop:%H:%M:%S} UTC.",
            f"Only {max(last - first, 0)} of its state vectors lie within {margin_s:g} s of that time, "
            f"{_MIN_VECTORS} are needed; it covers "
            f"{orbit_file.start:{_FORMAT}} to {orbit_file.stop:{_FORMAT}} UTC.",
            "Give the orbit file of that satellite and day.",
        )
    times = orbit_file.times[first:last]
    return replace(
        orbit_file,
        start=max(orbit_file.start, _to_datetime(times[0])),
        stop=min(orbit_file.stop, _to_datetime(times[-1])),
        times=times,
        position=orbit_file.position[first:last],
        velocity=orbit_file.velocity[first:last],
        degraded=np.intersect1d(orbit_file.degraded, times),
    )


def marked_within(orbit_file: OrbitFile, start: datetime, stop: datetime) -> NDArray[np.datetime64]:
    """Return the times, from start to stop (UTC, aware), of the vectors that the file marks as not nominal."""
    marked = orbit_file.degraded
    return marked[(marked >= _to_datetime64(start)) & (marked <= _to_datetime64(stop))]


def _read_xml(path: Path) -> _Element:
    """Parse the file, or the one ``.EOF`` in the zip, with nothing fetched or expanded."""
    try:
        check_file(path)
        if not zipfile.is_zipfile(path):
            return _parse(read_bytes(path, _MAX_BYTES), path)
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if info.filename.upper().endswith(".EOF")]
            if len(members) != 1:
                raise UsageError(
                    f"{path} is not an orbit file.",
                    f"A zipped orbit file holds exactly one .EOF file; this zip holds {len(members)}.",
                    "Unzip it and give the .EOF files.",
                )
            return _parse(read_member(archive, members[0].filename, _MAX_BYTES), path)
    except OddFileError as error:
        raise UsageError(f"{path} is not an orbit file.", error.cause, _GIVE_ORBITS) from error
    except (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        # zipfile raises RuntimeError for encrypted members and for unknown compression methods.
        raise UsageError(f"The orbit file {path} cannot be read.", f"{error}.", _FETCH_AGAIN) from error


def _parse(content: bytes, path: Path) -> _Element:
    if not content:
        raise UsageError(f"The orbit file {path} is empty.", "It has 0 bytes: a download broke off.", _FETCH_AGAIN)
    try:
        return parse_xml(content, comments=False)
    except OddFileError as error:
        cause = "It is a zip that was cut off." if content.startswith(b"PK") else error.cause
        raise UsageError(f"The orbit file {path} cannot be read.", cause, _FETCH_AGAIN) from error


def _identity(header: _Element, path: Path) -> tuple[str, str]:
    """Return mission and kind as the header states them."""
    mission = _header_text(header, "Mission")
    file_type = _header_text(header, "File_Type")
    kind = file_type.removeprefix("AUX_")
    if mission not in _MISSIONS or kind not in ORBIT_KINDS:
        raise UsageError(
            f"{path} is not a Sentinel-1 orbit file.",
            f"Its header says mission {mission!r} and type {file_type!r}; needed are "
            f"{', '.join(_MISSIONS)} and {', '.join('AUX_' + name for name in ORBIT_KINDS)}.",
            _GIVE_ORBITS,
        )
    return _MISSIONS[mission], kind


def _check_frame(header: _Element, path: Path) -> None:
    """Refuse inertial frames and other time scales: both would move the satellite by kilometres."""
    for tag, needed in (("Ref_Frame", "EARTH_FIXED"), ("Time_Reference", "UTC")):
        found = _header_text(header, tag)
        if found != needed:
            raise _unusable(path, f"Its {tag} is {found!r}; the state vectors must be {needed}.")


def _state_vectors(
    root: _Element, path: Path
) -> tuple[NDArray[np.datetime64], NDArray[np.float64], NDArray[np.datetime64]]:
    """Return times, shape (n,), and x, y, z (m), vx, vy, vz (m/s), shape (n, 6), of all OSV elements.

    The third are the times of those that are marked as not nominal.
    """
    rows = [_osv_fields(osv) for osv in root.iterfind("{*}Data_Block/{*}List_of_OSVs/{*}OSV")]
    if len(rows) < _MIN_VECTORS:
        raise _unusable(path, f"It has {len(rows)} state vectors; at least {_MIN_VECTORS} are needed.")
    try:
        times = np.array([_utc_text(row[0]) for row in rows], dtype="datetime64[us]")
        vectors = np.array([row[1:-1] for row in rows], dtype=np.float64)
    except ValueError as error:
        raise _unusable(path, f"A state vector lacks a readable {', '.join(_FIELDS[:-1])}: {error}.") from error
    return times, vectors, times[[_is_degraded(row[-1]) for row in rows]]


def _osv_fields(osv: _Element) -> list[str]:
    """Return the texts of `_FIELDS`, empty where the element is missing."""
    texts = {_local_name(child): child.text or "" for child in osv}
    return [texts.get(name, "") for name in _FIELDS]


def _is_degraded(quality: str) -> bool:
    """Tell whether a vector is marked: NOMINAL and DEGRADED are what Sentinel-1 files have."""
    return quality.strip().strip("0").upper() not in {"", "NOMINAL"}


def _utc_text(text: str) -> str:
    """Strip ``UTC=``; NumPy alone would also take "NaT", a bare year or a time zone."""
    match = _UTC_TIME.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a time such as UTC=2023-09-04T06:33:50.000000")
    return match.group(1)


def _check_vectors(times: NDArray[np.datetime64], vectors: NDArray[np.float64], path: Path) -> None:
    """Refuse state vectors between which the orbit cannot be interpolated, or of which one must be wrong."""
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.all():
        raise _unusable(path, f"The state vector of {times[finite.argmin()]} UTC has a number that is not finite.")
    spacing = np.diff(times) / np.timedelta64(1, "s")
    row = int(spacing.argmin())
    if spacing[row] <= 0:
        raise _unusable(path, f"Its times are not increasing: {times[row]} is followed by {times[row + 1]} UTC.")
    median, row = float(np.median(spacing)), int(spacing.argmax())
    if spacing[row] > _MAX_GAP_RATIO * median:
        raise _unusable(
            path,
            f"Its state vectors have a gap of {spacing[row]:g} s after {times[row]} UTC; "
            f"elsewhere they are {median:g} s apart.",
        )
    if median > _MAX_SPACING_S:
        raise _unusable(path, f"Its state vectors are {median:g} s apart; {_MAX_SPACING_S:g} s is the most.")
    for name, unit, columns, (low, high) in (
        ("geocentric radius", "m", slice(0, 3), _RADIUS_M),
        ("speed", "m/s", slice(3, 6), _SPEED_M_S),
    ):
        norms = np.linalg.norm(vectors[:, columns], axis=1)
        outside = (norms < low) | (norms > high)
        if outside.any():
            row = int(outside.argmax())
            raise _unusable(
                path,
                f"The {name} at {times[row]} UTC is {norms[row]:.6g} {unit}; "
                f"Sentinel-1 is within {low:g} and {high:g} {unit}.",
            )
    misfit = misfit_of(times, vectors)
    if misfit:
        raise _unusable(path, misfit)


def _span(header: _Element, times: NDArray[np.datetime64], path: Path) -> tuple[datetime, datetime]:
    """Return the span of the state vectors within the validity period."""
    start, stop = _to_datetime(times[0]), _to_datetime(times[-1])
    valid_from = _header_time(header, "Validity_Start", path) or start
    valid_to = _header_time(header, "Validity_Stop", path) or stop
    if valid_from >= stop or valid_to <= start:
        raise _unusable(
            path,
            f"Its state vectors ({start:{_FORMAT}} to {stop:{_FORMAT}} UTC) lie outside its validity period "
            f"({valid_from:{_FORMAT}} to {valid_to:{_FORMAT}} UTC).",
        )
    return max(start, valid_from), min(stop, valid_to)


def _header_text(header: _Element, tag: str) -> str:
    return (header.findtext(f".//{{*}}{tag}") or "").strip()


def _header_time(header: _Element, tag: str, path: Path) -> datetime | None:
    text = _header_text(header, tag)
    if not text:
        return None
    try:
        return datetime.fromisoformat(_utc_text(text)).replace(tzinfo=UTC)
    except ValueError as error:
        raise _unusable(path, f"Its {tag} cannot be read: {error}.") from error


def _unusable(path: Path, cause: str) -> NoDataError:
    """Return the error for an orbit file that can be read but not relied on."""
    return NoDataError(f"The orbit file {path} cannot be used.", cause, _FETCH_AGAIN)


def _local_name(element: _Element) -> str:
    """Return the tag without its namespace; entities have a function for a tag and no name."""
    tag: object = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _to_datetime(time: np.datetime64) -> datetime:
    moment: datetime = time.astype("datetime64[us]").item()
    return moment.replace(tzinfo=UTC)


def _to_datetime64(moment: datetime) -> np.datetime64:
    # datetime64 has no time zone: NumPy warns about an aware datetime.
    return np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "us")
