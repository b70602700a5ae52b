"""The configuration of a run: the model that every default, range and explanation of a key comes from."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
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

from dinsar_cli.config.base import LOWER, About, AbsolutePath, Section, absolute, one_or_list, two_numbers
from dinsar_cli.config.checks import ChecksConfig
from dinsar_cli.config.coregistration import CoregistrationConfig
from dinsar_cli.config.corrections import CorrectionsConfig
from dinsar_cli.config.dates import DayField, DirectionField, EventField, OneDateField, day_of
from dinsar_cli.config.gnss import GnssConfig
from dinsar_cli.config.map import FormatName, FormatsField, GridConfig, MaskConfig, MaskField, RampField
from dinsar_cli.config.offsets import OffsetsConfig
from dinsar_cli.config.topsapp import TopsappConfig
from dinsar_cli.geo.file_kinds import FILE_SUFFIXES

MAX_LOOKS = 200
_MAX_THREADS = 1024
_MIN_MEMORY = 256 * 10**6
_SIZE_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12} | {
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
}


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


def _parse_threads(value: object) -> int | Literal["auto"]:
    text = str(value).strip().lower()
    if text == "auto":
        return "auto"
    if not re.fullmatch(r"\d{1,9}", text) or not 1 <= int(text) <= _MAX_THREADS:
        raise ValueError("this is no such number of threads")
    return int(text)


def _parse_memory(value: object) -> int | Literal["auto"]:
    text = str(value).strip()
    if text.lower() == "auto":
        return "auto"
    match = re.fullmatch(r"(\d{1,18}(?:\.\d{1,9})?)\s*([kmgt]?)(i?)b?", text, re.IGNORECASE)
    unit = match[2].upper() + match[3].lower() if match else ""
    if match is None or unit not in _SIZE_UNITS:
        raise ValueError("a size is a number with a unit, like 2GB or 1500MB")
    size = round(float(match[1]) * _SIZE_UNITS[unit])
    if size < _MIN_MEMORY:
        raise ValueError(f"{size} bytes are too few to work with")
    return size


def _format_memory(size: int | Literal["auto"]) -> str:
    if size == "auto":
        return "auto"
    unit = next(unit for unit in ("G", "M", "K", "") if size % _SIZE_UNITS[unit] == 0)
    return f"{size // _SIZE_UNITS[unit]}{unit}B"


def _parse_roi(value: object) -> object:
    """Let YAML write the ROI as a list of numbers or as GeoJSON, and make a file independent of the folder."""
    if isinstance(value, Mapping):
        return json.dumps(value, default=str)
    if isinstance(value, (list, tuple)):
        return " ".join(str(number) for number in value)
    return str(absolute(value)) if is_roi_file(value) else value


def is_roi_file(value: object) -> bool:
    """Tell whether a value of ``roi`` names a file, by its suffix."""
    return (
        isinstance(value, str)
        and not value.lstrip().startswith("{")
        and Path(value).suffix.lower() in FILE_SUFFIXES
    )


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
_ThreadsField = Annotated[
    int | Literal["auto"],
    PlainValidator(_parse_threads),
    WithJsonSchema({"anyOf": [{"const": "auto"}, {"type": "integer", "minimum": 1, "maximum": _MAX_THREADS}]}),
    About(f"auto or 1 to {_MAX_THREADS}"),
]
_MemoryField = Annotated[
    int | Literal["auto"],
    PlainValidator(_parse_memory),
    PlainSerializer(_format_memory, return_type=str),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "pattern": r"^(auto|[\d.]+ ?[kKMGT]?i?B?)$"}, {"type": "integer"}]}
    ),
    About("auto or a size of at least 256MB, like 2GB or 1500MB"),
]


class SlcConfig(Section):
    """Keys of the section ``slc``."""

    files: Annotated[list[AbsolutePath], BeforeValidator(one_or_list), About("a list of paths")] = Field(
        default=[],
        description="Sentinel-1 IW SLC products of both dates, SAFE folders or zips, in any order; not set: they "
        "come from the archive, by roi and dates.",
    )
    download: Annotated[Literal["auto", "bursts", "scenes"], LOWER] = Field(
        default="auto",
        description="What is fetched from the archive: bursts of the region in one polarization, or whole scenes; "
        "auto takes bursts when they are less than 60 % of the bytes.",
    )


class OrbitsConfig(Section):
    """Keys of the section ``orbits``."""

    dir: Annotated[AbsolutePath | None, About("a path")] = Field(
        default=None,
        description="Folder with the orbit files (.EOF) of both dates; not set: they come from the public archive.",
    )
    kind: Annotated[Literal["auto", "poeorb", "resorb"], LOWER] = Field(
        default="auto", description="Kind of orbit; auto is the precise one (POEORB), else the restituted (RESORB)."
    )


class DemConfig(Section):
    """Keys of the section ``dem``."""

    source: Annotated[Literal["glo_30", "glo_90", "3dep", "nasadem", "srtm_v3", "nisar_dem"], LOWER] = Field(
        default="glo_30",
        description="Where the elevation model comes from when dem.file is not set; nasadem, srtm_v3 and nisar_dem "
        "need an Earthdata login.",
    )
    file: Annotated[AbsolutePath | None, About("a path")] = Field(
        default=None,
        description="Digital elevation model that covers the region, in any raster format of GDAL; not set: "
        "dem.source.",
    )
    datum: Annotated[Literal["ellipsoid", "egm96", "egm2008"] | None, LOWER] = Field(
        default=None,
        description="Surface that the heights of dem.file are measured from; not set: its vertical CRS.",
    )
    buffer: Annotated[float, About(unit="degrees")] = Field(
        default=0.2, ge=0, le=2, description="Margin of the elevation model around the bursts in use."
    )


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
    cut: Annotated[str | None, BeforeValidator(_parse_roi), About("a file, WKT or GeoJSON", "degrees")] = Field(
        default=None,
        description="Lines across which the phase may jump, such as a fault that breaks the surface: it is "
        "unwrapped around their ends.",
    )


class Isce2Config(Section):
    """Keys of the section ``isce2``."""

    home: Annotated[AbsolutePath | None, About("a path")] = Field(
        default=None, description="Folder of ISCE2 (ISCE_HOME, or a prefix); not set: it is looked for."
    )
    python: Annotated[AbsolutePath | None, About("a path")] = Field(
        default=None, description="Python interpreter that has ISCE2 and GDAL; not set: it is looked for."
    )
    conda_env: Annotated[str | None, About("a name or path")] = Field(
        default=None, description="Conda environment that has ISCE2."
    )
    timeout: Annotated[float | None, About(unit="hours")] = Field(
        default=None, ge=0.01, le=1000, description="Time after which a run of topsApp is stopped; not set: never."
    )


class OutputConfig(Section):
    """Keys of the section ``output``."""

    formats: FormatsField = Field(
        default=[], description="Formats beside the GeoTIFFs and pictures; kmz and stac are always made."
    )
    styles: Annotated[Literal["qgis", "none"], LOWER] = Field(
        default="qgis",
        description="Styles beside the GeoTIFFs, which programs take by themselves: colours and units.",
    )
    intermediates: Annotated[Literal["keep", "geocoded", "delete"], LOWER] = Field(
        default="geocoded",
        description="What stays beside the products: keep all that the engine made, only the geocoded radar "
        "layers, or delete these too.",
    )

    @property
    def beside(self) -> tuple[FormatName, ...]:
        """Formats that are asked for, and the styles."""
        styles: tuple[FormatName, ...] = ("qgis",) if self.styles == "qgis" else ()
        return (*self.formats, *(style for style in styles if style not in self.formats))


class ComputeConfig(Section):
    """Keys of the section ``compute``."""

    threads: _ThreadsField = Field(
        default="auto", description="Number of processor cores to use; auto is all of them."
    )
    memory: _MemoryField = Field(default="auto", description="Memory to stay below; auto suits the machine.")


class StackConfig(Section):
    """Keys of the section ``stack``."""

    network: Annotated[
        str,
        About("sequential:N, small-baseline:DAYS,METRES[,DEGREE], star[:DATE], all, pairs or a network.json"),
    ] = Field(default="sequential:3", description="Pairs of a stack.")
    reports: Annotated[Literal["none", "bad", "all"], LOWER] = Field(
        default="none", description="Pairs of a stack that get pictures and a report of their own."
    )
    resampled: Annotated[Literal["keep", "delete"], LOWER] = Field(
        default="keep",
        description="Samples of all dates on the geometry of the first, 4 bytes each: kept, a new date costs its "
        "own resampling only; deleted, its partners are resampled again.",
    )


class RunConfig(Section):
    """Everything that decides what a run makes: frozen, unknown keys refused, every path absolute.

    The fields are the keys of the YAML file; see
    :func:`dinsar_cli.config.file.help_text` for each one's meaning, range and default.
    """

    roi: Annotated[
        str | None, BeforeValidator(_parse_roi), About("'W S E N', WKT, GeoJSON or a file", "degrees")
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
        str | None, BeforeValidator(_parse_roi), About("WKT, GeoJSON, 'W S E N' or a file", "degrees")
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
