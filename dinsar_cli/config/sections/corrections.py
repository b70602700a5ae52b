"""The section ``corrections`` of the configuration: what is taken off the displacement, as layers of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PlainValidator, WithJsonSchema

from dinsar_cli.config.base import LOWER, About, Section, absolute


def _parse_troposphere(value: object) -> object:
    word = value.strip().lower() if isinstance(value, str) else ""
    if word in {"none", "height"}:
        return word
    values = value if isinstance(value, (list, tuple)) else [value]
    if not values or not all(isinstance(one, (str, Path)) for one in values):
        raise ValueError("files are given by their paths")
    return [Path(str(absolute(one))) for one in values]


def _parse_motion(value: object) -> list[Path] | None:
    if value is None:
        return None
    values = value if isinstance(value, (list, tuple)) else [value]
    if len(values) != 2 or not all(isinstance(one, (str, Path)) for one in values):
        raise ValueError("motion is given by two files, to the east and to the north")
    return [Path(str(absolute(one))) for one in values]


class CorrectionsConfig(Section):
    """Keys of the section ``corrections``; none is on unless asked for."""

    tides: bool = Field(
        default=False, description="Take off the solid Earth tide (IERS Conventions 2010); needs pyTMD."
    )
    troposphere: Annotated[
        Literal["none", "height"] | list[Path],
        PlainValidator(_parse_troposphere),
        WithJsonSchema(
            {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
        ),
        About("none, height, a folder, or a list of files with their dates as YYYYMMDD in their names"),
    ] = Field(
        default="none",
        description="Take off the delay in the troposphere: height fits displacement that goes linearly with "
        "elevation; files hold the delay at each date in metres, as GACOS (.ztd, .ztd.tif) or RAiDER write it.",
    )
    delay: Annotated[Literal["zenith", "slant"], LOWER] = Field(
        default="zenith",
        description="Direction of the delay in the files; zenith is divided by the cosine of the incidence angle.",
    )
    motion: Annotated[
        list[Path] | None,
        PlainValidator(_parse_motion),
        WithJsonSchema(
            {
                "anyOf": [
                    {"type": "null"},
                    {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2},
                ]
            }
        ),
        About("two files, east and north", "metres"),
    ] = Field(
        default=None,
        description="Take off what known horizontal motion along the track adds through the turning beam of TOPS, "
        "up to a hundredth of it: rasters of motion to the east and to the north, later minus earlier date.",
    )
    ionosphere: bool = Field(
        default=False,
        description="Take off the ionosphere, as the engine finds it with the split-spectrum method; for pairs.",
    )
