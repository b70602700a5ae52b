"""Choosing a pair: which two acquisitions of the catalogue make the map that is asked for, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from shapely.geometry.base import BaseGeometry as Geometry

from dinsar_cli.catalog.baselines import Baseline, expected_coherence
from dinsar_cli.catalog.pair_wish import DatesWish, EventWish, SpanWish, Wish
from dinsar_cli.catalog.stacks import POLARIZATIONS, CatalogAcquisition, Stack, share
from dinsar_cli.errors import NoDataError

Measure = Callable[[CatalogAcquisition, CatalogAcquisition], Baseline | None]
"""Gives the baseline of the earlier and the later acquisition, None where it is not known."""

_SHOWN: Final = 3  # acquisitions of a stack that are tried at either end
_SHORTEST: Final = timedelta(hours=12)  # two acquisitions that are closer are of one pass
_STEP: Final = 0.05  # of the area: coverages that differ by less count as equal
_LEAST_SHARE: Final = 1e-6
_WHOLE: Final = 0.995
_GOOD: Final = 0.5
_FAIR: Final = 0.2
_IN_STEP_SINCE: Final = datetime(2015, 7, 1, tzinfo=UTC)
_DEFECT_DAY: Final = date(2025, 4, 30)
_OFFSET_PAIR: Final = frozenset({"S1C", "S1D"})


@dataclass(frozen=True)
class Candidate:
    """A pair that is possible.

    Attributes
    ----------
    stack : str
        Track and direction: ``T021D``.
    reference, secondary : CatalogAcquisition
        The earlier and the later one.
    polarization : str
    coverage : float
        Share of the area that both see, 0 to 1.
    slack : float
        Days by which its dates lie apart from what is asked for; of an event, days between the dates.
    baseline : Baseline or None
    why_not : str
        Why another one was chosen; empty for the chosen one.
    """

    stack: str
    reference: CatalogAcquisition
    secondary: CatalogAcquisition
    polarization: str
    coverage: float
    slack: float
    baseline: Baseline | None
    why_not: str = ""

    @property
    def name(self) -> str:
        """Folder name of the pair: ``T154D_20230904_20230916``."""
        return f"{self.stack}_{self.reference.start:%Y%m%d}_{self.secondary.start:%Y%m%d}"

    @property
    def days(self) -> int:
        """Temporal baseline, to the nearest day."""
        return round((self.secondary.start - self.reference.start) / timedelta(days=1))

    @property
    def coherence(self) -> float:
        """What `dinsar_cli.catalog.baselines.expected_coherence` gives."""
        return expected_coherence(self.days, self.baseline)

    @property
    def quality(self) -> str:
        """``good`` from an expected coherence of 0.5 on, ``fair`` from 0.2 on, else ``low``."""
        return "good" if self.coherence >= _GOOD else "fair" if self.coherence >= _FAIR else "low"

    @property
    def bytes(self) -> int:
        """Size of all products."""
        return self.reference.bytes + self.secondary.bytes

    @property
    def key(self) -> tuple[int, float, float]:
        """What candidates are sorted by: coverage in steps of 5 %, slack, expected coherence."""
        return -round(self.coverage / _STEP), round(self.slack, 1), -round(self.coherence, 3)


@dataclass(frozen=True)
class Choice:
    """The chosen pair, all candidates with the best first, why it was chosen, and what to know of it."""

    best: Candidate
    candidates: tuple[Candidate, ...]
    reason: str
    warnings: tuple[str, ...]
    bursts: str


def choose_pair(stacks: Sequence[Stack], area: Geometry, wish: Wish, measure: Measure) -> Choice:
    """Choose a pair.

    Two acquisitions can be paired when they are of one track and direction, share a polarization, both see part of
    the area, and are not of one pass. Of these the one wins that covers most of the area (in steps of 5 %), then
    the one whose dates are nearest to what is asked for (of an event: the shortest), then the one with the highest
    expected coherence.

    Parameters
    ----------
    stacks : sequence of Stack
        What there is.
    area : shapely geometry
        In degrees.
    wish : Wish
        What is asked for.
    measure : callable
        Gives baselines.

    Raises
    ------
    NoDataError
        When there is no pair; the message says what there is.
    """
    found = [candidate for stack in stacks for candidate in _candidates(stack, area, wish, measure)]
    if not found:
        raise _no_pair(stacks, wish)
    found.sort(key=lambda candidate: (candidate.key, candidate.name))
    best = found[0]
    others = [replace(other, why_not=_why_not(other, best, wish)) for other in found[1:]]
    bursts = _bursts(best)
    warnings = (*_warnings(best), *_on_the_day(stacks, best, wish))
    return Choice(best, (best, *others), _reason(best, others, wish), warnings, bursts)


def common_place(
    reference: CatalogAcquisition, secondary: CatalogAcquisition, area: Geometry
) -> tuple[float, float]:
    """Return the longitude and latitude of a point amid the part of the area that two acquisitions see."""
    common = area.intersection(reference.footprint).intersection(secondary.footprint)
    middle = common.centroid
    return float(middle.x), float(middle.y)


def _candidates(stack: Stack, area: Geometry, wish: Wish, measure: Measure) -> Iterator[Candidate]:
    """Yield the possible pairs of a stack."""
    able = [one for one in stack.acquisitions if not wish.polarization or wish.polarization in one.polarizations]
    for reference, secondary, slack in _ends(able, wish):
        polarization = _polarization(reference, secondary, wish)
        if polarization is None or secondary.start - reference.start < _SHORTEST:
            continue
        coverage = share(reference.footprint.intersection(secondary.footprint), area)
        if coverage > _LEAST_SHARE:
            baseline = measure(reference, secondary)
            yield Candidate(stack.name, reference, secondary, polarization, coverage, slack, baseline)


def _polarization(reference: CatalogAcquisition, secondary: CatalogAcquisition, wish: Wish) -> str | None:
    """Return the polarization that a pair would use."""
    common = reference.polarizations & secondary.polarizations
    if wish.polarization:
        return wish.polarization if wish.polarization in common else None
    return next((one for one in POLARIZATIONS if one in common), None)


Ends = Iterator[tuple[CatalogAcquisition, CatalogAcquisition, float]]


def _ends(acquisitions: Sequence[CatalogAcquisition], wish: Wish) -> Ends:
    """Return the first and last dates to be tried, with their slack in days."""
    if isinstance(wish, DatesWish):
        return _given_ends(acquisitions, wish)
    if isinstance(wish, EventWish):
        return _event_ends(acquisitions, wish)
    return _span_ends(acquisitions, wish)


def _span_ends(acquisitions: Sequence[CatalogAcquisition], wish: SpanWish) -> Ends:
    inside = [one for one in acquisitions if wish.start <= one.start.date() <= wish.end]
    for first in _earliest(inside):
        for last in _latest(inside):
            before = first.start - _midnight(wish.start)
            after = _midnight(wish.end) + timedelta(days=1) - last.start
            yield first, last, (before + after) / timedelta(days=1)


def _event_ends(acquisitions: Sequence[CatalogAcquisition], wish: EventWish) -> Ends:
    for before in _latest([one for one in acquisitions if one.stop <= wish.first]):
        for after in _earliest([one for one in acquisitions if one.start >= wish.last]):
            yield before, after, (after.start - before.start) / timedelta(days=1)


def _given_ends(acquisitions: Sequence[CatalogAcquisition], wish: DatesWish) -> Ends:
    for one in (one for one in acquisitions if wish.is_reference(one)):
        for other in (other for other in acquisitions if wish.is_secondary(other)):
            earlier, later = sorted((one, other), key=lambda end: end.start)
            yield earlier, later, 0.0


def _earliest(acquisitions: Sequence[CatalogAcquisition]) -> list[CatalogAcquisition]:
    """Return the first ones, those before that cover more."""
    return sorted(acquisitions, key=lambda one: (-round(one.coverage / _STEP), one.start))[:_SHOWN]


def _latest(acquisitions: Sequence[CatalogAcquisition]) -> list[CatalogAcquisition]:
    """Return the last ones, those before that cover more."""
    ordered = sorted(acquisitions, key=lambda one: one.start, reverse=True)
    return sorted(ordered, key=lambda one: -round(one.coverage / _STEP))[:_SHOWN]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


# Reasons


def _percent(share_of_area: float) -> str:
    return f"{100 * share_of_area:.0f} %" if share_of_area < _WHOLE else "100 %"


def _why_not(other: Candidate, best: Candidate, wish: Wish) -> str:
    """Tell what decided against a candidate."""
    for mine, its, text in zip(best.key, other.key, _differences(other, best, wish), strict=True):
        if its > mine:
            return text
    return "equal"


def _differences(other: Candidate, best: Candidate, wish: Wish) -> tuple[str, str, str]:
    longer = other.slack - best.slack
    dates = f"{longer:.3g} days longer" if isinstance(wish, EventWish) else f"{longer:.3g} days less of the span"
    return (
        f"covers {_percent(other.coverage)}",
        dates,
        f"lower expected coherence ({other.coherence:.2f} to {best.coherence:.2f})",
    )


def _reason(best: Candidate, others: Sequence[Candidate], wish: Wish) -> str:
    """Tell why the best one is it."""
    text = f"{best.stack} covers {_percent(best.coverage)} of the area on both dates. {wish.rule}"
    rival = next((other for other in others if other.stack != best.stack), None)
    if rival is not None:
        text += f" The best of another track, {rival.name}: {rival.why_not}."
    return text


def _bursts(best: Candidate) -> str:
    """Tell what the catalogue lets know of the bursts."""
    if best.reference.start < _IN_STEP_SINCE:
        return "may be out of step: the catalogue does not tell, and before mid 2015 they often were"
    return "in step as far as the catalogue can tell (same track, after mid 2015); the products decide"


def _warnings(best: Candidate) -> Iterator[str]:
    """Tell what to know of a pair before it is used."""
    for one in (best.reference, best.secondary):
        yield from one.notes
        if one.start.date() == _DEFECT_DAY:
            yield f"Products of {_DEFECT_DAY} have a known defect: choose another date if you can."
    platforms = {best.reference.platform, best.secondary.platform}
    if platforms == _OFFSET_PAIR:
        yield "Pairs of S1C with S1D have phase offsets of about 1.5 rad where bursts overlap."
    if best.reference.start < _IN_STEP_SINCE:
        yield "Before mid 2015 bursts were often out of step: the two products may have none in common."
    if best.coverage < _WHOLE:
        yield f"The pair covers {_percent(best.coverage)} of the area."
    if best.baseline is None:
        yield "Its perpendicular baseline is not known: neither orbit files nor the catalogue have it."
    if best.quality == "low":
        yield (
            f"Little coherence is to be expected after {best.days} days ({best.coherence:.2f} by the rule), except "
            "on bare ground and in towns."
        )


def _on_the_day(stacks: Sequence[Stack], best: Candidate, wish: Wish) -> Iterator[str]:
    """Yield acquisitions of the day of an event whose time of day is not given: before or after it is not known."""
    if not isinstance(wish, EventWish):
        return
    for stack in stacks:
        for one in stack.acquisitions:
            if stack.name == best.stack and one.stop > wish.first and one.start < wish.last:
                yield f"{one.label} is not used: without the time of day in --event it may be before or after."


def _no_pair(stacks: Sequence[Stack], wish: Wish) -> NoDataError:
    """Return the error that says what there is."""
    if not stacks:
        return NoDataError(
            f"There is no Sentinel-1 pair over the area {wish.asked}.",
            "The archive has no IW SLC scene of these days there.",
            f"{wish.remedy} See what there is with: dinsar search --roi ...",
        )
    shown = "; ".join(_listed(stack, wish) for stack in stacks[:6])
    more = f"; and {len(stacks) - 6} more tracks" if len(stacks) > 6 else ""
    return NoDataError(
        f"There is no Sentinel-1 pair over the area {wish.asked}.",
        f"A pair needs two dates of one track, direction and polarization{wish.lack}. There is: {shown}{more}.",
        wish.remedy,
    )


def _listed(stack: Stack, wish: Wish) -> str:
    """Return the dates of a stack: all when they are few, else those nearest to what is asked for."""
    near = sorted(stack.acquisitions, key=lambda one: wish.distance(one.start))[:4]
    days = sorted({f"{one.start:%Y-%m-%d}" for one in near})
    count = len(stack.acquisitions)
    of = f"{count} date{'s' if count > 1 else ''}"
    pols = "/".join(stack.polarizations)
    dates = f"{'such as ' if count > len(near) else ''}{', '.join(days)}"
    return f"{stack.name} with {of} ({pols}, covers {_percent(stack.coverage)}): {dates}"
