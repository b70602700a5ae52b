"""Coherence and filtered phase of an interferogram, strip by strip."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.engines.base import EngineInputs, Progress
from dinsar_cli.engines.eos import steps
from dinsar_cli.engines.eos.costs import CROSS, FILTER_BYTES, STRIP_BYTES_PER_THREAD
from dinsar_cli.engines.eos.phase import goldstein
from dinsar_cli.engines.eos.setup import Setup
from dinsar_cli.radar.interferogram import LAYERS

_BASE_BYTES = 350_000_000  # the process with its libraries
_LEAST_STRIP_BYTES = 64_000_000  # for all strips that are worked on at a time


def strip_memory(inputs: EngineInputs) -> int:
    """Return the memory for all strips that are worked on at a time."""
    wanted = inputs.threads * STRIP_BYTES_PER_THREAD
    return min(wanted, max(inputs.memory - _BASE_BYTES, _LEAST_STRIP_BYTES))


@dataclass(frozen=True)
class FilteredStrip:
    """Look lines ``first:last``, filtered with those around them: ``top:bottom``, of which they are `inner`."""

    first: int
    last: int
    top: int
    bottom: int
    mean: NDArray[np.complex64]
    filtered: NDArray[np.complex64]

    @property
    def inner(self) -> slice:
        """Its lines in the arrays."""
        return slice(self.first - self.top, self.last - self.top)


def filtered_strips(setup: Setup, *, conjugate: bool = False) -> Iterator[FilteredStrip]:
    """Filter the interferogram, or its conjugate, strip by strip."""
    cross, step = setup.file(CROSS), goldstein.STEP
    height = max(step, int(strip_memory(setup.inputs) / FILTER_BYTES / setup.look_grid.samples) // step * step)
    lines = setup.look_grid.lines
    for first in range(0, lines, height):
        last = min(first + height, lines)
        # whole steps, so that the patches of the filter lie as they would without strips
        top, bottom = max(0, first - goldstein.REACH), min(lines, last + goldstein.REACH)
        mean = np.conj(cross.read(top, bottom)) if conjugate else cross.read(top, bottom)
        with np.errstate(invalid="ignore", divide="ignore"):
            unit = np.where(mean != 0, mean / np.abs(mean), np.complex64(np.nan)).astype(np.complex64)
        filtered = goldstein.goldstein(unit, setup.inputs.config.filter.strength)
        yield FilteredStrip(first, last, top, bottom, mean, filtered)


def filter_layers(setup: Setup, progress: Progress) -> list[Path]:
    """Make the coherence and the filtered phase, in strips that overlap by what the filter reaches."""
    amplitude = setup.file(LAYERS["amplitude"])
    coherence, wrapped = setup.file(LAYERS["coherence"]), setup.file(LAYERS["wrapped"])
    for layer in (coherence, wrapped):
        layer.create()
    for strip in filtered_strips(setup):
        rms = amplitude.read(strip.top, strip.bottom)
        estimate = steps.coherence(strip.mean, rms[0] ** 2, rms[1] ** 2, setup.coherence_window)
        coherence.write(strip.first, np.where(strip.mean != 0, estimate, np.nan)[strip.inner])
        wrapped.write(strip.first, strip.filtered[strip.inner])
        progress("filter", strip.last / setup.look_grid.lines)
    return [coherence.path, wrapped.path]
