"""Measure what the phase filters leave of the noise: ``python tests/benchmarks/filter_noise.py [FILE]``.

Speckle of two dates with a known coherence and no phase is averaged over look cells and filtered as each engine
does it: what is left of the phase is noise. The result is the table ``dinsar_cli/maps/phase_noise.json``, from
which ``los_sigma`` is computed. It has, for each engine, strength of the filter, number of looks and coherence:

- gain: standard deviation of the filtered phase over that of the formulas for the unfiltered one. It depends on how
  far the signal stands out in the spectrum of a patch, which is coherence and looks together, and on how many
  neighbouring samples are correlated, which is looks alone;
- interpolated: the same after bilinear interpolation at places anywhere between the cells, over that at the cells;
- change: root mean square by which filtering once more changes the phase, over its standard deviation.

And for each engine and strength:

- bend: where the phase is not flat, the factor of the surplus by which filtering once more changes it (beyond twice
  what noise explains) that makes the error over sigma 1 in the mean square. Such a phase here: bowls and domes.

It takes two minutes. The seed is fixed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import brentq

sys.path.insert(0, str(Path(__file__).parents[1]))

from dinsar_cli.maps.phase_noise import TABLE_FILE, PhaseFilter, filters, surplus
from dinsar_cli.radar.uncertainty import phase_deviation
from support.speckle import INDEPENDENT, look_cells

STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
LOOKS = ((3, 1), (7, 2), (19, 7), (38, 14))
COHERENCES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.55, 0.7, 0.85, 0.95)
SIGNALS = tuple((looks, coherence) for looks in ((7, 2), (19, 7)) for coherence in (0.5, 0.6, 0.7, 0.8, 0.9)) * 3
CELLS = 208
EDGE = 32  # cells that a patch reaches
SEED = 20230904

Filter = Callable[[np.ndarray, float], np.ndarray]


def noise_figures(cross: np.ndarray, phase_filter: Filter, strength: float, formula: float) -> dict[str, float]:
    """Gain, interpolated and change of one patch of speckle."""
    once = phase_filter(cross, strength)
    again = phase_filter(np.abs(cross) * unit(once), strength)
    left, changed = inner(np.angle(once)), inner(np.angle(again * np.conj(once)))
    deviation = float(np.sqrt(np.mean(left**2)))
    return {
        "gain": deviation / formula,
        "interpolated": float(np.sqrt(interpolated_power(left))) / deviation,
        "change": float(np.sqrt(np.mean(changed**2))) / deviation,
    }


def interpolated_power(noise: np.ndarray) -> float:
    """Mean power of noise that is interpolated bilinearly at places spread evenly between its samples.

    In each direction the weights are 1 - d and d: their squares have the mean 1/3 each, their product 1/6.
    """
    corner, below, right, across = noise[:-1, :-1], noise[1:, :-1], noise[:-1, 1:], noise[1:, 1:]
    same = np.mean(corner**2 + below**2 + right**2 + across**2)
    beside = np.mean(corner * below + right * across + corner * right + below * across)
    diagonal = np.mean(corner * across + below * right)
    return float(same / 9 + beside / 9 + diagonal / 18)


@dataclass(frozen=True)
class Bent:
    """Speckle with a phase that is not flat."""

    cross: np.ndarray
    signal: np.ndarray


def bent_scenes(generator: np.random.Generator) -> list[Bent]:
    """Bowls and domes of half a fringe to five, on speckle of several coherences."""
    lines, samples = np.mgrid[:CELLS, :CELLS]
    scenes = []
    for looks, coherence in SIGNALS:
        cross = look_cells((CELLS, CELLS), looks, coherence, generator).cross
        row, column = generator.uniform(CELLS / 3, 2 * CELLS / 3, 2)
        radius, height = generator.uniform(15, 60), 2 * np.pi * generator.uniform(0.5, 5)
        distance = (lines - row) ** 2 + (samples - column) ** 2
        scenes.append(Bent(cross, height * np.exp(-distance / (2 * radius**2))))
    return scenes


def bend(engine: str, strength: float, scenes: Sequence[Bent]) -> float:
    """Factor of the surplus that makes error over sigma 1 in the mean square, where the phase is bent.

    That is where filtering again changes it by twice as much, in power, as noise explains.
    """
    phase_filter, chosen = filters()[engine], PhaseFilter(engine, strength)
    errors, noises, extras = [], [], []
    for scene in scenes:
        flat = unit(phase_filter(scene.cross, strength))
        again = phase_filter(np.abs(scene.cross) * flat, strength)
        noise = float(np.mean(inner(np.angle(flat)) ** 2))
        change = float(np.sqrt(np.mean(inner(np.angle(again * np.conj(flat))) ** 2)))
        wave = np.exp(1j * scene.signal)
        once = unit(phase_filter(scene.cross * wave, strength))
        extra = inner(surplus(once, np.abs(scene.cross), np.full(wave.shape, change), chosen))
        counts = extra > change**2
        errors.append(inner(np.angle(once * wave.conj()))[counts] ** 2)
        extras.append(extra[counts] - change**2)
        noises.append(np.full(extras[-1].shape, 2 * noise))
    error, extra, noise = (np.concatenate(parts) for parts in (errors, extras, noises))
    return float(brentq(lambda factor: np.mean(error / (noise + factor**2 * extra)) - 1, 0.1, 10))


def unit(wave: np.ndarray) -> np.ndarray:
    return wave / np.abs(wave)


def inner(values: np.ndarray) -> np.ndarray:
    return values[EDGE:-EDGE, EDGE:-EDGE]


def measure() -> dict[str, object]:
    figures: dict[str, dict[str, Any]] = {}
    shape = len(STRENGTHS), len(LOOKS), len(COHERENCES)
    for name in filters():
        figures[name] = {key: np.zeros(shape) for key in ("gain", "interpolated", "change")}
    for j, looks in enumerate(LOOKS):
        effective = looks[0] * looks[1] * INDEPENDENT
        for k, coherence in enumerate(COHERENCES):
            generator = np.random.default_rng((SEED, j, k))
            cross = look_cells((CELLS, CELLS), looks, coherence, generator).cross
            formula = float(phase_deviation(np.array(coherence), effective))
            for name, phase_filter in filters().items():
                for i, strength in enumerate(STRENGTHS):
                    found = noise_figures(cross, phase_filter, strength, formula)
                    for key, value in found.items():
                        figures[name][key][i, j, k] = round(value, 4)
            print(looks, coherence, file=sys.stderr)
    scenes = bent_scenes(np.random.default_rng((SEED, len(LOOKS))))
    for name, values in figures.items():
        bends = [0.0, *(round(bend(name, strength, scenes), 4) for strength in STRENGTHS[1:])]
        figures[name] = {"bend": bends, **{key: array.tolist() for key, array in values.items()}}
    return {
        "made": "tests/benchmarks/filter_noise.py: speckle with the spectra of Sentinel-1 IW1, "
        f"{CELLS} x {CELLS} look cells, seed {SEED}",
        "strength": STRENGTHS,
        "looks": [round(r * a * INDEPENDENT, 4) for r, a in LOOKS],
        "coherence": COHERENCES,
        "engines": figures,
    }


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else TABLE_FILE
    target.write_text(json.dumps(measure(), indent=1) + "\n", encoding="utf-8")
