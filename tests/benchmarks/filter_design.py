"""Compare the phase filters of the engines: ``python tests/benchmarks/filter_design.py [STRENGTH]``.

Noise that each leaves at coherences from 0.3 to 0.9, in look cells and interpolated on a map, and what each leaves
of a phase that swings by 1 rad over 4 to 100 look cells, at three coherences; then both together, as the error on
bowls of several widths and heights. Beside them stands the filter of eos-sar, which smooths the spectrum, at the
same exponent and at twice it: it leaves much of the noise, or bends the phase of bowls.

It takes half a minute. The seed is fixed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.filter_noise import interpolated_power, unit
from dinsar_cli.maps.phase_noise import filters
from support.speckle import LookCells, look_cells

LOOKS = (7, 2)
CELLS, EDGE = 224, 40
COHERENCES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
PERIODS = (4, 6, 8, 12, 16, 24, 40, 60, 100)
BOWLS = ((15, 2), (15, 5), (30, 5), (30, 10), (60, 5), (60, 20))
"""Radius in look cells and height in cycles."""
LINE, SAMPLE = np.mgrid[:CELLS, :CELLS]
DISTANCE = np.hypot(LINE - CELLS / 2, SAMPLE - CELLS / 2)

Phase = Callable[[np.ndarray, LookCells], np.ndarray]


def designs(strength: float) -> Iterator[tuple[str, Phase]]:
    """Filtered phase of a signal on speckle, by each filter."""
    smoothed = import_module("eos.sar.goldstein_filter").apply
    others = {
        f"eos-sar x {factor}": lambda cross, exponent, factor=factor: smoothed(
            unit(cross), step=8, window_size=3, alpha=factor * exponent
        )
        for factor in (1, 2)
    }
    for name, phase_filter in (filters() | others).items():
        yield (
            name,
            lambda signal, cells, use=phase_filter: np.angle(use(cells.cross * np.exp(1j * signal), strength)),
        )


def inner(values: np.ndarray) -> np.ndarray:
    return values[EDGE:-EDGE, EDGE:-EDGE]


def error(phase: Phase, cells: LookCells, signal: np.ndarray) -> np.ndarray:
    """Wrapped difference of a filtered phase and the signal on it."""
    return inner(np.angle(np.exp(1j * (phase(signal, cells) - signal))))


def rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))


def response(phase: Phase, cells: LookCells, period: float) -> float:
    """Share of a swing of 1 rad that is left."""
    swing = np.sin(2 * np.pi * (0.8 * LINE + 0.6 * SAMPLE) / period)
    left = inner(phase(swing, cells))
    return float((left * inner(swing)).sum() / (inner(swing) ** 2).sum())


def table(title: str, heads: tuple[object, ...], row: Callable[[Phase], list[float]], strength: float) -> None:
    print(f"\n{title}\n{'':16}" + "".join(f"{head!s:>9}" for head in heads))
    for name, phase in designs(strength):
        print(f"{name:16}" + "".join(f"{value:9.3f}" for value in row(phase)))


def main(strength: float) -> None:
    speckle = {
        coherence: look_cells((CELLS, CELLS), LOOKS, coherence, np.random.default_rng((1, number)))
        for number, coherence in enumerate(COHERENCES)
    }
    flat = np.zeros((CELLS, CELLS))
    print(f"strength {strength:g}, {LOOKS[0]} x {LOOKS[1]} looks")
    table(
        "noise left, rad, by coherence",
        COHERENCES,
        lambda phase: [rms(error(phase, cells, flat)) for cells in speckle.values()],
        strength,
    )
    table(
        "the same between look cells, as on a map",
        COHERENCES,
        lambda phase: [float(np.sqrt(interpolated_power(error(phase, c, flat)))) for c in speckle.values()],
        strength,
    )
    for coherence in (0.4, 0.6, 0.8):
        table(
            f"left of 1 rad, by period in look cells, coherence {coherence:g}",
            PERIODS,
            lambda phase, cells=speckle[coherence]: [response(phase, cells, period) for period in PERIODS],
            strength,
        )
    for radius, height in BOWLS:
        signal = 2 * np.pi * height * np.exp(-(DISTANCE**2) / (2 * radius**2))
        near = inner(DISTANCE) < 2 * radius
        table(
            f"error, rad, in a bowl of radius {radius} and {height} cycles, by coherence",
            COHERENCES,
            lambda phase, signal=signal, near=near: [rms(error(phase, c, signal)[near]) for c in speckle.values()],
            strength,
        )


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 0.5)
