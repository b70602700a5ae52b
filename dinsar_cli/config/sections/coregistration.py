"""Keys of the configuration that decide how the dates are laid onto each other."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dinsar_cli.config.base import LOWER, Section


class CoregistrationConfig(Section):
    """Keys of the section ``coregistration``."""

    esd: Annotated[Literal["auto", "require", "none"], LOWER] = Field(
        default="auto",
        description="Enhanced spectral diversity in the engine eos: measure the misregistration along the track "
        "that orbits and annotation leave, where bursts overlap, and take it off when it is larger than its error; "
        "require stops where it cannot be measured. For topsApp: topsapp.do_esd.",
    )
