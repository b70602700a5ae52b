"""Scenes of the catalogue grouped into acquisitions (slices of one pass) and stacks (acquisitions of one track)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Final

import shapely
from shapely.geometry.base import BaseGeometry as Geometry

from dinsar_cli.catalog.scenes import CatalogScene

POLARIZATIONS: Final = ("VV", "HH", "VH", "HV")
"""All, the better ones for interferometry first."""

_SAME_PASS: Final = timedelta(minutes=45)  # slices of one pass lie within half an orbit
_SLICE_GAP: Final = timedelta(seconds=2)  # neighbouring slices touch; a missing one leaves 25 s
_LEAST_SHARE: Final = 1e-6  # of the area: less is a footprint that only touches it
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)  # for products of which the time of processing is not known


@dataclass(frozen=True)
class CatalogAcquisition:
    """One pass of one satellite over the area: contiguous slices in the order of time.

    Attributes
    ----------
    scenes : tuple of CatalogScene
        Those that meet the area, and what lies between them.
    coverage : float
        Share of the area in their footprints, 0 to 1.
    notes : tuple of str
        What the user should know of it.
    """

    scenes: tuple[CatalogScene, ...]
    coverage: float
    notes: tuple[str, ...] = ()

    @property
    def platform(self) -> str:
        """``S1A`` to ``S1D``."""
        return self.scenes[0].platform

    @property
    def start(self) -> datetime:
        """First sensing time."""
        return self.scenes[0].start

    @property
    def stop(self) -> datetime:
        """Last sensing time."""
        return max(scene.stop for scene in self.scenes)

    @property
    def track(self) -> int:
        """Relative orbit."""
        return self.scenes[0].track

    @property
    def direction(self) -> str:
        """``ascending`` or ``descending``."""
        return self.scenes[0].direction

    @cached_property
    def polarizations(self) -> frozenset[str]:
        """Polarizations that all slices have."""
        return frozenset.intersection(*(frozenset(scene.polarizations) for scene in self.scenes))

    @property
    def bytes(self) -> int:
        """Size of all products."""
        return sum(scene.bytes for scene in self.scenes)

    @property
    def label(self) -> str:
        """Short name for messages."""
        return f"{self.platform} {self.start:%Y-%m-%d %H:%M} track {self.track} {self.direction}"

    @cached_property
    def footprint(self) -> Geometry:
        """Union of the footprints, in degrees."""
        return shapely.union_all([scene.footprint for scene in self.scenes])


@dataclass(frozen=True)
class Stack:
    """Acquisitions of one track in one direction, in the order of time."""

    track: int
    direction: str
    acquisitions: tuple[CatalogAcquisition, ...]

    @property
    def name(self) -> str:
        """Track and direction: ``T021D``."""
        return f"T{self.track:03d}{self.direction[0].upper()}"

    @property
    def frames(self) -> tuple[int, ...]:
        """Frames of all slices; the archive's numbers for one place differ by one or two between dates."""
        return tuple(sorted({scene.frame for one in self.acquisitions for scene in one.scenes}))

    @property
    def polarizations(self) -> tuple[str, ...]:
        """Polarizations that some acquisition has."""
        there = set().union(*(one.polarizations for one in self.acquisitions))
        return tuple(one for one in POLARIZATIONS if one in there)

    @property
    def platforms(self) -> tuple[str, ...]:
        """Satellites that some acquisition is of."""
        return tuple(sorted({one.platform for one in self.acquisitions}))

    @property
    def coverage(self) -> float:
        """Share of the area that two acquisitions reach, as a pair needs; of a single one, its own."""
        best = sorted((one.coverage for one in self.acquisitions), reverse=True)
        return best[:2][-1]

    @property
    def bytes(self) -> int:
        """Size of all products."""
        return sum(one.bytes for one in self.acquisitions)

    def only(self, wanted: Callable[[CatalogAcquisition], bool]) -> Stack:
        """Return the stack with some of its acquisitions; perhaps none."""
        return Stack(self.track, self.direction, tuple(one for one in self.acquisitions if wanted(one)))


