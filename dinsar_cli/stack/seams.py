"""Steps at the seams of bursts and subswaths in all pairs of a stack, and which dates make them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np

from dinsar_cli.base.graph import parts_of
from dinsar_cli.radar.displacement import los_displacement
from dinsar_cli.radar.interferogram import Interferogram
from dinsar_cli.report.seams import Seam, Step, measured_seams, worst
from dinsar_cli.report.verdicts import judge
from dinsar_cli.series.graph import Pair

_LEAST_DATES = 3
"""Of two dates that do not fit together nobody can tell which one is wrong."""


@dataclass(frozen=True)
class DateStep:
    """How the bursts of a date fit together, against those of most other dates.

    Attributes
    ----------
    step : Step
        At the seam where it is worst.
    misregistration : float or None
        Metres along the track that explain it, absolute value, but for whole cycles.
    """

    step: Step
    misregistration: float | None

    @property
    def bad(self) -> bool:
        """Whether it is above its limit."""
        return self.step.excess > 1


@dataclass(frozen=True)
class StackSeams:
    """The seams of all pairs, and of the dates.

    Attributes
    ----------
    pairs : dict of Pair to tuple of Seam
        At which the bursts were compared.
    dates : dict of date to DateStep
        Empty of fewer than three dates.
    wavelength : float
        Metres.
    """

    pairs: Mapping[Pair, tuple[Seam, ...]]
    dates: Mapping[date, DateStep]
    wavelength: float

    def of_pair(self, pair: Pair) -> dict[str, Any] | None:
        """Return what the record tells of a pair; None where nothing was measured."""
        seam = worst(self.pairs.get(pair, ()))
        if seam is None:
            return None
        return {
            "where": seam.name,
            "step_rad": seam.step.value,
            "sigma_rad": seam.step.sigma,
            "misregistration_m": seam.misregistration,
            "good": seam.step.excess <= 1,
        }

    def of_date(self, day: date) -> dict[str, Any] | None:
        """Return what the record tells of a date; None where nothing is known."""
        found = self.dates.get(day)
        if found is None:
            return None
        step = found.step
        told = {"step_rad": step.value, "sigma_rad": step.sigma, "misregistration_m": found.misregistration}
        return told | {"good": not found.bad}

    def warning(self, pair: Pair) -> str:
        """Return the words on a pair as its report has them; empty of a good one."""
        seam = worst(self.pairs.get(pair, ()))
        return (
            ""
            if seam is None
            else judge("burst_step", abs(seam.step.value), seam.step.limit, "", seam.told).warning
        )

    def warnings(self) -> list[str]:
        """Tell the dates whose bursts do not fit together, and the pairs that these do not explain."""
        bad = {day: found for day, found in self.dates.items() if found.bad}
        told = [self._of_date(day, found) for day, found in bad.items()]
        for pair in self.pairs:
            text = self.warning(pair)
            if text and not bad.keys() & set(pair):
                told.append(f"{pair[0]} to {pair[1]}: {text}")
        return told

    def _of_date(self, day: date, found: DateStep) -> str:
        phase = abs(found.step.value)
        metres = abs(float(los_displacement(np.asarray(phase), self.wavelength)))
        pairs = sum(day in pair for pair in self.pairs)
        as_shift = (
            f", as an error of {found.misregistration:.2f}\u00a0m along the track would make them"
            if found.misregistration is not None
            else ""
        )
        return (
            f"{day}: its bursts do not fit together as those of most dates do: steps of {phase:.2f}\u00a0rad "
            f"({metres * 1000:.1f}\u00a0mm) at the seams of its {pairs} pairs{as_shift}. Check its orbit file, or "
            "leave its products out."
        )


def stack_seams(made: Mapping[Pair, Interferogram]) -> StackSeams:
    """Gather what bursts say of each other in all pairs, and find the dates that make steps.

    The step of a pair is that of its later date minus that of its earlier one, be it by a misregistration, by what
    the processor did to a burst, or by motion along the track: the bursts see the ground at the same two Doppler
    frequencies in all pairs on one geometry. The steps of the dates follow from those of the pairs at each seam but
    for what is the same on all dates, which is chosen so that most dates have none.

    Parameters
    ----------
    made : mapping of Pair to Interferogram
    """
    pairs = {pair: measured_seams(one) for pair, one in made.items()}
    seams: dict[str, dict[Pair, Seam]] = {}
    for pair, found in pairs.items():
        for seam in found:
            seams.setdefault(seam.name, {})[pair] = seam
    steps: dict[date, list[Seam]] = {}
    for at in seams.values():
        for day, seam in _of_dates(at).items():
            steps.setdefault(day, []).append(seam)
    dates = {day: _summed_up(found) for day, found in sorted(steps.items())}
    return StackSeams(pairs, dates, next(iter(made.values())).wavelength)


def _of_dates(at: Mapping[Pair, Seam]) -> dict[date, Seam]:
    """Return the seam as each date has it, from that of its pairs."""
    parts = parts_of(sorted({day for pair in at for day in pair}), at)
    days = max(parts, key=len, default=())
    if len(days) < _LEAST_DATES:
        return {}
    known = {pair: seam for pair, seam in at.items() if pair[0] in days}
    phases = date_phases(days, {pair: seam.step.value for pair, seam in known.items()})
    found = {}
    for day, phase in zip(days, phases, strict=True):
        own = [seam for pair, seam in known.items() if day in pair]
        overlap = next(seam.overlap for seam in own if seam.overlap is not None)  # those that were measured
        scale = _metres_per_radian(own)
        metres = None if scale is None else abs(phase) * scale
        sigma = float(np.median([seam.step.sigma for seam in own]))
        found[day] = replace(own[0], overlap=replace(overlap, phase=phase, sigma=sigma), misregistration=metres)
    return found


def _metres_per_radian(seams: Iterable[Seam]) -> float | None:
    """Return the misregistration that makes a radian at a seam, which is the same in all pairs."""
    for seam in seams:
        if seam.misregistration is not None and seam.step.value:
            return seam.misregistration / abs(seam.step.value)
    return None


def date_phases(days: Sequence[date], phases: Mapping[Pair, float]) -> list[float]:
    """Return phases of dates whose differences are those of pairs, by least squares on the circle.

    They are the arguments of the leading eigenvector of the matrix of the pairs' phasors [1]_, to which whole
    cycles are nothing; and zero is the date from which the others differ least.

    Parameters
    ----------
    days : sequence of date
        That hang together by pairs.
    phases : mapping of Pair to float
        Later minus earlier date, radians.

    References
    ----------
    .. [1] Singer (2011), "Angular synchronization by eigenvectors and semidefinite programming", Applied and
       Computational Harmonic Analysis 30(1).
    """
    index = {day: number for number, day in enumerate(days)}
    matrix = np.zeros((len(days), len(days)), np.complex128)
    for (first, second), phase in phases.items():
        matrix[index[second], index[first]] = np.exp(1j * phase)
        matrix[index[first], index[second]] = np.exp(-1j * phase)
    units = np.exp(1j * np.angle(np.linalg.eigh(matrix)[1][:, -1]))
    apart = np.abs(np.angle(units[:, None] * units.conj()))
    middle = units[int(np.argmin(np.sum(apart, axis=1)))]
    return [float(phase) for phase in np.angle(units * middle.conj())]


def _summed_up(found: Sequence[Seam]) -> DateStep:
    seam = worst(found)
    if seam is None or not math.isfinite(seam.step.value):
        return DateStep(Step(math.nan, math.nan), None)
    return DateStep(seam.step, seam.misregistration)
