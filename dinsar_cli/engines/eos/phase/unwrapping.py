"""The unwrapped phase of an interferogram, where the ground is seen; and that of its conjugate."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.engines.base import Progress
from dinsar_cli.engines.eos import steps
from dinsar_cli.engines.eos.phase.filtering import filtered_strips
from dinsar_cli.engines.eos.setup import Setup
from dinsar_cli.engines.unseen import UnseenInputs, find_unseen, nothing_left
from dinsar_cli.radar.interferogram import LAYERS, VISIBILITY
from dinsar_cli.radar.uncertainty import tells_nothing
from dinsar_cli.radar.visibility import RadarCells

_UNSEEN_SHARE = 0.2  # of the time of the part `unwrap`, about


def unseen_inputs(setup: Setup) -> UnseenInputs:
    """Tell where the look cells are, and what ground there is."""
    grid, whole, inputs = setup.mosaic.grid, setup.look_grid.window, setup.inputs
    looks_range, looks_azimuth = setup.looks
    cells = RadarCells(
        setup.reference,
        float(grid.time(np.asarray(whole.top + (looks_azimuth - 1) / 2))),
        looks_azimuth * grid.line_interval,
        float(grid.slant_range(np.asarray(whole.left + (looks_range - 1) / 2))),
        looks_range * grid.range_spacing,
        setup.look_grid.lines,
        setup.look_grid.samples,
    )
    return UnseenInputs(cells, inputs.dem, inputs.water, inputs.config, inputs.threads)


def unwrap_layers(setup: Setup, progress: Progress) -> list[Path]:
    """Make the unwrapped phase and components of the whole look grid, where the ground is seen."""
    progress("unwrap", 0.0)
    coherence = setup.file(LAYERS["coherence"]).read()
    unseen = unseen_cells(setup, coherence, lambda share: progress("unwrap", _UNSEEN_SHARE * share))
    files = unwrap_seen(setup, unseen)
    progress("unwrap", 1.0)
    return [setup.file(VISIBILITY).path, *files]


def unseen_cells(
    setup: Setup, coherence: NDArray[np.float32], progress: Callable[[float], None] = lambda _: None
) -> NDArray[np.bool_]:
    """Write what cells show instead of ground; give those that are left out of the unwrapping."""
    return find_unseen(
        unseen_inputs(setup),
        setup.file(VISIBILITY),
        lambda: tells_nothing(coherence, setup.effective_looks, setup.coherence_looks),
        progress,
    )


def unwrap_seen(setup: Setup, unseen: NDArray[np.bool_]) -> list[Path]:
    """Make the unwrapped phase and components without cells that show no ground.

    Raises
    ------
    NoDataError
        When no cell is left.
    """
    import whirlwind

    with suppress(RuntimeError):  # its threads are made once in a process
        whirlwind.set_num_threads(setup.inputs.threads)
    wrapped, coherence = (setup.file(LAYERS[name]).read() for name in ("wrapped", "coherence"))
    wrapped[unseen] = np.nan
    if not np.isfinite(wrapped).any():
        raise nothing_left(setup.inputs.config.mask)
    unwrapped, components = steps.unwrap(
        wrapped, np.nan_to_num(coherence), setup.effective_looks, setup.inputs.config.unwrap.reliability
    )
    files = []
    for name, values in (("unwrapped", unwrapped), ("components", components)):
        file = setup.file(LAYERS[name])
        file.create()
        file.write(0, values)
        files.append(file.path)
    return files


def unwrap_conjugate(setup: Setup) -> NDArray[np.float32]:
    """Return the phase of later x conj(earlier), unwrapped, from the interferogram that the part ``form`` left.

    Look cells, geometry and coherence of both orders are the same or conjugate exactly, so filter and unwrapping
    are all that can differ.

    Returns
    -------
    ndarray
        Radians on the look grid; NaN where the interferogram is not unwrapped.
    """
    wrapped = np.concatenate([strip.filtered[strip.inner] for strip in filtered_strips(setup, conjugate=True)])
    wrapped[~np.isfinite(setup.file(LAYERS["unwrapped"]).read())] = np.nan  # it may have been masked
    coherence = setup.file(LAYERS["coherence"]).read()
    reliability = setup.inputs.config.unwrap.reliability
    return steps.unwrap(wrapped, np.nan_to_num(coherence), setup.effective_looks, reliability)[0]
