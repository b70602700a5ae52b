"""How far a GNSS station moved between two moments, from its daily positions.

Around each moment a line is fitted to the days within some days of it, weighted by their noise: white noise and
flicker noise, whose size the scatter of the two months before and after tells. The positions are those of the lines
at the moments; the standard deviation of their difference follows from the covariance of all days. Where the ground
moves faster or slower after a moment than before it, the line has a bend there; what else does not fit enlarges the
standard deviation. A line is not fitted across a step: days behind it are left out, and so is the day of a step, on
which the position is that of before and after. Days that are far from their neighbours are left out too.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from dinsar_cli.gnss.noise import Noise, noise_of
from dinsar_cli.gnss.station import Station, Unmeasured
from dinsar_cli.gnss.steps import EQUIPMENT, JUMP, Step, mjd, steps_of
from dinsar_cli.gnss.tenv3 import Series

Doubles: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]

DAYS = 10
"""Days on either side of a moment, unless another number is asked for."""
LEAST_DAYS = 5
"""Days with positions that each line needs."""
_AROUND = 60  # days around both moments whose scatter tells the noise
_LEAST_OF_NOISE, _LEAST_OF_LINE = 20, 3  # days
_BENT = 2.5  # standard deviations of a bend from which on a line has it
_BEYOND = 1.5  # days by which a moment may lie outside of those that its line is fitted to
_NEIGHBOURS = 7  # days of the median from which outliers are told
_FAR = 6.0  # robust standard deviations from it
_MIDDLE = 0.5  # of a day, for which its position stands


@dataclass(frozen=True)
class _Window:
    """Days around a moment: which of the series, and from the moment to the middle of each."""

    used: Bools
    offset: Doubles


def motion_between(
    series: Series, moments: tuple[datetime, datetime], told: Iterable[Step] = (), days: int = DAYS
) -> Station | Unmeasured:
    """Return how far a station moved between two moments.

    Parameters
    ----------
    series : Series
    moments : (datetime, datetime)
        The earlier and the later one, UTC.
    told : iterable of Step
        Known steps of this station.
    days : int
        On either side of a moment; a day that is near to both counts for the nearer one.

    Returns
    -------
    Station or Unmeasured
        Metres. An earthquake between the moments is motion; behind a change of equipment nothing is known.
    """
    if series.place is None:
        return Unmeasured(series.name, "without any position", None)
    times = mjd(moments[0]), mjd(moments[1])
    steps = steps_of(series, told, (times[0] - _AROUND, times[1] + _AROUND))
    clean = ~(_outliers(series) | _on_steps(series, steps))
    windows = [_window(series, clean, times, index, steps, days) for index in (0, 1)]
    reason = _broken(times, steps) or next(
        filter(None, (_too_few(one, when, days) for one, when in zip(windows, moments, strict=True))), ""
    )
    if reason:
        return Unmeasured(series.name, reason, series.place)
    motion, sigma = _difference(series, clean, windows, times, steps)
    either = windows[0].used | windows[1].used
    correlation = np.clip(np.median(series.correlations[either], axis=0), -0.9, 0.9)
    told_of = _notes(times, steps)
    return Station(series.name, *series.place, _three(motion), _three(sigma), _three(correlation), told_of)


def _three(values: Doubles) -> tuple[float, float, float]:
    first, second, third = values.tolist()
    return first, second, third


def _outliers(series: Series) -> Bools:
    """Tell which days are far from the median of a week in any component."""
    away = series.positions - median_filter(series.positions, (_NEIGHBOURS, 1), mode="nearest")
    scatter = 1.4826 * np.median(np.abs(away), axis=0)
    far = np.abs(away) > _FAR * np.maximum(scatter, np.median(series.sigmas, axis=0))
    return np.asarray(np.any(far, axis=1))


def _on_steps(series: Series, steps: Sequence[Step]) -> Bools:
    """Tell in which days a step happened."""
    on = np.zeros(len(series.days), bool)
    for step in steps:
        first, last = np.searchsorted(series.days, [math.floor(step.start), math.ceil(step.stop)])
        on[first:last] = True  # of a moment at midnight no day
    return on


def _window(
    series: Series, clean: Bools, times: tuple[float, float], index: int, steps: Sequence[Step], days: int
) -> _Window:
    """Return the days of a moment: near to it, nearer than to the other one, and on its side of all steps."""
    middle = series.days + _MIDDLE
    away, other = middle - times[index], middle - times[1 - index]
    used = clean & (np.abs(away) <= days) & (np.abs(away) <= np.abs(other))
    for step in steps:
        after = times[index] >= step.stop
        used &= np.asarray(middle > step.start) if after else np.asarray(middle < step.stop)
    return _Window(used, np.asarray(away, np.float64))


def _broken(times: tuple[float, float], steps: Sequence[Step]) -> str:
    """Tell why steps leave the motion unknown; nothing where they do not."""
    for step in steps:
        if step.kind == EQUIPMENT and step.stop > times[0] and step.start < times[1]:
            return f"with {EQUIPMENT} on {step.day}, between the dates"
        if any(step.start < time < step.stop for time in times):
            return f"with {step.kind} on {step.day}, the day of an acquisition, before or after it"
    return ""


def _too_few(window: _Window, moment: datetime, days: int) -> str:
    """Tell why a line cannot be fitted; nothing where it can."""
    away = window.offset[window.used]
    if len(away) < LEAST_DAYS:
        return f"with {len(away)} positions within {days} days of {moment.date()}; {LEAST_DAYS} are needed"
    if away[0] > _BEYOND or away[-1] < -_BEYOND:
        gap = min(abs(away[0]), abs(away[-1]))
        return f"with no position from {gap:.0f} days {'after' if away[0] > 0 else 'before'} {moment.date()} on"
    return ""


def _difference(
    series: Series,
    clean: Bools,
    windows: Sequence[_Window],
    times: tuple[float, float],
    steps: Sequence[Step],
) -> tuple[Doubles, Doubles]:
    """Return the motion between both moments and its standard deviations, metres."""
    middle = np.asarray(series.days + _MIDDLE, np.float64)
    before, after = times[0] - middle, middle - times[1]
    around = clean & (((before >= 0) & (before <= _AROUND)) | ((after >= 0) & (after <= _AROUND)))
    if around.sum() < _LEAST_OF_NOISE:
        around = clean & (before <= _AROUND) & (after <= _AROUND)
    whole = _motion_design(middle[around], times, steps)
    motion, sigma = np.zeros(3), np.zeros(3)
    for part in range(3):
        values, formal = series.positions[:, part], series.sigmas[:, part]
        usual = float(np.median(formal[around]))
        noise = noise_of(series.days[around], values[around] - values[around].mean(), formal[around], usual, whole)
        motion[part], sigma[part] = _of_lines(series, part, windows, noise, usual)
    return motion, sigma


def _of_lines(
    series: Series, part: int, windows: Sequence[_Window], noise: Noise, usual: float
) -> tuple[float, float]:
    """Return the motion by lines, with a bend where they need one, and its standard deviation."""
    either = windows[0].used | windows[1].used
    columns = [column[either] for one in windows for column in (one.used.astype(float), one.used * one.offset)]
    values = series.positions[either, part]
    values = values - values.mean()
    covariance = noise.covariance(series.days[either], series.sigmas[either, part], usual)
    bends = [(one.used * np.abs(one.offset))[either] for one in windows if _on_both_sides(one)]
    for bend in bends:
        level, cofactor, _ = _least_squares(np.stack([*columns, bend], axis=1), values, covariance)
        if abs(level[-1]) > _BENT * math.sqrt(cofactor[-1, -1]):
            columns.append(bend)
    level, cofactor, misfit = _least_squares(np.stack(columns, axis=1), values, covariance)
    variance = float(cofactor[0, 0] + cofactor[2, 2] - 2 * cofactor[0, 2]) * max(1.0, misfit)
    return float(level[2] - level[0]), math.sqrt(variance)


def _on_both_sides(window: _Window) -> bool:
    after = window.offset[window.used] > 0
    return bool(min(after.sum(), (~after).sum()) >= _LEAST_OF_LINE)


def _least_squares(design: Doubles, values: Doubles, covariance: Doubles) -> tuple[Doubles, Doubles, float]:
    """Return the solution, its covariance, and the reduced chi-square."""
    solved = np.linalg.solve(covariance, design)
    cofactor = np.linalg.inv(design.T @ solved)
    solution = cofactor @ (solved.T @ values)
    residual = values - design @ solution
    chi_square = float(residual @ np.linalg.solve(covariance, residual))
    return solution, cofactor, chi_square / (len(values) - design.shape[1])


def _motion_design(middle: Doubles, times: tuple[float, float], steps: Sequence[Step]) -> Doubles:
    """Return a line before, between and after both moments, with an offset for each step that lies within the days.

    What the ground does between the moments is no noise of the days before and after them.
    """
    columns: list[Doubles] = []
    parts = (middle <= times[0], (middle > times[0]) & (middle < times[1]), middle >= times[1])
    for inside in parts:
        if inside.sum() >= _LEAST_OF_LINE:
            columns += [inside.astype(np.float64), np.where(inside, middle - middle[inside].mean(), 0.0) / 100]
        elif inside.any():
            columns.append(inside.astype(np.float64))
    if len(middle) < 2 * len(columns):  # days that somebody took out of a file
        columns = [np.ones(len(middle)), (middle - middle.mean()) / 100]
    rank = len(columns)
    for step in steps if len(middle) >= 3 * rank else ():
        wider = np.stack([*columns, (middle > step.start).astype(np.float64)], axis=1)
        if np.linalg.matrix_rank(wider) > rank:
            columns.append(wider[:, -1])
            rank += 1
    return np.stack(columns, axis=1)


def _notes(times: tuple[float, float], steps: Sequence[Step]) -> tuple[str, ...]:
    """Tell of jumps between the dates that nobody explains."""
    days = sorted({step.day for step in steps if step.kind == JUMP and times[0] < step.start < times[1]})
    if not days:
        return ()
    told = ", ".join(str(day) for day in days[:5])
    return (f"a jump on {told} is taken as motion, though it may be of equipment (an earthquake: give --event)",)
