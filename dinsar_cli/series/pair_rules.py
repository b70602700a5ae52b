"""Rules by which dates are paired: sequential, small baselines, a star, all, or a list of pairs."""

from __future__ import annotations

import difflib
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations, groupby
from typing import Final, TypeAlias

from dinsar_cli.base.graph import linking
from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.series.graph import Pair

Baselines: TypeAlias = Mapping[date, float | None]
"""Perpendicular baseline of each date to one of them, metres; None where it is not known."""

FORMS: Final = "sequential:N, small-baseline:DAYS,METRES[,DEGREE], star[:DATE], all, or YYYYMMDD_YYYYMMDD,..."
"""How a rule is written."""

_EXAMPLES: Final = {
    "sequential": "sequential:3",
    "small-baseline": "small-baseline:48,200",
    "star": "star:20230104",
    "all": "all",
}
_SHOWN: Final = 6
_DATE: Final = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)")
_MOST: Final = 1e6


@dataclass(frozen=True)
class PairRule:
    """A rule, as `parse_pair_rule` reads it.

    Attributes
    ----------
    text : str
        As it is written.
    choose : callable
        Gives the pairs of sorted dates with their baselines.
    whole : bool
        Whether every date must be in a pair; a list of pairs leaves out the dates that it does not name.
    joining : callable
        Tells, for dates that the rule leaves in parts, with which rule they would be connected.
    """

    text: str
    choose: Callable[[Sequence[date], Baselines], tuple[Pair, ...]]
    whole: bool
    joining: Callable[[Sequence[date], Baselines], str]


def parse_pair_rule(text: str) -> PairRule:
    """Read a rule.

    Parameters
    ----------
    text : str
        ``sequential:N``: each date with the N next ones. ``small-baseline:DAYS,METRES``: all pairs that are not
        longer; with a third number, the shortest ones until a date has so many, but those that hold the network
        together. ``star``: all with one date, that in the middle or ``star:DATE``. ``all``. Or pairs like
        ``20230104_20230116`` with commas between.

    Raises
    ------
    UsageError
        When it is none of these.
    """
    plain = text.strip()
    if re.search(r"\d_\d", plain):
        return _listed(plain)
    name, _, values = plain.partition(":")
    name = name.strip().lower().replace("_", "-").replace(" ", "-")
    made = {"sequential": _sequential, "small-baseline": _small_baseline, "star": _star, "all": _all}.get(name)
    if made is None:
        nearest = difflib.get_close_matches(name, _EXAMPLES, 1, 0.5)
        example = _EXAMPLES[nearest[0]] if nearest else "sequential:3"
        raise UsageError(
            f"The rule {text!r} for pairs is not known.", f"Rules are {FORMS}.", f"Give one, such as {example}."
        )
    return made(plain, values.strip())


def sequential(dates: Sequence[date], neighbours: int) -> tuple[Pair, ...]:
    """Return each date with the next ones: `neighbours` of them, fewer at the end."""
    return tuple(
        (one, other) for place, one in enumerate(dates) for other in dates[place + 1 : place + 1 + neighbours]
    )


def small_baseline(
    dates: Sequence[date], baselines: Baselines, days: float, metres: float, degree: int | None = None
) -> tuple[Pair, ...]:
    """Return the pairs that are short in time and space.

    Parameters
    ----------
    dates : sequence of date
        In the order of time.
    baselines : mapping of date to float
    days, metres : float
        Longest temporal and perpendicular baseline, both included.
    degree : int, optional
        Pairs are taken as long as neither date has so many: the shortest in days first, of these the ones of dates
        with the fewest pairs. Those that connect the network are taken before, whatever the degree, so that it has
        no more parts than without one.

    Raises
    ------
    NoDataError
        When the baseline of a date is not known.
    """
    within = _within(dates, _known(dates, baselines), days, metres)
    if degree is None:
        return tuple(sorted(within))
    kept = linking(dates, within)
    taken, counts = set(kept), Counter(day for pair in kept for day in pair)
    rest = [pair for pair in within if pair not in taken]
    for _, equal in groupby(rest, key=lambda pair: pair[1] - pair[0]):
        waiting = list(equal)
        while waiting:
            pair = min(waiting, key=lambda pair: sum(counts[day] for day in pair))  # the first of equals
            waiting.remove(pair)
            if all(counts[day] < degree for day in pair):
                taken.add(pair)
                counts.update(pair)
    return tuple(sorted(taken))


