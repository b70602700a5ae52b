"""From displacement of pairs to motion in time, for some cells at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.series.closure import Repair, closures, cycles, repair_cycles, triangle_matrix
from dinsar_cli.series.graph import Pair
from dinsar_cli.series.inversion import design_matrix, invert, temporal_coherence, tiles
from dinsar_cli.series.velocity import Model, decorrelation_variance

Floats = NDArray[np.floating[Any]]

CYCLE_OPEN: Final = 1
REPAIRED: Final = 2
AMBIGUOUS: Final = 4
FEW_PAIRS: Final = 8
NO_PAIRS: Final = 255


@dataclass(frozen=True)
class Solved:
    """Motion of some cells.

    Attributes
    ----------
    series : ndarray
        Displacement of dates, metres, zero on the first; shape (dates, cells), NaN where it is not known.
    velocity, velocity_sigma : ndarray
        Metres a year; shape (cells,).
    temporal_coherence : ndarray
        0 to 1.
    flags : ndarray
        Sum of: 1 a closure is not zero, 2 that was repaired, 4 it has several explanations, 8 pairs do not join all
        dates; 255 no pair has a value.
    coefficients : dict of str to ndarray
        What was asked for beside the velocity, metres.
    """

    series: Floats
    velocity: Floats
    velocity_sigma: Floats
    temporal_coherence: Floats
    flags: NDArray[np.uint8]
    coefficients: dict[str, Floats]


@dataclass(frozen=True)
class Solver:
    """Solves for motion in time.

    Attributes
    ----------
    dates : tuple of date
    pairs : tuple of Pair
    wavelength : float
        Metres.
    repair : bool
        Whether whole cycles with one explanation are taken off.
    least_pairs : int
        That a date must be in, in a cell that gets a value.
    seasonal : bool
        Whether a period of a year is solved for too.
    steps : tuple of date
        Of jumps that are solved for too.
    date_variance : ndarray, optional
        Of the delay of each date, metres squared: for the weights of the dates and the sigma; shape (dates,).
    pair_variance : float
        Usual variance of a pair by decorrelation, metres squared: delays below it do not tell dates apart.
    """

    dates: tuple[date, ...]
    pairs: tuple[Pair, ...]
    wavelength: float
    repair: bool = True
    least_pairs: int = 1
    seasonal: bool = False
    steps: tuple[date, ...] = ()
    date_variance: Floats | None = None
    pair_variance: float = 0.0

    @cached_property
    def model(self) -> Model:
        """What displacement is made of in time."""
        return Model.of(self.dates, seasonal=self.seasonal, steps=self.steps)

    @cached_property
    def signs(self) -> NDArray[np.integer[Any]]:
        """Of the pairs around each triangle."""
        return triangle_matrix(self.pairs)

    @property
    def half_wave(self) -> float:
        """Displacement of one cycle, metres."""
        return self.wavelength / 2

    def closures(self, los: Floats) -> Floats:
        """Return the closure of each triangle, radians; shape (triangles, cells)."""
        return closures(los * (2 * np.pi / self.half_wave), self.signs)

    def wrong_cycles(self, closure: Floats) -> Repair:
        """Return the whole cycles that pairs are wrong by, from the closure of each triangle."""
        return repair_cycles(cycles(closure), self.signs)

    def solve(self, los: Floats, sigma: Floats, coherence: Floats, wrong: Repair) -> Solved:
        """Solve for the motion of some cells.

        Parameters
        ----------
        los, sigma, coherence : ndarray
            Displacement and its sigma, metres, and coherence of each pair; shape (pairs, cells), NaN without one.
        wrong : Repair
            Whole cycles that pairs are wrong by, in the same cells.
        """
        parts = [
            self._part(los[:, part], sigma[:, part], coherence[:, part], wrong.of(part))
            for part in tiles(los.shape[1])
        ]
        return Solved(
            np.concatenate([part.series for part in parts], axis=1),
            np.concatenate([part.velocity for part in parts]),
            np.concatenate([part.velocity_sigma for part in parts]),
            np.concatenate([part.temporal_coherence for part in parts]),
            np.concatenate([part.flags for part in parts]),
            {name: np.concatenate([part.coefficients[name] for part in parts]) for name in parts[0].coefficients},
        )

    def _part(self, los: Floats, sigma: Floats, coherence: Floats, wrong: Repair) -> Solved:
        los = los.astype(np.float64)
        flags = CYCLE_OPEN * wrong.flagged + AMBIGUOUS * wrong.ambiguous
        if self.repair:
            los = los - wrong.cycles * self.half_wave
            flags += REPAIRED * (wrong.flagged & ~wrong.ambiguous)
        known = np.isfinite(los)
        variance = np.where(known, np.square(sigma), np.nan)
        few = self._pairs_of_dates(known).min(axis=0) < self.least_pairs
        inverted = invert(self.dates, self.pairs, np.where(few, np.nan, los), variance)
        unsolved = ~np.isfinite(inverted.series).all(axis=0)
        flags = np.where(unsolved, flags | FEW_PAIRS, flags).astype(np.uint8)
        flags[~known.any(axis=0)] = NO_PAIRS
        functional = self.model.functional("velocity", self._date_weights)
        operator = np.einsum("d,cdp->cp", functional, inverted.operator)
        power = decorrelation_variance(operator, variance, coherence, self.dates, self.pairs)
        if self.date_variance is not None:
            power = power + functional**2 @ self.date_variance
        scale = 2 * np.pi / self.half_wave
        told = temporal_coherence(los * scale, inverted.series * scale, design_matrix(self.dates, self.pairs))
        others = [name for name in self.model.names if name not in ("offset", "velocity")]
        return Solved(
            inverted.series,
            functional @ inverted.series,
            np.where(unsolved, np.nan, np.sqrt(power)),
            told,
            flags,
            {name: self.model.functional(name, self._date_weights) @ inverted.series for name in others},
        )

    @property
    def _date_weights(self) -> Floats | None:
        return None if self.date_variance is None else 1 / (self.date_variance + self.pair_variance)

    def _pairs_of_dates(self, known: NDArray[np.bool_]) -> NDArray[np.integer[Any]]:
        """Return how many pairs with a value each date has; shape (dates, cells)."""
        counted: NDArray[np.integer[Any]] = np.abs(design_matrix(self.dates, self.pairs)).T.astype(int) @ known
        return counted


def least_pairs_possible(dates: Sequence[date], pairs: Sequence[Pair]) -> int:
    """Return the most pairs that can be asked of every date: what the date with the fewest has."""
    return min(sum(day in pair for pair in pairs) for day in dates)
