"""Orbit files in the public archive: the list of the Alaska Satellite Facility's bucket, and the choice from it."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dinsar_cli.base.user_files import parse_xml
from dinsar_cli.errors import NetworkError
from dinsar_cli.net.download import get_text

logger = logging.getLogger(__name__)

BUCKET = "https://s1-orbits.s3.amazonaws.com/"
"""Needs no login."""

_NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"
_COMPACT = "%Y%m%dT%H%M%S"
# Names sort by the time of making, and a page has 1000. A satellite gets a POEORB a day, all of which may have been
# made again once; and some twenty RESORB a day, of which the one of a scene is made within hours.
_MAX_PAGES = {"POEORB": 20, "RESORB": 2}


@dataclass(frozen=True)
class ListedOrbit:
    """An orbit file in the archive, as its name and the list describe it.

    Attributes
    ----------
    name : str
        File name.
    url : str
        Where it is.
    size : int
        Bytes.
    start, stop : datetime
        Validity (UTC, aware).
    """

    name: str
    url: str
    size: int
    start: datetime
    stop: datetime


def newest_orbit(names: Iterable[str], start: datetime, stop: datetime, margin: timedelta) -> str | None:
    """Choose by their names the newest of the orbit files that serve an acquisition.

    Parameters
    ----------
    names : iterable of str
        Of one kind and satellite.
    start, stop : datetime
        Acquisition (UTC, aware).
    margin : timedelta
        How far the file must reach beyond it at both ends.
    """
    from eof._select_orbit import ValidityError, last_valid_orbit
    from eof.products import SentinelOrbit

    orbits = [SentinelOrbit(name) for name in names if re.fullmatch(rf"{SentinelOrbit.FILE_REGEX}\.EOF", name)]
    first, last = (moment.astimezone(UTC).replace(tzinfo=None) for moment in (start, stop))
    try:
        return str(last_valid_orbit(first, last, orbits, margin, margin))
    except ValidityError:
        return None


def listed_orbit(name: str, url: str, size: int) -> ListedOrbit:
    """Make the record of a file of which an archive says name, address and bytes."""
    from eof.products import SentinelOrbit

    orbit = SentinelOrbit(name)
    return ListedOrbit(name, url, size, orbit.start_time.replace(tzinfo=UTC), orbit.stop_time.replace(tzinfo=UTC))


@dataclass(frozen=True)
class _List:
    """Names and sizes of the files that were made after a time; of all of them, or as many as were asked for."""

    since: datetime
    sizes: dict[str, int]
    is_whole: bool


class Bucket:
    """The public bucket. What it has once listed, or that it cannot be reached, is remembered."""

    def __init__(self) -> None:
        self._lists: dict[tuple[str, str], _List] = {}
        self._failure: NetworkError | None = None

    def find_orbit(
        self, kind: str, mission: str, start: datetime, stop: datetime, margin: timedelta
    ) -> ListedOrbit | None:
        """Find the newest orbit file of a kind that serves an acquisition.

        Parameters
        ----------
        kind : str
            ``POEORB`` or ``RESORB``.
        mission : str
            ``S1A`` to ``S1D``.
        start, stop, margin
            As for `newest_orbit`.

        Returns
        -------
        ListedOrbit or None
            None when there is no such file.

        Raises
        ------
        NetworkError
            If the list cannot be had.
        """
        sizes = self._list(kind, mission, stop)
        name = newest_orbit(sizes, start, stop, margin)
        return None if name is None else listed_orbit(name, f"{BUCKET}AUX_{kind}/{name}", sizes[name])

    def _list(self, kind: str, mission: str, since: datetime) -> dict[str, int]:
        """Return the names and sizes of the files that were made after a time; an earlier list has them too."""
        if self._failure is not None:
            raise self._failure
        known = self._lists.get((kind, mission))
        if known is None or since < known.since or not known.is_whole:
            try:
                known = self._lists[kind, mission] = _ask(kind, mission, since)
            except NetworkError as error:
                self._failure = error
                raise
        return known.sizes


def _ask(kind: str, mission: str, since: datetime) -> _List:
    """Ask for the list of the files of a kind and satellite that were made after a time."""
    stem = f"AUX_{kind}/{mission}_OPER_AUX_{kind}_OPOD_"
    query = {"list-type": "2", "prefix": stem, "start-after": f"{stem}{since.astimezone(UTC):{_COMPACT}}"}
    found: dict[str, int] = {}
    token = ""
    for _ in range(_MAX_PAGES[kind]):
        objects, token = _read_page(get_text(BUCKET, query))
        found |= objects
        if not token:
            break
        query["continuation-token"] = token
    logger.debug("%d %s files of %s in the archive since %s", len(found), kind, mission, since)
    return _List(since, found, not token)


def _read_page(text: str) -> tuple[dict[str, int], str]:
    """Read names, sizes and the token of the next page out of a page of a bucket's list."""
    try:
        root = parse_xml(text.encode())
        objects = {
            item.findtext(f"{_NAMESPACE}Key", "").rpartition("/")[2]: int(item.findtext(f"{_NAMESPACE}Size", ""))
            for item in root.iterfind(f"{_NAMESPACE}Contents")
        }
    except ValueError as error:
        raise _no_list(str(error)) from error
    if root.tag != f"{_NAMESPACE}ListBucketResult":
        raise _no_list(f"its root is <{root.tag}>")
    more = root.findtext(f"{_NAMESPACE}IsTruncated") == "true"
    return objects, (root.findtext(f"{_NAMESPACE}NextContinuationToken") or "") if more else ""


def _no_list(reason: str) -> NetworkError:
    return NetworkError(
        "The list of orbit files cannot be read.",
        f"{BUCKET} answered with something else than a list: {reason}.",
        "Try again later, or give orbit files with --orbits.",
    )
