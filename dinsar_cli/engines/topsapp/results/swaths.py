"""What topsApp notes of the bursts of a subswath (``IWn.xml``), and where it puts them when it merges them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
from lxml import etree
from numpy.typing import NDArray

from dinsar_cli.base.user_files import parse_json
from dinsar_cli.config.model import Looks
from dinsar_cli.engines.topsapp.results.isce_file import IsceFile, parse_xml, properties
from dinsar_cli.engines.topsapp.settings.columns import Columns
from dinsar_cli.errors import EngineError
from dinsar_cli.radar.geometry import Orbit
from dinsar_cli.radar.overlaps import BAND, PIECE, OverlapPhase, overlap_phase, worst
from dinsar_cli.radar.squint import RangePolynomial, SteeredBurst
from dinsar_cli.sentinel1.subswath import SPEED_OF_LIGHT

_BURSTS = "component[@name='instance']/component[@name='bursts']/component"
_STATES = "component[@name='orbit']/component[@name='state_vectors']/component"


@dataclass(frozen=True)
class StateVector:
    """Position of the satellite at a time: Earth-fixed, metres."""

    time: datetime
    position: tuple[float, float, float]


@dataclass(frozen=True)
class Steering:
    """How the antenna turned during a burst.

    Attributes
    ----------
    lines, samples : int
        Size of the burst in its product, invalid ones included.
    first_sample : int
        Column of its product at which it begins here.
    rate : float
        Radians a second.
    fm_rate, centroid : RangePolynomial
        Azimuth FM rate (Hz/s) and Doppler centroid (Hz).
    """

    lines: int
    samples: int
    first_sample: int
    rate: float
    fm_rate: RangePolynomial
    centroid: RangePolynomial


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
    steering : Steering or None
        None where it is not told.
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
    steering: Steering | None = None

    @property
    def independent_share(self) -> float:
        """Independent samples per sample: bandwidth / sampling in both directions."""
        range_share = self.range_bandwidth * 2 * self.range_spacing / SPEED_OF_LIGHT
        azimuth_share = self.azimuth_bandwidth * self.line_interval
        return min(1.0, range_share) * min(1.0, azimuth_share)

    def orbit(self, epoch: datetime) -> Orbit:
        """Return the orbit through the state vectors, with times after an epoch."""
        times = np.array([(state.time - epoch).total_seconds() for state in self.states])
        return Orbit.fit(epoch, times, np.array([state.position for state in self.states]))


@dataclass(frozen=True)
class IsceSwath:
    """The bursts of a subswath in the order of time; at least one."""

    number: int
    bursts: tuple[IsceBurst, ...]


def read_swaths(folder: Path, columns: Mapping[str, Columns] | None = None) -> tuple[IsceSwath, ...]:
    """Read the subswaths that topsApp left in a folder (``reference``, ``fine_interferogram``, ...).

    Parameters
    ----------
    folder : Path
    columns : mapping, optional
        By the names of the subswaths, those of their products that topsApp was given, where it was not given all.

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
    return tuple(_read_swath(number, path, (columns or {}).get(f"IW{number}")) for number, path in found)


def has_swaths(folder: Path) -> bool:
    """Tell whether topsApp left the description of a subswath in a folder."""
    return bool(_descriptions(folder))


def _descriptions(folder: Path) -> list[tuple[int, Path]]:
    return [(number, path) for number in (1, 2, 3) if (path := folder / f"IW{number}.xml").is_file()]


def _read_swath(number: int, path: Path, columns: Columns | None) -> IsceSwath:
    root = parse_xml(path)
    try:
        bursts = [_burst(element, columns) for element in root.iterfind(_BURSTS)]
    except (KeyError, ValueError, TypeError, ZeroDivisionError) as error:
        raise _not_a_swath(path, f"What is missing or wrong: {error}.") from error
    if not bursts:
        raise _not_a_swath(path, "It has no bursts.")
    return IsceSwath(number, tuple(sorted(bursts, key=lambda burst: burst.start)))


def _not_a_swath(path: Path, cause: str) -> EngineError:
    return EngineError(
        f"{path} does not describe the bursts of a subswath.", cause, "Run topsApp again from preprocess."
    )


def _burst(element: etree._Element, columns: Columns | None) -> IsceBurst:
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
        steering=_steering(element, values, columns),
    )