def star(dates: Sequence[date], centre: date) -> tuple[Pair, ...]:
    """Return each date with one of them."""
    return tuple(sorted((min(day, centre), max(day, centre)) for day in dates if day != centre))


def middle_date(dates: Sequence[date]) -> date:
    """Return the date from which the others are fewest days away, the first of such."""
    return min(dates, key=lambda day: sum(abs((other - day).days) for other in dates))


def _within(dates: Sequence[date], known: Mapping[date, float], days: float, metres: float) -> list[Pair]:
    """Return the pairs within both limits, the shortest in time and then in space first."""
    found = [
        (one, other)
        for one, other in combinations(dates, 2)
        if (other - one).days <= days and abs(known[other] - known[one]) <= metres
    ]
    return sorted(found, key=lambda pair: ((pair[1] - pair[0]).days, abs(known[pair[1]] - known[pair[0]]), pair))


def _known(dates: Sequence[date], baselines: Baselines) -> dict[date, float]:
    known = {day: metres for day in dates if (metres := baselines.get(day)) is not None}
    missing = [day for day in dates if day not in known]
    if missing:
        raise NoDataError(
            "A network of small baselines cannot be made.",
            f"The perpendicular baseline is not known of {shown_dates(missing)}.",
            "Give the orbit files of these dates with --orbits, leave the dates out with --leave-out, or take a "
            "rule that needs no baselines, such as sequential:3.",
        )
    return known


def shown_dates(dates: Sequence[date]) -> str:
    """Return dates for a message: all of a few, else the first ones and how many there are."""
    shown = ", ".join(map(str, dates[:_SHOWN]))
    return shown if len(dates) <= _SHOWN else f"{len(dates)} dates ({shown}, ...)"


def parse_date(text: str) -> date | None:
    """Read ``20230104`` or ``2023-01-04``; None when it is no day."""
    match = _DATE.fullmatch(text.strip())
    try:
        return date(*map(int, match.groups())) if match else None
    except ValueError:
        return None


# Readers of the rules


def _nothing(_dates: Sequence[date], _baselines: Baselines) -> str:
    return ""


def _all(text: str, values: str) -> PairRule:
    if values:
        raise _wrong(text, "all takes no value", "all")
    return PairRule(text, lambda dates, _: tuple(combinations(dates, 2)), whole=True, joining=_nothing)


def _sequential(text: str, values: str) -> PairRule:
    neighbours = _whole_number(values)
    if neighbours is None:
        raise _wrong(text, "after the colon stands how many next dates each is paired with", "sequential")
    return PairRule(text, lambda dates, _: sequential(dates, neighbours), whole=True, joining=_nothing)


def _star(text: str, values: str) -> PairRule:
    given = parse_date(values) if values else None
    if values and given is None:
        raise _wrong(text, f"{values!r} is not a date", "star")

    def choose(dates: Sequence[date], _baselines: Baselines) -> tuple[Pair, ...]:
        centre = given or middle_date(dates)
        if centre not in dates:
            near = sorted(sorted(dates, key=lambda day: abs((day - centre).days))[:2])
            raise UsageError(
                f"The star {text!r} cannot be made.",
                f"{centre} is not one of the {len(dates)} dates; next to it are {shown_dates(near)}.",
                f"Give one of the dates, such as star:{near[0]:%Y%m%d}.",
            )
        return star(dates, centre)

    return PairRule(text, choose, whole=True, joining=_nothing)


