"""The conjugate of an interferogram, filtered and unwrapped as the interferogram was."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.engines.eos import steps
from dinsar_cli.engines.eos.filtering import filtered_strips
from dinsar_cli.engines.eos.setup import Setup
from dinsar_cli.radar.interferogram import LAYERS


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
