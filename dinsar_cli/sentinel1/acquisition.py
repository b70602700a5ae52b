"""Acquisitions and pairs: which Sentinel-1 scenes can be combined, and which bursts they share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from shapely import total_bounds, union_all
from shapely.geometry.base import BaseGeometry as Geometry

from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.geo.antimeridian import beside, middle_of
from dinsar_cli.sentinel1.scene import Scene
from dinsar_cli.sentinel1.subswath import Burst, Subswath

_PREFERRED_POLARIZATIONS = ("VV", "HH", "VH", "HV")
_SAME_PASS = timedelta(minutes=45)  # slices of one pass lie within half an orbit
_TWICE = 0.5  # share of a slice that it has in common with another version of it; neighbours have a tenth
_SLICE_GAP = timedelta(seconds=2)  # neighbouring slices touch; a missing one leaves 25 s
_ORBIT_PERIOD = 12 * 86400 / 175  # s: 175 orbits in the 12-day cycle
_BURST_CYCLE = 2.76  # s between the bursts of a subswath
_GROUND_SPEED_KM_S = 6.8
_BURST_TOLERANCE = 0.35  # s: beyond it the two beams no longer look at the ground from the same angle


@dataclass(frozen=True)
class SwathBurst:
    """A burst with the annotation of the slice in which it lies."""

    subswath: Subswath
    burst: Burst


@dataclass(frozen=True)
class Acquisition:
    """One pass of one satellite: its slices in the order of time."""

    scenes: tuple[Scene, ...]

    @property
    def mission(self) -> str:
        """``S1A`` to ``S1D``."""
        return self.scenes[0].mission

    @property
    def start(self) -> datetime:
        """First sensing time."""
        return self.scenes[0].start

    @property
    def stop(self) -> datetime:
        """Last sensing time."""
        return self.scenes[-1].stop

    @property
    def relative_orbit(self) -> int:
        """Track number, from the manifest."""
        return self.scenes[0].relative_orbit

    @property
    def direction(self) -> str:
        """``ascending`` or ``descending``."""
        return self.scenes[0].direction

    @property
    def polarizations(self) -> frozenset[str]:
        """Polarizations that all slices have."""
        return frozenset.intersection(*(scene.polarizations for scene in self.scenes))

    @property
    def label(self) -> str:
        """Short name for messages."""
        return f"{self.mission} {self.start:%Y-%m-%d %H:%M} track {self.relative_orbit} {self.direction}"

    def bursts(self, polarization: str) -> dict[str, tuple[SwathBurst, ...]]:
        """Return the bursts of all slices by subswath, in the order of time, each once."""
        joined: dict[str, dict[int, SwathBurst]] = {}
        for scene in self.scenes:
            for swath, image_polarization in scene.images:
                if image_polarization != polarization:
                    continue
                subswath = scene.subswath(swath, polarization)
                bursts = joined.setdefault(swath, {})
                for burst in subswath.bursts:
                    # half a second tells neighbours (2.76 s apart) from the same burst in two slices
                    key = round(burst.azimuth_time.timestamp() / 0.5)
                    if not {key - 1, key, key + 1} & bursts.keys():
                        bursts[key] = SwathBurst(subswath, burst)
        return {swath: tuple(bursts[key] for key in sorted(bursts)) for swath, bursts in sorted(joined.items())}


def group_acquisitions(scenes: Iterable[Scene]) -> tuple[Acquisition, ...]:
    """Join the slices of each pass.

    Returns
    -------
    tuple of Acquisition
        In the order of time.

    Raises
    ------
    UsageError
        When a product is given twice.
    NoDataError
        When slices of one pass have a gap between them.
    """
    ordered = sorted(scenes, key=lambda scene: (scene.start, scene.name))
    passes: list[list[Scene]] = []
    for scene in ordered:
        same = [p for p in passes if _same_pass(p[-1], scene)]
        if same:
            _check_slices(same[0][-1], scene)
            same[0].append(scene)
        else:
            passes.append([scene])
    return tuple(Acquisition(tuple(slices)) for slices in passes)


def _same_pass(previous: Scene, scene: Scene) -> bool:
    alike = previous.mission == scene.mission and previous.direction == scene.direction
    return alike and scene.start - previous.start < _SAME_PASS


def _check_slices(previous: Scene, scene: Scene) -> None:
    common = min(previous.stop, scene.stop) - max(previous.start, scene.start)
    overlap = common / max(scene.stop - scene.start, timedelta(seconds=1))
    if (previous.start, previous.absolute_orbit) == (scene.start, scene.absolute_orbit) or overlap > _TWICE:
        raise _given_twice(previous, scene)
    gap = scene.start - previous.stop
    if gap > _SLICE_GAP:
        raise NoDataError(
            f"Slices are missing between {previous.name} and {scene.name}.",
            f"They are of the same pass but {gap.total_seconds():.0f} s apart.",
            "Give every slice of the pass between them, or process them one by one.",
        )


def _given_twice(first: Scene, second: Scene) -> UsageError:
    """Say that two products are of one pass, and which of them to leave out: the one that was made earlier."""
    where = sorted({str(first.safe.path), str(second.safe.path)})
    remedy = "Give two products of the same track and different dates."
    told = "one acquisition, but a displacement needs two dates"
    if first.name == second.name:
        if len(where) > 1:
            remedy = f"Leave {where[-1]} out. {remedy}"
    else:
        made = [(scene.processed or "", _version(scene.ipf), scene) for scene in (first, second)]
        older, newer = sorted(made, key=lambda one: one[:2])
        told = f"one acquisition, processed twice (IPF {first.ipf} and {second.ipf})"
        which = older[2] if older[:2] != newer[:2] else second
        remedy = f"Leave {which.safe.path} out{', which is older' if older[:2] != newer[:2] else ''}."
    return UsageError(f"The scene {second.name} is given twice.", f"{' and '.join(where)}: {told}.", remedy)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdecimal())


@dataclass(frozen=True)
class CommonBurst:
    """The same burst on the ground in both acquisitions."""

    swath: str
    reference: SwathBurst
    secondary: SwathBurst


@dataclass(frozen=True)
class Pair:
    """Two acquisitions of one track, the earlier one as reference, and the polarization to use."""

    reference: Acquisition
    secondary: Acquisition
    polarization: str

    @property
    def name(self) -> str:
        """Folder name of the pair: ``T154D_20230904_20230916``."""
        return (
            f"T{self.reference.relative_orbit:03d}{self.reference.direction[0].upper()}"
            f"_{self.reference.start:%Y%m%d}_{self.secondary.start:%Y%m%d}"
        )

    @cached_property
    def common_bursts(self) -> tuple[CommonBurst, ...]:
        """Bursts that both acquisitions have, by subswath and time.

        Raises
        ------
        NoDataError
            When there is none.
        """
        reference, secondary = (a.bursts(self.polarization) for a in (self.reference, self.secondary))
        common = tuple(
            CommonBurst(swath, burst, match)
            for swath, bursts in reference.items()
            for burst in bursts
            if (match := _matching_burst(burst, secondary.get(swath, ()))) is not None
        )
        if not common:
            raise NoDataError(
                f"{self.reference.label} and {self.secondary.label} have no burst in common.",
                _why_no_common_burst(reference, secondary),
                "Choose products of the same frame, taken after mid 2015, when bursts came into step.",
            )
        return common


def _burst_delay(reference: Burst, secondary: Burst) -> float:
    """Return the time by which the secondary burst starts later in its orbit than the reference one, in seconds."""
    delay = secondary.azimuth_anx_time - reference.azimuth_anx_time
    return (delay + _ORBIT_PERIOD / 2) % _ORBIT_PERIOD - _ORBIT_PERIOD / 2


def _matching_burst(reference: SwathBurst, candidates: Sequence[SwathBurst]) -> SwathBurst | None:
    near = [c for c in candidates if abs(_burst_delay(reference.burst, c.burst)) < _BURST_TOLERANCE]
    return min(near, key=lambda c: abs(_burst_delay(reference.burst, c.burst)), default=None)


def _why_no_common_burst(
    reference: dict[str, tuple[SwathBurst, ...]], secondary: dict[str, tuple[SwathBurst, ...]]
) -> str:
    shared = sorted(set(reference) & set(secondary))
    if not shared:
        return f"One has subswaths {', '.join(reference)}, the other {', '.join(secondary)}."
    nearest = min(
        (_burst_delay(r.burst, s.burst) for swath in shared for r in reference[swath] for s in secondary[swath]),
        key=abs,
    )
    apart = f"In {', '.join(shared)} the nearest bursts start {abs(nearest):.2f} s apart along the orbit"
    if abs(nearest) > _BURST_CYCLE / 2:
        return f"{apart}: they are of different frames, about {abs(nearest) * _GROUND_SPEED_KM_S:.0f} km apart."
    return f"{apart}; {_BURST_TOLERANCE} s is the most at which they still see the ground under the same angle."


def make_pair(scenes: Sequence[Scene], polarization: str = "auto") -> Pair:
    """Pair the acquisitions of some scenes; the earlier becomes the reference.

    Parameters
    ----------
    scenes : sequence of Scene
        Slices of exactly two passes, in any order.
    polarization : str
        ``auto`` (VV, else HH, else cross-polarized) or the one to use, in any case.

    Raises
    ------
    UsageError
        When a product is given twice, or more than two dates are.
    NoDataError
        When the two acquisitions cannot be combined.
    """
    acquisitions = group_acquisitions(scenes)
    if len(acquisitions) < 2:
        only = acquisitions[0].label if acquisitions else "nothing"
        raise NoDataError(
            "A displacement needs two dates.",
            f"All scenes given are of one pass: {only}.",
            "Add a product of the same track from another date.",
        )
    if len(acquisitions) > 2:
        raise UsageError(
            f"{len(acquisitions)} dates are given; a pair has two.",
            f"They are: {'; '.join(acquisition.label for acquisition in acquisitions)}.",
            "Give the products of two dates, or choose two with --reference DATE --secondary DATE; the maps of all "
            "dates are made by: dinsar stack",
        )
    reference, secondary = acquisitions
    _check_same_track(reference, secondary)
    return Pair(reference, secondary, _common_polarization(reference, secondary, polarization))


def _check_same_track(reference: Acquisition, secondary: Acquisition) -> None:
    both = f"{reference.label} and {secondary.label} cannot be combined."
    remedy = "Choose two products of the same track and direction."
    if reference.direction != secondary.direction:
        raise NoDataError(both, "One is ascending, the other descending: they look from opposite sides.", remedy)
    if reference.relative_orbit != secondary.relative_orbit:
        cause = (
            f"They are of tracks {reference.relative_orbit} and {secondary.relative_orbit}: "
            "the satellite was hundreds of kilometres apart."
        )
        raise NoDataError(both, cause, remedy)
    if secondary.start - reference.start < timedelta(hours=12):
        raise NoDataError(both, "They are of the same day.", "Choose two different dates.")


def _common_polarization(reference: Acquisition, secondary: Acquisition, wanted: str) -> str:
    common = reference.polarizations & secondary.polarizations
    there = (
        f"The earlier date has {', '.join(sorted(reference.polarizations))}, "
        f"the later {', '.join(sorted(secondary.polarizations))}."
    )
    if wanted.lower() != "auto":
        if wanted.upper() not in common:
            raise NoDataError(
                f"Polarization {wanted.upper()} is not in both acquisitions.",
                there,
                f"Choose one of: {', '.join(sorted(common)) or 'none; choose another pair'}.",
            )
        return wanted.upper()
    for polarization in _PREFERRED_POLARIZATIONS:
        if polarization in common:
            return polarization
    raise NoDataError("The two acquisitions share no polarization.", there, "Choose another pair.")


def ground_of(bursts: Sequence[CommonBurst], middle: float) -> Geometry:
    """Unite what bursts see on the reference date, on the side of 180 degrees on which a longitude is; degrees."""
    return union_all([beside(burst.reference.burst.footprint, middle) for burst in bursts])


def extent_of(bursts: Sequence[CommonBurst], middle: float) -> tuple[float, float, float, float]:
    """West, south, east, north of bursts on the reference date with their invalid lines and columns; so too."""
    west, south, east, north = total_bounds([beside(burst.reference.burst.outline, middle) for burst in bursts])
    return float(west), float(south), float(east), float(north)


def bursts_in(bursts: Sequence[CommonBurst], area: Geometry) -> tuple[CommonBurst, ...]:
    """Choose the bursts whose reference footprint meets an area (degrees)."""
    middle = middle_of(area.bounds)
    return tuple(burst for burst in bursts if beside(burst.reference.burst.footprint, middle).intersects(area))
