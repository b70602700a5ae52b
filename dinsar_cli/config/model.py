"""The configuration of a run: the model that every default, range and explanation of a key comes from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from dinsar_cli.config.base import LOWER, About, Section, two_numbers
from dinsar_cli.config.dates import DayField, DirectionField, EventField, OneDateField, day_of
from dinsar_cli.config.roi_text import parse_roi
from dinsar_cli.config.sections.checks import ChecksConfig
from dinsar_cli.config.sections.coregistration import CoregistrationConfig
from dinsar_cli.config.sections.corrections import CorrectionsConfig
from dinsar_cli.config.sections.gnss import GnssConfig
from dinsar_cli.config.sections.inputs import DemConfig, OrbitsConfig, SlcConfig
from dinsar_cli.config.sections.machine import ComputeConfig, Isce2Config
from dinsar_cli.config.sections.map import GridConfig, MaskConfig, MaskField, RampField
from dinsar_cli.config.sections.offsets import OffsetsConfig
from dinsar_cli.config.sections.output import OutputConfig, StackConfig
from dinsar_cli.config.sections.phase import FilterConfig, UnwrapConfig
from dinsar_cli.config.sections.topsapp import TopsappConfig

MAX_LOOKS = 200


@dataclass(frozen=True)
class Looks:
    """Number of looks: how many single-look pixels are averaged in slant range and in azimuth."""

    range: int
    azimuth: int

    def __post_init__(self) -> None:
        if not (1 <= self.range <= MAX_LOOKS and 1 <= self.azimuth <= MAX_LOOKS):
            raise ValueError(f"each number of looks is 1 to {MAX_LOOKS}")

    def __str__(self) -> str:
        return f"{self.range}x{self.azimuth}"


@dataclass(frozen=True)
class LonLat:
    """A point: longitude and latitude in degrees (WGS84)."""

    lon: float
    lat: float

    def __post_init__(self) -> None:
        if not (abs(self.lon) <= 180 and abs(self.lat) <= 90):
            swapped = abs(self.lon) <= 90 and abs(self.lat) <= 180
            raise ValueError("longitude comes first" if swapped else "a longitude or latitude is out of range")

    def __str__(self) -> str:
        return f"{self.lon!r},{self.lat!r}"


# Parsers of single values. Their ValueErrors become part of the message to the user.


def _parse_looks(value: object) -> Looks:
    if isinstance(value, Looks):
        return value
    match = re.fullmatch(r"\s*(\d{1,9})\s*[xX]\s*(\d{1,9})\s*", value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("looks are written as range x azimuth, like 19x7")
    return Looks(int(match[1]), int(match[2]))


def _parse_reference_point(value: object) -> LonLat | Literal["auto", "none"]:
    if isinstance(value, LonLat):
        return value
    if isinstance(value, str):
        word = value.strip().lower()
        if word in {"auto", "none"}:
            return "auto" if word == "auto" else "none"
    return LonLat(*two_numbers(value))


_LooksField = Annotated[
    Looks,
    PlainValidator(_parse_looks),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\d{1,3}x\d{1,3}$"}),
    About(f"RGxAZ like 19x7, each 1 to {MAX_LOOKS}"),
]
_ReferencePointField = Annotated[
    LonLat | Literal["auto", "none"],
    PlainValidator(_parse_reference_point),
    PlainSerializer(str, return_type=str),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"^(auto|none|-?[\d.]+(e-?\d+)?,-?[\d.]+(e-?\d+)?)$"},
                {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2},
            ]
        }
    ),
    About("auto, none or LON,LAT (-180 to 180, -90 to 90)", "degrees"),
]


class RunConfig(Section):
    """Everything that decides what a run makes: frozen, unknown keys refused, every path absolute.

    The fields are the keys of the YAML file; see
    :func:`dinsar_cli.config.file.help_text` for each one's meaning, range and default.
    """

    roi: Annotated[
        str | None, BeforeValidator(parse_roi), About("'W S E N', WKT, GeoJSON or a file", "degrees")
    ] = Field(default=None, description="Region of interest; not set: the common footprint of both dates.")
    start: DayField = Field(
        default=None, description="First day (UTC) to look for scenes of; the pair starts at the first after it."
    )
    end: DayField = Field(
        default=None,
        description="Last day (UTC) to look for scenes of; the pair ends with the last on or before it.",
    )
    event: EventField = Field(
        default=None, description="Day or time (UTC) of an event; the pair is the shortest around it."
    )
    reference: OneDateField = Field(
        default=None, description="One date of the pair, given by its day or by a product."
    )
    secondary: OneDateField = Field(
        default=None, description="The other date of the pair, given by its day or by a product."
    )
    direction: DirectionField = Field(
        default=None, description="Flight direction; not set: the one whose scenes suit best."
    )
    track: Annotated[int | None, About()] = Field(
        default=None, ge=1, le=175, description="Track (relative orbit); not set: the one that suits best."
    )
    polarization: Annotated[Literal["auto", "vv", "hh", "vh", "hv"], LOWER] = Field(
        default="auto", description="Polarization to use; auto is the co-polarized one that both dates have."
    )
    engine: Annotated[Literal["auto", "isce2", "eos"], LOWER] = Field(
        default="auto",
        description="Interferometric engine; auto takes the best that is there (for a stack eos) and says which.",
    )
    slc: SlcConfig = Field(default=SlcConfig(), description="Sentinel-1 scenes.")
    orbits: OrbitsConfig = Field(default=OrbitsConfig(), description="Precise or restituted orbits.")
    dem: DemConfig = Field(default=DemConfig(), description="Digital elevation model.")
    looks: _LooksField = Field(
        default=Looks(19, 7), description="Looks in range x azimuth; 19x7 is about 90 m on the ground."
    )
    resolution: Annotated[float | None, About(unit="metres")] = Field(
        default=None, ge=10, le=1000, description="Ground resolution to choose the looks by, instead of looks."
    )
    coregistration: CoregistrationConfig = Field(
        default=CoregistrationConfig(), description="How the dates are laid onto each other."
    )
    filter: FilterConfig = Field(default=FilterConfig(), description="Filtering of the interferogram.")
    unwrap: UnwrapConfig = Field(default=UnwrapConfig(), description="Phase unwrapping.")
    grid: GridConfig = Field(default=GridConfig(), description="Grid of the maps.")
    reference_point: _ReferencePointField = Field(
        default="auto",
        description="Where displacement is zero; auto finds a stable, coherent place, none keeps the values.",
    )
    reference_area: Annotated[
        str | None, BeforeValidator(parse_roi), About("WKT, GeoJSON, 'W S E N' or a file", "degrees")
    ] = Field(default=None, description="Polygon whose mean displacement is zero, instead of a reference point.")
    reference_gnss: GnssConfig = Field(
        default=GnssConfig(), description="GNSS stations that decide where zero is, instead of a reference point."
    )
    mask: MaskField = Field(
        default=MaskConfig(), description="What is left out of unwrapping and displacement; none: nothing is."
    )
    corrections: CorrectionsConfig = Field(
        default=CorrectionsConfig(), description="What is taken off the displacement, as layers of their own."
    )
    ramp: RampField = Field(
        default="none",
        description="Surface that is fitted to the displacement around deformation and taken off; deformation as "
        "wide as the map goes with it.",
    )
    offsets: OffsetsConfig = Field(default=OffsetsConfig(), description="Displacement by the shift of the images.")
    checks: ChecksConfig = Field(default=ChecksConfig(), description="How the map is checked.")
    isce2: Isce2Config = Field(default=Isce2Config(), description="Where ISCE2 is, and how long it may take.")
    topsapp: TopsappConfig = Field(
        default=TopsappConfig(), description="Properties of ISCE2's topsApp, under ISCE2's names."
    )
    output: OutputConfig = Field(default=OutputConfig(), description="What is written and what stays.")
    stack: StackConfig = Field(default=StackConfig(), description="Many dates: dinsar stack.")
    compute: ComputeConfig = Field(default=ComputeConfig(), description="Use of the machine.")

    @field_validator("end")
    @classmethod
    def _end_follows_start(cls, end: date | None, info: ValidationInfo) -> date | None:
        start = info.data.get("start")  # absent when it is wrong itself
        if start is not None and end is not None and end < start:
            raise ValueError(f"it is before the start, {start}")
        return end

    @field_validator("event")
    @classmethod
    def _event_lies_between(cls, event: date | datetime | None, info: ValidationInfo) -> date | datetime | None:
        start, end = info.data.get("start"), info.data.get("end")
        day = day_of(event)
        if day is not None and ((start is not None and day < start) or (end is not None and day > end)):
            raise ValueError("it is not between start and end")
        return event

    @model_validator(mode="after")
    def _one_of_looks_and_resolution(self) -> Self:
        if self.resolution is not None and "looks" in self.model_fields_set:
            raise ValueError("looks and resolution: both are given, and one decides the other. Give one of them.")
        return self

    @model_validator(mode="after")
    def _one_grid(self) -> Self:
        rivals = [name for name in ("crs", "posting", "origin") if name in self.grid.model_fields_set]
        rivals = [name for name in rivals if getattr(self.grid, name) is not None]
        if self.grid.like is not None and rivals:
            names = " and ".join(f"grid.{name}" for name in rivals)
            raise ValueError(f"grid.like and {names}: the raster decides on the grid. Give one or the other.")
        return self

    @model_validator(mode="after")
    def _one_reference(self) -> Self:
        if self.reference_area is not None and self.reference_point != "auto":
            raise ValueError("reference_point and reference_area: both are given. Give one of them.")
        if self.reference_gnss.files and self.reference_area is not None:
            raise ValueError("reference_gnss and reference_area: both are given. Give one of them.")
        if self.reference_gnss.files and self.reference_point != "auto":
            raise ValueError("reference_gnss and reference_point: both are given. Give one of them.")
        return self
