"""Hold the sigma of velocity against its errors: ``python tests/benchmarks/series_sigma.py [TRIALS]``.

Cells of six dates have a coherence of 0.3 to 0.9 between neighbouring dates, all over the map, lost at once, day by
day, or to a floor; their pairs are multilooked speckle, with and without turbulence of each date. Told is the root
mean square of error over sigma in bins of coherence, which is to be within 0.8 to 1.25: error is relative to the
median of the map, as the sigma tells how far delay varies over it. *measured* knows the coherence of all dates from
samples, as a stack that keeps them does; *pairs* has that of the network alone.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))

from dinsar_cli.radar.uncertainty import phase_deviation, unbiased_coherence
from dinsar_cli.series.date_quality import date_quality
from dinsar_cli.series.inversion import invert
from dinsar_cli.series.velocity import DateCoherence, Decorrelation, decorrelation_covariance
from dinsar_cli.timeseries.solve import Solver

Floats = NDArray[np.floating[Any]]

DAYS = tuple(date(2023, 9, 4) + timedelta(days=12 * number) for number in range(6))
SIDE, LOOKS, WAVELENGTH, TURBULENCE = 48, 50, 0.05546576, 5e-3
SCALE = WAVELENGTH / (4 * np.pi)
BINS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
LAWS: dict[str, Callable[[Floats, Floats], Floats]] = {
    "at once": lambda first, steps: np.broadcast_to(first, np.broadcast_shapes(first.shape, steps.shape)),
    "to a floor": lambda first, steps: 0.3 + 0.7 * ((first - 0.3) / 0.7) ** steps,
    "day by day": lambda first, steps: first**steps,
}


def turbulence(rng: np.random.Generator) -> Floats:
    """A delay with the spectrum of the atmosphere, of deviation 1; shape (cells,)."""
    wavenumber = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None])
    amplitude = np.where(wavenumber > 0, np.maximum(wavenumber, 1 / SIDE) ** (-11 / 6), 0)
    field = np.fft.irfft2(amplitude * np.exp(2j * np.pi * rng.random(wavenumber.shape)), s=(SIDE, SIDE))
    return (field / field.std()).ravel()


def samples_of(law: str, first: Floats, rng: np.random.Generator) -> NDArray[np.complexfloating[Any, Any]]:
    """Circular Gaussian samples of all dates; shape (cells, looks, dates)."""
    steps = np.abs(np.subtract.outer(np.arange(len(DAYS)), np.arange(len(DAYS)))).astype(float)
    between = LAWS[law](first[:, None, None], steps[None])
    between = np.where(steps == 0, 1, between) + 1e-9 * np.eye(len(DAYS))
    shape = (len(first), LOOKS, len(DAYS))
    white = (rng.normal(size=shape) + 1j * rng.normal(size=shape)) / np.sqrt(2)
    made: NDArray[np.complexfloating[Any, Any]] = white @ np.swapaxes(np.linalg.cholesky(between), 1, 2)
    return made


def trial(law: str, reach: int, delay: float, *, measured: bool, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Error over sigma, and coherence, of the cells of a map."""
    first = rng.uniform(BINS[0], BINS[-1], SIDE**2)
    samples = samples_of(law, first, rng)
    joint = np.swapaxes(samples, 1, 2) @ samples.conj()
    power = np.sqrt(np.einsum("cdd->cd", joint).real)
    coherence = np.abs(joint) / (power[:, :, None] * power[:, None, :])
    numbers = [(i, j) for i, j in itertools.combinations(range(len(DAYS)), 2) if j - i <= reach]
    i, j = np.array(numbers).T
    pairs = tuple((DAYS[a], DAYS[b]) for a, b in numbers)

    # pairs as maps have them: displacement, sigma by the coherence that is measured around a cell, delay of dates
    delays = np.array([delay * turbulence(rng) for _ in DAYS])
    los = -SCALE * np.angle(joint[:, i, j]).T + delays[j] - delays[i]
    true = unbiased_coherence(LAWS[law](first[:, None], (j - i)[None].astype(float)).T, LOOKS * 25.0)
    sigma = SCALE * phase_deviation(true, LOOKS)

    between = DateCoherence.of(coherence[::3], DAYS, pairs) if measured else None
    noise = Decorrelation(DAYS, pairs, between, LOOKS)
    seen = coherence[:, i, j].T
    inverted = invert(DAYS, pairs, los, sigma**2)
    own = decorrelation_covariance(inverted.operator(), sigma**2, noise.of(seen))
    quality = date_quality(DAYS, inverted.series, own)
    solver = Solver(
        DAYS,
        pairs,
        WAVELENGTH,
        repair=False,
        date_variance=quality.variance,
        date_weights=quality.weights,
        decorrelation=noise,
    )
    wrong = solver.wrong_cycles(np.zeros((0, SIDE**2)) if not len(solver.signs) else solver.closures(los * 0))
    solved = solver.solve(los, sigma, seen, wrong)
    return (solved.velocity - np.median(solved.velocity)) / solved.velocity_sigma, first


def main(trials: int) -> None:
    """Print the table."""
    print("law, network, delay, coherence of others: error over sigma in bins from", *BINS[:-1])
    for delay, law, reach, measured in itertools.product((0.0, TURBULENCE), LAWS, (1, 2, 3), (True, False)):
        rng = np.random.default_rng(7)
        told = [trial(law, reach, delay, measured=measured, rng=rng) for _ in range(trials)]
        ratio, coherence = (np.concatenate([one[part] for one in told]) for part in (0, 1))
        place = np.digitize(coherence, BINS) - 1
        found = [np.sqrt(np.mean(ratio[place == number] ** 2)) for number in range(len(BINS) - 1)]
        words = f"{law:10s} sequential:{reach} {1e3 * delay:.0f} mm {'measured' if measured else 'pairs':8s}"
        print(words, *(f"{value:.2f}" for value in found), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
