"""What is asked of a pair: a span of days, an event between its dates, or the dates themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from dinsar_cli.catalog.stacks import CatalogAcquisition
from dinsar_cli.config.model import RunConfig
from dinsar_cli.errors import UsageError
from dinsar_cli.sentinel1.scene import GranuleName

_DAY: Final = timedelta(days=1)
_AROUND_EVENT: Final = 60  # days: five cycles of one satellite
_AROUND_DATE: Final = 12  # days: what else there is, is told when a date has nothing


@dataclass(frozen=True)
class SpanWish:
    """The first acquisition at or after a day and the last at or before another.

    Attributes
    ----------
    start, end : date
        UTC; both belong to it.
    polarization : str
        Such as ``VV``; empty for any.
    """

    start: date
    end: date
    polarization: str = ""

    @property
    def days(self) -> tuple[date, date]:
        """First and last day to search."""
        return self.start, self.end

    @property
    def rule(self) -> str:
        """How it was chosen, as a sentence."""
        return f"Of what covers as much, it has the first date from {self.start} on and the last up to {self.end}."

    @property
    def asked(self) -> str:
        """What is asked for, as part of a sentence."""
        return f"from {self.start} to {self.end}"

    @property
    def lack(self) -> str:
        """What a pair needs beyond two dates, as part of a sentence."""
        return f", here with {self.polarization}" if self.polarization else ""

    @property
    def remedy(self) -> str:
        """What to do when there is none."""
        return "Give an earlier --start or a later --end."

    def distance(self, moment: datetime) -> timedelta:
        """Tell how far a time is from the nearer end."""
        return min(abs(moment - _midnight(self.start)), abs(moment - _midnight(self.end)))


@dataclass(frozen=True)
class EventWish:
    """The shortest pair around an event.

    Attributes
    ----------
    first, last : datetime
        Between which the event is, UTC: one time, or a whole day.
    days : (date, date)
        First and last day to search.
    polarization : str
        Such as ``VV``; empty for any.
    """

    first: datetime
    last: datetime
    days: tuple[date, date]
    polarization: str = ""

    @property
    def rule(self) -> str:
        """How it was chosen, as a sentence."""
        return f"Of what covers as much, it is the shortest {self.asked}."

    @property
    def asked(self) -> str:
        """What is asked for, as part of a sentence."""
        return (
            f"around {self.first:%Y-%m-%d}" if self.first != self.last else f"around {self.first:%Y-%m-%d %H:%M:%S}"
        )

    @property
    def lack(self) -> str:
        """What a pair needs beyond two dates, as part of a sentence."""
        return ", one before and one after the event" + (
            f", here with {self.polarization}" if self.polarization else ""
        )

    @property
    def remedy(self) -> str:
        """What to do when there is none."""
        hint = "" if self.first == self.last else " and give the event with its time of day"
        return f"Search more days with --start and --end (now {self.days[0]} to {self.days[1]}){hint}."

    def distance(self, moment: datetime) -> timedelta:
        """Tell how far a time is from the event."""
        return abs(moment - self.first)


@dataclass(frozen=True)
class DatesWish:
    """Two dates, each given by its day or by a product.

    Attributes
    ----------
    reference, secondary : date or str
        In any order.
    polarization : str
        Such as ``VV``; empty for any.
    """

    reference: date | str
    secondary: date | str
    polarization: str = ""

    @property
    def days(self) -> tuple[date, date]:
        """First and last day to search: some more, so that it can be told what else there is."""
        both = sorted(day_or_product(end) for end in (self.reference, self.secondary))
        margin = _AROUND_DATE * _DAY
        return both[0] - margin, both[1] + margin

    @property
    def rule(self) -> str:
        """How it was chosen, as a sentence."""
        return "Its dates are those that were given."

    @property
    def asked(self) -> str:
        """What is asked for, as part of a sentence."""
        return f"for {self.reference} and {self.secondary}"

    @property
    def lack(self) -> str:
        """What a pair needs beyond two dates, as part of a sentence."""
        return f", here with {self.polarization}" if self.polarization else ""

    @property
    def remedy(self) -> str:
        """What to do when there is none."""
        return "Give two dates of one of these tracks."

    def distance(self, moment: datetime) -> timedelta:
        """Tell how far a time is from the nearer date."""
        return min(abs(moment - _midnight(day_or_product(end))) for end in (self.reference, self.secondary))

    def is_reference(self, acquisition: CatalogAcquisition) -> bool:
        """Tell whether it is the one that was given as reference."""
        return _is(acquisition, self.reference)

    def is_secondary(self, acquisition: CatalogAcquisition) -> bool:
        """Tell whether it is the one that was given as secondary."""
        return _is(acquisition, self.secondary)


Wish = SpanWish | EventWish | DatesWish


def wish_of(config: RunConfig) -> Wish:
    """Tell what a configuration asks for.

    Raises
    ------
    UsageError
        When it asks for nothing, for half of it, or for what excludes each other.
    """
    polarization = "" if config.polarization == "auto" else config.polarization.upper()
    if config.reference is not None or config.secondary is not None:
        return _dates(config, polarization)
    if config.event is not None:
        first, last = _bounds(config.event)
        margin = _AROUND_EVENT * _DAY
        days = (config.start or (first - margin).date(), config.end or (last + margin).date())
        return EventWish(first, last, days, polarization)
    if config.start is None or config.end is None:
        lacking = " and ".join(name for name in ("start", "end") if getattr(config, name) is None)
        raise UsageError(
            "It is not said which dates the pair should have.",
            f"Neither an event nor two dates are given, and of the span there is no {lacking}.",
            "Give --start and --end, or --event, or --reference and --secondary.",
        )
    return SpanWish(config.start, config.end, polarization)


def _dates(config: RunConfig, polarization: str) -> DatesWish:
    """Return the two dates of a configuration."""
    if config.reference is None or config.secondary is None:
        missing = "--secondary" if config.secondary is None else "--reference"
        raise UsageError(
            f"{missing} is missing.",
            "A pair is given by both of its dates, or by neither.",
            f"Give {missing} too, or --start and --end, or --event.",
        )
    if config.event is not None:
        raise UsageError(
            "--event and --reference exclude each other.", "Each of them decides the dates.", "Give one of them."
        )
    one, other = day_or_product(config.reference), day_or_product(config.secondary)
    if one == other:
        raise UsageError(
            f"Both dates are of {one}.",
            "A displacement needs two passes, and one track is flown once a day at most.",
            "Give two different dates.",
        )
    return DatesWish(config.reference, config.secondary, polarization)


def day_or_product(given: date | str) -> date:
    """Return the day that was given, or that of the product that was.

    Raises
    ------
    UsageError
        When it is not the name of a product.
    """
    return GranuleName.parse(given).start.date() if isinstance(given, str) else given


def _is(acquisition: CatalogAcquisition, given: date | str) -> bool:
    """Tell whether an acquisition is of a day, or has a product or a newer version of it."""
    if not isinstance(given, str):
        return acquisition.start.date() == given
    name = GranuleName.parse(given)
    met = acquisition.start < name.stop and name.start < acquisition.stop
    return acquisition.platform == name.mission and met


def _bounds(event: date | datetime) -> tuple[datetime, datetime]:
    """Return the times between which an event is."""
    if isinstance(event, datetime):
        return event, event
    return _midnight(event), _midnight(event) + _DAY


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