def _small_baseline(text: str, values: str) -> PairRule:
    words = [word.strip() for word in values.split(",")] if values else []
    limits = [_positive(word) for word in words[:2]]
    degree = _whole_number(words[2]) if len(words) == 3 else None
    if len(words) not in {2, 3} or None in limits or (len(words) == 3 and degree is None):
        raise _wrong(
            text, "after the colon are the most days and metres, and perhaps pairs a date", "small-baseline"
        )
    days, metres = (limit or 0.0 for limit in limits)

    def choose(dates: Sequence[date], baselines: Baselines) -> tuple[Pair, ...]:
        return small_baseline(dates, baselines, days, metres, degree)

    def joining(dates: Sequence[date], baselines: Baselines) -> str:
        more_days, more_metres = _wider(dates, _known(dates, baselines), days, metres)
        ending = "" if degree is None else f",{degree}"
        return f"Give small-baseline:{more_days:g},{more_metres:g}{ending}, which connects them."

    return PairRule(text, choose, whole=True, joining=joining)


def _wider(dates: Sequence[date], known: Mapping[date, float], days: float, metres: float) -> tuple[float, float]:
    """Return limits near those given that connect all dates: more days if that does it, else more of both."""

    def longest(pairs: Sequence[Pair], size: Callable[[Pair], float]) -> float | None:
        links = linking(dates, sorted(pairs, key=size))
        return max(map(size, links)) if len(links) == len(dates) - 1 else None

    def span(pair: Pair) -> float:
        return float((pair[1] - pair[0]).days)

    def distance(pair: Pair) -> float:
        return abs(known[pair[1]] - known[pair[0]])

    everything = list(combinations(dates, 2))
    alone = longest([pair for pair in everything if distance(pair) <= metres], span)
    if alone is not None:
        return alone, metres
    more_days = max(days, longest(everything, span) or 0.0)
    more_metres = longest([pair for pair in everything if span(pair) <= more_days], distance) or 0.0
    return more_days, float(math.ceil(more_metres))


def _listed(text: str) -> PairRule:
    words = [word for word in re.split(r"[,;\s]+", text) if word]
    pairs = [_pair(word) for word in words]
    (pair, times), *_ = Counter(pairs).most_common(1)
    if times > 1:
        raise _bad_pair(words[pairs.index(pair)], "It stands in the list twice.")
    named = {day for pair in pairs for day in pair}

    def choose(dates: Sequence[date], _baselines: Baselines) -> tuple[Pair, ...]:
        absent = sorted(named - set(dates))
        if absent:
            raise UsageError(
                "The list of pairs does not fit the dates.",
                f"It names {shown_dates(absent)}, which {'is' if len(absent) == 1 else 'are'} not among the "
                f"{len(dates)} dates from {min(dates)} to {max(dates)}.",
                "Name pairs of dates that are there; search with wider --start and --end to have more.",
            )
        return tuple(sorted(pairs))

    def joining(dates: Sequence[date], _baselines: Baselines) -> str:
        shortest = sorted(combinations(dates, 2), key=lambda pair: (pair[1] - pair[0], pair))
        more = linking(dates, [*pairs, *shortest])[len(linking(dates, pairs)) :]
        shown = ",".join(f"{one:%Y%m%d}_{other:%Y%m%d}" for one, other in more)
        return f"Add to the list: {shown}."

    return PairRule(text, choose, whole=False, joining=joining)


def _pair(word: str) -> Pair:
    ends = [parse_date(part) for part in word.split("_")]
    if len(ends) != 2 or None in ends:
        raise _bad_pair(word, "A pair is two dates with _ between.")
    one, other = (end or date.min for end in ends)
    if one == other:
        raise _bad_pair(word, "Its two dates are the same.")
    if one > other:
        raise _bad_pair(word, "Its reference, the first date, is later than its secondary.")
    return one, other


def _bad_pair(word: str, cause: str) -> UsageError:
    return UsageError(
        f"{word!r} in the list of pairs cannot be used.",
        cause,
        "Write pairs like 20230104_20230116,20230116_20230128, the earlier date first, each pair once.",
    )


def _wrong(text: str, cause: str, name: str) -> UsageError:
    return UsageError(
        f"The rule {text!r} for pairs cannot be read.",
        f"{cause[0].upper()}{cause[1:]}: rules are {FORMS}.",
        f"Give a rule such as {_EXAMPLES[name]}.",
    )


def _whole_number(text: str) -> int | None:
    number = int(text) if re.fullmatch(r"\d{1,6}", text) else 0
    return number or None


def _positive(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0 < number <= _MOST else None