def _steering(element: etree._Element, values: Mapping[str, str], columns: Columns | None) -> Steering | None:
    fm_rate, centroid = _polynomial(element, "azimuthfmrate"), _polynomial(element, "doppler")
    names = ("numberoflines", "numberofsamples", "azimuthsteeringrate")
    if fm_rate is None or centroid is None or not set(names) <= values.keys():
        return None
    lines, samples, rate = (float(values[name]) for name in names)
    columns = columns or Columns(0, int(samples), int(samples))
    return Steering(int(lines), columns.of, columns.first, rate, fm_rate, centroid)


def _polynomial(element: etree._Element, name: str) -> RangePolynomial | None:
    """Return a polynomial of a burst: ISCE2 counts it in slant range, metres, from `mean` in units of `norm`."""
    found = element.find(f"component[@name='{name}']")
    values = {} if found is None else properties(found)
    if not {"mean", "norm", "coeffs"} <= values.keys():
        return None
    to_time = 2 / SPEED_OF_LIGHT
    unit = float(values["norm"]) * to_time
    coefficients = [float(value) / unit**power for power, value in enumerate(parse_json(values["coeffs"]))]
    return RangePolynomial(float(values["mean"]) * to_time, tuple(coefficients))


def _state(values: Mapping[str, str]) -> StateVector:
    x, y, z = parse_json(values["position"])
    return StateVector(_time(values["time"]), (float(x), float(y), float(z)))


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def first_start(swaths: Sequence[IsceSwath]) -> datetime:
    """Return the zero-Doppler time of the first line of all bursts."""
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
    """Return the cuts between the bursts and between the subswaths of a merged interferogram, in look cells.

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
    """Return the valid parts on the merged grid, whose first line and sample are the earliest and the nearest."""
    top = first_start(swaths)
    near = min(one.bursts[0].starting_range for one in swaths)
    placed = []
    for burst in swath.bursts:
        line = round((burst.start - top).total_seconds() / burst.line_interval) + burst.first_valid_line
        sample = round((burst.starting_range - near) / burst.range_spacing) + burst.first_valid_sample
        placed.append(_Valid(line, line + burst.valid_lines, sample, sample + burst.valid_samples))
    return placed


def steered(swaths: Sequence[IsceSwath], *, later_on_top: bool) -> list[SteeredBurst]:
    """Tell how the beam turned over the bursts of a merged interferogram, in the order in which they are put on it.

    Parameters
    ----------
    swaths, later_on_top
        As for `seams`.

    Returns
    -------
    list of SteeredBurst
        Empty where the descriptions do not tell it.
    """
    first, near = first_start(swaths), min(one.bursts[0].starting_range for one in swaths)
    found = []
    for swath in swaths:
        pairs = list(zip(swath.bursts, _placed(swath, swaths), strict=True))
        for burst, place in pairs if later_on_top else reversed(pairs):
            if burst.steering is None:
                return []
            found.append(_steered(burst, burst.steering, place, first, near))
    return found


def _steered(burst: IsceBurst, steering: Steering, place: _Valid, first: datetime, near: float) -> SteeredBurst:
    half, middle = (steering.lines - 1) / 2, steering.samples / 2 - steering.first_sample
    speed = np.linalg.norm(burst.orbit(burst.start).state(np.asarray(half * burst.line_interval))[1])
    to_time = 2 / SPEED_OF_LIGHT
    return SteeredBurst(
        top=place.top,
        bottom=place.bottom,
        left=place.left,
        right=place.right,
        middle=(burst.start - first).total_seconds() / burst.line_interval + half,
        line_interval=burst.line_interval,
        near_time=near * to_time,
        sample_interval=burst.range_spacing * to_time,
        swath_middle=(burst.starting_range + middle * burst.range_spacing) * to_time,
        fm_rate=steering.fm_rate,
        centroid=steering.centroid,
        steering=float(2 * speed * steering.rate / burst.wavelength),
    )


@dataclass(frozen=True)
class BurstInterferograms:
    """The interferograms of single bursts, which topsApp leaves beside the merged one.

    Attributes
    ----------
    folder : Path
        ``fine_interferogram``.
    swaths : tuple of IsceSwath
        Those of this folder.
    looks : Looks
        In range and azimuth.
    spacing : (float, float)
        Metres of ground from line to line, and from sample to sample.
    backwards : bool
        Whether their phase has the other sign.
    """

    folder: Path
    swaths: tuple[IsceSwath, ...]
    looks: Looks
    spacing: tuple[float, float]
    backwards: bool

    def overlaps(self) -> tuple[tuple[OverlapPhase | None, ...], tuple[OverlapPhase | None, ...]]:
        """Compare the bursts at each of the cuts of `seams`, in their order; None where their files are gone."""
        sides = [
            [_Side(self._path(swath, n), burst, valid) for n, (burst, valid) in enumerate(ones, 1)]
            for swath in self.swaths
            for ones in [zip(swath.bursts, _placed(swath, self.swaths), strict=True)]
        ]
        stacked = [self._told(*pair, down=True) for bursts in sides for pair in pairwise(bursts)]
        beside = [
            worst(self._told(one, other, down=False) for one in near for other in far)
            for near, far in pairwise(sides)
        ]
        return tuple(stacked), tuple(beside)

    def _path(self, swath: IsceSwath, number: int) -> Path:
        return self.folder / f"IW{swath.number}" / f"burst_{number:02d}.int"

    def _told(self, one: _Side, other: _Side, *, down: bool) -> OverlapPhase | None:
        """Compare two bursts in the middle of their overlap."""
        band = _band(one.valid, other.valid, self.looks, self.spacing, down=down)
        if band.bottom <= band.top or band.right <= band.left:
            return None
        try:
            first, second = (side.looked(band, self.looks) for side in (one, other))
        except EngineError:  # they were removed, or are damaged
            return None
        if not down:
            first, second = first.T, second.T
        if self.backwards:
            first, second = first.conj(), second.conj()
        along = self.spacing[1] * self.looks.range if down else self.spacing[0] * self.looks.azimuth
        doppler = self._doppler(one, other, band)
        return overlap_phase(first, second, max(1, round(PIECE / along)), doppler, one.burst.line_interval)

    def _doppler(self, one: _Side, other: _Side, band: _Valid) -> float | None:
        """Return how much higher the second burst sees the middle of a band, Hz."""
        start, near = first_start(self.swaths), min(swath.bursts[0].starting_range for swath in self.swaths)
        line, sample = np.asarray(band.top + band.bottom) / 2, np.asarray(band.left + band.right) / 2
        seen = [
            float(_steered(side.burst, side.burst.steering, side.valid, start, near).frequency(line, sample))
            for side in (one, other)
            if side.burst.steering is not None
        ]
        return seen[1] - seen[0] if len(seen) == 2 else None


@dataclass(frozen=True)
class _Side:
    """A burst with the file of its interferogram, and its place on the merged grid."""

    path: Path
    burst: IsceBurst
    valid: _Valid

    def looked(self, band: _Valid, looks: Looks) -> NDArray[np.complex64]:
        """Return its interferogram in a part of the merged grid, with looks."""
        top, left = self.valid.top - self.burst.first_valid_line, self.valid.left - self.burst.first_valid_sample
        block = IsceFile.open(self.path).read(1, band.top - top, band.bottom - top)[:, band.left - left :]
        block = block[:, : band.right - band.left]
        cells = block.reshape(len(block) // looks.azimuth, looks.azimuth, -1, looks.range).sum(axis=(1, 3))
        return np.asarray(cells, np.complex64)


def _band(one: _Valid, other: _Valid, looks: Looks, spacing: tuple[float, float], *, down: bool) -> _Valid:
    """Return whole look cells about the middle of an overlap, across it as far as `BAND` on each side."""
    low, high = max(one.top, other.top), min(one.bottom, other.bottom)
    near, far = max(one.left, other.left), min(one.right, other.right)
    if down:
        reach, middle = round(BAND / spacing[0]), (low + high) // 2
        low, high = max(low, middle - reach), min(high, middle + reach)
    else:
        reach, middle = round(BAND / spacing[1]), (near + far) // 2
        near, far = max(near, middle - reach), min(far, middle + reach)
    lines, samples = max(0, high - low) // looks.azimuth, max(0, far - near) // looks.range
    return _Valid(low, low + lines * looks.azimuth, near, near + samples * looks.range)
