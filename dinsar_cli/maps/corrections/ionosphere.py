"""The ionosphere, as the engine finds it with the split-spectrum method.

It is the dispersive part of the interferogram's phase, on the look grid and with the sign of the interferogram.
topsApp leaves it in ``merged/topophase.ion``, and itself takes it off as ``interferogram x exp(-1j ionosphere)``
(runMergeBursts.py, step 4; Liang et al. 2019, IEEE Transactions on Geoscience and Remote Sensing 57).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.config.model import RunConfig
from dinsar_cli.errors import UsageError
from dinsar_cli.radar.displacement import los_displacement
from dinsar_cli.radar.interferogram import Interferogram

Floats = NDArray[np.floating[Any]]


NOISE_TAG = "ionosphere_noise_m"
"""Tag of a product: metres of LOS by which the ionosphere is not certain."""


def noise_tag(interferogram: Interferogram) -> dict[str, str]:
    """Return the tag that tells how certain the ionosphere is; none where that is not known."""
    noise = interferogram.ionosphere_noise
    if noise is None:
        return {}
    return {NOISE_TAG: f"{abs(float(los_displacement(np.asarray(noise), interferogram.wavelength))):.6f}"}


def check_ionosphere(config: RunConfig, engine: str) -> None:
    """See that the engine leaves the ionosphere to this correction.

    Raises
    ------
    UsageError
        When topsApp already takes it off.
    """
    if engine == "isce2" and config.topsapp.apply_ionosphere_correction:
        raise UsageError(
            "The ionosphere would be taken off twice.",
            "topsapp.apply_ionosphere_correction takes it off the interferogram, and corrections.ionosphere takes "
            "it off the displacement.",
            "Set one of them to false; with corrections.ionosphere the map without it stays known.",
        )


def ionosphere_los(phase: Floats, wavelength: float) -> Floats:
    """Return the displacement that the ionosphere feigns, metres of LOS, positive toward the satellite.

    Parameters
    ----------
    phase : ndarray
        Of the ionosphere, earlier x conj(later), radians.
    wavelength : float
        Metres.
    """
    return los_displacement(phase, wavelength)
