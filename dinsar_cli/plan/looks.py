"""Choose the looks of a run."""

from __future__ import annotations

from dinsar_cli.config.model import Looks, RunConfig


def looks_for(config: RunConfig, range_spacing: float, azimuth_spacing: float) -> Looks:
    """Return the looks of a configuration: as given, or those whose cell is nearest to the resolution.

    Parameters
    ----------
    range_spacing, azimuth_spacing : float
        Spacing of single-look samples and lines on the ground, metres.
    """
    if config.resolution is None:
        return config.looks
    return Looks(
        max(1, round(config.resolution / range_spacing)), max(1, round(config.resolution / azimuth_spacing))
    )
