"""What is asked for: a configuration with its area, which is read once."""

from __future__ import annotations

from dataclasses import dataclass

from dinsar_cli.config.model import RunConfig
from dinsar_cli.geo.roi import Roi, parse_roi


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes
    ----------
    config : RunConfig
    roi : Roi or None
        Its region of interest; None where none is given.
    """

    config: RunConfig
    roi: Roi | None


def request_of(config: RunConfig) -> Request:
    """Read the region of interest of a configuration.

    Raises
    ------
    UsageError
        When it cannot be understood.
    """
    return Request(config, parse_roi(config.roi) if config.roi else None)