def group_stacks(
    scenes: Iterable[CatalogScene], area: Geometry, includes: Callable[[datetime], bool] | None = None
) -> tuple[Stack, ...]:
    """Group scenes into the stacks over an area.

    Of slices that were processed more than once the newest is taken. Slices that do not meet the area are left out
    unless they lie between two that do. Where a slice is missing, the contiguous part that covers most is taken.

    Parameters
    ----------
    scenes : iterable of CatalogScene
        In any order.
    area : shapely geometry
        In degrees.
    includes : callable, optional
        Tells from its first sensing time whether an acquisition is wanted.

    Returns
    -------
    tuple of Stack
        Best coverage first, then most acquisitions.
    """
    shapely.prepare(area)
    tracks: dict[tuple[int, str], list[CatalogAcquisition]] = defaultdict(list)
    for slices in _passes(scenes):
        acquisition = _acquisition(slices, area)
        if acquisition is not None and (includes is None or includes(acquisition.start)):
            tracks[acquisition.track, acquisition.direction].append(acquisition)
    stacks = [
        Stack(track, direction, tuple(sorted(found, key=lambda one: one.start)))
        for (track, direction), found in tracks.items()
    ]
    return tuple(sorted(stacks, key=lambda stack: (-stack.coverage, -len(stack.acquisitions), stack.name)))


def _passes(scenes: Iterable[CatalogScene]) -> Iterator[list[CatalogScene]]:
    """Yield the slices of each pass by time, each once."""
    tracks: dict[tuple[str, int, str], list[CatalogScene]] = defaultdict(list)
    for scene in scenes:
        tracks[scene.platform, scene.track, scene.direction].append(scene)
    for found in tracks.values():
        found.sort(key=lambda scene: (scene.start, scene.name))
        first = 0
        for end in range(1, len(found) + 1):
            if end == len(found) or found[end].start - found[first].start >= _SAME_PASS:
                yield _newest(found[first:end])
                first = end


def _newest(slices: Sequence[CatalogScene]) -> list[CatalogScene]:
    """Leave out slices of which a newer version is there: that overlap with it by more than half."""
    kept: list[CatalogScene] = []
    for scene in sorted(slices, key=lambda scene: (scene.processed or _EPOCH, scene.name), reverse=True):
        if not any(_overlap(scene, other) > 0.5 for other in kept):
            kept.append(scene)
    return sorted(kept, key=lambda scene: scene.start)


def _overlap(one: CatalogScene, other: CatalogScene) -> float:
    """Return the share of the shorter of two scenes that the other has too, along the track."""
    common = min(one.stop, other.stop) - max(one.start, other.start)
    shorter = min(one.stop - one.start, other.stop - other.start)
    return common / shorter if shorter > timedelta(0) else float(common >= timedelta(0))


def _acquisition(slices: Sequence[CatalogScene], area: Geometry) -> CatalogAcquisition | None:
    """Return the part of a pass that covers most of the area; None when no slice meets it."""
    parts = [part for run in _runs(slices) if (part := _trimmed(run, area)) is not None]
    if not parts:
        return None
    best = max(parts, key=lambda part: part.coverage)
    notes = list(_slice_notes(best.scenes))
    if len(parts) > 1:
        left = sum(len(part.scenes) for part in parts) - len(best.scenes)
        notes.append(
            f"{best.label}: slices are missing amid the pass; {left} beyond the gap cannot be used with it."
        )
    return CatalogAcquisition(best.scenes, best.coverage, tuple(notes))


def _runs(slices: Sequence[CatalogScene]) -> Iterator[Sequence[CatalogScene]]:
    """Yield the parts of a pass without a hole."""
    first = 0
    for number, (previous, scene) in enumerate(pairwise(slices), start=1):
        if scene.start - previous.stop > _SLICE_GAP:
            yield slices[first:number]
            first = number
    yield slices[first:]


def _trimmed(run: Sequence[CatalogScene], area: Geometry) -> CatalogAcquisition | None:
    """Return the slices from the first to the last that meet the area."""
    meeting = [number for number, scene in enumerate(run) if share(scene.footprint, area) > _LEAST_SHARE]
    if not meeting:
        return None
    scenes = tuple(run[meeting[0] : meeting[-1] + 1])
    acquisition = CatalogAcquisition(scenes, 0.0)
    return CatalogAcquisition(scenes, share(acquisition.footprint, area))


def _slice_notes(scenes: Sequence[CatalogScene]) -> Iterator[str]:
    versions = sorted({scene.ipf for scene in scenes} - {""})
    if len(versions) > 1:
        yield (
            f"Slices of {scenes[0].start:%Y-%m-%d} are of processor versions {' and '.join(versions)}: "
            "their phases may not fit at the seams."
        )


def share(footprint: Geometry, area: Geometry) -> float:
    """Return the share of an area (in degrees) that a footprint covers, 0 to 1."""
    if not area.intersects(footprint):
        return 0.0
    if footprint.contains(area):
        return 1.0
    return min(1.0, float(area.intersection(footprint).area / area.area))
