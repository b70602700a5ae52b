"""The section ``reference_gnss`` of the configuration: stations to whose motion the displacement is put."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from dinsar_cli.config.base import LOWER, About, AbsolutePath, Section, one_or_list


class GnssConfig(Section):
    """Keys of the section ``reference_gnss``."""

    files: Annotated[list[AbsolutePath], BeforeValidator(one_or_list), About("a path, or a list of paths")] = Field(
        default=[],
        description="GNSS stations to whose motion along the line of sight the displacement is put, in place of a "
        "reference point: daily positions (.tenv3 of the Nevada Geodetic Laboratory, with its steps.txt if there), "
        "folders of them, or a table station,lon,lat,E,N,U,sE,sN,sU of motion between both dates.",
    )
    model: Annotated[Literal["constant", "plane"], LOWER] = Field(
        default="constant",
        description="What is taken off so that the map meets the stations: a constant, or from three stations on a "
        "plane, with which tilts by orbits and atmosphere go.",
    )
    radius: Annotated[float, About(unit="metres")] = Field(
        default=250.0, ge=1, le=5000, description="Around a station within which the median of the map is taken."
    )
    days: int = Field(
        default=10,
        ge=3,
        le=60,
        description="On either side of each acquisition to which a line is fitted, of daily positions.",
    )
    unit: Annotated[Literal["m", "cm", "mm"], LOWER] = Field(
        default="m", description="Of a table; daily positions are in metres."
    )
