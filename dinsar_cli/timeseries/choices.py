"""What a series is made by, and whether the maps can give what is asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from dinsar_cli.base.graph import parts_of
from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.series.velocity import Model
from dinsar_cli.timeseries.maps.pair_maps import PairMaps
from dinsar_cli.timeseries.reference import WINDOW
from dinsar_cli.timeseries.solve import least_pairs_possible


@dataclass(frozen=True)
class CoherentIn:
    """In how many pairs a cell must be coherent to get a value.

    Attributes
    ----------
    number : int
        Of pairs.
    share : float
        Of the pairs, 0 to 1; what asks for more of both counts.
    least : float
        Coherence from which on a cell is coherent; one without displacement is not.
    """

    number: int = 0
    share: float = 0.0
    least: float = 0.3

    def pairs(self, count: int) -> int:
        """Return in how many of some pairs; more than there are where they are too few."""
        return max(self.number, math.ceil(self.share * count - 1e-9))


@dataclass(frozen=True)
class Choices:
    """What a series is made by.

    Attributes
    ----------
    repair : bool
        Whether whole cycles that have one explanation are taken off.
    drop : tuple of date
        Dates that are left out.
    drop_noisy : bool
        Whether dates that are much noisier than the others are left out.
    least_pairs : int
        That each date must have in a cell.
    coherent_in : CoherentIn
        In how many pairs a cell must be coherent.
    window : int
        Cells on a side, around the place that all is relative to, of which the calm and coherent ones are averaged;
        0 leaves zero as the maps have it.
    seasonal : bool
    steps : tuple of date
    netcdf : bool
        Whether one file with all of it is written too.
    """

    repair: bool = True
    drop: tuple[date, ...] = ()
    drop_noisy: bool = False
    least_pairs: int = 1
    coherent_in: CoherentIn = CoherentIn()
    window: int = WINDOW
    seasonal: bool = False
    steps: tuple[date, ...] = ()
    netcdf: bool = False


def without_dates(maps: PairMaps, dates: Sequence[date]) -> PairMaps:
    """Leave dates out, if the others still hang together."""
    unknown = [day for day in dates if day not in maps.dates]
    if unknown:
        raise UsageError(
            f"{unknown[0]} is no date of {maps.folder}.",
            f"Its dates are {', '.join(map(str, maps.dates))}.",
            "Give one of these to --drop-dates.",
        )
    rest = maps.without(dates)
    parts = parts_of(rest.dates, rest.pairs)
    if len(parts) == 1 and len(rest.dates) > 2:
        return rest
    if not dates:
        cause = f"No pair joins {parts[0][0]} to {parts[0][-1]} with {parts[1][0]} to {parts[1][-1]}."
        remedy = "Make pairs that join them: dinsar stack --network sequential:3"
    else:
        lost = ", ".join(map(str, dates))
        left = [day for day in maps.dates if day not in dates]
        cause = f"Without {lost} the pairs do not join all of {', '.join(map(str, left))}."
        remedy = "Drop fewer dates, or make pairs that go past them: dinsar stack --network sequential:3"
    raise NoDataError("The pairs do not hang together.", cause, remedy)


def _check_determined(maps: PairMaps, choices: Choices) -> None:
    model = Model.of(maps.dates, seasonal=choices.seasonal, steps=choices.steps)
    if not model.determined:
        raise UsageError(
            f"{len(maps.dates)} dates do not tell {', '.join(model.names)} from each other.",
            "A step needs dates on both sides, a period of a year needs dates over most of one.",
            "Ask for less (--seasonal, --step), drop fewer dates, or make the maps of more dates.",
        )


def _check_pairs_wanted(maps: PairMaps, choices: Choices) -> None:
    most = least_pairs_possible(maps.dates, maps.pairs)
    if choices.least_pairs > most:
        raise UsageError(
            f"--min-pairs {choices.least_pairs}: some date is in {most} pairs.",
            "No cell could have a value.",
            f"Give {most} or less, or make more pairs: dinsar stack --network sequential:{choices.least_pairs}",
        )


def _check_coherent_in(maps: PairMaps, choices: Choices) -> None:
    wanted, there = choices.coherent_in.pairs(len(maps.pairs)), len(maps.pairs)
    if wanted > there:
        raise UsageError(
            f"--coherent-in {wanted}: there are {there} pairs.",
            "No cell could be coherent in so many.",
            "Give all, fewer pairs, or a share like 0.8.",
        )


def check_wanted(maps: PairMaps, choices: Choices) -> None:
    """Refuse what no cell of the maps could give.

    Raises
    ------
    UsageError
    """
    _check_pairs_wanted(maps, choices)
    _check_coherent_in(maps, choices)
    _check_determined(maps, choices)
