"""Keys of the configuration that decide how a map is checked: the reversed pair, and what is done about it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from dinsar_cli.config.base import LOWER, About, Section


class ChecksConfig(Section):
    """Keys of the section ``checks``."""

    reversed: Annotated[Literal["none", "phase", "full"], LOWER] = Field(
        default="none",
        description="Process the pair in the reverse order too and flag what is not equal and opposite: phase "
        "filters and unwraps the conjugate interferogram (engine eos); full coregisters the earlier date onto the "
        "later one and does all again, which takes twice the time.",
    )
    bound: Annotated[float, About(unit="rad")] = Field(
        default=1.5,
        ge=0.1,
        le=6,
        description="Sum of the phase of both orders beyond which a cell is flagged; a wrong cycle makes 6.28.",
    )
    fill: bool = Field(
        default=False,
        description="Choose the whole cycles of cells that the reversed pair flags again, from those around them; "
        "only small patches inside a component are filled.",
    )

    @field_validator("fill")
    @classmethod
    def _something_is_flagged(cls, fill: bool, info: ValidationInfo) -> bool:
        if fill and info.data.get("reversed") == "none":  # absent when it is wrong itself
            raise ValueError("it fills what the reversed pair flags, so checks.reversed must be phase or full")
        return fill
