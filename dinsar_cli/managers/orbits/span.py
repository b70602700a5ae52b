"""Satellite and time of scenes and orbit files, and whether the one serves the other."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dinsar_cli.sentinel1.orbit_file import OrbitFile

MARGIN_S = 60.0
"""Seconds that an orbit file must reach beyond an acquisition at both ends (sentineleof's convention)."""

NAME = re.compile(
    r"(?P<mission>S1[A-Z])_(?P<file_class>\w{4})_AUX_(?P<kind>[A-Z]{3}ORB)_(?P<centre>\w{4})"
    r"_(?P<created>\d{8}T\d{6})_V(?P<start>\d{8}T\d{6})_(?P<stop>\d{8}T\d{6})"
)
# File names have whole seconds only, and a name never decides against a file that may just do.
NAME_TOLERANCE = timedelta(seconds=1)
OTHER_SATELLITE = "these are"
OTHER_TIME = "another time"
FORMAT = "%Y-%m-%d %H:%M:%S"
"""Times in messages."""


@dataclass(frozen=True)
class Span:
    """A satellite and a time: of a scene with its margins, or what the name of an orbit file says."""

    mission: str
    start: datetime
    stop: datetime
    kind: str = ""

    @property
    def scene(self) -> tuple[str, datetime, datetime, timedelta]:
        """Satellite and time of the scene itself, and the margin."""
        margin = timedelta(seconds=MARGIN_S)
        return self.mission, self.start + margin, self.stop - margin, margin

    def __str__(self) -> str:
        return f"the {self.mission} scene of {self.start + timedelta(seconds=MARGIN_S):{FORMAT}} UTC"


def mismatch(found: Span | OrbitFile, needed: Span, tolerance: timedelta = timedelta(0)) -> str:
    """Say why orbits of one satellite and time do not serve a scene; empty if they do."""
    if found.mission != needed.mission:
        return f"{OTHER_SATELLITE} {found.mission} orbits, the scene is {needed.mission}"
    if found.start <= needed.start + tolerance and needed.stop - tolerance <= found.stop:
        return ""
    apart = found.stop < needed.start or found.start > needed.stop
    return f"{OTHER_TIME if apart else 'covers only part'}, {found.start:{FORMAT}} to {found.stop:{FORMAT}}"


def parse_name(name: str) -> Span | None:
    """Read satellite, kind and validity out of the name of an orbit file; None if it is no such name."""
    match = NAME.match(name)
    if match is None:
        return None
    try:
        start, stop = (
            datetime.strptime(match[key], "%Y%m%dT%H%M%S").replace(tzinfo=UTC) for key in ("start", "stop")
        )
    except ValueError:
        return None
    return Span(match["mission"], start, stop, match["kind"])
