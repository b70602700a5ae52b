"""What topsApp notes of the bursts of a subswath (``IWn.xml``), and where it puts them when it merges them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from dinsar_cli.annotation import SPEED_OF_LIGHT
from dinsar_cli.engines.topsapp.iscefile import parse_xml, properties
from dinsar_cli.errors import EngineError
from dinsar_cli.geometry import Orbit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lxml import etree

    from dinsar_cli.config import Looks

_BURSTS = "component[@name='instance']/component[@name='bursts']/component"
_STATES = "component[@name='orbit']/component[@name='state_vectors']/component"


@dataclass(frozen=True)
class StateVector:
    """Position of the satellite at a time: Earth-fixed, metres."""

    time: datetime
    position: tuple[float, float, float]


@dataclass(frozen=True)
class IsceBurst:
    """A burst as ISCE2 describes it.

    Attributes
    ----------
    start : datetime
        Zero-Doppler time of the first line, UTC.
    first_valid_line, valid_lines, first_valid_sample, valid_samples : int
        The part with data.
    starting_range, range_spacing : float
        Slant range of the first sample, and its step, metres.
    line_interval : float
        Seconds.
    range_bandwidth, azimuth_bandwidth : float
        Processed bandwidths, Hz.
    wavelength : float
        Metres.
    states : tuple of StateVector
        In the order of time.
    """

    start: datetime
    first_valid_line: int
    valid_lines: int
    first_valid_sample: int
    valid_samples: int
    starting_range: float
    range_spacing: float
    line_interval: float
    range_bandwidth: float
    azimuth_bandwidth: float
    wavelength: float
    states: tuple[StateVector, ...]

    @property
    def independent_share(self) -> float:
        """Independent samples per sample: bandwidth / sampling in both directions."""
        range_share = self.range_bandwidth * 2 * self.range_spacing / SPEED_OF_LIGHT
        azimuth_share = self.azimuth_bandwidth * self.line_interval
        return min(1.0, range_share) * min(1.0, azimuth_share)

    def orbit(self, epoch: datetime) -> Orbit:
        """Orbit through the state vectors, with times after an epoch."""
        import numpy as np

        times = np.array([(state.time - epoch).total_seconds() for state in self.states])
        return Orbit.fit(epoch, times, np.array([state.position for state in self.states]))


@dataclass(frozen=True)
class IsceSwath:
    """The bursts of a subswath in the order of time; at least one."""

    number: int
    bursts: tuple[IsceBurst, ...]


def read_swaths(folder: Path) -> tuple[IsceSwath, ...]:
    """Read the subswaths that topsApp left in a folder (``reference``, ``fine_interferogram``, ...).

    Raises
    ------
    EngineError
        When there is none, or one is not readable.
    """
    found = _descriptions(folder)
    if not found:
        raise EngineError(
            f"{folder} has no description of a subswath.",
            "None of IW1.xml, IW2.xml and IW3.xml is there: topsApp has not come so far, or they were removed.",
            "Run topsApp again from preprocess, and keep the XML files.",
        )
    return tuple(_read_swath(number, path) for number, path in found)


def has_swaths(folder: Path) -> bool:
    """Whether topsApp left the description of a subswath in a folder."""
    return bool(_descriptions(folder))


def _descriptions(folder: Path) -> list[tuple[int, Path]]:
    return [(number, path) for number in (1, 2, 3) if (path := folder / f"IW{number}.xml").is_file()]


def _read_swath(number: int, path: Path) -> IsceSwath:
    root = parse_xml(path)
    try:
        bursts = [_burst(element) for element in root.iterfind(_BURSTS)]
    except (KeyError, ValueError, TypeError) as error:
        raise _not_a_swath(path, f"What is missing or wrong: {error}.") from error
    if not bursts:
        raise _not_a_swath(path, "It has no bursts.")
    return IsceSwath(number, tuple(sorted(bursts, key=lambda burst: burst.start)))


def _not_a_swath(path: Path, cause: str) -> EngineError:
    return EngineError(
        f"{path} does not describe the bursts of a subswath.", cause, "Run topsApp again from preprocess."
    )


def _burst(element: etree._Element) -> IsceBurst:
    values = properties(element)
    states = [_state(properties(state)) for state in element.iterfind(_STATES)]
    if len(states) < 4:
        raise ValueError(f"a burst has {len(states)} state vectors")
    return IsceBurst(
        start=_time(values["sensingstart"]),
        first_valid_line=int(values["firstvalidline"]),
        valid_lines=int(values["numberofvalidlines"]),
        first_valid_sample=int(values["firstvalidsample"]),
        valid_samples=int(values["numberofvalidsamples"]),
        starting_range=float(values["startingrange"]),
        range_spacing=float(values["rangepixelsize"]),
        line_interval=float(values["azimuthtimeinterval"]),
        range_bandwidth=float(values["rangeprocessingbandwidth"]),
        azimuth_bandwidth=float(values["azimuthprocessingbandwidth"]),
        wavelength=float(values["radarwavelength"]),
        states=tuple(sorted(states, key=lambda state: state.time)),
    )


def _state(values: Mapping[str, str]) -> StateVector:
    x, y, z = json.loads(values["position"])
    return StateVector(_time(values["time"]), (float(x), float(y), float(z)))


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def first_start(swaths: Sequence[IsceSwath]) -> datetime:
    """Zero-Doppler time of the first line of all bursts."""
    return min(swath.bursts[0].start for swath in swaths)


@dataclass(frozen=True)
class _Valid:
    """Valid part of a burst on the merged grid: lines ``top:bottom``, samples ``left:right``."""

    top: int
    bottom: int
    left: int
    right: int


def seams(
    swaths: Sequence[IsceSwath], looks: Looks, *, later_on_top: bool
) -> tuple[tuple[tuple[int, int, int], ...], tuple[int, ...]]:
    """Cuts between the bursts and between the subswaths of a merged interferogram, in look cells.

    Parameters
    ----------
    swaths : sequence of IsceSwath
        Of the folder ``fine_interferogram``: their valid parts are those that are merged.
    looks : Looks
        In range and azimuth.
    later_on_top : bool
        Which burst an overlap is taken from: the later one where merging is virtual, the earlier one where a
        single subswath is copied (``use virtual files`` False). Of subswaths, the farther one is always on top.

    Returns
    -------
    burst_seams : tuple of (int, int, int)
        Look line, first and last look sample.
    swath_seams : tuple of int
        Look sample.
    """
    placed = [_placed(swath, swaths) for swath in swaths]
    lefts = [min(valid.left for valid in bursts) for bursts in placed]
    burst_seams = []
    for bursts, hidden_from in zip(placed, [*lefts[1:], None], strict=True):
        for upper, lower in pairwise(bursts):
            line = lower.top if later_on_top else upper.bottom
            right = min(upper.right, lower.right, *([] if hidden_from is None else [hidden_from]))
            left = max(upper.left, lower.left)
            burst_seams.append((line // looks.azimuth, left // looks.range, right // looks.range))
    return tuple(burst_seams), tuple(left // looks.range for left in lefts[1:])


def _placed(swath: IsceSwath, swaths: Sequence[IsceSwath]) -> list[_Valid]:
    """Valid parts on the merged grid, whose first line and sample are the earliest and the nearest."""
    top = first_start(swaths)
    near = min(one.bursts[0].starting_range for one in swaths)
    placed = []
    for burst in swath.bursts:
        line = round((burst.start - top).total_seconds() / burst.line_interval) + burst.first_valid_line
        sample = round((burst.starting_range - near) / burst.range_spacing) + burst.first_valid_sample
        placed.append(_Valid(line, line + burst.valid_lines, sample, sample + burst.valid_samples))
    return placed
