"""A network of pairs: dates, which of them are paired, what the triangles of pairs can tell, and its file.

network = parse_rule("sequential:3").network(dates, baselines)
network = read_network(Path("network.json"))
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from dinsar_cli.base.files import write_text
from dinsar_cli.base.graph import parts_of
from dinsar_cli.base.user_files import OddFileError, read_json
from dinsar_cli.errors import DinsarError, NoDataError, UsageError
from dinsar_cli.series.graph import Pair, Triangle, mistakable, triangle_counts, triangles_of
from dinsar_cli.series.network_file import SCHEMA, read_record
from dinsar_cli.series.pair_rules import Baselines, PairRule, parse_pair_rule, shown_dates

_PARTS_TOLD: Final = 10
_TO_REPAIR: Final = "Give each pair as two of the dates, the earlier one as reference, once."


@dataclass(frozen=True)
class Network:
    """Dates and pairs of them.

    Attributes
    ----------
    dates : tuple of date
        Two or more, in the order of time.
    pairs : tuple of (date, date)
        Reference and secondary of each, in the order of time.
    rule : str
        By which they were chosen; ``list`` when a person did.
    baselines : tuple of float or None
        Perpendicular baseline of each date to one of them, metres, signed as in ISCE2; None where it is not known.
    coherence : tuple of float or None
        Expected coherence of each pair, 0 to 1; None where it is not known.
    track : str
        Track and direction, such as ``T021D``; empty when it is not known.
    polarization : str
        Such as ``VV``; empty when it is not known.

    Raises
    ------
    UsageError
        When dates or pairs contradict each other; a network in parts does not, see `check_connected`.
    """

    dates: tuple[date, ...]
    pairs: tuple[Pair, ...]
    rule: str = "list"
    baselines: tuple[float | None, ...] = ()
    coherence: tuple[float | None, ...] = ()
    track: str = ""
    polarization: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "baselines", self.baselines or (None,) * len(self.dates))
        object.__setattr__(self, "coherence", self.coherence or (None,) * len(self.pairs))
        cause = next((cause for check in _CHECKS if (cause := check(self))), "")
        if cause:
            raise UsageError("The network of pairs cannot be.", cause, _TO_REPAIR)

    @cached_property
    def parts(self) -> tuple[tuple[date, ...], ...]:
        """The dates of each part; one when the network is connected."""
        return parts_of(self.dates, self.pairs)

    @cached_property
    def triangles(self) -> tuple[Triangle, ...]:
        """Three dates each, of which any two are a pair; more than a million of 200 dates with all pairs."""
        return triangles_of(self.pairs)

    @cached_property
    def triangle_counts(self) -> dict[Pair, int]:
        """In how many triangles each pair lies."""
        return triangle_counts(self.pairs)

    @property
    def triangle_number(self) -> int:
        """Number of triangles, without making them."""
        return sum(self.triangle_counts.values()) // 3

    @property
    def open_pairs(self) -> tuple[Pair, ...]:
        """Pairs that lie in no triangle: no closure shows that they are wrong."""
        return tuple(pair for pair in self.pairs if self.triangle_counts[pair] == 0)

    @cached_property
    def mistakable(self) -> dict[Pair, tuple[Pair, ...]]:
        """Pairs whose error of one cycle is seen, but could as well be one of the other pairs named with each."""
        return mistakable(self.pairs)

    @property
    def named_pairs(self) -> tuple[Pair, ...]:
        """Pairs whose error of one cycle the closures name uniquely."""
        return tuple(pair for pair in self.pairs if self.triangle_counts[pair] and pair not in self.mistakable)

    @cached_property
    def degrees(self) -> dict[date, int]:
        """How many pairs each date is in."""
        counts = Counter(day for pair in self.pairs for day in pair)
        return {day: counts[day] for day in self.dates}

    @property
    def least_connected(self) -> tuple[date, ...]:
        """The dates that are in the fewest pairs."""
        least = min(self.degrees.values())
        return tuple(day for day, count in self.degrees.items() if count == least)

    @cached_property
    def baseline_of(self) -> dict[Pair, float | None]:
        """Perpendicular baseline of each pair, secondary minus reference, metres; None where it is not known."""
        known = dict(zip(self.dates, self.baselines, strict=True))
        return {pair: _difference(known[pair[0]], known[pair[1]]) for pair in self.pairs}

    @property
    def coherence_of(self) -> dict[Pair, float | None]:
        """Expected coherence of each pair, 0 to 1; None where it is not known."""
        return dict(zip(self.pairs, self.coherence, strict=True))

    def check_connected(self, remedy: str = "") -> None:
        """Refuse a network in parts: displacement between them would not be known.

        Parameters
        ----------
        remedy : str
            What would connect it.

        Raises
        ------
        NoDataError
            When it is in parts; the message names two of them, its details the dates of ten.
        """
        if len(self.parts) == 1:
            return
        first, second, *others = self.parts
        more = f", and {len(others)} more" if others else ""
        links = "a rule that gives more pairs, such as sequential:3, or add pairs to the list"
        error = NoDataError(
            f"The {len(self.pairs)} pairs of {len(self.dates)} dates do not hang together ({self.rule}).",
            f"They are in {len(self.parts)} parts, between which nothing is known: {shown_dates(first)}; and "
            f"{shown_dates(second)}{more}.",
            remedy or f"Take {links}.",
        )
        error.details = tuple(
            f"part {number}: {', '.join(map(str, part))}" for number, part in enumerate(self.parts[:_PARTS_TOLD], 1)
        )
        raise error

    def to_dict(self) -> dict[str, Any]:
        """Return the network for JSON; of a pair, what follows from its dates is there to be read only."""
        return {
            "schema": SCHEMA,
            "rule": self.rule,
            "track": self.track,
            "polarization": self.polarization,
            "dates": [
                {"date": day.isoformat(), "perpendicular_baseline_m": _rounded(metres, 2)}
                for day, metres in zip(self.dates, self.baselines, strict=True)
            ],
            "pairs": [self._pair_record(pair, expected) for pair, expected in self.coherence_of.items()],
        }

    @classmethod
    def from_dict(cls, record: object) -> Network:
        """Return the network of a record, whoever wrote it.

        Raises
        ------
        UsageError
            When it is no such record; the message says where.
        NoDataError
            When the network is in parts.
        """
        network = cls(**read_record(record))
        network.check_connected()
        return network

    def _pair_record(self, pair: Pair, expected: float | None) -> dict[str, Any]:
        return {
            "reference": pair[0].isoformat(),
            "secondary": pair[1].isoformat(),
            "days": (pair[1] - pair[0]).days,
            "perpendicular_baseline_m": _rounded(self.baseline_of[pair], 2),
            "expected_coherence": _rounded(expected, 3),
            "triangles": self.triangle_counts[pair],
            "mistakable_for": [pair_name(other) for other in self.mistakable.get(pair, ())],
        }


def pair_name(pair: Pair) -> str:
    """Return a pair as folders and lists name it: ``20230104_20230116``."""
    return f"{pair[0]:%Y%m%d}_{pair[1]:%Y%m%d}"


@dataclass(frozen=True)
class Rule:
    """A rule by which pairs are chosen."""

    _rule: PairRule

    @property
    def text(self) -> str:
        """As it was written."""
        return self._rule.text

    def network(
        self,
        dates: Sequence[date],
        baselines: Baselines | None = None,
        *,
        track: str = "",
        polarization: str = "",
    ) -> Network:
        """Return the network of some dates.

        Parameters
        ----------
        dates : sequence of date
            In any order, each once. Of a list of pairs, those that it does not name are left out.
        baselines : mapping of date to float or None, optional
            Perpendicular baseline of each date to one of them, metres.
        track, polarization : str
            To be noted in the network.

        Raises
        ------
        UsageError, NoDataError
            When there are fewer than two dates, one is there twice, the rule does not fit them, or the network
            would be in parts.
        """
        known = baselines or {}
        ordered = _distinct(dates)
        pairs = self._rule.choose(ordered, known)
        if not self._rule.whole:
            ordered = sorted({day for pair in pairs for day in pair})
        metres = tuple(known.get(day) for day in ordered)
        name = self.text if self._rule.whole else "list"
        network = Network(tuple(ordered), pairs, name, metres, (), track, polarization)
        if len(network.parts) > 1:
            network.check_connected(self._rule.joining(ordered, known))
        return network


def parse_rule(text: str) -> Rule:
    """Read a rule: ``sequential:N``, ``small-baseline:DAYS,METRES[,DEGREE]``, ``star[:DATE]``, ``all``, or pairs.

    Pairs are a list, or those of the file of a network, by its ending ``.json``.

    Raises
    ------
    UsageError, NoDataError
        When it is none of these, or the file cannot be read as `read_network` does.
    """
    if text.lower().endswith(".json"):
        text = ",".join(map(pair_name, read_network(Path(text)).pairs))
    return Rule(parse_pair_rule(text))


def read_network(path: Path) -> Network:
    """Read the file of a network.

    Raises
    ------
    UsageError
        When it cannot be read or is no network.
    NoDataError
        When the network is in parts.
    """
    try:
        return Network.from_dict(read_json(path))
    except OSError as error:
        raise _unreadable(path, f"The system says: {error.strerror or error}.") from error
    except OddFileError as error:
        raise _unreadable(path, error.cause) from error
    except DinsarError as error:
        told = type(error)(f"{path}: {error.problem}", error.cause, error.remedy)
        told.details = error.details
        raise told from error


def write_network(path: Path, network: Network, **more: object) -> None:
    """Write a network to a file, with further facts that are not read again."""
    write_text(path, json.dumps(network.to_dict() | more, indent=2) + "\n")


def _unreadable(path: Path, cause: str) -> UsageError:
    remedy = "Give a network.json that dinsar network wrote, or a rule such as sequential:3."
    return UsageError(f"The network {path} cannot be read.", cause, remedy)


def _distinct(dates: Sequence[date]) -> list[date]:
    """Return dates in the order of time."""
    twice = sorted(day for day, count in Counter(dates).items() if count > 1)
    if twice:
        raise UsageError(
            "Two acquisitions of a network are of the same date.",
            f"It is {shown_dates(twice)}; a pair has two dates, by which it is named.",
            "Give one acquisition of each date.",
        )
    if len(dates) < 2:
        raise NoDataError(
            "There is no network of pairs.",
            f"It needs two dates or more, and there is {f'one, {dates[0]}' if dates else 'none'}.",
            "Give more dates: a longer time, a larger choice of satellites, or more products.",
        )
    return sorted(dates)


def _difference(reference: float | None, secondary: float | None) -> float | None:
    return None if reference is None or secondary is None else secondary - reference


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


# What contradicts itself in a network: each gives a cause, or nothing


def _too_few(network: Network) -> str:
    count = len(network.dates)
    return "" if count >= 2 else f"It has {count or 'no'} date{'' if count == 1 else 's'}, and needs two or more."


def _twice(network: Network) -> str:
    days = [day for day, count in Counter(network.dates).items() if count > 1]
    pairs = [pair for pair, count in Counter(network.pairs).items() if count > 1]
    if days:
        return f"The date {days[0]} is in it twice."
    return f"The pair {pair_name(pairs[0])} is in it twice." if pairs else ""


def _wrong_pair(network: Network) -> str:
    dates = set(network.dates)
    for pair in network.pairs:
        if pair[0] == pair[1]:
            return f"The pair {pair_name(pair)} is of one date with itself."
        unknown = [day for day in pair if day not in dates]
        if unknown:
            return f"The pair {pair_name(pair)} has the date {unknown[0]}, which is not one of its dates."
        if pair[0] > pair[1]:
            return f"The pair {pair_name(pair)} has its later date as reference."
    return ""


def _unsorted(network: Network) -> str:
    in_order = list(network.dates) == sorted(network.dates) and list(network.pairs) == sorted(network.pairs)
    return "" if in_order else "Its dates and pairs are not in the order of time."


def _wrong_numbers(network: Network) -> str:
    lengths = len(network.baselines) == len(network.dates), len(network.coherence) == len(network.pairs)
    if not all(lengths):
        return "It needs a baseline, or None, for each date, and a coherence for each pair."
    if any(metres is not None and not math.isfinite(metres) for metres in network.baselines):
        return "A baseline is not a number of metres."
    if any(value is not None and not 0 <= value <= 1 for value in network.coherence):
        return "An expected coherence is not between 0 and 1."
    return ""


_CHECKS: Final = (_too_few, _twice, _wrong_pair, _unsorted, _wrong_numbers)
