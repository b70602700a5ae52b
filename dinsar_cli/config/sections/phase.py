"""Keys of the configuration that decide what is made of the phase: filter and unwrapping."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from dinsar_cli.config.base import LOWER, About, Section
from dinsar_cli.config.roi_text import parse_roi


class FilterConfig(Section):
    """Keys of the section ``filter``."""

    strength: float = Field(
        default=0.5, ge=0, le=1, description="Strength (alpha) of the Goldstein phase filter; 0 does not filter."
    )


class UnwrapConfig(Section):
    """Keys of the section ``unwrap``."""

    reliability: Annotated[float, About(unit="1/rad^2")] = Field(
        default=0.2,
        ge=0,
        le=10,
        description="Inverse phase variance up to which an edge bounds a connected component; higher drops more.",
    )
    short_of_memory: Annotated[Literal["stop", "more_looks"], LOWER] = Field(
        default="stop",
        description="What to do when memory is too short to unwrap: stop, or try once with twice the looks.",
    )
    cut: Annotated[str | None, BeforeValidator(parse_roi), About("a file, WKT or GeoJSON", "degrees")] = Field(
        default=None,
        description="Lines across which the phase may jump, such as a fault that breaks the surface: it is "
        "unwrapped around their ends.",
    )
