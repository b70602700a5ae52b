"""The configuration of a run: the model that every default, range and explanation of a key comes from."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

_MAX_LOOKS = 200
_MAX_THREADS = 1024
_MIN_MEMORY = 256 * 10**6
_SIZE_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12} | {
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
}
_ROI_SUFFIXES = {".json", ".geojson", ".shp", ".zip", ".gpkg", ".kml", ".kmz"}


@dataclass(frozen=True)
class Looks:
    """Number of looks: how many single-look pixels are averaged in slant range and in azimuth."""

    range: int
    azimuth: int

    def __post_init__(self) -> None:
        if not (1 <= self.range <= _MAX_LOOKS and 1 <= self.azimuth <= _MAX_LOOKS):
            raise ValueError(f"each number of looks is 1 to {_MAX_LOOKS}")

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


@dataclass(frozen=True)
class About:
    """What a field allows, when its type does not say it, and its unit."""

    allowed: str = ""
    unit: str = ""


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
        value = re.split(r"[\s,;]+", word)
    if not isinstance(value, (list, tuple)) or len(value) != 2 or any(isinstance(part, bool) for part in value):
        raise ValueError("two numbers are needed")
    try:
        lon, lat = (float(part) for part in value)
    except (TypeError, ValueError) as error:
        raise ValueError("two numbers are needed") from error
    return LonLat(lon, lat)


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
    return str(_absolute(value)) if is_roi_file(value) else value


def is_roi_file(value: object) -> bool:
    """Tell whether a value of ``roi`` names a file, by its suffix."""
    return (
        isinstance(value, str)
        and not value.lstrip().startswith("{")
        and Path(value).suffix.lower() in _ROI_SUFFIXES
    )


def _absolute(value: object) -> object:
    """Make a path absolute, so that a saved configuration means the same from every folder."""
    if not isinstance(value, (str, Path)):
        return value
    if not str(value).strip():
        raise ValueError("the path is empty")
    str(value).encode()  # a name that is not UTF-8 cannot be written down; its error is a ValueError
    try:
        return Path(value).expanduser().absolute()
    except RuntimeError as error:
        raise ValueError("the home folder of '~' is not known") from error


def _parse_crs(value: object) -> object:
    text = value.strip().upper() if isinstance(value, str) else ""
    if not re.fullmatch(r"UTM|EPSG:4326|EPSG:32[67](0[1-9]|[1-5]\d|60)", text):
        raise ValueError("this is no CRS that maps are written in")
    return "utm" if text == "UTM" else text


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


def _one_or_list(value: object) -> object:
    return [value] if isinstance(value, (str, Path)) else value


_LOWER = BeforeValidator(_lower)
_AbsolutePath = Annotated[Path, BeforeValidator(_absolute)]
_LooksField = Annotated[
    Looks,
    PlainValidator(_parse_looks),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\d{1,3}x\d{1,3}$"}),
    About(f"RGxAZ like 19x7, each 1 to {_MAX_LOOKS}"),
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


class Section(BaseModel):
    """Keys that belong together: frozen, unknown ones refused, no truth values."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_bool(cls, value: object) -> object:
        if value is True or value is False:  # pydantic would read them as 1 and 0
            raise ValueError("no key takes true or false")
        return value


class SlcConfig(Section):
    """Keys of the section ``slc``."""

    files: Annotated[list[_AbsolutePath], BeforeValidator(_one_or_list), About("a list of paths")] = Field(
        default=[], description="Sentinel-1 IW SLC products of both dates, SAFE folders or zips, in any order."
    )


class OrbitsConfig(Section):
    """Keys of the section ``orbits``."""

    dir: Annotated[_AbsolutePath | None, About("a path")] = Field(
        default=None, description="Folder with the orbit files (.EOF) of both dates."
    )


