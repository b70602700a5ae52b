"""The dates of a network: one track, one polarization and one ground, with the baseline of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Final

import shapely
from shapely.geometry.base import BaseGeometry as Geometry

from dinsar_cli.catalog.baselines import Baseline, measure_baseline
from dinsar_cli.catalog.stacks import POLARIZATIONS, CatalogAcquisition, Stack, share
from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.sentinel1.orbit_file import OrbitFile

OrbitOf = Callable[[CatalogAcquisition], OrbitFile | None]
"""Gives the orbit of an acquisition that is at hand; None takes what the catalogue has of it."""

_STEP: Final = 0.05  # of the area: coverages that differ by less count as equal
_LEAST_GROUND: Final = 0.95  # of the ground that the best date of the track sees


@dataclass(frozen=True)
class NetworkDates:
    """The acquisitions of which pairs are made.

    Attributes
    ----------
    stack : Stack
        One acquisition of each date.
    polarization : str
    baselines : dict of date to Baseline or None
        To one of them; None where it is not known.
    set_aside : tuple of str
        Acquisitions that cannot be used with the others, each with its reason.
    notes : tuple of str
        What the user should know of those that are.
    reason : str
        Why this track.
    """

    stack: Stack
    polarization: str
    baselines: dict[date, Baseline | None]
    set_aside: tuple[str, ...]
    notes: tuple[str, ...]
    reason: str

    def noting(self, *notes: str) -> NetworkDates:
        """Return it with further sentences before its own."""
        return replace(self, notes=(*notes, *self.notes))

    @property
    def days(self) -> tuple[date, ...]:
        """The dates, in the order of time."""
        return tuple(day_of(one) for one in self.stack.acquisitions)

    @property
    def metres(self) -> dict[date, float | None]:
        """Perpendicular baseline of each date to one of them."""
        return {day: one.perpendicular if one else None for day, one in self.baselines.items()}

    @cached_property
    def sources(self) -> dict[str, int]:
        """How many dates have their baseline from where: ``POEORB``, ``catalogue``, ... or ``unknown``."""
        return dict(Counter(one.source if one else "unknown" for one in self.baselines.values()))


@dataclass(frozen=True)
class _Usable:
    """What of a stack can be used together, and what cannot, with reasons."""

    stack: Stack
    polarization: str
    set_aside: tuple[str, ...]


def choose_dates(
    stacks: Sequence[Stack],
    area: Geometry,
    orbit_of: OrbitOf,
    polarization: str | None = None,
    left_out: Collection[date] = (),
) -> NetworkDates:
    """Choose the acquisitions for a network, and measure their baselines.

    The track is that of which the best date covers most of the area (in steps of 5 %), then the one with most
    dates. The polarization is the one that most dates have. Dates that lack it, that see less than 95 % of the
    ground which the best date sees, and all but one of the same date are set aside.

    Parameters
    ----------
    stacks : sequence of Stack
        What there is; at least one.
    area : shapely geometry
        In degrees.
    orbit_of : callable
        Gives orbits.
    polarization : str, optional
        The one to use, such as ``VV``.
    left_out : collection of date
        That the user does not want.

    Raises
    ------
    UsageError
        When a date to be left out is not there.
    NoDataError
        When fewer than two dates go together.
    """
    usable = [_usable(stack, area, polarization, left_out) for stack in stacks]
    usable.sort(key=lambda one: (-round(_coverage(one) / _STEP), -len(one.stack.acquisitions), one.stack.name))
    best, others = usable[0], usable[1:]
    _check_left_out(stacks, best, left_out)
    acquisitions = best.stack.acquisitions
    if len(acquisitions) < 2:
        raise _too_few(best, stacks, polarization)
    baselines = _baselines(acquisitions, area, orbit_of)
    notes = tuple(note for one in acquisitions for note in one.notes)
    return NetworkDates(best.stack, best.polarization, baselines, best.set_aside, notes, _reason(best, others))


def day_of(acquisition: CatalogAcquisition) -> date:
    """Return the day (UTC) by which an acquisition is named."""
    return acquisition.start.date()


def _coverage(usable: _Usable) -> float:
    return max((one.coverage for one in usable.stack.acquisitions), default=0.0)


def _usable(stack: Stack, area: Geometry, wanted: str | None, left_out: Collection[date]) -> _Usable:
    """Sort the acquisitions of a stack into those that go together and the others."""
    kept = [one for one in stack.acquisitions if day_of(one) not in left_out]
    aside: list[str] = []
    polarization = wanted or _commonest(kept)
    for sort in (_by_polarization, _by_ground, _by_date):
        reasons = dict(sort(kept, area, polarization))
        aside += [f"{one.label}: {reason}" for one, reason in reasons.items()]
        kept = [one for one in kept if one not in reasons]
    return _Usable(Stack(stack.track, stack.direction, tuple(kept)), polarization, tuple(aside))


def _commonest(acquisitions: Sequence[CatalogAcquisition]) -> str:
    """Return the polarization that most acquisitions have, of such the best for interferometry."""
    return max(POLARIZATIONS, key=lambda name: sum(name in one.polarizations for one in acquisitions))


Reasons = Iterator[tuple[CatalogAcquisition, str]]


def _by_polarization(acquisitions: Sequence[CatalogAcquisition], _area: Geometry, polarization: str) -> Reasons:
    for one in acquisitions:
        if polarization not in one.polarizations:
            there = "+".join(sorted(one.polarizations)) or "none in all its slices"
            yield one, f"its polarization is {there}, not {polarization}."


def _by_ground(acquisitions: Sequence[CatalogAcquisition], area: Geometry, _polarization: str) -> Reasons:
    if not acquisitions:
        return
    best = max(acquisitions, key=lambda one: one.coverage)
    ground = area.intersection(best.footprint)
    for one in acquisitions:
        seen = share(one.footprint, ground)
        if seen < _LEAST_GROUND:
            yield one, f"it covers {seen:.0%} of the ground that {day_of(best)} sees of the area."


def _by_date(acquisitions: Sequence[CatalogAcquisition], _area: Geometry, _polarization: str) -> Reasons:
    chosen: dict[date, CatalogAcquisition] = {}
    for one in sorted(acquisitions, key=lambda one: (-round(one.coverage / _STEP), one.start)):
        first = chosen.setdefault(day_of(one), one)
        if first is not one:
            yield one, f"it is of the same date as {first.label}, and a network has one acquisition a date."


def _baselines(
    acquisitions: Sequence[CatalogAcquisition], area: Geometry, orbit_of: OrbitOf
) -> dict[date, Baseline | None]:
    """Measure the baseline of each acquisition to the first one that has an orbit, amid the common ground."""
    common = shapely.intersection_all([area, *(one.footprint for one in acquisitions)])
    middle = (area if common.is_empty else common).centroid
    place = float(middle.x), float(middle.y)
    for reference in acquisitions:
        orbit = orbit_of(reference)
        if measure_baseline(reference, reference, place, (orbit, orbit)) is not None:
            return {
                day_of(one): measure_baseline(
                    reference, one, place, (orbit, orbit if one is reference else orbit_of(one))
                )
                for one in acquisitions
            }
    return dict.fromkeys(map(day_of, acquisitions))


def _reason(best: _Usable, others: Sequence[_Usable]) -> str:
    """Tell why this track."""
    text = f"{best.stack.name} covers {_coverage(best):.0%} of the area on {len(best.stack.acquisitions)} dates."
    if not others:
        return text
    rival = others[0]
    dates = len(rival.stack.acquisitions)
    told = f"The best of another track, {rival.stack.name}, covers {_coverage(rival):.0%} on {dates} dates"
    return f"{text} {told}: take it with --track {rival.stack.track} --direction {rival.stack.direction}."


def _check_left_out(stacks: Sequence[Stack], best: _Usable, left_out: Collection[date]) -> None:
    there = {day_of(one) for stack in stacks for one in stack.acquisitions}
    absent = sorted(set(left_out) - there)
    if absent:
        near = sorted(sorted(there, key=lambda day: abs((day - absent[0]).days))[:2])
        raise UsageError(
            f"--leave-out {absent[0]} names a date that is not there.",
            f"{best.stack.name} has no acquisition of that day; next to it are {' and '.join(map(str, near))}.",
            "Give dates of acquisitions, or leave the option out.",
        )


def _too_few(best: _Usable, stacks: Sequence[Stack], wanted: str | None) -> NoDataError:
    """Return the error that says what there is and why it does not go together."""
    kept = ", ".join(str(day_of(one)) for one in best.stack.acquisitions) or "none"
    shown = "; ".join(
        f"{stack.name}, dates: {len(stack.acquisitions)} ({'/'.join(stack.polarizations)})" for stack in stacks[:6]
    )
    here = f", here {wanted}," if wanted else ""
    error = NoDataError(
        "There are not two dates for a network.",
        f"It needs two or more of one track, direction and polarization{here} that see the same ground. "
        f"Usable are: {kept}. There is: {shown}.",
        "Give a longer time with --start and --end, other filters, or more products.",
    )
    error.details = best.set_aside
    return error
