"""Steps at the seams of bursts and subswaths: what the map shows, and what the bursts themselves say."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.radar.interferogram import DESCRIPTION_FILE, Interferogram
from dinsar_cli.radar.overlaps import OverlapPhase, error_of_median
from dinsar_cli.radar.unwrap_check import largest_component

Floats = NDArray[np.floating[Any]]

LIMIT = 0.3
"""Radians: 1.3 mm. Smaller steps do not matter."""

REACH = 1000.0
"""Metres of ground on each side of a seam from which its step is told."""

_SURE = 3.0  # standard errors
_PIECE = 1000.0  # m along a seam of which the mean is taken
_AROUND = 9000.0  # m: steps are told at places so far from the seam, where there is none (bursts are 20 km long)
_GAP = 1  # look cells each side that have samples of both bursts
_LEAST_CELLS = 4  # each side of a seam
_MIXED, _MIXED_CELLS = 0.42, 3.5  # how the phase filters round a step off, and how many look cells away
_LEAST_PLACES, _LEAST_PIECES = 3, 8  # from which a standard error is told
_READ = ("unwrapped", "components")  # layers


@dataclass(frozen=True)
class Step:
    """A step of the phase with its standard error, radians; NaN where it cannot be told."""

    value: float
    sigma: float

    @property
    def limit(self) -> float:
        """What it must not pass: that which matters, or three standard errors where they are more."""
        return max(LIMIT, _SURE * self.sigma) if math.isfinite(self.sigma) else LIMIT

    @property
    def excess(self) -> float:
        """Its size over the limit; negative where it cannot be told."""
        return abs(self.value) / self.limit if math.isfinite(self.value) else -1.0


UNKNOWN = Step(math.nan, math.nan)


@dataclass(frozen=True)
class Seam:
    """A cut between bursts or subswaths.

    Attributes
    ----------
    name : str
        Where it is.
    seen : Step
        That of the map. Steep deformation can look like one.
    overlap : OverlapPhase or None
        What the two bursts say of the ground that both see. Deformation along the line of sight is not in it.
    misregistration : float or None
        Metres along the track that explain it, absolute value.
    """

    name: str
    seen: Step
    overlap: OverlapPhase | None = None
    misregistration: float | None = None

    @property
    def step(self) -> Step:
        """What is taken for the step: the word of the bursts where there is one, else what the map shows."""
        return self.seen if self.overlap is None else Step(self.overlap.phase, self.overlap.sigma)

    @property
    def told(self) -> str:
        """How the step is known, for people."""
        if self.overlap is None:
            return "read from the map, where steep deformation can look like a step"
        if self.misregistration is None:
            return "the two bursts differ so over the same ground"
        return (
            "the two bursts differ so over the same ground, as a misregistration of "
            f"{self.misregistration:.2f}\u00a0m along the track would make it"
        )


def worst(seams: Iterable[Seam]) -> Seam | None:
    """Return the seam whose step is the most above its limit; None where no step is known."""
    known = [seam for seam in seams if seam.step.excess >= 0]
    return max(known, key=lambda seam: seam.step.excess, default=None)


def seams_of(radar: Path) -> tuple[Seam, ...]:
    """Return all seams of an interferogram; where its layers are gone, those of which its description tells."""
    if not (radar / DESCRIPTION_FILE).is_file():
        return ()
    try:
        interferogram = Interferogram.load(radar)
        seams = *_of_bursts(interferogram), *_of_swaths(interferogram)
    except (OSError, ValueError, KeyError, TypeError):
        return ()
    there = all(interferogram.layer(name).path.is_file() for name in _READ)
    return tuple(seam for seam in seams if there or seam.overlap is not None)


def measured_seams(made: Interferogram) -> tuple[Seam, ...]:
    """Return the seams at which bursts were compared, without a look at the map."""
    bursts = _padded(made.burst_overlaps, len(made.burst_seams))
    swaths = _padded(made.swath_overlaps, len(made.swath_seams))
    named = [(_burst_name(seam), told) for seam, told in zip(made.burst_seams, bursts, strict=True)]
    named += [(_swath_name(seam), told) for seam, told in zip(made.swath_seams, swaths, strict=True)]
    spacing = made.azimuth_spacing / made.looks[1]
    return tuple(Seam(name, UNKNOWN, told, _metres(told, spacing)) for name, told in named if told is not None)


def _burst_name(seam: tuple[int, int, int]) -> str:
    return f"burst, line {seam[0]}, sample {seam[1]}"


def _swath_name(column: int) -> str:
    return f"subswath, sample {column}"


def _of_bursts(made: Interferogram) -> list[Seam]:
    overlaps = _padded(made.burst_overlaps, len(made.burst_seams))
    spacing = made.azimuth_spacing, made.range_spacing
    around = math.ceil((_AROUND + REACH) / spacing[0])
    found = []
    for (line, left, right), overlap in zip(made.burst_seams, overlaps, strict=True):
        top, bottom = max(0, line - around), min(made.lines, line + around)
        others = [other - top for other, a, b in made.burst_seams if other != line and a < right and b > left]
        phase = _phase(made, slice(top, bottom), slice(left, right))
        step = seam_step(phase, line - top, spacing, others)
        found.append(
            Seam(_burst_name((line, left, right)), step, overlap, _metres(overlap, spacing[0] / made.looks[1]))
        )
    return found


def _of_swaths(made: Interferogram) -> list[Seam]:
    """Return the seams between subswaths; their step may change where a burst ends, and the largest part counts."""
    overlaps = _padded(made.swath_overlaps, len(made.swath_seams))
    spacing = made.range_spacing, made.azimuth_spacing
    around = math.ceil((_AROUND + REACH) / spacing[0])
    found = []
    for column, overlap in zip(made.swath_seams, overlaps, strict=True):
        left, right = max(0, column - around), min(made.samples, column + around)
        others = [other - left for other in made.swath_seams if other != column]
        touching = {line for line, a, b in made.burst_seams if a - 1 <= column <= b + 1}
        parts = [
            seam_step(_phase(made, slice(a, b), slice(left, right)).T, column - left, spacing, others)
            for a, b in pairwise(sorted({0, made.lines} | touching))
        ]
        step = max(parts, key=lambda part: part.excess, default=UNKNOWN)
        line_spacing = made.azimuth_spacing / made.looks[1]
        found.append(Seam(_swath_name(column), step, overlap, _metres(overlap, line_spacing)))
    return found


def _padded(overlaps: Sequence[OverlapPhase | None], number: int) -> Sequence[OverlapPhase | None]:
    return overlaps if len(overlaps) == number else [None] * number


def _metres(overlap: OverlapPhase | None, line_spacing: float) -> float | None:
    return None if overlap is None or overlap.lines is None else abs(overlap.lines) * line_spacing


def _phase(made: Interferogram, lines: slice, samples: slice) -> Floats:
    """Return the unwrapped phase of the component that has most of a window: between two, cycles are unknown."""
    if not all(made.layer(name).path.is_file() for name in _READ):
        size = (range(made.lines)[lines], range(made.samples)[samples])
        return np.full([len(cells) for cells in size], np.nan)
    phase, components = (made.layer(name).window(lines, samples) for name in _READ)
    largest = largest_component(components, np.isfinite(phase))
    return np.where((components == largest) & (components > 0), phase, np.nan)


def seam_step(phase: Floats, at: int, spacing: tuple[float, float], others: Sequence[int] = ()) -> Step:
    """Tell the step of the phase across a seam from the ground within a kilometre of it.

    Across the seam a parabola is fitted to both sides together with a step, that the phase filter has rounded off
    as it does; slopes and curvature are thus no steps. That is done for each kilometre along the seam, and the
    median taken: deformation that only some have is left out. The same is then done at places beside the seam,
    where there is no step (a placebo test, as in regression discontinuity designs [1]_): what is found there, by
    noise, atmosphere or bends of the deformation, is the standard error, or what the pieces tell of it, if more.

    Parameters
    ----------
    phase : ndarray
        Unwrapped phase, radians; shape (cells across the seam, cells along it); NaN where it does not count.
    at : int
        First row after the seam.
    spacing : (float, float)
        Metres of ground from row to row, and from column to column.
    others : sequence of int
        First rows after other seams.

    Returns
    -------
    Step
        After minus before; unknown where there is too little ground about the seam or beside it.

    References
    ----------
    .. [1] Imbens and Lemieux (2008), "Regression discontinuity designs: A guide to practice", Journal of
       Econometrics 142(2), section 7.
    """
    across, along = spacing
    profiles = _profiles(phase, max(1, round(_PIECE / along)))
    reach = min(max(_GAP + _LEAST_CELLS, round(REACH / across)), at, len(phase) - at)
    if reach < _GAP + _LEAST_CELLS:
        return UNKNOWN
    offsets, weights = _fit(reach)

    def steps(row: int) -> Floats:
        found: Floats = weights @ profiles[row + offsets]
        return found[np.isfinite(found)]

    here = steps(at)
    if not here.size:
        return UNKNOWN
    step = float(np.median(here))
    beside = [steps(row) for row in _places(at, reach, len(phase), across, (at, *others))]
    false = [float(np.median(found)) for found in beside if found.size >= max(1, here.size // 2)]
    # neighbouring pieces are filtered together: two count as one
    sigma = error_of_median(here, max(1.0, here.size / 2))
    if len(false) < _LEAST_PLACES:
        return Step(step, sigma) if here.size >= _LEAST_PIECES else UNKNOWN
    return Step(step, math.hypot(sigma, math.sqrt(float(np.mean(np.square(false))))))


def _profiles(phase: Floats, piece: int) -> Floats:
    """Return the mean of each row over pieces of the seam; NaN where less than half of one is known."""
    starts = np.arange(0, max(1, phase.shape[1] - piece // 2), piece)
    known = np.isfinite(phase)
    total = np.add.reduceat(np.where(known, phase, 0.0).astype(np.float64), starts, axis=1)
    count = np.add.reduceat(known.astype(np.intp), starts, axis=1)
    lengths = np.diff([*starts, phase.shape[1]])
    return np.where(count >= lengths / 2, total / np.maximum(count, 1), np.nan)


def _fit(reach: int) -> tuple[NDArray[np.intp], Floats]:
    """Give the rows about a seam, and the weights that make the step of a least-squares fit from their values."""
    offsets = np.concatenate([np.arange(-reach, -_GAP), np.arange(_GAP, reach)])
    away = offsets + 0.5
    rounded = np.sign(away) * (0.5 - _MIXED * np.exp(-abs(away) / _MIXED_CELLS))
    x = away / reach
    return offsets, np.linalg.pinv(np.stack([np.ones_like(x), x, x * x, rounded], axis=1))[-1]


def _places(at: int, reach: int, rows: int, across: float, seams: Sequence[int]) -> list[int]:
    """Return rows beside a seam, half a reach apart, about which there is none."""
    clear, most = reach + math.ceil(_MIXED_CELLS), round(_AROUND / across)
    places = range(clear, max(clear, most), max(1, reach // 2))
    rows_ = [at + sign * place for place in places for sign in (-1, 1)]
    return [
        row for row in rows_ if reach <= row <= rows - reach and all(abs(row - seam) >= clear for seam in seams)
    ]