class DemConfig(Section):
    """Keys of the section ``dem``."""

    file: Annotated[_AbsolutePath | None, About("a path")] = Field(
        default=None, description="Digital elevation model that covers the region, in any raster format of GDAL."
    )
    datum: Annotated[Literal["ellipsoid", "egm96", "egm2008"] | None, _LOWER] = Field(
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


class GridConfig(Section):
    """Keys of the section ``grid``."""

    crs: Annotated[str, BeforeValidator(_parse_crs), About("EPSG:4326, utm, EPSG:326xx or EPSG:327xx")] = Field(
        default="EPSG:4326", description="Coordinate reference system of the maps; utm is the zone of the region."
    )
    posting: Annotated[
        float | None, About("0.00001 to 1 degrees in EPSG:4326, 1 to 10000 metres in UTM", "units of grid.crs")
    ] = Field(default=None, description="Pixel size of the maps; not set: from the looks.")

    @field_validator("posting")
    @classmethod
    def _posting_fits_crs(cls, posting: float | None, info: ValidationInfo) -> float | None:
        crs = info.data.get("crs")  # absent when it is wrong itself
        low, high, unit = (1e-5, 1.0, "degrees") if crs == "EPSG:4326" else (1.0, 1e4, "metres")
        if crs is not None and posting is not None and not low <= posting <= high:
            raise ValueError(f"the unit of {crs} is {unit}")
        return posting


class Isce2Config(Section):
    """Keys of the section ``isce2``."""

    home: Annotated[_AbsolutePath | None, About("a path")] = Field(
        default=None, description="Folder of ISCE2 (ISCE_HOME, or a prefix); not set: it is looked for."
    )
    python: Annotated[_AbsolutePath | None, About("a path")] = Field(
        default=None, description="Python interpreter that has ISCE2 and GDAL; not set: it is looked for."
    )
    conda_env: Annotated[str | None, About("a name or path")] = Field(
        default=None, description="Conda environment that has ISCE2."
    )


class ComputeConfig(Section):
    """Keys of the section ``compute``."""

    threads: _ThreadsField = Field(
        default="auto", description="Number of processor cores to use; auto is all of them."
    )
    memory: _MemoryField = Field(default="auto", description="Memory to stay below; auto suits the machine.")


class RunConfig(Section):
    """Everything that decides what a run makes: frozen, unknown keys refused, every path absolute.

    The fields are the keys of the YAML file; see
    :func:`dinsar_cli.configfile.help_text` for each one's meaning, range and default.
    """

    roi: Annotated[
        str | None, BeforeValidator(_parse_roi), About("'W S E N', WKT, GeoJSON or a file", "degrees")
    ] = Field(default=None, description="Region of interest; not set: the common footprint of both dates.")
    polarization: Annotated[Literal["auto", "vv", "hh", "vh", "hv"], _LOWER] = Field(
        default="auto", description="Polarization to use; auto is the co-polarized one that both dates have."
    )
    engine: Annotated[Literal["auto", "isce2", "eos"], _LOWER] = Field(
        default="auto", description="Interferometric engine; auto takes the best that is installed and says which."
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
    filter: FilterConfig = Field(default=FilterConfig(), description="Filtering of the interferogram.")
    unwrap: UnwrapConfig = Field(default=UnwrapConfig(), description="Phase unwrapping.")
    grid: GridConfig = Field(default=GridConfig(), description="Grid of the maps.")
    reference_point: _ReferencePointField = Field(
        default="auto",
        description="Where displacement is zero; auto finds a stable, coherent place, none keeps the values.",
    )
    isce2: Isce2Config = Field(default=Isce2Config(), description="Where ISCE2 is.")
    compute: ComputeConfig = Field(default=ComputeConfig(), description="Use of the machine.")

    @model_validator(mode="after")
    def _one_of_looks_and_resolution(self) -> Self:
        if self.resolution is not None and "looks" in self.model_fields_set:
            raise ValueError("looks and resolution: both are given, and one decides the other. Give one of them.")
        return self
